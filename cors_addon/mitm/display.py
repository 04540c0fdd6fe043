"""What a flow shows: mark, comment line and metadata."""

from collections.abc import Callable
from typing import Any, Final

from mitmproxy import http

from ..capture.flow_keys import SERVER
from ..catalogue.violation import Severity
from ..report.entries import shown_entry
from ..report.terminal_lines import delivered_line, headline, worst
from ..verdict.model import Verdict
from ..verdict.redact import redact

MakeEntry = Callable[[Verdict], dict[str, Any]]

MARKS: Final = {
    Severity.BLOCKED: ":x:",
    Severity.CONDITIONAL: ":grey_question:",
    Severity.RISK: ":warning:",
    Severity.ADVICE: ":bulb:",
}
_READS_METADATA: Final = ("~meta", "~comment", "~mark")

INJECTED: Final = ":adhesive_bandage:"
"""The mark of a flow that a rule changed, whatever became of it."""

PROBED: Final = ":mag:"
"""The mark of a request of ``cors.probe`` that found nothing."""

MARK_STYLES: Final = ("emoji", "plain")
PLAIN: Final = {
    ":x:": ":heavy_multiplication_x:",
    ":grey_question:": ":interrobang:",
    ":bulb:": ":information_source:",
    INJECTED: ":pencil2:",
    PROBED: ":eight_spoked_asterisk:",
}
"""Marks that fonts without emoji show too, by those that they take the place of."""

_PREFIX: Final = "CORS:"
_MARK: Final = "cors.mark"
_KEYS: Final = ("cors", "cors.outcome", "cors.findings", "cors.rule", SERVER, _MARK)


def show(
    flow: http.HTTPFlow,
    verdict: Verdict,
    mark: bool,
    comment: bool,
    entry: MakeEntry = shown_entry,
    plain: bool = False,
) -> None:
    """Put a verdict on its flow, in place of what an earlier one left there.

    ``entry`` makes what the metadata hold; ``plain`` chooses marks that need no emoji font.
    """
    flow.metadata["cors"] = entry(verdict)
    flow.metadata["cors.outcome"] = verdict.outcome.value
    flow.metadata["cors.findings"] = " ".join(dict.fromkeys(finding.id for finding in verdict.findings))
    severity = worst(verdict.findings)
    wanted = MARKS.get(severity, "") if severity is not None else ""
    line = ""
    delivered = verdict.delivered
    if delivered is None:
        if comment and severity not in (None, Severity.INFO):
            line = f"{_PREFIX} {headline(verdict)}"
    else:
        flow.metadata["cors.rule"] = delivered.rule
        line = f"{_PREFIX} {delivered_line(verdict, delivered)}"
        if not delivered.dry_run:
            wanted = INJECTED
    if mark:
        _set_mark(flow, PLAIN.get(wanted, wanted) if plain else wanted)
    if comment:
        _set_line(flow, redact(line))


def show_probe(flow: http.HTTPFlow, verdict: Verdict, mark: bool, comment: bool, plain: bool = False) -> None:
    """Put on a request of ``cors.probe`` what was asked and answered, whether or not that is a finding."""
    show(flow, verdict, mark, comment=False, plain=plain)
    if mark and not flow.marked:
        _set_mark(flow, PLAIN[PROBED] if plain else PROBED)
    if comment:
        _set_line(flow, redact(f"{_PREFIX} {verdict.notes[0]}"))


def show_fixed(flow: http.HTTPFlow, told: str) -> None:
    """Say in the comment of a flow that it passes by the server's own headers, and did not before."""
    _set_line(flow, redact(f"{_PREFIX} fixed on server · {told}"))


def clear(flow: http.HTTPFlow) -> None:
    """Take everything of ours off a flow."""
    _set_mark(flow, "")
    _set_line(flow, "")
    for key in _KEYS:
        flow.metadata.pop(key, None)


def distrust_backup(flow: http.HTTPFlow) -> None:
    """Take what a file says of a verdict out of the state that the user may revert a flow to."""
    backup: Any = getattr(flow, "_backup", None)
    if backup:
        for key in _KEYS:
            backup["metadata"].pop(key, None)


def _set_mark(flow: http.HTTPFlow, wanted: str) -> None:
    """Set a mark where none is or one of ours; the flow remembers ours, since a user may choose the same emoji."""
    if flow.marked != flow.metadata.get(_MARK, ""):
        return
    flow.metadata.pop(_MARK, None)
    if flow.marked != wanted:
        flow.marked = wanted
    if wanted:
        flow.metadata[_MARK] = wanted


def _set_line(flow: http.HTTPFlow, line: str) -> None:
    """Keep exactly one line of ours in the comment, where it stood, or first."""
    if not flow.comment and not line:
        return
    lines = flow.comment.split("\n") if flow.comment else []
    place = next((index for index, text in enumerate(lines) if text.startswith(_PREFIX)), 0)
    kept = [text for text in lines if not text.startswith(_PREFIX)]
    if line:
        kept.insert(min(place, len(kept)), line)
    comment = "\n".join(kept)
    if comment != flow.comment:
        flow.comment = comment


def reads_metadata(options: object) -> bool:
    """Say whether flows are saved, printed or stopped by what the metadata say, in a hook that comes after ours."""
    if getattr(options, "save_stream_file", None):
        return True
    filters = (getattr(options, name, None) or "" for name in ("dumper_filter", "intercept"))
    return any(word in told for told in filters for word in _READS_METADATA)
