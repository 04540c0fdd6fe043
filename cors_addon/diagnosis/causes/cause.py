"""What an entry of the list of causes holds."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from ...catalogue.violation import FixOwner
from ...verdict.failure_details import inert
from ...verdict.model import Cause, Confidence
from ...verdict.redact import redact

_LONGEST: Final = 380


@dataclass(frozen=True, slots=True)
class CauseEntry:
    """One thing that can be behind a finding, in this project's words.

    ``title`` says in a line what it is; ``signal`` what in the traffic shows it, and ``fix`` what ``who`` should do.
    """

    id: str
    title: str
    signal: str
    who: FixOwner
    fix: str

    def named(
        self,
        confidence: Confidence,
        signal: str,
        flows: Iterable[str | None] = (),
        *,
        fix: str | None = None,
        who: FixOwner | None = None,
    ) -> Cause:
        """Return the cause at a place: what it is, and after that ``signal``, the evidence.

        ``signal`` and ``fix`` may hold values as sent.
        """
        told = tuple(dict.fromkeys(flow for flow in flows if flow))
        return Cause(
            self.id,
            confidence,
            f"{self.title}: {redact(inert(signal, _LONGEST))}",
            who or self.who,
            redact(inert(fix, 2 * _LONGEST)) if fix is not None else self.fix,
            told,
        )
