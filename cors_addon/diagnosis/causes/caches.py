"""Responses that a cache kept for another request: the browser's own, or a CDN's."""

from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...fetch.checks import ALLOW_ORIGIN
from ...traffic.host_policies import Sighting, Way
from ...verdict.model import Cause, Confidence, Finding
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .responders import store_of

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

CACHED: Final = CauseEntry(
    "cached-for-another-origin",
    "A cache answered with what it stored for another request",
    "The response says that it comes from a cache and does not vary by Origin; its Access-Control-Allow-Origin is "
    "another page's, or missing as for a request without Origin.",
    FixOwner.GATEWAY,
    "Send Vary: Origin with every response of the URL, always, also where the request has no Origin. Then empty the "
    "cache.",
)
OPAQUE: Final = CauseEntry(
    "browser-cache-without-origin",
    "The browser's own cache holds a copy that was loaded without Origin, as by a plain <img>",
    "The browser answered from its cache, and the stored response has neither Access-Control-Allow-Origin nor Vary: "
    "Origin.",
    FixOwner.CLIENT,
    'Add crossorigin="anonymous" to the <img> (or other element) that loads the URL first, or fetch another URL (a '
    "query suffix such as ?cors). On the server: send Vary: Origin always, also without Origin.",
    absent=(ALLOW_ORIGIN,),
    headers_help=False,
    decisive=True,
)
NOT_MODIFIED: Final = CauseEntry(
    "headers-missing-on-not-modified",
    "The 304 has no CORS headers, and the page's own condition makes the browser check this 304",
    "The page itself set If-Modified-Since or If-None-Match, so the 304 is checked alone. Old versions of Apache strip "
    "CORS headers from a 304.",
    FixOwner.SERVER,
    "Send the CORS headers with 304 too (Apache: upgrade it, or use `Header always set`). Or drop the condition in the "
    "page's code: with fetch's cache: 'no-cache' the browser revalidates by itself.",
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)

ENTRIES: Final = (CACHED, OPAQUE, NOT_MODIFIED)

_CACHE_HEADERS: Final = (
    ("cf-cache-status", ("hit", "stale", "revalidated", "updating")),
    ("x-cache", ("hit",)),
    ("x-cache-status", ("hit", "stale", "revalidated", "updating")),
    ("x-proxy-cache", ("hit", "stale", "revalidated", "updating")),
    ("x-cache-lookup", ("hit",)),
    ("x-vercel-cache", ("hit", "stale", "prerender")),
    ("x-nextjs-cache", ("hit", "stale")),
    ("x-drupal-cache", ("hit",)),
    ("cdn-cache", ("hit",)),
    ("x-litespeed-cache", ("hit",)),
    ("cache-status", ("; hit", ";hit")),
)


_SHARED: Final = ("font", "script", "style", "image")
"""What many pages load from one URL, with Origin or without."""


def cache_hit(scene: Scene) -> str | None:
    """Return the header line that says that a cache answered; ``None`` without one."""
    for name, words in _CACHE_HEADERS:
        value = scene.headers.get(name)
        if value is not None and any(word in value.lower() for word in words) and "miss from" not in value.lower():
            return f"{name}: {shown(value, 60)}"
    age = scene.headers.get("Age")
    if age is not None and age.isascii() and age.isdigit() and age.strip("0"):
        return f"age: {age[:10]}"
    return None


def stored(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response that lacks the header, and was not made for this request."""
    if scene.is_preflight or scene.is_redirect or ALLOW_ORIGIN in scene.headers:
        return
    if scene.status == 304:
        by_page = [name for name in scene.record.asked_names if name.startswith("if-")]
        if by_page:
            how = f"{shown(scene.method, 20)} got 304; the preflight asked for {shown(', '.join(by_page), 60)}"
            yield NOT_MODIFIED.named(HIGH, f"{how}{_from(scene)}", (scene.id,))
        return
    if scene.varies & {"origin", "*"}:
        return
    if scene.record.exchange.from_cache:
        other = _other_with_headers(scene)
        more = f", while {name_of(other)} has the header" if other is not None else ""
        how = f"the browser took {shown(scene.path, 80)} from its cache, and the copy has no {ALLOW_ORIGIN}{more}"
        yield OPAQUE.named(HIGH, how, (scene.id, None if other is None else other.flow))


def for_another(scene: Scene, value: str | None) -> Iterator[Cause]:
    """For the header of another page (``value``), or a missing one, out of a cache on the way."""
    if scene.varies & {"origin", "*"} or scene.record.exchange.from_cache or (scene.is_preflight and value is None):
        return
    hit = cache_hit(scene)
    owner = next(
        (
            each
            for each in scene.at_path
            if each.answer.way is Way.ECHO
            and each.answer.is_preflight == scene.is_preflight
            and value in (None, each.answer.origin)
        ),
        None,
    )
    if hit is None:
        return
    where = f"{hit}, and no Vary: Origin"
    if owner is not None and value is None:
        how = f"{where}; {shown(owner.answer.origin)} got the header at the same path"
        yield CACHED.named(HIGH, how, (scene.id, owner.flow))
    elif owner is not None:
        how = f"{where}; {shown(value or '')} is the page of {name_of(owner)}"
        yield CACHED.named(HIGH, how, (scene.id, owner.flow))
    elif value is not None:
        yield CACHED.named(MEDIUM, f"{where}; {ALLOW_ORIGIN} names another page", (scene.id,))
    else:
        other = _other_with_headers(scene)
        if other is not None:
            how = f"{where}; {name_of(other)} of the same host has the header"
            yield CACHED.named(MEDIUM, how, (scene.id, other.flow), rank=Rank.SESSION)
        elif store_of(scene.headers) is not None:
            yield CACHED.named(LOW, f"{where}; a store sends CORS headers only to requests with Origin", (scene.id,))
        elif scene.record.classification.destination in _SHARED and scene.status == 200:
            how = f"{where}; a copy that was stored for a request without Origin may lack the header"
            yield CACHED.named(LOW, how, (scene.id,))


def _other_with_headers(scene: Scene) -> Sighting | None:
    found = (each for each in scene.of_host if each.answer.allows and each.answer.status_class == 2)
    return next((each for each in found if not each.answer.is_preflight), None)


def _from(scene: Scene) -> str:
    return f"; Server: {scene.server}" if scene.server else ""
