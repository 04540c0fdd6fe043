"""How WebKit's loads, and the sentences that end them, become words on flows: no browser is needed here."""

from __future__ import annotations

from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.test import tflow, tutils

from cors_addon.catalogue.webkit_names import SENTENCES
from tests.browser.observed import NOSNIFF, Kind, Outcome
from tests.browser.webkit_log import ABOUT_ACCESS, ABOUT_PREFLIGHT, ABOUT_REDIRECT, CORP, WebKitLog, named

URL = "http://other.test/a"
METHOD_REFUSED = "Method PUT is not allowed by Access-Control-Allow-Methods."


def flow(at: float, url: str = URL, method: str = "GET", asked: str = "", status: int = 200, to: str = "") -> Any:
    host, _, path = url.removeprefix("http://").partition("/")
    headers = [(b"Access-Control-Request-Method", asked.encode())] if asked else []
    sent = tutils.treq(
        host=host,
        port=80,
        scheme=b"http",
        authority=b"",
        method=b"OPTIONS" if asked else method.encode(),
        path=b"/" + path.encode(),
        headers=http.Headers([(b"Host", host.encode()), *headers]),
    )
    answered = tutils.tresp(
        status_code=status, headers=http.Headers([(b"Location", to.encode())] if to else []), content=b""
    )
    made = tflow.tflow(req=sent, resp=answered)
    made.request.timestamp_start = at
    return made


def log(*steps: tuple[str, str], sentence: str | None = None, end: float = 1.0, kind: str = "Fetch") -> WebKitLog:
    told = WebKitLog()
    for number, (method, url) in enumerate(steps):
        message = {
            "requestId": "1",
            "type": kind,
            "walltime": 100.0,
            "timestamp": 0.0,
            "request": {"url": url, "method": method, "headers": {}},
        }
        told.event("Network.requestWillBeSent", message | ({"redirectResponse": {}} if number else {}))
    if sentence is None:
        told.event("Network.loadingFinished", {"requestId": "1", "timestamp": end})
    else:
        told.event("Network.loadingFailed", {"requestId": "1", "timestamp": end, "errorText": sentence})
    return told


def words(told: WebKitLog, *flows: Any) -> list[tuple[Kind, Outcome, str | None]]:
    laid = {one.id: hop for one, hop in told.over(flows, 200.0)}
    return [(laid[one.id].kind, laid[one.id].outcome, laid[one.id].name) for one in flows if one.id in laid]


OK_PREFLIGHT = Kind.PREFLIGHT, Outcome.OK, None
OK_REQUEST = Kind.REQUEST, Outcome.OK, None


def test_every_name_has_its_sentence() -> None:
    assert {*ABOUT_PREFLIGHT, *ABOUT_ACCESS, *ABOUT_REDIRECT} == set(SENTENCES)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        (METHOD_REFUSED, (Outcome.CORS, "MethodNotAllowed", Kind.PREFLIGHT)),
        ("Origin http://a is not allowed by Access-Control-Allow-Origin.", (Outcome.CORS, "OriginNotAllowed", None)),
        ("it violates the resource's Cross-Origin-Resource-Policy response header.", (Outcome.FAILED, CORP, None)),
        ("Redirect was not allowed", (Outcome.FAILED, "Redirect was not allowed", None)),
    ],
)
def test_named(sentence: str, expected: tuple[Outcome, str, Kind | None]) -> None:
    assert named(sentence) == expected


def test_a_load_that_passed_has_passed_its_preflight() -> None:
    flows = flow(100.0, asked="PUT"), flow(100.1, method="PUT")
    assert words(log(("PUT", URL)), *flows) == [OK_PREFLIGHT, OK_REQUEST]


def test_a_sentence_about_a_preflight_is_about_the_preflight() -> None:
    refused = log(("PUT", URL), sentence=METHOD_REFUSED)
    assert words(refused, flow(100.0, asked="PUT")) == [(Kind.PREFLIGHT, Outcome.CORS, "MethodNotAllowed")]
    # What was seen is not what it is about.
    assert words(refused, flow(100.0, method="PUT"))[0][1] is Outcome.PENDING


def test_a_redirect_whose_target_was_refused_is_not_told_and_is_followed_by_its_location() -> None:
    there = "http://third.test/b"
    hop, asked = flow(100.0, method="PUT", status=307, to=there), flow(100.1, url=there, asked="PUT")
    told = log(("PUT", URL), sentence=METHOD_REFUSED)
    assert words(told, hop, asked) == [OK_REQUEST, (Kind.PREFLIGHT, Outcome.CORS, "MethodNotAllowed")]


def test_a_redirect_to_another_origin_makes_get_of_delete() -> None:
    there = "http://third.test/b"
    hop, asked = flow(100.0, method="DELETE", status=308, to=there), flow(100.1, url=there, asked="GET")
    told = log(("DELETE", URL), sentence="Preflight response is not successful. Status code: 400")
    assert words(told, hop, asked) == [OK_REQUEST, (Kind.PREFLIGHT, Outcome.CORS, "PreflightNotSuccessful")]


