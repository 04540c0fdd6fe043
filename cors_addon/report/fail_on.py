"""When a build fails."""

from typing import Any, Final

from ..catalogue.violation import Severity
from ..verdict.model import Verdict
from .model import Report

NEVER: Final = "never"
_COUNTING: Final = {
    NEVER: frozenset[str](),
    "blocked": frozenset({Severity.BLOCKED.value}),
    "risk": frozenset({Severity.BLOCKED.value, Severity.CONDITIONAL.value, Severity.RISK.value}),
    "advice": frozenset(severity.value for severity in Severity if severity is not Severity.INFO),
}
THRESHOLDS: Final = tuple(_COUNTING)


def counting(report: Report, fail_on: str) -> list[dict[str, Any]]:
    """Return the groups for which a run fails: new ones, at least as severe as the threshold."""
    severities = _COUNTING[fail_on]
    return [group for group in report.groups if group["severity"] in severities and not group["known"]]


def counts(verdict: Verdict, fail_on: str) -> bool:
    """Say whether a run fails for one verdict, whose known findings are marked so."""
    severities = _COUNTING[fail_on]
    return any(finding.severity.value in severities and not finding.known for finding in verdict.findings)
