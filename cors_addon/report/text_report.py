"""The text report: one block a diagnosis, the worst first."""

from collections.abc import Iterator
from typing import Any, Final

from ..catalogue.violation import Severity
from ..verdict.failure_details import inert
from .browser_word import differences, told_line, unsent_lines
from .diagnosis_text import heading, lines_of, plan_of_server
from .model import Report
from .severity_colors import painted
from .text_layout import requests_of

_SHORT: Final = (Severity.ADVICE.value, Severity.INFO.value)


def render(report: Report, colour: bool = False) -> str:
    """Return the report as text; with ``colour`` severities are coloured as on a terminal."""
    parts = ["\n".join(head(report))]
    short: list[str] = []
    for diagnosis in report.diagnoses:
        if diagnosis.get("rule"):
            continue
        lines = _coloured(diagnosis, lines_of(diagnosis), colour)
        if diagnosis["severity"] in _SHORT:
            short += lines
        else:
            parts.append("\n".join(lines))
    if short:
        parts.append("\n".join(short))
    sections = unsent_lines(report.unsent), list(_still_to_fix(report)), list(_plans(report)), _ignored(report)
    parts += ["\n".join(lines) for lines in sections if lines]
    if report.diagnoses:
        parts.append("cors-addon explain ID says more about an id in square brackets.")
    return "\n\n".join(parts) + "\n"


def head(report: Report) -> list[str]:
    """Return the lines that count: flows by outcome, and what was read."""
    outcomes = report.summary["outcomes"]
    counts = ", ".join(f"{count:,} {name}" for name, count in outcomes.items() if count)
    flows = report.summary["flows"]
    lines = [f"CORS: {flows:,} {'flow' if flows == 1 else 'flows'} judged: {counts or 'none'}"]
    told = told_line(report.summary)
    if told:
        lines.append(f"      {told}")
    lines += differences(report.flows)
    aside = [
        f"{report.summary[name]:,} {one if report.summary[name] == 1 else many}"
        for name, one, many in _ASIDE
        if report.summary.get(name)
    ]
    if aside:
        lines.append(f"      {', '.join(aside)}")
    for capture in report.summary.get("captures", ()):
        for name in ("problem", "note"):
            if capture[name]:
                lines.append(f"{name}: {inert(capture['path'], 300)}: {inert(capture[name], 600)}")
    return lines


_ASIDE: Final = (
    ("known", "group known by the baseline", "groups known by the baseline"),
    ("ignored", "finding ignored", "findings ignored"),
    ("dropped", "older flow no longer kept", "older flows no longer kept"),
)


def _coloured(diagnosis: dict[str, Any], lines: list[str], colour: bool) -> list[str]:
    if not colour:
        return lines
    word, _ = heading(diagnosis)
    first = lines[0].replace(word, painted(word, diagnosis["severity"]), 1)
    return [first, *lines[1:]]


def _still_to_fix(report: Report) -> Iterator[str]:
    """Yield what servers still have to send, and a rule of the user's adds meanwhile."""
    found = [diagnosis for diagnosis in report.diagnoses if diagnosis.get("rule")]
    if not found:
        return
    yield "Still to fix on the server: a rule adds the headers meanwhile."
    for diagnosis in found:
        yield (
            f"  {inert(diagnosis['method'], 40)} {inert(diagnosis['url'], 200)}   rule {inert(diagnosis['rule'])}   "
            f"{requests_of(diagnosis['requests'])}"
        )
        yield f"            {diagnosis['headline']}   {diagnosis['id']}"


def _plans(report: Report) -> Iterator[str]:
    """Yield one change for each server that several faults, or a rule, are about."""
    plans = [plan for plan in report.servers if plan["rules"] or len(plan["ids"]) > 1]
    if not plans:
        return
    yield "One change for each server. It covers every request seen, and keeps what the server allows now."
    for plan in plans:
        yield from plan_of_server(plan)


def _ignored(report: Report) -> list[str]:
    reasons = [group for group in report.ignored if group["reason"]]
    if not reasons:
        return []
    told = dict.fromkeys(f"  [{group['id']}] at {inert(group['host'])}: {inert(group['reason'])}" for group in reasons)
    return ["Ignored, and why:", *told]
