"""Does the addon's verdict on a flow agree with the browser's own?

* The browser used the response: the addon must not call it blocked, by its outcome or by a finding about a neighbour.
* The browser refused it for a CORS reason: the addon must call it blocked, by the browser's own name.
* The browser refused it for a neighbour's reason (`REFUSALS`), or followed a redirect and then refused its target:
  no CORS error must be blamed, and a finding must say so, except where nothing on the wire does (`MAY_BE_UNSAID`).
* The browser lost it otherwise (a reset, an abort, a redirect that the page did not want): the addon cannot know, and
  may say anything but a CORS name.

`conditional` and `unknown` are neither agreement nor difference; they are counted and listed as open, as is what is
left unsaid. The name that a conditional would have must be the browser's, if the browser refused. `assumed` is what
differs because the page included credentials, nothing on the wire told that, and the addon took the default for it:
told of the credentials, it says what the browser says. The table has few such cases (`ASSUMED_IN`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from mitmproxy import http

from cors_addon.diagnosis.session import Session
from cors_addon.fetch.messages import CredentialsMode
from cors_addon.mitm.flows import exchange_of
from cors_addon.traffic.testimony import Testimony
from cors_addon.verdict.model import Judge
from tests.browser.observed import MIME_TYPE, NOSNIFF, Hop, Kind, Outcome
from tests.browser.run import Judged
from tests.browser.webkit_log import CORP

# What the browsers call the failures that the catalogue has entries for beside CORS, and which entries those are.
REFUSALS: dict[str, frozenset[str]] = {
    "corp-not-same-origin": frozenset({"corp-not-same-origin"}),
    "corp-not-same-site": frozenset({"corp-not-same-site"}),
    "corp-not-same-origin-after-defaulted-to-same-origin-by-coep": frozenset({"corp-coep"}),
    "NS_ERROR_DOM_CORP_FAILED": frozenset({"corp-not-same-origin", "corp-not-same-site", "corp-coep"}),
    "net::ERR_BLOCKED_BY_ORB": frozenset({"orb-blocked", "nosniff-mime", "network-error"}),
    "ORB": frozenset({"orb-blocked", "nosniff-mime", "network-error"}),
    NOSNIFF: frozenset({"nosniff-mime"}),
    "origin": frozenset({"mode-same-origin", "redirect-url-credentials"}),
    "NS_ERROR_DOM_BAD_URI": frozenset(
        {"mode-same-origin", "redirect-url-credentials", "redirect-scheme", "redirect-mixed-content"}
    ),
    "net::ERR_UNSAFE_REDIRECT": frozenset({"redirect-scheme"}),
    "CorsDisabledScheme": frozenset({"redirect-scheme"}),
    CORP: frozenset({"corp-not-same-origin", "corp-not-same-site", "corp-coep"}),
    "net::ERR_TOO_MANY_REDIRECTS": frozenset({"redirect-too-many"}),
    "NS_ERROR_REDIRECT_LOOP": frozenset({"redirect-too-many"}),
}
# The findings about neighbours that would be false alarms where the browser used the response.
NEIGHBOURS = frozenset({"corp-not-same-origin", "corp-not-same-site", "corp-coep", "orb-blocked", "nosniff-mime"})
# What the addon may leave unsaid, and why it cannot know.
MAY_BE_UNSAID = {
    "net::ERR_BLOCKED_BY_ORB": "hangs on the body, or over plain http on a destination that no header names",
    "ORB": "as in Chromium",
    NOSNIFF: "hangs on the destination, which no header names over plain http",
    "corp-not-same-origin-after-defaulted-to-same-origin-by-coep": "pages of one origin had different policies, and "
    "the referrer names the origin alone",
    "NS_ERROR_DOM_CORP_FAILED": "as in Chromium",
    CORP: "pages of one origin had different policies, and a referrer names no page; what a redirect leads to is a hop",
    "origin": "the chain began on the page's own origin over plain http, where nothing tells fetch() from other loads",
    "NS_ERROR_DOM_BAD_URI": "as in Chromium",
}
# The cases in which nothing tells that credentials are included, and which fail without them as well.
ASSUMED_IN = frozenset({"preflight-any-then-include-status", "beacon-http-json-any", "beacon-https-json-any"})
# Firefox looks at a script's or style's type before it looks at CORS, the others after; the response fails both.
TYPE_FIRST = frozenset({NOSNIFF, MIME_TYPE, "NS_ERROR_CORRUPTED_CONTENT"})
# Firefox's two names for a redirected preflight: which one hangs on the redirect mode, and no header names that.
REDIRECTED_PREFLIGHT = ("CORSPreflightDidNotSucceed", "CORSExternalRedirectNotAllowed")
# Firefox's line about any request that failed: no name of a reason, so the addon may give it or not.
GENERIC = frozenset({None, "CORSDidNotSucceed"})


class Agreement(Enum):
    AGREE = "agree"
    DIFFER = "DIFFER"
    OPEN = "open"
    ASSUMED = "assumed"


@dataclass(frozen=True, slots=True)
class Said:
    """The addon's word for one browser: outcome and error, and the findings that block, surely or under a condition."""

    outcome: str
    error: str | None
    blocking: frozenset[str] = frozenset()
    perhaps: frozenset[str] = frozenset()

    def __str__(self) -> str:
        beside = "" if self.outcome == "blocked" else " ".join(sorted(self.blocking | self.perhaps))
        return " ".join(part for part in (self.outcome, self.error, beside and f"({beside})") if part)


