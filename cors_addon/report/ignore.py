"""Findings that a user does not want to hear of: ``id`` or ``id@host``, with a reason."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from ..catalogue import CATALOGUE, suggestions

SYNTAX: Final = "write ID or ID@HOST, and after that, if you like, # and the reason"


class IgnoreError(ValueError):
    """A value that ignores nothing; the message says why and what to write."""


@dataclass(frozen=True, slots=True)
class Ignore:
    """One value: findings of ``id`` at hosts that the glob ``host`` matches are not reported, for ``reason``."""

    id: str
    host: str = "*"
    reason: str = ""

    def covers(self, finding_id: str, host: str) -> bool:
        """Say whether it is for a finding; ``host`` is the target's, with its port where it is not the default one."""
        if finding_id != self.id:
            return False
        host = host.lower()
        name = host if host.endswith("]") else host.rpartition(":")[0] or host
        return fnmatchcase(host, self.host) or fnmatchcase(name, self.host)


@dataclass(frozen=True, slots=True)
class Ignores:
    """All values together."""

    values: tuple[Ignore, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.values)

    def find(self, finding_id: str, host: str) -> Ignore | None:
        """Return the first value that is for a finding."""
        for value in self.values:
            if value.covers(finding_id, host):
                return value
        return None


def parse(value: str) -> Ignore:
    """Parse one value, such as ``header-not-exposed@*.cdn.test # no script reads them``. Raises ``IgnoreError``."""
    what, _, reason = value.partition("#")
    name, at, host = what.strip().partition("@")
    name, host = name.strip(), host.strip().lower()
    if name not in CATALOGUE:
        near = suggestions(name)
        meant = f"; did you mean {' or '.join(near)}?" if near else f"; {SYNTAX}"
        raise IgnoreError(f"{name!r} is no violation id{meant}")
    if at and not host:
        raise IgnoreError(f"{value!r} names no host after @; {SYNTAX}")
    # In a glob, the brackets of an IPv6 address would be a set of characters.
    return Ignore(name, host.replace("[", "[[]") if host else "*", reason.strip())


def parse_all(values: Iterable[str]) -> Ignores:
    """Parse all values. Raises ``IgnoreError`` for the first that is none."""
    return Ignores(tuple(parse(value) for value in values))
