"""Injection through the hooks: what a browser gets, and that both truths stand on the flow."""

from __future__ import annotations

import json
import logging
import re
import time
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.addons.view import View
from mitmproxy.flow import Error

from cors_addon.mitm import display
from cors_addon.mitm.addon import CorsAddon
from cors_addon.mitm.injection import MOST_ON_A_FLOW
from cors_addon.rules.decode import read_rules
from cors_addon.rules.explain import explain_request
from tests.mitm.injecting import NAME, Injecting, ask, call, heads, injecting, passed, rule
from tests.mitm.support import (
    API,
    APP,
    FIREFOX,
    Proxy,
    logged,
    make_flow,
    make_response,
    on_the_wire,
    saved_and_loaded,
)

# --- requests ------------------------------------------------------------------------------------------------------


def test_a_bare_response_gets_what_the_page_needs() -> None:
    with injecting(rule(allow_credentials=True)) as running:
        subject = call("Content-Type: application/json", "X-Total: 5")
        assert passed(running, subject)
        assert heads(subject) == {
            "Content-Type": "application/json",
            "X-Total": "5",
            "access-control-allow-origin": APP,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": "x-total",
            "vary": "Origin",
            "cache-control": "no-store",
            "x-cors-addon": NAME,
        }
        assert subject.response is not None
        assert subject.response.content == b"{}"


def test_injected_names_are_lower_case_also_where_the_server_writes_capitals() -> None:
    with injecting() as running:
        subject = call("Access-Control-Allow-Origin: *", "VARY: Accept")
        passed(running, subject)
        assert subject.response is not None
        changed = dict(subject.response.headers.fields)
        assert changed[b"access-control-allow-origin"] == APP.encode()
        assert changed[b"vary"] == b"Accept, Origin"
        assert b"VARY" not in changed


def test_over_http2_every_name_stays_lower_case() -> None:
    with injecting() as running:
        subject = call("content-type: text/plain", "etag: 1", http_version=b"HTTP/2.0")
        passed(running, subject)
        assert subject.response is not None
        assert all(name == name.lower() for name, _ in subject.response.headers.fields)
        assert heads(subject)["access-control-allow-origin"] == APP


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500, 503])
@pytest.mark.parametrize("wanted", [True, False])
def test_error_responses_get_the_headers_where_the_rule_says_so(status: int, wanted: bool) -> None:
    with injecting(rule(on_errors=wanted)) as running:
        subject = call(status=status)
        before = on_the_wire(subject)
        passed(running, subject)
        assert ("access-control-allow-origin" in heads(subject)) is wanted
        assert (on_the_wire(subject) == before) is not wanted


def test_the_headers_are_there_before_the_body() -> None:
    with injecting() as running:
        subject = make_flow(f"Origin: {APP}")
        running.hook("requestheaders", subject)
        subject.response = make_response(200, body=None)
        running.hook("responseheaders", subject)
        assert heads(subject)["access-control-allow-origin"] == APP
        assert subject.response.raw_content is None


EVENT_STREAMS = [
    ("the plain type", "text/event-stream", True),
    ("with a parameter", "text/event-stream; charset=utf-8", True),
    ("in capitals", "Text/Event-Stream", True),
    ("another type", "text/plain", False),
    ("its name in a parameter", "text/plain; x=text/event-stream", False),
    ("no type", "", False),
]


@pytest.mark.parametrize(("kind", "streams"), [r[1:] for r in EVENT_STREAMS], ids=[r[0] for r in EVENT_STREAMS])
def test_an_event_stream_is_passed_on_as_it_comes(kind: str, streams: bool) -> None:
    with injecting() as running:
        subject = call(f"Content-Type: {kind}")
        passed(running, subject)
        assert subject.response is not None
        assert bool(subject.response.stream) is streams


def test_how_another_addon_streams_is_left_alone() -> None:
    def modify(data: bytes) -> bytes:
        return data

    with injecting() as running:
        subject = make_flow(f"Origin: {APP}")
        running.hook("requestheaders", subject)
        subject.response = make_response(200, "Content-Type: text/event-stream")
        subject.response.stream = modify
        running.hook("responseheaders", subject)
        assert subject.response.stream is modify


