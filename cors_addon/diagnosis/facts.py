"""Puts what was asked and answered onto a verdict, from the exchange and those that belong to it."""

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, Final

from ..fetch.headers import HeaderList
from ..traffic.classify import Kind
from ..traffic.correlate import Correlator
from ..traffic.record import Record
from ..verdict.facts import Facts, Line
from ..verdict.failure_details import inert, without_user_info
from ..verdict.redact import redact, redact_header
from .curl import preflight_command, request_command

_LONGEST: Final = 600
_MOST: Final = 24
_ASKED: Final = frozenset(
    {"origin", "cookie", "authorization", "content-type", "referer", "sec-fetch-mode", "sec-fetch-dest"}
)
_ANSWERED: Final = frozenset(
    {
        *("age", "alt-svc", "cache-control", "cf-cache-status", "cf-mitigated", "cf-ray", "content-type", "date"),
        *("location", "retry-after", "server", "set-cookie", "timing-allow-origin", "vary", "via", "www-authenticate"),
        *("x-amz-cf-id", "x-amzn-errortype", "x-cache", "x-content-type-options", "x-frame-options", "x-powered-by"),
        *("x-request-id", "x-served-by", "ngrok-error-code"),
    }
)
_FAMILIES: Final = ("access-control-", "cross-origin-")


def facts_of(record: Record, correlator: Correlator) -> Facts:
    """Return what was asked and answered in an exchange."""
    exchange = record.exchange
    request, response = exchange.request, exchange.response
    origin = record.classification.origin or record.page_origin or ""
    own = {*_ASKED, *record.header_names}
    asked = tuple(_lines(request.headers, lambda name: name in own or name.startswith("access-control-")))
    answered: tuple[Line, ...] = ()
    if response is not None:
        answered = tuple(_lines(response.headers, lambda name: name in _ANSWERED or name.startswith(_FAMILIES)))
    method = request.method
    if record.kind is Kind.PREFLIGHT:
        method = request.headers.get("Access-Control-Request-Method") or method
    site = exchange.testimony.call_site if exchange.testimony is not None else None
    where: tuple[tuple[str, Any], ...] = ()
    if site is not None:
        url, function = inert(site.url, _LONGEST), inert(site.function, 100)
        where = (("url", url), ("line", site.line), ("column", site.column), ("function", function))
    return Facts(
        inert(method, 40),
        asked,
        answered,
        tuple(_commands(record, correlator, origin, method)),
        inert(redact(without_user_info(request.headers.get("Referer") or "")), _LONGEST),
        exchange.started,
        where,
    )


def _lines(headers: HeaderList, wanted: Callable[[str], bool]) -> Iterator[Line]:
    shown = [line for line in headers if wanted(line[0].lower())]
    for name, value in shown[:_MOST]:
        yield _often(name, value) if len(value) <= _LONGEST else _line(name, value)


def _line(name: str, value: str) -> Line:
    return inert(name, 100), inert(redact_header(name, without_user_info(value)), _LONGEST)


_often: Final = lru_cache(2048)(_line)


def _commands(record: Record, correlator: Correlator, origin: str, method: str) -> Iterator[str]:
    url = record.exchange.request.url
    if not origin:
        return
    if record.kind is Kind.PREFLIGHT:
        following = correlator.get(record.request)
        sent = None if following is None else following.exchange.request.headers
        yield preflight_command(url, origin, method, record.asked_names)
        yield request_command(url, origin, method, record.asked_names, sent)
        return
    sent = record.exchange.request.headers
    if record.kind is Kind.CORS and record.needs_preflight:
        yield preflight_command(url, origin, method, record.header_names)
    yield request_command(url, origin, method, record.header_names, sent)
