"""Verdicts for people who read a terminal: one line, a whole explanation, a closing summary."""

from collections.abc import Iterable

from ..catalogue.violation import Severity
from ..verdict.diagnose import inert
from ..verdict.model import Delivered, Finding, Outcome, Verdict
from .model import Report


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


def log_line(verdict: Verdict, finding: Finding) -> str:
    """Return the line that a log gets when a finding is met for the first time."""
    where = f"{inert(verdict.method)} {inert(verdict.url)}"
    page = f" from {inert(verdict.origin)}" if verdict.origin else ""
    return f"CORS {finding.severity.value}: {finding.message} [{finding.id}] {where}{page}"


def explanation(verdict: Verdict) -> list[str]:
    """Return the whole story of a flow, line by line."""
    page = f" from {inert(verdict.origin)}" if verdict.origin else ""
    lines = [f"{inert(verdict.method)} {inert(verdict.url, 400)}{page}", f"{verdict.outcome.value} ({verdict.reason})"]
    for finding in verdict.findings:
        lines += ["", f"{finding.severity.value}: {finding.message} [{finding.id}, {finding.stage.value}]"]
        for line in finding.evidence:
            value = "(not sent)" if line.value is None else line.value
            lines.append(f"    {line.side}  {line.name}: {value}")
        lines.append(f"    why   {finding.violation.explanation}")
        lines.append(f"    fix   ({finding.violation.owner.value}) {finding.violation.fix}")
        if finding.needed:
            lines.append(f"    needs {finding.needed}")
        lines.append(f"    see   {finding.violation.anchor}")
    lines += ["", f"credentials  {_credentials(verdict)}"]
    for judge, view in verdict.views.items():
        lines.append(f"{judge.value:<12} {view.outcome.value}{f' ({view.error})' if view.error else ''}")
    links = verdict.related.to_plain()
    lines += [f"{name.replace('_', ' '):<15} {value}" for name, value in links.items() if value]
    return lines


def _credentials(verdict: Verdict) -> str:
    view = verdict.credentials
    if view.assumed:
        return "not included (assumed: nothing speaks for them)"
    told = "; ".join(
        f"{text} ({'certain' if certain else 'a hint'}, flow {flow})" for _, text, flow, certain in view.evidence
    )
    return f"{view.mode}{': ' + told if told else ''}"


def summary(report: Report) -> list[str]:
    """Return the closing lines: what was blocked, grouped by what to fix."""
    outcomes = report.summary["outcomes"]
    counts = ", ".join(f"{count} {name}" for name, count in outcomes.items() if count)
    lines = [f"CORS: {report.summary['flows']} flows judged: {counts or 'none'}"]
    shown = [group for group in report.groups if group["severity"] in ("blocked", "conditional", "risk")]
    shown.sort(key=lambda group: bool(group["known"]))
    for group in shown[:20]:
        severity = "known" if group["known"] else group["severity"]
        lines.append(
            f"  {severity:<11} {group['count']:>4} x {inert(group['method'], 40)}"
            f" {inert(group['host'])}{inert(group['path'])}"
            f" from {inert(group['origin']) or '(no origin)'}: {group['message']} [{group['id']}]"
        )
        if group["needed"]:
            lines.append(f"  {'':<11}        needs {group['needed']}")
    if len(shown) > 20:
        lines.append(f"  and {len(shown) - 20} more; a report has them all (--set cors_report=cors.html)")
    return lines


def worst(findings: Iterable[Finding]) -> Severity | None:
    """Return the highest severity among findings."""
    order = list(Severity)
    return min((finding.severity for finding in findings), key=order.index, default=None)
