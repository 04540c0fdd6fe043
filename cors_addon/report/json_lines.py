"""JSON lines, schema ``cors-addon/flows/1``: the form of a report that grows while the proxy runs.

A line with ``schema`` and ``generated`` opens each run. Each other line is a flow, as in the JSON report; one that is
judged again gets another line, and its last one counts. ``{"lost": N}`` says that flows are missing, where a disk took
nothing for long. A line that was cut off by a crash is no JSON and is skipped.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

SCHEMA: Final = "cors-addon/flows/1"


def line_of(data: Mapping[str, Any]) -> str:
    """Return one line, without its end."""
    return json.dumps(data, ensure_ascii=True)


def entries(lines: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return each flow's last line by its id, in the order of the last lines.

    Raises ``ValueError`` where no line opens a run that this version can read.
    """
    found: dict[str, dict[str, Any]] = {}
    schemas = set()
    for line in lines:
        try:
            data = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if not isinstance(data, Mapping):
            continue
        if "schema" in data:
            schemas.add(str(data["schema"]))
        elif isinstance(data.get("id"), str) and isinstance(data.get("findings"), list):
            found.pop(data["id"], None)
            found[data["id"]] = dict(data)
    if schemas != {SCHEMA}:
        others = ", ".join(sorted(schemas - {SCHEMA}))
        raise ValueError(f"its schema is {others}, not {SCHEMA}" if others else f'it has no line "schema": "{SCHEMA}"')
    return found
