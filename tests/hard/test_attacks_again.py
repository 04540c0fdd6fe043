"""Responses and requests of odd shapes through two real proxies: the addon's differs from the bare one in no byte.

Beside the page that a rule lists asks everybody else, while injection is on. What goes through an upstream proxy goes
there alone, whatever the rules list.
"""

from __future__ import annotations

import contextlib
import re
import socket
from pathlib import Path

import pytest

from tests.hard.test_ways_in import ANSWER, head, rest, rules_in
from tests.mitm.process import Mitmproxy, free_port, listening
from tests.mitm.support import APP, CHROMIUM
from tests.mitm.test_injection_proxy import Raw

pytestmark = pytest.mark.proxy

OK = b"HTTP/1.1 200 OK\r\n"
SHAPES = {
    "plain": ANSWER,
    "two Vary": OK + b"vArY: a\r\nVary: b\r\nContent-Length: 2\r\n\r\nok",
    "no content": b"HTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    "not modified": b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\n\r\n',
    "trailer": OK + b"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n2\r\nok\r\n0\r\nX-T: 1\r\n\r\n",
    "early hints": b"HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\n" + ANSWER,
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + ANSWER,
    "odd case and blanks": b"HTTP/1.1 200 Fine\r\naccess-CONTROL-allow-ORIGIN:   *  \r\nContent-Length: 2\r\n\r\nok",
    "Latin-1": OK + b"X-\xe9: \xff\xfe\r\nContent-Length: 2\r\n\r\nok",
    "folded": OK + b"X-A: a\r\n b\r\nContent-Length: 2\r\n\r\nok",
    "cut in a chunk": OK + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab",
    "short": OK + b"Content-Length: 10\r\n\r\nok",
    "garbage": b"\x00\x01\x02garbage\r\n\r\n",
    "upgrade": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: foo\r\nConnection: Upgrade\r\n\r\nrawdata",
    "no gzip": OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnotz",
    "status 999": b"HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok",
    "length twice": OK + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nok",
    "events": OK + b"Content-Type: text/event-stream\r\n\r\ndata: x\n\n",
    "grants twice": OK + b"Access-Control-Allow-Origin: a\r\n" * 2 + b"Content-Length: 2\r\n\r\nok",
    "no name": OK + b": x\r\nContent-Length: 2\r\n\r\nok",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0": b"HTTP/1.0 200 OK\r\n\r\nok",
}
UPGRADE = ("Upgrade: websocket", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version: 13")
ASKERS = {
    "another page": ("Origin: http://evil.test", "Sec-Fetch-Mode: cors"),
    "no page": ("Cookie: a=b",),
    "null": ("Origin: null",),
    "two origins": ("Origin: http://evil.test", f"Origin: {APP}"),
    "a socket": ("Origin: http://evil.test", *UPGRADE),
}


def ask(port: int, method: str, url: str, lines: tuple[str, ...]) -> bytes:
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        fields = [f"{method} {url} HTTP/1.1", f"Host: {url.split('/')[2]}", CHROMIUM, "Connection: close", *lines]
        connection.sendall("\r\n".join([*fields, "", ""]).encode())
        return re.sub(rb"127\.0\.0\.1:\d+", b"HERE", rest(connection))


class Once(Raw):
    """Closes after each answer, which may be no answer at all."""

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            received = b""
            while b"\r\n\r\n" not in received:
                more = connection.recv(65536)
                if not more:
                    return
                received += more
            self.received.append(received)
            answer = self._answer(received)
            assert isinstance(answer, bytes)
            connection.sendall(answer)


def test_no_byte_differs_from_a_bare_proxy_and_an_upstream_proxy_gets_all(tmp_path: Path) -> None:
    names = list(SHAPES)
    upstream_port = free_port()

    def answer(request: bytes) -> bytes:
        return SHAPES[names[int(request.split(b" ")[1].rpartition(b"/")[2])]]

    with Once(answer) as origin, Raw(lambda _: ANSWER) as upstream:
        options = [f"cors_rules={rules_in(tmp_path, '127.0.0.1')}", "cors_inject"]
        modes = [f"regular@{free_port()}", f"upstream:http://{upstream.host}@{upstream_port}"]
        with (
            Mitmproxy(tmp_path / "bare", *listening(), script=None, cwd=tmp_path) as bare,
            Mitmproxy(tmp_path / "addon", *listening(*modes), options=options, cwd=tmp_path) as addon,
        ):
            for mode in modes:
                addon.wait_for(rf"listening at .*:{mode.rpartition('@')[2]}\.?$")
            ports = (bare.port, int(modes[0].rpartition("@")[2]))
            different = []
            for number, name in enumerate(names):
                for method in ("GET", "OPTIONS"):
                    for who, lines in ASKERS.items():
                        seen = []
                        for port in ports:
                            origin.received.clear()
                            answered = ask(port, method, f"http://{origin.host}/{number}", lines)
                            seen.append((answered, [each.partition(b"\r\n\r\n")[0] for each in origin.received]))
                        assert seen[0][0], "nothing would be compared"
                        assert seen[0][1], "nothing would be compared"
                        if seen[0] != seen[1]:
                            different.append((name, method, who, seen))
            assert not different
            origin.received.clear()
            for page in (APP, "http://stranger.test"):
                with socket.create_connection(("127.0.0.1", upstream_port), 60) as connection:
                    connection.sendall(head(f"http://{origin.host}/0", origin.host, page))
                    assert rest(connection).startswith(b"HTTP/1.1 200")
            assert len(upstream.received) == 2
            assert origin.received == []
        assert "fault of its own" not in addon.output
