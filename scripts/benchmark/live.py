"""Live traffic: the CPU of a request, by turns through proxies that differ in one thing only."""

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import origin
from .client import Times, over_http1, over_http2
from .measures import BARE, EMPTY, MITMDUMP, Rounds, Row, Say, addon_of, by_turns, cpu_of, percent
from .traffic import CORS, PAGE, PLAIN, UNSHARED, Call

Send = Callable[[int, int, list[Call], int], Coroutine[Any, Any, Times]]
_AT_ONCE = 6
_PATIENCE = 60.0
ONE_RULE, MANY_RULES = "1 rule", "200 rules"


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent, and which of an addon's proxies takes it: ``setting``. ``against`` is another one, or none."""

    name: str
    calls: tuple[Call, ...]
    http2: bool
    target: str
    setting: str = ""
    against: str = ""


LOADS = [
    Load("plain", PLAIN, False, "≤ +2 %"),
    Load("plain", PLAIN, True, "≤ +2 %"),
    Load("CORS", CORS, False, "≤ +10 %"),
    Load("CORS", CORS, True, "≤ +10 %"),
    Load("injected", UNSHARED, False, "≤ +15 %", ONE_RULE),
    Load("injected", UNSHARED, True, "≤ +15 %", ONE_RULE),
    Load("200 rules against one", UNSHARED, True, "as one", MANY_RULES, ONE_RULE),
]


def rules(count: int) -> str:
    """Write a rule file whose last rule is for the server that is called.

    The preflight is sent on, so that all proxies have the same work besides.
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
async def running(folder: str, arguments: Mapping[str, Sequence[str]]) -> AsyncIterator[dict[str, Proxy]]:
    """Run a mitmdump for each line of arguments, all at the same time."""
    found: dict[str, Proxy] = {}
    try:
        for name, extra in arguments.items():
            port = _free_port()
            common = ["-q", "--listen-host", "127.0.0.1", "-p", str(port), "--set", f"confdir={folder}"]
            command = [*MITMDUMP, *common, "--set", "ssl_insecure=true", *extra]
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            found[name] = Proxy(process, port)
        for proxy in found.values():
            await proxy.started()
        yield found
    finally:
        for proxy in found.values():
            proxy.process.terminate()
        for proxy in found.values():
            proxy.process.communicate(timeout=_PATIENCE)


def empty_script(folder: str) -> str:
    path = os.path.join(folder, "empty.py")
    with open(path, "w", encoding="utf-8"):
        return path


def proxies_of(folder: str, roots: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the arguments of each proxy: without, with an empty script, and each addon's three."""
    arguments: dict[str, list[str]] = {BARE: [], EMPTY: ["-s", empty_script(folder)]}
    for name, root in roots.items():
        arguments[name] = ["-s", addon_of(root)]
        for setting, count in ((ONE_RULE, 1), (MANY_RULES, 200)):
            path = os.path.join(folder, f"{count}.yaml")
            with open(path, "w", encoding="utf-8") as file:
                file.write(rules(count))
            injects = ["--set", f"cors_rules={path}", "--set", "cors_inject=true"]
            arguments[name + setting] = ["-s", addon_of(root), *injects]
    return arguments


@contextlib.asynccontextmanager
async def servers(folder: str) -> AsyncIterator[dict[bool, int]]:
    """Run the servers that are called; yield the port by whether it speaks HTTP/2."""
    loop = asyncio.get_running_loop()
    plain = await loop.create_server(origin.Http1, "127.0.0.1", 0)
    secure = await loop.create_server(origin.Http2, "127.0.0.1", 0, ssl=origin.server_context(folder))
    yield {False: plain.sockets[0].getsockname()[1], True: secure.sockets[0].getsockname()[1]}
    plain.close()
    secure.close()


async def measure(
    folder: str, roots: Mapping[str, str], loads: Sequence[Load], rounds: int, requests: int, say: Say
) -> list[Row]:
    """Send every load through its proxies, so many rounds of so many requests each, by turns."""
    found = []
    async with servers(folder) as ports, running(folder, proxies_of(folder, roots)) as proxies:
        for load in loads:
            say(f"{load.name}, {'HTTP/2' if load.http2 else 'HTTP/1.1'}")
            if load.against:
                names = [name + setting for name in roots for setting in (load.against, load.setting)]
            else:
                names = [BARE, EMPTY, *(name + load.setting for name in roots)]
            cpu = Rounds()
            for name in names:
                await _turn(load, proxies[name], ports[load.http2], requests)
            for order in by_turns(names, rounds):
                for name in order:
                    cpu.add(name, await _turn(load, proxies[name], ports[load.http2], requests))
            found.append(_row(load, roots, cpu))
    return found


async def _turn(load: Load, proxy: Proxy, port: int, requests: int) -> float:
    """Return the CPU seconds of a request."""
    send: Send = over_http2 if load.http2 else over_http1
    calls = [load.calls[number % len(load.calls)] for number in range(requests)]
    before = cpu_of(proxy.process.pid)
    await send(proxy.port, port, calls, _AT_ONCE)
    return (cpu_of(proxy.process.pid) - before) / requests


def _row(load: Load, roots: Mapping[str, str], cpu: Rounds) -> Row:
    cells = {}
    for name in roots:
        key, to = name + load.setting, name + load.against if load.against else EMPTY
        cells[name] = f"{cpu.median(key) * 1e6:.0f} µs, {percent(*cpu.ratio(key, to))}"
    if not load.against:
        cells[BARE] = f"{cpu.median(BARE) * 1e6:.0f} µs"
        cells[EMPTY] = f"{cpu.median(EMPTY) * 1e6:.0f} µs"
    return Row(f"CPU of a request: {load.name}, {'HTTP/2' if load.http2 else 'HTTP/1.1'}", cells, load.target)
