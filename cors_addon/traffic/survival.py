"""Under which credentials modes a response passes its check."""

from ..fetch.checks import PreflightRequest, Step, Success, cors_check, preflight_failures
from ..fetch.messages import CredentialsMode, Response
from .classify import Kind
from .record import Record


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


def _surviving(record: Record, response: Response) -> frozenset[CredentialsMode]:
    exchange, origin = record.exchange, record.classification.origin or "null"
    modes = set()
    for mode in CredentialsMode:
        if record.kind is Kind.PREFLIGHT:
            method = exchange.request.headers.get("Access-Control-Request-Method") or ""
            failures = preflight_failures(PreflightRequest(origin, method, record.asked_names), mode, response)
            if all(failure.step is Step.NON_WILDCARD_HEADER for failure in failures):
                modes.add(mode)
        elif isinstance(cors_check(origin, mode, response.headers), Success):
            modes.add(mode)
    return frozenset(modes)
