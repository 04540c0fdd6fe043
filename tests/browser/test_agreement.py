"""What counts as agreement between the addon and a browser."""

from __future__ import annotations

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from tests.browser.agreement import Agreement, Said, agreement, compared, said
from tests.browser.observed import Hop, Kind, Outcome
from tests.browser.run import Judged

AGREE, DIFFER, OPEN, ASSUMED = Agreement

CORP = frozenset({"corp-not-same-origin"})

# outcome and name in the browser, outcome and error in the addon, what it is, reason
TABLE = (
    (Outcome.OK, None, "allowed", None, AGREE, "both let it through"),
    (Outcome.OK, None, "not-cors", None, AGREE, "nothing to allow"),
    (Outcome.OK, None, "blocked", "MissingAllowOriginHeader", DIFFER, "a false alarm"),
    (Outcome.OK, None, "conditional", "WildcardOriginNotAllowed", OPEN, "one mode lets it through"),
    (Outcome.OK, None, "unknown", None, OPEN, "nothing claimed"),
    (Outcome.CORS, "MissingAllowOriginHeader", "blocked", "MissingAllowOriginHeader", AGREE, "found and named"),
    (Outcome.CORS, "MissingAllowOriginHeader", "blocked", "AllowOriginMismatch", DIFFER, "found and misnamed"),
    (Outcome.CORS, "MissingAllowOriginHeader", "blocked", None, DIFFER, "found and not named"),
    (Outcome.CORS, "MissingAllowOriginHeader", "allowed", None, DIFFER, "missed"),
    (Outcome.CORS, "MissingAllowOriginHeader", "not-cors", None, DIFFER, "not recognised"),
    (Outcome.CORS, "WildcardOriginNotAllowed", "conditional", "WildcardOriginNotAllowed", OPEN, "one mode blocks it"),
    (Outcome.CORS, "WildcardOriginNotAllowed", "conditional", "AllowOriginMismatch", DIFFER, "for another reason"),
    (Outcome.CORS, "WildcardOriginNotAllowed", "unknown", None, OPEN, "nothing claimed"),
    (Outcome.FAILED, "corp-not-same-origin", "not-cors", None, DIFFER, "a neighbour, missed"),
    (Outcome.FAILED, "corp-not-same-origin", "unknown", None, OPEN, "nothing claimed"),
    (Outcome.FAILED, "net::ERR_ABORTED", "allowed", None, AGREE, "the page went on"),
    (Outcome.FAILED, "net::ERR_CONNECTION_RESET", "blocked", "AllowOriginMismatch", DIFFER, "a reason made up"),
    (Outcome.PENDING, None, "blocked", "AllowOriginMismatch", OPEN, "the browser has not said"),
)


@pytest.mark.parametrize(("outcome", "name", "addon", "error", "expected", "why"), TABLE)
def test_compared(
    outcome: Outcome, name: str | None, addon: str, error: str | None, expected: Agreement, why: str
) -> None:
    hop = Hop("http://other.test/", "GET", Kind.REQUEST, 0.0, outcome, name)
    assert compared(hop, Said(addon, error)) is expected, why


def test_a_redirected_preflight_has_one_of_two_names_in_firefox() -> None:
    hop = Hop("http://other.test/", "OPTIONS", Kind.PREFLIGHT, 0.0, Outcome.CORS, "CORSPreflightDidNotSucceed")
    assert compared(hop, Said("blocked", "CORSExternalRedirectNotAllowed")) is OPEN


