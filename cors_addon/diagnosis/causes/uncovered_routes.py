"""Successful responses without CORS headers at a host that has them elsewhere: routes that were left out."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_CREDENTIALS, ALLOW_ORIGIN
from ...fetch.safelists import mime_essence
from ...traffic.body_hints import Hint
from ...traffic.passing_modes import surviving_modes
from ...verdict.model import Cause, Confidence, Finding
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .errors import NGINX, NGINX_ADDS
from .gateways import TUNNEL, service_page
from .responders import store_of
from .server_table import known_server

HIGH, MEDIUM = Confidence.HIGH, Confidence.MEDIUM

DROPPED_BODY: Final = CauseEntry(
    "redirect-dropped-body",
    "A redirect turned the request into a GET and dropped its body",
    "A POST was answered with 301, 302 or 303, and the browser went on with GET.",
    FixOwner.CLIENT,
    "Call the final URL directly. A server that has to redirect a POST sends 307 or 308.",
    headers_help=False,
)
ROUTE: Final = CauseEntry(
    "route-without-cors",
    "The CORS middleware does not run for this route",
    "The response is no error and has no CORS headers; the same page is allowed at other paths of the host.",
    FixOwner.SERVER,
    "Register the CORS middleware for the whole application, not for single routes. Static files and mounted "
    "applications often need their own.",
    rank=Rank.SESSION,
    absent=LACKS_ALLOW_ORIGIN,
    of_middleware=True,
)
PREFLIGHT_ONLY: Final = CauseEntry(
    "headers-on-preflight-only",
    "The CORS headers are sent with the preflight only",
    "The response to the preflight has what the response to the request lacks.",
    FixOwner.SERVER,
    "Send Access-Control-Allow-Origin (and Access-Control-Allow-Credentials) with every response, not only with "
    "OPTIONS.",
    rank=Rank.SESSION,
    of_middleware=True,
)
HTML: Final = CauseEntry(
    "html-instead-of-data",
    "The server sent an HTML page instead of data",
    "A script's request for data got HTML without CORS headers: a login page, a single-page app's fallback, or an "
    "error page with status 200.",
    FixOwner.CLIENT,
    "Open the URL and look at the page: the path may be wrong, the session over, or a tunnel shows its own page.",
    headers_help=False,
    absent=LACKS_ALLOW_ORIGIN,
    where="In the browser",
)

INSTANCES: Final = CauseEntry(
    "instances-differ",
    "Not every server behind this host sends the CORS headers",
    "The same URL and method got the headers before and after a response without them.",
    FixOwner.GATEWAY,
    "Compare the instances behind the load balancer: version, configuration, environment. A response header such as "
    "Server or a request id tells which one answered. A cache on the way looks the same: send Vary: Origin.",
    rank=Rank.SESSION,
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
)
_LAMBDA: Final = (
    "Return the header with each response, errors included. With proxy integration API Gateway adds CORS headers to "
    "its own OPTIONS method only."
)
ENTRIES: Final = (INSTANCES, DROPPED_BODY, ROUTE, PREFLIGHT_ONLY, HTML)

_DATA_PATH: Final = re.compile(r"/(?:api|graphql|rest|rpc|odata|v[0-9]+)(?:/|$)|\.(?:json|csv|xml)$|//api[.-]")
_TUNNEL_HOST: Final = re.compile(r"(?:^|\.)(?:ngrok(?:-free)?|loca|trycloudflare)\.[a-z]+(?::\d+)?$")


def missing(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response to a request, no preflight and no error, that lacks the header."""
    if scene.is_preflight or scene.is_redirect or ALLOW_ORIGIN in scene.headers:
        return
    if scene.status < 400 and scene.status != 304 and service_page(scene.status, scene.headers) is None:
        yield from _success(scene)


