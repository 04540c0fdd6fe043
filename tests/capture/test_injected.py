"""Flow files saved while rules were in force: what the server sent is judged, and what the browser got is told."""

from __future__ import annotations

from pathlib import Path

from mitmproxy import http

from cors_addon.capture.check import Task, check
from cors_addon.report.model import Report
from tests.capture.captures import flow_file
from tests.mitm.injecting import NAME, ask, call, injecting, passed, rule


def saved(path: Path, *flows: http.HTTPFlow) -> Report:
    path.write_bytes(flow_file(flows))
    report = check([str(path)], Task())
    assert report.summary["captures"][0]["problem"] == ""
    return report


def test_the_servers_own_headers_are_judged(tmp_path: Path) -> None:
    with injecting() as running:
        subject = call("Content-Type: text/plain")
        passed(running, subject)
        assert subject.response is not None
        assert "access-control-allow-origin" in subject.response.headers
        report = saved(tmp_path / "run.mitm", subject)
    (flow,) = report.flows
    assert (flow["outcome"], flow["delivered"]["outcome"], flow["delivered"]["rule"]) == ("blocked", "allowed", NAME)
    assert flow["findings"][0]["id"] == "allow-origin-missing"
    assert "x-cors-addon" not in str(report.diagnoses)


def test_a_preflight_that_a_rule_repaired_is_the_servers(tmp_path: Path) -> None:
    with injecting(rule(preflight="repair")) as running:
        subject = ask("Access-Control-Allow-Origin: *", status=405)
        passed(running, subject)
        (flow,) = saved(tmp_path / "run.mitm", subject).flows
    assert (flow["status"], flow["outcome"], flow["delivered"]["outcome"]) == (405, "blocked", "allowed")


def test_a_preflight_that_a_rule_answered_says_nothing_of_the_server(tmp_path: Path) -> None:
    with injecting() as running:
        subject = ask()
        passed(running, subject)
        report = saved(tmp_path / "run.mitm", subject)
    assert [(flow["outcome"], flow["delivered"]["outcome"]) for flow in report.flows] == [("unknown", "allowed")]
    assert report.flows[0]["findings"] == []


def test_a_dry_run_changed_nothing(tmp_path: Path) -> None:
    with injecting(rule(dry_run=True)) as running:
        subject = call("Content-Type: text/plain")
        passed(running, subject)
        (flow,) = saved(tmp_path / "run.mitm", subject).flows
    assert flow["outcome"] == "blocked"
    assert "delivered" not in flow
