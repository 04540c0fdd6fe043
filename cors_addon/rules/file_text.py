"""The text of a rule file with its located nodes, and the splices that add to it, widen it and cut out of it.

Comments, order, quotes, line ends and a byte order mark survive by construction: what is not spliced is not touched.
"""

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Final

from .decode import read_rules
from .document import read_document
from .errors import Level, render_problems
from .model import Rule, RuleSet
from .nodes import Mapping, Node, Scalar
from .nodes import Sequence as ListNode
from .patterns import Target
from .suggest import BlockedRequest, NewRule

_BOM: Final = b"\xef\xbb\xbf"
_LINE: Final = re.compile(r"[^\r\n]*(?:\r\n|\r|\n|\Z)")
_STILL_EMPTY: Final = frozenset({"empty-list", "missing-key", "empty-file", "empty-value", "wrong-type"})
"""What is wrong with a file that has no rule yet, and what one rule cures."""


@lru_cache(maxsize=1)
def _root_of(data: bytes) -> Node | None:
    """Read the nodes of the file that one edit after another is tried on."""
    return read_document(data).root


class EditRefused(Exception):
    """The file stays as it is; the text says why and what to do."""


class RuleFileText:
    """A rule file as lines and nodes, with the splices that edits are made of."""

    def __init__(self, data: bytes | None) -> None:
        self._data = data or b""
        self._bom = self._data.startswith(_BOM)
        self.rules = RuleSet(())
        self._root: Mapping | None = None
        self._list: Node | None = None
        self._key: Scalar | None = None
        if data is not None:
            self._read(data)
        text = self._data.removeprefix(_BOM).decode("utf-8") if data else ""
        self._lines = [found for found in _LINE.findall(text) if found]
        self._eol = next((end for line in self._lines if (end := _end_of(line))), "\n")

    def _read(self, data: bytes) -> None:
        reading = read_rules(data)
        errors = [problem for problem in reading.problems if problem.level is Level.ERROR]
        root = _root_of(data)
        if isinstance(root, Mapping):
            self._root = root
            for key, value in root.entries:
                if isinstance(key, Scalar) and key.text == "rules":
                    self._key, self._list = key, value
        if reading.rules is not None:
            self.rules = reading.rules
            return
        empty = not isinstance(self._list, ListNode) or not self._list.items
        if not empty or any(problem.code not in _STILL_EMPTY for problem in errors):
            raise EditRefused(f"The rule file has errors. Fix them first:\n{render_problems(errors, 'rule file')}")

    def obstacle(self, target: Target) -> str:
        """Say what keeps a further rule from being written for a server."""
        taking = next((rule.name for rule in self.rules.rules if _is_for(rule, target)), None)
        if taking is None:
            return "a further rule would break the file"
        return (
            f"the rule {taking!r} already decides about the request; change that rule, or write enabled: false into it"
        )

    # --- adding ------------------------------------------------------------------------------------------------------

    def with_rule(self, rule: NewRule, target: Target) -> Iterator[bytes]:
        """Yield the file with one more rule: behind all others, and before the first that is for the same server."""
        items = self._list.items if isinstance(self._list, ListNode) else ()
        if not items:
            yield self._with_first(rule)
            return
        yield self._inserted(rule, len(items))
        taking = next((i for i, each in enumerate(self.rules.rules) if _is_for(each, target)), None)
        if taking is not None:
            yield self._inserted(rule, taking)

    def _with_first(self, rule: NewRule) -> bytes:
        if self._root is None:
            version = "" if not self._lines or _end_of(self._lines[-1]) else self._eol
            return self._encoded([*self._lines, version + self._block(f"version: 1\nrules:\n{rule.block(2)}")])
        if self._list is None:
            if self._is_flow(self._root):
                last = self._root.entries[-1][1] if self._root.entries else None
                text = f"rules: [{rule.flow()}]"
                return self._appended(self._root, last, text)
            lines = list(self._lines)
            return self._at_line(lines, len(lines), self._block(f"rules:\n{rule.block(2)}"))
        if isinstance(self._list, ListNode):
            return self._appended(self._list, None, rule.flow())
        assert self._key is not None
        if isinstance(self._list, Scalar) and self._list.text:
            # `rules: null` and the like: the value goes, and the list takes its place.
            span = self._list.span
            self._splice(span.line, span.column, "", len(self._list.text))
        return self._at_line(list(self._lines), self._key.span.line, self._block(rule.block(2)))

    def _inserted(self, rule: NewRule, index: int) -> bytes:
        assert isinstance(self._list, ListNode)
        items = self._list.items
        if self._is_flow(self._list):
            if index < len(items):
                span = items[index].span
                return self._encoded(self._spliced(span.line, span.column, rule.flow() + ", "))
            return self._appended(self._list, items[-1], rule.flow())
        indent = self._list.span.column - 1
        text = self._block(rule.block(indent))
        if index < len(items):
            row, text = self._first_row(index), text + (self._eol if self._is_spaced() else "")
        else:
            row = self._row_behind(index - 1)
            text = (self._eol if self._is_spaced() else "") + text
        return self._at_line(list(self._lines), row, text)

    def _is_spaced(self) -> bool:
        """Say whether blank lines separate the rules."""
        assert isinstance(self._list, ListNode)
        before = self._first_row(len(self._list.items) - 1) - 1
        return len(self._list.items) > 1 and before >= 0 and not self._lines[before].strip()

    # --- widening ----------------------------------------------------------------------------------------------------

    def widened(self, origin: str, target: Target, requests: Sequence[BlockedRequest]) -> Iterator[tuple[str, bytes]]:
        """Yield the name of a rule for this server alone, and the file with that rule widened to the requests."""
        if not isinstance(self._list, ListNode):
            return
        needed = {
            "allow_credentials": ("true", any(request.credentials for request in requests)),
            "resource_policy": ("cross-origin", any(request.needs_resource_policy for request in requests)),
            "timing_allow_origin": ("true", any(request.needs_timing for request in requests)),
        }
        for rule, node in zip(self.rules.rules, self._list.items, strict=True):
            if not isinstance(node, Mapping) or not rule.enabled or not _is_only_for(rule, target):
                continue
            patterns = rule.origins.patterns
            pages = [None] if patterns is None else [pattern.exact for pattern in patterns]
            grants = {key: text for key, (text, is_needed) in needed.items() if is_needed and not getattr(rule, key)}
            new_page = not rule.origins.matches(origin)
            if (grants and pages != [origin]) or (
                new_page and rule.allow_credentials and not needed["allow_credentials"][1]
            ):
                # Else other pages would get more than they have.
                continue
            copy = RuleFileText(self._data)
            missing = sorted({r.method for r in requests if rule.methods is not None and r.method not in rule.methods})
            if new_page and not copy._extend(node, "allow_origins", [origin]):
                continue
            if missing and not copy._extend(node, "methods", missing):
                continue
            for key, text in grants.items():
                copy._set(node, key, text)
            yield rule.name, copy._encoded(copy._lines)

    def _extend(self, rule: Mapping, key: str, values: Sequence[str]) -> bool:
        """Add values to the list of a key; say whether the list stands in the rule itself."""
        value = _value_of(rule, key)
        if not isinstance(value, ListNode) or not value.items:
            return False
        last = value.items[-1].span
        if self._is_flow(value):
            self._splice(last.end_line, last.end_column, "".join(f', "{each}"' for each in values))
            return True
        indent = " " * (value.span.column - 1)
        text = self._block("".join(f'{indent}- "{each}"\n' for each in values))
        self._lines = self._with_lines(list(self._lines), last.end_line, text)
        return True

    def _set(self, rule: Mapping, key: str, text: str) -> None:
        value = _value_of(rule, key)
        if isinstance(value, Scalar) and value.text:
            span = value.span
            self._splice(span.line, span.column, text, span.end_column - span.column)
            return
        last_key, last = rule.entries[-1]
        if self._is_flow(rule):
            self._splice(last.span.end_line, last.span.end_column, f", {key}: {text}")
            return
        line = self._block(f"{' ' * (last_key.span.column - 1)}{key}: {text}\n")
        self._lines = self._with_lines(list(self._lines), last.span.end_line, line)

    # --- removing ----------------------------------------------------------------------------------------------------

    def without(self, index: int) -> bytes:
        """Return the file without one of several rules."""
        assert isinstance(self._list, ListNode)
        items = self._list.items
        if self._is_flow(self._list):
            span = items[index].span
            if index < len(items) - 1:
                behind_it = items[index + 1].span
                return self._encoded(self._cut((span.line, span.column), (behind_it.line, behind_it.column)))
            before = items[index - 1].span
            return self._encoded(self._cut((before.end_line, before.end_column), (span.end_line, span.end_column)))
        first_row, behind = self._dash_row(index), self._row_behind(index)
        lines = list(self._lines)
        if index == len(items) - 1 and first_row and not lines[first_row - 1].strip():
            first_row -= 1
        elif index < len(items) - 1 and behind < len(lines) and not lines[behind].strip():
            behind += 1
        del lines[first_row:behind]
        if behind >= len(self._lines) and lines and not _end_of(self._lines[-1]):
            # The file had no line end before the rule was added behind it.
            lines[-1] = lines[-1].removesuffix(_end_of(lines[-1]))
        return self._encoded(lines)

    # --- places ------------------------------------------------------------------------------------------------------

    def _dash_row(self, index: int) -> int:
        """Return the row (from 0) of a rule's dash, which may stand above the rule."""
        assert isinstance(self._list, ListNode)
        at = self._list.span.column - 1
        row = self._list.items[index].span.line - 1
        while self._lines[row][at : at + 1] != "-":
            row -= 1
        return row

    def _first_row(self, index: int) -> int:
        """Return the row (from 0) of a rule's dash, or of the comments right above it."""
        assert isinstance(self._list, ListNode)
        indent = self._list.span.column - 1
        row = self._dash_row(index)
        while row and (above := self._lines[row - 1]).lstrip().startswith("#") and _indent(above) <= indent:
            row -= 1
        return row

    def _row_behind(self, index: int) -> int:
        """Return the row (from 0) behind a rule and the comments that are indented like its keys."""
        assert isinstance(self._list, ListNode)
        indent = self._list.span.column - 1
        row = behind = self._list.items[index].span.end_line
        while row < len(self._lines):
            line = self._lines[row]
            if line.strip() and not (line.lstrip().startswith("#") and _indent(line) > indent):
                break
            row += 1
            behind = row if line.strip() else behind
        return behind

    def _is_flow(self, node: Node) -> bool:
        return self._lines[node.span.line - 1][node.span.column - 1 :][:1] in ("[", "{")

    # --- splices -----------------------------------------------------------------------------------------------------

    def _appended(self, node: Node, last: Node | None, text: str) -> bytes:
        """Put text behind the last member of a collection in brackets or braces."""
        if last is not None:
            return self._encoded(self._spliced(last.span.end_line, last.span.end_column, ", " + text))
        return self._encoded(self._spliced(node.span.line, node.span.column + 1, text))

    def _splice(self, line: int, column: int, text: str, removed: int = 0) -> None:
        self._lines = self._spliced(line, column, text, removed)

    def _spliced(self, line: int, column: int, text: str, removed: int = 0) -> list[str]:
        lines = list(self._lines)
        old = lines[line - 1]
        lines[line - 1] = old[: column - 1] + text + old[column - 1 + removed :]
        return lines

    def _cut(self, begin: tuple[int, int], end: tuple[int, int]) -> list[str]:
        lines = list(self._lines)
        head, tail = lines[begin[0] - 1][: begin[1] - 1], lines[end[0] - 1][end[1] - 1 :]
        return [*lines[: begin[0] - 1], head + tail, *lines[end[0] :]]

    def _block(self, text: str) -> str:
        return text.replace("\n", self._eol)

    def _at_line(self, lines: list[str], row: int, text: str) -> bytes:
        return self._encoded(self._with_lines(lines, row, text))

    def _with_lines(self, lines: list[str], row: int, text: str) -> list[str]:
        """Put whole lines before a row; behind a last line without an end, the end comes first and not last.

        They become part of the line above, so that rows stay what nodes say.
        """
        if not row:
            return [text, *lines]
        above = lines[row - 1]
        text = text if _end_of(above) else self._eol + text.removesuffix(self._eol)
        return [*lines[: row - 1], above + text, *lines[row:]]

    def _encoded(self, lines: Sequence[str]) -> bytes:
        return (_BOM if self._bom else b"") + "".join(lines).encode()


def _is_for(rule: Rule, target: Target) -> bool:
    return rule.enabled and any(host.matches(target) for host in rule.hosts)


def _is_only_for(rule: Rule, target: Target) -> bool:
    """Say whether a rule is for this one server, so that widening it opens nothing else."""
    return rule.simulate is None and all(
        not host.wildcard and host.network is None and host.matches(target) for host in rule.hosts
    )


def _value_of(rule: Mapping, key: str) -> Node | None:
    return next((value for name, value in rule.entries if isinstance(name, Scalar) and name.text == key), None)


def _end_of(line: str) -> str:
    return line[len(line.rstrip("\r\n")) :]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