def test_a_rule_can_open_a_response_to_requests_without_cors() -> None:
    picture = rule(resource_policy="cross-origin", timing_allow_origin=True)
    with injecting(picture) as running:
        subject = make_flow(
            f"Referer: {APP}/page",
            "Sec-Fetch-Mode: no-cors",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Dest: image",
            response=make_response(200, "Cross-Origin-Resource-Policy: same-origin", "Content-Type: image/png"),
        )
        assert passed(running, subject)
        assert heads(subject)["cross-origin-resource-policy"] == "cross-origin"
        assert heads(subject)["timing-allow-origin"] == APP
        assert "access-control-allow-origin" not in heads(subject)
        verdict = running.verdict(subject)
        assert [finding["id"] for finding in verdict["findings"]] == ["corp-not-same-origin"], "the server's own"
        assert verdict["delivered"]["outcome"] == "not-cors"
        assert subject.marked == display.INJECTED


def test_without_such_a_rule_requests_without_origin_are_not_looked_at() -> None:
    with injecting() as running:
        subject = make_flow(
            f"Referer: {APP}/page", "Sec-Fetch-Mode: no-cors", response=make_response(200, "Content-Type: image/png")
        )
        before = on_the_wire(subject)
        passed(running, subject)
        assert on_the_wire(subject) == before
        assert running.addon.kept.judged == 0


# --- preflights ----------------------------------------------------------------------------------------------------


def test_answer_does_not_ask_the_server() -> None:
    with injecting(rule(allow_credentials=True)) as running:
        subject = ask(names="authorization,x-api-key", status=500)
        assert not passed(running, subject), "the server was not asked"
        assert subject.response is not None
        assert subject.response.status_code == 204
        assert subject.response.content == b""
        assert heads(subject) == {
            "access-control-allow-origin": APP,
            "access-control-allow-credentials": "true",
            "access-control-allow-methods": "PUT",
            "access-control-allow-headers": "authorization, x-api-key",
            "access-control-max-age": "0",
            "vary": "Origin",
            "x-cors-addon": NAME,
        }


def test_the_verdict_on_an_answered_preflight_is_that_nobody_asked_the_server() -> None:
    with injecting() as running:
        subject = ask()
        passed(running, subject)
        verdict = running.verdict(subject)
        assert verdict["outcome"] == "unknown"
        assert verdict["reason"] == "the server was not asked: a rule answered for it"
        assert verdict["delivered"]["outcome"] == "allowed"
        assert verdict["delivered"]["rule"] == NAME
        assert ["status", ":status", "204"] in verdict["delivered"]["edits"]
        assert subject.comment == f'CORS: allowed as delivered by rule "{NAME}"; the server was not asked'
        (debt,) = running.addon.reporting.report().debts
        assert not debt["asked"]


@pytest.mark.parametrize(("mode", "status"), [("repair", 200), ("forward", 405)])
def test_other_ways_ask_the_server(mode: str, status: int) -> None:
    with injecting(rule(preflight=mode)) as running:
        subject = ask("Allow: GET", status=405)
        assert passed(running, subject)
        assert subject.response is not None
        assert subject.response.status_code == status
        assert heads(subject)["access-control-allow-methods"] == "PUT"
        assert heads(subject)["Allow"] == "GET"
        verdict = running.verdict(subject)
        assert verdict["outcome"] == "blocked"
        assert "preflight-status-not-ok" in [finding["id"] for finding in verdict["findings"]]
        assert verdict["delivered"]["outcome"] == ("allowed" if mode == "repair" else "blocked")


def test_repair_mends_a_redirect() -> None:
    with injecting(rule(preflight="repair")) as running:
        subject = ask("Location: https://login.test/", status=302)
        passed(running, subject)
        assert subject.response is not None
        assert (subject.response.status_code, subject.response.reason) == (200, "OK")
        assert "Location" not in heads(subject)


def test_options_that_is_no_preflight_goes_to_the_server() -> None:
    with injecting() as running:
        subject = make_flow(f"Origin: {APP}", method="OPTIONS", response=make_response(200, "Allow: GET"))
        assert passed(running, subject)
        assert heads(subject)["access-control-allow-origin"] == APP, "a page's own OPTIONS is a request like others"


