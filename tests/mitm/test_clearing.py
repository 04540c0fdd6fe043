"""`cors.clear`: it forgets at once, whatever is under way, and takes nothing from whoever still reads it."""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cors_addon.diagnosis.explanations import Explanations
from cors_addon.diagnosis.session import Session
from cors_addon.diagnosis.stepwise import caches_emptied, emptied, result_of
from cors_addon.mitm import reporting, sliced_jobs
from cors_addon.verdict import conditions
from cors_addon.verdict.model import Verdict
from tests.mitm.support import Proxy, cors_get, logged, proxy
from tests.mitm.test_commands import call
from tests.mitm.test_pipeline import pass_hooks

MANY = 60


@pytest.fixture(autouse=True)
def every_step_is_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sliced_jobs, "_SLICE", 0)
    monkeypatch.setattr(sliced_jobs, "_AT_ONCE", -1)
    monkeypatch.setattr(reporting, "LONG", 0)
    monkeypatch.setattr(reporting, "_WAIT", 0.0)


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


def seen(running: Proxy, count: int = MANY) -> list[Any]:
    flows = [cors_get("Server: nginx", url=f"http://a.test/{n}", status=502, at=1000.0 + n) for n in range(count)]
    running.send(*flows)
    return flows


def test_what_is_cleared_is_taken_off_its_flows_in_steps() -> None:
    with proxy() as running:
        flows = [cors_get(url=f"http://a.test/{n}", at=1000.0 + n) for n in range(3 * MANY)]
        running.send(*flows)

        async def ask() -> int:
            call(running, "cors.clear")
            assert not running.addon.kept.verdicts
            running.send(again := cors_get(url="http://a.test/again", at=2000.0))
            count = await turns_until(lambda: not running.addon.reporting.under_way)
            assert "cors" in again.metadata, "what is judged since stays"
            return count

        assert loop(running, ask) >= 3
        assert not any("cors" in flow.metadata for flow in flows)


def test_it_takes_no_step_of_a_report_under_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "all.json"
    explained: list[str] = []
    real = Explanations.of

    def of(self: Explanations, verdict: Verdict) -> Verdict:
        explained.append(verdict.id)
        return real(self, verdict)

    with proxy() as running:
        flows = seen(running)
        monkeypatch.setattr(Explanations, "of", of)

        async def ask() -> None:
            call(running, "cors.report", str(path))
            await turns_until(lambda: len(explained) >= 3)
            so_far = len(explained)
            call(running, "cors.clear")
            assert len(explained) == so_far
            running.send(again := cors_get(url="http://a.test/again", at=2000.0))
            await turns_until(lambda: not running.addon.reporting.under_way)
            assert "cors" in again.metadata

        loop(running, ask)
        assert [*running.addon.kept.verdicts] == [running.addon.kept.verdicts.popitem()[0]]
    entries = json.loads(path.read_text())["flows"]
    assert [entry["id"] for entry in entries] == [flow.id for flow in flows]
    assert all(entry["findings"][0]["cause"] for entry in entries), "explained as if nothing had been cleared"


