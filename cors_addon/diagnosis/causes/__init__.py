"""Probable causes: what is wrong behind a finding, with its evidence.

A cause is looked for in the exchange itself, in what belongs to it, and in what its host answered to others. Rules are
pure functions of these; each says nothing where nothing in the traffic speaks for it. Which cause is named first is
decided by its evidence (``cause.Rank``), not by who looked first; what a header of the exchange contradicts is never
named, whichever rule found it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from ...catalogue.violation import Severity
from ...verdict.model import Cause, Confidence, Finding
from . import (
    apis,
    body_limits,
    caches,
    connections,
    discarded,
    errors,
    exposure,
    frameworks,
    gateways,
    libraries,
    library_table,
    navigations,
    origins,
    pages,
    platforms,
    preflights,
    redirects,
    refusals,
    sign_in_pages,
    spelling,
    storage,
    uncovered_routes,
    websockets,
)
from .cause import CauseEntry, Rank
from .context import Scene
from .server_table import known_server

_FAMILIES: Final = (
    *(refusals, origins, spelling, preflights, redirects, navigations, sign_in_pages, errors, body_limits),
    *(uncovered_routes, caches),
    *(
        frameworks,
        gateways,
        platforms,
        storage,
        apis,
        connections,
        library_table,
        pages,
        exposure,
        discarded,
        websockets,
    ),
)

CAUSES: Final[Mapping[str, CauseEntry]] = MappingProxyType(
    {entry.id: entry for family in _FAMILIES for entry in family.ENTRIES}
)
"""Every cause by its id."""

Rule = Callable[[Finding, Scene], Iterator[Cause]]

_MOST: Final = 4
_SETTABLE: Final = (
    "preflight-refused-by-cors",
    "options-without-cors",
    "preflight-meets-no-route",
    "bucket-without-cors",
)
"""Causes that a setting of the program which answers takes away."""

_SHOWN: Final = 2
_SURENESS: Final = {Confidence.HIGH: 0, Confidence.MEDIUM: 1, Confidence.LOW: 2}
_STOPS: Final = (Severity.BLOCKED, Severity.CONDITIONAL)

# Which rules look at which finding; of causes that are equally well supported, the rule that stands first comes first.
_ORIGIN_MISSING: Final = (
    pages.content_script,
    spelling.names,
    sign_in_pages.signs_in,
    redirects.dropped,
    navigations.to_navigation,
    redirects.redirected,
    errors.told_by_body,
    apis.opts_in,
    connections.turned_away,
    platforms.answered,
    gateways.own_pages,
    caches.stored,
    storage.answered,
    refusals.refused,
    preflights.status,
    uncovered_routes.dropped_body,
    pages.null_origin,
    discarded.cookies,
    origins.missing,
    errors.missing,
    uncovered_routes.missing,
    origins.app_shells,
    apis.not_for_pages,
    libraries.needless_preflight,
    pages.by_another_name,
    pages.by_element,
)
_OF_PREFLIGHTS: Final = (
    navigations.to_navigation,
    redirects.redirected,
    redirects.carried,
    connections.turned_away,
    apis.limits,
    platforms.answered,
    gateways.own_pages,
    storage.answered,
    refusals.refused,
    preflights.status,
)
_DIFFERING: Final = (
    *(apis.others_only, navigations.to_navigation, pages.null_origin, origins.differing, origins.app_shells),
    redirects.redirected,
)
_RULES: Final[Mapping[str, tuple[Rule, ...]]] = MappingProxyType(
    {
        "allow-origin-missing": _ORIGIN_MISSING,
        "allow-origin-mismatch": _DIFFERING,
        "allow-origin-invalid": _DIFFERING,
        "allow-origin-multiple": (origins.several,),
        "allow-origin-wildcard-with-credentials": (spelling.wildcard,),
        "allow-credentials-not-true": (
            origins.doubled,
            spelling.credentials,
            spelling.names,
            uncovered_routes.credentials,
        ),
        "preflight-status-not-ok": (*_OF_PREFLIGHTS, libraries.needless_preflight),
        "preflight-redirect": (navigations.to_navigation, redirects.redirected, libraries.needless_preflight),
        "allow-methods-invalid": (spelling.malformed,),
        "allow-headers-invalid": (spelling.malformed,),
        "method-not-allowed": (*_OF_PREFLIGHTS, spelling.names, spelling.method_not_listed),
        "method-wildcard-with-credentials": (spelling.wildcard,),
        "header-not-allowed": (
            *_OF_PREFLIGHTS,
            spelling.header_not_listed,
            frameworks.default_headers,
            spelling.names,
            libraries.not_allowed,
            preflights.needless,
        ),
        "header-wildcard-with-credentials": (apis.limits, libraries.not_allowed, spelling.wildcard),
        "redirect-too-many": (redirects.too_many,),
        "redirect-mixed-content": (navigations.to_navigation, redirects.redirected),
        "mode-same-origin": (navigations.to_navigation, redirects.redirected),
        "network-error": (connections.failed,),
        "blocked-response-not-saved": (connections.mixed,),
        "header-not-exposed": (spelling.names, exposure.not_exposed),
        "expose-headers-invalid": (spelling.malformed,),
        "orb-blocked": (pages.withheld,),
        "nosniff-mime": (pages.withheld,),
        "corp-not-same-origin": (apis.keeps, pages.withheld),
        "corp-not-same-site": (apis.keeps, pages.withheld),
        "corp-coep": (pages.isolated,),
        "set-cookie-refused": (discarded.cookies,),
        "sticky-cookie-not-returned": (discarded.sticky,),
        "own-origin-refused": (refusals.own_origin,),
        "response-opaque": (discarded.opaque,),
        "websocket-refused": (websockets.refused,),
    }
)


def causes_of(finding: Finding, scene: Scene) -> tuple[Cause, ...]:
    """Return what is probably behind a finding, the best supported first; nothing where nothing speaks for a cause."""
    found = [cause for rule in _RULES.get(finding.id, ()) for cause in rule(finding, scene) if stands(cause, scene)]
    return tuple(_with_setting(frameworks.in_framework(cause, scene), scene) for cause in _ordered(found)[:_MOST])


def _with_setting(cause: Cause, scene: Scene) -> Cause:
    """Put the setting of the program that is known to answer in the place of general advice."""
    if cause.id not in _SETTABLE or cause.where or cause.fix != CAUSES[cause.id].fix:
        return cause
    server = known_server(scene)
    if server is None or server.grants_preflights:
        # Where each preflight is granted, something else failed.
        return cause
    signal = f"{cause.signal}; {server.name} answers ({server.because})"
    return replace(
        cause,
        signal=signal,
        message=f"{cause.title}: {signal}",
        fix=server.fix(scene),
        where=server.where,
        snippet=server.text(scene),
    )


def stands(cause: Cause, scene: Scene) -> bool:
    """Say whether nothing in the exchange contradicts a cause: a header that is there, or that no server answered."""
    entry = CAUSES[cause.id]
    if entry.of_server and not scene.server_answered:
        return False
    if entry.of_middleware and cause.rank != Rank.SESSION and scene.is_third_partys:
        return False
    return not any(name in scene.headers for name in entry.absent)


def ranked(findings: Iterable[Finding]) -> tuple[Cause, ...]:
    """Return the causes of one exchange over all its findings, each once, the best supported first: two at most.

    The second is a real alternative; there is none beside one that is certain and explains the whole failure.
    """
    findings = tuple(findings)
    stopping = [finding for finding in findings if finding.severity in _STOPS]
    ordered = _ordered(cause for finding in stopping or findings for cause in finding.causes)
    if not ordered:
        return ()
    best = ordered[0]
    if best.confidence is Confidence.HIGH:
        ordered = (best, *(each for each in ordered[1:] if each.confidence is not Confidence.LOW))
    return ordered[:_SHOWN]


def _ordered(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """Put each cause once, by confidence and then by rank; what better evidence speaks against goes."""
    found: dict[str, Cause] = {}
    for cause in causes:
        known = found.get(cause.id)
        if known is None or _support(cause) < _support(known):
            found[cause.id] = cause
    ordered = sorted(
        (each for each in found.values() if _CONTAINED.get(each.id, _NONE).isdisjoint(found)), key=_support
    )
    decisive = next((cause for cause in ordered if CAUSES[cause.id].decisive and _is_sure(cause)), None)
    if decisive is not None and decisive.confidence is Confidence.HIGH:
        # What else may explain a manifest or a port is told by the same redirect.
        return tuple(cause for cause in ordered if CAUSES[cause.id].decisive and cause.confidence is Confidence.HIGH)
    if any(cause.rank <= Rank.RESPONDER and _is_sure(cause) for cause in ordered):
        ordered = [cause for cause in ordered if cause.rank != Rank.STATUS]
    return tuple(ordered)


_NONE: Final = frozenset[str]()
_CONTAINED: Final[Mapping[str, frozenset[str]]] = {
    "origin-not-listed": frozenset({"origin-refused-by-cors"}),
    "options-without-cors": frozenset({"cors-switched-off", "origin-refused-by-cors", "preflight-refused-by-cors"}),
    "cors-switched-off": frozenset({"origin-refused-by-cors"}),
    "preflight-meets-no-route": frozenset({"cors-switched-off"}),
    "preflight-refused-by-cors": frozenset({"origin-refused-by-cors"}),
    "api-gateway-response": frozenset({"api-gateway-mock-fails", "function-failed"}),
    "third-party-without-cors": frozenset({"path-not-found"}),
    "redirected-to-login": frozenset({"sign-in-page-fetched", "apps-script-failed"}),
    "preflight-meets-validation": frozenset({"client-certificate-missing"}),
    "preflight-redirected-to-login": frozenset({"no-application-at-host"}),
}
"""What another cause says already, and more exactly."""


def _support(cause: Cause) -> tuple[int, int]:
    return _SURENESS[cause.confidence], cause.rank


def _is_sure(cause: Cause) -> bool:
    return cause.confidence is not Confidence.LOW
