"""The reports that are appended to while the proxy runs."""

import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from ..report.journal import Journal
from ..verdict.failure_details import inert
from ..verdict.model import Verdict

logger = logging.getLogger("cors_addon")

SUFFIX: Final = ".jsonl"


class Journals:
    """Every ``.jsonl`` path of ``cors_report``. ``explain`` is asked for what fixes a verdict when it is appended."""

    def __init__(self, explain: Callable[[Verdict], Verdict]) -> None:
        self._explain = explain
        self._journals: dict[Path, Journal] = {}
        self._failing: set[Path] = set()

    def open(self, paths: Iterable[Path]) -> list[Path]:
        """Take these paths instead of those so far; return the ones that are written at the end instead."""
        wanted = list(dict.fromkeys(paths))
        before = self._journals
        appended = [path for path in wanted if path.suffix.lower() == SUFFIX]
        self._journals = {path: before.get(path) or Journal(path, self._explain) for path in appended}
        return [path for path in wanted if path not in self._journals]

    def note(self, verdict: Verdict) -> None:
        """Have a verdict appended at the next writing."""
        for journal in self._journals.values():
            journal.note(verdict)

    def write(self) -> bool:
        """Append what was noted; say whether all could be. A failure is told once, until it is over."""
        for path, journal in self._journals.items():
            try:
                journal.write()
            except OSError as exc:
                if path not in self._failing:
                    self._failing.add(path)
                    why = exc.strerror or exc
                    logger.warning("cors_report=%s cannot be written, flows wait: %s", inert(str(path)), why)
            else:
                if path in self._failing:
                    self._failing.discard(path)
                    logger.info("cors_report=%s is written again", inert(str(path)))
        return not self._failing.intersection(self._journals)
