"""The steps of `scripts/test.py`: commands, run two at a time, and the closing table of how they ended.

Runs under whatever Python starts the scripts, 3.6 included: no newer syntax, no newer module.
"""

import json
import os
import subprocess
import tempfile
import threading
import time
from typing import List, NamedTuple, Optional, Sequence

import environment

SOME_FAILED = 1
MOST_AGAIN = 10
"""How many tests may fail and be run once more; where more do, it is no accident."""


class Step(NamedTuple):
    """One line of the closing table."""

    name: str
    status: str
    seconds: float


class Planned(NamedTuple):
    """A command to run as one step, and whether it drives browsers, which leave no room for others that do.

    If it is pytest, `cache` is the directory below the checkout where it notes what failed. Where it only `reports`,
    its failure is told of and fails nothing.
    """

    name: str
    command: List[str]
    browsers: bool = False
    cache: Optional[str] = None
    reports: bool = False


def is_failure(step: Step) -> bool:
    return step.status.startswith("failed")


class Checks:
    """Runs steps, prints what each does, and keeps the score."""

    def __init__(self) -> None:
        self.steps: List[Step] = []
        self._waiting: List[Planned] = []
        self._taking = threading.Lock()
        self._over = False
        self._started = time.time()

    def run(self, name: str, command: Sequence[str], passing: Sequence[int] = (0,)) -> None:
        """Run a command as one step, from the root of the checkout."""
        environment.say(f"\n== {name}\n$ {' '.join(command)}")
        started = time.time()
        status = subprocess.call(command, cwd=environment.ROOT)
        self.add(name, "ok" if status in passing else f"failed ({status})", time.time() - started)

    def run_two_at_a_time(self, planned: Sequence[Planned]) -> None:
        """Run all steps: in this thread those with browsers and then whatever waits, beside it those without."""
        self._waiting = list(planned)
        step = self._next(True)
        thread = threading.Thread(target=self._run_beside, daemon=True)
        thread.start()
        try:
            while step is not None:
                environment.say(f"\n== {step.name}\n$ {' '.join(step.command)}")
                started = time.time()
                status = subprocess.call(step.command, cwd=environment.ROOT)
                self._ended(step, status, time.time() - started)
                step = self._next(True)
            while thread.is_alive():
                thread.join(1)  # without a limit, Windows takes no Ctrl-C here
        finally:
            self.end()

    def _next(self, browsers: bool) -> Optional[Planned]:
        """Take the next step, one with browsers or one without as asked for; where browsers have nothing, any."""
        with self._taking:
            fitting = [step for step in self._waiting if step.browsers == browsers]
            if not fitting and browsers:
                fitting = self._waiting
            if not fitting:
                return None
            self._waiting = [step for step in self._waiting if step is not fitting[0]]
            return fitting[0]

    def _run_beside(self) -> None:
        """Run what needs no browser, the output of each step in one piece at its end."""
        step = self._next(False)
        while step is not None:
            started = time.time()
            with tempfile.TemporaryFile() as output:
                status = subprocess.call(step.command, cwd=environment.ROOT, stdout=output, stderr=subprocess.STDOUT)
                if self._over:
                    return
                output.seek(0)
                printed = output.read().decode("utf-8", "replace")
            environment.say(f"\n== {step.name}\n$ {' '.join(step.command)}\n{printed}")
            self._ended(step, status, time.time() - started)
            step = self._next(False)

    def _ended(self, step: Planned, status: int, seconds: float) -> None:
        """Note how a step ended, and have the tests that failed in it run once more, if they are few."""
        few = failures(step.cache) if status == SOME_FAILED and step.cache else 0
        if not 0 < few <= MOST_AGAIN:
            told = "ok" if status == 0 else f"failed ({status})"
            self.add(step.name, f"reported: {told}" if step.reports and status else told, seconds)
            return
        self.add(step.name, f"{few} once more", seconds)
        command = [word for word in step.command if word != "--cache-clear"]
        command += ["--last-failed", "--last-failed-no-failures", "none"]
        with self._taking:
            again = Planned(step.name + ", once more", command, step.browsers, None, step.reports)
            self._waiting.insert(0, again)

    def end(self) -> None:
        """Start no further step beside."""
        self._over = True
        self._waiting = []

    def add(self, name: str, status: str, seconds: float = 0.0) -> None:
        self.steps.append(Step(name, status, seconds))

    def failed(self) -> bool:
        return any(is_failure(step) for step in self.steps)

    def seconds(self) -> float:
        """Return for how long this has been at work."""
        return time.time() - self._started


def failures(cache: str) -> int:
    """Return how many tests failed, by what pytest has noted in its cache."""
    path = os.path.join(environment.ROOT, cache, "v", "cache", "lastfailed")
    try:
        with open(path, encoding="utf-8") as file:
            return len(json.load(file))
    except (OSError, ValueError):
        return 0


def table(steps: Sequence[Step], seconds: float) -> List[str]:
    """Return the closing table, one line a step, and how long all of it took: less than its sum."""
    steps = [*steps, Step("in all", "failed" if any(is_failure(step) for step in steps) else "ok", seconds)]
    name_width = max(len(step.name) for step in steps)
    status_width = max(len(step.status) for step in steps)
    return [f"{step.name:<{name_width}}  {step.status:<{status_width}}  {step.seconds:6.1f} s" for step in steps]
