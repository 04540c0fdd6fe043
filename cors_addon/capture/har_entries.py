"""What an entry of a HAR tells besides request and response: who asked, from which page, and what the body says."""

from typing import Any, Final

from ..fetch.messages import REDIRECT_STATUSES
from ..fetch.origins import OPAQUE, serialize_origin
from ..traffic.body_hints import CODED, Hint, hints_in, reason_hints
from ..traffic.bounded_dicts import Remembered
from .har_headers import Seen
from .recorder import CHECKED, kind_of

_KEPT: Final = 256


class Pages:
    """What earlier entries tell of the page behind one whose own headers leave out Origin."""

    def __init__(self) -> None:
        self._documents: Remembered[str, str] = Remembered(_KEPT)
        self._sources: Remembered[str, str] = Remembered(_KEPT)

    def saw(self, entry: dict[str, Any], url: str, status: int, answer: dict[str, Any]) -> None:
        """Take note of a frame's document, and of where a redirect leads."""
        frame = entry.get("_frameref")
        if isinstance(frame, str) and kind_of(entry) == "document":
            self._documents[frame] = serialize_origin(url)
        to = answer.get("redirectURL")
        if status in REDIRECT_STATUSES and isinstance(to, str) and to:
            self._sources[to] = serialize_origin(url)

    def origin_of(self, entry: dict[str, Any], referrer: str, url: str) -> str:
        """Return the Origin of a request that CORS is for, empty where that is not certain.

        A redirect from one site to another turns it into ``null``.
        """
        source = self._sources.get(url)
        if source is None and kind_of(entry) not in CHECKED:
            return ""
        page, target = serialize_origin(referrer), serialize_origin(url)
        if page == OPAQUE:
            page = self._documents.get(str(entry.get("_frameref"))) or OPAQUE
        if OPAQUE in (page, target):
            return ""
        if source is not None and source not in (page, target):
            return OPAQUE
        return "" if page == target else page


def hints_of(status: int, told: Seen, answer: dict[str, Any]) -> tuple[Hint, ...]:
    """Return what a response's body says, where its reason may be there: in errors, and in pages instead of data."""
    if status < 400 and "access-control-allow-origin" in told:
        return ()
    content = answer.get("content")
    content = content if isinstance(content, dict) else {}
    text = content.get("text")
    if not text:
        return reason_hints(status, str(answer.get("statusText") or ""))
    if not isinstance(text, str) or content.get("encoding") or (status < 400 and len(text) > CODED):
        return ()
    return hints_in(str(content.get("mimeType") or ""), text)
