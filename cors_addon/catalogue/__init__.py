"""What can be wrong: one ``Violation`` for each distinct condition, and how to find one by its id."""

import difflib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from .advice import ADVICE, AUDIT
from .discarded import NEGLECTED
from .neighbours import NEIGHBOURS
from .preflight import PREFLIGHT_FETCH
from .redirects import REDIRECTS
from .sharing import SHARING
from .violation import Violation

CATALOGUE: Final[Mapping[str, Violation]] = MappingProxyType(
    {
        violation.id: violation
        for violations in (SHARING, PREFLIGHT_FETCH, REDIRECTS, NEIGHBOURS, AUDIT, ADVICE, NEGLECTED)
        for violation in violations
    }
)
"""Every violation by its id, in the order in which a fetch meets them: what blocks first, then risks, advice last."""


class UnknownViolationError(LookupError):
    """An id that the catalogue does not have; the message says which ids come near."""

    def __init__(self, unknown: str) -> None:
        self.unknown = unknown
        self.suggestions = suggestions(unknown)
        near = f"; did you mean {' or '.join(self.suggestions)}?" if self.suggestions else ""
        super().__init__(f"there is no violation {unknown!r}{near}")


def by_id(violation_id: str) -> Violation:
    """Return the violation of that id. Raises ``UnknownViolationError``."""
    try:
        return CATALOGUE[violation_id]
    except KeyError:
        raise UnknownViolationError(violation_id) from None


def suggestions(unknown: str, most: int = 3) -> tuple[str, ...]:
    """Return the ids nearest to what was typed, best first, at most ``most``; none where nothing comes near.

    Case, underscores and spaces are overlooked. A browser's own name for a condition finds it, and so does a part of an
    id.
    """
    typed = "-".join(unknown.lower().replace("_", " ").replace("-", " ").split())
    if not typed:
        return ()
    named = [violation.id for violation in CATALOGUE.values() if typed in _browser_names(violation)]
    if named:
        return tuple(named[:most])
    misspelt = difflib.get_close_matches(typed, CATALOGUE, n=1, cutoff=0.9)
    if misspelt:
        return tuple(misspelt)
    part = [violation_id for violation_id in CATALOGUE if typed in violation_id]
    near = difflib.get_close_matches(typed, CATALOGUE, n=most, cutoff=0.7)
    return tuple(dict.fromkeys([*near, *part]))[:most]


def _browser_names(violation: Violation) -> set[str]:
    names = {violation.chromium, violation.firefox, violation.webkit}
    if violation.preflight_prefix:
        names.add(f"Preflight{violation.chromium}")
    return {name.lower() for name in names if name}
