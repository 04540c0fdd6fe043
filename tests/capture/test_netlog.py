"""Chrome's NetLog: what it names of CORS, what it tells by headers alone, and where it breaks off."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cors_addon.__main__ import main
from cors_addon.capture.check import Task, check
from cors_addon.report.model import Report
from tests.capture.recorded import API, PAGE

NAMES = (
    *("CORS_REQUEST", "CHECK_CORS_PREFLIGHT_REQUIRED", "CORS_PREFLIGHT_URL_REQUEST", "CORS_PREFLIGHT_RESULT"),
    *("CORS_PREFLIGHT_ERROR", "REQUEST_ALIVE", "CREATED_BY", "URL_REQUEST_START_JOB", "FAILED", "CANCELLED"),
    *("HTTP_TRANSACTION_SEND_REQUEST_HEADERS", "HTTP_TRANSACTION_READ_RESPONSE_HEADERS"),
    *("HTTP_TRANSACTION_READ_BODY", "SOCKET_ALIVE"),
)
CONSTANTS = {
    "clientInfo": {"name": "Chromium", "version": "156.0.8078.108"},
    "logEventTypes": {name: number for number, name in enumerate(NAMES, 7)},
    "logSourceType": {"NONE": 0, "URL_REQUEST": 1, "SOCKET": 9},
    "loadFlag": {"NORMAL": 0, "DO_NOT_SAVE_COOKIES": 64},
    "netError": {"ERR_FAILED": -2, "ERR_CACHE_MISS": -400, "ERR_CONNECTION_REFUSED": -102},
    "timeTickOffset": 1795884811425,
}
AGENT = "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari"
FETCHED = ("Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: cors", "Sec-Fetch-Dest: empty")
BEGIN, END, NONE = 1, 2, 0
Event = dict[str, Any]


def event(source: int, name: str, phase: int = NONE, **params: Any) -> Event:
    number = CONSTANTS["logEventTypes"][name]  # type: ignore[index]
    made = {"phase": phase, "source": {"id": source, "start_time": "1", "type": 1}, "time": "1000", "type": number}
    return {**made, "params": params} if params else made


def asked(source: int, method: str = "GET", url: str = API) -> Event:
    head = {"headers": [AGENT], "line": f"{method} /items HTTP/1.1\r\n"}
    return event(source, "CORS_REQUEST", BEGIN, request_headers=head, url=url)


def sent(
    source: int, *lines: str, method: str = "GET", url: str = API, initiator: str = PAGE, include: bool = False
) -> list[Event]:
    headers = [AGENT, f"Origin: {initiator}", *FETCHED, *lines]
    flags = {"initiator": initiator, "load_flags": 0 if include else 64, "method": method, "request_type": "other"}
    return [
        event(source, "REQUEST_ALIVE", BEGIN, url=url),
        event(source, "URL_REQUEST_START_JOB", BEGIN, url=url, **flags),
        event(source, "HTTP_TRANSACTION_SEND_REQUEST_HEADERS", headers=headers, line=f"{method} {url} HTTP/1.1\r\n"),
    ]


def came(source: int, status: str, *lines: str) -> Event:
    return event(source, "HTTP_TRANSACTION_READ_RESPONSE_HEADERS", headers=[f"HTTP/1.1 {status}", *lines])


def delivered(source: int) -> list[Event]:
    return [event(source, "HTTP_TRANSACTION_READ_BODY", BEGIN), event(source, "REQUEST_ALIVE", END)]


def refused(source: int) -> list[Event]:
    done = [event(source, "CORS_REQUEST", END)]
    return [*done, event(source, "CANCELLED"), event(source, "REQUEST_ALIVE", END)]


def with_preflight(status: str, *lines: str, word: Event, then: Sequence[Event] = ()) -> list[Event]:
    return [
        asked(1, "PUT"),
        event(1, "CHECK_CORS_PREFLIGHT_REQUIRED", preflight_required=True),
        event(1, "CORS_PREFLIGHT_URL_REQUEST", source_dependency={"id": 2, "type": 1}),
        event(2, "CREATED_BY", source_dependency={"id": 1, "type": 1}),
        *sent(2, "Access-Control-Request-Method: PUT", method="OPTIONS"),
        came(2, status, *lines),
        event(2, "REQUEST_ALIVE", END),
        word,
        *then,
    ]


MISSING = event(1, "CORS_PREFLIGHT_ERROR", **{"cors-error": 12, "error": "ERR_FAILED"})
REFUSED_PREFLIGHT = with_preflight("404 Not Found", word=MISSING, then=[event(1, "CORS_REQUEST", END)])
STAR = "Access-Control-Allow-Origin: *"
BLOCKED = [asked(3), *sent(3), came(3, "200 OK", "Content-Type: text/plain"), *refused(3)]


def log_of(*events: Event) -> str:
    head = json.dumps({"constants": CONSTANTS})[:-1]
    return head + ',\n"events": [\n' + ",\n".join(map(json.dumps, events)) + '],\n"polledData": [{"x": 1}]}\n'


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Report]:
    def judge(*events: Event, text: str | None = None) -> Report:
        path = tmp_path / "netlog.json"
        path.write_text(log_of(*events) if text is None else text, encoding="utf-8")
        report = check([str(path)], Task())
        assert report.summary["captures"][0]["problem"] == ""
        return report

    return judge


def outcomes(report: Report) -> list[tuple[str, str]]:
    return [(flow["method"], flow["outcome"]) for flow in report.flows]


def test_a_preflights_failure_has_chromes_name_and_its_request_was_never_sent(checked: Callable[..., Report]) -> None:
    report = checked(*REFUSED_PREFLIGHT)
    assert sorted(outcomes(report)) == [("OPTIONS", "blocked"), ("PUT", "blocked")]
    by_method = {flow["method"]: flow for flow in report.flows}
    told = by_method["OPTIONS"]["told"]
    assert (told["error"], told["agrees"]) == ("PreflightMissingAllowOriginHeader", True)
    assert "NetLog of Chromium 156" in told["browser"]
    assert (by_method["PUT"]["reason"], by_method["PUT"]["origin"]) == ("never sent: its preflight failed", PAGE)
    assert len(report.diagnoses) == 1


def test_a_preflight_that_passed_and_its_request_are_allowed(checked: Callable[..., Report]) -> None:
    word = event(1, "CORS_PREFLIGHT_RESULT", **{"access-control-allow-methods": "PUT"})
    then = [*sent(1, method="PUT"), came(1, "200 OK", STAR), *delivered(1)]
    report = checked(*with_preflight("204 No Content", STAR, "Access-Control-Allow-Methods: PUT", word=word, then=then))
    assert sorted(outcomes(report)) == [("OPTIONS", "allowed"), ("PUT", "allowed")]


def test_a_response_that_chrome_refused_is_blocked_and_one_it_read_is_not(checked: Callable[..., Report]) -> None:
    passed = [asked(4), *sent(4), came(4, "200 OK", STAR), *delivered(4)]
    report = checked(*BLOCKED, *passed)
    assert outcomes(report) == [("GET", "blocked"), ("GET", "allowed")]
    assert report.flows[0]["findings"][0]["id"] == "allow-origin-missing"


@pytest.mark.parametrize(("include", "outcome"), [(True, "blocked"), (False, "allowed")])
def test_the_log_tells_the_credentials_mode(checked: Callable[..., Report], include: bool, outcome: str) -> None:
    end = refused(5) if include else delivered(5)
    report = checked(asked(5), *sent(5, include=include), came(5, "200 OK", STAR), *end)
    assert outcomes(report) == [("GET", outcome)]


def test_each_hop_of_a_redirect_is_a_request(checked: Callable[..., Report]) -> None:
    second = [each for each in sent(6, url=API + "/2") if each["type"] != CONSTANTS["logEventTypes"]["REQUEST_ALIVE"]]  # type: ignore[index]
    first = [asked(6), *sent(6), came(6, "302 Found", STAR, f"Location: {API}/2")]
    report = checked(*first, *second, came(6, "200 OK"), *refused(6))
    assert [(flow["url"], flow["outcome"]) for flow in report.flows] == [(API, "allowed"), (API + "/2", "blocked")]


def test_a_server_that_is_down_is_no_cors_failure(checked: Callable[..., Report]) -> None:
    failed = [event(7, "FAILED", net_error=-102), event(7, "REQUEST_ALIVE", END)]
    report = checked(asked(7), *sent(7), *failed)
    assert report.flows[0]["told"]["error"] == "net::ERR_CONNECTION_REFUSED"
    assert [finding["id"] for finding in report.flows[0]["findings"]] == ["network-error"]


def test_a_body_that_was_read_proves_nothing_and_a_look_into_the_cache_is_no_request(
    checked: Callable[..., Report],
) -> None:
    """Chrome reads a short body before CORS withholds it."""
    looked = [asked(10), *sent(10), event(10, "URL_REQUEST_START_JOB", END, net_error=-400)]
    looked.append(event(10, "REQUEST_ALIVE", END))
    report = checked(*looked, asked(11), *sent(11), came(11, "200 OK"), *delivered(11))
    assert outcomes(report) == [("GET", "blocked")]


def test_a_chain_that_began_on_the_pages_own_origin_tells_no_mode(checked: Callable[..., Report]) -> None:
    """Mode "same-origin" includes cookies there, and no longer where the redirect leads."""
    first = [asked(12, url=f"{PAGE}/go"), *sent(12, url=f"{PAGE}/go", include=True), came(12, "302 Found")]
    second = sent(12, include=True)[1:]
    report = checked(*first, *second, came(12, "200 OK", STAR), *delivered(12))
    assert (report.flows[-1]["url"], report.flows[-1]["outcome"]) == (API, "allowed")


def test_the_browsers_own_requests_and_other_sources_are_left_out(checked: Callable[..., Report]) -> None:
    own = [asked(8), *sent(8, initiator="not an origin"), came(8, "200 OK"), *refused(8)]
    socket = {**event(9, "SOCKET_ALIVE", BEGIN, url=API), "source": {"id": 9, "type": 9}}
    assert checked(*own, socket).flows == ()


@pytest.mark.parametrize("cut", [2, 60, 150])
def test_a_log_that_breaks_off_is_read_as_far_as_it_goes(checked: Callable[..., Report], cut: int) -> None:
    whole = log_of(*BLOCKED, *[event(1, "CHECK_CORS_PREFLIGHT_REQUIRED")] * 2).partition('],\n"polledData"')[0]
    report = checked(text=whole[:-cut])
    assert outcomes(report) == [("GET", "blocked")]
    assert "The log breaks off" in report.summary["captures"][0]["note"]


def test_broken_json_within_a_log_is_said(tmp_path: Path) -> None:
    path = tmp_path / "netlog.json"
    path.write_text(log_of(*BLOCKED).replace('"polledData"', "polledData"), encoding="utf-8")
    assert main(["check", str(path)]) == 2
