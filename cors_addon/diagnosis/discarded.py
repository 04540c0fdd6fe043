"""What browsers take from an answer that CORS lets pass, or that nobody may read: advice, and no block."""

from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Stage
from ..fetch.messages import CredentialsMode
from ..fetch.origins import serialize_origin
from ..fetch.safelists import mime_essence
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
    if record.kind is not Kind.CORS:
        return []
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
