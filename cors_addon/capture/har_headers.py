"""Header lines as recorders write them: lists of names and values, pairs, or one object."""

import re
from typing import Any, Final

from ..fetch.origins import serialize_origin

_FOLDED: Final = re.compile(r"\r?\n(?![ \t])")

_TELLING: Final = ("accept", "origin", "sec-fetch-mode", "sec-fetch-storage-access")
Seen = dict[str, str]


def lines_of(headers: Any) -> list[tuple[str, str]]:
    """Return header lines; pseudo headers are no headers, and a line break stands between lines of one name."""
    if type(headers) is dict:
        headers = [(name, each) for name, value in headers.items() for each in _values(value)]
    try:
        pairs = [(header["name"], header["value"]) for header in headers]
        text = "".join([name + value for name, value in pairs])
    except (TypeError, LookupError):
        pairs = [_pair(header) for header in headers]
        text = "\n"
    if text.isascii() and "\n" not in text:
        return [pair for pair in pairs if not pair[0].startswith(":")] if ":" in text else pairs
    return [
        (isomorphic(name), isomorphic(line))
        for name, value in pairs
        if not name.startswith(":")
        for line in _FOLDED.split(value)
    ]


def _values(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _pair(header: Any) -> tuple[str, str]:
    name, value = (header["name"], header.get("value")) if isinstance(header, dict) else header
    return str(name), "" if value is None else str(value)


def isomorphic(text: str) -> str:
    """Return text with one character for each byte. Whoever wrote the HAR may have decoded Latin-1 or UTF-8."""
    try:
        text.encode("latin-1")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass").decode("latin-1")
    return text


def with_one_origin(lines: list[tuple[str, str]], url: str) -> list[tuple[str, str]]:
    """Undo what a recorder does that joins two lines of the same Origin.

    Where that is the URL's own, what Sec-Fetch-Site says is another request's, for no browser sends the two together.
    """
    fixed, own = [], False
    for name, value in lines:
        if name.lower() == "origin":
            values = {each.strip() for each in value.split(",")}
            value = values.pop() if len(values) == 1 else value
            own = value == serialize_origin(url)
        fixed.append((name, value))
    return [line for line in fixed if line[0].lower() != "sec-fetch-site"] if own else fixed


def glance(headers: Any) -> Seen:
    """Return the first value of each header by its lower-cased name: enough to say whether an entry is of interest.

    Most entries are not, and a ``HeaderList`` of each would be most of what reading them costs.
    """
    try:
        return {header["name"].lower(): header["value"].strip() for header in reversed(headers)}
    except (TypeError, LookupError, AttributeError):
        return {name.lower(): value.strip() for name, value in reversed(lines_of(headers))}


def says_nothing(seen: Seen) -> bool:
    """Say whether the headers of a request were not saved, or so few that they tell nothing of who asked, and how."""
    return seen.keys().isdisjoint(_TELLING)
