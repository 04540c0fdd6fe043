"""The live page's own flows: answered here, and kept from every addon that comes after this one."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from functools import wraps
from typing import Concatenate, Final, ParamSpec

from mitmproxy import ctx, exceptions, http, tls
from mitmproxy.log import ALERT
from mitmproxy.proxy import mode_specs, server_hooks

from ..diagnosis.stepwise import result_of
from ..fetch.headers import HeaderList
from ..page import clients
from ..page.live import LivePage
from ..page.messages import PageRequest, PageResponse, Place, sentence_response
from .log_messages import Teller
from .page_listener import ADDRESS, PageListener
from .page_whereabouts import beyond_loopback, needs_listener, whereabouts

logger = logging.getLogger("cors_addon")

_NAMED_MODES: Final = (mode_specs.RegularMode, mode_specs.UpstreamMode, mode_specs.Socks5Mode)
"""Modes in which the browser leaves it to the proxy to find out what a name means."""

_PLACES: Final = frozenset({"cors_page", "cors_page_port", "mode", "connection_strategy", "listen_host", "listen_port"})

_SLICE: Final = 0.01
"""Seconds for which the traffic waits at a time while the page is made."""

_PATIENCE: Final = 0.5
"""Seconds after which the page is shown without the changes of the rules that are not found out yet."""

_FAULT: Final = "The live page has a fault of its own; the log has more."

_Given = ParamSpec("_Given")
_Hook = Callable[Concatenate["PageFlows", http.HTTPFlow, _Given], None]


def own(hook: _Hook[_Given]) -> _Hook[_Given]:
    """Run a hook for one of the page's own flows, and end the chain of addons there.

    So no list, file or filter gets to see what the page polls, and nothing changes it on its way: no header rule can
    open it to other origins, no breakpoint stops it.
    """

    @wraps(hook)
    def guarded(self: "PageFlows", flow: http.HTTPFlow, /, *given: _Given.args, **named: _Given.kwargs) -> None:
        if not flow.live:
            return
        try:
            hook(self, flow, *given, **named)
        except Exception as exc:
            self.log.fault(f"the live page’s {hook.__name__}", flow, exc)
            flow.response = _response(sentence_response(500, _FAULT))
        raise exceptions.AddonHalt

    return guarded


class PageFlows:
    """Hooks for what is asked of the page at the host of ``cors_page``, and a listener where no name leads here.

    The addon calls them for the flows that it ``owns``, since one addon more in the chain would cost every event a
    call. ``settle`` has what was seen until now judged, as far as that takes a moment.
    """

    def __init__(self, page: LivePage, log: Teller, settle: Callable[[], object]) -> None:
        self.page = page
        self.log = log
        self._settle = settle
        self.listener = PageListener(self._answer)
        self._host = ""
        self._running = False
        self._turn = asyncio.Lock()

    def owns(self, flow: http.HTTPFlow) -> bool:
        """Say whether a flow is the page's own, a saved one too: such flows are not judged and not changed."""
        return reaches(flow, self._host)

    # --- life -------------------------------------------------------------------------------------------------

    def configure(self, updated: set[str]) -> None:
        if "cors_page" in updated:
            self._host = ctx.options.cors_page.lower()
        if "cors_page_clients" in updated:
            self.page.clients = clients.networks(ctx.options.cors_page_clients)
        if self._running and updated & _PLACES:
            self._settle_down()

    def running(self) -> None:
        self._running = True
        self._settle_down()
        self._warn_of_the_network()

    def done(self) -> None:
        """Listen no more."""
        self.listener.stop()

    def _settle_down(self) -> None:
        """Listen where that is needed, and say where the page is."""
        options, modes = ctx.options, _modes()
        if not modes:
            return
        lazy = options.connection_strategy == "lazy"
        self._listen(bool(self._host) and any(needs_listener(mode, lazy) for mode in modes))
        if self._host:
            told = whereabouts(self._host, modes, lazy, self.listener.url)
            if told:
                logger.log(ALERT, "CORS: %s", told)

    @staticmethod
    def _warn_of_the_network() -> None:
        reached = beyond_loopback(_modes(), ctx.options.listen_host, ctx.options.listen_port)
        if reached:
            logger.warning(
                "CORS: other machines can use this proxy, and get what rules inject: it listens on %s."
                " For this machine only: --listen-host 127.0.0.1",
                ", ".join(reached),
            )

    def _listen(self, wanted: bool) -> None:
        port = ctx.options.cors_page_port
        if not wanted:
            self.listener.stop()
            return
        if self.listener.port and port in (0, self.listener.port):
            return
        try:
            self.listener.start(port)
        except (OSError, OverflowError) as exc:
            why = getattr(exc, "strerror", None) or exc
            logger.warning("CORS: the live page cannot listen on %s:%s: %s", ADDRESS, port, why)

    # --- traffic ----------------------------------------------------------------------------------------------

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Open the tunnel, where it is to the page, without asking anybody where that is."""
        if self._host and is_host(flow.request.data.host, self._host) and flow.response is None:
            flow.response = http.Response(
                b"HTTP/1.1", 200, b"Connection established", http.Headers(), b"", None, 0.0, 0.0
            )

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Keep mitmproxy from asking a server for its certificate first: there is none."""
        address = data.context.server.address
        if isinstance(data.context.client.proxy_mode, mode_specs.ReverseMode) or address is None:
            return
        if self._host and is_host(address[0], self._host):
            raise exceptions.AddonHalt

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        """Look for no server of the page's name, whatever is sent to whichever of its ports."""
        if self._host and data.server.address is not None and is_host(data.server.address[0], self._host):
            data.server.error = "the live page answers HTTP at the ports 80 and 443, and is no server"

    @own
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        # What is streamed goes to a server, and there is none.
        flow.request.stream = False

    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        """Answer a request: in the turns of the event loop, where there is one."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._take(flow, self._answered(flow))
            return None
        return self._request(flow)

    async def _request(self, flow: http.HTTPFlow) -> None:
        made = None
        if flow.live and flow.response is None:
            made = await self._answer(request_of(flow, self._host))
        self._take(flow, made)

    @own
    def _take(self, flow: http.HTTPFlow, made: PageResponse | None) -> None:
        if made is not None and flow.response is None and flow.error is None:
            flow.response = _response(made)

    def _answered(self, flow: http.HTTPFlow) -> PageResponse | None:
        """Answer where no loop turns."""
        if not flow.live or flow.response is not None:
            return None
        try:
            self._settle()
            return result_of(self.page.answer(request_of(flow, self._host)))
        except Exception as exc:
            return self._fault(exc)

    async def _answer(self, request: PageRequest) -> PageResponse:
        """Answer a little at a time: 50,000 verdicts take seconds.

        One request has to wait for another, else very many would take a slice each in every turn of the loop. The time
        for which it waited counts as its patience.
        """
        came = time.monotonic()
        async with self._turn:
            # Meanwhile the next ones wait, for a turn each.
            await asyncio.sleep(0)
            return await self._answer_now(request, came + _PATIENCE - time.monotonic())

    async def _answer_now(self, request: PageRequest, patience: float) -> PageResponse:
        loop, until = asyncio.get_running_loop(), time.perf_counter() + _SLICE
        # The loop's own pool takes a further thread for nearly each step, and keeps them all.
        thread = ThreadPoolExecutor(1, thread_name_prefix="cors-addon page")
        try:
            self._settle()
            steps = self.page.answer(request, patience)
            while True:
                try:
                    step = next(steps)
                except StopIteration as end:
                    made: PageResponse = end.value
                    return made
                if step is not None:
                    await loop.run_in_executor(thread, step.do)
                elif time.perf_counter() > until:
                    await asyncio.sleep(0)
                else:
                    continue
                until = time.perf_counter() + _SLICE
        except Exception as exc:
            return self._fault(exc)
        finally:
            thread.shutdown(wait=False)

    def _fault(self, exc: Exception) -> PageResponse:
        self.log.fault("the live page", None, exc)
        return sentence_response(500, _FAULT)

    @own
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        pass

    @own
    def response(self, flow: http.HTTPFlow) -> None:
        pass

    @own
    def error(self, flow: http.HTTPFlow) -> None:
        pass


def _modes() -> list[mode_specs.ProxyMode]:
    """Return the proxy's modes; none where scripts drive addons without any proxy."""
    options = ctx.options
    if "connection_strategy" not in options or not options.server:
        return []
    try:
        return [mode_specs.ProxyMode.parse(spec) for spec in options.mode]
    except ValueError:
        return []


