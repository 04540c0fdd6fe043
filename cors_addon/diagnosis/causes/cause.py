"""What an entry of the list of causes holds, and how strong its evidence is."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...verdict.failure_details import inert
from ...verdict.model import Cause, Confidence, Snippet
from ...verdict.redact import redact

_LONGEST: Final = 380


class Rank(IntEnum):
    """Where the evidence of a cause comes from, the strongest first."""

    EXCHANGE = 1
    """This very exchange says so: its headers, its body, its redirect."""
    SESSION = 2
    """The same host answered others otherwise in this session."""
    RESPONDER = 3
    """Who answered, told from what only that service writes."""
    IDENTITY = 4
    """What the server is, by port, path or Server: names the setting to change."""
    STATUS = 5
    """The status code alone: only ever possible."""


@dataclass(frozen=True, slots=True)
class CauseEntry:
    """One thing that can be behind a finding, in this project's words.

    ``title`` says in a line what it is; ``signal`` what in the traffic shows it, and ``fix`` what ``who`` should do.
    ``rank`` is that of its evidence where nothing better is at hand. ``absent`` names response headers that contradict
    the title: the cause is never named for a response that has one of them. ``headers_help`` says whether CORS headers
    of the server that was called are part of the fix. ``of_server`` says that the title speaks of what a server sent,
    so that it is never named where no server answered. What is ``decisive`` explains the whole failure, and nothing is
    named beside it. ``of_middleware`` says that the fix is written for the author of the server's program: it is never
    named for a third party's server, and a platform's own setting replaces it.
    """

    id: str
    title: str
    signal: str
    who: FixOwner
    fix: str
    rank: Rank = Rank.EXCHANGE
    absent: tuple[str, ...] = ()
    headers_help: bool = True
    of_server: bool = True
    where: str = ""
    decisive: bool = False
    of_middleware: bool = False

    def named(
        self,
        confidence: Confidence,
        signal: str,
        flows: Iterable[str | None] = (),
        *,
        fix: str | None = None,
        who: FixOwner | None = None,
        rank: Rank | None = None,
        where: str | None = None,
        snippet: Snippet | None = None,
        title: str | None = None,
    ) -> Cause:
        """Return the cause at a place: what it is, and after that ``signal``, the evidence.

        ``signal``, ``title`` and ``fix`` may hold values as sent. What only a status code speaks for is possible.
        """
        rank = self.rank if rank is None else rank
        told = tuple(dict.fromkeys(flow for flow in flows if flow))
        said = self.title if title is None else redact(inert(title, _LONGEST))
        evidence = redact(inert(signal, _LONGEST))
        return Cause(
            self.id,
            Confidence.LOW if rank is Rank.STATUS else confidence,
            f"{said}: {evidence}",
            who or self.who,
            redact(inert(fix, 2 * _LONGEST)) if fix is not None else self.fix,
            told,
            rank=rank.value,
            title=said,
            signal=evidence,
            where=self.where if where is None else where,
            snippet=snippet,
            headers_help=self.headers_help,
        )


LACKS_ALLOW_ORIGIN: Final = (ALLOW_ORIGIN,)
"""For ``absent``: the title says that Access-Control-Allow-Origin is missing."""
