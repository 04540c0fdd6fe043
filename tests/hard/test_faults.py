"""An exception of ours, wherever it comes from: told once, and the traffic goes on as if nothing were."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, http

from cors_addon.diagnosis import session
from cors_addon.diagnosis.fixes import compose
from cors_addon.diagnosis.session import Session
from cors_addon.mitm import addon, display, end_of_run, flows, injection, verdict_store
from cors_addon.mitm.addon import CorsAddon
from cors_addon.mitm.commands import Commands
from cors_addon.mitm.log_messages import Teller
from cors_addon.mitm.verdict_store import Keeper
from cors_addon.page.ledger import Ledger
from cors_addon.report import journal
from cors_addon.traffic import correlate
from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.credentials import CredentialsObserver
from tests.mitm.client import fetch
from tests.mitm.injecting import rule, written
from tests.mitm.origin import Origin, http_answer
from tests.mitm.process import SECONDS, Mitmproxy, listening
from tests.mitm.support import APP, cors_get, logged, on_the_wire, preflight, proxy

HERE = Path(__file__).resolve().parent
SECRET = "Bearer s3cr3t-t0ken"


def broken(*_: object, **__: object) -> Any:
    raise RuntimeError(f"on purpose\x1b[2J\nAuthorization: {SECRET}")


# (what is broken, where it is, its name there)
PARTS: list[tuple[str, object, str]] = [
    ("reading the request", flows.Seen, "read_request"),
    ("reading the exchange", flows.Seen, "read"),
    ("the glance at every flow", flows, "glance"),
    ("classifying", correlate, "classify"),
    ("correlating", Correlator, "observe"),
    ("weighing credentials", CredentialsObserver, "observe"),
    ("judging", session, "judge_record"),
    ("fixes", compose, "with_fixes"),
    ("displaying", display, "show"),
    ("telling", Teller, "tell"),
    ("the page's list", Ledger, "touch"),
    ("rules", injection.Injection, "concerns"),
]


@pytest.mark.parametrize(("where", "name"), [row[1:] for row in PARTS], ids=[row[0] for row in PARTS])
def test_a_fault_in_any_part_is_told_once_and_changes_no_byte(
    where: object,
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    file = tmp_path / "rules.yaml"
    file.write_text(written(rule(hosts=["elsewhere.test"])), encoding="utf-8")
    with proxy(cors_rules=str(file), cors_inject=True) as running:
        with monkeypatch.context() as patch:
            patch.setattr(where, name, broken)
            sent = [preflight("Access-Control-Allow-Origin: *"), cors_get(), cors_get("Vary: x", at=1001)]
            before = [on_the_wire(each) for each in sent]
            for each in sent:
                running.send(each)
            assert [on_the_wire(each) for each in sent] == before
        told = [line for line in logged(caplog) if "fault of its own" in line]
        assert told, "it is told"
        assert len(told) == len(set(told)) <= 4, "once for each hook that it breaks"
        assert any(each.id in line for each in sent for line in told), "with its flow"
        assert all(line.isprintable() and "s3cr3t" not in line for line in told)
        well = running.send(cors_get(url="http://api.test/later"))
        assert running.verdict(well)["outcome"] == "blocked", "and what comes later is judged"


def test_a_fault_while_one_flow_is_revised_costs_the_others_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with proxy() as running:
        first, second = cors_get(), cors_get()
        running.send(first, second)
        real = Session.judge

        def judge(self: Session, exchange_id: str) -> Any:
            return broken() if exchange_id == first.id else real(self, exchange_id)

        seen: list[str] = []
        kept = Keeper.is_revised
        monkeypatch.setattr(Session, "judge", judge)
        monkeypatch.setattr(
            Keeper, "is_revised", lambda self, name, flow, anew: (seen.append(name), kept(self, name, flow, anew))[1]
        )
        running.addon.kept.revise([first.id, second.id])
        assert seen == [first.id, second.id]
        (told,) = [line for line in logged(caplog) if "fault of its own in revise" in line]
        assert first.id in told


def test_a_fault_while_a_verdict_is_explained_costs_the_explanation_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(Session, "explain", broken)
    with proxy() as running:
        running.addon.session.correlator.records.capacity = 2
        sent = [running.send(cors_get(at=1000.0 + number)) for number in range(5)]
        assert [flow.metadata["cors"]["findings"][0]["id"] for flow in sent] == ["allow-origin-missing"] * 5
        assert len(running.report()["flows"]) == 5
        assert running.addon.session.correlator.records.keys() == {flow.id for flow in sent[3:]}, (
            "the rest is forgotten"
        )
    assert len([line for line in logged(caplog) if "fault of its own in explain" in line]) == 1


def test_whoever_reads_what_a_flow_carries_meets_with_no_fault_of_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with proxy() as running:
        monkeypatch.setattr(verdict_store, "judged_entry", broken)
        monkeypatch.setattr(verdict_store, "shown_entry", broken)
        flow = running.send(cors_get())
        running.addon.verdict_of(flow)
        assert flow.metadata["cors"] == {"id": flow.id, "outcome": "blocked", "findings": []}
        assert flow.get_state()["metadata"]["cors.findings"] == "allow-origin-missing"
    (told,) = [line for line in logged(caplog) if "fault of its own in explain" in line]
    assert flow.id in told
    assert SECRET not in told


def test_a_fault_in_one_report_costs_the_others_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    paths = [tmp_path / f"cors{ending}" for ending in (".html", ".json", ".jsonl", ".txt")]
    real = end_of_run.files.write
    monkeypatch.setattr(
        end_of_run.files, "write", lambda report, path: broken() if path.suffix == ".html" else real(report, path)
    )
    with proxy(cors_report=[str(path) for path in paths]) as running:
        running.send(cors_get())
    assert [path.suffix for path in paths if path.exists()] == [".json", ".jsonl", ".txt"]
    (told,) = [line for line in logged(caplog, logging.ERROR) if "could not be written" in line]
    assert told.isprintable()


def test_a_verdict_that_cannot_be_appended_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cors.jsonl"
    real = journal.flow_entry
    monkeypatch.setattr(journal, "flow_entry", lambda verdict: broken() if "/bad" in verdict.url else real(verdict))
    with proxy(cors_report=[str(path)]) as running:
        running.send(cors_get(url="http://api.test/bad"), cors_get(url="http://api.test/good"))
        running.addon._tick()
        urls = [json.loads(line).get("url") for line in path.read_text().splitlines()]
        assert urls == [None, "http://api.test/good"]
        running.addon._tick()
    assert len([line for line in logged(caplog) if "appended to" in line]) == 1


def test_the_watch_goes_on_after_a_fault(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    import asyncio

    ticks: list[int] = []

    def tick(self: CorsAddon) -> None:
        ticks.append(1)
        broken()

    monkeypatch.setattr(addon, "_LOOK_EVERY", 0)
    monkeypatch.setattr(CorsAddon, "_tick", tick)

    async def two_ticks() -> None:
        while len(ticks) < 2:
            await asyncio.sleep(0)

    with proxy() as running:
        running.context.master.event_loop.run_until_complete(asyncio.wait_for(two_ticks(), SECONDS))
    assert len([line for line in logged(caplog) if "fault of its own in watch" in line]) == 1


COMMANDS: list[tuple[str, Callable[[Commands, Path], object]]] = [
    ("cors.report", lambda commands, folder: commands.report(str(folder / "a.json"))),  # type: ignore[arg-type]
    ("cors.status", lambda commands, folder: commands.status()),
]


@pytest.mark.parametrize("run", [row[1] for row in COMMANDS], ids=[row[0] for row in COMMANDS])
def test_a_command_that_fails_says_so_as_commands_do(
    run: Callable[[Commands, Path], object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(verdict_store, "build", broken)
    with proxy() as running:
        commands = running.addon.commands
        with pytest.raises(exceptions.CommandError, match="fault of its own"):
            run(commands, tmp_path)
        monkeypatch.undo()
    assert any("the command" in line for line in logged(caplog))
    assert not list(tmp_path.iterdir())


BREAK = """
import sys

