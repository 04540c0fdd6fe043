"""Answers that the application did not write: of gateways, of CDNs, of stores, and of the proxy itself."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...fetch.headers import HeaderList
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence, Finding
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .connections import PROXY_PAGE
from .context import Scene, name_of, shown

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

GATEWAY_ERROR: Final = CauseEntry(
    "gateway-error-page",
    "A gateway or CDN sent its own error page",
    "Status 502, 503, 504 or one that only CDNs send (52x, 530), without CORS headers.",
    FixOwner.GATEWAY,
    "Look in the gateway's log for the reason: the application is down, too slow or unreachable. Then add the CORS "
    "headers to the gateway's own error pages, so that the page can read the status.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
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
ENTRIES: Final = (GATEWAY_ERROR, GATEWAY_CHALLENGE, DEPLOYMENT, TUNNEL, API_GATEWAY, BUCKET)

_OF_CDNS: Final = frozenset({520, 521, 522, 523, 524, 525, 526, 527, 530, 529})

# With these hosting services say that they have no application to ask, or that it failed.
_SERVICE_ERRORS: Final = ("x-vercel-error", "x-railway-fallback", "x-render-routing")

# Header fields that tell who passes the answer on; the value must hold the text, where there is one.
_BY_FIELD: Final = (
    ("cf-ray", "", "Cloudflare"),
    ("x-amz-cf-id", "", "CloudFront"),
    ("x-amzn-errortype", "", "API Gateway"),
    ("x-amz-apigw-id", "", "API Gateway"),
    ("apigw-requestid", "", "API Gateway"),
    ("x-vercel-id", "", "Vercel"),
    ("x-nf-request-id", "", "Netlify"),
    ("x-azure-ref", "", "Azure Front Door"),
    ("x-fastly-request-id", "", "Fastly"),
    ("x-varnish", "", "Varnish"),
    ("x-kong-response-latency", "", "Kong"),
    ("fly-request-id", "", "Fly.io"),
    ("x-railway-fallback", "", "Railway"),
    ("x-railway-request-id", "", "Railway"),
    ("x-iinfo", "", "Imperva"),
    ("x-sucuri-id", "", "Sucuri"),
    ("x-akamai-request-id", "", "Akamai"),
    ("ngrok-error-code", "", "ngrok"),
    ("via", "cloudfront", "CloudFront"),
    ("via", "1.1 google", "Google Cloud load balancing"),
    ("via", "varnish", "Varnish"),
    ("via", "vegur", "Heroku's router"),
    ("via", "heroku-router", "Heroku's router"),
    ("via", "kong", "Kong"),
    ("server", "cloudflare", "Cloudflare"),
    ("server", "cloudfront", "CloudFront"),
    ("server", "awselb", "AWS load balancer"),
    ("server", "akamai", "Akamai"),
    ("server", "envoy", "Envoy"),
    ("server", "varnish", "Varnish"),
    ("server", "netlify", "Netlify"),
    ("server", "vercel", "Vercel"),
    ("server", "kong", "Kong"),
    ("server", "apisix", "APISIX"),
    ("server", "microsoft-azure-application-gateway", "Azure Application Gateway"),
    ("server", "bigip", "BIG-IP"),
    ("server", "big-ip", "BIG-IP"),
    ("server", "heroku", "Heroku's router"),
    ("server", "traefik", "Traefik"),
    ("server", "haproxy", "HAProxy"),
    ("server", "caddy", "Caddy"),
    ("server", "openresty", "OpenResty"),
    ("server", "nginx", "nginx"),
    ("server", "tengine", "Tengine"),
    ("server", "apache", "Apache"),
    ("server", "litespeed", "LiteSpeed"),
    ("server", "microsoft-iis", "IIS"),
)
_STORES: Final = (
    ("server", "amazons3", "Amazon S3"),
    ("server", "uploadserver", "Google Cloud Storage"),
    ("server", "windows-azure-blob", "Azure Blob Storage"),
    ("server", "minio", "MinIO"),
    ("server", "aliyunoss", "Alibaba Cloud OSS"),
    ("server", "tencent-cos", "Tencent COS"),
    ("server", "rook", "Ceph"),
    ("x-amz-id-2", "", "Amazon S3"),
    ("x-guploader-uploadid", "", "Google Cloud Storage"),
    ("x-goog-hash", "", "Google Cloud Storage"),
    ("x-ms-blob-type", "", "Azure Blob Storage"),
    ("x-oss-request-id", "", "Alibaba Cloud OSS"),
)


_Told = dict[str, list[tuple[int, str, str]]]


def _by_name(table: tuple[tuple[str, str, str], ...]) -> _Told:
    """Return a table's lines by header name, each with its place: what stands first counts."""
    told: _Told = {}
    for place, (name, part, who) in enumerate(table):
        told.setdefault(name, []).append((place, part, who))
    return told


