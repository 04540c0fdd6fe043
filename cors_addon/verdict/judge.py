"""From an exchange and what is known around it to a verdict.

Three-valued where the credentials mode is open: both modes are tried, and what differs hangs on it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity, Stage
from ..fetch.headers import HeaderList
from ..fetch.messages import CredentialsMode, Response, is_redirect_status
from ..fetch.origins import serialize_origin
from ..traffic.classify import BrowserFamily, Kind, is_document_request, needs_preflight
from ..traffic.evidence import Knowledge
from ..traffic.exchange import Exchange
from ..traffic.http_cache import refreshed
from ..traffic.record import Record
from ..traffic.testimony import Testimony, Told
from . import failure_details
from .browsers import ALL_JUDGES, JUDGE_OF, error_name, first_failure, rank
from .conditions import (
    BOTH_MODES,
    access_conditions,
    preflight_conditions,
)
from .model import (
    Condition,
    CredentialsView,
    Finding,
    Judge,
    Outcome,
    Related,
    ToldView,
    Verdict,
    View,
)
from .other_requests import with_other_requests
from .redirect_conditions import (
    WITH_CREDENTIALS,
    as_webkit_checks_them,
    bound_to_origin_conditions,
    hangs_on_omit,
    is_surely_refused_scheme,
    is_webkits_with_credentials,
    location_conditions,
)
from .testified import (
    BESIDE_CORS,
    NO_CORS_AFTER_ALL,
    REFUSED,
    fails_beside_cors,
    narrowed,
    proved,
    reason_of,
    says_why_no_response,
    speaker_of,
    testimony_of,
    told_view,
    unsaved,
    with_testimony,
    without,
)
from .withheld import BLOCKED_BY

NO_CREDENTIALS_VIEW: Final = CredentialsView("unknown", assumed=False)
_ASSUMED: Final = CredentialsView(CredentialsMode.NOT_INCLUDE.value, assumed=True)
_JUDGES: Final = tuple(Judge)
_NOT_CORS: Final[Mapping[Judge, View]] = {judge: View(Outcome.NOT_CORS) for judge in Judge}
_ALLOWED: Final[Mapping[Judge, View]] = {judge: View(Outcome.ALLOWED) for judge in Judge}
_SAID_BY: Final = {
    "allow-credentials-with-wildcard": "allow-origin-wildcard-with-credentials",
    "origin-null": "null-origin-with-credentials",
}
"""Advice that another finding says already, and worse."""
_WRONG_ORIGIN: Final = frozenset({"allow-origin-multiple", "allow-origin-invalid", "allow-origin-mismatch"})
_UNLESS_OMITTED: Final = "WebKit checks this redirect with credentials, unless the script omits credentials"
_ALONE: Final = Related()
_NOT_WEIGHED: Final = Knowledge(None)
_UNKNOWN: Final[Mapping[Judge, View]] = {judge: View(Outcome.UNKNOWN) for judge in Judge}


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


def judge_record(record: Record, context: Context) -> Verdict:
    """Judge one exchange. Never raises for anything that a message can hold."""
    if record.exchange.testimony is None:
        return _judged(record, context)
    return with_testimony(_judged(record, context), record)


def _judged(record: Record, context: Context) -> Verdict:
    testimony = testimony_of(record)
    if testimony is not None and says_why_no_response(testimony, record.exchange):
        return _without_response(record, context, testimony)
    match record.kind:
        case Kind.PREFLIGHT | Kind.CORS:
            return _judge_cors(record, context)
        case Kind.SAME_ORIGIN | Kind.NO_ORIGIN | Kind.NO_CORS | Kind.NAVIGATION | Kind.WEBSOCKET | Kind.NOT_BROWSER:
            conditions = [*_first_hop_conditions(record), *context.extra]
            if any(condition.judges for condition in conditions):
                return _verdict(record, context, conditions, None)
            return _passed(record, context, conditions, Outcome.NOT_CORS, _NOT_CORS)
        case Kind.EXTENSION | Kind.STRIPPED:
            return _plain(record, context, Outcome.UNKNOWN, _UNKNOWN, record.classification.reason)


def _without_response(record: Record, context: Context, testimony: Testimony) -> Verdict:
    """Judge what the browser itself said why there is no response."""
    reason = reason_of(testimony)
    if testimony.blocked_by is not None:
        views: Mapping[Judge, View] = dict.fromkeys(_JUDGES, View(Outcome.BLOCKED))
        return _plain(record, context, Outcome.BLOCKED, views, reason)
    cors = record.kind in (Kind.CORS, Kind.PREFLIGHT)
    # What the browser names is said, though the headers that it read were not saved.
    findings = tuple(_noted(record, each) for each in context.extra if each.violation.id in BLOCKED_BY.values())
    if record.exchange.error is not None and testimony.outcome is Told.FAILED:
        # No fault of the CORS headers: said, and no more.
        lost = replace(_network_error(record), judges=frozenset(), severity=Severity.ADVICE)
        findings = (_noted(record, lost),)
    outcome, views = (Outcome.UNKNOWN, _UNKNOWN) if cors else (Outcome.NOT_CORS, _NOT_CORS)
    return _plain(record, context, outcome, views, reason, findings)


def _judge_cors(record: Record, context: Context) -> Verdict:
    exchange = record.exchange
    origin = record.classification.origin or "null"
    response = exchange.response
    if exchange.error is not None and _aborted(exchange):
        return _plain(
            record, context, Outcome.UNKNOWN, _UNKNOWN, "the browser gave the request up before its answer came"
        )
    if exchange.error is not None:
        return _verdict(record, context, [_network_error(record)], context.knowledge(record))
    if response is None:
        reason = "no response yet" if record.delivered is None else "the server was not asked: a rule answered for it"
        return _plain(record, context, Outcome.UNKNOWN, _UNKNOWN, reason)
    if response.status == 0:
        return _plain(record, context, Outcome.UNKNOWN, _UNKNOWN, unsaved(exchange))
    if response.status < 200:
        return _plain(record, context, Outcome.UNKNOWN, _UNKNOWN, "only an interim response was seen")
    if record.answered is not None:
        reason = f"the browser answered the challenge itself (flow {record.answered}): what came then is checked"
        return _plain(record, context, Outcome.NOT_CORS, _NOT_CORS, reason)
    credentials = NO_CREDENTIALS_VIEW
    if record.kind is Kind.PREFLIGHT:
        conditions = preflight_conditions(exchange, origin, record.page_origin if record.tainted else None)
    else:
        headers: HeaderList | None = None
        if response.status == 304 and _is_revalidation(record):
            if record.stored is None and response.headers.allow_origin is None:
                reason = "a 304 confirms a stored response, and that one was not seen"
                return _plain(record, context, Outcome.UNKNOWN, _UNKNOWN, reason)
            headers = refreshed(record.stored, response.headers)
        is_redirect = _is_redirect(response)
        stage = Stage.REDIRECT if is_redirect else Stage.RESPONSE
        seen = headers or response.headers
        by_webkit = is_redirect and record.began_at_page and not _is_followed_by_webkit(record)
        if _passes_for_all(origin, seen):
            conditions = []
        elif headers is None and _passes_without_credentials(origin, seen):
            knowledge = context.knowledge(record)
            if by_webkit or CredentialsMode.INCLUDE in _modes(knowledge):
                conditions = access_conditions(exchange, origin, stage)
            else:
                conditions = []
                credentials = _credentials_view(knowledge)
        else:
            conditions = access_conditions(exchange, origin, stage, headers)
        if by_webkit:
            conditions = as_webkit_checks_them(record, conditions)
        if is_redirect and not record.was_followed:
            conditions += location_conditions(record, origin)
        if headers is not None and record.stored is None and headers.allow_credentials is None:
            without = [c for c in conditions if c.violation.id != "allow-credentials-not-true"]
            if conditions and not without and CredentialsMode.INCLUDE in _modes(context.knowledge(record)):
                reason = "a 304 confirms a stored response, and that one, which may allow credentials, was not seen"
                return _plain(record, context, Outcome.UNKNOWN, _UNKNOWN, reason)
            conditions = without
    conditions += context.extra
    for condition in conditions:
        if condition.judges:
            return _verdict(record, context, conditions, context.knowledge(record))
    return _passed(record, context, conditions, Outcome.ALLOWED, _ALLOWED, credentials)


def _is_followed_by_webkit(record: Record) -> bool:
    return record.browser is BrowserFamily.WEBKIT and record.was_followed


def _is_redirect(response: Response) -> bool:
    """Say whether a response is a redirect, wherever it leads."""
    return is_redirect_status(response.status) and response.headers.location is not None


def _passes_for_all(origin: str, headers: HeaderList) -> bool:
    """The common case, cheaply: right under both modes, one line, nothing that any judge sees otherwise."""
    is_named = headers.allow_origin == origin and headers.allow_credentials == "true"
    return is_named and not headers.is_repeated("allow_origin")


def _passes_without_credentials(origin: str, headers: HeaderList) -> bool:
    """The other common case: right without credentials, one line, nothing that any judge sees otherwise."""
    return headers.allow_origin in ("*", origin) and not headers.is_repeated("allow_origin")


def _is_revalidation(record: Record) -> bool:
    """Say whether the browser made the request conditional by itself, to confirm what it has stored.

    Where the page did, the names had to be asked for in a preflight; where nobody did, a 304 confirms nothing.
    """
    if any(name.startswith("if-") for name in record.asked_names):
        return False
    headers = record.exchange.request.headers
    return headers.if_none_match is not None or headers.if_modified_since is not None


_GIVEN_UP: Final = (
    "client disconnected",
    "stream reset by client (cancel)",
    "stream closed by client (h3_request_cancelled)",
    # Of HTTP/2; mitmproxy says the same of either side, and a saved flow does not tell which it was.
    "peer closed connection",
    "http/2 connection closed",
)


def _aborted(exchange: Exchange) -> bool:
    """Say whether the browser did not wait for the answer, or may not have."""
    return (exchange.error or "").lower().startswith(_GIVEN_UP)


def _network_error(record: Record) -> Condition:
    stage = Stage.PREFLIGHT if record.kind is Kind.PREFLIGHT else Stage.RESPONSE
    error = failure_details.inert(record.exchange.error or "no response")
    name = "blocked-response-not-saved" if error == REFUSED else "network-error"
    return Condition(CATALOGUE[name], stage, BOTH_MODES, ALL_JUDGES, {"error": error})


def _first_hop_conditions(record: Record) -> list[Condition]:
    """What ends a chain that begins on the page's own origin, where no CORS check happens yet."""
    if record.exchange.response is None or record.was_followed:
        return []
    if record.kind is Kind.SAME_ORIGIN:
        return bound_to_origin_conditions(record) or location_conditions(record, record.page_origin or "null")
    if record.kind is not Kind.NO_ORIGIN or is_document_request(record.exchange.request, record.classification):
        return []
    if record.page_origin != serialize_origin(record.exchange.request.url):
        return []
    found = location_conditions(record, record.page_origin)
    # Over plain http nothing tells fetch() from an <img>; that nothing came after the redirect speaks for fetch().
    # To another scheme neither goes.
    return [c for c in found if record.unfollowed or c.violation.id == "redirect-scheme"]


