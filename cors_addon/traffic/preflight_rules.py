"""How long, and for what, each browser keeps a preflight's grant (departures from the standard's cache).

Sources: what Chromium 156, Firefox 153 and WebKitGTK 2.50.6 were seen to do, and for WebKit also
``CrossOriginPreflightResultCache.cpp`` and ``validatePreflightResponse`` in ``CrossOriginAccessControl.cpp``.
"""

import re
from typing import Final

from ..fetch.headers import HeaderList, Invalid, extract_max_age
from ..fetch.preflight_cache import DEFAULT_MAX_AGE
from .classify import BrowserFamily

CAPS: Final = {BrowserFamily.CHROMIUM: 7200.0, BrowserFamily.FIREFOX: 86400.0, BrowserFamily.WEBKIT: 600.0}
"""The longest that each keeps a grant. WebKitGTK 2.50.6, told 7200, used one after 585 seconds and none after 615."""

_LONGEST_CACHED_URL: Final = 1023
_SIGNED_INTEGER: Final = re.compile(r"([+-]?)0*([0-9]{1,19})")
_INT64: Final = 1 << 63


def grant_seconds(browser: BrowserFamily | None, headers: HeaderList) -> float | None:
    """Return for how many seconds a browser keeps a grant; ``None`` where it keeps none at all.

    The standard gives five seconds where Max-Age is missing or unusable. Firefox keeps nothing where it is unusable,
    Chromium takes a negative number for zero. WebKit reads a signed integer of 64 bits: what is below zero is over at
    once, what does not fit is unusable. An unknown browser is taken for Chromium.
    """
    family = browser or BrowserFamily.CHROMIUM
    if family is BrowserFamily.WEBKIT:
        return _webkit_seconds(headers.get("Access-Control-Max-Age") or "")
    age = extract_max_age(headers)
    value = headers.max_age
    if age is None or not value:
        return DEFAULT_MAX_AGE
    if isinstance(age, Invalid):
        if family is BrowserFamily.FIREFOX:
            return None
        negative = value.startswith("-") and value[1:].isascii() and value[1:].isdigit()
        return 0.0 if family is BrowserFamily.CHROMIUM and negative else DEFAULT_MAX_AGE
    return min(float(age), CAPS[family])


def _webkit_seconds(value: str) -> float:
    read = _SIGNED_INTEGER.fullmatch(value)
    seconds = int(read[1] + read[2]) if read else _INT64
    if not -_INT64 <= seconds < _INT64:
        return DEFAULT_MAX_AGE
    return min(max(float(seconds), 0.0), CAPS[BrowserFamily.WEBKIT])


def honours_wildcard_from_cache(browser: BrowserFamily | None) -> bool:
    """Firefox asks anew each time a grant rests on ``*``; the others keep it."""
    return browser is not BrowserFamily.FIREFOX


def wildcard_covers_authorization(browser: BrowserFamily | None) -> bool:
    """WebKit's cache takes ``*`` for every header name; the others' leave Authorization out, as the standard does."""
    return browser is BrowserFamily.WEBKIT


def keeps_refused(browser: BrowserFamily | None) -> bool:
    """Say whether a browser keeps what a preflight lists although the method or a header it asked for is not listed.

    WebKit stores the entry before it looks at the outcome; status, CORS check and both lists have to be right.
    """
    return browser is BrowserFamily.WEBKIT


def overwrites(browser: BrowserFamily | None) -> bool:
    """Say whether a browser keeps the last grant for a URL alone, and not what earlier ones added up to."""
    return browser is not BrowserFamily.FIREFOX


def is_kept(browser: BrowserFamily | None, url: str) -> bool:
    """Chromium keeps no grant for a URL of 1024 characters or more."""
    return (browser or BrowserFamily.CHROMIUM) is not BrowserFamily.CHROMIUM or len(url) <= _LONGEST_CACHED_URL
