"""What it is about the page that calls: no origin of its own, or no right to read what came."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import EXPOSE_HEADERS
from ...fetch.origins import OPAQUE, serialize_origin
from ...fetch.safelists import mime_essence
from ...traffic.classify import Kind
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry
from .context import Scene, shown

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

REDIRECT_TAINT: Final = CauseEntry(
    "origin-lost-in-redirects",
    "A redirect between two other origins made the page's origin null",
    "Origin is null, and the request came of a redirect from one foreign origin to another.",
    FixOwner.CLIENT,
    "Call the URL at which the redirects end; browsers give the page's origin away no further than the first host.",
)
DISK: Final = CauseEntry(
    "page-from-disk",
    "The page was opened from disk",
    "Origin is null, there is no Referer, and no page was loaded through this proxy lately.",
    FixOwner.CLIENT,
    "Serve the page, from localhost for instance (`python -m http.server`): a file: page has no origin to allow.",
)
SANDBOX: Final = CauseEntry(
    "sandboxed-frame",
    "The page runs in a sandboxed frame",
    "Origin is null, and Referer names the document or a page was loaded shortly before.",
    FixOwner.CLIENT,
    "Give the frame allow-same-origin in its sandbox attribute, or the content from a URL of its own.",
)
EXPOSED_ON_PREFLIGHT: Final = CauseEntry(
    "exposed-on-preflight-only",
    "The headers are exposed in the preflight's answer, where that does nothing",
    "Access-Control-Expose-Headers stands in the preflight's answer and not in the request's own.",
    FixOwner.SERVER,
    "Send Access-Control-Expose-Headers with the answer to the request itself.",
)
WANTED: Final = CauseEntry(
    "header-not-listed-for-scripts",
    "The answer has headers that are made for scripts, and does not expose them",
    "Among the hidden headers are such as X-Total-Count, Link, Content-Disposition or X-RateLimit-Remaining.",
    FixOwner.SERVER,
    "List them in Access-Control-Expose-Headers.",
)
ERROR_PAGE: Final = CauseEntry(
    "error-page-as-resource",
    "An error page came in place of the script, style sheet or image",
    "The status is an error, or the type HTML, for what the page loads as something else.",
    FixOwner.SERVER,
    "Correct the URL, or put the file there: the browser withholds the page that came instead.",
)
HELMET: Final = CauseEntry(
    "resource-policy-by-default",
    "A security package keeps everything to its own origin by default",
    "The response has the whole set of headers that Helmet sets, this one among them.",
    FixOwner.SERVER,
    "Set the policy for what other sites may embed: in Helmet crossOriginResourcePolicy: { policy: 'cross-origin' }.",
)

ENTRIES: Final = (REDIRECT_TAINT, DISK, SANDBOX, EXPOSED_ON_PREFLIGHT, WANTED, ERROR_PAGE, HELMET)

_RECENT: Final = 600.0
_FOR_SCRIPTS: Final = re.compile(
    r"x-total(?:-count|-pages)?|x-pagination.*|x-page.*|x-per-page|x-next-page|link|content-range|content-disposition"
    r"|x-rate-?limit.*|ratelimit.*|authorization"
    r"|x-auth-token|x-access-token|x-csrf-token|x-xsrf-token|grpc-status|grpc-message|upload-offset|tus-.*|x-inertia"
    r"|mcp-session-id|x-filename|x-count|total-count|x-wp-total(?:pages)?"
)
_HELMETS: Final = (
    *("x-dns-prefetch-control", "x-download-options", "x-permitted-cross-domain-policies", "x-frame-options"),
    *("referrer-policy", "origin-agent-cluster", "strict-transport-security", "x-xss-protection"),
)


def null_origin(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a request whose Origin is null."""
    if scene.record.classification.origin != OPAQUE or scene.record.kind not in (Kind.CORS, Kind.PREFLIGHT):
        return
    exchange = scene.record.exchange
    hop = scene.correlator.get(scene.record.redirected_from)
    if hop is not None:
        if hop.classification.origin != OPAQUE:
            here, there = serialize_origin(hop.exchange.request.url), serialize_origin(exchange.request.url)
            message = (
                f"flow {hop.id} redirected from {shown(here, 80)} to {shown(there, 80)}, neither the page's origin"
            )
            yield REDIRECT_TAINT.named(HIGH, message, (hop.id, scene.id))
        return
    referer = exchange.request.headers.get("Referer")
    if referer is not None:
        document = shown(serialize_origin(referer), 80)
        yield SANDBOX.named(MEDIUM, f"Origin is null, and the document is one of {document}", (scene.id,))
    elif scene.pages.loaded_since(exchange.client, exchange.started - _RECENT, exchange.started):
        message = "Origin is null; a page was loaded through this proxy shortly before, which may hold the frame"
        yield SANDBOX.named(LOW, message, (scene.id,))
    else:
        message = "Origin is null, there is no Referer, and no page was loaded through this proxy lately"
        yield DISK.named(MEDIUM, message, (scene.id,))


def not_exposed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For headers that scripts cannot read."""
    hidden = [name.strip() for name in finding.params.get("names", "").split(",") if name.strip()]
    preflight = scene.preflight
    if preflight is not None and preflight.seen is not None and EXPOSE_HEADERS not in scene.headers:
        value = preflight.seen.headers.get(EXPOSE_HEADERS)
        if value is not None and (value == "*" or {name.strip().lower() for name in value.split(",")} & {*hidden}):
            message = (
                f"the preflight's answer (flow {preflight.id}) has {EXPOSE_HEADERS}: {shown(value, 80)}, this has none"
            )
            yield EXPOSED_ON_PREFLIGHT.named(HIGH, message, (scene.id, preflight.id))
            return
    wanted = [name for name in hidden if _FOR_SCRIPTS.fullmatch(name) and not _is_for_browsers(name, scene)]
    if wanted:
        listed = scene.listed(EXPOSE_HEADERS)
        line = f"{EXPOSE_HEADERS}: {', '.join([*listed, *wanted])}"
        fix = f"Send {line}" if "*" not in listed else WANTED.fix
        yield WANTED.named(MEDIUM, f"made for scripts: {shown(', '.join(wanted), 150)}", (scene.id,), fix=fix)


def _is_for_browsers(name: str, scene: Scene) -> bool:
    """Say whether a header that scripts often read is there for the browser itself this time."""
    value = (scene.headers.get(name) or "").lower()
    if name == "link":
        return re.search(r"rel\s*=\s*\"?(?:next|prev|first|last)", value) is None
    return name == "content-range" and value.startswith("bytes")


def withheld(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For what the browser withholds by type or by resource policy."""
    if finding.id in ("orb-blocked", "nosniff-mime"):
        essence = mime_essence(scene.headers.get("Content-Type") or "")
        if scene.status >= 400 or essence == "text/html":
            destination = shown(scene.record.classification.destination, 20)
            message = (
                f"status {scene.status} with {shown(essence or 'no type', 60)} for what is loaded as {destination}"
            )
            yield ERROR_PAGE.named(HIGH if scene.status >= 400 else MEDIUM, message, (scene.id,))
        return
    there = [name for name in _HELMETS if name in scene.headers]
    if scene.headers.get("Cross-Origin-Resource-Policy") == "same-origin" and len(there) >= 5:
        message = f"Cross-Origin-Resource-Policy: same-origin comes with {', '.join(there[:4])} and others"
        yield HELMET.named(MEDIUM, message, (scene.id,))
