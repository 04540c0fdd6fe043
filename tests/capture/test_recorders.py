"""HARs in the shapes of recorders that are no browser's developer tools: each has its own way with what failed."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy.addons.savehar import SaveHar

from cors_addon.capture.check import Task, check
from cors_addon.report.model import Report
from tests.capture.captures import flow_file
from tests.capture.recorded import API, PAGE, Entry, asking, made, saved
from tests.mitm.support import make_flow, make_response

STAR = ("Access-Control-Allow-Origin: *",)
BARE = ("Content-Type: application/json",)
REFUSED = made(f"GET {API}", *BARE, error="net::ERR_FAILED", at=1)
PASSED = made(f"GET {API}/open", *STAR, size=2, at=2)
PREFLIGHT = asking("x-key", url=f"{API}/keyed", status=404, at=3)
NEVER_SENT = made(f"GET {API}/keyed", status=0, error="net::ERR_FAILED", provisional=True, at=2.999)

Shape = Callable[[Entry], Entry]


def without(entry: Entry, *names: str) -> Entry:
    return {name: value for name, value in entry.items() if name not in names}


def as_proxy(entry: Entry) -> Entry:
    """Charles and Fiddler: what was on the wire, and nothing of the page."""
    made = without(copy.deepcopy(entry), "_initiator", "_resourceType")
    del made["response"]["_error"]
    return made


def as_chrome_har(entry: Entry) -> Entry:
    """chrome-har, as Browsertime and sitespeed.io use it: the initiator is a URL, its type beside it."""
    made = as_proxy(entry)
    kind = entry["_initiator"]["type"]
    return {
        **made,
        "_initiator": f"{PAGE}/src/api.ts",
        "_initiator_type": kind,
        "_initiator_line": 11,
        "_resourceType": entry["_resourceType"],
        "_requestId": "1000.7",
        "pageref": "page_1",
    }


def as_capturer(entry: Entry) -> Entry:
    """chrome-har-capturer, as puppeteer-har uses it: types with a capital, no error."""
    return {**as_proxy(entry), "_resourceType": entry["_resourceType"].capitalize(), "_requestTime": 1.5}


def as_webpagetest(entry: Entry) -> Entry:
    """WebPageTest: numbers as text, and a code of its own for what failed."""
    made = as_proxy(entry)
    more = {"_responseCode": str(entry["response"]["status"]), "_type": 3, "_is_secure": "1", "_host": "api.example"}
    return {**made, **more, "_request_type": entry["_resourceType"], "_full_url": entry["request"]["url"]}


def as_firefox(entry: Entry) -> Entry:
    """Firefox' network panel: no error, no initiator; of what it blocked neither status nor headers."""
    made = as_proxy(entry)
    made["_securityState"] = "secure"
    if entry["response"]["_error"]:
        made["response"] |= {"status": 0, "statusText": "", "headers": [], "bodySize": 0}
        made["response"]["content"] = {"mimeType": "text/plain; charset=utf-8", "size": 0, "text": ""}
    return made


def as_rest_client(entry: Entry) -> Entry:
    """Insomnia and Postman: no browser, no Origin."""
    made = as_proxy(entry)
    made["request"]["headers"] = [
        {"name": "User-Agent", "value": "insomnia/11.0.0"},
        {"name": "Accept", "value": "*/*"},
    ]
    return made


@pytest.fixture
def checked(tmp_path: Path) -> Callable[..., Report]:
    def judge(shape: Shape, creator: str, *entries: Entry) -> Report:
        path = tmp_path / "run.har"
        path.write_text(json.dumps(saved(*map(shape, entries), creator=creator)), encoding="utf-8")
        report = check([str(path)], Task())
        assert report.summary["captures"][0]["problem"] == ""
        return report

    return judge


WIRE = {f"GET {API}": "blocked", f"GET {API}/open": "allowed", f"OPTIONS {API}/keyed": "blocked"}
"""What headers alone tell."""


@pytest.mark.parametrize(
    ("shape", "creator", "outcomes"),
    [
        (as_proxy, "Charles Proxy", WIRE),
        (as_proxy, "Fiddler", WIRE),
        (as_chrome_har, "browsertime", WIRE),
        (as_capturer, "Chrome HAR Capturer", WIRE),
        (as_webpagetest, "WebPageTest", WIRE),
        (as_firefox, "Firefox", {**WIRE, f"GET {API}": "unknown"}),
        (as_rest_client, "Insomnia REST Client", {}),
    ],
)
def test_each_recorder_is_read(
    checked: Callable[..., Report], shape: Shape, creator: str, outcomes: dict[str, str]
) -> None:
    report = checked(shape, creator, REFUSED, PASSED, PREFLIGHT)
    found = {f"{flow['method']} {flow['url']}": flow["outcome"] for flow in report.flows}
    assert {name: outcome for name, outcome in found.items() if outcome != "not-cors"} == outcomes


