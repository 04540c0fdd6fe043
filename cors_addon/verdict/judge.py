"""From an exchange and what is known around it to a verdict.

Three-valued where the credentials mode is open: both modes are tried, and what differs hangs on it.
"""

from dataclasses import replace
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity, Stage
from ..fetch.headers import HeaderList
from ..fetch.messages import CredentialsMode, Response
from ..fetch.origins import serialize_origin
from ..traffic.classify import BrowserFamily, Kind, is_document_request
from ..traffic.exchange import Exchange
from ..traffic.http_cache import refreshed
from ..traffic.record import Record
from ..traffic.testimony import Testimony, Told
from . import failure_details
from .assembly import (
    CORS_KINDS,
    NO_CREDENTIALS_VIEW,
    Context,
    credentials_view,
    is_redirect,
    modes_of,
    noted,
    passed,
    plain,
    verdict_on,
)
from .browsers import ALL_JUDGES
from .conditions import BOTH_MODES, access_conditions, preflight_conditions
from .model import Condition, CredentialsView, Outcome, Verdict
from .redirect_conditions import as_webkit_checks_them, bound_to_origin_conditions, location_conditions
from .testified import REFUSED, reason_of, says_why_no_response, testimony_of, unsaved, with_testimony
from .withheld import BLOCKED_BY

_REFUSED: Final = "an extension's Origin, and 403: the server itself may have to list it"


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
                return verdict_on(record, context, conditions, None)
            return passed(record, context, conditions, Outcome.NOT_CORS)
        case Kind.EXTENSION | Kind.STRIPPED:
            response = record.exchange.response
            # No permission of an extension keeps a server from refusing what it does not know.
            refused = response is not None and response.status == 403 and record.classification.origin is not None
            reason = _REFUSED if refused and record.kind is Kind.EXTENSION else record.classification.reason
            return plain(record, context, Outcome.UNKNOWN, reason)


def _without_response(record: Record, context: Context, testimony: Testimony) -> Verdict:
    """Judge what the browser itself said why there is no response."""
    reason = reason_of(testimony)
    if testimony.blocked_by is not None:
        return plain(record, context, Outcome.BLOCKED, reason)
    # What the browser names is said, though the headers that it read were not saved.
    findings = tuple(noted(record, each) for each in context.extra if each.violation.id in BLOCKED_BY.values())
    if record.exchange.error is not None and testimony.outcome is Told.FAILED:
        # No fault of the CORS headers: said, and no more.
        lost = replace(_network_error(record), judges=frozenset(), severity=Severity.ADVICE)
        findings = (noted(record, lost),)
    outcome = Outcome.UNKNOWN if record.kind in CORS_KINDS else Outcome.NOT_CORS
    return plain(record, context, outcome, reason, findings)


def _judge_cors(record: Record, context: Context) -> Verdict:
    exchange = record.exchange
    response = exchange.response
    if exchange.error is not None and not _aborted(exchange):
        return verdict_on(record, context, [_network_error(record)], context.knowledge(record))
    reason = _why_unknown(record)
    if reason or response is None:
        return plain(record, context, Outcome.UNKNOWN, reason)
    if record.answered is not None:
        reason = f"the browser answered the challenge itself (flow {record.answered}): what came then is checked"
        return plain(record, context, Outcome.NOT_CORS, reason)
    origin = record.classification.origin or "null"
    credentials = NO_CREDENTIALS_VIEW
    if record.kind is Kind.PREFLIGHT:
        conditions = preflight_conditions(exchange, origin, record.page_origin if record.tainted else None)
    elif response.status == 304 and _is_revalidation(record):
        found = _conditions_of_304(record, context, origin, response)
        if isinstance(found, str):
            return plain(record, context, Outcome.UNKNOWN, found)
        conditions = found
    else:
        conditions, credentials = _conditions_of_response(record, context, origin, response)
    conditions += context.extra
    for condition in conditions:
        if condition.judges:
            return verdict_on(record, context, conditions, context.knowledge(record))
    return passed(record, context, conditions, Outcome.ALLOWED, credentials)


def _why_unknown(record: Record) -> str:
    """Say why nobody can know what becomes of an exchange; empty where a response was seen."""
    exchange = record.exchange
    if exchange.error is not None:
        return "the browser gave the request up before its answer came"
    if exchange.response is None:
        return "no response yet" if record.delivered is None else "the server was not asked: a rule answered for it"
    if exchange.response.status == 0:
        return unsaved(exchange)
    return "only an interim response was seen" if exchange.response.status < 200 else ""


def _conditions_of_304(record: Record, context: Context, origin: str, response: Response) -> list[Condition] | str:
    """Return what fails in a stored response that a 304 confirms, or why that is unknown."""
    if record.stored is None and response.headers.allow_origin is None:
        return "a 304 confirms a stored response, and that one was not seen"
    headers = refreshed(record.stored, response.headers)
    if _passes_for_all(origin, headers):
        return []
    conditions = access_conditions(record.exchange, origin, Stage.RESPONSE, headers)
    if record.stored is not None or headers.allow_credentials is not None:
        return conditions
    others = [c for c in conditions if c.violation.id != "allow-credentials-not-true"]
    if conditions and not others and CredentialsMode.INCLUDE in modes_of(context.knowledge(record)):
        return "a 304 confirms a stored response, and that one, which may allow credentials, was not seen"
    return others


def _conditions_of_response(
    record: Record, context: Context, origin: str, response: Response
) -> tuple[list[Condition], CredentialsView]:
    """Return what fails in a response or redirect, and what was found out of the credentials mode on the way."""
    conditions: list[Condition] = []
    credentials = NO_CREDENTIALS_VIEW
    headers, redirect = response.headers, is_redirect(response)
    by_webkit = redirect and record.began_at_page and not _is_followed_by_webkit(record)
    if not _passes_for_all(origin, headers):
        # WebKit checks its redirects with credentials whatever the mode is.
        hangs_on_mode = not by_webkit and _passes_without_credentials(origin, headers)
        known = context.knowledge(record) if hangs_on_mode else None
        if known is None or CredentialsMode.INCLUDE in modes_of(known):
            conditions = access_conditions(record.exchange, origin, Stage.REDIRECT if redirect else Stage.RESPONSE)
        else:
            credentials = credentials_view(known)
    if by_webkit:
        conditions = as_webkit_checks_them(record, conditions)
    if redirect and not record.was_followed:
        conditions += location_conditions(record, origin)
    return conditions, credentials


def _is_followed_by_webkit(record: Record) -> bool:
    return record.browser is BrowserFamily.WEBKIT and record.was_followed


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
