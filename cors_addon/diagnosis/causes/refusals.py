"""The CORS code itself refuses the page: offered before firewall and authentication, where something proves it."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN
from ...traffic.body_hints import Hint
from ...traffic.host_policies import Sighting, Way, path_of
from ...verdict.model import Cause, Confidence, Finding
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .cors_code_signs import (
    ASKED,
    SAYS_CORS,
    SAYS_ORIGIN,
    by_cors_code,
    is_apims,
    is_aspnets,
    is_bare,
    is_tomcats,
    missing_in,
)
from .gateways import is_someone_elses
from .known_servers import KnownServer
from .responders import by_spring_security, store_of
from .server_table import known_server

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

ORIGIN_REFUSED: Final = CauseEntry(
    "origin-refused-by-cors",
    "The server's CORS code itself refuses the page, because its origin is not allowed",
    "An error without Access-Control-Allow-Origin, and a proof: the body says so, Vary names what CORS code reads, "
    "another origin was allowed, or a known server does so.",
    FixOwner.SERVER,
    "Put the page's origin on the server's allowlist, exactly as browsers send it.",
    absent=LACKS_ALLOW_ORIGIN,
)
REFUSED: Final = CauseEntry(
    "preflight-refused-by-cors",
    "The CORS code itself refuses the preflight",
    "The preflight fails and its response has what only CORS code sends (CORS headers beside an error, a body that "
    "names CORS, or a Vary that names Access-Control-Request-Method); or the host granted the page another preflight.",
    FixOwner.SERVER,
    "Add what is missing (origin, method or header names) to the server's CORS configuration.",
    of_middleware=True,
)
OWN_ORIGIN: Final = CauseEntry(
    "own-origin-refused-by-cors",
    "The server's CORS code refuses its own page, because it does not know its public origin",
    "A same-origin request with Origin got 403, and Vary or the body shows that CORS code answered: behind a proxy "
    "that ends TLS the application takes https for another origin than http.",
    FixOwner.SERVER,
    "Tell the application its public scheme and host: have the proxy send X-Forwarded-Proto and X-Forwarded-Host, and "
    "the framework use them (Spring: server.forward-headers-strategy=framework). Or list the public origin.",
    headers_help=False,
)
SWITCHED_OFF: Final = CauseEntry(
    "cors-switched-off",
    "The server's own CORS support is switched off",
    "A known server answers without any CORS header, and sends none unless a setting of its own says so.",
    FixOwner.SERVER,
    "Switch CORS on in the server's settings.",
    rank=Rank.IDENTITY,
    absent=LACKS_ALLOW_ORIGIN,
)

ENTRIES: Final = (ORIGIN_REFUSED, REFUSED, OWN_ORIGIN, SWITCHED_OFF)

_UNNAMED: Final = " If there is no list, the code never sends Access-Control-Allow-Origin: add it."
_APIMS: Final = "In the Azure portal, at the inbound policies"
_APIM: Final = (
    "Add {origin} to allowed-origins of the cors policy, without a slash at its end. With no cors policy at this API: "
    "add one for All APIs or the API, as the first policy; at a product, a key in a header hides it."
)
_DEV_PROXY: Final = (
    "List {origin} at the application behind the development server. Or have that server's proxy drop Origin (Vite: "
    "configure, webpack: onProxyReq, each with proxyReq.removeHeader('origin'))."
)
_HAPI: Final = "In hapi: set cors in the route's options, or for all routes in the server's routes.cors."
_RACK_LACKS: Final = {
    "no-path": "the path {path}",
    "no-method": "the method {method}",
    "deny-method": "the method {method}",
    "deny-header": "the request's header names",
}
"""What rack-cors misses, by its own word for it."""
_REFUSES: Final = (400, 401, 403, 404)


def refused(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For an error, or a preflight's response, without Access-Control-Allow-Origin."""
    if ALLOW_ORIGIN in scene.headers and scene.is_preflight and scene.status in (400, 403, 404):
        missing = missing_in(scene)
        if missing or scene.says(*SAYS_CORS):
            how = f"OPTIONS got {scene.status} with {ALLOW_ORIGIN}; it does not allow {missing or 'the request'}"
            fix = f"Add {missing} to the server's CORS configuration." if missing else None
            yield REFUSED.named(HIGH, how, (scene.id,), fix=fix)
        return
    if ALLOW_ORIGIN in scene.headers or scene.is_redirect or scene.status == 0:
        return
    if is_someone_elses(scene.status, scene.headers) or store_of(scene.headers) is not None:
        return
    missed = (scene.headers.get("X-Rack-CORS") or "").lower()
    if missed.startswith("miss"):
        yield _missed_by_rack(scene, missed.partition(";")[2].strip())
        return
    if scene.says(Hint.CORS_SWITCHED_OFF):
        how = f"OPTIONS got {scene.status}, and the body says that CORS is disabled for this route"
        yield SWITCHED_OFF.named(HIGH, how, (scene.id,), fix=_HAPI, rank=Rank.EXCHANGE)
        return
    if is_apims(scene):
        method = "OPTIONS" if scene.is_preflight else shown(scene.method, 20)
        how = f"{method} got an empty 200 from Azure API Management: its cors policy refuses an origin like this"
        yield ORIGIN_REFUSED.named(
            MEDIUM,
            how,
            (scene.id,),
            fix=_APIM.replace("{origin}", shown(scene.origin, 100)),
            where=_APIMS,
            rank=Rank.RESPONDER,
        )
        return
    server = known_server(scene)
    if scene.status >= 400 or (scene.is_preflight and scene.says(*SAYS_ORIGIN)):
        yield from _by_error(scene, server)
    if (
        server is not None
        and server.grants_preflights
        and not scene.is_preflight
        and scene.status in (200, 201, 204, 400)
    ):
        how = (
            f"{server.name} answers ({server.because}), grants every preflight, and left the header out of this "
            "response"
        )
        # Its errors about the request itself come without the header too, whoever asks.
        confidence = MEDIUM if scene.status < 400 else LOW
        error = server.fix_of_an_error(scene) if scene.status >= 400 else None
        if scene.says(Hint.PAGES_ONLY):
            how, confidence, error = f"{how}, and the body says so (AADSTS9002326)", HIGH, None
        yield _set(ORIGIN_REFUSED, confidence, how, scene, server, Rank.IDENTITY, fix=error)
    lists = server is not None and server.list_name and (scene.is_preflight or not server.grants_preflights)
    if server is not None and lists and scene.status < 300 and _is_silent(scene):
        method = "OPTIONS" if scene.is_preflight else shown(scene.method, 20)
        how = f"{method} got {scene.status} without CORS headers; {server.name} answers ({server.because})"
        yield _set(ORIGIN_REFUSED, MEDIUM, how, scene, server, Rank.IDENTITY)
    off = server is not None and "switched off" in server.default and scene.status != 401
    if server is not None and off and not scene.has_cors_headers and "origin" not in scene.varies:
        how = f"{server.name} answers ({server.because}); {server.default}"
        yield _set(SWITCHED_OFF, MEDIUM, how, scene, server, Rank.IDENTITY)


