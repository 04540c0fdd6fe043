"""Reports that are long are made while the traffic goes on; what is in them, and that it is there, stays as it is."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions

from cors_addon.mitm import reporting, sliced_jobs, verdict_store
from cors_addon.report import files, formats, model
from cors_addon.report.formats import LISTING_ALL, RENDERERS, SUFFIXES
from tests.mitm.client import fetch
from tests.mitm.injecting import rule, written
from tests.mitm.origin import Origin, http_answer
from tests.mitm.process import Mitmproxy, listening
from tests.mitm.support import Proxy, cors_get, logged, make_flow, preflight, proxy

MANY = 30


@pytest.fixture(autouse=True)
def slow_and_long(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every report be a long one, whose every step gives others a turn; and all be of one moment."""
    monkeypatch.setattr(reporting, "LONG", 0)
    monkeypatch.setattr(sliced_jobs, "_SLICE", 0)
    monkeypatch.setattr(model, "_now", lambda: "now")


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    collects = gc.isenabled()
    yield
    assert gc.isenabled() == collects
    for thread in threading.enumerate():
        if thread.name.startswith("cors-addon"):
            thread.join(10)
            assert not thread.is_alive()


def seen(running: Proxy) -> None:
    """Show the addon flows of every kind that differ in a report."""
    running.send(
        *(cors_get(url=f"http://api.test/items/{number}", at=1000.0 + number) for number in range(MANY)),
        cors_get("Access-Control-Allow-Origin: *", url="http://ok.test/", at=1100.0),
        cors_get("Access-Control-Allow-Origin: http://other.test", "Vary: Origin", url="http://b.test/", at=1101.0),
        preflight("Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: GET", url="http://c.test/x"),
        make_flow("Origin: http://app.test", url="http://app.test/same", at=1103.0),
    )
    running.look()


def command(running: Proxy, path: Path) -> str:
    return str(running.context.master.commands.call_strings("cors.report", [str(path)]))


def loop(running: Proxy, work: Callable[[], Awaitable[Any]]) -> Any:
    """Do something where the proxy does everything: in its event loop."""

    async def within() -> Any:
        return await work()

    return running.context.master.event_loop.run_until_complete(within())


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def written_out(running: Proxy) -> None:
    """Wait until no report is under way."""
    while tasks := [job.task for job in running.addon.reporting.jobs._jobs.values() if job.task is not None]:
        await asyncio.wait(tasks)


