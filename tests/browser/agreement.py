"""Does the addon's verdict on a flow agree with the browser's own?

* The browser used the response: the addon must not call it blocked.
* The browser refused it for a CORS reason: the addon must call it blocked, by the browser's own name.
* The browser refused it for a neighbour's reason (`REFUSALS`): the addon must call it blocked, without a CORS name.
* The browser lost it otherwise (a reset, an abort, a redirect that the page did not want): the addon cannot know, and
  may say anything but a CORS name.
* `conditional` and `unknown` are neither agreement nor difference; they are counted and listed as open. The name that a
  conditional would have must be the browser's, if the browser refused.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.browser.observed import Hop, Outcome
from tests.browser.run import Judged

# What the browsers call the failures that the addon's catalogue has an entry for beside CORS.
REFUSALS = frozenset(
    {
        "corp-not-same-origin",
        "corp-not-same-site",
        "corp-not-same-origin-after-defaulted-to-same-origin-by-coep",
        "origin",  # mode same-origin, or user info, met on a redirect
        "net::ERR_BLOCKED_BY_ORB",
        "net::ERR_UNSAFE_REDIRECT",
        "net::ERR_TOO_MANY_REDIRECTS",
        "NS_ERROR_DOM_CORP_FAILED",
        "NS_ERROR_DOM_BAD_URI",
        "NS_ERROR_REDIRECT_LOOP",
    }
)
# Firefox's line about any request that failed: no name of a reason, so the addon may give it or not.
GENERIC = frozenset({None, "CORSDidNotSucceed"})


class Agreement(Enum):
    AGREE = "agree"
    DIFFER = "DIFFER"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Said:
    """The addon's word for one browser: outcome and error, as in the report."""

    outcome: str
    error: str | None

    def __str__(self) -> str:
        return f"{self.outcome} {self.error or ''}".rstrip()


def said(report: dict[str, Any] | None, browser: str) -> Said:
    """A flow without an entry counts as not-cors."""
    view = report["browsers"].get(browser, {}) if report else {}
    return Said(view.get("outcome", "not-cors"), view.get("error"))


def agreement(judged: Judged, browser: str) -> Agreement:
    return compared(judged.hop, said(judged.report, browser))


def compared(hop: Hop, addon: Said) -> Agreement:
    match hop.outcome:
        case Outcome.PENDING:
            return Agreement.OPEN
        case Outcome.OK:
            agree = addon.outcome != "blocked"
        case Outcome.CORS if addon.outcome == "unknown":
            agree = True
        case Outcome.CORS:
            agree = addon.outcome in ("blocked", "conditional") and addon.error == hop.name
        case Outcome.FAILED if hop.name in REFUSALS:
            agree = addon.outcome in ("blocked", "conditional", "unknown") and addon.error in GENERIC
        case Outcome.FAILED:
            agree = addon.outcome != "blocked" or addon.error in GENERIC
    if not agree:
        return Agreement.DIFFER
    return Agreement.OPEN if addon.outcome in ("conditional", "unknown") else Agreement.AGREE


def browsers_word(hop: Hop) -> str:
    return hop.outcome.value if hop.name is None else f"{hop.outcome.value} {hop.name}"