def said(report: dict[str, Any] | None, browser: str) -> Said:
    """A flow without an entry counts as not-cors."""
    if report is None:
        return Said("not-cors", None)
    view = report["browsers"].get(browser, {})
    by_severity = {
        severity: frozenset(found["id"] for found in report["findings"] if found["severity"] == severity)
        for severity in ("blocked", "conditional")
    }
    return Said(view.get("outcome", "not-cors"), view.get("error"), by_severity["blocked"], by_severity["conditional"])


def agreement(judged: Judged, browser: str) -> Agreement:
    word = said(judged.report, browser)
    found = compared(judged.hop, word)
    if found is not Agreement.DIFFER:
        return found
    if browser == "firefox" and judged.hop.name in TYPE_FIRST and word.outcome == "blocked":
        return Agreement.OPEN
    if judged.hop.name in ("corp-not-same-origin", "corp-not-same-site") and hangs_on_page(judged.flow):
        return Agreement.OPEN
    if judged.hop.outcome is Outcome.CORS and is_mode_open(judged.report):
        by_mode = {mode: name_with(mode, judged.flow, browser) for mode in CredentialsMode}
        if judged.hop.name == by_mode[CredentialsMode.INCLUDE] != by_mode[CredentialsMode.NOT_INCLUDE]:
            return Agreement.ASSUMED
    return found


def hangs_on_page(flow: http.HTTPFlow) -> bool:
    """Whether nothing tells what CORP is held against: a frame's page may have a policy, or no header names a page."""
    headers = flow.request.headers
    if headers.get("sec-fetch-mode") == "navigate":
        return True
    return headers.get("origin", "null") == "null" and "referer" not in headers


def is_mode_open(report: dict[str, Any] | None) -> bool:
    """Whether nothing certain is known of the credentials mode."""
    return report is not None and not any(each["certain"] for each in report["credentials"]["evidence"])


def name_with(mode: CredentialsMode, flow: http.HTTPFlow, browser: str) -> str | None:
    """The addon's name for the failure, told of the credentials mode."""
    verdict, _ = Session().observe(replace(exchange_of(flow), testimony=Testimony(browser, credentials=mode)))
    return verdict.views[Judge(browser)].error if verdict is not None else None


def compared(hop: Hop, addon: Said) -> Agreement:
    reason = hop.target or (hop.name if hop.outcome is Outcome.FAILED else None)
    if hop.outcome is Outcome.PENDING:
        return Agreement.OPEN
    if reason in REFUSALS:
        if addon.error not in GENERIC | {hop.target} and addon.outcome != "conditional":
            return Agreement.DIFFER
        if addon.blocking & REFUSALS[reason]:
            return Agreement.AGREE
        unsaid = reason in MAY_BE_UNSAID and addon.outcome != "blocked"
        opened = unsaid or addon.outcome == "unknown" or addon.perhaps & REFUSALS[reason]
        return Agreement.OPEN if opened else Agreement.DIFFER
    if hop.outcome is Outcome.OK:
        fits = addon.outcome != "blocked" and not addon.blocking & NEIGHBOURS
    elif hop.outcome is Outcome.CORS:
        named = addon.outcome in ("blocked", "conditional") and addon.error == hop.name
        fits = named or addon.outcome == "unknown"
        if (hop.name, addon.error) == REDIRECTED_PREFLIGHT and hop.kind is Kind.PREFLIGHT:
            return Agreement.OPEN
    else:
        fits = addon.outcome != "blocked" or addon.error in GENERIC
    if not fits:
        return Agreement.DIFFER
    return Agreement.OPEN if addon.outcome in ("conditional", "unknown") else Agreement.AGREE


def browsers_word(hop: Hop) -> str:
    word = hop.outcome.value if hop.name is None else f"{hop.outcome.value} {hop.name}"
    return f"{word} (its target: {hop.target})" if hop.target else word
