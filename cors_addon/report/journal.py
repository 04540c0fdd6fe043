"""A report that is appended to as it goes: JSON lines, schema ``cors-addon/flows/1``.

A line with ``schema`` and ``generated`` opens each run. Each other line is a flow, as in the JSON report; one that is
judged again gets another line, and its last one counts. ``{"lost": N}`` says that flows are missing, where a disk took
nothing for long. A line that was cut off by a crash is no JSON and is skipped.
"""

import json
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from ..verdict.model import Verdict
from .model import Report, flow_entry

SCHEMA: Final = "cors-addon/flows/1"
MOST_WAITING: Final = 50_000
"""Flows that wait for a disk that takes nothing; beyond these the oldest are lost, and a line says how many."""

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MODE: Final = 0o644


def render(report: Report) -> str:
    """Return a whole report as such lines, the summary in the first one."""
    return "".join(parts(report))


def parts(report: Report) -> Iterator[str]:
    """Yield these lines."""
    head = {"schema": SCHEMA, "generated": report.generated, "summary": dict(report.summary)}
    for entry in (head, *report.flows):
        yield f"{_line(entry)}\n"


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


class Journal:
    """Notes verdicts and appends them to a file when it is told to: what was appended survives the process.

    The file is opened for each writing, so that it may be moved away or removed at any time. ``explain`` is asked for
    the rest of a verdict when it is written.
    """

    def __init__(self, path: Path, explain: Callable[[Verdict], Verdict] = lambda verdict: verdict) -> None:
        self.path = path
        self._explain = explain
        self._waiting: dict[str, Verdict] = {}
        self._lost = 0
        self._begun = False

    def note(self, verdict: Verdict) -> None:
        """Take a verdict; a later one of the same flow before the next writing replaces it."""
        self._waiting.pop(verdict.id, None)
        self._waiting[verdict.id] = verdict
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            self._lost += 1

    def write(self) -> None:
        """Append what was noted. Raises ``OSError``; what it could not append waits for the next time.

        A verdict that cannot be told is left out, and raised once the others are written.
        """
        if self._begun and not self._waiting:
            return
        taken = dict(self._waiting)
        lines, fault = [], None
        for verdict in taken.values():
            try:
                lines.append(_line(flow_entry(self._explain(verdict))))
            except Exception as exc:
                fault = exc
        if self._lost:
            lines.insert(0, _line({"lost": self._lost}))
        opened = os.open(self.path, _FLAGS, _MODE)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise OSError("it is a pipe or a device, and no file")
            size = os.lseek(opened, 0, os.SEEK_END)
            if not size or not self._begun:
                lines.insert(0, _line({"schema": SCHEMA, "generated": datetime.now(UTC).isoformat(timespec="seconds")}))
            # Where a crash or a full disk has cut the last line off, it must not spoil the next one.
            torn = size > 0 and _last_byte(opened, size) != b"\n"
            data = memoryview("".join([*("\n" * torn), *(f"{line}\n" for line in lines)]).encode())
            while data:
                data = data[os.write(opened, data) :]
        finally:
            os.close(opened)
        self._begun, self._lost = True, 0
        for verdict_id in taken:
            del self._waiting[verdict_id]
        if fault is not None:
            raise fault


def _last_byte(opened: int, size: int) -> bytes:
    os.lseek(opened, size - 1, os.SEEK_SET)
    return os.read(opened, 1)


def _line(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=True)
