"""The test-only half of the proxy: a mitmdump script, loaded after the addon under test.

It sends every server connection of a test host to the local origin server, appends every finished flow to a file, and
runs mitmproxy commands for the test while the proxy is running. It ends the proxy when the test is gone, killed
perhaps. It knows nothing of CORS.
"""

import asyncio
import atexit
import json
import os
import shutil
import threading
from collections.abc import Sequence

from mitmproxy import command, connection, ctx, exceptions, flow, http, io
from mitmproxy.addonmanager import Loader
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

DEAD = "dead.test"
BAD_TLS = "badtls.test"
BODY_KEPT = 256


class Steer:
    """Options: `steer_http`, `steer_https` are ports of the origin server; `steer_dead` a port where nobody listens.

    `steer_ports` are those of hosts that have a server of their own.
    """

    def load(self, loader: Loader) -> None:
        loader.add_option("steer_http", int, 0, "port of the origin server that speaks http; 0 steers nothing")
        loader.add_option("steer_https", int, 0, "port of the origin server that speaks https")
        loader.add_option("steer_ports", str, "", "hosts with a server of their own: HOST:PORT, spaces between")
        loader.add_option("steer_dead", int, 0, "port where nobody listens")
        loader.add_option("steer_flows", str, "", "file the finished flows go to")
        loader.add_option("steer_report_to", int, -1, "file descriptor that is told the ports once they listen")
        loader.add_option("steer_test", int, -1, "file descriptor that is open as long as the test lives")
        loader.add_option("steer_folder", str, "", "folder to remove where the test is gone before the proxy is")

    def running(self) -> None:
        self.flows = open(ctx.options.steer_flows, "wb")  # noqa: SIM115 (closed in done)
        self.writer = io.FlowWriter(self.flows)
        self.control: asyncio.Server | None = None
        self.task = asyncio.ensure_future(self.announce())
        threading.Thread(target=self.outlive, args=(asyncio.get_running_loop(),), daemon=True).start()

    def outlive(self, loop: asyncio.AbstractEventLoop) -> None:
        """Wait until the test is gone, then end: nobody else would."""
        with os.fdopen(ctx.options.steer_test, "rb") as test:
            test.read()
        if ctx.options.steer_folder:
            atexit.register(shutil.rmtree, ctx.options.steer_folder, ignore_errors=True)
        loop.call_soon_threadsafe(ctx.master.shutdown)

    async def announce(self) -> None:
        proxyserver = ctx.master.addons.get("proxyserver")
        while not (listening := proxyserver.listen_addrs()):
            await asyncio.sleep(0.02)
        self.control = await asyncio.start_server(self.controlled, "127.0.0.1", 0)
        ports = {"proxy": listening[0][1], "control": self.control.sockets[0].getsockname()[1]}
        with os.fdopen(ctx.options.steer_report_to, "w") as told:
            told.write(json.dumps(ports))

    async def controlled(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One line in, a JSON list of a command and its arguments; one line out, its result or error."""
        words = json.loads(await reader.readline())
        try:
            answer = {"result": _plain(ctx.master.commands.call_strings(words[0], words[1:]))}
        except (exceptions.CommandError, exceptions.OptionsError) as error:
            answer = {"error": str(error)}
        writer.write(json.dumps(answer).encode() + b"\n")
        await writer.drain()
        writer.close()

    def server_connect(self, data: ServerConnectionHookData) -> None:
        server: connection.Server = data.server
        if not server.address or not ctx.options.steer_http:
            return
        host = server.address[0].rstrip(".")
        own = dict(each.split(":") for each in ctx.options.steer_ports.split())
        if host in own:
            port = int(own[host])
        elif host.endswith(DEAD):
            port = ctx.options.steer_dead
        elif host.endswith(BAD_TLS):
            port = ctx.options.steer_http
        elif host.endswith((".test", "localhost")) or host in ("127.0.0.1", "::1"):
            port = ctx.options.steer_https if server.tls else ctx.options.steer_http
        else:  # what browsers ask of their makers by themselves stays here
            server.error = "not a host of the tests"
            return
        server.address = ("127.0.0.1", port)

    @command.command("steer.options.set")  # type: ignore[untyped-decorator]  # mitmproxy's has no types
    def options_set(self, specs: Sequence[str]) -> None:
        """Set options as `--set` does, without a console."""
        ctx.options.set(*specs)

    def response(self, flow: http.HTTPFlow) -> None:
        self.keep(flow)

    def error(self, flow: http.HTTPFlow) -> None:
        self.keep(flow)

    def keep(self, flow: http.HTTPFlow) -> None:
        if self.flows.closed:
            return  # broken off by the proxy's own end
        copy = flow.copy()
        copy.id = flow.id
        for message in (copy.request, copy.response):
            if message is not None and message.raw_content and len(message.raw_content) > BODY_KEPT:
                message.raw_content = message.raw_content[:BODY_KEPT]
        self.writer.add(copy)
        self.flows.flush()

    def done(self) -> None:
        if self.control is not None:
            self.control.close()
        self.flows.close()


def _plain(value: object) -> object:
    if isinstance(value, flow.Flow):
        return value.id
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value if isinstance(value, (str, int, float, bool, dict)) or value is None else str(value)


addons = [Steer()]
