"""Reports and summaries on demand. A long one is made while the traffic goes on.

Why a flow is blocked is worked out in the event loop, a little at a time, for that reads what the session changes with
every flow. The rest needs no more than what was taken by then, verdicts which never change, and happens in a thread.
"""

import logging
import os
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from mitmproxy import exceptions
from mitmproxy.log import ALERT

from ..diagnosis.stepwise import caches_emptied, emptied, result_of
from ..report import files
from ..report.formats import lists_all
from ..report.model import Draft, Report, draft
from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from .browsers import Browsers
from .host_snapshot import learned
from .pipeline import Pipeline
from .probe import Probe
from .services import Services
from .sliced_jobs import Job, Jobs, Steps
from .verdict_store import KEPT_VERDICTS

logger = logging.getLogger("cors_addon")

LONG: Final = 30
"""A report of more verdicts than these is made while the traffic goes on; one of fewer takes a moment."""

_AT_ONCE: Final = 200

_WAIT: Final = 0.1
"""Seconds between looks at whether what was forgotten is still read."""

_MOST_WAITED: Final = 2_000
"""Moments for which a report waits until all is judged: traffic may bring evidence without end."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a report reads: ``services``, what browsers never sent, and what a host answered the probe."""

    services: Services
    unsent: Callable[[], list[dict[str, Any]]]
    answers: Callable[[str], list[dict[str, Any]]]


