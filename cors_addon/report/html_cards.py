"""The HTML report's cards: one diagnosis each, whole at first sight, with details behind a click."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from .browser_word import place_of as call_site
from .diagnosis_text import about, because, covers, explanations, place_of, response_of, sentence, what_becomes
from .html_parts import NAMES, badge, code, escape, link, prose, verbatim, wire
from .html_parts import sentence as told
from .text_layout import header_lines, requests_of

_MOST_PLACES: Final = 30
_SHOWN_PLACES: Final = 3
_BRIEF: Final = ("advice", "info")

Plain = Mapping[str, Any]


def known(diagnosis: Plain) -> str:
    """Return the badge of what a baseline knows, empty for what is new."""
    return " " + badge("known") if diagnosis["known"] else ""


def where(diagnosis: Plain) -> str:
    """Return the place that a diagnosis is about: the one endpoint, or the host and how many."""
    host, places = diagnosis["host"] or "(unknown host)", diagnosis["places"]
    return f"{host}{places[0]['path']}" if len(places) == 1 else f"{host}, {len(places):,} endpoints"


def card(diagnosis: Plain, number: int) -> Iterator[str]:
    """Return one diagnosis, with everything that its fix takes."""
    severity = escape(str(diagnosis["severity"]))
    yield f'<article class="block {severity}" id="b{number}" data-severity="{severity}">'
    yield f"<h3>{badge(what_becomes(diagnosis))}{known(diagnosis)} {wire(diagnosis['headline'], 500)}</h3>"
    page = f" from {code(diagnosis['origin'])}" if diagnosis["origin"] else ""
    name = f'<a id="{escape(diagnosis["id"])}" href="#{escape(diagnosis["id"])}">{escape(diagnosis["id"])}</a>'
    yield f"<p>{code(about(diagnosis), 400)}{page}, {requests_of(diagnosis['requests'])}. {_ids(diagnosis)} {name}</p>"
    yield from _places(diagnosis)
    if diagnosis["severity"] == "conditional":
        yield f"<p>Credentials decide: {wire(diagnosis['credentials'], 600)}.</p>"
    yield from _causes(diagnosis)
    yield from _plan(diagnosis)
    for condition in diagnosis["conditions"]:
        yield f"<p>With credentials, this fails too: {code(condition)}.</p>"
    if diagnosis["severity"] not in _BRIEF:
        yield from _browsers(diagnosis)
    yield from _details(diagnosis)
    yield "</article>"


def _ids(diagnosis: Plain) -> str:
    ids = [*diagnosis["findings"], *diagnosis["conditions"]]
    first = [link(each, str(diagnosis["reference"])) for each in ids[:1]]
    return " ".join([*first, *(code(each) for each in ids[1:])])


def _causes(diagnosis: Plain) -> Iterator[str]:
    if not diagnosis["causes"]:
        return
    yield '<dl class="why">'
    for number, cause in enumerate(diagnosis["causes"]):
        sure = f'<em class="faint">{escape(str(cause["confidence"]))}</em>'
        yield f"<dt>{because(cause, number)}</dt><dd>{told(sentence(cause['message']))} {sure}</dd>"
    yield "</dl>"


def _plan(diagnosis: Plain) -> Iterator[str]:
    steps = diagnosis["plan"]
    if not steps or diagnosis["severity"] == "info":
        return
    yield f"<h4>{'Fix' if len(steps) == 1 else 'Fix, in this order'}</h4>"
    for number, step in enumerate(steps, 1):
        lead = f"{number}. " if len(steps) > 1 else ""
        yield f"<p>{lead}{told(place_of(step, diagnosis) + sentence(step['text']), 1_000)}</p>"
        snippet = step["snippet"]
        if snippet is not None:
            shown = verbatim(str(snippet["text"]))
            yield f'<div class="needed"><h4>Write, for {wire(snippet["stack"])}</h4>{shown}</div>'
        if step["send"] and snippet is None:
            yield from _sends(step)
        elif step["send"]:
            yield "<details><summary>The headers themselves</summary>"
            yield from _sends(step)
            yield "</details>"


def server_plan(plan: Plain) -> Iterator[str]:
    """Return the one change that a server needs: an entry of a report's ``servers``."""
    yield f'<article class="block"><h3>{code(plan["host"])}</h3>'
    ids = ", ".join(f'<a href="#{escape(each)}">{escape(each)}</a>' for each in plan["ids"])
    pages = ", ".join(code(each) for each in plan["origins"])
    yield f"<p>{wire(covers(plan), 600)}: {ids}. Pages: {pages}.</p>"
    if plan["snippet"] is not None:
        shown = verbatim(str(plan["snippet"]["text"]))
        yield f'<div class="needed"><h4>Write, for {wire(plan["snippet"]["stack"])}</h4>{shown}</div>'
    yield from _sends(plan)
    yield "</article>"


