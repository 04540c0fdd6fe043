"""Clocks and comparisons."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

MITMDUMP = [sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()"]
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ADDON = os.path.join(ROOT, "cors_addon", "addon.py")


def cpu_of(pid: int) -> float:
    """Return the CPU seconds, user and system, that a running process has used."""
    if sys.platform == "linux":
        # The kernel's number for a process' own CPU clock, which counts nanoseconds.
        return time.clock_gettime((~pid << 3) | 2)
    told = subprocess.run(["ps", "-o", "cputime=", "-p", str(pid)], capture_output=True, text=True, check=True).stdout
    seconds = 0.0
    for part in told.strip().replace("-", ":").split(":"):
        seconds = seconds * 60 + float(part)
    return seconds


@dataclass(frozen=True, slots=True)
class Run:
    """What a process used that has ended: CPU and wall-clock seconds."""

    cpu: float
    wall: float


def run(command: Sequence[str], allowed: Sequence[int] = (0,)) -> Run:
    """Run a command to its end. Raises ``RuntimeError`` with its output where its exit status is another."""
    before, started = os.times(), time.perf_counter()
    done = subprocess.run(command, capture_output=True, cwd=ROOT, check=False)
    after, ended = os.times(), time.perf_counter()
    if done.returncode not in allowed:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr.decode()[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return Run(cpu, ended - started)


@dataclass(slots=True)
class Compared:
    """Pairs of costs measured one after the other: without and with."""

    without: list[float] = field(default_factory=list)
    with_: list[float] = field(default_factory=list)

    def add(self, without: float, with_: float) -> None:
        self.without.append(without)
        self.with_.append(with_)

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios."""
        return statistics.median(b / a for a, b in zip(self.without, self.with_, strict=True))

    @property
    def spread(self) -> float:
        """Half the distance between the quartiles of the pairs' ratios: how far to trust the median."""
        ratios = [b / a for a, b in zip(self.without, self.with_, strict=True)]
        if len(ratios) < 2:
            return 0.0
        first, _, third = statistics.quantiles(ratios, n=4)
        return (third - first) / 2

    def medians(self) -> tuple[float, float]:
        return statistics.median(self.without), statistics.median(self.with_)


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the value below which so many percent lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]
