"""Probable causes: what is wrong behind a finding, with its evidence.

A cause is looked for in the exchange itself, in what belongs to it, and in what its host answered to others. Rules are
pure functions of these; each says nothing where nothing in the traffic speaks for it.
"""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from ...verdict.model import Cause, Confidence, Finding
from . import (
    connections,
    discarded,
    errors,
    gateways,
    libraries,
    library_table,
    origins,
    pages,
    preflights,
    redirects,
    spelling,
)
from .cause import CauseEntry
from .context import Scene

_FAMILIES: Final = (
    *(origins, spelling, preflights, redirects, errors),
    *(gateways, connections, library_table, pages, discarded),
)

CAUSES: Final[Mapping[str, CauseEntry]] = MappingProxyType(
    {entry.id: entry for family in _FAMILIES for entry in family.ENTRIES}
)
"""Every cause by its id."""

Rule = Callable[[Finding, Scene], Iterator[Cause]]

_MOST: Final = 4
_SURENESS: Final = {Confidence.HIGH: 0, Confidence.MEDIUM: 1, Confidence.LOW: 2}

# Which rules look at which finding; of causes that are equally sure, the rule that stands first has the first word.
_ORIGIN_MISSING: Final = (
    spelling.names,
    redirects.redirected,
    gateways.own_pages,
    preflights.status,
    errors.dropped_body,
    pages.null_origin,
    discarded.cookies,
    errors.missing,
    origins.missing,
    origins.app_shells,
    libraries.needless_preflight,
)
_OF_PREFLIGHTS: Final = (redirects.of_preflight, gateways.own_pages, preflights.status)
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "allow-origin-missing": _ORIGIN_MISSING,
        "allow-origin-mismatch": (pages.null_origin, origins.differing, origins.app_shells),
        "allow-origin-invalid": (pages.null_origin, origins.differing, origins.app_shells),
        "allow-origin-multiple": (origins.several,),
        "allow-origin-wildcard-with-credentials": (spelling.wildcard,),
        "allow-credentials-not-true": (origins.doubled, spelling.credentials, spelling.names, errors.credentials),
        "preflight-status-not-ok": (*_OF_PREFLIGHTS, libraries.needless_preflight),
        "preflight-redirect": (redirects.redirected, libraries.needless_preflight),
        "allow-methods-invalid": (spelling.malformed,),
        "allow-headers-invalid": (spelling.malformed,),
        "method-not-allowed": (*_OF_PREFLIGHTS, spelling.names, spelling.method_not_listed),
        "method-wildcard-with-credentials": (spelling.wildcard,),
        "header-not-allowed": (
            *_OF_PREFLIGHTS,
            spelling.header_not_listed,
            spelling.names,
            libraries.not_allowed,
            preflights.needless,
        ),
        "header-wildcard-with-credentials": (libraries.not_allowed, spelling.wildcard),
        "redirect-too-many": (redirects.too_many,),
        "mode-same-origin": (redirects.redirected,),
        "network-error": (connections.failed,),
        "header-not-exposed": (spelling.names, pages.not_exposed),
        "expose-headers-invalid": (spelling.malformed,),
        "orb-blocked": (pages.withheld,),
        "nosniff-mime": (pages.withheld,),
        "corp-not-same-origin": (pages.withheld,),
        "corp-not-same-site": (pages.withheld,),
        "set-cookie-refused": (discarded.cookies,),
        "response-opaque": (discarded.opaque,),
    }
)


def causes_of(finding: Finding, scene: Scene) -> tuple[Cause, ...]:
    """Return what is probably behind a finding, the surest first; nothing where nothing speaks for a cause."""
    found: dict[str, Cause] = {}
    for rule in _RULES.get(finding.id, ()):
        for cause in rule(finding, scene):
            known = found.get(cause.id)
            if known is None or _SURENESS[cause.confidence] < _SURENESS[known.confidence]:
                found[cause.id] = cause
    ordered = sorted(found.values(), key=lambda cause: _SURENESS[cause.confidence])
    return tuple(ordered[:_MOST])
