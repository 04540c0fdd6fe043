"""Whether Chromium takes a text for a URL: what tells InvalidAllowOriginValue from AllowOriginMismatch.

Chromium hands the value of Access-Control-Allow-Origin to its URL parser only to name the failure more exactly, so this
decides a name and never an outcome. https://url.spec.whatwg.org/#url-parsing
"""

import re
from typing import Final

from ..fetch.urls import DEFAULT_PORTS, parse_host, parse_url

_READ: Final = 10_000
_AUTHORITY: Final = re.compile(r"[^/?#]*+")
_HOST_AND_PORT: Final = re.compile(r"(\[[^\]]*+\]|[^:]*+)(?::([0-9]*+))?")
_FORBIDDEN_IN_HOST: Final = re.compile(r"[\x00\t\n\r #/<>?@\[\\\]^|:]")


def is_valid_url(text: str) -> bool:
    """Say whether the text parses as an absolute URL; each character stands for one byte of the header's value."""
    text = text[:_READ].encode("latin-1", "replace").decode("utf-8", "replace")
    parsed = parse_url(text)
    if parsed is None:
        return False
    if parsed.scheme in DEFAULT_PORTS:
        # A byte that is no UTF-8 becomes a letter that no domain may hold; anywhere else it is taken.
        authority = text.partition(":")[2].replace("\\", "/").lstrip("/")
        return "\ufffd" not in _authority(authority)
    return not parsed.path.startswith("//") or _is_opaque_host(_authority(parsed.path[2:]))


def _authority(text: str) -> str:
    """Return host and port, without user name and password."""
    match = _AUTHORITY.match(text)
    assert match is not None  # it matches the empty string
    return match[0].rpartition("@")[2]


def _is_opaque_host(authority: str) -> bool:
    """https://url.spec.whatwg.org/#concept-opaque-host-parser, and the port after it"""
    match = _HOST_AND_PORT.fullmatch(authority)
    if match is None or len((match[2] or "").lstrip("0")) > 5 or int(match[2] or "0") > 0xFFFF:
        return False
    host = match[1]
    if host.startswith("["):
        return parse_host(host) is not None
    return _FORBIDDEN_IN_HOST.search(host) is None
