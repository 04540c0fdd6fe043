"""What is kept of an exchange, and what that costs: long values are cut on entry, and the bytes counted.

A URL or value beyond some KB is kept with its beginning, its length and a hash, since nothing compares more. What is
read to its end (lists of names, policies, where a redirect leads) is kept as long as browsers take headers at all.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..fetch.headers import HeaderList, byte_lowercase, is_read
from ..fetch.messages import Request, Response
from .exchange import Exchange

Fields = Sequence[Sequence[bytes]]
"""Pairs of a field's name and its value."""

BUDGET: Final = 256 * 2**20
"""Bytes that may be remembered, of exchanges and verdicts together."""

AT_ONCE: Final = 2
"""How many exchanges that are too old go for each that comes: each is explained first, and a pause makes all old."""

FREED: Final = 60_000
"""Bytes that each exchange frees beyond its own while more is held than may be, as once the budget is lowered."""

LONGEST_URL: Final = 8_192
LONGEST_VALUE: Final = 4_096
LONGEST_LIST: Final = 65_536
"""Chromium takes no more than 256 KB of response headers, and servers send or take 8 to 80 KB."""

MOST_LINES: Final = 500
"""Header lines that are read, and as many more of names that matter."""

_MOST_SCANNED: Final = 10_000
"""Header lines that are looked at for these."""

LONGEST_NAME: Final = 256
"""Of header names, and of methods."""

_CUT: Final = re.compile(r"\.\.\.\([0-9]+-[0-9a-f]{16}\)\Z")
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


def headers_of(fields: Fields) -> HeaderList:
    """Return what is read of raw header fields: all of it, but of those that are long or very many."""
    if len(fields) > MOST_LINES:
        return HeaderList.from_bytes(_trimmed(fields))
    headers = HeaderList.from_bytes(fields)
    return headers if headers.size <= _SHORT else HeaderList.from_bytes(_trimmed(fields))


def _trimmed(fields: Fields) -> Fields:
    """Return raw header fields with long names and values cut, and without the last of very many.

    It is done before anything is decoded: a mebibyte of headers must not hold up the traffic.
    """
    kept: list[tuple[bytes, bytes]] = []
    others = matter = 0
    for name, value in fields[:_MOST_SCANNED]:
        if is_read(name):
            matter += 1
            if matter > MOST_LINES:
                continue
        else:
            others += 1
            if others > MOST_LINES:
                continue
        if len(name) > LONGEST_NAME or len(value) > LONGEST_VALUE:
            limit = LONGEST_LIST if name.lower().decode("latin-1") in _READ_TO_THE_END else LONGEST_VALUE
            name, value = cut_bytes(name, LONGEST_NAME), cut_bytes(value, limit)
        kept.append((name, value))
    return tuple(kept)


def cut_bytes(data: bytes, limit: int) -> bytes:
    """Return bytes, or their beginning with length and hash, as ``cut`` does."""
    if len(data) <= limit:
        return data
    from hashlib import blake2b

    return b"%b...(%d-%b)" % (data[: limit // 2], len(data), blake2b(data, digest_size=8).hexdigest().encode())


def cut(text: str, limit: int) -> str:
    """Return a text, or its beginning with length and hash; what is equal stays equal, and what differs differs."""
    if len(text) <= limit:
        return text
    from hashlib import blake2b

    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return f"{text[: limit // 2]}...({len(text)}-{digest})"


def is_cut(request: Request) -> bool:
    """Say whether something of a request was cut, so that it cannot be sent again as it was."""
    texts = [request.url, request.method, *(text for line in request.headers for text in line)]
    return any(_CUT.search(text) for text in texts)


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
    lines = [(cut(name, LONGEST_NAME), cut(value, _limit(name, len(value)))) for name, value in headers]
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
