"""The grammars of the header values that CORS reads; header lists themselves are in ``header_list``."""

import re
from typing import Final

from .header_list import HeaderList as HeaderList
from .header_list import byte_lowercase as byte_lowercase
from .header_list import byte_uppercase as byte_uppercase
from .header_list import is_read as is_read

# Possessive throughout, so that a value made to hurt costs no more than its length.
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++")
_TOKEN_LIST: Final = re.compile(rf"[ \t]*+(?:{_TOKEN.pattern}[ \t]*+)?+(?:,[ \t]*+(?:{_TOKEN.pattern}[ \t]*+)?+)*+")
_PART: Final = re.compile(r'(?:[^",]++|"(?:[^"\\]++|\\.)*+["\\]?)*+', re.DOTALL)


class Invalid:
    """What ``extract_header_list_values`` returns where the standard says *failure*; compare with ``is INVALID``."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "INVALID"


INVALID: Final = Invalid()


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
