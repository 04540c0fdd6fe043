"""What kind of request an exchange is, and which browser made it.

Browsers send ``Sec-Fetch-*`` only to potentially trustworthy URLs, so plain http has to be told from the rest of the
request. What is decided from such weaker signs is marked as not ``sure``.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from ..fetch.headers import byte_lowercase
from ..fetch.messages import Request
from ..fetch.methods import is_cors_safelisted_method, is_forbidden_method
from ..fetch.origins import OPAQUE, origin_of, serialize_origin
from ..fetch.safelists import (
    cors_unsafe_request_header_names,
    is_cors_safelisted_request_header,
    is_forbidden_request_header,
)
from .browser_family import BrowserFamily as BrowserFamily
from .exchange import Exchange


class Kind(Enum):
    """What a request is to CORS."""

    PREFLIGHT = "preflight"
    CORS = "cors"
    SAME_ORIGIN = "same-origin"
    """Mode "cors" or "same-origin" to the page's own origin, every hop so far."""
    NO_CORS = "no-cors"
    NAVIGATION = "navigation"
    WEBSOCKET = "websocket"
    NO_ORIGIN = "no-origin"
    """No Origin header and nothing else that tells: same-origin, no-cors, a navigation, or no browser at all."""
    NOT_BROWSER = "not-browser"
    EXTENSION = "extension"
    """Made by a browser extension or by the browser for its user: host permissions may lift CORS."""
    STRIPPED = "stripped"
    """A cross-origin CORS request whose Origin header is gone or rewritten by something between page and proxy."""

    # Enum's own asks the name, and every verdict is full of sets and dictionaries of these.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Classification:
    """The kind of an exchange.

    ``origin`` is the request's own ``Origin`` value, which is what browsers compare with. ``site`` and ``destination``
    are the values of Sec-Fetch-Site and -Dest, empty where not sent. ``page_origin`` is the serialized origin of the
    page where it can be told, else ``None``. ``reason`` says, in a few words, what decided.
    """

    kind: Kind
    sure: bool
    reason: str
    origin: str | None = None
    site: str = ""
    destination: str = ""
    page_origin: str | None = None


_LONGEST_ORIGIN: Final = 1000
_LONGEST_HOST: Final = 300
_LONGEST_AGENT: Final = 500
_LONGEST_DESTINATION: Final = 30
_EXTENSION_SCHEMES: Final = ("chrome-extension://", "moz-extension://", "safari-web-extension://")

CLIENT_HINTS: Final = frozenset(
    {"device-memory", "downlink", "dpr", "ect", "intervention", "rtt", "save-data", "viewport-width", "width"}
)
"""What Chromium adds itself, and takes for safelisted where a script sets it; the others send a preflight for them."""

# Header fields that browsers add by themselves although a page could set some of them too.
BROWSER_ADDED: Final = frozenset(
    {
        "accept",
        "accept-language",
        "alt-used",
        "attribution-reporting-eligible",
        "attribution-reporting-support",
        "available-dictionary",
        "cache-control",
        "device-memory",
        "dictionary-id",
        "downlink",
        "dpr",
        "ect",
        "http2-settings",
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "intervention",
        "last-event-id",
        "ping-from",
        "ping-to",
        "pragma",
        "priority",
        "purpose",
        "range",
        "rtt",
        "save-data",
        "upgrade-insecure-requests",
        "user-agent",
        "viewport-width",
        "width",
        "x-client-data",
        "x-moz",
    }
)
_UNASKED_TYPES: Final = frozenset(
    {"application/csp-report", "application/expect-ct-report+json", "application/reports+json", "text/ping"}
)
# What proxies between browser and us add; none of it needs a preflight.
_GATEWAY_ADDED: Final = frozenset(
    {
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-proto",
        "x-forwarded-server",
        "x-real-ip",
    }
)
# An Android WebView names its app in X-Requested-With, on every request.
_APP_NAME: Final = re.compile(r"[A-Za-z]\w*+(?:\.\w++)++", re.ASCII)
_MOST_LISTS: Final = 1_000
_LONGEST_LIST: Final = 60
_LONGEST_NAME: Final = 64
_THE_BROWSERS: Final[dict[tuple[str, ...], bool]] = {}
_BROWSER_SCHEMES: Final = ("basic ", "digest ", "negotiate ", "ntlm ")

