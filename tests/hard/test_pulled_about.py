"""The addon while all is pulled about at once: options, `cors.clear`, clocks, endless redirects, shared reports."""

from __future__ import annotations

import itertools
import json
import logging
import os
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http

from cors_addon.report.journal import Journal
from tests.mitm.client import fetch
from tests.mitm.injecting import Injecting, injecting, rule, written
from tests.mitm.origin import Answer, Origin
from tests.mitm.process import Mitmproxy, listening
from tests.mitm.support import APP, cors_get, logged, make_flow, make_response, preflight, proxy
from tests.page.support import verdict

STAGES = ("requestheaders", "responseheaders", "response")


def toggles(running: Injecting, tmp_path: Path) -> list[Any]:
    """Return everything that a user, a script or a rule file may throw between two hooks."""
    options = running.context.options
    return [
        lambda: options.update(cors_inject=not options.cors_inject),
        lambda: options.update(cors_browser=random.choice(["auto", "chromium", "firefox", "webkit"])),
        lambda: options.update(cors_audit=not options.cors_audit),
        lambda: options.update(cors_mark=not options.cors_mark),
        lambda: options.update(cors_comment=not options.cors_comment),
        lambda: options.update(cors_ignore=random.choice([[], ["allow-origin-missing # known"]])),
        lambda: options.update(cors_report=random.choice([[], [str(tmp_path / "now.jsonl")]])),
        lambda: options.update(cors_page=random.choice(["", "cors.addon"])),
        lambda: running.command("cors.clear"),
        lambda: running.command("cors.status"),
        lambda: running.addon._tick(),
        lambda: running.addon.pipeline.turn(),
        lambda: running.addon.pipeline.settle(),
    ]


def some_flow(number: int) -> http.HTTPFlow:
    at, url = 1000.0 + number, f"http://api.test/{number % 7}"
    match number % 5:
        case 0:
            return preflight(url=url, at=at)
        case 1:
            return cors_get(url=url, at=at)
        case 2:
            return cors_get("Access-Control-Allow-Origin: *", url=url, at=at)
        case 3:
            return cors_get("Location: http://api.test/next", status=302, url=url, at=at)
        case _:
            return make_flow("Cookie: a=b", url=url, response=make_response(200), at=at)