# --- putting it together ------------------------------------------------------------------------------------------


def _verdict(record: Record, context: Context, conditions: list[Condition], knowledge: Knowledge | None) -> Verdict:
    exchange = record.exchange
    known = knowledge or _NOT_WEIGHED
    modes = _modes(known)
    testimony = testimony_of(record)
    told: ToldView | None = None
    speaker: Judge | None = None
    surely = _is_surely_checked(record)
    if testimony is not None and testimony.outcome in (Told.PASSED, Told.CORS):
        speaker = speaker_of(testimony, record)
        modes, fitting = narrowed(testimony, speaker, conditions, modes, exchange)
        if not fitting and not surely and testimony.outcome is Told.PASSED:
            # It was the beacon or the no-cors request that it looks like, and no browser checks those.
            rest = [condition for condition in conditions if condition.violation.severity is not Severity.BLOCKED]
            verdict = _passed(record, context, rest, Outcome.NOT_CORS, _NOT_CORS)
            return replace(verdict, told=told_view(testimony, testimony.outcome, True), reason=NO_CORS_AFTER_ALL)
        told = told_view(testimony, testimony.outcome, bool(fitting))
        if not fitting:
            conditions = without(speaker, conditions)
        elif len(fitting) == 1 and known.mode is None:
            known = proved(record, known, next(iter(fitting)), testimony)
    elif testimony is not None and fails_beside_cors(testimony, exchange):
        passing = narrowed(testimony, speaker_of(testimony, record), conditions, modes, exchange)[1]
        if passing or record.kind not in (Kind.CORS, Kind.PREFLIGHT):
            speaker = speaker_of(testimony, record)
            modes = (passing & modes) or passing or modes
        elif not surely:
            rest = [condition for condition in conditions if condition.violation.severity is not Severity.BLOCKED]
            verdict = _passed(record, context, rest, Outcome.NOT_CORS, _NOT_CORS)
            return replace(verdict, told=told_view(testimony, Told.FAILED, True), reason=BESIDE_CORS)
    passed = _ALLOWED if record.kind in (Kind.CORS, Kind.PREFLIGHT) else _NOT_CORS
    sure = dict.fromkeys(_JUDGES, surely)
    sure[Judge.FIREFOX] = sure[Judge.FIREFOX] and not context.upgraded
    sure[Judge.WEBKIT] = sure[Judge.WEBKIT] or is_surely_refused_scheme(record, conditions)
    on_omit = CredentialsMode.NOT_INCLUDE in modes and hangs_on_omit(conditions)
    sure[Judge.WEBKIT] = sure[Judge.WEBKIT] and not on_omit
    if speaker is not None:
        sure[speaker] = True
    views: Mapping[Judge, View] = {
        judge: _view(judge, conditions, modes, exchange, sure[judge]) or passed[judge] for judge in _JUDGES
    }
    if on_omit:
        views = {**views, Judge.WEBKIT: replace(views[Judge.WEBKIT], note=_UNLESS_OMITTED)}
    views = with_other_requests(record, views)
    judge = _judge_of(record, context)
    # Evidence about credentials is weighed only for what failed under one mode or the other.
    credentials = _credentials_view(known) if knowledge is not None else NO_CREDENTIALS_VIEW
    outcome = views[judge].outcome
    relevant = _relevant(conditions, modes, judge)
    findings = tuple([_finding(record, c, judge, outcome, modes, sure[judge]) for c in relevant])
    return Verdict(
        id=exchange.id,
        method=exchange.request.method,
        url=exchange.request.url,
        origin=record.classification.origin,
        kind=record.kind.value,
        stage=_stage(record),
        outcome=outcome,
        judge=judge,
        views=views,
        credentials=credentials,
        findings=findings,
        related=_related(record),
        reason=record.classification.reason,
        status=exchange.response.status if exchange.response is not None else None,
        notes=context.notes,
        asked_method=_asked_method(record),
        told=told,
    )


