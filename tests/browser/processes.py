"""Processes by what their command line or environment names, and by who started them, from /proc."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path


def processes_with(text: str, parent: int | None = None) -> list[int]:
    """The processes whose command line holds a text, only those that `parent` started where it is given."""
    return [
        int(place.name)
        for place in _living()
        if text in _read(place / "cmdline") and parent in (None, _parent_of(place))
    ]


def processes_in(folder: str) -> list[int]:
    """The processes that live with a folder, by their command line or environment."""
    return [
        int(place.name)
        for place in _living()
        if folder in _read(place / "cmdline") or folder in _read(place / "environ")
    ]


def children_of(parent: int) -> list[int]:
    return [int(place.name) for place in _living() if _parent_of(place) == parent]


def _living() -> Iterator[Path]:
    return Path("/proc").glob("[0-9]*")


def _read(place: Path) -> str:
    try:
        return place.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def _parent_of(place: Path) -> int | None:
    # The name of the program, in parentheses, may hold anything.
    fields = _read(place / "stat").rpartition(")")[2].split()
    return int(fields[1]) if fields else None
