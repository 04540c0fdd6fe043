"""What a browser's own recorder wrote of an outcome: the testimony in a HAR's entry.

Chrome and Playwright write ``_error``, ``_initiator``, ``_resourceType``; proxies write none of these, and what they
saw says nothing of the page.
"""

from collections.abc import Iterator
from typing import Any, Final

from ..fetch.messages import CredentialsMode
from ..traffic.testimony import CallSite, Testimony, Told

SCRIPTS: Final = frozenset({"fetch", "xhr", "eventsource"})
CHECKED: Final = SCRIPTS | {"font", "media", "ping", "texttrack"}
"""Types of what fails with ``REFUSED`` for CORS, mostly: ``ping`` is a beacon, which may need a preflight."""

REFUSED: Final = "net::ERR_FAILED"
WITHHELD: Final = "net::ERR_BLOCKED_BY_RESPONSE"
BLOCKED_BY_CLIENT: Final = "net::ERR_BLOCKED_BY_CLIENT"
_ABORTED: Final = frozenset({"net::ERR_ABORTED", "NS_BINDING_ABORTED", "NS_ERROR_ABORT", "cancelled", "Cancelled"})
_EXTENSIONS: Final = ("chrome-extension://", "moz-extension://", "safari-web-extension://")
_OF_PAGES: Final = ("http://", "https://", "webpack", "file:")
_BROWSERS: Final = frozenset({"firefox", "webinspector", "webkit web inspector", "playwright"})
_CREDENTIALS: Final = {"True": CredentialsMode.INCLUDE, "False": CredentialsMode.NOT_INCLUDE}
_MOST_FRAMES: Final = 100


def error_of(entry: dict[str, Any], answer: dict[str, Any]) -> str:
    """Return the name of what went wrong, empty where nothing is told."""
    if entry.get("_wasAborted"):
        return "net::ERR_ABORTED"
    for text in (answer.get("_error"), answer.get("_failureText"), entry.get("_error")):
        if isinstance(text, str) and text:
            return text
    return ""


def kind_of(entry: dict[str, Any]) -> str:
    """Return DevTools' type of a resource in lower case, empty where it is not told."""
    kind = entry.get("_resourceType")
    return kind.lower() if isinstance(kind, str) else ""


def is_aborted(error: str) -> bool:
    """Say whether a name says that page, user or navigation gave the request up."""
    return error in _ABORTED


def testimony_of(
    entry: dict[str, Any], answer: dict[str, Any], status: int, error: str, creator: str, crosses: bool
) -> Testimony | None:
    """Return what the recorder says of an entry, ``None`` where it is no browser's or says nothing.

    ``crosses`` says that the request went to another origin, so that CORS may have refused it.
    """
    kind = kind_of(entry)
    if not kind and "_initiator" not in entry and creator.lower() not in _BROWSERS:
        return None
    outcome, certain = _outcome(entry, answer, status, error, kind, crosses)
    refused = entry.get("_corsError")
    if isinstance(refused, str):
        # A NetLog names the reason.
        outcome, certain, error = Told.CORS, True, refused
    initiator = entry.get("_initiator")
    made_by, site = ("", None) if not isinstance(initiator, dict) else _initiator(initiator)
    credentials = _credentials(entry, kind)
    if outcome is None and site is None and not made_by and credentials is None:
        return None
    browser = f"the recorder ({creator})" if creator else "the recorder"
    return Testimony(
        browser=browser,
        outcome=outcome,
        error=error or None,
        credentials=credentials,
        call_site=site,
        initiator=made_by,
        from_cache=bool(entry.get("_fromCache")),
        certain=certain,
    )


def _credentials(entry: dict[str, Any], kind: str) -> CredentialsMode | None:
    if kind == "ping":
        # Beacons and <a ping> include them, and nothing can switch that off.
        return CredentialsMode.INCLUDE
    return _CREDENTIALS.get(str(entry.get("_credentials"))) if kind != "preflight" else None


def _outcome(
    entry: dict[str, Any], answer: dict[str, Any], status: int, error: str, kind: str, crosses: bool
) -> tuple[Told | None, bool]:
    if is_aborted(error):
        return Told.ABORTED, True
    if error == REFUSED:
        # The same name stands for what an extension or a test refuses.
        return (Told.CORS if crosses else Told.FAILED), False
    if error:
        return Told.FAILED, True
    # Chrome writes the error of every entry, null where there is none; Playwright has no status where there is one.
    # Where a recorder writes no errors, a body may be one that the page never got.
    if status <= 0 or kind == "preflight" or not ("_error" in answer or "_monotonicTime" in entry):
        return None, True
    if kind in SCRIPTS and status >= 200:
        return Told.PASSED, True
    if kind == "ping":
        # Nobody reads the answer to a beacon: it is delivered where nothing failed.
        return Told.PASSED, False
    content = answer.get("content")
    size = content.get("size") if isinstance(content, dict) else None
    return (Told.PASSED, False) if isinstance(size, (int, float)) and size > 0 else (None, True)


def _initiator(initiator: dict[str, Any]) -> tuple[str, CallSite | None]:
    kind = str(initiator.get("type") or "")
    site = None
    for place, frame in enumerate(_frames(initiator.get("stack"))):
        if place == 0 and frame["url"].startswith(_EXTENSIONS):
            kind = "extension"
        if frame["url"].startswith(_OF_PAGES):
            line, column = _from_one(frame.get("lineNumber")), _from_one(frame.get("columnNumber"))
            site = CallSite(frame["url"], line, column, str(frame.get("functionName") or ""))
            break
    if site is None and kind not in ("preflight", "extension") and isinstance(initiator.get("url"), str):
        site = CallSite(initiator["url"], _from_one(initiator.get("lineNumber")))
    return kind, site


def _frames(stack: Any) -> Iterator[dict[str, Any]]:
    """Yield the frames that name a URL, the innermost first."""
    left = _MOST_FRAMES
    while isinstance(stack, dict) and left > 0:
        frames = stack.get("callFrames")
        for frame in frames[:left] if isinstance(frames, list) else ():
            left -= 1
            if isinstance(frame, dict) and isinstance(frame.get("url"), str) and frame["url"]:
                yield frame
        left -= 1
        stack = stack.get("parent")


def _from_one(number: Any) -> int:
    return number + 1 if isinstance(number, int) and 0 <= number < 1 << 31 else 0