def _passed(
    record: Record,
    context: Context,
    conditions: list[Condition],
    outcome: Outcome,
    views: Mapping[Judge, View],
    credentials: CredentialsView = NO_CREDENTIALS_VIEW,
) -> Verdict:
    """Put together what nobody has an outcome against: most exchanges, so it is quick."""
    findings: tuple[Finding, ...] = ()
    if conditions:
        relevant = _relevant(conditions, _modes(_NOT_WEIGHED), _judge_of(record, context))
        findings = tuple([_noted(record, condition) for condition in relevant])
    told = with_other_requests(record, views)
    outcome = outcome if told is views else told[_judge_of(record, context)].outcome
    return _plain(record, context, outcome, told, record.classification.reason, findings, credentials)


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


def _modes(knowledge: Knowledge) -> frozenset[CredentialsMode]:
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
        return _noted(record, condition)
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


def _noted(record: Record, condition: Condition) -> Finding:
    """Tell of what no outcome hangs on."""
    severity = condition.severity or condition.violation.severity
    return _told(condition, severity, _stage(record), condition.needed)


def _told(condition: Condition, severity: Severity, stage: Stage, needed: str | None) -> Finding:
    violation = condition.violation
    message = violation.title.format_map(condition.params)
    if condition.detail:
        message = f"{message.rstrip('.')} ({failure_details.inert(condition.detail)})"
    return Finding(
        violation,
        severity,
        stage,
        message,
        condition.evidence,
        needed,
        fix_header=needed,
        params=condition.params,
    )


