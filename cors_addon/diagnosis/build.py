"""From verdicts to diagnoses: one for each failing request, with its preflight and redirects, and repeats folded.

Two steps, since why a request fails costs more than that it does: ``Cases`` folds verdicts that show the same as they
come, and says which one of each has to be explained; ``diagnoses`` makes one diagnosis of each, and folds those that
one change fixes.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple

from ..catalogue.violation import Severity
from ..traffic.classify import Kind
from ..verdict.facts import Line
from ..verdict.failure_details import inert
from ..verdict.model import Cause, Finding, Outcome, Verdict
from ..verdict.redact import redact_header
from .headlines import STOPPING, headline_of, short_of, stopping
from .model import Certainty, Diagnosis, Endpoint, Evidence, RankedCause

MOST_FLOWS: Final = 50
"""How many flow ids a place lists; its count of requests is exact."""

_RANK: Final = {severity: rank for rank, severity in enumerate(Severity)}
_OPEN: Final = "open"
_PASSES: Final = (Outcome.ALLOWED, Outcome.NOT_CORS)

Target = Callable[[str], tuple[str, str]]
"""Splits a URL into its host with port, and the template of its path."""


class CaseKey(NamedTuple):
    """What requests have in common that show the same: all that a diagnosis says but its causes."""

    host: str
    path: str
    method: str
    origin: str
    stage: str
    status: int | None
    outcome: str
    rule: str
    told: tuple[tuple[str, str, str], ...]


@dataclass(slots=True)
class Case:
    """Requests that show the same.

    ``example`` is the id of the verdict that is explained for all of them, ``findings`` the ids of the findings that
    it is about. ``requests`` counts, ``flows`` are some of the ids.
    """

    key: CaseKey
    example: str
    findings: tuple[str, ...]
    requests: int = 0
    flows: list[str] = field(default_factory=list)
    known: bool = False

    @property
    def severity(self) -> str:
        if self.key.told:
            return self.key.told[0][1]
        return Severity.BLOCKED.value if self.key.outcome.startswith("blocked") else Severity.INFO.value

    @property
    def place(self) -> Endpoint:
        return Endpoint(self.key.method, self.key.path, self.key.origin, self.requests, tuple(self.flows))


def cases_of(verdicts: Iterable[Verdict], target: Target) -> list[Case]:
    """Fold verdicts into cases, those seen last first.

    A verdict that fails because its preflight or the redirect before it fails belongs to that one's case.
    """
    verdicts = list(verdicts)
    failing = {verdict.id: verdict for verdict in verdicts if stopping(verdict)}
    followers: dict[str, list[str]] = {}
    found: dict[CaseKey, Case] = {}
    for verdict in verdicts:
        root = _root(verdict, failing)
        if root is not None:
            followers.setdefault(root.id, []).append(verdict.id)
    for verdict in verdicts:
        mine = [finding for finding in verdict.findings if finding.severity not in STOPPING]
        for finding in mine:
            _add(found, verdict, (finding,), target)
        if _root(verdict, failing) is not None:
            continue
        failed = stopping(verdict)
        if failed:
            _add(found, verdict, failed, target, followers.get(verdict.id, ()))
        elif _only_by_the_browser(verdict) or (verdict.outcome is Outcome.UNKNOWN and not _says_why(mine)):
            _add(found, verdict, (), target)
    return list(reversed(found.values()))


def _says_why(findings: Iterable[Finding]) -> bool:
    """Say whether a finding tells why there is no response: it has a case of its own already."""
    return any(finding.id == "network-error" for finding in findings)


def _only_by_the_browser(verdict: Verdict) -> bool:
    """Say whether nothing but the browser's own word tells that a request failed."""
    told = verdict.told
    return verdict.outcome is Outcome.BLOCKED and told is not None and not told.agrees


