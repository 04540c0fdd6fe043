"""What a flow carries of its verdict: plain data that is worked out when somebody first reads it."""

import copy
from collections.abc import Callable, ItemsView, Iterator, KeysView, ValuesView
from typing import Any


class Entry(dict[str, Any]):
    """A flow's entry of the JSON report. ``make`` returns it, and is called once, at the first look.

    Most flows are never looked at. Whatever reads or changes it finds a dictionary that is whole; a copy is a plain
    one. It holds its ``id`` from the beginning, since the C part of ``json`` takes an empty dictionary at its word.
    """

    def __init__(self, flow_id: str, make: Callable[[], dict[str, Any]]) -> None:
        super().__init__(id=flow_id)
        self._make: Callable[[], dict[str, Any]] | None = make

    @property
    def is_made(self) -> bool:
        """Whether anybody has looked."""
        return self._make is None

    def make(self) -> "Entry":
        """Fill in what is missing."""
        make, self._make = self._make, None
        if make is not None:
            super().update(make())
        return self

    def __getitem__(self, key: str) -> Any:
        return dict.__getitem__(self.make(), key)

    def __setitem__(self, key: str, value: Any) -> None:
        dict.__setitem__(self.make(), key, value)

    def __delitem__(self, key: str) -> None:
        dict.__delitem__(self.make(), key)

    def __contains__(self, key: object) -> bool:
        return dict.__contains__(self.make(), key)

    def __iter__(self) -> Iterator[str]:
        return dict.__iter__(self.make())

    def __reversed__(self) -> Iterator[str]:
        return dict.__reversed__(self.make())

    def __len__(self) -> int:
        return dict.__len__(self.make())

    def __eq__(self, other: object) -> bool:
        return dict.__eq__(self.make(), other)

    def __ne__(self, other: object) -> bool:
        return dict.__ne__(self.make(), other)

    def __repr__(self) -> str:
        return dict.__repr__(self.make())

    def __or__(self, other: Any) -> Any:
        return dict(self) | other

    def __ror__(self, other: Any) -> Any:
        return other | dict(self)

    def __ior__(self, other: Any) -> "Entry":  # type: ignore[override]
        dict.update(self.make(), other)
        return self

    def get(self, key: str, default: Any = None) -> Any:
        return dict.get(self.make(), key, default)

    def keys(self) -> KeysView[str]:  # type: ignore[override]
        return dict.keys(self.make())

    def values(self) -> ValuesView[Any]:  # type: ignore[override]
        return dict.values(self.make())

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        return dict.items(self.make())

    def pop(self, *key_and_default: Any) -> Any:
        return dict.pop(self.make(), *key_and_default)

    def popitem(self) -> tuple[str, Any]:
        return dict.popitem(self.make())

    def setdefault(self, key: str, default: Any = None) -> Any:
        return dict.setdefault(self.make(), key, default)

    def update(self, *others: Any, **more: Any) -> None:
        dict.update(self.make(), *others, **more)

    def clear(self) -> None:
        self._make = None
        super().clear()

    def copy(self) -> dict[str, Any]:
        return dict(self)

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return copy.deepcopy(dict(self), memo)

    def __reduce__(self) -> tuple[Any, ...]:
        return dict, (dict(self),)
