"""Reads the value of a key that takes a list, or a word in its place."""

from collections.abc import Callable
from typing import Final, TypeVar

from .errors import Span, quoted
from .key_values import BROKEN, Broken, Entry, fault, misreading, nearest, wrong
from .nodes import Kind, Mapping, Node, Scalar, Sequence, boolean_of, kind_of
from .origins import parse_origin_pattern
from .patterns import Origins
from .problems import Problems
from .value_error import Complaint
from .value_parsers import parse_header_name, parse_method
from .yaml_pitfalls import in_quotes

T = TypeVar("T")


_NOTHING: Final = {"expose_headers": "none"}
_ALL_WITHOUT: Final = frozenset({"methods", "paths"})
_NULL_ORIGIN: Final = (
    "the origin null cannot be listed: serve the page over http://localhost and list that, "
    "or write allow_origins: any (no credentials then)"
)
_WORDS_FOR_ALL: Final = frozenset({"*", "**", "any", "all", "everything", "requested", "echo", "reflect", "true"})


def list_of(
    problems: Problems, entry: Entry, parse: Callable[[str], T], example: str, word: str = ""
) -> tuple[T, ...] | Broken:
    """Read a list of texts; ``word`` is what may stand in its place, for the help."""
    node = entry.node
    expected = f"a list or {word}" if word else "a list"
    if isinstance(node, Scalar) and not node.broken and kind_of(node) is Kind.STRING and node.text.strip():
        parts = [part.strip() for part in node.text.split(",") if part.strip()] or [node.text]
        meant = f"{entry.name}: [" + ", ".join(map(in_quotes, parts)) + "]"
        if word and (nearest(node.text.lower(), [word], 2) or node.text in _WORDS_FOR_ALL):
            meant = f"{entry.name}: {word}"
        elif node.text in _WORDS_FOR_ALL and entry.name in _ALL_WITHOUT:
            remedy = f"take the line out: without {entry.name} a rule is for all of them"
            return wrong(problems, entry, expected, remedy)
        return wrong(problems, entry, expected, f"write {meant}")
    if word and isinstance(node, Scalar) and not node.broken and kind_of(node) is Kind.BOOLEAN:
        meant = word if boolean_of(node.text) else _NOTHING.get(entry.name, word)
        return wrong(problems, entry, expected, f"write {entry.name}: {meant}")
    if not isinstance(node, Sequence) or node.broken:
        return wrong(problems, entry, expected, f"write {entry.name}: {example}")
    if not node.items:
        return fault(
            problems,
            entry,
            "empty-list",
            f"{entry.name} is an empty list",
            "A list that nothing can match is never meant."
            if not word
            else "It is not clear whether nothing or everything is meant.",
            f"write {entry.name}: {example}"
            + (f", or {entry.name}: {_NOTHING.get(entry.name, word)}" if word else "")
            + (", or take the line out" if entry.name in _ALL_WITHOUT else ""),
        )
    values: list[T] = []
    seen: dict[str, Scalar] = {}
    complete = True
    for index, item in enumerate(node.items):
        path = f"{entry.path}[{index}]"
        text = _text_of_item(problems, entry, item, path)
        if text is BROKEN or not isinstance(item, Scalar):
            complete = False
            continue
        if text in seen:
            problems.warn(
                "duplicate-entry",
                item,
                path,
                f"{quoted(text)} is listed twice",
                "Once is enough.",
                "take one of them out",
                (problems.related(seen[text], "the first one"),),
            )
            continue
        seen[text] = item
        try:
            values.append(parse(text))
        except Complaint as complaint:
            problems.complain(complaint, item, path)
            complete = False
    return tuple(values) if complete else BROKEN


