"""Dictionaries that forget: by number, and by age."""

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(OrderedDict[K, V]):
    """An ordered dictionary of at most ``capacity`` entries; writing one more drops the one written first."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        if len(self) > self.capacity:
            self.popitem(last=False)


class Weighed(Remembered[K, V]):
    """The same with a ``budget``: writing drops those written first until the rest weighs no more. It may change.

    ``weight`` says what a value weighs, in bytes; ``on_drop`` is told each value that makes room for others. The value
    written last stays, whatever its weight.
    """

    def __init__(self, capacity: int, budget: int, weight: Callable[[V], int], on_drop: Callable[[V], None]) -> None:
        super().__init__(capacity)
        self.held = 0
        self.budget = budget
        self._weight = weight
        self.on_drop = on_drop
        self._weights: dict[K, int] = {}

    def __setitem__(self, key: K, value: V) -> None:
        OrderedDict.__setitem__(self, key, value)
        weight = self._weight(value)
        self.held += weight - self._weights.get(key, 0)
        self._weights[key] = weight
        while (len(self) > self.capacity or self.held > self.budget) and len(self) > 1:
            oldest = next(iter(self))
            self.on_drop(self[oldest])
            del self[oldest]

    def __delitem__(self, key: K) -> None:
        OrderedDict.__delitem__(self, key)
        self.held -= self._weights.pop(key, 0)

    def discard(self, key: K) -> bool:
        """Forget one key; say whether it was there."""
        if key not in self:
            return False
        del self[key]
        return True

    def clear(self) -> None:
        OrderedDict.clear(self)
        self._weights.clear()
        self.held = 0


class Recent(Generic[K, V]):
    """Values made on first use, at most ``capacity`` of them, none of them unused for longer than ``age`` seconds.

    ``new`` makes a value. Time is what the caller says it is, and never goes backwards here.
    """

    def __init__(self, new: Callable[[], V], capacity: int, age: float) -> None:
        self._new = new
        self._capacity = capacity
        self._age = age
        self._now = float("-inf")
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()

    def use(self, key: K, now: float) -> V:
        """Return the value of a key, made where there is none; it counts as used at ``now``."""
        if now > self._now:
            self._now = now
        entries = self._entries
        known = entries.get(key)
        value = self._new() if known is None else known[1]
        entries[key] = self._now, value
        if known is not None:
            entries.move_to_end(key)
        while len(entries) > self._capacity or self._oldest() < self._now - self._age:
            entries.popitem(last=False)
        return value

    def get(self, key: K) -> V | None:
        """Return the value of a key, if it is remembered."""
        known = self._entries.get(key)
        return None if known is None else known[1]

    def discard(self, key: K) -> None:
        """Forget one key."""
        self._entries.pop(key, None)

    def _oldest(self) -> float:
        return next(iter(self._entries.values()))[0]

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[K]:
        return iter(self._entries)
