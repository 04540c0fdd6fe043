"""What gives a stack away: header lines, names of cookies and of hosts; and in which layer each stack stands."""

import re
from enum import IntEnum
from typing import Final

from ...verdict.model import Confidence

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW


class Layer(IntEnum):
    """Where in the chain a stack stands, the innermost first."""

    APPLICATION = 0
    STORAGE = 1
    SERVER = 2
    GATEWAY = 3
    EDGE = 4


_LAYERS: Final = {
    Layer.APPLICATION: (
        *("express", "fastify", "koa", "nestjs", "fastapi", "flask", "django", "rails", "laravel", "spring"),
        *("aspnetcore", "go", "actix", "axum", "firebase"),
    ),
    Layer.STORAGE: ("s3", "gcs", "azureblob"),
    Layer.SERVER: ("nginx", "apache", "caddy", "iis"),
    Layer.GATEWAY: ("traefik", "haproxy", "envoy", "apigateway"),
    Layer.EDGE: ("cloudfront", "cloudflare", "vercel", "netlify"),
}
LAYER_OF: Final = {stack: layer for layer, stacks in _LAYERS.items() for stack in stacks}

NAMES: Final = {
    "express": "Express",
    "fastify": "Fastify",
    "koa": "Koa",
    "nestjs": "NestJS",
    "fastapi": "FastAPI, Starlette",
    "flask": "Flask",
    "django": "Django",
    "rails": "Rails",
    "laravel": "Laravel",
    "spring": "Spring",
    "aspnetcore": "ASP.NET Core",
    "go": "Go net/http",
    "actix": "Actix",
    "axum": "Axum",
    "firebase": "Firebase",
    "s3": "Amazon S3",
    "gcs": "Cloud Storage",
    "azureblob": "Azure Blob Storage",
    "nginx": "nginx",
    "apache": "Apache",
    "caddy": "Caddy",
    "iis": "IIS",
    "traefik": "Traefik",
    "haproxy": "HAProxy",
    "envoy": "Envoy",
    "apigateway": "API Gateway",
    "cloudfront": "CloudFront",
    "cloudflare": "Cloudflare",
    "vercel": "Vercel",
    "netlify": "Netlify",
}
"""Every stack that can be recognised, by its key, with its name for humans."""

_Rule = tuple[str, Confidence, re.Pattern[str]]


def _rules(text: str) -> dict[str, list[_Rule]]:
    """Read a table of rules, by header name: stack, confidence, and a pattern that the value begins with."""
    found: dict[str, list[_Rule]] = {}
    for line in filter(None, text.splitlines()):
        stack, confidence, name, *pattern = line.split(maxsplit=3)
        rule = (stack, Confidence(confidence), re.compile("".join(pattern), re.IGNORECASE))
        found.setdefault(name, []).append(rule)
    return found


# A header that only one stack sends by itself is high; one that others borrow, or that hides what is behind, is less.
HEADER_RULES: Final = _rules(r"""
nginx high server nginx|openresty|tengine
apache high server apache(?!-coyote)
caddy high server caddy
iis high server microsoft-iis
envoy high server envoy|istio-envoy
envoy high x-envoy-upstream-service-time
envoy medium x-envoy-decorator-operation
traefik medium server traefik
haproxy medium server haproxy
caddy medium via .*\bcaddy\b
nginx medium via .*\bnginx\b
haproxy medium x-haproxy-server-state
cloudflare high cf-ray
cloudflare high server cloudflare
cloudfront high x-amz-cf-id
cloudfront high via .*\bcloudfront\b
apigateway high x-amz-apigw-id
apigateway high apigw-requestid
apigateway low x-amzn-errortype (?:MissingAuthenticationToken|Forbidden|Unauthorized|AccessDenied|BadRequest)
s3 high server amazons3
s3 high x-amz-id-2
s3 medium x-amz-bucket-region
gcs high x-goog-generation
gcs high x-goog-stored-content-length
gcs high x-guploader-uploadid
gcs medium server uploadserver
azureblob high server (?:windows-azure|azurite)-blob
azureblob high x-ms-blob-type
firebase high function-execution-id
vercel high x-vercel-id
vercel high server vercel
netlify high x-nf-request-id
netlify high server netlify
express high x-powered-by express
nestjs medium x-powered-by nestjs
koa medium x-powered-by koa
fastapi medium server uvicorn
fastapi low server hypercorn
flask medium server werkzeug
django medium server wsgiserver
rails low x-powered-by phusion.passenger
rails low server puma|phusion.passenger|unicorn|webrick
laravel high x-powered-by laravel
spring high x-application-context
aspnetcore high server kestrel
iis medium x-powered-by asp\.net
iis medium x-aspnet-version
actix medium server actix
axum low server (?:hyper|axum)
""")

COOKIE_RULES: Final = tuple(
    (re.compile(pattern), stack, confidence)
    for pattern, stack, confidence in (
        (r"connect\.sid$", "express", MEDIUM),
        (r"koa[.:]sess", "koa", HIGH),
        (r"laravel_session$|.+_laravel_session$", "laravel", HIGH),
        (r"JSESSIONID$", "spring", LOW),
        (r"SESSION$", "spring", LOW),
        (r"csrftoken$", "django", MEDIUM),
        (r"\.AspNetCore\.", "aspnetcore", HIGH),
        (r"ASP\.NET_SessionId$", "iis", MEDIUM),
        (r"_[a-z0-9_]+_session$", "rails", MEDIUM),
        (r"__cf_bm$|cf_clearance$|__cfduid$", "cloudflare", HIGH),
    )
)

HOST_RULES: Final = tuple(
    (re.compile(rf"(?:.+\.)?(?:{pattern})\.?"), stack, confidence)
    for pattern, stack, confidence in (
        (r"(?:s3[a-z0-9.-]*)\.amazonaws\.com(?:\.cn)?", "s3", HIGH),
        (r"execute-api\.[a-z0-9-]+\.amazonaws\.com(?:\.cn)?", "apigateway", HIGH),
        (r"cloudfront\.net", "cloudfront", HIGH),
        (r"storage\.googleapis\.com|storage\.cloud\.google\.com", "gcs", HIGH),
        (r"blob\.core\.windows\.net", "azureblob", HIGH),
        (r"cloudfunctions\.net|web\.app|firebaseapp\.com", "firebase", HIGH),
        (r"workers\.dev|pages\.dev", "cloudflare", HIGH),
        (r"vercel\.app|now\.sh", "vercel", HIGH),
        (r"netlify\.app", "netlify", HIGH),
    )
)
