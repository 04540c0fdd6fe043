"""Object stores: rules of buckets, signed URLs, uploads, and what a store answers by its own rules."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...traffic.body_hints import Hint
from ...traffic.host_policies import Sighting
from ...verdict.model import Cause, Confidence, Finding
from .caches import cache_hit
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .gateways import BUCKET
from .responders import store_of

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

EXPIRED: Final = CauseEntry(
    "signed-url-expired",
    "The signed URL has expired, or its signature does not fit",
    "The URL is signed, and the store refuses it: the body names the signature or the time, or the time is over.",
    FixOwner.CLIENT,
    "Sign a new URL shortly before it is used, for exactly the method and headers that the page sends.",
    headers_help=False,
    absent=LACKS_ALLOW_ORIGIN,
    where="Where the URL is signed",
)
UPLOAD: Final = CauseEntry(
    "presigned-upload-refused",
    "The store refuses the upload, because the request differs from what was signed",
    "A PUT or POST to a signed URL got 400 or 403: a header, a checksum or the content type is not the signed one.",
    FixOwner.SERVER,
    "Sign the same method, Content-Type and headers that the page sends. With the AWS SDK for JavaScript 3.729 or "
    "later set requestChecksumCalculation: 'WHEN_REQUIRED', or the URL holds the checksum of an empty body.",
    headers_help=False,
)
RESUMABLE: Final = CauseEntry(
    "upload-session-without-origin",
    "The upload session was started without this page's Origin",
    "A PUT to a resumable upload's URL (upload_id) succeeds without CORS headers, while its preflight has them: Cloud "
    "Storage answers with the Origin of the request that started the session.",
    FixOwner.SERVER,
    "Send the page's origin when the session is started: Origin in the POST that opens the upload (client libraries: "
    "the option origin of createResumableUpload or create_resumable_upload_session).",
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    decisive=True,
)
RULE_MISSES: Final = CauseEntry(
    "bucket-rule-misses-request",
    "The bucket has a CORS rule, and it does not match this request",
    "The store refuses, and says so in the body; or another object of the bucket allows this page.",
    FixOwner.SERVER,
    "Extend the bucket's CORS rule by this origin, method and these headers; names and origins are compared exactly.",
    absent=LACKS_ALLOW_ORIGIN,
)

REGION: Final = CauseEntry(
    "bucket-in-other-region",
    "The bucket is in another region than the URL says, so S3 redirects",
    "Amazon S3 answers with 301 or 307: a preflight may not be redirected.",
    FixOwner.SERVER,
    "Give the client that makes or signs the URL the bucket's region, so that the URL names the regional endpoint. S3 "
    "redirects a new bucket's global name for some hours, too.",
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    decisive=True,
    where="Where the URL is made",
)
UNSIGNED: Final = CauseEntry(
    "signed-cookies-not-sent",
    "CloudFront asks for signed cookies or a signed URL, and the request has neither",
    "The body is CloudFront's error MissingKey.",
    FixOwner.CLIENT,
    'Send the cookies: crossorigin="use-credentials" on the element, or credentials: "include" in fetch. The responses '
    "then have to name the page in Access-Control-Allow-Origin, with Access-Control-Allow-Credentials: true. Or sign "
    "the URL.",
    rank=Rank.RESPONDER,
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    decisive=True,
)

ENTRIES: Final = (EXPIRED, UPLOAD, RESUMABLE, RULE_MISSES, REGION, UNSIGNED)

_STORES: Final = frozenset(
    {"Amazon S3", "Google Cloud Storage", "Azure Blob Storage", "Cloudflare R2", "DigitalOcean Spaces", "Backblaze B2"}
    | {"Wasabi"}
)
_SIGNED: Final = frozenset(
    {"x-amz-signature", "signature", "x-goog-signature", "sig", "x-oss-signature", "q-signature", "awsaccesskeyid"}
)


def is_signed(url: str) -> bool:
    """Say whether a URL carries a signature in its query."""
    query = url.partition("?")[2].partition("#")[0]
    return any(name.lower() in _SIGNED for name, _ in parse_qsl(query[:4_000], keep_blank_values=True))


def answered(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a store's response without Access-Control-Allow-Origin."""
    store = store_of(scene.headers)
    own = scene.owner.name if scene.owner.kind == "platform" else ""
    if own in _STORES and (store is None or store[0] != own):
        # Backblaze B2 and Wasabi, among others, send Amazon's x-amz-id-2 too.
        store = own, f"host {scene.host}"
    if store is not None and store[0] == "Amazon S3" and scene.status in (301, 307) and _to_region(scene):
        region = scene.headers.get("x-amz-bucket-region")
        how = f"{shown(scene.method, 20)} got {scene.status} from {store[0]} ({store[1]})"
        named = f"; x-amz-bucket-region is {shown(region, 30)}" if region else ""
        yield REGION.named(HIGH, how + named, (scene.id,))
        return
    if ALLOW_ORIGIN in scene.headers or scene.is_redirect:
        return
    if scene.says(Hint.UNSIGNED):
        # https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-cookies.html
        yield UNSIGNED.named(HIGH, f"{shown(scene.method, 20)} got {scene.status} with MissingKey", (scene.id,))
        return
    signed = is_signed(scene.url)
    if store is None and not signed:
        return
    who, line = store if store is not None else ("the store", "the URL is signed")
    said = f"{who} sent {scene.status} ({line})"
    if _is_resumable(scene) and _granted(scene) is not None and scene.status < 400:
        how = f"OPTIONS got the header and {shown(scene.method, 20)} got none; the URL has an upload_id"
        yield RESUMABLE.named(HIGH, how, (scene.id,))
        return
    if scene.status >= 400 and not scene.is_preflight:
        yield from _refused(scene, said, signed)
    if store is not None:
        yield from _bucket(scene, who, said)


