"""YAML text to located nodes. The only module that imports a YAML library.

PyYAML reads the file, and where it is missing the ruamel.yaml that mitmproxy always brings does. Either is used as
far as its events only: no object is ever constructed, and what a scalar means is decided in ``nodes``, so that both
give the same nodes and the same problems. Anchors, aliases, tags and directives are refused where they begin; a rule
file can therefore neither build an object nor unfold into more than it is.

Where a value cannot be read, the problem is noted, the place is masked with text of the same length, and reading starts
again: so one run finds all that is wrong.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from .ambiguities import conflict, flow_colons, second_document
from .errors import Level, RuleFileProblem, Span
from .nodes import Mapping, Node, Scalar, Sequence
from .text import LARGEST_FILE, decode_text, find_invisible
from .yaml_errors import Place, of_failure
from .yaml_pitfalls import Construct, Trap, of_construct

DEEPEST_NESTING: Final = 16
MOST_NODES: Final = 30_000
MOST_PROBLEMS: Final = 50
MOST_READ: Final = 6 * LARGEST_FILE
"""Characters read in all: a large file with many faults is not read again for each of them."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a YAML stream: ``sequence``, ``mapping``, ``end`` (of either) or ``scalar``."""

    kind: str
    start: Place
    end: Place
    text: str = ""
    plain: bool = True


class Unreadable(Exception):
    """The text stops being YAML at ``at``; ``context`` is where the construct began that it is in."""

    def __init__(self, at: Place, context: Place | None) -> None:
        super().__init__(at, context)
        self.at = at
        self.context = context


class Refused(Exception):
    """A construct that a rule file must not have begins at ``at``."""

    def __init__(self, construct: Construct, at: Place) -> None:
        super().__init__(construct, at)
        self.construct = construct
        self.at = at


EventSource = Callable[[str], Iterator[Event]]


def _place(mark: Any) -> Place | None:
    return None if mark is None else (mark.line, mark.column)


class _Stopping:
    """A scanner that stops at the first character of each construct that is not read; ``get_mark`` says where it is."""

    get_mark: Callable[[], Any]

    def fetch_alias(self) -> None:
        self.refuse(Construct.ALIAS)

    def fetch_anchor(self) -> None:
        self.refuse(Construct.ANCHOR)

    def fetch_tag(self) -> None:
        self.refuse(Construct.TAG)

    def fetch_directive(self) -> None:
        self.refuse(Construct.DIRECTIVE)

    def fetch_key(self) -> None:
        self.refuse(Construct.KEY)

    def fetch_block_scalar(self, style: str) -> None:
        self.refuse(Construct.BLOCK)

    def refuse(self, construct: Construct) -> None:
        mark = self.get_mark()
        raise Refused(construct, (mark.line, mark.column))


def _events(parse: Callable[[str], Iterator[Any]], broken: type[Exception]) -> EventSource:
    def events(text: str) -> Iterator[Event]:
        try:
            for event in parse(text):
                yield from _translated(event)
        except broken as error:
            found: Any = error
            raise Unreadable(_place(found.problem_mark) or (0, 0), _place(found.context_mark)) from None

    return events


def _pyyaml_events() -> EventSource:
    import yaml

    class Loader(_Stopping, yaml.SafeLoader):
        get_mark = yaml.SafeLoader.get_mark

    return _events(lambda text: yaml.parse(text, Loader=Loader), yaml.MarkedYAMLError)


def _ruamel_events() -> EventSource:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError
    from ruamel.yaml.scanner import Scanner

    class Stopping(_Stopping, Scanner):
        def get_mark(self) -> Any:
            return self.reader.get_mark()

    def parse(text: str) -> Iterator[Any]:
        reader = YAML(typ="safe", pure=True)
        reader.version = "1.1"
        reader.Scanner = Stopping
        yield from reader.parse(text)

    return _events(parse, MarkedYAMLError)


_KINDS: Final = {
    "SequenceStartEvent": "sequence",
    "MappingStartEvent": "mapping",
    "SequenceEndEvent": "end",
    "MappingEndEvent": "end",
    "ScalarEvent": "scalar",
}


