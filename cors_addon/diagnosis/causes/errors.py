"""Answers without CORS headers at a host that has them elsewhere: errors, and routes that were left out."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_CREDENTIALS, ALLOW_ORIGIN
from ...fetch.messages import is_ok_status
from ...fetch.safelists import mime_essence
from ...traffic.host_policies import Sighting
from ...traffic.passing_modes import surviving_modes
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry
from .context import Scene, shown
from .gateways import is_gateways_own, is_someone_elses, service_page, store_of

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

NGINX: Final = CauseEntry(
    "nginx-without-always",
    "nginx adds the headers to successful answers only",
    "nginx answers, its successful answers have the headers, and this status is one for which add_header does nothing "
    "unless it ends in always.",
    FixOwner.GATEWAY,
    "Write `always` at the end of each add_header for CORS (`add_header Access-Control-Allow-Origin $origin always;`), "
    "and find out what the error is about.",
)
APACHE: Final = CauseEntry(
    "apache-without-always",
    "Apache sets the headers on successful answers only",
    "Apache answers an error without the headers that its successful answers have: `Header set` leaves out error "
    "pages that Apache writes, `Header always set` does not.",
    FixOwner.GATEWAY,
    "Write `Header always set` for each CORS header, and find out what the error is about.",
)
OUTSIDE: Final = CauseEntry(
    "error-handler-outside-cors",
    "What writes the error stands outside the CORS code",
    "Errors lack the headers that the same host's successful answers, or its preflights, have.",
    FixOwner.SERVER,
    "Let the CORS code wrap everything, exception handlers too: register it outermost (first or last, as the framework "
    "orders middleware). Then find out what the error is about: it is what really went wrong.",
)
AUTH: Final = CauseEntry(
    "auth-before-cors",
    "Authentication refuses the request before the CORS code sees it",
    "Status 401 or 403 without CORS headers, on a request that is no preflight.",
    FixOwner.SERVER,
    "Put the CORS code before authentication, so that refusals carry the headers too and scripts can read the status.",
)
NOT_FOUND: Final = CauseEntry(
    "path-not-found",
    "There is nothing at this URL",
    "Status 404 or 410 without CORS headers, at a host whose other answers have them, or for the preflight as well as "
    "for the request.",
    FixOwner.CLIENT,
    "Correct the URL that the page calls: its base path, version or spelling.",
)
WRONG_METHOD: Final = CauseEntry(
    "method-not-routed",
    "The route does not take this method",
    "Status 405 on the request itself, without CORS headers.",
    FixOwner.CLIENT,
    "Call the route with a method that it takes, or give it a handler for this one.",
)
TOO_LARGE: Final = CauseEntry(
    "body-too-large",
    "The request's body was refused, and never reached the application",
    "Status 413, or 411, without CORS headers: it is most often the gateway or the web server that limits the size.",
    FixOwner.GATEWAY,
    "Raise the limit (nginx: client_max_body_size), or send less at once; have the error page carry CORS headers.",
)
RATE_LIMIT: Final = CauseEntry(
    "rate-limited",
    "A rate limit refused the request",
    "Status 429 without CORS headers, often with Retry-After.",
    FixOwner.GATEWAY,
    "Send fewer requests, and have the limiter's answers carry CORS headers, so that scripts see 429 and Retry-After.",
)
DROPPED_BODY: Final = CauseEntry(
    "redirect-dropped-body",
    "A redirect turned the request into a GET, and its body never reached the server",
    "The request came of a POST that was answered 301, 302 or 303: browsers follow these without method and body.",
    FixOwner.CLIENT,
    "Call the final URL directly; a server that has to redirect a POST uses 307 or 308.",
)
FORGERY: Final = CauseEntry(
    "forgery-protection",
    "Protection against request forgery refuses the request",
    "Status 419, with which Laravel refuses a request without its CSRF token.",
    FixOwner.SERVER,
    "Serve the API from routes without that protection (Laravel: routes/api.php, with Sanctum for sessions), or have "
    "the page fetch the token's cookie first.",
)
SERVER_ERROR: Final = CauseEntry(
    "server-error",
    "The server failed, and its error page has no CORS headers",
    "Status 500 to 511 without CORS headers; what the server sends with other answers was not seen.",
    FixOwner.SERVER,
    "Look for the error in the server's log first. Then see that error answers carry CORS headers too.",
)
ROUTE: Final = CauseEntry(
    "route-without-cors",
    "The CORS code does not cover this route",
    "The answer is no error and has no CORS headers; the same page is allowed at other paths of the host.",
    FixOwner.SERVER,
    "Register the CORS code for the whole application, not for single routes; static files and mounted applications "
    "often need it apart.",
)
PREFLIGHT_ONLY: Final = CauseEntry(
    "headers-on-preflight-only",
    "The headers are sent with the preflight only",
    "The preflight's answer has what the request's own answer lacks.",
    FixOwner.SERVER,
    "Send Access-Control-Allow-Origin (and -Credentials) with every response, not only with OPTIONS.",
)
HTML: Final = CauseEntry(
    "html-instead-of-data",
    "A page was answered in place of data",
    "A script's request for data (by its Accept or its URL) got HTML, without CORS headers: a login page, the fallback "
    "of a single-page app, or an error page with status 200.",
    FixOwner.CLIENT,
    "Look at the page that came: the URL's path may be wrong, or the session over.",
)

ENTRIES: Final = (
    *(
        NGINX,
        APACHE,
        OUTSIDE,
        AUTH,
        NOT_FOUND,
        WRONG_METHOD,
        TOO_LARGE,
        RATE_LIMIT,
        DROPPED_BODY,
        FORGERY,
        SERVER_ERROR,
    ),
    *(ROUTE, PREFLIGHT_ONLY, HTML),
)

# https://nginx.org/en/docs/http/ngx_http_headers_module.html#add_header
_DATA_PATH: Final = re.compile(r"/(?:api|graphql|rest|rpc|odata|v[0-9]+)(?:/|$)|\.(?:json|csv|xml)$|//api[.-]")
_NGINX_ADDS: Final = frozenset({200, 201, 204, 206, 301, 302, 303, 304, 307, 308})


def missing(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For an answer to a request, no preflight, that lacks the header."""
    if scene.is_preflight or scene.is_redirect or ALLOW_ORIGIN in scene.headers:
        return
    if scene.status >= 400 and not is_someone_elses(scene.status, scene.headers):
        yield from _error(scene)
    elif scene.status < 400 and service_page(scene.status, scene.headers) is None:
        yield from _success(scene)


