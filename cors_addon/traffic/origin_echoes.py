"""Responses of one URL that name different origins and do not say that they vary: what a cache may mix up."""

from dataclasses import dataclass

from .classify import Kind
from .correlate import Correlator
from .header_value_index import Said
from .host_policies import varies_by_origin
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

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the ids of earlier ones that it shows to be mixable."""
        origin = _named_origin(record)
        return self._said.observe(record, None if origin is None else (record.exchange.request.url, origin))

    def other(self, record: Record) -> Echo | None:
        """Return the first exchange of the same URL that named another origin, if this one could stand in for it."""
        for (_, exchange_id), other in self._said.others(record):
            return Echo(other, exchange_id)
        return None


def _named_origin(record: Record) -> str | None:
    """Return the one origin that a cacheable response names without telling that it varies; else ``None``."""
    exchange = record.exchange
    response = exchange.response
    if record.kind is not Kind.CORS or response is None or exchange.request.method != "GET" or response.status != 200:
        return None
    origin = response.headers.allow_origin
    if origin is None or origin == "*":
        return None
    if "no-store" in (response.headers.cache_control or "").lower():
        return None
    return None if response.headers.vary is not None and varies_by_origin(response.headers) else origin
