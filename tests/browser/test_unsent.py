"""What never reached the proxy, as reports show it."""

from __future__ import annotations

import pytest

from cors_addon.browser.requests import BrowserRequest, Outcome, Unsent
from cors_addon.browser.testimonies import as_testimony
from cors_addon.browser.unsent import UnsentRequests
from cors_addon.fetch.messages import CredentialsMode
from cors_addon.traffic.browser_family import BrowserFamily
from cors_addon.traffic.testimony import CallSite, Told


def request(reason: Unsent | None = Unsent.CSP, outcome: Outcome = Outcome.FAILED, **more: object) -> BrowserRequest:
    made = BrowserRequest("http://api.test/items?x=1", "GET", False, 1.0, "http://app.test/page", outcome, "csp")
    made.unsent = reason
    made.call_site = CallSite("http://app.test/app.js", 12, 3, "loadItems")
    for name, value in more.items():
        setattr(made, name, value)
    return made


def test_an_entry_says_what_where_and_what_to_do() -> None:
    entry = UnsentRequests().add(request(directive="connect-src"), "Chromium 156")
    assert entry == {
        "url": "http://api.test/items?x=1",
        "method": "GET",
        "origin": "http://app.test",
        "page": "http://app.test/page",
        "browser": "Chromium 156",
        "reason": "csp",
        "directive": "connect-src",
        "error": "csp",
        "message": "not sent: connect-src in the Content-Security-Policy of the page blocks it",
        "help": "Add http://api.test to connect-src in the Content-Security-Policy of the page.",
        "initiator": {"url": "http://app.test/app.js", "line": 12, "column": 3, "function": "loadItems"},
        "started": 1.0,
        "count": 1,
        "others": False,
    }


def test_repeats_are_counted() -> None:
    kept = UnsentRequests()
    assert [kept.add(request(), "x") is None for _ in range(3)] == [False, True, True]
    assert [each["count"] for each in kept.entries] == [3]
    kept.clear()
    assert kept.entries == []


def test_what_one_fix_lets_through_is_one_entry() -> None:
    kept = UnsentRequests()
    for number in range(200):
        kept.add(request(url=f"http://api.test/{number}", directive="connect-src"), "x")
    (entry,) = kept.entries
    assert (entry["url"], entry["count"], entry["others"]) == ("http://api.test/0", 200, True)
    kept.add(request(url="http://other.test/", directive="connect-src"), "x")
    kept.add(request(url="http://api.test/", directive="img-src"), "x")
    assert len(kept.entries) == 3


def test_what_a_cache_answers_is_an_entry_for_each_url() -> None:
    kept = UnsentRequests()
    for number in range(3):
        kept.add(request(Unsent.CACHE, Outcome.CORS, url=f"http://api.test/{number}"), "x")
    assert len(kept.entries) == 3


@pytest.mark.parametrize("reason", [Unsent.PREFLIGHT, Unsent.REDIRECT, Unsent.TWICE, None])
def test_what_another_flow_tells_is_left_out(reason: Unsent | None) -> None:
    assert UnsentRequests().add(request(reason), "x") is None


@pytest.mark.parametrize("reason", [Unsent.CACHE, Unsent.SERVICE_WORKER])
def test_a_cache_that_answers_rightly_is_no_news(reason: Unsent) -> None:
    assert UnsentRequests().add(request(reason, Outcome.PASSED), "x") is None
    assert UnsentRequests().add(request(reason, Outcome.CORS, error="AllowOriginMismatch"), "x") is not None


@pytest.mark.parametrize("reason", sorted(set(Unsent) - {Unsent.PREFLIGHT, Unsent.REDIRECT, Unsent.TWICE}, key=str))
def test_every_reason_has_its_sentence(reason: Unsent) -> None:
    entry = UnsentRequests().add(request(reason), "x")
    assert entry is not None
    assert entry["reason"] == reason.value
    assert len(entry["message"].split()) <= 20
    assert "{" not in entry["message"] + entry["help"]


def test_a_testimony_says_what_the_browser_said() -> None:
    told = as_testimony(request(None, Outcome.CORS, error="X", credentials=True), "C 1", BrowserFamily.CHROMIUM, 2)
    assert (told.outcome, told.error, told.credentials, told.under_way) == (Told.CORS, "X", CredentialsMode.INCLUDE, 2)
    assert told.call_site is not None
    aborted = as_testimony(request(None, error="net::ERR_ABORTED"), "C 1", BrowserFamily.CHROMIUM, 1)
    assert aborted.outcome is Told.ABORTED
