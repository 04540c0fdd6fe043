"""A report that is appended to as it goes, in the form of ``json_lines``."""

import os
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ..verdict.model import Verdict
from .json_lines import SCHEMA, line_of
from .model import Report, flow_entry

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
        yield f"{line_of(entry)}\n"


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
                lines.append(line_of(flow_entry(self._explain(verdict))))
            except Exception as exc:
                fault = exc
        if self._lost:
            lines.insert(0, line_of({"lost": self._lost}))
        opened = os.open(self.path, _FLAGS, _MODE)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise OSError("it is a pipe or a device, and no file")
            size = os.lseek(opened, 0, os.SEEK_END)
            if not size or not self._begun:
                lines.insert(
                    0, line_of({"schema": SCHEMA, "generated": datetime.now(UTC).isoformat(timespec="seconds")})
                )
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
