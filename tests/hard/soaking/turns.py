"""Notes the long turns of a proxy's event loop, and what ran in them.

A turn is measured in CPU time of the loop's thread: what another process takes from the machine is nobody's turn. While
one lasts, a thread looks every few milliseconds at what is running, and the innermost lines of the addon say whose turn
it is; where there are none, mitmproxy's or the soak's own do.

What Python's garbage collector takes of a turn is counted apart. It runs in whose turn it will, over all that the
process holds, and a thread that looks finds it where it ended.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
from collections import Counter
from types import FrameType
from typing import Any

LONG = 0.1
"""Seconds of CPU from which a turn is noted."""

_LOOK_EVERY = 0.02
_MARKS = ("/cors_addon/", "/soaking/", "/mitmproxy/")


class Turns:
    """Stands between the loop and its selector: a turn lasts from one selection's end to the next one's beginning.

    ``long`` are triples: the CPU seconds of a turn, where most of it was spent, and the collector's part in seconds.
    ``collections`` are the CPU seconds that each collection took, by generation.
    """

    def __init__(self) -> None:
        self.long: list[tuple[float, str, float]] = []
        self.count = 0
        self.collections: list[list[float]] = [[], [], []]
        self._begun: float | None = None
        self._seen: Counter[str] = Counter()
        self._collecting = self._collected = 0.0

    def start(self) -> None:
        loop: Any = asyncio.get_running_loop()
        select = loop._selector.select
        begun = time.thread_time()

        def measured(timeout: float | None = None) -> Any:
            nonlocal begun
            taken = time.thread_time() - begun
            self._begun = None
            self.count += 1
            if taken > LONG:
                seen = self._seen.most_common(2)
                whose = " · ".join(where for where, _ in seen) or "nobody looked"
                self.long.append((taken, whose, self._collected))
            ready = select(timeout)
            self._seen.clear()
            self._collected = 0.0
            begun = time.thread_time()
            self._begun = time.monotonic()
            return ready

        loop._selector.select = measured
        watched = threading.get_ident()

        def collects(phase: str, info: dict[str, int]) -> None:
            if threading.get_ident() != watched:
                return
            if phase == "start":
                self._collecting = time.thread_time()
            else:
                taken = time.thread_time() - self._collecting
                self._collected += taken
                self.collections[info["generation"]].append(taken)

        gc.callbacks.append(collects)
        thread = threading.Thread(target=self._look, args=(watched,), name="soak looks", daemon=True)
        thread.start()

    def _look(self, watched: int) -> None:
        while True:
            time.sleep(_LOOK_EVERY)
            begun = self._begun
            if begun is not None and time.monotonic() - begun > _LOOK_EVERY:
                self._seen[where(sys._current_frames().get(watched))] += 1


def where(frame: FrameType | None) -> str:
    """Return the line of a stack that says whose work it is."""
    found: dict[str, str] = {}
    while frame is not None:
        code = frame.f_code
        for mark in _MARKS:
            if mark in code.co_filename:
                _, _, name = code.co_filename.rpartition(mark)
                found.setdefault(mark, f"{mark.strip('/')}/{name}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    # The soak's own count is its own, though it looks at what the addon holds.
    for mark in ("/soaking/", *_MARKS):
        if mark in found:
            return found[mark]
    return "elsewhere"
