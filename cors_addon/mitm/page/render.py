"""The page's HTML. Every text that came from the wire goes through ``text`` or ``line``, and nothing else does."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any, Final

from ...catalogue import CATALOGUE
from ...fetch.urls import parse_url
from ...report.keys import plain_text
from ...rules.model import Rule
from ...verdict.diagnose import inert
from .ledger import SEVERITIES, Card, Debt

_LONGEST: Final = 400
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
_CODE: Final = re.compile(r"`([^`]+)`")


def text(value: object, limit: int = _LONGEST) -> str:
    """Return anything as inert HTML text, clipped, in an element of its own where it can turn no other text around."""
    return f"<bdi>{line(value, limit)}</bdi>"


def line(value: object, limit: int = _LONGEST) -> str:
    """Return anything as inert text for HTML, attributes included: no markup, nothing invisible, nothing secret."""
    return escape(inert(plain_text(str(value)), limit), quote=True)


def prose(sentence: object) -> str:
    """Return a sentence in which what stands between backticks is code."""
    return _CODE.sub(r'<code dir="ltr">\1</code>', line(sentence, 2_000))


def clock(at: float) -> str:
    """Return a time of day, with the full time for programs."""
    local = time.localtime(at)
    return f'<time datetime="{time.strftime("%Y-%m-%dT%H:%M:%S%z", local)}">{time.strftime("%H:%M:%S", local)}</time>'


def duration(seconds: float) -> str:
    """Return a duration as people say it: ``1 h 58 min``, ``45 s``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


# --- cards ----------------------------------------------------------------------------------------------------


def haystack(card: Card, verdict: Mapping[str, Any]) -> str:
    """Return what the filter searches a card by, in lower case."""
    findings = verdict["findings"]
    words = [card.method, card.host, card.path, card.origin, verdict["url"], *card.ids]
    words += [finding["message"] for finding in findings] + [finding["needed"] or "" for finding in findings]
    return inert(" ".join(words), 4_000).lower()


