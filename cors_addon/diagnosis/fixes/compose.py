"""Puts the way to green and the snippets onto a verdict that has findings."""

from dataclasses import replace
from typing import Final

from ...catalogue.violation import Severity
from ...fetch.origins import origin_of
from ...traffic.correlate import Correlator
from ...traffic.host_policies import HostObserver
from ...traffic.record import Record
from ...verdict.fix_steps import STATUS
from ...verdict.model import Confidence, Finding, Snippet, Verdict
from .required_headers import Need, need_of, whole_need
from .way import way_of

ANY_SERVER: Final = "any server"
_OF_PLATFORMS: Final = frozenset(
    {"Amazon S3", "Cloud Storage", "Azure Blob Storage", "API Gateway", "CloudFront", "Firebase", "Vercel", "Netlify"}
)
_WRITTEN_FOR: Final = (Severity.BLOCKED, Severity.CONDITIONAL, Severity.RISK)
"""Advice is taken in a line; a snippet would change what works."""
_WRITTEN: Final = frozenset(
    {
        STATUS,
        "Vary",
        *(
            f"Access-Control-{name}"
            for name in (
                "Allow-Origin",
                "Allow-Credentials",
                "Allow-Methods",
                "Allow-Headers",
                "Expose-Headers",
                "Max-Age",
            )
        ),
    }
)
"""What a snippet changes; the rest of a way has its header lines only."""


def with_fixes(verdict: Verdict, record: Record, correlator: Correlator, hosts: HostObserver) -> Verdict:
    """Return the verdict with what fixes it, or as it is where nothing has to be fixed, or could be by a server.

    A snippet is for the server as a whole: it allows what ``hosts`` knows of it besides.
    """
    if record.exchange.response is None or all(each.severity is Severity.INFO for each in verdict.findings):
        return verdict
    need = need_of(record, verdict, correlator)
    way = way_of(record, verdict, need)
    if way is None:
        return verdict
    cured = {
        finding
        for step in way.steps
        if step.severity in _WRITTEN_FOR and any(change.header in _WRITTEN for change in step.changes)
        for finding in step.findings
    }
    if not cured:
        return replace(verdict, way=way)
    host = origin_of(record.exchange.request.url)
    known = hosts.sightings(host) if host is not None else ()
    whole = whole_need(need, (each.answer for each in known))
    snippets = _fitting(_snippets(record, (whole, need), correlator), verdict)
    return replace(verdict, way=way, findings=tuple(_written(finding, cured, snippets) for finding in verdict.findings))


def _fitting(snippets: tuple[Snippet, ...], verdict: Verdict) -> tuple[Snippet, ...]:
    """Keep the snippets that whoever owns the host can use: a platform's own setting, nobody's for a third party."""
    kind = verdict.owner.kind if verdict.owner is not None else "unknown"
    if kind == "third-party":
        return ()
    if kind == "platform":
        return tuple(snippet for snippet in snippets if snippet.stack in _OF_PLATFORMS)
    return snippets


def _written(finding: Finding, cured: set[str], snippets: tuple[Snippet, ...]) -> Finding:
    return replace(finding, snippets=snippets) if finding.id in cured and snippets else finding


def _snippets(record: Record, needs: tuple[Need, ...], correlator: Correlator) -> tuple[Snippet, ...]:
    """Return what to write for the first of these needs that can be written."""
    # Loaded with the first finding: most of what they hold is templates and patterns.
    from .snippets import snippet_text
    from .stacks import best_places, recognise

    exchange = record.exchange
    assert exchange.response is not None
    responses = [exchange.response]
    other = correlator.get(record.preflight or record.cached_grant or record.request)
    if other is not None and other.exchange.response is not None:
        responses.append(other.exchange.response)
    found = []
    for place in best_places(recognise(exchange.request, *responses), exchange.response.status):
        text = next((text for need in needs if (text := snippet_text(place.stack, need)) is not None), None)
        if text is not None:
            found.append(Snippet(place.name, text, place.confidence, place.because))
    if all(one.confidence is Confidence.LOW for one in found):
        text = snippet_text(None, needs[-1])
        if text is not None:
            found.append(Snippet(ANY_SERVER, text, Confidence.LOW))
    return tuple(found)
