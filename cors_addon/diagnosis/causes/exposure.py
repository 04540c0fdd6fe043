"""Response headers that scripts cannot read, and who needs them."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import EXPOSE_HEADERS
from ...verdict.model import Cause, Confidence, Finding
from ..protocol_headers import needed_headers
from .cause import CauseEntry, Rank
from .context import Scene, name_of, shown

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

PROTOCOL: Final = CauseEntry(
    "protocol-header-hidden",
    "The client cannot read a header that its protocol needs, because the server does not expose it",
    "The request or response is of a protocol (MCP, OAuth, tus, gRPC-Web, multipart or range requests) whose client "
    "reads a header that Access-Control-Expose-Headers does not list.",
    FixOwner.SERVER,
    "List the header in Access-Control-Expose-Headers, on errors too.",
)
EXPOSED_ON_PREFLIGHT: Final = CauseEntry(
    "exposed-on-preflight-only",
    "The headers are exposed in the response to the preflight, where that has no effect",
    "Access-Control-Expose-Headers is in the preflight's response and not in the request's own.",
    FixOwner.SERVER,
    "Send Access-Control-Expose-Headers with the response to the request itself.",
    rank=Rank.SESSION,
)
WANTED: Final = CauseEntry(
    "header-not-listed-for-scripts",
    "The response has headers that are made for scripts, and does not expose them",
    "Among the hidden headers are such as X-Total-Count, Link, Content-Disposition or X-RateLimit-Remaining.",
    FixOwner.SERVER,
    "List them in Access-Control-Expose-Headers.",
)

ENTRIES: Final = (PROTOCOL, EXPOSED_ON_PREFLIGHT, WANTED)

_FOR_SCRIPTS: Final = re.compile(
    r"x-total(?:-count|-pages)?|x-pagination.*|x-page.*|x-per-page|x-next-page|link|content-range|content-disposition"
    r"|x-rate-?limit.*|ratelimit.*|authorization"
    r"|x-auth-token|x-access-token|x-csrf-token|x-xsrf-token|grpc-status|grpc-message|upload-offset|tus-.*|x-inertia"
    r"|mcp-session-id|x-filename|x-count|total-count|x-wp-total(?:pages)?"
)


def not_exposed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For headers that scripts cannot read."""
    hidden = [name.strip() for name in finding.params.get("names", "").split(",") if name.strip()]
    preflight, granted = scene.preflight, scene.preflight_response
    if preflight is not None and granted is not None and EXPOSE_HEADERS not in scene.headers:
        value = granted.headers.get(EXPOSE_HEADERS)
        if value is not None and (value == "*" or {name.strip().lower() for name in value.split(",")} & {*hidden}):
            message = (
                f"{name_of(preflight)} got {EXPOSE_HEADERS}: {shown(value, 80)}, and {name_of(scene.record)} got none"
            )
            fix = f"Send {EXPOSE_HEADERS}: {shown(value, 200)} with the response to the request itself."
            yield EXPOSED_ON_PREFLIGHT.named(HIGH, message, (scene.id, preflight.id), fix=fix)
            return
    needed = needed_headers(scene.record)
    lacking = [name for name in needed.names if name in hidden] if needed is not None else []
    listed = scene.listed(EXPOSE_HEADERS)
    if needed is not None and needed.sure and lacking:
        names = shown(", ".join(lacking), 120)
        title = (
            f"{needed.protocol[:1].upper()}{needed.protocol[1:]} cannot read {names}, because the server does "
            "not expose it"
        )
        line = f"{EXPOSE_HEADERS}: {', '.join([*listed, *lacking])}"
        told = f"{name_of(scene.record)} got {scene.status} with {names}; without it {needed.protocol} {needed.harm}"
        failed = next((each for each in scene.at_path if each.answer.status in (400, 404) and scene.status < 400), None)
        if failed is not None and failed.answer.origin == scene.origin and not failed.answer.is_preflight:
            told += f"; a later {name_of(failed)} got {failed.answer.status}"
        else:
            failed = None
        flows = (scene.id, None if failed is None else failed.flow)
        fix = f"Send {line} with every response, errors included."
        yield PROTOCOL.named(HIGH if failed else MEDIUM, told, flows, fix=fix, title=title)
        return
    wanted = [name for name in hidden if _FOR_SCRIPTS.fullmatch(name) and not _is_for_browsers(name, scene)]
    if wanted:
        line = f"{EXPOSE_HEADERS}: {', '.join([*listed, *wanted])}"
        fix = f"Send {line}" if "*" not in listed else WANTED.fix
        yield WANTED.named(MEDIUM, f"made for scripts: {shown(', '.join(wanted), 150)}", (scene.id,), fix=fix)


def _is_for_browsers(name: str, scene: Scene) -> bool:
    """Say whether a header that scripts often read is there for the browser itself this time."""
    value = (scene.headers.get(name) or "").lower()
    if name == "link":
        return re.search(r"rel\s*=\s*\"?(?:next|prev|first|last)", value) is None
    return name == "content-range" and value.startswith("bytes")
