"""The way to green as data: what verdicts carry and reports show."""

from collections.abc import Set
from dataclasses import dataclass, replace
from typing import Any, Final

from ..catalogue.violation import FixOwner, Severity, Stage

STATUS: Final = ":status"
"""The name under which a change of the status goes."""


@dataclass(frozen=True, slots=True)
class Change:
    """The smallest change of one header of a response, or of its status.

    ``before`` are the values of its lines as they are, shown inert, the first few of very many, and none where there is
    no line; ``after`` is the value of the one line that takes their place, ``None`` where they go without one.
    """

    header: str
    before: tuple[str, ...]
    after: str | None

    @property
    def text(self) -> str:
        """The change in one line."""
        if self.header == STATUS:
            return f"answer with status {self.after} in place of {', '.join(self.before)}"
        if self.after is None:
            return f"remove {self.header}: {', '.join(self.before)}"
        line = f"{self.header}: {self.after}"
        if not self.before:
            return f"add {line}"
        if len(self.before) == 1:
            return f"{self.header}: {self.before[0]} -> {self.after}"
        if self.before.count(self.after) == 1:
            others = [value for value in self.before if value != self.after]
            return f"keep {line} and remove {' and '.join(f'{self.header}: {value}' for value in others)}"
        return f"send {line} once, in place of all these lines: {' | '.join(self.before)}"

    def to_plain(self) -> dict[str, Any]:
        return {"header": self.header, "from": list(self.before), "to": self.after, "text": self.text}


@dataclass(frozen=True, slots=True)
class WayStep:
    """One thing to fix: the findings that it cures, and how.

    ``changes`` are those of the response; none where no header cures it, and then ``text`` says what does. ``next`` is
    the finding that the browser meets once this step is done, ``None`` where nothing more is known to stop it.
    """

    stage: Stage
    severity: Severity
    findings: tuple[str, ...]
    who: FixOwner
    changes: tuple[Change, ...]
    text: str
    next: str | None = None

    def to_plain(self) -> dict[str, Any]:
        return {
            "stage": self.stage.value,
            "severity": self.severity.value,
            "findings": list(self.findings),
            "who": self.who.value,
            "changes": [change.to_plain() for change in self.changes],
            "text": self.text,
            "next": self.next,
        }


@dataclass(frozen=True, slots=True)
class Ahead:
    """A request that the browser makes once the steps are done, and that was never seen.

    ``headers`` are the lines that its response has to have; none where none would do, and then ``text`` says why.
    """

    stage: Stage
    method: str
    url: str
    origin: str
    headers: tuple[str, ...]
    text: str

    def to_plain(self) -> dict[str, Any]:
        return {
            "stage": self.stage.value,
            "method": self.method,
            "url": self.url,
            "origin": self.origin,
            "headers": list(self.headers),
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class Way:
    """All that stands between an exchange and a browser that lets it pass, in the order in which the browser meets it.

    ``headers`` are the lines about CORS that the response has once every step is done, ``status`` its status then.
    ``hidden`` are response headers that scripts may want and cannot read.
    """

    origin: str
    method: str
    header_names: tuple[str, ...]
    credentials: bool
    steps: tuple[WayStep, ...]
    status: int
    headers: tuple[str, ...]
    ahead: tuple[Ahead, ...] = ()
    hidden: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """Every change of the response, each header once."""
        return tuple(change for step in self.steps for change in step.changes)

    def about(self, findings: Set[str]) -> "Way | None":
        """Return the way with the steps for some findings only, ``None`` where there are none."""
        steps = tuple(step for step in self.steps if not findings.isdisjoint(step.findings))
        return self if len(steps) == len(self.steps) else replace(self, steps=steps) if steps else None

    def to_plain(self) -> dict[str, Any]:
        return {
            "needs": {
                "origin": self.origin,
                "method": self.method,
                "headers": list(self.header_names),
                "credentials": self.credentials,
            },
            "steps": [step.to_plain() for step in self.steps],
            "status": self.status,
            "headers": list(self.headers),
            "ahead": [each.to_plain() for each in self.ahead],
        }
