"""Where the live page is: which requests reach it in which mode, and what is said of it at the start."""

from __future__ import annotations

import pytest
from mitmproxy import http
from mitmproxy.proxy import mode_specs

from cors_addon.mitm.page_flows import place_of, reaches
from cors_addon.mitm.page_whereabouts import whereabouts
from cors_addon.page.messages import Place
from tests.mitm.support import make_flow

HOST = "cors.addon"


def asked(url: str, mode: str = "regular", host_header: str | None = None, sni: str | None = None) -> http.HTTPFlow:
    flow = make_flow(url=url)
    flow.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    if host_header is not None:
        flow.request.headers["Host"] = host_header
    if url.startswith("https:"):
        flow.client_conn.tls = True
        flow.client_conn.sni = sni
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
    ("nor does the path, but for reverse proxies", "http://api.test/+cors/", "regular", None, False),
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
    ("a reverse proxy", "http://api.test/+cors/", "reverse:http://api.test", None, True),
    ("without the slash", "http://api.test/+cors", "reverse:http://api.test", None, True),
    ("with a query", "http://api.test/+cors?x", "reverse:http://api.test", None, True),
    ("a path that begins alike", "http://api.test/+corset", "reverse:http://api.test", None, False),
    ("a path that ends alike", "http://api.test/x/+cors/", "reverse:http://api.test", None, False),
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


def test_a_place_below_a_reverse_proxys_path() -> None:
    reverse = "reverse:http://api.test"
    assert place_of(asked("http://api.test/+cors/rules?since=1", reverse), HOST) == Place(
        "/+cors/", "rules", "since=1", None
    )
    assert place_of(asked("http://api.test/+cors", reverse), HOST).base == ""


ELSEWHERE = [
    ("another port", "http://cors.addon:8080/", None, "http"),
    ("http at the port of https", "http://cors.addon:443/", None, "http"),
    ("another name in Host than in the URL", "http://cors.addon/", "evil.test", "http"),
    ("another port in Host", "https://cors.addon/", "cors.addon:444", "https"),
    ("two hosts", "http://cors.addon/", "cors.addon, evil.test", "http"),
]


@pytest.mark.parametrize(
    ("url", "host_header", "scheme"), [row[1:] for row in ELSEWHERE], ids=[row[0] for row in ELSEWHERE]
)
def test_at_another_name_or_port_it_says_where_it_is(url: str, host_header: str | None, scheme: str) -> None:
    told = f"The live page is at {scheme}://cors.addon/ and at no other name or port."
    assert place_of(asked(url, host_header=host_header), HOST).wrong == told


NAMES = [
    ("an address has no name to abuse", None, ""),
    ("loopback", "localhost", ""),
    ("below loopback", "app.localhost", ""),
    ("the page's own name", "cors.addon", ""),
    (
        "a name that somebody made point here",
        "evil.test",
        "The live page does not answer at the name evil.test. "
        "If it is yours, start the proxy with cors_page=evil.test.",
    ),
]


@pytest.mark.parametrize(("sni", "wrong"), [row[1:] for row in NAMES], ids=[row[0] for row in NAMES])
def test_behind_a_reverse_proxy_the_certificates_name_counts(sni: str | None, wrong: str) -> None:
    flow = asked("https://api.test/+cors/", "reverse:https://api.test", sni=sni)
    assert place_of(flow, HOST).wrong == wrong


SAID = [
    ("one proxy", ["regular"], False, "the live page is at http://cors.addon/ through the proxy"),
    (
        "an upstream proxy",
        ["upstream:http://p.test"],
        False,
        "the live page is at http://cors.addon/ through the proxy",
    ),
    (
        "SOCKS, with an early connection that fails",
        ["socks5"],
        False,
        "no live page in mode socks5 (there it takes connection_strategy=lazy)",
    ),
    (
        "SOCKS, lazy",
        ["socks5"],
        True,
        "the live page is at http://cors.addon/ through the SOCKS proxy, if that resolves the browser's names",
    ),
    (
        "a reverse proxy",
        ["reverse:https://api.test"],
        False,
        "the live page is at http://localhost:8080/+cors/ for reverse:https://api.test",
    ),
    (
        "on another port",
        ["reverse:https://api.test@9000"],
        False,
        "the live page is at http://localhost:9000/+cors/ for reverse:https://api.test@9000",
    ),
    (
        "on an address of the network, where browsers prove nothing over http",
        ["reverse:https://api.test@192.0.2.9:9000"],
        False,
        "the live page is at https://192.0.2.9:9000/+cors/ for reverse:https://api.test@192.0.2.9:9000",
    ),
    (
        "transparent",
        ["transparent"],
        False,
        "no live page in mode transparent (the name cors.addon would have to resolve)",
    ),
    (
        "no HTTP at all",
        ["reverse:tcp://db.test:5432"],
        False,
        "no live page in mode reverse:tcp://db.test:5432 (it answers over http and https)",
    ),
    ("names only", ["dns"], False, ""),
    (
        "several",
        ["regular", "reverse:http://api.test@9000", "socks5@1080", "dns@5353"],
        False,
        "the live page is at http://cors.addon/ through the proxy, at http://localhost:9000/+cors/ for "
        "reverse:http://api.test@9000; there is no live page in mode socks5 (there it takes connection_strategy=lazy)",
    ),
]


@pytest.mark.parametrize(("specs", "lazy", "told"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
def test_the_start_says_where_it_is(specs: list[str], lazy: bool, told: str) -> None:
    modes = [mode_specs.ProxyMode.parse(spec) for spec in specs]
    assert whereabouts(HOST, modes, "", None, lazy) == told


def test_a_port_that_the_system_picks_is_not_made_up() -> None:
    modes = [mode_specs.ProxyMode.parse("reverse:http://api.test@0")]
    assert "http://localhost:PORT/+cors/" in whereabouts(HOST, modes, "", None, False)
