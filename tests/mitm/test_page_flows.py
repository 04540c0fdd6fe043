"""Where the live page is: which requests reach it in which mode, and what is said of it at the start."""

from __future__ import annotations

import pytest
from mitmproxy import http
from mitmproxy.proxy import mode_specs

from cors_addon.mitm.page_flows import place_of, reaches
from cors_addon.mitm.page_whereabouts import beyond_loopback, needs_listener, whereabouts
from cors_addon.page.messages import Place
from tests.mitm.support import make_flow

HOST = "cors.addon"


def asked(url: str, mode: str = "regular", host_header: str | None = None) -> http.HTTPFlow:
    flow = make_flow(url=url)
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    if host_header is not None:
        flow.request.headers["Host"] = host_header
    if url.startswith("https:"):
        flow.client_conn.tls = True
    return flow


REACHING = [
    ("the page itself", "http://cors.addon/", "regular", None, True),
    ("over https", "https://cors.addon/data", "regular", None, True),
    ("a port of its own is the page's too, to say that it is wrong", "http://cors.addon:81/", "regular", None, True),
    ("case does not matter", "http://CORS.ADDON/", "regular", None, True),
    ("another host", "http://api.test/", "regular", None, False),
    ("a name below", "http://x.cors.addon/", "regular", None, False),
    ("a name that ends alike", "http://xcors.addon/", "regular", None, False),
    ("the Host header does not make it the page", "http://api.test/", "regular", "cors.addon", False),
    ("nor does the path", "http://api.test/+cors/", "regular", None, False),
    ("an upstream proxy", "http://cors.addon/", "upstream:http://proxy.test:3128", None, True),
    ("a SOCKS proxy", "http://cors.addon/", "socks5", None, True),
    (
        "a transparent proxy sees an address, and the name in Host",
        "http://192.0.2.1/",
        "transparent",
        "cors.addon",
        True,
    ),
    ("with a port", "http://192.0.2.1/", "transparent", "Cors.Addon:80", True),
    ("another name there", "http://192.0.2.1/", "transparent", "api.test", False),
    ("a dot at the end is the same name", "http://cors.addon./", "regular", None, True),
    ("no path of a reverse proxy", "http://api.test/+cors/", "reverse:http://api.test", None, False),
    ("behind a reverse proxy the host says nothing", "http://cors.addon/", "reverse:http://cors.addon", None, False),
]


@pytest.mark.parametrize(
    ("url", "mode", "host_header", "expected"), [row[1:] for row in REACHING], ids=[row[0] for row in REACHING]
)
def test_which_requests_reach_the_page(url: str, mode: str, host_header: str | None, expected: bool) -> None:
    assert reaches(asked(url, mode, host_header), HOST) is expected


@pytest.mark.parametrize("row", REACHING, ids=[row[0] for row in REACHING])
def test_without_a_host_nothing_does(row: tuple[str, str, str, str | None, bool]) -> None:
    assert not reaches(asked(*row[1:4]), "")


def test_a_place_on_a_host_of_its_own() -> None:
    assert place_of(asked("http://cors.addon/data?since=4"), HOST) == Place("/", "data", "since=4", "http://cors.addon")
    assert place_of(asked("https://cors.addon/"), HOST) == Place("/", "", "", "https://cors.addon")


ELSEWHERE = [
    ("another port", "http://cors.addon:8080/", None, "http"),
    ("http at the port of https", "http://cors.addon:443/", None, "http"),
    ("another name in Host than in the URL", "http://cors.addon/", "evil.test", "http"),
    ("another port in Host", "https://cors.addon/", "cors.addon:444", "https"),
    ("a dot at the end, another origin", "http://cors.addon./", None, "http"),
    ("two hosts", "http://cors.addon/", "cors.addon, evil.test", "http"),
]


@pytest.mark.parametrize(
    ("url", "host_header", "scheme"), [row[1:] for row in ELSEWHERE], ids=[row[0] for row in ELSEWHERE]
)
def test_at_another_name_or_port_it_says_where_it_is(url: str, host_header: str | None, scheme: str) -> None:
    told = f"The live page is at {scheme}://cors.addon/ and at no other name or port."
    assert place_of(asked(url, host_header=host_header), HOST).wrong == told


SAID = [
    ("one proxy", ["regular"], False, "the live page is at http://cors.addon/ through the proxy"),
    ("an upstream proxy", ["upstream:http://p"], False, "the live page is at http://cors.addon/ through the proxy"),
    ("SOCKS, with an early connection that fails", ["socks5"], False, "the live page is at http://127.0.0.1:9999/"),
    (
        "SOCKS, lazy",
        ["socks5"],
        True,
        "the live page is at http://cors.addon/ through the SOCKS proxy, if that resolves the browser's names",
    ),
    ("a reverse proxy", ["reverse:https://api.test"], False, "the live page is at http://127.0.0.1:9999/"),
    ("transparent", ["transparent"], False, "the live page is at http://127.0.0.1:9999/"),
    ("no HTTP at all", ["reverse:tcp://db.test:5432"], False, ""),
    ("names only", ["dns"], False, ""),
    (
        "several",
        ["regular", "reverse:http://api.test@9000", "socks5@1080", "dns@5353"],
        False,
        "the live page is at http://cors.addon/ through the proxy, at http://127.0.0.1:9999/",
    ),
]


@pytest.mark.parametrize(("specs", "lazy", "told"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_the_start_says_where_it_is(specs: list[str], lazy: bool, told: str) -> None:
    modes = [mode_specs.ProxyMode.parse(spec) for spec in specs]
    listener = "http://127.0.0.1:9999/" if any(needs_listener(mode, lazy) for mode in modes) else ""
    assert whereabouts(HOST, modes, lazy, listener) == told


LISTENING = [
    ("mitmproxy's default", ["regular"], "", 8080, ["*:8080"]),
    ("this machine only", ["regular"], "127.0.0.1", None, []),
    ("by name", ["regular"], "localhost", None, []),
    ("IPv6", ["regular"], "::1", None, []),
    ("an address of the network", ["socks5"], "192.0.2.7", 1080, ["192.0.2.7:1080"]),
    ("one of two", ["regular@127.0.0.1:1", "reverse:http://a.test@0.0.0.0:2"], "", None, ["0.0.0.0:2"]),
    ("what takes no connections", ["local", "wireguard", "dns"], "", None, []),
]


@pytest.mark.parametrize(
    ("specs", "host", "port", "expected"), [row[1:] for row in LISTENING], ids=[row[0] for row in LISTENING]
)
def test_what_other_machines_can_reach(specs: list[str], host: str, port: int | None, expected: list[str]) -> None:
    assert beyond_loopback([mode_specs.ProxyMode.parse(spec) for spec in specs], host, port) == expected