def credentials(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response that does not allow credentials, while its preflight does."""
    preflight, granted = scene.preflight, scene.preflight_response
    if ALLOW_ORIGIN not in scene.headers:
        # Whatever left that out left this out as well.
        return
    if scene.is_preflight or preflight is None or granted is None or ALLOW_CREDENTIALS in scene.headers:
        return
    if granted.headers.get(ALLOW_CREDENTIALS) == "true":
        message = f"{name_of(preflight)} got {ALLOW_CREDENTIALS}: true, and the request's response lacks the header"
        title = f"{ALLOW_CREDENTIALS} is sent with the preflight only"
        yield PREFLIGHT_ONLY.named(HIGH, message, (scene.id, preflight.id), title=title)


def _success(scene: Scene) -> Iterator[Cause]:
    preflight, granted = scene.preflight, scene.preflight_response
    html = _html(scene)
    if html is not None:
        yield html
    server = known_server(scene)
    if server is not None and server.grants_preflights:
        return
    if preflight is not None and granted is not None and surviving_modes(preflight) and _is_ours(scene):
        said = granted.headers.get(ALLOW_ORIGIN)
        if said is not None:
            message = (
                f"{name_of(preflight)} got {ALLOW_ORIGIN}: {shown(said, 80)}, and {shown(scene.method, 20)} got none"
            )
            flows, sure = (scene.id, preflight.id), MEDIUM if html else HIGH
            if "x-amz-apigw-id" in scene.headers:
                yield PREFLIGHT_ONLY.named(sure, message, flows, fix=_LAMBDA, where="In the Lambda function")
                return
            yield PREFLIGHT_ONLY.named(sure, message, flows)
        return
    yield from _nginx_skips(scene)
    yield from _by_turns(scene)
    own = next((each for each in scene.of_host if each.answer.allows and each.answer.origin == scene.origin), None)
    here = any(each.answer.allows for each in scene.at_path if not each.answer.is_preflight)
    if own is None or here or own.answer.status_class != 2 or not _is_ours(scene):
        return
    if own.answer.is_preflight and not any(
        each.answer.allows and not each.answer.is_preflight for each in scene.of_host
    ):
        message = f"{name_of(own)} got the headers, and no other response of {scene.host} has them"
        yield PREFLIGHT_ONLY.named(MEDIUM, message, (scene.id, own.flow))
        return
    message = f"{name_of(own)} allows {shown(scene.origin)}, and {shown(scene.path, 80)} sends no CORS header"
    yield ROUTE.named(MEDIUM, message, (scene.id, own.flow))


def _by_turns(scene: Scene) -> Iterator[Cause]:
    """For a response between others of the same URL that have the headers: nobody changed the server in between."""
    when = scene.record.order
    for each in scene.at_path:
        answer = each.answer
        same = answer.method == scene.method and answer.origin == scene.origin and answer.status_class == 2
        if (
            same
            and answer.allows
            and not answer.is_preflight
            and "{" not in answer.path
            and each.first < when < each.last
        ):
            how = f"{name_of(each)} got the headers {each.count:,} times, before and after this response without them"
            yield INSTANCES.named(MEDIUM, how, (scene.id, each.flow))
            return


def _is_ours(scene: Scene) -> bool:
    """Say whether the application wrote the response, as far as one can tell."""
    return store_of(scene.headers) is None and "ngrok-error-code" not in scene.headers


def _html(scene: Scene) -> Cause | None:
    content_type = scene.headers.get("Content-Type") or ""
    if mime_essence(content_type) != "text/html" or scene.record.redirected_from is not None:
        return None
    if (not _asks_for_data(scene) and scene.preflight is None) or scene.says(Hint.DATA_AS_HTML):
        return None
    message = f"a script requested data and got Content-Type: {shown(content_type, 60)}"
    if _TUNNEL_HOST.search(scene.host.lower()):
        return TUNNEL.named(MEDIUM, f"{message} from {scene.host}", (scene.id,), rank=Rank.EXCHANGE)
    return HTML.named(MEDIUM, message, (scene.id,))


def _nginx_skips(scene: Scene) -> Iterator[Cause]:
    """Even among successes there are some that nginx leaves out, such as 202."""
    if not scene.server.lower().startswith(("nginx", "openresty", "tengine")) or scene.status in NGINX_ADDS:
        return
    if scene.allowing is not None:
        other = scene.allowing
        message = (
            f"{scene.server} sent {scene.status} without the headers; {name_of(other)} got {other.answer.status} "
            "with them"
        )
        yield NGINX.named(MEDIUM, message, (scene.id, other.flow))


def dropped_body(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For what a POST became behind a redirect."""
    hop = scene.hop
    answered = None if hop is None else hop.exchange.response
    if hop is None or answered is None or scene.is_preflight or answered.status not in (301, 302, 303):
        return
    before, now = hop.exchange.request.method, scene.method
    if before == "POST" and now == "GET" and scene.status >= 400:
        message = f"{name_of(hop)} got {answered.status}, and the browser went on with {now}"
        yield DROPPED_BODY.named(MEDIUM, message, (scene.id, hop.id))


def _asks_for_data(scene: Scene) -> bool:
    """Say whether a script asks for data, and not for a page of another site, which it may want as well."""
    accept = (scene.asked.get("Accept") or "").lower()
    if scene.record.classification.destination not in ("", "empty") or "text/html" in accept:
        return False
    return "json" in accept or _DATA_PATH.search(scene.url.partition("?")[0].lower()) is not None
