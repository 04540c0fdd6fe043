"""Whether two exchanges belong together, from nothing but the two: the correlator chooses among those that may."""

from dataclasses import replace
from typing import Final

from ..fetch.headers import Invalid, extract_header_list_values
from ..fetch.messages import CredentialsMode
from ..fetch.origins import OPAQUE, serialize_origin
from ..fetch.preflight_cache import covers, entry_of
from ..fetch.redirects import is_tainted_by, redirected_method
from ..fetch.safelists import is_cors_safelisted_request_header
from ..fetch.urls import parse_url
from .classify import BrowserFamily, Kind, is_http_authentication
from .passing_modes import leaves_grant, surviving_modes
from .preflight_rules import (
    grant_seconds,
    honours_wildcard_from_cache,
    is_kept,
    wildcard_covers_authorization,
)
from .record import Record

SLACK: Final = 0.25
"""How far two time stamps of one proxy may be out of order: the browser may start before the proxy has seen the end."""

_FILE_SLACK: Final = 1.0
"""The same for a file: recorders take the two times by different clocks, or leave out what a request waited for."""

_LEFT_OUT: Final = frozenset({"authorization", "cookie"})
"""What browsers leave out of an export that they call sanitized."""

_LINK_SECONDS: Final = 10.0
"""Within milliseconds, mostly; a busy machine and a slow connection take longer."""

_NEXT_KINDS: Final = {
    Kind.CORS: frozenset({Kind.CORS, Kind.PREFLIGHT, Kind.STRIPPED}),
    Kind.SAME_ORIGIN: frozenset({Kind.SAME_ORIGIN, Kind.CORS, Kind.PREFLIGHT, Kind.STRIPPED, Kind.NO_ORIGIN}),
    Kind.NO_ORIGIN: frozenset(Kind) - {Kind.NOT_BROWSER, Kind.EXTENSION, Kind.WEBSOCKET},
    Kind.NO_CORS: frozenset({Kind.NO_CORS, Kind.NO_ORIGIN}),
    Kind.NAVIGATION: frozenset({Kind.NAVIGATION, Kind.NO_ORIGIN}),
}
"""What the next hop of each kind may be: over plain http the kind shows less."""


def slack(record: Record) -> float:
    """Return by how many seconds a request may begin before its preflight ends."""
    return _FILE_SLACK if record.exchange.source == "har" else SLACK


def may_have_preflight(record: Record) -> bool:
    """Say whether a preflight may have gone before: reports that the browser sends by itself have one, too."""
    return record.kind is Kind.CORS or (record.kind is Kind.NO_CORS and record.classification.origin is not None)


def unasked_names(preflight: Record, request: Record) -> int | None:
    """Say how well a preflight fits a request: how many of its names were not asked for; ``None`` if not at all.

    A preflight has an answer before its request begins. Some browser may add a header that this project takes for a
    script's, so one that was not asked for makes the tie weaker and does not cut it.
    """
    before, after = preflight.exchange, request.exchange
    saved = after.source == "har"
    if preflight.seen is None or after.started > preflight.over + _LINK_SECONDS:
        return None
    if saved:
        if after.started < before.started - _FILE_SLACK:
            return None
    elif after.started < preflight.over - SLACK or before.started > after.started:
        return None
    if before.request.headers.request_method != after.request.method:
        return None
    if not is_same_page(preflight, request):
        return None
    missing = [name for name in preflight.asked_names if name not in after.request.headers]
    if missing and not request.was_never_sent and not (saved and _LEFT_OUT.issuperset(missing)):
        return None
    if (
        not request.was_never_sent
        and "content-type" in preflight.asked_names
        and is_cors_safelisted_request_header("content-type", after.request.headers.content_type or "")
    ):
        # The request that it was for never went out: this one is another, and needed none.
        return None
    return len(set(request.header_names).difference(preflight.asked_names)) + len(missing)


def is_same_page(earlier: Record, request: Record) -> bool:
    """Say whether browser and page are the same ones; the earlier one may be a preflight."""
    one, other = (r.exchange.request.headers.user_agent for r in (earlier, request))
    if one != other and "user-agent" not in earlier.asked_names:
        return False
    origin = earlier.classification.origin
    if origin == request.classification.origin:
        return True
    # Firefox asks in the page's name on behalf of a request whose own Origin has become null.
    return request.tainted and origin == request.page_origin and request.browser is BrowserFamily.FIREFOX


def may_need_grant(request: Record) -> bool:
    """Say whether a request without a preflight was covered by the cache, or may have been.

    Nothing in a conditional request tells whether the browser made it so, or the page, which has to ask for that.
    """
    return request.needs_preflight or any(
        name in request.exchange.request.headers for name in ("if-none-match", "if-modified-since")
    )


def asked_for_condition(preflight: Record, request: Record) -> bool:
    """Say whether a preflight asked for the header that makes a request conditional."""
    headers = request.exchange.request.headers
    return any(name.startswith("if-") and name in headers for name in preflight.asked_names)


def passes(record: Record) -> bool:
    """Say whether a browser may go on after this response at all."""
    return bool(surviving_modes(record))


