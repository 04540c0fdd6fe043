"""Adds, widens and removes rules in the text of a rule file; every byte that an edit does not concern stays.

Each edit is read back before it is returned: the file is valid, and the requests match a rule that lets
them through.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..fetch.headers import HeaderList
from ..fetch.messages import Request
from ..traffic.exchange import Exchange
from .decode import read_rules
from .file_text import EditRefused, RuleFileText
from .matching import match
from .model import PreflightMode, Rule, RuleSet, UpstreamHeaders
from .suggest import BlockedRequest, group_requests

_MOST_GROUPS: Final = 50
"""Rules that one change adds or widens: the file is read anew for each."""

_BOM: Final = b"\xef\xbb\xbf"

_DEFAULTS: Final = (
    "the defaults of the file make a further rule too narrow; write the rule by hand, with keys of its own"
)


@dataclass(frozen=True, slots=True)
class Edit:
    """One change of a rule file: the bytes ``before`` (``None`` where there is no file) and ``after``.

    ``added``, ``widened`` and ``removed`` are names of rules; ``kept`` are those that let a request through already.
    ``refused`` are the requests that no rule can be written for, each with its reason.
    """

    before: bytes | None
    after: bytes
    added: tuple[str, ...] = ()
    widened: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    refused: tuple[tuple[BlockedRequest, str], ...] = ()

    @property
    def changes(self) -> bool:
        """Whether the edit changes the file."""
        return (self.before or b"") != self.after

    @property
    def names(self) -> tuple[str, ...]:
        """The rules that let the requests through after the edit."""
        return (*self.added, *self.widened, *self.kept)

    def diff(self, file: str) -> str:
        """Return the change as a unified diff with two lines of context, without a final line break."""
        old, new = (_shown(data or b"") for data in (self.before, self.after))
        return "\n".join(difflib.unified_diff(old, new, file, file, lineterm="", n=2))


def unblock(data: bytes | None, requests: Iterable[BlockedRequest]) -> Edit:
    """Return the smallest change after which the rules let these requests through.

    ``data`` are the bytes of the file, ``None`` where there is none. A rule that is for the same server and nothing
    else is widened by the page, or by the method; else a rule is added, behind the others where they leave the request
    to it and before them where they do not. Raises ``EditRefused`` where the file has errors.
    """
    groups, refused = group_requests(requests)
    if len(groups) > _MOST_GROUPS:
        raise EditRefused(
            f"These requests need {len(groups):,} rules, one for each pair of page and server. Choose requests that "
            f"need {_MOST_GROUPS} at most."
        )
    after = data
    added: list[str] = []
    widened: list[str] = []
    kept: list[str] = []
    for group in groups:
        file = RuleFileText(after)
        asked = group.requests
        ready = _rule_for(file.rules, asked)
        if ready is not None:
            kept.append(ready.name)
            continue
        wider = next((made for made in file.widened(group.origin, group.target, asked) if _works(made[1], asked)), None)
        if wider is not None:
            after = wider[1]
            widened.append(wider[0])
            continue
        rule = group.rule({each.name for each in file.rules.rules})
        tried = [*file.with_rule(rule, group.target)]
        made = next((made for made in tried if _works(made, asked)), None)
        if made is None:
            is_reached = any(_is_reached(made, rule.name, asked) for made in tried)
            reason = _DEFAULTS if is_reached else file.obstacle(group.target)
            refused += [(request, reason) for request in asked]
            continue
        after = made
        added.append(rule.name)
    unchanged = b"" if after is None else after
    return Edit(data, unchanged, tuple(added), tuple(widened), (), tuple(kept), tuple(refused))


def remove(data: bytes, name: str) -> Edit:
    """Return the file without the rule of that name. Raises ``EditRefused`` where there is none, or no other rule."""
    file = RuleFileText(data)
    index = next((i for i, rule in enumerate(file.rules.rules) if rule.name == name), None)
    if index is None:
        raise EditRefused(f"The rule file has no rule {name!r}.")
    if len(file.rules.rules) == 1:
        raise EditRefused(f"{name!r} is the only rule of the file. Delete the file, or write enabled: false.")
    after = file.without(index)
    left, kept = read_rules(after).rules, [rule for rule in file.rules.rules if rule.name != name]
    if left is None or [replace(rule, line=0) for rule in left.rules] != [replace(rule, line=0) for rule in kept]:
        raise EditRefused(f"To take out {name!r} would change more of the file. Take the rule out by hand.")
    return Edit(data, after, removed=(name,))


def _works(data: bytes, requests: Sequence[BlockedRequest]) -> bool:
    reading = read_rules(data)
    return reading.rules is not None and _rule_for(reading.rules, requests) is not None


def _rule_for(rules: RuleSet, requests: Sequence[BlockedRequest]) -> Rule | None:
    """Return the rule that lets all of these requests through, ``None`` where it is not one rule."""
    found = [_letting_through(rules, request) for request in requests]
    return found[0] if found and all(each is not None and each is found[0] for each in found) else None


def _is_reached(data: bytes, name: str, requests: Sequence[BlockedRequest]) -> bool:
    """Say whether the rule of that name decides about these requests."""
    rules = read_rules(data).rules
    return rules is not None and all(
        (rule := _deciding(rules, request)) is not None and rule.name == name for request in requests
    )


def _letting_through(rules: RuleSet, request: BlockedRequest) -> Rule | None:
    rule = _deciding(rules, request)
    return rule if rule is not None and _lets_through(rule, request) else None


def _deciding(rules: RuleSet, request: BlockedRequest) -> Rule | None:
    lines = [("Origin", request.origin), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "cross-site")]
    matched = match(rules, Exchange("", Request(request.method, request.url, HeaderList(lines))))
    return None if matched is None else matched.rule


def _lets_through(rule: Rule, request: BlockedRequest) -> bool:
    names = None if rule.allow_headers is None else {name.lower() for name in rule.allow_headers}
    return (
        rule.simulate is None
        and not rule.dry_run
        and (rule.allow_credentials or not request.credentials)
        and (rule.allow_methods is None or request.method in rule.allow_methods)
        and (names is None or all(name.lower() in names for name in request.header_names))
        and rule.preflight is not PreflightMode.FORWARD
        and rule.upstream_headers is UpstreamHeaders.REPLACE
        and rule.on_errors
        and (rule.resource_policy is not None or not request.needs_resource_policy)
        and (rule.timing_allow_origin or not request.needs_timing)
    )


def _shown(data: bytes) -> list[str]:
    return data.removeprefix(_BOM).decode("utf-8", "replace").splitlines()
