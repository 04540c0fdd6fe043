"""The HTML report's host profiles: each host's policy as learned, where it contradicts itself, what serving takes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from .html_parts import code, escape, verbatim, wire
from .text_layout import requests_of

Profile = Mapping[str, Any]

_MOST_HOSTS: Final = 50
_MOST_ROWS: Final = 30
_OPEN: Final = 3
"""This many hosts are open at first, if there are no more."""

WAYS: Final = {
    "echo": "the page’s own",
    "*": "*",
    "none": "missing",
    "other": "another value",
    "several": "more than one value",
}
"""How Access-Control-Allow-Origin answered, as people say it."""


def profiles(hosts: Sequence[Profile]) -> Iterator[str]:
    """Return the section of host profiles; nothing where no host answered."""
    if not hosts:
        return
    yield '<section aria-labelledby="hosts">\n<h2 id="hosts">Hosts and their policies</h2>'
    yield "<p>As learned from their answers: what a host has not been asked, it has not told.</p>"
    for host in hosts[:_MOST_HOSTS]:
        yield from _host(host, is_open=len(hosts) <= _OPEN)
    if len(hosts) > _MOST_HOSTS:
        yield f"<p>And {len(hosts) - _MOST_HOSTS:,} more, which the JSON report holds.</p>"
    yield "</section>"


def _host(host: Profile, is_open: bool) -> Iterator[str]:
    capture = f" in {code(host['capture'])}" if host.get("capture") else ""
    wrong = len(host["contradictions"])
    told = f" <strong>{wrong} contradiction{'s' if wrong > 1 else ''}</strong>" if wrong else ""
    yield f"<details{' open' if is_open else ''}><summary>{code(host['host'])}{capture}{told}</summary>"
    yield f"<p>It {wire(host['policy'], 600)}.</p>"
    if wrong:
        yield "<h3>Where it contradicts itself</h3>\n<ul>"
        yield from (f"<li>{wire(each['message'], 400)}</li>" for each in host["contradictions"])
        yield "</ul>"
    yield from _probed(host.get("probed") or ())
    yield from _to_serve(host["to_serve"])
    yield from _table("Pages that asked", ("Page", "allowed", "refused", "credentials"), map(_page, host["origins"]))
    yield from _table(
        "Access-Control-Allow-Origin by status",
        ("Status", "times", "it was", "credentials"),
        map(_way, host["statuses"]),
    )
    yield from _table(
        "Paths", ("Path", "methods", "statuses", "preflights", "time", "avoidable"), map(_path, host["paths"])
    )
    yield f"<p>{cost_sentence(host['cost'])}</p>"
    yield from _lists(host)
    yield "</details>"


def _probed(rows: Sequence[Profile]) -> Iterator[str]:
    asked = [(code(row["origin"]), escape(row["trust"]), wire(probe_sentence(row), 400)) for row in rows]
    yield from _table("What cors.probe was told", ("Asked as", "allowed", "which means"), asked)


def probe_sentence(row: Profile) -> str:
    """Say what one answer to the probe means."""
    status = "" if row["status"] is None else f" ({row['status']})"
    return f"{row['method']} {row['url']}{status}: it {row['meaning']}"


def _to_serve(needs: Profile) -> Iterator[str]:
    if not needs["lines"]:
        return
    yield '<div class="needed"><h3>What would serve every page that asked</h3>'
    yield f"{verbatim(chr(10).join(needs['lines']))}</div>"
    if not needs["failing"]:
        return
    yield "<h3>What fails now</h3>\n<ul>"
    for each in needs["failing"][:_MOST_ROWS]:
        needed = f": {code(each['needed'], 400)}" if each["needed"] else ""
        where = code(f"{each['method']} {each['path']}")
        yield f"<li>{escape(each['id'])} at {where}, {requests_of(each['count'])}{needed}</li>"
    yield "</ul>"


Cell = str | int
"""Markup, or a number."""


def _table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    listed = list(rows)
    if not listed:
        return
    numbers = [isinstance(cell, int) for cell in listed[0]]
    names = zip(head, numbers, strict=True)
    columns = "".join(f'<th scope="col"{_class(number)}>{escape(name)}</th>' for name, number in names)
    more = f"; the first {_MOST_ROWS} of {len(listed)}" if len(listed) > _MOST_ROWS else ""
    yield f'<div class="scroll" tabindex="0" role="group" aria-label="{escape(caption)}"><table>'
    yield f"<caption>{escape(caption)}{more}</caption><thead><tr>{columns}</tr></thead><tbody>"
    for row in listed[:_MOST_ROWS]:
        cells = (f'<td class="number">{cell:,}</td>' if isinstance(cell, int) else f"<td>{cell}</td>" for cell in row)
        yield f"<tr>{''.join(cells)}</tr>"
    yield "</tbody></table></div>"


def _class(is_number: bool) -> str:
    return ' class="number"' if is_number else ""


def _page(row: Profile) -> tuple[Cell, ...]:
    return code(row["origin"]), row["allowed"], row["refused"], "allowed" if row["credentials"] else "no"


def _way(row: Profile) -> tuple[Cell, ...]:
    return escape(row["status"]), row["count"], escape(ways(row["allow_origin"])), row["credentials"]


def _path(row: Profile) -> tuple[Cell, ...]:
    cost = row["cost"]
    statuses = ", ".join(map(str, row["statuses"]))
    avoidable = f"{cost['avoidable']:,}, {cost['avoidable_milliseconds']:,} ms" if cost["avoidable"] else ""
    methods = wire(", ".join(row["methods"]))
    return code(row["path"]), methods, statuses, cost["preflights"], _time(cost), avoidable


def _time(cost: Profile) -> str:
    return f"{cost['milliseconds']:,} ms" if cost["preflights"] else ""


def ways(counted: Mapping[str, int]) -> str:
    """Say how often Access-Control-Allow-Origin was what."""
    return ", ".join(f"{WAYS.get(way, way)} ({count:,})" for way, count in counted.items())


def cost_sentence(cost: Profile) -> str:
    """Say what preflights cost, and what of it a longer Access-Control-Max-Age would have saved."""
    if not cost["preflights"]:
        return "No preflight was let through."
    trips = "one round trip" if cost["preflights"] == 1 else f"{cost['preflights']:,} round trips"
    told = f"Preflights took {trips} and {cost['milliseconds']:,} ms."
    if not cost["avoidable"]:
        return told
    return (
        f"{told} Access-Control-Max-Age: {cost['max_age']} would have saved {cost['avoidable']:,} of them and"
        f" {cost['avoidable_milliseconds']:,} ms."
    )


def _lists(host: Profile) -> Iterator[str]:
    rows = [
        ("methods asked for", host["methods"]["asked"]),
        ("methods granted", host["methods"]["granted"]),
        ("granted and never asked for", host["methods"]["unused"]),
        ("request headers asked for", host["headers"]["asked"]),
        ("request headers granted", host["headers"]["granted"]),
        ("response headers exposed", host["headers"]["exposed"]),
        ("Access-Control-Max-Age", host["max_age"]),
    ]
    yield "<ul>"
    for name, values in rows:
        if values:
            yield f"<li>{name}: {wire(', '.join(values), 800)}</li>"
    yield "</ul>"
