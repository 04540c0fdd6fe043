"""The client: sends calls through a proxy, over HTTP/1.1 or HTTP/2, and takes the time of each."""

import asyncio
import re
import ssl
import time
from collections.abc import Iterator
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded

from .traffic import AGENT, Call, over_http

_LENGTH: Final = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_TWO: Final = b"{}"

Times = list[float]


class _Http1(asyncio.Protocol):
    """One connection to the proxy that sends what ``calls`` gives, each call when the answer before has come.

    No call leaves before the loop's time that stands beside it.
    """

    def __init__(self, calls: Iterator[tuple[float, bytes]], times: Times) -> None:
        self._calls = calls
        self._times = times
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(exc or ConnectionError("the proxy closed the connection"))

    def _next(self) -> None:
        self._data = b""
        due, call = next(self._calls, (0.0, b""))
        if not call:
            self.done.set_result(None)
            self._transport.close()
            return
        loop = asyncio.get_running_loop()
        if due > loop.time():
            loop.call_at(due, self._send, call)
        else:
            self._send(call)

    def _send(self, call: bytes) -> None:
        self._sent = time.perf_counter()
        self._transport.write(call)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, end, body = self._data.partition(b"\r\n\r\n")
        if not end:
            return
        length = _LENGTH.search(head)
        if len(body) >= (int(length[1]) if length is not None else 0):
            self._times.append(time.perf_counter() - self._sent)
            if head.split(b" ", 2)[1] not in (b"200", b"204"):
                self.done.set_exception(ConnectionError(f"the proxy answered {head[:200]!r}"))
                return
            self._next()


def _bytes(call: Call, number: int, port: int) -> bytes:
    path = call.path.format(number % 500)
    lines = [f"{call.method} http://127.0.0.1:{port}{path} HTTP/1.1", f"Host: 127.0.0.1:{port}"]
    lines += [f"{name}: {value}" for name, value in over_http(call.asked)]
    body = _TWO if call.method == "PUT" else b""
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def over_http1(proxy: int, origin: int, calls: list[Call], at_once: int, every: float = 0.0) -> Times:
    """Send the calls over HTTP/1.1, one every so many seconds, and return how long each took, in seconds."""
    times: Times = []
    loop = asyncio.get_running_loop()
    begun = loop.time()
    shared = iter([(begun + number * every, _bytes(call, number, origin)) for number, call in enumerate(calls)])
    clients = []
    for _ in range(at_once):
        _, client = await loop.create_connection(lambda: _Http1(shared, times), "127.0.0.1", proxy)
        clients.append(client.done)
    await asyncio.gather(*clients)
    return times


class _Http2:
    """One connection through the proxy with so many calls under way at once."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str) -> None:
        self._reader, self._writer, self._authority = reader, writer, authority
        self._h2 = H2Connection(H2Configuration(client_side=True, header_encoding=None))
        self._h2.initiate_connection()
        self._sent: dict[int, float] = {}

    async def send(self, calls: list[Call], at_once: int) -> Times:
        times: Times = []
        waiting = enumerate(calls)
        for _, (number, call) in zip(range(at_once), waiting, strict=False):
            self._begin(number, call)
        self._writer.write(self._h2.data_to_send())
        while self._sent:
            data = await self._reader.read(1 << 16)
            if not data:
                raise ConnectionError("the proxy closed the connection")
            for event in self._h2.receive_data(data):
                if isinstance(event, DataReceived):
                    self._h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                elif isinstance(event, StreamEnded):
                    times.append(time.perf_counter() - self._sent.pop(event.stream_id))
                    following = next(waiting, None)
                    if following is not None:
                        self._begin(*following)
            self._writer.write(self._h2.data_to_send())
        return times

    def _begin(self, number: int, call: Call) -> None:
        stream = self._h2.get_next_available_stream_id()
        names = [
            *((":method", call.method), (":scheme", "https"), (":authority", self._authority)),
            (":path", call.path.format(number % 500)),
            *((name.lower(), value) for name, value in call.asked),
        ]
        self._sent[stream] = time.perf_counter()
        body = call.method == "PUT"
        self._h2.send_headers(stream, names, not body)
        if body:
            self._h2.send_data(stream, _TWO, end_stream=True)


async def over_http2(proxy: int, origin: int, calls: list[Call], at_once: int) -> Times:
    """Send the calls over HTTP/2, all on one connection, and return how long each took, in seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy)
    authority = f"127.0.0.1:{origin}"
    writer.write(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\nUser-Agent: {AGENT}\r\n\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    if b" 200 " not in answer:
        raise ConnectionError(f"the proxy answered {answer[:200]!r}")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    await writer.start_tls(context, server_hostname="127.0.0.1")
    try:
        return await _Http2(reader, writer, authority).send(calls, at_once)
    finally:
        writer.close()