def _text_of_item(problems: Problems, entry: Entry, item: Node, path: str) -> str | Broken:
    """Read one element of a list as a text."""
    if item.broken:
        return BROKEN
    what = f"an entry of {entry.name}"
    if isinstance(item, Mapping):
        pair = item.entries[0] if item.entries else None
        meant = ""
        if pair and isinstance(pair[0], Scalar) and isinstance(pair[1], Scalar):
            meant = f'"{pair[0].text}:{pair[1].text}"'
        problems.error(
            "wrong-type",
            item,
            path,
            f"{what} is a mapping, a text is expected",
            "A colon with a space behind it, or braces without quotes, make a mapping.",
            f"put it in quotes: {meant}" if meant else "write one text in quotes",
        )
        return BROKEN
    if isinstance(item, Sequence):
        problems.error(
            "wrong-type",
            item,
            path,
            f"{what} is a list itself, a text is expected",
            "Lists in lists are not read; a dash or a pair of brackets is too many.",
            "write all entries in one list",
        )
        return BROKEN
    kind = kind_of(item)
    if kind is Kind.STRING:
        if item.glued_comment:
            glued(problems, item, path)
        return item.text
    if kind is Kind.NULL and not item.text:
        problems.error(
            "empty-value",
            item,
            path,
            f"{what} is empty",
            "After the dash nothing follows, or only a comment.",
            "write the entry, or take the dash out",
        )
        return BROKEN
    problems.error(
        "wrong-type",
        item,
        path,
        f"{what} is {kind.value}, a text is expected",
        misreading(item).strip() or "Entries are texts.",
        _NULL_ORIGIN
        if kind is Kind.NULL and entry.name == "allow_origins"
        else f"put it in quotes: {in_quotes(item.text)}",
    )
    return BROKEN


def glued(problems: Problems, item: Scalar, path: str) -> None:
    """Warn of a comment that looks like a part of the value."""
    problems.warn(
        "comment-cuts-value",
        Span(item.span.line, item.span.column, item.span.line, item.span.end_column + 1 + len(item.glued_comment)),
        path,
        f"the value ends before the #: {quoted(item.text)}",
        "YAML takes a # after a space for the beginning of a comment.",
        "put all of it in quotes if the # belongs to it; write # and a space before a comment",
    )


def origins(problems: Problems, entry: Entry) -> Origins | Broken:
    """Read allow_origins: a list, or any."""
    node = entry.node
    if isinstance(node, Scalar) and not node.broken and kind_of(node) is Kind.STRING:
        if node.text == "any":
            return Origins(None)
        if node.text in ("*", "**"):
            return fault(
                problems,
                entry,
                "bare-star",
                "* is not an origin here",
                "What is sent is the caller's own origin, never *, so that credentials and caches work.",
                "list the pages; write allow_origins: any only in a rule without allow_credentials",
            )
    patterns = list_of(problems, entry, parse_origin_pattern, '["http://localhost:5173"]', "any")
    return BROKEN if patterns is BROKEN else Origins(patterns)


def methods(problems: Problems, entry: Entry) -> tuple[str, ...] | Broken:
    """Read a list of methods."""
    return list_of(problems, entry, parse_method, "[GET, PUT]")


def names_or(
    problems: Problems, entry: Entry, word: str, parse: Callable[[str], str] = parse_header_name
) -> tuple[str, ...] | Broken | None:
    """Read a list of names, or the word in its place (``None``)."""
    node = entry.node
    if isinstance(node, Scalar) and node.plain and node.text == word and not node.broken:
        return None
    example = "[GET, PUT]" if parse is parse_method else "[Content-Type, X-Request-Id]"
    if word == "all":
        example = "[ETag, X-Request-Id]"
    return list_of(problems, entry, parse, example, word)


def exposed(problems: Problems, entry: Entry) -> tuple[str, ...] | Broken | None:
    """Read expose_headers: all (``None``), none (empty) or a list."""
    node = entry.node
    if isinstance(node, Scalar) and not node.broken and node.text == "none":
        return ()
    return names_or(problems, entry, "all")
