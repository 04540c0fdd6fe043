"""What a browser says about one request: the truth that the addon's verdicts are held against.

What truth means, flow by flow, in each browser:

* A flow is one HTTP exchange through the proxy. A preflight is a flow of its own, and so is every redirect hop.
* `ok`: the browser used the response. For a preflight: it passed, the request behind it was let go. For a 3xx: the
  browser followed it (the next hop may fail, and carries its own failure). For an opaque response (no-cors) it means
  that the browser did not refuse it; nobody but the browser can read it.
* `cors`: the browser refused it for a CORS reason. `name` is Chromium's CorsError (DevTools protocol,
  `Network.loadingFailed.corsErrorStatus`), or Firefox's console category without its trailing digit, or this project's
  name for WebKit's sentence. The failure stands at the flow whose response failed:
  - a preflight that fails carries the failure; the request behind it was never sent and has no flow;
  - a 3xx whose own headers fail the CORS check carries that failure;
  - a 3xx whose target the browser refuses to go to carries the refusal, where the browser says it of the 3xx (user
    info, another origin under mode same-origin, one hop too many). Where it says it of the target, which has no flow
    because it was never sent (Chromium, of schemes and ports), the 3xx is `ok` and `target` is what became of it.
* `failed`: the browser refused it, or lost it, for another reason, and `name` says which: Chromium's blocked reason
  (`corp-not-same-origin`) or else its net error (`net::ERR_BLOCKED_BY_ORB`, `net::ERR_CONNECTION_RESET`); Firefox's
  result code (`NS_ERROR_DOM_CORP_FAILED`), or `ORB` where its console says so. What both say only in the console has
  one name: `nosniff` and `MIME type`, for scripts and styles refused for their type, with that header or without.
* `pending`: the browser had not finished when the page was left. Nothing is claimed.

A response that came from the browser's HTTP cache has no flow; a revalidation has one (the 304).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from mitmproxy import http

NOSNIFF = "nosniff"
MIME_TYPE = "MIME type"
PATIENCE = 180  # seconds for what ends by itself: only a failure takes that long


class Kind(Enum):
    PREFLIGHT = "preflight"
    REQUEST = "request"


class Outcome(Enum):
    OK = "ok"
    CORS = "cors"
    FAILED = "failed"
    PENDING = "pending"


@dataclass(slots=True)
class Hop:
    """One request as the browser tells it. `started` is in seconds since the epoch; `url` has no fragment."""

    url: str
    method: str
    kind: Kind
    started: float
    outcome: Outcome = Outcome.PENDING
    name: str | None = None
    sent: bool = True  # False: answered from a cache, or refused before it reached the network
    target: str | None = None  # of a redirect: the name of the failure of its target, which was never sent


class LaidOver(Protocol):
    """What a browser told, to be laid over flows."""

    def over(self, flows: Sequence[http.HTTPFlow], left: float) -> Iterable[tuple[http.HTTPFlow, Hop]]: ...


@dataclass(frozen=True, slots=True)
class Visit:
    """One page, opened and left: what was requested, in the order of starting, and what the page itself says.

    WebKit does not tell of every hop: its ``log`` has to be laid over the flows of its ``time`` (Unix seconds).
    """

    url: str
    hops: tuple[Hop, ...]
    result: str | None
    log: LaidOver | None = None
    time: tuple[float, float] = (0.0, 0.0)


class Through(Protocol):
    """A proxy that a browser goes through: its port on this machine, and the certificate that it signs with."""

    @property
    def port(self) -> int: ...

    @property
    def certificate(self) -> Path: ...


class BrowserError(Exception):
    """The browser did not start, or broke off; says which and what it printed."""
