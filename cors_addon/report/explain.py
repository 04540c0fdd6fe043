"""The whole story of one flow, for a reader: from the verdict as plain data, as a flow carries it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from ..verdict.failure_details import inert
from .diagnosis_text import explanations, lines_of
from .text_layout import WIDTH, header_lines, paragraph

_MOST_LINES: Final = 10_000


def explain(
    verdict: Mapping[str, Any],
    width: int = WIDTH,
    server: Sequence[Sequence[str]] = (),
    name_of: Callable[[str], str] = str,
) -> list[str]:
    """Return the explanation line by line.

    ``verdict`` is what a flow carries: an entry of the JSON report's ``flows`` with its ``diagnoses``; ``server`` are
    the header lines that the server sent, names and values, ``:status`` among them, where a rule has changed the
    response. ``name_of`` returns what people know another flow by, given its id. The diagnosis comes first; then what a
    rule did about it, what was asked and answered, what each browser does, the credentials, and the story around it.
    """
    lines: list[str] = []
    diagnoses = verdict.get("diagnoses") or []
    for diagnosis in diagnoses:
        lines += [*lines_of(diagnosis, width, _MOST_LINES), ""]
    if not diagnoses:
        lines += _without_diagnosis(verdict, width)
    touched = verdict.get("delivered") or verdict.get("dry_run")
    if touched:
        lines += [*_touched(touched, width, server), ""]
    for diagnosis in diagnoses[:1]:
        for label, side in (("Request", "asked"), ("Response", "answered")):
            if diagnosis.get(side):
                lines += [label, *header_lines(diagnosis[side], width, 2)]
        lines.append("")
    for name, view in (verdict.get("browsers") or {}).items():
        error = f"  {view['error']}" if view.get("error") else ""
        lines += paragraph(name, f"{view['outcome']}{error}", width)
    lines += _credentials(verdict.get("credentials") or {}, width, name_of)
    for note in verdict.get("notes") or ():
        lines += paragraph("note", note, width)
    related = verdict.get("related") or {}
    for name in ("preflight", "request", "redirected_from", "redirected_to"):
        if related.get(name):
            lines += paragraph("flow", f"{name.replace('_', ' ')}: {name_of(related[name])}", width)
    findings = {finding["id"]: finding for finding in verdict.get("findings") or ()}
    for violation, text in explanations(findings):
        lines += ["", *paragraph("about", f"[{violation}] {text}", width)]
        if findings[violation].get("reference"):
            lines += paragraph("see", findings[violation]["reference"], width)
    return lines


def _without_diagnosis(verdict: Mapping[str, Any], width: int) -> Iterator[str]:
    """Tell of a flow that nothing is wrong with, or that an earlier version has judged."""
    word = str(verdict.get("outcome", "unknown")).upper()
    yield from paragraph(word, f"{inert(str(verdict.get('method')))} {inert(str(verdict.get('url')), 300)}", width)
    if verdict.get("origin"):
        yield from paragraph("from", inert(str(verdict["origin"])), width)
    yield ""
    findings = verdict.get("findings") or ()
    for finding in findings:
        yield from paragraph(str(finding["severity"]), f"{finding['message']}  [{finding['id']}]", width)
    if not findings:
        yield from paragraph("Why", str(verdict.get("reason") or "every check passes"), width)
    yield ""


def _credentials(view: Mapping[str, Any], width: int, name_of: Callable[[str], str]) -> Iterator[str]:
    mode = view.get("mode", "unknown")
    if view.get("assumed"):
        why = "likely" if view.get("evidence") else "assumed, because nothing shows any"
        yield from paragraph("creds", f"not included: {why}", width)
    elif view.get("contradicted"):
        yield from paragraph("creds", "open: the evidence contradicts itself", width)
    elif mode != "unknown" or view.get("evidence"):
        yield from paragraph("creds", "open" if mode == "unknown" else mode.replace("-", " "), width)
    for piece in view.get("evidence") or ():
        strength = "" if piece["certain"] else "hint: "
        yield from paragraph("", f"{strength}{piece['message']} ({name_of(piece['flow'])})", width)


def _touched(touched: Mapping[str, Any], width: int, server: Sequence[Sequence[str]]) -> Iterator[str]:
    """Show what a rule made of the response: lines that it took out with a minus, lines that it put in with a plus."""
    outcome, rule = touched.get("outcome"), inert(str(touched.get("rule")))
    told = f'would be {outcome} by rule "{rule}" (dry run)' if touched.get("dry_run") else f'{outcome} by rule "{rule}"'
    yield from paragraph("delivered", told, width)
    for operation, name, value in touched.get("edits") or ():
        if operation != "add":
            for own, sent in server:
                if own.lower() == name:
                    yield f"{'':<9} - {inert(own)}: {inert(sent, 300)}"
            if operation == "remove" and not server:
                yield f"{'':<9} - {inert(str(name))}"
        if operation != "remove":
            yield f"{'':<9} + {inert(str(name))}: {inert(str(value), 300)}"
