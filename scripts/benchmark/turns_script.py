"""For mitmdump: notes how much CPU each longer turn of the event loop takes, and writes it to the option `turns`.

CPU and not wall-clock time: what another process takes from the machine is nobody's turn.
"""

import asyncio
import json
import time
from typing import Any

from mitmproxy import ctx
from mitmproxy.addonmanager import Loader

_NOTED = 0.0005


class Turns:
    """Stands between the loop and its selector: a turn lasts from one selection's end to the next one's beginning."""

    def load(self, loader: Loader) -> None:
        loader.add_option("turns", str, "", "file for the longer turns: when they ended (monotonic), CPU seconds")

    def running(self) -> None:
        loop: Any = asyncio.get_running_loop()
        select = loop._selector.select
        self.turns: list[tuple[float, float]] = []
        begun = time.thread_time()

        def measured(timeout: float | None = None) -> Any:
            nonlocal begun
            taken = time.thread_time() - begun
            if taken > _NOTED:
                self.turns.append((time.monotonic(), taken))
            ready = select(timeout)
            begun = time.thread_time()
            return ready

        loop._selector.select = measured

    def done(self) -> None:
        with open(ctx.options.turns, "w", encoding="ascii") as file:
            json.dump(self.turns, file)


addons = [Turns()]