def _by_error(scene: Scene, server: KnownServer | None) -> Iterator[Cause]:
    said = f"{'OPTIONS' if scene.is_preflight else shown(scene.method, 20)} got {scene.status}"
    page = shown(scene.origin, 60)
    if scene.says(*SAYS_ORIGIN):
        yield _set(
            ORIGIN_REFUSED, HIGH, f"{said}, and the response says that origin {page} is not allowed", scene, server
        )
        return
    if scene.says(Hint.CORS_REFUSED) and not scene.says(Hint.METHOD_REFUSED, Hint.HEADERS_REFUSED):
        how = f"{said}, and the response says that CORS code refused it"
        # The other two are seldom what is wrong with GET, HEAD and POST.
        yield _unsaid(scene, how) or _set(ORIGIN_REFUSED, MEDIUM if scene.is_preflight else HIGH, how, scene, server)
        return
    by = by_cors_code(scene)
    if scene.is_preflight and scene.status in _REFUSES and scene.status != 401 and by:
        missing = missing_in(scene)
        how = f"{said} with {by}; it does not allow {missing or 'the request'}"
        if missing.startswith("origin") and " and " not in missing:
            guessed = by.startswith("Vary")
            unsaid = _unsaid(scene, f"{said} with {by}") if guessed else None
            yield unsaid or _set(ORIGIN_REFUSED, MEDIUM if guessed else HIGH, how, scene, server)
        else:
            fix = f"Add {missing} to the server's CORS configuration." if missing else None
            yield REFUSED.named(HIGH, how, (scene.id,), fix=fix)
        return
    if scene.status not in (400, 403) or _allows_here(scene) is not None:
        # What the host lets read elsewhere is no stranger to it.
        return
    other = _allowed_other(scene)
    if other is not None:
        how = f"{said}, while {name_of(other)} allows {shown(other.answer.origin, 60)}"
        yield _set(ORIGIN_REFUSED, HIGH, how, scene, server, Rank.SESSION, (scene.id, other.flow))
        return
    if scene.status == 403 and by and not scene.is_preflight:
        how = f"{said} with {by} and no CORS header"
        yield _set(ORIGIN_REFUSED, MEDIUM, how, scene, server)
        return
    if is_tomcats(scene):
        how = f"{said}, text/plain and empty: Tomcat's CorsFilter refuses like this"
        yield _set(ORIGIN_REFUSED, MEDIUM, how, scene, server, Rank.RESPONDER)
        return
    if server is not None and scene.status == 403 and server.default:
        how = f"{said} for {page}; {server.name} answers ({server.because}), and {server.default}"
        yield _set(ORIGIN_REFUSED, MEDIUM, how, scene, server, Rank.IDENTITY)
        return
    if scene.status == 403 and is_bare(scene) and not by_spring_security(scene.headers):
        # gin, rs/cors, tower-http and others answer so; firewalls write a page and name themselves.
        how = f"{said}, no body type, no challenge and no Server: CORS code of many frameworks answers like this"
        yield _set(ORIGIN_REFUSED, LOW, how, scene, server, Rank.STATUS)


