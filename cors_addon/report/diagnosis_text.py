"""A diagnosis as plain text, from the plain data of a report or of a flow's metadata."""

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity
from ..diagnosis.model import Certainty
from ..verdict.failure_details import inert
from .browser_word import place_of as call_site
from .text_layout import WIDTH, paragraph, requests_of

MOST_LINES: Final = 25
"""Lines of a blocked request, at most, its snippet included."""

_INDENT: Final = 2
_MOST_PLACES: Final = 4
_LONGEST: Final = 900
_LONGEST_COMMAND: Final = 2_000
_NAMES: Final = {"chromium": "Chromium", "firefox": "Firefox", "webkit": "Safari"}
_IN_BRIEF: Final = (Severity.ADVICE.value, Severity.INFO.value)
_STOPPING: Final = (Severity.BLOCKED.value, Severity.CONDITIONAL.value)

Plain = Mapping[str, Any]


def heading(diagnosis: Plain) -> tuple[str, str]:
    """Return how bad it is in a word, and what it is about: the request, or host and number of endpoints."""
    word = "KNOWN" if diagnosis["known"] else what_becomes(diagnosis).upper()
    return word, f"{about(diagnosis)}{_from(diagnosis)}   {requests_of(diagnosis['requests'])}   {diagnosis['id']}"


def what_becomes(diagnosis: Plain) -> str:
    """Return in a word what becomes of the request, or how much the finding matters where it passes."""
    if diagnosis["severity"] == Severity.INFO.value and diagnosis["outcome"] == "unknown":
        return "unknown"
    return str(diagnosis["severity"])


def about(diagnosis: Plain) -> str:
    """Return what a diagnosis is about: a request with its URL, or a host where it is about several endpoints."""
    places = diagnosis["places"]
    host = inert(diagnosis["host"]) or "(unknown host)"
    if len(places) > 1:
        return f"{host}, {len(places):,} endpoints"
    url = inert(diagnosis["url"], 200)
    if diagnosis["requests"] > 1:
        scheme, separator, _ = url.partition("://")
        url = f"{scheme}{separator}{host}{inert(places[0]['path'])}" if separator else url
    return f"{inert(diagnosis['method'], 40)} {url}"


def _from(diagnosis: Plain) -> str:
    return f"   from {inert(diagnosis['origin'])}" if diagnosis["origin"] else ""


def lines_of(diagnosis: Plain, width: int = WIDTH, most: int = MOST_LINES) -> list[str]:
    """Return a diagnosis line by line, the heading first.

    Where a snippet would make it longer than ``most`` lines, the headers to send stand in its place.
    """
    whole = list(_lines(diagnosis, width, with_snippet=True))
    if len(whole) <= most or not _snippets(diagnosis):
        return whole
    return list(_lines(diagnosis, width, with_snippet=False))


def _lines(diagnosis: Plain, width: int, with_snippet: bool) -> Iterator[str]:
    word, title = heading(diagnosis)
    yield from _title(word, title, width)
    ids = ", ".join(diagnosis["findings"])
    yield from _indented(f"{diagnosis['headline']}  [{ids}]" if ids else diagnosis["headline"], width)
    if diagnosis["severity"] == Severity.INFO.value:
        return
    brief = diagnosis["severity"] in _IN_BRIEF
    if not brief:
        yield ""
    if diagnosis["severity"] == Severity.CONDITIONAL.value:
        yield from _told("If", f"the page includes credentials. Credentials: {diagnosis['credentials']}", width)
    for number, cause in enumerate(diagnosis["causes"]):
        yield from _told(because(cause, number), f"{sentence(cause['message'])} {cause['confidence']}", width)
    yield from _plan(diagnosis, width, with_snippet, brief)
    for condition in diagnosis["conditions"]:
        yield from _told("Also", f"With credentials, this fails too: {condition}", width)
    yield from _places(diagnosis, width)
    called = call_site(diagnosis.get("initiator"))
    if called:
        yield from _told("Called", f"by {called}", width)
    if diagnosis["severity"] not in _STOPPING:
        return
    commands = diagnosis["try"]
    # The one that shows the failure: a preflight's comes first, and the request's last.
    for command in commands[:1] if diagnosis["stage"] == "preflight" else commands[-1:]:
        if len(command) > _LONGEST_COMMAND:
            continue
        yield f"{'':<{_INDENT}}{'Try':<9} {command}"
    names = browsers(diagnosis)
    if names:
        yield from _told("Console", names, width)


def _plan(diagnosis: Plain, width: int, with_snippet: bool, brief: bool) -> Iterator[str]:
    steps = diagnosis["plan"]
    for number, step in enumerate(steps, 1):
        where = place_of(step, diagnosis)
        lead = f"{number}. {where}" if len(steps) > 1 else where
        yield from _told("Fix" if number == 1 else "", f"{lead}{sentence(step['text'])}", width)
        snippet = step["snippet"]
        if snippet is not None and with_snippet:
            yield from _told("Write", f"for {inert(snippet['stack'], 80)}:", width)
            for line in str(snippet["text"]).splitlines()[:200]:
                yield f"{'':<{_INDENT + 10}}{inert(line, 400)}".rstrip()
        elif step["send"]:
            yield from sends(step["send"], width, brief)
            if snippet is not None:
                yield from _told("", f"The configuration for {inert(snippet['stack'], 80)}: --format markdown", width)


