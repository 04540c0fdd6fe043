"""What goes to the log while traffic passes: each kind of diagnosis once, and each fault of our own once."""

import logging
from collections.abc import Callable
from typing import Final

from mitmproxy.flow import Flow

from ..catalogue.violation import Severity
from ..diagnosis.headlines import stopping
from ..report.entries import diagnosis_entries
from ..report.terminal_lines import log_line
from ..traffic.bounded_dicts import Remembered
from ..verdict.failure_details import inert
from ..verdict.model import Finding, Verdict
from ..verdict.redact import redact
from . import flows, terminal_colors

logger = logging.getLogger("cors_addon")


class _Redacted(logging.Filter):
    """Takes the secrets out of every line of the addon's, whoever wrote it."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        clean = redact(text)
        if clean != text:
            record.msg, record.args = clean, None
        return True


def guard_log() -> None:
    """Let no secret into the log. A module that was loaded anew takes the place of the one before."""
    for known in [each for each in logger.filters if type(each).__name__ == _Redacted.__name__]:
        logger.removeFilter(known)
    logger.addFilter(_Redacted())


_TOLD: Final = 5_000
_SAME_KIND: Final = 5
_LONGEST_FAULT: Final = 500


def _together(verdict: Verdict) -> list[tuple[Finding, ...]]:
    """Return a verdict's findings as diagnoses tell them: those of the failure together, each other one alone."""
    failing = stopping(verdict)
    others = [each for each in verdict.findings if each not in failing and each.severity is not Severity.INFO]
    return [*([failing] if failing else []), *((each,) for each in others)]


class Teller:
    """Remembers what was told, so that nothing is told twice."""

    def __init__(self) -> None:
        self._told: Remembered[tuple[str, str, str], set[str]] = Remembered(_TOLD)
        self.faults: set[tuple[str, str]] = set()

    def clear(self) -> None:
        """Forget which findings were told."""
        self._told.clear()

    def tell(self, verdict: Verdict, explain: Callable[[Verdict], Verdict]) -> None:
        """Log each kind of diagnosis once for one page at one host; no more than a few that begin alike.

        Of one kind are diagnoses of the same messages and status. ``explain`` is asked for why, of what is told.
        """
        news = [findings for findings in _together(verdict) if self._is_news(verdict, findings)]
        if not news:
            return
        told = {frozenset(finding.id for finding in findings): findings for findings in news}
        touched = verdict.delivered
        by_rule = "" if touched is None or touched.dry_run else f' Changed on its way by rule "{inert(touched.rule)}".'
        for diagnosis in diagnosis_entries(explain(verdict)):
            findings = told.get(frozenset([*diagnosis["findings"], *diagnosis["conditions"]]))
            if findings is None:
                continue
            known = all(finding.known for finding in findings)
            # Never ERROR: while flows are read at start-up, mitmproxy takes that for a failed start.
            quiet = known or findings[0].severity is Severity.ADVICE
            line = log_line({**diagnosis, "known": known})
            level = logging.INFO if quiet else logging.WARNING
            terminal_colors.log(level, line._replace(text=line.text + by_rule))

    def _is_news(self, verdict: Verdict, findings: tuple[Finding, ...]) -> bool:
        key = (findings[0].id, verdict.origin or "", flows.host_of(verdict.url))
        told = self._told.setdefault(key, set())
        kind = " ".join((*(finding.message for finding in findings), str(verdict.status)))
        if kind in told or len(told) >= _SAME_KIND:
            return False
        told.add(kind)
        return True

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