def test_of_two_hops_for_one_url_a_redirect_led_to_the_one_that_is_most_like_it() -> None:
    there = "http://third.test/b"
    hop, other, own = flow(100.0, status=302, to=there), flow(100.1, url=there), flow(100.2, url=there)
    for one in (hop, own):
        one.request.headers["Accept"] = "text/event-stream"
    laid = dict(log(("GET", URL), ("GET", there)).over((hop, other, own), 200.0))
    assert set(laid) == {hop, own}


def test_of_two_hops_that_are_alike_it_is_the_one_with_an_origin_as_before() -> None:
    there = "http://third.test/b"
    hop, other, own = flow(100.0, status=302, to=there), flow(100.1, url=there), flow(100.2, url=there)
    hop.request.headers["Origin"], own.request.headers["Origin"] = "http://app.test", "null"
    laid = dict(log(("GET", URL), ("GET", there)).over((hop, other, own), 200.0))
    assert set(laid) == {hop, own}


def test_what_is_not_cors_is_not_redirected_to_cors() -> None:
    there = "http://third.test/b"
    hop, other = flow(100.0, status=302, to=there), flow(100.1, url=there)
    hop.request.headers["Sec-Fetch-Mode"], other.request.headers["Origin"] = "no-cors", "null"
    assert [one for one, _ in log(("GET", URL), ("GET", there)).over((hop, other), 200.0)] == [hop]


def test_a_flow_from_before_the_load_is_the_last_choice() -> None:
    refused = log(("PUT", URL), sentence=METHOD_REFUSED)
    before, own = flow(99.995, asked="PUT"), flow(100.01, asked="PUT")
    assert [one for one, _ in refused.over((before, own), 200.0)] == [own]
    assert [one for one, _ in refused.over((before,), 200.0)] == [before]


def test_a_flow_belongs_to_the_time_of_its_load() -> None:
    assert words(log(("GET", URL)), flow(90.0)) == []


def test_what_the_page_refuses_late_stands_in_the_console() -> None:
    told = log(("GET", URL), kind="Script")
    line = f"Refused to execute {URL} as script because nosniff was given"
    told.event("Console.messageAdded", {"message": {"text": line}})
    assert words(told, flow(100.0)) == [(Kind.REQUEST, Outcome.FAILED, NOSNIFF)]


def test_what_has_not_ended_is_pending() -> None:
    told = WebKitLog()
    request = {"url": URL, "method": "GET", "headers": {}}
    told.event("Network.requestWillBeSent", {"requestId": "1", "walltime": 100.0, "timestamp": 0.0, "request": request})
    assert not told.nothing_open()
    assert words(told, flow(100.0))[0][1] is Outcome.PENDING


def test_what_a_redirect_leads_to_belongs_to_the_load_that_was_told_to_go_there() -> None:
    """The end of a load is told late on a busy machine, when others have followed the same redirect."""
    refused = "Cross-origin load denied: Access-Control-Allow-Credentials is not true."
    told = log(("GET", URL), sentence=refused, end=9.0)
    told.loads["2"] = log(("GET", f"{URL}?0"), ("GET", "http://third.test/b"), end=9.0).loads["1"]
    first = flow(100.0, status=302, to="http://third.test/b")
    others = flow(101.0, f"{URL}?0", status=302, to="http://third.test/b"), flow(102.0, "http://third.test/b")
    blocked = Kind.REQUEST, Outcome.CORS, "CredentialsNotTrue"
    assert words(told, first, *others) == [blocked, OK_REQUEST, OK_REQUEST]


def test_a_load_whose_preflight_failed_takes_no_request_that_another_was_told_of() -> None:
    told = log(("PATCH", URL), sentence="Preflight response is not successful. Status code: 500", end=9.0)
    told.loads["2"] = log(("POST", f"{URL}?0"), ("GET", "http://third.test/b"), ("GET", f"{URL}?1"), end=9.0).loads["1"]
    flows = (
        flow(100.0, method="PATCH", status=303, to="http://third.test/b"),
        flow(101.0, "http://third.test/b", asked="GET", status=500),
        flow(102.0, f"{URL}?0", method="POST", status=303, to="http://third.test/b"),
        flow(103.0, "http://third.test/b", status=302, to=f"{URL}?1"),
        flow(104.0, f"{URL}?1"),
    )
    refused = Kind.PREFLIGHT, Outcome.CORS, "PreflightNotSuccessful"
    assert words(told, *flows) == [OK_REQUEST, refused, OK_REQUEST, OK_REQUEST, OK_REQUEST]


def test_a_redirects_target_whose_preflight_fails_its_access_check_is_refused_there() -> None:
    told = log(("PUT", URL), sentence="Cannot use wildcard in Access-Control-Allow-Origin", end=9.0)
    first = flow(100.0, method="PUT", status=303, to="http://third.test/b")
    refused = Kind.PREFLIGHT, Outcome.CORS, "WildcardWithCredentials"
    assert words(told, first, flow(101.0, "http://third.test/b", asked="GET")) == [OK_REQUEST, refused]
