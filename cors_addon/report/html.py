"""The HTML report: one file, readable in any browser, on paper and without scripts.

Whatever came from the wire passes ``wire``. Besides, the page's own policy lets nothing run or load but the one style
and the one script that it was written with.
"""

import base64
import hashlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from ..catalogue.violation import Severity
from ..verdict.model import Judge, Outcome
from .browser_word import place_of as call_site
from .browser_word import repeats
from .diagnosis_text import what_becomes
from .html_cards import card, known, server_plan, where
from .html_parts import NAMES, badge, code, escape, wire
from .html_profiles import profiles
from .model import Report

_MOST_BLOCKS: Final = 300
_MOST_FLOWS: Final = 1_000
_FOLDER: Final = Path(__file__).parent


def render(report: Report) -> str:
    """Return the report as an HTML document."""
    style, script = ((_FOLDER / name).read_text("utf-8") for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; style-src '{_hash_of(style)}'; script-src '{_hash_of(script)}';"
        " base-uri 'none'; form-action 'none'"
    )
    found = [each for each in report.diagnoses if not each.get("rule")]
    body = "\n".join(
        part
        for section in (
            _head(report, found),
            _to_fix(found),
            _unsent(report),
            _browsers(report),
            profiles(report.hosts),
            _still_to_fix(report),
            _plans(report),
            _ignored(report),
        )
        for part in section
    )
    flows = "\n".join(_flows(report, found))
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="robots" content="noindex">
<title>{_title(found)}</title>
<style>{style}</style>
</head>
<body>
{body}
{flows}
</main>
<footer><p>Written by cors-addon, {escape(report.generated)}. Secrets in URLs and headers are left out.</p></footer>
<script>{script}</script>
</body>
</html>
"""


def _hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


# --- the sections -------------------------------------------------------------------------------------------------


def _title(found: list[dict[str, Any]]) -> str:
    blocked = sum(each["severity"] == Severity.BLOCKED.value and not each["known"] for each in found)
    return f"CORS report: {blocked} to fix" if blocked else "CORS report"


def _head(report: Report, found: list[dict[str, Any]]) -> Iterator[str]:
    yield "<header>\n<h1>CORS report</h1>"
    yield f"<p>{_sentence(found)}</p>"
    yield '<ul class="counts">'
    yield f"<li><strong>{report.summary['flows']:,}</strong> flows</li>"
    for outcome in Outcome:
        count = report.summary["outcomes"][outcome.value]
        if count:
            yield f"<li><strong>{count:,}</strong> {escape(outcome.value)}</li>"
    for name, what in (("known", "known"), ("ignored", "ignored"), ("dropped", "no longer kept")):
        if report.summary.get(name):
            yield f"<li><strong>{report.summary[name]:,}</strong> {what}</li>"
    yield "</ul>"
    for capture in report.summary.get("captures", ()):
        for name in ("problem", "note"):
            if capture[name]:
                yield f'<p class="trouble">{code(capture["path"])}: {wire(capture[name], 800)}</p>'
    yield "</header>\n<main>"


def _sentence(found: list[dict[str, Any]]) -> str:
    news = [each for each in found if each["severity"] == Severity.BLOCKED.value and not each["known"]]
    hosts = len({each["host"] for each in news})
    if not news:
        return "Nothing new is blocked." if found else "Nothing was found."
    things = "1 fault blocks" if len(news) == 1 else f"{len(news):,} faults block"
    return f"{things} responses of {'1 host' if hosts == 1 else f'{hosts:,} hosts'}."


def _to_fix(found: list[dict[str, Any]]) -> Iterator[str]:
    if not found:
        return
    yield '<section aria-labelledby="fix">\n<h2 id="fix">What to change</h2>'
    yield '<form class="filter" hidden role="search">'
    yield '<label>Show only what contains <input type="search" autocomplete="off"></label>'
    options = "".join(f'<option value="{severity.value}">{severity.value}</option>' for severity in Severity)
    yield f'<label>Severity <select><option value="">all</option>{options}</select></label>'
    yield '<span role="status" class="faint"></span></form>'
    if len(found) > 3:
        yield '<ol class="contents">'
        for number, each in enumerate(found[:_MOST_BLOCKS], 1):
            yield (
                f'<li data-severity="{each["severity"]}"><a href="#b{number}">{wire(each["headline"])}</a>'
                f" {badge(what_becomes(each))}{known(each)} at {code(where(each))}</li>"
            )
        yield "</ol>"
    for number, each in enumerate(found[:_MOST_BLOCKS], 1):
        yield from card(each, number)
    if len(found) > _MOST_BLOCKS:
        yield f"<p>And {len(found) - _MOST_BLOCKS:,} more, which the JSON report holds.</p>"
    yield "</section>"


def _unsent(report: Report) -> Iterator[str]:
    """Requests that the browser itself stopped: no flow tells of them."""
    if not report.unsent:
        return
    yield '<section aria-labelledby="unsent">\n<h2 id="unsent">What never reached the proxy</h2>\n<ul>'
    for entry in report.unsent[:_MOST_BLOCKS]:
        said = [wire(entry["message"])]
        called = call_site(entry["initiator"])
        said += [f"Called by {code(called)}."] if called else []
        said += [wire(entry["help"])] if entry["help"] else []
        yield f"<li>{code(entry['method'])} {code(entry['url'])}{repeats(entry)}: {' '.join(said)}</li>"
    if len(report.unsent) > _MOST_BLOCKS:
        yield f"<li>and {len(report.unsent) - _MOST_BLOCKS:,} more</li>"
    yield "</ul>\n</section>"


def _browsers(report: Report) -> Iterator[str]:
    """How many flows each browser lets pass: where columns differ, a site works in one browser only."""
    counts = {
        judge: {
            outcome: sum(flow["browsers"][judge.value]["outcome"] == outcome.value for flow in report.flows)
            for outcome in Outcome
        }
        for judge in Judge
    }
    shown = [outcome for outcome in Outcome if any(counts[judge][outcome] for judge in Judge)]
    if not shown:
        return
    yield '<section aria-labelledby="browsers">\n<h2 id="browsers">Browser by browser</h2>'
    yield '<div class="scroll" tabindex="0" role="group" aria-label="Flows by browser">'
    yield "<table><caption>Flows in this report, by what each browser does with them</caption><thead><tr>"
    columns = "".join(f'<th scope="col" class="number">{outcome.value}</th>' for outcome in shown)
    yield f'<th scope="col">Browser</th>{columns}</tr></thead><tbody>'
    for judge, name in NAMES.items():
        cells = "".join(f'<td class="number">{counts[judge][outcome]:,}</td>' for outcome in shown)
        yield f'<tr><th scope="row">{name}</th>{cells}</tr>'
    yield "</tbody></table></div>\n</section>"


def _still_to_fix(report: Report) -> Iterator[str]:
    found = [each for each in report.diagnoses if each.get("rule")]
    if not found:
        return
    yield '<section aria-labelledby="still">\n<h2 id="still">Still to fix on the server</h2>'
    yield "<p>These requests pass only because a rule adds the headers.</p>"
    yield '<table><thead><tr><th scope="col">Request</th><th scope="col">Rule</th>'
    yield '<th scope="col" class="number">Requests</th></tr></thead><tbody>'
    for each in found[:_MOST_BLOCKS]:
        yield (
            f"<tr><td>{code(each['method'] + ' ' + each['url'])}<br>{wire(each['headline'])} "
            f'<a id="{escape(each["id"])}">{escape(each["id"])}</a></td>'
            f'<td>{wire(each["rule"])}</td><td class="number">{each["requests"]:,}</td></tr>'
        )
    yield "</tbody></table>\n</section>"


def _plans(report: Report) -> Iterator[str]:
    """One change for each server that several faults, or a rule, are about."""
    plans = [plan for plan in report.servers if plan["rules"] or len(plan["ids"]) > 1]
    if not plans:
        return
    yield '<section aria-labelledby="plans">\n<h2 id="plans">One change for each server</h2>'
    yield "<p>It covers every request seen, and keeps what the server allows now.</p>"
    for plan in plans[:_MOST_BLOCKS]:
        yield from server_plan(plan)
    yield "</section>"


def _ignored(report: Report) -> Iterator[str]:
    if not report.ignored:
        return
    yield '<section aria-labelledby="ignored">\n<h2 id="ignored">Ignored</h2>\n<ul>'
    told: dict[str, None] = {}
    for group in report.ignored:
        reason = f": {wire(group['reason'])}" if group["reason"] else ""
        told[f"<li>{code(group['id'])} at {code(group['host'])}{reason}</li>"] = None
    yield from told
    yield "</ul>\n</section>"


def _flows(report: Report, found: list[dict[str, Any]]) -> Iterator[str]:
    if not report.flows:
        return
    places = {
        (name, flow): number
        for number, each in enumerate(found[:_MOST_BLOCKS], 1)
        for name in (*each["findings"], *each["conditions"])
        for flow in each["flows"]
    }
    yield '<section aria-labelledby="flows">\n<h2 id="flows">Flows</h2>'
    if len(report.flows) > _MOST_FLOWS:
        yield f"<p>The first {_MOST_FLOWS:,} of {len(report.flows):,}; the JSON report holds all.</p>"
    yield '<table><thead><tr><th scope="col">Outcome</th><th scope="col">Request</th>'
    yield '<th scope="col">Findings</th></tr></thead><tbody>'
    for flow in report.flows[:_MOST_FLOWS]:
        ids = dict.fromkeys(finding["id"] for finding in flow["findings"])
        links = "<br>".join(
            f'<a href="#b{places[each, flow["id"]]}">{escape(each)}</a>'
            if (each, flow["id"]) in places
            else escape(each)
            for each in ids
        )
        page = f"<br>from {code(flow['origin'])}" if flow["origin"] else ""
        rule = f"<br>{_rule(flow)}" if "delivered" in flow or "dry_run" in flow else ""
        severity = min((finding["severity"] for finding in flow["findings"]), key=_rank, default="")
        yield (
            f'<tr data-severity="{severity}"><td>{badge(flow["outcome"])}</td>'
            f"<td>{code(flow['method'], 40)} {code(flow['url'])}{page}{rule}</td><td>{links}</td></tr>"
        )
    yield "</tbody></table>\n</section>"


def _rank(severity: str) -> int:
    return [each.value for each in Severity].index(severity)


def _rule(flow: Mapping[str, Any]) -> str:
    if "delivered" in flow:
        return f"{escape(str(flow['delivered']['outcome']))} as delivered by rule {wire(flow['delivered']['rule'])}"
    return f"{escape(str(flow['dry_run']['outcome']))} if rule {wire(flow['dry_run']['rule'])} were not a dry run"