_Maker = Callable[[Kind, bool, str], Classification]


def browser_of(user_agent: str | None) -> BrowserFamily | None:
    """Tell the engine from a User-Agent; on iOS every browser is WebKit."""
    if not user_agent:
        return None
    # Whatever is longer is no browser's, and must not fill the cache.
    return _browser_of(user_agent) if len(user_agent) <= _LONGEST_AGENT else _told_by(user_agent)


def _told_by(user_agent: str) -> BrowserFamily | None:
    if "CriOS/" in user_agent or "FxiOS/" in user_agent or "EdgiOS/" in user_agent:
        return BrowserFamily.WEBKIT
    if "Firefox/" in user_agent:
        return BrowserFamily.FIREFOX
    if "Chrome/" in user_agent or "Chromium/" in user_agent:
        return BrowserFamily.CHROMIUM
    if "AppleWebKit/" in user_agent:
        return BrowserFamily.WEBKIT
    return None


_browser_of = lru_cache(256)(_told_by)


def is_cors_preflight_request(request: Request) -> bool:
    """Say whether a request is a CORS-preflight request; a page cannot forge Access-Control-Request-Method.

    https://fetch.spec.whatwg.org/#cors-preflight-request
    """
    return (
        request.method == "OPTIONS"
        and request.headers.request_method is not None
        and request.headers.origin is not None
    )


def script_set_header_names(request: Request) -> tuple[str, ...]:
    """Return the unsafe header names that a script appears to have set: what a preflight had to ask for.

    https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names, less what browsers add by themselves.
    """
    headers = request.headers
    names = headers.names()
    if _are_the_browsers(names) and CLIENT_HINTS.isdisjoint(names):
        return ()
    if browser_of(headers.user_agent) is not BrowserFamily.WEBKIT:
        return tuple(cors_unsafe_request_header_names(line for line in headers if _may_be_a_scripts(*line)))
    # WebKit sends no client hints of its own, and counts no sum of safelisted values.
    scripts = [line for line in headers if _may_be_a_scripts(*line) or byte_lowercase(line[0]) in CLIENT_HINTS]
    return tuple(
        sorted({byte_lowercase(name) for name, value in scripts if not is_cors_safelisted_request_header(name, value)})
    )


def _are_the_browsers(names: tuple[str, ...]) -> bool:
    """Say whether no header of these lower-case names is a script's, whatever its value."""
    known = _THE_BROWSERS.get(names)
    if known is None:
        known = all(map(_is_the_browsers, names))
        if (
            len(_THE_BROWSERS) < _MOST_LISTS
            and len(names) <= _LONGEST_LIST
            and max(map(len, names), default=0) <= _LONGEST_NAME
        ):
            _THE_BROWSERS[names] = known
    return known


def _is_the_browsers(name: str) -> bool:
    if name in BROWSER_ADDED or name in _GATEWAY_ADDED or name.startswith(":"):
        return True
    return is_forbidden_request_header(name)


def _may_be_a_scripts(name: str, value: str) -> bool:
    lower = byte_lowercase(name)
    if lower in BROWSER_ADDED or lower in _GATEWAY_ADDED or lower.startswith(":"):
        return False
    if lower == "x-requested-with" and _APP_NAME.fullmatch(value.strip(" \t")):
        return False
    return not is_forbidden_request_header(name, value)


def is_http_authentication(authorization: str) -> bool:
    """Say whether an ``Authorization`` value is one that browsers write themselves, asked by a server."""
    return authorization.lower().startswith(_BROWSER_SCHEMES)


def needs_preflight(request: Request) -> bool:
    """Say whether the request, had a script made it across origins, needs a preflight."""
    return not is_cors_safelisted_method(request.method) or bool(script_set_header_names(request))


