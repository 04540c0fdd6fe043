"""Why Access-Control-Allow-Origin names somebody else, or nobody."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_CREDENTIALS, ALLOW_ORIGIN
from ...traffic.host_policies import Sighting, Way
from ...verdict.model import Cause, Confidence, Finding
from . import allowlist, near_origins
from .cause import CauseEntry
from .context import Scene, shown

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

CONSTANT: Final = CauseEntry(
    "constant-origin",
    "The server sends the same origin to every page",
    "Another page got the same value, which is not its own origin either, or is.",
    FixOwner.SERVER,
    "Compare the request's Origin with a list and send back that one, with Vary: Origin.",
)
NOT_LISTED: Final = CauseEntry(
    "origin-not-listed",
    "The page is not on the server's allow list",
    "The server answers other pages with their origin, or varies by Origin, and sends this page none.",
    FixOwner.SERVER,
    "Put the page's origin on the server's allow list, exactly as browsers send it.",
)
CACHED: Final = CauseEntry(
    "cached-for-another-origin",
    "A cache answered with what it stored for another request",
    "The response says that it comes from a cache and does not vary by Origin; its Access-Control-Allow-Origin is the "
    "one of another page, or missing as for a request without Origin.",
    FixOwner.GATEWAY,
    "Send Vary: Origin with every response of the URL, also where no Origin was sent; then empty the cache.",
)
TWO_LAYERS: Final = CauseEntry(
    "two-layers-add-headers",
    "Two layers each add the CORS headers",
    "A header that is set once appears twice: one value follows the page, or both are constant.",
    FixOwner.GATEWAY,
    "Let one layer alone set CORS headers: take them out of the gateway, or have it remove the application's first "
    "(nginx: proxy_hide_header).",
)
NULL_FOR_UNLISTED: Final = CauseEntry(
    "null-for-unlisted",
    "The server writes null for a page that it does not allow",
    "Access-Control-Allow-Origin is null and the page's origin is not.",
    FixOwner.SERVER,
    "Put the page's origin on the server's list; for pages that are not on it, send no header at all.",
)
APP_SHELL: Final = CauseEntry(
    "app-shell-origin",
    "The page belongs to a hybrid or desktop app, which has an origin of its own",
    "The origin is of a scheme that frameworks for apps use: capacitor, ionic, tauri, app and the like.",
    FixOwner.SERVER,
    "Put the app's origin on the server's list as well, as it stands in Origin.",
)

ENTRIES: Final = (NOT_LISTED, CONSTANT, *allowlist.ENTRIES, NULL_FOR_UNLISTED, APP_SHELL, CACHED, TWO_LAYERS)

_APP_SCHEMES: Final = {
    "capacitor": "Capacitor",
    "ionic": "Ionic",
    "tauri": "Tauri",
    "app": "an app's own scheme",
    "file": "a WebView that shows local files",
    "vscode-webview": "a VS Code WebView",
    "vscode-file": "VS Code",
    "electron": "Electron",
    "cordova": "Cordova",
    "oculus": "a headset's browser",
    "tizen": "a TV app",
    "ms-appx-web": "a Windows app",
    "resource": "a browser's own page",
}
_CACHE_HEADERS: Final = (
    ("cf-cache-status", ("hit", "stale", "revalidated", "updating")),
    ("x-cache", ("hit",)),
    ("x-cache-status", ("hit", "stale", "revalidated", "updating")),
    ("x-proxy-cache", ("hit", "stale", "revalidated", "updating")),
    ("x-cache-lookup", ("hit",)),
    ("x-vercel-cache", ("hit", "stale", "prerender")),
    ("x-nextjs-cache", ("hit", "stale")),
    ("x-drupal-cache", ("hit",)),
    ("cdn-cache", ("hit",)),
    ("x-litespeed-cache", ("hit",)),
    ("cache-status", ("; hit", ";hit")),
)


def differing(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a value that is another than the page's origin."""
    lines = scene.headers.get_all(ALLOW_ORIGIN)
    if len(lines) != 1:
        return
    value = lines[0]
    said = f"{ALLOW_ORIGIN} is {shown(value) or 'empty'}"
    if value == "null":
        yield NULL_FOR_UNLISTED.named(MEDIUM, f"{said}, and the page is {shown(scene.origin)}", (scene.id,))
        return
    if scene.origin != "null":
        yield from _cached(scene, value)
        constant = _same_to_others(scene, value)
        if constant is not None:
            told = f"{said}, and so it is for {shown(constant.answer.origin)} (flow {constant.flow})"
            yield CONSTANT.named(HIGH, told, (scene.id, constant.flow))
    for miss in near_origins.misses(scene.origin, value, scene.target):
        message = f"{said}, and the page is {shown(scene.origin)}: {miss.how}"
        yield miss.entry.named(miss.confidence, message, (scene.id,))


