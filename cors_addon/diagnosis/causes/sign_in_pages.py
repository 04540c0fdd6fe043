"""A script's request for a page at which people sign in: it belongs into a tab."""

import re
from collections.abc import Iterator
from typing import Final
from urllib.parse import parse_qsl

from ...catalogue.violation import FixOwner
from ...fetch.origins import serialize_origin
from ...fetch.redirects import redirect_target
from ...verdict.failure_details import without_user_info
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry
from .context import Scene, name_of, shown
from .navigations import framework_of

HIGH = Confidence.HIGH

AUTHORIZE: Final = CauseEntry(
    "sign-in-page-fetched",
    "A script requests the sign-in page, which a browser has to navigate to",
    "A script's request for an authorization endpoint (client_id with response_type or redirect_uri), or for the URL "
    "that redirects there and to which people are sent back.",
    FixOwner.CLIENT,
    "Go there instead of requesting it: window.location.assign(url), or a popup. Only the token endpoint is for "
    "scripts.",
    headers_help=False,
    decisive=True,
)

ENTRIES: Final = (AUTHORIZE,)

_AUTHORIZATION: Final = re.compile(
    r"\w+://[^/?#]+/(?:[^?]*/)?(?:auth|authorize|authorization|dialog/oauth)"
    r"\?(?=[^#]*\bclient_id=)(?=[^#]*\b(?:response_type|redirect_uri)=)"
)
_BEGINNING: Final = re.compile(r"/(?:log-?in|sign-?in|log-?on|authorize|authorization)(?:/[\w-]+)?$", re.IGNORECASE)
_PATH: Final = re.compile(r"\w+://[^/?#]*(/[^?#]{0,400})")
_BELOW: Final = re.compile(r"/[\w-]+/?")


def signs_in(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a script's request for a page at which people sign in, or for the URL at which signing in begins."""
    first = scene.hops[0] if scene.hops else scene.record
    response = first.exchange.response
    if response is None or (first is scene.record and scene.is_preflight):
        return
    if first is scene.record and _AUTHORIZATION.match(scene.url):
        how = f"{name_of(first)} at {scene.host} has client_id, and got {scene.status}"
        yield AUTHORIZE.named(HIGH, how, (scene.id,))
        return
    url = first.exchange.request.url
    target = redirect_target(url, response)
    if target is None or target.failure is not None or not _AUTHORIZATION.match(target.url):
        return
    parameters = dict(parse_qsl(target.url.partition("?")[2][:4_000]))
    back = parameters.get("redirect_uri", "").partition("?")[0]
    if framework_of(first.exchange.request) is not None or not _begins_at(url, back):
        return
    to = shown(target.url.partition("?")[0], 120)
    how = f"{name_of(first)} got {response.status} to {to}, which sends people back to {shown(back, 120)}"
    place = shown(without_user_info(url), 120)
    fix = f"Go there instead of requesting it: window.location.assign('{place}'), or a plain link."
    yield AUTHORIZE.named(HIGH, how, (first.id, scene.id), fix=fix)


def _begins_at(url: str, back: str) -> bool:
    """Say whether signing in begins at a URL: people come back to right below it, or its path says so."""
    if serialize_origin(back) != serialize_origin(url):
        return False
    path, here = (_PATH.match(each) for each in (url, back))
    if path is None or here is None:
        return False
    begins, below = path[1].rstrip("/"), here[1]
    if begins.count("/") >= 2 and below.startswith(begins) and _BELOW.fullmatch(below[len(begins) :]):
        return True
    return _BEGINNING.search(begins) is not None
