"""What YAML cannot read, or reads otherwise than its author means, told from the text at the place where it stopped.

The sentences of the two YAML libraries are never looked at: both stop at the same place, and what stands there says what
happened.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .errors import Span, quoted


class Construct(Enum):
    """A construct of YAML that a rule file has no use for, met where a value was to begin."""

    ALIAS = "*"
    ANCHOR = "&"
    TAG = "!"
    DIRECTIVE = "%"


@dataclass(frozen=True, slots=True)
class Trap:
    """A problem of the text, before nodes exist. ``mask`` replaces the span so that the rest can be read; ``None``: it cannot."""

    code: str
    message: str
    why: str
    help: str
    span: Span
    mask: str | None = None


_RESERVED: Final = {
    "@": "keeps @ for later versions of YAML",
    "`": "keeps the backtick for later versions of YAML",
    "%": "keeps % for directives",
}


def value_end(line: str, begin: int) -> int:
    """Return where a value that begins there ends: at a comment, at the end of the line, or at the list's next element."""
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
        if (char == "#" and line[end - 1 : end] in (" ", "\t")) or (depth > 0 and char in ",]}"):
            break
        end += 1
    return begin + len(line[begin:end].rstrip())


def of_construct(construct: Construct, line: str, number: int, begin: int) -> Trap:
    """Explain a construct that is not read. ``number`` is the line's number from 1, ``begin`` an offset from 0."""
    end = max(value_end(line, begin), begin + 1)
    raw = line[begin:end]
    span = Span(number, begin + 1, number, end + 1)
    match construct:
        case Construct.ALIAS if re.search(r"<<\s*:\s*$", line[:begin]):
            return Trap(
                "merge-key",
                f"{quoted(raw)} merges keys from another place of the file",
                "Aliases and merge keys are not read in a rule file, so that each rule says all that it does.",
                "put what the rules share below defaults: and take the << line out",
                span,
                "x" + line[begin + 1 : end],
            )
        case Construct.ALIAS:
            return Trap(
                "unquoted-star",
                f"YAML reads the unquoted * of {quoted(raw)} as an alias",
                "A value that begins with * refers to an anchor elsewhere in the file, and there is none of that name.",
                f"put it in quotes: {in_quotes(raw)}",
                span,
                "x" + line[begin + 1 : end],
            )
        case Construct.ANCHOR:
            word = re.match(r"&[^\s,\[\]{}]*", raw)
            length = len(word.group()) if word else 1
            rest = raw[length:].strip()
            if rest:
                return Trap(
                    "anchor",
                    f"{quoted(raw[:length])} names an anchor",
                    "Anchors and aliases are not read in a rule file, so that each rule says all that it does.",
                    f"take {raw[:length]} out; what several rules share goes below defaults:",
                    Span(number, begin + 1, number, begin + length + 1),
                    " " * length,
                )
            return Trap(
                "unquoted-ampersand",
                f"YAML reads {quoted(raw)} as the name of an anchor, and the value as empty",
                "A value that begins with & names a place for aliases to refer to; it is no text of its own.",
                f"put it in quotes: {in_quotes(raw)}. If an anchor is meant: they are not read, use defaults: instead",
                span,
                "x" + line[begin + 1 : end],
            )
        case Construct.TAG:
            word = re.match(r"!(<[^>\s]*>|[^\s,\[\]{}]*)", raw)
            length = len(word.group()) if word else 1
            tag = raw[:length]
            if tag.startswith("!!"):
                why = "Tags ask the reader to build other things than text; a rule file is never allowed to build anything."
                remedy = f"take {tag} out and write the value itself"
            else:
                why = "A value that begins with an unquoted ! is a tag for YAML, and no tag is read in a rule file."
                remedy = (
                    f"put it in quotes: {in_quotes(raw)}. Nothing can be excluded with !, rules list what they apply to"
                )
            return Trap("tag", f"{quoted(tag)} is a YAML tag", why, remedy, span, "x" * (end - begin))
        case Construct.DIRECTIVE:
            return Trap(
                "directive",
                f"{quoted(raw)} is a YAML directive",
                "A rule file needs none, and none is read.",
                "take the line out",
                span,
                "#" + line[begin + 1 : end],
            )


