"""Short ways to judge one exchange, or a few."""

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Settings
from cors_addon.fetch.messages import CredentialsMode
from cors_addon.traffic.exchange import Exchange
from cors_addon.verdict.model import Judge, Outcome, Verdict

INCLUDE, NOT_INCLUDE = CredentialsMode.INCLUDE, CredentialsMode.NOT_INCLUDE
CHROMIUM, FIREFOX, WEBKIT, SPEC = Judge.CHROMIUM, Judge.FIREFOX, Judge.WEBKIT, Judge.SPEC
ALLOWED, BLOCKED, CONDITIONAL = Outcome.ALLOWED, Outcome.BLOCKED, Outcome.CONDITIONAL
NOT_CORS, UNKNOWN = Outcome.NOT_CORS, Outcome.UNKNOWN
COOKIE = "Cookie: a=b"


def verdict_of(*exchanges: Exchange, audit: bool = False, judge: Judge | None = None) -> Verdict:
    """Return the final verdict on the last of some exchanges."""
    return judge_all(exchanges, Settings(judge, audit))[exchanges[-1].id]


def ids(verdict: Verdict) -> list[str]:
    return [finding.id for finding in verdict.findings]


def errors(verdict: Verdict) -> tuple[str | None, str | None]:
    """Return the names that Chromium and Firefox give to their first failure."""
    return verdict.views[CHROMIUM].error, verdict.views[FIREFOX].error


def outcomes(verdict: Verdict) -> dict[Judge, Outcome]:
    return {judge: view.outcome for judge, view in verdict.views.items()}