def _refused(scene: Scene, said: str, signed: bool) -> Iterator[Cause]:
    if scene.says(Hint.EXPIRED) or _is_over(scene):
        yield EXPIRED.named(HIGH, f"{said}, and the time of the signed URL is over", (scene.id,))
    elif scene.says(Hint.CHECKSUM) or (signed and scene.method in ("PUT", "POST") and scene.status in (400, 403)):
        spoken = scene.says(Hint.CHECKSUM, Hint.SIGNATURE)
        how = f"{said} in response to {shown(scene.method, 20)}" + (
            ", and the body names the difference" if spoken else ""
        )
        if "x-amz-checksum-crc32=" in scene.url.lower() or "x-amz-sdk-checksum-algorithm=" in scene.url.lower():
            how += "; the signed URL holds a checksum"
            spoken = True
        yield UPLOAD.named(HIGH if spoken else LOW, how, (scene.id,))
    elif scene.says(Hint.SIGNATURE):
        yield EXPIRED.named(HIGH, f"{said}, and the body names the signature", (scene.id,))


def _bucket(scene: Scene, who: str, said: str) -> Iterator[Cause]:
    if not (scene.status < 400 or scene.status in (400, 403, 404, 405)) or scene.says(Hint.FIREWALL):
        return
    if scene.says(Hint.BUCKET_WITHOUT_RULE):
        yield BUCKET.named(
            HIGH, f"{said}, and the body says that the bucket has no CORS rule", (scene.id,), rank=Rank.EXCHANGE
        )
        return
    other = _allows_this_page(scene)
    if scene.says(Hint.BUCKET_RULE_MISSES) or (other is not None and scene.is_preflight):
        flows = (scene.id, None if other is None else other.flow)
        more = ", and the body says that no rule matches" if scene.says(Hint.BUCKET_RULE_MISSES) else ""
        more += f", while {name_of(other)} allows the page" if other is not None else ""
        yield RULE_MISSES.named(HIGH, f"{said} to {shown(scene.method, 20)}{more}", flows)
    elif other is None and _granted(scene) is None:
        # Stores send CORS headers only to requests with Origin, and the same for every object of a bucket.
        denied = scene.says(Hint.ACCESS_DENIED) and not scene.is_preflight
        fix = (
            f"{BUCKET.fix} Then fix the {scene.status} itself: the object is private, or is not there."
            if denied
            else None
        )
        yield BUCKET.named(MEDIUM if _cached(scene) else HIGH, f"{said} without CORS headers", (scene.id,), fix=fix)


def _granted(scene: Scene) -> object | None:
    answer = scene.preflight_response
    return answer if answer is not None and ALLOW_ORIGIN in answer.headers else None


def _allows_this_page(scene: Scene) -> Sighting | None:
    return next((each for each in scene.of_host if each.answer.allows and each.answer.origin == scene.origin), None)


def _cached(scene: Scene) -> bool:
    return scene.record.exchange.from_cache or cache_hit(scene) is not None


def _to_region(scene: Scene) -> bool:
    """Say whether a redirect is S3's own, to another endpoint: websites in buckets redirect as their owners say."""
    target = scene.headers.get("Location")
    return "s3-website" not in scene.host and (target is None or ".amazonaws.com/" in f"{target}/")


def _is_resumable(scene: Scene) -> bool:
    return re.search(r"[?&](?:upload_id|uploadType=resumable)\b", scene.url) is not None


def _is_over(scene: Scene) -> bool:
    """Say whether the time in a signed URL was over when it was used, where the URL tells it in Unix seconds."""
    expires = dict(parse_qsl(scene.url.partition("?")[2][:4_000])).get("Expires", "")
    started = scene.record.exchange.started
    return expires.isascii() and expires.isdigit() and len(expires) == 10 and started > 1e9 and int(expires) < started