@pytest.mark.parametrize("simulate", ["preflight-status-not-ok", "preflight-redirect"])
def test_an_answer_with_another_status_says_that_it_has_no_body(simulate: str) -> None:
    with injecting(rule(simulate=simulate)) as running:
        subject = ask()
        assert not passed(running, subject)
        assert heads(subject)["content-length"] == "0"


def test_a_preflight_that_another_addon_has_answered_keeps_that_answer() -> None:
    with injecting() as running:
        subject = ask()
        subject.response = make_response(200, "X-Mock: 1", body=b"")
        running.hook("requestheaders", subject)
        assert subject.response is not None
        assert heads(subject) == {"X-Mock": "1"}
        running.hook("responseheaders", subject)
        assert heads(subject)["X-Mock"] == "1"
        assert heads(subject)["access-control-allow-methods"] == "PUT"


# --- redirects -----------------------------------------------------------------------------------------------------


def chain(
    running: Proxy, first_origin: str = APP, referer: str | None = f"{APP}/"
) -> tuple[http.HTTPFlow, http.HTTPFlow]:
    """A page's request to one host, redirected to another, where its origin is ``null``."""
    first = call("Location: http://cdn.test/item", origin=first_origin, status=302, at=time.time())
    first.request.headers["Referer"] = f"{first_origin}/"
    passed(running, first)
    second = call(origin="null", url="http://cdn.test/item", at=time.time())
    if referer is not None:
        second.request.headers["Referer"] = referer
    second.client_conn = first.client_conn
    passed(running, second)
    return first, second


def test_a_tainted_hop_of_a_listed_page_gets_null_and_no_credentials() -> None:
    with injecting(rule(hosts=["api.test", "cdn.test"], allow_credentials=True)) as running:
        first, second = chain(running)
        assert heads(first)["access-control-allow-origin"] == APP
        assert heads(first)["access-control-allow-credentials"] == "true"
        assert heads(first)["Location"] == "http://cdn.test/item"
        assert heads(second)["access-control-allow-origin"] == "null"
        assert "access-control-allow-credentials" not in heads(second)
        assert running.verdict(second)["delivered"]["outcome"] == "allowed"


@pytest.mark.parametrize(
    ("hosts", "page", "why"),
    [
        (["api.test", "cdn.test"], "http://strange.test", "its page is not listed"),
        (["api.test"], APP, "its host is not listed"),
    ],
)
def test_a_tainted_hop_of_others_is_left_alone(hosts: list[str], page: str, why: str) -> None:
    with injecting(rule(hosts=hosts)) as running:
        _, second = chain(running, page, f"{page}/")
        assert "access-control-allow-origin" not in heads(second), why


def test_null_without_a_chain_is_nobodys() -> None:
    with injecting(rule(hosts=["api.test", "cdn.test"])) as running:
        alone = call(origin="null", url="http://cdn.test/item")
        before = on_the_wire(alone)
        passed(running, alone)
        assert on_the_wire(alone) == before


# --- both truths ---------------------------------------------------------------------------------------------------


def test_both_truths_stand_on_the_flow() -> None:
    with injecting() as running:
        subject = call("Access-Control-Allow-Origin: http://other.test")
        passed(running, subject)
        verdict = running.verdict(subject)
        assert verdict["outcome"] == "blocked"
        assert verdict["findings"][0]["id"] == "allow-origin-mismatch"
        assert {"side": "response", "name": "Access-Control-Allow-Origin", "value": "http://other.test"} in verdict[
            "findings"
        ][0]["evidence"], "the server's own header is kept"
        assert verdict["delivered"]["outcome"] == "allowed"
        assert verdict["delivered"]["rule"] == NAME
        assert ["set", "access-control-allow-origin", APP] in verdict["delivered"]["edits"]
        shown = running.addon.verdict_of(subject)
        assert shown == {**verdict, "diagnoses": shown["diagnoses"]}
        assert subject.metadata["cors.outcome"] == "blocked"
        assert subject.metadata["cors.rule"] == NAME
        assert subject.marked == display.INJECTED
        assert subject.comment.startswith(
            f'CORS: allowed as delivered by rule "{NAME}"; as the server sent it: other origin · blocked'
        )
        (debt,) = running.addon.reporting.report().debts
        assert (debt["rule"], debt["host"], debt["asked"]) == (NAME, "api.test", True)
        assert debt["findings"] == ["allow-origin-mismatch"]
        assert f"Access-Control-Allow-Origin: {APP}" in "\n".join(debt["needed"])


