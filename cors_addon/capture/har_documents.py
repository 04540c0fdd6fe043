"""Where entries lie in a JSON text: HARs, lists of entries, Playwright traces, sessions of Charles."""

from collections.abc import Iterator
from typing import Any, Final

from .charles import entry_of_charles, is_of_charles
from .error import CaptureError
from .har_notes import HarNotes
from .json_stream import JsonWalker

_MOST_PARTS: Final = 64
_LIST: Final = object()
"""Stands before the entries of a list, which may be empty."""


def is_netlog(constants: Any) -> bool:
    """Say whether an object is the head of Chrome's NetLog: it numbers its events."""
    return isinstance(constants, dict) and isinstance(constants.get("logEventTypes"), dict)


def entries(walker: JsonWalker, notes: HarNotes) -> Iterator[Any]:
    """Yield the entries of every HAR in a text, in order; raises ``CaptureError`` where there is none."""
    found = False
    while not notes.cut_short and walker.peek():
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
        elif key == "events" and char == "[" and is_netlog(parts.get("constants")):
            from .netlog import entries_of_netlog

            yield _LIST
            yield from entries_of_netlog(walker.elements(), parts["constants"], notes)
            if notes.cut_short:
                return
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