def credentials(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For an answer that does not allow credentials, while its preflight does."""
    preflight = scene.preflight
    if scene.is_preflight or preflight is None or preflight.seen is None or ALLOW_CREDENTIALS in scene.headers:
        return
    if preflight.seen.headers.get(ALLOW_CREDENTIALS) == "true":
        message = f"the preflight's answer (flow {preflight.id}) has {ALLOW_CREDENTIALS}: true, and this one has not"
        yield PREFLIGHT_ONLY.named(HIGH, message, (scene.id, preflight.id))


def _error(scene: Scene) -> Iterator[Cause]:
    status = scene.status
    flows = (scene.id, *_evidence(scene))
    known = _known(scene)
    by_server = list(_by_server(scene, known, flows))
    yield from by_server
    if status in (411, 413):
        yield TOO_LARGE.named(HIGH, f"status {status}{_from(scene)} in answer to {shown(scene.method, 20)}", flows)
    elif status == 419:
        yield FORGERY.named(HIGH, f"status 419 in answer to {shown(scene.method, 20)}", flows)
    elif status == 429:
        retry = scene.headers.get("Retry-After")
        also = "" if retry is None else f" with Retry-After: {shown(retry, 40)}"
        yield RATE_LIMIT.named(HIGH, f"status 429{also}{_from(scene)}", flows)
    elif status in (401, 403):
        scheme = scene.headers.get("WWW-Authenticate")
        also = "" if scheme is None else f" with WWW-Authenticate: {shown(scheme.partition(' ')[0], 30)}"
        if known or scheme is not None or status == 401:
            yield AUTH.named(HIGH if known and status == 401 else MEDIUM, f"status {status}{also}{known}", flows)
    elif status in (404, 410):
        lost = next((each for each in scene.at_path if each.answer.is_preflight and each.answer.status == 404), None)
        if lost is not None:
            message = f"status {status}, as the preflight got (flow {lost.flow})"
            yield NOT_FOUND.named(HIGH, message, (scene.id, lost.flow))
        elif known:
            yield NOT_FOUND.named(MEDIUM, f"status {status}{known}", flows)
    elif status == 405:
        allow = scene.headers.get("Allow")
        also = "" if allow is None else f", and the route takes {shown(allow, 60)}"
        yield WRONG_METHOD.named(HIGH, f"status 405 in answer to {shown(scene.method, 20)}{also}", flows)
    if is_gateways_own(status, scene.headers):
        return
    if known:
        confidence = MEDIUM if by_server or status in (401, 403, 404, 405, 410, 411, 413, 429) else HIGH
        yield OUTSIDE.named(confidence, f"status {status}{known}", flows)
    elif status >= 500:
        yield SERVER_ERROR.named(MEDIUM, f"status {status}{_from(scene)}", flows)


def _by_server(scene: Scene, known: str, flows: tuple[str | None, ...]) -> Iterator[Cause]:
    """nginx and Apache leave errors out by default; told from an application behind them by nothing but that."""
    allowing = scene.allowing
    if not known or allowing is None or not scene.server:
        return
    if any(each.answer.status >= 400 and each.answer.allows for each in _of_host(scene)):
        # Errors do carry the headers here, some at least.
        return
    server = scene.server.lower()
    if not allowing.answer.server.lower().startswith(server.partition("/")[0]):
        return
    message = f"status {scene.status} from {scene.server}{known}"
    if server.startswith(("nginx", "openresty", "tengine")) and scene.status not in _NGINX_ADDS:
        yield NGINX.named(MEDIUM, message, flows)
    elif server.startswith("apache"):
        yield APACHE.named(MEDIUM, message, flows)


def _success(scene: Scene) -> Iterator[Cause]:
    preflight = scene.preflight
    if preflight is not None and preflight.seen is not None and surviving_modes(preflight):
        said = preflight.seen.headers.get(ALLOW_ORIGIN) or ""
        message = (
            f"the preflight's answer (flow {preflight.id}) has {ALLOW_ORIGIN}: {shown(said, 80)}, this one has none"
        )
        yield PREFLIGHT_ONLY.named(HIGH, message, (scene.id, preflight.id))
        return
    yield from _nginx_skips(scene)
    content_type = scene.headers.get("Content-Type") or ""
    if mime_essence(content_type) == "text/html" and _asks_for_data(scene) and scene.record.redirected_from is None:
        yield HTML.named(MEDIUM, f"{shown(content_type, 60)} came in answer to a script's request", (scene.id,))
    own = next((each for each in _of_host(scene) if each.answer.allows and each.answer.origin == scene.origin), None)
    here = any(each.answer.allows for each in scene.at_path if not each.answer.is_preflight)
    if own is not None and not here and own.answer.status_class == 2 and store_of(scene.headers) is None:
        path = shown(own.answer.path, 80)
        message = f"{path} of the same host allows {shown(scene.origin)} (flow {own.flow}), and this path sends nothing"
        yield ROUTE.named(MEDIUM, message, (scene.id, own.flow))


def _nginx_skips(scene: Scene) -> Iterator[Cause]:
    """Even among successes there are some that nginx leaves out, such as 202."""
    if not scene.server.lower().startswith(("nginx", "openresty", "tengine")) or scene.status in _NGINX_ADDS:
        return
    if scene.allowing is not None:
        flow = scene.allowing.flow
        message = (
            f"status {scene.status} from {scene.server}; status {scene.allowing.answer.status} has them (flow {flow})"
        )
        yield NGINX.named(MEDIUM, message, (scene.id, flow))


def dropped_body(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For what a POST became behind a redirect."""
    hop = scene.correlator.get(scene.record.redirected_from)
    if hop is None or hop.seen is None or scene.is_preflight or hop.seen.status not in (301, 302, 303):
        return
    before, now = hop.exchange.request.method, scene.method
    if before == "POST" and now == "GET" and scene.status >= 400:
        message = f"{before} was answered {hop.seen.status} (flow {hop.id}), and the browser went on with {now}"
        yield DROPPED_BODY.named(MEDIUM, message, (scene.id, hop.id))


def _asks_for_data(scene: Scene) -> bool:
    """Say whether a script asks for data, and not for a page of another site, which it may want as well."""
    accept = (scene.asked.get("Accept") or "").lower()
    if scene.record.classification.destination not in ("", "empty") or "text/html" in accept:
        return False
    return "json" in accept or _DATA_PATH.search(scene.url.partition("?")[0].lower()) is not None


def _known(scene: Scene) -> str:
    """Say in a fragment what shows that this host can do better; empty where nothing does."""
    preflight = scene.preflight
    seen = None if preflight is None else preflight.seen
    if preflight is not None and seen is not None and is_ok_status(seen.status) and ALLOW_ORIGIN in seen.headers:
        return f"; its preflight (flow {preflight.id}) has the headers"
    if scene.allowing is not None:
        return f"; status {scene.allowing.answer.status} of the same host has the headers (flow {scene.allowing.flow})"
    return ""


def _evidence(scene: Scene) -> Iterator[str]:
    if scene.preflight is not None:
        yield scene.preflight.id
    if scene.allowing is not None:
        yield scene.allowing.flow


def _of_host(scene: Scene) -> tuple[Sighting, ...]:
    return scene.hosts.sightings(scene.target) if scene.target is not None else ()


def _from(scene: Scene) -> str:
    return f" from {scene.server}" if scene.server else ""
