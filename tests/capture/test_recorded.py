"""What a recorder already says of an outcome is believed, and what a file leaves out is not held against anybody."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cors_addon.__main__ import main
from cors_addon.capture.check import Task, check
from cors_addon.report.model import Report
from tests.capture.recorded import API, PAGE, Entry, asking, lines, made, saved, text_of, zipped

STAR = ("Access-Control-Allow-Origin: *",)
OPEN = (*STAR, "Access-Control-Allow-Headers: authorization, x-key", "Access-Control-Max-Age: 3600")
ECHO = (f"Access-Control-Allow-Origin: {PAGE}", "Vary: Origin")
LATER = made("GET https://api.example/later", *STAR, at=40, size=10)
Checked = Callable[..., Report]


@pytest.fixture
def checked(tmp_path: Path) -> Checked:
    def judge(*entries: Entry, data: str | bytes | None = None, name: str = "run.har", **more: Any) -> Report:
        raw = data if data is not None else text_of(*entries, **more)
        path = tmp_path / name
        path.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        return check([str(path)], Task())

    return judge


def outcomes(report: Report) -> list[str]:
    return [flow["outcome"] for flow in report.flows]


def findings(report: Report) -> list[str]:
    return [f"{each['id']}: {each['severity']}" for flow in report.flows for each in flow["findings"]]


# --- outcomes that the recorder tells ------------------------------------------------------------------------------


def test_a_request_is_tied_to_the_preflight_that_stopped_it(checked: Checked) -> None:
    never_sent = made(f"GET {API}", status=0, error="net::ERR_FAILED", provisional=True)
    report = checked(never_sent, asking("authorization", status=403, at=1.001))
    assert outcomes(report) == ["blocked", "blocked"]
    request, preflight = report.flows
    assert request["related"]["preflight"] == preflight["id"]
    assert (request["reason"], request["origin"]) == ("never sent: its preflight failed", PAGE)
    assert request["told"]["error"] == "net::ERR_FAILED"
    assert report.summary["captures"][0]["note"] == ""
    assert len(report.diagnoses) == 1


def test_what_was_never_sent_says_nothing_for_its_preflight(checked: Checked) -> None:
    """A grant for requests without credentials, and a request that did not go out: it had some."""
    never_sent = made(f"GET {API}", status=0, error="net::ERR_FAILED", provisional=True)
    report = checked(asking("x-key", status=204, answer=OPEN), never_sent)
    assert outcomes(report)[1] == "blocked"


def test_what_a_resource_policy_withheld_is_named_without_its_headers(checked: Checked) -> None:
    """Playwright saves no response where the browser used none."""
    picture = as_playwright(made(f"GET {API}", kind="image"), "net::ERR_BLOCKED_BY_RESPONSE.NotSameSite")
    report = checked(picture, creator="Playwright")
    assert findings(report) == ["corp-not-same-site: blocked"]
    assert "same-site blocks" in report.diagnoses[0]["headline"]
    assert report.flows[0]["findings"][0]["evidence"] == []


def test_where_no_referrer_is_sent_the_frames_document_tells_the_page(checked: Checked) -> None:
    document = as_playwright(made(f"GET {PAGE}/", kind="document", origin=None))
    call = as_playwright(made(f"GET {API}"), "net::ERR_FAILED")
    call["request"]["headers"] = []
    for each in (document, call):
        each["_frameref"] = "frame@1"
    report = checked(document, call, creator="Playwright")
    assert [(flow["outcome"], flow["origin"]) for flow in report.flows] == [("blocked", PAGE)]
    assert findings(report) == ["blocked-response-not-saved: blocked"]
    assert checked({**call, "_frameref": "frame@2"}, creator="Playwright").flows == ()


def test_a_redirect_back_to_the_page_is_of_an_opaque_origin(checked: Checked) -> None:
    hop = as_playwright(made(f"GET {API}", *ECHO, status=302))
    hop["response"]["redirectURL"] = f"{PAGE}/login"
    report = checked(hop, as_playwright(made(f"GET {PAGE}/login"), "net::ERR_FAILED"), creator="Playwright")
    assert (report.flows[-1]["outcome"], report.flows[-1]["origin"]) == ("blocked", "null")


def test_a_workers_request_has_the_origin_of_its_page(checked: Checked) -> None:
    """DevTools has no more than the provisional headers of what a worker asks, and yet the response."""
    answered = made(f"PUT {API}", *ECHO, size=4, provisional=True)
    methods = (*ECHO, "Access-Control-Allow-Methods: PUT")
    report = checked(answered, asking(method="PUT", status=204, answer=methods, at=1.001))
    assert outcomes(report) == ["allowed", "allowed"]
    assert report.flows[0]["origin"] == PAGE
    assert findings(report) == []


def test_a_beacon_includes_credentials(checked: Checked) -> None:
    beacon = made(f"POST {API}", kind="ping", status=0, error="net::ERR_FAILED", provisional=True)
    report = checked(beacon, asking("content-type", method="POST", status=204, answer=STAR, at=1.001))
    assert report.flows[1]["browsers"]["chromium"]["error"] == "PreflightWildcardOriginNotAllowed"


def test_a_preflight_was_refused_where_its_request_was_and_only_credentials_explain_that(checked: Checked) -> None:
    """DevTools writes no error beside a preflight that was answered."""
    never_sent = made(f"GET {API}", status=0, error="net::ERR_FAILED", provisional=True)
    report = checked(never_sent, asking("x-key", status=204, answer=OPEN, at=1.001))
    assert outcomes(report) == ["blocked", "blocked"]
    assert findings(report)[0] == "allow-origin-wildcard-with-credentials: blocked"
    aborted = made(f"GET {API}", status=0, error="net::ERR_ABORTED", provisional=True)
    assert outcomes(checked(aborted, asking("x-key", status=204, answer=OPEN, at=1.001))) == ["allowed"]


def as_playwright(entry: Entry, failure: str | None = None) -> Entry:
    """Write an entry as Playwright does: no response at all where the browser refused it."""
    entry = {**entry, "_monotonicTime": 1.5, "request": {**entry["request"]}}
    del entry["_initiator"]
    if failure is not None:
        entry["response"] = {"status": -1, "headers": [], "content": {"size": -1}, "_failureText": failure}
        entry["request"]["headers"] = lines(f"Referer: {PAGE}/")
    else:
        del entry["response"]["_error"]
    return entry


def test_what_playwright_saw_refused_is_blocked_and_its_cause_is_open(checked: Checked) -> None:
    report = checked(as_playwright(made(f"GET {API}"), "net::ERR_FAILED"), creator="Playwright")
    assert findings(report) == ["blocked-response-not-saved: blocked"]
    (diagnosis,) = report.diagnoses
    assert (diagnosis["severity"], diagnosis["origin"], diagnosis["causes"]) == ("blocked", PAGE, [])


def test_what_a_test_aborted_or_playwright_saw_pass_is_not_blocked(checked: Checked) -> None:
    aborted = {**as_playwright(made(f"GET {API}"), "net::ERR_FAILED"), "_wasAborted": True}
    passed = as_playwright(made(f"GET {API}", *ECHO, status=204))
    assert outcomes(checked(aborted, passed, creator="Playwright")) == ["allowed"]


@pytest.mark.parametrize("error", ["net::ERR_ABORTED", "NS_BINDING_ABORTED"])
def test_an_aborted_request_is_not_worth_a_word(checked: Checked, error: str) -> None:
    report = checked(made(f"GET {API}", status=0, error=error, provisional=True))
    assert report.flows == ()
    assert report.summary["captures"][0]["note"] == ""


def test_a_request_to_the_own_origin_that_failed_is_not_worth_a_word(checked: Checked) -> None:
    report = checked(made(f"GET {PAGE}/api", status=0, error="net::ERR_FAILED", provisional=True))
    assert report.summary["captures"][0]["note"] == ""


def test_a_content_blocker_is_named(checked: Checked) -> None:
    report = checked(made(f"GET {API}", status=0, error="net::ERR_BLOCKED_BY_CLIENT", provisional=True))
    assert "content blocker in the browser stopped one request" in report.summary["captures"][0]["note"]


def test_a_body_that_a_script_got_proves_the_mode_that_passes(checked: Checked) -> None:
    granted = (*ECHO, "Access-Control-Allow-Credentials: true", "Access-Control-Allow-Headers: x-key")
    request = made(f"GET {API}", *ECHO, asked=["x-key: 1"], size=1090)
    report = checked(request, asking("x-key", status=200, answer=granted, at=1.001))
    assert outcomes(report) == ["allowed", "allowed"]
    assert report.flows[0]["told"]["agrees"]
    assert findings(report) == []


def test_a_body_that_no_script_got_makes_nothing_sure(checked: Checked) -> None:
    post = made(
        "POST http://stats.example/svc",
        "Content-Type: application/xml",
        asked=["Content-Type: text/xml", "Origin: http://player.example"],
        kind="other",
        size=885,
        provisional=True,
    )
    assert outcomes(checked(post)) == ["unknown"]


def test_a_proxys_recording_proves_nothing_of_the_page(checked: Checked) -> None:
    seen = made(f"GET {API}", "Content-Type: application/json", size=885)
    del seen["_initiator"], seen["_resourceType"]
    assert outcomes(checked(seen, creator="Charles Proxy")) == ["blocked"]


@pytest.mark.parametrize(
    ("error", "found"),
    [
        ("net::ERR_BLOCKED_BY_ORB", "orb-blocked: advice"),
        ("net::ERR_BLOCKED_BY_RESPONSE.NotSameOrigin", "corp-not-same-origin: blocked"),
        ("net::ERR_BLOCKED_BY_RESPONSE.NotSameSite", "corp-not-same-site: blocked"),
        ("net::ERR_BLOCKED_BY_RESPONSE.NotSameOriginAfterDefaultedToSameOriginByCoep", "corp-coep: blocked"),
    ],
)
def test_what_withheld_a_picture_is_named(checked: Checked, error: str, found: str) -> None:
    pixel = made("GET https://ads.example/p", "Content-Type: text/html", kind="image", error=error, origin=None)
    pixel["request"]["headers"] = lines(
        "Sec-Fetch-Mode: no-cors", "Sec-Fetch-Dest: image", "Referer: https://a.example/"
    )
    assert findings(checked(pixel)) == [found]


def test_the_script_that_asked_is_in_the_diagnosis(checked: Checked) -> None:
    frame = {"functionName": "load", "url": f"{PAGE}/src/api.ts", "lineNumber": 11, "columnNumber": 2}
    by = {"type": "script", "stack": {"callFrames": [{"url": "", "lineNumber": 0}, frame]}}
    report = checked(made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED", initiator=by))
    assert outcomes(report) == ["blocked"]
    where = {"url": f"{PAGE}/src/api.ts", "line": 12, "column": 3, "function": "load"}
    assert report.diagnoses[0]["initiator"] == where


# --- pairs ---------------------------------------------------------------------------------------------------------

KEYED = {"asked": ["x-key: 1", "authorization: Bearer x"], "size": 109}
SANITIZED = {"asked": ["x-key: 1"], "size": 109}
ASKING = asking("x-key", "authorization", status=200, answer=OPEN, at=1.002)


@pytest.mark.parametrize("request_has", [KEYED, SANITIZED], ids=["whole", "sanitized"])
def test_two_equal_requests_have_a_preflight_each(checked: Checked, request_has: dict[str, Any]) -> None:
    one, two = (made(f"GET {API}", *STAR, at=at, **request_has) for at in (1.0, 1.001))
    report = checked(one, two, ASKING, {**ASKING, "startedDateTime": "2026-03-01T10:00:01.003Z"}, LATER)
    assert set(outcomes(report)) == {"allowed"}
    assert {flow["related"]["preflight"] for flow in report.flows[:2]} == {flow["id"] for flow in report.flows[2:4]}


def test_an_export_without_authorization_is_paired(checked: Checked) -> None:
    ask = asking("authorization", status=204, answer=OPEN, at=1.001)
    report = checked(made(f"GET {API}", *STAR, size=109), ask, LATER)
    assert report.flows[0]["related"]["preflight"] == report.flows[1]["id"]
    assert outcomes(report) == ["allowed"] * 3


@pytest.mark.parametrize("at", [1.0, 0.9992, 0.7])
def test_clocks_that_overlap_do_not_part_a_pair(checked: Checked, at: float) -> None:
    request = made(f"GET {API}", *STAR, at=at, waited=0.1, **KEYED)
    report = checked(ASKING, request, LATER)
    assert report.flows[1]["related"]["preflight"] == report.flows[0]["id"]
    assert set(outcomes(report)) == {"allowed"}


def test_preflights_alone_say_nothing_of_what_came_of_them(checked: Checked) -> None:
    report = checked(ASKING, {**ASKING, "startedDateTime": "2026-03-01T10:00:41.003Z"})
    assert outcomes(report) == ["allowed", "allowed"]
    assert "followed" not in json.dumps(report.flows)


def test_styles_and_pictures_do_not_show_that_nothing_followed(checked: Checked) -> None:
    """An export may be filtered: only another request of a script shows that scripts' requests are in it."""
    later = made("GET https://api.example/logo.png", kind="image", at=59, origin=None)
    assert outcomes(checked(ASKING, later)) == ["allowed"]
    assert outcomes(checked(ASKING, LATER)) == ["conditional", "allowed"]


