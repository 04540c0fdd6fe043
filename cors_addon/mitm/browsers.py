"""Browsers started from the proxy: each goes through it, is listened to, and ends with it.

Nothing here costs anything before the first one is started: the hooks that tie flows are attached then.
"""

import asyncio
import logging
import shlex
import ssl
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mitmproxy import connection, ctx, exceptions, http, tls
from mitmproxy.log import ALERT
from mitmproxy.proxy import server_hooks

from ..page.page_address import is_loopback
from ..report.browser_word import place_of
from ..traffic.bounded_dicts import Remembered
from ..traffic.classify import browser_of
from ..traffic.testimony import Testimony
from ..verdict.failure_details import inert
from ..verdict.redact import redact
from . import flows
from .page_flows import is_host

if TYPE_CHECKING:
    from ..browser.listened import ListenedBrowser
    from ..browser.requests import BrowserRequest
    from ..browser.unsent import UnsentRequests

logger = logging.getLogger("cors_addon")

Testify = Callable[[str, http.HTTPFlow | None, Testimony], bool | None]
"""Takes a browser's word on a flow, by its id; returns whether that flow is judged by now."""

_LOOK_EVERY: Final = 0.25
_PATIENCE: Final = 30.0
_KEPT: Final = 5_000
_AWAITED: Final = 500
"""How many flows wait, whole, for the browser's word."""

_MODES: Final = ("regular", "upstream")
"""In which a browser is told about the proxy."""


class Browsers:
    """The browsers that were started here. ``unsent`` are requests that never reached the proxy, as plain data."""

    def __init__(self, testify: Testify, fault: Callable[[str, None, Exception], None]) -> None:
        self._testify = testify
        self._fault = lambda exc: fault("what a browser said", None, exc)
        self._running: list[ListenedBrowser] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._watch: _FlowWatch | None = None
        self._unsent: UnsentRequests | None = None
        self._early: Remembered[str, Testimony] = Remembered(_KEPT)
        self._ends = False

    @property
    def unsent(self) -> list[dict[str, Any]]:
        return [] if self._unsent is None else self._unsent.entries

    def running(self) -> None:
        """Start the browser that is to start with the proxy."""
        words = ctx.options.cors_start_browser
        if not words:
            return
        try:
            self.start(shlex.split(words))
        except exceptions.CommandError as error:
            logger.error("cors-addon starts no browser: %s", error)

    def start(self, words: Sequence[str]) -> str:
        """Begin to start the browser that a user asks for; return in words what happens.

        Without a URL it opens the live page. Raises ``CommandError`` with a sentence for what the user can fix.
        """
        from ..browser import wanted
        from ..browser.find import NotFoundError, find

        try:
            asked = wanted.read([word for word in words if word])
            program = find(asked.name, asked.command)
            loop = asyncio.get_running_loop()
        except (ValueError, NotFoundError) as error:
            raise exceptions.CommandError(str(error)) from error
        except RuntimeError as error:
            raise exceptions.CommandError("a browser can only be started while mitmproxy runs") from error
        page = ctx.options.cors_page
        url = asked.url or (f"http://{page}/" if page else "about:blank")
        task = loop.create_task(self._run(program, url, asked.headless), name="cors-addon runs a browser")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return f"{program.title} is starting; the log says when it is there"

    def clear(self) -> None:
        """Forget what was never sent."""
        if self._unsent is not None:
            self._unsent.clear()

    def done(self) -> None:
        """End all browsers; their guards remove what is left of them."""
        self._ends = True
        for task in [*self._tasks]:
            task.cancel()
        for browser in self._running:
            browser.close()
        self._running.clear()

    # --- one browser ------------------------------------------------------------------------------------------

    async def _run(self, program: Any, url: str, headless: bool) -> None:
        from ..browser.listened import ListenedBrowser
        from ..browser.process import StartError

        listen = bool(ctx.options.cors_listen)
        browser = ListenedBrowser(program, self._told, self._never_sent, self._fault, listen)
        try:
            proxy = await _proxy_address()
            certificate = await _authority()
            self._attach(browser)
            await browser.start(proxy, certificate, headless)
            says = " and says what becomes of each request" if listen else ""
            logger.log(ALERT, "CORS: %s goes through the proxy at %s%s", browser.version, proxy, says)
            await browser.open(url)
            await browser.ended()
            if not self._ends:
                logger.log(ALERT, "CORS: %s has ended, and its profile is removed", browser.version)
        except (StartError, OSError) as error:
            logger.warning("CORS: %s", inert(str(error)))
        finally:
            browser.close()
            if browser in self._running:
                self._running.remove(browser)

    def _attach(self, browser: "ListenedBrowser") -> None:
        from ..browser.unsent import UnsentRequests

        self._running.append(browser)
        if self._unsent is None:
            self._unsent = UnsentRequests()
        if self._watch is None:
            self._watch = _FlowWatch(self._running)
            ctx.master.addons.add(self._watch)

    # --- what it says -----------------------------------------------------------------------------------------

    def _told(self, flow_id: str, testimony: Testimony) -> None:
        if testimony.outcome is None or self._testify_once(flow_id, testimony):
            return
        # The proxy may judge a flow after the browser has spoken.
        if not self._early:
            asyncio.get_running_loop().call_later(_LOOK_EVERY, self.tell_early)
        self._early[flow_id] = testimony

    def _testify_once(self, flow_id: str, testimony: Testimony) -> bool:
        flow = self._watch.flows.get(flow_id) if self._watch is not None else None
        is_judged = self._testify(flow_id, flow, testimony)
        if not is_judged:
            return is_judged is not None and flow is None
        if self._watch is not None:
            self._watch.flows.pop(flow_id, None)
        return True

    def tell_early(self) -> None:
        """Say again what a browser said of flows that were not judged then."""
        for flow_id, testimony in [*self._early.items()]:
            if self._testify_once(flow_id, testimony):
                self._early.pop(flow_id, None)
        if self._early and not self._ends:
            asyncio.get_running_loop().call_later(_LOOK_EVERY, self.tell_early)

    def _never_sent(self, request: "BrowserRequest", browser: str) -> None:
        if self._unsent is None or _is_the_pages_own(request.url):
            return
        entry = self._unsent.add(request, browser)
        if entry is not None:
            logger.log(logging.INFO if entry["reason"] == "aborted" else logging.WARNING, "CORS: %s", log_line(entry))


