"""How long commands and the live page hold the event loop with very many findings: `bench.py --only crowd`.

CPU time of the loop's thread in its longest turn, from the command on until nothing of it is under way any more.
"""

import asyncio
import logging
import pickle
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from .hooks_worker import Hooked, loaded
from .measures import AFTER, ROOT, Row, Say
from .traffic import UNSHARED, flow_of

_PASSED: Final = 10_000
"""Flows that pass; more verdicts than theirs are copied: to explain what a session forgets takes minutes."""

_HOSTS: Final = 40
_PATHS: Final = 977
_TARGET: Final = "≤ 50 ms"


class _Longest:
    """The longest turn of the running loop since ``start``."""

    def __init__(self) -> None:
        loop: Any = asyncio.get_running_loop()
        select = loop._selector.select
        self.seconds = 0.0
        self._begun = time.thread_time()

        def measured(timeout: float | None = None) -> Any:
            self.seconds = max(self.seconds, time.thread_time() - self._begun)
            ready = select(timeout)
            self._begun = time.thread_time()
            return ready

        loop._selector.select = measured

    async def of(self, work: Callable[[], object], is_over: Callable[[], bool]) -> float:
        await asyncio.sleep(0.05)
        self.seconds = 0.0
        made = work()
        if isinstance(made, Awaitable):
            await made
        while not is_over():
            await asyncio.sleep(0.05)
        await asyncio.sleep(0.01)
        return self.seconds


async def _seen(hooked: Hooked, count: int) -> list[Any]:
    flows = []
    for number in range(min(count, _PASSED)):
        call = UNSHARED[number % len(UNSHARED)]
        call = replace(call, path=call.path.replace("/bare", f"/bare{number % _PATHS}"))
        flow = flow_of(number, time.time(), call, f"h{number % _HOSTS}.test", live=True)
        hooked.send(flow)
        flows.append(flow)
        if number % 500 == 0:
            hooked.drain()
            await asyncio.sleep(0)
    hooked.drain()
    await _copied(hooked.addon.kept, count)
    return flows


async def _copied(kept: Any, count: int) -> None:
    """Keep copies of verdicts that share nothing with these, whatever they weigh."""
    kept.verdicts.budget = 2**40
    whole = [pickle.dumps(verdict) for verdict in kept.verdicts.values()]
    for number in range(count - len(kept.verdicts)):
        copy = replace(pickle.loads(whole[number % len(whole)]), id=f"copy-{number}")
        kept.verdicts[copy.id] = copy
        kept.touch(copy.id)
        kept.judged += 1
        if number % 500 == 0:
            await asyncio.sleep(0)


async def _measure(count: int, say: Say) -> list[Row]:
    rows = []
    with TemporaryDirectory() as folder, loaded(ROOT) as hooked:
        addon = hooked.addon
        flows = await _seen(hooked, count)
        longest = _Longest()

        def is_over() -> bool:
            return not addon.reporting.under_way

        def page() -> Awaitable[Any]:
            from cors_addon.fetch.headers import HeaderList
            from cors_addon.page.messages import PageRequest, Place

            place = Place("/", "", "", "http://cors.addon", "")
            answered: Awaitable[Any] = addon.page._answer(PageRequest("GET", place, HeaderList([]), b"", "127.0.0.1"))
            return answered

        commands = addon.commands
        works: dict[str, Callable[[], object]] = {
            "cors.status": commands.status,
            "cors.explain of all": lambda: commands.explain(flows),
            "cors.rules.suggest of all": lambda: commands.rules_suggest(flows),
            "cors.rules.add of all": lambda: commands.rules_add(flows),
            "cors.ticket of all": lambda: commands.ticket(flows, str(Path(folder, "a.md"))),
            **{
                f"cors.report {suffix}": partial(commands.report, str(Path(folder, f"a{suffix}")))
                for suffix in (".json", ".html", ".sarif", ".txt")
            },
            "live page, first opening": page,
            "live page, again": page,
            "cors.clear": commands.clear,
        }
        for name, work in works.items():
            say(f"{name}, {count:,} flows")
            taken = await longest.of(work, is_over)
            rows.append(
                Row(f"longest turn, {count:,} blocked flows: {name}", {AFTER: f"{taken * 1e3:.0f} ms"}, _TARGET)
            )
    return rows


def measure(roots: Mapping[str, str], flows: int, say: Say) -> list[Row]:
    """Return the longest turn of the loop for each command, of this checkout alone."""
    del roots
    logging.disable()
    return asyncio.run(_measure(flows, say))
