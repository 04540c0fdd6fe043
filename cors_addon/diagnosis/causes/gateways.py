"""Answers that the application did not write: of gateways, of CDNs, of stores, and of the proxy itself."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...fetch.headers import HeaderList
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence, Finding
from .body_limits import over_wafs_limit
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .connections import PROXY_PAGE
from .context import Scene, name_of, shown
from .responders import challenge_of, gateway_of, is_without_api_gateway, refuses_itself

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

_UNREACHABLE: Final = "Look in the gateway's log for the reason: the application is down, too slow or unreachable."
GATEWAY_ERROR: Final = CauseEntry(
    "gateway-error-page",
    "A gateway or CDN sent its own error page",
    "Status 502, 503, 504 or one that only CDNs send (52x, 530).",
    FixOwner.GATEWAY,
    f"{_UNREACHABLE} Then add the CORS headers to the gateway's own error pages, so that the page can read the status.",
    rank=Rank.RESPONDER,
)
GATEWAY_CHALLENGE: Final = CauseEntry(
    "gateway-challenge",
    "A bot check or firewall of the CDN rejects the request",
    "The response says that it is a challenge (cf-mitigated, x-amzn-waf-action) or a firewall's refusal.",
    FixOwner.GATEWAY,
    "Exempt the API's paths, and OPTIONS above all, from the challenge: scripts and preflights cannot solve one.",
    rank=Rank.RESPONDER,
    headers_help=False,
    decisive=True,
)
DEPLOYMENT: Final = CauseEntry(
    "deployment-protected",
    "The deployment is open to signed-in members only",
    "The hosting service itself sends 401 or 403 and sets the cookie of its own sign-in (Vercel).",
    FixOwner.GATEWAY,
    "Switch the protection off for this deployment, call a public one, or send the service's bypass token. Preflights "
    "have to be exempt (Vercel: Deployment Protection, OPTIONS Allowlist).",
    rank=Rank.RESPONDER,
    headers_help=False,
    decisive=True,
)
TUNNEL: Final = CauseEntry(
    "tunnel-page",
    "The tunnel answered with its own page",
    "The response carries ngrok's error code, or its body is a tunnel's warning page: for browsers, or because the "
    "tunnel is down.",
    FixOwner.CLIENT,
    "Send any value in the request header ngrok-skip-browser-warning (localtunnel: bypass-tunnel-reminder), and allow "
    "that header on the server. If the tunnel is down, start it again.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)
API_GATEWAY: Final = CauseEntry(
    "api-gateway-response",
    "API Gateway sent the error itself, before the integration ran",
    "The response carries x-amzn-ErrorType or an API Gateway request id, an error status, and no CORS headers.",
    FixOwner.GATEWAY,
    "Add the CORS headers to the gateway responses DEFAULT_4XX and DEFAULT_5XX (REST API), or configure CORS on the "
    "HTTP API. Then check what it refused: the route, the token, or the rate.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
)
BUCKET: Final = CauseEntry(
    "bucket-without-cors",
    "The storage bucket's CORS configuration does not cover the request",
    "An object store (Amazon S3, Google Cloud Storage, Azure Blob Storage and the like) answers without CORS headers, "
    "and no other object of the bucket has them for this page.",
    FixOwner.SERVER,
    "Add a CORS rule with this origin, method and headers to the bucket. Behind a CDN, also forward Origin to it.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
)
FUNCTION: Final = CauseEntry(
    "function-failed",
    "The function behind the platform failed or took too long, and the platform answered for it",
    "The platform says so by a header (x-vercel-error: FUNCTION_...) or in the body (Cloudflare 1101, API Gateway).",
    FixOwner.SERVER,
    "Find the error in the function's log. Catch errors in the function, and answer them with the CORS headers.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)
NO_APPLICATION: Final = CauseEntry(
    "no-application-at-host",
    "The platform has no running application under this host name",
    "The platform says so by a header (x-railway-fallback, x-render-routing: no-server) or in the body.",
    FixOwner.SERVER,
    "Deploy or start the application, at the port that the platform gives it, or correct the host in the page's code. "
    "Where it was started, its log says why it does not answer.",
    rank=Rank.RESPONDER,
    headers_help=False,
    decisive=True,
)
ACCESS_POLICY: Final = CauseEntry(
    "access-policy-refuses",
    "Envoy's access policy rejects the request before the application",
    "The body is Envoy's: RBAC, access denied.",
    FixOwner.GATEWAY,
    "In Istio: let the AuthorizationPolicy allow OPTIONS without a request principal, and set corsPolicy in the "
    "VirtualService. In Envoy: put the cors filter before rbac.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)
ENTRIES: Final = (
    *(GATEWAY_ERROR, GATEWAY_CHALLENGE, DEPLOYMENT, TUNNEL, API_GATEWAY, BUCKET),
    *(FUNCTION, NO_APPLICATION, ACCESS_POLICY),
)

# What stands between the browser and the internet, by what it alone sends.
_ASKING: Final = ("proxy-authenticate", " ", "which asks for a sign-in")
_OF_NETWORKS: Final = (("server", "zscaler", "Zscaler"), ("x-squid-error", "err_access", "Squid"), _ASKING)
_IN_NETWORK: Final = "In the browser's network"
_HAPROXY: Final = (
    "Start the server that the backend names, or repair its health check. http-after-response adds headers to "
    "HAProxy's own pages too, http-response does not."
)
_EXEMPT: Final = "Find the rule that refuses in its log, and exempt the API's paths, OPTIONS above all, from it."
_GUARDS: Final = (
    (
        Hint.SCRIPT_CHECK,
        "the body is a page that sets a cookie by script",
        "The hosting service lets browsers in only after its own page has run, and a script cannot run it",
        "At the hosting service",
        "Move the API to a service or plan without such a check: free plans have no setting that exempts an API.",
    ),
    (
        Hint.MOD_SECURITY,
        "the body says so",
        "A rule of ModSecurity rejects the request",
        "On the web server",
        "Find the rule's id in Apache's error log, and exclude it for this path (SecRuleRemoveById). At a hosting "
        "service, ask for that.",
    ),
)
_PAGES: Final = {
    "ERR_NGROK_6024": (
        "ngrok's tunnel answered with its own page, a warning for browsers",
        "In the page's code",
        "Send any value in the request header ngrok-skip-browser-warning, and allow that header on the server.",
    ),
    "ERR_NGROK_3200": (
        "The tunnel is offline",
        "On the machine that runs ngrok",
        "Start ngrok again, and compare the host name that it prints with the one in the page's code.",
    ),
    "ERR_NGROK_8012": (
        "ngrok reaches no server behind the tunnel",
        "On the machine that runs ngrok",
        "Start the server, at the port that ngrok forwards to.",
    ),
    "x-vercel-error: NOT_FOUND": (
        "Vercel has no file and no function at this path",
        "In the page's code, or in the Vercel project",
        "Correct the path in the page's code. Or check root directory, folder api/ and rewrites, then deploy.",
    ),
    "x-localtunnel-status: Tunnel Unavailable": (
        "The tunnel is offline",
        "On the machine that runs localtunnel",
        "Start localtunnel again, and compare the host name that it prints with the one in the page's code.",
    ),
    "x-localtunnel-status: Tunnel Password Required": (
        "localtunnel's tunnel answered with its own page, a warning for browsers",
        "In the page's code",
        "Send any value in the request header bypass-tunnel-reminder, and allow that header on the server.",
    ),
}
"""Pages of services that are met most, by their header line: ngrok.com/docs/errors, vercel.com/docs/errors"""
_MEANINGS: Final = {
    502: "the application is down, or broke off",
    504: "the application took longer than it waits",
    520: "the application's answer was empty or broken",
    521: "the application's server refuses the connection",
    522: "the application's server did not take the connection in time",
    523: "the application's server cannot be reached",
    524: "the application took longer than it waits",
    525: "TLS with the application's server failed",
    530: "its tunnel (cloudflared) is not connected, or the application's host name does not resolve",
    526: "the certificate of the application's server is not valid",
}
"""What a gateway says by a status, ``it`` being the gateway; those from 520 on are Cloudflare's."""

