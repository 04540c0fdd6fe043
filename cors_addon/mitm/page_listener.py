"""The live page's own listener, for proxies that no host name of its own leads through, as in reverse mode.

It listens on loopback only. The site behind a reverse proxy never shares an origin with the page, so nothing that the
site's scripts and service workers can do reaches the page's token.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from ..fetch.headers import HeaderList
from ..page.messages import PageRequest, PageResponse, Place

if TYPE_CHECKING:
    from tornado import httpserver, httputil

ADDRESS: Final = "127.0.0.1"
_LONGEST_BODY: Final = 65_536
_IDLE: Final = 60.0


class PageListener:
    """Serves what ``answer`` returns at ``port``, which is 0 while it does not listen."""

    def __init__(self, answer: Callable[[PageRequest], Awaitable[PageResponse]]) -> None:
        self._answer = answer
        self._server: httpserver.HTTPServer | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """The page's address, empty while there is none."""
        return f"http://{ADDRESS}:{self.port}/" if self.port else ""

    def start(self, port: int) -> None:
        """Listen at a port, 0 for any that is free. Raises ``OSError``."""
        # Most sessions need none.
        from tornado import httpserver, netutil

        self.stop()
        sockets = netutil.bind_sockets(port, ADDRESS)
        self._server = httpserver.HTTPServer(
            self._serve, max_body_size=_LONGEST_BODY, max_buffer_size=2 * _LONGEST_BODY, idle_connection_timeout=_IDLE
        )
        self._server.add_sockets(sockets)
        self.port = sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Listen no more."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self.port = 0

    def _serve(self, request: "httputil.HTTPServerRequest") -> None:
        task = asyncio.get_running_loop().create_task(self._serve_in_turns(request), name="cors-addon serves its page")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve_in_turns(self, request: "httputil.HTTPServerRequest") -> None:
        from tornado import httputil, iostream

        made = await self._answer(self._request_of(request))
        headers = httputil.HTTPHeaders(dict(made.headers))
        if made.status != HTTPStatus.NO_CONTENT:
            headers["content-length"] = str(len(made.body))
        start = httputil.ResponseStartLine("HTTP/1.1", made.status, HTTPStatus(made.status).phrase)
        assert request.connection is not None
        # Who asked may be gone by now.
        with suppress(iostream.StreamClosedError):
            request.connection.write_headers(start, headers, b"" if request.method == "HEAD" else made.body)
            request.connection.finish()

    def _request_of(self, request: "httputil.HTTPServerRequest") -> PageRequest:
        headers = HeaderList(request.headers.get_all())
        path, _, query = (request.uri or "").partition("?")
        host = (headers.get("Host") or "").lower()
        # Any name may be made to point here, and a page at such a name has another origin.
        is_own = host in (f"{ADDRESS}:{self.port}", f"localhost:{self.port}")
        wrong = "" if is_own else f"The live page is at {self.url} and at no other name or port."
        place = Place(path[:1], path[1:], query, f"http://{host if is_own else f'{ADDRESS}:{self.port}'}", wrong)
        return PageRequest(request.method or "", place, headers, request.body, request.remote_ip or "")
