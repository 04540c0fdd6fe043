"""Preflights that asked again what had been answered before, and what that cost."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from ..fetch.messages import is_ok_status
from .classify import Kind
from .correlate import Correlator
from .record import Record

KEPT: Final = 600.0
"""For how many seconds every browser keeps a grant, if asked to keep it so long: the lowest of their caps."""

DEFAULT: Final = 5.0
"""For how long a grant is kept where the server does not say. https://fetch.spec.whatwg.org/#cors-preflight-fetch-0"""

_Question = tuple[str, str, str, str, tuple[str, ...]]
"""Client, page, URL, method and header names."""
_Moment = tuple[float, str]


@dataclass(slots=True)
class Cost:
    """Preflights of one endpoint: how many, how many seconds they took, and how many of both were avoidable.

    Those were avoidable that would not have been made, had each answer been kept for ``KEPT`` seconds.
    """

    count: int = 0
    seconds: float = 0.0
    avoidable: int = 0
    avoidable_seconds: float = 0.0


class RepeatObserver:
    """Remembers answered preflights by what they asked, as long as the correlator remembers them."""

    def __init__(self, correlator: Correlator) -> None:
        self._correlator = correlator
        self._asked: dict[_Question, list[_Moment]] = {}
        correlator.on_forget.append(self._forget)

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the id of the one that it shows to be a repetition, if any."""
        if not _is_granting(record):
            return set()
        moments = self._asked.setdefault(_question(record), [])
        place = bisect_left(moments, record.order)
        if place < len(moments) and moments[place] == record.order:
            return set()
        insort(moments, record.order)
        return {moments[place + 1][1]} if place + 1 < len(moments) else set()

    def before(self, record: Record) -> Record | None:
        """Return the preflight before this one that was answered, asked the same, and might still have been kept.

        A browser that asks again within the default's seconds does so for reasons of its own.
        """
        moments = self._asked.get(_question(record), [])
        place = bisect_left(moments, record.order)
        if place == 0 or place >= len(moments) or moments[place] != record.order:
            return None
        earlier = self._correlator.get(moments[place - 1][1])
        if earlier is None:
            return None
        return earlier if DEFAULT < record.exchange.started - earlier.over < KEPT else None

    def costs(self) -> Iterator[tuple[str, str, Cost]]:
        """Yield URL, method and cost of each question that was asked until now; others may be asked meanwhile."""
        for (_, _, url, method, _), moments in [*self._asked.items()]:
            yield url, method, _cost(filter(None, (self._correlator.get(each) for _, each in moments)))

    def _forget(self, record: Record) -> None:
        if record.kind is not Kind.PREFLIGHT:
            return
        question = _question(record)
        moments = self._asked.get(question, [])
        place = bisect_left(moments, record.order)
        if place < len(moments) and moments[place] == record.order:
            del moments[place]
            if not moments:
                del self._asked[question]


def _is_granting(record: Record) -> bool:
    response = record.exchange.response
    return record.kind is Kind.PREFLIGHT and response is not None and is_ok_status(response.status)


def _question(record: Record) -> _Question:
    request = record.exchange.request
    return (
        record.exchange.client,
        record.classification.origin or "null",
        request.url,
        request.headers.request_method or "",
        record.asked_names,
    )


def _cost(records: Iterable[Record]) -> Cost:
    cost = Cost()
    kept_until = float("-inf")
    for record in records:
        seconds = record.over - record.exchange.started
        cost.count += 1
        cost.seconds += seconds
        if record.exchange.started < kept_until:
            cost.avoidable += 1
            cost.avoidable_seconds += seconds
        else:
            kept_until = record.over + KEPT
    return cost
