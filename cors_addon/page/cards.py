"""The page's cards: one endpoint each, with what is wrong and what cures it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

from ..catalogue import CATALOGUE
from ..fetch.urls import parse_url
from ..report.cures import fix_of, hows, steps, whys
from ..verdict.failure_details import inert
from .html_text import block, clock, line, prose, text
from .ledger import SEVERITIES, Card

_BROWSERS: Final = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "Safari", "spec": "Standard"}
_SIGNS: Final = {"blocked": "✕", "allowed": "✓", "conditional": "?", "unknown": "…", "not-cors": "–"}
_WHO: Final = {
    "server": "on the server",
    "gateway": "at the gateway",
    "client": "in the page’s code",
    "browser": "in the browser",
    "nobody": "nothing to change",
}
_SEVERITY_NAMES: Final = {
    "blocked": "Blocked",
    "conditional": "Depends",
    "risk": "Risk",
    "advice": "Advice",
}


def haystack(card: Card, verdict: Mapping[str, Any]) -> str:
    """Return what the filter searches a card by, in lower case."""
    findings = verdict["findings"]
    words = [card.method, card.host, card.path, card.origin, verdict["url"], *card.ids]
    words += [finding["message"] for finding in findings] + [finding["needed"] or "" for finding in findings]
    return inert(" ".join(words), 4_000).lower()


def card_html(of: Card, verdict: Mapping[str, Any], is_open: bool, suggestion: Sequence[str] = ()) -> str:
    """Return a card; the verdict is its example, as an entry of a report's ``flows``."""
    severities = [severity.value for severity in SEVERITIES[of.section]]
    findings = [f for f in verdict["findings"] if f["severity"] in severities and f["id"] in of.ids]
    inside = [
        *_findings(findings),
        _needed(findings, verdict),
        _facts(findings),
        _in_turn(verdict),
        _snippets(findings),
        _rule_note(verdict),
        _browsers(verdict),
        _more(verdict, findings, suggestion),
    ]
    return (
        f'<li class="card {of.section.value}" id="{of.id}" data-find="{escape(haystack(of, verdict), quote=True)}">'
        f"<details{' open' if is_open else ''}><summary>{_head(of, findings)}</summary>"
        f'<div class="inside">{"".join(inside)}</div></details></li>'
    )


def _head(of: Card, findings: Sequence[Mapping[str, Any]]) -> str:
    first = findings[0]
    known = ' <span class="badge known">Known</span>' if all(each.get("known") for each in findings) else ""
    told = [first["stage"]] if first["stage"] != "response" else []
    told.append(f"from {text(of.origin)}" if of.origin else "from no page that says so")
    told.append(f"{len(of.flows)} times, last {clock(of.seen)}" if len(of.flows) > 1 else f"at {clock(of.seen)}")
    more = len(findings) - 1
    if more:
        told.append(f"{more} more {'thing is' if more == 1 else 'things are'} wrong")
    return (
        f'<span class="badge">{_SEVERITY_NAMES[first["severity"]]}</span>{known} '
        f'<h3><span class="method">{text(of.method, 40)}</span> '
        f'<span class="target">{text(of.host)}{text(of.path)}</span></h3> '
        f'<span class="message">{prose(first["message"])}</span> <span class="meta">{" · ".join(told)}</span>'
    )