def _plain(
    record: Record,
    context: Context,
    outcome: Outcome,
    views: Mapping[Judge, View],
    reason: str,
    findings: tuple[Finding, ...] = (),
    credentials: CredentialsView = NO_CREDENTIALS_VIEW,
) -> Verdict:
    exchange = record.exchange
    return Verdict(
        id=exchange.id,
        method=exchange.request.method,
        url=exchange.request.url,
        origin=record.classification.origin,
        kind=record.kind.value,
        stage=_stage(record),
        outcome=outcome,
        judge=_judge_of(record, context),
        views=views,
        credentials=credentials,
        findings=findings,
        related=_related(record),
        reason=reason,
        status=exchange.response.status if exchange.response is not None else None,
        notes=context.notes,
        asked_method=_asked_method(record),
    )


def _asked_method(record: Record) -> str:
    if record.kind is not Kind.PREFLIGHT:
        return ""
    return failure_details.inert(record.exchange.request.headers.get("Access-Control-Request-Method") or "", 40)


def _judge_of(record: Record, context: Context) -> Judge:
    if context.judge is not None:
        return context.judge
    return JUDGE_OF[record.browser] if record.browser is not None else Judge.CHROMIUM


def _stage(record: Record) -> Stage:
    if record.kind is Kind.PREFLIGHT:
        return Stage.PREFLIGHT
    exchange = record.exchange
    if exchange.response is not None and _is_redirect(exchange.response):
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


def _credentials_view(knowledge: Knowledge) -> CredentialsView:
    if knowledge.assumed and not knowledge.evidence:
        return _ASSUMED
    mode = CredentialsMode.NOT_INCLUDE if knowledge.assumed else knowledge.mode
    return CredentialsView(
        "unknown" if mode is None else mode.value,
        assumed=knowledge.assumed,
        contradicted=knowledge.contradicted,
        evidence=tuple((e.mode.value, e.text, e.exchange_id, e.certain) for e in knowledge.evidence),
    )
