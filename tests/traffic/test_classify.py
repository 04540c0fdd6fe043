"""What a request is to CORS, from the request alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request
from cors_addon.traffic.classify import (
    BROWSER_ADDED,
    BrowserFamily,
    Kind,
    browser_of,
    classify,
    is_cors_preflight_request,
    is_document_request,
    needs_preflight,
    page_origin_of,
    script_set_header_names,
)
from cors_addon.traffic.exchange import Exchange
from tests.fetch.table import headers, table
from tests.traffic.exchanges import API, APP, exchange, metadata

HTTP_APP, HTTP_API = "http://app.test", "http://api.test"
FORM = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"

CORS, SAME, NO_CORS, NAVIGATION = Kind.CORS, Kind.SAME_ORIGIN, Kind.NO_CORS, Kind.NAVIGATION
NO_ORIGIN, NOT_BROWSER, EXTENSION, STRIPPED = Kind.NO_ORIGIN, Kind.NOT_BROWSER, Kind.EXTENSION, Kind.STRIPPED


@table(
    "kind, line, lines",
    ("fetch() to another site", CORS, f"GET {API}/", (f"Origin: {APP}", *metadata("cors", "cross-site"))),
    ("fetch() to a sibling", CORS, f"GET {API}/", (f"Origin: {APP}", *metadata("cors", "same-site"))),
    ("fetch() to its own origin", SAME, f"GET {API}/", metadata("cors", "same-origin")),
    ("a POST carries Origin at home too", SAME, f"POST {API}/", (f"Origin: {API}", *metadata("cors", "same-origin"))),
    (
        "crossorigin at home: Chromium sends Origin",
        SAME,
        f"GET {API}/",
        (f"Origin: {API}", *metadata("cors", "same-origin", "image")),
    ),
    (
        "home by the whole chain, whatever Origin says",
        SAME,
        f"GET {API}/",
        (f"Origin: {APP}", *metadata("cors", "same-origin")),
    ),
    ("fetch() in no-cors mode", NO_CORS, f"POST {API}/", (f"Origin: {APP}", *metadata("no-cors", "cross-site"))),
    ("an image", NO_CORS, f"GET {API}/", metadata("no-cors", "cross-site", "image")),
    (
        "an image with Origin: storage access inactive",
        NO_CORS,
        f"GET {API}/",
        (f"Origin: {APP}", *metadata("no-cors", "cross-site", "image"), "Sec-Fetch-Storage-Access: inactive"),
    ),
    ("an image with crossorigin", CORS, f"GET {API}/", (f"Origin: {APP}", *metadata("cors", "cross-site", "image"))),
    ("a classic script", NO_CORS, f"GET {API}/", metadata("no-cors", "cross-site", "script")),
    ("a module script", CORS, f"GET {API}/", (f"Origin: {APP}", *metadata("cors", "cross-site", "script"))),
    ("a font", CORS, f"GET {API}/", (f"Origin: {APP}", *metadata("cors", "cross-site", "font"))),
    (
        "an EventSource",
        CORS,
        f"GET {API}/",
        (f"Origin: {APP}", *metadata("cors", "cross-site"), "Accept: text/event-stream"),
    ),
    ("a manifest", CORS, f"GET {API}/", (f"Origin: {APP}", *metadata("cors", "cross-site", "manifest"))),
    ("a beacon of plain text", NO_CORS, f"POST {API}/", (f"Origin: {APP}", *metadata("no-cors", "cross-site"))),
    ("a beacon of JSON is in cors mode", CORS, f"POST {API}/", (f"Origin: {APP}", *metadata("cors", "cross-site"))),
    (
        "<a ping>",
        NO_CORS,
        f"POST {API}/",
        (f"Origin: {APP}", *metadata("no-cors", "cross-site"), "Content-Type: text/ping"),
    ),
    ("a CSP report", NO_CORS, f"POST {API}/", (f"Origin: {APP}", *metadata("no-cors", "cross-site", "report"))),
    ("a page", NAVIGATION, f"GET {API}/", metadata("navigate", "none", "document")),
    ("a form", NAVIGATION, f"POST {API}/", (f"Origin: {APP}", *metadata("navigate", "cross-site", "document"))),
    (
        "a form out of a sandbox",
        NAVIGATION,
        f"POST {API}/",
        ("Origin: null", *metadata("navigate", "cross-site", "iframe")),
    ),
    ("a worker script", SAME, f"GET {API}/", metadata("same-origin", "same-origin", "worker")),
    (
        "fetch() out of a sandbox, to the frame's own server",
        CORS,
        f"GET {API}/",
        ("Origin: null", *metadata("cors", "cross-site")),
    ),
    ("back at home after a tainted chain", CORS, f"GET {APP}/", ("Origin: null", *metadata("cors", "cross-site"))),
    (
        "an http page calls its https self",
        CORS,
        f"GET {APP}/",
        (f"Origin: {HTTP_APP}", *metadata("cors", "cross-site")),
    ),
    (
        "a service worker asks again, as its own mode",
        CORS,
        f"GET {API}/",
        (f"Origin: {APP}", *metadata("cors", "cross-site")),
    ),
    ("the user's or an extension's", EXTENSION, f"GET {API}/", metadata("cors", "none")),
    (
        "an extension's page",
        EXTENSION,
        f"GET {API}/",
        ("Origin: chrome-extension://abcdef", *metadata("cors", "cross-site")),
    ),
    (
        "a preflight for an extension is as open",
        EXTENSION,
        f"OPTIONS {API}/",
        ("Origin: moz-extension://abc", "Access-Control-Request-Method: PUT"),
    ),
    ("Safari's extensions", EXTENSION, f"GET {API}/", ("Origin: safari-web-extension://abc",)),
    ("Origin went missing on the way", STRIPPED, f"GET {API}/", metadata("cors", "cross-site")),
    (
        "two Origin lines",
        STRIPPED,
        f"GET {API}/",
        (f"Origin: {APP}", f"Origin: {API}", *metadata("cors", "cross-site")),
    ),
    ("a list of origins", STRIPPED, f"GET {API}/", (f"Origin: {APP} {API}", *metadata("cors", "cross-site"))),
    ("an empty Origin", STRIPPED, f"GET {API}/", ("Origin:", *metadata("cors", "cross-site"))),
    (
        "a WebSocket",
        Kind.WEBSOCKET,
        f"GET {API}/",
        (f"Origin: {APP}", "Upgrade: WebSocket", *metadata("websocket", "cross-site", "websocket")),
    ),
    (
        "a WebSocket without fetch metadata",
        Kind.WEBSOCKET,
        f"GET {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Upgrade: websocket"),
    ),
    ("a mode nobody knows yet", NO_CORS, f"GET {API}/", metadata("webtransport", "cross-site")),
    ("nested-navigate of old", NAVIGATION, f"GET {API}/", metadata("nested-navigate", "cross-site")),
)
def test_with_fetch_metadata(kind: Kind, line: str, lines: tuple[str, ...]) -> None:
    assert classify(exchange(line, *lines)).kind is kind


@table(
    "kind, sure, line, lines",
    ("no Origin says little", NO_ORIGIN, False, f"GET {HTTP_API}/", ()),
    ("Origin is the target's", SAME, True, f"POST {HTTP_API}/", (f"Origin: {HTTP_API}",)),
    ("its default port written out", SAME, True, f"POST {HTTP_API}:80/", (f"Origin: {HTTP_API}",)),
    ("another port is another origin", CORS, True, f"GET {HTTP_API}:8080/", (f"Origin: {HTTP_API}",)),
    ("another scheme too", CORS, True, f"GET {HTTP_API}/", (f"Origin: {API}",)),
    ("GET with a foreign Origin", CORS, True, f"GET {HTTP_API}/", (f"Origin: {HTTP_APP}",)),
    ("HEAD with a foreign Origin", CORS, True, f"HEAD {HTTP_API}/", (f"Origin: {HTTP_APP}",)),
    ("GET with Origin: null", CORS, True, f"GET {HTTP_API}/", ("Origin: null",)),
    (
        "a frame's navigation that carries Origin",
        NAVIGATION,
        True,
        f"GET {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Upgrade-Insecure-Requests: 1", FORM),
    ),
    ("methods of fetch() only", CORS, True, f"PUT {HTTP_API}/", (f"Origin: {HTTP_APP}",)),
    ("patch travels in lower case", CORS, True, f"patch {HTTP_API}/", (f"Origin: {HTTP_APP}",)),
    (
        "OPTIONS without what it asks for is an ordinary request",
        CORS,
        True,
        f"OPTIONS {HTTP_API}/",
        (f"Origin: {HTTP_APP}",),
    ),
    ("a method no page can send", NOT_BROWSER, True, f"TRACE {HTTP_API}/", (f"Origin: {HTTP_APP}",)),
    (
        "a form",
        NAVIGATION,
        True,
        f"POST {HTTP_API}/",
        (
            f"Origin: {HTTP_APP}",
            FORM,
            "Upgrade-Insecure-Requests: 1",
            "Content-Type: application/x-www-form-urlencoded",
        ),
    ),
    (
        "a form, older browsers",
        NAVIGATION,
        True,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", FORM, "Content-Type: multipart/form-data; boundary=x"),
    ),
    (
        "a form in an app's WebView, which signs every request",
        NAVIGATION,
        True,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", FORM, "Upgrade-Insecure-Requests: 1", "X-Requested-With: com.example.app"),
    ),
    (
        "a script may ask for HTML, but not in JSON's name as a form",
        CORS,
        True,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Accept: text/html", "Content-Type: application/json"),
    ),
    (
        "a script's header tells it from a form",
        CORS,
        True,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Accept: text/html", "X-Csrf: 1"),
    ),
    (
        "JSON needs a preflight",
        CORS,
        True,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Content-Type: application/json"),
    ),
    ("jQuery's mark", CORS, True, f"POST {HTTP_API}/", (f"Origin: {HTTP_APP}", "X-Requested-With: XMLHttpRequest")),
    (
        "an app's mark is no script's",
        CORS,
        False,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "X-Requested-With: com.example.app"),
    ),
    (
        "a bearer token is a script's",
        CORS,
        True,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Authorization: Bearer x"),
    ),
    (
        "HTTP authentication may be the browser's",
        CORS,
        False,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Authorization: Basic dTpw"),
    ),
    (
        "a gateway before us adds headers",
        CORS,
        False,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "X-Forwarded-For: 10.0.0.1"),
    ),
    (
        "fetch(), XMLHttpRequest, or a beacon",
        CORS,
        False,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Content-Type: text/plain;charset=UTF-8", "Accept: */*"),
    ),
    ("a POST without a body", CORS, False, f"POST {HTTP_API}/", (f"Origin: {HTTP_APP}", "Content-Length: 0")),
    ("a POST at home out of a page that hides its referrer", CORS, False, f"POST {HTTP_API}/", ("Origin: null",)),
    ("a ping", NO_CORS, True, f"POST {HTTP_API}/", (f"Origin: {HTTP_APP}", "Content-Type: text/ping")),
    (
        "a CSP report",
        NO_CORS,
        True,
        f"POST {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Content-Type: application/csp-report"),
    ),
    (
        "reports, which Chromium's network stack sends without metadata",
        NO_CORS,
        True,
        f"POST {API}/",
        (f"Origin: {APP}", "Content-Type: application/reports+json"),
    ),
    (
        "reports with a parameter",
        NO_CORS,
        True,
        f"POST {API}/",
        (f"Origin: {APP}", "Content-Type: Application/Reports+JSON; charset=utf-8"),
    ),
    ("an old Safari over https sends no metadata", CORS, True, f"GET {API}/", (f"Origin: {APP}",)),
)
def test_without_fetch_metadata(kind: Kind, sure: bool, line: str, lines: tuple[str, ...]) -> None:
    found = classify(exchange(line, *lines))
    assert (found.kind, found.sure) == (kind, sure)


@table(
    "sure, browser, origin",
    ("Firefox hides the page's own origin", False, "firefox", "null"),
    ("and so does WebKit", False, "webkit", "null"),
    ("Chromium does not", True, "chromium", "null"),
    ("no origin is hidden", True, "firefox", HTTP_APP),
)
@table(
    "line, lines",
    ("by the method", f"PUT {HTTP_API}/", ()),
    ("by the type", f"POST {HTTP_API}/", ("Content-Type: application/json",)),
    ("by a header", f"POST {HTTP_API}/", ("X-Csrf: 1",)),
)
def test_what_mode_same_origin_may_send_from_a_page_without_a_referrer(
    sure: bool, browser: str, origin: str, line: str, lines: tuple[str, ...]
) -> None:
    found = classify(exchange(line, f"Origin: {origin}", *lines, browser=browser))
    assert (found.kind, found.sure) == (CORS, sure)
    assert ('in mode "same-origin"' in found.reason) is not sure


@table(
    "kind, browser, line, lines",
    ("curl with an Origin", NOT_BROWSER, "curl/8.9.1", f"GET {API}/", (f"Origin: {APP}",)),
    ("curl without", NO_ORIGIN, "curl/8.9.1", f"GET {API}/", ()),
    ("no User-Agent at all", NOT_BROWSER, None, f"GET {API}/", (f"Origin: {APP}",)),
    (
        "Node's fetch() sends the mode alone",
        NOT_BROWSER,
        "node",
        f"POST {API}/",
        (f"Origin: {APP}", "Sec-Fetch-Mode: cors"),
    ),
    (
        "even under a browser's name",
        NOT_BROWSER,
        "chromium",
        f"POST {API}/",
        (f"Origin: {APP}", "Sec-Fetch-Mode: cors"),
    ),
    ("Node's fetch() without Origin", NO_ORIGIN, "node", f"GET {API}/", ("Sec-Fetch-Mode: cors",)),
    (
        "a preflight by hand is judged as one",
        Kind.PREFLIGHT,
        "curl/8.9.1",
        f"OPTIONS {API}/",
        (f"Origin: {APP}", "Access-Control-Request-Method: PUT"),
    ),
    (
        "Chromium's preflights over http carry the mode alone",
        Kind.PREFLIGHT,
        "chromium",
        f"OPTIONS {HTTP_API}/",
        (f"Origin: {HTTP_APP}", "Access-Control-Request-Method: PUT", "Sec-Fetch-Mode: cors"),
    ),
    (
        "all three headers speak for a browser under any name",
        CORS,
        "Custom/1.0",
        f"GET {API}/",
        (f"Origin: {APP}", *metadata("cors", "cross-site")),
    ),
)
def test_what_is_no_browser(kind: Kind, browser: str | None, line: str, lines: tuple[str, ...]) -> None:
    assert classify(exchange(line, *lines, browser=browser)).kind is kind


def test_a_har_may_lack_the_user_agent() -> None:
    request = f"GET {HTTP_API}/", f"Origin: {HTTP_APP}"
    assert classify(exchange(*request, browser=None, source="har")).kind is Kind.CORS


def test_what_the_proxy_knows_of_a_socket_counts() -> None:
    assert classify(exchange(f"GET {API}/", f"Origin: {APP}", websocket=True)).kind is Kind.WEBSOCKET


@table(
    "preflight, line, lines",
    ("the three together", True, f"OPTIONS {API}/", (f"Origin: {APP}", "Access-Control-Request-Method: PUT")),
    ("nothing asked for", False, f"OPTIONS {API}/", (f"Origin: {APP}",)),
    ("no Origin", False, f"OPTIONS {API}/", ("Access-Control-Request-Method: PUT",)),
    ("another method", False, f"GET {API}/", (f"Origin: {APP}", "Access-Control-Request-Method: PUT")),
    ("names in any case", True, f"OPTIONS {API}/", (f"origin: {APP}", "access-control-request-method: PUT")),
)
def test_is_cors_preflight_request(preflight: bool, line: str, lines: tuple[str, ...]) -> None:
    assert is_cors_preflight_request(exchange(line, *lines).request) is preflight


@table(
    "family, agent",
    ("nothing", None, None),
    ("nothing in it", None, ""),
    (
        "Chrome",
        BrowserFamily.CHROMIUM,
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
    ),
    (
        "headless Chrome",
        BrowserFamily.CHROMIUM,
        "Mozilla/5.0 (X11) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/156.0.0.0 Safari/537.36",
    ),
    (
        "Edge",
        BrowserFamily.CHROMIUM,
        "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0",
    ),
    ("Firefox", BrowserFamily.FIREFOX, "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"),
    (
        "Safari",
        BrowserFamily.WEBKIT,
        "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
    ),
    (
        "Chrome on iOS is WebKit",
        BrowserFamily.WEBKIT,
        "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/156.0 Mobile/15E148 Safari/604.1",
    ),
    (
        "Firefox on iOS is WebKit",
        BrowserFamily.WEBKIT,
        "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) FxiOS/153.0 Mobile/15E148 Safari/605.1.15",
    ),
    (
        "Edge on iOS is WebKit",
        BrowserFamily.WEBKIT,
        "Mozilla/5.0 (iPhone) AppleWebKit/605.1.15 (KHTML, like Gecko) EdgiOS/156.0 Mobile/15E148 Safari/604.1",
    ),
    ("curl", None, "curl/8.9.1"),
    ("Node", None, "node"),
)
def test_browser_of(family: BrowserFamily | None, agent: str | None) -> None:
    assert browser_of(agent) is family


@table(
    "names, lines",
    ("nothing", (), ()),
    (
        "what a browser adds",
        (),
        (
            "Accept: */*",
            "Accept-Language: de;q=0.5,\x01",
            "Sec-GPC: 1",
            "Cookie: a=b",
            "Referer: x",
            "DNT: 1",
            "Priority: u=1",
        ),
    ),
    ("client hints", (), ("Device-Memory: 8", "DPR: 2", "Width: 100", "Sec-CH-UA: x")),
    ("what EventSource adds", (), ("Last-Event-ID: 7",)),
    ("what HTTP/2 adds in a saved capture", (), (":authority: api.test",)),
    ("an app's mark", (), ("X-Requested-With: com.example.app",)),
    ("a library's mark", ("x-requested-with",), ("X-Requested-With: XMLHttpRequest",)),
    (
        "a script's",
        ("authorization", "content-type", "x-a"),
        ("X-A: 1", "Content-Type: application/json", "Authorization: Bearer x"),
    ),
    ("safelisted content", (), ("Content-Type: text/plain", "Content-Language: de")),
    ("the tracing header that breaks simple requests", ("traceparent",), ("traceparent: 00-1",)),
    ("each name once", ("x-a",), ("X-A: 1", "x-a: 2")),
    ("a method override that would be forbidden", (), ("X-HTTP-Method-Override: TRACE",)),
    ("a method override that is not", ("x-http-method-override",), ("X-HTTP-Method-Override: PUT",)),
)
def test_script_set_header_names(names: tuple[str, ...], lines: tuple[str, ...]) -> None:
    request = Request("GET", API, headers(*[line.replace(": ", ":", 1) for line in lines]))
    if lines and lines[0].startswith(":"):
        request = Request("GET", API, HeaderList([(":authority", "api.test")]))
    assert script_set_header_names(request) == names
    assert needs_preflight(request) is bool(names)


def test_what_browsers_add_is_written_in_lower_case() -> None:
    assert {name.lower() for name in BROWSER_ADDED} == BROWSER_ADDED


@table(
    "origin, lines",
    ("Origin", APP, (f"Origin: {APP}", f"Referer: {API}/x")),
    ("a null origin tells nothing, the referrer may", APP, ("Origin: null", f"Referer: {APP}/x")),
    ("Referer", "https://app.test:8443", ("Referer: https://app.test:8443/a?b",)),
    ("neither", None, ()),
    ("an opaque referrer", "null", ("Referer: about:blank",)),
)
def test_page_origin_of(origin: str | None, lines: tuple[str, ...]) -> None:
    assert page_origin_of(exchange(f"GET {API}/", *lines).request) == origin


@table(
    "document, line, lines",
    ("by its mode", True, f"GET {API}/", metadata("navigate", "none", "document")),
    ("by what it accepts", True, f"GET {HTTP_API}/", (FORM,)),
    ("an image", False, f"GET {HTTP_API}/", ("Accept: image/png",)),
    (
        "a request of a script that accepts HTML",
        False,
        f"GET {HTTP_API}/",
        ("Accept: text/html", f"Origin: {HTTP_APP}"),
    ),
)
def test_is_document_request(document: bool, line: str, lines: tuple[str, ...]) -> None:
    found = exchange(line, *lines)
    assert is_document_request(found.request, classify(found)) is document


TEXT = st.text(st.characters(max_codepoint=255), max_size=40)
NAMES = st.sampled_from(
    ["Origin", "Accept", "Sec-Fetch-Mode", "Sec-Fetch-Site", "Content-Type", "Referer", "User-Agent", "X-A", "Upgrade"]
)


@given(method=TEXT, url=TEXT, lines=st.lists(st.tuples(NAMES | TEXT, TEXT)))
def test_anything_is_something(method: str, url: str, lines: list[tuple[str, str]]) -> None:
    found = classify(Exchange("1", Request(method, url, HeaderList(lines))))
    assert found.reason
    if found.kind in (Kind.CORS, Kind.PREFLIGHT):
        assert found.origin


@pytest.mark.parametrize("source", ["live", "flows", "har"])
@given(method=st.sampled_from(["GET", "POST", "PUT"]), lines=st.lists(st.tuples(NAMES, TEXT)))
def test_without_an_origin_nothing_is_judged(source: str, method: str, lines: list[tuple[str, str]]) -> None:
    lines = [line for line in lines if line[0] != "Origin"]
    found = classify(Exchange("1", Request(method, API, HeaderList(lines)), source=source))
    assert found.kind not in (Kind.CORS, Kind.PREFLIGHT)