def test_what_is_on_the_flow_can_be_saved() -> None:
    with injecting() as running:
        for subject in (call(), ask()):
            passed(running, subject)
            assert saved_and_loaded(subject).metadata["cors"] == subject.metadata["cors"]


def test_a_right_server_owes_nothing() -> None:
    with injecting(rule(upstream_headers="fill", expose_headers="none")) as running:
        subject = call(f"Access-Control-Allow-Origin: {APP}", "Vary: Origin")
        before = on_the_wire(subject)
        passed(running, subject)
        assert on_the_wire(subject) == before
        assert "delivered" not in running.verdict(subject)
        assert running.addon.reporting.report().debts == ()
        assert subject.marked == ""


def test_the_log_says_that_a_rule_changed_what_it_complains_of(caplog: pytest.LogCaptureFixture) -> None:
    with injecting() as running:
        passed(running, call())
        (line,) = [line for line in logged(caplog) if "[allow-origin-missing]" in line]
        assert line.startswith("CORS blocked: ")
        assert line.endswith(f' Changed on its way by rule "{NAME}".')


def test_what_another_addon_does_afterwards_is_what_was_delivered() -> None:
    with injecting() as running:
        subject = make_flow(f"Origin: {APP}")
        running.hook("requestheaders", subject)
        subject.response = make_response(200)
        running.hook("responseheaders", subject)
        subject.response.headers["access-control-allow-origin"] = "http://elsewhere.test"
        running.hook("response", subject)
        verdict = running.verdict(subject)
        assert verdict["outcome"] == "blocked"
        assert verdict["findings"][0]["id"] == "allow-origin-missing", "what the server sent"
        assert verdict["delivered"]["outcome"] == "blocked", "what the browser got"


def test_a_rule_without_credentials_does_not_help_a_request_with_them() -> None:
    with injecting() as running:
        subject = call()
        subject.request.headers["Cookie"] = "sid=1"
        passed(running, subject)
        assert running.verdict(subject)["delivered"]["outcome"] == "blocked"


def test_what_was_delivered_is_judged_again_when_more_is_known() -> None:
    with injecting(rule(simulate="allow-origin-wildcard-with-credentials")) as running:
        first = call(at=1000.0)
        passed(running, first)
        assert running.verdict(first)["delivered"]["outcome"] == "allowed", "nothing speaks for credentials"
        later = call(at=1001.0)
        later.client_conn = first.client_conn
        later.request.headers["Cookie"] = "sid=1"
        passed(running, later)
        assert running.verdict(later)["delivered"]["outcome"] == "blocked"


def test_a_response_that_never_arrives_is_not_called_delivered() -> None:
    with injecting() as running:
        subject = make_flow(f"Origin: {APP}")
        running.hook("requestheaders", subject)
        subject.response = make_response(200)
        running.hook("responseheaders", subject)
        subject.error = Error("server closed connection")
        running.hook("error", subject)
        verdict = running.verdict(subject)
        assert verdict["findings"][0]["id"] == "network-error"
        assert "delivered" not in verdict
        assert subject.marked == ":x:"


def explained(running: Injecting, subject: http.HTTPFlow) -> str:
    view = running.context.master.addons.get("view")
    assert isinstance(view, View)
    view.add([subject])
    return "\n".join(line for (line,) in running.command("cors.explain", "@all")[1:])


def test_the_servers_own_headers_stay_with_the_flow() -> None:
    with injecting(rule(preflight="repair")) as running:
        subject = ask("Access-Control-Allow-Origin: *", "Access-Control-Max-Age: 600", "X-Odd: \xe9", status=405)
        passed(running, subject)
        assert subject.metadata["cors.server"] == [
            [":status", "405"],
            ["Access-Control-Allow-Origin", "*"],
            ["Access-Control-Max-Age", "600"],
            ["X-Odd", "\xc3\xa9"],
        ]
        assert saved_and_loaded(subject).metadata["cors.server"] == subject.metadata["cors.server"]
        text = explained(running, subject)
        assert f'delivered allowed by rule "{NAME}"' in text
        assert f"- Access-Control-Allow-Origin: *\n          + access-control-allow-origin: {APP}" in text
        assert "- :status: 405\n          + :status: 200" in text
        assert "X-Odd" not in text.partition("delivered")[2], "only what was changed"
        running.command("cors.inject", "off")
        display.clear(subject)
        assert not [key for key in subject.metadata if key.startswith("cors")]


