"""Reads the value of one key: its type, its range, and what to write where it has another."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from .complaint import Complaint, edit_distance
from .errors import Span, quoted
from .model import VERSION, PreflightMode, ResourcePolicy, UpstreamHeaders
from .nodes import Kind, Mapping, Node, Scalar, Sequence, boolean_of, integer_of, kind_of
from .origins import parse_origin_pattern
from .patterns import Origins
from .problems import Problems
from .simulations import NOT_SIMULATED, SIMULATED
from .traps import in_quotes
from .words import parse_duration, parse_header_name, parse_method

T = TypeVar("T")
E = TypeVar("E", bound=Enum)

LONGEST_NAME: Final = 100


class Broken(Enum):
    """Stands for a value that could not be read; a problem says why."""

    BROKEN = "broken"


BROKEN: Final = Broken.BROKEN


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
    """Say what YAML makes of an unquoted text that its author may have meant otherwise; empty where there is no surprise."""
    text = node.text
    match kind_of(node):
        case Kind.NULL if text:
            return f"YAML reads the unquoted {text} as nothing at all. "
        case Kind.BOOLEAN:
            return f"YAML reads the unquoted {text} as {'true' if boolean_of(text) else 'false'}. "
        case Kind.INTEGER if ":" in text:
            return f"YAML reads the unquoted {text} as the number {integer_of(text)}: digits with colons are base 60. "
        case Kind.INTEGER if text.lstrip("+-").startswith("0") and text.strip("+-0_"):
            return f"YAML reads the unquoted {text} as the number {integer_of(text)}: after a leading 0 it is another base. "
        case Kind.INTEGER | Kind.FLOAT:
            return f"YAML reads the unquoted {text} as a number. "
        case Kind.TIMESTAMP:
            return f"YAML reads the unquoted {text} as a date. "
        case _:
            return ""


class Reader:
    """Reads values and notes the problems of those that are wrong."""

    def __init__(self, problems: Problems) -> None:
        self.problems = problems

    # ------------------------------------------------------------------------------------------------ single values

    def version(self, entry: Entry) -> int | Broken:
        """Read the version of the file's format."""
        node = entry.node
        if isinstance(node, Scalar) and not node.broken and node.text in (str(VERSION), f"{VERSION}.0"):
            if kind_of(node) is Kind.INTEGER:
                return VERSION
            return self.wrong(entry, "the number 1", f"write version: {VERSION}, without quotes or a point")
        if isinstance(node, Scalar) and kind_of(node) is Kind.INTEGER and not node.broken:
            self.problems.error(
                "version",
                node,
                entry.path,
                f"version {quoted(node.text)} is not known",
                f"The newest version of the format that this program reads is {VERSION}.",
                f"write version: {VERSION}, or update cors-addon if the file was written for a newer one",
            )
            return BROKEN
        return self.wrong(entry, "the number 1", f"write version: {VERSION}")

    def boolean(self, entry: Entry) -> bool | Broken:
        """Read true or false, in any of YAML 1.1's words."""
        node = entry.node
        if isinstance(node, Scalar) and kind_of(node) is Kind.BOOLEAN:
            return bool(boolean_of(node.text)) if not node.broken else BROKEN
        remedy = f"write {entry.name}: true or {entry.name}: false"
        if isinstance(node, Scalar) and not node.plain and boolean_of(node.text) is not None:
            remedy = f"take the quotes off: {entry.name}: {node.text}"
        return self.wrong(entry, "true or false", remedy)

    def name(self, entry: Entry) -> str | Broken:
        """Read a rule's name."""
        text = self.text(entry, "a text", f'write {entry.name}: "local SPA calls the staging API"')
        if text is BROKEN or not isinstance(entry.node, Scalar):
            return BROKEN
        if not text.strip():
            return self.fault(entry, "empty-text", "the name is empty", "Reports and commands call a rule by its name.", "write what the rule is for")
        if len(text) > LONGEST_NAME:
            return self.fault(
                entry,
                "too-long",
                f"the name has {len(text)} characters",
                f"It is shown in one line of every report; {LONGEST_NAME} characters are the most.",
                "put the rest into a comment: # ...",
            )
        odd = next((at for at, char in enumerate(text) if not char.isprintable()), None)
        if odd is not None:
            complaint = Complaint(
                "invisible-character",
                f"an invisible character stands in {quoted(text)}",
                "It is part of the name for commands, but not for the eye.",
                "delete it",
                odd,
                odd + 1,
            )
            self.problems.complain(complaint, entry.node, entry.path)
            return BROKEN
        return text.strip()

    def text(self, entry: Entry, expected: str, remedy: str) -> str | Broken:
        """Read a text; an unquoted number, date or word that YAML reads as something else is none."""
        node = entry.node
        if not isinstance(node, Scalar) or node.broken or kind_of(node) is not Kind.STRING:
            if isinstance(node, Scalar) and node.text and kind_of(node) not in (Kind.STRING, Kind.NULL):
                remedy = f"put it in quotes: {in_quotes(node.text)}"
            return self.wrong(entry, expected, remedy)
        return node.text

    def seconds(self, entry: Entry) -> int | Broken:
        """Read max_age: seconds, or a duration."""
        node = entry.node
        remedy = "write a number of seconds (600) or a duration (10m); 0 leaves nothing behind in the browser"
        if not isinstance(node, Scalar) or node.broken:
            return self.wrong(entry, "a number of seconds", remedy)
        kind = kind_of(node)
        if kind is Kind.INTEGER and node.text.isdecimal() and (node.text == "0" or not node.text.startswith("0")):
            return int(node.text[:12])
        if kind is Kind.INTEGER and node.text.startswith("-") and integer_of(node.text) < 0:
            return self.fault(
                entry,
                "max-age",
                f"max_age cannot be negative, and this is {node.text}",
                "Browsers read a negative age in different ways.",
                "write 0 to keep the browser from remembering preflights",
            )
        duration = parse_duration(node.text) if kind is Kind.STRING else None
        if duration is not None:
            return duration
        if kind is Kind.STRING and node.text.isdecimal():
            remedy = f"take the quotes off: {entry.name}: {node.text}"
        return self.wrong(entry, "a number of seconds", remedy)

    def expires(self, entry: Entry) -> float | None | Broken:
        """Read how long injection stays on: a duration, or never (``None``)."""
        node = entry.node
        remedy = "write a duration such as 30m, 2h or 1h30m, or never"
        if not isinstance(node, Scalar) or node.broken or kind_of(node) is not Kind.STRING:
            if isinstance(node, Scalar) and not node.broken and kind_of(node) is Kind.INTEGER and node.text.isdecimal():
                return self.fault(
                    entry,
                    "duration",
                    f"expires: {node.text} has no unit",
                    "Nobody can tell whether seconds, minutes or hours are meant.",
                    f"write {node.text}m for minutes or {node.text}h for hours",
                )
            return self.wrong(entry, "a duration", remedy)
        if node.text == "never":
            return None
        seconds = parse_duration(node.text)
        if seconds is None:
            return self.fault(
                entry,
                "duration",
                f"{quoted(node.text)} is no duration",
                "A duration is numbers with the units d, h, m and s, the largest first and without spaces.",
                remedy,
            )
        if seconds == 0:
            return self.fault(
                entry,
                "duration",
                "injection would end as soon as it begins",
                "expires says how long it stays on after being switched on.",
                remedy,
            )
        return float(seconds)

    def choice(self, entry: Entry, kind: type[E], synonyms: dict[str, str] | None = None) -> E | Broken:
        """Read one of an enumeration's words."""
        words = [str(member.value) for member in kind]
        node = entry.node
        allowed = ", ".join(words[:-1]) + " or " + words[-1]
        if not isinstance(node, Scalar) or node.broken or kind_of(node) is not Kind.STRING:
            return self.wrong(entry, f"one of {allowed}", f"write {entry.name}: {words[0]}")
        if node.text in words:
            return kind(node.text)
        meant = (synonyms or {}).get(node.text.lower()) or _nearest(node.text.lower(), words)
        return self.fault(
            entry,
            "unknown-value",
            f"{entry.name} cannot be {quoted(node.text)}",
            f"It is one of {allowed}.",
            f"did you mean {entry.name}: {meant}?" if meant else f"write {entry.name}: {words[0]}",
        )

    def preflight(self, entry: Entry) -> PreflightMode | Broken:
        """Read what happens to preflights."""
        synonyms = {"local": "answer", "reply": "answer", "fix": "repair", "pass": "forward", "continue": "forward"}
        return self.choice(entry, PreflightMode, synonyms)

    def upstream_headers(self, entry: Entry) -> UpstreamHeaders | Broken:
        """Read what happens to the server's own headers."""
        synonyms = {"override": "replace", "overwrite": "replace", "strip": "replace", "add": "fill", "merge": "fill"}
        return self.choice(entry, UpstreamHeaders, synonyms)

    def resource_policy(self, entry: Entry) -> ResourcePolicy | None | Broken:
        """Read the Cross-Origin-Resource-Policy to set; null sets none."""
        node = entry.node
        if isinstance(node, Scalar) and node.text and kind_of(node) is Kind.NULL:
            return None
        if isinstance(node, Scalar) and kind_of(node) is Kind.BOOLEAN and not boolean_of(node.text):
            return self.wrong(entry, "same-site, cross-origin or null", "write null, or take the line out, to set none")
        if isinstance(node, Scalar) and node.text == "same-origin" and not node.broken:
            return self.fault(
                entry,
                "unknown-value",
                "same-origin would keep every other page out",
                "A rule opens a server to the pages that it lists; same-origin closes it to all of them.",
                "write cross-origin or same-site; to see the failure write simulate: corp-not-same-origin",
            )
        return self.choice(entry, ResourcePolicy, {"corp": "cross-origin", "any": "cross-origin"})

    def simulate(self, entry: Entry) -> str | None | Broken:
        """Read the violation to simulate; null simulates none."""
        node = entry.node
        if isinstance(node, Scalar) and node.text and kind_of(node) is Kind.NULL:
            return None
        example = "write a violation id such as simulate: allow-origin-missing"
        text = self.text(entry, "a violation id", example)
        if text is BROKEN or text in SIMULATED:
            return text
        if text in NOT_SIMULATED:
            return self.fault(entry, "not-simulated", f"{text} cannot be simulated", NOT_SIMULATED[text], "take the line out")
        nearest = _nearest(text.lower().replace("_", "-"), sorted(SIMULATED))
        return self.fault(
            entry,
            "unknown-value",
            f"{quoted(text)} is no violation id",
            "It names a failure by its id in the reports.",
            f"did you mean {nearest}?" if nearest else "choose from:\n" + "\n".join(sorted(SIMULATED)),
        )

    # -------------------------------------------------------------------------------------------------------- lists

    def list_of(self, entry: Entry, parse: Callable[[str], T], example: str, word: str = "") -> tuple[T, ...] | Broken:
        """Read a list of texts; ``word`` is what may stand in its place, for the help."""
        node = entry.node
        expected = f"a list or {word}" if word else "a list"
        if isinstance(node, Scalar) and not node.broken and kind_of(node) is Kind.STRING and node.text.strip():
            parts = [part.strip() for part in node.text.split(",") if part.strip()] or [node.text]
            meant = f"{entry.name}: [" + ", ".join(map(in_quotes, parts)) + "]"
            if word and _nearest(node.text.lower(), [word], 2) or word and node.text in _WORDS_FOR_ALL:
                meant = f"{entry.name}: {word}"
            return self.wrong(entry, expected, f"write {meant}")
        if not isinstance(node, Sequence) or node.broken:
            return self.wrong(entry, expected, f"write {entry.name}: {example}")
        if not node.items:
            return self.fault(
                entry,
                "empty-list",
                f"{entry.name} is an empty list",
                "A list that nothing can match is never meant."
                if not word
                else "It is not clear whether nothing or everything is meant.",
                f"write {entry.name}: {example}" + (f", or {entry.name}: {word}" if word else ", or take the line out"),
            )
        values: list[T] = []
        seen: dict[str, Scalar] = {}
        for index, item in enumerate(node.items):
            path = f"{entry.path}[{index}]"
            text = self.item(entry, item, path)
            if text is BROKEN or not isinstance(item, Scalar):
                continue
            if text in seen:
                self.problems.warn(
                    "duplicate-entry",
                    item,
                    path,
                    f"{quoted(text)} is listed twice",
                    "Once is enough.",
                    "take one of them out",
                    (self.problems.related(seen[text], "the first one"),),
                )
                continue
            seen[text] = item
            try:
                values.append(parse(text))
            except Complaint as complaint:
                self.problems.complain(complaint, item, path)
                values = values or []
        complete = len(values) == len(seen) and len(seen) > 0 and not any(item.broken for item in node.items)
        return tuple(values) if complete else BROKEN

    def item(self, entry: Entry, item: Node, path: str) -> str | Broken:
        """Read one element of a list as a text."""
        if item.broken:
            return BROKEN
        what = f"an entry of {entry.name}"
        if isinstance(item, Mapping):
            pair = item.entries[0] if item.entries else None
            meant = ""
            if pair and isinstance(pair[0], Scalar) and isinstance(pair[1], Scalar):
                meant = f'"{pair[0].text}:{pair[1].text}"'
            self.problems.error(
                "wrong-type",
                item,
                path,
                f"{what} is a mapping, a text is expected",
                "A colon with a space behind it, or braces without quotes, make a mapping.",
                f"put it in quotes: {meant}" if meant else "write one text in quotes",
            )
            return BROKEN
        if isinstance(item, Sequence):
            self.problems.error(
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
                self.glued(item, path)
            return item.text
        if kind is Kind.NULL and not item.text:
            self.problems.error(
                "empty-value",
                item,
                path,
                f"{what} is empty",
                "After the dash nothing follows, or only a comment.",
                "write the entry, or take the dash out",
            )
            return BROKEN
        self.problems.error(
            "wrong-type",
            item,
            path,
            f"{what} is {kind.value}, a text is expected",
            misreading(item).strip() or "Entries are texts.",
            f"put it in quotes: {in_quotes(item.text)}" + (_null_hint(entry) if kind is Kind.NULL else ""),
        )
        return BROKEN

    def glued(self, item: Scalar, path: str) -> None:
        """Warn of a comment that looks like a part of the value."""
        self.problems.warn(
            "comment-cuts-value",
            Span(item.span.line, item.span.column, item.span.line, item.span.end_column + 1 + len(item.glued_comment)),
            path,
            f"the value ends before the #: {quoted(item.text)}",
            "YAML takes a # after a space for the beginning of a comment.",
            f"put all of it in quotes if the # belongs to it; write # and a space before a comment",
        )

    def origins(self, entry: Entry) -> Origins | Broken:
        """Read allow_origins: a list, or any."""
        node = entry.node
        if isinstance(node, Scalar) and not node.broken and kind_of(node) is Kind.STRING:
            if node.text == "any":
                return Origins(None)
            if node.text in ("*", "**"):
                return self.fault(
                    entry,
                    "bare-star",
                    "* is not an origin here",
                    "What is sent is the caller's own origin, never *, so that credentials and caches work.",
                    "write allow_origins: any, or better list the pages",
                )
        patterns = self.list_of(entry, parse_origin_pattern, '["http://localhost:5173"]', "any")
        return BROKEN if patterns is BROKEN else Origins(patterns)

    def methods(self, entry: Entry) -> tuple[str, ...] | Broken:
        """Read a list of methods."""
        return self.list_of(entry, parse_method, "[GET, PUT]")

    def names_or(self, entry: Entry, word: str, parse: Callable[[str], str] = parse_header_name) -> tuple[str, ...] | None | Broken:
        """Read a list of names, or the word in its place (``None``)."""
        node = entry.node
        if isinstance(node, Scalar) and node.plain and node.text == word and not node.broken:
            return None
        example = "[GET, PUT]" if parse is parse_method else "[Content-Type, X-Request-Id]"
        return self.list_of(entry, parse, example, word)

    def exposed(self, entry: Entry) -> tuple[str, ...] | None | Broken:
        """Read expose_headers: all (``None``), none (empty) or a list."""
        node = entry.node
        if isinstance(node, Scalar) and not node.broken and node.text == "none":
            return ()
        return self.names_or(entry, "all")

    # ------------------------------------------------------------------------------------------------------- errors

    def fault(self, entry: Entry, code: str, message: str, why: str, remedy: str) -> Broken:
        """Note that a value of the right type is wrong."""
        self.problems.error(code, entry.node, entry.path, message, why, remedy)
        return BROKEN

    def wrong(self, entry: Entry, expected: str, remedy: str) -> Broken:
        """Note that a value has the wrong type, with YAML's reading of it where that may be the cause."""
        node = entry.node
        if node.broken:
            return BROKEN
        if isinstance(node, Scalar) and node.plain and not node.text:
            self.problems.error(
                "empty-value",
                entry.key,
                entry.path,
                f"{entry.name} has no value",
                "Nothing follows the colon, and what follows on the next lines is not indented deeper.",
                remedy + ", or take the line out",
            )
            return BROKEN
        self.problems.error(
            "wrong-type",
            node,
            entry.path,
            f"{entry.name} is {describe(node)}, and {expected} is expected",
            (misreading(node) if isinstance(node, Scalar) else "").strip() or _why_of_type(entry),
            remedy,
        )
        return BROKEN


_WORDS_FOR_ALL: Final = frozenset({"*", "**", "any", "all", "everything", "requested", "echo", "reflect", "true"})


def describe(node: Node) -> str:
    """Say what a node is."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    kind = kind_of(node)
    if kind is Kind.STRING:
        return f"the text {quoted(node.text)}"
    return kind.value


def _why_of_type(entry: Entry) -> str:
    return f"The value of {entry.name} decides what happens to responses, so none is guessed."


def _null_hint(entry: Entry) -> str:
    if entry.name != "allow_origins":
        return ""
    return ". The origin null is not allowed either: serve the page over http://localhost and list that"


def _nearest(word: str, known: list[str], most: int = 0) -> str:
    if not known:
        return ""
    distance, nearest = min((edit_distance(word[:60], candidate), candidate) for candidate in known)
    return nearest if distance <= (most or max(2, len(nearest) // 4)) else ""