def _translated(event: Any) -> Iterator[Event]:
    kind = _KINDS.get(type(event).__name__)
    if kind is None:
        return
    start = (event.start_mark.line, event.start_mark.column)
    end = (event.end_mark.line, event.end_mark.column)
    if kind == "scalar":
        yield Event(kind, start, end, event.value, event.style is None or event.style == "")
    else:
        yield Event(kind, start, end)


def _available() -> dict[str, EventSource]:
    sources: dict[str, EventSource] = {}
    for name, make in (("PyYAML", _pyyaml_events), ("ruamel.yaml", _ruamel_events)):
        try:
            sources[name] = make()
        except ImportError:
            continue
    return sources


LIBRARIES: Final = _available()
"""The YAML libraries at hand, the preferred one first."""


@dataclass(frozen=True, slots=True)
class Document:
    """A rule file as far as YAML goes. ``root`` is ``None`` where a problem kept it from being read."""

    lines: tuple[str, ...]
    root: Node | None
    problems: tuple[RuleFileProblem, ...]

    def source(self, span: Span) -> str:
        """Return the line that a span begins on."""
        return self.lines[span.line - 1] if span.line <= len(self.lines) else ""


def read_document(data: bytes, events: EventSource | None = None) -> Document:
    """Read the bytes of a rule file. Every problem is in the result; nothing is raised.

    ``events`` is one of ``LIBRARIES``, the first by default.
    """
    text, problem = decode_text(data)
    if problem is not None:
        return Document(tuple(text.split("\n")), None, (problem,))
    if events is None:
        events = next(iter(LIBRARIES.values()))
    lines = text.split("\n")
    invisible = find_invisible(lines)
    if invisible:
        return Document(tuple(lines), None, tuple(invisible))
    return _Reader(lines, events).read()


