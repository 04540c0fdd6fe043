"""Rules that can never apply, since earlier ones take every request that they are for."""

from itertools import product
from typing import Final

from ..fetch.origins import address_of
from .draft import Draft
from .errors import quoted
from .keys import GRANT_KEYS
from .model import Rule, reaches_without_origin
from .patterns import HostPattern, OriginPattern, PathPattern
from .problems import Problems

_MOST_COMPARISONS: Final = 200_000
"""Of one combination with one earlier rule; a file that needs more is not checked further for rules that are hidden."""


class _Earlier:
    """The enabled rules before the one at hand, found by the hosts that they may have in common."""

    def __init__(self) -> None:
        self.by_name: dict[tuple[bool, str], list[Draft]] = {}
        self.networks: list[Draft] = []
        self.budget = _MOST_COMPARISONS

    def add(self, draft: Draft, rule: Rule) -> None:
        for host in rule.hosts:
            if host.network is not None:
                self.networks.append(draft)
            else:
                self.by_name.setdefault((host.wildcard, host.host), []).append(draft)

    def nearby(self, rule: Rule) -> list[Draft]:
        """Return, in their order, the rules that may cover one of this rule's hosts."""
        found: dict[int, Draft] = {}
        for host in rule.hosts:
            labels = host.host.split(".")
            names = [(True, ".".join(labels[at:])) for at in range(len(labels))]
            drafts = [draft for name in (*names, (False, host.host)) for draft in self.by_name.get(name, ())]
            if host.network is not None or address_of(host.host) is not None:
                drafts += self.networks
            found |= {draft.index: draft for draft in drafts}
        return [found[index] for index in sorted(found)]

    def hiding(self, rule: Rule) -> list[Draft]:
        """Return the earlier rules that together take every request of this one, empty where some are left."""
        nearby = self.nearby(rule)
        if reaches_without_origin(rule):
            # Requests without CORS pass by rules that say nothing about them.
            nearby = [draft for draft in nearby if draft.rule and reaches_without_origin(draft.rule)]
        hiding: dict[int, Draft] = {}
        patterns = rule.origins.patterns or (None,)
        for combination in product(rule.hosts, rule.paths or (None,), sorted(rule.methods or ()) or (None,), patterns):
            self.budget -= len(nearby)
            if self.budget < 0:
                return []
            taker = next((draft for draft in nearby if draft.rule and _takes(draft.rule, *combination)), None)
            if taker is None:
                return []
            hiding[taker.index] = taker
        return list(hiding.values())


def check_reachable(drafts: list[Draft], problems: Problems) -> None:
    earlier = _Earlier()
    for draft in drafts:
        rule = draft.rule
        if rule is None or not rule.enabled:
            continue
        hiding = earlier.hiding(rule)
        if hiding:
            _note_hidden(draft, hiding, problems)
        if rule.simulate is None:
            # One that simulates is there for a while, to be switched off again.
            earlier.add(draft, rule)


def _takes(
    rule: Rule, host: HostPattern, path: PathPattern | None, method: str | None, origin: OriginPattern | None
) -> bool:
    """Say whether a rule takes all requests of one combination; ``None`` stands for any path, method or origin."""
    if not any(pattern.covers(host) for pattern in rule.hosts):
        return False
    if rule.paths and not any(_covers_path(pattern, path) for pattern in rule.paths):
        return False
    if rule.methods is not None and method not in rule.methods:
        return False
    patterns = rule.origins.patterns
    return patterns is None or (origin is not None and any(pattern.covers(origin) for pattern in patterns))


def _covers_path(pattern: PathPattern, path: PathPattern | None) -> bool:
    return pattern.segments == ("**",) if path is None else pattern.covers(path)


_COMPARED: Final = (*GRANT_KEYS, "dry_run", "simulate")


def _note_hidden(draft: Draft, hiding: list[Draft], problems: Problems) -> None:
    rule = draft.rule
    assert rule is not None
    related = tuple(problems.related(other.entries["name"].node, "takes them") for other in hiding[:3])
    at = draft.entries["name"]
    first = hiding[0].rule
    assert first is not None
    differing = [name for name in _COMPARED if getattr(rule, name) != getattr(first, name)]
    same_scope = len(hiding) == 1 and (rule.hosts, rule.paths, rule.methods) == (
        first.hosts,
        first.paths,
        first.methods,
    )
    if same_scope and rule.origins == first.origins and differing:
        problems.error(
            "contradiction",
            at.node,
            at.path,
            f"{quoted(rule.name)} and {quoted(first.name)} are for the same requests and say different things",
            f"The first matching rule wins, so {' and '.join(differing[:3])} of this one would never count.",
            "keep one of the two, or write enabled: false into the other",
            related,
        )
        return
    names = " and ".join(quoted(other.rule.name) for other in hiding[:3] if other.rule)
    problems.error(
        "unreachable",
        at.node,
        at.path,
        f"{quoted(rule.name)} can never apply",
        f"The first matching rule wins, and {names} before it {'takes' if len(hiding) == 1 else 'take'} every request "
        "that it is for.",
        "move it before the other, make the other narrower, or take one of them out",
        related,
    )
