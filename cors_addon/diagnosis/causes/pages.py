"""What is special about the page that calls: its origin, an extension in it, or its policies."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...fetch.origins import OPAQUE, serialize_origin
from ...fetch.resource_policy import EmbedderPolicy
from ...fetch.safelists import mime_essence
from ...traffic.address_spaces import address_space_of
from ...traffic.classify import Kind
from ...verdict.model import Cause, Confidence, Finding
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

REDIRECT_TAINT: Final = CauseEntry(
    "origin-lost-in-redirects",
    "A redirect between two other origins made the page's origin null",
    "Origin is null, and the request follows a redirect from one third-party origin to another.",
    FixOwner.CLIENT,
    "Call the URL at which the redirects end: after the first third-party host browsers send Origin: null.",
)
DISK: Final = CauseEntry(
    "page-from-disk",
    "The page was opened from disk",
    "Origin is null, there is no Referer, and no page was loaded through this proxy lately.",
    FixOwner.CLIENT,
    "Serve the page, for instance from localhost (`python -m http.server`): a file: page has no origin to allow.",
    rank=Rank.STATUS,
    where="On your machine",
)
_ELECTRONS: Final = "The Electron app loads its page from disk (file:), which has no origin to allow"
_ELECTRON: Final = (
    "Load the page by a scheme of the app's own (protocol.handle, with registerSchemesAsPrivileged: standard, secure, "
    "corsEnabled), and list that origin. Or make the request in the main process (net.fetch), which knows no CORS."
)
SANDBOX: Final = CauseEntry(
    "sandboxed-frame",
    "The page runs in a sandboxed frame",
    "Origin is null, and Referer names the document or a page was loaded shortly before.",
    FixOwner.CLIENT,
    "Add allow-same-origin to the frame's sandbox attribute, or serve the content from a URL of its own.",
)
ERROR_PAGE: Final = CauseEntry(
    "error-page-as-resource",
    "The server sent an error page instead of the script, style sheet or image",
    "The status is an error, or the type is HTML, for what the page loads as something else.",
    FixOwner.SERVER,
    "Correct the URL, or put the file there: the browser blocks the page that came instead.",
)
HELMET: Final = CauseEntry(
    "resource-policy-by-default",
    "A security package blocks other sites from embedding by default",
    "The response has the whole set of headers that Helmet sets, this one among them.",
    FixOwner.SERVER,
    "Set the policy for what other sites may embed: in Helmet crossOriginResourcePolicy: { policy: 'cross-origin' }.",
)

RAW_FILE: Final = CauseEntry(
    "raw-file-as-program",
    "GitHub serves raw files as plain text, so that no page runs them",
    "The host is raw.githubusercontent.com or gist.githubusercontent.com, and nosniff stands beside text/plain.",
    FixOwner.CLIENT,
    "Load the file from where it comes with its type: GitHub Pages, a package CDN such as jsDelivr, or your own host.",
    headers_help=False,
    decisive=True,
)
CONTENT_SCRIPT: Final = CauseEntry(
    "extension-content-script",
    "An extension's content script made the request, and CORS binds a content script like the page",
    "The browser names a program of an extension (chrome-extension:, moz-extension:) as the initiator, and Origin is "
    "the page's.",
    FixOwner.CLIENT,
    "Fetch in the extension's background service worker, with host_permissions for the server in the manifest, and "
    "send the result to the content script by messages.",
    headers_help=False,
    decisive=True,
)
ISOLATED: Final = CauseEntry(
    "isolated-by-service-worker",
    "A service worker adds Cross-Origin-Embedder-Policy to the page, which blocks resources without CORP",
    "The page registered a service worker that is known to do so (coi-serviceworker and the like).",
    FixOwner.CLIENT,
    'Load the resource with crossorigin="anonymous" if its server sends CORS headers, or have that server send '
    "Cross-Origin-Resource-Policy: cross-origin. Or set coepCredentialless in the service worker.",
    rank=Rank.SESSION,
)

EMBEDDER: Final = CauseEntry(
    "isolated-by-page",
    "The page's own Cross-Origin-Embedder-Policy blocks resources without CORP",
    "The page's document has Cross-Origin-Embedder-Policy: require-corp, and the resource has no CORP header.",
    FixOwner.CLIENT,
    "Send the page with Cross-Origin-Embedder-Policy: credentialless (not in Safari), or without the header where "
    "nothing needs SharedArrayBuffer (Helmet: crossOriginEmbedderPolicy: false). Or have the resource's server send "
    "Cross-Origin-Resource-Policy: cross-origin.",
    rank=Rank.SESSION,
    where="On the page's own server",
)
_BY_CORS: Final = (
    'Write crossorigin="anonymous" on the element: the server sends CORS headers already. Or send the page with '
    "Cross-Origin-Embedder-Policy: credentialless (not in Safari), or without the header where nothing needs "
    "SharedArrayBuffer."
)

OTHER_NAME: Final = CauseEntry(
    "same-server-by-another-name",
    "The page was opened under one name of the server, and calls it under another",
    "Page and URL have the same scheme and port, one of them on this machine and the other on it or its network.",
    FixOwner.CLIENT,
    "Open the page under the name that it calls, or call URLs without a host: then nothing needs CORS.",
    rank=Rank.IDENTITY,
)

CROSSORIGIN: Final = CauseEntry(
    "crossorigin-on-element",
    "The element asks for CORS, by its crossorigin attribute",
    "What an element loads (script, style sheet, image, audio, video) was requested in mode cors, and the server sends "
    "no CORS header.",
    FixOwner.CLIENT,
    "If nothing has to read the resource (integrity, canvas, details of errors): remove crossorigin and integrity from "
    "the element. A module script always needs CORS: serve a copy from your own host.",
    rank=Rank.STATUS,
    absent=LACKS_ALLOW_ORIGIN,
)
ENTRIES: Final = (
    CROSSORIGIN,
    REDIRECT_TAINT,
    DISK,
    SANDBOX,
    ERROR_PAGE,
    HELMET,
    RAW_FILE,
    CONTENT_SCRIPT,
    ISOLATED,
    EMBEDDER,
    OTHER_NAME,
)

_EXTENSIONS: Final = ("chrome-extension://", "moz-extension://", "safari-web-extension://", "extension://")

_RAW_HOSTS: Final = ("raw.githubusercontent.com", "gist.githubusercontent.com")
_RECENT: Final = 600.0
_HELMETS: Final = (
    *("x-dns-prefetch-control", "x-download-options", "x-permitted-cross-domain-policies", "x-frame-options"),
    *("referrer-policy", "origin-agent-cluster", "strict-transport-security", "x-xss-protection"),
)


OF_ELEMENTS: Final = ("script", "style", "image", "audio", "video", "track")


def null_origin(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a request whose Origin is null."""
    if scene.record.classification.origin != OPAQUE or scene.record.kind not in (Kind.CORS, Kind.PREFLIGHT):
        return
    exchange = scene.record.exchange
    hop = scene.hop
    if hop is not None:
        if hop.classification.origin != OPAQUE:
            here, there = serialize_origin(hop.exchange.request.url), serialize_origin(exchange.request.url)
            message = (
                f"{name_of(hop)} redirected from {shown(here, 80)} to {shown(there, 80)}, neither the page's origin"
            )
            # Where no CORS code answered at all, another origin would not have helped either.
            by_cors = scene.has_cors_headers or "origin" in scene.varies
            yield REDIRECT_TAINT.named(HIGH if by_cors else MEDIUM, message, (hop.id, scene.id))
        return
    referer = exchange.request.headers.get("Referer")
    if referer is not None:
        document = shown(serialize_origin(referer), 80)
        yield SANDBOX.named(MEDIUM, f"Origin is null, and the document is one of {document}", (scene.id,))
    elif scene.pages.loaded_since(exchange.client, exchange.started - _RECENT, exchange.started):
        message = "Origin is null; a page loaded through this proxy shortly before may hold the frame"
        yield SANDBOX.named(LOW, message, (scene.id,))
    elif scene.status not in (401, 403):
        message = "Origin is null, there is no Referer, and no page was loaded through this proxy lately"
        if "Electron/" in (exchange.request.headers.get("User-Agent") or ""):
            message = "Origin is null, there is no Referer, and User-Agent names Electron"
            yield DISK.named(
                *(MEDIUM, message, (scene.id,)),
                title=_ELECTRONS,
                fix=_ELECTRON,
                where="In the Electron app",
                rank=Rank.EXCHANGE,
            )
            return
        yield DISK.named(LOW, message, (scene.id,))


