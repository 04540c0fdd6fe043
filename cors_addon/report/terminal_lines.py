"""Verdicts for people who read a terminal: one line in a list, one in a log, and a closing summary."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from ..catalogue.violation import Severity
from ..diagnosis.headlines import headline_of, main_finding, short_of, stopping
from ..verdict.failure_details import inert
from ..verdict.model import Delivered, Finding, Outcome, Verdict
from ..verdict.redact import redact
from .browser_word import differences, told_line, unsent_lines
from .diagnosis_text import about, place_of, sentence
from .model import Report
from .text_layout import paragraph, requests_of

_MOST_SHOWN: Final = 20
_MOST_HEADERS: Final = 4
_SHOWN: Final = (Severity.BLOCKED.value, Severity.CONDITIONAL.value, Severity.RISK.value)
_MARGIN: Final = 4
_SEVERITIES: Final = tuple(Severity)


class Line(NamedTuple):
    """A line, the severity in whose colour its beginning is shown where there are colours, and how long that is."""

    text: str
    severity: str = "info"
    painted: int = 0


def headline(verdict: Verdict) -> str:
    """Return the verdict in one line, without the flow's own method and URL, its short form first."""
    main = main_finding(verdict)
    what = verdict.outcome.value
    if verdict.outcome is Outcome.NOT_CORS and main is not None:
        what = "not CORS, but blocked" if main.severity is Severity.BLOCKED else "not CORS"
    elif verdict.outcome is Outcome.ALLOWED and main is not None and main.severity is Severity.BLOCKED:
        what = "blocked beside CORS"
    if main is None:
        return what
    if main.known:
        what += ", known"
    more = len(_others(verdict, main))
    behind = f" (+{more} more)" if more else ""
    return f"{short_of(verdict, main)} · {what}: {headline_of(verdict, main)} [{main.id}]{behind}"


def _others(verdict: Verdict, main: Finding) -> list[Finding]:
    """Return what is told in diagnoses of its own: the findings of one failure are one."""
    failing = stopping(verdict)
    own = failing if main in failing else (main,)
    return [finding for finding in verdict.findings if finding not in own and finding.severity is not Severity.INFO]


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


def log_line(diagnosis: Mapping[str, Any]) -> Line:
    """Return the line that a log gets when a diagnosis is made for the first time."""
    severity = str(diagnosis["severity"])
    lead = f"CORS known ({severity}):" if diagnosis["known"] else f"CORS {severity}:"
    first = next(iter([*diagnosis["findings"], *diagnosis["conditions"]]), "")
    page = f" from {inert(diagnosis['origin'])}" if diagnosis["origin"] else ""
    where = f"{inert(diagnosis['method'], 40)} {inert(diagnosis['url'])}{page}"
    told = [f"{lead} {diagnosis['headline']} [{first}] {where}."]
    for cause in diagnosis["causes"][:1]:
        told.append(f"Why: {sentence(inert(cause['message'], 240))} {cause['confidence'].capitalize()}.")
    told += [f"Fix: {text}" for text in _fix(diagnosis)]
    told.append(f"({diagnosis['id']})")
    return Line(redact(" ".join(told)), "known" if diagnosis["known"] else severity, len(lead))


def _fix(diagnosis: Mapping[str, Any]) -> Iterator[str]:
    """Yield, of a plan, what fits into a line."""
    for step in diagnosis["plan"][:1]:
        text = sentence(f"{place_of(step, diagnosis)}{inert(step['text'], 300)}")
        lines = [line for entry in step["send"][:1] for line in entry["headers"][:_MOST_HEADERS]]
        yield f"{text.removesuffix('.')}: {' | '.join(inert(line, 200) for line in lines)}" if lines else text


def summary(report: Report) -> Iterator[Line]:
    """Yield the closing lines: how many flows, and what there is to fix, diagnosis by diagnosis."""
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
    shown = [diagnosis for diagnosis in report.diagnoses if diagnosis["severity"] in _SHOWN]
    shown.sort(key=lambda diagnosis: bool(diagnosis["known"]))
    for diagnosis in shown[:_MOST_SHOWN]:
        yield from _to_fix(diagnosis)
    if len(shown) > _MOST_SHOWN:
        yield Line(f"  and {len(shown) - _MOST_SHOWN} more; a report lists them all (--set cors_report=cors.html)")
    for name, told in (("known", "known by the baseline"), ("ignored", "ignored")):
        if report.summary.get(name):
            yield Line(f"  {report.summary[name]} {told}")


def _to_fix(diagnosis: Mapping[str, Any]) -> Iterator[Line]:
    severity = "known" if diagnosis["known"] else str(diagnosis["severity"])
    lead = f"  {severity}"
    page = f" from {inert(diagnosis['origin'])}" if diagnosis["origin"] else ""
    first = next(iter([*diagnosis["findings"], *diagnosis["conditions"]]), "")
    where = f"{about(diagnosis)}{page}, {requests_of(diagnosis['requests'])}"
    yield Line(f"{lead} {where}: {diagnosis['headline']} [{first}] {diagnosis['id']}", severity, len(lead))
    if diagnosis["known"]:
        return
    told = [
        ("why", f"{sentence(cause['message'])} {cause['confidence'].capitalize()}.")
        for cause in diagnosis["causes"][:1]
    ]
    told += [("fix", text) for text in _fix(diagnosis)]
    for label, words in told:
        for line in paragraph(label, words, indent=_MARGIN):
            yield Line(line)


def worst(findings: Iterable[Finding]) -> Severity | None:
    """Return the highest severity among findings."""
    return min((finding.severity for finding in findings), key=_SEVERITIES.index, default=None)