def card(of: Card, verdict: Mapping[str, Any], is_open: bool, suggestion: Sequence[str] = ()) -> str:
    """Return a card; the verdict is its example, as an entry of a report's ``flows``."""
    severities = [severity.value for severity in SEVERITIES[of.section]]
    findings = [f for f in verdict["findings"] if f["severity"] in severities and f["id"] in of.ids]
    inside = [
        *_findings(findings),
        _needed(findings, verdict),
        _facts(findings),
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
    told = [first["stage"]] if first["stage"] != "response" else []
    told.append(f"from {text(of.origin)}" if of.origin else "from no page that says so")
    told.append(f"{len(of.flows)} times, last {clock(of.seen)}" if len(of.flows) > 1 else f"at {clock(of.seen)}")
    more = len(findings) - 1
    if more:
        told.append(f"{more} more {'thing is' if more == 1 else 'things are'} wrong")
    return (
        f'<span class="badge">{_SEVERITY_NAMES[first["severity"]]}</span> '
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
    return f'<div class="needed"><span class="label">The {what} has to say</span>{_block(chr(10).join(needed))}</div>'


def _facts(findings: Iterable[Mapping[str, Any]]) -> str:
    """Return causes and fixes, each once."""
    facts: dict[tuple[str, str], None] = {}
    snippets: dict[str, None] = {}
    for finding in findings:
        cause = finding.get("cause")
        if cause:
            sure = f"<small>({line(cause['confidence'])} confidence)</small>"
            facts["Likely cause", f"{prose(cause['message'])} {sure}"] = None
        fix = finding.get("fix") or {}
        if fix.get("text"):
            facts["Fix", f"{prose(fix['text'])} <small>({_WHO.get(str(fix.get('who')), '')})</small>"] = None
        for snippet in fix.get("snippets") or ():
            shown = f"<summary>For {text(snippet['stack'], 60)}</summary>{_block(str(snippet['text']))}"
            snippets[f'<details class="snippet">{shown}</details>'] = None
    rows = "".join(f"<dt>{name}</dt><dd>{body}</dd>" for name, body in facts)
    return f'<dl class="facts">{rows}</dl>{"".join(snippets)}' if rows else "".join(snippets)


def _block(lines: str) -> str:
    shown = "\n".join(line(each, 2_000) for each in lines.split("\n"))
    return (
        '<div class="block"><pre dir="ltr" tabindex="0" role="group" aria-label="Text to copy"><code>'
        f'{shown}</code></pre><button type="button" class="copy">Copy</button></div>'
    )


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
        parts.append(f"<p><code>{line(finding['id'])}</code>: {why}{see}</p>")
    parts += [f"<p>{prose(told)}</p>" for told in _credentials(verdict.get("credentials") or {})]
    parts += [f"<p>Note: {prose(note)}</p>" for note in verdict.get("notes") or ()]
    if suggestion:
        parts.append(
            f"<p>A rule that lets it pass for now, to paste into the rule file:</p>{_block(chr(10).join(suggestion))}"
        )
    return f'<details class="more"><summary>Why, and what else is known</summary>{"".join(parts)}</details>'


def _credentials(view: Mapping[str, Any]) -> list[str]:
    if view.get("assumed"):
        return ["Credentials: taken as not included, since nothing speaks for them."]
    pieces = view.get("evidence") or ()
    mode = str(view.get("mode", "unknown"))
    if mode == "unknown" and not pieces:
        return []
    told = "open" if mode == "unknown" else mode.replace("-", " ")
    hints = [f"{'' if piece['certain'] else 'perhaps: '}{piece['message']}" for piece in pieces]
    return [f"Credentials: {told}{'; ' if hints else ''}{'; '.join(hints)}."]


def passed(of: Card) -> str:
    """Return a line for what was blocked and is no longer."""
    page = f" from {text(of.origin)}" if of.origin else ""
    return (
        f'<li id="{of.id}-passed"><b class="method">{text(of.method, 40)}</b> {text(of.host)}{text(of.path)}{page}: '
        f"{', '.join(f'<code>{line(name)}</code>' for name in of.ids)}, last seen {clock(of.seen)}</li>"
    )


# --- injection ------------------------------------------------------------------------------------------------


def switch(action: str, token: str, label: str, is_on: bool, name: str = "", disabled: bool = False) -> str:
    """Return a switch as a form that sends the state it would go to."""
    hidden = f'<input type="hidden" name="name" value="{escape(name)}">' if name else ""
    hidden += f'<input type="hidden" name="token" value="{escape(token)}">'
    return (
        f'<form method="post" action="{action}" class="switch">'
        f'{hidden}<input type="hidden" name="state" value="{"off" if is_on else "on"}">'
        f'<button role="switch" aria-checked="{"true" if is_on else "false"}" aria-label="{label}"'
        f'{" disabled" if disabled else ""}><span class="track"></span></button>'
        f'<span aria-hidden="true">{"On" if is_on else "Off"}</span></form>'
    )


def injection(token: str, is_on: bool, left: float | None, rules: Sequence[Rule], path: str, trouble: str) -> str:
    """Return the inside of the injection section."""
    if not rules:
        told = "There are no rules to inject by. Name a rule file with <code>--set cors_rules=FILE</code>."
        if path:
            told = f"No rules are in force from {text(path)}."
    elif not is_on:
        told = "Responses are the servers’ own."
    elif left is None:
        told = "Without end: the rule file says <code>expires: never</code>."
    else:
        told = f'Switches itself off in <b class="left" data-left="{int(left)}">{duration(left)}</b>.'
    broken = ""
    if trouble:
        broken = (
            '<div class="trouble"><h3>The rule file is broken</h3><p>The last good rules stay in force.</p>'
            '<pre dir="ltr" tabindex="0" role="group" aria-label="What is wrong with the rule file">'
            f"{_lines(trouble)}</pre></div>"
        )
    control = switch("injection", token, "Injection", is_on, disabled=not rules and not is_on)
    return f'<div class="row">{control}<p>{told}</p></div>{broken}'


def _lines(many: str) -> str:
    return "\n".join(line(each, 1_000) for each in many.split("\n"))


def rules(token: str, listed: Iterable[Rule], path: str) -> str:
    """Return the inside of the rules section."""
    items = "".join(_rule(token, rule) for rule in listed)
    if not items:
        return '<p class="empty">None.</p>'
    where = f"From {text(path)}. A switch holds until the file is read again."
    return f'<ul class="rules">{items}</ul><p class="meta">{where}</p>'


def _rule(token: str, rule: Rule) -> str:
    pages = "any page" if rule.origins.patterns is None else ", ".join(p.text for p in rule.origins.patterns)
    hosts = ", ".join(host.text for host in rule.hosts)
    flags = [name for name, holds in (("dry run", rule.dry_run), ("credentials", rule.allow_credentials)) if holds]
    flags += [f"simulates {rule.simulate}"] if rule.simulate else []
    shown = "".join(f' <span class="flag">{line(flag)}</span>' for flag in flags)
    toggle = switch("rules", token, f"Rule {line(rule.name, 120)}", rule.enabled, rule.name)
    return (
        f'<li class="row">{toggle}<div><b>{text(rule.name, 120)}</b>{shown}'
        f'<p class="meta">{text(hosts)}, called from {text(pages)}</p></div></li>'
    )


def debts(owed: Sequence[Debt], limit: int) -> str:
    """Return the inside of the debt section: what to hand to those who keep the servers."""
    if not owed:
        return '<p class="empty">None: no rule was needed so far.</p>'
    return f'<ul class="debts">{"".join(_debt(each) for each in owed[:limit])}</ul>{left_out(len(owed) - limit)}'


def _debt(debt: Debt) -> str:
    ids = [name for name, number in debt.findings.items() if number > 0]
    needed = [header for header, number in debt.needed.items() if number > 0]
    owes = ", ".join(f"<code>{line(name)}</code>" for name in ids)
    if not debt.asked:
        owes = "the rule answered each time, so what the server itself would say is not known"
    times = f"{debt.count} times" if debt.count > 1 else "once"
    return (
        f'<li><b class="method">{text(debt.method, 40)}</b> {text(debt.host)}{text(debt.path)}'
        f'<p class="meta">{owes}; rule {text(debt.rule, 120)} was needed {times}</p>'
        f"{_block(chr(10).join(needed)) if needed else ''}</li>"
    )


def left_out(number: int) -> str:
    """Say that a list goes on."""
    return f'<p class="meta">{number} more are not shown; a report has them all.</p>' if number > 0 else ""


def counts(rows: Iterable[tuple[str, int]]) -> str:
    """Return the inside of the counts section."""
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in rows) + "</dl>"
