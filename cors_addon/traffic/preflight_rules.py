"""How long, and for what, each browser keeps a preflight's grant (departures from the standard's cache)."""

from typing import Final

from ..fetch.headers import HeaderList, Invalid, extract_max_age
from ..fetch.preflight_cache import DEFAULT_MAX_AGE
from .classify import BrowserFamily

CAPS: Final = {BrowserFamily.CHROMIUM: 7200.0, BrowserFamily.FIREFOX: 86400.0, BrowserFamily.WEBKIT: 600.0}

_LONGEST_CACHED_URL: Final = 1023


def grant_seconds(browser: BrowserFamily | None, headers: HeaderList) -> float | None:
    """Return for how many seconds a browser keeps a grant; ``None`` where it keeps none at all.

    The standard gives five seconds where Max-Age is missing or unusable. Firefox keeps nothing where it is unusable,
    Chromium takes a negative number for zero. An unknown browser is taken for Chromium.
    """
    family = browser or BrowserFamily.CHROMIUM
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


def honours_wildcard_from_cache(browser: BrowserFamily | None) -> bool:
    """Firefox asks anew each time a grant rests on ``*``; the others keep it."""
    return browser is not BrowserFamily.FIREFOX


def overwrites(browser: BrowserFamily | None) -> bool:
    """Say whether a browser keeps the last grant for a URL alone, and not what earlier ones added up to."""
    return browser is not BrowserFamily.FIREFOX


def is_kept(browser: BrowserFamily | None, url: str) -> bool:
    """Chromium keeps no grant for a URL of 1024 characters or more."""
    return (browser or BrowserFamily.CHROMIUM) is not BrowserFamily.CHROMIUM or len(url) <= _LONGEST_CACHED_URL