_OF_CDNS: Final = frozenset({520, 521, 522, 523, 524, 525, 526, 527, 530})

# With these hosting services say that they have no application to ask, or that it failed.
_SERVICE_ERRORS: Final = (
    ("x-vercel-error", ("function_", "edge_function_", "middleware_"), FUNCTION),
    ("x-vercel-error", ("not_found",), NO_APPLICATION),
    ("x-vercel-error", ("deployment_not_found", "deployment_deleted", "deployment_disabled"), NO_APPLICATION),
    ("x-railway-fallback", ("",), NO_APPLICATION),
    ("x-render-routing", ("no-server", "no-deploy", "suspend"), NO_APPLICATION),
    ("x-vercel-error", ("",), GATEWAY_ERROR),
    ("x-render-routing", ("",), GATEWAY_ERROR),
)


def service_page(status: int, headers: HeaderList) -> tuple[CauseEntry, str] | None:
    """Say which page of a hosting service or tunnel an answer is, and by which header line; ``None`` for none."""
    code = headers.get("ngrok-error-code")
    if code is not None:
        return TUNNEL, shown(code, 40)
    if "x-localtunnel-status" in headers:
        return TUNNEL, f"x-localtunnel-status: {shown(headers.get('x-localtunnel-status') or '', 40)}"
    if status in (302, 303, 307, 401, 403):
        if any(line.startswith("_vercel_sso_nonce=") for line in headers.get_all("Set-Cookie")):
            return DEPLOYMENT, "the cookie _vercel_sso_nonce"
        if is_private_tunnel(headers):
            return DEPLOYMENT, "WWW-Authenticate: tunnel"
    if status >= 400 and status != 413:
        for name, beginnings, entry in _SERVICE_ERRORS:
            value = headers.get(name)
            if value is not None and value.lower().startswith(beginnings):
                return entry, f"{name}: {shown(value, 60)}"
    return None