# --- dry run -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject", [call(), ask(), ask(status=405)], ids=["a request", "a preflight", "a bad preflight"]
)
@pytest.mark.parametrize("mode", ["answer", "repair", "forward"])
def test_a_dry_run_judges_and_shows_and_changes_nothing(subject: http.HTTPFlow, mode: str) -> None:
    subject = subject.copy()
    subject.live = True
    before = on_the_wire(subject)
    with injecting(rule(dry_run=True, preflight=mode)) as running:
        assert passed(running, subject), "the server is asked"
        assert on_the_wire(subject) == before
        verdict = running.verdict(subject)
        assert verdict["outcome"] == "blocked"
        assert verdict["findings"]
        assert "delivered" not in verdict
        assert verdict["dry_run"]["rule"] == NAME
        assert verdict["dry_run"]["edits"]
        assert subject.marked == ":x:", "nothing was changed, so nothing says so"
        assert f'rule "{NAME}" would make it ' in subject.comment
        assert running.addon.reporting.report().debts == () or all(
            debt["asked"] for debt in running.addon.reporting.report().debts
        )


def test_a_dry_run_says_what_would_become_of_it() -> None:
    with injecting(rule(dry_run=True)) as running:
        for subject in (call(), ask(status=405)):
            passed(running, subject)
            assert running.verdict(subject)["dry_run"]["outcome"] == "allowed"
            assert subject.comment.endswith(f'; rule "{NAME}" would make it allowed (dry run)')


@pytest.mark.parametrize("value", ["a b," * 1_000, "x-abc, " * 9_000], ids=["other lines", "lists of names"])
def test_what_stays_with_a_flow_is_bounded_and_holds_what_checks_read(value: str) -> None:
    """mitmproxy keeps flows without end: 400 lines of 4 KB would stay with each."""
    name = "X" if value.startswith("a") else "Access-Control-Allow-Headers"
    lines = [f"{name}{'' if name != 'X' else number}: {value}" for number in range(400)]
    with injecting(rule()) as running:
        subject = call(*lines, "Access-Control-Allow-Origin: http://other.test", "Vary: Origin")
        passed(running, subject)
        kept = subject.metadata["cors.server"]
        assert ["Access-Control-Allow-Origin", "http://other.test"] in kept
        assert ["Vary", "Origin"] in kept
        assert kept[0] == [":status", "200"]
        assert sum(len(name) + len(value) for name, value in kept) <= MOST_ON_A_FLOW + len(":status200")
        assert len(json.dumps(subject.metadata)) < 2 * MOST_ON_A_FLOW


def test_a_dry_run_is_explained_line_by_line() -> None:
    with injecting(rule(dry_run=True)) as running:
        subject = call("Access-Control-Allow-Origin: *", status=500)
        subject.request.headers["Cookie"] = "sid=1"
        passed(running, subject)
        text = explained(running, subject)
        assert f'delivered would be blocked by rule "{NAME}" (dry run)' in " ".join(text.split())
        assert f"+ access-control-allow-origin: {APP}" in text
        assert "cors.server" not in subject.metadata, "the response has them still"


def test_a_dry_run_of_an_answer_shows_the_answer() -> None:
    with injecting(rule(dry_run=True)) as running:
        subject = ask(status=405)
        passed(running, subject)
        assert running.verdict(subject)["dry_run"]["edits"][0] == ["status", ":status", "204"]


# --- simulate ------------------------------------------------------------------------------------------------------


def test_a_simulated_failure_shows_as_such() -> None:
    with injecting(rule(simulate="allow-origin-mismatch")) as running:
        subject = call("Access-Control-Allow-Origin: *")
        passed(running, subject)
        verdict = running.verdict(subject)
        assert verdict["outcome"] == "allowed", "the server is right"
        assert verdict["delivered"]["outcome"] == "blocked"
        assert subject.marked == display.INJECTED
        assert subject.comment.startswith(f'CORS: blocked as delivered by rule "{NAME}"')
        assert heads(subject)["x-cors-addon"] == NAME
        assert running.addon.reporting.report().debts == (), "the server owes nothing"


