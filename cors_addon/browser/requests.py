"""One request as a browser tells it, whichever browser: what became of it, and what part of the source made it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..traffic.testimony import CallSite

NOSNIFF: Final = "nosniff"
ABORTED: Final = frozenset({"net::ERR_ABORTED", "NS_BINDING_ABORTED", "NS_ERROR_ABORT"})
"""Errors of a request that the page gave up."""

MIME_TYPE: Final = "MIME type"


class Outcome(Enum):
    """What the browser made of a response.

    For a preflight, ``PASSED`` means that the request behind it may be sent; for a redirect, that it was followed; for
    an opaque response, that it was not blocked.
    """

    PENDING = "pending"
    PASSED = "passed"
    CORS = "cors"
    """Blocked for a CORS reason."""
    FAILED = "failed"
    """Blocked or lost for another reason."""


class Unsent(Enum):
    """Why a request never reached the proxy. The values are what reports show."""

    CSP = "csp"
    MIXED_CONTENT = "mixed-content"
    EXTENSION = "extension"
    LOCAL_NETWORK_ACCESS = "local-network-access"
    CACHE = "cache"
    SERVICE_WORKER = "service-worker"
    PORT = "blocked-port"
    SAME_ORIGIN = "same-origin-mode"
    """``fetch()`` with mode "same-origin" and the URL of another origin."""
    ABORTED = "aborted"
    PREFLIGHT = "preflight"
    """Its preflight failed, which reached the proxy and says why."""
    REDIRECT = "redirect"
    """The browser refused to follow a redirect, which reached the proxy, to this URL."""
    TWICE = "told twice"
    """The browser tells it as another request too."""
    OTHER = "other"


@dataclass(slots=True, eq=False)
class BrowserRequest:
    """One hop. ``started`` is in Unix seconds, when the browser told of it; it may have been sent since ``not_before``,
    where that is not 0: preflights and redirects are told by another process than the one that sends them.
    ``url`` has no fragment, ``page`` is the URL of the document or worker.

    ``error`` is Chromium's ``CorsError`` or Firefox's console category where ``outcome`` is ``CORS``, else the blocked
    reason or the network error. ``on_wire`` says that the request certainly reached the network. ``unsent`` says why it
    did not, and ``directive`` which directive of the page's policy blocked it. ``target_error`` is, of a redirect, the
    failure of a target that was never sent. ``credentials`` says whether the mode is "include", as far as the browser
    tells; ``left_out`` are names of cookies that were not sent, each with the browser's reason.
    """

    url: str
    method: str
    is_preflight: bool
    started: float
    page: str = ""
    outcome: Outcome = Outcome.PENDING
    error: str | None = None
    settled: float | None = None
    on_wire: bool = False
    unsent: Unsent | None = None
    directive: str = ""
    target_error: str | None = None
    call_site: CallSite | None = None
    credentials: bool | None = None
    left_out: tuple[tuple[str, str], ...] = ()
    not_before: float = 0.0

    @property
    def is_settled(self) -> bool:
        return self.outcome is not Outcome.PENDING


Changed = Callable[[BrowserRequest], None]
"""Called each time that a browser has said more about a request."""


_LIBRARIES: Final = (
    "/node_modules/",
    "/.vite/deps/",
    "/@vite/",
    "/@id/",
    "/bower_components/",
    "/vendor/",
    "/webpack/runtime",
    "/cdn-cgi/",
    "/jquery",
    "/axios",
    "/zone.js",
)
_LIBRARY_HOSTS: Final = ("//cdn.jsdelivr.net/", "//unpkg.com/", "//cdnjs.cloudflare.com/", "//esm.sh/")
_NO_SOURCES: Final = ("chrome-extension:", "moz-extension:", "resource:", "chrome:", "node:", "native")


def own_frame(frames: Iterable[CallSite]) -> CallSite | None:
    """Return the first frame of a stack that is in no library, else the first one that has a URL."""
    known = [frame for frame in frames if frame.url and not frame.url.startswith(_NO_SOURCES)]
    return next((frame for frame in known if not _is_library(frame.url)), known[0] if known else None)


def _is_library(url: str) -> bool:
    path = url.lower()
    return any(part in path for part in (*_LIBRARIES, *_LIBRARY_HOSTS))


def is_of_the_web(url: str) -> bool:
    """Say whether a request to this URL would pass a proxy."""
    return url.startswith(("http:", "https:", "ws:", "wss:"))


def as_sent(url: str) -> str:
    """Return a URL as a proxy sees it: a WebSocket is an http request, and user name and password never travel."""
    scheme, _, rest = url.partition("#")[0].partition("://")
    authority, slash, path = rest.partition("/")
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
