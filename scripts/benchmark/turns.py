"""The longest turns of a proxy's event loop under a steady load: while one lasts, every other flow waits."""

import json
import os
import statistics
import time
from collections.abc import Mapping

from . import turns_script
from .client import over_http1
from .live import empty_script, running, servers
from .measures import EMPTY, Rounds, Row, Say, addon_of, by_turns
from .traffic import CORS, PLAIN, UNSHARED

RATE = 500
_CONNECTIONS = 24
_LOAD = [*PLAIN[::2], *CORS, *UNSHARED[2:4], *PLAIN[1::2], *CORS]


async def measure(folder: str, roots: Mapping[str, str], rounds: int, seconds: float, say: Say) -> list[Row]:
    """Send so many seconds of load to each proxy by turns, and return the longest turn of its loop."""
    notes = {name: os.path.join(folder, f"turns-{number}.json") for number, name in enumerate([EMPTY, *roots])}
    arguments = {}
    for name, path in notes.items():
        script = addon_of(roots[name]) if name in roots else empty_script(folder)
        arguments[name] = ["-s", turns_script.__file__, "--set", f"turns={path}", "-s", script]
    spans: dict[str, list[tuple[float, float]]] = {name: [] for name in notes}
    speed = Rounds()
    async with servers(folder) as ports, running(folder, arguments) as proxies:
        for number, order in enumerate(by_turns([*notes], rounds)):
            say(f"turns of the event loop, round {number + 1} of {rounds}")
            for name in order:
                requests = max(1, int(RATE * seconds))
                calls = [_LOAD[number % len(_LOAD)] for number in range(requests)]
                begun = time.monotonic()
                await over_http1(proxies[name].port, ports[False], calls, _CONNECTIONS, 1 / RATE)
                spans[name].append((begun, time.monotonic()))
                speed.add(name, requests / (spans[name][-1][1] - begun))
    cells = {}
    for name, path in notes.items():
        with open(path, encoding="ascii") as file:
            turns: list[tuple[float, float]] = json.load(file)
        longest = [max([taken for at, taken in turns if a <= at <= b], default=0.0) * 1e3 for a, b in spans[name]]
        cells[name] = (
            f"{statistics.median(longest):.1f} ms, at most {max(longest):.1f} ms ({speed.median(name):.0f} a second)"
        )
    return [Row(f"longest turn of the event loop under {RATE} requests a second, CPU", cells, "≤ 20 ms")]
