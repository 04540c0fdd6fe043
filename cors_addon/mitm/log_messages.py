"""What goes to the log while traffic passes: each kind of finding once, and each fault of our own once."""

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mitmproxy.flow import Flow

from ..catalogue.violation import Severity
from ..report.terminal_lines import log_line
from ..traffic.bounded_dicts import Remembered
from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from ..verdict.redact import redact
from . import flows, terminal_colors

logger = logging.getLogger("cors_addon")

_TOLD: Final = 5_000
_SAME_KIND: Final = 5
_LONGEST_FAULT: Final = 500


class Teller:
    """Remembers what was told, so that nothing is told twice."""

    def __init__(self) -> None:
        self._told: Remembered[tuple[str, str, str], set[str]] = Remembered(_TOLD)
        self.faults: set[tuple[str, str]] = set()

    def clear(self) -> None:
        """Forget which findings were told."""
        self._told.clear()

    def tell(self, verdict: Verdict, explain: Callable[[Verdict], Verdict]) -> None:
        """Log each kind of finding once for one page at one host, with its cause; no more than a few of one id.

        Of one kind are findings of one message and status. ``explain`` is asked for the causes of what is told.
        """
        causes: set[str] = set()
        explained: Verdict | None = None
        for finding in verdict.findings:
            if finding.severity is Severity.INFO:
                continue
            key = (finding.id, verdict.origin or "", flows.host_of(verdict.url))
            told = self._told.setdefault(key, set())
            kind = f"{finding.message} {verdict.status}"
            if kind in told or len(told) >= _SAME_KIND:
                continue
            told.add(kind)
            # Never ERROR: while flows are read at start-up, mitmproxy takes that for a failed start.
            quiet = finding.severity is Severity.ADVICE or finding.known
            level = logging.INFO if quiet else logging.WARNING
            known = verdict.delivered
            by_rule = "" if known is None or known.dry_run else f'; changed on its way by rule "{inert(known.rule)}"'
            explained = explained or explain(verdict)
            whole = next((each for each in explained.findings if each.message == finding.message), finding)
            cause = whole.causes[0].id if whole.causes else ""
            # What one cause brings about has it told once.
            line = log_line(verdict, replace(whole, known=finding.known), cause not in causes)
            causes.add(cause)
            terminal_colors.log(level, line._replace(text=line.text + by_rule))

    def fault(self, where: str, flow: Flow | None, exc: Exception) -> None:
        """Report an exception of our own, once for each place it comes from."""
        trace = exc.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace is not None else "?"
        if (where, place) in self.faults:
            return
        self.faults.add((where, place))
        logger.warning(
            "cors-addon has a fault of its own in %s at flow %s (%s: %s at %s). The flow goes on as it is.",
            where,
            flow.id if flow is not None else "(none)",
            type(exc).__name__,
            # It may hold what a server sent.
            inert(redact(str(exc)))[:_LONGEST_FAULT],
            place,
        )
