"""What each place was seen to say, value by value, and in which exchanges: for whatever takes two to prove it."""

from bisect import bisect_left, insort
from collections.abc import Hashable
from itertools import islice
from typing import Final, Generic, TypeVar

from .correlate import Correlator
from .record import Record

_JUDGED_AGAIN: Final = 2_000

Moment = tuple[float, str]
"""When a request began (Unix seconds), and the id of its exchange."""

P = TypeVar("P", bound=Hashable)
V = TypeVar("V", bound=Hashable)


class Said(Generic[P, V]):
    """Values said at places. What an exchange told is forgotten with the exchange."""

    def __init__(self, correlator: Correlator) -> None:
        self._places: dict[P, dict[V, list[Moment]]] = {}
        self._told: dict[str, tuple[P, V]] = {}
        correlator.on_forget.append(self.forget)

    def observe(self, record: Record, told: tuple[P, V] | None) -> set[str]:
        """Take in what an exchange says, ``None`` for nothing; return the ids of those that said otherwise there.

        They are returned where this exchange is the first to say so, for then it is news to them.
        """
        if self._told.get(record.id) == told:
            return set()
        self.forget(record)
        if told is None:
            return set()
        place, value = self._told[record.id] = told
        values = self._places.setdefault(place, {})
        moments = values.setdefault(value, [])
        insort(moments, record.order)
        if moments[0] != record.order or len(values) == 1:
            return set()
        others = (each for other in values if other != value for _, each in reversed(values[other]))
        return set(islice(others, _JUDGED_AGAIN))

    def told(self, record: Record) -> tuple[P, V] | None:
        """Return what an exchange said, and where."""
        return self._told.get(record.id)

    def firsts(self, place: P) -> list[tuple[Moment, V]]:
        """Return the values said at a place, each with the first exchange that said it, by time."""
        return sorted(((moments[0], value) for value, moments in self._places.get(place, {}).items()), key=_moment)

    def others(self, record: Record) -> list[tuple[Moment, V]]:
        """Return what else was said where this exchange said something, by time; empty where nothing was."""
        told = self._told.get(record.id)
        if told is None or len(self._places[told[0]]) == 1:
            return []
        return [each for each in self.firsts(told[0]) if each[1] != told[1]]

    def forget(self, record: Record) -> None:
        """Take back what an exchange said."""
        told = self._told.pop(record.id, None)
        if told is None:
            return
        place, value = told
        values = self._places[place]
        moments = values[value]
        del moments[bisect_left(moments, record.order)]
        if not moments:
            del values[value]
        if not values:
            del self._places[place]


def _moment(first: tuple[Moment, object]) -> Moment:
    return first[0]