@pytest.mark.parametrize("shape", [as_chrome_har, as_capturer, as_webpagetest, as_firefox])
def test_a_request_that_was_never_sent_is_never_allowed(checked: Callable[..., Report], shape: Shape) -> None:
    report = checked(shape, "x", NEVER_SENT, PREFLIGHT)
    outcomes = {flow["method"]: flow["outcome"] for flow in report.flows}
    assert outcomes["OPTIONS"] == "blocked"
    assert outcomes.get("GET", "blocked") in ("blocked", "unknown")


BROKEN_OFF = made(f"GET {API}/keyed", status=0, error="net::ERR_HTTP2_PROTOCOL_ERROR", provisional=True, at=3.1)
GRANTED = asking("x-key", url=f"{API}/keyed", answer=(*STAR, "Access-Control-Allow-Headers: x-key"), status=204, at=3)
NETWORK_FAILURES = {
    "net::ERR_CONNECTION_RESET": "connection-broken-off",
    "net::ERR_CONNECTION_CLOSED": "connection-broken-off",
    "net::ERR_EMPTY_RESPONSE": "connection-broken-off",
    "net::ERR_HTTP2_PROTOCOL_ERROR": "connection-broken-off",
    "net::ERR_HTTP2_SERVER_REFUSED_STREAM": "connection-broken-off",
    "net::ERR_QUIC_PROTOCOL_ERROR": "connection-broken-off",
    "NS_ERROR_NET_RESET": "connection-broken-off",
    "net::ERR_CONNECTION_REFUSED": "server-not-reached",
    "net::ERR_ADDRESS_UNREACHABLE": "server-not-reached",
    "net::ERR_TUNNEL_CONNECTION_FAILED": "server-not-reached",
    "NS_ERROR_CONNECTION_REFUSED": "server-not-reached",
    "net::ERR_TIMED_OUT": "answer-too-slow",
    "net::ERR_CONNECTION_TIMED_OUT": "answer-too-slow",
    "NS_ERROR_NET_TIMEOUT": "answer-too-slow",
    "net::ERR_NAME_NOT_RESOLVED": "host-name-unknown",
    "net::ERR_DNS_TIMED_OUT": "host-name-unknown",
    "NS_ERROR_UNKNOWN_HOST": "host-name-unknown",
    "net::ERR_CERT_DATE_INVALID": "certificate-not-trusted",
    "net::ERR_SSL_PROTOCOL_ERROR": "tls-failed",
    "net::ERR_INTERNET_DISCONNECTED": "browser-offline",
}


def test_a_request_that_the_network_lost_was_sent_so_its_preflight_passed(checked: Callable[..., Report]) -> None:
    """Chromium has one name for what CORS refuses, and another for each failure of the network."""
    report = checked(lambda entry: entry, "x", GRANTED, BROKEN_OFF)
    outcomes = {flow["method"]: flow["outcome"] for flow in report.flows}
    assert outcomes == {"OPTIONS": "allowed", "GET": "unknown"}
    (lost,) = [one for one in report.diagnoses if one["findings"] == ["network-error"]]
    assert [cause["id"] for cause in lost["causes"]] == ["connection-broken-off"]


@pytest.mark.parametrize("name", NETWORK_FAILURES)
def test_each_name_of_a_network_failure_has_its_cause(checked: Callable[..., Report], name: str) -> None:
    report = checked(lambda entry: entry, "x", made(f"GET {API}", status=0, error=name))
    (lost,) = report.diagnoses
    assert [cause["id"] for cause in lost["causes"]] == [NETWORK_FAILURES[name]]


def test_what_mitmproxy_exports_is_judged_as_its_flows_are(tmp_path: Path) -> None:
    answers = [(), ("Access-Control-Allow-Origin: *",), ("Access-Control-Allow-Origin: https://other.test",)]
    flows = [
        make_flow(
            *(f"Origin: {PAGE}", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: empty"),
            url=f"https://api.test/{number}",
            response=make_response(200, *answer),
        )
        for number, answer in enumerate(answers)
    ]
    (tmp_path / "run.mitm").write_bytes(flow_file(flows))
    exported: dict[str, Any] = SaveHar().make_har(flows)
    (tmp_path / "run.har").write_text(json.dumps(exported), encoding="utf-8")
    one, other = (check([str(tmp_path / name)], Task()) for name in ("run.mitm", "run.har"))
    assert [flow["outcome"] for flow in one.flows] == ["blocked", "allowed", "blocked"]
    assert [flow["outcome"] for flow in other.flows] == [flow["outcome"] for flow in one.flows]
    assert [each["headline"] for each in other.diagnoses] == [each["headline"] for each in one.diagnoses]
