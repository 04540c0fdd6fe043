"""The JSON report, schema ``cors-addon/report/1``."""

import json
from collections.abc import Iterator
from typing import Any

from .model import Report


def render(report: Report) -> str:
    """Return the report as JSON text, one flow or host a line so that two reports can be compared with line tools."""
    return "".join(parts(report))


def parts(report: Report) -> Iterator[str]:
    """Yield the same in parts, none of them longer than an entry."""
    summary: dict[str, Any] = dict(report.summary)
    debts = report.debts
    if debts:
        summary["debts"] = debts
    head = {"schema": report.schema, "generated": report.generated, "summary": summary}
    yield json.dumps(head, ensure_ascii=True)[:-1]
    lists = ("flows", report.flows), ("groups", report.groups), ("diagnoses", report.diagnoses), ("hosts", report.hosts)
    seldom = ("servers", report.servers), ("unsent", report.unsent)
    for name, entries in (*lists, *(each for each in seldom if each[1])):
        yield f', "{name}": ['
        between = "\n"
        for entry in entries:
            yield between
            yield json.dumps(entry, ensure_ascii=True)
            between = ",\n"
        yield "\n]" if entries else "]"
    yield "}\n"