def page_origin_of(request: Request) -> str | None:
    """Return the page's serialized origin as told by ``Origin``, or else by ``Referer``; else ``None``."""
    origin = request.headers.origin
    if origin is not None and origin != "null":
        return origin
    referer = request.headers.referer
    if referer is None:
        return None
    return serialize_origin(referer)


def classify(exchange: Exchange) -> Classification:
    """Classify an exchange from its request alone."""
    request = exchange.request
    headers = request.headers
    origin = headers.origin
    site = headers.sec_fetch_site or ""
    mode = headers.sec_fetch_mode or ""
    destination = headers.sec_fetch_dest or ""

    if mode == "cors" and site in _BETWEEN_ORIGINS and _is_usual(exchange, origin, destination):
        # Most of what CORS judges.
        assert origin is not None
        is_preflight = request.method == "OPTIONS" and headers.request_method is not None
        return (_preflight if is_preflight else _by_fetch)(origin, site, destination)

    def as_kind(kind: Kind, sure: bool, reason: str) -> Classification:
        return Classification(kind, sure, reason, origin, site, destination, page_origin_of(request))

    if exchange.websocket or (headers.upgrade or "").lower() == "websocket" or mode == "websocket":
        return as_kind(Kind.WEBSOCKET, True, "a WebSocket handshake is not subject to CORS")
    if origin is not None and origin.startswith(_EXTENSION_SCHEMES):
        return as_kind(
            Kind.EXTENSION,
            True,
            "an extension's Origin: host_permissions in its manifest decide whether CORS applies",
        )
    if origin is not None and not _is_one_origin(origin):
        return as_kind(Kind.STRIPPED, False, "no browser sends an Origin that is no single origin")
    if is_forbidden_method(request.method):
        return as_kind(Kind.NOT_BROWSER, True, f"no page can send {request.method.upper()}")
    if is_cors_preflight_request(request):
        return as_kind(Kind.PREFLIGHT, True, "OPTIONS with Access-Control-Request-Method")
    if exchange.source == "har":
        if not len(headers):
            return as_kind(Kind.STRIPPED, False, "no request headers were saved")
        if mode == "cors" and origin is not None and origin == serialize_origin(request.url):
            return as_kind(Kind.SAME_ORIGIN, True, "Origin is the target's own")
    if mode and site:
        return _by_fetch_metadata(as_kind, origin, mode, site)
    return _without_fetch_metadata(as_kind, exchange, origin, mode)


_BETWEEN_ORIGINS: Final = ("same-site", "cross-site")
_USUAL_METHODS: Final = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"})


def _is_usual(exchange: Exchange, origin: str | None, destination: str) -> bool:
    """Say whether a request is like most, and nothing in it too long for a cache."""
    request = exchange.request
    if origin is None or len(origin) > _LONGEST_HOST or len(destination) > _LONGEST_DESTINATION or exchange.websocket:
        return False
    is_web = origin.startswith(("https://", "http://")) and _is_one_origin(origin)
    return is_web and request.headers.upgrade is None and request.method in _USUAL_METHODS


@lru_cache(2048)
def _preflight(origin: str, site: str, destination: str) -> Classification:
    reason = "OPTIONS with Access-Control-Request-Method"
    return Classification(Kind.PREFLIGHT, True, reason, origin, site, destination, origin)


@lru_cache(2048)
def _by_fetch(origin: str, site: str, destination: str) -> Classification:
    reason = f"Sec-Fetch-Mode is cors, Sec-Fetch-Site is {site}"
    return Classification(Kind.CORS, True, reason, origin, site, destination, origin)


def _by_fetch_metadata(as_kind: _Maker, origin: str | None, mode: str, site: str) -> Classification:
    if mode.startswith(("navigate", "nested-navigate")):
        return as_kind(Kind.NAVIGATION, True, f"Sec-Fetch-Mode is {mode}")
    if mode == "no-cors":
        return as_kind(Kind.NO_CORS, True, "Sec-Fetch-Mode is no-cors")
    if mode == "same-origin":
        return as_kind(Kind.SAME_ORIGIN, True, "Sec-Fetch-Mode is same-origin")
    if mode != "cors":
        return as_kind(Kind.NO_CORS, False, f"Sec-Fetch-Mode is {mode}")
    if site == "same-origin":
        return as_kind(Kind.SAME_ORIGIN, True, "Sec-Fetch-Site is same-origin")
    if site == "none":
        return as_kind(Kind.EXTENSION, True, "Sec-Fetch-Site is none: no page made this request")
    if origin is None:
        return as_kind(Kind.STRIPPED, False, "a cross-origin CORS request without Origin")
    return as_kind(Kind.CORS, True, f"Sec-Fetch-Mode is cors, Sec-Fetch-Site is {site}")


