"""An origin server whose every byte is chosen, and who ends a connection as it is told: servers do all of that."""

from __future__ import annotations

import datetime
import ipaddress
import re
import socket
import ssl
import struct
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path
from types import TracebackType
from typing import Self

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SECONDS = 60


class End(Enum):
    """What follows the bytes."""

    CLOSE = auto()
    RESET = auto()
    HANG = auto()
    """Nothing until the proxy hangs up."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Bytes to send, whatever they are, and what comes then."""

    data: bytes
    end: End = End.CLOSE


def http_answer(*lines: str, status: str = "200 OK", body: bytes = b"ok") -> Answer:
    """Build a whole and valid answer."""
    head = "\r\n".join([f"HTTP/1.1 {status}", *lines, f"Content-Length: {len(body)}", "Connection: close"])
    return Answer(f"{head}\r\n\r\n".encode() + body)


class _Listener:
    """Serves each connection in a thread. ``requested`` and ``left`` are set for a path when they happen there."""

    def __init__(self) -> None:
        self.requested: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self.left: defaultdict[str, threading.Event] = defaultdict(threading.Event)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._socket.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        raise NotImplementedError


class Origin(_Listener):
    """Answers by path over plain HTTP/1."""

    def __init__(self, answers: Mapping[str, Answer]) -> None:
        super().__init__()
        self._answers = answers

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(SECONDS)
            head = _head(connection)
            if not head:
                return
            _read_body(connection, head)
            path = head.split()[1].decode()
            answer = self._answers[path]
            connection.sendall(answer.data)
            self.requested[path].set()
            if answer.end is End.HANG:
                _until_closed(connection)
                self.left[path].set()
            elif answer.end is End.RESET:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _head(connection: socket.socket) -> bytes:
    head = b""
    while b"\r\n\r\n" not in head:
        try:
            more = connection.recv(65536)
        except OSError:
            return b""
        if not more:
            return b""
        head += more
    return head


def _read_body(connection: socket.socket, head: bytes) -> None:
    """Take in the request's body: a connection closed over bytes that nobody read is a reset one."""
    fields, _, begun = head.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)^content-length: *(\d+)\r?$", fields, re.MULTILINE)
    left = int(length[1]) - len(begun) if length else 0
    while left > 0 and (more := connection.recv(65536)):
        left -= len(more)


def _until_closed(connection: socket.socket) -> None:
    try:
        while connection.recv(65536):
            pass
    except OSError:
        pass


class Http2Origin(_Listener):
    """Answers over TLS and HTTP/2: ``/ok`` well, ``/reset/CODE`` with RST_STREAM, ``/hang`` never."""

    def __init__(self, folder: Path, *headers: tuple[str, str]) -> None:
        super().__init__()
        self._headers = headers
        self.certificate = _certificate(folder)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate)
        self._context.set_alpn_protocols(["h2"])

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.settimeout(SECONDS)
            with self._context.wrap_socket(connection, server_side=True) as secured:
                self._speak(secured)
        except (OSError, h2.exceptions.ProtocolError):
            connection.close()

    def _speak(self, connection: ssl.SSLSocket) -> None:
        paths: dict[int, str] = {}
        state = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="utf-8"))
        state.initiate_connection()
        connection.sendall(state.data_to_send())
        while data := connection.recv(65536):
            for event in state.receive_data(data):
                if isinstance(event, h2.events.RequestReceived):
                    assert event.stream_id is not None
                    headers = {str(name): str(value) for name, value in event.headers or ()}
                    path = paths[event.stream_id] = headers[":path"]
                    self._answer(state, event.stream_id, path)
                elif isinstance(event, h2.events.StreamReset):
                    self.left[paths[event.stream_id or 0]].set()
            connection.sendall(state.data_to_send())
            for path in paths.values():
                self.requested[path].set()

    def _answer(self, state: h2.connection.H2Connection, stream: int, path: str) -> None:
        if path.startswith("/reset/"):
            state.reset_stream(stream, int(path.rpartition("/")[2]))
        elif path != "/hang":
            state.send_headers(stream, [(":status", "200"), *self._headers], end_stream=True)


def _certificate(folder: Path) -> Path:
    """Write a certificate for this machine that nobody has signed, and its key; the file's path."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "origin.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path
