"""The JSON report, schema ``cors-addon/report/1``."""

import json
from typing import Any

from .model import Report


def render(report: Report) -> str:
    """Return the report as JSON text, one flow or host a line so that two reports can be compared with line tools."""
    summary: dict[str, Any] = dict(report.summary)
    if report.debts:
        summary["debts"] = report.debts
    head = {"schema": report.schema, "generated": report.generated, "summary": summary}
    lines = [json.dumps(head, ensure_ascii=True)[:-1]]
    for name, entries in (("flows", report.flows), ("groups", report.groups), ("hosts", report.hosts)):
        body = ",\n".join(json.dumps(entry, ensure_ascii=True) for entry in entries)
        lines.append(f', "{name}": [\n{body}\n]' if body else f', "{name}": []')
    return "".join(lines) + "}\n"
