"""Which pages each host lets in with the user's credentials, and what its preflights copy from the question.

Only what a server itself answered counts, with a status of 200 to 299: an error has nothing to read.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from ..fetch.messages import Response, is_ok_status
from ..fetch.origins import Origin, origin_of
from .address_spaces import address_space_of
from .classify import Kind
from .correlate import Correlator
from .exchange import Responder
from .header_value_index import Said
from .public_suffixes import hosting_service
from .record import Record
from .sites import registrable_domain

_SHORTEST: Final = 5
"""Names shorter than this are parts of many others by chance."""

_LONGEST: Final = 255


class Relation(Enum):
    """What the name of a trusted page has to do with that of another one."""

    UNRELATED = "unrelated"
    LOOKALIKE = "look-alike"
    """It contains the other's name, or differs from it in a letter where that has a dot."""
    IMITATED = "imitated"
    """The other way round."""
    SAME_SERVICE = "same service"
    """Both are customers of one hosting service."""
    SAME_SITE = "same site"


@dataclass(frozen=True, slots=True)
class Trusted:
    """Another page that is trusted with credentials by the same host: its origin, what it is to this one, the flow."""

    origin: str
    relation: Relation
    exchange_id: str


class TrustObserver:
    """Remembers whom hosts let in with credentials, as long as the correlator remembers the exchanges."""

    def __init__(self, correlator: Correlator) -> None:
        self._pages: Said[Origin, str] = Said(correlator)
        self._headers: Said[Origin, str] = Said(correlator)
        self._methods: Said[str, str] = Said(correlator)

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the ids of earlier ones of which it proves something."""
        if record.kind is Kind.PREFLIGHT:
            return self._observe_preflight(record)
        if record.kind is not Kind.CORS:
            return set()
        return self._pages.observe(record, _foreign_page(record))

    def others(self, record: Record) -> list[Trusted]:
        """Return the other foreign pages that the same host trusts, by when that was first seen.

        Empty where this exchange's own page is not a trusted foreign one: of another site than the host, and not of
        this machine. A list of allowed pages may well hold the host's own site and a developer's machine.
        """
        others = self._pages.others(record)
        told = self._pages.told(record) if others else None
        own = None if told is None else origin_of(told[1])
        if own is None:
            return []
        found = []
        for (_, exchange_id), page in others:
            other = origin_of(page)
            if other is not None:
                found.append(Trusted(page, relation(own, other), exchange_id))
        return found

    def copied_headers(self, record: Record) -> tuple[str, str] | None:
        """Return another list of header names that the host copied, and its flow, if this preflight's is a copy too.

        A fixed list may by chance be just what was asked for; of two such lists at one host, one with more than one
        name in the browsers' own spelling, that is not to be believed.
        """
        others = self._headers.others(record)
        told = self._headers.told(record) if others else None
        for (_, exchange_id), names in others:
            if told is not None and ("," in names or "," in told[1]):
                return names, exchange_id
        return None

    def copied_method(self, record: Record) -> tuple[str, str] | None:
        """Return another method that alone was allowed at the same URL when it was asked for, and its flow."""
        for (_, exchange_id), method in self._methods.others(record):
            return method, exchange_id
        return None

    def _observe_preflight(self, record: Record) -> set[str]:
        response = answer_of(record)
        method = names = None
        if response is not None and is_ok_status(response.status):
            asked = record.exchange.request.headers
            method = _copied(asked.request_method, response.headers.allow_methods)
            names = _copied(asked.request_headers, response.headers.allow_headers)
        url = record.exchange.request.url
        host = origin_of(url) if names is not None else None
        changed = self._headers.observe(record, None if host is None or names is None else (host, names))
        return changed | self._methods.observe(record, None if method is None else (url, method))


def _copied(asked: str | None, allowed: str | None) -> str | None:
    return allowed if asked and asked == allowed else None


def answer_of(record: Record) -> Response | None:
    """Return what the server itself answered, ``None`` where it did not."""
    exchange = record.exchange
    if exchange.responder is not Responder.SERVER or exchange.error is not None:
        return None
    return exchange.response


def trusted_page(record: Record) -> str | None:
    """Return the serialized origin of the page that may read this response with credentials, ``None`` if none may."""
    origin = record.classification.origin
    response = answer_of(record)
    if origin is None or response is None or record.kind is not Kind.CORS or not is_ok_status(response.status):
        return None
    if response.headers.allow_origin != origin or response.headers.allow_credentials != "true":
        return None
    return origin


@dataclass(frozen=True, slots=True)
class Page:
    """What the origin of a page tells: its parts, its owner, whether it is of this machine, and who hosts it."""

    origin: Origin
    site: str
    is_loopback: bool
    service: str | None


def page_of(origin: str) -> Page | None:
    """Take a serialized origin apart, ``None`` for an opaque one."""
    return _page_of(origin) if len(origin) <= _LONGEST else None


@lru_cache(4096)
def _page_of(origin: str) -> Page | None:
    found = origin_of(origin)
    if found is None:
        return None
    return Page(found, site_of(found.host), address_space_of(found, "") == "loopback", hosting_service(found.host))


def _foreign_page(record: Record) -> tuple[Origin, str] | None:
    """Return the host and the page that it trusts, if that is of another site and not of this machine."""
    trusted = trusted_page(record)
    page = None if trusted is None else page_of(trusted)
    host = None if page is None else origin_of(record.exchange.request.url)
    if trusted is None or page is None or host is None or page.is_loopback or page.site == site_of(host.host):
        return None
    return host, trusted


def is_loopback(origin: Origin) -> bool:
    """Say whether an origin is one of the machine that the browser runs on."""
    return address_space_of(origin, "") == "loopback"


def site_of(host: str) -> str:
    """Return what one owner's host names have in common: the registrable domain, or a hosting service's customer."""
    # Whatever is longer is no name, and must not fill the cache.
    return _site_of(host) if len(host) <= _LONGEST else host


@lru_cache(4096)
def _site_of(host: str) -> str:
    service = hosting_service(host)
    if service is not None:
        return f"{host[: -len(service) - 1].rpartition('.')[2]}.{service}"
    return registrable_domain(host) or host


def relation(own: Origin, other: Origin) -> Relation:
    """Say what a page is to another one that the same host trusts."""
    if site_of(own.host) == site_of(other.host):
        return Relation.SAME_SITE
    service = hosting_service(own.host)
    if service is not None and service == hosting_service(other.host):
        return Relation.SAME_SERVICE
    if is_lookalike(own.host, other.host):
        return Relation.LOOKALIKE
    return Relation.IMITATED if is_lookalike(other.host, own.host) else Relation.UNRELATED


def is_lookalike(host: str, of: str) -> bool:
    """Say whether a loose comparison may take a host name for another one, below which it does not lie."""
    if len(of) < _SHORTEST or host == of or host.endswith("." + of):
        return False
    if of in host:
        return True
    return len(host) == len(of) and all(a == b or b == "." for a, b in zip(host, of, strict=True))
