"""What the standard says of an exchange, by the second reading of its prose in `tests/fetch/by_the_prose.py`."""

from __future__ import annotations

from typing import Final

from cors_addon.traffic.exchange import Exchange
from cors_addon.verdict.model import Judge, Outcome, Verdict
from tests.fetch import by_the_prose

MODES: Final = ("include", "not-include")
OF_CORS: Final = ("allow-", "method-", "header-", "preflight-status", "preflight-redirect")
"""How the ids begin of what the CORS check and the preflight's checks refuse; the rest is refused beside CORS."""


def objection(exchange: Exchange, verdict: Verdict) -> str | None:
    """Say what the standard has against the verdict that goes by it, None where they agree."""
    response = exchange.response
    if response is None or exchange.error is not None or response.status < 200 or response.status == 304:
        return None
    outcome = verdict.views[Judge.SPEC].outcome
    if verdict.kind not in ("cors", "preflight") or outcome in (Outcome.UNKNOWN, Outcome.NOT_CORS):
        return None
    stops = [finding.id for finding in verdict.findings if finding.severity.value in ("blocked", "conditional")]
    beside = [name for name in stops if not name.startswith(OF_CORS)]
    fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.lines]
    modes = [verdict.credentials.mode] if verdict.credentials.mode in MODES else list(MODES)
    failures = {mode: _failure(exchange, verdict, mode, fields) for mode in modes}
    failing = [mode for mode in modes if failures[mode] != "success"]
    if outcome is Outcome.ALLOWED:
        wrong = bool(failing)
    elif outcome is Outcome.BLOCKED:
        wrong = len(failing) < len(modes) and not beside
    else:
        wrong = not failing and not beside
    return f"{outcome.value} by {stops}, while the standard gives {failures}" if wrong else None


def _failure(exchange: Exchange, verdict: Verdict, mode: str, fields: by_the_prose.Fields) -> str:
    assert exchange.response is not None
    origin = (verdict.origin or "null").encode("latin-1", "replace")
    if verdict.kind == "cors":
        return by_the_prose.cors_check(origin, mode, fields)
    asked = {"access-control-request-method": "", "access-control-request-headers": ""}
    for name, value in exchange.request.headers.lines:
        if name.lower() in asked:
            joined = asked[name.lower()]
            asked[name.lower()] = f"{joined}, {value}" if joined else value
    names = [name.strip(" \t") for name in asked["access-control-request-headers"].split(",")]
    method = asked["access-control-request-method"]
    return by_the_prose.preflight_check(
        origin, method, [name for name in names if name], mode, exchange.response.status, fields
    )
