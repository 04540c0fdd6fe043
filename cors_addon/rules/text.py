"""The bytes of a rule file to text, or what keeps them from being one."""

import re
import unicodedata
from typing import Final

from .errors import START, Level, RuleFileProblem, Span, character_name, quoted

LARGEST_FILE: Final = 256 * 1024
"""In bytes. A rule takes some 300."""

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


def find_tab(lines: list[str]) -> RuleFileProblem | None:
    """Find the first tab outside of quotes and comments; YAML has no use for one anywhere."""
    found: list[tuple[int, int, int]] = []
    for row, line in enumerate(lines):
        if "\t" not in line:
            continue
        quote, before = "", ""
        for column, char in enumerate(line):
            if quote:
                quote = "" if char == quote else quote
            elif char in "\"'" and before in ("", " ", "\t", "[", "{", ",", ":"):
                quote = char
            elif char == "#" and before in ("", " ", "\t"):
                break
            elif char == "\t":
                end = column + len(line[column:]) - len(line[column:].lstrip("\t"))
                found.append((row, column, end))
                break
            before = char
    if not found:
        return None
    row, column, end = found[0]
    more = f" (and on {len(found) - 1} more line{'s' if len(found) > 2 else ''})" if len(found) > 1 else ""
    where = "as indentation" if not lines[row][:column].strip() else "between two values"
    return RuleFileProblem(
        "tab",
        Level.ERROR,
        f"a tab {where}{more}",
        "YAML allows spaces only: how far a tab reaches differs from editor to editor.",
        "replace it by spaces, two a level; most editors do that for .yaml files when told to indent with spaces",
        "",
        Span(row + 1, column + 1, row + 1, end + 1),
        lines[row],
    )


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
