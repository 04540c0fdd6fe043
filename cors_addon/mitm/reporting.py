"""Reports on demand. A long one is made while the traffic goes on.

Why a flow is blocked is worked out in the event loop, a little at a time, for that reads what the session changes with
every flow. The rest needs no more than what was taken by then, verdicts which never change, and happens in a thread.
"""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

from mitmproxy import exceptions
from mitmproxy.log import ALERT

from ..report import files
from ..report.formats import lists_all
from ..report.model import Draft, Report, draft
from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from .browsers import Browsers
from .host_snapshot import learned
from .probe import Probe
from .services import Services
from .verdict_store import KEPT_VERDICTS

logger = logging.getLogger("cors_addon")

LONG: Final = 2_000
"""A report of more verdicts than these is made while the traffic goes on; one of fewer takes a moment."""

_SLICE: Final = 0.01
"""Seconds for which the traffic waits at a time."""

_LONGEST: Final = 60.0
"""Seconds after which garbage is looked for although a report is not written yet: its disk may be stuck."""

_AT_ONCE: Final = 200

Given = ParamSpec("Given")
Result = TypeVar("Result")
_Steps = Generator["Future[Any] | None", None, None]


class _Job:
    """A report under way.

    ``steps`` yields the future of what happens in the thread, or ``None`` where others may have a turn. ``detached``
    says whether it needs the session no more; ``flows`` how many it spoke of, once it is written.
    """

    def __init__(self, target: Path, brief: bool) -> None:
        self.target = target
        self.brief = brief
        self.detached = self.over = False
        self.flows = 0
        self.steps: _Steps
        self.task: asyncio.Task[None] | None = None