def is_host(name: str, host: str) -> bool:
    """Say whether a name is the page's host, be it written with a dot at its end."""
    return name.lower().removesuffix(".") == host


def reaches(flow: http.HTTPFlow, host: str) -> bool:
    """Say whether a request is for the page; ``host`` empty is no page. It is asked in every hook of every flow."""
    if not host:
        return False
    request, mode = flow.request, flow.client_conn.proxy_mode
    if isinstance(mode, _NAMED_MODES):
        return is_host(request.data.host, host)
    return not isinstance(mode, mode_specs.ReverseMode) and _without_port(request.host_header or "") == host


def request_of(flow: http.HTTPFlow, host: str) -> PageRequest:
    """Return what the page needs to know of a request that ``reaches`` it."""
    request = flow.request
    headers = HeaderList.from_bytes(request.headers.fields)
    return PageRequest(request.method, place_of(flow, host), headers, request.raw_content or b"", client_of(flow))


def client_of(flow: http.HTTPFlow) -> str:
    """Return the IP address of a client, empty where there is none."""
    return flow.client_conn.peername[0] if flow.client_conn.peername else ""


def place_of(flow: http.HTTPFlow, host: str) -> Place:
    """Say where a request, one that ``reaches`` the page, does so."""
    request = flow.request
    path, _, query = request.path.partition("?")
    base, rest = path[:1], path[1:]
    asked = (request.host_header or host).lower()
    port = 443 if request.scheme == "https" else 80
    wrong = ""
    if request.port != port or asked not in (host, f"{host}:{port}"):
        wrong = f"The live page is at {request.scheme}://{host}/ and at no other name or port."
    return Place(base, rest, query, f"{request.scheme}://{host}", wrong)


def _response(made: PageResponse) -> http.Response:
    sent = http.Response.make(made.status, made.body, dict(made.headers))
    if made.status == 204:
        del sent.headers["content-length"]
    return sent


def _without_port(authority: str) -> str:
    return re.sub(r":[0-9]*$", "", authority).lower()