@pytest.mark.parametrize("make", [call, ask], ids=["a request", "a preflight"])
def test_a_simulated_network_error_is_not_the_servers(make: Any) -> None:
    with injecting(rule(simulate="network-error")) as running:
        subject = make()
        assert not passed(running, subject)
        assert subject.error is not None
        verdict = running.verdict(subject)
        assert verdict["outcome"] == "unknown"
        assert verdict["findings"] == []
        assert verdict["delivered"]["outcome"] == "blocked"
        assert subject.comment == f'CORS: blocked as delivered by rule "{NAME}"; the server was not asked'


def test_a_dry_run_of_a_network_error_breaks_nothing() -> None:
    with injecting(rule(simulate="network-error", dry_run=True)) as running:
        subject = call("Access-Control-Allow-Origin: *")
        assert passed(running, subject)
        assert subject.error is None
        assert running.verdict(subject)["outcome"] == "allowed"
        assert running.verdict(subject)["dry_run"]["outcome"] == "blocked"


# --- replays -------------------------------------------------------------------------------------------------------


def test_a_replayed_flow_is_judged_without_what_was_delivered_before() -> None:
    with injecting() as running:
        subject = call("Access-Control-Allow-Origin: *")
        passed(running, subject)
        assert "delivered" in running.verdict(subject)
        subject.is_replay = "request"
        subject.response = make_response(200, "Access-Control-Allow-Origin: *")
        before = on_the_wire(subject)
        assert passed(running, subject)
        assert on_the_wire(subject) == before
        assert "delivered" not in running.verdict(subject)
        record = running.addon.session.correlator.get(subject.id)
        assert record is not None
        assert record.delivered is None


# --- faults --------------------------------------------------------------------------------------------------------


def test_a_fault_of_our_own_leaves_the_flow_as_it_is(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise KeyError("ours")

    with injecting() as running:
        monkeypatch.setattr("cors_addon.rules.inject.plan", broken)
        for subject in (call(), ask()):
            before = on_the_wire(subject)
            assert passed(running, subject)
            assert on_the_wire(subject) == before
        assert any("has a fault of its own" in line for line in logged(caplog, logging.WARNING))


def test_firefox_is_answered_in_its_own_name() -> None:
    with injecting() as running:
        subject = ask(agent=FIREFOX)
        passed(running, subject)
        assert running.verdict(subject)["browser"] == "firefox"
        assert running.verdict(subject)["delivered"]["outcome"] == "allowed"


def test_the_same_addon_judges_with_injection_off_as_ever() -> None:
    addon = CorsAddon()
    assert not addon.injection.is_on
    with injecting(on=False) as running:
        subject = call()
        before = on_the_wire(subject)
        passed(running, subject)
        assert on_the_wire(subject) == before
        assert running.verdict(subject)["outcome"] == "blocked"
        assert API in running.verdict(subject)["url"]


# --- the documentation ---------------------------------------------------------------------------------------------

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "cors_addon" / "docs").glob("*.md"))]
PAGE = (ROOT / "cors_addon" / "docs" / "injection.md").read_text("utf-8")
RULE_FILES = [
    text for path in DOCUMENTS for text in re.findall(r"```yaml\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
]


@pytest.mark.parametrize("text", [text for text in RULE_FILES if "rules:" in text])
def test_the_documented_rule_files_are_right(text: str) -> None:
    reading = read_rules(text.encode())
    assert reading.rules is not None
    assert reading.problems == ()


def test_the_documented_rule_does_what_is_said_of_it() -> None:
    (first, *_) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    reading = read_rules(first.encode())
    assert reading.rules is not None
    lines = explain_request(reading.rules, "PUT", "https://api.staging.example.com/items", "https://localhost:5173")
    assert any(line.strip().startswith("yes") for line in lines)
    assert "--explain PUT https://api.staging.example.com/items --origin https://localhost:5173" in PAGE


def test_a_request_that_was_on_its_way_when_the_addon_was_loaded_gets_its_headers() -> None:
    with injecting() as running:
        under_way = call()
        running.hook("responseheaders", under_way)
        running.hook("response", under_way)
        assert under_way.response is not None
        assert under_way.response.headers["Access-Control-Allow-Origin"] == APP