def of_failure(lines: list[str], at: tuple[int, int], context: tuple[int, int] | None) -> Trap:
    """Explain why YAML could not be read on.

    ``at`` is where it stopped, ``context`` where the construct began that it was in (lines and offsets from 0).
    """
    row, begin = at
    line = lines[row] if row < len(lines) else ""
    char = line[begin : begin + 1]
    span = Span(row + 1, begin + 1, row + 1, begin + 2)
    if char in _RESERVED and char:
        end = max(value_end(line, begin), begin + 1)
        raw = line[begin:end]
        return Trap(
            "reserved-character",
            f"a value cannot begin with an unquoted {char}",
            f"YAML {_RESERVED[char]}.",
            f"put it in quotes: {in_quotes(raw)}",
            Span(row + 1, begin + 1, row + 1, end + 1),
            "x" + line[begin + 1 : end],
        )
    if context is not None:
        opened = _opened(lines, context)
        if opened is not None and (opened[0] in "\"'"):
            return _unclosed_quote(lines, context, row, begin, opened[0])
        if char and begin > 0 and line[begin - 1] in "]}\"'" and not char.isspace():
            return _text_after_close(line, row, begin)
        if opened is not None:
            return _unclosed_bracket(lines, context, row, opened[0])
    if begin > 0 and char and line[begin - 1] in "]}\"'" and char not in ":,#" and not char.isspace():
        return _text_after_close(line, row, begin)
    missing = _missing_space(lines, row, context)
    if missing is not None:
        return missing
    if char == ":" and re.search(r":\s", line[:begin]):
        return Trap(
            "second-colon",
            'a second ": " on one line',
            'YAML takes the text before each ": " for a key, and a line can hold one key only.',
            "put the value in quotes, or write one key a line",
            span,
            "x",
        )
    if char == ":":
        first = len(line) - len(line.lstrip(" -"))
        return Trap(
            "indentation",
            f"{quoted(line[first:begin])} is indented below a line that has a value already",
            "In YAML the indentation says what belongs to what: a key can have a value on its own line or deeper lines below "
            "it, and not both.",
            "align it with the keys that it belongs to",
            Span(row + 1, first + 1, row + 1, begin + 1),
        )
    if not line[:begin].strip(" -") and char:
        return Trap(
            "indentation",
            "this line's indentation fits no line above it",
            "In YAML the indentation says what belongs to what: keys of one rule begin in the same column, and the items "
            "of one list do.",
            "align it with the lines that it belongs to, with spaces",
            Span(row + 1, begin + 1, row + 1, len(line.rstrip()) + 1),
        )
    return Trap(
        "yaml",
        "this is not readable as YAML from here on",
        "What stands here fits nothing that could follow at this place.",
        "look for a missing quote, bracket, comma or colon just before it",
        span,
    )


def in_quotes(raw: str) -> str:
    """Write a value in YAML's quotes, ready to copy."""
    if '"' not in raw and "\\" not in raw and raw.isprintable():
        return f'"{raw}"'
    return "'" + raw.replace("'", "''") + "'"


def _opened(lines: list[str], context: tuple[int, int]) -> str | None:
    row, begin = context
    char = lines[row][begin : begin + 1] if row < len(lines) else ""
    return char if char and char in "\"'[{" else None


