"""Requests and responses as the standard sees them, and its closed sets."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .headers import HeaderList


class CredentialsMode(Enum):
    """What decides the CORS check: is the mode "include", or one of the two others?

    https://fetch.spec.whatwg.org/#concept-request-credentials-mode
    On a request that reaches the CORS check, "omit" and "same-origin" act alike, so they share one value.
    """

    INCLUDE = "include"
    NOT_INCLUDE = "not-include"

    # Enum's own asks the name, and every verdict is full of sets and dictionaries of these.
    __hash__ = object.__hash__


@dataclass(frozen=True, slots=True)
class Request:
    """A request line and its header list; ``url`` is absolute and carries no fragment."""

    method: str
    url: str
    headers: HeaderList


@dataclass(frozen=True, slots=True)
class Response:
    """A status and its header list."""

    status: int
    headers: HeaderList


REDIRECT_STATUSES: Final = frozenset({301, 302, 303, 307, 308})


def is_ok_status(status: int) -> bool:
    """https://fetch.spec.whatwg.org/#ok-status"""
    return 200 <= status <= 299


def is_redirect_status(status: int) -> bool:
    """https://fetch.spec.whatwg.org/#redirect-status"""
    return status in REDIRECT_STATUSES