def several(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For more than one value."""
    lines = scene.headers.get_all(ALLOW_ORIGIN)
    values = [part.strip() for line in lines for part in line.split(",")]
    distinct = [*dict.fromkeys(values)]
    if len(lines) > 1 or len(distinct) < len(values) or "*" in values:
        yield TWO_LAYERS.named(
            HIGH if len(lines) > 1 or len(distinct) < len(values) else MEDIUM,
            f"{ALLOW_ORIGIN} is there {len(values)} times: {_who_adds(scene, values)}{_twins(scene)}",
            (scene.id,),
        )
        return
    for miss in near_origins.misses(scene.origin, lines[0] if lines else "", scene.target):
        yield miss.entry.named(miss.confidence, f"{ALLOW_ORIGIN} is {shown(lines[0])}: {miss.how}", (scene.id,))


def doubled(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For an Access-Control-Allow-Credentials that is there more than once."""
    lines = scene.headers.get_all(ALLOW_CREDENTIALS)
    if len(lines) > 1 or (lines and lines[0].replace(" ", "") == "true,true"):
        value = scene.headers.get(ALLOW_CREDENTIALS) or ""
        message = f"{ALLOW_CREDENTIALS} is there twice: {shown(value, 60)}{_twins(scene)}"
        yield TWO_LAYERS.named(HIGH, message, (scene.id,))


def missing(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response without the header, where others of the host have it."""
    if ALLOW_ORIGIN in scene.headers or scene.origin == "null" or scene.is_redirect:
        return
    if scene.status >= 400 and not (scene.is_preflight and scene.status in (400, 403)):
        return
    yield from _cached(scene, None)
    others = _echoed_to_others(scene)
    same = [each for each in scene.at_path if each.answer.origin == scene.origin and each.answer.allows]
    if others and not same:
        first = others[0]
        message = f"{shown(first.answer.origin)} is allowed here (flow {first.flow}), and {shown(scene.origin)} is not"
        yield NOT_LISTED.named(HIGH, message, (scene.id, first.flow))
        yield from _near(scene, others)
    elif not same and scene.status < 400 and not scene.is_preflight and _looks_refused(scene):
        how = "the answer varies by Origin and has no Access-Control-Allow-Origin"
        yield NOT_LISTED.named(
            MEDIUM, f"{how}: {shown(scene.origin)} is probably not on the server's list", (scene.id,)
        )


def app_shells(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For pages of hybrid apps."""
    scheme = scene.origin.partition("://")[0].lower()
    name = _APP_SCHEMES.get(scheme)
    if name is None and scene.origin.endswith("://tauri.localhost"):
        name = "Tauri"
    if name is not None and "://" in scene.origin:
        yield APP_SHELL.named(MEDIUM, f"the page's origin is {shown(scene.origin)}: {name}", (scene.id,))


def cache_hit(scene: Scene) -> str | None:
    """Return the header line that says that a cache answered; ``None`` without one."""
    for name, words in _CACHE_HEADERS:
        value = scene.headers.get(name)
        if value is not None and any(word in value.lower() for word in words) and "miss from" not in value.lower():
            return f"{name}: {shown(value, 60)}"
    age = scene.headers.get("Age")
    if age is not None and age.isascii() and age.isdigit() and age.strip("0"):
        return f"age: {age[:10]}"
    return None


def _cached(scene: Scene, value: str | None) -> Iterator[Cause]:
    if scene.is_preflight or scene.varies & {"origin", "*"}:
        return
    hit = cache_hit(scene)
    owner = next(
        (
            each
            for each in scene.at_path
            if each.answer.way is Way.ECHO and not each.answer.is_preflight and value in (None, each.answer.origin)
        ),
        None,
    )
    if hit is None or (value is None and owner is None):
        return
    flows = (scene.id, None if owner is None else owner.flow)
    where = f" ({hit}), and it does not vary by Origin"
    if value is None and owner is not None:
        named = f"{shown(owner.answer.origin)} got the header at the same path (flow {owner.flow})"
        yield CACHED.named(HIGH, f"the answer without the header comes from a cache{where}; {named}", flows)
    elif owner is not None:
        yield CACHED.named(
            HIGH, f"{shown(value or '')} is the page of flow {owner.flow}; the answer comes from a cache{where}", flows
        )
    else:
        yield CACHED.named(MEDIUM, f"the answer comes from a cache{where}", flows)


def _same_to_others(scene: Scene, value: str) -> Sighting | None:
    host = scene.target
    for each in scene.hosts.sightings(host) if host is not None else ():
        answer = each.answer
        if answer.allow_origin == value[:500] and answer.origin not in (scene.origin, value, "null"):
            return each
    return None


def _echoed_to_others(scene: Scene) -> list[Sighting]:
    return [
        each
        for each in scene.at_path
        if each.answer.way is Way.ECHO and each.answer.origin not in (scene.origin, "null")
    ]


def _near(scene: Scene, others: list[Sighting]) -> Iterator[Cause]:
    """Say which of the pages that are allowed this one nearly is."""
    for each in others:
        for miss in near_origins.misses(scene.origin, each.answer.origin, scene.target):
            if miss.entry is allowlist.SUBDOMAIN:
                continue
            message = f"{shown(each.answer.origin)} is allowed, and the page is {shown(scene.origin)}: {miss.how}"
            yield miss.entry.named(MEDIUM, message, (scene.id, each.flow))
            return


def _looks_refused(scene: Scene) -> bool:
    """Say whether something that knows of CORS answered, and held the header back."""
    return "origin" in scene.varies or "access-control-request-method" in scene.varies


def _who_adds(scene: Scene, values: list[str]) -> str:
    told = []
    for value in values[:4]:
        if value == scene.origin:
            constant = any(value == each.answer.allow_origin for each in scene.at_path if each.answer.origin != value)
            told.append(f"{shown(value, 60)} ({'constant' if constant else 'follows the page'})")
        else:
            told.append(f"{shown(value, 60)} (constant)" if value else "an empty value")
    if len(set(values)) == 1:
        return f"{shown(values[0], 60)}, from two places that agree"
    return " and ".join(told)


def _twins(scene: Scene) -> str:
    """Name further headers that are there twice."""
    names = [
        name
        for name in scene.headers.names()
        if name.startswith("access-control-")
        and name != "access-control-allow-origin"
        and len(scene.headers.get_all(name)) > 1
    ]
    via = " and ".join(
        f"{name}: {shown(value, 40)}"
        for name in ("Server", "Via", "X-Powered-By")
        if (value := scene.headers.get(name))
    )
    also = f"; {', '.join(names[:4])} too" if names else ""
    return f"{also} ({via})" if via else also
