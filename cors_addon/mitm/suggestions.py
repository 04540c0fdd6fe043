"""From verdicts to a suggested rule."""

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..diagnosis.session import Session
from ..fetch.checks import requested_header_names
from ..fetch.origins import OPAQUE
from ..report.grouping import plain_text
from ..rules.suggest import BlockedRequest, suggest
from ..traffic.classify import Kind
from ..traffic.null_origin import proven_page
from ..traffic.record import Record
from ..verdict.failure_details import inert
from ..verdict.model import Outcome, Verdict

_MOST_REFUSED: Final = 50
"""Requests that are left out and named; of more, their number is told."""

_CURED = (Outcome.BLOCKED, Outcome.CONDITIONAL)


def suggestion(requests: Sequence[BlockedRequest], taken: Sequence[str]) -> list[str]:
    """Return the lines of a rule that would unblock requests, and why some are left out."""
    if not requests:
        return ["# none of these flows is blocked, so no rule is needed"]
    found = suggest(requests, taken)
    refused = [
        f"# left out: {inert(request.method, 40)} {inert(plain_text(request.url))}: {inert(reason, 600)}"
        for request, reason in found.refused[:_MOST_REFUSED]
    ]
    if len(found.refused) > _MOST_REFUSED:
        refused.append(f"# and {len(found.refused) - _MOST_REFUSED:,} more are left out")
    # Only in comments: no rule has a place for a secret.
    return [plain_text(line) for line in (*found.text.splitlines(), *refused)]


def requests_of(
    verdicts: Iterable[Verdict], session: Callable[[], Session]
) -> Generator[None, None, list[BlockedRequest]]:
    """Return what the rules have to let through for these verdicts: nothing for those that nothing blocks.

    A step for each verdict; ``session`` is asked in each for the one that knows them. Secrets in URLs are taken out,
    since a rule quotes paths in its comments.
    """
    found: dict[BlockedRequest, None] = {}
    for verdict in verdicts:
        request = _request_of(verdict, session())
        if request is not None:
            found[replace(request, url=plain_text(request.url))] = None
        yield None
    return [*found]


def _request_of(verdict: Verdict, session: Session) -> BlockedRequest | None:
    blocking = [finding for finding in verdict.findings if finding.severity.value in ("blocked", "conditional")]
    if verdict.outcome not in _CURED and not blocking:
        return None
    record = session.correlator.get(verdict.id)
    method = verdict.method
    names: tuple[str, ...] = ()
    origin = verdict.origin or ""
    tainted, proven = False, True
    if record is not None:
        method, names = _asked(record)
        if origin in ("", OPAQUE) and record.page_origin is not None:
            tainted = origin == OPAQUE and record.redirected_from is not None
            proven = proven_page(record, session.correlator) is not None
            origin = record.page_origin if tainted or origin != OPAQUE else OPAQUE
    ids = tuple(finding.id for finding in blocking)
    return BlockedRequest(origin, verdict.url, method, names, _why_credentials(verdict), ids, tainted, proven)


def _asked(record: Record) -> tuple[str, tuple[str, ...]]:
    request = record.exchange.request
    if record.kind is Kind.PREFLIGHT:
        method = request.headers.get("Access-Control-Request-Method") or request.method
        return method, requested_header_names(request.headers)
    return request.method, record.asked_names or record.header_names


def _why_credentials(verdict: Verdict) -> str:
    credentials = verdict.credentials
    if credentials.mode == "include":
        return next((text for mode, text, _, _ in credentials.evidence if mode == "include"), "credentials are sent")
    if verdict.outcome is Outcome.CONDITIONAL:
        return "something speaks for credentials, and without them nothing would be blocked"
    return ""
