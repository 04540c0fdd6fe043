"""What only a real mitmproxy does to flows: the browser gets it unharmed, it is judged, and the log has no fault."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.capture.captures import flow_file
from tests.mitm.client import fetch, open_request
from tests.mitm.injecting import rule, written
from tests.mitm.origin import Answer, Origin, http_answer
from tests.mitm.process import Mitmproxy, listening
from tests.mitm.support import APP, make_flow, make_response

pytestmark = pytest.mark.proxy

ALLOW = f"Access-Control-Allow-Origin: {APP}"
LARGE = b"0123456789abcdef" * 20_000


def entries(report: Path) -> dict[str, Any]:
    return {flow["url"].rpartition("/")[2]: flow for flow in json.loads(report.read_text(encoding="utf-8"))["flows"]}


def unharmed(running: Mitmproxy) -> None:
    assert [line for line in running.lines if "fault of its own" in line or "Traceback" in line] == []


def test_bodies_that_are_streamed_both_ways(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    head = f"HTTP/1.1 200 OK\r\n{ALLOW}\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    chunked = head.encode() + b"%x\r\n%s\r\n0\r\n\r\n" % (len(LARGE), LARGE)
    answers = {"/down": http_answer(ALLOW, body=LARGE), "/chunked": Answer(chunked), "/up": http_answer(ALLOW)}
    options = [f"cors_report={report}", "stream_large_bodies=1k"]
    with Origin(answers) as origin, Mitmproxy(tmp_path, *listening(), options=options) as running:
        base = f"http://127.0.0.1:{origin.port}"
        assert fetch(running.port, "GET", f"{base}/down").endswith(LARGE)
        # The proxy may cut the chunks anew.
        assert fetch(running.port, "GET", f"{base}/chunked").count(LARGE[:16]) > 19_900
        length = f"Content-Length: {len(LARGE)}"
        with open_request(running.port, "POST", f"{base}/up", length, "Connection: close") as connection:
            connection.sendall(LARGE)
            while connection.recv(65536):
                pass
        assert running.stop() == 0
    unharmed(running)
    assert {name: entry["outcome"] for name, entry in entries(report).items()} == dict.fromkeys(
        ("down", "chunked", "up"), "allowed"
    )


def test_a_request_that_is_replayed_is_judged_and_never_injected_into(tmp_path: Path) -> None:
    report, rules, saved = tmp_path / "report.json", tmp_path / "rules.yaml", tmp_path / "saved.mitm"
    rules.write_text(written(rule(hosts=["127.0.0.1"])), encoding="utf-8")
    with Origin({"/again": http_answer()}) as origin:
        saved.write_bytes(flow_file([make_flow(f"Origin: {APP}", url=f"http://127.0.0.1:{origin.port}/again")]))
        options = [f"cors_report={report}", f"cors_rules={rules}", "cors_inject=true"]
        with Mitmproxy(tmp_path, *listening(), "--client-replay", saved, options=options) as running:
            running.wait_for("allow-origin-missing")
            running.stop()
    unharmed(running)
    entry = entries(report)["again"]
    assert entry["outcome"] == "blocked"
    assert "delivered" not in entry


def test_an_answer_that_is_replayed_is_what_the_browser_gets(tmp_path: Path) -> None:
    report, saved = tmp_path / "report.json", tmp_path / "saved.mitm"
    url = "http://api.test/kept"
    saved.write_bytes(flow_file([make_flow(f"Origin: {APP}", url=url, response=make_response(200, ALLOW))]))
    options = [f"cors_report={report}", "connection_strategy=lazy", "server_replay_kill_extra=true"]
    with Mitmproxy(tmp_path, *listening(), "--server-replay", saved, options=options) as running:
        assert ALLOW.encode() in fetch(running.port, "GET", url)
        fetch(running.port, "GET", "http://api.test/unknown")
        assert running.stop() == 0
    unharmed(running)
    found = entries(report)
    assert found["kept"]["outcome"] == "allowed"
    assert found["unknown"]["outcome"] == "blocked", "it was killed: the browser got nothing"


def test_behind_another_proxy(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    (tmp_path / "far").mkdir()
    with Origin({"/far": http_answer(ALLOW)}) as origin, Mitmproxy(tmp_path / "far", *listening(), script=None) as far:
        mode = f"upstream:http://127.0.0.1:{far.port}"
        with Mitmproxy(tmp_path, *listening(f"{mode}@127.0.0.1:0"), options=[f"cors_report={report}"]) as running:
            port = int(running.wait_for(r"\(upstream mode\) listening at .*?:(\d+)")[1])
            assert ALLOW.encode() in fetch(port, "GET", f"http://127.0.0.1:{origin.port}/far")
            assert running.stop() == 0
    unharmed(running)
    assert entries(report)["far"]["outcome"] == "allowed"


HIDE = "import sys\nsys.modules['yaml'] = None\n"


def test_without_pyyaml_rules_are_read_all_the_same(tmp_path: Path) -> None:
    """mitmproxy's own binaries carry ruamel.yaml, and no PyYAML."""
    hide, rules = tmp_path / "hide.py", tmp_path / "rules.yaml"
    hide.write_text(HIDE, encoding="utf-8")
    rules.write_text(written(rule(hosts=["127.0.0.1"])), encoding="utf-8")
    options = [f"cors_rules={rules}", "cors_inject=true"]
    arguments = [*listening(), "-s", Path(__file__).resolve().parents[2] / "cors_addon" / "addon.py"]
    with (
        Origin({"/x": http_answer()}) as origin,
        Mitmproxy(tmp_path, *arguments, script=hide, options=options) as running,
    ):
        assert ALLOW.encode().lower() in fetch(running.port, "GET", f"http://127.0.0.1:{origin.port}/x").lower()
        rules.write_text("version: 1\nrules: [*x]\n", encoding="utf-8")
        running.wait_for("the last good rules stay in force")
        assert running.stop() == 0
    unharmed(running)