def told(caplog: pytest.LogCaptureFixture, part: str) -> list[str]:
    return [line for line in logged(caplog) if part in line]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- what is written ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wish", [{}, {"cors_ignore": ["allow-origin-missing@api.test # soon"]}], ids=["all", "some"])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_it_is_the_report_that_is_made_at_once_byte_for_byte(
    suffix: str, wish: dict[str, Any], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(written(rule()), encoding="utf-8")
    late, at_once = tmp_path / f"late{suffix}", tmp_path / f"at-once{suffix}"
    with proxy(cors_rules=str(rules), cors_inject=True, **wish) as running:
        seen(running)

        async def ask() -> None:
            said = command(running, late)
            assert f"is on its way to {late}" in said
            assert not late.exists(), "and others had no turn yet"
            await written_out(running)

        loop(running, ask)
        assert command(running, at_once).endswith(f" written to {at_once}"), "outside of a loop there is nobody to wait"
        whole = running.addon.kept.report(running.addon.reporting.profiles())
    assert late.read_bytes() == at_once.read_bytes()
    assert late.read_text(encoding="utf-8") == RENDERERS[suffix](whole), "brief ones lose nothing"
    assert names(tmp_path) == sorted([rules.name, late.name, at_once.name])
    flows = whole.summary["flows"]
    assert told(caplog, "written to") == [f"CORS: {flows} flows written to {late}"]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_closing_reports_lose_nothing_either(suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / f"closing{suffix}"
    whole: list[bool] = []
    real = verdict_store.Keeper.report

    def report(self: verdict_store.Keeper, hosts: Any = (), brief: bool = False) -> model.Report:
        whole.append(not brief)
        return real(self, hosts, brief)

    monkeypatch.setattr(verdict_store.Keeper, "report", report)
    with proxy(cors_report=[str(path)]) as running:
        seen(running)
        wanted = RENDERERS[suffix](running.addon.reporting.report())
        whole.clear()
    if suffix != ".jsonl":
        assert path.read_text(encoding="utf-8") == wanted
    assert whole == [formats.lists_all(suffix) and suffix != ".jsonl"], "what was appended is there already"


def test_formats_that_list_every_flow() -> None:
    assert [formats.lists_all(suffix.upper()) for suffix in SUFFIXES] == [
        formats.format_of(suffix) in LISTING_ALL for suffix in SUFFIXES
    ]
    assert not formats.lists_all(".pdf")


def test_a_short_one_is_there_when_the_command_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "short.json"
    with proxy() as running:
        seen(running)
        kept = len(running.addon.kept.verdicts)
        monkeypatch.setattr(reporting, "LONG", kept)

        async def ask() -> str:
            return command(running, path)

        assert loop(running, ask).endswith(f"flows written to {path}")
        assert json.loads(path.read_text())["summary"]["flows"] >= kept


# --- the traffic meanwhile ------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", [".json", ".html", ".txt"])
def test_others_have_their_turn_after_each_step(suffix: str, tmp_path: Path) -> None:
    with proxy() as running:
        seen(running)
        kept = len(running.addon.kept.verdicts)

        async def ask() -> int:
            command(running, tmp_path / f"now{suffix}")
            had = 0
            while running.addon.reporting.under_way:
                await asyncio.sleep(0)
                had += 1
            return had

        assert loop(running, ask) > kept


@pytest.mark.parametrize("taken", [0, 1, 10, MANY, 10 * MANY])
def test_new_verdicts_and_new_evidence_do_no_harm(taken: int, tmp_path: Path) -> None:
    path = tmp_path / "now.json"
    with proxy() as running:
        seen(running)
        before = [entry["id"] for entry in running.addon.reporting.report().flows]

        async def ask() -> None:
            command(running, path)
            for number in range(taken):
                running.send(cors_get(url=f"http://new.test/{number}", at=1200.0 + number))
                running.look()
                await asyncio.sleep(0)
            await written_out(running)

        loop(running, ask)
    data = json.loads(path.read_text())
    assert [entry["id"] for entry in data["flows"]][: len(before)] == before
    known = {entry["id"] for entry in data["flows"]}
    assert all(flow in known for group in data["groups"] for flow in group["flows"])


@pytest.mark.parametrize("suffix", [".json", ".txt"])
@pytest.mark.parametrize("taken", [0, 1, 10, MANY, 4 * MANY])
def test_what_is_cleared_meanwhile_is_in_it_still(taken: int, suffix: str, tmp_path: Path) -> None:
    path, calm = tmp_path / f"now{suffix}", tmp_path / f"calm{suffix}"
    with proxy() as running:
        seen(running)
        command(running, calm)

        async def ask() -> None:
            command(running, path)
            await turns(taken)
            running.addon.clear()
            assert not running.addon.kept.verdicts
            await written_out(running)

        loop(running, ask)
    assert path.read_bytes() == calm.read_bytes(), "with all its causes"


def test_another_report_to_the_same_file_is_refused_and_to_another_one_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path, link, other = tmp_path / "now.json", tmp_path / "link.json", tmp_path / "other.txt"
    link.symlink_to(path)
    with proxy() as running:
        seen(running)

        async def ask() -> None:
            command(running, path)
            for same in (path, link, tmp_path / "." / "now.json"):
                with pytest.raises(exceptions.CommandError, match=r"is on its way to .* already"):
                    command(running, same)
            command(running, other)
            await written_out(running)
            command(running, path)
            await written_out(running)

        loop(running, ask)
    assert json.loads(path.read_text())["flows"]
    assert other.read_text().startswith("CORS: ")
    assert len(told(caplog, "written to")) == 3


def test_nothing_is_left_running(tmp_path: Path) -> None:
    with proxy() as running:
        seen(running)

        async def ask() -> set[str]:
            before = asyncio.all_tasks()
            command(running, tmp_path / "now.json")
            assert not gc.isenabled(), "looking for garbage would stop everything"
            await written_out(running)
            return {task.get_name() for task in asyncio.all_tasks() - before}

        assert loop(running, ask) == set()
        assert gc.isenabled()
        assert not running.addon.reporting.under_way


def test_where_garbage_is_not_collected_it_stays_so(tmp_path: Path) -> None:
    gc.disable()
    try:
        with proxy() as running:
            seen(running)

            async def ask() -> None:
                command(running, tmp_path / "now.json")
                await written_out(running)

            loop(running, ask)
            assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_disk_that_is_stuck_does_not_keep_garbage_from_being_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sliced_jobs, "_LONGEST", 0)
    with proxy() as running:
        seen(running)

        async def ask() -> None:
            command(running, tmp_path / "now.json")
            while not gc.isenabled():
                await asyncio.sleep(0)
            assert running.addon.reporting.under_way
            await written_out(running)

        loop(running, ask)
    assert names(tmp_path) == ["now.json"]


