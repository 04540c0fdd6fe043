"""What is wrong with a single value of a rule file, told before it is known where in the file it stands."""

from typing import Final

from .errors import quoted

LONGEST_VALUE: Final = 2048


class Complaint(Exception):
    """What is wrong with a value; ``begin`` and ``end`` are offsets into its text, the whole of it by default."""

    def __init__(self, code: str, message: str, why: str, remedy: str, begin: int = 0, end: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.why = why
        self.remedy = remedy
        self.begin = begin
        self.end = end


def check_text(text: str, what: str, spaces: bool = False) -> None:
    """Refuse what no single value is: nothing, too much, several in one, characters that cannot be seen.

    ``spaces`` leaves spaces to the caller.
    """
    if not text.strip():
        raise Complaint(
            "empty-text", f"{what} cannot be empty", "An empty text matches nothing.", "write it, or take the entry out"
        )
    if len(text) > LONGEST_VALUE:
        raise Complaint(
            "too-long",
            f"{what} of {len(text)} characters",
            "No URL that a browser sends has one as long.",
            "check the spelling",
        )
    odd = next((at for at, char in enumerate(text) if not char.isprintable()), None)
    if odd is not None:
        raise Complaint(
            "invisible-character",
            f"an invisible character stands in {quoted(text)}",
            "It is part of the text for the browser and for YAML, but not for the eye.",
            "delete it",
            odd,
            odd + 1,
        )
    if "," in text:
        parts = [part.strip() for part in text.split(",") if part.strip()]
        raise Complaint(
            "comma",
            f"{quoted(text)} holds a comma",
            "Each entry of a list is one value.",
            "write each in quotes of its own: [" + ", ".join(f'"{part}"' for part in parts) + "]",
            text.index(","),
            text.index(",") + 1,
        )
    if " " in text and not spaces:
        at = text.index(" ")
        raise Complaint(
            "space",
            f"a space stands in {quoted(text)}",
            "No name or address holds one.",
            "take it out" if text != text.strip() else "write each value as an entry of its own",
            at,
            at + 1,
        )


def edit_distance(a: str, b: str) -> int:
    """Count the letters to insert, delete, replace or swap with their neighbour to make one word the other."""
    rows: list[list[int]] = [list(range(len(b) + 1))]
    for i, x in enumerate(a, 1):
        row = [i]
        for j, y in enumerate(b, 1):
            cost = min(rows[-1][j] + 1, row[j - 1] + 1, rows[-1][j - 1] + (x != y))
            if i > 1 and j > 1 and x == b[j - 2] and y == a[i - 2]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]
