"""Why YAML could not be read on, told from the text at the place where it stopped.

The sentences of the two YAML libraries are never looked at: both stop at the same place, and what stands there says
what happened.
"""

import re
from collections.abc import Sequence
from typing import Final

from .errors import quoted
from .yaml_pitfalls import Trap, in_quotes, span_on, value_end

Place = tuple[int, int]
"""Line and offset in it, both from 0, as the libraries count."""

_RESERVED: Final = {
    "@": "keeps @ for later versions of YAML",
    "`": "keeps the backtick for later versions of YAML",
    "%": "keeps % for directives",
}
_INDENTATION: Final = "In YAML the indentation says what belongs to what"


def of_failure(lines: Sequence[str], at: Place, context: Place | None) -> Trap:
    """Explain a failure. ``at`` is where reading stopped, ``context`` where the construct began that it was in."""
    row, begin = at
    line = lines[row] if row < len(lines) else ""
    char = line[begin : begin + 1]
    before = line[:begin].rstrip(" ")
    opened = _character(lines, context)
    if char in _RESERVED:
        return _of_reserved(line, row, begin)
    if context is not None and opened in ("'", '"'):
        return _of_quote(lines, context, at)
    if char and before and before[-1] in "]}\"'" and char not in ":,#]}":
        return _of_text_behind(lines, row, begin, opened)
    if context is not None and opened in ("[", "{"):
        return _of_bracket(lines, context, row)
    missing = _missing_space(lines, row, context)
    if missing is not None:
        return missing
    if char == ":":
        return _of_colon(line, row, begin)
    if char and not before.strip(" -"):
        return Trap(
            "indentation",
            "this line's indentation fits no line above it",
            f"{_INDENTATION}: keys of one rule begin in the same column, and so do the items of one list.",
            "align it with the lines that it belongs to, with spaces",
            span_on(row, begin, len(line.rstrip())),
        )
    return Trap(
        "yaml",
        "this is not readable as YAML from here on",
        "What stands here fits nothing that could follow at this place.",
        "look for a missing quote, bracket, comma or colon just before it",
        span_on(row, begin, begin + 1),
    )


def _character(lines: Sequence[str], place: Place | None) -> str:
    if place is None or place[0] >= len(lines):
        return ""
    return lines[place[0]][place[1] : place[1] + 1]


def _of_reserved(line: str, row: int, begin: int) -> Trap:
    end = value_end(line, begin)
    char = line[begin]
    return Trap(
        "reserved-character",
        f"a value cannot begin with an unquoted {char}",
        f"YAML {_RESERVED[char]}.",
        f"put it in quotes: {in_quotes(line[begin:end])}",
        span_on(row, begin, end),
        "x" + line[begin + 1 : end],
    )


def _of_quote(lines: Sequence[str], context: Place, at: Place) -> Trap:
    """Something within a quoted value: an escape that does not exist, or no end."""
    row, begin = at
    opened_row, opened_at = context
    quote = lines[opened_row][opened_at]
    if quote == '"' and row < len(lines) and lines[row][begin - 1 : begin] == "\\":
        return Trap(
            "escape",
            f"{quoted(lines[row][begin - 1 : begin + 1])} is no escape that YAML knows",
            "In double quotes a backslash begins an escape such as \\n.",
            "use single quotes, in which a backslash is a backslash. Regular expressions are not read in a rule file",
            span_on(row, begin - 1, begin + 1),
            "xx",
        )
    return _unclosed_quote(lines, opened_row, opened_at)


def _unclosed_quote(lines: Sequence[str], row: int, begin: int) -> Trap:
    line = lines[row]
    return Trap(
        "unclosed-quote",
        f"the quote that begins here is not closed on its line: {quoted(line[begin:].rstrip())}",
        "What follows became part of this value, up to the next quote or to the end of the file.",
        f"close it with {line[begin]}",
        span_on(row, begin, len(line.rstrip())),
    )


