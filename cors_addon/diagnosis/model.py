"""A diagnosis: what a reader gets for one failing request, in every report and front end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any, Final

from ..verdict.model import Confidence, Outcome, Snippet, View

MOST_HEADLINE: Final = 100
"""Characters of a headline, at most."""
MOST_SHORT: Final = 16
"""Characters of a short form, at most: what a narrow column of a flow list shows."""


class Certainty(Enum):
    """How sure a cause is, in the one word that readers see."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"

    @staticmethod
    def of(confidence: Confidence) -> "Certainty":
        """Return the word for a confidence."""
        match confidence:
            case Confidence.HIGH:
                return Certainty.CERTAIN
            case Confidence.MEDIUM:
                return Certainty.LIKELY
            case Confidence.LOW:
                return Certainty.POSSIBLE


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of what proves a cause; ``flow`` is the id of the exchange that shows it."""

    flow: str
    text: str

    def to_plain(self) -> dict[str, Any]:
        return {"flow": self.flow, "text": self.text}


@dataclass(frozen=True, slots=True)
class RankedCause:
    """One explanation of the failure; ``message`` names what is wrong and, behind a colon, what shows it."""

    id: str
    certainty: Certainty
    message: str
    evidence: tuple[Evidence, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "confidence": self.certainty.value,
            "message": self.message,
            "evidence": [piece.to_plain() for piece in self.evidence],
        }


@dataclass(frozen=True, slots=True)
class Send:
    """Header lines that the response to a request needs.

    ``to`` is the method of that request (``OPTIONS`` for a preflight), ``status`` the status that the response needs:
    ``2xx``, or ``any`` where errors need the lines too.
    """

    to: str
    status: str
    headers: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        return {"to": self.to, "status": self.status, "headers": list(self.headers)}


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One change: who makes it, where, and what to write. Steps stand in the order in which they have to happen."""

    who: str
    where: str
    text: str
    send: tuple[Send, ...] = ()
    snippet: Snippet | None = None

    def to_plain(self) -> dict[str, Any]:
        return {
            "who": self.who,
            "where": self.where,
            "text": self.text,
            "send": [each.to_plain() for each in self.send],
            "snippet": None if self.snippet is None else {"stack": self.snippet.stack, "text": self.snippet.text},
        }


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a diagnosis shows: ``requests`` of one page to one place, and the ids of some of their flows."""

    method: str
    path: str
    origin: str
    requests: int
    flows: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        return {
            "method": self.method,
            "path": self.path,
            "origin": self.origin,
            "requests": self.requests,
            "flows": list(self.flows),
        }


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing to fix, and everything that a reader needs for it.

    It speaks of one request, the example, with its preflight and redirects; ``places`` list the other requests that the
    same change fixes. ``outcome`` is what the browser does, ``severity`` the worst of its findings', ``findings`` the
    ids of these in the browser's order, with those that hang on credentials in ``conditions``. ``asked`` and
    ``answered`` are the header lines of request and response that matter. ``rule`` names the rule that stands in for
    the server, empty where none does; ``known`` says that a baseline holds it. ``hidden`` are response headers that
    scripts may want and cannot read.
    """

    key: str
    outcome: Outcome
    severity: str
    headline: str
    short: str
    host: str
    owner: str
    method: str
    url: str
    origin: str
    stage: str
    status: int | None
    places: tuple[Endpoint, ...]
    findings: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    causes: tuple[RankedCause, ...] = ()
    plan: tuple[PlanStep, ...] = ()
    commands: tuple[str, ...] = ()
    browsers: Mapping[str, View] | None = None
    asked: tuple[tuple[str, str | None], ...] = ()
    answered: tuple[tuple[str, str | None], ...] = ()
    credentials: str = ""
    page: str = ""
    seen: float = 0.0
    initiator: Mapping[str, Any] | None = None
    rule: str = ""
    known: bool = False
    reference: str = ""
    hidden: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """A short name for people: the same in every report, front end and run, as long as the fault is the same."""
        return f"cors-{self.key[:7]}"

    @property
    def requests(self) -> int:
        """How many requests it concerns."""
        return sum(place.requests for place in self.places)

    @property
    def flows(self) -> tuple[str, ...]:
        """The ids of the flows that show it, those of the example first."""
        return tuple(dict.fromkeys(flow for place in self.places for flow in place.flows))

    def with_places(self, places: tuple[Endpoint, ...]) -> "Diagnosis":
        """Return a copy that concerns other requests too."""
        return replace(self, places=places)

    def to_plain(self) -> dict[str, Any]:
        """Return the diagnosis as in the JSON report; plain data only."""
        plain: dict[str, Any] = {
            "key": self.key,
            "id": self.id,
            "outcome": self.outcome.value,
            "severity": self.severity,
            "headline": self.headline,
            "short": self.short,
            "host": self.host,
            "owner": self.owner,
            "method": self.method,
            "url": self.url,
            "origin": self.origin,
            "stage": self.stage,
            "status": self.status,
            "requests": self.requests,
            "flows": list(self.flows),
            "endpoints": list(dict.fromkeys(place.path for place in self.places)),
            "places": [place.to_plain() for place in self.places],
            "findings": list(self.findings),
            "conditions": list(self.conditions),
            "causes": [cause.to_plain() for cause in self.causes],
            "plan": [step.to_plain() for step in self.plan],
            "try": list(self.commands),
            "browsers": {name: view.to_plain() for name, view in (self.browsers or {}).items()},
            "asked": [list(line) for line in self.asked],
            "answered": [list(line) for line in self.answered],
            "credentials": self.credentials,
            "page": self.page,
            "seen": self.seen,
            "known": self.known,
            "reference": self.reference,
            "hidden": list(self.hidden),
        }
        if self.initiator is not None:
            plain["initiator"] = dict(self.initiator)
        if self.rule:
            plain["rule"] = self.rule
        return plain
