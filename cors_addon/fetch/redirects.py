"""HTTP-redirect fetch: what ends a chain, and when an origin becomes tainted."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .messages import Response, is_redirect_status
from .origins import has_user_info, origin_of, resolve

MOST_REDIRECTS: Final = 20


class RedirectStep(Enum):
    """The step of HTTP-redirect fetch at which a chain ends."""

    LOCATION = "Location does not parse"
    SCHEME = "Location is not http(s)"
    COUNT = "twenty redirects were followed already"
    USER_INFO = "Location includes credentials"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a redirect leads; ``failure`` says why browsers do not go there, ``None`` when they do."""

    url: str
    failure: RedirectStep | None = None


def redirect_target(url: str, response: Response) -> Target | None:
    """Resolve a redirect; ``None`` where the response is none (another status, or no Location).

    https://fetch.spec.whatwg.org/#http-redirect-fetch (steps that need no more than the response)
    """
    locations = response.headers.get_all("Location")
    if not locations or not is_redirect_status(response.status):
        return None
    # The standard takes no second line at all; browsers, Chromium and Firefox for two, take one that says the same.
    target = resolve(url, locations[0]) if len(set(locations)) == 1 else None
    if target is None:
        return Target(", ".join(locations), RedirectStep.LOCATION)
    return Target(target, None if _is_http(target) else RedirectStep.SCHEME)


def _is_http(url: str) -> bool:
    return url.startswith(("http:", "https:"))


def redirect_failure(target: str, page_origin: str, tainting_cors: bool, followed: int) -> RedirectStep | None:
    """Return what stops a CORS-mode fetch from following a redirect to ``target``, or ``None``.

    https://fetch.spec.whatwg.org/#http-redirect-fetch
    ``page_origin`` is the serialized origin of the page (not the tainted ``null``), ``followed`` counts the redirects
    before this one.
    """
    if not _is_http(target):
        return RedirectStep.SCHEME
    if followed >= MOST_REDIRECTS:
        return RedirectStep.COUNT
    if has_user_info(target):
        origin = origin_of(target)
        if tainting_cors or origin is None or origin.serialize() != page_origin:
            return RedirectStep.USER_INFO
    return None


def is_tainted_by(url: str, target: str, page_origin: str) -> bool:
    """Say whether following ``url`` to ``target`` taints the request's origin into ``null``.

    https://fetch.spec.whatwg.org/#concept-request-tainted-origin
    It does where the two differ in origin and the page is not same origin with ``url``.
    """
    here, there = origin_of(url), origin_of(target)
    if here is None or there is None:
        return True
    return here != there and here.serialize() != page_origin


def redirected_method(status: int, method: str) -> str:
    """Return the method of the next hop. https://fetch.spec.whatwg.org/#http-redirect-fetch"""
    if (status in (301, 302) and method == "POST") or (status == 303 and method not in ("GET", "HEAD")):
        return "GET"
    return method