def test_a_grant_that_may_have_held_is_not_said_to_have(checked: Checked) -> None:
    again = made(f"GET {API}", *STAR, at=20, **KEYED)
    report = checked(made(f"GET {API}", *STAR, **KEYED), ASKING, again)
    assert "still held" not in json.dumps(report.flows)


# --- what was not saved --------------------------------------------------------------------------------------------


def test_headers_that_were_not_saved_are_not_missing(checked: Checked) -> None:
    without = made(f"GET {API}", size=109)
    assert outcomes(checked(without)) == ["unknown"]
    del without["response"]["headers"]
    assert outcomes(checked(without)) == ["unknown"]


def test_request_headers_that_were_not_saved_are_not_missing(checked: Checked) -> None:
    without = made(f"GET {API}", *STAR, size=109)
    del without["request"]["headers"]
    assert outcomes(checked(without)) == ["unknown"]


def test_an_origin_written_twice_is_one(checked: Checked) -> None:
    font = made("GET https://shop.example/f.woff2", "Content-Type: font/woff2", origin=None, kind="font", size=9)
    font["request"]["headers"] += lines("Origin: https://shop.example, https://shop.example")
    assert checked(font).flows == ()


# --- forms ---------------------------------------------------------------------------------------------------------

ONE, TWO = made(f"GET {API}", *STAR, size=1), made(f"GET {API}", *STAR, at=2.0, size=1)
AS_OBJECT = made(f"GET {API}", size=1)
AS_OBJECT["response"]["headers"] = {"Access-Control-Allow-Origin": "*", "Set-Cookie": ["a=1", "b=2"]}
SNAPSHOT = json.dumps({"type": "resource-snapshot", "snapshot": ONE})
CHARLES = {
    "status": "COMPLETE",
    "method": "GET",
    "protocolVersion": "HTTP/1.1",
    "scheme": "https",
    "host": "api.example",
    "actualPort": 443,
    "path": "/items",
    "query": None,
    "remoteAddress": "api.example/192.0.2.1:443",
    "times": {"start": "2026-03-01T10:00:01.000Z"},
    "durations": {"total": 20},
    "request": {"header": {"headers": lines(f"Origin: {PAGE}", "User-Agent: Chrome/140")}},
    "response": {"status": 200, "header": {"headers": lines(*STAR)}},
}
FIDDLER = {
    "raw/1_c.txt": f"GET {API} HTTP/1.1\r\nOrigin: {PAGE}\r\nUser-Agent: Chrome/140\r\n\r\n",
    "raw/1_s.txt": "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n\r\n{}",
    "raw/1_m.xml": '<Session><SessionTimers ClientBeginRequest="2026-03-01T10:00:01.1234567+01:00" /></Session>',
    "raw/2_c.txt": "CONNECT api.example:443 HTTP/1.1\r\n\r\n",
}