# the browser's failure and its target's, the addon's word, what it is, reason
WITH_FINDINGS = (
    (Outcome.FAILED, "corp-not-same-origin", None, Said("not-cors", None, CORP), AGREE, "a neighbour, found"),
    (Outcome.FAILED, "corp-not-same-site", None, Said("not-cors", None, CORP), DIFFER, "the wrong neighbour"),
    (Outcome.FAILED, "corp-not-same-origin", None, Said("not-cors", None, frozenset(), CORP), OPEN, "perhaps"),
    (Outcome.FAILED, "corp-not-same-origin", None, Said("blocked", "AllowOriginMismatch", CORP), DIFFER, "CORS blamed"),
    (Outcome.OK, None, None, Said("not-cors", None, CORP), DIFFER, "a neighbour, falsely"),
    (Outcome.OK, None, None, Said("allowed", None, frozenset({"redirect-scheme"})), AGREE, "about the target"),
    (
        Outcome.FAILED,
        "NS_ERROR_REDIRECT_LOOP",
        None,
        Said("blocked", "CORSDidNotSucceed", frozenset({"redirect-too-many"})),
        AGREE,
        "Firefox's line about anything",
    ),
    (
        Outcome.OK,
        None,
        "CorsDisabledScheme",
        Said("allowed", None, frozenset({"redirect-scheme"})),
        AGREE,
        "followed, and the target refused",
    ),
    (Outcome.OK, None, "CorsDisabledScheme", Said("allowed", None), DIFFER, "the target's refusal missed"),
    (Outcome.OK, None, "net::ERR_UNSAFE_PORT", Said("allowed", None), AGREE, "a refusal without an entry"),
)


@pytest.mark.parametrize(("outcome", "name", "target", "addon", "expected", "why"), WITH_FINDINGS)
def test_compared_with_findings(
    outcome: Outcome, name: str | None, target: str | None, addon: Said, expected: Agreement, why: str
) -> None:
    hop = Hop("http://other.test/", "GET", Kind.REQUEST, 0.0, outcome, name, target=target)
    assert compared(hop, addon) is expected, why


def test_a_flow_that_is_not_in_the_report_is_not_cors() -> None:
    assert said(None, "firefox") == Said("not-cors", None)


def test_the_word_is_the_browsers_own_column() -> None:
    entry = {
        "outcome": "blocked",
        "browsers": {"firefox": {"outcome": "allowed", "error": None}},
        "findings": [{"id": "nosniff-mime", "severity": "blocked"}, {"id": "max-age-capped", "severity": "advice"}],
    }
    assert said(entry, "firefox") == Said("allowed", None, frozenset({"nosniff-mime"}))


def judged(name: str, request: dict[str, str], response: dict[str, str], entry: dict[str, object]) -> Judged:
    sent = tutils.treq(headers=http.Headers([(each.encode(), value.encode()) for each, value in request.items()]))
    got = tutils.tresp(headers=http.Headers([(each.encode(), value.encode()) for each, value in response.items()]))
    hop = Hop("http://address:22/path", "GET", Kind.REQUEST, 0.0, Outcome.CORS, name)
    return Judged(tflow.tflow(req=sent, resp=got), hop, "http://app.test/", entry)


@pytest.mark.parametrize(
    ("name", "response", "certain", "expected"),
    [
        ("WildcardWithCredentials", {"Access-Control-Allow-Origin": "*"}, False, ASSUMED),
        ("CredentialsNotTrue", {"Access-Control-Allow-Origin": "*"}, False, DIFFER),
        ("OriginNotAllowed", {}, False, DIFFER),
        ("WildcardWithCredentials", {"Access-Control-Allow-Origin": "*"}, True, DIFFER),
    ],
)
def test_a_mode_that_was_assumed_is_counted_apart(
    name: str, response: dict[str, str], certain: bool, expected: Agreement
) -> None:
    entry = {
        "outcome": "allowed",
        "browsers": {"webkit": {"outcome": "allowed", "error": None}},
        "findings": [],
        "credentials": {"mode": "not-include", "evidence": [{"mode": "not-include", "certain": certain}]},
    }
    agent = "Mozilla/5.0 AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15"
    one = judged(name, {"Origin": "http://app.test", "User-Agent": agent}, response, entry)
    assert agreement(one, "webkit") is expected
