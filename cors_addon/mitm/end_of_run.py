"""The end of a run: the closing summary, the reports, and mitmdump's exit status."""

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from mitmproxy import ctx
from mitmproxy.log import ALERT

from ..report import files, formats
from ..report.fail_on import NEVER, counting, counts
from ..report.model import Report
from ..report.terminal_lines import Line, summary
from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from . import terminal_colors

logger = logging.getLogger("cors_addon")

_JUDGED: Final = ("allowed", "blocked", "conditional", "unknown")


class ExitStatus:
    """Ends the program with status 1 after every other addon has ended, so that nothing they write is lost."""

    name = "cors-exit-status"

    def done(self) -> None:
        # An addon is also done when it is reloaded, and then the proxy goes on.
        if ctx.master.should_exit.is_set():
            sys.exit(1)


class Closing:
    """What happens at the end; ``reports`` are written then, and ``fail_on`` decides about the exit status."""

    def __init__(self) -> None:
        self.reports: list[Path] = []
        self.fail_on = NEVER
        self._dropped = False

    def begin(self) -> None:
        """Take away what an earlier run has left of a report half written."""
        for path in self.reports:
            files.sweep(path)

    @property
    def lists_all(self) -> bool:
        """Whether one of the reports lists every flow, and not only those that show what to fix."""
        return any(formats.lists_all(path.suffix) for path in self.reports)

    def drop(self, verdict: Verdict) -> None:
        """Take note of a verdict that will not be in the report, since there are too many."""
        self._dropped = self._dropped or counts(verdict, self.fail_on)

    def clear(self) -> None:
        """Forget what was noted."""
        self._dropped = False

    def end(self, report: Report) -> None:
        """Tell the summary, write the reports, and decide about the exit status."""
        if any(report.summary["outcomes"][name] for name in _JUDGED):
            for line in summary(report):
                # Seen too where only the connections of the proxy are to be silent.
                terminal_colors.log(ALERT, line)
        written = self._write(report, self.reports)
        if self.fail_on == NEVER:
            return
        counted = len(counting(report, self.fail_on))
        if counted or self._dropped:
            things = "finding counts" if counted == 1 else "findings count"
            how_many = f"{counted} {things}" if counted else "an older finding counts"
            text = f"CORS: {how_many} (cors_fail_on={self.fail_on}), so the exit status is 1"
            terminal_colors.log(logging.WARNING, Line(text, "blocked", len(text)))
        if counted or self._dropped or not written:
            self.fail()

    def fail(self) -> None:
        """Have the program end with status 1, where ``fail_on`` asks for one at all."""
        if self.fail_on == NEVER:
            return
        # It takes the last place among all addons now, in the midst of their end: one that stands there all the time
        # costs each flow 20 calls, 2 % of mitmproxy's time. One that is there already is from before a reload.
        if ctx.master.addons.get(ExitStatus.name) is None:
            ctx.master.addons.add(ExitStatus())

    def _write(self, report: Report, paths: Sequence[Path]) -> bool:
        written = True
        for path in paths:
            try:
                files.write(report, path)
            except Exception as exc:
                # A fault in one format must not cost the others.
                written = False
                why = getattr(exc, "strerror", None) or f"{type(exc).__name__}: {exc}"
                logger.error("cors_report=%s could not be written: %s", path, inert(str(why)))
        return written
