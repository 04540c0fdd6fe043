"""The live page through a real mitmdump, in every mode of the proxy that lets it answer."""

from __future__ import annotations

import http.client
import itertools
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.browser.proxy import Proxy
from tests.mitm.process import SECONDS

pytestmark = pytest.mark.proxy

HOST = "cors.addon"
# Nobody listens there, and no name resolves: the page must need neither.
DEAD_UPSTREAM = "mode=upstream:http://127.0.0.1:9"
STRATEGIES = ["connection_strategy=eager", "connection_strategy=lazy"]
OPENED = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}


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


def test_over_socks_with_early_connections_the_start_says_that_it_cannot() -> None:
    with running("mode=socks5", "connection_strategy=eager") as proxy:
        assert "CORS: no live page in mode socks5 (there it takes connection_strategy=lazy)" in proxy.output


def test_it_answers_below_a_reverse_proxys_path() -> None:
    # An early connection is made before any request is read, so somebody has to accept it.
    with (
        socket.create_server(("127.0.0.1", 0)) as upstream,
        running(f"mode=reverse:http://127.0.0.1:{upstream.getsockname()[1]}") as proxy,
    ):
        for keep, strategy in itertools.product(["keep_host_header=true", "keep_host_header=false"], STRATEGIES):
            proxy.set_option(keep)
            proxy.set_option(strategy)
            connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=SECONDS)
            status, html = read(connection, "/+cors/", {"Host": f"localhost:{proxy.port}", **OPENED})
            assert status == 200, (keep, strategy)
            assert "<h1>CORS" in html
        assert "/+cors/ for reverse:http://127.0.0.1" in proxy.output


def test_its_flows_are_not_listed_and_not_saved(tmp_path: Path) -> None:
    with Proxy(None, options=["termlog_verbosity=info", "flow_detail=1"], folder=tmp_path) as proxy:
        assert through(proxy, "http")[0] == 200
        proxy.stop()
        assert proxy.flows.read_bytes() == b""
        assert "GET http://cors.addon" not in proxy.output
