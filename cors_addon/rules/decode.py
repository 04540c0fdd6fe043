"""Located nodes to a ``RuleSet``, or everything that is wrong with them.

A rule file with any error gives no rules at all: half a rule set is never in force.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from . import fields, lists
from .checks import check_rules, is_swapped
from .document import EventSource, read_document
from .draft import Draft
from .errors import START, RuleFileProblem, has_errors, quoted
from .hosts import parse_host_pattern
from .key_values import BROKEN, Broken, Entry, describe, fault, wrong
from .keys import DEFAULTS_KEYS, FILE_KEYS, GRANT_KEYS, OWN_KEYS, RULE_KEYS, guess
from .model import DEFAULT_EXPIRES, Rule, RuleSet
from .nodes import Kind, Mapping, Node, Scalar, Sequence, kind_of
from .patterns import Origins
from .problems import Problems
from .text import EXAMPLE
from .value_parsers import parse_method, parse_path_pattern


@dataclass(frozen=True, slots=True)
class Reading:
    """What came of a rule file. ``rules`` is ``None`` exactly where one of the problems is an error."""

    rules: RuleSet | None
    problems: tuple[RuleFileProblem, ...]


def read_rules(data: bytes, events: EventSource | None = None) -> Reading:
    """Read the bytes of a rule file; never raises. ``events`` is the YAML library, by default the preferred one."""
    return _read_once(data) if events is None else _read(data, events)


@lru_cache(maxsize=2)
def _read_once(data: bytes) -> Reading:
    """Read a file, and what an edit makes of it: each is looked at several times."""
    return _read(data, None)


def _read(data: bytes, events: EventSource | None) -> Reading:
    document = read_document(data, events)
    problems = Problems(document)
    rules = None
    if document.root is not None:
        rules = _Decoder(problems).file(document.root)
    found = problems.sorted()
    return Reading(None if has_errors(found) else rules, found)


_READERS: Final[dict[str, Callable[[Problems, Entry], Any]]] = {
    "name": fields.name,
    "enabled": fields.boolean,
    "hosts": lambda problems, entry: lists.list_of(problems, entry, parse_host_pattern, '["api.dev.test"]'),
    "paths": lambda problems, entry: lists.list_of(problems, entry, parse_path_pattern, '["/v1/**"]'),
    "methods": lists.methods,
    "allow_origins": lists.origins,
    "allow_credentials": fields.boolean,
    "allow_methods": lambda problems, entry: lists.names_or(problems, entry, "requested", parse_method),
    "allow_headers": lambda problems, entry: lists.names_or(problems, entry, "requested"),
    "expose_headers": lists.exposed,
    "max_age": fields.seconds,
    "preflight": fields.preflight,
    "upstream_headers": fields.upstream_headers,
    "on_errors": fields.boolean,
    "resource_policy": fields.resource_policy,
    "timing_allow_origin": fields.boolean,
    "dry_run": fields.boolean,
    "simulate": fields.simulate,
}


class _Decoder:
    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.meant: set[tuple[str, str]] = set()
        """Keys that are not there but were meant by an unknown one: their absence is no further problem."""

    def file(self, root: Node) -> RuleSet | None:
        """Decode the whole file."""
        if not isinstance(root, Mapping):
            if not root.broken:
                self.problems.error(
                    "wrong-type",
                    root,
                    "",
                    f"the file is {describe(root)}, and a mapping is expected",
                    "A rule file begins with version: and rules:.",
                    "write for example:\n" + EXAMPLE.rstrip("\n"),
                )
            return None
        entries = self.entries(root, FILE_KEYS, "", "the file")
        expires: float | None = DEFAULT_EXPIRES
        if "version" in entries:
            fields.version(self.problems, entries["version"])
        elif ("", "version") not in self.meant:
            self.problems.error(
                "missing-key",
                START,
                "version",
                "the file has no version",
                "It says which format the file is written in, so that a newer format can never be misread.",
                "begin the file with version: 1",
            )
        if "expires" in entries:
            read = fields.expires(self.problems, entries["expires"])
            if read is None:
                self.problems.warn(
                    "expires-never",
                    entries["expires"].node,
                    "expires",
                    "injection stays on until somebody switches it off",
                    "What is forgotten keeps hiding the server's faults from everybody who uses this proxy.",
                    "write a duration such as expires: 8h",
                )
            expires = None if read is BROKEN else read
        defaults, inherited = self.defaults(entries.get("defaults"))
        drafts = self.rules(entries.get("rules"), defaults, inherited)
        check_rules(drafts, self.problems)
        rules = tuple(draft.rule for draft in drafts if draft.rule is not None)
        return RuleSet(rules, expires)

    def entries(self, node: Mapping, known: tuple[str, ...], path: str, place: str) -> dict[str, Entry]:
        """Return the known keys of a mapping; note those that are unknown or there twice."""
        entries: dict[str, Entry] = {}
        first: dict[str, Scalar] = {}
        for key, value in node.entries:
            if not isinstance(key, Scalar):
                if not key.broken:
                    self.problems.error(
                        "wrong-type",
                        key,
                        path,
                        f"a key is {describe(key)}, a word is expected",
                        "Keys are the words that this format knows.",
                        "check for a missing quote or a ? or bracket too many",
                    )
                continue
            name = key.text
            at = f"{path}.{name}" if path else name
            if name in first:
                self.problems.error(
                    "duplicate-key",
                    key,
                    at,
                    f"{name} is there twice in {place}",
                    "YAML would silently keep the last one and drop the other.",
                    "keep one" + (" and put all values into one list" if isinstance(value, Sequence) else ""),
                    (self.problems.related(first[name], "the first one"),),
                )
                continue
            first[name] = key
            if name in known:
                entries[name] = Entry(key, value, at)
            elif name == "<<" and value.broken:
                self.meant |= {(path, other) for other in known}
            elif not key.broken:
                self.meant.add((path, self.unknown(key, known, at, place)))
        return entries

    def unknown(self, key: Scalar, known: tuple[str, ...], path: str, place: str) -> str:
        """Note an unknown key; return the key that it was probably meant for, empty where none is near."""
        name = key.text
        if not name:
            remedy = "write the key before the colon"
            self.problems.error("wrong-type", key, path, "a key is empty", "A colon ends a key.", remedy)
            return ""
        meant = ""
        why = f"{place[0].upper()}{place[1:]} can have: {', '.join(known)}."
        if name in OWN_KEYS and known is DEFAULTS_KEYS:
            remedy = f"move {name} into each rule"
            why = "A rule's name and hosts are its own: what is for all rules cannot name them."
        elif known is FILE_KEYS and name in RULE_KEYS:
            remedy = f"move {name} into a rule" + (
                ", or below defaults: for all rules" if name in DEFAULTS_KEYS else ""
            )
        elif self.problems.full:
            return ""
        elif known is not FILE_KEYS and name in FILE_KEYS:
            remedy = f"move {name} to the beginning of the file, without indentation"
            why = f"{name} is said once for the whole file."
        else:
            guessed = guess(name, known)
            in_rule = guess(name, RULE_KEYS) if guessed is None and known is FILE_KEYS else None
            if guessed is not None:
                meant, remedy = guessed.key, guessed.remedy
                why = "Nothing is read from a key that is not known, so what it asks for would not happen."
            elif in_rule is not None and in_rule.key:
                remedy = f"did you mean {in_rule.key}? It belongs into a rule"
            else:
                remedy = "take the line out, or check its spelling"
        self.problems.error("unknown-key", key, path, f"{place} has no key {quoted(name)}", why, remedy)
        return meant

    def defaults(self, entry: Entry | None) -> tuple[dict[str, Any], dict[str, Entry]]:
        """Decode the defaults: the values that could be read, and where each stands."""
        if entry is None or entry.node.broken:
            return {}, {}
        if not isinstance(entry.node, Mapping):
            wrong(self.problems, entry, "a mapping", "write for example defaults: {allow_credentials: true}")
            return {}, {}
        entries = self.entries(entry.node, DEFAULTS_KEYS, "defaults", "defaults")
        return self.values(entries), entries

    def values(self, entries: dict[str, Entry]) -> dict[str, Any]:
        return {name: _READERS[name](self.problems, entry) for name, entry in entries.items()}

    def rules(self, entry: Entry | None, defaults: dict[str, Any], inherited: dict[str, Entry]) -> list[Draft]:
        """Decode the list of rules."""
        if entry is None and ("", "rules") in self.meant:
            return []
        if entry is None:
            self.problems.error(
                "missing-key",
                START,
                "rules",
                "the file has no rules",
                "Without rules there is nothing to inject.",
                "add for example:\n" + EXAMPLE.partition("\n")[2].rstrip("\n"),
            )
            return []
        node = entry.node
        if not isinstance(node, Sequence):
            remedy = "begin each rule with a dash:\n" + EXAMPLE.partition("\n")[2].rstrip("\n")
            wrong(self.problems, entry, "a list of rules", remedy)
            return []
        if not node.items and not node.broken:
            fault(
                self.problems,
                entry,
                "empty-list",
                "rules is an empty list",
                "Without rules there is nothing to inject.",
                "add a rule, or set no rule file at all",
            )
        drafts = []
        for index, item in enumerate(node.items):
            draft = self.rule(item, index, defaults, inherited)
            if draft is not None:
                drafts.append(draft)
        return drafts

    def rule(self, node: Node, index: int, defaults: dict[str, Any], inherited: dict[str, Entry]) -> Draft | None:
        """Decode one rule; the draft's ``rule`` is ``None`` where part of it could not be read."""
        path = f"rules[{index}]"
        if not isinstance(node, Mapping):
            if not node.broken:
                self.problems.error(
                    "wrong-type",
                    node,
                    path,
                    f"a rule is {describe(node)}, and a mapping is expected",
                    "A rule is several lines of KEY: VALUE behind one dash, all beginning in the same column.",
                    "write for example:\n" + EXAMPLE.partition("rules:\n")[2].rstrip("\n"),
                )
            return None
        own = self.entries(node, RULE_KEYS, path, "a rule")
        if is_swapped(own, self.problems):
            own = {name: entry for name, entry in own.items() if name not in ("hosts", "allow_origins")}
            values: dict[str, Any] = {"hosts": BROKEN, "allow_origins": BROKEN}
        else:
            values = {}
        values |= self.values(own)
        for entry in own.values():
            if isinstance(entry.node, Scalar) and entry.node.glued_comment and kind_of(entry.node) is Kind.STRING:
                lists.glued(self.problems, entry.node, entry.path)
        merged = {**defaults, **values}
        if merged.get("simulate") not in (None, BROKEN):
            # Grants that the defaults give are for the other rules.
            merged = {name: value for name, value in merged.items() if name in own or name not in GRANT_KEYS}
        self.required(node, path, merged)
        entries = {**{name: inherited[name] for name in merged if name in inherited}, **own}
        return Draft(index, path, node, own, entries, merged, _build(merged, node.span.line))

    def required(self, node: Mapping, path: str, merged: dict[str, Any]) -> None:
        """Note which of the required keys a rule lacks."""
        start = node.entries[0][0] if node.entries else node
        if "name" not in merged and (path, "name") not in self.meant:
            self.problems.error(
                "missing-key",
                start,
                f"{path}.name",
                "a rule has no name",
                "Reports, commands and the header x-cors-addon call a rule by its name.",
                "add for example name: local SPA calls the staging API",
            )
        if "hosts" not in merged and (path, "hosts") not in self.meant:
            self.problems.error(
                "missing-key",
                start,
                f"{path}.hosts",
                "a rule has no hosts",
                "It says which servers the rule is for; a rule for every server would change what is none "
                "of its business.",
                'add the servers being called, for example hosts: ["api.staging.example.com"]',
            )
        if (
            "allow_origins" not in merged
            and (path, "allow_origins") not in self.meant
            and merged.get("simulate") is None
        ):
            self.problems.error(
                "missing-key",
                start,
                f"{path}.allow_origins",
                "a rule has no allow_origins",
                "It says which pages may call; requests of all others are left alone.",
                'add the pages, for example allow_origins: ["http://localhost:5173"]',
            )


def _build(values: dict[str, Any], line: int) -> Rule | None:
    if any(isinstance(value, Broken) for value in values.values()) or not {"name", "hosts"} <= values.keys():
        return None
    if "allow_origins" not in values and values.get("simulate") is None:
        return None
    fields = dict(values)
    fields["origins"] = fields.pop("allow_origins", Origins(None))
    if "methods" in fields:
        fields["methods"] = frozenset(fields["methods"])
    return Rule(**fields, line=line)