def place_of(step: Plain, diagnosis: Plain) -> str:
    """Return where a step is done, as the beginning of its sentence."""
    if step["where"]:
        return f"{inert(str(step['where']), 200)}: "
    host = inert(diagnosis["host"]) or "that host"
    return {
        "server": f"On the server {host}: ",
        "gateway": f"In the gateway or proxy in front of {host}: ",
        "client": "In the page's code: ",
        "platform": f"At the platform of {host}: ",
        "browser": "In the browser: ",
    }.get(str(step["who"]), "")


def sends(entries: Iterable[Plain], width: int = WIDTH, brief: bool = False) -> Iterator[str]:
    """Yield the headers to send, response by response."""
    label = "Send"
    for entry in entries:
        yield from _told(label, f"to {response_of(entry)}", width)
        label = ""
        for line in entry["headers"]:
            # A header stays on one line, to be copied.
            yield f"{'':<{_INDENT + 12}}{inert(str(line), 2_000)}"
        if brief:
            return


def plan_of_server(plan: Plain, width: int = WIDTH) -> Iterator[str]:
    """Yield, line by line, the one change that a server needs: an entry of a report's ``servers``."""
    yield f"{'':<{_INDENT}}{inert(plan['host'])}   {covers(plan)}"
    yield from _told("Fixes", ", ".join(plan["ids"]), width)
    if len(plan["origins"]) > 1:
        yield from _told("Pages", ", ".join(map(inert, plan["origins"])), width)
    snippet = plan["snippet"]
    if snippet is None:
        yield from sends(plan["send"], width)
        return
    yield from _told("Write", f"for {inert(snippet['stack'], 80)}:", width)
    for line in str(snippet["text"]).splitlines()[:200]:
        yield f"{'':<{_INDENT + 10}}{inert(line, 400)}".rstrip()


def covers(plan: Plain) -> str:
    """Say in a clause what a server's plan is for."""
    rules = f", now by rule {', '.join(map(inert, plan['rules']))}" if plan["rules"] else ""
    count = len(plan["ids"])
    return f"{count} {'fault' if count == 1 else 'faults'}, {requests_of(plan['requests'])}{rules}"


def response_of(entry: Plain) -> str:
    """Say which response a list of headers is for."""
    to = inert(str(entry["to"]), 200)
    if entry["status"] == "2xx":
        return f"{to}, with a status from 200 to 299"
    return f"{to}, errors included"


def _places(diagnosis: Plain, width: int) -> Iterator[str]:
    places = diagnosis["places"]
    if len(places) < 2:
        return
    shown = [f"{place['requests']:,} x {inert(place['method'], 40)} {inert(place['path'])}" for place in places]
    for number, text in enumerate(shown[:_MOST_PLACES]):
        yield from _told("" if number else "Where", text, width)
    if len(shown) > _MOST_PLACES:
        yield from _told("", f"and {len(shown) - _MOST_PLACES:,} endpoints more", width)


def browsers(diagnosis: Plain) -> str:
    """Return what each browser calls it, in one line."""
    told = []
    for name, shown in _NAMES.items():
        view = diagnosis["browsers"].get(name)
        if view is None:
            continue
        if view.get("error"):
            told.append(f"{shown} {view['error']}")
        else:
            told.append(f"{shown} {view['outcome']}")
    return " · ".join(told)


def because(cause: Plain, number: int) -> str:
    """Return the word before a cause: behind the first one, another that is certain is no alternative."""
    return "Why" if number == 0 else "And" if cause["confidence"] == Certainty.CERTAIN.value else "Or"


def sentence(text: object) -> str:
    """Return a text that ends like a sentence."""
    shown = inert(str(text), _LONGEST).rstrip()
    return shown if shown.endswith((".", "!", "?", ":")) else f"{shown}."


def explanations(ids: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield, for each violation, its id and why browsers act so."""
    for each in ids:
        known = CATALOGUE.get(each)
        if known is not None:
            yield each, known.explanation


def _snippets(diagnosis: Plain) -> bool:
    return any(step["snippet"] is not None for step in diagnosis["plan"])


def _title(word: str, title: str, width: int) -> Iterator[str]:
    whole = f"{word}  {title}"
    if len(whole) <= width:
        yield whole
        return
    pieces = [piece for piece in title.split("   ") if piece]
    yield f"{word}  {pieces[0]}"
    yield f"{'':<{_INDENT}}{'   '.join(pieces[1:])}"


def _told(label: str, text: str, width: int) -> Iterator[str]:
    return paragraph(label, text, width, _INDENT)


def _indented(text: str, width: int) -> Iterator[str]:
    for piece in textwrap.wrap(text, width - _INDENT, break_long_words=False, break_on_hyphens=False) or [""]:
        yield f"{'':<{_INDENT}}{piece}"
