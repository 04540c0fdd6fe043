"""Conditions for what withholds a response beside CORS: resource policies, opaque response blocking, sniffing."""

from dataclasses import replace
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity, Stage
from ..fetch.headers import HeaderList
from ..fetch.resource_policy import SCRIPT_LIKE_DESTINATIONS, EmbedderPolicy, ResourcePolicyBlock
from ..fetch.safelists import mime_essence
from ..traffic.classify import BrowserFamily, Classification, Kind, browser_of
from ..traffic.exchange import Exchange
from .conditions import BOTH_MODES
from .failure_details import inert
from .model import Condition, HeaderLine

_ORB_NEVER_SNIFFED: Final = frozenset(
    {
        "application/dash+xml",
        "application/gzip",
        "application/msexcel",
        "application/mspowerpoint",
        "application/msword",
        "application/pdf",
        "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.ms-word",
        "application/x-gzip",
        "application/x-protobuf",
        "application/zip",
        "multipart/byteranges",
        "multipart/signed",
        "text/csv",
        "text/event-stream",
    }
)
CORP: Final = "Cross-Origin-Resource-Policy"
TOLD_BY_NAME: Final = {
    "net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin": ResourcePolicyBlock.SAME_ORIGIN,
    "net::ERR_BLOCKED_BY_RESPONSE.NotSameSite": ResourcePolicyBlock.SAME_SITE,
    "net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep": ResourcePolicyBlock.EMBEDDER,
}
"""Chromium's names for what a resource policy withholds, as its recorder writes them."""

_VALUES: Final = {ResourcePolicyBlock.SAME_ORIGIN: "same-origin", ResourcePolicyBlock.SAME_SITE: "same-site"}
"""What was sent, by the name of the block, where the headers were not saved."""

ORB_NAMES: Final = frozenset({"net::err_blocked_by_orb", "orb"})
BLOCKED_BY: Final = {
    ResourcePolicyBlock.SAME_ORIGIN: "corp-not-same-origin",
    ResourcePolicyBlock.SAME_SITE: "corp-not-same-site",
    ResourcePolicyBlock.EMBEDDER: "corp-coep",
}


def condition(
    name: str, params: dict[str, str], evidence: tuple[HeaderLine, ...] = (), needed: str | None = None
) -> Condition:
    # No judges: neither the standard's nor a browser's CORS outcome depends on it.
    return Condition(CATALOGUE[name], Stage.RESPONSE, BOTH_MODES, frozenset(), params, "", evidence, needed)


def typed_condition(name: str, classification: Classification, headers: HeaderList) -> Condition:
    content_type = headers.content_type
    params = {"content_type": inert(content_type or "(none)"), "destination": inert(classification.destination)}
    return condition(
        name,
        params,
        (
            HeaderLine("response", "Content-Type", None if content_type is None else inert(content_type, 2000)),
            HeaderLine("response", "X-Content-Type-Options", inert(headers.x_content_type_options or "", 2000)),
        ),
    )


def opaque_condition(exchange: Exchange, classification: Classification, headers: HeaderList) -> Condition:
    """What opaque response blocking withholds. In a HAR most are pixels of advertisers, which lose nothing."""
    found = typed_condition("orb-blocked", classification, headers)
    empty = exchange.response is not None and exchange.response.status in (204, 205)
    advice = empty or (classification.destination == "image" and exchange.source == "har")
    return replace(found, severity=Severity.ADVICE) if advice else found


def told_condition(block: ResourcePolicyBlock, classification: Classification, headers: HeaderList) -> Condition:
    """What a browser itself said that a resource policy withholds."""
    values = headers.get_all(CORP)
    lines = tuple(HeaderLine("response", CORP, inert(value, 2000)) for value in values)
    params = {
        "origin": inert(classification.page_origin or ""),
        "value": inert(values[0] if values else _VALUES.get(block, "")),
        "policy": EmbedderPolicy.REQUIRE_CORP.value,
    }
    wanted = "same-site" if classification.site == "same-site" else "cross-origin"
    # Without any line, the headers were not saved.
    evidence = lines or ((HeaderLine("response", CORP, None),) if any(True for _ in headers) else ())
    return condition(BLOCKED_BY[block], params, evidence, f"{CORP}: {wanted}")


def is_certainly_opaque_blocked(exchange: Exchange, classification: Classification, headers: HeaderList) -> bool:
    """Say whether opaque response blocking stops the response by its headers alone, and no sniffing can save it."""
    if classification.kind is not Kind.NO_CORS or classification.site not in ("cross-site", "same-site"):
        return False
    if classification.destination in ("", "empty", "document", "iframe") or exchange.response is None:
        return False
    if browser_of(exchange.request.headers.user_agent) not in (BrowserFamily.CHROMIUM, None):
        return False
    if not 200 <= exchange.response.status <= 299:
        return False
    essence = mime_essence(headers.content_type or "")
    if essence is None:
        return False
    if essence in _ORB_NEVER_SNIFFED or essence.startswith("application/vnd.openxmlformats-officedocument."):
        return True
    nosniff = (headers.x_content_type_options or "").partition(",")[0].strip().lower() == "nosniff"
    protected = essence in ("text/html", "text/plain", "text/xml", "application/xml", "application/json", "text/json")
    protected = protected or (essence.endswith(("+json", "+xml")) and essence != "image/svg+xml")
    return nosniff and protected and classification.destination not in SCRIPT_LIKE_DESTINATIONS
