"""The safelists that decide what needs a preflight and what a script may read, to the byte."""

from collections.abc import Iterable
from typing import Final

from .headers import byte_lowercase, decode_and_split, is_token
from .methods import is_forbidden_method

_UNSAFE_BYTES: Final = frozenset(
    [chr(code) for code in range(0x20) if code != 0x09] + list('"():<>?@[\\]{}') + [chr(0x7F)]
)
_LANGUAGE_CHARS: Final = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz *,-.;=")
_SAFE_ESSENCES: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})

_FORBIDDEN_NAMES: Final = frozenset(
    {
        "accept-charset",
        "accept-encoding",
        "access-control-request-headers",
        "access-control-request-method",
        "connection",
        "content-length",
        "cookie",
        "cookie2",
        "date",
        "dnt",
        "expect",
        "host",
        "keep-alive",
        "origin",
        "referer",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
_METHOD_OVERRIDES: Final = frozenset({"x-http-method", "x-http-method-override", "x-method-override"})

SAFELISTED_RESPONSE_HEADERS: Final = frozenset(
    {"cache-control", "content-language", "content-length", "content-type", "expires", "last-modified", "pragma"}
)
FORBIDDEN_RESPONSE_HEADERS: Final = frozenset({"set-cookie", "set-cookie2"})

_LONGEST_VALUE: Final = 128
_LONGEST_SUM: Final = 1024


def mime_essence(value: str) -> str | None:
    """Parse a MIME type and return its lower-cased essence, ``None`` where it does not parse.

    https://mimesniff.spec.whatwg.org/#parse-a-mime-type
    """
    text = value.strip(" \t\r\n")
    kind, slash, rest = text.partition("/")
    subtype = rest.partition(";")[0].rstrip(" \t\r\n")
    if not slash or not is_token(kind) or not is_token(subtype):
        return None
    return f"{kind}/{subtype}".lower()


def is_range_safelisted(value: str) -> bool:
    """Say whether a ``Range`` value is one that media elements send: ``bytes=FIRST-[LAST]`` and nothing else.

    https://fetch.spec.whatwg.org/#simple-range-header-value
    """
    if not value.startswith("bytes="):
        return False
    first, dash, last = value[6:].partition("-")
    if not dash or not first.isascii() or not first.isdigit():
        return False
    if not last:
        return True
    if not last.isascii() or not last.isdigit():
        return False
    # Compared as digit strings: a value of 120 digits is legal and needs no big number.
    a, b = first.lstrip("0"), last.lstrip("0")
    return (len(a), a) <= (len(b), b)


def is_cors_safelisted_request_header(name: str, value: str) -> bool:
    """https://fetch.spec.whatwg.org/#cors-safelisted-request-header"""
    if len(value) > _LONGEST_VALUE:
        return False
    match byte_lowercase(name):
        case "accept":
            return _UNSAFE_BYTES.isdisjoint(value)
        case "accept-language" | "content-language":
            return _LANGUAGE_CHARS.issuperset(value)
        case "content-type":
            return _UNSAFE_BYTES.isdisjoint(value) and mime_essence(value) in _SAFE_ESSENCES
        case "range":
            return is_range_safelisted(value)
        case _:
            return False


def cors_unsafe_request_header_names(headers: Iterable[tuple[str, str]]) -> list[str]:
    """Return the names that a preflight has to ask for: lower-cased, each once, sorted.

    https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names
    """
    unsafe: set[str] = set()
    safe: set[str] = set()
    length = 0
    for name, value in headers:
        if is_cors_safelisted_request_header(name, value):
            safe.add(byte_lowercase(name))
            length += len(value)
        else:
            unsafe.add(byte_lowercase(name))
    if length > _LONGEST_SUM:
        unsafe |= safe
    return sorted(unsafe)


def is_cors_non_wildcard_request_header_name(name: str) -> bool:
    """https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name"""
    return byte_lowercase(name) == "authorization"


def is_forbidden_request_header(name: str, value: str = "") -> bool:
    """Say whether a page is kept from setting this header, so that it is the browser's own.

    https://fetch.spec.whatwg.org/#forbidden-request-header
    """
    lower = byte_lowercase(name)
    if lower in _FORBIDDEN_NAMES or lower.startswith(("proxy-", "sec-")):
        return True
    return lower in _METHOD_OVERRIDES and any(map(is_forbidden_method, decode_and_split(value)))
