"""Responses that say that nothing is at the URL."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ...catalogue.violation import FixOwner
from ...traffic.body_hints import Hint
from ...verdict.model import Cause, Confidence
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry, Rank
from .context import Scene, name_of, shown
from .redirects import DOUBLED

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

NOT_FOUND: Final = CauseEntry(
    "path-not-found",
    "The server has nothing at this URL",
    "Status 404 or 410 without CORS headers: for the preflight as well as for the request, at a host whose other "
    "responses have the headers, or at a path such as /undefined/login.",
    FixOwner.CLIENT,
    "Correct the URL in the page's code: its base path, version or spelling.",
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
)

_FIRESTORE: Final = "/google.firestore.v1.Firestore/"
_NO_DATABASE: Final = (
    "Create the database under Firestore Database (Native mode), or correct projectId and the database's name in the "
    "page's configuration."
)
_FILES: Final = ("font", "script", "style", "image", "audio", "video", "track")
_THE_FILE: Final = "Correct the URL, or put the file there: no header helps where nothing is."
_OR_SHARE_IT: Final = (
    "Correct the URL, or create what it names. To let the page read the 404, send the CORS headers with errors too."
)
_UNSET: Final = frozenset({"undefined", "null", "nan", "[object object]", "%5bobject%20object%5d"})
_WHOLE_URL: Final = re.compile(r"/https?:/{1,2}([^/?#]+)", re.ASCII | re.IGNORECASE)


def nothing_there(scene: Scene, said: str, known: str, flows: tuple[str, ...]) -> Iterator[Cause]:
    """For a 404 or 410 without CORS headers; ``known`` says what shows that the host can do better."""
    lost = next((each for each in scene.at_path if each.answer.is_preflight and each.answer.status == 404), None)
    if lost is not None:
        yield NOT_FOUND.named(HIGH, f"{said}, as {name_of(lost)} did", (scene.id, lost.flow))
    elif _FIRESTORE in scene.path:
        title = "The Firebase project has no Firestore database of this name"
        yield NOT_FOUND.named(MEDIUM, said, flows, title=title, fix=_NO_DATABASE, where="In the Firebase console")
    elif scene.says(Hint.NO_ROUTE):
        yield NOT_FOUND.named(MEDIUM, f"{said}, and the body says that there is no such route", flows)
    elif wrong := tuple(wrongly_joined(scene, said, flows)):
        yield from wrong
    elif known:
        yield NOT_FOUND.named(MEDIUM, f"{said}{known}", flows, rank=Rank.SESSION)
    elif scene.record.classification.destination in _FILES:
        yield NOT_FOUND.named(MEDIUM, f"{said}, and the page loads a file from it", flows, fix=_THE_FILE)
    else:
        told = NOT_FOUND.named(LOW, said, flows, rank=Rank.STATUS, fix=_OR_SHARE_IT)
        yield replace(told, headers_help=True)


def wrongly_joined(scene: Scene, said: str, flows: tuple[str, ...]) -> Iterator[Cause]:
    """For a path that shows that the page's code put it together from the wrong parts."""
    how = f"{said}, and the path is {shown(scene.path, 80)}"
    within = _WHOLE_URL.search(scene.path)
    first, *others = scene.path.lower().split("/")[1:] or [""]
    if within is not None:
        # The path of a proxy that takes the URL to call so names another host.
        if within[1].lower() == scene.host:
            fix = "Join base URL and path once: the path given is a whole URL already."
            yield NOT_FOUND.named(HIGH, how, flows, title="The URL has the server's address twice", fix=fix)
    elif first in _UNSET or (not scene.is_preflight and not _UNSET.isdisjoint(others)):
        # The preflight of a route with an id gets the same answer whatever the id.
        fix = "Set the variable that the URL is made from; environment variables are read when the page is built."
        yield NOT_FOUND.named(MEDIUM, how, flows, title="The URL is made from a variable without a value", fix=fix)
    elif "//" in scene.path:
        yield DOUBLED.named(MEDIUM, how, flows)