def by_another_name(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a page and a URL of one port, on this machine and its network: a port has one server."""
    page, target = scene.page, scene.target
    if page is None or target is None or page.host == target.host or scene.has_cors_headers:
        return
    if (page.scheme, page.port) != (target.scheme, target.port) or target.port in (None, 80, 443):
        return
    spaces = {address_space_of(page, ""), address_space_of(target, "")}
    if "loopback" in spaces and None not in spaces:
        how = f"the page is {shown(scene.origin, 60)}, and the URL is of {scene.host}, with the same port"
        fix = f"Open the page at {target.scheme}://{scene.host}, or call URLs without a host: then nothing needs CORS."
        yield OTHER_NAME.named(LOW, how, (scene.id,), fix=fix)


def by_element(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For what an element loads in mode cors, from a server that sends no CORS header."""
    destination = scene.record.classification.destination
    if destination not in OF_ELEMENTS or scene.owner.kind != "unknown":
        # Who runs the server adds the header; of a third party's it is said otherwise.
        return
    if scene.status < 400 and not scene.is_redirect and not scene.has_cors_headers:
        how = f"Sec-Fetch-Dest is {destination}, and Sec-Fetch-Mode is cors"
        yield CROSSORIGIN.named(LOW, how, (scene.id,))


def withheld(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For what the browser withholds by type or by resource policy."""
    if finding.id in ("orb-blocked", "nosniff-mime"):
        essence = mime_essence(scene.headers.get("Content-Type") or "")
        if essence == "text/plain" and scene.host in _RAW_HOSTS:
            yield RAW_FILE.named(HIGH, f"{scene.host} sent Content-Type: text/plain with nosniff", (scene.id,))
            return
        if scene.status >= 400 or essence == "text/html":
            destination = shown(scene.record.classification.destination, 20)
            message = (
                f"{name_of(scene.record)} got {scene.status} with {shown(essence or 'no type', 60)}, and the "
                f"page loads a {destination}"
            )
            yield ERROR_PAGE.named(HIGH if scene.status >= 400 else MEDIUM, message, (scene.id,))
        return
    there = [name for name in _HELMETS if name in scene.headers]
    if scene.headers.get("Cross-Origin-Resource-Policy") == "same-origin" and len(there) >= 5:
        message = f"Cross-Origin-Resource-Policy: same-origin comes with {', '.join(there[:4])} and others"
        yield HELMET.named(MEDIUM, message, (scene.id,))


def content_script(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a request that an extension's program made in the page's name."""
    testimony = scene.record.exchange.testimony
    if testimony is None or scene.origin.startswith(_EXTENSIONS):
        return
    site = testimony.call_site
    named = site is not None and site.url.startswith(_EXTENSIONS)
    if not named and testimony.initiator != "extension":
        return
    script = "a script"
    if site is not None and named:
        line = f", line {site.line}," if site.line else ""
        script = f"{shown(site.url.partition('://')[2].partition('/')[2], 80)}{line}"
    how = f"{script} of the extension made it, and Origin is {shown(scene.origin, 60)}"
    yield CONTENT_SCRIPT.named(HIGH, how, (scene.id,))


def isolated(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a resource without CORP, in a page that a service worker isolates."""
    if finding.params.get("policy") == "by-service-worker":
        how = (
            f"{shown(scene.page_shown, 60)} loaded a service worker that adds the policy, and the response has no CORP"
        )
        yield ISOLATED.named(MEDIUM, how, (scene.id,))
    elif finding.params.get("policy") == EmbedderPolicy.REQUIRE_CORP.value and scene.page_shown != OPAQUE:
        shares = scene.headers.get(ALLOW_ORIGIN) == "*"
        also = f", but {ALLOW_ORIGIN}: *" if shares else ""
        how = f"{shown(scene.page_shown, 60)} has require-corp, and the response has no CORP{also}"
        fix, where = (_BY_CORS, "") if shares else (None, None)
        yield EMBEDDER.named(HIGH, how, (scene.id,), fix=fix, where=where)
