"""The reports that are appended to while the proxy runs: lines are made in slices, and a thread waits for the disk."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Final

from ..report.journal import Journal
from ..verdict.failure_details import inert
from ..verdict.model import Verdict

logger = logging.getLogger("cors_addon")

SUFFIX: Final = ".jsonl"

SLICE: Final = 0.01
"""Seconds for which the traffic waits at a time while lines are made."""

FIRST_PAUSE = 0.5
_LONGEST_PAUSE: Final = 10.0
"""Seconds after a second failure until the next try, and after many."""

_PATIENCE: Final = 10.0
"""Seconds for which the end of the proxy waits for a disk."""


class _Appended:
    """One journal, and what is under way to its file."""

    def __init__(self, journal: Journal) -> None:
        self.journal = journal
        self.future: Future[None] | None = None
        self.fails = False
        self._pause = 0.0
        self._due = -math.inf

    def is_due(self, last: bool = False) -> bool:
        """Say whether something is to be written, and may be tried now; for the ``last`` time it always may."""
        wanted = self.journal.is_behind or self.journal.has_lines
        return self.future is None and wanted and (last or time.monotonic() >= self._due)

    def prepare(self, until: float = math.inf) -> None:
        """Make lines, but none that would only wait for a disk that takes nothing."""
        if not self.fails:
            self.journal.prepare(until)

    def ended(self, exc: Exception | None) -> None:
        """Take note of how a try ended. A failure is told once, until it is over."""
        path = inert(str(self.journal.path))
        if exc is None:
            if self.fails:
                logger.info("cors_report=%s is written again", path)
            self.fails, self._pause, self._due = False, 0.0, -math.inf
            return
        if not self.fails:
            why = getattr(exc, "strerror", None) or str(exc) or "the disk does not answer"
            logger.warning("cors_report=%s cannot be written, flows wait: %s", path, inert(why))
        else:
            self._pause = min(_LONGEST_PAUSE, 2 * self._pause or FIRST_PAUSE)
        self.fails = True
        self._due = time.monotonic() + self._pause


class Journals:
    """Every ``.jsonl`` path of ``cors_report``."""

    def __init__(self) -> None:
        self._journals: dict[Path, _Appended] = {}
        self._thread: ThreadPoolExecutor | None = None

    def open(self, paths: Iterable[Path]) -> list[Path]:
        """Take these paths instead of those so far; return the ones that are written at the end instead."""
        wanted = list(dict.fromkeys(paths))
        before = self._journals
        appended = [path for path in wanted if path.suffix.lower() == SUFFIX]
        self._journals = {path: before.get(path) or _Appended(Journal(path)) for path in appended}
        return [path for path in wanted if path not in self._journals]

    def note(self, verdict: Verdict, explain: Callable[[Verdict], Verdict]) -> None:
        """Have a verdict appended at the next writing; ``explain`` is asked then for what fixes it."""
        for each in self._journals.values():
            each.journal.note(verdict, explain)

    def hand_over(self, explain: Callable[[Verdict], Verdict]) -> None:
        """Have ``explain`` asked for what was noted until now."""
        for each in self._journals.values():
            each.journal.hand_over(explain)

    def release(self, explain: Callable[[Verdict], Verdict]) -> Generator[None, None, None]:
        """Have ``explain`` asked no more; in steps. Where a file refuses, that may be for ever, and nothing is made."""
        for each in [*self._journals.values()]:
            yield from each.journal.release(explain, not each.fails)

    def write(self, last: bool = False) -> bool:
        """Append what was noted, or begin to; say whether no file refuses.

        The ``last`` time all of it is written, and waited for. Raises why a verdict cannot be told, once the others
        are on their way.
        """
        loop = None if last else _loop()
        for each in self._journals.values():
            if loop is None:
                self._write_all(each, last)
            elif each.is_due():
                each.prepare(time.monotonic() + SLICE)
                self._begin(each, loop)
        faults = [each.journal.fault for each in self._journals.values() if each.journal.fault is not None]
        for each in self._journals.values():
            each.journal.fault = None
        if last and self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None
        if faults:
            raise faults[0]
        return not any(each.fails for each in self._journals.values())

    def _begin(self, each: _Appended, loop: asyncio.AbstractEventLoop) -> None:
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="cors-addon appends")
        future = each.future = self._thread.submit(each.journal.append)

        def over() -> None:
            if each.future is future:
                each.future = None
                each.ended(_exception(future))
                if each.journal.is_behind and not each.fails:
                    # As much time for the traffic as for the lines.
                    loop.call_later(SLICE, self._go_on)

        def tell(_: Future[None]) -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(over)

        future.add_done_callback(tell)

    def _go_on(self) -> None:
        try:
            self.write()
        except Exception as exc:
            # The next look tells of it.
            for each in self._journals.values():
                each.journal.fault = each.journal.fault or exc
                break

    def _write_all(self, each: _Appended, last: bool) -> None:
        if each.future is not None:
            future, each.future = each.future, None
            try:
                future.exception(_PATIENCE)
            except TimeoutError:
                each.ended(TimeoutError("the disk does not answer"))
                return
            each.ended(_exception(future))
        if not each.is_due(last):
            return
        each.prepare()
        try:
            each.journal.append()
            if each.journal.is_behind:
                # It has just begun to take lines again.
                each.journal.prepare()
                each.journal.append()
        except OSError as exc:
            each.ended(exc)
        else:
            each.ended(None)


def _exception(future: "Future[None]") -> Exception | None:
    if future.cancelled():
        return None
    exc = future.exception()
    return exc if exc is None or isinstance(exc, Exception) else RuntimeError(str(exc))


def _loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
