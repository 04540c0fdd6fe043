"""Live traffic: CPU a request, throughput and latency, by turns through proxies that differ in one thing only."""

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any

from .client import Times, over_http1, over_http2
from .measures import ADDON, MITMDUMP, Compared, cpu_of
from .origin import Http1, Http2, server_context
from .traffic import BARE, CORS, PAGE, PLAIN, Call

Send = Callable[[int, int, list[Call], int], Coroutine[Any, Any, Times]]
_AT_ONCE = 6
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and through which two proxies."""

    name: str
    calls: tuple[Call, ...]
    http2: bool
    without: str
    with_: str
    target: float


LOADS = [
    Load("plain", PLAIN, False, "bare", "addon", 1.01),
    Load("plain", PLAIN, True, "bare", "addon", 1.01),
    Load("CORS", CORS, False, "bare", "addon", 1.04),
    Load("CORS", CORS, True, "bare", "addon", 1.04),
    Load("CORS, injected", BARE, False, "bare", "one rule", 1.06),
    Load("CORS, injected", BARE, True, "bare", "one rule", 1.06),
    Load("CORS, injected, 200 rules against one", BARE, True, "one rule", "200 rules", 1.01),
]


@dataclass(slots=True)
class Measured:
    """CPU seconds a request, requests a second, and seconds that each request took, without and with."""

    load: Load
    cpu: Compared = field(default_factory=Compared)
    speed: Compared = field(default_factory=Compared)
    latency: tuple[Times, Times] = field(default_factory=lambda: ([], []))


def rules(count: int) -> str:
    """Write a rule file whose last rule is for the server that is called.

    The preflight is sent on, so that both proxies have the same work besides.
    """
    hosts = [f"api-{number}.dev.example.test" for number in range(1, count)] + ["127.0.0.1"]
    rule = "  - {{name: {0}, hosts: ['{0}'], allow_origins: ['{1}'], allow_credentials: true, preflight: repair}}\n"
    return "version: 1\nexpires: 2h\nrules:\n" + "".join(rule.format(host, PAGE) for host in hosts)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running mitmdump."""

    process: subprocess.Popen[bytes]
    port: int

    async def started(self) -> None:
        """Wait until it takes connections."""
        end = time.monotonic() + _PATIENCE
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                if self.process.poll() is not None or time.monotonic() > end:
                    told = self.process.stderr.read().decode() if self.process.stderr is not None else ""
                    raise RuntimeError(f"mitmdump did not start:\n{told[-2000:]}") from None
                await asyncio.sleep(0.1)
            else:
                writer.close()
                return


@contextlib.asynccontextmanager
async def proxies(folder: str) -> AsyncIterator[dict[str, Proxy]]:
    """Run the proxies that are compared, all at the same time."""
    addon = ["-s", ADDON]
    arguments: dict[str, list[str]] = {"bare": [], "addon": addon}
    for name, count in (("one rule", 1), ("200 rules", 200)):
        path = os.path.join(folder, f"{count}.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(rules(count))
        arguments[name] = [*addon, "--set", f"cors_rules={path}", "--set", "cors_inject=true"]
    running: dict[str, Proxy] = {}
    try:
        for name, extra in arguments.items():
            port = _free_port()
            common = ["-q", "--listen-host", "127.0.0.1", "-p", str(port), "--set", f"confdir={folder}"]
            command = [*MITMDUMP, *common, "--set", "ssl_insecure=true", *extra]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            running[name] = Proxy(process, port)
        for proxy in running.values():
            await proxy.started()
        yield running
    finally:
        for proxy in running.values():
            proxy.process.terminate()
        for proxy in running.values():
            proxy.process.communicate(timeout=_PATIENCE)


async def measure(
    folder: str, loads: Sequence[Load], rounds: int, requests: int, say: Callable[[str], None]
) -> list[Measured]:
    """Send every load through its two proxies, so many rounds of so many requests each, by turns."""
    loop = asyncio.get_running_loop()
    context = server_context(folder)
    plain = await loop.create_server(Http1, "127.0.0.1", 0)
    secure = await loop.create_server(Http2, "127.0.0.1", 0, ssl=context)
    found = []
    async with proxies(folder) as running:
        for load in loads:
            say(f"{load.name} over {'HTTP/2' if load.http2 else 'HTTP/1.1'}")
            server = secure if load.http2 else plain
            found.append(await _measure(load, running, server.sockets[0].getsockname()[1], rounds, requests))
    plain.close()
    secure.close()
    return found


async def _measure(load: Load, running: dict[str, Proxy], origin: int, rounds: int, requests: int) -> Measured:
    send: Send = over_http2 if load.http2 else over_http1
    pair = running[load.without], running[load.with_]
    calls = [load.calls[number % len(load.calls)] for number in range(requests)]
    measured = Measured(load)
    for proxy in pair:
        await send(proxy.port, origin, calls, _AT_ONCE)
    for number in range(rounds):
        cpu, speed = [0.0, 0.0], [0.0, 0.0]
        for place in (0, 1) if number % 2 else (1, 0):
            proxy = pair[place]
            before, started = cpu_of(proxy.process.pid), time.perf_counter()
            await send(proxy.port, origin, calls, _AT_ONCE)
            speed[place] = requests / (time.perf_counter() - started)
            cpu[place] = (cpu_of(proxy.process.pid) - before) / requests
            measured.latency[place].extend(await send(proxy.port, origin, calls, 1))
        measured.cpu.add(*cpu)
        measured.speed.add(*speed)
    return measured