def _root(verdict: Verdict, failing: Mapping[str, Verdict]) -> Verdict | None:
    """Return the earlier exchange of the same request whose failure this one's is; ``None`` where it stands alone."""
    if not stopping(verdict) and verdict.outcome not in (Outcome.UNKNOWN, Outcome.BLOCKED):
        return None
    seen = {verdict.id}
    root = None
    while True:
        before = failing.get(verdict.related.preflight or "") or failing.get(verdict.related.redirected_from or "")
        if before is None or before.id in seen:
            return root
        root = verdict = before
        seen.add(before.id)


def _add(
    found: dict[CaseKey, Case],
    verdict: Verdict,
    findings: tuple[Finding, ...],
    target: Target,
    followers: Iterable[str] = (),
) -> None:
    host, path = target(verdict.url)
    told = tuple((finding.id, finding.severity.value, finding.message) for finding in findings)
    key = CaseKey(
        host,
        path,
        verdict.asked_method or verdict.method,
        verdict.origin or "",
        verdict.stage.value,
        verdict.status,
        verdict.outcome.value if findings else f"{verdict.outcome.value}: {verdict.reason}",
        rule_of(verdict),
        told,
    )
    # The one that was added last is the newest.
    case = found.pop(key, None) or Case(key, verdict.id, tuple(finding.id for finding in findings))
    case.requests += 1
    case.known = bool(findings) and all(finding.known for finding in findings)
    case.flows += [each for each in (verdict.id, *followers) if each not in case.flows][: MOST_FLOWS - len(case.flows)]
    found[key] = case


def rule_of(verdict: Verdict) -> str:
    """Return the name of the rule that lets an exchange pass in place of the server, empty where none does."""
    delivered = verdict.delivered
    if delivered is None or delivered.dry_run or delivered.outcome not in _PASSES:
        return ""
    return inert(delivered.rule)


# --- one diagnosis ------------------------------------------------------------------------------------------------


def diagnosis_of(case: Case, verdict: Verdict) -> Diagnosis:
    """Return the diagnosis of a case by its example, explained."""
    # What only explains is imported where there is something to explain.
    from .causes import ranked
    from .plans import plan_of

    findings = tuple(finding for finding in verdict.findings if finding.id in case.findings)
    if len(findings) > 1:
        findings = tuple(sorted(findings, key=lambda each: _RANK[each.severity] if each.severity in STOPPING else 9))
    lead = findings[0] if findings else None
    causes = ranked(findings)
    facts = verdict.facts
    made = Diagnosis(
        key="",
        outcome=verdict.outcome,
        severity=case.severity,
        headline=headline_of(verdict, lead),
        short=short_of(verdict, lead),
        host=case.key.host,
        owner=verdict.owner.kind if verdict.owner is not None else "unknown",
        method=case.key.method,
        url=verdict.url,
        origin=case.key.origin,
        stage=verdict.stage.value,
        status=verdict.status,
        places=(case.place,),
        findings=tuple(dict.fromkeys(finding.id for finding in findings if not _is_open(finding, case))),
        conditions=tuple(dict.fromkeys(finding.id for finding in findings if _is_open(finding, case))),
        causes=tuple(_told(cause, verdict) for cause in causes),
        plan=plan_of(verdict, findings, causes) if findings else (),
        commands=facts.commands if facts is not None and lead is not None and lead.severity in STOPPING else (),
        browsers={judge.value: view for judge, view in verdict.views.items()},
        asked=_side(findings, facts.asked if facts is not None else (), "request"),
        answered=_side(findings, facts.answered if facts is not None else (), "response"),
        credentials=credentials_line(verdict),
        page=facts.page if facts is not None else "",
        seen=facts.started if facts is not None else 0.0,
        initiator=dict(facts.initiator) if facts is not None and facts.initiator else None,
        rule=case.key.rule,
        known=case.known,
        reference=lead.violation.anchor if lead is not None else "",
        hidden=verdict.way.hidden if verdict.way is not None else (),
    )
    return replace(made, key=_key(made))