# --- the end --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("eager", [False, True], ids=["lazy tasks", "eager tasks"])
@pytest.mark.parametrize("taken", [0, 1, 10, MANY, 4 * MANY])
@pytest.mark.parametrize("suffix", [".json", ".txt"])
def test_the_end_of_the_proxy_finishes_what_is_under_way(
    suffix: str, taken: int, eager: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    factory = getattr(asyncio, "eager_task_factory", None)
    if eager and factory is None:
        pytest.skip("this Python has none")
    path, other, calm = (tmp_path / f"{name}{suffix}" for name in ("now", "other", "calm"))
    with proxy() as running:
        seen(running)
        command(running, calm)
        if eager:
            running.context.master.event_loop.set_task_factory(factory)

        async def ask() -> None:
            command(running, path)
            command(running, other)
            await turns(taken)

        loop(running, ask)
    assert path.read_bytes() == other.read_bytes() == calm.read_bytes()
    assert len(told(caplog, "written to")) == 2
    assert names(tmp_path) == sorted([path.name, other.name, calm.name])
    assert not running.addon.reporting.under_way


def test_after_the_end_it_is_made_at_once(tmp_path: Path) -> None:
    path = tmp_path / "now.json"
    with proxy() as running:
        seen(running)

        async def ask() -> str:
            running.addon.done()
            return command(running, path)

        assert loop(running, ask).endswith(f"written to {path}")


# --- what goes wrong ------------------------------------------------------------------------------------------


def no_room(handle: int) -> None:
    raise OSError(28, "No space left on device")


def broken(*_: object, **__: object) -> Any:
    raise RuntimeError("on purpose")


FAULTS: list[tuple[str, Any, str, Any, str]] = [
    ("a full disk", os, "fsync", no_room, "No space left on device"),
    ("a fault in folding", reporting, "draft", broken, "RuntimeError: on purpose"),
    ("a fault in making entries", model.Entries, "of", broken, "RuntimeError: on purpose"),
    ("a fault in what is kept", verdict_store.Keeper, "whole", broken, "RuntimeError: on purpose"),
    ("a fault in rendering", json, "dumps", broken, "RuntimeError: on purpose"),
]


@pytest.mark.parametrize("how", ["waited for", "cleared", "ended"])
@pytest.mark.parametrize(("where", "name", "fault", "why"), [row[1:] for row in FAULTS], ids=[row[0] for row in FAULTS])
def test_what_cannot_be_written_is_told_and_leaves_nothing(
    where: Any,
    name: str,
    fault: Any,
    why: str,
    how: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = tmp_path / "now.json"
    path.write_text("old")
    with proxy() as running:
        seen(running)

        async def ask() -> None:
            command(running, path)
            monkeypatch.setattr(where, name, fault)
            await turns(5)
            if how == "cleared":
                running.addon.clear()
            if how == "ended":
                running.addon.reporting.finish()
            await written_out(running)
            monkeypatch.undo()

        loop(running, ask)
        assert path.read_text() == "old"
        assert names(tmp_path) == [path.name]
        assert told(caplog, "could not be written") == [f"CORS: {path} could not be written: {why}"]
        assert len(told(caplog, "fault of its own in a report")) == (fault is broken)
        assert not running.addon.reporting.under_way
        seen(running)
        assert "written to" in command(running, path), "the next one is"


def test_a_folder_that_goes_away_meanwhile_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    with proxy() as running:
        seen(running)

        async def ask() -> None:
            command(running, folder / "now.json")
            folder.rmdir()
            await written_out(running)

        loop(running, ask)
    (line,) = told(caplog, "could not be written")
    assert line.endswith("No such file or directory")
    assert not folder.exists()


@pytest.mark.parametrize(
    ("path", "why"), [("no/such/now.json", "No such file or directory"), ("folder.json", "Is a directory")]
)
def test_what_cannot_be_written_from_the_start_is_said_at_once(path: str, why: str, tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    with proxy() as running:
        seen(running)

        async def ask() -> None:
            with pytest.raises(exceptions.CommandError, match=f"cannot be written: {why}"):
                command(running, tmp_path / path)
            assert not running.addon.reporting.under_way

        loop(running, ask)
    assert names(tmp_path) == ["folder.json"]


def test_a_pipe_keeps_nobody_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no file"):
        files.check(pipe)
    with proxy() as running:
        running.send(cors_get())
        with pytest.raises(exceptions.CommandError, match="a pipe or a device"):
            running.addon.commands.report(str(pipe))  # type: ignore[arg-type]
        with pytest.raises(exceptions.OptionsError, match="a pipe or a device"):
            running.context.options.update(cors_report=[str(pipe)])


def test_a_task_that_is_cancelled_from_outside_leaves_nothing_behind(tmp_path: Path) -> None:
    with proxy() as running:
        seen(running)

        async def ask() -> None:
            command(running, tmp_path / "now.json")
            await turns(5)
            (job,) = running.addon.reporting.jobs._jobs.values()
            assert job.task is not None
            job.task.cancel()
            await written_out(running)

        loop(running, ask)
        assert not running.addon.reporting.under_way
        assert names(tmp_path) == []


# --- a real proxy ---------------------------------------------------------------------------------------------

ASK = """
import sys
from mitmproxy import ctx

class Ask:
    count = 0

    def running(self):
        # The addon's package was loaded by its script, under whatever name.
        for module in list(sys.modules.values()):
            if getattr(module, "__name__", "").endswith("mitm.reporting"):
                module.LONG = 0

    def response(self, flow):
        self.count += 1
        if self.count in (2, 4):
            print(ctx.master.commands.call("cors.report", f"{FOLDER}/{self.count}.json"))
        if self.count == 4:
            ctx.master.shutdown()

addons = [Ask()]
"""


@pytest.mark.proxy
def test_a_real_proxy_writes_one_while_it_runs_and_one_as_it_ends(tmp_path: Path) -> None:
    script, folder = tmp_path / "ask.py", tmp_path / "reports"
    script.write_text(f"FOLDER = {str(folder)!r}\n{ASK}")
    folder.mkdir()
    with (
        Origin({f"/{number}": http_answer() for number in range(4)}) as origin,
        Mitmproxy(tmp_path, *listening(), "-s", script) as running,
    ):
        for number in range(4):
            if number == 2:
                running.wait_for(r"2 flows written to .*2\.json")
            fetch(running.port, "GET", f"http://127.0.0.1:{origin.port}/{number}")
        assert running.wait() == 0
    for count in (2, 4):
        assert f"is on its way to {folder}/{count}.json" in running.output
        assert f"{count} flows written to {folder}/{count}.json" in running.output
        data = json.loads((folder / f"{count}.json").read_text())
        assert [flow["url"].rpartition("/")[2] for flow in data["flows"]] == [str(number) for number in range(count)]
    assert names(folder) == ["2.json", "4.json"]
    assert "Traceback" not in running.output
    assert "Task was destroyed" not in running.output
