"""From verdicts to what every report shows."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import urlsplit

from ..catalogue.violation import Severity
from ..verdict.model import Outcome, Verdict
from .debts import debts_of

SCHEMA: Final = "cors-addon/report/1"

_IDS: Final = (
    re.compile(r"^[0-9]+$"),
    re.compile(r"^[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}$"),
    re.compile(r"^[0-9a-fA-F]{16,}$"),
    re.compile(r"^(?=.*[0-9])(?=.*[A-Za-z])[0-9A-Za-z_-]{20,}$"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """A report: ``flows`` are verdicts as plain data, ``groups`` fold what repeats, ``debts`` are what servers owe."""

    schema: str
    generated: str
    summary: Mapping[str, Any]
    flows: tuple[dict[str, Any], ...]
    groups: tuple[dict[str, Any], ...]
    debts: tuple[dict[str, Any], ...] = ()


def path_template(path: str) -> str:
    """Fold a path's numbers and ids into ``{id}``, so that one endpoint is one group."""
    return "/".join("{id}" if any(shape.match(part) for shape in _IDS) else part for part in path.split("/"))


def group_key(verdict: Verdict, finding_id: str) -> tuple[str, str, str, str, str]:
    """Return (violation id, origin, target host, method, path template): repeats share it."""
    try:
        parts = urlsplit(verdict.url)
        host, path = parts.netloc, parts.path
    except ValueError:
        host, path = "", verdict.url
    return finding_id, verdict.origin or "", host, verdict.method, path_template(path)


def build(verdicts: Iterable[Verdict], dropped: int = 0) -> Report:
    """Build a report; ``dropped`` counts verdicts that were judged and are no longer kept."""
    verdicts = list(verdicts)
    flows = []
    outcomes: Counter[str] = Counter()
    severities: Counter[str] = Counter()
    groups: dict[tuple[str, str, str, str, str], dict[str, Any]] = {}
    for verdict in verdicts:
        outcomes[verdict.outcome.value] += 1
        if verdict.outcome is Outcome.NOT_CORS and not verdict.findings:
            continue
        flows.append(verdict.to_plain())
        for finding in verdict.findings:
            severities[finding.severity.value] += 1
            key = group_key(verdict, finding.id)
            group = groups.get(key)
            if group is None:
                group = groups[key] = {
                    "id": finding.id,
                    "severity": finding.severity.value,
                    "origin": key[1],
                    "host": key[2],
                    "method": key[3],
                    "path": key[4],
                    "message": finding.message,
                    "needed": finding.needed,
                    "count": 0,
                    "flows": [],
                }
            group["count"] += 1
            if verdict.id not in group["flows"]:
                group["flows"].append(verdict.id)
    order = [severity.value for severity in Severity]
    ordered = sorted(groups.values(), key=lambda group: (order.index(group["severity"]), -group["count"]))
    summary = {
        "flows": sum(outcomes.values()) + dropped,
        "dropped": dropped,
        "outcomes": {outcome.value: outcomes[outcome.value] for outcome in Outcome},
        "findings": {severity.value: severities[severity.value] for severity in Severity},
    }
    generated = datetime.now(UTC).isoformat(timespec="seconds")
    return Report(SCHEMA, generated, summary, tuple(flows), tuple(ordered), debts_of(verdicts, path_template))
