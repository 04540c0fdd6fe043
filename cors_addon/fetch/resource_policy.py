"""What decides about responses that no CORS check guards: CORP, COEP, Timing-Allow-Origin and nosniff."""

from collections.abc import Callable
from enum import Enum
from typing import Final

from .headers import HeaderList, get_decode_and_split
from .origins import Origin, is_schemelessly_same_site
from .safelists import mime_essence


class EmbedderPolicy(Enum):
    """https://html.spec.whatwg.org/multipage/browsers.html#embedder-policy-value"""

    UNSAFE_NONE = "unsafe-none"
    REQUIRE_CORP = "require-corp"
    CREDENTIALLESS = "credentialless"


class ResourcePolicyBlock(Enum):
    """Which policy keeps a response from its embedder."""

    SAME_ORIGIN = "same-origin"
    SAME_SITE = "same-site"
    EMBEDDER = "same-origin, since the embedder asks for a policy and there is none"


_POLICIES: Final = frozenset({"same-origin", "same-site", "cross-origin"})

_JAVASCRIPT: Final = frozenset(
    {
        "application/ecmascript",
        "application/javascript",
        "application/x-ecmascript",
        "application/x-javascript",
        "text/ecmascript",
        "text/javascript",
        "text/javascript1.0",
        "text/javascript1.1",
        "text/javascript1.2",
        "text/javascript1.3",
        "text/javascript1.4",
        "text/javascript1.5",
        "text/jscript",
        "text/livescript",
        "text/x-ecmascript",
        "text/x-javascript",
    }
)
SCRIPT_LIKE_DESTINATIONS: Final = frozenset(
    {"audioworklet", "paintworklet", "script", "serviceworker", "sharedworker", "worker"}
)


def embedder_policy_of(headers: HeaderList) -> EmbedderPolicy:
    """Read the enforced Cross-Origin-Embedder-Policy of a document.

    https://html.spec.whatwg.org/multipage/browsers.html#obtain-an-embedder-policy
    It is a structured-header item: several lines make it invalid, and what is invalid asks for nothing.
    """
    lines = headers.get_all("Cross-Origin-Embedder-Policy")
    if len(lines) != 1:
        return EmbedderPolicy.UNSAFE_NONE
    match lines[0].partition(";")[0].rstrip(" "):
        case "require-corp":
            return EmbedderPolicy.REQUIRE_CORP
        case "credentialless":
            return EmbedderPolicy.CREDENTIALLESS
        case _:
            return EmbedderPolicy.UNSAFE_NONE


def resource_policy_block(
    page: Origin,
    resource: Origin,
    headers: HeaderList,
    embedder: EmbedderPolicy,
    includes_credentials: bool,
    registrable_domain: Callable[[str], str | None],
) -> ResourcePolicyBlock | None:
    """Run the cross-origin resource policy internal check; ``None`` is allowed.

    https://fetch.spec.whatwg.org/#cross-origin-resource-policy-internal-check
    ``resource`` is the origin of the response's own URL, not of the chain's first.
    """
    policy = headers.get("Cross-Origin-Resource-Policy")
    by_embedder = False
    if policy not in _POLICIES:
        match embedder:
            case EmbedderPolicy.UNSAFE_NONE:
                return None
            case EmbedderPolicy.REQUIRE_CORP:
                by_embedder = True
            case EmbedderPolicy.CREDENTIALLESS:
                if not includes_credentials:
                    return None
                by_embedder = True
        policy = "same-origin"
    if policy == "cross-origin" or page == resource:
        return None
    if policy == "same-origin":
        return ResourcePolicyBlock.EMBEDDER if by_embedder else ResourcePolicyBlock.SAME_ORIGIN
    secure_enough = page.scheme == "https" or resource.scheme != "https"
    if secure_enough and is_schemelessly_same_site(page, resource, registrable_domain):
        return None
    return ResourcePolicyBlock.SAME_SITE


def timing_allow_origin_check(origin: str, headers: HeaderList) -> bool:
    """https://fetch.spec.whatwg.org/#concept-tao-check for a response whose tainting is not "basic"."""
    values = get_decode_and_split(headers, "Timing-Allow-Origin") or []
    return "*" in values or origin in values


def is_blocked_by_nosniff(destination: str, headers: HeaderList) -> bool:
    """https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-nosniff"""
    options = get_decode_and_split(headers, "X-Content-Type-Options")
    if not options or options[0].lower() != "nosniff":
        return False
    essence = mime_essence(headers.get("Content-Type") or "")
    if destination in SCRIPT_LIKE_DESTINATIONS:
        return essence not in _JAVASCRIPT
    return destination == "style" and essence != "text/css"
