"""Verdicts as the live page gets them."""

from __future__ import annotations

from collections.abc import Sequence

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import Severity, Stage
from cors_addon.verdict.model import (
    CredentialsView,
    Delivered,
    Finding,
    HeaderLine,
    Judge,
    Outcome,
    Related,
    Verdict,
    View,
)

APP = "https://app.test"
API = "https://api.test/items"
MISSING = "allow-origin-missing"
EVIDENCE = (HeaderLine("request", "Origin", APP), HeaderLine("response", "Access-Control-Allow-Origin", None))


def finding(
    name: str,
    severity: Severity | None = None,
    message: str = "",
    needed: str | None = None,
    evidence: tuple[HeaderLine, ...] = EVIDENCE,
    stage: Stage = Stage.RESPONSE,
) -> Finding:
    violation = CATALOGUE[name]
    return Finding(violation, severity or violation.severity, stage, message or f"it is {name}", evidence, needed)


def verdict(
    flow_id: str,
    *names: str | Finding,
    url: str = API,
    method: str = "GET",
    origin: str | None = APP,
    outcome: Outcome | None = None,
    stage: Stage = Stage.RESPONSE,
    delivered: Delivered | None = None,
    preflight: str | None = None,
    notes: Sequence[str] = (),
) -> Verdict:
    """Build a verdict: blocked where it has findings and allowed where it has none, if nothing else is said."""
    findings = tuple(finding(each) if isinstance(each, str) else each for each in names)
    decided = outcome or (Outcome.BLOCKED if findings else Outcome.ALLOWED)
    return Verdict(
        id=flow_id,
        method=method,
        url=url,
        origin=origin,
        kind="preflight" if stage is Stage.PREFLIGHT else "cors",
        stage=stage,
        outcome=decided,
        judge=Judge.CHROMIUM,
        views={
            Judge.CHROMIUM: View(decided, "MissingAllowOriginHeader" if findings else None),
            Judge.FIREFOX: View(Outcome.ALLOWED),
        },
        credentials=CredentialsView("unknown", assumed=True),
        findings=findings,
        related=Related(preflight=preflight),
        notes=tuple(notes),
        delivered=delivered,
    )
