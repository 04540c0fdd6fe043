"""What browsers take from an answer that CORS lets pass, or that nobody may read: advice, and no block."""

from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Stage
from ..fetch.headers import get_decode_and_split
from ..fetch.messages import CredentialsMode
from ..fetch.origins import serialize_origin
from ..fetch.safelists import mime_essence
from ..traffic.body_hints import Hint
from ..traffic.classify import Kind
from ..traffic.cookies import CookieObserver, Refusal
from ..traffic.credentials import CredentialsObserver
from ..traffic.record import Record
from ..verdict.conditions import BOTH_MODES
from ..verdict.failure_details import inert
from ..verdict.model import Condition, HeaderLine

_DATA: Final = frozenset({"application/json", "application/x-ndjson", "application/xml", "text/csv", "text/json"})


def neglected_conditions(record: Record, credentials: CredentialsObserver, cookies: CookieObserver) -> list[Condition]:
    """Return what is lost of an exchange although it is not blocked."""
    if record.kind is Kind.NO_CORS:
        return _opaque(record)
    if record.kind is Kind.WEBSOCKET:
        return _handshake(record)
    if record.kind is Kind.SAME_ORIGIN:
        return _own_origin(record)
    if record.kind is not Kind.CORS:
        return []
    unreturned = cookies.unreturned(record)
    if unreturned is not None and credentials.assess(record).mode is not CredentialsMode.INCLUDE:
        name, setter = unreturned
        line = HeaderLine("response", "Set-Cookie", inert(f"{name}=... (flow {setter})", 200))
        return [_condition("sticky-cookie-not-returned", {"names": inert(name)}, (line,))]
    refused = cookies.of(record)
    if not refused or credentials.assess(record).mode is CredentialsMode.NOT_INCLUDE:
        return []
    names = inert(", ".join(dict.fromkeys(f"{each.name} ({each.why.value})" for each in refused)))
    told = dict.fromkeys((each.name, each.why.value, each.exchange_id) for each in refused)
    if any(each.why is Refusal.THIRD_PARTY for each in refused):
        lines: tuple[HeaderLine, ...] = (HeaderLine("request", "Sec-Fetch-Storage-Access", "none"),)
        return [_condition("set-cookie-refused", {"names": names}, lines)]
    lines = tuple(
        HeaderLine("response", "Set-Cookie", inert(f"{name}=... ({why}{_elsewhere(record, flow)})", 200))
        for name, why, flow in told
    )
    return [_condition("set-cookie-refused", {"names": names}, lines)]


def _own_origin(record: Record) -> list[Condition]:
    """A request to the page's own server that CORS code refuses."""
    response = record.exchange.response
    if response is None or "origin" not in record.exchange.request.headers:
        return []
    hints = {Hint.CORS_REFUSED, Hint.ORIGIN_REFUSED, Hint.METHOD_REFUSED, Hint.HEADERS_REFUSED}
    by_body = not hints.isdisjoint(record.exchange.body_hints) and response.status in (400, 401, 403, 500)
    varies = {value.lower() for value in get_decode_and_split(response.headers, "Vary") or ()}
    asked = {"access-control-request-method", "access-control-request-headers"}
    # Refusals of other code come as a page or as JSON, with the same Vary where CORS code wraps it.
    bare = "content-type" not in response.headers and "www-authenticate" not in response.headers
    by_vary = response.status == 403 and "origin" in varies and bool(varies & asked) and bare
    if not by_body and not by_vary:
        return []
    params = {"origin": inert(record.classification.page_origin or ""), "status": str(response.status)}
    values = response.headers.get_all("Vary")[:8]
    lines = tuple(HeaderLine("response", "Vary", inert(value, 200)) for value in values)
    return [_condition("own-origin-refused", params, lines)]


def _handshake(record: Record) -> list[Condition]:
    """A WebSocket handshake of a page that the server refuses or redirects; an error of its own is no refusal."""
    response = record.exchange.response
    if response is None or not 300 <= response.status < 500 or record.classification.origin is None:
        return []
    lines = (HeaderLine("request", "Origin", inert(record.classification.origin, 200)),)
    return [_condition("websocket-refused", {"status": str(response.status)}, lines)]


def _opaque(record: Record) -> list[Condition]:
    """A GET for data by a script: nothing else has this destination, but for what browsers load ahead."""
    exchange = record.exchange
    headers = exchange.request.headers
    if record.classification.destination != "empty" or exchange.request.method != "GET":
        return []
    if record.classification.site not in ("cross-site", "same-site") or exchange.response is None:
        return []
    if "sec-purpose" in headers or "purpose" in headers:
        return []
    if serialize_origin(exchange.request.url) == record.page_origin:
        return []
    content_type = exchange.response.headers.content_type or ""
    essence = mime_essence(content_type) or ""
    if essence not in _DATA and not essence.endswith("+json"):
        return []
    lines = (
        HeaderLine("request", "Sec-Fetch-Mode", "no-cors"),
        HeaderLine("response", "Content-Type", inert(content_type, 200)),
    )
    return [_condition("response-opaque", {}, lines)]


def _elsewhere(record: Record, flow: str) -> str:
    return "" if flow == record.id else f", flow {flow}"


def _condition(name: str, params: dict[str, str], lines: tuple[HeaderLine, ...]) -> Condition:
    return Condition(CATALOGUE[name], Stage.RESPONSE, BOTH_MODES, frozenset(), params, "", lines)
