"""Verdicts and findings: the data that every front end and report is made from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from ..catalogue.violation import FixOwner, Severity, Stage, Violation
from ..fetch.messages import CredentialsMode
from .facts import Facts
from .fix_steps import Way


class Outcome(Enum):
    """What becomes of an exchange in a browser."""

    ALLOWED = "allowed"
    BLOCKED = "blocked"
    CONDITIONAL = "conditional"
    NOT_CORS = "not-cors"
    UNKNOWN = "unknown"


class Judge(Enum):
    """Whose behaviour a verdict speaks of: an engine's, or the standard's."""

    CHROMIUM = "chromium"
    FIREFOX = "firefox"
    WEBKIT = "webkit"
    SPEC = "spec"

    # Enum's own asks the name, and every verdict is full of sets and dictionaries of these.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class HeaderLine:
    """A header line that proves a finding; ``value`` is ``None`` for a line that is missing."""

    side: str
    name: str
    value: str | None

    def to_plain(self) -> dict[str, Any]:
        return {"side": self.side, "name": self.name, "value": self.value}


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition that an exchange fails: under which credentials modes, and which judges act on it.

    ``severity`` stands in for the violation's own where no judge acts on it, or not the one in question.
    """

    violation: Violation
    stage: Stage
    modes: frozenset[CredentialsMode]
    judges: frozenset[Judge]
    params: Mapping[str, str] = field(default_factory=dict)
    detail: str = ""
    evidence: tuple[HeaderLine, ...] = ()
    needed: str | None = None
    severity: Severity | None = None
    told: "dict[tuple[Severity, Stage, str | None], Finding]" = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    """The findings that were made of it: it is one for all exchanges that fail alike, and so is what is said of it."""


class Confidence(Enum):
    """How sure a probable cause, or a guess at a stack, is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, slots=True)
class Snippet:
    """What to write into the configuration or code of a stack; ``stack`` is its name for humans.

    ``because`` says by which header lines the stack was recognised; it is empty where it was not.
    """

    stack: str
    text: str
    confidence: Confidence
    because: str = ""

    def to_plain(self) -> dict[str, Any]:
        return {
            "stack": self.stack,
            "text": self.text,
            "confidence": self.confidence.value,
            "because": self.because,
        }


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a finding came about: what is probably wrong behind the symptom.

    ``id`` is one of the listed causes; ``message`` is one line that names the signal with its values, free of control
    characters and of secrets: ``title``, a colon, and ``signal``. ``flows`` are the ids of the exchanges that show it;
    ``fix`` says in a sentence what ``who`` should do, and ``where``, where that is known. ``rank`` is that of the
    evidence, 1 (this exchange) to 5 (the status code alone). ``snippet`` is the setting that has to be changed.
    ``headers_help`` says whether CORS headers of the server that was called are part of the fix.
    """

    id: str
    confidence: Confidence
    message: str
    who: FixOwner
    fix: str
    flows: tuple[str, ...] = ()
    rank: int = 1
    title: str = ""
    signal: str = ""
    where: str = ""
    snippet: Snippet | None = None
    headers_help: bool = True

    def to_plain(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "confidence": self.confidence.value,
            "message": self.message,
            "who": self.who.value,
            "fix": self.fix,
            "flows": list(self.flows),
            "rank": self.rank,
            "where": self.where,
        }


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose host answered: ``kind`` is mine, platform, third-party or unknown.

    ``name`` is the platform's or service's own name, empty where it has none; ``because`` says what shows it.
    """

    kind: str
    name: str = ""
    because: str = ""

    def to_plain(self) -> dict[str, Any]:
        return {"kind": self.kind, "name": self.name, "because": self.because}


@dataclass(frozen=True, slots=True)
class Finding:
    """A violation at a place.

    ``message`` is one line, free of control characters; ``needed`` the header line that this very request needs, or
    ``None`` where no header cures it. ``causes`` are ordered, the most probable first; none where nothing proves one.
    ``known`` says whether a baseline of the user's holds it.
    """

    violation: Violation
    severity: Severity
    stage: Stage
    message: str
    evidence: tuple[HeaderLine, ...] = ()
    needed: str | None = None
    fix_header: str | None = None
    causes: tuple[Cause, ...] = ()
    snippets: tuple[Snippet, ...] = ()
    known: bool = False
    params: Mapping[str, str] = field(default_factory=dict, hash=False)
    """What stands in the message's gaps: the offending value, method or name, inert."""

    @property
    def id(self) -> str:
        return self.violation.id

    def to_plain(self) -> dict[str, Any]:
        """Return the finding as in the JSON report; plain data only."""
        return {
            "id": self.violation.id,
            "severity": self.severity.value,
            "stage": self.stage.value,
            "message": self.message,
            "evidence": [line.to_plain() for line in self.evidence],
            "needed": self.needed,
            "cause": self.causes[0].to_plain() if self.causes else None,
            "other_causes": [cause.to_plain() for cause in self.causes[1:]],
            "fix": {
                "who": self.violation.owner.value,
                "header": self.fix_header,
                "text": self.violation.fix,
                "snippets": [snippet.to_plain() for snippet in self.snippets],
            },
            "reference": self.violation.anchor,
            "known": self.known,
        }


@dataclass(frozen=True, slots=True)
class View:
    """What one judge says: the outcome, and the name of its first failure (that it would have, if ``conditional``).

    ``note`` says what that browser sends instead, where it makes another request than the one that was seen.
    """

    outcome: Outcome
    error: str | None = None
    note: str | None = None

    def to_plain(self) -> dict[str, Any]:
        plain = {"outcome": self.outcome.value, "error": self.error}
        return plain if self.note is None else {**plain, "note": self.note}


