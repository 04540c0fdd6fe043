"""Page loads: since when a page of some origin has been open in a browser, and what it was seen to do."""

from bisect import bisect_right, insort
from typing import Final

from .remembered import Remembered

_LOADS_KEPT: Final = 64
_MARKS_KEPT: Final = 16


class PageLoads:
    """Remembers when documents of an origin were loaded by a client; times are Unix seconds, in any order."""

    def __init__(self, capacity: int = 4_000) -> None:
        self._loads: Remembered[tuple[str, str], list[float]] = Remembered(capacity)
        self._by_client: Remembered[str, list[float]] = Remembered(capacity)

    def clear(self) -> None:
        """Forget everything."""
        self._loads.clear()
        self._by_client.clear()

    def loaded_since(self, client: str, since: float, until: float) -> bool:
        """Say whether the client loaded any document between two moments."""
        loads = self._by_client.get(client, [])
        return bisect_right(loads, until) > bisect_right(loads, since)

    def note(self, client: str, origin: str, when: float) -> None:
        """Take note of a document."""
        for loads in (self._loads.setdefault((client, origin), []), self._by_client.setdefault(client, [])):
            insort(loads, when)
            del loads[:-_LOADS_KEPT]

    def span(self, client: str, origin: str, when: float) -> tuple[float, float]:
        """Return from when until when the page that was open at a moment was open; infinite where not known."""
        loads = self._loads.get((client, origin), [])
        place = bisect_right(loads, when)
        start = loads[place - 1] if place else float("-inf")
        return start, loads[place] if place < len(loads) else float("inf")


class PageMarks:
    """Remembers, for each key, the moments at which something was seen, with the exchange that showed it."""

    def __init__(self, capacity: int = 10_000) -> None:
        self._marks: Remembered[tuple[str, str, str], list[tuple[float, str]]] = Remembered(capacity)

    def clear(self) -> None:
        """Forget everything."""
        self._marks.clear()

    def note(self, key: tuple[str, str, str], when: float, exchange_id: str, span: tuple[float, float]) -> bool:
        """Take note; return whether this is the first within the span of its page."""
        first = self.within(key, span) is None
        marks = self._marks.setdefault(key, [])
        if first or len(marks) < _MARKS_KEPT:
            insort(marks, (when, exchange_id))
            del marks[:-_MARKS_KEPT]
        return first

    def within(self, key: tuple[str, str, str], span: tuple[float, float], besides: str = "") -> str | None:
        """Return an exchange that showed it within a span, other than ``besides``; ``None`` where there is none."""
        for when, exchange_id in self._marks.get(key, ()):
            if span[0] <= when < span[1] and exchange_id != besides:
                return exchange_id
        return None
