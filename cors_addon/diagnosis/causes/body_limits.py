"""Bodies that are too large: whose limit it is, and where it is set."""

import re
from dataclasses import replace
from typing import Final

from ...catalogue.violation import FixOwner
from ...verdict.model import Cause, Confidence
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry
from .context import Scene
from .responders import gateway_of

TOO_LARGE: Final = CauseEntry(
    "body-too-large",
    "The request body is too large for the server in front of the application",
    "Status 413, or 411, without CORS headers: most often a gateway or web server limits the size.",
    FixOwner.GATEWAY,
    "Raise the limit of the body size (nginx: client_max_body_size), or send less at once. Add CORS headers to the "
    "error page.",
    absent=LACKS_ALLOW_ORIGIN,
)
ENTRIES: Final = (TOO_LARGE,)

_API_GATEWAYS_LIMIT: Final = (
    "Send less at once (API Gateway takes 10 MB, which no setting raises), or upload to S3 by a presigned URL. Add the "
    "CORS headers to DEFAULT_4XX."
)
_VERCELS_LIMIT: Final = (
    "Send less at once (a function takes 4.5 MB, which no setting raises), or upload to a store by a signed URL."
)
_LOAD_BALANCERS_LIMIT: Final = (
    "Send less at once: a Lambda function behind the load balancer takes a body of 1 MB, and one request header holds "
    "16 KB. No setting raises either. Upload large files to S3 by a presigned URL."
)
"""https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html"""
_GOOGLES_LIMIT: Final = (
    "Send less at once (Google's front end takes 32 MB for App Engine and Cloud Run, which no setting raises), or "
    "upload to Cloud Storage by a signed URL."
)
_WAFS_BODY: Final = 8192
_WAFS_PLACES: Final = ("AWS load balancer", "CloudFront", "API Gateway")
_WAFS_LIMIT: Final = (
    "Look in AWS WAF's log, if it stands there. SizeRestrictions_BODY of AWSManagedRulesCommonRuleSet blocks bodies "
    "over 8 KB: set it to Count for this path. Add the CORS headers to the error."
)
"""https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html"""
# Which program limits the size itself, by what it sends, and its setting.
_BODY_LIMITS: Final = (
    ("x-powered-by", "express", "express.json({ limit: '10mb' })"),
    ("server", "kestrel", "MaxRequestBodySize"),
    ("server", "microsoft-iis", "maxAllowedContentLength in web.config"),
)


def too_large(scene: Scene, said: str, flows: tuple[str, ...]) -> Cause:
    """Name the limit that a body exceeds, by what sent the error."""
    if (scene.headers.get("x-amzn-ErrorType") or "").startswith("RequestTooLarge"):
        how = f"{said} with x-amzn-ErrorType: RequestTooLargeException"
        return TOO_LARGE.named(
            Confidence.HIGH, how, flows, fix=_API_GATEWAYS_LIMIT, title="API Gateway takes no larger body"
        )
    if "FUNCTION_PAYLOAD_TOO_LARGE" in (scene.headers.get("x-vercel-error") or ""):
        how = f"{said} with x-vercel-error: FUNCTION_PAYLOAD_TOO_LARGE"
        title = "Vercel's functions take no larger body"
        where = "In the page's code"
        told = TOO_LARGE.named(Confidence.HIGH, how, flows, fix=_VERCELS_LIMIT, title=title, where=where)
        return replace(told, headers_help=False)
    if scene.server == "Google Frontend":
        title, where = "Google's front end takes no larger body", "In the page's code"
        told = TOO_LARGE.named(Confidence.HIGH, said, flows, fix=_GOOGLES_LIMIT, title=title, where=where)
        return replace(told, headers_help=False)
    if scene.server.lower().startswith("awselb"):
        title = "The AWS load balancer takes no larger request"
        where = "In the page's code"
        told = TOO_LARGE.named(Confidence.HIGH, said, flows, fix=_LOAD_BALANCERS_LIMIT, title=title, where=where)
        return replace(told, headers_help=False)
    sent = ((scene.headers.get(name) or "", part, setting) for name, part, setting in _BODY_LIMITS)
    limit = next((setting for value, part, setting in sent if part in value.lower()), None)
    if limit is None:
        return TOO_LARGE.named(Confidence.HIGH, said, flows)
    fix = f"Raise the limit of the body size ({limit}), or send less at once. Send the error with CORS headers."
    title = "The request body is too large for the application"
    return TOO_LARGE.named(Confidence.HIGH, said, flows, fix=fix, title=title, who=FixOwner.SERVER)


def over_wafs_limit(scene: Scene) -> tuple[str, str | None]:
    """Return what AWS WAF's rule for large bodies has to do with a refusal: a fragment of evidence, and the fix."""
    gateway, kind = gateway_of(scene.headers), scene.headers.get("x-amzn-ErrorType") or "Forbidden"
    if scene.status != 403 or gateway is None or gateway[0] not in _WAFS_PLACES or not kind.startswith("Forbidden"):
        return "", None
    length = scene.asked.get("Content-Length") or ""
    if not re.fullmatch(r"[0-9]{4,15}", length) or int(length) <= _WAFS_BODY:
        return "", None
    return f"; the request's body has {length} bytes", _WAFS_LIMIT
