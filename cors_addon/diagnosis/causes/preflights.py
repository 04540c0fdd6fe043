"""What answers a preflight instead of the CORS middleware."""

from collections.abc import Callable, Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...fetch.messages import is_ok_status
from ...fetch.methods import is_cors_safelisted_method
from ...traffic.body_hints import Hint
from ...traffic.host_policies import Sighting, path_of
from ...verdict.model import Cause, Confidence, Finding
from ..platform_settings import SETTINGS
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .cors_code_signs import ASKED, by_cors_code, missing_in
from .exemptions import exemption
from .gateways import is_someone_elses
from .platforms import has_no_function
from .refusals import REFUSED, left_out
from .responders import by_spring_security, gateway_of, is_without_api_gateway, store_of
from .server_table import known_server
from .unknown_paths import wrongly_joined

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

AUTH: Final = CauseEntry(
    "preflight-meets-auth",
    "Authentication rejects the preflight before the CORS middleware runs",
    "The preflight got 401, or 403 with a challenge. Preflights never carry cookies or tokens.",
    FixOwner.SERVER,
    "Let OPTIONS through without authentication: register the CORS middleware first, or exempt preflights.",
    of_middleware=True,
)
NO_ROUTE: Final = CauseEntry(
    "preflight-meets-no-route",
    "No route takes OPTIONS, and no CORS middleware runs before the routes",
    "The preflight got 404, 405 or 501.",
    FixOwner.SERVER,
    "Register CORS middleware that answers preflights before routing, or add a handler for OPTIONS to the route.",
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
NO_PATH: Final = CauseEntry(
    "preflight-at-wrong-path",
    "The server has nothing at this URL, for OPTIONS as for other methods",
    "The preflight got 404, and other requests to the path did too.",
    FixOwner.CLIENT,
    "Correct the URL in the page's code: its base path, version or spelling.",
    rank=Rank.SESSION,
    headers_help=False,
)
DEV_SERVER: Final = CauseEntry(
    "preflight-meets-dev-server",
    "A simple or development server responds, and it does not answer preflights",
    "Server names one that serves files or is meant for development, and the status is 404, 405 or 501.",
    FixOwner.SERVER,
    "Add CORS middleware to the application itself, or call it through the page's own development server as a proxy.",
    of_middleware=True,
)
BODY_PARSER: Final = CauseEntry(
    "preflight-meets-validation",
    "Validation rejects the preflight, because it has no body and no parameters",
    "The preflight got 400, 415, 422 or 411, and no CORS header.",
    FixOwner.SERVER,
    "Register the CORS middleware before the code that reads and validates requests: a preflight is always empty.",
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
RATE_LIMIT: Final = CauseEntry(
    "preflight-meets-rate-limit",
    "A rate limit counts preflights, and rejects this one",
    "The preflight got 429.",
    FixOwner.GATEWAY,
    "Exempt OPTIONS from the limit. Send Access-Control-Max-Age, so that browsers cache preflights.",
)
ERROR: Final = CauseEntry(
    "preflight-meets-error",
    "The server fails over the preflight",
    "The preflight got 500, 408 or another error of the server itself that is no gateway's.",
    FixOwner.SERVER,
    "Look for the error in the server's log: code that expects a body, a user or a session runs for OPTIONS too.",
    of_middleware=True,
)
FORBIDDEN: Final = CauseEntry(
    "preflight-forbidden",
    "A rule in front of the application rejects OPTIONS",
    "The preflight got 403 with the page of a server or firewall, and nothing shows that CORS code refused.",
    FixOwner.GATEWAY,
    "Allow OPTIONS in the firewall's or web server's list of methods. To tell: curl without Origin gets 403 too.",
    rank=Rank.STATUS,
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
PLAIN_OPTIONS: Final = CauseEntry(
    "options-without-cors",
    "The server's default answers OPTIONS, and no CORS code runs",
    "The preflight succeeded without any CORS header, often with Allow.",
    FixOwner.SERVER,
    "Register CORS middleware that answers OPTIONS before the framework's default does.",
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
ACTUAL_ONLY: Final = CauseEntry(
    "headers-on-response-only",
    "The CORS headers are sent with ordinary responses only, not with OPTIONS",
    "The response to the preflight lacks the headers that other responses of the same path have.",
    FixOwner.SERVER,
    "Send the CORS headers with the response to OPTIONS too, with Access-Control-Allow-Methods and -Headers.",
    rank=Rank.SESSION,
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
NEEDLESS: Final = CauseEntry(
    "preflight-for-json-only",
    "The content type, most often JSON, is the only reason for the preflight",
    "The preflight asks for content-type only, and the method needs no preflight.",
    FixOwner.CLIENT,
    "Allow Content-Type on the server. If you cannot change the server: send the body as text/plain, which needs no "
    "preflight; a GET needs no Content-Type at all.",
    rank=Rank.STATUS,
    where="In the page or on the server",
)

HEADERS_ONLY: Final = CauseEntry(
    "preflight-headers-on-error",
    "One layer adds the CORS headers, and another one answers OPTIONS with an error",
    "The preflight got 4xx or 501 with Access-Control-Allow-Origin, and the lists beside it lack nothing.",
    FixOwner.SERVER,
    "Answer OPTIONS with 204 in the layer that adds the headers (nginx: if ($request_method = OPTIONS) { return 204; "
    "}), or let the application answer OPTIONS.",
)
ENTRIES: Final = (
    *(AUTH, NO_ROUTE, NO_PATH, DEV_SERVER, BODY_PARSER, RATE_LIMIT, ERROR, FORBIDDEN),
    *(PLAIN_OPTIONS, ACTUAL_ONLY, HEADERS_ONLY, NEEDLESS),
)

_DEV_SERVERS: Final = (
    ("simplehttp", "Python's http.server"),
    ("werkzeug", "Werkzeug's development server"),
    ("webrick", "WEBrick"),
    ("live-server", "live-server"),
    ("ecstatic", "http-server"),
    ("thttpd", "thttpd"),
    ("mongoose", "Mongoose"),
)
_IIS: Final = (
    "Remove the handler OPTIONSVerbHandler (<remove name=...> under handlers), or let the IIS CORS module answer it."
)
_OR_LISTED: Final = (
    " Where CORS is configured already, as in Traefik: add {origin} to its list, with scheme and port: unlisted "
    "pages get such a bare answer."
)
_BEFORE_GRPC: Final = "In the proxy before the gRPC server"
_GRPC: Final = (
    "Answer OPTIONS there (Envoy: the filter envoy.filters.http.cors before the router, and a cors policy at the "
    "virtual host or route). gRPC servers know POST only."
)
_NO_ROUTE: Final = (404, 405, 501)
_EXPLAINED: Final = (401, 407, 429)
_GATEWAYS_OWN: Final = (502, 503, 504)


def status(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a preflight whose status is no success, or whose answer is not that of CORS code."""
    if not scene.is_preflight or scene.is_redirect or scene.status == 0:
        return
    if is_ok_status(scene.status):
        yield from _without_headers(scene)
        return
    if is_someone_elses(scene.status, scene.headers):
        return
    if "x-amzn-errortype" in scene.headers and not is_without_api_gateway(scene):
        return
    yield from _refused(scene)
    if ALLOW_ORIGIN in scene.headers and _is_refusal(scene.status) and not missing_in(scene):
        how = f"OPTIONS got {scene.status}{scene.by} with {ALLOW_ORIGIN}"
        yield HEADERS_ONLY.named(HIGH if scene.status in _NO_ROUTE else MEDIUM, how, (scene.id,))
    yield from _needless(scene)


def _is_refusal(code: int) -> bool:
    return (400 <= code < 500 and code not in _EXPLAINED) or code == 501


def needless(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For content-type among the names that are not allowed."""
    if finding.params.get("name", "").lower() == "content-type":
        yield from _needless(scene)


def _refused(scene: Scene) -> Iterator[Cause]:
    code, flows = scene.status, (scene.id,)
    said = f"OPTIONS got {code}{scene.by}"
    if code == 429:
        retry = scene.headers.get("Retry-After")
        also = "" if retry is None else f", Retry-After: {shown(retry, 40)}"
        yield RATE_LIMIT.named(HIGH, said + also, flows)
    elif code in (400, 403, 404) and by_cors_code(scene):
        # The CORS code itself refuses: said with the refusals.
        return
    elif code in (401, 407):
        where, fix = exemption(scene)
        yield AUTH.named(HIGH, f"{said}{scene.challenge}; preflights carry no credentials", flows, fix=fix, where=where)
    elif code == 403 and "x-amzn-errortype" in scene.headers:
        # https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
        how = f"{said} with x-amzn-ErrorType, and preflights are never signed"
        title = "The function URL's access check (AWS_IAM, or its resource policy) rejects the preflight"
        yield AUTH.named(HIGH, how, flows, title=title)
    elif code == 403 and store_of(scene.headers) is None:
        if "cf-access-domain" in scene.headers or "cloudflare-access" in _challenge(scene):
            where, fix = SETTINGS["Cloudflare Access"]
            how = f"{said} with Cloudflare Access' challenge; preflights carry no credentials"
            fix = fix.replace("{origin}", shown(scene.origin, 100))
            yield AUTH.named(HIGH, how, flows, fix=fix, where=where, title="Cloudflare Access rejects the preflight")
            return
        if by_spring_security(scene.headers):
            how = f"{said} with Spring Security's headers, and without the Vary that Spring's CORS code adds"
            yield AUTH.named(MEDIUM, how, flows)
            return
        if "www-authenticate" in scene.headers:
            yield AUTH.named(MEDIUM, f"{said} with a challenge; preflights carry no credentials", flows)
            return
        if "authorization" in scene.record.asked_names and _has_a_page(scene):
            how = f"{said}; the request is to carry Authorization, which no preflight has"
            yield AUTH.named(LOW, how, flows, rank=Rank.STATUS)
        gateway = gateway_of(scene.headers)
        who = f" from {gateway[0]}" if gateway is not None and not scene.server else ""
        yield FORBIDDEN.named(LOW, f"{said}{who}, without a challenge and without CORS headers", flows)
    elif code in _NO_ROUTE:
        yield from _no_route(scene, said, scene.headers.get("Allow"))
    elif code in (400, 411, 415, 422):  # CORS code of IIS answers 400 to origins that it does not list.
        sure = HIGH if code != 400 else LOW if scene.server.startswith("Microsoft-IIS") else MEDIUM
        yield BODY_PARSER.named(sure, f"{said}; it has no body and no Content-Type", flows)
    elif code == 408 or (code >= 500 and code not in _GATEWAYS_OWN and code < 520):
        yield ERROR.named(MEDIUM, said, flows)


def _challenge(scene: Scene) -> str:
    return (scene.headers.get("WWW-Authenticate") or "").lower()


def _has_a_page(scene: Scene) -> bool:
    return "content-type" in scene.headers


def _no_route(scene: Scene, said: str, allow: str | None) -> Iterator[Cause]:
    code = scene.status
    lost = _answers(scene, lambda status: status in (404, 410))
    found = _answers(scene, lambda status: status < 400 or status in (401, 422))
    if store_of(scene.headers) is not None or (has_no_function(scene) and scene.says(Hint.NO_ROUTE)):
        return
    if code == 404 and lost is not None and found is None:
        message = f"{said}, and {name_of(lost)} got {lost.answer.status} too"
        yield NO_PATH.named(HIGH, message, (scene.id, lost.flow))
        return
    if found is None and lost is None:
        yield from wrongly_joined(scene, said, (scene.id,))
    server = scene.server.lower()
    by = next((name for part, name in _DEV_SERVERS if part in server), None)
    if by is not None and known_server(scene) is None:
        yield DEV_SERVER.named(HIGH, f"{said}; that is {by}", (scene.id,))
    lacks = allow is not None and "OPTIONS" not in allow.upper()
    also = f", and Allow is {shown(allow or '', 60)}" if allow is not None else ""
    if scene.says(Hint.NO_ROUTE):
        also += ", and the body says so"
    seen = "" if found is None else f"; {name_of(found)} got {found.answer.status}"
    sure = code != 404 or lacks or found is not None or scene.says(Hint.NO_ROUTE)
    flows = (scene.id, None if found is None else found.flow)
    yield NO_ROUTE.named(HIGH if sure else MEDIUM, said + also + seen, flows)


def _without_headers(scene: Scene) -> Iterator[Cause]:
    if ALLOW_ORIGIN in scene.headers:
        return
    said = f"OPTIONS got {scene.status}{scene.by}"
    granted = next((each for each in _own(scene) if each.answer.is_preflight and each.answer.status_class == 2), None)
    knows = bool(scene.varies & ASKED) or scene.varies == {"origin"}
    if granted is not None:
        asked = shown(" ".join((granted.answer.method, *granted.answer.asked_names)), 80)
        message = f"{said} without CORS headers, while {name_of(granted)} granted {asked}"
        yield REFUSED.named(
            MEDIUM, f"{message}: so {_asked_for(scene)} is not allowed", (scene.id, granted.flow), rank=Rank.SESSION
        )
        return
    if scene.says(Hint.SIGN_IN):
        how = f"{said} and a sign-in page; preflights carry no credentials"
        yield AUTH.named(HIGH, how, (scene.id,))
        return
    actual = next((each for each in _own(scene) if each.answer.path == path_of(scene.url)), None)
    if knows:
        # Several libraries leave all headers out whatever it is that they do not allow.
        refused = f"{_asked_for(scene)} is not allowed"
        if actual is None:
            refused = f"origin {shown(scene.origin, 60)}, or {refused}"
        flows = (scene.id, None if actual is None else actual.flow)
        yield REFUSED.named(MEDIUM, f"{said} and varies by what CORS code reads, without its headers: {refused}", flows)
        return
    if actual is not None:
        message = f"{said} without {ALLOW_ORIGIN}, and {name_of(actual)} has it"
        yield ACTUAL_ONLY.named(HIGH, message, (scene.id, actual.flow))
        return
    yield from left_out(scene, said)
    allow = scene.headers.get("Allow")
    if scene.has_cors_headers:
        return
    if "grpc-status" in scene.headers:
        yield PLAIN_OPTIONS.named(
            HIGH, f"{said} and Grpc-Status: a gRPC server answered OPTIONS", (scene.id,), fix=_GRPC, where=_BEFORE_GRPC
        )
    elif allow is not None:
        how, iis = (
            f"{said} with Allow: {shown(allow, 60)} and no CORS header",
            "Public" in scene.headers and "TRACE" in allow,
        )
        fix, where = (_IIS, "In web.config, or in IIS Manager") if iis else (None, None)
        yield PLAIN_OPTIONS.named(HIGH, how, (scene.id,), fix=fix, where=where)
    elif store_of(scene.headers) is None:
        bare = not scene.server and not scene.headers.content_type
        fix = PLAIN_OPTIONS.fix + _OR_LISTED.replace("{origin}", shown(scene.origin, 100)) if bare else None
        yield PLAIN_OPTIONS.named(MEDIUM, f"{said} and no CORS header", (scene.id,), fix=fix)


def _own(scene: Scene) -> Iterator[Sighting]:
    """Yield what the host answered to this page and let it read, preflights among it."""
    for each in scene.of_host:
        if each.answer.allows and each.answer.origin == scene.origin:
            yield each


def _asked_for(scene: Scene) -> str:
    names = scene.record.asked_names
    headers = f", or one of the headers {shown(', '.join(names), 80)}," if names else ""
    return f"method {shown(scene.method, 20)}{headers}"


def _needless(scene: Scene) -> Iterator[Cause]:
    if tuple(scene.record.asked_names) != ("content-type",) or not is_cors_safelisted_method(scene.method):
        return
    if ALLOW_ORIGIN not in scene.headers and scene.allowing is None:
        # The request would fail without the preflight as well.
        return
    message = f"{shown(scene.method, 20)} asks for content-type alone"
    if scene.method in ("GET", "HEAD"):
        message += ", which a request without a body does not need"
    yield NEEDLESS.named(LOW, message, (scene.id,))


def _answers(scene: Scene, fits: Callable[[int], bool]) -> Sighting | None:
    return next((each for each in scene.at_path if not each.answer.is_preflight and fits(each.answer.status)), None)