class Reporting:
    """Builds and writes reports of what is remembered; ``jobs`` are those under way, and other long work."""

    def __init__(self, services: Services, probe: Probe, browsers: Browsers) -> None:
        self.jobs = Jobs()
        self.source = Source(services, lambda: browsers.unsent, probe.answers)
        self._cleared = 0
        self._services = services
        self._probe = probe
        self._browsers = browsers

    @property
    def under_way(self) -> bool:
        """Whether a report is being made."""
        return bool(self.jobs)

    def report(self, brief: bool = False) -> Report:
        """Build a report of everything that is remembered, or, in ``brief``, of what is to be fixed."""
        store = self._services.store
        for _ in range(_MOST_WAITED):
            if self._services.settle():
                break
        return store.report(() if brief else self.profiles(), brief).with_unsent(self._browsers.unsent)

    def profiles(self) -> list[dict[str, Any]]:
        """Return what each host's policy is, and what the probe has found out there; see ``Keeper.profiles``."""
        return result_of(self.newest_profiles(None, KEPT_VERDICTS))

    def newest_profiles(self, most: int | None, newest: int) -> Generator[None, None, list[dict[str, Any]]]:
        """Return the same of ``most`` hosts, told by the ``newest`` verdicts; in steps."""
        found = yield from self._services.store.profiles(most, newest)
        return [{**each, "probed": self._probe.answers(each["host"])} for each in found]

    @property
    def is_long(self) -> bool:
        """Whether there is more to tell of than can be told at once, and somebody to tell it later."""
        return len(self._services.store.verdicts) > LONG and self.jobs.may_wait

    def write(self, target: Path) -> str:
        """Write a report, or begin to; return in words which of both.

        Raises ``OSError`` or ``ValueError`` where it cannot be written, and ``CommandError`` while another one is on
        its way to the same file.
        """
        self._services.injection.file.keep_from(target)
        place = os.path.realpath(target)
        if place in self.jobs:
            raise exceptions.CommandError(f"a report is on its way to {target} already; the log says when it is there")
        brief = not lists_all(target.suffix)
        if not self.is_long:
            report = self.report(brief)
            files.write(report, target)
            return f"{_flows(report.summary['flows'])} written to {target}"
        files.check(target)

        def done(flows: int) -> None:
            logger.log(ALERT, "CORS: %s written to %s", _flows(flows), inert(str(target)))

        job = Job(done, lambda exc: self._failed(target, exc), self.source)
        job.steps = self._written(job, target, brief)
        self.jobs.begin(place, job)
        verdicts = len(self._services.store.verdicts)
        return f"a report of {verdicts:,} verdicts is on its way to {target}; the log says when it is there"

    def summarize(self, tell: Callable[[Report], None]) -> None:
        """Have a brief report told, at once where that takes no time. Raises ``CommandError`` for a second one."""
        if not self.is_long:
            tell(self.report(brief=True))
            return
        self.begin("a summary", lambda job: self._made(job), tell)

    def begin(self, name: str, steps: Callable[[Job[Any]], Steps[Any]], tell: Callable[[Any], None]) -> None:
        """Begin long work, whose result is told. Raises ``CommandError`` while the same is under way."""
        if name in self.jobs:
            raise exceptions.CommandError(f"{name} is being made already; the log will show it")

        def failed(exc: Exception) -> None:
            if isinstance(exc, exceptions.CommandError):
                logger.warning("CORS: %s: %s", name, inert(str(exc), 600))
            else:
                self._services.log.fault(name, None, exc)

        job = Job(tell, failed, self.source)
        job.steps = steps(job)
        self.jobs.begin(name, job, at_once=True)

    def hand_over(self, services: Services, pipeline: Pipeline, shown: Sequence[object]) -> None:
        """Have reports under way read what the addon is about to forget; take that apart after them, in steps.

        ``services`` and ``pipeline`` have it now. ``shown`` is what else is to be let go of.
        """
        unsent = self._browsers.unsent
        before = Source(services, lambda: unsent, self._probe.hand_over())
        self.jobs.hand_over(self.source, before)
        if not self.jobs.may_wait:
            pipeline.settle()
            result_of(self._services.store.take_off(services.store))
            result_of(caches_emptied())
            return

        def failed(exc: Exception) -> None:
            self._services.log.fault("clear", None, exc)

        self._cleared += 1
        job: Job[None] = Job(lambda _: None, failed)
        job.steps = self._forgotten(before, shown)
        self.jobs.begin(f"room {self._cleared}", job)

    def _forgotten(self, before: "Source", shown: Sequence[object]) -> Steps[None]:
        session, store = before.services.session, before.services.store
        while not before.services.settle():
            yield None
        yield from self._services.store.take_off(store)
        while self.jobs.read(before) and not self.jobs.ends:
            yield _WAIT
        yield from store.emptied()
        yield from emptied(*shown, session)
        yield from caches_emptied()

    def finish(self) -> None:
        """Finish what is under way, for nothing will any more; from now on each report is made at once."""
        self.jobs.finish()

    def _failed(self, target: Path, exc: Exception) -> None:
        if not isinstance(exc, OSError):
            self._services.log.fault("a report", None, exc)
        why = getattr(exc, "strerror", None) or f"{type(exc).__name__}: {exc}"
        logger.warning("CORS: %s could not be written: %s", inert(str(target)), inert(str(why)))

    # --- the steps of a job -----------------------------------------------------------------------------------

    def _written(self, job: Job[int], target: Path, brief: bool) -> Steps[int]:
        made, explained = yield from self._drafted(job, brief)
        return (yield from self.jobs.aside(_written, made, explained, target, brief))

    def _made(self, job: Job[Report]) -> Steps[Report]:
        made, explained = yield from self._drafted(job, brief=True)
        return (yield from self.jobs.aside(_finished, made, explained, True))

    def _drafted(self, job: Job[Any], brief: bool) -> Steps[tuple[Draft, dict[str, Verdict]]]:
        """Return a report without its flows, and the verdicts that it tells of, explained.

        What the job reads may be handed over at each step.
        """
        for _ in range(_MOST_WAITED):
            if job.source.services.settle():
                break
            yield None
        basis = job.source.services.store.basis()
        shown: list[Verdict] = []
        wholes: list[Verdict] = []
        explained: dict[str, Verdict] = {}
        for before in basis.verdicts:
            kept = job.source.services.store
            verdict = kept.verdicts.get(before.id, before)
            shown.append(verdict)
            wholes.append(kept.whole(verdict))
            if not brief:
                explained[verdict.id] = kept.explained(verdict)
            yield None
        hosts = [] if brief else (yield from self._hosts(job.source, shown))
        made = yield from self.jobs.aside(
            draft,
            wholes,
            basis.dropped,
            not_cors=basis.not_cors,
            ignores=basis.expected.ignores,
            baseline=basis.expected.baseline,
            hosts=hosts,
        )
        report = made.report.with_unsent(job.source.unsent())
        made = replace(made, report=replace(report, compared=basis.expected.baseline.is_given))
        if brief:
            for verdict in made.told:
                explained[verdict.id] = job.source.services.store.explained(verdict)
                yield None
        job.source = None
        return made, explained

    def _hosts(self, source: "Source", shown: list[Verdict]) -> Steps[list[dict[str, Any]]]:
        from ..diagnosis.host_profiles import MOST_HOSTS, profiles

        answers = source.answers
        hosts, costs = yield from learned(source.services.session, MOST_HOSTS)
        found = yield from self.jobs.aside(profiles, hosts, costs, reversed(shown))
        return [{**each, "probed": answers(each["host"])} for each in found]


def _finished(made: Draft, explained: Mapping[str, Verdict], brief: bool) -> Report:
    verdicts = made.told if brief else made.judged
    return made.finished(explained.get(verdict.id, verdict) for verdict in verdicts)


def _written(made: Draft, explained: Mapping[str, Verdict], target: Path, brief: bool) -> int:
    """Write a report; return how many flows it speaks of."""
    report = _finished(made, explained, brief)
    flows: int = report.summary["flows"]
    try:
        files.write(report, target)
    finally:
        # To forget all of them in one go would stop everything too.
        entries = list(report.flows)
        del report
        while entries:
            del entries[-_AT_ONCE:]
    return flows


def _flows(number: int) -> str:
    return f"{number} {'flow' if number == 1 else 'flows'}"
