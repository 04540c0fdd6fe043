"""The page's cards: one diagnosis each, whole at first sight, with details behind a click."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any, Final

from ..fetch.urls import parse_url
from ..report.browser_word import place_of as call_site
from ..report.diagnosis_text import because, explanations, place_of, response_of, sentence
from ..report.markdown import ticket
from ..report.text_layout import requests_of
from ..verdict.failure_details import inert
from .html_text import block, clock, line, prose, text
from .ledger import Card, Section

_BROWSERS: Final = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "Safari"}
_SIGNS: Final = {"blocked": "✕", "allowed": "✓", "conditional": "?", "unknown": "…", "not-cors": "–"}
_SEVERITY_NAMES: Final = {
    "blocked": "Blocked",
    "conditional": "Depends",
    "risk": "Risk",
    "advice": "Advice",
    "info": "Not known",
}

Plain = Mapping[str, Any]


def haystack(card: Card, diagnosis: Plain) -> str:
    """Return what the filter searches a card by, in lower case."""
    words = [card.method, card.host, card.path, card.origin, diagnosis["url"], *card.ids, diagnosis["headline"]]
    words.append(diagnosis["id"])
    words += [line for step in diagnosis["plan"] for entry in step["send"] for line in entry["headers"]]
    words += [cause["message"] for cause in diagnosis["causes"]]
    return inert(" ".join(words), 4_000).lower()


def card_html(
    of: Card, diagnosis: Plain, is_open: bool, unblock: str = "", notes: Sequence[str] = (), rule: str = ""
) -> str:
    """Return a card; ``diagnosis`` is that of its newest request, ``rule`` what a rule made of that in a sentence.

    ``unblock`` is the HTML of the rule that unblocks the request.
    """
    name = line(diagnosis["id"])
    inside = [
        f'<p class="meta">Id: <a id="{name}" href="#{name}">{name}</a></p>',
        *_why(diagnosis),
        *_plan(diagnosis),
        *(f'<p class="note">With credentials, this fails too: {prose(each)}.</p>' for each in diagnosis["conditions"]),
        f'<p class="note">{rule}</p>' if rule else "",
        _browsers(diagnosis),
        unblock,
        _more(diagnosis, notes),
        _ticket(diagnosis),
    ]
    return (
        f'<li class="card {of.section.value}" id="{of.id}" data-find="{escape(haystack(of, diagnosis), quote=True)}">'
        f"<details{' open' if is_open else ''}><summary>{_head(of, diagnosis)}</summary>"
        f'<div class="inside">{"".join(inside)}</div></details></li>'
    )


def _head(of: Card, diagnosis: Plain) -> str:
    known = ' <span class="badge known">Known</span>' if diagnosis["known"] else ""
    told = [of.stage.value] if of.stage.value != "response" else []
    told.append(f"from {text(of.origin)}" if of.origin else "from an unknown page")
    count = len(of.flows)
    told.append(f"{requests_of(count)}, last {clock(of.seen)}" if count > 1 else f"at {clock(of.seen)}")
    word = "Still to fix" if of.section is Section.OWED else _SEVERITY_NAMES[diagnosis["severity"]]
    return (
        f'<span class="badge">{word}</span>{known} '
        f'<h3><span class="method">{text(of.method, 40)}</span> '
        f'<span class="target">{text(of.host)}{text(of.path)}</span></h3> '
        f'<span class="message">{prose(diagnosis["headline"])}</span> <span class="meta">{" · ".join(told)}</span>'
    )


def _why(diagnosis: Plain) -> Iterator[str]:
    rows = []
    called = call_site(diagnosis.get("initiator"))
    if called:
        rows.append(f"<dt>Called</dt><dd>by <code>{text(called)}</code></dd>")
    if diagnosis["severity"] == "conditional":
        rows.append(
            f"<dt>If</dt><dd>The page includes credentials. Credentials: {prose(diagnosis['credentials'])}</dd>"
        )
    for number, cause in enumerate(diagnosis["causes"]):
        sure = f" <small>{line(cause['confidence'])}</small>"
        rows.append(f"<dt>{because(cause, number)}</dt><dd>{prose(sentence(cause['message']))}{sure}</dd>")
    if rows:
        yield f'<dl class="facts">{"".join(rows)}</dl>'


def _plan(diagnosis: Plain) -> Iterator[str]:
    steps = diagnosis["plan"]
    for number, step in enumerate(steps, 1):
        label = "Fix" if len(steps) == 1 else f"Fix {number}"
        told = prose(place_of(step, diagnosis) + sentence(step["text"]))
        yield f'<dl class="facts fix"><dt>{label}</dt><dd>{told}</dd></dl>'
        snippet = step["snippet"]
        sends = "".join(
            f'<div class="needed"><span class="label">Send to {text(response_of(entry))}</span>'
            f"{block(chr(10).join(entry['headers']))}</div>"
            for entry in step["send"]
        )
        if snippet is not None:
            yield (
                f'<div class="needed"><span class="label">Write, for {text(snippet["stack"], 80)}</span>'
                f"{block(snippet['text'])}</div>"
            )
            if sends:
                yield f'<details class="more"><summary>The headers themselves</summary>{sends}</details>'
        elif sends:
            yield f'<div class="sends">{sends}</div>'


def _browsers(diagnosis: Plain) -> str:
    rows = []
    for name, shown in _BROWSERS.items():
        view = diagnosis["browsers"].get(name)
        if view is None:
            continue
        outcome = str(view["outcome"])
        error = f' <code dir="ltr">{line(view["error"])}</code>' if view.get("error") else ""
        rows.append(
            f'<li class="{line(outcome)}"><span class="sign" aria-hidden="true">{_SIGNS.get(outcome, "")}</span> '
            f"{shown}: {line(outcome)}{error}</li>"
        )
    return f'<ul class="browsers" aria-label="What each browser does">{"".join(rows)}</ul>' if rows else ""


def _more(diagnosis: Plain, notes: Sequence[str]) -> str:
    parts = [_exchange(diagnosis)]
    if diagnosis["try"]:
        parts.append(f'<span class="label">Try</span>{block(chr(10).join(diagnosis["try"]))}')
    for violation, told in explanations([*diagnosis["findings"], *diagnosis["conditions"]]):
        parts.append(f"<p><code>{line(violation)}</code>: {prose(told)}</p>")
    reference = diagnosis["reference"]
    parsed = parse_url(reference) if reference else None
    if parsed is not None and parsed.scheme == "https":
        parts.append(f'<p><a href="{line(reference)}" rel="noreferrer">The standard’s text</a></p>')
    if diagnosis["credentials"]:
        parts.append(f"<p>Credentials: {prose(diagnosis['credentials'])}.</p>")
    parts += [f"<p>Note: {prose(note)}</p>" for note in notes]
    return f'<details class="more"><summary>Request, response and commands</summary>{"".join(parts)}</details>'


def _exchange(diagnosis: Plain) -> str:
    """Return request and response side by side: the header lines that matter."""
    method = "OPTIONS" if diagnosis["stage"] == "preflight" else diagnosis["method"]
    status = f"Status {diagnosis['status']}" if diagnosis["status"] else "No response"
    boxes = []
    for title, first, rows in (
        ("Request", f"{method} {diagnosis['url']}", diagnosis["asked"]),
        ("Response", status, diagnosis["answered"]),
    ):
        items = [f'<li><code dir="ltr">{line(first)}</code></li>']
        for name, value in rows:
            shown = '<em class="missing">not sent</em>' if value is None else f"<b>{line(value)}</b>"
            items.append(f'<li><code dir="ltr">{line(name, 80)}: {shown}</code></li>')
        boxes.append(f'<div class="side"><span class="label">{title}</span><ul>{"".join(items)}</ul></div>')
    return f'<div class="evidence">{"".join(boxes)}</div>'


def _ticket(diagnosis: Plain) -> str:
    lines = "\n".join(line(each, 4_000) for told in ticket(diagnosis) for each in told.split("\n"))
    return (
        f'<div class="ticket"><pre aria-hidden="true">{lines}</pre>'
        '<button type="button" class="copy" data-told="Copied as Markdown">Copy as Markdown</button></div>'
    )


def rule_sentence(verdict: Plain) -> str:
    """Say what a rule made of a response; empty where none had a part in it. The verdict is an entry of ``flows``."""
    touched = verdict.get("delivered") or verdict.get("dry_run")
    if not touched:
        return ""
    rule, outcome = text(touched["rule"], 120), touched["outcome"]
    if verdict.get("dry_run"):
        told = f"would make it {line(outcome)} (dry run)" if outcome else "would break it off (dry run)"
    else:
        told = f"changed this response; as delivered it is {line(outcome)}" if outcome else "broke it off"
    return f"Rule {rule} {told}."


def passed_html(of: Card) -> str:
    """Return a line for what was blocked and is no longer."""
    page = f" from {text(of.origin)}" if of.origin else ""
    return (
        f'<li id="{of.id}-passed"><b class="method">{text(of.method, 40)}</b> {text(of.host)}{text(of.path)}{page}: '
        f"{', '.join(f'<code>{line(name)}</code>' for name in of.ids)}, last seen {clock(of.seen)}</li>"
    )
