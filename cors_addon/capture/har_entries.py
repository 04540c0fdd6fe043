"""What an entry of a HAR tells besides request and response: who asked, from which page, and what the body says."""

from typing import Any, Final

from ..fetch.origins import OPAQUE, serialize_origin
from ..traffic.body_hints import CODED, Hint, hints_in
from ..traffic.testimony import CallSite

SCRIPTS: Final = ("fetch", "xhr", "eventsource")
"""Resource types of what scripts ask for."""

_MOST_STACKS: Final = 20


def isomorphic(text: str) -> str:
    """Return text with one character for each byte. Whoever wrote the HAR may have decoded Latin-1 or UTF-8."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("latin-1")
    return text


def page_of(entry: dict[str, Any], asked: list[tuple[str, str]], url: str) -> str:
    """Return the origin of the page whose script called another origin, empty where that is not certain."""
    if entry.get("_resourceType") not in SCRIPTS:
        return ""
    referrer = next((value for name, value in asked if name.lower() == "referer"), "")
    page, target = serialize_origin(referrer), serialize_origin(url)
    return "" if OPAQUE in (page, target) or page == target else page


def hints_of(status: int, answer: dict[str, Any]) -> tuple[Hint, ...]:
    content = answer.get("content")
    if not isinstance(content, dict):
        return ()
    text = content.get("text")
    if not isinstance(text, str) or content.get("encoding") or (status < 400 and len(text) > CODED):
        return ()
    return hints_in(str(content.get("mimeType") or ""), text)


def call_site_of(entry: dict[str, Any]) -> CallSite | None:
    """Return the line of a program that asked, as Chromium writes it: the innermost frame, or the element's URL."""
    told = entry.get("_initiator")
    if not isinstance(told, dict):
        return None
    stack, frame = told.get("stack"), told
    for _ in range(_MOST_STACKS):
        frames = stack.get("callFrames") if isinstance(stack, dict) else None
        if isinstance(frames, list) and frames and isinstance(frames[0], dict):
            frame = frames[0]
            break
        stack = stack.get("parent") if isinstance(stack, dict) else None
    url = frame.get("url")
    if not isinstance(url, str) or not url:
        return None
    line, column = (frame.get(key) for key in ("lineNumber", "columnNumber"))
    at = [value + 1 if isinstance(value, int) and value >= 0 else 0 for value in (line, column)]
    function = isomorphic(str(frame.get("functionName") or ""))
    return CallSite(isomorphic(url), line=at[0], column=at[1], function=function)
