"""Synthetic traffic as many browsers would make it, each exchange of a kind whose outcome is known beforehand."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tests.browser.server import Answer, Fault, Seen
from tests.mitm.client import Http2Client

PAGE = "http://page.test"
HOSTS = ("api.test", "injected.test")
"""The rules of the soak are for the second one; what a kind promises holds at the first one."""
CHROMIUM = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15"
SAFARI = f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT}"
SECONDS = 60
LARGE = b"x" * 400_000

ORIGIN = ("Access-Control-Allow-Origin", "<origin>")
ALLOW = (ORIGIN, ("Access-Control-Allow-Credentials", "true"))
PREFLIGHT = (*ALLOW, ("Access-Control-Allow-Methods", "PUT"), ("Access-Control-Allow-Headers", "content-type"))


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of exchange: what is asked, what is answered, and how the flow is judged, None where it is not."""

    weight: float
    outcome: str | None
    answer: Answer
    method: str = "GET"
    lines: tuple[str, ...] = ()
    host: str | None = None
    aborted: str = ""
    """When the client goes away: "at once", or "in the body"."""
    from_page: bool = True


ASKS = ("Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: content-type", "Sec-Fetch-Mode: cors")
SOCKET = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
UPGRADED = (("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Accept", "<accept>"))

KINDS: dict[str, Kind] = {
    "plain": Kind(6, None, Answer(200, (("Content-Type", "text/css"),), b"x"), from_page=False),
    "allowed": Kind(6, "allowed", Answer(200, ALLOW, b"{}")),
    "blocked": Kind(4, "blocked", Answer(200, (), b"{}")),
    "mismatch": Kind(2, "blocked", Answer(200, (("Access-Control-Allow-Origin", "http://else.test"),), b"{}")),
    "twice": Kind(1, "blocked", Answer(200, (ORIGIN, ORIGIN), b"{}")),
    "preflight": Kind(3, "allowed", Answer(204, PREFLIGHT), "OPTIONS", ASKS),
    "refused": Kind(2, "blocked", Answer(405, ALLOW), "OPTIONS", ASKS),
    "put": Kind(2, "allowed", Answer(200, ALLOW, b"{}"), "PUT", ("Content-Type: application/json",)),
    "failing": Kind(1, "allowed", Answer(500, ALLOW, b"x")),
    "unmodified": Kind(1, None, Answer(304, ALLOW), lines=('If-None-Match: "a"',)),
    "large": Kind(1, "allowed", Answer(200, ALLOW, LARGE)),
    "heavy": Kind(0.36, "allowed", Answer(200, (*ALLOW, ("X-Heavy", "h" * 200_000)), b"{}")),
    "cut": Kind(1, None, Answer(200, ALLOW, b"cut", Fault.TRUNCATE)),
    "reset": Kind(1, None, Answer(fault=Fault.RESET)),
    "dead": Kind(1, None, Answer(), host="dead.test"),
    "gone": Kind(1, None, Answer(200, ALLOW, b"{}"), aborted="at once"),
    "left": Kind(1, None, Answer(200, ALLOW, LARGE), aborted="in the body"),
    "socket": Kind(1, "not-cors", Answer(101, UPGRADED), lines=SOCKET),
    "two": Kind(2, None, Answer(200, ALLOW, b"{}")),
}
"""`heavy` is one of a hundred. `two` goes over HTTP/2, several on one connection, the last one given up."""


def route(seen: Seen) -> Answer | None:
    """Answer what the load asks for; None for other paths."""
    parts = seen.target.split("/")
    if len(parts) < 4 or parts[1] != "s":
        return None
    return KINDS[parts[2]].answer


class Load:
    """Sends exchanges through a proxy, `rate` a second, until it is stopped; `sent` counts them by kind."""

    def __init__(self, proxy_port: int, rate: float, seed: int = 1) -> None:
        self.sent: Counter[str] = Counter()
        self.broken: Counter[str] = Counter()
        self.paused = False
        self._port = proxy_port
        self._rate = rate
        self._random = random.Random(seed)
        self._number = 0

    async def run(self, stopped: Callable[[], bool]) -> None:
        names = list(KINDS)
        weights = [KINDS[name].weight for name in names]
        tasks: set[asyncio.Task[None]] = set()
        while not stopped():
            await asyncio.sleep(self._random.expovariate(self._rate))
            if self.paused or len(tasks) > 100:
                continue
            (name,) = self._random.choices(names, weights)
            task = asyncio.create_task(self._one(name))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.gather(*tasks)

    async def _one(self, name: str) -> None:
        self._number += 1
        send: Awaitable[None] = asyncio.to_thread(self._two, name) if name == "two" else self._plain(name)
        try:
            await asyncio.wait_for(send, SECONDS)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, AssertionError, RuntimeError) as error:
            if not KINDS[name].aborted:
                self.broken[f"{name}: {type(error).__name__}"] += 1

    async def _plain(self, name: str) -> None:
        kind, number = KINDS[name], self._number
        host = kind.host or HOSTS[number % 8 == 0]
        agent = (CHROMIUM, FIREFOX, SAFARI)[number % 3]
        head = [f"{kind.method} http://{host}/s/{name}/{number % 50} HTTP/1.1", f"Host: {host}", f"User-Agent: {agent}"]
        if kind.from_page:
            head.append(f"Origin: {PAGE}")
        if not any(line.startswith("Connection") for line in kind.lines):
            head.append("Connection: close")
        if kind.method == "PUT":
            head.append("Content-Length: 0")
        if number % 7 == 0:
            head.append(f"Cookie: session={number}")
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            self.sent[name] += 1
            writer.write("\r\n".join([*head, *kind.lines, "", ""]).encode())
            await writer.drain()
            if kind.aborted:
                if kind.aborted == "in the body":
                    await reader.readexactly(1000)
                raw: socket.socket = writer.get_extra_info("socket")
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                writer.transport.abort()
                return
            if kind.answer.status == 101:
                await reader.readuntil(b"\r\n\r\n")
                return  # to hang up is the client's part
            while await reader.read(1 << 16):
                pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    def _two(self, name: str) -> None:
        client = Http2Client(self._port, 443)
        try:
            for number in range(3):
                client.receive(client.send("GET", f"/s/{name}/{number}"))
            client.cancel(client.send("GET", f"/s/{name}/given-up"))
            self.sent[name] += 4
        finally:
            client.close()
