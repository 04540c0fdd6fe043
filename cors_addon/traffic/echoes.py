"""Responses of one URL that name different origins and do not say that they vary: what a cache may mix up."""

from bisect import bisect_left, insort
from dataclasses import dataclass
from typing import Final

from ..fetch.checks import ALLOW_ORIGIN
from ..fetch.headers import get_decode_and_split
from .classify import Kind
from .correlate import Correlator
from .record import Record

_JUDGED_AGAIN: Final = 2_000

_Moment = tuple[float, str]


@dataclass(frozen=True, slots=True)
class Echo:
    """Another exchange of the same URL and the origin that it named."""

    origin: str
    exchange_id: str


class EchoObserver:
    """Remembers which origin each URL's cacheable responses named, as long as the correlator remembers them."""

    def __init__(self, correlator: Correlator) -> None:
        self._seen: dict[str, dict[str, list[_Moment]]] = {}
        correlator.on_forget.append(self._forget)

    def clear(self) -> None:
        """Forget everything."""
        self._seen.clear()

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the ids of earlier ones that it shows to be mixable."""
        origin = _named_origin(record)
        if origin is None:
            self._forget(record)
            return set()
        seen = self._seen.setdefault(record.exchange.request.url, {})
        moments = seen.setdefault(origin, [])
        if _holds(moments, record.order):
            return set()
        insort(moments, record.order)
        if moments[0] != record.order:
            return set()
        return {exchange_id for other in seen if other != origin for _, exchange_id in seen[other][-_JUDGED_AGAIN:]}

    def other(self, record: Record) -> Echo | None:
        """Return the first exchange of the same URL that named another origin, if this one could stand in for it."""
        origin = _named_origin(record)
        if origin is None:
            return None
        seen = self._seen.get(record.exchange.request.url, {})
        firsts = [(moments[0], other) for other, moments in seen.items() if other != origin]
        if not firsts:
            return None
        (_, exchange_id), other = min(firsts)
        return Echo(other, exchange_id)

    def _forget(self, record: Record) -> None:
        url = record.exchange.request.url
        seen = self._seen.get(url)
        if seen is None:
            return
        for origin, moments in [*seen.items()]:
            if _holds(moments, record.order):
                del moments[bisect_left(moments, record.order)]
                if not moments:
                    del seen[origin]
        if not seen:
            del self._seen[url]


def _holds(moments: list[_Moment], moment: _Moment) -> bool:
    place = bisect_left(moments, moment)
    return place < len(moments) and moments[place] == moment


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