def _findings(findings: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield findings with their evidence; those with the same share it. The first one's message stands in the head."""
    first = True
    for evidence, several in groupby(findings, key=lambda finding: finding.get("evidence") or []):
        titles = []
        for finding in several:
            lead = "And if credentials are included" if finding["severity"] == "conditional" else "Then"
            titles.append("" if first else f"<h4>{lead}: {prose(finding['message'])}</h4>")
            first = False
        yield f'<div class="finding">{"".join(titles)}{_evidence(evidence)}</div>'


def _evidence(lines: Iterable[Mapping[str, Any]]) -> str:
    sides: dict[str, list[str]] = {"request": [], "response": []}
    for each in lines:
        name, value = each["name"], each["value"]
        shown = '<em class="missing">not sent</em>' if value is None else f"<b>{line(value)}</b>"
        label = "Status" if name == ":status" else line(name, 80)
        sides["request" if each["side"] == "request" else "response"].append(
            f'<li><code dir="ltr">{label}: {shown}</code></li>'
        )
    boxes = [
        f'<div class="side"><span class="label">{title}</span><ul>{"".join(rows)}</ul></div>'
        for title, rows in (("The browser asked", sides["request"]), ("The server answered", sides["response"]))
        if rows
    ]
    return f'<div class="evidence">{"".join(boxes)}</div>' if boxes else ""


def _needed(findings: Iterable[Mapping[str, Any]], verdict: Mapping[str, Any]) -> str:
    needed = list(dict.fromkeys(finding["needed"] for finding in findings if finding.get("needed")))
    if not needed:
        return ""
    what = "answer to the preflight (OPTIONS)" if verdict["stage"] == "preflight" else "response"
    return f'<div class="needed"><span class="label">The {what} has to say</span>{block(chr(10).join(needed))}</div>'


def _facts(findings: Iterable[Mapping[str, Any]]) -> str:
    """Return causes and what to do about them, each once."""
    facts: dict[tuple[str, str], None] = {}
    for finding in findings:
        for place, why in enumerate(whys(finding)):
            facts[f"Or else: {why.label.lower()}" if place else why.label, prose(why.message)] = None
            if why.fix:
                facts["What to do", f"{prose(why.fix)} <small>({_WHO.get(why.who, '')})</small>"] = None
        who, fix = fix_of(finding["id"], finding)
        if fix:
            facts[
                "In general" if finding.get("needed") else "Fix", f"{prose(fix)} <small>({_WHO.get(who, '')})</small>"
            ] = None
    rows = "".join(f"<dt>{name}</dt><dd>{body}</dd>" for name, body in facts)
    return f'<dl class="facts">{rows}</dl>' if rows else ""


def _snippets(findings: Iterable[Mapping[str, Any]]) -> str:
    """Return what to write for the stacks in question, each once."""
    snippets: dict[str, None] = {}
    for finding in findings:
        for place, how in enumerate(hows(finding)):
            because = f" <small>({text(how.because, 200)})</small>" if how.because else ""
            shown = f"<summary>For {text(how.stack, 60)}{because}</summary>{block(chr(10).join(how.lines))}"
            is_open = " open" if how.because and not place else ""
            snippets[f'<details class="snippet"{is_open}>{shown}</details>'] = None
    return "".join(snippets)


def _in_turn(verdict: Mapping[str, Any]) -> str:
    told = "".join(f"<li>{prose(step)}</li>" for step in steps(verdict))
    return f'<p class="label">All that it takes, in turn</p><ol class="steps">{told}</ol>' if told else ""


def _rule_note(verdict: Mapping[str, Any]) -> str:
    touched = verdict.get("delivered") or verdict.get("dry_run")
    if not touched:
        return ""
    rule, outcome = text(touched["rule"], 120), touched["outcome"]
    if touched.get("dry_run"):
        told = f"would make it {line(outcome)}, and is a dry run" if outcome else "would break it off, and is a dry run"
    else:
        told = f"changed this response, and as delivered it is {line(outcome)}" if outcome else "broke it off"
    return f'<p class="note">Rule {rule} {told}.</p>'


def _browsers(verdict: Mapping[str, Any]) -> str:
    rows = []
    for name, view in (verdict.get("browsers") or {}).items():
        outcome = str(view["outcome"])
        error = f' <code dir="ltr">{line(view["error"])}</code>' if view.get("error") else ""
        mine = " <small>(counts here)</small>" if name == verdict.get("browser") and name != "spec" else ""
        rows.append(
            f'<li class="{outcome}"><span class="sign" aria-hidden="true">{_SIGNS.get(outcome, "")}</span> '
            f"{_BROWSERS.get(name, line(name))}: {line(outcome)}{error}{mine}</li>"
        )
    return f'<ul class="browsers" aria-label="What each browser does">{"".join(rows)}</ul>' if rows else ""


def _more(verdict: Mapping[str, Any], findings: Iterable[Mapping[str, Any]], suggestion: Sequence[str]) -> str:
    parts = [
        f"<p>Newest of them: {text(verdict['method'], 40)} {text(verdict['url'])}, flow {text(verdict['id'][:8])}.</p>"
    ]
    for finding in {finding["id"]: finding for finding in findings}.values():
        known = CATALOGUE.get(finding["id"])
        why = prose(known.explanation) if known is not None else ""
        reference = finding.get("reference") or ""
        parsed = parse_url(reference)
        see = ""
        if parsed is not None and parsed.scheme == "https":
            see = f' <a href="{line(reference)}" rel="noreferrer">The standard’s text</a>'
        general = ""
        if known is not None and not fix_of(finding["id"], finding)[1]:
            general = f" In general: {prose(known.fix)}"
        parts.append(f"<p><code>{line(finding['id'])}</code>: {why}{general}{see}</p>")
    parts += [f"<p>{prose(told)}</p>" for told in _credentials(verdict.get("credentials") or {})]
    parts += [f"<p>Note: {prose(note)}</p>" for note in verdict.get("notes") or ()]
    if suggestion:
        parts.append(
            f"<p>A rule that lets it pass for now, to paste into the rule file:</p>{block(chr(10).join(suggestion))}"
        )
    return f'<details class="more"><summary>Why, and what else is known</summary>{"".join(parts)}</details>'


def _credentials(view: Mapping[str, Any]) -> list[str]:
    pieces = view.get("evidence") or ()
    mode = str(view.get("mode", "unknown"))
    if view.get("assumed") and not pieces:
        return ["Credentials: taken as not included, since nothing speaks for them."]
    if mode == "unknown" and not pieces:
        return []
    told = "taken as not included" if view.get("assumed") else "open" if mode == "unknown" else mode.replace("-", " ")
    hints = [f"{'' if piece['certain'] else 'perhaps: '}{piece['message']}" for piece in pieces]
    return [f"Credentials: {told}{'; ' if hints else ''}{'; '.join(hints)}."]


def passed_html(of: Card) -> str:
    """Return a line for what was blocked and is no longer."""
    page = f" from {text(of.origin)}" if of.origin else ""
    return (
        f'<li id="{of.id}-passed"><b class="method">{text(of.method, 40)}</b> {text(of.host)}{text(of.path)}{page}: '
        f"{', '.join(f'<code>{line(name)}</code>' for name in of.ids)}, last seen {clock(of.seen)}</li>"
    )
