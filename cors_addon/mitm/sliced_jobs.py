"""Long work beside the traffic: a little at a time in the event loop, the rest in a thread.

A job is a generator. It yields ``None`` where others may have a turn, the future of what happens in the thread, and
the seconds for which there is nothing to do.
"""

import asyncio
import gc
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, Generic, ParamSpec, TypeVar

_SLICE: Final = 0.01
"""Seconds for which the traffic waits at a time."""

_AT_ONCE: Final = 0.02
"""Seconds for which a command waits for what may be made in no time."""

_LONGEST: Final = 60.0
"""Seconds after which garbage is looked for although a job is not over yet: its disk may be stuck."""

_VERY_MANY: Final = 100_000
"""Objects among which garbage is looked for in 20 ms."""

Given = ParamSpec("Given")
Result = TypeVar("Result")
Step = Future[Any] | float | None
Steps = Generator[Step, None, Result]


class Job(Generic[Result]):
    """Work under way. ``done`` is given the result of its ``steps``, ``failed`` the exception that ended them.

    ``source`` is what it reads, and may be another one at each step; ``None`` once it reads nothing any more. ``over``
    says that it has ended.
    """

    def __init__(self, done: Callable[[Result], None], failed: Callable[[Exception], None], source: Any = None) -> None:
        self.done = done
        self.failed = failed
        self.source = source
        self.over = False
        self.steps: Steps[Result]
        self.pending: Future[Any] | None = None
        self.task: asyncio.Task[None] | None = None


class Jobs:
    """The jobs under way, by name."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job[Any]] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._collects = False
        self._patience: asyncio.TimerHandle | None = None
        self.ends = False

    def __contains__(self, name: str) -> bool:
        return name in self._jobs

    def __bool__(self) -> bool:
        return bool(self._jobs)

    @property
    def may_wait(self) -> bool:
        """Whether a job can go on later: there is a loop, and it turns on."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return False
        return not self.ends

    def begin(self, name: str, job: Job[Any], at_once: bool = False) -> None:
        """Begin a job; ``at_once`` it gets a moment here and now, in which a short one is over."""
        if not self._jobs:
            # To look for garbage among the objects of a long job stops everything for a second and more.
            self._collects = gc.isenabled()
            gc.disable()
            self._patience = asyncio.get_running_loop().call_later(_LONGEST, self._collect)
        self._jobs[name] = job
        if at_once and self._is_over_by(job, time.perf_counter() + _AT_ONCE):
            self._end(name)
            return
        job.task = asyncio.get_running_loop().create_task(self._run(name, job), name=f"cors-addon makes {name}")

    def hand_over(self, source: object, before: object) -> None:
        """Have the jobs under way read ``before`` in place of ``source``, which is about to forget."""
        for job in self._jobs.values():
            if job.source is source:
                job.source = before

    def read(self, source: object) -> bool:
        """Say whether a job under way reads ``source``."""
        return any(job.source is source for job in self._jobs.values())

    def finish(self) -> None:
        """Finish what is under way, for nothing will any more."""
        self.ends = True
        for name, job in [*self._jobs.items()]:
            while not job.over:
                self._go_on(job)
            if job.task is not None:
                job.task.cancel()
            self._end(name)

    def aside(self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs) -> Steps[Result]:
        """Do something in the thread."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="cors-addon job")
        step = self._thread.submit(work, *given, **named)
        yield step
        return step.result()

    def _end(self, name: str) -> None:
        if self._jobs.pop(name, None) is None or self._jobs:
            return
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None
        if self._patience is not None:
            self._patience.cancel()
        self._collect()

    def _collect(self) -> None:
        """Have garbage looked for again, but not at once among very much that came meanwhile: that counts as old.

        What was frozen at the start counts as old again with it: 57 ms, now and then, in place of 200 ms at once.
        """
        if not self._collects:
            return
        self._collects = False
        if gc.get_count()[0] > _VERY_MANY:
            gc.freeze()
            gc.unfreeze()
        gc.enable()

    async def _run(self, name: str, job: Job[Any]) -> None:
        try:
            await asyncio.sleep(0)
            until = time.perf_counter() + _SLICE
            while not job.over:
                step = self._next(job)
                if isinstance(step, Future):
                    with suppress(Exception):
                        await asyncio.wrap_future(step)
                elif step is not None:
                    await asyncio.sleep(step)
                elif time.perf_counter() > until:
                    await asyncio.sleep(0)
                else:
                    continue
                until = time.perf_counter() + _SLICE
        finally:
            self._end(name)

    def _is_over_by(self, job: Job[Any], end: float) -> bool:
        """Work on a job until a moment of the performance counter; say whether it is over."""
        while not job.over and (left := end - time.perf_counter()) > 0:
            step = self._next(job)
            if step is None:
                continue
            if not isinstance(step, Future):
                break
            with suppress(Exception):
                step.exception(left)
            if not step.done():
                job.pending = step
        return job.over

    def _go_on(self, job: Job[Any]) -> None:
        """Do one step, and let everything else wait for it."""
        step = self._next(job)
        if isinstance(step, Future):
            with suppress(Exception):
                step.result()

    def _next(self, job: Job[Any]) -> Step:
        """Begin the next step, or return the one under way. Where there is none, or a fault, say so."""
        if job.over:
            return None
        if job.pending is not None:
            step, job.pending = job.pending, None
            return step
        try:
            return next(job.steps)
        except StopIteration as end:
            job.over = True
            job.done(end.value)
        except Exception as exc:
            job.over = True
            job.failed(exc)
        return None
