"""What stands beside the cards: injection, the rules, what servers owe, and counts."""

from collections.abc import Iterable, Sequence
from html import escape

from ..rules.model import Rule
from .html_text import block, duration, left_out, line, text
from .ledger import Debt


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
        f"{block(chr(10).join(needed)) if needed else ''}</li>"
    )


def counts(rows: Iterable[tuple[str, int]]) -> str:
    """Return the inside of the counts section."""
    return "<dl>" + "".join(f"<div><dt>{name}</dt><dd>{number}</dd></div>" for name, number in rows) + "</dl>"