_GATEWAYS_BY_NAME: Final = _by_name(_BY_FIELD)
_STORES_BY_NAME: Final = _by_name(_STORES)


def gateway_of(headers: HeaderList) -> tuple[str, str] | None:
    """Return who passed the answer on or wrote it, and the header line that says so; ``None`` where nothing does."""
    return _told_by(headers, _GATEWAYS_BY_NAME)


def service_page(status: int, headers: HeaderList) -> tuple[CauseEntry, str] | None:
    """Say which page of a hosting service or tunnel an answer is, and by which header line; ``None`` for none."""
    code = headers.get("ngrok-error-code")
    if code is not None:
        return TUNNEL, f"ngrok-error-code: {shown(code, 40)}"
    if status in (401, 403):
        if any(line.startswith("_vercel_sso_nonce=") for line in headers.get_all("Set-Cookie")):
            return DEPLOYMENT, "the cookie _vercel_sso_nonce"
        if is_private_tunnel(headers):
            return DEPLOYMENT, "WWW-Authenticate: tunnel"
    if status >= 400:
        for name in _SERVICE_ERRORS:
            value = headers.get(name)
            if value is not None:
                return GATEWAY_ERROR, f"{name}: {shown(value, 60)}"
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
    if service_page(status, headers) is not None:
        return True
    return status in (502, 504) or status in _OF_CDNS or (status == 503 and gateway_of(headers) is not None)


def store_of(headers: HeaderList) -> tuple[str, str] | None:
    """Return which object store answered, and the header line that says so."""
    return _told_by(headers, _STORES_BY_NAME)


def _told_by(headers: HeaderList, told: _Told) -> tuple[str, str] | None:
    found = None
    for name in headers.names():
        for place, part, who in told.get(name, ()):
            if (found is None or place < found[0]) and part in (headers.get(name) or "").lower():
                found = place, who, name
    if found is None:
        return None
    _, who, name = found
    return who, f"{name}: {shown(headers.get(name) or '', 50)}"


def own_pages(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response without the header that a gateway, a CDN or a store wrote."""
    if ALLOW_ORIGIN in scene.headers and not scene.is_preflight:
        return
    headers, status = scene.headers, scene.status
    said = f"{'OPTIONS' if scene.is_preflight else shown(scene.method, 20)} got {status}"
    if scene.server.lower().startswith("mitmproxy"):
        yield PROXY_PAGE.named(HIGH, f"{said} from {scene.server}: a proxy's own error page", (scene.id,))
        return
    challenge = challenge_of(headers)
    if challenge is not None:
        yield GATEWAY_CHALLENGE.named(HIGH, f"{said} with {challenge}", (scene.id,))
        return
    if scene.says(Hint.FIREWALL) and status in (403, 429, 503):
        gateway = gateway_of(headers)
        by = gateway[0] if gateway is not None else "a firewall"
        yield GATEWAY_CHALLENGE.named(HIGH, f"{said}, and the body is the block page of {by}", (scene.id,))
        return
    service = service_page(status, headers)
    if service is None and scene.says(Hint.TUNNEL_WARNING):
        service = TUNNEL, "the body of a tunnel's warning page"
    if service is not None:
        entry, line = service
        if is_private_tunnel(headers):
            return
        yield entry.named(HIGH, f"{said} with {line}", (scene.id,))
        return
    gateway = gateway_of(headers)
    if status >= 400 and gateway is not None and gateway[0] == "API Gateway":
        # What it says of itself is told apart elsewhere.
        kind = headers.get("x-amzn-ErrorType")
        named = f"x-amzn-errortype: {shown(kind, 60)}" if kind is not None else gateway[1]
        sure = kind is not None and not (kind.startswith("InternalServerError") and scene.is_preflight)
        yield API_GATEWAY.named(HIGH if sure else MEDIUM, f"{said} with {named}", (scene.id,))
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
    else:
        return
    retry = scene.headers.get("Retry-After")
    also = f", Retry-After: {shown(retry, 40)}" if retry is not None else ""
    sure = status in _OF_CDNS or (gateway is not None and status != 503)
    flows = (scene.id, None if scene.allowing is None else scene.allowing.flow)
    seen = "" if scene.allowing is None else f"; {name_of(scene.allowing)} has the headers"
    yield GATEWAY_ERROR.named(HIGH if sure else MEDIUM, f"{said}{also}{seen}", flows)


def challenge_of(headers: HeaderList) -> str | None:
    """Return the header line that says that a bot check or firewall answered; ``None`` without one."""
    for name, words in (
        ("cf-mitigated", ("challenge",)),
        ("x-amzn-waf-action", ("challenge", "captcha")),
        ("x-vercel-mitigated", ("challenge", "deny")),
        ("x-datadome", ("protected",)),
        ("x-sucuri-block", ("",)),
    ):
        value = headers.get(name)
        if value is not None and any(word in value.lower() for word in words):
            return f"{name}: {shown(value, 40)}"
    return None
