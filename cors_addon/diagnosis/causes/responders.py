"""Who passed an answer on or wrote it, told from header fields that only one service sends."""

from typing import Final

from ...fetch.headers import HeaderList
from .context import Scene, shown

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
    ("server", "azurite-blob", "Azure Blob Storage"),
    ("server", "minio", "MinIO"),
    ("server", "aliyunoss", "Alibaba Cloud OSS"),
    ("server", "tencent-cos", "Tencent COS"),
    ("server", "ceph object gateway", "Ceph"),
    ("x-amz-id-2", "", "Amazon S3"),
    ("x-guploader-uploadid", "", "Google Cloud Storage"),
    ("x-goog-hash", "", "Google Cloud Storage"),
    ("x-ms-blob-type", "", "Azure Blob Storage"),
    ("x-oss-request-id", "", "Alibaba Cloud OSS"),
)
# A response that the application wrote has the application's Server there.
_REFUSE_THEMSELVES: Final = (
    ("awselb", "the AWS load balancer"),
    ("akamaighost", "Akamai"),
    ("microsoft-azure-application-gateway", "Azure Application Gateway"),
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


def is_without_api_gateway(scene: Scene) -> bool:
    """Say whether AWS answers without API Gateway: function URLs and AWS's own APIs send x-amzn-ErrorType too."""
    host = scene.host
    own = host.endswith(".amazonaws.com") and ".execute-api." not in host
    return own or scene.owner.name == "AWS Lambda function URL"


def store_of(headers: HeaderList) -> tuple[str, str] | None:
    """Return which object store answered, and the header line that says so."""
    return _told_by(headers, _STORES_BY_NAME)


def refuses_itself(headers: HeaderList) -> str | None:
    """Return which gateway wrote an error: one that names itself on its own answers only."""
    server = (headers.get("Server") or "").lower()
    return next((who for begins, who in _REFUSE_THEMSELVES if server.startswith(begins)), None)


def by_spring_security(headers: HeaderList) -> bool:
    """Say whether a response has the headers that Spring Security adds to each.

    https://docs.spring.io/spring-security/reference/features/exploits/headers.html
    """
    return (
        headers.get("X-Content-Type-Options") == "nosniff"
        and headers.get("X-Frame-Options") in ("DENY", "SAMEORIGIN")
        and headers.get("Cache-Control") == "no-cache, no-store, max-age=0, must-revalidate"
        and headers.get("Expires") == "0"
    )


def challenge_of(headers: HeaderList) -> str | None:
    """Return the header line that says that a bot check or firewall answered; ``None`` without one."""
    for name, words in (
        ("cf-mitigated", ("challenge",)),
        ("x-amzn-waf-action", ("challenge", "captcha")),
        ("x-vercel-mitigated", ("challenge", "deny")),
        ("x-dd-b", ("",)),
        ("x-sucuri-block", ("",)),
        ("sg-captcha", ("challenge",)),  # SiteGround, with status 202
    ):
        value = headers.get(name)
        if value is not None and any(word in value.lower() for word in words):
            return f"{name}: {shown(value, 40)}"
    return None


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