@pytest.mark.parametrize("seed", range(3))
def test_nothing_breaks_whatever_is_thrown_between_two_hooks(
    seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    random.seed(seed)
    with injecting(rule(preflight="answer")) as running:
        thrown = toggles(running, tmp_path)
        open_: list[tuple[http.HTTPFlow, http.Response | None, int]] = []
        for number in itertools.count():
            if number < 120:
                flow = some_flow(number)
                response, flow.response = flow.response, None
                open_.append((flow, response, 0))
            elif not open_:
                break
            # Several flows are on their way at once, each a stage further now and then.
            place = random.randrange(len(open_))
            flow, response, stage = open_.pop(place)
            if stage > 0 and flow.response is None:
                flow.response = response
            getattr(running.addon, STAGES[stage])(flow)
            if stage + 1 < len(STAGES):
                open_.append((flow, response, stage + 1))
            if random.random() < 0.5:
                random.choice(thrown)()
        running.addon.pipeline.settle()
        json.dumps([dict(entry) for entry in running.addon.reporting.report().flows])
        running.command("cors.clear")
        assert not running.addon.kept.verdicts
        assert not running.addon.session.correlator.records
    assert not [line for line in logged(caplog, logging.WARNING) if "fault of its own" in line]


JUMPS = [0.0, -86_400.0, 86_400.0, 0.0, -3600.0, 315_360_000.0, -1_700_000_000.0, 1.0]


def test_a_clock_that_jumps_changes_no_verdict(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    real = time.time
    jump = [0.0]
    monkeypatch.setattr(time, "time", lambda: real() + jump[0])
    outcomes = []
    with injecting() as running:
        for number, seconds in enumerate(JUMPS * 4):
            jump[0] = seconds
            flow = cors_get("Access-Control-Allow-Origin: *", url=f"http://other.test/{number}", at=time.time())
            running.send(flow)
            running.send(preflight(url=f"http://other.test/p{number}", at=time.time()))
            running.look()
            outcomes.append(flow.metadata["cors.outcome"])
            assert running.addon.injection.is_on, "it ends by the time that passes, and not by what the clock says"
        assert set(outcomes) == {"allowed"}
        assert running.addon.reporting.report().summary["outcomes"]["allowed"] == len(outcomes)
    assert not [line for line in logged(caplog, logging.WARNING) if "fault of its own" in line]


def test_redirects_without_end_cost_the_same_each_time(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        flows = []
        for number in range(400):
            flow = cors_get(
                "Access-Control-Allow-Origin: *",
                f"Location: http://api.test/{(number + 1) % 3}",
                status=302,
                url=f"http://api.test/{number % 3}",
                at=1000.0 + number * 0.05,
            )
            flow.client_conn = flows[0].client_conn if flows else flow.client_conn
            flows.append(running.send(flow))
        running.look()
        assert any("redirect-too-many" in flow.metadata["cors.findings"] for flow in flows)
        found = running.verdict(flows[-1])
        assert len(json.dumps(found)) < 50_000, "no chain is told link by link"
    assert not [line for line in logged(caplog, logging.WARNING) if "fault of its own" in line]


def test_two_proxies_on_one_report_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "both.jsonl"
    journals = [Journal(path), Journal(path)]

    def write(journal: Journal, name: str) -> None:
        for number in range(60):
            journal.note(verdict(f"{name}-{number}", "allow-origin-missing", url=f"http://api.test/{'x' * 2_000}"))
            journal.write()

    threads = [threading.Thread(target=write, args=(each, name)) for each, name in zip(journals, "ab", strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    entries = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    ids = [entry["id"] for entry in entries if "id" in entry]
    assert sorted(ids) == sorted(f"{name}-{number}" for name in "ab" for number in range(60))


def test_a_page_that_redirects_and_clears_meanwhile_gets_its_bytes(tmp_path: Path) -> None:
    """What a rule does to a flow is whole, though everything is forgotten between its request and its response."""
    with injecting() as running:
        flow = cors_get()
        response, flow.response = flow.response, None
        running.addon.requestheaders(flow)
        running.command("cors.clear")
        flow.response = response
        running.addon.responseheaders(flow)
        running.command("cors.clear")
        running.addon.response(flow)
        assert flow.response is not None
        assert flow.response.headers["Access-Control-Allow-Origin"] == APP


@pytest.mark.proxy
def test_a_real_proxy_passes_every_byte_while_all_options_are_thrown(tmp_path: Path) -> None:
    """CORS_TOGGLE_SECONDS=300 has it go on for five minutes."""
    head = "HTTP/1.1 200 OK\r\nX-A: b\r\nVary: Accept\r\nConnection: close\r\nContent-Length: 200\r\n\r\n"
    wanted = head.encode() + b"0123456789" * 20
    for name in ("one", "two"):
        (tmp_path / f"{name}.yaml").write_text(written(rule(name=name, hosts=["localhost"])), encoding="utf-8")
    environment = {"CORS_TOGGLE_FOLDER": str(tmp_path)}
    script = ["-s", str(Path(__file__).with_name("toggling.py"))]
    wrong: list[bytes] = []
    passed: list[str] = []
    with (
        Origin({"/": Answer(wanted)}) as origin,
        Mitmproxy(tmp_path, *listening(), *script, environment=environment) as running,
    ):
        port, end = running.port, time.monotonic() + float(os.environ.get("CORS_TOGGLE_SECONDS", "3"))

        def client(host: str) -> None:
            while time.monotonic() < end:
                got = fetch(port, "GET", f"http://{host}:{origin.port}/")
                passed.append(host)
                injected = got.lower().count(b"access-control-allow-origin: http://app.test\r\n") == 1
                if got != wanted and not (host == "localhost" and injected and got.endswith(wanted[-200:])):
                    wrong.append(got)

        clients = [threading.Thread(target=client, args=[host]) for host in ("127.0.0.1", "localhost") * 2]
        for each in clients:
            each.start()
        for each in clients:
            each.join()
        assert running.stop() == 0
    threw = next(int(line.split()[1]) for line in running.lines if line.startswith("threw "))
    print(f"{len(passed):,} requests while options were thrown {threw:,} times")
    assert wrong == []
    assert len(passed) > 20
    assert threw > 20
    assert [line for line in running.lines if "fault of its own" in line or "Traceback" in line] == []
    assert [line for line in running.lines if line.startswith("refused") and "no rule file" not in line] == []
