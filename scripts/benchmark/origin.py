"""The server that is called: it answers every call of the traffic, over HTTP/1.1 and, with TLS, HTTP/2."""

import asyncio
import os
import ssl
from typing import Final

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import RequestReceived, StreamEnded
from mitmproxy import certs

from .traffic import ALL, Call

_BY_PATH: Final = {(call.method, call.path.partition("{}")[0]): call for call in ALL}


def _call(method: str, path: str) -> Call:
    return _BY_PATH[method, path[: path.rindex("/") + 1]]


_BYTES: Final = {
    call: b"".join(
        [
            f"HTTP/1.1 {call.status} X\r\n".encode(),
            *(f"{name}: {value}\r\n".encode() for name, value in call.answered),
            b"\r\n" if call.status == 204 else f"Content-Length: {call.body}\r\n\r\n".encode() + bytes(call.body),
        ]
    )
    for call in ALL
}


class Http1(asyncio.Protocol):
    """Answers requests that have no body or one whose length is told."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._data = b""

    def data_received(self, data: bytes) -> None:
        self._data += data
        while True:
            head, end, rest = self._data.partition(b"\r\n\r\n")
            if not end:
                return
            length = 2 if head.startswith(b"PUT") else 0
            if len(rest) < length:
                return
            self._data = rest[length:]
            method, path, _ = head.split(b" ", 2)
            self._transport.write(_BYTES[_call(method.decode(), path.decode())])


class Http2(asyncio.Protocol):
    """The same over HTTP/2."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._h2 = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self._h2.initiate_connection()
        self._calls: dict[int, Call] = {}
        transport.write(self._h2.data_to_send())

    def data_received(self, data: bytes) -> None:
        for event in self._h2.receive_data(data):
            if isinstance(event, RequestReceived):
                asked = dict(event.headers)
                self._calls[event.stream_id] = _call(asked[b":method"].decode(), asked[b":path"].decode())
            elif isinstance(event, StreamEnded):
                call = self._calls.pop(event.stream_id)
                lines = [(name.lower(), value) for name, value in call.answered]
                self._h2.send_headers(event.stream_id, [(":status", str(call.status)), *lines], not call.body)
                if call.body:
                    self._h2.send_data(event.stream_id, bytes(call.body), end_stream=True)
        self._transport.write(self._h2.data_to_send())


def server_context(folder: str) -> ssl.SSLContext:
    """Make a certificate for 127.0.0.1, and of the way a certificate authority that mitmproxy takes for its own."""
    store = certs.CertStore.from_store(folder, "mitmproxy", 2048)
    entry = store.get_cert("127.0.0.1", [])
    path = os.path.join(folder, "origin.pem")
    with open(path, "wb") as file:
        file.write(entry.privatekey.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
        file.write(entry.cert.to_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.set_alpn_protocols(["h2"])
    return context
