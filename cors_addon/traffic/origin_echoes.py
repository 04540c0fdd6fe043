"""Responses of one URL that name different origins and do not say that they vary: what a cache may mix up."""

from dataclasses import dataclass

from ..fetch.checks import ALLOW_ORIGIN
from ..fetch.headers import get_decode_and_split
from .classify import Kind
from .correlate import Correlator
from .header_value_index import Said
from .record import Record


@dataclass(frozen=True, slots=True)
class Echo:
    """Another exchange of the same URL and the origin that it named."""

    origin: str
    exchange_id: str


class EchoObserver:
    """Remembers which origin each URL's cacheable responses named, as long as the correlator remembers them."""

    def __init__(self, correlator: Correlator) -> None:
        self._said: Said[str, str] = Said(correlator)

    def clear(self) -> None:
        """Forget everything."""
        self._said.clear()

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the ids of earlier ones that it shows to be mixable."""
        origin = _named_origin(record)
        return self._said.observe(record, None if origin is None else (record.exchange.request.url, origin))

    def other(self, record: Record) -> Echo | None:
        """Return the first exchange of the same URL that named another origin, if this one could stand in for it."""
        origin = _named_origin(record)
        if origin is None:
            return None
        for (_, exchange_id), other in self._said.firsts(record.exchange.request.url):
            if other != origin:
                return Echo(other, exchange_id)
        return None


def _named_origin(record: Record) -> str | None:
    """Return the one origin that a cacheable response names without telling that it varies; else ``None``."""
    exchange = record.exchange
    response = exchange.response
    if record.kind is not Kind.CORS or response is None or exchange.request.method != "GET" or response.status != 200:
        return None
    origin = response.headers.get(ALLOW_ORIGIN)
    if origin is None or origin == "*":
        return None
    if "no-store" in (response.headers.get("Cache-Control") or "").lower():
        return None
    varies = {value.lower() for value in get_decode_and_split(response.headers, "Vary") or ()}
    return None if varies & {"origin", "*"} else origin
