"""One request and its response, as the proxy saw them. No proxy type appears here."""

from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Self

from ..fetch.messages import Request, Response
from .body_hints import Hint
from .testimony import Testimony


class Responder(Enum):
    """Who wrote the response that the browser got."""

    SERVER = "server"
    PROXY = "proxy"
    """The proxy's own error page: the server was not reached, or what it sent could not be passed on."""
    LOCAL = "local"
    """Made in the proxy on the user's behalf: a mapped file, a replayed response, an injected preflight answer."""
    NOBODY = "nobody"
    """The exchange was given up, or killed in the proxy: the browser got no response at all."""


ADDON_HEADER: Final = "x-cors-addon"
"""Names the rule of the addon that changed a response, in this proxy or in another on the way."""

KILLED: Final = "killed in the proxy by its user or an addon"
"""The failure of an exchange that was ended in the proxy."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request and what came back.

    ``request.url`` is the absolute URL that the browser asked for, without fragment. ``started`` and ``ended`` are Unix
    times in seconds. ``client`` names the browser's host (its address), ``connection`` the client connection that
    carried the request, opened at the Unix time ``connected``; each is empty where a capture does not tell.
    ``http_version`` is the request's, and ``response_version`` the one that the server answered with. ``response`` is
    ``None`` while it is awaited and after a failure; ``error`` is the failure's text, whether or not a response came
    with it. ``server_address`` is the real address that was connected to, host part only. ``body_hints`` are the known
    phrases that the response's body was found to hold. ``from_cache`` says that the browser's own cache answered.
    """

    id: str
    request: Request
    response: Response | None = None
    error: str | None = None
    responder: Responder = Responder.SERVER
    started: float = 0.0
    ended: float | None = None
    client: str = ""
    connection: str = ""
    connected: float = 0.0
    http_version: str = "HTTP/1.1"
    response_version: str = "HTTP/1.1"
    server_address: str = ""
    websocket: bool = False
    source: str = field(default="live")
    """``live``, ``flows`` (a saved capture) or ``har`` (which knows no connection and sometimes not every header)."""
    testimony: Testimony | None = None
    """What the browser itself said of it."""
    body_hints: tuple[Hint, ...] = ()
    from_cache: bool = False

    def with_response(self, response: Response | None, **changes: object) -> Self:
        """Return a copy with another response; ``changes`` are further fields."""
        return replace(self, response=response, **changes)  # type: ignore[arg-type]
