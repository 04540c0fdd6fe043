"""Laying out plain text: labelled paragraphs, and header lines one under the other."""

import textwrap
from collections.abc import Iterable, Iterator
from typing import Any, Final

from ..verdict.failure_details import inert

WIDTH: Final = 100
LABEL: Final = 9
_LONGEST_VALUE: Final = 600


def paragraph(label: str, text: str, width: int = WIDTH, indent: int = 0) -> Iterator[str]:
    """Yield a paragraph with its label in the margin."""
    room = max(width - LABEL - 1 - indent, 20)
    pieces = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]
    for index, piece in enumerate(pieces):
        yield f"{'':<{indent}}{label if index == 0 else '':<{LABEL}} {piece}".rstrip()


def header_lines(lines: Iterable[tuple[str, str | None]], width: int = WIDTH, indent: int = 0) -> Iterator[str]:
    """Yield header lines, the values one under the other where there is room: a difference meets the eye."""
    shown = [(inert(str(name), 80), value_of(value)) for name, value in lines]
    longest = max((len(name) for name, _ in shown), default=0)
    if any(indent + longest + 2 + len(value) > width for _, value in shown):
        longest = 0
    for name, value in shown:
        line = f"{'':<{indent}}{name + ':':<{longest + 1}} {value}"
        if len(line) <= width:
            yield line
        else:
            yield from textwrap.wrap(line, width, subsequent_indent=" " * (indent + 2), break_on_hyphens=False)


def requests_of(count: int) -> str:
    """Say how many requests."""
    return "1 request" if count == 1 else f"{count:,} requests"


def value_of(value: Any, limit: int = _LONGEST_VALUE) -> str:
    """Return a header's value as it is shown."""
    return "(not sent)" if value is None else inert(str(value), limit)
