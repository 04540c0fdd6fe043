"""A key with its value, what YAML makes of it, and the two ways in which it can be wrong."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from .errors import quoted
from .nodes import Kind, Mapping, Node, Scalar, Sequence, boolean_of, integer_of, kind_of
from .problems import Problems
from .value_error import edit_distance


class Broken(Enum):
    """Stands for a value that could not be read; a problem says why."""

    BROKEN = "broken"


BROKEN: Final = Broken.BROKEN

_REQUIRED: Final = frozenset({"version", "rules", "name", "hosts"})


@dataclass(frozen=True, slots=True)
class Entry:
    """A key with its value, and the place of the value in the document."""

    key: Scalar
    node: Node
    path: str

    @property
    def name(self) -> str:
        return self.key.text


def misreading(node: Scalar) -> str:
    """Say what YAML makes of an unquoted text that may have been meant otherwise; empty where nothing surprises."""
    text = node.text
    match kind_of(node):
        case Kind.NULL if text:
            return f"YAML reads the unquoted {text} as nothing at all. "
        case Kind.BOOLEAN:
            return f"YAML reads the unquoted {text} as {'true' if boolean_of(text) else 'false'}. "
        case Kind.INTEGER if ":" in text:
            return f"YAML reads the unquoted {text} as the number {integer_of(text)}: digits with colons are base 60. "
        case Kind.INTEGER if text.lstrip("+-").startswith("0") and text.strip("+-0_"):
            return f"YAML reads the unquoted {text} as the number {integer_of(text)}: a leading 0 means another base. "
        case Kind.INTEGER | Kind.FLOAT:
            return f"YAML reads the unquoted {text} as a number. "
        case Kind.TIMESTAMP:
            return f"YAML reads the unquoted {text} as a date. "
        case _:
            return ""


def fault(problems: Problems, entry: Entry, code: str, message: str, why: str, remedy: str) -> Broken:
    """Note that a value of the right type is wrong."""
    problems.error(code, entry.node, entry.path, message, why, remedy)
    return BROKEN


def wrong(problems: Problems, entry: Entry, expected: str, remedy: str) -> Broken:
    """Note that a value has the wrong type, with YAML's reading of it where that may be the cause."""
    node = entry.node
    if node.broken:
        return BROKEN
    if isinstance(node, Scalar) and node.plain and not node.text:
        problems.error(
            "empty-value",
            entry.key,
            entry.path,
            f"{entry.name} has no value",
            "Nothing follows the colon, and what follows on the next lines is not indented deeper.",
            remedy if entry.name in _REQUIRED else f"{remedy}, or take the line out",
        )
        return BROKEN
    problems.error(
        "wrong-type",
        node,
        entry.path,
        f"{entry.name} is {describe(node)}, and {expected} is expected",
        (misreading(node) if isinstance(node, Scalar) else "").strip() or _why(expected),
        remedy,
    )
    return BROKEN


def describe(node: Node) -> str:
    """Say what a node is."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    kind = kind_of(node)
    if kind is Kind.STRING:
        return f"the text {quoted(node.text)}"
    return str(kind.value)


def nearest(word: str, known: list[str], most: int = 0) -> str:
    """Return the known word that was probably meant, or nothing; ``most`` is how many letters may differ."""
    if not known:
        return ""
    distance, found = min((edit_distance(word[:60], candidate), candidate) for candidate in known)
    return found if distance <= (most or max(2, len(found) // 4)) else ""


def _why(expected: str) -> str:
    if expected == "a list of rules":
        return "Rules stand one after another, each behind a dash."
    if "list" in expected:
        return "Entries are listed even where there is only one, since a text with commas could be one or several."
    if expected.startswith("the number"):
        return "The version is compared as a number."
    return "What happens to responses hangs on it, so no meaning is guessed."