def _unclosed_quote(lines: list[str], context: tuple[int, int], row: int, begin: int, quote: str) -> Trap:
    at_line, at = context
    line = lines[at_line]
    if row < len(lines) and lines[row][begin - 1 : begin] == "\\" and quote == '"':
        return Trap(
            "escape",
            f"{quoted(lines[row][begin - 1 : begin + 1])} is no escape that YAML knows",
            "In double quotes a backslash begins an escape such as \\n.",
            "use single quotes, in which a backslash is a backslash. Regular expressions are not read in a rule file",
            Span(row + 1, begin, row + 1, begin + 2),
        )
    return Trap(
        "unclosed-quote",
        f"the quote that begins here is never closed: {quoted(line[at:].rstrip())}",
        "Everything up to the end of the file became part of this value.",
        f"close it with {quote}",
        Span(at_line + 1, at + 1, at_line + 1, len(line.rstrip()) + 1),
    )


def _unclosed_bracket(lines: list[str], context: tuple[int, int], row: int, bracket: str) -> Trap:
    at_line, at = context
    close = "]" if bracket == "[" else "}"
    what = "list" if bracket == "[" else "mapping"
    line = lines[at_line]
    comma = row == at_line and close in line[at:]
    if comma:
        return Trap(
            "list-syntax",
            f"the {what} that begins here cannot be read to its end",
            f"In {bracket}...{close} a comma stands between two elements, and text with any of , [ ] {{ }} in it needs quotes.",
            "put each element in quotes and one comma between two: " + f'{bracket}"a", "b"{close}',
            Span(at_line + 1, at + 1, at_line + 1, len(line.rstrip()) + 1),
        )
    return Trap(
        "unclosed-bracket",
        f"the {what} that begins with {bracket} is not closed",
        f"What follows was read as part of the {what}, until it no longer could be.",
        f"close it with {close}",
        Span(at_line + 1, at + 1, at_line + 1, len(line.rstrip()) + 1),
    )


def _text_after_close(line: str, row: int, begin: int) -> Trap:
    close = line[begin - 1]
    opener = {"]": "[", "}": "{"}.get(close, close)
    start = line.rfind(opener, 0, begin - 1)
    if start < 0:
        start = begin - 1
    end = max(value_end(line, begin), begin + 1)
    raw = line[start:end]
    span = Span(row + 1, start + 1, row + 1, end + 1)
    if close in "\"'":
        return Trap(
            "text-after-quote",
            f"text goes on after the closing quote: {quoted(raw)}",
            "A quoted value ends with its quote; only a comma, a bracket or a comment can follow.",
            "put all of it in one pair of quotes",
            span,
            "x" * (end - start),
        )
    what = "mapping" if close == "}" else "list"
    return Trap(
        "unquoted-brackets",
        f"YAML reads the {opener}...{close} of {quoted(raw)} as a {what}, and text cannot follow it",
        f"A value that begins with an unquoted {opener} is a {what}.",
        f'put it in quotes: {in_quotes(raw)}. Placeholders are not filled in: for any name write "*." in front'
        if close == "}"
        else f"put it in quotes: {in_quotes(raw)}",
        span,
        "x" * (end - start),
    )


_KEY_WITHOUT_SPACE: Final = re.compile(r"\s*(?:-\s+)?([A-Za-z_]+):([^\s/].*)")


def _missing_space(lines: list[str], row: int, context: tuple[int, int] | None) -> Trap | None:
    rows = [row]
    if context is not None:
        rows.append(context[0])
    above = row - 1
    while above >= 0 and (not lines[above].strip() or lines[above].lstrip().startswith("#")):
        above -= 1
    rows.append(above)
    for candidate in rows:
        if not 0 <= candidate < len(lines):
            continue
        found = _KEY_WITHOUT_SPACE.fullmatch(lines[candidate].rstrip())
        if found is not None:
            key, value = found.groups()
            return Trap(
                "missing-space",
                f"no space after the colon of {quoted(key + ':' + value)}",
                "YAML takes a colon for the end of a key only where a space follows, so this line is one piece of text.",
                f"write {key}: {value}",
                Span(candidate + 1, found.start(1) + 1, candidate + 1, found.end(2) + 1),
            )
    return None
