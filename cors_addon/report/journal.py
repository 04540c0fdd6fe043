"""A report that is appended to as it goes, in the form of ``json_lines``."""

import math
import os
import stat
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from ..verdict.model import Verdict
from .entries import flow_entry
from .json_lines import SCHEMA, line_of
from .model import Report

MOST_WAITING: Final = 50_000
"""Flows that wait for a disk that takes nothing; beyond these the oldest are lost, and a line says how many."""

_FLAGS: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MODE: Final = 0o644
_AT_ONCE: Final = 100

_LINE_TAKES: Final = 0.01
"""Seconds for which a line that another process writes may lack its end."""

_MOST_LINES: Final = 5_000
"""Lines that wait for a slow disk, beside those that are made when it has taken the ones before."""


def render(report: Report) -> str:
    """Return a whole report as such lines, the summary in the first one."""
    return "".join(parts(report))


def parts(report: Report) -> Iterator[str]:
    """Yield these lines."""
    head = {"schema": SCHEMA, "generated": report.generated, "summary": dict(report.summary)}
    for entry in (head, *report.flows):
        yield f"{line_of(entry)}\n"


_Explain = Callable[[Verdict], Verdict]


def _as_it_is(verdict: Verdict) -> Verdict:
    return verdict


class Journal:
    """Notes verdicts and appends them to a file: what was appended survives the process.

    ``prepare`` makes lines and ``append`` writes them, which may happen in a thread beside it. The file is opened for
    each writing, so that it may be moved away or removed at any time. The ``explain`` that a verdict is noted with is
    asked for the rest of it when its line is made.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._waiting: dict[str, tuple[Verdict, _Explain]] = {}
        self._lines: list[str] = []
        self._lost = 0
        self._begun = False
        self._is_whole = False
        self.fault: Exception | None = None
        """Why a verdict could not be told, the last one of those."""

    @property
    def is_behind(self) -> bool:
        """Whether verdicts wait for their lines."""
        return bool(self._waiting)

    @property
    def has_lines(self) -> bool:
        """Whether there is something to append: at first, that a run begins."""
        return bool(self._lines) or not self._begun

    def note(self, verdict: Verdict, explain: _Explain = _as_it_is) -> None:
        """Take a verdict; a later one of the same flow before its line is made replaces it."""
        self._waiting.pop(verdict.id, None)
        self._waiting[verdict.id] = verdict, explain
        if len(self._waiting) > MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            self._lost += 1

    def write(self) -> None:
        """Append all that was noted. Raises ``OSError``; what it could not append waits for the next time.

        A verdict that cannot be told is left out, and raised once the others are written.
        """
        self.prepare()
        self.append()
        fault, self.fault = self.fault, None
        if fault is not None:
            raise fault

    def prepare(self, until: float = math.inf) -> None:
        """Make lines of what was noted, until a moment of ``time.monotonic``; one at least."""
        while self._waiting:
            self._make_line(next(iter(self._waiting)))
            if time.monotonic() >= until:
                return

    def _make_line(self, flow_id: str) -> None:
        verdict, explain = self._waiting.pop(flow_id)
        try:
            self._lines.append(line_of(flow_entry(explain(verdict))))
        except Exception as exc:
            self.fault = exc

    def hand_over(self, explain: _Explain) -> None:
        """Have ``explain`` asked for what waits now, since what explained it so far is about to forget it."""
        self._waiting = {flow_id: (verdict, explain) for flow_id, (verdict, _) in self._waiting.items()}

    def release(self, explain: _Explain, may_make_lines: bool) -> Iterator[None]:
        """Have ``explain`` asked no more: make the lines of what it explains, in steps, or leave them without."""
        for flow_id in [flow_id for flow_id, (_, by) in self._waiting.items() if by == explain]:
            if self._waiting.get(flow_id, (None, None))[1] != explain:
                continue
            if may_make_lines and len(self._lines) < _MOST_LINES:
                self._make_line(flow_id)
                yield None
            else:
                self._waiting[flow_id] = self._waiting[flow_id][0], _as_it_is

    def append(self) -> None:
        """Append the lines that are made. Raises ``OSError``; those that are written by then are not written again."""
        opened = os.open(self.path, _FLAGS, _MODE)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                raise OSError("it is a pipe or a device, and no file")
            size = os.lseek(opened, 0, os.SEEK_END)
            if size > 0 and not self._is_whole and _is_cut(opened):
                # Where a crash or a full disk has cut the last line off, it must not spoil the next one. Of a line that
                # another process is writing the end is not there yet: so this looks only where something may be cut.
                _write(opened, "\n")
            self._is_whole = False
            if not size or not self._begun:
                began = datetime.now(UTC).isoformat(timespec="seconds")
                _write(opened, f"{line_of({'schema': SCHEMA, 'generated': began})}\n")
                self._begun = True
            if self._lost:
                _write(opened, f"{line_of({'lost': self._lost})}\n")
                self._lost = 0
            while some := self._lines[:_AT_ONCE]:
                _write(opened, "".join(f"{line}\n" for line in some))
                del self._lines[: len(some)]
            self._is_whole = True
        finally:
            os.close(opened)


def _write(opened: int, text: str) -> None:
    data = memoryview(text.encode())
    while data:
        data = data[os.write(opened, data) :]


def _is_cut(opened: int) -> bool:
    """Say whether the last line has no end, and gets none from another process that may be writing it."""
    if _ends(opened):
        return False
    time.sleep(_LINE_TAKES)
    return not _ends(opened)


def _ends(opened: int) -> bool:
    os.lseek(opened, -1, os.SEEK_END)
    return os.read(opened, 1) == b"\n"
