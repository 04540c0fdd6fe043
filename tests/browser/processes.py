"""Processes by what their command line names, from /proc."""

from __future__ import annotations

from pathlib import Path


def processes_with(text: str, parent: int | None = None) -> list[int]:
    """The processes whose command line holds a text, only those that `parent` started where it is given."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (place / "cmdline").read_bytes() and parent in (None, _parent_of(place)):
                found.append(int(place.name))
        except OSError:
            continue
    return found


def _parent_of(place: Path) -> int:
    # The name of the program, in parentheses, may hold anything.
    return int((place / "stat").read_text().rpartition(")")[2].split()[1])
