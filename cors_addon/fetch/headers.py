"""Header lists, and the grammars of the header values that CORS reads.

Header names and values are ``str`` holding one character for each byte (isomorphic decoding, Latin-1), so that
``len(value)`` is a length in bytes and no byte is ever lost.
"""

from collections.abc import Iterable, Iterator
from typing import Final

HTTP_WHITESPACE: Final = " \t\r\n"

_TOKEN_CHARS: Final = frozenset("!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")


class Invalid:
    """What ``extract_header_list_values`` returns where the standard says *failure*; compare with ``is INVALID``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()


class HeaderList:
    """An ordered list of header lines, found by case-insensitive name.

    https://fetch.spec.whatwg.org/#concept-header-list
    ``lines`` keeps every line as it was sent; look-ups see values with leading and trailing whitespace taken off,
    as the standard's *normalize* does before a value ever enters a header list.
    """

    __slots__ = ("_index", "lines")

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        self.lines: tuple[tuple[str, str], ...] = tuple(lines)
        self._index: dict[str, list[str]] | None = None

    @classmethod
    def from_bytes(cls, fields: Iterable[tuple[bytes, bytes]]) -> "HeaderList":
        """Build a list from raw field lines; any byte is accepted."""
        return cls((name.decode("latin-1"), value.decode("latin-1")) for name, value in fields)

    def _by_name(self) -> dict[str, list[str]]:
        index = self._index
        if index is None:
            index = {}
            for name, value in self.lines:
                index.setdefault(name.lower(), []).append(value.strip(HTTP_WHITESPACE))
            self._index = index
        return index

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return the value of every line with this name, in order; empty when there is none."""
        return tuple(self._by_name().get(name.lower(), ()))

    def get(self, name: str) -> str | None:
        """Return all values of that name joined by a comma and a space, or ``None``.

        https://fetch.spec.whatwg.org/#concept-header-list-get
        """
        values = self._by_name().get(name.lower())
        if values is None:
            return None
        return values[0] if len(values) == 1 else ", ".join(values)

    def names(self) -> tuple[str, ...]:
        """Return the lower-cased names present, each once, in the order of first appearance."""
        return tuple(self._by_name())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._by_name()

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, HeaderList) and self.lines == other.lines

    def __hash__(self) -> int:
        return hash(self.lines)

    def __repr__(self) -> str:
        return f"HeaderList({self.lines!r})"


def is_token(text: str) -> bool:
    """Say whether the text is an RFC 9110 token: a method, or a field name.

    https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
    """
    return bool(text) and _TOKEN_CHARS.issuperset(text)


def split_token_list(value: str) -> list[str] | Invalid:
    """Parse one line of a ``#token`` list.

    Empty elements are legal and dropped; whitespace around an element is space and tab only. Any other element that is
    not a token makes the line ``INVALID``.
    """
    elements = []
    for raw in value.split(","):
        element = raw.strip(" \t")
        if not element:
            continue
        if not is_token(element):
            return INVALID
        elements.append(element)
    return elements


def extract_header_list_values(headers: HeaderList, name: str) -> list[str] | Invalid | None:
    """Extract the elements of a list header such as ``Access-Control-Allow-Methods``.

    https://fetch.spec.whatwg.org/#extract-header-list-values
    ``None`` when the header is absent, ``INVALID`` when any line of it breaks the grammar.
    """
    lines = headers.get_all(name)
    if not lines:
        return None
    values: list[str] = []
    for line in lines:
        elements = split_token_list(line)
        if isinstance(elements, Invalid):
            return INVALID
        values += elements
    return values


def extract_max_age(headers: HeaderList) -> int | Invalid | None:
    """Extract ``Access-Control-Max-Age`` in seconds; more than one line is a failure.

    https://fetch.spec.whatwg.org/#http-access-control-max-age
    """
    lines = headers.get_all("Access-Control-Max-Age")
    if not lines:
        return None
    if len(lines) > 1 or not lines[0].isascii() or not lines[0].isdigit():
        return INVALID
    digits = lines[0].lstrip("0")
    # Beyond any cap a browser has, and int() of thousands of digits costs quadratic time.
    return int(digits or "0") if len(digits) <= 18 else 10**18


def get_decode_and_split(headers: HeaderList, name: str) -> list[str] | None:
    """Split a header at its commas, minding quoted strings.

    https://fetch.spec.whatwg.org/#concept-header-list-get-decode-split
    """
    value = headers.get(name)
    if value is None:
        return None
    parts: list[str] = []
    current: list[str] = []
    quoted = escaped = False
    for char in value:
        if quoted:
            current.append(char)
            if escaped:
                escaped = False
            elif char == "\\":
                escaped = True
            elif char == '"':
                quoted = False
        elif char == ",":
            parts.append("".join(current).strip(" \t"))
            current = []
        else:
            quoted = char == '"'
            current.append(char)
    parts.append("".join(current).strip(" \t"))
    return parts
