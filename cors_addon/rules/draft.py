"""A rule between the file and the model: its values, and where each of them stands."""

from dataclasses import dataclass
from typing import Any

from .key_values import BROKEN, Entry
from .model import Rule
from .nodes import Mapping, Node, Scalar, Sequence


@dataclass(frozen=True, slots=True)
class Draft:
    """A rule as decoded: its own keys, the keys that count for it (own or default), the values, the rule they make."""

    index: int
    path: str
    node: Mapping
    own: dict[str, Entry]
    entries: dict[str, Entry]
    values: dict[str, Any]
    rule: Rule | None

    def value(self, name: str) -> Any:
        """Return a value that could be read, ``None`` otherwise."""
        value = self.values.get(name)
        return None if value is BROKEN else value

    def located(self, name: str, text: str) -> tuple[Node, str]:
        """Return the element of a list that has this text, and its place."""
        for item, path in self.items(name):
            if isinstance(item, Scalar) and item.text == text:
                return item, path
        entry = self.entries[name]
        return entry.node, entry.path

    def items(self, name: str) -> list[tuple[Node, str]]:
        """Return the elements of a list as they stand in the file, each with its place."""
        entry = self.entries.get(name)
        if entry is None or not isinstance(entry.node, Sequence):
            return []
        return [(item, f"{entry.path}[{index}]") for index, item in enumerate(entry.node.items)]
