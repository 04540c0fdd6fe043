"""The bytes of a rule file to text, or what keeps them from being one."""

import re
import unicodedata
from typing import Final

from .errors import START, Level, RuleFileProblem, Span, character_name, quoted

LARGEST_FILE: Final = 256 * 1024
"""In bytes. A rule takes some 300."""

_MOST_PROBLEMS: Final = 50
_NEVER: Final = "\u2028\u2029\ufeff\ufffe\uffff"
_TOO_HIGH: Final = re.compile(r"\\U(?!000[0-9a-fA-F]|0010)[0-9a-fA-F]{8}")

EXAMPLE: Final = """\
version: 1
rules:
  - name: local page calls the staging API
    hosts: ["api.staging.example.com"]
    allow_origins: ["http://localhost:5173"]
"""
"""The smallest rule file that does something."""


def find_invisible(lines: list[str]) -> list[RuleFileProblem]:
    """Find tabs, and spaces that are none, outside of quotes and comments: they change what YAML reads, unseen.

    All tabs are one problem, told at the first of them.
    """
    tabs: list[tuple[int, int]] = []
    problems: list[RuleFileProblem] = []
    for row, line in enumerate(lines):
        if line.isprintable():
            continue
        column = _first_invisible(line)
        if column is None:
            continue
        if line[column] == "\t":
            tabs.append((row, column))
            continue
        if len(problems) >= _MOST_PROBLEMS:
            break
        problems.append(
            RuleFileProblem(
                "invisible-character",
                Level.ERROR,
                f"the character {character_name(line[column])} stands here",
                "It looks like a space or like nothing, and YAML takes it for a letter.",
                "delete it, or retype the line",
                "",
                Span(row + 1, column + 1, row + 1, column + 2),
                line,
            )
        )
    if tabs:
        row, column = tabs[0]
        end = column + len(lines[row][column:]) - len(lines[row][column:].lstrip("\t"))
        more = f" (and on {len(tabs) - 1} more line{'s' if len(tabs) > 2 else ''})" if len(tabs) > 1 else ""
        where = "between two values" if lines[row][:column].strip() else "as indentation"
        problems.append(
            RuleFileProblem(
                "tab",
                Level.ERROR,
                f"a tab {where}{more}",
                "YAML allows spaces only: how far a tab reaches differs from editor to editor.",
                "replace it by spaces, two a level; editors do that by themselves when told to indent with spaces",
                "",
                Span(row + 1, column + 1, row + 1, end + 1),
                lines[row],
            )
        )
    return sorted(problems, key=lambda problem: problem.span)


def _first_invisible(line: str) -> int | None:
    quote, before = "", " "
    for column, char in enumerate(line):
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'" and before in " \t[{,":
            quote = char
        elif char == "#" and before in " \t":
            return None
        elif not char.isprintable():
            return column
        before = char
    return None


def decode_text(data: bytes) -> tuple[str, RuleFileProblem | None]:
    """Return the text with line breaks as LF, or what keeps the bytes from being a text."""
    if len(data) > LARGEST_FILE:
        return "", _whole_file(
            "too-large",
            f"the file is larger than {LARGEST_FILE // 1024} KiB",
            "A rule takes some 300 bytes, so this is hardly a rule file.",
            "give the path of the rule file",
        )
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "", _whole_file(
            "not-utf-8",
            "the file is UTF-16 text",
            "A rule file is UTF-8. Windows PowerShell writes UTF-16 when output is redirected with >.",
            "save it as UTF-8 (in PowerShell: ... | Out-File -Encoding utf8 FILE)",
        )
    data = data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8").split("\n")
        line = data.split(b"\n")[len(before) - 1].decode("utf-8", "replace")
        return "", RuleFileProblem(
            "not-utf-8",
            Level.ERROR,
            f"the byte 0x{data[error.start]:02x} is not UTF-8 text",
            "A rule file is UTF-8; in another encoding letters outside of ASCII are other bytes.",
            "save the file as UTF-8",
            "",
            Span(len(before), len(before[-1]) + 1, len(before), len(before[-1]) + 2),
            line,
        )
    for offset, char in enumerate(text):
        if char not in "\n\t" and (unicodedata.category(char) == "Cc" or char in _NEVER):
            before = text[:offset].split("\n")
            line = text.split("\n")[len(before) - 1]
            at = len(before[-1]) + 1
            return text, RuleFileProblem(
                "control-character",
                Level.ERROR,
                f"the character {character_name(char)} stands here",
                "It cannot be seen in an editor, and YAML allows no control characters.",
                "delete it; retype the line where it does not show",
                "",
                Span(len(before), at, len(before), at + 1),
                line,
            )
    escape = _TOO_HIGH.search(text)
    if escape is not None:
        before = text[: escape.start()].split("\n")
        at = len(before[-1]) + 1
        return text, RuleFileProblem(
            "escape",
            Level.ERROR,
            f"{quoted(escape.group())} is beyond the last character that exists",
            "Unicode ends at 10FFFF.",
            "write the character itself",
            "",
            Span(len(before), at, len(before), at + 10),
            text.split("\n")[len(before) - 1],
        )
    if not text.strip() or all(not line.strip() or line.lstrip().startswith("#") for line in text.split("\n")):
        return text, _whole_file(
            "empty-file",
            "the file holds no rules",
            "It is empty, or all of it is comments.",
            "begin with:\n" + EXAMPLE.rstrip("\n"),
        )
    return text, None


def _whole_file(code: str, message: str, why: str, remedy: str) -> RuleFileProblem:
    return RuleFileProblem(code, Level.ERROR, message, why, remedy, "", START, "")
