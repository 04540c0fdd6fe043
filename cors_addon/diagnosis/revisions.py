"""What is left to do about flows that have passed: which to judge again, and since when."""

from collections.abc import Iterable
from typing import Final

# Well below what a session remembers: 20,000 exchanges, or those of an hour.
_MOST_FLOWS: Final = 2_000
_MOST_SECONDS: Final = 1_200.0
_MOST_IDS: Final = 20_000


class Backlog:
    """Ids of exchanges that later evidence concerns, to be judged again once for many pieces of it."""

    def __init__(self) -> None:
        self._ids: dict[str, None] = {}
        self._flows = 0
        self._when = float("-inf")

    def add(self, ids: Iterable[str]) -> None:
        self._ids.update(dict.fromkeys(ids))

    def __len__(self) -> int:
        return len(self._ids)

    def pop(self) -> str:
        """Return the id that came first, and forget it."""
        first = next(iter(self._ids))
        del self._ids[first]
        return first

    def take(self) -> list[str]:
        """Return the ids in the order in which they came, and forget them."""
        ids = list(self._ids)
        self._ids.clear()
        return ids

    def is_due(self, moment: float) -> bool:
        """Say whether they have to be judged before the next exchange is taken in, which may make a session forget.

        Ask once for each exchange of a saved capture; ``moment`` is when it was over, in Unix seconds.
        """
        self._flows += 1
        if self._flows < _MOST_FLOWS and len(self._ids) < _MOST_IDS and abs(moment - self._when) < _MOST_SECONDS:
            return False
        self._flows, self._when = 0, moment
        return True
