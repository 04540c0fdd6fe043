"""From mitmproxy's flows to exchanges: what the browser asked for, in every mode and through every other addon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.connection import ConnectionState
from mitmproxy.proxy import mode_specs

from cors_addon.capture.flow_scan import NOTHING, Glance, glance
from cors_addon.mitm import flows
from cors_addon.traffic.exchange import Responder
from tests.mitm.support import API, APP, cors_get, fields, make_flow, make_response, saved_and_loaded

REGULAR = [
    ("as it is", "http://api.test/a?b=c", None, "http://api.test/a?b=c"),
    ("a port", "http://api.test:8080/", None, "http://api.test:8080/"),
    ("https", "https://api.test/", None, "https://api.test/"),
    ("a port that is the other scheme's default", "https://api.test:80/", "api.test:80", "https://api.test:80/"),
    ("the default port as browsers leave it out", "https://api.test:443/", "api.test", "https://api.test/"),
    ("an address where a name was asked for", "http://198.51.100.7/x", "api.test", "http://api.test/x"),
    ("another port in the Host header", "http://198.51.100.7:1/x", "api.test:2", "http://api.test:2/x"),
    ("an IPv6 address keeps its brackets", "http://[2001:db8::1]:8080/x", None, "http://[2001:db8::1]:8080/x"),
    ("an IPv6 address on the default port", "http://[::1]/", "[::1]", "http://[::1]/"),
    ("no Host header", "http://api.test:81/x", "", "http://api.test:81/x"),
    ("a Host header that is no host", "http://api.test/x", "a b", "http://a b/x"),
]


@pytest.mark.parametrize(("url", "host", "expected"), [row[1:] for row in REGULAR], ids=[row[0] for row in REGULAR])
def test_the_url_is_the_one_that_the_browser_asked_for(url: str, host: str | None, expected: str) -> None:
    flow = make_flow(url=url)
    if host is not None:
        flow.request.headers["host"] = host
    assert flows.request_of(flow).url == expected


def test_over_http2_the_authority_names_the_host() -> None:
    flow = make_flow(url="https://198.51.100.7/x", http_version=b"HTTP/2.0")
    flow.request.authority = "api.test:8443"
    assert flows.request_of(flow).url == "https://api.test:8443/x"


def test_options_for_the_whole_server_has_no_path() -> None:
    flow = make_flow(method="OPTIONS")
    flow.request.data.path = b"*"
    assert flows.request_of(flow).url == "http://api.test"


def test_bytes_that_are_no_text_are_written_as_browsers_write_them() -> None:
    flow = make_flow()
    flow.request.data.path = b"/caf\xe9/\xc3\xa9?\xff"
    url = flows.request_of(flow).url
    assert url == "http://api.test/caf%E9/\u00e9?%FF"
    flow.metadata["url"] = url
    assert saved_and_loaded(flow).metadata["url"] == url, "a lone surrogate could not be saved"


def test_a_method_keeps_its_case() -> None:
    assert flows.request_of(make_flow(method=b"patch")).method == "patch"


REVERSE = [
    ("the address that the proxy listens on", (), "http://192.0.2.254:8080/items"),
    (
        "the page was loaded through it: same scheme and port",
        ("Origin: http://devbox:8080",),
        "http://devbox:8080/items",
    ),
    (
        "or says so in Referer",
        ("Referer: http://devbox:8080/index.html",),
        "http://devbox:8080/items",
    ),
    ("a page from another port", ("Origin: http://devbox:3000",), "http://192.0.2.254:8080/items"),
    ("a page over another scheme", ("Origin: https://devbox:8080",), "http://192.0.2.254:8080/items"),
    (
        "the browser says that the page is elsewhere",
        ("Origin: http://devbox:8080", "Sec-Fetch-Site: cross-site"),
        "http://192.0.2.254:8080/items",
    ),
    (
        "or that it is not",
        ("Origin: http://localhost:8080", "Sec-Fetch-Site: same-origin"),
        "http://localhost:8080/items",
    ),
    ("an opaque page", ("Origin: null",), "http://192.0.2.254:8080/items"),
    ("nonsense", ("Origin: http://[::", "Referer: about:client"), "http://192.0.2.254:8080/items"),
    ("a port out of range", ("Origin: http://a:99999",), "http://192.0.2.254:8080/items"),
]


@pytest.mark.parametrize(("lines", "expected"), [row[1:] for row in REVERSE], ids=[row[0] for row in REVERSE])
def test_reverse_mode_has_taken_the_host_header(lines: tuple[str, ...], expected: str) -> None:
    flow = make_flow(*lines)
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse("reverse:http://backend.internal:9000")
    flow.request.host, flow.request.port = "backend.internal", 9000
    flow.request.headers["host"] = "backend.internal:9000"
    assert flows.request_of(flow).url == expected


def test_reverse_mode_with_keep_host_header_leaves_it_alone() -> None:
    flow = make_flow()
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse("reverse:https://backend.internal")
    flow.request.headers["host"] = "shop.test:8080"
    assert flows.request_of(flow).url == "http://shop.test:8080/items"


def test_reverse_mode_over_tls_and_ipv6() -> None:
    flow = make_flow()
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse("reverse:https://backend.internal")
    flow.client_conn.tls = True
    flow.client_conn.sockname = ("::1", 443, 0, 0)  # type: ignore[assignment]
    flow.request.headers["host"] = "backend.internal"
    assert flows.request_of(flow).url == "https://[::1]/items"


OTHER_MODES = ["socks5", "upstream:http://192.0.2.9:3128", "transparent", "local", "wireguard"]


@pytest.mark.parametrize("mode", OTHER_MODES)
def test_other_modes_know_the_name_from_the_host_header(mode: str) -> None:
    flow = make_flow(url="https://198.51.100.7/items")
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    flow.request.headers["host"] = "api.test"
    assert flows.request_of(flow).url == "https://api.test/items"


def test_an_exchange_holds_what_the_flow_does() -> None:
    flow = cors_get(
        "Access-Control-Allow-Origin: https://a.test",
        "Access-Control-Allow-Origin: https://b.test",
        (b"X-Raw", b"\xff\xfe"),
        status=206,
    )
    exchange = flows.exchange_of(flow)
    assert exchange.id == flow.id
    assert exchange.request.url == API
    assert exchange.request.headers.get("Origin") == APP
    assert exchange.response is not None
    assert exchange.response.status == 206
    assert exchange.response.headers.get_all("access-control-allow-origin") == ("https://a.test", "https://b.test")
    assert exchange.response.headers.get("x-raw") == "\u00ff\u00fe"
    assert (exchange.started, exchange.ended) == (1000.0, 1000.3)
    assert exchange.client == "192.0.2.1"
    assert exchange.connection == flow.client_conn.id
    assert exchange.server_address == "198.51.100.7"
    assert (exchange.responder, exchange.source) == (Responder.SERVER, "live")


def test_a_response_that_no_server_wrote_is_the_proxys_own() -> None:
    flow = cors_get()
    flow.server_conn.timestamp_start = None
    assert flows.exchange_of(flow).responder is Responder.LOCAL


def test_a_connection_that_a_capture_says_nothing_of() -> None:
    flow = cors_get(live=False)
    flow.client_conn.peername = flow.server_conn.peername = None  # type: ignore[assignment]
    exchange = flows.exchange_of(flow)
    assert (exchange.client, exchange.server_address, exchange.source) == ("", "", "flows")


def test_the_address_of_another_proxy_is_not_the_servers() -> None:
    flow = cors_get()
    flow.server_conn.peername = ("10.0.0.1", 3128)
    assert flows.exchange_of(flow).server_address == "10.0.0.1"
    flow.server_conn.state = ConnectionState.CLOSED
    flow.server_conn.via = ("http", ("proxy.test", 3128))
    assert flows.exchange_of(flow).server_address == ""


@given(
    lines=st.lists(st.tuples(st.binary(max_size=20), st.binary(max_size=40)), max_size=8),
    host=st.binary(max_size=20),
    path=st.binary(max_size=30),
    method=st.binary(max_size=8),
    mode=st.sampled_from(["regular", "reverse:http://backend.internal:9000", "socks5"]),
)
def test_any_bytes_make_an_exchange(
    lines: list[tuple[bytes, bytes]], host: bytes, path: bytes, method: bytes, mode: str
) -> None:
    flow = make_flow(method=method, response=make_response(200))
    flow.request.headers = fields([(b"Host", host), *lines])
    flow.request.data.path = path
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    seen = glance(flow.request.headers.fields)
    assert seen.origin == any(name.lower() == b"origin" for name, _ in lines)
    exchange = flows.exchange_of(flow)
    exchange.request.url.encode()  # can be saved
    flows.host_of(exchange.request.url)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("Origin: http://a.test", Glance(True, False, False, False)),
        ("ORIGIN: http://a.test", Glance(True, False, False, False)),
        ("cookie: a=b", Glance(False, True, False, False)),
        ("Sec-Fetch-Mode: no-cors", Glance(False, False, True, False)),
        ("sec-fetch-mode: no-cors", Glance(False, False, True, False)),
        ("Sec-Fetch-Mode: cors", NOTHING),
        ("Accept: text/html,*/*", Glance(False, False, False, True)),
        ("Accept: */*", NOTHING),
        ("Host: http://origin", NOTHING),
    ],
)
def test_one_scan_tells_what_a_request_needs(line: str, expected: Glance) -> None:
    assert glance(make_flow(line, agent=None).request.headers.fields) == expected


@pytest.mark.parametrize(
    ("url", "host"), [("https://api.test:8443/x", "api.test:8443"), ("http://[::1]/", "[::1]"), ("data:,a", "")]
)
def test_the_host_of_a_url(url: str, host: str) -> None:
    assert flows.host_of(url) == host
