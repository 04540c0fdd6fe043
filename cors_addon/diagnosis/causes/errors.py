"""Errors without CORS headers: what wrote them, and what went wrong."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...fetch.messages import is_ok_status
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence, Finding
from .body_limits import too_large
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .cors_code_signs import ASKED_METHOD
from .gateways import is_gateways_own, is_someone_elses
from .server_table import known_server
from .unknown_paths import NOT_FOUND, nothing_there

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

NGINX: Final = CauseEntry(
    "nginx-without-always",
    "nginx adds the CORS headers to 2xx and 3xx responses only",
    "nginx responds, its successful responses have the headers, and add_header skips this status unless it ends in "
    "always.",
    FixOwner.GATEWAY,
    "Write `always` at the end of each add_header for CORS (`add_header Access-Control-Allow-Origin $origin always;`). "
    "Then look for the reason of the error.",
    rank=Rank.SESSION,
    absent=LACKS_ALLOW_ORIGIN,
    where="In nginx's configuration",
    of_middleware=True,
)
APACHE: Final = CauseEntry(
    "apache-without-always",
    "Apache sets the CORS headers on successful responses only",
    "Apache sends an error without the headers that its successful responses have: `Header set` skips error pages, "
    "`Header always set` does not.",
    FixOwner.GATEWAY,
    "Write `Header always set` for each CORS header. Then look for the reason of the error.",
    rank=Rank.SESSION,
    absent=LACKS_ALLOW_ORIGIN,
    where="In Apache's configuration",
    of_middleware=True,
)
OUTSIDE: Final = CauseEntry(
    "error-handler-outside-cors",
    "The error is written outside the CORS middleware",
    "Errors lack the headers that successful responses, or preflights, of the same host have.",
    FixOwner.SERVER,
    "Register the CORS middleware outermost, so that it wraps exception handlers too (first or last, as the framework "
    "orders middleware). Then find the error itself in the server's log.",
    rank=Rank.SESSION,
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
AUTH: Final = CauseEntry(
    "auth-before-cors",
    "Authentication rejects the request before the CORS middleware runs",
    "Status 401 or 403 without CORS headers, on a request that is no preflight.",
    FixOwner.SERVER,
    "Register the CORS middleware before authentication, so that 401 and 403 carry CORS headers and the page can read "
    "the status.",
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
WRONG_METHOD: Final = CauseEntry(
    "method-not-routed",
    "The route does not take this method",
    "Status 405 on the request itself, without CORS headers.",
    FixOwner.CLIENT,
    "Call the route with a method that it takes, or add a handler for this method.",
    absent=LACKS_ALLOW_ORIGIN,
    where="In the page or on the server",
)
_WEBDAVS: Final = "IIS' WebDAV module rejects the method before the application runs"
_WEBDAV: Final = "Remove WebDAVModule under modules and WebDAV under handlers (<remove name=...>)."
RATE_LIMIT: Final = CauseEntry(
    "rate-limited",
    "A rate limit rejected the request",
    "Status 429 without CORS headers, often with Retry-After.",
    FixOwner.GATEWAY,
    "Send fewer requests. Add CORS headers to the limiter's responses, so that the page can read 429 and Retry-After.",
    absent=LACKS_ALLOW_ORIGIN,
)
FORGERY: Final = CauseEntry(
    "forgery-protection",
    "CSRF protection rejects the request",
    "Status 419 (Laravel), or an error body that names the CSRF token.",
    FixOwner.SERVER,
    "Serve the API from routes without CSRF protection, or have the page fetch the token first and send it.",
)
ORIGIN_CHECK: Final = CauseEntry(
    "origin-check-refuses",
    "CSRF protection rejects the request, because it does not trust the page's origin",
    "The body names the check: SvelteKit's form submissions, Django's origin checking, Rails' request.base_url.",
    FixOwner.SERVER,
    "List the page's origin (SvelteKit: csrf.trustedOrigins; Django: CSRF_TRUSTED_ORIGINS). Behind a proxy, have it "
    "send X-Forwarded-Proto and X-Forwarded-Host, and the framework trust them.",
    decisive=True,
)
OWN_CONFIGURATION: Final = CauseEntry(
    "cors-configuration-rejected",
    "The CORS library rejects its own configuration, which allows any origin with credentials",
    "An error whose body says so, as Spring's and ASP.NET Core's does.",
    FixOwner.SERVER,
    "List the page's origin by name (Spring: allowedOrigins, or allowedOriginPatterns; ASP.NET Core: WithOrigins), or "
    "allow no credentials.",
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)
NOT_STARTED: Final = CauseEntry(
    "application-not-started",
    "The application did not start, and the web server answered for it",
    "An error page of IIS that says so (HTTP Error 500.30, 500.31, 502.5 and the like).",
    FixOwner.SERVER,
    "Find out why the application does not start: the event log and stdoutLogFile in web.config tell. CORS headers "
    "come back with it.",
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)
PHP_OUTPUT: Final = CauseEntry(
    "output-before-headers",
    "PHP had sent output before the code set the CORS headers, so it dropped them",
    "The body has PHP's warning that headers were sent already.",
    FixOwner.SERVER,
    "Remove what is printed before header(): blanks or a byte order mark before <?php, an echo, or another warning. "
    "The warning names file and line.",
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)
PHP_ERROR: Final = CauseEntry(
    "php-error-before-headers",
    "The PHP code failed before it set the CORS headers",
    "The body has PHP's own message of a fatal or parse error.",
    FixOwner.SERVER,
    "Correct the error that the body names. Call header() for CORS in the first lines, or set the headers in the web "
    "server, so that errors have them too.",
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)
SERVER_ERROR: Final = CauseEntry(
    "server-error",
    "The server failed, and its error page has no CORS headers",
    "Status 500 to 511 without CORS headers, and no other response of the host was seen.",
    FixOwner.SERVER,
    "Look for the error in the server's log first. Then add CORS headers to error responses.",
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
ENTRIES: Final = (
    *(
        NGINX,
        APACHE,
        OUTSIDE,
        AUTH,
        NOT_FOUND,
        WRONG_METHOD,
        RATE_LIMIT,
        FORGERY,
        ORIGIN_CHECK,
        *(OWN_CONFIGURATION, NOT_STARTED, PHP_OUTPUT, PHP_ERROR),
        SERVER_ERROR,
    ),
)

_SUPABASES: Final = "Supabase's gateway rejects the token before the function runs, without CORS headers"
_SUPABASE: Final = (
    "Send a valid token: sign in again, or refresh the session before the call. Or switch verify_jwt off for the "
    "function, and check the token in its code, with CORS headers on 401 too."
)
_PRINTED: Final = (
    (Hint.WILDCARD_WITH_CREDENTIALS, OWN_CONFIGURATION, "that * and credentials exclude each other"),
    (Hint.NOT_STARTED, NOT_STARTED, "so"),
    (Hint.OUTPUT_BEFORE_HEADERS, PHP_OUTPUT, "that headers were sent already"),
    (Hint.PHP_ERROR, PHP_ERROR, "so"),
)
_FORGERY: Final = (
    (
        Hint.FORGERY_BY_DJANGO,
        "In Django: add the page's origin to CSRF_TRUSTED_ORIGINS, and have the page send X-CSRFToken with the "
        "csrftoken cookie's value. An API with tokens in place of sessions needs neither.",
    ),
    (
        Hint.FORGERY_BY_RAILS,
        "In Rails: derive the API's controllers from ActionController::API, or use protect_from_forgery with: "
        ":null_session there.",
    ),
    (
        Hint.FORGERY_BY_LARAVEL,
        "In Laravel: serve the API from routes/api.php, or, with Sanctum, request /sanctum/csrf-cookie first and send "
        "X-XSRF-TOKEN.",
    ),
)
_SAPS: Final = (
    "Fetch a token first (GET with X-CSRF-Token: Fetch, with credentials), and send it back with the cookies. Across "
    "origins this needs CORS with credentials in front of the system, or a proxy under the page's own origin."
)
# https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header
NGINX_ADDS: Final = frozenset({200, 201, 204, 206, 301, 302, 303, 304, 307, 308})


def missing(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response to a request, no preflight, that lacks the header."""
    if scene.is_preflight or scene.is_redirect or ALLOW_ORIGIN in scene.headers:
        return
    if scene.status >= 400 and not is_someone_elses(scene.status, scene.headers):
        yield from _error(scene)


