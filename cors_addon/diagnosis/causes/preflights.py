"""What a preflight met in place of the CORS code."""

from collections.abc import Callable, Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_HEADERS, ALLOW_METHODS, ALLOW_ORIGIN
from ...fetch.headers import byte_lowercase
from ...fetch.messages import is_ok_status
from ...fetch.methods import is_cors_safelisted_method
from ...traffic.host_policies import Sighting, path_of
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry
from .context import Scene, shown
from .gateways import gateway_of, is_someone_elses, store_of

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

AUTH: Final = CauseEntry(
    "preflight-meets-auth",
    "Authentication stands before the CORS code and refuses the preflight",
    "The preflight got 401, or 403 while it asks for Authorization. Preflights never carry cookies or tokens.",
    FixOwner.SERVER,
    "Let OPTIONS through without authentication: put the CORS code before it, or exempt preflights from it.",
)
NO_ROUTE: Final = CauseEntry(
    "preflight-meets-no-route",
    "No route takes OPTIONS, and no CORS code comes before the routes",
    "The preflight got 404, 405 or 501.",
    FixOwner.SERVER,
    "Register CORS code that answers preflights before routing, or add a handler for OPTIONS to the route.",
)
NO_PATH: Final = CauseEntry(
    "preflight-at-wrong-path",
    "The URL leads nowhere, for OPTIONS as for anything else",
    "The preflight got 404, and other requests to the path did too.",
    FixOwner.CLIENT,
    "Correct the URL that the page calls: its base path, version or spelling.",
)
DEV_SERVER: Final = CauseEntry(
    "preflight-meets-dev-server",
    "A simple or development server answers, which knows nothing of OPTIONS",
    "Server names one that serves files or is meant for development, and the status is 404, 405 or 501.",
    FixOwner.SERVER,
    "Add CORS code to the application itself, or call it through the page's own development server as a proxy.",
)
BODY_PARSER: Final = CauseEntry(
    "preflight-meets-validation",
    "Validation of the request refuses the preflight, which has no body and no parameters",
    "The preflight got 400, 415, 422 or 411, and no CORS header with it.",
    FixOwner.SERVER,
    "Put the CORS code before whatever reads and validates requests; a preflight is empty by nature.",
)
REFUSED: Final = CauseEntry(
    "preflight-refused-by-cors",
    "The CORS code itself refuses the preflight",
    "The preflight fails and its answer has what only CORS code sends (headers of CORS beside an error, or a Vary that "
    "names Access-Control-Request-Method); or the host granted the page another preflight.",
    FixOwner.SERVER,
    "Extend the CORS configuration: what is missing of origin, method and header names is told with the findings.",
)
RATE_LIMIT: Final = CauseEntry(
    "preflight-meets-rate-limit",
    "A rate limit counts preflights, and refuses this one",
    "The preflight got 429.",
    FixOwner.GATEWAY,
    "Leave OPTIONS out of the limit, and let browsers keep the answers: Access-Control-Max-Age makes them fewer.",
)
ERROR: Final = CauseEntry(
    "preflight-meets-error",
    "The server fails over the preflight",
    "The preflight got 500 or another server error that is no gateway's.",
    FixOwner.SERVER,
    "Look for the error in the server's log: code that expects a body, a user or a session runs for OPTIONS as well.",
)
FORBIDDEN: Final = CauseEntry(
    "preflight-forbidden",
    "A rule in front of the application refuses OPTIONS",
    "The preflight got 403 without a challenge, and asks for no Authorization.",
    FixOwner.GATEWAY,
    "Let OPTIONS through in the firewall's or web server's list of methods.",
)
PLAIN_OPTIONS: Final = CauseEntry(
    "options-without-cors",
    "OPTIONS is answered by the server's default, not by CORS code",
    "The preflight succeeded without any CORS header, often with Allow.",
    FixOwner.SERVER,
    "Have the CORS code answer OPTIONS before the framework's own default does.",
)
ACTUAL_ONLY: Final = CauseEntry(
    "headers-on-response-only",
    "The headers are sent with ordinary answers only, and not with OPTIONS",
    "The preflight's answer lacks the headers that other answers of the same path have.",
    FixOwner.SERVER,
    "Send the CORS headers with the answer to OPTIONS too, together with Access-Control-Allow-Methods and -Headers.",
)
NEEDLESS: Final = CauseEntry(
    "preflight-for-json-only",
    "The content type, most often JSON, is the only reason for the preflight",
    "Nothing but content-type is asked for, and the method needs no preflight.",
    FixOwner.CLIENT,
    "Allow Content-Type on the server. Where that is not to be had: a body sent as text/plain needs no preflight, and "
    "a GET no Content-Type at all.",
)

