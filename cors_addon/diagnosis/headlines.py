"""What a failure is called in one line, and in the few characters of a flow list's column.

Both come from the verdict alone, so that they cost next to nothing while traffic passes.
"""

from collections.abc import Iterable
from typing import Final

from ..catalogue.violation import Severity, Stage
from ..fetch.messages import is_ok_status, is_redirect_status
from ..verdict.failure_details import inert
from ..verdict.model import Finding, Outcome, Verdict
from ..verdict.redact import redact
from .model import MOST_HEADLINE, MOST_SHORT

STOPPING: Final = (Severity.BLOCKED, Severity.CONDITIONAL)
"""The severities of findings that one diagnosis of a failing exchange tells together."""

_IF_INCLUDED: Final = "With credentials: "
_MISSING: Final = "allow-origin-missing"
_STATUS: Final = "preflight-status-not-ok"
_ELLIPSIS: Final = "…"

# What tells faults apart comes first: a column may show ten characters.
_SHORTS: Final = {
    "allow-origin-missing": "no Allow-Origin",
    "allow-origin-multiple": "2x Allow-Origin",
    "allow-origin-invalid": "bad Allow-Origin",
    "allow-origin-mismatch": "other origin",
    "allow-origin-wildcard-with-credentials": "* + credentials",
    "allow-credentials-not-true": "no credentials",
    "preflight-status-not-ok": "{status} on OPTIONS",
    "preflight-redirect": "{status} redirect",
    "allow-methods-invalid": "bad methods list",
    "allow-headers-invalid": "bad headers list",
    "method-not-allowed": "{method} not listed",
    "method-wildcard-with-credentials": "{method} under *",
    "header-not-allowed": "{name}",
    "header-wildcard-with-credentials": "* for headers",
    "redirect-url-credentials": "password in URL",
    "redirect-scheme": "{scheme}: redirect",
    "redirect-too-many": "redirect loop",
    "redirect-mixed-content": "http: redirect",
    "mode-same-origin": "leaves origin",
    "network-error": "no response",
    "blocked-response-not-saved": "not saved",
    "corp-not-same-origin": "CORP same-origin",
    "corp-not-same-site": "CORP same-site",
    "corp-coep": "COEP, no CORP",
    "orb-blocked": "ORB",
    "nosniff-mime": "nosniff type",
    "local-network-access": "local network",
    "private-network-access": "private network",
    "origin-null": "Origin: null",
    "vary-origin-missing": "no Vary: Origin",
    "allow-credentials-with-wildcard": "* + Allow-Creds",
    "set-cookie-ignored": "cookie ignored",
    "set-cookie-refused": "cookie refused",
    "response-opaque": "no-cors data",
    "header-not-exposed": "hidden headers",
    "expose-headers-invalid": "bad expose list",
    "expose-headers-wildcard-with-credentials": "expose * ignored",
    "expose-headers-forbidden": "expose forbidden",
    "secret-header-exposed": "secret exposed",
    "timing-allow-origin-missing": "timing hidden",
    "authorization-covered-by-wildcard": "Authorization, *",
    "preflight-echoed": "allows whatever",
    "allow-methods-forbidden": "useless methods",
    "max-age-missing": "no Max-Age",
    "max-age-invalid": "bad Max-Age",
    "max-age-capped": "long Max-Age",
    "preflight-not-seen": "preflight unseen",
    "preflight-not-followed": "nothing followed",
    "origin-echoed-with-credentials": "echoes origins",
    "origin-pattern-too-loose": "loose pattern",
    "null-origin-with-credentials": "trusts null",
    "http-origin-with-credentials": "trusts http",
    "localhost-origin-with-credentials": "trusts localhost",
    "shared-hosting-origin-with-credentials": "shared hosting",
    "private-address-wildcard": "private and *",
    "own-origin-refused": "{status} own origin",
    "sticky-cookie-not-returned": "sticky cookie",
    "websocket-refused": "{status} WebSocket",
    "cached-without-origin": "cached without",
}


def stopping(verdict: Verdict) -> tuple[Finding, ...]:
    """Return the findings of a failure, in the order of the judging browser: facts first, then what hangs on
    credentials."""
    facts = [each for each in verdict.findings if each.severity is Severity.BLOCKED]
    open_ones = [each for each in verdict.findings if each.severity is Severity.CONDITIONAL]
    return (*facts, *open_ones)


