"""Why Access-Control-Allow-Origin names somebody else, or nobody."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_CREDENTIALS, ALLOW_ORIGIN
from ...fetch.origins import origin_of
from ...traffic.body_hints import Hint
from ...traffic.host_policies import Sighting, Way
from ...verdict.model import Cause, Confidence, Finding
from . import allowlist, near_origins
from .caches import for_another
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .cors_code_signs import ASKED_METHOD
from .responders import gateway_of
from .server_table import known_server

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

CONSTANT: Final = CauseEntry(
    "constant-origin",
    "The server sends the same origin to every page",
    "Another page got the same value, whether that is its own origin or not.",
    FixOwner.SERVER,
    "Compare the request's Origin with a list and send back that one, with Vary: Origin.",
    rank=Rank.SESSION,
)
NOT_LISTED: Final = CauseEntry(
    "origin-not-listed",
    "The page is not on the server's allowlist",
    "The server answers other pages with their origin, or varies by Origin, and sends this page no header.",
    FixOwner.SERVER,
    "Put the page's origin on the server's allowlist, exactly as browsers send it.",
    absent=LACKS_ALLOW_ORIGIN,
)
OTHER_SENT: Final = CauseEntry(
    "another-origin-for-unlisted",
    "The server refuses the page, and names another origin in its place",
    "An error with an Access-Control-Allow-Origin of its own, whose body says that the origin is not allowed.",
    FixOwner.SERVER,
    "Put the page's origin on the server's allowlist, exactly as browsers send it.",
    decisive=True,
)
TWO_LAYERS: Final = CauseEntry(
    "two-layers-add-headers",
    "Two layers each add the CORS headers",
    "A header that is set once occurs twice: one value follows the page, or both are constant.",
    FixOwner.GATEWAY,
    "Send each CORS header once: remove them from one of the two layers, the gateway or the application (nginx: "
    "proxy_hide_header; Spring Cloud Gateway: DedupeResponseHeader).",
)
_ONCE: Final = (
    "Send each CORS header once: remove them from the application, or have the server in front drop the application's."
)
_ONCE_IN: Final = (
    (
        "microsoft-iis",
        "In IIS: take them out of customHeaders in web.config, or out of the code (UseCors, EnableCors).",
    ),
    ("caddy", "In Caddy: header_down -Access-Control-Allow-Origin in reverse_proxy."),
    ("nginx", "In nginx: proxy_hide_header Access-Control-Allow-Origin."),
    ("apache", "In Apache: Header onsuccess unset Access-Control-Allow-Origin."),
)
_ONCE_AT: Final = {
    "CloudFront": "In CloudFront: tick Origin override at the CORS headers of the response headers policy.",
    "Kong": "In Kong: have the response-transformer plugin remove the application's headers, or drop the cors plugin.",
    "Envoy": "In Istio: list the names in the route's headers.response.remove, or drop its corsPolicy.",
}
NULL_FOR_UNLISTED: Final = CauseEntry(
    "null-for-unlisted",
    "The server writes null for a page that it does not allow",
    "Access-Control-Allow-Origin is null and the page's origin is not.",
    FixOwner.SERVER,
    "Put the page's origin on the server's allowlist. For pages that are not on it, send no header at all.",
)
REWRITTEN: Final = CauseEntry(
    "proxy-rewrites-origin",
    "A proxy in front changes Origin, and the application echoes it without the port",
    "Access-Control-Allow-Origin is the page's origin without the port, at a server that is called under the "
    "same host.",
    FixOwner.GATEWAY,
    "Forward the browser's own Origin: remove `proxy_set_header Origin ...`, or write `proxy_set_header Origin "
    "$http_origin;` (nginx's $host has no port; $http_host has).",
)
APP_SHELL: Final = CauseEntry(
    "app-shell-origin",
    "The page belongs to a hybrid or desktop app, which has an origin of its own",
    "The origin has a scheme that frameworks for apps use: capacitor, ionic, tauri, app and the like.",
    FixOwner.SERVER,
    "Put the app's origin on the server's list as well, exactly as Origin has it.",
    rank=Rank.IDENTITY,
)

ENTRIES: Final = (
    NOT_LISTED,
    CONSTANT,
    *allowlist.ENTRIES,
    NULL_FOR_UNLISTED,
    OTHER_SENT,
    REWRITTEN,
    APP_SHELL,
    TWO_LAYERS,
)

_NATIVE: Final = {
    "Capacitor": " Where nobody can: CapacitorHttp makes the request outside the WebView, without CORS.",
    "Tauri": " Where nobody can: fetch of @tauri-apps/plugin-http makes the request outside the WebView, without CORS.",
}
_IN_CODE: Final = "Take the CORS headers out of the function's code: the function URL's own CORS settings send them."
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
    server = known_server(scene)
    if server is not None and server.list_name and scene.status in (400, 401, 403) and scene.says(Hint.ORIGIN_REFUSED):
        told = f"{said}, and the body says that origin {shown(scene.origin)} is not allowed"
        title = f"{server.name} refuses the page, because it is not on the list of {server.list_name}"
        yield OTHER_SENT.named(
            HIGH, told, (scene.id,), fix=server.fix(scene), where=server.where, snippet=server.text(scene), title=title
        )
        return
    if scene.is_third_partys:
        # Whatever is wrong with the value: the page's author can change nothing about it.
        return
    constant = None
    if scene.origin != "null":
        yield from for_another(scene, value)
        constant = _same_to_others(scene, value)
        if constant is not None:
            told = f"{said}, and {shown(constant.answer.origin)} got the same from {name_of(constant)}"
            yield CONSTANT.named(HIGH, told, (scene.id, constant.flow))
    rewritten = _is_origin_without_port(scene, value) and _same_to_others(scene, value) is None
    if rewritten:
        told = (
            f"{said}, and the page is {shown(scene.origin)}: {scene.server or 'the proxy'} may send Origin "
            "without the port"
        )
        yield REWRITTEN.named(MEDIUM, told, (scene.id,))
    for miss in near_origins.misses(scene.origin, value, scene.target):
        message = f"{said}, and the page is {shown(scene.origin)}: {miss.how}"
        # A list that lacks the port looks the same.
        confidence = MEDIUM if rewritten or constant is not None else miss.confidence
        yield miss.entry.named(confidence, message, (scene.id,))


def several(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For more than one value."""
    lines = scene.headers.get_all(ALLOW_ORIGIN)
    values = [part.strip() for line in lines for part in line.split(",")]
    distinct = [*dict.fromkeys(values)]
    if len(lines) > 1 or len(distinct) < len(values) or "*" in values:
        confidence = HIGH if len(lines) > 1 or len(distinct) < len(values) else MEDIUM
        told = f"{ALLOW_ORIGIN} is sent {len(values)} times: {_who_adds(scene, values)}{_twins(scene)}"
        server = scene.server.lower()
        fix = _IN_CODE if scene.owner.name == "AWS Lambda function URL" else None
        gateway = gateway_of(scene.headers)
        how = _ONCE_AT.get(gateway[0]) if gateway is not None else None
        how = how or next((how for begins, how in _ONCE_IN if server.startswith(begins)), None)
        fix = fix or (f"{_ONCE} {how}" if how else None)
        where = "In one of the two layers" if how else None
        yield TWO_LAYERS.named(confidence, told, (scene.id,), fix=fix, where=where)
        return
    for miss in near_origins.misses(scene.origin, lines[0] if lines else "", scene.target):
        yield miss.entry.named(miss.confidence, f"{ALLOW_ORIGIN} is {shown(lines[0])}: {miss.how}", (scene.id,))