ENTRIES: Final = (
    *(AUTH, NO_ROUTE, NO_PATH, DEV_SERVER, BODY_PARSER, REFUSED, RATE_LIMIT, ERROR, FORBIDDEN),
    *(PLAIN_OPTIONS, ACTUAL_ONLY, NEEDLESS),
)

_DEV_SERVERS: Final = (
    ("simplehttp", "Python's http.server"),
    ("werkzeug", "Werkzeug's development server"),
    ("webrick", "WEBrick"),
    ("live-server", "live-server"),
    ("ecstatic", "http-server"),
    ("php/", "PHP's built-in server"),
    ("thttpd", "thttpd"),
    ("mongoose", "Mongoose"),
)
_ASKED: Final = frozenset({"access-control-request-method", "access-control-request-headers"})
_GATEWAYS_OWN: Final = (502, 503, 504)


def status(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a preflight whose status is no success, or whose answer is not that of CORS code."""
    if not scene.is_preflight or scene.is_redirect or scene.status == 0:
        return
    if is_ok_status(scene.status):
        yield from _without_headers(scene)
        return
    if is_someone_elses(scene.status, scene.headers) or "x-amzn-errortype" in scene.headers:
        return
    yield from _refused(scene)
    yield from _needless(scene)


def needless(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For content-type among the names that are not allowed."""
    if finding.params.get("name", "").lower() == "content-type":
        yield from _needless(scene)


def _refused(scene: Scene) -> Iterator[Cause]:
    code, flows = scene.status, (scene.id,)
    said = f"the preflight got {code}{_from(scene)}"
    allow = scene.headers.get("Allow")
    if code == 429:
        retry = scene.headers.get("Retry-After")
        also = "" if retry is None else f", Retry-After: {shown(retry, 40)}"
        yield RATE_LIMIT.named(HIGH, said + also, flows)
    elif code in (400, 403) and (by := _by_cors_code(scene)):
        yield REFUSED.named(HIGH, f"{said}, and with it {by}: {_what_is_missing(scene)}", flows)
    elif code in (401, 407):
        scheme = scene.headers.get("WWW-Authenticate")
        also = "" if scheme is None else f" with WWW-Authenticate: {shown(scheme.partition(' ')[0], 30)}"
        yield AUTH.named(HIGH, f"{said}{also}; preflights carry no credentials", flows)
    elif code == 403 and store_of(scene.headers) is None:
        asks = "authorization" in scene.record.asked_names
        if asks or "www-authenticate" in scene.headers:
            yield AUTH.named(
                MEDIUM, f"{said}, and the request is to carry Authorization, which no preflight has", flows
            )
        else:
            gateway = gateway_of(scene.headers)
            who = f" from {gateway[0]}" if gateway is not None and not scene.server else ""
            yield FORBIDDEN.named(LOW, f"{said}{who}, without a challenge and without CORS headers", flows)
    elif code in (404, 405, 501):
        yield from _no_route(scene, said, allow)
    elif code in (400, 411, 415, 422):
        yield BODY_PARSER.named(HIGH if code != 400 else MEDIUM, f"{said}; it has no body and no Content-Type", flows)
    elif code >= 500 and code not in _GATEWAYS_OWN and code < 520:
        yield ERROR.named(MEDIUM, said, flows)


def _no_route(scene: Scene, said: str, allow: str | None) -> Iterator[Cause]:
    code = scene.status
    lost = _answers(scene, lambda status: status in (404, 410))
    found = _answers(scene, lambda status: status < 400 or status in (401, 422))
    if store_of(scene.headers) is not None:
        return
    if code == 404 and lost is not None and found is None:
        message = f"{said}, and so did {shown(lost.answer.method, 20)} (flow {lost.flow}): {lost.answer.status}"
        yield NO_PATH.named(HIGH, message, (scene.id, lost.flow))
        return
    by = _dev_server(scene)
    if by is not None:
        yield DEV_SERVER.named(HIGH, f"{said}: {by}", (scene.id,))
    lacks = allow is not None and "OPTIONS" not in allow.upper()
    also = f", and Allow: {shown(allow or '', 60)}" if allow is not None else ""
    seen = ""
    if found is not None:
        seen = (
            f"; {shown(found.answer.method, 20)} of the same path is answered {found.answer.status} (flow {found.flow})"
        )
    sure = code != 404 or lacks or found is not None
    flows = (scene.id, None if found is None else found.flow)
    yield NO_ROUTE.named(HIGH if sure else MEDIUM, said + also + seen, flows)


def _without_headers(scene: Scene) -> Iterator[Cause]:
    if ALLOW_ORIGIN in scene.headers:
        return
    said = f"the preflight got {scene.status}{_from(scene)}"
    granted = next((each for each in _own(scene) if each.answer.is_preflight and each.answer.status_class == 2), None)
    knows = bool(scene.varies & _ASKED) or scene.varies == {"origin"}
    if granted is not None:
        asked = shown(" ".join((granted.answer.method, *granted.answer.asked_names)), 80)
        message = f"{said} without CORS headers; asked for {asked}, the host granted it (flow {granted.flow})"
        yield REFUSED.named(MEDIUM, f"{message}: so {_asked_for(scene)} is not allowed", (scene.id, granted.flow))
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
        message = (
            f"{said} without Access-Control-Allow-Origin; {shown(actual.answer.method, 20)} of the same path has it"
        )
        yield ACTUAL_ONLY.named(HIGH, f"{message} (flow {actual.flow})", (scene.id, actual.flow))
        return
    allow = scene.headers.get("Allow")
    if scene.has_cors_headers:
        return
    if allow is not None:
        yield PLAIN_OPTIONS.named(HIGH, f"{said} and Allow: {shown(allow, 60)}, and no CORS header", (scene.id,))
    elif store_of(scene.headers) is None:
        yield PLAIN_OPTIONS.named(MEDIUM, f"{said} and not one CORS header", (scene.id,))


def _own(scene: Scene) -> Iterator[Sighting]:
    """Yield what the host answered to this page and let it read, preflights among it."""
    for each in scene.hosts.sightings(scene.target) if scene.target is not None else ():
        if each.answer.allows and each.answer.origin == scene.origin and each.first[1] != scene.id:
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
        message += ", which a request without a body has no use for"
    yield NEEDLESS.named(LOW, message, (scene.id,))


def _by_cors_code(scene: Scene) -> str:
    """Name what only CORS code sends with a refusal; empty where there is nothing of the kind."""
    for name in (ALLOW_METHODS, ALLOW_HEADERS, "Access-Control-Max-Age", ALLOW_ORIGIN):
        if name in scene.headers:
            return name
    if scene.varies & {"access-control-request-method", "access-control-request-headers"}:
        return "Vary: Access-Control-Request-..."
    return "Vary: Origin" if scene.varies == {"origin"} else ""


def _what_is_missing(scene: Scene) -> str:
    missing = []
    if ALLOW_ORIGIN not in scene.headers:
        missing.append(f"origin {shown(scene.origin, 60)}")
    methods = scene.listed(ALLOW_METHODS)
    if methods and scene.method not in methods and "*" not in methods and not is_cors_safelisted_method(scene.method):
        missing.append(f"method {shown(scene.method, 20)}")
    allowed = [byte_lowercase(name) for name in scene.listed(ALLOW_HEADERS)]
    if ALLOW_HEADERS in scene.headers and "*" not in allowed:
        lacking = [name for name in scene.record.asked_names if name not in allowed]
        if lacking:
            missing.append(f"header {shown(', '.join(lacking), 80)}")
    return f"it does not allow {' and '.join(missing)}" if missing else "it does not say what"


def _answers(scene: Scene, fits: Callable[[int], bool]) -> Sighting | None:
    return next((each for each in scene.at_path if not each.answer.is_preflight and fits(each.answer.status)), None)


def _dev_server(scene: Scene) -> str | None:
    server = (scene.headers.get("Server") or "").lower()
    for part, name in _DEV_SERVERS:
        if part in server:
            return name
    powered = (scene.headers.get("X-Powered-By") or "").lower()
    if powered.startswith("php/") and not server and scene.target is not None and scene.target.port not in (80, 443):
        return "PHP's built-in server"
    return None


def _from(scene: Scene) -> str:
    return f" from {scene.server}" if scene.server else ""