def main_finding(verdict: Verdict) -> Finding | None:
    """Return the finding that speaks for a verdict: the first that stops the browser, else the most severe one."""
    failing = stopping(verdict)
    order = list(Severity)
    return failing[0] if failing else min(verdict.findings, key=lambda each: order.index(each.severity), default=None)


def headline_of(verdict: Verdict, finding: Finding | None = None) -> str:
    """Return in at most ``MOST_HEADLINE`` characters what a finding says of this request; the main one by default."""
    finding = finding or main_finding(verdict)
    if finding is None:
        return _fitting(_without_findings(verdict))
    told = _combined(verdict, finding) or _filled(finding)
    return _fitting(f"{_IF_INCLUDED}{told}" if _is_open(verdict, finding) else told)


def short_of(verdict: Verdict, finding: Finding | None = None) -> str:
    """Return the same in at most ``MOST_SHORT`` characters."""
    finding = finding or main_finding(verdict)
    if finding is None:
        return verdict.outcome.value[:MOST_SHORT]
    status = verdict.status
    if finding.id == _MISSING and status is not None and not is_ok_status(status):
        return f"{status} on OPTIONS" if verdict.stage is Stage.PREFLIGHT else f"{status}, no CORS"
    template = _SHORTS.get(finding.id) or finding.id.replace("-", " ")
    params = {"status": str(status or ""), **finding.params}
    room = MOST_SHORT - len(_blank(template))
    return cut(template.format_map(_Clipped(params, max(room, 4))), MOST_SHORT)


def cut(text: str, limit: int) -> str:
    """Return a text of at most ``limit`` characters."""
    return text if len(text) <= limit else f"{text[: limit - 1].rstrip()}{_ELLIPSIS}"


class _Clipped(dict[str, str]):
    """Parameters of a template, none longer than a limit; unknown ones are empty."""

    def __init__(self, params: Iterable[tuple[str, str]] | dict[str, str], limit: int) -> None:
        super().__init__(params)
        self._limit = limit

    def __getitem__(self, name: str) -> str:
        # Half a secret would not be known for one.
        return _shortened(redact(self.get(name, "")), self._limit)


def _shortened(text: str, limit: int) -> str:
    if len(text) <= limit:
        return text
    tail = limit // 3
    return f"{text[: limit - tail - 1]}{_ELLIPSIS}{text[len(text) - tail :]}" if limit > 8 else cut(text, limit)


def _blank(template: str) -> str:
    return template.format_map(_Clipped({}, 0))


def _filled(finding: Finding) -> str:
    """Return a finding's title with its values clipped so that the whole fits."""
    if len(finding.message) <= MOST_HEADLINE:
        return finding.message
    title, told = finding.violation.title, finding.message
    for limit in (60, 48, 36, 28, 20):
        told = title.format_map(_Clipped(dict(finding.params), limit))
        if len(told) <= MOST_HEADLINE:
            return told
    return told


def _fitting(text: str) -> str:
    return cut(inert(text, 400), MOST_HEADLINE)


def _is_open(verdict: Verdict, finding: Finding) -> bool:
    return finding.severity is Severity.CONDITIONAL and verdict.outcome is Outcome.CONDITIONAL


def _combined(verdict: Verdict, finding: Finding) -> str:
    """Return one sentence for a missing header and the status that goes with it; empty where that is nothing new."""
    status = verdict.status
    if status is None or is_ok_status(status):
        return ""
    ids = {each.id for each in stopping(verdict)}
    if verdict.stage is Stage.PREFLIGHT and finding.id in (_MISSING, _STATUS) and {_MISSING, _STATUS} <= ids:
        return f"The preflight got {status} and no Access-Control-Allow-Origin"
    if finding.id != _MISSING:
        return ""
    what = "redirect" if is_redirect_status(status) else "response"
    return f"The {status} {what} has no Access-Control-Allow-Origin"


def _without_findings(verdict: Verdict) -> str:
    if verdict.delivered is not None and verdict.status is None:
        return f'Rule "{inert(verdict.delivered.rule, 40)}" answered, and the server was not asked'
    if verdict.outcome is Outcome.UNKNOWN:
        return f"Unknown: {verdict.reason}" if verdict.reason else "Unknown: no response was saved"
    return verdict.reason or "Every check passes"
