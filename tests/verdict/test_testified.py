"""What the browser itself said of an exchange decides, and a difference is shown."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cors_addon.diagnosis.session import Session
from cors_addon.traffic.browser_family import BrowserFamily
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.testimony import Testimony as Said
from cors_addon.traffic.testimony import Told
from cors_addon.verdict.model import Judge, Outcome, Verdict
from cors_addon.verdict.testified import BESIDE_CORS
from tests.traffic.exchanges import cors as cors_exchange
from tests.traffic.exchanges import preflight

HALF = ("Access-Control-Allow-Origin: https://app.test",)
API = "https://api.test/items"


def cors(request: str, *answer: str) -> Exchange:
    """A request of https://app.test, with the header lines of its answer."""
    return cors_exchange(request, answer=answer)


def said(outcome: Told | None, error: str | None = None, **more: object) -> Said:
    return Said("Chromium 156", BrowserFamily.CHROMIUM, outcome, error, **more)  # type: ignore[arg-type]


def verdict_of(exchange: Exchange, testimony: Said) -> Verdict:
    found, _ = Session().observe(replace(exchange, testimony=testimony))
    assert found is not None
    return found


def leaning(*answer: str) -> Exchange:
    """An exchange whose outcome hangs on credentials: the server says something about them that is not true."""
    return cors(f"GET {API}", *answer, "Access-Control-Allow-Credentials: TRUE")


def test_of_equal_requests_at_once_it_is_said_that_they_cannot_be_told_apart() -> None:
    note = "2 equal requests were under way: what the browser says may be of another one"
    assert verdict_of(leaning(*HALF), said(Told.PASSED, under_way=2)).notes == (note,)
    assert verdict_of(leaning(*HALF), said(Told.PASSED)).notes == ()


def test_cookies_that_the_browser_left_out_are_named() -> None:
    found = verdict_of(leaning(*HALF), said(Told.PASSED, cookies_left_out=(("sid", "SameSiteLax"),)))
    assert found.notes == ("cookies that the browser did not send: sid (SameSiteLax)",)


def test_a_request_that_a_proxy_saw_was_sent_and_its_preflight_is_not_blamed() -> None:
    session = Session()
    session.observe(preflight(f"PUT {API}", id="p", answer=(*HALF, "Access-Control-Allow-Methods: PUT")))
    lost = cors_exchange(f"PUT {API}", at=0.2, error="server closed connection")
    found, _ = session.observe(replace(lost, testimony=said(Told.CORS, "MissingAllowOriginHeader")))
    assert found is not None
    assert found.related.preflight == "p"
    assert found.told is not None
    assert found.told.agrees
    assert [each.id for each in found.findings] == ["network-error"]


def test_without_a_word_of_the_browser_it_stays_open() -> None:
    found, _ = Session().observe(leaning(*HALF))
    assert found is not None
    assert (found.outcome, found.told) == (Outcome.CONDITIONAL, None)


def test_what_was_delivered_was_sent_without_credentials() -> None:
    found = verdict_of(leaning(*HALF), said(Told.PASSED))
    assert found.outcome is Outcome.ALLOWED
    assert found.credentials.mode == "not-include"
    assert found.told is not None
    assert found.told.to_plain() == {"browser": "Chromium 156", "outcome": "allowed", "error": None, "agrees": True}


def test_what_was_blocked_was_sent_with_credentials() -> None:
    found = verdict_of(leaning(*HALF), said(Told.CORS, "InvalidAllowCredentials"))
    assert found.outcome is Outcome.BLOCKED
    assert found.credentials.mode == "include"
    assert found.told is not None
    assert found.told.agrees


def test_a_block_that_no_header_explains_is_shown_as_a_difference() -> None:
    found = verdict_of(
        cors(f"GET {API}", *HALF, "Access-Control-Allow-Credentials: true"), said(Told.CORS, "InvalidResponse")
    )
    assert found.outcome is Outcome.BLOCKED
    assert found.views[found.judge].error == "InvalidResponse"
    assert found.told is not None
    assert not found.told.agrees
    assert "nothing in the response explains why" in found.notes[-1]


def test_a_delivery_that_no_header_explains_is_shown_as_a_difference() -> None:
    found = verdict_of(cors(f"GET {API}"), said(Told.PASSED))
    assert found.outcome is Outcome.ALLOWED
    assert [(each.id, each.severity.value) for each in found.findings] == [("allow-origin-missing", "risk")]
    assert found.told is not None
    assert not found.told.agrees


