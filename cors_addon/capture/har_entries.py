"""What an entry of a HAR tells besides request and response: who asked, from which page, and what the body says."""

from typing import Any

from ..fetch.origins import OPAQUE, serialize_origin
from ..traffic.body_hints import CODED, Hint, hints_in
from .har_headers import Seen
from .recorder import CHECKED, kind_of


def page_of(entry: dict[str, Any], referrer: str, url: str) -> str:
    """Return the origin of the page that asked another origin with CORS, empty where that is not certain."""
    if kind_of(entry) not in CHECKED:
        return ""
    page, target = serialize_origin(referrer), serialize_origin(url)
    return "" if OPAQUE in (page, target) or page == target else page


def hints_of(status: int, told: Seen, answer: dict[str, Any]) -> tuple[Hint, ...]:
    """Return what a response's body says, where its reason may be there: in errors, and in pages instead of data."""
    if status < 400 and "access-control-allow-origin" in told:
        return ()
    content = answer.get("content")
    if not isinstance(content, dict):
        return ()
    text = content.get("text")
    if not isinstance(text, str) or content.get("encoding") or (status < 400 and len(text) > CODED):
        return ()
    return hints_in(str(content.get("mimeType") or ""), text)
