"""WebSocket handshakes that a server refuses: it checks Origin by a list of its own, which is no part of CORS."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.origins import Origin
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry, Rank
from .context import Scene, shown
from .responders import gateway_of

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

ORIGIN_REFUSED: Final = CauseEntry(
    "websocket-origin-refused",
    "The server checks the Origin of WebSocket handshakes itself, and rejects the page",
    "The handshake of a page of another origin got 403, or an error whose body or path names such a check.",
    FixOwner.SERVER,
    "List the page's origin where the WebSocket code checks it (gorilla/websocket: CheckOrigin; coder/websocket: "
    "OriginPatterns; Spring: setAllowedOrigins; Django Channels: AllowedHostsOriginValidator).",
    headers_help=False,
)

ENTRIES: Final = (ORIGIN_REFUSED,)

_NULL: Final = " Origin null is a page opened from disk, or a sandboxed frame: serve the page over http first."
_SERVERS: Final = (
    (re.compile(r"/cable$"), (403, 404), "Action Cable", "config.action_cable.allowed_request_origins"),
    (re.compile(r"/(?:socket|live)/websocket$"), (403,), "Phoenix", "check_origin of the endpoint"),
)
"""Which path speaks of which server, with which status it refuses an origin, and its setting."""
_OLD_SOCKET_IO: Final = (
    "Set origins in the options of a Socket.IO 2 server: since 2.4 it allows no other origin by default. A server of "
    "version 3 or later refuses EIO=3 itself: update the client, or set allowEIO3."
)


def refused(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a handshake that got an error in place of 101."""
    page, target = scene.page, scene.target
    if scene.challenge or (page is not None and target is not None and _authority(page) == _authority(target)):
        return
    said = f"the handshake of {shown(scene.origin, 80)} got {scene.status}"
    null = _NULL if scene.origin == "null" else ""
    told = f"{ORIGIN_REFUSED.fix}{null}"
    server = next((each for each in _SERVERS if each[0].search(scene.path) and scene.status in each[1]), None)
    if scene.says(Hint.WEBSOCKET_ORIGIN, Hint.ORIGIN_REFUSED):
        yield ORIGIN_REFUSED.named(HIGH, f"{said}, and the body says so", (scene.id,), fix=told)
    elif server is not None:
        _, _, name, setting = server
        how = f"{said}; {name} answers (the path {shown(scene.path, 60)})"
        fix = f"Add the page's origin to {setting}.{null}"
        yield ORIGIN_REFUSED.named(MEDIUM, how, (scene.id,), fix=fix, rank=Rank.IDENTITY)
    elif "/socket.io/?" in scene.url and "EIO=3" in scene.url and scene.status in (400, 403):
        how = f"{said}; Socket.IO answers, in its old protocol (EIO=3)"
        yield ORIGIN_REFUSED.named(LOW, how, (scene.id,), fix=f"{_OLD_SOCKET_IO}{null}")
    elif scene.status == 403 or null:
        sure = MEDIUM if scene.status == 403 and gateway_of(scene.headers) is None else LOW
        yield ORIGIN_REFUSED.named(sure, f"{said}, of another origin", (scene.id,), fix=told)


def _authority(origin: Origin) -> tuple[str, int | None]:
    return origin.host, origin.port or {"ws": 80, "http": 80, "wss": 443, "https": 443}.get(origin.scheme)
