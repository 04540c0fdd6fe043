"""Header lists, and the grammars of the header values that CORS reads.

Header names and values are ``str`` holding one character for each byte (isomorphic decoding, Latin-1), so that
``len(value)`` is a length in bytes and no byte is ever lost.
"""

import re
from collections.abc import Iterable, Iterator
from string import ascii_lowercase, ascii_uppercase
from typing import Final

HTTP_WHITESPACE: Final = " \t\r\n"

# Possessive throughout, so that a value made to hurt costs no more than its length.
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_TOKEN_LIST: Final = re.compile(rf"[ \t]*+(?:{_TOKEN.pattern}[ \t]*+)?+(?:,[ \t]*+(?:{_TOKEN.pattern}[ \t]*+)?+)*+")
_FOLD: Final = re.compile(r"\r?\n[ \t]++")
_PART: Final = re.compile(r'(?:[^",]++|"(?:[^"\\]++|\\.)*+["\\]?)*+', re.DOTALL)
_LOWER: Final = str.maketrans(ascii_uppercase, ascii_lowercase)
_UPPER: Final = str.maketrans(ascii_lowercase, ascii_uppercase)


class Invalid:
    """What ``extract_header_list_values`` returns where the standard says *failure*; compare with ``is INVALID``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()


def byte_lowercase(text: str) -> str:
    """https://infra.spec.whatwg.org/#byte-lowercase (``str.lower`` knows more letters than A to Z)"""
    return text.lower() if text.isascii() else text.translate(_LOWER)


def byte_uppercase(text: str) -> str:
    """https://infra.spec.whatwg.org/#byte-uppercase"""
    return text.upper() if text.isascii() else text.translate(_UPPER)


_MOST_NAMES: Final = 2_000
_LONGEST_NAME: Final = 64
_KEYS: Final[dict[str, str]] = {}
_FIELDS: Final[dict[bytes, str]] = {}
"""The lower-case forms of the names met first; no more, and no long ones, so that no server can fill the memory."""


def _key_of(name: str) -> str:
    key = byte_lowercase(name)
    if len(_KEYS) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
        _KEYS[name] = key
    return key


def _key_of_field(name: bytes) -> str:
    # Of bytes, lower-casing knows the letters A to Z alone.
    key = name.lower().decode("latin-1")
    if len(_FIELDS) < _MOST_NAMES and len(name) <= _LONGEST_NAME:
        _FIELDS[name] = key
    return key


class HeaderList:
    """An ordered list of header lines, found by case-insensitive name.

    https://fetch.spec.whatwg.org/#concept-header-list
    ``lines`` gives every line as it was sent. Look-ups see values with leading and trailing whitespace taken off, as
    the standard's *normalize* does before a value ever enters a header list, and with a folded line unfolded, as
    https://www.rfc-editor.org/rfc/rfc9112#section-5.2 asks of whoever reads it.
    """

    __slots__ = ("_fields", "_index", "_lines", "_repeated")

    def __init__(self, lines: Iterable[tuple[str, str]] = ()) -> None:
        self._lines: tuple[tuple[str, str], ...] | None = tuple(lines)
        self._fields: tuple[tuple[bytes, bytes], ...] = ()
        self._index: dict[str, str] | None = None
        self._repeated: dict[str, list[str]] | None = None

    @classmethod
    def from_bytes(cls, fields: Iterable[tuple[bytes, bytes]]) -> "HeaderList":
        """Build a list from raw field lines; any byte is accepted."""
        made = cls.__new__(cls)
        # Most lists are asked for a few names and never for their lines.
        made._lines, made._fields, made._index, made._repeated = None, tuple(fields), None, None
        return made

    @property
    def lines(self) -> tuple[tuple[str, str], ...]:
        """Every line as it was sent."""
        if self._lines is None:
            self._lines = tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in self._fields])
        return self._lines

    def _by_name(self) -> dict[str, str]:
        """Return the value of each name as ``get`` gives it, made at the first look-up."""
        # This is most of what a header list costs, so the usual names are not lower-cased again each time.
        index: dict[str, str] = {}
        if self._lines is None:
            for name, field in self._fields:
                key = _FIELDS.get(name) or _key_of_field(name)
                value = field.decode("latin-1").strip(HTTP_WHITESPACE)
                if "\n" in value or key in index:
                    self._fold_in(index, key, value)
                else:
                    index[key] = value
        else:
            for line in self._lines:
                self._fold_in(index, _KEYS.get(line[0]) or _key_of(line[0]), line[1].strip(HTTP_WHITESPACE))
        for key, values in (self._repeated or {}).items():
            index[key] = ", ".join(values)
        self._index = index
        return index

    def _fold_in(self, index: dict[str, str], key: str, value: str) -> None:
        """Add a value that may be folded, or one of several of its name."""
        if "\n" in value:
            value = _FOLD.sub(" ", value)
        if key not in index:
            index[key] = value
            return
        if self._repeated is None:
            self._repeated = {}
        self._repeated.setdefault(key, [index[key]]).append(value)

    def get_all(self, name: str) -> tuple[str, ...]:
        """Return the value of every line with this name, in order; empty when there is none."""
        key = _KEYS.get(name) or _key_of(name)
        value = (self._index or self._by_name()).get(key)
        if value is None:
            return ()
        repeated = self._repeated
        return (value,) if repeated is None or key not in repeated else tuple(repeated[key])

    def get(self, name: str) -> str | None:
        """Return all values of that name joined by a comma and a space, or ``None``.

        https://fetch.spec.whatwg.org/#concept-header-list-get
        """
        return (self._index or self._by_name()).get(_KEYS.get(name) or _key_of(name))

    def names(self) -> tuple[str, ...]:
        """Return the lower-cased names present, each once, in the order of first appearance."""
        return tuple(self._index or self._by_name())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (_KEYS.get(name) or _key_of(name)) in (self._index or self._by_name())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self._fields if self._lines is None else self._lines)

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
    return _TOKEN.fullmatch(text) is not None


def split_token_list(value: str) -> list[str] | Invalid:
    """Parse one line of a ``#token`` list.

    Empty elements are legal and dropped; whitespace around an element is space and tab only. Any other element that is
    not a token makes the line ``INVALID``.
    """
    # In a line that fits, the tokens are just what separates the rest.
    return _TOKEN.findall(value) if _TOKEN_LIST.fullmatch(value) else INVALID


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


def decode_and_split(value: str) -> list[str]:
    """Split a value at its commas, minding quoted strings; the quotes stay.

    https://fetch.spec.whatwg.org/#header-value-get-decode-and-split
    """
    if '"' not in value:
        return [part.strip(" \t") for part in value.split(",")]
    parts: list[str] = []
    position = 0
    while True:
        match = _PART.match(value, position)
        assert match is not None  # the pattern matches the empty string
        parts.append(match[0].strip(" \t"))
        position = match.end() + 1
        if position > len(value):
            return parts


def get_decode_and_split(headers: HeaderList, name: str) -> list[str] | None:
    """Get a header's value and split it at its commas; ``None`` when there is none.

    https://fetch.spec.whatwg.org/#concept-header-list-get-decode-split
    """
    value = headers.get(name)
    return None if value is None else decode_and_split(value)
