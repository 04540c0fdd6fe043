"""A rule file that was found to be right: frozen rules with their patterns parsed."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final, Self

from .patterns import HostPattern, Origins, PathPattern, Target
from .simulations import NO_CORS_SIMULATIONS

VERSION: Final = 1
DEFAULT_EXPIRES: Final = 7200.0


class PreflightMode(Enum):
    """What happens to a preflight: ``answer`` it in the proxy, ``repair`` the server's answer, ``forward`` it."""

    ANSWER = "answer"
    REPAIR = "repair"
    FORWARD = "forward"


class UpstreamHeaders(Enum):
    """What happens to CORS headers that the server sends.

    ``replace``: the rule's take their place. ``fill``: they stay, missing ones are added. ``keep``: where there is any,
    nothing is added.
    """

    REPLACE = "replace"
    FILL = "fill"
    KEEP = "keep"


class ResourcePolicy(Enum):
    """A value for Cross-Origin-Resource-Policy."""

    SAME_SITE = "same-site"
    CROSS_ORIGIN = "cross-origin"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, its defaults filled in.

    ``paths`` empty is all paths. ``methods``, ``allow_methods`` and ``allow_headers`` are ``None`` for all methods
    and for what the preflight requests. ``expose_headers`` is ``None`` for all by name and empty for none.
    ``max_age`` is in seconds. ``simulate`` is a violation id. ``line`` is where the rule begins in its file.
    """

    name: str
    hosts: tuple[HostPattern, ...]
    origins: Origins
    enabled: bool = True
    paths: tuple[PathPattern, ...] = ()
    methods: frozenset[str] | None = None
    allow_credentials: bool = False
    allow_methods: tuple[str, ...] | None = None
    allow_headers: tuple[str, ...] | None = None
    expose_headers: tuple[str, ...] | None = None
    max_age: int = 0
    preflight: PreflightMode = PreflightMode.ANSWER
    upstream_headers: UpstreamHeaders = UpstreamHeaders.REPLACE
    on_errors: bool = True
    resource_policy: ResourcePolicy | None = None
    timing_allow_origin: bool = False
    dry_run: bool = False
    simulate: str | None = None
    line: int = 0

    def applies_to_path(self, path: str) -> bool:
        """Say whether a request for this path is one of the rule's."""
        return not self.paths or any(pattern.matches(path) for pattern in self.paths)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of a file in their order. ``expires`` is in seconds, ``None`` for never."""

    rules: tuple[Rule, ...]
    expires: float | None = DEFAULT_EXPIRES
    _exact: dict[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    _below: dict[str, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    _networks: tuple[int, ...] = field(init=False, repr=False, compare=False)
    reaches_without_origin: bool = field(init=False, repr=False, compare=False)
    """Some enabled rule may change the response to a request without ``Origin``: see ``inject``."""

    aborts: bool = field(init=False, repr=False, compare=False)
    """Some enabled rule may end a connection before the server is asked."""

    def __post_init__(self) -> None:
        exact: dict[str, list[int]] = {}
        below: dict[str, list[int]] = {}
        networks: list[int] = []
        for index, rule in enumerate(self.rules):
            if not rule.enabled:
                continue
            for host in rule.hosts:
                if host.network is not None:
                    networks.append(index)
                else:
                    (below if host.wildcard else exact).setdefault(host.host, []).append(index)
        object.__setattr__(self, "_exact", {name: tuple(found) for name, found in exact.items()})
        object.__setattr__(self, "_below", {name: tuple(found) for name, found in below.items()})
        object.__setattr__(self, "_networks", tuple(networks))
        object.__setattr__(self, "aborts", any(r.enabled and r.simulate == "network-error" for r in self.rules))
        object.__setattr__(
            self, "reaches_without_origin", any(r.enabled and reaches_without_origin(r) for r in self.rules)
        )

    def candidates(self, target: Target) -> Iterator[Rule]:
        """Yield, in order, the enabled rules whose hosts include the target; the cost hardly grows with the rules."""
        found = set(self._exact.get(target.host, ()))
        if self._below and target.address is None:
            dot = target.host.find(".")
            while dot >= 0:
                found.update(self._below.get(target.host[dot + 1 :], ()))
                dot = target.host.find(".", dot + 1)
        if target.address is not None:
            found.update(self._networks)
        for index in sorted(found):
            rule = self.rules[index]
            if any(host.matches(target) for host in rule.hosts):
                yield rule

    def find(self, name: str) -> Rule | None:
        """Return the rule of that name."""
        return next((rule for rule in self.rules if rule.name == name), None)

    def with_enabled(self, name: str, enabled: bool) -> Self:
        """Return rules among which the one of that name is switched."""
        return replace(self, rules=tuple(replace(r, enabled=enabled) if r.name == name else r for r in self.rules))


NO_RULES: Final = RuleSet(())


def reaches_without_origin(rule: Rule) -> bool:
    """Say whether a rule is also for requests that no CORS check guards: images, scripts and the like."""
    return rule.resource_policy is not None or rule.timing_allow_origin or rule.simulate in NO_CORS_SIMULATIONS