def _sends(step: Plain) -> Iterator[str]:
    yield '<div class="sides">'
    for entry in step["send"]:
        lines = "\n".join(map(str, entry["headers"]))
        yield f'<div class="needed"><h4>Send to {wire(response_of(entry))}</h4>{verbatim(lines)}</div>'
    yield "</div>"


def _places(diagnosis: Plain) -> Iterator[str]:
    places = diagnosis["places"]
    if len(places) < 2:
        return
    rows = [
        f"<li>{code(place['method'] + ' ' + place['path'])}, {requests_of(place['requests'])}</li>"
        for place in places[:_MOST_PLACES]
    ]
    yield f"<ul>{''.join(rows[:_SHOWN_PLACES])}</ul>"
    rest = rows[_SHOWN_PLACES:]
    if rest:
        more = len(places) - _MOST_PLACES
        left = f"<li>and {more:,} more</li>" if more > 0 else ""
        yield f"<details><summary>{len(places) - _SHOWN_PLACES:,} more endpoints</summary>"
        yield f"<ul>{''.join(rest)}{left}</ul></details>"


def _browsers(diagnosis: Plain) -> Iterator[str]:
    views = []
    for judge, name in NAMES.items():
        view = diagnosis["browsers"].get(judge.value)
        if view is not None:
            error = f" <code>{escape(str(view['error']))}</code>" if view.get("error") else ""
            views.append(f"<li>{name}: {badge(str(view['outcome']))}{error}</li>")
    if views:
        yield f'<ul class="views" aria-label="What browsers do">{"".join(views)}</ul>'


def _details(diagnosis: Plain) -> Iterator[str]:
    yield '<details class="all"><summary>Request, response, commands, and why browsers act so</summary>'
    yield '<div class="sides">'
    for side, what in (("asked", "Request"), ("answered", f"Response {diagnosis['status'] or ''}".strip())):
        if diagnosis[side]:
            shown = escape("\n".join(header_lines(diagnosis[side], 10_000)))
            yield f'<div class="{side}"><h4>{what}</h4><pre><code class="wire">{shown}</code></pre></div>'
    yield "</div>"
    if diagnosis["try"]:
        yield f"<h4>Try</h4>{verbatim(chr(10).join(diagnosis['try']))}"
    for violation, text in explanations([*diagnosis["findings"], *diagnosis["conditions"]]):
        yield f"<p>{code(violation)}: {prose(text)}</p>"
    if diagnosis["credentials"] and diagnosis["severity"] != "conditional":
        yield f"<p>Credentials: {wire(diagnosis['credentials'], 600)}.</p>"
    called = call_site(diagnosis.get("initiator"))
    if called:
        yield f"<p>Called by {wire(called, 600)}.</p>"
    flows = ", ".join(wire(each, 60) for each in diagnosis["flows"][:4])
    more = f" and {len(diagnosis['flows']) - 4:,} more" if len(diagnosis["flows"]) > 4 else ""
    yield f'<p class="faint">Flow ids: {flows}{more}</p></details>'