def test_a_report_has_what_still_waited_for_its_verdict_and_the_flows_stay_bare(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cors_addon.mitm.pipeline._MOMENT", 0.0)
    path, lines = tmp_path / "all.json", tmp_path / "all.jsonl"
    with proxy(cors_report=[str(lines)]) as running:
        flows = seen(running, 3)
        waiting = [cors_get(url=f"http://b.test/{n}", at=1100.0 + n) for n in range(MANY)]

        async def ask() -> None:
            for flow in waiting:
                pass_hooks(running, flow)
            assert not any(flow.metadata for flow in waiting)
            call(running, "cors.report", str(path))
            call(running, "cors.clear")
            await turns_until(lambda: not running.addon.reporting.under_way)

        loop(running, ask)
        assert not running.addon.kept.verdicts
        assert not any("cors" in flow.metadata for flow in (*flows, *waiting))
    wanted = {flow.id for flow in (*flows, *waiting)}
    assert {entry["id"] for entry in json.loads(path.read_text())["flows"]} == wanted
    written = [json.loads(line) for line in lines.read_text().splitlines()]
    assert {entry["id"] for entry in written if "id" in entry} == wanted, "and so has one that is appended to"


def test_what_is_cleared_is_appended_with_its_causes(tmp_path: Path) -> None:
    path = tmp_path / "all.jsonl"
    with proxy(cors_report=[str(path)]) as running:
        flows = seen(running)

        async def ask() -> None:
            call(running, "cors.clear")
            await turns_until(lambda: not running.addon.reporting.under_way)

        loop(running, ask)
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    told = {entry["id"]: entry["findings"][0]["cause"] for entry in entries if "id" in entry}
    assert [*told] == [flow.id for flow in flows]
    assert all(told.values())


def test_while_a_disk_refuses_lines_nothing_is_kept_for_them(tmp_path: Path) -> None:
    path = tmp_path / "gone" / "all.jsonl"
    path.parent.mkdir()
    with proxy(cors_report=[str(path)]) as running:
        flows = seen(running)
        path.parent.rmdir()

        async def ask() -> Any:
            running.addon.kept.journals.write()
            journals = running.addon.kept.journals._journals.values()
            await turns_until(lambda: all(each.fails for each in journals))
            remembered = running.addon.session.correlator.records
            assert remembered
            call(running, "cors.clear")
            await turns_until(lambda: not running.addon.reporting.under_way)
            return remembered

        remembered = loop(running, ask)
        assert not remembered
        path.parent.mkdir()
    told = {json.loads(line).get("id") for line in path.read_text().splitlines()}
    assert told >= {flow.id for flow in flows}, "they are there all the same"


def test_a_second_time_while_a_report_is_made_of_the_first(tmp_path: Path) -> None:
    with proxy() as running:
        wanted = []

        async def ask() -> None:
            for number in range(3):
                wanted.append({flow.id for flow in seen(running, 20 + number)})
                call(running, "cors.report", str(tmp_path / f"{number}.json"))
                await turns_until(lambda: True)
                call(running, "cors.clear")
            await turns_until(lambda: not running.addon.reporting.under_way)

        loop(running, ask)
    for number, ids in enumerate(wanted):
        data = json.loads((tmp_path / f"{number}.json").read_text())
        assert {entry["id"] for entry in data["flows"]} == ids


def test_the_end_of_the_proxy_waits_for_nobody_who_reads(tmp_path: Path) -> None:
    path = tmp_path / "all.json"
    with proxy() as running:
        flows = seen(running)

        async def ask() -> None:
            call(running, "cors.report", str(path))
            call(running, "cors.clear")
            running.addon.reporting.finish()

        loop(running, ask)
    assert len(json.loads(path.read_text())["flows"]) == len(flows)


def test_nothing_old_is_told_or_counted_again(caplog: pytest.LogCaptureFixture) -> None:
    with proxy(cors_fail_on="blocked") as running:

        async def ask() -> None:
            for number in range(MANY):
                pass_hooks(running, cors_get(url=f"http://a.test/{number}", at=1000.0 + number))
            running.addon.clear()
            await turns_until(lambda: not running.addon.reporting.under_way)

        loop(running, ask)
        assert [line for line in logged(caplog) if "a.test" in line] == []
        assert running.addon.kept.judged == 0
        assert running.addon.kept.report().summary["flows"] == 0


def test_the_budget_of_bytes_and_what_is_ignored_stay() -> None:
    with proxy(cors_memory=64, cors_ignore=["allow-origin-missing@a.test # soon"]) as running:
        budgets = running.addon.session.correlator.budget, running.addon.kept.verdicts.budget
        running.addon.clear()
        assert (running.addon.session.correlator.budget, running.addon.kept.verdicts.budget) == budgets
        flow = running.send(cors_get(url="http://a.test/"))
        assert flow.metadata["cors.findings"] == ""


# --- letting go ---------------------------------------------------------------------------------------------------


def test_everything_is_emptied_in_small_steps_and_nothing_else() -> None:
    with proxy() as running:
        seen(running, 3 * MANY)
        before, settings = running.addon.session.hand_over(), running.addon.session.settings
        records = before.correlator.records
        held = len(records)
        for _ in emptied(before):
            assert held - len(records) <= 200
            held = len(records)
        assert not records
        assert not before.correlator._places
        assert not before.hosts._seen
        assert running.addon.session.settings is settings is before.settings


def test_no_cache_remembers_what_was_sent() -> None:
    with proxy(cors_page="page.addon") as running:
        flow = running.send(cors_get(url="http://unheard-of.test/a?b=c", at=1000.0))
        running.addon.verdict_of(flow)
        running.report()

        def caches() -> str:
            return repr([gc.get_referents(cache) for _, cache in of_traffic()]) + repr(conditions._remembered)

        assert "unheard-of" in caches()
        running.addon.clear()
        assert "unheard-of" not in caches()


def test_no_cache_keeps_long_values() -> None:
    """They count in no budget, so that they must not grow with what is sent."""
    result_of(caches_emptied())
    with proxy() as running:
        for number in range(40):
            long = f"{number:06d}{'p' * 3_500}"
            names = ("Allow-Origin", "Allow-Methods", "Allow-Headers", "Expose-Headers", "Max-Age")
            lines = [f"Access-Control-{name}: {long}" for name in names]
            lines += [f"{name}: {long}" for name in ("Vary", "Server", "Via", "Set-Cookie", "Content-Type", "Link")]
            flow = cors_get(*lines, url=f"http://api.test/{long}?{long}={long}", at=1000.0 + number)
            flow.request.headers["Referer"] = f"http://app.test/{long}"
            running.send(flow)
            running.addon.verdict_of(flow)
        running.report()
    for name, cache in of_traffic():
        info = cache.cache_info()
        if info.currsize >= 10:
            assert _held(cache) / info.currsize * info.maxsize < 16_000_000, name


def of_traffic() -> Iterator[tuple[str, Any]]:
    for name, module in [*sys.modules.items()]:
        if name.startswith("cors_addon"):
            for attribute, value in [*vars(module).items()]:
                if isinstance(value, functools._lru_cache_wrapper) and (value.cache_parameters()["maxsize"] or 0) > 1:
                    yield f"{name}.{attribute}", value


def _held(cache: Any) -> int:
    """Return the characters and bytes that a cache holds."""
    known: set[int] = set()
    todo, size = gc.get_referents(cache), 0
    while todo:
        each = todo.pop()
        if id(each) in known:
            continue
        known.add(id(each))
        if isinstance(each, str | bytes):
            size += len(each)
        elif isinstance(each, dict | tuple | list | frozenset) or type(each).__name__ == "_lru_list_elem":
            todo += gc.get_referents(each)
    return size


def test_a_session_that_has_handed_over_is_like_a_new_one() -> None:
    used, new = Session(), Session()
    with proxy() as running:
        seen(running)
        result_of(emptied(running.addon.session.hand_over()))
        used = running.addon.session
        for name, value in vars(new).items():
            if name not in ("settings", "correlator"):
                assert {k: v for k, v in vars(value).items() if isinstance(v, dict | list | set)} == {
                    k: v for k, v in vars(getattr(used, name)).items() if isinstance(v, dict | list | set)
                }
