"""Answers that the application did not write: of gateways, of CDNs, of stores, and of the proxy itself."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...fetch.headers import HeaderList
from ...traffic.exchange import Responder
from ..model import Cause, Confidence, Finding
from .entry import CauseEntry
from .scene import Scene, shown

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

GATEWAY_ERROR: Final = CauseEntry(
    "gateway-error-page",
    "A gateway or CDN answered with its own error page",
    "Status 502, 503, 504 or one that only CDNs send (52x, 530), without CORS headers.",
    FixOwner.GATEWAY,
    "Look up in the gateway's log why it did not get an answer: the application is down, too slow or unreachable. Then "
    "have the gateway add the CORS headers to its own error pages, so that scripts see the status.",
)
GATEWAY_CHALLENGE: Final = CauseEntry(
    "gateway-challenge",
    "A bot check or firewall of the CDN stands in between",
    "The response says that it is a challenge (cf-mitigated, x-amzn-waf-action) or a firewall's refusal.",
    FixOwner.GATEWAY,
    "Exempt the API's paths, and OPTIONS above all, from the challenge: scripts and preflights cannot solve one.",
)
API_GATEWAY: Final = CauseEntry(
    "api-gateway-response",
    "API Gateway answered before the integration was reached",
    "The response carries x-amzn-ErrorType or an API Gateway request id, an error status, and no CORS headers.",
    FixOwner.GATEWAY,
    "Add the CORS headers to the gateway responses DEFAULT_4XX and DEFAULT_5XX (REST API), or configure CORS on the "
    "HTTP API; then look at what it refused: the route, the token, or the rate.",
)
BUCKET: Final = CauseEntry(
    "bucket-without-cors",
    "The storage bucket's CORS configuration does not cover the request",
    "An object store answered (AmazonS3, Google Cloud Storage, Azure Blob Storage and those like them) without CORS "
    "headers.",
    FixOwner.SERVER,
    "Give the bucket a CORS rule with this origin, method and headers. Behind a CDN also forward Origin to the bucket.",
)
NOT_REACHED: Final = CauseEntry(
    "server-not-reached",
    "The server was not reached",
    "The proxy says that the connection was refused or that there is no way to the host; the browser got the proxy's "
    "own page, which has no CORS headers.",
    FixOwner.SERVER,
    "Start the server, or correct host and port of the URL that the page calls.",
)
NAME_UNKNOWN: Final = CauseEntry(
    "host-name-unknown",
    "The host's name cannot be resolved",
    "The proxy says that the name has no address.",
    FixOwner.CLIENT,
    "Correct the host in the URL that the page calls; a name that only VPN or hosts file know must be known to the "
    "machine on which the proxy runs.",
)
CERTIFICATE: Final = CauseEntry(
    "certificate-not-trusted",
    "The server's certificate is not trusted",
    "The proxy says that it could not verify the certificate.",
    FixOwner.SERVER,
    "Renew the certificate or send its intermediate ones; for a development server give mitmproxy its authority "
    "(ssl_verify_upstream_trusted_ca) or set ssl_insecure.",
)
TLS: Final = CauseEntry(
    "tls-failed",
    "The TLS connection to the server failed",
    "The proxy says that the handshake broke off, for another reason than the certificate's trust.",
    FixOwner.SERVER,
    "See whether the port speaks TLS at all: https to a plain http port fails like this, as do outdated versions.",
)
BROKEN_OFF: Final = CauseEntry(
    "connection-broken-off",
    "The server broke the connection off",
    "The proxy says that the server closed or reset the connection before it had answered.",
    FixOwner.SERVER,
    "Look up in the server's log why it gave up: a crash, a limit on the size or time of requests, or a restart.",
)
TOO_SLOW: Final = CauseEntry(
    "answer-too-slow",
    "The answer took too long",
    "The connection timed out, or broke off after a long wait.",
    FixOwner.SERVER,
    "Make the endpoint answer sooner, or let the time limits of server and gateway fit; a preflight should be answered "
    "before anything slow is asked.",
)
PROXY_PAGE: Final = CauseEntry(
    "proxy-error-page",
    "The page that the browser got is the proxy's own error page",
    "The failure happened between mitmproxy and the server; mitmproxy's page has no CORS headers, and browsers then "
    "speak of CORS.",
    FixOwner.NOBODY,
    "CORS is not what failed: see to the connection first.",
)

ENTRIES: Final = (
    *(GATEWAY_ERROR, GATEWAY_CHALLENGE, API_GATEWAY, BUCKET),
    *(NOT_REACHED, NAME_UNKNOWN, CERTIFICATE, TLS, BROKEN_OFF, TOO_SLOW, PROXY_PAGE),
)

_LONG_WAIT: Final = 10.0
_OF_CDNS: Final = frozenset({520, 521, 522, 523, 524, 525, 526, 527, 530, 529})

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
_FAILURES: Final = (
    (
        CERTIFICATE,
        re.compile(r"certificate verif|self-signed|self signed|certificate has expired|unable to get.*issuer"),
    ),
    (
        NAME_UNKNOWN,
        re.compile(
            r"name or service not known|getaddrinfo|nodename nor servname|no address associated|name resolution"
        ),
    ),
    (TOO_SLOW, re.compile(r"timed? ?out|timeout|errno 110\b|errno 60\b|winerror 10060")),
    (
        NOT_REACHED,
        re.compile(r"refused|errno 111|errno 61\b|connect call failed|cannot connect|no route|unreachable|errno 113"),
    ),
    (TLS, re.compile(r"\btls\b|\bssl\b|handshake|wrong version number")),
    (
        BROKEN_OFF,
        re.compile(
            r"server (?:broke off|reset|disconnected|closed)|reset by peer|connection reset|closed|peer|errno 104"
        ),
    ),
)


def gateway_of(headers: HeaderList) -> tuple[str, str] | None:
    """Return who passed the answer on or wrote it, and the header line that says so; ``None`` where nothing does."""
    return _told_by(headers, _BY_FIELD)


def is_gateways_own(status: int, headers: HeaderList) -> bool:
    """Say whether an error page is that of something in front of the application."""
    if (headers.get("Server") or "").lower().startswith("mitmproxy") or challenge_of(headers) is not None:
        return True
    return status in (502, 504) or status in _OF_CDNS or (status == 503 and gateway_of(headers) is not None)


def store_of(headers: HeaderList) -> tuple[str, str] | None:
    """Return which object store answered, and the header line that says so."""
    return _told_by(headers, _STORES)


def _told_by(headers: HeaderList, table: tuple[tuple[str, str, str], ...]) -> tuple[str, str] | None:
    for name, part, who in table:
        value = headers.get(name)
        if value is not None and part in value.lower():
            return who, f"{name}: {shown(value, 50)}"
    return None


def failed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a flow that failed between proxy and server."""
    exchange = scene.record.exchange
    error = exchange.error
    if error is None or exchange.responder is not Responder.PROXY:
        return
    lower = error.lower()
    known = next((entry for entry, pattern in _FAILURES if pattern.search(lower)), None)
    after = f" after {scene.seconds:.0f} s" if scene.seconds >= 1 else ""
    message = f"the proxy says: {shown(error, 160)}{after}"
    if known in (None, BROKEN_OFF) and scene.seconds >= _LONG_WAIT:
        yield TOO_SLOW.named(MEDIUM, message, (scene.id,))
    if known is not None:
        yield known.named(HIGH, message, (scene.id,))
    yield PROXY_PAGE.named(HIGH, f"mitmproxy answered in the server's place, without CORS headers: {shown(error, 160)}")