def grants(preflight: Record, request: Record) -> bool:
    """Say whether what a preflight was granted spares a request of the same URL its own.

    Each browser's own rules: how long it keeps a grant, and what it takes from it.
    """
    response = preflight.seen
    if response is None or not is_same_page(preflight, request) or not leaves_grant(preflight):
        return False
    asked, answered = preflight.exchange.request.headers, response.headers
    seconds = grant_seconds(preflight.browser, answered)
    if seconds is None or not is_kept(preflight.browser, request.exchange.request.url):
        return False
    mode = CredentialsMode.NOT_INCLUDE if honours_wildcard_from_cache(preflight.browser) else CredentialsMode.INCLUDE
    # A response without Access-Control-Allow-Methods grants the method asked for, unless it refuses the preflight.
    requested = (asked.request_method or "") if passes(preflight) else ""
    entry = entry_of("", "", mode, requested, answered, preflight.over + SLACK, seconds)
    if entry is None:
        return False
    method = request.exchange.request.method
    if method == "HEAD" and preflight.browser is BrowserFamily.FIREFOX and not _lists(preflight, method):
        return False
    authorization_too = wildcard_covers_authorization(preflight.browser)
    return covers(entry, mode, method, request.header_names, request.exchange.started, authorization_too)


def _lists(preflight: Record, method: str) -> bool:
    """Say whether HEAD is listed, which Firefox's cache asks for as of any other method."""
    assert preflight.seen is not None
    methods = extract_header_list_values(preflight.seen.headers, "Access-Control-Allow-Methods")
    return method in methods if methods and not isinstance(methods, Invalid) else False


def carries_http_authentication(record: Record) -> bool:
    """Say whether a request carries what browsers answer a challenge with."""
    authorization = record.exchange.request.headers.authorization
    return record.kind is Kind.CORS and authorization is not None and is_http_authentication(authorization)


def challenges(earlier: Record, record: Record) -> bool:
    """Say whether a response asked for the HTTP authentication that the next request of its page then carries.

    The browser does that below CORS, and at once: a page that has the script do it makes a preflight first.
    """
    response = earlier.seen
    if response is None or response.status != 401 or response.headers.www_authenticate is None:
        return False
    if record.preflight is not None or record.cached_grant is not None or carries_http_authentication(earlier):
        return False
    return earlier.over - SLACK <= record.exchange.started <= earlier.over + _LINK_SECONDS


def as_asked_for(url: str, browser: BrowserFamily | None) -> str:
    """Return a redirect's target as it shows in the next request: without user name and password.

    Chromium also encodes a ``|`` in a path, which the standard leaves alone.
    """
    encodes = "|" in url and browser is BrowserFamily.CHROMIUM
    parsed = parse_url(url) if encodes or "@" in url else None
    if parsed is None:
        return url
    path = parsed.path.replace("|", "%7C") if encodes else parsed.path
    return replace(parsed, username="", password="", path=path).serialize()


def is_next(hop: Record, record: Record) -> bool:
    """Say whether a request may be what a browser made of a redirect that leads to its URL."""
    before, after = hop.exchange, record.exchange
    response = hop.seen
    if response is None or record.kind not in _NEXT_KINDS.get(hop.kind, ()):
        return False
    if hop.order >= record.order or not hop.over - SLACK <= after.started <= hop.over + _LINK_SECONDS:
        return False
    request = after.request
    method = request.headers.request_method if record.kind is Kind.PREFLIGHT else request.method
    if method != redirected_method(response.status, before.request.method) and not _becomes_get(hop, record, method):
        return False
    if hop.browser is not record.browser or record.classification.origin not in _next_origins(hop, record):
        return False
    if record.classification.origin == OPAQUE and not _keeps_referrer(hop, record):
        return False
    return hop.kind is not Kind.CORS or passes(hop)


def _becomes_get(hop: Record, record: Record, method: str | None) -> bool:
    """Say whether WebKit may have made GET of DELETE, as it does on a redirect to another origin, whatever its status.

    ``shouldRedirectAsGET`` in NetworkDataTaskSoup.cpp; measured with WebKitGTK 2.50.6.
    """
    if record.browser is not BrowserFamily.WEBKIT or (hop.exchange.request.method, method) != ("DELETE", "GET"):
        return False
    return serialize_origin(hop.exchange.request.url) != serialize_origin(record.exchange.request.url)


def _keeps_referrer(hop: Record, record: Record) -> bool:
    """Say whether a request may come from the page that a redirect was for, by what both tell as their Referer.

    Browsers keep a request's referrer along a chain, unless the redirect brings another policy or leads from https to
    http: https://w3c.github.io/webappsec-referrer-policy/#set-requests-referrer-policy-on-redirect
    """
    before, after = (each.exchange.request.headers.referer for each in (hop, record))
    if before is None:
        return True
    if after is None:
        assert hop.seen is not None
        is_downgrade = before.startswith("https:") and record.exchange.request.url.startswith("http:")
        return is_downgrade or hop.seen.headers.get("Referrer-Policy") is not None
    return serialize_origin(before) == serialize_origin(after)


def _next_origins(hop: Record, record: Record) -> tuple[str | None, ...]:
    """Return what ``Origin`` the next hop may carry, ``None`` for none."""
    here, there = serialize_origin(hop.exchange.request.url), serialize_origin(record.exchange.request.url)
    origin = hop.classification.origin
    if hop.kind is Kind.CORS:
        page = hop.page_origin or origin or OPAQUE
        if origin != OPAQUE and not is_tainted_by(hop.exchange.request.url, record.exchange.request.url, page):
            return (origin,)
        # Firefox asks in the page's name on behalf of a request whose own Origin has become null.
        return (OPAQUE, page) if record.kind is Kind.PREFLIGHT else (OPAQUE,)
    if here == there:
        return origin, here, None
    page = hop.classification.page_origin or here
    return (here, None) if page == here else (origin, OPAQUE, None)
