"""Laying out plain text: labelled paragraphs, and header lines one under the other."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..verdict.failure_details import inert

WIDTH: Final = 100
LABEL: Final = 9
_LONGEST_VALUE: Final = 600


def wrapped(label: str, text: str, width: int = WIDTH, indent: int = 0) -> Iterator[str]:
    """Yield a paragraph with its label in the margin."""
    room = max(width - LABEL - 1 - indent, 20)
    pieces = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    for index, piece in enumerate(pieces):
        yield f"{'':<{indent}}{label if index == 0 else '':<{LABEL}} {piece}"


def side_by_side(evidence: Iterable[Mapping[str, Any]], indent: int = 0) -> Iterator[str]:
    """Yield what was asked above what was answered, the values one under the other: a difference meets the eye."""
    lines = [
        ("asked" if line["side"] == "request" else "answered", inert(str(line["name"]), 80), value_of(line))
        for line in evidence
    ]
    longest = max((len(name) for _, name, _ in lines), default=0)
    for side, name, value in lines:
        yield f"{'':<{indent}}{side:<{LABEL}} {name + ':':<{longest + 1}} {value}"


def times(count: int) -> str:
    """Say how often."""
    return "once" if count == 1 else f"{count:,} times"


def value_of(line: Mapping[str, Any], limit: int = _LONGEST_VALUE) -> str:
    """Return a header line's value as it is shown."""
    return "(not sent)" if line["value"] is None else inert(str(line["value"]), limit)