def _unsaid(scene: Scene, how: str) -> Cause | None:
    """Say that the method or a header may be what a preflight's refusal is about; ``None`` where it is the origin.

    Spring and others answer all three alike, and without a list allow GET, HEAD and POST only.
    https://docs.spring.io/spring-framework/reference/web/webmvc-cors.html#mvc-cors-intro
    """
    allows = _allows_here(scene)
    if not scene.is_preflight or (allows is None and scene.method in ("GET", "HEAD", "POST")):
        return None
    names = shown(", ".join(scene.record.asked_names), 80)
    wanted = f"method {shown(scene.method, 20)}" + (f" and headers {names}" if names else "")
    if allows is not None:
        how = f"{how}, while {name_of(allows)} allows the page"
        fix = f"Allow {wanted} in the server's CORS configuration, for this path"
    else:
        how = f"{how}, and does not say which of origin, method and headers"
        fix = f"Allow {wanted} for {shown(scene.origin, 100)} in the server's CORS configuration"
    spring = " Spring allows GET, HEAD and POST only, unless allowedMethods says more." if scene.varies & ASKED else ""
    return REFUSED.named(
        MEDIUM if allows is None else HIGH,
        how,
        (scene.id, *(() if allows is None else (allows.flow,))),
        fix=f"{fix}.{spring}",
        rank=None if allows is None else Rank.SESSION,
    )


