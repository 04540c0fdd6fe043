"""What stands beside the cards: injection, the rules, what servers still have to send, and counts."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from typing import Any, Final

from ..report.diagnosis_text import covers, response_of
from ..report.text_layout import requests_of
from ..rules.model import Rule
from .html_text import block, duration, left_out, line, prose, text
from .ledger import Card

_EXCERPT: Final = re.compile(r" *[0-9]* \|")


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


def button(action: str, token: str, label: str, name: str = "", **more: str) -> str:
    """Return a button as a form; ``more`` are fields to send along."""
    hidden = "".join(f'<input type="hidden" name="{key}" value="{escape(value)}">' for key, value in more.items())
    hidden += f'<input type="hidden" name="name" value="{escape(name)}">' if name else ""
    hidden += f'<input type="hidden" name="token" value="{escape(token)}">'
    return f'<form method="post" action="{action}" class="{action}">{hidden}<button>{label}</button></form>'


def injection(token: str, is_on: bool, left: float | None, rules: Sequence[Rule], path: str, trouble: str) -> str:
    """Return the inside of the injection section."""
    if not rules:
        where = f"into {text(path)}" if path else "into memory; <code>--set cors_rules=FILE</code> names a file"
        told = f"No rule is loaded. <i>Unblock</i> on a card writes the first one {where}."
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
    """Return the problems of a rule file: sentences wrap, excerpts keep the caret under its place."""
    return "".join(
        f'<span class="{"excerpt" if _EXCERPT.match(each) else "sentence"}">{line(each, 1_000)}\n</span>'
        for each in many.split("\n")
    )


def rules(token: str, listed: Iterable[Rule], path: str, can_undo: bool = False, kept: str = "") -> str:
    """Return the inside of the rules section; ``kept`` is the text of rules that no file holds."""
    items = "".join(_rule(token, rule) for rule in listed)
    undo = button("undo", token, "Undo the last change") if can_undo else ""
    if not items:
        return f'<p class="empty">None.</p>{undo}'
    where = f"From {text(path)}. A switch holds until the file is read again."
    if not path:
        where = "In memory until mitmproxy ends. To keep them, save this as a file and name it with cors_rules:"
    return f'<ul class="rules">{items}</ul><p class="meta">{where}</p>{block(kept) if kept else ""}{undo}'


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


def owed(
    found: Sequence[tuple[Card, Mapping[str, Any]]], hidden: int, verify: Callable[[Card], str] = lambda card: ""
) -> str:
    """Return the inside of the section of what servers still have to send; ``hidden`` more are not shown.

    ``verify`` gives the button that sends the request of a card again.
    """
    if not found:
        return '<p class="empty">Nothing: no rule was needed so far.</p>'
    return f'<ul class="debts">{"".join(_owed(*each, verify(each[0])) for each in found)}</ul>{left_out(hidden)}'


def _owed(card: Card, diagnosis: Mapping[str, Any], verify: str) -> str:
    return (
        f'<li><b class="method">{text(card.method, 40)}</b> {text(card.host)}{text(card.path)}'
        f'<p class="meta">{prose(diagnosis["headline"])}. Rule {text(card.rule, 120)}, '
        f"{requests_of(len(card.flows))}, <code>{line(diagnosis['id'])}</code>.</p>{verify}</li>"
    )


def plans(found: Sequence[Mapping[str, Any]]) -> str:
    """Return the inside of the section with one change for each server: entries of a report's ``servers``."""
    if not found:
        return ""
    return f'<h3>One change for each server</h3><ul class="debts">{"".join(map(_plan, found))}</ul>'


def _plan(plan: Mapping[str, Any]) -> str:
    snippet = plan["snippet"]
    sends = "".join(
        f'<span class="label">Send to {text(response_of(entry))}</span>{block(chr(10).join(entry["headers"]))}'
        for entry in plan["send"]
    )
    if snippet is not None:
        written = f'<span class="label">Write, for {text(snippet["stack"], 80)}</span>{block(snippet["text"])}'
        sends = f'{written}<details class="more"><summary>The headers themselves</summary>{sends}</details>'
    pages = f"Pages: {text(', '.join(plan['origins']), 300)}." if len(plan["origins"]) > 1 else ""
    name = sha256(plan["host"].encode("utf-8", "replace")).hexdigest()[:16]
    return (
        f'<li id="plan-{name}"><b>{text(plan["host"])}</b>'
        f'<p class="meta">{text(covers(plan), 300)}. {pages}</p>{sends}</li>'
    )


def fixed(token: str, found: Sequence[tuple[str, str]]) -> str:
    """Return what servers let pass by themselves since, each with the rule to take out, if any."""
    if not found:
        return ""
    items = "".join(
        f"<li>{text(told, 600)}{button('remove', token, f'Remove rule {line(rule, 120)}', rule) if rule else ''}</li>"
        for told, rule in found
    )
    return f'<h3>Fixed on the server</h3><ul class="passed">{items}</ul>'


def counts(rows: Iterable[tuple[str, int]]) -> str:
    """Return the inside of the counts section."""
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in rows) + "</dl>"
