"""Header lines as recorders write them: lists of names and values, pairs, or one object."""

import re
from typing import Any, Final

from ..fetch.origins import serialize_origin

_FOLDED: Final = re.compile(r"\r?\n(?![ \t])")


_TOLD_BY: Final = {
    name: name
    for name in (
        "accept",
        "access-control-allow-origin",
        "content-type",
        "cross-origin-embedder-policy",
        "cross-origin-resource-policy",
        "origin",
        "sec-fetch-mode",
        "sec-fetch-storage-access",
        "x-content-type-options",
    )
}
_LENGTHS: Final = frozenset(map(len, _TOLD_BY))
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


def glance(lines: list[tuple[str, str]]) -> Seen:
    """Return the first value of each header that decides whether an entry is of interest, by lower-cased name.

    Most entries are not, and a ``HeaderList`` of each would be most of what reading them costs.
    """
    return {key: value.strip() for name, value in reversed(lines) if (key := _TOLD_BY.get(name) or _told_by(name))}


def _told_by(name: str) -> str | None:
    # Their lengths are rare among names.
    return _TOLD_BY.get(name.lower()) if len(name) in _LENGTHS else None