@dataclass(frozen=True, slots=True)
class CredentialsView:
    """What is known of the credentials mode, and from which flows."""

    mode: str
    assumed: bool
    contradicted: bool = False
    evidence: tuple[tuple[str, str, str, bool], ...] = ()
    """(mode, text, exchange id, certain) a piece."""

    def says_the_same(self, other: "CredentialsView") -> bool:
        """Say whether two are alike but for the flows that they name as examples."""
        if (self.mode, self.assumed, self.contradicted) != (other.mode, other.assumed, other.contradicted):
            return False
        return [(*each[:2], each[3]) for each in self.evidence] == [(*each[:2], each[3]) for each in other.evidence]

    def to_plain(self) -> dict[str, Any]:
        return {
            "mode": self.mode,
            "assumed": self.assumed,
            "contradicted": self.contradicted,
            "evidence": [
                {"mode": mode, "message": text, "flow": flow, "certain": certain}
                for mode, text, flow, certain in self.evidence
            ],
        }


@dataclass(frozen=True, slots=True)
class Related:
    """The ids of the exchanges that belong to this one."""

    preflight: str | None = None
    request: str | None = None
    redirected_from: str | None = None
    redirected_to: str | None = None

    def to_plain(self) -> dict[str, Any]:
        return {
            "preflight": self.preflight,
            "request": self.request,
            "redirected_from": self.redirected_from,
            "redirected_to": self.redirected_to,
        }


@dataclass(frozen=True, slots=True)
class ToldView:
    """What the browser itself said: allowed, blocked (for CORS), failed or aborted, and its own name for the error.

    ``agrees`` says whether the response explains that outcome.
    """

    browser: str
    outcome: str
    error: str | None
    agrees: bool

    def to_plain(self) -> dict[str, Any]:
        return {"browser": self.browser, "outcome": self.outcome, "error": self.error, "agrees": self.agrees}


@dataclass(frozen=True, slots=True)
class Delivered:
    """What became of an exchange that a rule touched.

    ``edits`` are operation, header name and value. With ``dry_run`` nothing was changed, and ``outcome`` is what would
    have become of it. ``outcome`` is ``None`` where nothing was delivered at all.
    """

    rule: str
    outcome: Outcome | None
    edits: tuple[tuple[str, ...], ...] = ()
    dry_run: bool = False

    def to_plain(self) -> dict[str, Any]:
        return {
            "outcome": None if self.outcome is None else self.outcome.value,
            "rule": self.rule,
            "edits": [list(edit) for edit in self.edits],
            "dry_run": self.dry_run,
        }


@dataclass(frozen=True, slots=True)
class Verdict:
    """What browsers do with one exchange, as the server answered it.

    ``outcome`` is that of the browser that sent the request (or that the user chose); ``reason`` says in a sentence
    what decided where nothing failed. ``way`` is all that has to change, ``None`` where that is nothing or unknown.
    ``asked_method`` is the method that a preflight asks for, empty for other requests. ``facts`` are what was asked and
    answered, known once the verdict is explained.
    """

    id: str
    method: str
    url: str
    origin: str | None
    kind: str
    stage: Stage
    outcome: Outcome
    judge: Judge
    views: Mapping[Judge, View]
    credentials: CredentialsView
    findings: tuple[Finding, ...] = ()
    related: Related = Related()
    reason: str = ""
    status: int | None = None
    notes: tuple[str, ...] = ()
    delivered: Delivered | None = None
    way: Way | None = None
    owner: Owner | None = None
    asked_method: str = ""
    facts: Facts | None = field(default=None, compare=False)
    told: ToldView | None = None

    def with_findings(self, findings: tuple[Finding, ...]) -> "Verdict":
        """Return a copy with other findings, as where some are ignored."""
        way = self.way and self.way.about({finding.id for finding in findings})
        return replace(self, findings=findings, way=way)

    def with_delivered(self, delivered: Delivered | None) -> "Verdict":
        """Return a copy that tells what was delivered."""
        return self if delivered == self.delivered else replace(self, delivered=delivered)

    def to_plain(
        self, part: Callable[[Finding | Way], dict[str, Any]] = lambda part: part.to_plain()
    ) -> dict[str, Any]:
        """Return the verdict as one entry of the JSON report's ``flows``; plain data only.

        ``part`` makes what is most of it, and the same for many verdicts.
        """
        plain = {
            "id": self.id,
            "method": self.method,
            "url": self.url,
            "origin": self.origin,
            "kind": self.kind,
            "stage": self.stage.value,
            "status": self.status,
            "outcome": self.outcome.value,
            "browser": self.judge.value,
            "reason": self.reason,
            "credentials": self.credentials.to_plain(),
            "browsers": {judge.value: view.to_plain() for judge, view in self.views.items()},
            "findings": [part(finding) for finding in self.findings],
            "related": self.related.to_plain(),
            "notes": list(self.notes),
        }
        if self.way is not None:
            plain["way"] = part(self.way)
        if self.told is not None:
            plain["told"] = self.told.to_plain()
        if self.owner is not None:
            plain["owner"] = self.owner.to_plain()
        if self.delivered is not None:
            plain["dry_run" if self.delivered.dry_run else "delivered"] = self.delivered.to_plain()
        return plain