class Break:
    def running(self):
        # The addon's package was loaded by its script, under whatever name.
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").endswith("diagnosis.session"):
                module.Session.take_in = self.broken

    def broken(self, *_):
        raise RuntimeError("on purpose")

addons = [Break()]
"""


@pytest.mark.proxy
def test_a_real_proxy_passes_everything_on_while_the_judge_is_broken(tmp_path: Path) -> None:
    script = tmp_path / "break.py"
    script.write_text(BREAK)
    report = tmp_path / "report.json"
    with Origin({"/items": http_answer(body=b"intact")}) as origin:
        arguments = [*listening(), "-s", script]
        with Mitmproxy(tmp_path, *arguments, options=[f"cors_report={report}"]) as running:
            for _ in range(3):
                answer = fetch(running.port, "GET", f"http://127.0.0.1:{origin.port}/items", f"Referer: {APP}/")
                assert answer.endswith(b"intact")
            assert running.stop() == 0
    told = [line for line in running.lines if "fault of its own" in line]
    assert len(told) == 1, "once, whatever number of flows it meets"
    assert json.loads(report.read_text())["summary"]["flows"] == 0


def test_a_flow_deleted_while_its_preflight_waits_is_nobodys_fault(caplog: pytest.LogCaptureFixture) -> None:
    """The user deletes flows from the list while they are on their way, and everything goes on without them."""
    with proxy() as running:
        asked = preflight()
        answer, asked.response = asked.response, None
        running.hook("requestheaders", asked)
        view = running.context.master.addons.get("view")
        view.add([asked])
        running.context.master.commands.call("view.flows.remove", [asked])
        assert not asked.killable or asked.error is None or asked.error.msg
        actual = http.HTTPFlow.copy(cors_get(method="PUT"))
        running.send(actual)
        asked.response = answer
        running.hook("responseheaders", asked)
        running.hook("response", asked)
    assert not [line for line in logged(caplog) if "fault of its own" in line]
