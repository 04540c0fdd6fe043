"""From the conditions that an exchange fails to its verdict: each browser's outcome, and the findings."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from ..catalogue.violation import Severity, Stage
from ..fetch.messages import CredentialsMode, Response, is_redirect_status
from ..traffic.classify import Kind, needs_preflight
from ..traffic.evidence import Knowledge
from ..traffic.exchange import Exchange
from ..traffic.record import Record
from ..traffic.testimony import Told
from . import failure_details
from .browsers import JUDGE_OF, error_name, first_failure, rank
from .conditions import BOTH_MODES
from .model import Condition, CredentialsView, Finding, Judge, Outcome, Related, ToldView, Verdict, View
from .other_requests import with_other_requests
from .redirect_conditions import WITH_CREDENTIALS, hangs_on_omit, is_surely_refused_scheme, is_webkits_with_credentials
from .testified import (
    BESIDE_CORS,
    NO_CORS_AFTER_ALL,
    fails_beside_cors,
    narrowed,
    proved,
    speaker_of,
    testimony_of,
    told_view,
    without,
)

NO_CREDENTIALS_VIEW: Final = CredentialsView("unknown", assumed=False)
CORS_KINDS: Final = (Kind.CORS, Kind.PREFLIGHT)
_ASSUMED: Final = CredentialsView(CredentialsMode.NOT_INCLUDE.value, assumed=True)
_JUDGES: Final = tuple(Judge)
_VIEWS: Final[Mapping[Outcome, Mapping[Judge, View]]] = {
    outcome: dict.fromkeys(_JUDGES, View(outcome)) for outcome in Outcome
}
_SAID_BY: Final = {
    "allow-credentials-with-wildcard": "allow-origin-wildcard-with-credentials",
    "origin-null": "null-origin-with-credentials",
}
"""Advice that another finding says already, and worse."""
_WRONG_ORIGIN: Final = frozenset({"allow-origin-multiple", "allow-origin-invalid", "allow-origin-mismatch"})
_UNLESS_OMITTED: Final = "WebKit checks this redirect with credentials, unless the script omits credentials"
_ALONE: Final = Related()
_NOT_WEIGHED: Final = Knowledge(None)


@dataclass(frozen=True, slots=True)
class Context:
    """What the judge is told besides the exchange.

    ``knowledge`` is asked for only where it matters, since weighing evidence costs more than most checks. ``judge``
    overrides the browser that made the request. ``upgraded`` says that the page's policy may have made https out of its
    own http, which Firefox does not check. ``notes`` go into the verdict as they are.
    """

    knowledge: Callable[[Record], Knowledge]
    judge: Judge | None = None
    extra: Sequence[Condition] = field(default=())
    upgraded: bool = False
    notes: tuple[str, ...] = ()

    def judge_of(self, record: Record) -> Judge:
        """Return whose outcome is the verdict's: the browser's that sent the request, or the one chosen."""
        if self.judge is not None:
            return self.judge
        return JUDGE_OF[record.browser] if record.browser is not None else Judge.CHROMIUM


def verdict_on(record: Record, context: Context, conditions: list[Condition], knowledge: Knowledge | None) -> Verdict:
    """Put together what at least one judge has an outcome against."""
    exchange = record.exchange
    known = knowledge or _NOT_WEIGHED
    modes = modes_of(known)
    testimony = testimony_of(record)
    told: ToldView | None = None
    speaker: Judge | None = None
    surely = _is_surely_checked(record)
    if testimony is not None and testimony.outcome in (Told.PASSED, Told.CORS):
        speaker = speaker_of(testimony, record)
        modes, fitting = narrowed(testimony, speaker, conditions, modes, exchange)
        told = told_view(testimony, testimony.outcome, bool(fitting))
        if not fitting:
            if not surely and testimony.outcome is Told.PASSED:
                # It was the beacon or the no-cors request that it looks like, and no browser checks those.
                return _unchecked(record, context, conditions, replace(told, agrees=True), NO_CORS_AFTER_ALL)
            conditions = without(speaker, conditions)
        elif len(fitting) == 1 and known.mode is None:
            known = proved(record, known, next(iter(fitting)), testimony)
    elif testimony is not None and fails_beside_cors(testimony, exchange):
        passing_modes, passing = narrowed(testimony, speaker_of(testimony, record), conditions, modes, exchange)
        if passing or record.kind not in CORS_KINDS:
            speaker, modes = speaker_of(testimony, record), passing_modes
        elif not surely:
            return _unchecked(record, context, conditions, told_view(testimony, Told.FAILED, True), BESIDE_CORS)
    sure = dict.fromkeys(_JUDGES, surely)
    sure[Judge.FIREFOX] = surely and not context.upgraded
    on_omit = CredentialsMode.NOT_INCLUDE in modes and hangs_on_omit(conditions)
    sure[Judge.WEBKIT] = not on_omit and (surely or is_surely_refused_scheme(record, conditions))
    if speaker is not None:
        sure[speaker] = True
    passed_view = _VIEWS[Outcome.ALLOWED if record.kind in CORS_KINDS else Outcome.NOT_CORS]
    views: Mapping[Judge, View] = {
        judge: _view(judge, conditions, modes, exchange, sure[judge]) or passed_view[judge] for judge in _JUDGES
    }
    if on_omit:
        views = {**views, Judge.WEBKIT: replace(views[Judge.WEBKIT], note=_UNLESS_OMITTED)}
    views = with_other_requests(record, views)
    judge = context.judge_of(record)
    # Evidence about credentials is weighed only for what failed under one mode or the other.
    credentials = credentials_view(known) if knowledge is not None else NO_CREDENTIALS_VIEW
    outcome = views[judge].outcome
    relevant = _relevant(conditions, modes, judge)
    findings = tuple([_finding(record, c, judge, outcome, modes, sure[judge]) for c in relevant])
    return plain(record, context, outcome, record.classification.reason, findings, credentials, views, told)


def _unchecked(record: Record, context: Context, conditions: list[Condition], told: ToldView, reason: str) -> Verdict:
    """Put together what the browser has not checked after all, by its own word."""
    rest = [condition for condition in conditions if condition.violation.severity is not Severity.BLOCKED]
    return replace(passed(record, context, rest, Outcome.NOT_CORS), told=told, reason=reason)


def passed(
    record: Record,
    context: Context,
    conditions: list[Condition],
    outcome: Outcome,
    credentials: CredentialsView = NO_CREDENTIALS_VIEW,
) -> Verdict:
    """Put together what nobody has an outcome against: most exchanges, so it is quick."""
    findings: tuple[Finding, ...] = ()
    if conditions:
        relevant = _relevant(conditions, BOTH_MODES, context.judge_of(record))
        findings = tuple([noted(record, condition) for condition in relevant])
    views = _VIEWS[outcome]
    told = with_other_requests(record, views)
    outcome = outcome if told is views else told[context.judge_of(record)].outcome
    return plain(record, context, outcome, record.classification.reason, findings, credentials, told)


def plain(
    record: Record,
    context: Context,
    outcome: Outcome,
    reason: str,
    findings: tuple[Finding, ...] = (),
    credentials: CredentialsView = NO_CREDENTIALS_VIEW,
    views: Mapping[Judge, View] | None = None,
    told: ToldView | None = None,
) -> Verdict:
    """Fill in a verdict; without ``views`` all browsers come to the same outcome."""
    exchange = record.exchange
    return Verdict(
        id=exchange.id,
        method=exchange.request.method,
        url=exchange.request.url,
        origin=record.classification.origin,
        kind=record.kind.value,
        stage=_stage(record),
        outcome=outcome,
        judge=context.judge_of(record),
        views=views or _VIEWS[outcome],
        credentials=credentials,
        findings=findings,
        related=_related(record),
        reason=reason,
        status=exchange.response.status if exchange.response is not None else None,
        notes=context.notes,
        asked_method=_asked_method(record),
        told=told,
    )


def _relevant(conditions: list[Condition], modes: frozenset[CredentialsMode], judge: Judge) -> list[Condition]:
    """Return what holds under one of the modes and is not said by another of them, as the judge would meet it."""
    relevant = [c for c in conditions if modes & c.modes and (judge in c.judges or not is_webkits_with_credentials(c))]
    if len(relevant) > 1:
        relevant = [c for c in relevant if not _is_anothers_word(judge, c, relevant)]
        failing = {c.violation.id for c in relevant}
        relevant = [c for c in relevant if _SAID_BY.get(c.violation.id) not in failing]
        relevant.sort(key=lambda condition: rank(judge, condition))
    return relevant


def _is_anothers_word(judge: Judge, condition: Condition, conditions: list[Condition]) -> bool:
    """Say whether a condition is WebKit's or the others' word for a wrong origin that the judge names otherwise."""
    if judge in condition.judges:
        return False
    if condition.violation.id in WITH_CREDENTIALS:
        return any(c.violation is condition.violation and judge in c.judges for c in conditions)
    if condition.violation.id not in _WRONG_ORIGIN:
        return False
    webkits = condition.judges == {Judge.WEBKIT}
    return any(
        judge in c.judges and c.evidence == condition.evidence and (webkits or c.judges == {Judge.WEBKIT})
        for c in conditions
        if c.violation.id in _WRONG_ORIGIN
    )


def _is_surely_checked(record: Record) -> bool:
    """Say whether the exchange is certainly subject to CORS.

    Over plain http nothing tells a beacon from fetch() with a POST, unless a preflight went before, nor an opaque page
    from one that hides its origin, unless a redirect made it opaque. That the server answers with CORS headers tells
    nothing: it would do so for a beacon too.
    """
    if record.classification.sure or record.kind is Kind.NOT_BROWSER:
        return True
    if record.preflight is not None or record.cached_grant is not None:
        return True
    return record.tainted and needs_preflight(record.exchange.request)


def modes_of(knowledge: Knowledge) -> frozenset[CredentialsMode]:
    """Return the credentials modes that what is known leaves open."""
    if knowledge.mode is not None:
        return frozenset({knowledge.mode})
    return frozenset({CredentialsMode.NOT_INCLUDE}) if knowledge.assumed else BOTH_MODES


def _view(
    judge: Judge,
    conditions: Sequence[Condition],
    modes: frozenset[CredentialsMode],
    exchange: Exchange,
    sure: bool,
) -> View | None:
    failures = {mode: first_failure(judge, mode, conditions) for mode in modes}
    failing = [failure for failure in failures.values() if failure is not None]
    if not failing:
        return None
    outcome = Outcome.BLOCKED if len(failing) == len(modes) and sure else Outcome.CONDITIONAL
    # Blocked either way: credentials are not included by default, so that mode's failure is the likelier one, even
    # where something leans the other way: so the recordings have it.
    named = failures.get(CredentialsMode.NOT_INCLUDE) or failing[0]
    return _view_of(outcome, error_name(judge, named, exchange))


_view_of = lru_cache(256)(View)
"""Thousands of verdicts hold the same few."""


def _finding(
    record: Record, condition: Condition, judge: Judge, outcome: Outcome, modes: frozenset[CredentialsMode], sure: bool
) -> Finding:
    if not condition.judges:
        return noted(record, condition)
    severity = condition.violation.severity
    if severity is Severity.BLOCKED:
        if judge not in condition.judges:
            severity = condition.severity or Severity.RISK
        elif not sure or not modes <= condition.modes:
            severity = Severity.CONDITIONAL
    elif judge in condition.judges and outcome is Outcome.BLOCKED:
        severity = Severity.BLOCKED
    needed = condition.needed
    if needed == failure_details.FOR_EVERYBODY and CredentialsMode.NOT_INCLUDE not in modes:
        needed = None
    return _told(condition, severity, condition.stage, needed)


def noted(record: Record, condition: Condition) -> Finding:
    """Tell of what no outcome hangs on."""
    severity = condition.severity or condition.violation.severity
    return _told(condition, severity, _stage(record), condition.needed)


def _told(condition: Condition, severity: Severity, stage: Stage, needed: str | None) -> Finding:
    key = severity, stage, needed
    told = condition.told.get(key)
    if told is None:
        violation = condition.violation
        message = violation.title.format_map(condition.params)
        if condition.detail:
            message = f"{message.rstrip('.')} ({failure_details.inert(condition.detail)})"
        told = condition.told[key] = Finding(
            violation,
            severity,
            stage,
            message,
            condition.evidence,
            needed,
            fix_header=needed,
            params=condition.params,
        )
    return told


def _asked_method(record: Record) -> str:
    if record.kind is not Kind.PREFLIGHT:
        return ""
    return failure_details.inert(record.exchange.request.headers.get("Access-Control-Request-Method") or "", 40)


def is_redirect(response: Response) -> bool:
    """Say whether a response is a redirect, wherever it leads."""
    return is_redirect_status(response.status) and response.headers.location is not None


def _stage(record: Record) -> Stage:
    if record.kind is Kind.PREFLIGHT:
        return Stage.PREFLIGHT
    exchange = record.exchange
    if exchange.response is not None and is_redirect(exchange.response):
        return Stage.REDIRECT
    return Stage.RESPONSE


def _related(record: Record) -> Related:
    told = record.exchange.testimony
    blocked = told is not None and told.blocked_by
    if not (record.preflight or record.cached_grant or record.redirected_from or record.was_followed or blocked):
        return _ALONE
    return Related(
        record.preflight or record.cached_grant or (told.blocked_by if told is not None else None),
        record.requests[0] if record.requests else None,
        record.redirected_from,
        record.redirected_to,
    )


def credentials_view(knowledge: Knowledge) -> CredentialsView:
    """Return what is known of the credentials mode, for the verdict."""
    if knowledge.assumed and not knowledge.evidence:
        return _ASSUMED
    mode = CredentialsMode.NOT_INCLUDE if knowledge.assumed else knowledge.mode
    return CredentialsView(
        "unknown" if mode is None else mode.value,
        assumed=knowledge.assumed,
        contradicted=knowledge.contradicted,
        evidence=tuple((e.mode.value, e.text, e.exchange_id, e.certain) for e in knowledge.evidence),
    )
