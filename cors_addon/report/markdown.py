"""Diagnoses as Markdown: a ticket each, for whoever can fix it."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any, Final

from ..verdict.failure_details import inert
from .browser_word import place_of as call_site
from .browser_word import repeats
from .diagnosis_text import (
    about,
    because,
    browsers,
    covers,
    explanations,
    place_of,
    response_of,
    sentence,
    what_becomes,
)
from .model import Report
from .text_layout import requests_of, value_of

_SPECIAL: Final = re.compile(r"([\\*_\[\]<>|#~])")
_TICKS: Final = re.compile(r"`+")
_LONGEST: Final = 900
_LONGEST_LINE: Final = 2_500
_MOST_PLACES: Final = 30
_MOST_LINES: Final = 20
"""New diagnoses that a comment names before its folded tickets."""

MOST_IN_COMMENT: Final = 60_000
"""Characters of a comment, at most: GitHub takes 65,536."""


def render(report: Report) -> str:
    """Return the report as Markdown: what was judged, then one section a diagnosis.

    Compared with a baseline, it is the comment on a pull request: what is new, a line each, with the tickets folded.
    """
    return comment(report) if report.compared else _whole(report)


def comment(report: Report) -> str:
    """Return what a baseline does not know, at most ``MOST_IN_COMMENT`` characters long."""
    new = [diagnosis for diagnosis in report.diagnoses if not diagnosis["known"]]
    known = len(report.diagnoses) - len(new)
    counts = f"{len(new):,} new" if new else "nothing new"
    parts = [f"### CORS: {counts}, {known:,} known", *_troubles(report)]
    told = [f"- {_line(diagnosis)}" for diagnosis in new[:_MOST_LINES]]
    if len(new) > _MOST_LINES:
        told.append(f"- and {len(new) - _MOST_LINES:,} more")
    parts += ["\n".join(told)] if told else []
    left = MOST_IN_COMMENT - sum(len(part) + 2 for part in parts) - _LONGEST
    for number, diagnosis in enumerate(new):
        text = "\n".join(ticket(diagnosis, level=4))
        folded = f"<details><summary>{_summary(diagnosis)}</summary>\n\n{text}\n\n</details>"
        left -= len(folded) + 2
        if left < 0:
            rest = len(new) - number
            what = "ticket does" if rest == 1 else "tickets do"
            parts.append(
                f"{rest:,} {what} not fit into a comment: the HTML report has {'it' if rest == 1 else 'them'}."
            )
            break
        parts.append(folded)
    return "\n\n".join(parts) + "\n"


def _line(diagnosis: Mapping[str, Any]) -> str:
    page = f" from {_code(diagnosis['origin'])}" if diagnosis["origin"] else ""
    what = (
        f"**{what_becomes(diagnosis).capitalize()}** {_code(about(diagnosis))}{page}: {_prose(diagnosis['headline'])}"
    )
    steps = [_prose(place_of(step, diagnosis) + sentence(step["text"])) for step in diagnosis["plan"][:1]]
    return " ".join([f"{what}.", *steps])


def _summary(diagnosis: Mapping[str, Any]) -> str:
    return f"<code>{escape(about(diagnosis))}</code> {escape(inert(str(diagnosis['headline']), _LONGEST))}"


def _troubles(report: Report) -> Iterator[str]:
    for capture in report.summary.get("captures", ()):
        for name in ("problem", "note"):
            if capture[name]:
                yield f"> {_prose(capture['path'])}: {_prose(capture[name])}"


def _whole(report: Report) -> str:
    outcomes = report.summary["outcomes"]
    counts = ", ".join(f"{count:,} {name}" for name, count in outcomes.items() if count)
    flows = report.summary["flows"]
    parts = [f"# CORS report\n\n{flows:,} {'flow' if flows == 1 else 'flows'} judged: {counts or 'none'}"]
    parts += _troubles(report)
    parts += ["\n".join(ticket(diagnosis, level=2)) for diagnosis in report.diagnoses]
    parts += ["\n".join(_unsent(report))] if report.unsent else []
    parts += ["\n".join(server_ticket(plan)) for plan in report.servers if plan["rules"] or len(plan["ids"]) > 1]
    return "\n\n".join(parts) + "\n"


def _unsent(report: Report) -> Iterator[str]:
    """Yield what the browser itself stopped, and no flow tells of."""
    yield "## What never reached the proxy\n"
    for entry in report.unsent[:_MOST_PLACES]:
        called = call_site(entry["initiator"])
        said = [_prose(entry["message"]), f"Called by {_code(called)}." if called else "", _prose(entry["help"] or "")]
        request = f"{entry['method']} {entry['url']}"
        yield f"- {_code(request)}{repeats(entry)}: {' '.join(filter(None, said))}"
    if len(report.unsent) > _MOST_PLACES:
        yield f"- and {len(report.unsent) - _MOST_PLACES:,} more"


def ticket(diagnosis: Mapping[str, Any], level: int = 3) -> Iterator[str]:
    """Yield a diagnosis line by line: what was asked and answered, why, what to change, and how to see it again."""
    known = ", known" if diagnosis["known"] else ""
    yield f"{'#' * level} {what_becomes(diagnosis).capitalize()}{known}: {_prose(diagnosis['headline'])}"
    yield ""
    yield from _where(diagnosis)
    if diagnosis["asked"] or diagnosis["answered"]:
        yield "\n**Request and response**\n"
        yield from _fenced(_exchange(diagnosis), "http")
    if diagnosis["causes"]:
        yield "\n**Why**\n"
        for number, cause in enumerate(diagnosis["causes"]):
            word = f"{because(cause, number)}: " if number else ""
            yield f"- {word}{_prose(sentence(cause['message']))} *{cause['confidence']}*"
    yield from _plan(diagnosis)
    for condition in diagnosis["conditions"]:
        yield f"\nWith credentials, this fails too: `{condition}`."
    if diagnosis["try"]:
        yield "\n**Reproduce**\n"
        yield from _fenced(diagnosis["try"], "sh")
        seen = {f"{name}: {value}".lower() for name, value in diagnosis["answered"]}
        wanted = [line for step in diagnosis["plan"] for entry in step["send"][:1] for line in entry["headers"]]
        missing = [line for line in wanted if line.lower() not in seen]
        if missing:
            yield f"\nThe response lacks {_code(missing[0])} before the change, and has this header after the change."
    names = browsers(diagnosis)
    if names:
        yield f"\n**Browsers**: {_prose(names)}"
    for violation, text in explanations([*diagnosis["findings"], *diagnosis["conditions"]]):
        yield f"\n`{violation}`: {text}"
    if diagnosis["reference"].startswith("https://"):
        yield f"\n<{diagnosis['reference']}>"


def server_ticket(plan: Mapping[str, Any]) -> Iterator[str]:
    """Yield, line by line, the one change that a server needs: an entry of a report's ``servers``."""
    yield f"## Plan for {_code(plan['host'])}: {covers(plan)}"
    yield f"\nFixes {', '.join(map(_code, plan['ids']))}. Pages: {', '.join(map(_code, plan['origins']))}."
    for entry in plan["send"]:
        yield f"\nSend to {_prose(response_of(entry))}:\n"
        yield from _fenced(entry["headers"], "http")
    if plan["snippet"] is not None:
        yield f"\nFor {_prose(plan['snippet']['stack'])}:\n"
        yield from _fenced(str(plan["snippet"]["text"]).splitlines()[:300], "")


