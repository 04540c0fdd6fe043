"""What the servers still owe: for each rule that was needed, what the backend has to send itself."""

from collections.abc import Callable, Iterable
from typing import Any, Final
from urllib.parse import urlsplit

from ..catalogue.violation import Severity
from ..verdict.model import Outcome, Verdict

_OWED: Final = (Severity.BLOCKED, Severity.CONDITIONAL)


def debts_of(verdicts: Iterable[Verdict], template: Callable[[str], str]) -> tuple[dict[str, Any], ...]:
    """Return a debt for each (rule, host, method, path template), in the order in which they were met.

    ``needed`` are header lines, ``findings`` violation ids. ``asked`` is false where the rule answered each time, so
    that the server's own answer is not known.
    """
    found: dict[tuple[str, str, str, str], dict[str, Any]] = {}
    for verdict in verdicts:
        delivered = verdict.delivered
        if delivered is None:
            continue
        owed = [finding for finding in verdict.findings if finding.severity in _OWED]
        asked = verdict.outcome is not Outcome.UNKNOWN
        if asked and not owed:
            continue
        try:
            parts = urlsplit(verdict.url)
            host, path = parts.netloc, template(parts.path)
        except ValueError:
            host, path = "", verdict.url
        key = delivered.rule, host, verdict.method, path
        debt = found.setdefault(
            key,
            {
                "rule": key[0],
                "host": key[1],
                "method": key[2],
                "path": key[3],
                "asked": False,
                "findings": [],
                "needed": [],
                "count": 0,
            },
        )
        debt["count"] += 1
        debt["asked"] = debt["asked"] or asked
        for finding in owed:
            if finding.id not in debt["findings"]:
                debt["findings"].append(finding.id)
            if finding.needed and finding.needed not in debt["needed"]:
                debt["needed"].append(finding.needed)
    return tuple(found.values())
