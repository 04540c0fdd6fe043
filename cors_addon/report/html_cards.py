"""The HTML report's cards: one thing to mend each, for a reader who has never seen this project."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..catalogue.violation import Severity
from ..verdict.failure_details import inert
from .blocks import Block, Endpoint, credentials_of
from .cures import Why, hows, steps, whys
from .explain import explain
from .html_parts import NAMES, badge, code, escape, link, prose, sentence, verbatim, wire
from .text_layout import times, value_of

_MOST_ENDPOINTS: Final = 30


def known(block: Block) -> str:
    """Return the badge of what a baseline knows, empty for what is new."""
    return " " + badge("known") if block.known else ""


def where(block: Block) -> str:
    """Return the place that a block is about: the one endpoint, or the host and how many."""
    host, endpoints = block.host or "(unknown host)", block.endpoints
    return f"{host}{endpoints[0].path}" if len(endpoints) == 1 else f"{host}, {len(endpoints):,} endpoints"


def card(block: Block, number: int) -> Iterator[str]:
    """Return one thing to mend, with everything that it takes."""
    finding = block.finding
    yield f'<article class="block {block.severity}" id="b{number}" data-severity="{block.severity}">'
    yield f"<h3>{badge(block.severity)}{known(block)} {wire(block.message, 500)}</h3>"
    yield (
        f"<p>at {code(where(block))}, {times(block.count)}. {link(block.id, str(finding.get('reference') or ''))}</p>"
    )
    if block.severity == Severity.CONDITIONAL.value:
        yield f"<p>It hangs on whether credentials are included: {wire(credentials_of(block.flow), 600)}.</p>"
    yield from _sides(finding.get("evidence") or ())
    if block.others:
        yield "<p>And of the same cause:</p>\n<ul>"
        yield from (f"<li>{wire(message, 500)} {code(violation)}</li>" for message, violation in block.others)
        yield "</ul>"
    several = len(block.needed) > 1
    if block.needed and not several:
        yield f'<div class="needed"><h4>What the response needs</h4><pre>{code(block.needed[0], 2000)}</pre></div>'
    yield from _causes(finding, block.flow.get("id"))
    if block.fix:
        yield f"<h4>{'In general' if block.needed else 'What to change'} ({escape(block.who)})</h4>"
        yield f"<p>{prose(block.fix)}</p>"
    in_turn = steps(block.flow)
    if in_turn:
        yield "<h4>All that it takes, in turn</h4>\n<ol>"
        yield from (f"<li>{sentence(step, 1_000)}</li>" for step in in_turn)
        yield "</ol>"
    for place, how in enumerate(hows(finding)):
        because = f" ({wire(how.because)})" if how.because else ""
        shown = verbatim("\n".join(how.lines))
        is_open = " open" if how.because and not place else ""
        yield f"<details{is_open}><summary>For {wire(how.stack)}{because}</summary>{shown}</details>"
    yield from _endpoints(block, several)
    yield from _views(block.flow.get("browsers") or {})
    yield from _example(block.flow)
    yield "</article>"


def _causes(finding: Mapping[str, Any], own: object) -> Iterator[str]:
    told = whys(finding, own)
    for why in told[:1]:
        yield f"<h4>{why.label}</h4>"
        yield f"<p>{_told(why)}</p>"
    if told[1:]:
        yield "<h4>Or else</h4>\n<ul>"
        for why in told[1:]:
            yield f"<li>{why.label}: {_told(why)}</li>"
        yield "</ul>"


def _told(why: Why) -> str:
    flows = f' <small class="faint">compare flow {", ".join(map(wire, why.flows[:4]))}</small>' if why.flows else ""
    who = f" ({escape(why.who)})" if why.who else ""
    fix = f"<br><strong>What to do{who}:</strong> {sentence(why.fix)}" if why.fix else ""
    return f"{sentence(why.message)}{flows}{fix}"


def _sides(evidence: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    sides: dict[str, list[str]] = {"request": [], "response": []}
    for line in evidence:
        sides.setdefault(str(line["side"]), []).append(f"{inert(str(line['name']), 100)}: {value_of(line)}")
    if not any(sides.values()):
        return
    yield '<div class="sides">'
    for side, name, what in (
        ("request", "asked", "The browser asked"),
        ("response", "answered", "The server answered"),
    ):
        if sides[side]:
            shown = escape("\n".join(sides[side]))
            yield f'<div class="{name}"><h4>{what}</h4><pre><code class="wire">{shown}</code></pre></div>'
    yield "</div>"


def _endpoints(block: Block, with_needed: bool) -> Iterator[str]:
    yield '<table><caption>Where</caption><thead><tr><th scope="col">Request</th>'
    yield '<th scope="col" class="number">Times</th></tr></thead><tbody>'
    endpoints = block.endpoints
    for place in endpoints[:_MOST_ENDPOINTS]:
        needed = "".join(f"<br>needs {code(line, 2000)}" for line in place.needed) if with_needed else ""
        page = f"<br>from {code(place.origin)}" if place.origin else ""
        yield (
            f"<tr><td>{code(place.method + ' ' + place.path)}{page}{needed}<br>"
            f'<small class="faint">{_flows_of(place)}</small></td><td class="number">{place.times:,}</td></tr>'
        )
    yield "</tbody></table>"
    if len(endpoints) > _MOST_ENDPOINTS:
        yield f'<p class="faint">And {len(endpoints) - _MOST_ENDPOINTS:,} endpoints more.</p>'


def _flows_of(place: Endpoint) -> str:
    ids = ", ".join(wire(each, 60) for each in place.flows[:2])
    more = f" and {place.times - 2:,} more" if place.times > 2 else ""
    return f"flow {ids}{more}"


def _example(flow: Mapping[str, Any]) -> Iterator[str]:
    if flow:
        told = verbatim("\n".join(explain(flow)))
        yield f'<details class="all"><summary>All about one of these flows</summary>{told}</details>'


def _views(views: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    if not views:
        return
    yield '<table><caption>What browsers do</caption><thead><tr><th scope="col">Browser</th>'
    yield '<th scope="col">Outcome</th><th scope="col">Its own name for it</th></tr></thead><tbody>'
    for judge, name in NAMES.items():
        view = views.get(judge.value)
        if view is not None:
            error = f"<code>{escape(str(view['error']))}</code>" if view.get("error") else ""
            yield f'<tr><th scope="row">{name}</th><td>{badge(str(view["outcome"]))}</td><td>{error}</td></tr>'
    yield "</tbody></table>"
