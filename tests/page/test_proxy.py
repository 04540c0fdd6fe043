"""The live page through a real mitmdump, in every mode of the proxy that lets it answer."""

from __future__ import annotations

import http.client
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.proxy import Proxy
from tests.mitm.process import SECONDS, free_port

pytestmark = pytest.mark.proxy

HOST = "cors.addon"
# Nobody listens there, and no name resolves: the page must need neither.
DEAD_UPSTREAM = "mode=upstream:http://127.0.0.1:9"
STRATEGIES = ["connection_strategy=eager", "connection_strategy=lazy"]
OPENED = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}

SCRIPT = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "same-origin", "Sec-Fetch-Dest": "empty"}


@contextmanager
def running(*options: str) -> Iterator[Proxy]:
    with Proxy(None, options=["termlog_verbosity=info", *options]) as proxy:
        yield proxy


def trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def read(connection: http.client.HTTPConnection, path: str, headers: dict[str, str]) -> tuple[int, str]:
    try:
        connection.request("GET", path, headers=headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def through(proxy: Proxy, scheme: str) -> tuple[int, str]:
    """Open the page as a browser that knows of the proxy."""
    if scheme == "http":
        plain = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=SECONDS)
        return read(plain, f"http://{HOST}/", {"Host": HOST})
    secure = http.client.HTTPSConnection("127.0.0.1", proxy.port, timeout=SECONDS, context=trusting())
    secure.set_tunnel(HOST, 443)
    return read(secure, "/", {"Host": HOST})


def through_socks(proxy: Proxy, scheme: str) -> tuple[int, str]:
    """Open the page over SOCKS 5, the name left to the proxy: https://www.rfc-editor.org/rfc/rfc1928#section-4"""
    port = 443 if scheme == "https" else 80
    line = socket.create_connection(("127.0.0.1", proxy.port), SECONDS)
    line.sendall(b"\x05\x01\x00")
    assert line.recv(2) == b"\x05\x00"
    line.sendall(b"\x05\x01\x00\x03" + bytes([len(HOST)]) + HOST.encode() + port.to_bytes(2, "big"))
    assert line.recv(10)[:2] == b"\x05\x00"
    connection = http.client.HTTPConnection(HOST, port)
    connection.sock = trusting().wrap_socket(line, server_hostname=HOST) if scheme == "https" else line
    return read(connection, "/", {"Host": HOST})


@pytest.mark.parametrize("mode", ["mode=regular", DEAD_UPSTREAM])
def test_it_answers_through_the_proxy_under_both_strategies(mode: str) -> None:
    with running(mode) as proxy:
        for strategy in STRATEGIES:
            proxy.set_option(strategy)
            for scheme in ("http", "https"):
                status, html = through(proxy, scheme)
                assert status == 200, strategy
                assert "<h1>CORS" in html
        assert "CORS: the live page is at http://cors.addon/ through the proxy" in proxy.output
        assert "server connection" not in proxy.output, "nobody is looked for"


def test_it_answers_over_socks_where_connections_are_lazy() -> None:
    with running("mode=socks5", "connection_strategy=lazy") as proxy:
        for scheme in ("http", "https"):
            status, html = through_socks(proxy, scheme)
            assert status == 200
            assert "<h1>CORS" in html


def told(proxy: Proxy, pattern: str) -> re.Match[str]:
    """Wait for a line of the proxy's."""
    until = time.monotonic() + SECONDS
    while (found := re.search(pattern, proxy.output)) is None:
        assert time.monotonic() < until, proxy.output
        time.sleep(0.05)
    return found


def own_listener(proxy: Proxy) -> int:
    return int(told(proxy, r"the live page is at http://127\.0\.0\.1:(\d+)/")[1])


def at(port: int, path: str = "/", **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    return read(connection, path, {"Host": f"127.0.0.1:{port}", **OPENED, **headers})


def test_over_socks_with_early_connections_it_has_a_listener() -> None:
    with running("mode=socks5", "connection_strategy=eager") as proxy:
        assert "<h1>CORS" in at(own_listener(proxy))[1]


def test_beside_a_reverse_proxy_it_has_an_origin_of_its_own() -> None:
    with running("mode=reverse:http://127.0.0.1:9", "connection_strategy=lazy") as proxy:
        port = own_listener(proxy)
        assert port != proxy.port
        status, html = at(port)
        assert status == 200
        assert "<h1>CORS" in html
        assert at(port, Host=f"localhost:{port}")[0] == 200
        for name in ("evil.test", f"evil.test:{port}", "127.0.0.1", "", f"[::1]:{port}"):
            assert at(port, Host=name)[0] == 421, "a name that somebody made point here"
        assert (
            at(port, **{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"})[0] == 403
        )
        assert at(port, "/data?since=0", **SCRIPT)[0] == 403, "no token"
        line = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
        line.request("HEAD", "/")
        assert line.getresponse().headers["Content-Length"] != "0"
        line.close()
        assert "Traceback" not in proxy.output
        token = html.partition('data-token="')[2].partition('"')[0]
        assert at(port, "/data?since=0", **SCRIPT, **{"X-Cors-Page": token})[0] == 200
        assert at(port, "/data?since=0", **SCRIPT, **{"X-Cors-Page": token, "Origin": "http://127.0.0.1:1"})[0] == 403
        assert at(proxy.port, "/+cors/")[0] == 502, "the proxy's paths are the site's, which is not there"
        proxy.set_option("cors_page=")
        with pytest.raises(ConnectionRefusedError):
            at(port)


def test_its_port_can_be_chosen() -> None:
    port = free_port()
    with running("mode=reverse:http://127.0.0.1:9", "connection_strategy=lazy", f"cors_page_port={port}") as proxy:
        assert own_listener(proxy) == port
        assert at(port)[0] == 200


def test_a_port_that_is_taken_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with running("mode=reverse:http://127.0.0.1:9", f"cors_page_port={port}") as proxy:
            told(proxy, rf"the live page cannot listen on 127\.0\.0\.1:{port}: ")


def test_no_server_is_looked_for_whatever_is_sent_to_its_name() -> None:
    with running("mode=regular", "connection_strategy=lazy") as proxy:
        with socket.create_connection(("127.0.0.1", proxy.port), SECONDS) as line:
            line.sendall(f"CONNECT {HOST}:22 HTTP/1.1\r\nHost: {HOST}:22\r\n\r\n".encode())
            assert b" 200 " in line.recv(1_000)
            line.sendall(b"\x00\x01\x02 no HTTP\r\n\r\n")
            assert b"Name or service" not in line.recv(10_000)
        status, html = read(
            http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=SECONDS),
            f"http://{HOST}./",
            {"Host": f"{HOST}."},
        )
        assert status == 421
        assert "at no other name" in html
        proxy.stop()
        assert "Name or service" not in proxy.output


def test_its_flows_are_not_listed_and_not_saved(tmp_path: Path) -> None:
    with Proxy(None, options=["termlog_verbosity=info", "flow_detail=1"], folder=tmp_path) as proxy:
        assert through(proxy, "http")[0] == 200
        proxy.stop()
        assert proxy.flows.read_bytes() == b""
        assert "GET http://cors.addon" not in proxy.output
