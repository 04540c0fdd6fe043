"""Verdicts for people who read a terminal: one line in a list, one in a log, and a closing summary."""

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ..catalogue.violation import Severity
from ..verdict.failure_details import inert
from ..verdict.model import Delivered, Finding, Outcome, Verdict
from ..verdict.redact import redact
from .blocks import Block, blocks
from .browser_word import differences, told_line, unsent_lines
from .cures import whys
from .model import Report
from .text_layout import wrapped

_MOST_BLOCKS: Final = 20
_MOST_ENDPOINTS: Final = 3
_SHOWN: Final = (Severity.BLOCKED.value, Severity.CONDITIONAL.value, Severity.RISK.value)
_MARGIN: Final = 4
_SEVERITIES: Final = tuple(Severity)


class Line(NamedTuple):
    """A line, the severity in whose colour its beginning is shown where there are colours, and how long that is."""

    text: str
    severity: str = "info"
    painted: int = 0


def headline(verdict: Verdict) -> str:
    """Return the verdict in one line, without the flow's own method and URL."""
    shown = [finding for finding in verdict.findings if finding.severity is not Severity.INFO]
    main = shown[0] if shown else (verdict.findings[0] if verdict.findings else None)
    what = verdict.outcome.value
    if verdict.outcome is Outcome.NOT_CORS and main is not None:
        what = "not CORS, but blocked" if main.severity is Severity.BLOCKED else "not CORS"
    elif verdict.outcome is Outcome.ALLOWED and main is not None and main.severity is Severity.BLOCKED:
        what = "blocked beside CORS"
    if main is None:
        return what
    if main.known:
        what += ", known"
    more = f" (+{len(shown) - 1} more)" if len(shown) > 1 else ""
    return f"{what}: {main.message} [{main.id}]{more}"


def delivered_line(verdict: Verdict, delivered: Delivered) -> str:
    """Return both truths in one line: what became of a flow that a rule touched, and what the server's own was."""
    rule = inert(delivered.rule)
    own = headline(verdict)
    outcome = "nothing" if delivered.outcome is None else delivered.outcome.value
    if delivered.dry_run:
        return f'{own}; rule "{rule}" would make it {outcome} (dry run)'
    # The only flows without a status that a rule touches are those that it kept from the server.
    own = "the server was not asked" if verdict.status is None else f"as the server sent it: {own}"
    return f'{outcome} as delivered by rule "{rule}"; {own}'


def log_line(verdict: Verdict, finding: Finding, with_cause: bool = True) -> Line:
    """Return the line that a log gets when a finding is met for the first time."""
    severity = finding.severity.value
    lead = f"CORS known ({severity}):" if finding.known else f"CORS {severity}:"
    where = f"{inert(verdict.method)} {inert(redact(verdict.url))}"
    page = f" from {inert(verdict.origin)}" if verdict.origin else ""
    cause = next(iter(whys(finding.to_plain())), None) if finding.causes and with_cause else None
    why = f" ({cause.label.lower()}: {inert(cause.message, 240)})" if cause is not None else ""
    text = redact(f"{lead} {finding.message} [{finding.id}] {where}{page}{why}")
    return Line(text, "known" if finding.known else severity, len(lead))


def summary(report: Report) -> Iterator[Line]:
    """Yield the closing lines: how many flows, and what there is to mend, thing by thing."""
    outcomes = report.summary["outcomes"]
    counts = ", ".join(f"{count} {name}" for name, count in outcomes.items() if count)
    flows = report.summary["flows"]
    yield Line(f"CORS: {flows} {'flow' if flows == 1 else 'flows'} judged: {counts or 'none'}")
    told = told_line(report.summary)
    if told:
        yield Line(f"  {told}")
    for difference in differences(report.flows):
        yield Line(f"  differs, please report it: {difference}")
    for line in unsent_lines(report.unsent):
        yield Line(f"  {line}")
    shown = [block for block in blocks(report) if block.severity in _SHOWN]
    shown.sort(key=lambda block: block.known)
    for block in shown[:_MOST_BLOCKS]:
        yield from _to_mend(block)
    if len(shown) > _MOST_BLOCKS:
        yield Line(f"  and {len(shown) - _MOST_BLOCKS} more; a report has them all (--set cors_report=cors.html)")
    for name, told in (("known", "known by the baseline"), ("ignored", "ignored")):
        if report.summary.get(name):
            yield Line(f"  {report.summary[name]} {told}")


def _to_mend(block: Block) -> Iterator[Line]:
    lead = f"  {'known' if block.known else block.severity}"
    host = inert(block.host) or "(unknown host)"
    times = "" if block.count == 1 else f", {block.count} times"
    text = f"{lead} at {host}{times}: {block.message} [{block.id}]"
    yield Line(text, "known" if block.known else block.severity, len(lead))
    if block.known:
        return
    cause = next(iter(whys(block.finding)), None)
    told: list[tuple[str, str]] = []
    if cause is not None:
        told.append(("cause", f"{cause.message} ({cause.label.lower()})" if cause.label != "Cause" else cause.message))
    if block.others:
        told.append(("also", ", ".join(dict.fromkeys(violation for _, violation in block.others))))
    told += [("needs", needed) for needed in block.needed[:_MOST_ENDPOINTS]]
    if cause is not None and cause.fix:
        told.append(("fix", f"({cause.who}) {cause.fix}"))
    elif not block.needed and block.fix:
        told.append(("fix", f"({block.who}) {block.fix}"))
    for label, words in told:
        for line in wrapped(label, words, indent=_MARGIN):
            yield Line(line)
    endpoints = block.endpoints
    for place in endpoints[:_MOST_ENDPOINTS]:
        page = inert(place.origin) or "(no origin)"
        target = f"{inert(place.method, 40)} {inert(place.host)}{inert(place.path)} from {page}"
        yield Line(f"{'':<{_MARGIN}}{place.times:>7} x {target}")
    more = len(endpoints) - _MOST_ENDPOINTS
    if more > 0:
        yield Line(f"{'':<{_MARGIN}}{'':>7}   and {more} {'endpoint' if more == 1 else 'endpoints'} more")


def worst(findings: Iterable[Finding]) -> Severity | None:
    """Return the highest severity among findings."""
    return min((finding.severity for finding in findings), key=_SEVERITIES.index, default=None)
