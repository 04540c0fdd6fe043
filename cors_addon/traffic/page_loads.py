"""Page loads: since when a page of some origin has been open in a browser, and what it was seen to do.

Nothing here forgets by itself: whoever puts something in takes it out when its exchange is forgotten.
"""

from bisect import bisect_left
from typing import Final, TypeVar

_LAST: Final = "\U0010ffff"
"""Behind every id."""

_Mark = tuple[float, str]
"""When, and the exchange that shows it."""

_Key = TypeVar("_Key")

Span = tuple[float, float]
PageAndHost = tuple[str, str, str]
"""Client, serialized origin of the page, and host and port that it calls."""


class PageLoads:
    """Keeps when documents of an origin were loaded by a client; times are Unix seconds, in any order."""

    def __init__(self) -> None:
        self._loads: dict[tuple[str, str], list[_Mark]] = {}
        self._by_client: dict[str, list[_Mark]] = {}

    def loaded_since(self, client: str, since: float, until: float) -> bool:
        """Say whether the client loaded any document after a moment, and not after another."""
        loads = self._by_client.get(client, [])
        return bisect_left(loads, (until, _LAST)) > bisect_left(loads, (since, _LAST))

    def note(self, client: str, origin: str, when: float, exchange_id: str) -> None:
        """Take note of a document."""
        _put_in(self._loads, (client, origin), (when, exchange_id))
        _put_in(self._by_client, client, (when, exchange_id))

    def forget(self, client: str, origin: str, when: float, exchange_id: str) -> None:
        """Take a document out again, where there is one."""
        _take_out(self._loads, (client, origin), (when, exchange_id))
        _take_out(self._by_client, client, (when, exchange_id))

    def span(self, client: str, origin: str, when: float) -> Span:
        """Return from when until when the page that was open at a moment was open; infinite where not known."""
        loads = self._loads.get((client, origin), [])
        place = bisect_left(loads, (when, _LAST))
        start = loads[place - 1][0] if place else float("-inf")
        return start, loads[place][0] if place < len(loads) else float("inf")


class PageMarks:
    """Keeps, for each key, the moments at which something was seen, with the exchange that showed it."""

    def __init__(self) -> None:
        self._marks: dict[PageAndHost, list[_Mark]] = {}

    def note(self, key: PageAndHost, when: float, exchange_id: str, span: Span) -> bool:
        """Take note; return whether that changes what ``within`` answers for the span of its page."""
        if not _put_in(self._marks, key, (when, exchange_id)):
            return False
        marks = self._marks[key]
        place = bisect_left(marks, (when, exchange_id))
        # Whoever asks leaves one exchange aside, so the first two of a page matter.
        return place - bisect_left(marks, (span[0], "")) < 2

    def forget(self, key: PageAndHost, when: float, exchange_id: str) -> None:
        """Take one out again, where there is one."""
        _take_out(self._marks, key, (when, exchange_id))

    def __contains__(self, key: PageAndHost) -> bool:
        """Say whether anything is known of a page and a host."""
        return key in self._marks

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


def _put_in(lists: dict[_Key, list[_Mark]], key: _Key, mark: _Mark) -> bool:
    """Put a mark in its place; return whether it is new."""
    marks = lists.setdefault(key, [])
    place = bisect_left(marks, mark)
    if place < len(marks) and marks[place] == mark:
        return False
    marks.insert(place, mark)
    return True


def _take_out(lists: dict[_Key, list[_Mark]], key: _Key, mark: _Mark) -> None:
    marks = lists.get(key, [])
    place = bisect_left(marks, mark)
    if place < len(marks) and marks[place] == mark:
        del marks[place]
        if not marks:
            del lists[key]
