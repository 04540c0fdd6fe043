"""Work in steps: a generator that yields where others may have a turn, and returns a result."""

import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future
from functools import _lru_cache_wrapper
from typing import Any, Final, Generic, TypeVar

from ..verdict.conditions import forget_conditions

_AT_ONCE: Final = 200
"""Things that are let go of in one step."""

_PACKAGE: Final = __name__.partition(".")[0]

_Result = TypeVar("_Result")
_Container = dict[Any, Any] | list[Any] | set[Any]


class Aside(Generic[_Result]):
    """Work that needs no turn: steps yield it, so that it can be done in a thread, and then ask for its result."""

    def __init__(self, work: Callable[[], _Result]) -> None:
        self._work = work
        self._made: Future[_Result] = Future()

    def do(self) -> None:
        """Do the work, wherever that is; what it raises, ``result`` raises."""
        try:
            self._made.set_result(self._work())
        except Exception as exc:
            self._made.set_exception(exc)

    def result(self) -> _Result:
        """Return what came of it; it is done here and now where nobody has."""
        if not self._made.done():
            self.do()
        return self._made.result()


Steps = Generator[Aside[Any] | None, None, _Result]
"""Steps of which some are work for a thread."""


def result_of(steps: Generator[object, None, _Result]) -> _Result:
    """Take all steps at once, and return the result."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: _Result = end.value
            return result


def emptied(*held: object) -> Generator[None, None, None]:
    """Empty containers, and those that objects of this package hold, what was assigned last first; in steps.

    To free very much in one go stops everything else.
    """
    for container in _containers(held, set()):
        while container:
            for _ in range(min(len(container), _AT_ONCE)):
                if isinstance(container, dict):
                    container.popitem()
                else:
                    container.pop()
            yield None


def caches_emptied() -> Generator[None, None, None]:
    """Have functions of this package forget what they remember of traffic; in steps. Tables that are read once stay."""
    for name, module in [*sys.modules.items()]:
        if name.startswith(_PACKAGE):
            for value in [*vars(module).values()]:
                if isinstance(value, _lru_cache_wrapper) and (value.cache_parameters()["maxsize"] or 0) > 1:
                    value.cache_clear()
            yield None
    forget_conditions()


def _containers(held: Iterable[object], known: set[int]) -> Iterator[_Container]:
    for each in held:
        if isinstance(each, dict | list | set):
            yield each
        elif id(each) not in known and type(each).__module__.startswith(_PACKAGE) and hasattr(each, "__dict__"):
            known.add(id(each))
            yield from _containers(reversed(vars(each).values()), known)
