"""Verdicts and diagnoses as entries of a report: plain data without secrets."""

from collections.abc import Iterator
from typing import Any, Final

from ..diagnosis.build import diagnose
from ..verdict.fix_steps import Way
from ..verdict.model import Finding, Outcome, Verdict
from ..verdict.redact import NOT_SHOWN, holds_a_secret, redact, redact_header
from .grouping import plain_text, target_of


def flow_entry(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as one entry of a report's ``flows``: plain data without secrets."""
    return plain_entry(verdict.to_plain())


class Entries:
    """Makes entries of many verdicts; what is equal in them is made and cleaned once, and shared."""

    def __init__(self) -> None:
        self._parts: dict[Finding | Way, dict[str, Any]] = {}

    def of(self, verdict: Verdict) -> dict[str, Any]:
        entry = verdict.to_plain(self._part)
        return {key: value if key in _PARTS else _cleaned(value) for key, value in entry.items()}

    def _part(self, part: Finding | Way) -> dict[str, Any]:
        made = self._parts.get(part)
        if made is None:
            made = self._parts[part] = plain_entry(part.to_plain())
        return made


_SECRET: Final = "?key=1"
"""Stands for the value of a header that holds a secret."""

_WITHOUT_FINDINGS: Final = (Outcome.UNKNOWN, Outcome.BLOCKED)
"""Outcomes of which a diagnosis has something to say without any finding."""


def diagnosis_entries(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the diagnoses of one explained verdict, as in a report's ``diagnoses``: the failure first."""
    return [plain_entry(each.to_plain()) for each in diagnose(verdict, target_of)]


def judged_entry(verdict: Verdict) -> dict[str, Any]:
    """Return the same, cheaply: cleaned only where what came over the wire may hold a secret."""
    holds_secrets = any(redact(text) != text for text in _from_the_wire(verdict))
    return flow_entry(verdict) if holds_secrets else verdict.to_plain()


def shown_entry(verdict: Verdict) -> dict[str, Any]:
    """Return the same with the flow's diagnoses, for whoever looks at a flow."""
    entry = judged_entry(verdict)
    if not verdict.findings and verdict.outcome not in _WITHOUT_FINDINGS:
        return entry
    diagnoses = diagnosis_entries(verdict)
    return {**entry, "diagnoses": diagnoses} if diagnoses else entry


def _from_the_wire(verdict: Verdict) -> Iterator[str]:
    yield verdict.url
    yield verdict.origin or ""
    yield verdict.reason
    yield from verdict.notes
    for finding in verdict.findings:
        yield finding.message
        for line in finding.evidence:
            if line.value is not None:
                yield line.value if line.value == NOT_SHOWN or not holds_a_secret(line.name) else _SECRET
        for cause in finding.causes:
            yield cause.message
    if verdict.way is not None:
        for ahead in verdict.way.ahead:
            yield ahead.url
    for _, text, _, _ in verdict.credentials.evidence:
        yield text


_PARTS: Final = frozenset({"findings", "way"})
_PLAIN: Final = frozenset({bool, int, float, type(None)})


def plain_entry(data: dict[str, Any]) -> dict[str, Any]:
    """Return plain data without secrets, and without what no encoding can carry."""
    return {
        key: plain_text(value) if type(value) is str else value if type(value) in _PLAIN else _cleaned(value)
        for key, value in data.items()
    }


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        if value.keys() == {"side", "name", "value"} and value["value"] is not None:
            name, text = plain_text(value["name"]), plain_text(redact_header(value["name"], value["value"]))
            return {"side": value["side"], "name": name, "value": text}
        return plain_entry(value)
    if isinstance(value, (list, tuple)):
        return [_cleaned(each) for each in value]
    return value
