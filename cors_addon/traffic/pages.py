"""Page loads: since when a page of some origin has been open in a browser, and what it was seen to do."""

from bisect import bisect_left, bisect_right, insort
from typing import Final

from .remembered import Recent

_LOADS_KEPT: Final = 64
_LOADS_AGE: Final = 6 * 3600.0

Span = tuple[float, float]
PageAndHost = tuple[str, str, str]
"""Client, serialized origin of the page, and host and port that it calls."""


class PageLoads:
    """Remembers when documents of an origin were loaded by a client; times are Unix seconds, in any order."""

    def __init__(self, capacity: int = 2_000) -> None:
        self._loads: Recent[tuple[str, str], list[float]] = Recent(list, capacity, _LOADS_AGE)
        self._by_client: Recent[str, list[float]] = Recent(list, capacity, _LOADS_AGE)

    def clear(self) -> None:
        """Forget everything."""
        self._loads.clear()
        self._by_client.clear()

    def loaded_since(self, client: str, since: float, until: float) -> bool:
        """Say whether the client loaded any document between two moments."""
        loads = self._by_client.get(client) or []
        return bisect_right(loads, until) > bisect_right(loads, since)

    def note(self, client: str, origin: str, when: float) -> None:
        """Take note of a document."""
        for loads in (self._loads.use((client, origin), when), self._by_client.use(client, when)):
            insort(loads, when)
            del loads[:-_LOADS_KEPT]

    def span(self, client: str, origin: str, when: float) -> Span:
        """Return from when until when the page that was open at a moment was open; infinite where not known."""
        loads = self._loads.get((client, origin)) or []
        place = bisect_right(loads, when)
        start = loads[place - 1] if place else float("-inf")
        return start, loads[place] if place < len(loads) else float("inf")


class PageMarks:
    """Keeps, for each key, the moments at which something was seen, with the exchange that showed it."""

    def __init__(self) -> None:
        self._marks: dict[PageAndHost, list[tuple[float, str]]] = {}

    def clear(self) -> None:
        """Forget everything."""
        self._marks.clear()

    def note(self, key: PageAndHost, when: float, exchange_id: str, span: Span) -> bool:
        """Take note; return whether that changes what ``within`` answers for the span of its page."""
        marks = self._marks.setdefault(key, [])
        mark = when, exchange_id
        place = bisect_left(marks, mark)
        if place < len(marks) and marks[place] == mark:
            return False
        marks.insert(place, mark)
        # Whoever asks leaves one exchange aside, so the first two of a page matter.
        return place - bisect_left(marks, (span[0], "")) < 2

    def forget(self, key: PageAndHost, when: float, exchange_id: str) -> None:
        """Take one out again, where there is one."""
        marks = self._marks.get(key)
        if marks is None:
            return
        place = bisect_left(marks, (when, exchange_id))
        if place < len(marks) and marks[place] == (when, exchange_id):
            del marks[place]
            if not marks:
                del self._marks[key]

    def within(self, key: PageAndHost, span: Span, besides: str = "") -> str | None:
        """Return the first exchange that showed it within a span, other than ``besides``; ``None`` without one."""
        marks = self._marks.get(key) or []
        for place in range(bisect_left(marks, (span[0], "")), len(marks)):
            when, exchange_id = marks[place]
            if when >= span[1]:
                return None
            if exchange_id != besides:
                return exchange_id
        return None
