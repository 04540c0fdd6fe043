"""The whole story of one flow, for a reader: from the verdict as plain data, as a flow carries it."""

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ..catalogue import CATALOGUE
from ..verdict.failure_details import inert
from .cures import fix_of
from .text_report import causes, snippets, way

WIDTH: Final = 100
_LABEL: Final = 9


def explain(verdict: Mapping[str, Any], width: int = WIDTH, server: Sequence[Sequence[str]] = ()) -> list[str]:
    """Return the explanation line by line.

    ``verdict`` is an entry of the JSON report's ``flows``; ``server`` are the header lines that the server sent, names
    and values, ``:status`` among them, where a rule has changed the response. What blocks comes first, with its
    evidence, the fix, and what would fail next; then what a rule did about it, what each browser does, the
    credentials, and the story around it.
    """
    title = _title(verdict)
    head, separator, page = title.rpartition("  from ")
    lines = [title, ""] if len(title) <= width or not separator else [head, f"from {page}", ""]
    findings = verdict.get("findings") or []
    if not findings:
        lines += _wrapped("why", str(verdict.get("reason") or "every check passes"), width)
    told: set[str] = set()
    for place, finding in enumerate(findings):
        lines += _finding(finding, width, place > 0, verdict.get("id"), told)
        lines.append("")
    in_turn = list(way(verdict, width))
    if in_turn:
        lines += [*in_turn, ""]
    touched = verdict.get("delivered") or verdict.get("dry_run")
    if touched:
        lines += _touched(touched, width, server)
        lines.append("")
    for name, view in (verdict.get("browsers") or {}).items():
        error = f"  {view['error']}" if view.get("error") else ""
        lines.append(f"{name:<{_LABEL}} {view['outcome']}{error}")
    lines += _credentials(verdict.get("credentials") or {}, width)
    for note in verdict.get("notes") or ():
        lines += _wrapped("note", note, width)
    related = verdict.get("related") or {}
    for name in ("preflight", "request", "redirected_from", "redirected_to"):
        if related.get(name):
            lines.append(f"{'flow':<{_LABEL}} {name.replace('_', ' ')}: {related[name]}")
    return lines


def _title(verdict: Mapping[str, Any]) -> str:
    origin = verdict.get("origin")
    page = f"  from {inert(str(origin))}" if origin else ""
    what = str(verdict.get("outcome", "unknown")).upper()
    stage = verdict.get("stage")
    stage = f" ({stage})" if stage and stage != "response" else ""
    return f"{what}{stage}  {inert(str(verdict.get('method')))} {inert(str(verdict.get('url')), 300)}{page}"


def _finding(finding: Mapping[str, Any], width: int, following: bool, own: object, told: set[str]) -> Iterator[str]:
    """Yield a finding; causes and snippets that an earlier one has ``told`` are not told again."""
    lead = "then" if following else finding["severity"]
    if following and finding["severity"] not in ("blocked", "conditional"):
        lead = finding["severity"]
    if finding.get("known"):
        lead = "known"
    yield from _wrapped(lead, f"{finding['message']}  [{finding['id']}]", width)
    yield from _side_by_side(finding.get("evidence") or ())
    if finding.get("needed"):
        yield from _wrapped("needed", finding["needed"], width)
    yield from _once("\n".join(causes(finding, own, width)), told)
    known = CATALOGUE.get(finding["id"])
    who, text = fix_of(finding["id"], finding)
    if text:
        yield from _wrapped("fix", f"({who}) {text}", width)
    yield from _once("\n".join(snippets(finding, width)), told)
    if known is not None:
        yield from _wrapped("why", known.explanation, width)
    if finding.get("reference"):
        yield f"{'see':<{_LABEL}} {finding['reference']}"


def _once(text: str, told: set[str]) -> Iterator[str]:
    if text and text not in told:
        told.add(text)
        yield from text.split("\n")


def _side_by_side(evidence: Any) -> Iterator[str]:
    """Show asked above answered, the values one under the other, so that a difference meets the eye."""
    longest = max((len(line["name"]) for line in evidence), default=0)
    for line in evidence:
        side = "asked" if line["side"] == "request" else "answered"
        value = "(not sent)" if line["value"] is None else line["value"]
        yield f"{side:<{_LABEL}} {line['name'] + ':':<{longest + 1}} {value}"


def _credentials(view: Mapping[str, Any], width: int) -> Iterator[str]:
    mode = view.get("mode", "unknown")
    if view.get("assumed"):
        why = "that is likely" if view.get("evidence") else "nothing speaks for them, and that is the default"
        yield from _wrapped("creds", f"not included: {why}", width)
    elif view.get("contradicted"):
        yield from _wrapped("creds", "open: the evidence contradicts itself", width)
    elif mode != "unknown" or view.get("evidence"):
        yield from _wrapped("creds", "open" if mode == "unknown" else mode.replace("-", " "), width)
    for piece in view.get("evidence") or ():
        strength = "" if piece["certain"] else "hint: "
        yield from _wrapped("", f"{strength}{piece['message']} (flow {piece['flow']})", width)


def _touched(touched: Mapping[str, Any], width: int, server: Sequence[Sequence[str]]) -> Iterator[str]:
    """Show what a rule made of the response: lines that it took out with a minus, lines that it put in with a plus."""
    outcome, rule = touched.get("outcome"), inert(str(touched.get("rule")))
    told = f'would be {outcome} by rule "{rule}" (dry run)' if touched.get("dry_run") else f'{outcome} by rule "{rule}"'
    yield from _wrapped("delivered", told, width)
    for operation, name, value in touched.get("edits") or ():
        if operation != "add":
            for own, sent in server:
                if own.lower() == name:
                    yield f"{'':<{_LABEL}} - {inert(own)}: {inert(sent, 300)}"
            if operation == "remove" and not server:
                yield f"{'':<{_LABEL}} - {inert(str(name))}"
        if operation != "remove":
            yield f"{'':<{_LABEL}} + {inert(str(name))}: {inert(str(value), 300)}"


def _wrapped(label: str, text: str, width: int) -> Iterator[str]:
    pieces = textwrap.wrap(text, max(width - _LABEL - 1, 20), break_long_words=False, break_on_hyphens=False) or [""]
    for index, piece in enumerate(pieces):
        yield f"{label if index == 0 else '':<{_LABEL}} {piece}"
