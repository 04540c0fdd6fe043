"""Which rule is for an exchange, and why the others are not.

A rule is for a request that a page makes across origins: its hosts, paths and methods name the request, and its
allow_origins the page. What is none of CORS's business is never a rule's: requests without ``Origin``, same-origin
ones, navigations, WebSockets. One exception is asked for by name: ``resource_policy``, ``timing_allow_origin`` and
the simulations of CORP, ORB and nosniff concern images, scripts and the like, whose requests carry no ``Origin``;
there the page is told from ``Referer``.
"""

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from ..fetch.methods import is_cors_safelisted_method
from ..fetch.origins import OPAQUE, origin_of
from ..traffic.classify import Classification, Kind, classify, page_origin_of
from ..traffic.exchange import Exchange
from ..traffic.sites import registrable_domain
from .model import Rule, RuleSet
from .patterns import Target, target_of
from .simulations import NO_CORS_SIMULATIONS, PREFLIGHT_SIMULATIONS, REDIRECT_SIMULATIONS


class Stage(Enum):
    """What a request is to a rule."""

    PREFLIGHT = "preflight"
    ACTUAL = "request"
    NO_CORS = "no-cors"


@dataclass(frozen=True, slots=True)
class Subject:
    """A request that a rule can be for.

    ``method`` is the actual one: for a preflight the one that it asks for. ``page`` is the serialized origin that a
    rule has to list, ``None`` where it cannot be told. ``origin`` is what the browser compares with: the request's
    own ``Origin``, which is ``null`` in a tainted chain of redirects. ``asks_headers`` says that a preflight asks for
    headers.
    """

    target: Target
    stage: Stage
    method: str
    page: str | None
    origin: str
    asks_headers: bool = False
    site: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A rule and the request that it is for."""

    rule: Rule
    subject: Subject


# What browsers send; anything else is neither matched nor ever echoed.
_SERIALIZED: Final = re.compile(r"[!-+\--~]{1,1000}")

_NEVER: Final = {
    Kind.SAME_ORIGIN: "the page calls its own origin, and no CORS check is made",
    Kind.NAVIGATION: "it is a navigation, and no CORS check is made",
    Kind.WEBSOCKET: "it is a WebSocket handshake, and no CORS check is made",
    Kind.STRIPPED: "it has no Origin header",
}


def subject_of(exchange: Exchange, page_origin: str | None = None) -> Subject | str:
    """Return what a rule has to match, or why no rule can.

    ``page_origin`` is the serialized origin of the page where a chain of redirects made the request's own ``null``.
    """
    target = target_of(exchange.request.url)
    if target is None:
        return "its URL is not an http or https one"
    return _subject(exchange, target, page_origin)


def _subject(exchange: Exchange, target: Target, page_origin: str | None) -> Subject | str:
    request = exchange.request
    if exchange.response is not None and exchange.response.status == 101:
        return _NEVER[Kind.WEBSOCKET]
    found = classify(exchange)
    if found.kind in _NEVER:
        return _NEVER[found.kind]
    if found.kind in (Kind.NO_CORS, Kind.NO_ORIGIN):
        return _no_cors_subject(exchange, target, found)
    origin = found.origin
    if origin is None:
        return "it has no Origin header"
    if not _SERIALIZED.fullmatch(origin):
        return "its Origin header is not one that a browser sends"
    if origin == target.origin and found.kind is not Kind.PREFLIGHT:
        # A preflight to the page's own server comes of a redirect from elsewhere, and is checked like any other.
        return _NEVER[Kind.SAME_ORIGIN]
    page = page_origin if origin == OPAQUE and page_origin is not None else origin
    if found.kind is Kind.PREFLIGHT:
        method = request.headers.get("access-control-request-method") or ""
        asks = bool((request.headers.get("access-control-request-headers") or "").strip(" ,\t"))
        return Subject(target, Stage.PREFLIGHT, method, page, origin, asks, found.site)
    return Subject(target, Stage.ACTUAL, request.method, page, origin, False, found.site)


def _no_cors_subject(exchange: Exchange, target: Target, found: Classification) -> Subject | str:
    request = exchange.request
    page = page_origin_of(request)
    if page is not None and not _SERIALIZED.fullmatch(page):
        page = None
    if page == target.origin or found.site in ("same-origin", "none"):
        return _NEVER[Kind.SAME_ORIGIN]
    if found.kind is Kind.NO_ORIGIN and (page is None or "upgrade-insecure-requests" in request.headers):
        return "it has no Origin header"
    return Subject(target, Stage.NO_CORS, request.method, page, page or OPAQUE, False, found.site)


def match(rules: RuleSet, exchange: Exchange, page_origin: str | None = None) -> Match | None:
    """Return the first enabled rule that is for the exchange; ``None`` leaves it alone. Never raises.

    ``page_origin`` is as for ``subject_of``. A request that no rule's hosts include costs a look-up and no more.
    """
    if "origin" not in exchange.request.headers and not rules.reaches_without_origin:
        return None
    target = target_of(exchange.request.url)
    if target is None:
        return None
    subject: Subject | str | None = None
    for rule in rules.candidates(target):
        if subject is None:
            subject = _subject(exchange, target, page_origin)
        if isinstance(subject, str):
            return None
        if reason_against(rule, subject) is None:
            return Match(rule, subject)
    return None


def reason_against(rule: Rule, subject: Subject) -> str | None:
    """Say why a rule is not for a request, ``None`` where it is."""
    target = subject.target
    if not rule.enabled:
        return "it is not enabled"
    if not any(host.matches(target) for host in rule.hosts):
        return f"its hosts do not include {_host_shown(target)}{_host_hint(rule, target)}"
    if not rule.applies_to_path(target.path):
        return f"its paths do not include {target.path}{_path_hint(rule, target.path)}"
    if rule.methods is not None and subject.method not in rule.methods:
        asked = " (which the preflight asks for)" if subject.stage is Stage.PREFLIGHT else ""
        return f"its methods do not include {subject.method}{asked}"
    if subject.page is None and rule.origins.patterns is not None:
        return "the page that makes the request cannot be told, and allow_origins lists pages"
    if subject.page is not None and not rule.origins.matches(subject.page):
        return f"its allow_origins do not include {subject.page}{_origin_hint(rule, subject.page)}"
    if rule.simulate is not None:
        return _reason_against_simulating(rule.simulate, subject)
    if subject.stage is Stage.NO_CORS and rule.resource_policy is None and not rule.timing_allow_origin:
        return "the request is not subject to CORS, and the rule sets neither resource_policy nor timing_allow_origin"
    return None


def _reason_against_simulating(violation: str, subject: Subject) -> str | None:
    """A rule that simulates is for those requests only that can fail that way; the others go to the rules after it."""
    stage = subject.stage
    if (violation in NO_CORS_SIMULATIONS) != (stage is Stage.NO_CORS):
        kind = (
            "images, scripts and other requests without CORS" if violation in NO_CORS_SIMULATIONS else "CORS requests"
        )
        return f"{violation} can happen to {kind} only"
    if violation in PREFLIGHT_SIMULATIONS and stage is not Stage.PREFLIGHT:
        return f"{violation} can happen to a preflight only"
    if violation in REDIRECT_SIMULATIONS and stage is not Stage.ACTUAL:
        return f"{violation} can happen to a request only, not to its preflight"
    if violation in ("method-not-allowed", "method-wildcard-with-credentials"):
        if is_cors_safelisted_method(subject.method):
            return f"{subject.method} needs no permission, so {violation} cannot happen"
    elif violation in ("header-not-allowed", "header-wildcard-with-credentials") and not subject.asks_headers:
        return f"the preflight asks for no headers, so {violation} cannot happen"
    elif violation == "corp-not-same-site" and _is_same_site(subject):
        return f"page and server are of one site, so {violation} cannot happen"
    return None


def _is_same_site(subject: Subject) -> bool:
    if subject.site:
        return subject.site != "cross-site"
    page = None if subject.page is None else origin_of(subject.page)
    if page is None:
        return False
    domain = registrable_domain(page.host)
    return page.host == subject.target.host or (
        domain is not None and domain == registrable_domain(subject.target.host)
    )


# ------------------------------------------------------------------------------------------------------------- hints


def _host_shown(target: Target) -> str:
    return target.origin.partition("://")[2]


def _host_hint(rule: Rule, target: Target) -> str:
    for host in rule.hosts:
        if host.port is not None and host.port != target.port and _same_name(host.host, host.wildcard, target.host):
            return f" ({host.text} is for port {host.port}, this is port {target.port})"
        if host.wildcard and host.host == target.host:
            return f" ({host.text} is for the names below {host.host}, not for itself)"
    return ""


def _same_name(name: str, wildcard: bool, host: str) -> bool:
    return host.endswith("." + name) if wildcard else host == name


def _path_hint(rule: Rule, path: str) -> str:
    for pattern in rule.paths:
        if pattern.text.lower() == path.lower():
            return f" (upper and lower case count: {pattern.text})"
        if pattern.text.rstrip("/") == path.rstrip("/"):
            return f" (the slash at the end counts: {pattern.text})"
    return ""


_LOOPBACKS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})


def _origin_hint(rule: Rule, page: str) -> str:
    origin = origin_of(page)
    if origin is None:
        return " (sandboxed frames, pages from disk and some redirects send it)" if page == OPAQUE else ""
    if page != origin.serialize():
        return f" (browsers write it {origin.serialize()})"
    for pattern in rule.origins.patterns or ():
        same_host = pattern.host == origin.host and not pattern.wildcard
        if same_host and pattern.scheme != origin.scheme:
            return f" (the scheme differs: {pattern.text})"
        if same_host:
            return f" (the port differs: {pattern.text})"
        if pattern.wildcard and pattern.host == origin.host:
            return f" ({pattern.text} is for the names below {pattern.host}, not for itself)"
        if {pattern.host, origin.host} <= _LOOPBACKS:
            return f" ({pattern.text} is another origin, although it is the same machine)"
    return ""
