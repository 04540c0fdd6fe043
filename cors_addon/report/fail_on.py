"""When a build fails."""

from typing import Any, Final

from ..catalogue.violation import Severity
from ..verdict.model import Verdict
from .model import Report

NEVER: Final = "never"
NETWORK: Final = "network"
_BLOCKED: Final = frozenset({Severity.BLOCKED.value})
_OF_NETWORK: Final = frozenset({"network-error"})
"""What no developer can change in CORS headers: a server that is down, a host without an address."""

_COUNTING: Final = {
    NEVER: frozenset[str](),
    "blocked": _BLOCKED,
    NETWORK: _BLOCKED,
    "risk": frozenset({Severity.BLOCKED.value, Severity.CONDITIONAL.value, Severity.RISK.value}),
    "advice": frozenset(severity.value for severity in Severity if severity is not Severity.INFO),
}
THRESHOLDS: Final = tuple(_COUNTING)


def counting(report: Report, fail_on: str) -> list[dict[str, Any]]:
    """Return the diagnoses for which a run fails: new ones, at least as severe as the threshold.

    What failed on the network counts with ``network`` only, which otherwise is ``blocked``.
    """
    return [each for each in report.diagnoses if _counts(each, fail_on) and not each["known"]]


def _counts(diagnosis: dict[str, Any], fail_on: str) -> bool:
    ids = [*diagnosis["findings"], *diagnosis["conditions"]]
    return _fails(ids[0] if ids else "", diagnosis["severity"], fail_on)


def counts(verdict: Verdict, fail_on: str) -> bool:
    """Say whether a run fails for one verdict, whose known findings are marked so."""
    return any(_fails(each.id, each.severity.value, fail_on) and not each.known for each in verdict.findings)


def _fails(finding: str, severity: str, fail_on: str) -> bool:
    if finding in _OF_NETWORK:
        return fail_on == NETWORK
    return severity in _COUNTING[fail_on]
