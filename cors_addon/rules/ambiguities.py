"""Text that YAML libraries disagree on, or that a rule file has no use for: found before any of them reads it."""

import re
from collections.abc import Iterator
from typing import Final

from .errors import Span
from .yaml_pitfalls import Trap


def flow_colons(lines: tuple[str, ...]) -> Iterator[Trap]:
    """Find colons between brackets that nothing follows: one library takes them for a key's end, the other for text.

    Behind a quoted key, as in JSON, all of them take a bracket for its value.
    """
    depth = 0
    for row, line in enumerate(lines):
        quote, before, closed = "", " ", -2
        for column, char in enumerate(line):
            if quote:
                closed = column if char == quote else closed
                quote = "" if char == quote else quote
            elif char in "\"'" and before in " [{,:":
                quote = char
            elif char == "#" and before == " ":
                break
            elif char in "[{":
                depth += 1
            elif char in "]}":
                depth = max(0, depth - 1)
            elif (
                char == ":"
                and depth
                and line[column + 1 : column + 2] in tuple(",]}" if closed == column - 1 else ",[]{}")
            ):
                span = Span(row + 1, column + 1, row + 1, column + 2)
                yield Trap(
                    "missing-space",
                    "a colon between brackets with nothing behind it",
                    "Programs that read YAML do not agree on whether it ends a key or is part of a text.",
                    "put a space and the value behind it, or put the text in quotes",
                    span,
                    "x",
                )
            before = char


_MARKER: Final = re.compile(r"(---|\.\.\.)(\s|$)")


_CONFLICT: Final = re.compile(r"(<{7}|\|{7}|={7}|>{7})(\s|$)")


def conflict(lines: tuple[str, ...]) -> Trap | None:
    """Find the first mark that git leaves where two versions of the file differ."""
    for row, line in enumerate(lines):
        if _CONFLICT.match(line):
            return Trap(
                "merge-conflict",
                f"git has left a mark of a merge conflict: {line[:7]}",
                "Two versions of the file differ here, and git does not know which one is right.",
                "keep the lines of one version, and take out the marks <<<<<<<, ======= and >>>>>>>",
                Span(row + 1, 1, row + 1, len(line.rstrip()) + 1),
            )
    return None


def second_document(lines: tuple[str, ...]) -> Trap | None:
    """Find a line that ends the document before the file ends, or begins it after something else."""
    filled = [row for row, line in enumerate(lines) if line.strip() and not line.lstrip().startswith(("#", "%"))]
    for row in filled:
        found = _MARKER.match(lines[row])
        if found is None or row == (filled[0] if found[1] == "---" else filled[-1]):
            continue
        return Trap(
            "second-document",
            "the document ends here, and more follows" if found[1] == "..." else "a second document begins here",
            "A rule file is one YAML document; --- begins another one and ... ends it.",
            "take the line out, or put the second part into a file of its own",
            Span(row + 1, 1, row + 1, len(lines[row].rstrip()) + 1),
        )
    return None
