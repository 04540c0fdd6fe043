"""The located nodes of a rule file: what YAML wrote where, before anybody decides what it means."""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from .errors import Span


class Kind(Enum):
    """What YAML takes a scalar for."""

    STRING = "text"
    NULL = "nothing (null)"
    BOOLEAN = "a boolean"
    INTEGER = "a number"
    FLOAT = "a fraction"
    TIMESTAMP = "a date"


@dataclass(frozen=True, slots=True)
class Scalar:
    """A single value. ``text`` is its content, ``plain`` says that it stands there without quotes.

    ``broken`` marks a node about which a problem was reported already: whatever it holds is not what its author meant.
    ``glued_comment`` is the comment that follows on the same line, where no space stands after its ``#``.
    """

    text: str
    plain: bool
    span: Span
    broken: bool = False
    glued_comment: str = ""
    exact: bool = True
    """Each character of ``text`` stands in the source as it is, on one line: offsets are columns."""


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list."""

    items: "tuple[Node, ...]"
    span: Span
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys and values in their order; a key may be any node, and may be there twice."""

    entries: "tuple[tuple[Node, Node], ...]"
    span: Span
    broken: bool = False


Node = Scalar | Sequence | Mapping

_BOOLEANS: Final = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_OTHERS: Final = (
    (Kind.INTEGER, re.compile(r"[-+]?(0b[01_]+|0x[0-9a-fA-F_]+|0[0-7_]+|0|[1-9][0-9_]*|[1-9][0-9_]*(:[0-5]?[0-9])+)")),
    (
        Kind.FLOAT,
        re.compile(
            r"[-+]?([0-9][0-9_]*\.[0-9_]*([eE][-+][0-9]+)?|\.[0-9][0-9_]*([eE][-+][0-9]+)?"
            r"|[0-9][0-9_]*(:[0-5]?[0-9])+\.[0-9_]*|\.(inf|Inf|INF))|\.(nan|NaN|NAN)"
        ),
    ),
    (
        Kind.TIMESTAMP,
        re.compile(
            r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}.*"
        ),
    ),
)


def kind_of(node: Scalar) -> Kind:
    """Resolve a scalar as YAML 1.1 does, whichever library read the file.

    https://yaml.org/type/ (null, bool, int, float, timestamp)
    """
    if not node.plain:
        return Kind.STRING
    text = node.text
    if text in ("", "~", "null", "Null", "NULL"):
        return Kind.NULL
    if boolean_of(text) is not None:
        return Kind.BOOLEAN
    if len(text) <= 100:
        for kind, pattern in _OTHERS:
            if pattern.fullmatch(text):
                return kind
    return Kind.STRING


def boolean_of(text: str) -> bool | None:
    """Return what YAML 1.1 reads from the words for true and false: lower case, Capitalized or UPPER CASE."""
    if text in (text.lower(), text.upper(), text.capitalize()):
        return _BOOLEANS.get(text.lower())
    return None


def integer_of(text: str) -> int:
    """Return the number that YAML 1.1 reads from the text of an integer: octal and base 60 included."""
    sign = -1 if text.startswith("-") else 1
    digits = text.lstrip("+-").replace("_", "")
    if ":" in digits:
        value = 0
        for part in digits.split(":"):
            value = value * 60 + int(part)
        return sign * value
    if digits.startswith(("0b", "0x")):
        # An underscore alone after the prefix leaves no digit.
        return sign * int(digits, 0) if len(digits) > 2 else 0
    if digits.startswith("0") and len(digits) > 1:
        return sign * int(digits, 8)
    return sign * int(digits)
