"""What the tests of this folder share: flows as browsers cause them, and the addon inside a mitmproxy context."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from mitmproxy import connection, eventsequence, flow, http
from mitmproxy.addons import view
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.proxy import mode_specs
from mitmproxy.test import taddons

from cors_addon.mitm.addon import CorsAddon

APP = "http://app.test"
API = "http://api.test/items"
CHROMIUM = (
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)
FIREFOX = "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0"


def fields(lines: Iterable[str | tuple[bytes, bytes]]) -> http.Headers:
    """Build headers from lines of ``Name: value``, or from pairs of bytes."""
    pairs = []
    for line in lines:
        if isinstance(line, str):
            name, _, value = line.partition(":")
            line = name.encode(), value.strip().encode()
        pairs.append(line)
    return http.Headers(pairs)


def make_response(status: int, *lines: str | tuple[bytes, bytes], body: bytes | None = b"{}") -> http.Response:
    """Build a server's response, exactly these header lines and no other."""
    return http.Response(b"HTTP/1.1", status, b"", fields(lines), body, None, 1000.2, 1000.3)


def make_flow(
    *lines: str | tuple[bytes, bytes],
    method: str | bytes = "GET",
    url: str = API,
    response: http.Response | None = None,
    agent: str | None = CHROMIUM,
    at: float = 1000.0,
    http_version: bytes = b"HTTP/1.1",
    live: bool = True,
) -> http.HTTPFlow:
    """Build a flow with an answer awaited or there, on a connection of its own."""
    client = connection.Client(
        peername=("192.0.2.1", 50000),
        sockname=("192.0.2.254", 8080),
        timestamp_start=at - 1,
        state=connection.ConnectionState.OPEN,
        proxy_mode=mode_specs.ProxyMode.parse("regular"),
    )
    server = connection.Server(address=("api.test", 80))
    server.timestamp_start = at
    server.peername = ("198.51.100.7", 80)
    server.state = connection.ConnectionState.OPEN
    made = http.HTTPFlow(client, server)
    made.request = http.Request.make(method if isinstance(method, str) else "GET", url)
    if isinstance(method, bytes):
        made.request.data.method = method
    given = [line for line in (agent,) if line is not None]
    host = () if http_version != b"HTTP/1.1" else (f"Host: {url.split('/')[2]}",)
    made.request.headers = fields([*host, *given, *lines])
    made.request.data.http_version = http_version
    made.request.timestamp_start = at
    made.request.timestamp_end = at + 0.1
    made.response = response
    if response is not None:
        response.timestamp_start, response.timestamp_end = at + 0.2, at + 0.3
    made.live = live
    return made


def cors_get(
    *answer: str | tuple[bytes, bytes], status: int = 200, origin: str = APP, url: str = API, **others: Any
) -> http.HTTPFlow:
    """Build a GET across origins and its answer with these header lines."""
    return make_flow(f"Origin: {origin}", url=url, response=make_response(status, *answer), **others)


def preflight(
    *answer: str, status: int = 204, asks: str = "PUT", url: str = API, at: float = 1000.0, **others: Any
) -> http.HTTPFlow:
    """Build a preflight and its answer."""
    return make_flow(
        f"Origin: {APP}",
        f"Access-Control-Request-Method: {asks}",
        method="OPTIONS",
        url=url,
        at=at,
        response=make_response(status, *answer, body=b""),
        **others,
    )


class Proxy:
    """The addon where mitmproxy would have it, with flows sent through its hooks as the proxy would send them."""

    def __init__(self, context: taddons.context, addon: CorsAddon) -> None:
        self.context = context
        self.addon = addon
        self.updated: list[list[flow.Flow]] = []

    def hook(self, name: str, subject: http.HTTPFlow) -> None:
        """Call one hook of the addon, and have judged what it saw: no loop turns here."""
        getattr(self.addon, name)(subject)
        self.addon.pipeline.drain()

    def send(self, *flows: http.HTTPFlow) -> http.HTTPFlow:
        """Take flows through every hook in order; return the last one."""
        for each in flows:
            response, error = each.response, each.error
            if each.live:
                # While a flow is live, nothing is there before it has come.
                each.response = each.error = None
                self.hook("requestheaders", each)
                each.response = response
                if response is not None:
                    self.hook("responseheaders", each)
                if error is not None:
                    each.error = error
                    self.hook("error", each)
                elif response is not None:
                    self.hook("response", each)
            else:
                for event in eventsequence.iterate(each):
                    if hasattr(self.addon, event.name):
                        self.hook(event.name, each)
        return flows[-1]

    def turn(self) -> None:
        """Let the event loop turn once, some time later."""
        self.addon.pipeline.turn()

    def look(self) -> None:
        """Let the addon look at what is left to do, as it does every quarter of a second."""
        self.addon._tick()
        self.addon.pipeline.settle()

    def configure(self, **options: Any) -> None:
        self.context.configure(self.addon, **options)

    def report(self) -> dict[str, Any]:
        """Return the report's parts by name."""
        report = self.addon.reporting.report()
        return {name: getattr(report, name) for name in ("schema", "generated", "summary", "flows", "groups")}

    def verdict(self, subject: http.HTTPFlow) -> dict[str, Any]:
        """Return the one entry of a flow in the report."""
        (entry,) = [entry for entry in self.addon.reporting.report().flows if entry["id"] == subject.id]
        return entry


class _Updates:
    """Notes the flows that front ends are told of."""

    name = "updates"

    def __init__(self, seen: list[list[flow.Flow]]) -> None:
        self._seen = seen

    def update(self, flows: list[flow.Flow]) -> None:
        self._seen.append(list(flows))


@contextmanager
def mitmproxy_context() -> Iterator[taddons.context]:
    """Make a mitmproxy without a proxy; its event loop is closed, which mitmproxy 11's own context leaves open."""
    with taddons.context() as context:
        try:
            yield context
        finally:
            context.master._legacy_log_events.uninstall()
            context.master.event_loop.close()


@contextmanager
def proxy(**options: Any) -> Iterator[Proxy]:
    """Run the addon in a mitmproxy with a view, as mitmweb and the console have one."""
    addon = CorsAddon()
    with mitmproxy_context() as context:
        made = Proxy(context, addon)

        async def start() -> None:
            # The order of mitmproxy's own start: load, options, running.
            context.master.addons.add(view.View(), addon, _Updates(made.updated))
            if options:
                context.options.update(**options)
            addon.running()

        async def stop() -> None:
            await context.master.done()
            await asyncio.sleep(0)

        loop = context.master.event_loop
        loop.run_until_complete(start())
        try:
            yield made
        finally:
            loop.run_until_complete(stop())


def saved_and_loaded(subject: http.HTTPFlow) -> http.HTTPFlow:
    """Write a flow as ``-w`` does and read it back."""
    file = io.BytesIO()
    FlowWriter(file).add(subject)
    file.seek(0)
    (loaded,) = FlowReader(file).stream()
    assert isinstance(loaded, http.HTTPFlow)
    return loaded


def on_the_wire(subject: http.HTTPFlow) -> tuple[object, ...]:
    """Return all of a flow that browser and server can see."""
    request, response = subject.request, subject.response
    return (
        request.data.method,
        request.url,
        request.headers.fields,
        request.raw_content,
        None
        if response is None
        else (response.status_code, response.data.reason, response.headers.fields, response.raw_content),
    )


def logged(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    """Return what the addon logged at a level or above."""
    return [r.getMessage() for r in caplog.records if r.name == "cors_addon" and r.levelno >= level]
