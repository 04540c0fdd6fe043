"""What is kept of an exchange, and what that costs: long values are cut on entry, and the bytes counted.

A URL or value beyond some KB is kept with its beginning, its length and a hash, since nothing compares more. What is
read to its end (lists of names, policies, where a redirect leads) is kept as long as browsers take headers at all.
"""

from dataclasses import replace
from typing import Final

from ..fetch.headers import HeaderList, byte_lowercase
from ..fetch.messages import Request, Response
from .exchange import Exchange

BUDGET: Final = 256 * 2**20
"""Bytes that may be remembered, of exchanges and verdicts together."""

LONGEST_URL: Final = 8_192
LONGEST_VALUE: Final = 4_096
LONGEST_LIST: Final = 262_144
"""Chromium takes no more than 256 KB of response headers."""

_LONGEST_NAME: Final = 256
_SHORT: Final = 4_096
_READ_TO_THE_END: Final = frozenset(
    {
        "access-control-allow-headers",
        "access-control-allow-methods",
        "access-control-expose-headers",
        "access-control-request-headers",
        "content-security-policy",
        "location",
        "set-cookie",
        "timing-allow-origin",
        "vary",
    }
)
_RECORD: Final = 6_000
"""Bytes of an exchange with its ties and what observers note of it, headers left aside; measured with tracemalloc."""

_OF_A_BYTE: Final = 3
"""A header's byte is kept as sent, and most of them as text too; names take as much again."""


def cut(text: str, limit: int) -> str:
    """Return a text, or its beginning with length and hash; what is equal stays equal, and what differs differs."""
    if len(text) <= limit:
        return text
    from hashlib import blake2b

    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[: limit // 2]}...({len(text)}-{digest})"


def kept_url(url: str) -> str:
    """Return a URL as it is kept and compared."""
    return cut(url, LONGEST_URL)


def kept(exchange: Exchange) -> Exchange:
    """Return an exchange with its long values cut."""
    request, response = exchange.request, exchange.response
    is_short = len(request.url) <= LONGEST_URL and request.headers.size <= _SHORT
    if is_short and (response is None or response.headers.size <= _SHORT):
        return exchange
    if not is_short:
        request = Request(request.method, kept_url(request.url), _kept_headers(request.headers))
    return replace(exchange, request=request, response=None if response is None else kept_response(response))


def kept_response(response: Response) -> Response:
    """Return a response with its long values cut."""
    return response if response.headers.size <= _SHORT else Response(response.status, _kept_headers(response.headers))


def _kept_headers(headers: HeaderList) -> HeaderList:
    lines = [(cut(name, _LONGEST_NAME), cut(value, _limit(name, len(value)))) for name, value in headers]
    return headers if tuple(lines) == headers.lines else HeaderList(lines)


def _limit(name: str, length: int) -> int:
    if length <= LONGEST_VALUE:
        return LONGEST_VALUE
    return LONGEST_LIST if byte_lowercase(name) in _READ_TO_THE_END else LONGEST_VALUE


def cost_of(exchange: Exchange) -> int:
    """Return, in bytes and roughly, what remembering an exchange costs."""
    size = exchange.request.headers.size + len(exchange.request.url)
    if exchange.response is not None:
        size += exchange.response.headers.size
    return _RECORD + _OF_A_BYTE * size