class Reporting:
    """Builds and writes reports of what is remembered."""

    def __init__(self, services: Services, probe: Probe, browsers: Browsers) -> None:
        self._services = services
        self._probe = probe
        self._browsers = browsers
        self._jobs: dict[str, _Job] = {}
        self._thread: ThreadPoolExecutor | None = None
        self._collects = False
        self._patience: asyncio.TimerHandle | None = None
        self._ends = False

    @property
    def under_way(self) -> bool:
        """Whether a report is being made."""
        return bool(self._jobs)

    def report(self, brief: bool = False) -> Report:
        """Build a report of everything that is remembered, or, in ``brief``, of what is to be fixed."""
        store = self._services.store
        self._services.settle()
        return store.report(() if brief else self.profiles(), brief).with_unsent(self._browsers.unsent)

    def profiles(self, most: int | None = None, newest: int = KEPT_VERDICTS) -> list[dict[str, Any]]:
        """Return what each host's policy is, and what the probe has found out there; see ``Keeper.profiles``."""
        found = self._services.store.profiles(most, newest)
        return [{**each, "probed": self._probe.answers(each["host"])} for each in found]

    def write(self, target: Path) -> str:
        """Write a report, or begin to; return in words which of both.

        Raises ``OSError`` or ``ValueError`` where it cannot be written, and ``CommandError`` while another one is on
        its way to the same file.
        """
        place = os.path.realpath(target)
        if place in self._jobs:
            raise exceptions.CommandError(f"a report is on its way to {target} already; the log says when it is there")
        brief = not lists_all(target.suffix)
        verdicts = len(self._services.store.verdicts)
        if verdicts <= LONG or self._ends or not _in_a_loop():
            report = self.report(brief)
            files.write(report, target)
            return f"{_flows(report.summary['flows'])} written to {target}"
        files.check(target)
        job = _Job(target, brief)
        job.steps = self._steps(job)
        self._begin(place, job)
        return f"a report of {verdicts:,} verdicts is on its way to {target}; the log says when it is there"

    def detach(self) -> None:
        """Take what reports under way still need of the session, which is about to forget."""
        for job in [*self._jobs.values()]:
            while not (job.detached or job.over):
                self._go_on(job)

    def finish(self) -> None:
        """Finish what is under way, for nothing will any more; from now on each report is made at once."""
        self._ends = True
        for place, job in [*self._jobs.items()]:
            while not job.over:
                self._go_on(job)
            if job.task is not None:
                job.task.cancel()
            self._end(place)

    # --- driving a job ----------------------------------------------------------------------------------------

    def _begin(self, place: str, job: _Job) -> None:
        if not self._jobs:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="cors-addon report")
            # To look for garbage among the objects of a long report stops everything for a second and more.
            self._collects = gc.isenabled()
            gc.disable()
            self._patience = asyncio.get_running_loop().call_later(_LONGEST, self._collect)
        self._jobs[place] = job
        job.task = asyncio.get_running_loop().create_task(self._run(place, job), name="cors-addon writes a report")

    def _end(self, place: str) -> None:
        if self._jobs.pop(place, None) is None or self._jobs:
            return
        if self._thread is not None:
            self._thread.shutdown(wait=False)
            self._thread = None
        if self._patience is not None:
            self._patience.cancel()
        self._collect()

    def _collect(self) -> None:
        """Have garbage looked for again, but not at once among all that came meanwhile: that counts as old."""
        if not self._collects:
            return
        self._collects = False
        if not gc.get_freeze_count():
            gc.freeze()
            gc.unfreeze()
        gc.enable()

    async def _run(self, place: str, job: _Job) -> None:
        try:
            await asyncio.sleep(0)
            until = time.perf_counter() + _SLICE
            while not job.over:
                step = self._next(job)
                if step is not None:
                    with suppress(Exception):
                        await asyncio.wrap_future(step)
                elif time.perf_counter() > until:
                    await asyncio.sleep(0)
                else:
                    continue
                until = time.perf_counter() + _SLICE
        finally:
            self._end(place)

    def _go_on(self, job: _Job) -> None:
        """Do one step, and let everything else wait for it."""
        step = self._next(job)
        if step is not None:
            with suppress(Exception):
                step.result()

    def _next(self, job: _Job) -> "Future[Any] | None":
        """Begin the next step. Where there is none, or a fault, say so."""
        if job.over:
            return None
        try:
            return next(job.steps)
        except StopIteration:
            logger.log(ALERT, "CORS: %s written to %s", _flows(job.flows), inert(str(job.target)))
        except Exception as exc:
            if not isinstance(exc, OSError):
                self._services.log.fault("a report", None, exc)
            why = getattr(exc, "strerror", None) or f"{type(exc).__name__}: {exc}"
            logger.warning("CORS: %s could not be written: %s", inert(str(job.target)), inert(str(why)))
        job.over = True
        return None

    # --- the steps of a job -----------------------------------------------------------------------------------

    def _steps(self, job: _Job) -> _Steps:
        kept = self._services.store
        self._services.settle()
        basis = kept.basis()
        shown: list[Verdict] = []
        wholes: list[Verdict] = []
        explained: dict[str, Verdict] = {}
        for before in basis.verdicts:
            verdict = kept.verdicts.get(before.id, before)
            shown.append(verdict)
            wholes.append(kept.whole(verdict))
            if not job.brief:
                explained[verdict.id] = kept.explained(verdict)
            yield None
        hosts = [] if job.brief else (yield from self._hosts(shown))
        made = yield from self._aside(
            draft,
            wholes,
            basis.dropped,
            not_cors=basis.not_cors,
            ignores=basis.expected.ignores,
            baseline=basis.expected.baseline,
            hosts=hosts,
        )
        made = replace(made, report=made.report.with_unsent(self._browsers.unsent))
        if job.brief:
            for verdict in made.told:
                explained[verdict.id] = kept.explained(verdict)
                yield None
        job.detached = True
        job.flows = yield from self._aside(_written, made, explained, job)

    def _hosts(self, shown: list[Verdict]) -> Generator["Future[Any] | None", None, list[dict[str, Any]]]:
        from ..diagnosis.host_profiles import MOST_HOSTS, profiles

        hosts, costs = yield from learned(self._services.session, MOST_HOSTS)
        found = yield from self._aside(profiles, hosts, costs, reversed(shown))
        return [{**each, "probed": self._probe.answers(each["host"])} for each in found]

    def _aside(
        self, work: Callable[Given, Result], *given: Given.args, **named: Given.kwargs
    ) -> Generator["Future[Any] | None", None, Result]:
        """Do something in the thread."""
        assert self._thread is not None
        step = self._thread.submit(work, *given, **named)
        yield step
        return step.result()


def _written(made: Draft, explained: Mapping[str, Verdict], job: _Job) -> int:
    """Write a report; return how many flows it speaks of."""
    verdicts = made.told if job.brief else made.judged
    report = made.finished(explained.get(verdict.id, verdict) for verdict in verdicts)
    flows: int = report.summary["flows"]
    try:
        files.write(report, job.target)
    finally:
        # To forget all of them in one go would stop everything too.
        entries = list(report.flows)
        del report
        while entries:
            del entries[-_AT_ONCE:]
    return flows


def _flows(number: int) -> str:
    return f"{number} {'flow' if number == 1 else 'flows'}"


def _in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
