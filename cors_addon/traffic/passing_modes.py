"""Under which credentials modes a response passes its check."""

from typing import Final

from ..fetch.checks import (
    ACCESS_STEPS,
    SUCCESS,
    PreflightRequest,
    Step,
    Success,
    cors_check,
    preflight_check,
    preflight_failures,
)
from ..fetch.messages import CredentialsMode, Response
from ..fetch.origins import serialize_origin
from .classify import BrowserFamily, Kind
from .exchange import Exchange
from .preflight_rules import keeps_refused
from .record import Record

_SETS: Final[dict[frozenset[CredentialsMode], frozenset[CredentialsMode]]] = {}
"""The few sets that there are, so that each record need not hold one of its own."""


def surviving_modes(record: Record) -> frozenset[CredentialsMode]:
    """Return the modes under which a response passes its check, so far as the standard goes.

    What browsers treat alike and otherwise than the standard (Authorization under ``*``) counts as passing.
    """
    response = record.seen
    if response is None:
        return frozenset()
    known = record.survival
    if known is None or known[0] is not response or known[1] is not record.asked_names:
        known = record.survival = response, record.asked_names, _surviving(record, response)
    return known[2]


def leaves_grant(preflight: Record) -> bool:
    """Say whether a browser keeps what a preflight's response lists: where it passes, or for WebKit (``keeps_refused``)
    also where nothing is wrong but that a method or header is not listed.
    """
    if surviving_modes(preflight):
        return True
    response = preflight.seen
    if response is None or not keeps_refused(preflight.browser):
        return False
    origin = preflight.classification.origin or "null"
    asked_for_nothing = PreflightRequest(origin, "GET", ())
    return preflight_check(asked_for_nothing, CredentialsMode.NOT_INCLUDE, response) is SUCCESS


def _surviving(record: Record, response: Response) -> frozenset[CredentialsMode]:
    exchange, origin = record.exchange, record.classification.origin or "null"
    modes = set()
    is_preflight = record.kind is Kind.PREFLIGHT
    passed_over = {Step.NON_WILDCARD_HEADER}
    if is_preflight and record.browser is BrowserFamily.FIREFOX and is_preflight_at_home(exchange):
        passed_over |= ACCESS_STEPS
    for mode in CredentialsMode:
        if is_preflight:
            method = exchange.request.headers.request_method or ""
            failures = preflight_failures(PreflightRequest(origin, method, record.asked_names), mode, response)
            if all(failure.step in passed_over for failure in failures):
                modes.add(mode)
        elif isinstance(cors_check(origin, mode, response.headers), Success):
            modes.add(mode)
    found = frozenset(modes)
    return _SETS.setdefault(found, found)


def is_preflight_at_home(exchange: Exchange) -> bool:
    """Say whether a preflight goes to the page's own origin, which Firefox then does not ask for access.

    A redirect from elsewhere leads there. Measured with Firefox 153: of the answer it looks at the status, the methods
    and the headers. Chromium asks in the name of an opaque origin, as the standard says.
    """
    return exchange.request.headers.origin == serialize_origin(exchange.request.url)