def is_private_tunnel(headers: HeaderList) -> bool:
    """Say whether a development tunnel asks for a sign-in: which port that is, is told elsewhere."""
    return (headers.get("WWW-Authenticate") or "").lower().startswith("tunnel")


def is_someone_elses(status: int, headers: HeaderList) -> bool:
    """Say whether a bot check, a tunnel or a hosting service answered: then nothing is to be read from its status."""
    return challenge_of(headers) is not None or service_page(status, headers) is not None


def is_gateways_own(status: int, headers: HeaderList) -> bool:
    """Say whether an error page is that of something in front of the application."""
    if (headers.get("Server") or "").lower().startswith("mitmproxy") or challenge_of(headers) is not None:
        return True
    if service_page(status, headers) is not None or (status in (403, 413) and refuses_itself(headers) is not None):
        return True
    if status >= 400 and ("x-amzn-errortype" in headers or "x-vercel-error" in headers):
        return True
    return status in (502, 504) or status in _OF_CDNS or (status == 503 and gateway_of(headers) is not None)


def own_pages(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response without the header that a gateway, a CDN or a store wrote."""
    if ALLOW_ORIGIN in scene.headers and not scene.is_preflight:
        return
    headers, status = scene.headers, scene.status
    said = f"{'OPTIONS' if scene.is_preflight else shown(scene.method, 20)} got {status}"
    if scene.server.lower().startswith("mitmproxy"):
        yield PROXY_PAGE.named(HIGH, f"{said} from {scene.server}: a proxy's own error page", (scene.id,))
        return
    large, waf = over_wafs_limit(scene)
    challenge = challenge_of(headers)
    if challenge is not None:
        yield GATEWAY_CHALLENGE.named(HIGH, f"{said} with {challenge}", (scene.id,))
        return
    if scene.says(Hint.ACCESS_POLICY) and status == 403:
        yield ACCESS_POLICY.named(HIGH, f"{said}, and the body says RBAC: access denied", (scene.id,))
        return
    # F5's page comes with status 200.
    if scene.says(Hint.FIREWALL) and status in (200, 403, 406, 429, 503):
        gateway = gateway_of(headers)
        by = gateway[0] if gateway is not None else "a firewall"
        how = f"{said}, and the body is the block page of {by}{large}"
        yield GATEWAY_CHALLENGE.named(HIGH, how, (scene.id,), fix=waf)
        return
    own = refuses_itself(headers)
    if status == 403 and own is not None:
        how = f"{said} with Server: {shown(scene.server, 40)}, which only {own} itself sends{large}"
        title = f"{own[:1].upper()}{own[1:]} rejects the request by a firewall or listener rule"
        yield GATEWAY_CHALLENGE.named(MEDIUM, how, (scene.id,), fix=waf or _EXEMPT, title=title)
        return
    for name, part, who in _OF_NETWORKS:
        if part in f"{headers.get(name) or ''} ".lower() and name in headers and status >= 400:
            how = f"{said} with {name}: {shown(headers.get(name) or '', 40)}"
            fix = f"Have it allow {scene.host}, or browse without it. The server was never asked."
            title = f"The network's own proxy ({who}) rejects the request"
            yield GATEWAY_CHALLENGE.named(HIGH, how, (scene.id,), title=title, where=_IN_NETWORK, fix=fix)
            return
    service = service_page(status, headers)
    if service is None and scene.says(Hint.TUNNEL_WARNING):
        service = TUNNEL, "the body of a tunnel's warning page"
    if service is not None:
        entry, line = service
        if is_private_tunnel(headers):
            return
        if (known := _PAGES.get(line)) is not None:
            title, where, advice = known
            yield entry.named(HIGH, f"{said} with {line}", (scene.id,), title=title, where=where, fix=advice)
        else:
            yield entry.named(HIGH, f"{said} with {line}", (scene.id,))
        return
    for hint, how, title, where, advice in _GUARDS:
        if scene.says(hint):
            yield GATEWAY_CHALLENGE.named(HIGH, f"{said}, and {how}", (scene.id,), title=title, where=where, fix=advice)
            return
    if status >= 400 and scene.says(Hint.NO_APPLICATION):
        yield NO_APPLICATION.named(HIGH, f"{said}, and the body says so", (scene.id,))
        return
    gateway = gateway_of(headers)
    if status >= 500 and scene.says(Hint.FUNCTION_FAILED):
        by = f" of {scene.owner.name or (gateway or [''])[0]}".removesuffix(" of ")
        limit = "API Gateway waits 29 seconds for a function, unless its quota was raised. " if status == 504 else ""
        yield FUNCTION.named(
            HIGH, f"{said}, and the body is the error page{by}", (scene.id,), fix=f"{limit}{FUNCTION.fix}"
        )
        return
    if status >= 400 and gateway is not None and gateway[0] == "API Gateway" and not is_without_api_gateway(scene):
        # What it says of itself is told apart elsewhere.
        kind = headers.get("x-amzn-ErrorType")
        named = f"x-amzn-errortype: {shown(kind, 60)}" if kind is not None else gateway[1]
        sure = kind is not None and not (kind.startswith("InternalServerError") and scene.is_preflight)
        # A preflight's 500 is that of the mock integration.
        failed = (502,) if scene.is_preflight else (500, 502)
        if kind is not None and status in failed and kind.startswith("InternalServerError"):
            yield FUNCTION.named(HIGH, f"{said} with {named}", (scene.id,))
        yield API_GATEWAY.named(HIGH if sure else MEDIUM, f"{said} with {named}{large}", (scene.id,), fix=waf)
        return
    yield from _gateway_error(scene, gateway)


def _gateway_error(scene: Scene, gateway: tuple[str, str] | None) -> Iterator[Cause]:
    status = scene.status
    if status not in (502, 503, 504) and status not in _OF_CDNS:
        return
    if gateway is not None:
        said = f"status {status} from {gateway[0]} ({gateway[1]})"
    elif status != 503:
        said = f"status {status}, which a server in front of the application sends"
    elif scene.says(Hint.HAPROXY_UNAVAILABLE):
        title = "HAProxy sent its own error page, because no server behind it is up"
        how = "status 503, and the body is HAProxy's"
        yield GATEWAY_ERROR.named(HIGH, how, (scene.id,), title=title, fix=_HAPROXY)
        return
    else:
        how = "status 503: the application is down or overloaded"
        yield GATEWAY_ERROR.named(LOW, how, (scene.id,), rank=Rank.STATUS)
        return
    retry = scene.headers.get("Retry-After")
    also = f", Retry-After: {shown(retry, 40)}" if retry is not None else ""
    sure = status in _OF_CDNS or (gateway is not None and status != 503)
    flows = (scene.id, None if scene.allowing is None else scene.allowing.flow)
    seen = "" if scene.allowing is None else f"; {name_of(scene.allowing)} has the headers"
    means = f": {_MEANINGS[status]}" if gateway is not None and status in _MEANINGS else ""
    # Headers that are there already need no adding.
    fix = _UNREACHABLE if ALLOW_ORIGIN in scene.headers else None
    yield GATEWAY_ERROR.named(HIGH if sure else MEDIUM, f"{said}{means}{also}{seen}", flows, fix=fix)
