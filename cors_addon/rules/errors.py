"""What is wrong with a rule file, where, why, and what to write instead.

Everything that a problem quotes comes from a file that somebody else may have written: rendering shows each character
that is not printable as an escape, so no problem can move a cursor, reverse a line or break one.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

_WIDEST_EXCERPT: Final = 100
_LONGEST_QUOTE: Final = 80


class Level(Enum):
    """An error keeps the file from being used; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A stretch of the file: lines and columns from 1, columns in characters, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


START: Final = Span(1, 1, 1, 1)


@dataclass(frozen=True, slots=True)
class Related:
    """A second place that has to do with the problem, and what it has to do with it."""

    span: Span
    label: str
    source: str


@dataclass(frozen=True, slots=True)
class RuleFileProblem:
    """One thing that is wrong with a rule file.

    ``code`` is stable and kebab-case. ``message`` says what is wrong, ``why`` what follows from it, ``help`` what to
    write instead (lines after the first are text to copy). ``path`` is the place in the document
    (``rules[1].hosts[0]``, empty for the file itself), ``span`` the place in the text, ``source`` the line that it
    begins on.
    """

    code: str
    level: Level
    message: str
    why: str
    help: str
    path: str
    span: Span
    source: str
    related: tuple[Related, ...] = field(default=())

    def render(self, file: str) -> str:
        """Return the problem as several lines of text, without a final line break."""
        head = (
            f"{inert(file)}:{self.span.line}:{self.span.column}: {self.level.value}[{self.code}]: {inert(self.message)}"
        )
        numbers = [self.span.line, *(r.span.line for r in self.related)]
        gutter = len(str(max(numbers)))
        lines = [head, *(excerpt(self.source, self.span, gutter) if self.source else ())]
        for other in self.related:
            lines += excerpt(other.source, other.span, gutter, other.label)
        pad = " " * gutter
        for title, text in (("why", self.why), ("help", self.help)):
            first, *more = text.split("\n")
            lines.append(f"{pad} {title + ':':<5} {inert(first)}")
            lines += [f"{pad}       {inert(line)}" for line in more]
        return "\n".join(lines)

    def as_data(self) -> dict[str, object]:
        """Return the problem as plain data."""
        return {
            "code": self.code,
            "level": self.level.value,
            "message": self.message,
            "why": self.why,
            "help": self.help,
            "path": self.path,
            "line": self.span.line,
            "column": self.span.column,
        }


def has_errors(problems: Iterable[RuleFileProblem]) -> bool:
    """Say whether a file with these problems cannot be used."""
    return any(problem.level is Level.ERROR for problem in problems)


def render_problems(problems: Iterable[RuleFileProblem], file: str) -> str:
    """Return all problems, a blank line between two, without a final line break."""
    return "\n\n".join(problem.render(file) for problem in problems)


def inert(text: str) -> str:
    """Show every character that is not printable as an escape; a terminal, a log and a page can take the result."""
    return text if text.isprintable() else "".join(map(_visible, text))


def quoted(text: str) -> str:
    """Quote a piece of the file in a message: inert, between quotes, cut where it is long."""
    shown = inert(text[: _LONGEST_QUOTE + 1])
    if len(text) > _LONGEST_QUOTE:
        shown = inert(text[:_LONGEST_QUOTE]) + "..."
    return f'"{shown}"' if '"' not in shown else f"'{shown}'"


def character_name(char: str) -> str:
    """Name a character that cannot be shown: its code point, and its Unicode name where it has one."""
    name = unicodedata.name(char, "control character" if unicodedata.category(char) == "Cc" else "unnamed").lower()
    return f"U+{ord(char):04X} ({name})"


def _visible(char: str) -> str:
    return char if char.isprintable() else char.encode("unicode_escape").decode("ascii")


def _width(char: str) -> int:
    if not char.isprintable():
        return len(_visible(char))
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1


def excerpt(source: str, span: Span, gutter: int, label: str = "") -> list[str]:
    """Return the excerpt's lines: an empty gutter, the source line, and the carets under the span.

    A line too wide for a terminal is shown as a window around the span. Wide characters and escapes are counted as the
    columns they take.
    """
    begin = min(span.column - 1, len(source))
    end = min(span.end_column - 1, len(source)) if span.end_line == span.line else len(source)
    end = max(end, begin)
    first, last = _window(source, begin, end)
    before = "..." if first > 0 else ""
    after = "..." if last < len(source) else ""
    text = before + inert(source[first:last]) + after
    indent = len(before) + sum(map(_width, source[first:begin]))
    carets = max(1, sum(map(_width, source[begin : min(end, last)])))
    pad = " " * gutter
    marker = f"{pad} | {' ' * indent}{'^' * carets}{' ' + inert(label) if label else ''}"
    return [f"{pad} |", f"{span.line:>{gutter}} | {text}".rstrip(), marker]


def _window(source: str, begin: int, end: int) -> tuple[int, int]:
    if sum(map(_width, source[:_WIDEST_EXCERPT])) <= _WIDEST_EXCERPT and len(source) <= _WIDEST_EXCERPT:
        return 0, len(source)
    # Some context before the span, then as much as fits.
    first, room = begin, 30
    while first > 0 and (room := room - _width(source[first - 1])) >= 0:
        first -= 1
    last, room = first, _WIDEST_EXCERPT
    while last < len(source) and (room := room - _width(source[last])) >= 0:
        last += 1
    return first, last
