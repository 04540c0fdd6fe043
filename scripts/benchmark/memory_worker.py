"""Sends flows of one scenario through an addon and prints how many, and the megabytes then held; see ``memory.py``."""

import asyncio
import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from mitmproxy import http

from .hooks_worker import Hooked, loaded
from .measures import resident
from .traffic import CORS, flow_of, mixed

SCENARIOS: Final = {
    "mixed": ("{} mixed flows", 300_000),
    "headers": ("{} responses with a header of 200 KB", 5_000),
    "urls": ("{} URLs of 1 MB", 2_000),
}
_LOOK_EVERY: Final = 25


def flows_of(scenario: str, count: int) -> Iterator[http.HTTPFlow]:
    if scenario == "mixed":
        for each in mixed(count):
            yield flow_of(*each, live=True)
        return
    get = CORS[2]
    for number in range(count):
        call = get
        if scenario == "headers":
            call = replace(get, answered=(*get.answered, ("X-Large", f"{number} " + "x" * 200_000)))
        else:
            call = replace(get, path=f"/{number}/" + "x" * 1_000_000)
        yield flow_of(number, 1_790_000_000.0 + number * 0.01, call, "host.example.test", live=True)


async def _run(scenario: str, count: int, most: float, root: str) -> tuple[int, float]:
    logging.disable()
    sent = 0
    with contextlib.ExitStack() as stack:
        hooked: Hooked | None = stack.enter_context(loaded(root)) if root else None
        for sent, flow in enumerate(flows_of(scenario, count), 1):
            if hooked is not None:
                hooked.send(flow)
            if sent % _LOOK_EVERY == 0:
                if hooked is not None:
                    hooked.drain()
                await asyncio.sleep(0)
                if resident() > most:
                    break
        return sent, resident()


if __name__ == "__main__":
    print(*asyncio.run(_run(sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4])))
