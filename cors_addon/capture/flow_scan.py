"""What raw header fields tell of a saved flow: most flows need no more, and it costs one scan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ..fetch.messages import REDIRECT_STATUSES

Fields = Iterable[Sequence[bytes]]
"""Pairs of a field's name and its value."""


@dataclass(frozen=True, slots=True)
class Glance:
    """What one raw scan of a request's header fields tells."""

    origin: bool
    cookie: bool
    no_cors: bool
    document: bool


NOTHING: Final = Glance(False, False, False, False)


def glance(fields: Fields) -> Glance:
    """Scan a request's header fields once."""
    origin = cookie = no_cors = document = False
    for name, value in fields:
        match len(name):
            case 6:
                lower = name.lower()
                origin = origin or lower == b"origin"
                cookie = cookie or lower == b"cookie"
                document = document or (lower == b"accept" and value.startswith(b"text/html"))
            case 14 if name[:4] in (b"sec-", b"Sec-"):
                no_cors = no_cors or (name.lower() == b"sec-fetch-mode" and value == b"no-cors")
    if not (origin or cookie or no_cors or document):
        return NOTHING
    return Glance(origin, cookie, no_cors, document)


def is_of_interest_without_origin(status: int, fields: Fields, seen: Glance) -> bool:
    """Say whether a response to a request without ``Origin`` can still tell something.

    It can as a redirect (a chain may turn cross-origin), as a document with an embedder policy, and where a header may
    block what no CORS check guards.
    """
    if seen.no_cors or seen.document or status in REDIRECT_STATUSES:
        return True
    for name, _ in fields:
        length = len(name)
        if length == 22 and name.lower() == b"x-content-type-options":
            return True
        if length == 28 and name.lower() == b"cross-origin-resource-policy":
            return True
    return False