def told_by_body(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For what the program that failed prints itself, whatever the status and the method."""
    said = f"{'OPTIONS' if scene.is_preflight else shown(scene.method, 20)} got {scene.status}"
    for hint, entry, told in _PRINTED:
        if scene.says(hint):
            yield entry.named(HIGH, f"{said}, and the body says {told}", (scene.id,))
            return


def _error(scene: Scene) -> Iterator[Cause]:
    status = scene.status
    known, others = _known(scene)
    flows = (scene.id, *others)
    by_server = list(_by_server(scene, known, flows))
    yield from by_server
    said = f"{shown(scene.method, 20)} got {status}{scene.by}"
    if status in (411, 413) or scene.says(Hint.TOO_LARGE):
        yield too_large(scene, said, flows)
    elif scene.says(Hint.ORIGIN_CHECK):
        how = f"{said} for {shown(scene.origin, 80)}, and the body names the check"
        yield ORIGIN_CHECK.named(HIGH, how, flows)
    elif (scene.headers.get("X-CSRF-Token") or "").lower() == "required":
        yield FORGERY.named(HIGH, f"{said} with X-CSRF-Token: Required", flows, fix=_SAPS)
    elif status == 419 or scene.says(Hint.FORGERY):
        how = ", and the body names the CSRF token" if status != 419 else ""
        fix = next((fix for hint, fix in _FORGERY if scene.says(hint)), None)
        yield FORGERY.named(HIGH, said + how, flows, fix=fix)
    elif status == 429:
        retry = scene.headers.get("Retry-After")
        also = "" if retry is None else f" with Retry-After: {shown(retry, 40)}"
        yield RATE_LIMIT.named(HIGH, said + also, flows)
    elif status in (401, 403):
        code = scene.headers.get("sb-error-code")
        if code is not None or (scene.owner.name == "Supabase" and scene.says(Hint.SUPABASE_JWT)):
            how = f"{said} with sb-error-code: {shown(code, 60)}" if code else f"{said}, and the body names the token"
            yield AUTH.named(
                HIGH, how, flows, fix=_SUPABASE, rank=Rank.RESPONDER, title=_SUPABASES, where="In Supabase"
            )
            return
        if scene.says(Hint.ORIGIN_REFUSED) or (not known and ASKED_METHOD in scene.varies):
            # CORS code did run, and lets the page read nothing: the allowlist is what lacks.
            return
        if scene.challenge or status == 401:
            yield AUTH.named(HIGH if known and status == 401 else MEDIUM, f"{said}{scene.challenge}{known}", flows)
        elif known:
            yield AUTH.named(LOW, f"{said}{known}", flows, rank=Rank.STATUS)
    elif status in (404, 410):
        yield from nothing_there(scene, said, known, flows)
    elif status == 405:
        allow = scene.headers.get("Allow")
        also = "" if allow is None else f", and Allow is {shown(allow, 60)}"
        # IIS' own modules allow TRACE; an application does not.
        webdav = (
            scene.method in ("PUT", "DELETE") and "TRACE" in (allow or "") and scene.server.startswith("Microsoft-IIS")
        )
        if webdav:
            yield WRONG_METHOD.named(HIGH, said + also, flows, title=_WEBDAVS, fix=_WEBDAV, where="In web.config")
        else:
            yield WRONG_METHOD.named(HIGH, said + also, flows)
    if is_gateways_own(status, scene.headers) or (status == 503 and scene.says(Hint.HAPROXY_UNAVAILABLE)):
        return
    if known:
        confidence = MEDIUM if by_server or status in (401, 403, 404, 405, 410, 411, 413, 429) else HIGH
        server = known_server(scene)
        fix = None
        if server is not None and server.grants_preflights:
            fix = server.fix_of_an_error(scene)
        yield OUTSIDE.named(confidence, f"{said}{known}", flows, fix=fix)
    elif status >= 500:
        yield SERVER_ERROR.named(MEDIUM, said, flows)


def _by_server(scene: Scene, known: str, flows: tuple[str | None, ...]) -> Iterator[Cause]:
    """nginx and Apache leave errors out by default; told from an application behind them by nothing but that."""
    allowing = scene.allowing
    if not known or allowing is None or not scene.server or scene.status in (411, 413):
        return
    if any(each.answer.status >= 400 and each.answer.allows for each in scene.of_host):
        # Errors do carry the headers here, some at least.
        return
    server = scene.server.lower()
    if not allowing.answer.server.lower().startswith(server.partition("/")[0]):
        return
    message = f"{scene.server} sent {scene.status} without the headers{known}"
    if server.startswith(("nginx", "openresty", "tengine")) and scene.status not in NGINX_ADDS:
        yield NGINX.named(MEDIUM, message, flows)
    elif server.startswith("apache"):
        yield APACHE.named(MEDIUM, message, flows)


def _known(scene: Scene) -> tuple[str, tuple[str, ...]]:
    """Say in a fragment what shows that this host can do better, and the ids of these exchanges."""
    preflight, granted = scene.preflight, scene.preflight_response
    if (
        preflight is not None
        and granted is not None
        and is_ok_status(granted.status)
        and ALLOW_ORIGIN in granted.headers
    ):
        return f"; {name_of(preflight)} has the headers", (preflight.id,)
    other = scene.allowing
    if other is not None:
        return f"; {name_of(other)} got {other.answer.status} with the headers", (other.flow,)
    return "", ()