class _Reader:
    """Reads, masks what cannot be read, and reads again."""

    def __init__(self, lines: list[str], events: EventSource) -> None:
        self.lines = tuple(lines)
        self.masked = list(lines)
        self.events = events
        self.traps: list[Trap] = []
        self.size = sum(map(len, lines))

    def read(self) -> Document:
        unreadable = conflict(self.lines) or second_document(self.lines)
        if unreadable is not None:
            self.traps.append(unreadable)
            return Document(self.lines, None, self.problems())
        for trap in islice(flow_colons(self.lines), MOST_PROBLEMS):
            self.traps.append(trap)
            self.mask(trap.span, trap.mask or "")
        while True:
            try:
                root = self.compose()
            except Refused as refused:
                row, begin = refused.at
                trap = of_construct(refused.construct, self.lines, row, begin)
            except Unreadable as stop:
                trap = of_failure(self.masked, stop.at, stop.context)
            except _Stop as stop:
                trap = stop.trap
            else:
                return Document(self.lines, root, self.problems())
            self.traps.append(trap)
            enough = len(self.traps) >= MOST_PROBLEMS or len(self.traps) * self.size >= MOST_READ
            if enough or trap.mask is None or not self.mask(trap.span, trap.mask):
                return Document(self.lines, None, self.problems())

    def mask(self, span: Span, mask: str) -> bool:
        line = self.masked[span.line - 1]
        masked = line[: span.column - 1] + mask + line[span.end_column - 1 :]
        changed = masked != line
        self.masked[span.line - 1] = masked
        return changed

    def problems(self) -> tuple[RuleFileProblem, ...]:
        found = (
            RuleFileProblem(t.code, Level.ERROR, t.message, t.why, t.help, "", t.span, self.line(t.span.line - 1))
            for t in self.traps
        )
        return tuple(sorted(found, key=lambda problem: problem.span))

    def line(self, row: int) -> str:
        return self.lines[row] if row < len(self.lines) else ""

    def compose(self) -> Node | None:
        """Build nodes from events, with a stack of our own so that no depth of nesting is a depth of calls."""
        stack: list[tuple[str, Place, list[Node]]] = [("document", (0, 0), [])]
        for count, event in enumerate(self.events("\n".join(self.masked))):
            if count >= MOST_NODES:
                raise _Stop(_too_many(event))
            if event.kind == "scalar":
                kind, _, children = stack[-1]
                if event.plain and self.in_flow(stack):
                    # What one library takes for the beginning of a key or value, the other takes for text.
                    if "?" in event.text:
                        raise Refused(Construct.KEY, self.first("?", event.start))
                    if event.text.startswith(":"):
                        raise Unreadable(event.start, None)
                if event.plain and not event.text:
                    if kind == "mapping" and len(children) % 2 == 0:
                        raise Unreadable(self.first(":", event.start), None)
                    event = self.placed(event)
                children.append(self.scalar(event))
            elif event.kind == "end":
                kind, start, children = stack.pop()
                stack[-1][2].append(self.collection(kind, start, event.end, children))
            else:
                if len(stack) > DEEPEST_NESTING:
                    raise _Stop(_too_deep(event))
                stack.append((event.kind, event.start, []))
        return stack[0][2][0] if stack[0][2] else None

    def in_flow(self, stack: list[tuple[str, Place, list[Node]]]) -> bool:
        """Say whether the innermost collection stands in brackets or braces."""
        row, begin = stack[-1][1]
        return len(stack) > 1 and self.masked[row][begin : begin + 1] in ("[", "{")

    def first(self, char: str, place: Place) -> Place:
        """Return where the character stands next: for an empty key the libraries differ on its own place."""
        row, begin = place
        for at in range(row, len(self.masked)):
            found = self.masked[at].find(char, begin if at == row else 0)
            if found >= 0:
                return at, found
        return place

    def placed(self, event: Event) -> Event:
        """Move an empty value right behind what it is the value of: the libraries differ on where it is."""
        row, begin = event.start
        text = self.masked[row][:begin] if row < len(self.masked) else ""
        while row > 0 and not (text := re.sub(r"(^|\s)#.*", "", text).rstrip()):
            row -= 1
            text = self.masked[row]
        place = (row, len(re.sub(r"(^|\s)#.*", "", text).rstrip()))
        return Event(event.kind, place, place)

    def scalar(self, event: Event) -> Scalar:
        span = _span(event.start, event.end)
        source = self.line(event.start[0])
        comment = ""
        if event.plain and event.text and event.start[0] == event.end[0]:
            found = re.match(r" +(#[^\s#].*)", source[event.end[1] :])
            comment = found.group(1) if found else ""
        begin = event.start[1] + (0 if event.plain else 1)
        exact = event.start[0] == event.end[0] and source[begin : begin + len(event.text)] == event.text
        return Scalar(event.text, event.plain, span, self.is_broken(span), comment, exact)

    def collection(self, kind: str, start: Place, end: Place, children: list[Node]) -> Node:
        if children and self.masked[start[0]][start[1] : start[1] + 1] not in ("[", "{"):
            # A block collection "ends" where the next thing begins, wherever that is.
            last = children[-1].span
            end = (last.end_line - 1, last.end_column - 1)
        span = _span(start, end)
        broken = any(_begins_with(span, trap.span) for trap in self.traps if trap.mask is not None)
        if kind == "sequence":
            return Sequence(tuple(children), span, broken)
        return Mapping(tuple(zip(children[::2], children[1::2], strict=True)), span, broken)

    def is_broken(self, span: Span) -> bool:
        if span.end_column == span.column and span.end_line == span.line:
            # A masked anchor or tag leaves an empty value, which begins before it.
            return any(trap.span.line == span.line and trap.span.column >= span.column for trap in self.traps)
        return any(
            _begins_with(span, trap.span)
            or ((span.line, span.column) <= (trap.span.line, trap.span.column) < (span.end_line, span.end_column))
            for trap in self.traps
        )


def _begins_with(span: Span, trap: Span) -> bool:
    """Say whether a node begins in a masked place, or right behind it on the same line."""
    return trap.line == span.line and trap.column <= span.column <= trap.end_column + 1


class _Stop(Exception):
    """A problem after which nothing more is read."""

    def __init__(self, trap: Trap) -> None:
        super().__init__(trap)
        self.trap = trap


def _span(start: Place, end: Place) -> Span:
    return Span(start[0] + 1, start[1] + 1, end[0] + 1, end[1] + 1)


def _too_many(event: Event) -> Trap:
    return Trap(
        "too-large",
        f"more than {MOST_NODES} values",
        "A rule has some ten, so this is hardly a rule file.",
        "give the path of the rule file",
        _span(event.start, event.end),
    )


def _too_deep(event: Event) -> Trap:
    return Trap(
        "too-deep",
        f"nested more than {DEEPEST_NESTING} levels deep",
        "A rule file needs four levels.",
        "compare with the example in the README",
        _span(event.start, event.end),
    )
