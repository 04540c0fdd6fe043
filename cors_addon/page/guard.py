"""Who may ask the page for what.

Any page can make the browser send requests here. What tells them from the live page's own are headers that no page can
set, ``Sec-Fetch-*`` and ``Origin`` (https://fetch.spec.whatwg.org/#forbidden-request-header). Browsers send the former
to https and to loopback only, so on a host of its own over plain http the page rests on ``Origin``, on the token that
only its own document holds, and on the browsers' keeping responses from other origins.
"""

import hmac
import secrets
from enum import Enum
from typing import Final

from ..fetch.headers import HeaderList
from .messages import Place

TOKEN_HEADER: Final = "X-Cors-Page"
TOKEN_FIELD: Final = "token"


class Purpose(Enum):
    """What is asked for: the ``DOCUMENT``, the ``DATA`` that keeps it up to date, or a ``CHANGE``."""

    DOCUMENT = "document"
    DATA = "data"
    CHANGE = "change"


class Token:
    """A secret of this process that only the page's own document carries."""

    def __init__(self) -> None:
        self.text: Final = secrets.token_urlsafe(32)

    def matches(self, given: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self.text.encode(), given.encode("utf-8", "surrogateescape"))


def refusal(headers: HeaderList, purpose: Purpose, place: Place) -> str | None:
    """Say why a request by these headers is not one of the page's own, ``None`` where it may be.

    The token of ``DATA`` and ``CHANGE`` is not looked at here.
    """
    site, mode, dest = (headers.get(f"Sec-Fetch-{name}") for name in ("Site", "Mode", "Dest"))
    origin = headers.get("Origin")
    if origin is not None and origin != place.origin:
        return "Another origin asks, and the live page answers to itself only."
    match purpose:
        case Purpose.DOCUMENT:
            if mode not in (None, "navigate") or dest not in (None, "document") or _is_fetched_over_http(headers):
                return "The live page can be opened in a tab, and not be loaded by a script, a frame or an element."
            if headers.get("Service-Worker-Navigation-Preload") is not None:
                return "A service worker asks for the live page; stop it to see the page."
            if headers.get("Sec-Purpose") is not None:
                return "The browser asks for the live page before you open it."
        case Purpose.DATA:
            if (
                site not in (None, "same-origin")
                or mode not in (None, "same-origin", "cors")
                or dest not in (None, "empty")
            ):
                return "Only the live page itself may read this."
        case Purpose.CHANGE:
            if site not in (None, "same-origin", "none"):
                return "Only the live page itself may change anything."
            if mode not in (None, "same-origin", "cors", "navigate") or dest not in (None, "empty", "document"):
                return "Only the live page itself may change anything."
    return None


def _is_fetched_over_http(headers: HeaderList) -> bool:
    """Say whether a browser that sends no ``Sec-Fetch-*`` here fetches a document that nobody navigates to.

    Every browser sends Upgrade-Insecure-Requests with navigations, and no script can send it without a preflight:
    https://www.w3.org/TR/upgrade-insecure-requests/#feature-detect
    """
    if headers.get("Sec-Fetch-Mode") is not None or headers.get("Upgrade-Insecure-Requests") is not None:
        return False
    # Browsers always send Accept, and tools that only call themselves one do not.
    return headers.get("Accept") is not None and (headers.get("User-Agent") or "").startswith("Mozilla/")