def doubled(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For an Access-Control-Allow-Credentials that is there more than once."""
    lines = scene.headers.get_all(ALLOW_CREDENTIALS)
    if len(lines) > 1 or (lines and lines[0].replace(" ", "") == "true,true"):
        value = scene.headers.get(ALLOW_CREDENTIALS) or ""
        message = f"{ALLOW_CREDENTIALS} is sent twice: {shown(value, 60)}{_twins(scene)}"
        yield TWO_LAYERS.named(HIGH, message, (scene.id,))


def missing(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response without the header, where others of the host have it."""
    if ALLOW_ORIGIN in scene.headers or scene.origin == "null" or scene.is_redirect:
        return
    asks = ASKED_METHOD in scene.varies and scene.status in (401, 403)
    if scene.status >= 400 and not asks and not (scene.is_preflight and scene.status in (400, 403)):
        return
    yield from for_another(scene, None)
    others = _echoed_to_others(scene)
    same = [each for each in scene.at_path if each.answer.origin == scene.origin and each.answer.allows]
    if others and not same:
        first = others[0]
        message = f"{name_of(first)} allows {shown(first.answer.origin)}, and not {shown(scene.origin)}"
        yield _not_listed(scene, HIGH, message, (scene.id, first.flow), Rank.SESSION)
        yield from _near(scene, others)
    elif (
        not same
        and (scene.status < 400 or asks)
        and scene.status != 304
        and not scene.is_preflight
        and _looks_refused(scene)
    ):
        by = "Access-Control-Request-Method" if asks else "Origin"
        message = f"the response varies by {by} and has no {ALLOW_ORIGIN} for {shown(scene.origin)}"
        yield _not_listed(scene, MEDIUM, message, (scene.id,), Rank.EXCHANGE)
    elif not same and not scene.is_preflight and scene.status < 300:
        elsewhere = _allowed_elsewhere(scene)
        if elsewhere is not None:
            message = f"{name_of(elsewhere)} allows {shown(elsewhere.answer.origin)}, and nothing allows this page"
            yield _not_listed(scene, MEDIUM, message, (scene.id, elsewhere.flow), Rank.SESSION)


def _allowed_elsewhere(scene: Scene) -> Sighting | None:
    """Return what another path of the host lets another page read, where it lets this page read nothing."""
    if any(each.answer.allows and each.answer.origin == scene.origin for each in scene.of_host):
        return None
    found = (each for each in scene.of_host if each.answer.way is Way.ECHO and each.answer.status_class == 2)
    return next((each for each in found if each.answer.origin != "null"), None)


def _not_listed(scene: Scene, confidence: Confidence, message: str, flows: tuple[str, ...], rank: Rank) -> Cause:
    server = known_server(scene)
    if server is None:
        fix = f"Put the page's origin, {shown(scene.origin)}, on the server's allowlist."
        return NOT_LISTED.named(confidence, message, flows, rank=rank, fix=fix)
    title = f"The page is not on the server's allowlist, and {server.name} answers"
    if server.default:
        message = f"{message} ({server.default})"
    return NOT_LISTED.named(
        confidence,
        message,
        flows,
        rank=rank,
        fix=server.fix(scene),
        where=server.where,
        snippet=server.text(scene),
        title=title,
    )


def app_shells(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For pages of hybrid apps."""
    scheme = scene.origin.partition("://")[0].lower()
    name = _APP_SCHEMES.get(scheme)
    if name is None and scene.origin.endswith("://tauri.localhost"):
        name = "Tauri"
    if name is not None and "://" in scene.origin:
        fix = f"Put the app's origin on the server's list as well: {shown(scene.origin)}.{_NATIVE.get(name, '')}"
        how = f"the page's origin is {shown(scene.origin)}, of {name}"
        yield APP_SHELL.named(MEDIUM, how, (scene.id,), fix=fix)


def _is_origin_without_port(scene: Scene, value: str) -> bool:
    """Say whether an echoed origin lost its port, as nginx's $host loses it, at a host that page and server share."""
    page, told = origin_of(scene.origin), origin_of(value)
    if page is None or told is None or scene.target is None or told == page:
        return False
    alike = (told.scheme, told.host) == (page.scheme, page.host) and re.search(r":\d+$", value) is None
    through = (
        scene.server.lower().startswith(("nginx", "openresty", "apache", "caddy", "traefik")) or "via" in scene.headers
    )
    return alike and page.host == scene.target.host and through and page.port not in (80, 443)


def _same_to_others(scene: Scene, value: str) -> Sighting | None:
    for each in scene.of_host:
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
            message = (
                f"{name_of(each)} allows {shown(each.answer.origin)}, and the page is {shown(scene.origin)}: {miss.how}"
            )
            yield miss.entry.named(MEDIUM, message, (scene.id, each.flow))
            return


def _looks_refused(scene: Scene) -> bool:
    """Say whether something that knows of CORS answered, and held the header back."""
    return "origin" in scene.varies or ASKED_METHOD in scene.varies


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
