"""Clients that send what browsers send, through a proxy, and hang up when they are told to."""

from __future__ import annotations

import socket
import ssl
import struct
from collections.abc import Sequence

import h2.config
import h2.connection
import h2.events

from tests.mitm.support import APP, CHROMIUM

SECONDS = 60


def request_head(method: str, url: str, *lines: str, host: str | None = None, origin: str = APP) -> bytes:
    """Build what a browser sends a proxy for a URL; for a path, what it sends a server of that host."""
    head = [f"{method} {url} HTTP/1.1", f"Host: {host or url.split('/')[2]}", CHROMIUM, f"Origin: {origin}", *lines]
    return "\r\n".join([*head, "", ""]).encode()


def open_request(port: int, method: str, url: str, *lines: str, **page: str) -> socket.socket:
    """Send a request through the proxy and return the connection."""
    connection = socket.create_connection(("127.0.0.1", port), SECONDS)
    connection.sendall(request_head(method, url, *lines, **page))
    return connection


def fetch(port: int, method: str, url: str, *lines: str, **page: str) -> bytes:
    """Send a request and return all that comes back until the connection ends."""
    received = b""
    with open_request(port, method, url, "Connection: close", *lines, **page) as connection:
        while True:
            try:
                more = connection.recv(65536)
            except ConnectionError:
                return received
            if not more:
                return received
            received += more


def read_until(connection: socket.socket, text: bytes) -> None:
    """Read until some bytes have come."""
    received = b""
    while text not in received:
        more = connection.recv(65536)
        assert more, f"the connection ended after {received!r}"
        received += more


def reset(connection: socket.socket) -> None:
    """Hang up with a TCP reset, as a browser does whose tab is closed."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Http2Client:
    """An HTTP/2 connection to an origin through the proxy."""

    def __init__(self, proxy_port: int, origin_port: int) -> None:
        plain = socket.create_connection(("127.0.0.1", proxy_port), SECONDS)
        authority = f"localhost:{origin_port}"
        plain.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n\r\n".encode())
        read_until(plain, b"\r\n\r\n")
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
        self._connection = context.wrap_socket(plain, server_hostname="localhost")
        assert self._connection.selected_alpn_protocol() == "h2"
        self._state = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._state.initiate_connection()
        self._authority = authority

    def send(self, method: str, path: str, *headers: tuple[str, str]) -> int:
        """Send a request; return its stream."""
        stream = self._state.get_next_available_stream_id()
        pseudo = [(":method", method), (":scheme", "https"), (":authority", self._authority), (":path", path)]
        agent = ("user-agent", CHROMIUM.partition(": ")[2])
        self._state.send_headers(stream, [*pseudo, agent, ("origin", APP), *headers], end_stream=True)
        self._connection.sendall(self._state.data_to_send())
        return stream

    def receive(self, stream: int) -> tuple[str | None, Sequence[tuple[str, str]]]:
        """Return a stream's status and headers once it has ended; no status where it was reset."""
        status: str | None = None
        headers: list[tuple[str, str]] = []
        while True:
            for event in self._state.receive_data(self._connection.recv(65536)):
                if getattr(event, "stream_id", None) != stream:
                    continue
                if isinstance(event, h2.events.ResponseReceived):
                    headers = [(str(name), str(value)) for name, value in event.headers or ()]
                    status = dict(headers)[":status"]
                elif isinstance(event, h2.events.StreamEnded | h2.events.StreamReset):
                    return status, headers
            self._connection.sendall(self._state.data_to_send())

    def cancel(self, stream: int) -> None:
        """Give a request up, as ``AbortController`` does."""
        self._state.reset_stream(stream, 8)
        self._connection.sendall(self._state.data_to_send())

    def close(self) -> None:
        self._connection.close()