@pytest.mark.parametrize(
    ("data", "count"),
    [
        (text_of(ONE) + "\n" + text_of(TWO), 2),
        (json.dumps([saved(ONE), saved(TWO)]), 2),
        (json.dumps([ONE, TWO]), 2),
        (json.dumps(ONE), 1),
        (json.dumps(saved(ONE)["log"]), 1),
        (f"onInputData({text_of(ONE)});", 1),
        ("// saved by a tool\n/* and another */ " + text_of(ONE), 1),
        (text_of(ONE)[: -len("]}}")] + ",]}}", 1),
        (text_of(ONE).replace('"time": 60', '"time": NaN'), 1),
        (text_of(ONE).encode("utf-16"), 1),
        (b"\xef\xbb\xbf" + text_of(ONE).encode(), 1),
        (text_of(AS_OBJECT), 1),
        (f"{SNAPSHOT}\n{SNAPSHOT}\n", 2),
        (zipped({"har.har": text_of(ONE), "body.json": "{}"}), 1),
        (zipped({"0-trace.network": SNAPSHOT, "1-trace.network": SNAPSHOT, "0-trace.trace": "{}"}), 2),
        (json.dumps([CHARLES]), 1),
        (zipped(FIDDLER), 1),
    ],
)
def test_every_form_is_read(checked: Checked, data: str | bytes, count: int) -> None:
    report = checked(data=data)
    assert report.summary["captures"][0]["problem"] == ""
    assert outcomes(report) == ["allowed"] * count
    assert {flow["url"] for flow in report.flows} == {API}


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (text_of(ONE)[:-40], "the file ends too early"),
        (zipped({"a.txt": "x"}), "it is a zip file without a HAR"),
        (b"PK\x03\x04 and no more", "it begins as a zip file and is damaged"),
        ('{"some": "thing"}', "Export the session as HAR"),
        ("plain text", "export the session as HAR, or record it: mitmdump -w run.mitm"),
        (zipped({"a.har": text_of(ONE)})[:-200] + b"\0" * 200, "damaged"),
    ],
)
def test_what_cannot_be_read_says_the_way_out(checked: Checked, data: str | bytes, says: str) -> None:
    assert says in checked(data=data).summary["captures"][0]["problem"]


# --- what fails a build --------------------------------------------------------------------------------------------

REFUSED = made(f"GET {API}", status=0, error="net::ERR_CONNECTION_REFUSED", asked=[])


@pytest.mark.parametrize(("fail_on", "status"), [("blocked", 0), ("network", 1), ("never", 0)])
def test_a_server_that_is_down_fails_no_build_unless_asked(tmp_path: Path, fail_on: str, status: int) -> None:
    path = tmp_path / "run.har"
    path.write_text(text_of(REFUSED), encoding="utf-8")
    assert main(["check", str(path), "--fail-on", fail_on]) == status


def test_one_preflight_that_asks_for_two_names_counts_once(checked: Checked) -> None:
    report = checked(asking("content-type", "x-a", method="POST", status=503))
    assert {group["count"] for group in report.groups} == {1}
    assert [(each["requests"], each["headline"]) for each in report.diagnoses] == [(1, report.diagnoses[0]["headline"])]
