"""The text report: what to mend, thing by thing, each with its endpoints, evidence and cure."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..catalogue.violation import Severity
from ..verdict.failure_details import inert
from .blocks import Block, blocks, credentials_of
from .browser_word import differences, told_line, unsent_lines
from .cures import hows, steps, whys
from .model import Group, Report
from .severity_colors import painted
from .text_layout import LABEL, WIDTH, side_by_side, times, wrapped

_MOST_ENDPOINTS: Final = 12
_SHORT: Final = (Severity.ADVICE.value, Severity.INFO.value)


def render(report: Report, colour: bool = False) -> str:
    """Return the report as text; with ``colour`` severities are coloured as on a terminal."""
    parts = ["\n".join(head(report))]
    short: list[Block] = []
    for block in blocks(report):
        if block.severity in _SHORT:
            short.append(block)
        else:
            parts.append("\n".join(_block(block, colour)))
    if short:
        parts.append("\n".join(line for block in short for line in _in_short(block, colour)))
    parts += ["\n".join(lines) for lines in (unsent_lines(report.unsent), _debts(report), _ignored(report)) if lines]
    if report.groups:
        parts.append("python -m cors_addon explain ID tells more of each id in square brackets.")
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
    aside = [f"{report.summary[name]:,} {what}" for name, what in _ASIDE if report.summary.get(name)]
    if aside:
        lines.append(f"      {', '.join(aside)}")
    for capture in report.summary.get("captures", ()):
        for name in ("problem", "note"):
            if capture[name]:
                lines.append(f"{name}: {inert(capture['path'], 300)}: {inert(capture[name], 600)}")
    return lines


_ASIDE: Final = (
    ("known", "groups known by the baseline"),
    ("ignored", "findings ignored"),
    ("dropped", "older flows no longer kept"),
)


def title(block: Block) -> str:
    """Return a block's heading: how bad, what, where, how often."""
    known = ", known" if block.known else ""
    host = inert(block.host) or "(unknown host)"
    return f"{block.severity.upper()}  [{block.id}] at {host}, {times(block.count)}{known}"


def _painted(text: str, severity: str, colour: bool) -> str:
    return painted(text, severity) if colour else text


def _block(block: Block, colour: bool) -> Iterator[str]:
    yield _painted(title(block), block.severity, colour)
    yield from wrapped("what", block.message, indent=2)
    for message, violation in block.others:
        yield from wrapped("so too", f"{message}  [{violation}]", indent=2)
    yield from side_by_side(block.finding.get("evidence") or (), indent=2)
    yield from causes(block.finding, block.flow.get("id"), indent=2)
    if block.severity == Severity.CONDITIONAL.value:
        yield from wrapped("hangs on", f"credentials: {inert(credentials_of(block.flow), 600)}", indent=2)
    several = len(block.needed) > 1
    if block.needed and not several:
        yield from wrapped("needed", block.needed[0], indent=2)
    if block.fix:
        yield from wrapped("fix", f"({block.who}) {block.fix}", indent=2)
    yield from way(block.flow, indent=2)
    yield from snippets(block.finding, indent=2)
    names = _browsers(block.flow)
    if names:
        yield from wrapped("browsers", names, indent=2)
    endpoints = block.endpoints
    for place in endpoints[:_MOST_ENDPOINTS]:
        yield f"  {place.times:>7,} x {endpoint(place._asdict())}  (flow {inert(place.flows[0], 80)})"
        if several:
            yield from (f"            needs {line}" for line in place.needed)
    rest = endpoints[_MOST_ENDPOINTS:]
    if rest:
        yield f"          and {len(rest):,} endpoints more"


def causes(finding: Mapping[str, Any], own: object, width: int = WIDTH, indent: int = 0) -> Iterator[str]:
    """Return the causes of a finding of the flow ``own``, each with who should do what about it."""
    for place, why in enumerate(whys(finding, own)):
        sure = "" if why.label == "Cause" else f" ({why.label.lower()})"
        yield from wrapped("or" if place else "cause", f"{why.message}{sure}", width, indent)
        if why.fix:
            yield from wrapped("", f"-> {why.who}: {why.fix}" if why.who else f"-> {why.fix}", width, indent)
        if why.flows:
            yield from wrapped("", f"compare flow {', '.join(why.flows[:4])}", width, indent)


def snippets(finding: Mapping[str, Any], width: int = WIDTH, indent: int = 0) -> Iterator[str]:
    """Return what to write, stack by stack, line by line as it is to be pasted."""
    for how in hows(finding):
        because = f" ({how.because})" if how.because else ""
        yield from wrapped("for", f"{how.stack}{because}:", width, indent)
        for line in how.lines:
            yield f"{'':<{indent + LABEL}}   {line}".rstrip()


def way(flow: Mapping[str, Any], width: int = WIDTH, indent: int = 0) -> Iterator[str]:
    """Return what has to be done in turn, where one thing is not enough."""
    for number, step in enumerate(steps(flow), 1):
        yield from wrapped("in turn" if number == 1 else "", f"{number}. {step}", width, indent)


def endpoint(group: Group) -> str:
    """Return method, target and page of a group, or of an endpoint, in one line."""
    page = inert(group["origin"]) or "(no origin)"
    return f"{inert(group['method'], 40)} {inert(group['host'])}{inert(group['path'])} from {page}"


def _browsers(flow: Mapping[str, Any]) -> str:
    views = flow.get("browsers") or {}
    return ", ".join(
        f"{name} {view['outcome']}{' (' + view['error'] + ')' if view.get('error') else ''}"
        for name, view in views.items()
    )


def _in_short(block: Block, colour: bool) -> Iterator[str]:
    yield _painted(title(block), block.severity, colour)
    yield from wrapped("", block.message, indent=2)


def _debts(report: Report) -> list[str]:
    if not report.debts:
        return []
    lines = ["What the servers still owe, and a rule of yours stands in for:"]
    for debt in report.debts:
        where = f"{inert(debt['method'], 40)} {inert(debt['host'])}{inert(debt['path'])}"
        lines.append(f"  {debt['count']:>7,} x {where}  (rule {inert(debt['rule'])})")
        lines += [f"            {line}" for line in debt["needed"]]
        if not debt["asked"]:
            lines.append("            not known: the rule answered, and the server was not asked")
    return lines


def _ignored(report: Report) -> list[str]:
    reasons = [group for group in report.ignored if group["reason"]]
    if not reasons:
        return []
    told = dict.fromkeys(f"  [{group['id']}] at {inert(group['host'])}: {inert(group['reason'])}" for group in reasons)
    return ["Ignored, and why:", *told]
