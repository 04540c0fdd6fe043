"""The traffic that costs are measured with: what one page load and one round of API calls send and get."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from mitmproxy import connection, http

Lines = tuple[tuple[str, str], ...]

PAGE: Final = "http://localhost:3000"
AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"


@dataclass(frozen=True, slots=True)
class Call:
    """A request and its answer; ``path`` has room for a number, ``body`` is the answer's length in bytes."""

    method: str
    path: str
    asked: Lines
    status: int
    answered: Lines
    body: int


def _asked(accept: str, site: str, mode: str, destination: str, *more: tuple[str, str]) -> Lines:
    return (
        ("User-Agent", AGENT),
        ("Accept", accept),
        ("Accept-Language", "en-US,en;q=0.9"),
        ("Accept-Encoding", "gzip, deflate, br, zstd"),
        ("Referer", f"{PAGE}/"),
        ("Sec-Fetch-Site", site),
        ("Sec-Fetch-Mode", mode),
        ("Sec-Fetch-Dest", destination),
        *more,
    )


def _answered(content_type: str, *more: tuple[str, str]) -> Lines:
    return (
        ("Content-Type", content_type),
        ("Cache-Control", "public, max-age=600"),
        ("Date", "Sun, 22 Nov 2026 12:00:00 GMT"),
        ("ETag", '"5f-1a2b3c"'),
        ("Server", "bench"),
        ("Strict-Transport-Security", "max-age=31536000"),
        *more,
    )


_COOKIE: Final = ("Cookie", "sid=0123456789abcdef0123456789abcdef; theme=dark")
_NOSNIFF: Final = ("X-Content-Type-Options", "nosniff")
_ALLOW: Final = (
    ("Access-Control-Allow-Origin", PAGE),
    ("Access-Control-Allow-Credentials", "true"),
    ("Vary", "Origin"),
)
_DOCUMENT: Final = Call(
    "GET",
    "/page/{}",
    _asked("text/html,application/xhtml+xml", "none", "navigate", "document", _COOKIE),
    200,
    _answered("text/html; charset=utf-8", _NOSNIFF),
    8000,
)
_STYLE: Final = Call(
    "GET",
    "/style/{}.css",
    _asked("text/css,*/*;q=0.1", "same-origin", "no-cors", "style", _COOKIE),
    200,
    _answered("text/css", _NOSNIFF),
    4000,
)
_SCRIPT: Final = Call(
    "GET",
    "/script/{}.js",
    _asked("*/*", "cross-site", "no-cors", "script"),
    200,
    _answered("text/javascript; charset=utf-8"),
    12000,
)
_IMAGE: Final = Call(
    "GET",
    "/image/{}.webp",
    _asked("image/avif,image/webp,*/*;q=0.8", "cross-site", "no-cors", "image"),
    200,
    _answered("image/webp"),
    6000,
)
_OWN_API: Final = Call(
    "GET",
    "/api/own/{}",
    _asked("application/json", "same-origin", "cors", "empty", _COOKIE),
    200,
    _answered("application/json"),
    900,
)
PLAIN: Final = (_DOCUMENT, *[_STYLE] * 2, *[_SCRIPT] * 5, *[_IMAGE] * 8, *[_OWN_API] * 4)
"""A page load without anything across origins that CORS guards: no request carries ``Origin``."""

_ORIGIN: Final = ("Origin", PAGE)
_PREFLIGHT: Final = Call(
    "OPTIONS",
    "/api/items/{}",
    _asked(
        "*/*",
        "cross-site",
        "cors",
        "empty",
        ("Access-Control-Request-Method", "PUT"),
        ("Access-Control-Request-Headers", "content-type"),
        _ORIGIN,
    ),
    204,
    (
        *(("Date", "Sun, 22 Nov 2026 12:00:00 GMT"), ("Server", "bench"), *_ALLOW),
        *(("Access-Control-Allow-Methods", "GET, PUT"), ("Access-Control-Allow-Headers", "content-type")),
    ),
    0,
)
_PUT: Final = Call(
    "PUT",
    "/api/items/{}",
    _asked("*/*", "cross-site", "cors", "empty", ("Content-Type", "application/json"), _ORIGIN),
    200,
    _answered("application/json", *_ALLOW),
    60,
)
_GET: Final = Call(
    "GET",
    "/api/list/{}",
    _asked("*/*", "cross-site", "cors", "empty", _ORIGIN),
    200,
    _answered("application/json", *_ALLOW),
    2000,
)
CORS: Final = (_PREFLIGHT, _PUT, _GET, replace(_GET, asked=(*_GET.asked, _COOKIE)), replace(_GET, path="/api/more/{}"))
"""What a page asks of an API that shares with it; all of it passes."""


def without_sharing(call: Call) -> Call:
    """Return the call to a server that knows nothing of CORS, for a rule to fix."""
    kept = tuple(line for line in call.answered if not line[0].startswith("Access-Control-"))
    return replace(call, path="/bare" + call.path, answered=kept)


UNSHARED: Final = tuple(map(without_sharing, CORS))
ALL: Final = (*dict.fromkeys(PLAIN), *CORS, *UNSHARED)


def over_http(asked: Lines) -> Lines:
    """Return what a browser sends of these lines to a server that is not potentially trustworthy."""
    return tuple(line for line in asked if not line[0].startswith("Sec-Fetch-"))


# --- flows --------------------------------------------------------------------------------------------------

_BODIES: Final = {call.body: bytes(call.body) for call in ALL}


def mixed(count: int, seed: int = 1) -> Iterator[tuple[int, float, Call, str]]:
    """Yield number, start (Unix time, seconds), call and host: three flows of ten CORS ones, some of them refused."""
    chance = random.Random(seed)
    now = 1_790_000_000.0
    number = 0
    while number < count:
        if chance.random() < 0.7:
            calls: tuple[Call, ...] = tuple(chance.choices(PLAIN, k=5))
        else:
            calls = UNSHARED[2:4] if chance.random() < 0.2 else CORS
        host = f"host{chance.randrange(40)}.example.test"
        for call in calls:
            if number >= count:
                return
            now += 0.01
            yield number, now, call, host
            number += 1


def flow_of(number: int, started: float, call: Call, host: str, live: bool = False) -> http.HTTPFlow:
    """Build the flow of a call, as if it had passed over https and HTTP/2."""
    client = connection.Client(peername=("127.0.0.1", 40000), sockname=("127.0.0.1", 8080), timestamp_start=started)
    client.id = f"client-{number // 12}"
    server = connection.Server(address=(host, 443))
    server.peername, server.timestamp_start, server.alpn = ("203.0.113.7", 443), started, b"h2"
    flow = http.HTTPFlow(client, server, live=live)
    flow.id = f"flow-{number}"
    asked = http.Headers([(name.encode(), value.encode()) for name, value in call.asked])
    answered = http.Headers([(name.encode(), value.encode()) for name, value in call.answered])
    path = call.path.format(number % 5000).encode()
    flow.request = http.Request(
        *(host, 443, call.method.encode(), b"https", host.encode(), path, b"HTTP/2.0", asked),
        *(b"", None, started, started),
    )
    flow.response = http.Response(
        *(b"HTTP/2.0", call.status, b"", answered, _BODIES[call.body], None, started + 0.004, started + 0.005)
    )
    return flow