def _is_the_pages_own(url: str) -> bool:
    """Say whether the live page asks for its news; it gives that up where it is left."""
    authority = url.partition("://")[2].partition("/")[0]
    return bool(ctx.options.cors_page) and is_host(authority.partition(":")[0], ctx.options.cors_page.lower())


def log_line(entry: dict[str, Any]) -> str:
    """Return one line for a request that was never sent: what, why, where in the source, and what to do."""
    site = entry["initiator"]
    called = f"; called by {place_of(site)}" if site else ""
    text = f"{entry['method']} {entry['url']} {entry['message']}{called}. {entry['help']}"
    return inert(redact(text.strip()), 1_000)


async def _proxy_address() -> str:
    """Return where the proxy listens for browsers, once it does. Raises ``StartError``."""
    from ..browser.process import StartError

    servers = ctx.master.addons.get("proxyserver").servers
    for _ in range(int(_PATIENCE / 0.05)):
        for server in servers:
            if server.mode.type_name in _MODES and server.listen_addrs:
                host, port = server.listen_addrs[0][:2]
                host = {"0.0.0.0": "127.0.0.1", "::": "127.0.0.1", "": "127.0.0.1"}.get(host, host)
                return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        await asyncio.sleep(0.05)
    raise StartError("No browser is started: the proxy listens in no mode that a browser can be pointed at (regular)")


async def _authority() -> Path:
    """Return where mitmproxy's certificate is, once it is there: on a machine's first start it is made meanwhile."""
    path = Path(ctx.options.confdir).expanduser() / "mitmproxy-ca-cert.pem"
    for _ in range(int(_PATIENCE / 0.05)):
        if path.exists():
            break
        await asyncio.sleep(0.05)
    return path


class _FlowWatch:
    """The hooks that a browser needs: they note flows for the ties, and keep pages from the browser's channel."""

    name = "cors-addon-browsers"

    def __init__(self, running: "list[ListenedBrowser]") -> None:
        # mitmdump keeps no flow that is over, and the browser may speak of it later.
        self.flows: Remembered[str, http.HTTPFlow] = Remembered(_AWAITED)
        self._running = running

    def requestheaders(self, flow: http.HTTPFlow) -> None:
        if not self._running or not flow.live:
            return
        family = browser_of(flow.request.headers.get("User-Agent"))
        listening = [each for each in self._running if each.ties is not None and each.program.family is family]
        if not listening:
            return
        self.flows[flow.id] = flow
        request = flows.request_of(flow)
        is_preflight = request.method == "OPTIONS" and "access-control-request-method" in request.headers
        for browser in listening:
            assert browser.ties is not None
            browser.ties.flow(flow.id, request.method, request.url, is_preflight, flow.request.timestamp_start)

    def tls_start_server(self, data: tls.TlsData) -> None:
        """Take the certificate of a server on this machine as it is: development servers make their own."""
        peer = data.conn.peername
        direct = isinstance(data.conn, connection.Server) and data.conn.via is None
        if self._running and data.ssl_conn is not None and direct and peer is not None and is_loopback(peer[0]):
            data.ssl_conn.set_verify(int(ssl.CERT_NONE))

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        address = data.server.address
        if address is not None and any(address[1] == each.channel_port for each in self._running):
            data.server.error = "this port controls a browser that cors-addon has started, and is kept from pages"