def _of_text_behind(lines: Sequence[str], row: int, begin: int, opened: str) -> Trap:
    """Text follows a closing quote or bracket."""
    line = lines[row]
    close = len(line[:begin].rstrip(" ")) - 1
    opener = {"]": "[", "}": "{"}.get(line[close], line[close])
    start = line.rfind(opener, 0, close)
    if start < 0:
        odd = [above for above in range(row) if lines[above].count(opener) % 2 == 1]
        if opener in "\"'" and odd:
            return _unclosed_quote(lines, odd[-1], lines[odd[-1]].rfind(opener))
        start = close
    end = value_end(line, begin)
    if opened in ("[", "{") and close + 1 < begin:
        return Trap(
            "missing-comma",
            f"no comma between {line[start : close + 1]} and what follows",
            "The elements of a list stand between brackets with a comma between any two.",
            f"write {line[start : close + 1]}, {line[begin:end]}",
            span_on(row, close + 1, begin),
            "," + " " * (begin - close - 2),
        )
    raw = line[start:end]
    if line[close] in "\"'":
        return Trap(
            "text-after-quote",
            f"text goes on after the closing quote: {quoted(raw)}",
            "A quoted value ends with its quote; only a comma, a bracket or a comment can follow.",
            "put all of it in one pair of quotes",
            span_on(row, start, end),
            "x" * (end - start),
        )
    what = "mapping" if opener == "{" else "list"
    hint = '. Placeholders are not filled in: for any name write "*." in front' if opener == "{" else ""
    return Trap(
        "unquoted-brackets",
        f"YAML reads the {opener}...{line[close]} of {quoted(raw)} as a {what}, and text cannot follow it",
        f"A value that begins with an unquoted {opener} is a {what}.",
        f"put it in quotes: {in_quotes(raw)}{hint}",
        span_on(row, start, end),
        "x" * (end - start),
    )


def _of_bracket(lines: Sequence[str], context: Place, row: int) -> Trap:
    opened_row, opened_at = context
    line = lines[opened_row]
    bracket = line[opened_at]
    close, what = ("]", "list") if bracket == "[" else ("}", "mapping")
    span = span_on(opened_row, opened_at, len(line.rstrip()))
    if row == opened_row and close in line[opened_at:]:
        return Trap(
            "list-syntax",
            f"the {what} that begins here cannot be read to its end",
            f"Between {bracket} and {close} a comma separates elements, and text with , [ ] {{ or }} in it "
            "needs quotes.",
            f'put each element in quotes: {bracket}"a", "b"{close}',
            span,
        )
    return Trap(
        "unclosed-bracket",
        f"the {what} that begins with {bracket} is not closed",
        f"What follows was read as part of the {what}, until it no longer could be.",
        f"close it with {close}",
        span,
    )


_KEY_WITHOUT_SPACE: Final = re.compile(r" *(?:- +)?([A-Za-z_]+):([^\s/].*)")


def _missing_space(lines: Sequence[str], row: int, context: Place | None) -> Trap | None:
    """Look for ``key:value`` on the line itself, where its construct began, and on the line above."""
    above = row - 1
    while above >= 0 and (not lines[above].strip() or lines[above].lstrip().startswith("#")):
        above -= 1
    for candidate in (row, row if context is None else context[0], above):
        found = _KEY_WITHOUT_SPACE.fullmatch(lines[candidate].rstrip()) if 0 <= candidate < len(lines) else None
        if found is not None:
            key, value = found.groups()
            return Trap(
                "missing-space",
                f"no space after the colon of {quoted(key + ':' + value)}",
                "YAML takes a colon for the end of a key only where a space follows, so this line is one text.",
                f"write {key}: {value}",
                span_on(candidate, found.start(1), found.end(2)),
            )
    return None


def _of_colon(line: str, row: int, begin: int) -> Trap:
    if re.search(r":\s", line[:begin]):
        return Trap(
            "second-colon",
            'a second ": " on one line',
            'YAML takes the text before each ": " for a key, and a line can hold one key only.',
            "put the value in quotes, or write one key a line",
            span_on(row, begin, begin + 1),
            "x",
        )
    first = len(line) - len(line.lstrip(" -"))
    return Trap(
        "indentation",
        f"{quoted(line[first:begin])} is indented below a line that has a value already",
        f"{_INDENTATION}: a key has its value on its own line or on deeper lines below it, and not both.",
        "align it with the keys that it belongs to",
        span_on(row, first, begin),
    )