def _where(diagnosis: Mapping[str, Any]) -> Iterator[str]:
    page = f" from {_code(diagnosis['origin'])}" if diagnosis["origin"] else ""
    yield f"{_code(about(diagnosis))}{page}, {requests_of(diagnosis['requests'])}, {_code(diagnosis['id'])}"
    if diagnosis["page"]:
        yield f"- Page: {_code(diagnosis['page'])}"
    if diagnosis["seen"] > 0:
        seen = datetime.fromtimestamp(min(diagnosis["seen"], 4e9), UTC)
        yield f"- Seen: {seen:%Y-%m-%d %H:%M:%S} UTC"
    called = call_site(diagnosis.get("initiator"))
    if called:
        yield f"- Called by: {_code(called)}"
    if diagnosis["credentials"] and diagnosis["severity"] in ("blocked", "conditional"):
        yield f"- Credentials: {_prose(diagnosis['credentials'])}"
    places = diagnosis["places"]
    for place in places[:_MOST_PLACES] if len(places) > 1 else ():
        yield f"- {place['requests']:,} x {_code(place['method'] + ' ' + place['path'])}"
    if len(places) > _MOST_PLACES:
        yield f"- and {len(places) - _MOST_PLACES:,} endpoints more"


def _exchange(diagnosis: Mapping[str, Any]) -> Iterator[str]:
    method = "OPTIONS" if diagnosis["stage"] == "preflight" else diagnosis["method"]
    yield f"{inert(method, 40)} {inert(diagnosis['url'], _LONGEST)}"
    yield from (f"{name}: {value_of(value)}" for name, value in diagnosis["asked"])
    yield ""
    yield f"HTTP {diagnosis['status']}" if diagnosis["status"] else "no response"
    yield from (f"{name}: {value_of(value)}" for name, value in diagnosis["answered"])


def _plan(diagnosis: Mapping[str, Any]) -> Iterator[str]:
    steps = diagnosis["plan"]
    if not steps:
        return
    yield "\n**Fix**\n"
    for number, step in enumerate(steps, 1):
        lead = f"{number}. " if len(steps) > 1 else ""
        yield f"{lead}{_prose(place_of(step, diagnosis) + sentence(step['text']))}"
        for entry in step["send"]:
            yield f"\nSend to {_prose(response_of(entry))}:\n"
            yield from _fenced(entry["headers"], "http")
        if step["snippet"] is not None:
            yield f"\nFor {_prose(step['snippet']['stack'])}:\n"
            yield from _fenced(str(step["snippet"]["text"]).splitlines()[:300], "")


def _fenced(lines: Iterable[str], language: str) -> Iterator[str]:
    # A command that is cut is none.
    shown = [inert(line, _LONGEST_LINE) for line in lines if language != "sh" or len(line) <= _LONGEST_LINE]
    fence = "`" * max(3, *(len(run) + 1 for line in shown for run in _TICKS.findall(line)), 3)
    yield f"{fence}{language}"
    yield from shown
    yield fence


def _code(text: object) -> str:
    shown = inert(str(text), _LONGEST)
    ticks = "`" * (max((len(run) for run in _TICKS.findall(shown)), default=0) + 1)
    pad = " " if shown[:1] == "`" or shown[-1:] == "`" else ""
    return f"{ticks}{pad}{shown}{pad}{ticks}"


def _prose(text: object) -> str:
    """Return a sentence that quotes the wire: code between backticks stays code, everything else is no markup."""
    pieces = inert(str(text), _LONGEST).split("`")
    if len(pieces) % 2 == 0:
        return _escaped("'".join(pieces))
    return "".join(_code(piece) if odd % 2 else _escaped(piece) for odd, piece in enumerate(pieces))


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)
