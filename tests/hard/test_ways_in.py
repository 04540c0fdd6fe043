"""Every way into a proxy under injection: modes of mitmproxy, HTTP/3, WebSockets, event streams, logins, name spaces.

A real mitmdump each time, and clients that speak what browsers speak. What a rule lists gets its headers whichever way
it came; what no rule lists gets every byte as it was.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mitm.injecting import rule, written
from tests.mitm.origin import _certificate
from tests.mitm.process import Mitmproxy, free_port, listening
from tests.mitm.support import APP, CHROMIUM
from tests.mitm.test_injection_proxy import Raw

pytestmark = pytest.mark.proxy

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
STRANGER = "http://stranger.test"


def rules_in(folder: Path, *hosts: str) -> str:
    path = folder / "rules.yaml"
    path.write_text(written(rule(hosts=list(hosts), allow_origins=[APP])), encoding="utf-8")
    return str(path)


def head(target: str, host: str, origin: str, *lines: str) -> bytes:
    return "\r\n".join(
        [f"GET {target} HTTP/1.1", f"Host: {host}", CHROMIUM, f"Origin: {origin}", "Connection: close", *lines, "", ""]
    ).encode()


def rest(connection: socket.socket) -> bytes:
    received = b""
    with contextlib.suppress(ConnectionError):
        while more := connection.recv(65536):
            received += more
    return received


def through_socks(port: int, host: str, target_port: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), 60)
    connection.sendall(b"\x05\x01\x00")
    assert connection.recv(2) == b"\x05\x00"
    name = host.encode()
    connection.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + struct.pack(">H", target_port))
    assert connection.recv(10)[1] == 0
    return connection


def test_every_mode_injects_once_and_leaves_strangers_alone(tmp_path: Path) -> None:
    ports = {name: free_port() for name in ("regular", "socks5", "reverse", "upstream")}
    with Raw(lambda _: ANSWER) as origin:
        modes = [
            f"regular@{ports['regular']}",
            f"socks5@{ports['socks5']}",
            f"reverse:http://{origin.host}@{ports['reverse']}",
            f"upstream:http://{origin.host}@{ports['upstream']}",
        ]
        options = [f"cors_rules={rules_in(tmp_path, '127.0.0.1')}", "cors_inject", f"cors_report={tmp_path}/all.json"]
        with Mitmproxy(tmp_path, *listening(*modes), options=options) as running:
            for mode in modes:
                running.wait_for(rf"listening at .*:{mode.rpartition('@')[2]}\.?$")
            for name, port in ports.items():
                for page, wanted in ((APP, 1), (STRANGER, 0)):
                    if name == "socks5":
                        connection = through_socks(port, "127.0.0.1", origin.port)
                    else:
                        connection = socket.create_connection(("127.0.0.1", port), 60)
                    host = f"127.0.0.1:{port}" if name == "reverse" else origin.host
                    target = f"/{name}" if name in ("socks5", "reverse") else f"http://{origin.host}/{name}"
                    with connection:
                        connection.sendall(head(target, host, page))
                        answer = rest(connection)
                    count = answer.lower().count(b"access-control-allow-origin:")
                    assert count == wanted, f"{name}, {page}: {answer!r}"
                    if not wanted:
                        assert answer == ANSWER
            assert running.stop() == 0
        flows = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["flows"]
        assert {flow["url"].rsplit("/", 1)[-1] for flow in flows} == set(ports)
        assert "fault of its own" not in running.output


LOGIN = "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ="


def test_a_proxy_with_a_login_shows_its_page_to_nobody_else(tmp_path: Path) -> None:
    options = ["proxyauth=user:secret", f"cors_report={tmp_path}/all.json"]
    with Raw(lambda _: ANSWER) as origin, Mitmproxy(tmp_path, *listening(), options=options) as running:

        def ask(url: str, *lines: str) -> bytes:
            with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
                connection.sendall(head(url, url.split("/")[2], APP, *lines))
                return rest(connection)

        page = "http://cors.addon/"
        assert b"407" in ask(page).splitlines()[0]
        assert b"data-token" not in ask(page)
        with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
            lines = ["GET http://cors.addon/ HTTP/1.1", "Host: cors.addon", CHROMIUM, LOGIN, "Accept: text/html"]
            connection.sendall(
                "\r\n".join([*lines, "Upgrade-Insecure-Requests: 1", "Connection: close", "", ""]).encode()
            )
            assert b"data-token" in rest(connection)
        assert b"407" in ask(f"http://{origin.host}/a").splitlines()[0]
        assert ask(f"http://{origin.host}/b", LOGIN) == ANSWER
        assert running.stop() == 0
    text = (tmp_path / "all.json").read_text(encoding="utf-8")
    assert "dXNlcjpzZWNyZXQ" not in text
    assert "dXNlcjpzZWNyZXQ" not in running.output
    assert any(flow["url"].endswith("/b") for flow in json.loads(text)["flows"])


def test_frames_and_events_pass_as_they_come(tmp_path: Path) -> None:
    """A WebSocket's frames and an event stream's parts arrive while their connection is open, byte for byte."""
    frame = b"\x81\x05hello"

    def answer(request: bytes) -> Iterator[bytes]:
        if b"/socket" in request:
            yield b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            yield b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n" + frame
            time.sleep(60)
        else:
            yield b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            for number in range(3):
                yield b"a\r\ndata: %03d\n\r\n" % number
            time.sleep(60)

    stream = "def responseheaders(flow):\n    flow.response.stream = '/events' in flow.request.path\n"
    (tmp_path / "stream.py").write_text(stream)
    with (
        Raw(answer) as origin,
        Mitmproxy(
            tmp_path,
            *listening(),
            *("-s", tmp_path / "stream.py"),
            options=[f"cors_rules={rules_in(tmp_path, '127.0.0.1')}", "cors_inject"],
        ) as running,
    ):
        for page, wanted in ((APP, True), (STRANGER, False)):
            with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
                request = head(f"http://{origin.host}/events", origin.host, page).replace(b"Connection: close\r\n", b"")
                connection.sendall(request)
                received = b""
                while b"002" not in received:
                    received += connection.recv(65536)
                assert (b"access-control-allow-origin" in received.lower()) is wanted
                body = received.partition(b"\r\n\r\n")[2]
                assert b"".join(body.split(b"a\r\n")) == b"".join(b"data: %03d\n\r\n" % n for n in range(3))
            with socket.create_connection(("127.0.0.1", running.port), 60) as connection:
                upgrade = (
                    "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
                )
                request = head(f"http://{origin.host}/socket", origin.host, page, upgrade)
                connection.sendall(request.replace(b"Connection: close", b"Connection: Upgrade"))
                received = b""
                while not received.endswith(frame):
                    received += connection.recv(65536)
                assert b"101" in received.splitlines()[0]
                assert b"access-control" not in received.lower(), "no CORS check applies to a WebSocket"
        assert "fault of its own" not in running.output


# --- HTTP/3 ---------------------------------------------------------------------------------------------------


class _Http3:
    """An origin and a client that speak HTTP/3, by aioquic, which mitmproxy brings."""

    def __init__(self, certificate: Path) -> None:
        from aioquic.asyncio.protocol import QuicConnectionProtocol
        from aioquic.h3.connection import H3_ALPN, H3Connection
        from aioquic.h3.events import DataReceived, HeadersReceived
        from aioquic.quic.configuration import QuicConfiguration
        from aioquic.quic.events import ProtocolNegotiated

        class Origin(QuicConnectionProtocol):
            http: Any = None

            def quic_event_received(self, event: Any) -> None:
                if isinstance(event, ProtocolNegotiated):
                    self.http = H3Connection(self._quic)
                for each in self.http.handle_event(event) if self.http is not None else ():
                    if isinstance(each, HeadersReceived) and each.stream_ended:
                        headers = [(b":status", b"200"), (b"content-type", b"application/json")]
                        self.http.send_headers(each.stream_id, headers)
                        self.http.send_data(each.stream_id, b"{}", end_stream=True)
                        self.transmit()

        class Client(QuicConnectionProtocol):
            def __init__(self, *given: Any, **named: Any) -> None:
                super().__init__(*given, **named)
                self.http = H3Connection(self._quic)
                self.answers: dict[int, asyncio.Future[Any]] = {}
                self.heads: dict[int, Any] = {}

            async def get(self, authority: str, path: str, origin: str) -> dict[bytes, bytes]:
                stream = self._quic.get_next_available_stream_id()
                fields = {
                    ":method": "GET",
                    ":scheme": "https",
                    ":authority": authority,
                    ":path": path,
                    "origin": origin,
                }
                fields["user-agent"] = CHROMIUM.partition(": ")[2]
                self.http.send_headers(stream, [(k.encode(), v.encode()) for k, v in fields.items()], end_stream=True)
                self.answers[stream] = asyncio.get_running_loop().create_future()
                self.transmit()
                found: dict[bytes, bytes] = await asyncio.wait_for(self.answers[stream], 60)
                return found

            def quic_event_received(self, event: Any) -> None:
                for each in self.http.handle_event(event):
                    if isinstance(each, HeadersReceived):
                        self.heads[each.stream_id] = dict(each.headers)
                    if isinstance(each, HeadersReceived | DataReceived) and each.stream_ended:
                        self.answers[each.stream_id].set_result(self.heads[each.stream_id])

        self.origin, self.client = Origin, Client
        self.server = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN)
        self.server.load_cert_chain(certificate, certificate)
        self.browser = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)


def test_http3(tmp_path: Path) -> None:
    from aioquic.asyncio import connect, serve

    both = _Http3(_certificate(tmp_path))
    origin_port, port = free_port(), free_port()
    options = [f"cors_rules={rules_in(tmp_path, f'127.0.0.1:{port}')}", "cors_inject"]
    told = tmp_path / "all.jsonl"
    options += ["ssl_insecure", f"cors_report={told}"]

    async def talk() -> list[dict[bytes, bytes]]:
        server = await serve("127.0.0.1", origin_port, configuration=both.server, create_protocol=both.origin)
        try:
            async with connect("127.0.0.1", port, configuration=both.browser, create_protocol=both.client) as client:
                authority = f"localhost:{port}"
                return [await client.get(authority, f"/{n}", page) for n, page in enumerate((APP, STRANGER))]
        finally:
            server.close()

    mode = f"reverse:http3://localhost:{origin_port}@{port}"
    with Mitmproxy(tmp_path, "--listen-host", "127.0.0.1", "--mode", mode, options=options) as running:
        running.wait_for(rf"listening at .*:{port}")
        mine, strangers = asyncio.run(talk())
        end = time.monotonic() + 60
        while (told.read_text(encoding="utf-8").count('"outcome"') if told.exists() else 0) < 2:
            assert time.monotonic() < end, told.read_text() if told.exists() else "nothing"
            time.sleep(0.1)
        # mitmproxy itself may crash at its end with QUIC connections open, without any script too.
        running.stop()
    assert mine[b":status"] == strangers[b":status"] == b"200"
    assert mine[b"access-control-allow-origin"] == APP.encode()
    assert not any(name.startswith(b"access-control") for name in strangers)
    assert "fault of its own" not in running.output


# --- transparent ----------------------------------------------------------------------------------------------

NAMESPACED = """
ip link set lo up
ip addr add 198.51.100.1/32 dev lo
iptables -t nat -A OUTPUT -p tcp -d 198.51.100.1 --dport 80 -m owner ! --uid-owner 0 -j REDIRECT --to-ports {port}
{python} {script}
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or not all(map(shutil.which, ("ip", "iptables", "unshare", "setpriv"))),
    reason="a name space of its own for the network needs root, iproute2 and iptables",
)
def test_transparent(tmp_path: Path) -> None:
    """In a network of its own: the client believes that it talks to the server, and the page is found by its Host."""
    port = free_port()
    script = tmp_path / "inside.py"
    script.write_text(
        f"""
import contextlib, json, socket, subprocess, sys
sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from pathlib import Path
from tests.hard.test_ways_in import ANSWER, APP, STRANGER, head, rules_in
from tests.mitm.process import Mitmproxy
import threading
folder = Path({str(tmp_path)!r})
server = socket.create_server(("198.51.100.1", 80))
def serve():
    while True:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(ANSWER)
threading.Thread(target=serve, daemon=True).start()
ASK = '''
import socket, sys
connection = socket.create_connection(("198.51.100.1", 80), 60)
connection.sendall(sys.stdin.buffer.read())
while more := connection.recv(65536): sys.stdout.buffer.write(more)
'''
options = [f"cors_rules={{rules_in(folder, 'api.test')}}", "cors_inject", f"cors_report={{folder}}/all.json"]
arguments = ["--mode", "transparent", "-p", "{port}", "--listen-host", "127.0.0.1"]
with Mitmproxy(folder, *arguments, options=options) as running:
    running.wait_for("listening at")
    found = []
    for page in (APP, STRANGER):
        command = ["setpriv", "--reuid", "65534", "--clear-groups", "/usr/bin/python3", "-c", ASK]
        done = subprocess.run(command, input=head("/", "api.test", page), capture_output=True, timeout=60)
        found.append(done.stdout.decode("latin-1") or done.stderr.decode())
    status = running.stop()
print(json.dumps([*found, status, running.output]))
"""
    )
    inside = NAMESPACED.format(port=port, python=sys.executable, script=script)
    done = subprocess.run(
        ["unshare", "-n", "sh", "-e", "-c", inside], capture_output=True, text=True, check=False, timeout=120
    )
    if done.returncode and "iptables" in done.stderr:
        pytest.skip(f"no iptables in a name space here: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    mine, strangers, status, output = json.loads(done.stdout.splitlines()[-1])
    assert status == 0
    assert f"access-control-allow-origin: {APP}" in mine.lower(), output
    assert strangers.encode("latin-1") == ANSWER
    assert "fault of its own" not in output
    flows = json.loads((tmp_path / "all.json").read_text(encoding="utf-8"))["flows"]
    assert [flow["url"] for flow in flows] == ["http://api.test/"] * 2