def _without_fetch_metadata(as_kind: _Maker, exchange: Exchange, origin: str | None, mode: str) -> Classification:
    request = exchange.request
    headers = request.headers
    if origin is None:
        return as_kind(Kind.NO_ORIGIN, False, "no Origin header")
    if mode:
        return as_kind(Kind.NOT_BROWSER, False, "Sec-Fetch-Mode without Sec-Fetch-Site: no browser sends that")
    if browser_of(headers.user_agent) is None and exchange.source != "har":
        return as_kind(Kind.NOT_BROWSER, False, "no browser's User-Agent and no Sec-Fetch-* headers")
    target = origin_of(request.url)
    if target is not None and target.serialize() == origin:
        return as_kind(Kind.SAME_ORIGIN, True, "Origin is the target's own")
    if request.method in ("GET", "HEAD"):
        if headers.upgrade_insecure_requests is not None:
            return as_kind(Kind.NAVIGATION, True, "a request that asks for a document")
        return as_kind(Kind.CORS, True, "a GET or HEAD with a foreign Origin")
    crosses = origin != OPAQUE or browser_of(headers.user_agent) is BrowserFamily.CHROMIUM
    if request.method != "POST":
        return _by_script(as_kind, crosses, "a method that only fetch() and XMLHttpRequest can send")
    return _foreign_post(as_kind, request, crosses)


def _by_script(as_kind: _Maker, crosses: bool, reason: str) -> Classification:
    """Classify what only a script can send.

    https://fetch.spec.whatwg.org/#append-a-request-origin-header hides the page's own origin in mode "same-origin"
    under the referrer policy "no-referrer"; Chromium does not.
    """
    if crosses:
        return as_kind(Kind.CORS, True, reason)
    return as_kind(Kind.CORS, False, f'{reason}, from a page whose origin is opaque, or in mode "same-origin"')


def _foreign_post(as_kind: _Maker, request: Request, crosses: bool) -> Classification:
    """Tell what made a POST to another origin, over plain http."""
    headers = request.headers
    if headers.upgrade_insecure_requests is not None:
        return as_kind(Kind.NAVIGATION, True, "a POST that asks for a document: a form")
    content_type = headers.content_type or ""
    if content_type.partition(";")[0].strip().lower() in _UNASKED_TYPES:
        return as_kind(Kind.NO_CORS, True, "a report or ping, which browsers send by themselves")
    if content_type and not is_cors_safelisted_request_header("content-type", content_type):
        return _by_script(as_kind, crosses, "a Content-Type that needs a preflight")
    by_browser = is_http_authentication(headers.authorization or "")
    if any(name != "authorization" or not by_browser for name in script_set_header_names(request)):
        return _by_script(as_kind, crosses, "a header that only a script can set")
    if (headers.accept or "").startswith("text/html"):
        return as_kind(Kind.NAVIGATION, True, "a POST that asks for a document: a form")
    return as_kind(Kind.CORS, False, "a POST with a foreign Origin: fetch() or XMLHttpRequest, or a beacon")


def _is_one_origin(origin: str) -> bool:
    """Say whether a value can be what browsers put there; the serialization of an origin holds none of these."""
    return 0 < len(origin) <= _LONGEST_ORIGIN and not ("," in origin or " " in origin or "\t" in origin)


def is_document_request(request: Request, classification: Classification) -> bool:
    """Say whether a request is for a document: a page, or one in a frame."""
    if classification.kind is Kind.NAVIGATION:
        return True
    return classification.kind is Kind.NO_ORIGIN and (request.headers.accept or "").startswith("text/html")
