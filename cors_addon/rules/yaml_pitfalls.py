"""Constructs of YAML that a rule file has no use for, and that people write without meaning them.

An unquoted ``*``, ``&`` or ``!`` at the beginning of a value is the most frequent mistake in a rule file.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .errors import Span, quoted


class Construct(Enum):
    """A construct that is refused where it begins."""

    ALIAS = "*"
    ANCHOR = "&"
    TAG = "!"
    DIRECTIVE = "%"
    KEY = "?"
    BLOCK = "|"


@dataclass(frozen=True, slots=True)
class Trap:
    """A problem of the text, before there are nodes.

    ``mask`` replaces the span so that the rest can be read; without one nothing more is read.
    """

    code: str
    message: str
    why: str
    help: str
    span: Span
    mask: str | None = None


_NO_ANCHORS: Final = "Anchors and aliases are not read in a rule file, so that each rule says all that it does."


def span_on(row: int, begin: int, end: int) -> Span:
    """Make a span of offsets on one line, all counted from 0."""
    return Span(row + 1, begin + 1, row + 1, end + 1)


def value_end(line: str, begin: int) -> int:
    """Return where the value that begins there ends: at a comment, the line's end, or the next element of its list."""
    depth = 0
    quote = ""
    for char in line[:begin]:
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'":
            quote = char
        elif char in "[{":
            depth += 1
        elif char in "]}":
            depth -= 1
    end = begin
    while end < len(line):
        char = line[end]
        if (char == "#" and line[end - 1 : end] == " ") or (depth > 0 and char in ",]}"):
            break
        end += 1
    return max(begin + 1, begin + len(line[begin:end].rstrip()))


def in_quotes(raw: str) -> str:
    """Write a value in YAML's quotes, ready to copy."""
    if '"' not in raw and "\\" not in raw:
        return f'"{raw}"'
    return "'" + raw.replace("'", "''") + "'"


def of_construct(construct: Construct, lines: Sequence[str], row: int, begin: int) -> Trap:
    """Explain a construct that is not read; it begins at this line and offset, both counted from 0."""
    line = lines[row]
    end = value_end(line, begin)
    match construct:
        case Construct.ALIAS:
            return _of_alias(lines, row, begin, end)
        case Construct.ANCHOR:
            return _of_anchor(lines, row, begin, end)
        case Construct.TAG:
            return _of_tag(line, row, begin, end)
        case Construct.BLOCK:
            return Trap(
                "block-text",
                f"{line[begin]} begins a text of several lines",
                "No value of a rule file has more than one line.",
                f"write the value on this line, in quotes if it is to begin with {line[begin]}",
                span_on(row, begin, end),
                "x" * (end - begin),
            )
        case Construct.KEY:
            return Trap(
                "question-mark",
                "YAML reads the unquoted ? as the beginning of a key",
                "Between brackets it does so anywhere, elsewhere at the beginning of a line.",
                "put the value in quotes; a rule file has no use for ? in keys",
                span_on(row, begin, begin + 1),
                "x",
            )
        case Construct.DIRECTIVE:
            return Trap(
                "directive",
                f"{quoted(line[begin:end])} is a YAML directive",
                "A rule file needs none, and none is read.",
                "take the line out",
                span_on(row, begin, end),
                "#" + line[begin + 1 : end],
            )


def _of_alias(lines: Sequence[str], row: int, begin: int, end: int) -> Trap:
    line = lines[row]
    raw = line[begin:end]
    mask = "x" + line[begin + 1 : end]
    if re.search(r"<<\s*:\s*$", line[:begin]):
        return Trap(
            "merge-key",
            f"{quoted(raw)} merges keys from another place of the file",
            _NO_ANCHORS,
            "put what the rules share below defaults: and take the << line out",
            span_on(row, begin, end),
            mask,
        )
    if not raw.strip("*"):
        remedy = (
            'write allow_origins: any for all pages, "*.dev.example.test" for all names below one, "/**" for all paths'
        )
    elif raw.startswith("**/"):
        remedy = f"begin it with a slash and put it in quotes: {in_quotes('/' + raw)}"
    elif any(f"&{raw[1:]}" in other for other in lines):
        remedy = "write the values out; what all rules share goes below defaults:"
    else:
        remedy = f"put it in quotes: {in_quotes(raw)}"
    return Trap(
        "unquoted-star",
        f"YAML reads the unquoted * of {quoted(raw)} as an alias",
        "A value that begins with * refers to an anchor elsewhere in the file, and anchors are not read here.",
        remedy,
        span_on(row, begin, end),
        mask,
    )


def _of_anchor(lines: Sequence[str], row: int, begin: int, end: int) -> Trap:
    line = lines[row]
    word = re.match(r"&[^\s,\[\]{}]*", line[begin:end])
    name = word.group() if word else "&"
    if line[begin + len(name) : end].strip() or _goes_on_below(lines, row, begin):
        return Trap(
            "anchor",
            f"{quoted(name)} names an anchor",
            _NO_ANCHORS,
            f"take {name} out; what several rules share goes below defaults:",
            span_on(row, begin, begin + len(name)),
            " " * len(name),
        )
    raw = line[begin:end]
    return Trap(
        "unquoted-ampersand",
        f"YAML reads {quoted(raw)} as the name of an anchor, and the value as empty",
        "A value that begins with & names a place for aliases to refer to; it is no text of its own.",
        f"put it in quotes: {in_quotes(raw)}. If an anchor is meant: they are not read, use defaults: instead",
        span_on(row, begin, end),
        "x" + line[begin + 1 : end],
    )


def _goes_on_below(lines: Sequence[str], row: int, begin: int) -> bool:
    """Say whether the value that an anchor stands before is on the following lines."""
    key = re.match(r" *(?:- +)*(?=[^ -])", lines[row][:begin])
    column = key.end() if key else lines[row].find("-")
    for line in lines[row + 1 :]:
        text = line.lstrip(" ")
        if text and not text.startswith("#"):
            indent = len(line) - len(text)
            return indent > column or (indent == column and text.startswith("- "))
    return False


def _of_tag(line: str, row: int, begin: int, end: int) -> Trap:
    raw = line[begin:end]
    word = re.match(r"!(<[^>\s]*>|[^\s,\[\]{}]*)", raw)
    tag = word.group() if word else "!"
    if tag.startswith("!!"):
        why = "Tags ask the reader to build other things than text, and a rule file may never build anything."
        remedy = f"take {tag} out and write the value itself"
    else:
        why = "A value that begins with an unquoted ! is a tag for YAML, and no tag is read in a rule file."
        remedy = f"put it in quotes: {in_quotes(raw)}. Nothing can be excluded with !, rules list what they apply to"
    span = span_on(row, begin, end)
    return Trap("tag", f"{quoted(tag)} is a YAML tag", why, remedy, span, "x" * (end - begin))