@pytest.mark.parametrize(
    ("exchange", "testimony"),
    [
        (cors(f"GET {API}"), said(Told.PASSED, certain=False)),
        (
            cors(f"GET {API}", *HALF, "Access-Control-Allow-Credentials: true"),
            said(Told.CORS, "net::ERR_FAILED", certain=False),
        ),
    ],
)
def test_what_is_only_inferred_makes_nothing_sure_against_the_headers(exchange: Exchange, testimony: Said) -> None:
    assert verdict_of(exchange, testimony).outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        ("net::ERR_BLOCKED_BY_CLIENT", "an extension or content blocker stopped the request: try without it"),
        ("net::ERR_CONNECTION_REFUSED", "the browser got no connection to the server"),
        (
            "net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS",
            "the local network needs the user's permission, and a page on https",
        ),
        ("net::ERR_BLOCKED_BY_CSP", "the page's Content-Security-Policy blocks it: list the server in connect-src"),
        ("net::ERR_UNSAFE_PORT", "browsers block this port: move the server to another one"),
        ("net::ERR_UNHEARD_OF", "the browser got no response"),
    ],
)
def test_a_request_without_a_response_is_no_fault_of_cors(error: str, reason: str) -> None:
    lost = replace(cors(f"GET {API}"), response=None, error=error)
    found = verdict_of(lost, said(Told.FAILED, error))
    assert (found.outcome, found.reason) == (Outcome.UNKNOWN, f"{reason} ({error})")
    assert [(each.id, each.severity.value) for each in found.findings] == [("network-error", "advice")]


def test_an_aborted_request_has_nothing_to_report() -> None:
    found = verdict_of(replace(cors(f"GET {API}"), response=None, error="net::ERR_ABORTED"), said(Told.ABORTED))
    assert (found.outcome, found.findings) == (Outcome.UNKNOWN, ())


def test_an_aborted_request_does_not_stay_conditional() -> None:
    found = verdict_of(leaning(*HALF), said(Told.ABORTED, "net::ERR_ABORTED"))
    assert found.outcome is Outcome.UNKNOWN


def test_a_request_whose_preflight_failed_was_never_sent() -> None:
    lost = replace(cors(f"PUT {API}"), response=None)
    found = verdict_of(replace(lost, error="net::ERR_FAILED"), said(Told.CORS, "net::ERR_FAILED", blocked_by="p"))
    assert (found.outcome, found.related.preflight) == (Outcome.BLOCKED, "p")


def test_a_post_that_passes_although_it_fails_the_check_was_no_cors_request() -> None:
    """Over plain http nothing else tells a beacon from fetch()."""
    posted = cors_exchange("POST http://api.test/items", origin="http://app.test")
    without, _ = Session().observe(posted)
    assert without is not None
    assert without.outcome is Outcome.CONDITIONAL
    found = verdict_of(posted, said(Told.PASSED))
    assert found.outcome is Outcome.NOT_CORS
    assert found.told is not None
    assert found.told.agrees
    assert not [each for each in found.findings if each.id == "allow-origin-missing"]


def test_another_name_is_a_difference_and_the_browsers_own_is_shown() -> None:
    found = verdict_of(cors(f"GET {API}"), said(Told.CORS, "AllowOriginMismatch"))
    assert found.told is not None
    assert not found.told.agrees
    assert found.views[found.judge].error == "AllowOriginMismatch"


def test_a_redirected_preflight_has_another_name_where_fetch_follows_no_redirects() -> None:
    redirected = preflight(f"PUT {API}", status=302, answer=(*HALF, "Location: https://other.test/"))
    firefox = Said("Firefox 153", BrowserFamily.FIREFOX, Told.CORS, "CORSPreflightDidNotSucceed")
    found = verdict_of(redirected, firefox)
    assert found.told is not None
    assert found.told.agrees
    assert found.views[Judge.FIREFOX].error == "CORSPreflightDidNotSucceed"


def test_a_post_that_fails_for_another_reason_and_the_check_too_was_no_cors_request() -> None:
    posted = cors_exchange("POST http://api.test/items", origin="http://app.test")
    found = verdict_of(posted, said(Told.FAILED, "NS_ERROR_DOM_CORP_FAILED"))
    assert (found.outcome, found.reason) == (Outcome.NOT_CORS, BESIDE_CORS)
    assert found.told is not None
    assert (found.told.outcome, found.told.agrees) == ("failed", True)


def test_a_failure_beside_cors_says_that_the_check_was_passed() -> None:
    found = verdict_of(leaning(*HALF), said(Told.FAILED, "NS_IMAGELIB_ERROR_FAILURE"))
    assert found.outcome is Outcome.ALLOWED
    assert found.told is not None
    assert (found.told.outcome, found.told.agrees) == ("failed", True)