def own_pages(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For an answer without the header that a gateway, a CDN or a store wrote."""
    if ALLOW_ORIGIN in scene.headers and not scene.is_preflight:
        return
    headers, status = scene.headers, scene.status
    if (headers.get("Server") or "").lower().startswith("mitmproxy"):
        message = f"status {status} from {scene.server}: a proxy's own error page"
        yield PROXY_PAGE.named(HIGH, message, (scene.id,))
        return
    challenge = challenge_of(headers)
    if challenge is not None:
        yield GATEWAY_CHALLENGE.named(HIGH, f"status {status} with {challenge}", (scene.id,))
        return
    kind = headers.get("x-amzn-ErrorType")
    gateway = gateway_of(headers)
    if status >= 400 and gateway is not None and gateway[0] == "API Gateway":
        named = f"x-amzn-errortype: {shown(kind, 60)}" if kind is not None else gateway[1]
        confidence = HIGH if kind is not None else MEDIUM
        yield API_GATEWAY.named(confidence, f"status {status} from API Gateway itself ({named})", (scene.id,))
        return
    store = store_of(headers)
    if store is not None and not scene.is_redirect and (status < 400 or status in (400, 403, 404, 405)):
        name, line = store
        yield BUCKET.named(HIGH, f"{name} answered {status} ({line}) without CORS headers", (scene.id,))
        return
    yield from _gateway_error(scene, gateway)


def _gateway_error(scene: Scene, gateway: tuple[str, str] | None) -> Iterator[Cause]:
    status = scene.status
    if status not in (502, 503, 504) and status not in _OF_CDNS:
        return
    if gateway is not None:
        said = f"status {status} from {gateway[0]} ({gateway[1]})"
    elif status != 503:
        said = f"status {status}, which only what stands before a server sends"
    else:
        return
    retry = scene.headers.get("Retry-After")
    also = f", Retry-After: {shown(retry, 40)}" if retry is not None else ""
    sure = status in _OF_CDNS or (gateway is not None and status != 503)
    flows = (scene.id, None if scene.allowing is None else scene.allowing.flow)
    seen = "" if scene.allowing is None else "; the host's successful answers have the headers"
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
