"""Where another browser would have made another request, so that the one that was seen says little about it.

Measured by running the same pages in Chromium 156, Firefox 153 and WebKitGTK 2.50.6.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from ..fetch.checks import SUCCESS, cors_check
from ..fetch.messages import CredentialsMode
from ..fetch.methods import is_cors_safelisted_method
from ..traffic.classify import CLIENT_HINTS, BrowserFamily, Kind
from ..traffic.record import Record
from .model import Judge, Outcome, View

_FONT_TYPES: Final = ("font/", "application/font", "application/x-font", "application/vnd.ms-fontobject")
_FONT_NAMES: Final = (".woff2", ".woff", ".ttf", ".otf", ".eot")
_NO_CORS_FONT: Final = "WebKit loads fonts without CORS: it sends no Origin, and no header is needed"
_PERHAPS_A_FONT: Final = "if this is a font of a style sheet, WebKit loads it without CORS"
_CORS_FONT: Final = "this browser loads fonts with CORS: it sends an Origin, and the server may answer that otherwise"
_NO_PREFLIGHT: Final = "this browser sends no preflight where these headers have valid values"
_OTHER_PROTOCOL: Final = "Firefox counts repeated header lines over HTTP/1.1 only; over HTTP/2 it joins them"
_CHROMIUMS_OWN: Final = CLIENT_HINTS | {"user-agent"}
_SENDS_ORIGIN: Final = frozenset({Judge.CHROMIUM, Judge.FIREFOX, Judge.SPEC})


def with_other_requests(record: Record, views: Mapping[Judge, View]) -> Mapping[Judge, View]:
    """Return what each judge says, corrected where that browser would have sent something else."""
    if record.browser is BrowserFamily.WEBKIT:
        views = _counted_lines(record, views)
    if record.kind is Kind.CORS:
        if record.browser is not BrowserFamily.WEBKIT:
            return _font_with_origin(record, views)
    elif record.kind is Kind.NO_CORS:
        if record.classification.destination == "font" and record.browser is BrowserFamily.WEBKIT:
            return _font_without_origin(record, views)
    elif record.kind is Kind.PREFLIGHT:
        return _needless_preflight(record, views)
    return views


def _counted_lines(record: Record, views: Mapping[Judge, View]) -> Mapping[Judge, View]:
    """WebKitGTK speaks HTTP/1.1 to a proxy; over https the others speak HTTP/2."""
    exchange = record.exchange
    if views[Judge.FIREFOX].error != "CORSMultipleAllowOriginNotAllowed":
        return views
    if not exchange.request.url.startswith("https:") or not exchange.http_version.startswith("HTTP/1"):
        return views
    return {**views, Judge.FIREFOX: View(Outcome.UNKNOWN, None, _OTHER_PROTOCOL)}


def _font_with_origin(record: Record, views: Mapping[Judge, View]) -> Mapping[Judge, View]:
    if views[Judge.WEBKIT].outcome not in (Outcome.BLOCKED, Outcome.CONDITIONAL):
        return views
    destination = record.classification.destination
    if destination == "font":
        return {**views, Judge.WEBKIT: View(Outcome.NOT_CORS, None, _NO_CORS_FONT)}
    if destination or not _looks_like_font(record):
        return views
    view = replace(views[Judge.WEBKIT], outcome=Outcome.CONDITIONAL, note=_PERHAPS_A_FONT)
    return {**views, Judge.WEBKIT: view}


def _looks_like_font(record: Record) -> bool:
    """Say whether a request without Sec-Fetch-Dest may be a style sheet's for a font."""
    request, response = record.exchange.request, record.exchange.response
    if request.method != "GET":
        return False
    content_type = response.headers.get("Content-Type") if response is not None else None
    path = request.url.partition("?")[0].lower()
    return path.endswith(_FONT_NAMES) or (content_type or "").lower().startswith(_FONT_TYPES)


def _font_without_origin(record: Record, views: Mapping[Judge, View]) -> Mapping[Judge, View]:
    response, origin = record.exchange.response, record.page_origin
    if response is None or origin is None or record.classification.site not in ("same-site", "cross-site"):
        return views
    shared = cors_check(origin, CredentialsMode.NOT_INCLUDE, response.headers) is SUCCESS
    view = View(Outcome.ALLOWED if shared else Outcome.UNKNOWN, None, _CORS_FONT)
    return {judge: view if judge in _SENDS_ORIGIN else views[judge] for judge in views}


def _needless_preflight(record: Record, views: Mapping[Judge, View]) -> Mapping[Judge, View]:
    """Chromium takes client hints of a script for safelisted, if their values are valid, and User-Agent always.

    A preflight has the names alone.
    """
    method = record.exchange.request.headers.get("Access-Control-Request-Method") or ""
    asked = record.asked_names
    if record.browser is BrowserFamily.CHROMIUM or not asked or not is_cors_safelisted_method(method):
        return views
    if views[Judge.CHROMIUM].outcome is Outcome.ALLOWED or not _CHROMIUMS_OWN.issuperset(asked):
        return views
    return {**views, Judge.CHROMIUM: View(Outcome.UNKNOWN, None, _NO_PREFLIGHT)}
