"""Commands and the live page with many findings: each is made a little at a time while the traffic goes on."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions

from cors_addon.mitm import commands as commands_module
from cors_addon.mitm import reporting, sliced_jobs
from cors_addon.page import ledger
from tests.mitm.injecting import written
from tests.mitm.support import Proxy, cors_get, logged, make_flow, proxy
from tests.mitm.test_commands import call, shown

MANY = 60


@pytest.fixture(autouse=True)
def every_step_is_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliced_jobs, "_SLICE", 0)
    monkeypatch.setattr(sliced_jobs, "_AT_ONCE", -1)
    monkeypatch.setattr(commands_module, "_FEW", 0)
    monkeypatch.setattr(reporting, "LONG", 0)
    monkeypatch.setattr(ledger, "AT_ONCE", 5)


def seen(running: Proxy, count: int = MANY, hosts: int = 3) -> None:
    flows = [cors_get(url=f"http://h{n % hosts}.test/items/{n}", at=1000.0 + n) for n in range(count)]
    running.send(*flows)
    shown(running, *flows)


def loop(running: Proxy, work: Callable[[], Awaitable[Any]]) -> Any:
    async def within() -> Any:
        return await work()

    return running.context.master.event_loop.run_until_complete(within())


async def turns_until(over: Callable[[], bool]) -> int:
    count = 0
    while not over():
        await asyncio.sleep(0)
        count += 1
    return count


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [("cors.status", [], "60 blocked"), ("cors.rules.suggest", ["@all"], 'hosts: ["h0.test"]')],
)
def test_what_takes_long_is_shown_in_the_log(
    name: str, arguments: list[str], said: str, caplog: pytest.LogCaptureFixture
) -> None:
    with proxy() as running:
        seen(running)

        async def ask() -> int:
            rows = call(running, name, *arguments)
            assert "the log will show it" in rows[-1][0]
            with pytest.raises(exceptions.CommandError, match="is being made already"):
                call(running, name, *arguments)
            return await turns_until(lambda: not running.addon.reporting.under_way)

        assert loop(running, ask) > MANY, "others had a turn after each verdict"
        late = "\n".join(logged(caplog))
        assert said in late
        at_once = "\n".join(cell for row in call(running, name, *arguments) for cell in row)
        assert said in at_once, "outside of a loop there is nobody to wait"
        assert all(line in late for line in at_once.splitlines()[3:])


def test_many_lines_for_the_log_come_with_turns_between(caplog: pytest.LogCaptureFixture) -> None:
    """mitmproxy runs a hook for each: 2,000 in one turn held everything for 0.7 s."""
    with proxy() as running:
        seen(running, hosts=MANY)
        most = 0

        async def ask() -> None:
            nonlocal most
            call(running, "cors.rules.suggest", "@all")
            caplog.clear()
            while running.addon.reporting.under_way:
                before = len(caplog.records)
                await asyncio.sleep(0)
                most = max(most, len(caplog.records) - before)

        loop(running, ask)
        assert len([line for line in logged(caplog) if 'hosts: ["h59.test"]' in line]) == 1, "each is shown once"
        assert len(logged(caplog)) > MANY
        assert most <= 2


def test_what_is_there_in_a_moment_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliced_jobs, "_AT_ONCE", 600)
    with proxy() as running:
        seen(running)

        async def ask() -> tuple[Any, Any]:
            return call(running, "cors.status"), call(running, "cors.rules.suggest", "@all")

        status, rule = loop(running, ask)
        assert any("60 blocked" in row[0] for row in status)
        assert any("h0.test" in row[0] for row in rule)
        assert not running.addon.reporting.under_way


def test_rules_for_many_flows_are_written_beside_the_traffic(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(written(), encoding="utf-8")
    with proxy(cors_rules=str(path)) as running:
        seen(running)

        async def ask() -> None:
            assert "the log will show" in call(running, "cors.rules.add", "@all")[-1][0]
            await turns_until(lambda: not running.addon.reporting.under_way)

        loop(running, ask)
        assert running.addon.injection.is_on
        assert {host.text for rule in running.addon.injection.rules.rules for host in rule.hosts} >= {
            f"h{n}.test" for n in range(3)
        }
    assert any("cors.rules.undo takes the change back" in line for line in logged(caplog))


def test_rules_without_end_are_refused_before_they_are_made(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(written(), encoding="utf-8")
    with proxy(cors_rules=str(path)) as running:
        seen(running, hosts=MANY)
        with pytest.raises(exceptions.CommandError, match=r"need 60 rules.*need 50 at most"):
            call(running, "cors.rules.add", "@all")

        async def ask() -> None:
            call(running, "cors.rules.add", "@all")
            await turns_until(lambda: not running.addon.reporting.under_way)

        loop(running, ask)
    assert path.read_text(encoding="utf-8") == written()
    assert any("need 60 rules" in line for line in logged(caplog, logging.WARNING))


def test_explain_shows_twenty_and_says_how_to_get_the_rest() -> None:
    with proxy() as running:
        seen(running)
        rows = call(running, "cors.explain", "@all")
        assert sum(row[0].startswith("flow ") for row in rows) == 20
        assert rows[-1] == ["40 more flows are not shown: choose fewer, or write a report with cors.report."]


def test_the_page_is_made_while_others_have_their_turns() -> None:
    with proxy(cors_page="page.addon") as running:
        seen(running, hosts=MANY)
        page = make_flow("Upgrade-Insecure-Requests: 1", "Accept: text/html", url="http://page.addon/")
        page.client_conn.peername = ("127.0.0.1", 50_000)

        async def ask() -> int:
            async def open_it() -> None:
                answer = running.addon.request(page)
                assert answer is not None
                with pytest.raises(exceptions.AddonHalt):
                    await answer

            task = asyncio.create_task(open_it())
            count = await turns_until(task.done)
            await task
            return count

        from cors_addon.mitm import page_flows

        before, page_flows._SLICE = page_flows._SLICE, -1.0  # type: ignore[misc]
        try:
            assert loop(running, ask) > MANY, "more than one for each card"
        finally:
            page_flows._SLICE = before  # type: ignore[misc]
        assert page.response is not None
        assert page.response.status_code == 200
        assert b"60" in page.response.content


def test_the_end_of_the_proxy_finishes_what_is_under_way() -> None:
    with proxy() as running:
        seen(running)
        told: list[object] = []

        async def ask() -> None:
            running.addon.reporting.summarize(told.append)
            running.addon.reporting.finish()

        loop(running, ask)
        assert len(told) == 1


def test_tickets_of_many_flows_are_written_beside_the_traffic(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "all.md"
    with proxy() as running:
        seen(running)

        async def ask() -> None:
            assert "the log will say" in str(call(running, "cors.ticket", "@all", str(path)))
            assert not path.exists()
            await turns_until(lambda: not running.addon.reporting.under_way)

        loop(running, ask)
        assert path.read_text(encoding="utf-8").count("\n## Blocked") >= 2
        assert any(f"written to {path}" in line for line in logged(caplog))


def test_a_ticket_waits_for_no_reader(tmp_path: Path) -> None:
    path = tmp_path / "pipe.md"
    os.mkfifo(path)
    with proxy() as running:
        seen(running, 1)
        with pytest.raises(exceptions.CommandError, match="a pipe or a device"):
            call(running, "cors.ticket", "@all", str(path))


def test_what_very_long_work_has_made_counts_as_old() -> None:
    with proxy() as running:

        def steps(job: sliced_jobs.Job[list[list[int]]]) -> sliced_jobs.Steps[list[list[int]]]:
            made: list[list[int]] = [[] for _ in range(150_000)]
            yield None
            return made

        kept: list[list[list[int]]] = []

        async def ask() -> None:
            gc.enable()
            running.addon.reporting.begin("much", steps, kept.append)
            await turns_until(lambda: not running.addon.reporting.under_way)
            assert gc.isenabled()
            assert gc.get_count()[0] < 100_000

        loop(running, ask)
        assert len(kept[0]) == 150_000
