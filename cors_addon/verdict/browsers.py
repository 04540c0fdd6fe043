"""The judges: their order of checks, their names for failures, and where they depart from the standard.

An order is a list of violation ids, first met first; what is not in it comes last. Sources: the Fetch Standard, each
engine's own code, and what Chromium 156, Firefox 153 and WebKitGTK 2.50.6 were seen to do. WebKit's checks are Safari's
too; network stack, cookies and tracking prevention are not, so nothing here rests on them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Stage
from ..fetch.checks import ALLOW_ORIGIN
from ..fetch.headers import HeaderList
from ..fetch.messages import CredentialsMode
from ..traffic.classify import BrowserFamily
from ..traffic.exchange import Exchange, Responder
from .model import Condition, Judge

ALL_JUDGES: Final = frozenset(Judge)
JUDGE_OF: Final = {
    BrowserFamily.CHROMIUM: Judge.CHROMIUM,
    BrowserFamily.FIREFOX: Judge.FIREFOX,
    BrowserFamily.WEBKIT: Judge.WEBKIT,
}

ACCESS: Final = (
    "allow-origin-multiple",
    "allow-origin-missing",
    "allow-origin-wildcard-with-credentials",
    "allow-origin-invalid",
    "allow-origin-mismatch",
    "allow-credentials-not-true",
)
"""The ids of what a CORS check finds (https://fetch.spec.whatwg.org/#concept-cors-check)."""

_METHOD: Final = ("method-not-allowed", "method-wildcard-with-credentials")
_HEADERS: Final = ("header-not-allowed", "header-wildcard-with-credentials", "authorization-covered-by-wildcard")
_AFTER_REDIRECT: Final = (
    *("redirect-scheme", "redirect-too-many", "redirect-url-credentials", "mode-same-origin", "redirect-mixed-content"),
)

_ORDERS: Final[dict[Judge, Sequence[str]]] = {
    Judge.SPEC: (
        "network-error",
        "blocked-response-not-saved",
        *ACCESS,
        "preflight-redirect",
        "preflight-status-not-ok",
        "allow-methods-invalid",
        "allow-headers-invalid",
        *_METHOD,
        *_HEADERS,
        *_AFTER_REDIRECT,
    ),
    # The network stack reports a redirect before anyone looks at a header of it.
    Judge.CHROMIUM: (
        "preflight-redirect",
        "network-error",
        "blocked-response-not-saved",
        *ACCESS,
        "preflight-status-not-ok",
        "allow-methods-invalid",
        "allow-headers-invalid",
        *_METHOD,
        *_HEADERS,
        *_AFTER_REDIRECT,
    ),
    # Parses and matches each list in one pass: methods are done with before the header list is looked at.
    Judge.FIREFOX: (
        "network-error",
        "blocked-response-not-saved",
        *ACCESS,
        "preflight-redirect",
        "preflight-status-not-ok",
        "allow-methods-invalid",
        *_METHOD,
        "allow-headers-invalid",
        *_HEADERS,
        *_AFTER_REDIRECT,
    ),
    # Asks for the status before anything else.
    Judge.WEBKIT: (
        "network-error",
        "blocked-response-not-saved",
        "preflight-redirect",
        "preflight-status-not-ok",
        *ACCESS,
        "allow-methods-invalid",
        "allow-headers-invalid",
        *_METHOD,
        *_HEADERS,
        *_AFTER_REDIRECT,
    ),
}
_RANKS: Final = {judge: {name: rank for rank, name in enumerate(order)} for judge, order in _ORDERS.items()}


def rank(judge: Judge, condition: Condition) -> int:
    """Return the place of a condition in a judge's order."""
    return _RANKS[judge].get(condition.violation.id, 99)


def first_failure(judge: Judge, mode: CredentialsMode, conditions: Iterable[Condition]) -> Condition | None:
    """Return what a judge meets first under a credentials mode, or ``None`` where it lets the response through."""
    failing = [c for c in conditions if judge in c.judges and mode in c.modes]
    return min(failing, key=lambda condition: rank(judge, condition)) if failing else None


def headers_as_seen(judge: Judge, exchange: Exchange) -> HeaderList:
    """Return the response's headers as a judge sees them.

    Firefox joins repeated lines as they arrive, and an empty one beside another adds nothing.
    """
    assert exchange.response is not None
    headers = exchange.response.headers
    if judge is not Judge.FIREFOX:
        return headers
    empty = {name.lower() for name, value in headers if not value.strip(" \t")}
    filled = {name for name in empty if any(headers.get_all(name))}
    if not filled:
        return headers
    return HeaderList((name, value) for name, value in headers if value.strip(" \t") or name.lower() not in filled)


def counts_lines(judge: Judge, exchange: Exchange) -> bool:
    """Say whether a judge refuses a response for its several Access-Control-Allow-Origin lines, whatever they hold.

    Firefox does, and counts those only that spell the name in exactly this way. Over HTTP/2 none does: whatever the
    server wrote to the proxy, names reach the browser in lower case.
    """
    if judge is not Judge.FIREFOX or exchange.response is None:
        return False
    if exchange.http_version.startswith(("HTTP/2", "HTTP/3")):
        return False
    return sum(name == ALLOW_ORIGIN for name, _ in exchange.response.headers) > 1


def error_name(judge: Judge, condition: Condition, exchange: Exchange) -> str | None:
    """Return a judge's own name for a failure, or ``None`` where it has none."""
    violation = condition.violation
    if violation.id == "network-error" and exchange.response is None and exchange.responder is not Responder.NOBODY:
        # What the browser gets is the proxy's page, and that has no CORS headers.
        preflight = condition.stage is Stage.PREFLIGHT
        missing = CATALOGUE[
            "preflight-status-not-ok" if preflight and judge is Judge.WEBKIT else "allow-origin-missing"
        ]
        return error_name(judge, replace(condition, violation=missing), exchange)
    if judge is Judge.CHROMIUM and violation.chromium is not None:
        prefixed = violation.preflight_prefix and condition.stage is Stage.PREFLIGHT
        return f"Preflight{violation.chromium}" if prefixed else violation.chromium
    if judge is Judge.FIREFOX:
        if violation.id == "allow-origin-multiple":
            many = counts_lines(judge, exchange)
            return "CORSMultipleAllowOriginNotAllowed" if many else "CORSAllowOriginNotMatchingOrigin"
        return violation.firefox
    return violation.webkit if judge is Judge.WEBKIT else None
