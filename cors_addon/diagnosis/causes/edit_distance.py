"""How many letters apart two short texts are."""

from functools import lru_cache
from typing import Final

_SHORT: Final = 64
"""The same few header names are compared with each other again and again; longer texts must not fill the cache."""


def distance(one: str, other: str, limit: int) -> int:
    """Return how many letters are to be put in, left out, replaced or swapped with their neighbour.

    What is more than ``limit`` is ``limit + 1``, and costs little.
    """
    if abs(len(one) - len(other)) > limit:
        return limit + 1
    return _counted(one, other, limit) if len(one) <= _SHORT else _count(one, other, limit)


def _count(one: str, other: str, limit: int) -> int:
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, letter in enumerate(one, 1):
        longer, before, row = before, row, [i]
        for j, against in enumerate(other, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (letter != against))
            if i > 1 and j > 1 and letter == other[j - 2] and one[i - 2] == against:
                cost = min(cost, longer[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return min(row[-1], limit + 1)


_counted: Final = lru_cache(4096)(_count)
