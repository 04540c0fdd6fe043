"""Notes the long turns of a proxy's event loop, and whose CPU time went into them.

A turn runs every callback that is due. All is measured in CPU time of the loop's thread: what another process takes
from the machine is nobody's turn. The addon's part of a turn are its hooks, commands, callbacks and tasks. Where the
rest went is looked at every few milliseconds by a thread. What Python's garbage collector takes is counted apart, since
it runs in whose turn it will, over all that the process holds.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import sys
import threading
import time
from collections import Counter
from collections.abc import Generator, Iterator
from types import FrameType
from typing import Any

from mitmproxy import addonmanager, command

LONG = 0.1
"""Seconds of CPU from which a turn is noted."""

_LOOK_EVERY = 0.02
_MARKS = ("/cors_addon/", "/soaking/", "/mitmproxy/")
_ADDON = "cors-addon"


class Turns:
    """Stands between the loop and its selector: a turn lasts from one selection's end to the next one's beginning.

    ``long`` are the turns of more than ``LONG``: CPU seconds, the addon's and the collector's parts of them, and where
    most of the time was seen. ``collections`` are the CPU seconds that each collection took, by generation.
    ``most_own`` is the addon's largest part of any turn, without the collector's; ``most_steps`` is what it was made
    of: CPU seconds and how many, by what each hook, command or callback is called. ``longest`` is the longest of all
    such steps: CPU seconds, and which it was.
    """

    def __init__(self) -> None:
        self.long: list[tuple[float, float, float, str]] = []
        self.count = 0
        self.most_own = 0.0
        self.most_steps: dict[str, tuple[float, int]] = {}
        self.longest = (0.0, "")
        self.collections: list[list[float]] = [[], [], []]
        self._begun: float | None = None
        self._seen: Counter[str] = Counter()
        self._collecting = self._collected = self._own = self._collected_ever = 0.0
        self._steps: dict[str, tuple[float, int]] = {}
        self._is_own = False

    def start(self) -> None:
        loop: Any = asyncio.get_running_loop()
        select = loop._selector.select
        begun = time.thread_time()

        def measured(timeout: float | None = None) -> Any:
            nonlocal begun
            taken = time.thread_time() - begun
            self._begun = None
            self.count += 1
            if self._own > self.most_own:
                self.most_own, self.most_steps = self._own, self._steps
            if taken > LONG:
                seen = self._seen.most_common(1)
                self.long.append((taken, self._own, self._collected, seen[0][0] if seen else "nobody looked"))
            ready = select(timeout)
            self._seen.clear()
            self._collected = self._own = 0.0
            self._steps = {}
            begun = time.thread_time()
            self._begun = time.monotonic()
            return ready

        loop._selector.select = measured
        watched = threading.get_ident()
        self._count_collections(watched)
        self._count_own()
        thread = threading.Thread(target=self._look, args=(watched,), name="soak looks", daemon=True)
        thread.start()

    def _count_collections(self, watched: int) -> None:
        def collects(phase: str, info: dict[str, int]) -> None:
            if threading.get_ident() != watched:
                return
            if phase == "start":
                self._collecting = time.thread_time()
            else:
                taken = time.thread_time() - self._collecting
                self._collected += taken
                self._collected_ever += taken
                self.collections[info["generation"]].append(taken)

        gc.callbacks.append(collects)

    def _count_own(self) -> None:
        """Count what the addon does as its own, and once where one part of it calls another."""
        handles: Any = asyncio.Handle
        manager: Any = addonmanager.AddonManager
        run, iter_hooks = handles._run, manager._iter_hooks

        def ran(handle: Any) -> None:
            if _is_the_addons(handle._callback):
                self._timed(run, handle)
            else:
                run(handle)

        def hooks(held: Any, addon: Any, event: Any) -> Iterator[tuple[Any, Any]]:
            for each, hook in iter_hooks(held, addon, event):
                is_own = getattr(each, "name", "") == _ADDON
                yield each, functools.partial(self._hooked, hook) if is_own else hook

        commands: Any = command.Command
        call = commands.call

        def called(held: Any, given: Any) -> Any:
            return self._timed(call, held, given) if _is_the_addons(held.func) else call(held, given)

        handles._run, manager._iter_hooks, commands.call = ran, hooks, called

    def _hooked(self, hook: Any, *given: Any) -> Any:
        made = self._timed(hook, *given)
        return _Stepped(made, functools.partial(self._timed, name=_name_of(hook, ()))) if made is not None else None

    def _timed(self, work: Any, *given: Any, name: str = "") -> Any:
        if self._is_own:
            return work(*given)
        self._is_own = True
        begun, collected = time.thread_time(), self._collected
        try:
            return work(*given)
        finally:
            self._is_own = False
            taken = time.thread_time() - begun - (self._collected - collected)
            self._own += taken
            name = name or _name_of(work, given)
            before, count = self._steps.get(name, (0.0, 0))
            self._steps[name] = before + taken, count + 1
            if taken > self.longest[0]:
                self.longest = taken, name

    def _look(self, watched: int) -> None:
        clock = time.pthread_getcpuclockid(watched)
        before = 0.0
        while True:
            time.sleep(_LOOK_EVERY)
            # Nobody looks while the collector runs, and it is nobody's.
            begun, now = self._begun, time.clock_gettime(clock) - self._collected_ever
            if begun is not None and time.monotonic() - begun > _LOOK_EVERY:
                # Weighed by the CPU time since the look before: a thread that waits for a disk is seen often, too.
                self._seen[where(sys._current_frames().get(watched))] += int(1e6 * (now - before))
            before = now


class _Stepped:
    """What a hook returned to be awaited; each step of it is timed."""

    def __init__(self, made: Any, timed: Any) -> None:
        self._made = made
        self._timed = timed

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._made.__await__()
        step, given = steps.send, None
        while True:
            try:
                awaited = self._timed(step, given)
            except StopIteration as end:
                return end.value
            try:
                step, given = steps.send, (yield awaited)
            except BaseException as exc:
                step, given = steps.throw, exc


def _name_of(work: Any, given: tuple[Any, ...]) -> str:
    """Return what a step is called: a hook, or what a handle or a command calls."""
    called = given[0] if given and isinstance(given[0], asyncio.Handle | command.Command) else work
    called = getattr(called, "_callback", getattr(called, "func", called))
    owner = getattr(called, "__self__", None)
    return owner.get_name() if isinstance(owner, asyncio.Task) else str(getattr(called, "__qualname__", called))


def _is_the_addons(callback: Any) -> bool:
    owner = getattr(callback, "__self__", None)
    if isinstance(owner, asyncio.Task):
        code = getattr(owner.get_coro(), "cr_code", None)
        return code is not None and "/cors_addon/" in code.co_filename
    return str(getattr(callback, "__module__", "")).startswith("cors_addon")


def where(frame: FrameType | None) -> str:
    """Return the line of a stack that says whose work it is."""
    found: dict[str, str] = {}
    while frame is not None:
        code = frame.f_code
        for mark in _MARKS:
            # What is measured here stands on every stack.
            if mark in code.co_filename and code.co_filename != __file__:
                _, _, name = code.co_filename.rpartition(mark)
                found.setdefault(mark, f"{mark.strip('/')}/{name}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    # The soak's own count is its own, though it looks at what the addon holds.
    for mark in ("/soaking/", *_MARKS):
        if mark in found:
            return found[mark]
    return "elsewhere"
