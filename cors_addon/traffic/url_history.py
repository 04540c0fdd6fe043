"""What went on between one client and one URL, in the order of time."""

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice
from typing import Final

from .classify import Kind
from .record import Record


def _order(record: Record) -> tuple[float, str]:
    return record.order


_NONE: Final[list[Record]] = []
"""Stands for a list without records: few places have preflights or redirects. Nothing is put into it."""


class Place:
    """The exchanges of one client and one URL, the preflights among them, and the redirects that lead here.

    ``has_authentication`` says whether any of the requests carried HTTP authentication, ``has_confirmation`` whether
    any was answered with a 304: most places see neither, and need not be searched for them.
    """

    __slots__ = ("arrivals", "has_authentication", "has_confirmation", "hops", "preflights")

    def __init__(self) -> None:
        self.has_authentication = self.has_confirmation = False
        self.arrivals: list[Record] = []
        self.preflights = self.hops = _NONE

    def arrived(self, record: Record) -> None:
        """Take in an exchange of this URL."""
        _put_in(self.arrivals, record)
        if record.kind is Kind.PREFLIGHT:
            if self.preflights is _NONE:
                self.preflights = []
            _put_in(self.preflights, record)

    def leads_here(self, hop: Record) -> None:
        """Take in a redirect to this URL, once."""
        if not _holds(self.hops, hop):
            if self.hops is _NONE:
                self.hops = []
            insort(self.hops, hop, key=_order)

    def led_elsewhere(self, hop: Record) -> bool:
        """Take a redirect out; return whether nothing is left here."""
        _remove(self.hops, hop)
        return not self.arrivals and not self.hops

    def left(self, record: Record) -> bool:
        """Take an exchange out of every list; return whether nothing is left here."""
        _remove(self.arrivals, record)
        _remove(self.preflights, record)
        return self.led_elsewhere(record)

    def arrivals_since(self, when: float) -> list[Record]:
        """Return the exchanges that began at a moment or later."""
        return self.arrivals[bisect_left(self.arrivals, (when, ""), key=_order) :]

    def arrivals_before(self, record: Record, most: int) -> Iterator[Record]:
        """Yield the exchanges that began before another, the last one first."""
        return _backwards(self.arrivals, bisect_left(self.arrivals, record.order, key=_order), most)

    def arrivals_after(self, record: Record) -> Iterator[Record]:
        """Yield the exchanges that began after another."""
        return islice(self.arrivals, bisect_left(self.arrivals, record.order, key=_order) + 1, None)

    def preflights_until(self, when: float, most: int) -> Iterator[Record]:
        """Yield the preflights that began at a moment or earlier, the last one first."""
        return _backwards(self.preflights, bisect_left(self.preflights, (when, "\U0010ffff"), key=_order), most)

    def hops_until(self, when: float, most: int) -> Iterator[Record]:
        """Yield the redirects to this URL that began at a moment or earlier, the last one first."""
        return _backwards(self.hops, bisect_left(self.hops, (when, "\U0010ffff"), key=_order), most)


def _backwards(records: list[Record], end: int, most: int) -> Iterator[Record]:
    return (records[index] for index in range(end - 1, max(end - 1 - most, -1), -1))


def _put_in(records: list[Record], record: Record) -> None:
    if not records or records[-1].order < record.order:
        records.append(record)
    else:
        insort(records, record, key=_order)


def _holds(records: list[Record], record: Record) -> bool:
    index = bisect_left(records, record.order, key=_order)
    return index < len(records) and records[index] is record


def _remove(records: list[Record], record: Record) -> None:
    if not records:
        return
    index = 0 if records[0] is record else bisect_left(records, record.order, key=_order)
    if index < len(records) and records[index] is record:
        del records[index]
