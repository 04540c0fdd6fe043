"""What decides about responses that no CORS check guards: CORP, COEP, Timing-Allow-Origin and nosniff."""

import re
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
# An item of https://www.rfc-editor.org/rfc/rfc9651#section-3.3 whose value is a token, and its parameters.
_TOKEN: Final = r"[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*+"
_BARE_ITEM: Final = (
    rf"{_TOKEN}|-?[0-9]{{1,12}}\.[0-9]{{1,3}}|-?[0-9]{{1,15}}|@-?[0-9]{{1,15}}|\?[01]"
    r'|"(?:[ !#-\[\]-~]|\\["\\])*+"|:[A-Za-z0-9+/=]*+:|%"(?:[ !#-$&-~]|%[0-9a-f]{2})*+"'
)
_TOKEN_ITEM: Final = re.compile(
    rf"({_TOKEN})(?:; *+[a-z*][a-z0-9_\-.*]*+(?:=(?:{_BARE_ITEM}))?)*+ *+",
)

SCRIPT_LIKE_DESTINATIONS: Final = frozenset(
    {"audioworklet", "paintworklet", "script", "serviceworker", "sharedworker", "worker"}
)


def embedder_policy_of(headers: HeaderList) -> EmbedderPolicy:
    """Read the enforced Cross-Origin-Embedder-Policy of a document.

    https://html.spec.whatwg.org/multipage/browsers.html#obtain-an-embedder-policy
    It is a structured field, an item: several lines make it invalid, and what is invalid asks for nothing. Documents
    outside secure contexts have no policy, whatever the header says; that is the caller's to know.
    """
    match = _TOKEN_ITEM.fullmatch(headers.cross_origin_embedder_policy or "")
    match match and match[1]:
        case "require-corp":
            return EmbedderPolicy.REQUIRE_CORP
        case "credentialless":
            return EmbedderPolicy.CREDENTIALLESS
        case _:
            return EmbedderPolicy.UNSAFE_NONE


def resource_policy_block(
    page: Origin | None,
    resource: Origin,
    headers: HeaderList,
    embedder: EmbedderPolicy,
    includes_credentials: bool,
    registrable_domain: Callable[[str], str | None],
) -> ResourcePolicyBlock | None:
    """Run the cross-origin resource policy internal check; ``None`` is allowed.

    https://fetch.spec.whatwg.org/#cross-origin-resource-policy-internal-check
    ``page`` is the embedder's origin, ``None`` where that is opaque; ``resource`` is the origin of the response's own
    URL, not of the chain's first.
    """
    policy = headers.cross_origin_resource_policy
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
    if page is None:
        return ResourcePolicyBlock.SAME_SITE
    secure_enough = page.scheme == "https" or resource.scheme != "https"
    if secure_enough and is_schemelessly_same_site(page, resource, registrable_domain):
        return None
    return ResourcePolicyBlock.SAME_SITE


def timing_allow_origin_check(origin: str, headers: HeaderList) -> bool:
    """https://fetch.spec.whatwg.org/#concept-tao-check for a response whose tainting is not "basic"."""
    values = get_decode_and_split(headers, "Timing-Allow-Origin") or []
    return "*" in values or origin in values


def extract_mime_essence(headers: HeaderList) -> str | None:
    """Extract the essence of a response's MIME type: of several values, the last one that parses counts.

    https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
    """
    essences = map(mime_essence, get_decode_and_split(headers, "Content-Type") or [])
    return next((essence for essence in reversed([*essences]) if essence not in (None, "*/*")), None)


def is_blocked_by_nosniff(destination: str, headers: HeaderList) -> bool:
    """https://fetch.spec.whatwg.org/#should-response-to-request-be-blocked-due-to-nosniff"""
    options = get_decode_and_split(headers, "X-Content-Type-Options")
    if not options or options[0].lower() != "nosniff":
        return False
    essence = extract_mime_essence(headers)
    if destination in SCRIPT_LIKE_DESTINATIONS:
        return essence not in _JAVASCRIPT
    return destination == "style" and essence != "text/css"