def left_out(scene: Scene, said: str) -> Iterator[Cause]:
    """For a preflight that succeeds, by CORS code as it seems, and whose response does not name the page."""
    name = next(
        (name for name in (ALLOW_METHODS, ALLOW_HEADERS, "Access-Control-Max-Age") if name in scene.headers), ""
    )
    server = known_server(scene)
    if name:
        how = f"{said} with {name} and without {ALLOW_ORIGIN}: CORS code answered, and leaves this page out"
        yield _set(ORIGIN_REFUSED, MEDIUM, how, scene, server, fix=_UNNAMED if server is None else None)
    elif is_aspnets(scene):
        # CorsMiddleware answers every preflight of a route that has a policy, with 204.
        how = f"{said} and nothing more: ASP.NET Core's CORS middleware refuses a page like this"
        yield _set(ORIGIN_REFUSED, MEDIUM, how, scene, server, Rank.RESPONDER)


def _missed_by_rack(scene: Scene, why: str) -> Cause:
    """Say what rack-cors says by its X-Rack-CORS why it lets a request pass without headers."""
    how = f"X-Rack-CORS is miss; {shown(why, 30)}"
    if why == "no-origin":
        fix = f"Add {shown(scene.origin, 100)} to origins in config/initializers/cors.rb."
        return ORIGIN_REFUSED.named(HIGH, how, (scene.id,), fix=fix)
    missing = _RACK_LACKS.get(why, "what is missing").format(path=shown(scene.path, 80), method=shown(scene.method, 20))
    return REFUSED.named(
        HIGH,
        how,
        (scene.id,),
        fix=f"Add {missing} to the resource lines in config/initializers/cors.rb.",
        title="rack-cors has no rule for this request",
    )


def own_origin(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a same-origin request that CORS code refuses."""
    by = "words that name CORS" if scene.says(*SAYS_ORIGIN, *SAYS_CORS) else by_cors_code(scene)
    scheme = scene.origin.partition("://")[0]
    how = f"{shown(scene.method, 20)} from its own page ({shown(scene.origin, 60)}) got {scene.status} with {by}"
    about = " (it may see http behind a proxy)" if scheme == "https" else ""
    fix = _DEV_PROXY.replace("{origin}", shown(scene.origin, 100)) if "://localhost" in scene.origin else None
    yield OWN_ORIGIN.named(HIGH if scene.body_hints else MEDIUM, how + about, (scene.id,), fix=fix)


def _set(
    entry: CauseEntry,
    confidence: Confidence,
    how: str,
    scene: Scene,
    server: KnownServer | None,
    rank: Rank = Rank.EXCHANGE,
    flows: tuple[str, ...] = (),
    fix: str | None = None,
) -> Cause:
    """Name the cause with the setting of the server that is known, or else with this page's origin."""
    if server is not None:
        return entry.named(
            confidence,
            how,
            flows or (scene.id,),
            fix=fix or server.fix(scene),
            where="" if fix else server.where,
            snippet=server.text(scene),
            rank=rank,
            title=_title(server) if entry is ORIGIN_REFUSED else None,
        )
    if entry is ORIGIN_REFUSED and scene.origin != "null":
        fix = f"Put the page's origin, {shown(scene.origin, 100)}, on the server's allowlist.{fix or ''}"
    return entry.named(confidence, how, flows or (scene.id,), fix=fix, rank=rank)


def _title(server: KnownServer) -> str:
    listed = f"on the list of {server.list_name}" if server.list_name else "allowed"
    return f"{server.name} refuses the page, because its origin is not {listed}"


def _is_silent(scene: Scene) -> bool:
    """Say whether a response has nothing of CORS, and the host lets the page in nowhere."""
    return not scene.has_cors_headers and _allows_here(scene) is None


def _allowed_other(scene: Scene) -> Sighting | None:
    """Return a response of the host by which another origin was allowed by name, at this path if there is one."""
    found = [
        each
        for each in scene.of_host
        if each.answer.way is Way.ECHO and each.answer.origin not in (scene.origin, "null") and each.answer.status < 400
    ]
    here = path_of(scene.url)
    return min(found, key=lambda each: (each.answer.path != here, each.first), default=None)


def _allows_here(scene: Scene) -> Sighting | None:
    return next((each for each in scene.of_host if each.answer.origin == scene.origin and each.answer.allows), None)
