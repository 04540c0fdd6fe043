"""An origin server that answers for every host name, over http and https, with any bytes a case asks for.

The browsers reach it through the proxy, whatever host their URLs name (`proxy.py` steers every connection here), so one
server plays every site of a test and no name has to resolve. What it answers is decided by a function from the request
to an `Answer`; the bytes on the wire are exactly what that answer spells: header lines may repeat, be empty or badly
formed, the body may be cut short, the connection may be reset instead of an answer.
"""

from __future__ import annotations

import asyncio
import base64
import datetime
import hashlib
import ipaddress
import ssl
import struct
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from http import HTTPStatus
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET
from types import TracebackType

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Fault(Enum):
    """What goes wrong below HTTP, on purpose."""

    NONE = "none"
    RESET = "reset"  # the connection ends in a TCP reset before a byte of the answer
    TRUNCATE = "truncate"  # Content-Length promises more than the body has, then the connection ends


@dataclass(frozen=True, slots=True)
class Answer:
    """One response, as it will stand on the wire.

    `headers` are lines in order, repeated as often as they are listed. In a value, `<origin>`, `<method>` and
    `<headers>` stand for what the request said in Origin, Access-Control-Request-Method and -Headers.
    Content-Length is added where `headers` have none.
    """

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    fault: Fault = Fault.NONE

    def with_headers(self, *lines: tuple[str, str]) -> Answer:
        return Answer(self.status, (*self.headers, *lines), self.body, self.fault)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived: `headers` with lower-case names, in order."""

    method: str
    scheme: str
    host: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes = b""

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}{self.target}"

    @property
    def is_preflight(self) -> bool:
        return self.method == "OPTIONS" and self.header("access-control-request-method") is not None

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key == name), None)


Route = Callable[[Seen], Answer]


@dataclass(slots=True)
class _Ports:
    http: int = 0
    https: int = 0


@dataclass(slots=True)
class Server:
    """Runs in a thread of its own between `__enter__` and `__exit__`; `seen` grows by one entry a request."""

    route: Route
    seen: list[Seen] = field(default_factory=list)
    _ports: _Ports = field(default_factory=_Ports)
    _ready: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _stop: asyncio.Event | None = None
    _thread: threading.Thread | None = None
    _failure: BaseException | None = None

    @property
    def http_port(self) -> int:
        return self._ports.http

    @property
    def https_port(self) -> int:
        return self._ports.https

    def __enter__(self) -> Server:
        self._thread = threading.Thread(target=self._run, name="origin server", daemon=True)
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            raise self._failure
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._loop is not None and self._stop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(10)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # handed to the thread that waits in __enter__
            self._failure = error
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        tasks: set[asyncio.Task[None]] = set()

        def accept(scheme: str) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
            def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                task = asyncio.ensure_future(self._connection(scheme, reader, writer))
                tasks.add(task)
                task.add_done_callback(tasks.discard)

            return accepted

        plain = await asyncio.start_server(accept("http"), "127.0.0.1", 0)
        secure = await asyncio.start_server(accept("https"), "127.0.0.1", 0, ssl=_server_tls())
        self._ports = _Ports(plain.sockets[0].getsockname()[1], secure.sockets[0].getsockname()[1])
        self._ready.set()
        await self._stop.wait()
        for listening in (plain, secure):
            listening.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _connection(self, scheme: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # One request a connection: the proxy never finds a steered connection again (its address has changed), and
            # holds no more than five open ones to an address.
            seen = await _read_request(scheme, reader)
            if seen is None:
                return
            self.seen.append(seen)
            answer = self.route(seen)
            if answer.fault is Fault.RESET:
                # a zero linger time makes close() send RST
                raw = writer.get_extra_info("socket")
                raw.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return
            writer.write(wire_bytes(answer, seen))
            await writer.drain()
            if answer.status == 101:
                # Hanging up is the page's part: Firefox tells a socket that opens and ends at once by `close` alone.
                while await reader.read(65536):
                    pass
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the browser or the proxy went away, which is its right
        finally:
            writer.close()


async def _read_request(scheme: str, reader: asyncio.StreamReader) -> Seen | None:
    first = await reader.read(1)
    if first in (b"", b"\x16"):  # 0x16 opens a TLS handshake: answered by hanging up, which fails it
        return None
    head = first + await reader.readuntil(b"\r\n\r\n")
    request_line, *lines = head.decode("latin-1").split("\r\n")[:-2]
    method, target, _ = request_line.split(" ", 2)
    headers = tuple((name.lower(), value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines))
    seen = Seen(method, scheme, "", target, headers)
    host = seen.header("host") or ""
    if (seen.header("transfer-encoding") or "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        body = await reader.readexactly(int(seen.header("content-length") or 0))
    return Seen(method, scheme, host, target, headers, body)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += (await reader.readexactly(size + 2))[:size]
    await reader.readuntil(b"\r\n")
    return body


def wire_bytes(answer: Answer, seen: Seen) -> bytes:
    """The answer's bytes for this request, with the placeholders of header values filled in."""
    fill = {
        "<origin>": seen.header("origin") or "",
        "<method>": seen.header("access-control-request-method") or "",
        "<headers>": seen.header("access-control-request-headers") or "",
        "<accept>": websocket_accept(seen.header("sec-websocket-key") or ""),
    }
    try:
        reason = HTTPStatus(answer.status).phrase
    except ValueError:
        reason = "Unusual"
    lines = [f"HTTP/1.1 {answer.status} {reason}"]
    for name, value in answer.headers:
        for placeholder, text in fill.items():
            value = value.replace(placeholder, text)
        lines.append(f"{name}: {value}")
    bodiless = answer.status in (101, 204, 304) or seen.method == "HEAD"
    if answer.status not in (101, 204, 304) and not any(name.lower() == "content-length" for name, _ in answer.headers):
        lines.append(f"Content-Length: {len(answer.body) + (64 if answer.fault is Fault.TRUNCATE else 0)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (b"" if bodiless else answer.body)


def websocket_accept(key: str) -> str:
    """RFC 6455 section 4.2.2, step 5.4: https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2"""
    return base64.b64encode(hashlib.sha1((key + WEBSOCKET_GUID).encode(), usedforsecurity=False).digest()).decode()


def _server_tls() -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "origin server of the tests")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName("*.test"), x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.TemporaryDirectory() as folder:
        pem = Path(folder, "server.pem")
        pem.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
        context.load_cert_chain(pem)
    return context
