"""The live page's own flows: answered here, and kept from every addon that comes after this one."""

import logging
import re
from collections.abc import Callable
from functools import wraps
from typing import Final

from mitmproxy import ctx, exceptions, http, tls
from mitmproxy.proxy import mode_specs

from ..fetch.headers import HeaderList
from ..fetch.origins import address_of
from ..page.live import PREFIX, LivePage
from ..page.messages import PageRequest, PageResponse, Place, sentence_response
from ..page.page_address import is_loopback
from .log_messages import Teller
from .page_whereabouts import whereabouts

logger = logging.getLogger("cors_addon")

_NAMED_MODES: Final = (mode_specs.RegularMode, mode_specs.UpstreamMode, mode_specs.Socks5Mode)
"""Modes in which the browser leaves it to the proxy to find out what a name means."""

_PLACES: Final = frozenset({"cors_page", "mode", "connection_strategy", "listen_host", "listen_port"})

_Hook = Callable[["PageFlows", http.HTTPFlow], None]


def own(hook: _Hook) -> _Hook:
    """Run a hook for one of the page's own flows, and end the chain of addons there.

    So no list, file or filter gets to see what the page polls, and nothing changes it on its way: no header rule can
    open it to other origins, no breakpoint stops it.
    """

    @wraps(hook)
    def guarded(self: "PageFlows", flow: http.HTTPFlow) -> None:
        if not flow.live:
            return
        try:
            hook(self, flow)
        except Exception as exc:
            self.log.fault(f"the live page’s {hook.__name__}", flow, exc)
            flow.response = _response(sentence_response(500, "The live page has a fault of its own; the log has more."))
        raise exceptions.AddonHalt

    return guarded


class PageFlows:
    """Hooks for what is asked of the page at the option ``cors_page``'s host, and below a path of a reverse proxy.

    The addon calls them for the flows that it ``owns``, since one addon more in the chain would cost every event a
    call.
    """

    def __init__(self, page: LivePage, log: Teller) -> None:
        self.page = page
        self.log = log
        self._host = ""
        self._running = False

    def owns(self, flow: http.HTTPFlow) -> bool:
        """Say whether a flow is the page's own, a saved one too: such flows are not judged and not changed."""
        return reaches(flow, self._host)

    # --- life -------------------------------------------------------------------------------------------------

    def configure(self, updated: set[str]) -> None:
        if "cors_page" in updated:
            self._host = ctx.options.cors_page.lower()
        if self._running and updated & _PLACES:
            self._say_where()

    def running(self) -> None:
        self._running = True
        self._say_where()

    def _say_where(self) -> None:
        options = ctx.options
        # Scripts drive addons without any proxy, which is nowhere.
        if not self._host or "connection_strategy" not in options or not options.server:
            return
        try:
            modes = [mode_specs.ProxyMode.parse(spec) for spec in options.mode]
        except ValueError:
            return
        lazy = options.connection_strategy == "lazy"
        told = whereabouts(self._host, modes, options.listen_host, options.listen_port, lazy)
        if told:
            logger.info("CORS: %s", told)

    # --- traffic ----------------------------------------------------------------------------------------------

    def http_connect(self, flow: http.HTTPFlow) -> None:
        """Open the tunnel, where it is to the page, without asking anybody where that is."""
        if self._host and flow.request.data.host.lower() == self._host and flow.response is None:
            flow.response = http.Response(
                b"HTTP/1.1", 200, b"Connection established", http.Headers(), b"", None, 0.0, 0.0
            )

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        """Keep mitmproxy from asking a server for its certificate first: there is none."""
        address = data.context.server.address
        if isinstance(data.context.client.proxy_mode, mode_specs.ReverseMode) or address is None:
            return
        if self._host and address[0].lower() == self._host:
            raise exceptions.AddonHalt

    @own
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        # What is streamed goes to a server, and there is none.
        flow.request.stream = False

    @own
    def request(self, flow: http.HTTPFlow) -> None:
        if flow.response is None and flow.error is None:
            flow.response = _response(self.page.answer(request_of(flow, self._host)))

    @own
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        pass

    @own
    def response(self, flow: http.HTTPFlow) -> None:
        pass

    @own
    def error(self, flow: http.HTTPFlow) -> None:
        pass


def reaches(flow: http.HTTPFlow, host: str) -> bool:
    """Say whether a request is for the page; ``host`` empty is no page. It is asked in every hook of every flow."""
    if not host:
        return False
    request, mode = flow.request, flow.client_conn.proxy_mode
    if isinstance(mode, mode_specs.ReverseMode):
        path = request.data.path
        return path.startswith(b"/+cors") and path[6:7] in (b"", b"/", b"?")
    if isinstance(mode, _NAMED_MODES):
        return request.data.host.lower() == host
    return _without_port(request.host_header or "") == host


def request_of(flow: http.HTTPFlow, host: str) -> PageRequest:
    """Return what the page needs to know of a request that ``reaches`` it."""
    request = flow.request
    headers = HeaderList.from_bytes(request.headers.fields)
    return PageRequest(request.method, place_of(flow, host), headers, request.raw_content or b"")


def place_of(flow: http.HTTPFlow, host: str) -> Place:
    """Say where a request, one that ``reaches`` the page, does so."""
    request = flow.request
    path, _, query = request.path.partition("?")
    if isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode):
        base = PREFIX if path.startswith(PREFIX) else ""
        return Place(base, path[len(base) :], query, None, _name_problem(flow, host))
    base, rest = path[:1], path[1:]
    asked = (request.host_header or host).lower()
    port = 443 if request.scheme == "https" else 80
    wrong = ""
    if request.port != port or asked not in (host, f"{host}:{port}"):
        wrong = f"The live page is at {request.scheme}://{host}/ and at no other name or port."
    return Place(base, rest, query, f"{request.scheme}://{host}", wrong)


def _name_problem(flow: http.HTTPFlow, host: str) -> str:
    """A name that somebody else made point here is not the page's.

    Over plain http the name cannot be seen in reverse mode; there the guard asks for headers that browsers send to
    loopback names only.
    """
    name = (flow.client_conn.sni or "").lower() if flow.client_conn.tls else ""
    if not name or name == host or is_loopback(name) or address_of(name) is not None:
        return ""
    return f"The live page does not answer at the name {name}. If it is yours, start the proxy with cors_page={name}."


def _response(made: PageResponse) -> http.Response:
    sent = http.Response.make(made.status, made.body, dict(made.headers))
    if made.status == 204:
        del sent.headers["content-length"]
    return sent


def _without_port(authority: str) -> str:
    return re.sub(r":[0-9]*$", "", authority).lower()