def diagnose(verdict: Verdict, target: Target) -> list[Diagnosis]:
    """Return the diagnoses of one verdict, explained: its failure first, then what else there is to say."""
    return diagnoses([verdict], {verdict.id: verdict}, target)


def diagnoses(verdicts: Iterable[Verdict], explained: Mapping[str, Verdict], target: Target) -> list[Diagnosis]:
    """Return the diagnoses of verdicts, the worst first; ``explained`` holds at least the examples of their cases."""
    cases = cases_of(verdicts, target)
    return folded(diagnosis_of(case, explained[case.example]) for case in cases if case.example in explained)


def folded(found: Iterable[Diagnosis]) -> list[Diagnosis]:
    """Fold diagnoses that one change fixes, and return the worst first, of these the new ones first."""
    together: dict[tuple[str, str, bool], Diagnosis] = {}
    for each in found:
        key = each.key, each.rule, each.known
        before = together.get(key)
        together[key] = each if before is None else before.with_places(_added(before.places, each.places))
    order = [severity.value for severity in Severity]
    return sorted(together.values(), key=lambda each: (order.index(each.severity), each.known))


def _added(places: tuple[Endpoint, ...], more: tuple[Endpoint, ...]) -> tuple[Endpoint, ...]:
    found = {(place.method, place.path, place.origin): place for place in places}
    for place in more:
        key = place.method, place.path, place.origin
        before = found.get(key)
        if before is None:
            found[key] = place
        else:
            flows = tuple(dict.fromkeys((*before.flows, *place.flows)))[:MOST_FLOWS]
            found[key] = replace(before, requests=before.requests + place.requests, flows=flows)
    return tuple(found.values())


def _key(made: Diagnosis) -> str:
    """Return what is the same for the same thing to fix in every run."""
    cause = made.causes[0] if made.causes and made.causes[0].certainty is not Certainty.POSSIBLE else None
    needed = [line for step in made.plan for send in step.send for line in send.headers]
    parts = [made.host, made.severity, made.origin, *made.findings, "-", *made.conditions, "-"]
    parts += [cause.id if cause is not None else made.short, "-", *needed]
    from hashlib import sha256

    return sha256("\0".join(parts).encode("utf-8", "backslashreplace")).hexdigest()[:16]


def _is_open(finding: Finding, case: Case) -> bool:
    """Say whether a finding hangs on credentials beside findings that are facts."""
    return finding.severity is Severity.CONDITIONAL and case.severity != Severity.CONDITIONAL.value


def _side(findings: Iterable[Finding], seen: tuple[Line, ...], side: str) -> tuple[Line, ...]:
    """Return the header lines of one side: those that prove the findings first, what was not sent among them."""
    proof = [
        (line.name, None if line.value is None else redact_header(line.name, line.value))
        for finding in findings
        for line in finding.evidence
        if (line.side == "request") == (side == "request") and line.name != ":status"
    ]
    names = {name.lower() for name, _ in proof}
    return tuple(dict.fromkeys([*proof, *(line for line in seen if line[0].lower() not in names)]))


def _told(cause: Cause, verdict: Verdict) -> RankedCause:
    signal = cause.signal or cause.message
    flows = cause.flows or (verdict.id,)
    return RankedCause(
        cause.id,
        Certainty.of(cause.confidence),
        cause.message,
        tuple(Evidence(flow, signal) for flow in flows),
    )


def credentials_line(verdict: Verdict) -> str:
    """Say in a line what is known of a request's credentials mode."""
    view = verdict.credentials
    if verdict.kind not in (Kind.CORS.value, Kind.PREFLIGHT.value):
        return ""
    told = "; ".join(inert(text, 300) for _, text, _, _ in view.evidence)
    if view.assumed and not told:
        return "not included: nothing shows any"
    mode = _OPEN if view.mode == "unknown" else view.mode.replace("-", " ").replace("include", "included")
    return f"{'assumed not included' if view.assumed else mode}: {told}" if told else mode
