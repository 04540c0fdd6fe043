"""Where entries lie in a JSON text: HARs, lists of entries, Playwright traces, sessions of Charles."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from .charles import entry_of_charles, is_of_charles
from .error import CaptureError
from .json_stream import JsonWalker

_MOST_PARTS: Final = 64
_LIST: Final = object()
"""Stands before the entries of a list, which may be empty."""


@dataclass(slots=True)
class HarNotes:
    """What a HAR leaves out, and who wrote it. Each list holds the ids of the requests that it is said of."""

    creator: str = ""
    last: str = ""
    """When the last entry began, as written."""
    traceless: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    too_large: list[str] = field(default_factory=list)

    @property
    def now(self) -> float:
        """When the last entry began (Unix seconds), 0 where that cannot be read."""
        return time_of(self.last) or 0.0

    def __str__(self) -> str:
        return " ".join(
            text.format(_count(ids), ids[0])
            for ids, text in (
                (
                    self.traceless,
                    "{0} of a script failed without a saved reason (first: {1}). Browsers write the same for CORS;"
                    " record through mitmproxy to see the reason.",
                ),
                (self.blocked, "An extension or content blocker in the browser stopped {0} (first: {1})."),
                (self.too_large, "Left out for its size, more than 4 MB without bodies: {0} (first: {1})."),
            )
            if ids
        )


def time_of(written: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None


def _count(ids: list[str]) -> str:
    return "one request" if len(ids) == 1 else f"{len(ids):,} requests"


def entries(walker: JsonWalker, notes: HarNotes) -> Iterator[Any]:
    """Yield the entries of every HAR in a text, in order; raises ``CaptureError`` where there is none."""
    found = False
    while walker.peek():
        called = walker.called()
        if found and not called and walker.peek() not in ("{", "["):
            raise CaptureError("something follows after the end of the HAR")
        for entry in _of_value(walker, notes):
            found = True
            if entry is not _LIST:
                yield entry
        if called:
            for char in ");":
                if walker.peek() == char:
                    walker.take(char)
    if not found:
        raise CaptureError(
            "this is JSON and no HAR: it holds no log.entries. Export the session as HAR, or record a flow file:"
            " mitmdump -w run.mitm"
        )


def _of_value(walker: JsonWalker, notes: HarNotes) -> Iterator[Any]:
    """Yield the entries in the value that begins here, and ``_LIST`` before those of a list."""
    char = walker.peek()
    if char == "{":
        yield from _of_object(walker, notes)
    elif char == "[":
        for _ in walker.items():
            if walker.peek() == "{":
                yield from _of_object(walker, notes)
            else:
                walker.skip()
    else:
        walker.value()


def _of_object(walker: JsonWalker, notes: HarNotes) -> Iterator[Any]:
    parts: dict[str, Any] = {}
    for key in walker.members():
        char = walker.peek()
        if key == "log" and char == "{":
            yield from _of_object(walker, notes)
        elif key == "log" and char == "[":
            yield from _of_value(walker, notes)
        elif key == "entries" and char == "[":
            yield _LIST
            yield from walker.elements()
        elif len(parts) < _MOST_PARTS:
            parts[key] = value = walker.value()
            if key == "creator" and isinstance(value, dict):
                notes.creator = str(value.get("name", ""))
        else:
            walker.skip()
    if isinstance(parts.get("request"), dict):
        yield entry_of_charles(parts) if is_of_charles(parts) else parts
    elif parts.get("type") == "resource-snapshot":
        yield parts.get("snapshot")
