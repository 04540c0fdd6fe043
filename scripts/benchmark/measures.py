"""Clocks, what is compared, and rounds of measurements by turns."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

MITMDUMP: Final = [sys.executable, "-c", "from mitmproxy.tools.main import mitmdump; mitmdump()"]
ROOT: Final = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPTS: Final = os.path.join(ROOT, "scripts")

BARE: Final = "without a script"
EMPTY: Final = "empty script"
BEFORE: Final = "before"
AFTER: Final = "with the addon"

Say = Callable[[str], None]


class Row(NamedTuple):
    """A line of the table: what was measured, a cell by the name of each that is compared, and the target."""

    name: str
    cells: Mapping[str, str]
    target: str = ""


def addon_of(root: str) -> str:
    return os.path.join(root, "cors_addon", "addon.py")


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
    """What a process used that has ended: CPU and wall-clock seconds, and the most megabytes that were resident."""

    cpu: float
    wall: float
    most: float


_LAUNCH: Final = """
import os, resource, sys
answer = os.dup(1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
status = os.spawnvp(os.P_WAIT, sys.argv[1], sys.argv[1:])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
os.write(answer, f"{status} {used.ru_utime + used.ru_stime} {used.ru_maxrss}".encode())
"""
"""A process of few megabytes in between: a child counts what its parent held when it was forked."""


def run(command: Sequence[str], root: str = ROOT, allowed: Sequence[int] = ()) -> Run:
    """Run a command in a folder to its end. Raises ``RuntimeError`` with its output where it fails.

    ``allowed`` are exit statuses that are no failure either.
    """
    started = time.perf_counter()
    with tempfile.TemporaryFile() as said:
        launched = [sys.executable, "-S", "-c", _LAUNCH, *command]
        done = subprocess.run(launched, stdout=subprocess.PIPE, stderr=said, cwd=root, check=True)
        wall = time.perf_counter() - started
        status, cpu, most = done.stdout.split()
        if int(status) and int(status) not in allowed:
            said.seek(0)
            output = said.read().decode(errors="replace")[-2000:]
            raise RuntimeError(f"{' '.join(command)} ended with {int(status)}:\n{output}")
    return Run(float(cpu), wall, float(most) / (1024 * 1024 if sys.platform == "darwin" else 1024))


def resident(pid: int | str = "self") -> float:
    """Return the megabytes that are resident in a process now; on systems that do not tell, what this one's were."""
    try:
        with open(f"/proc/{pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmRSS:"))
    except OSError:
        import resource

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / (1024 * 1024 if sys.platform == "darwin" else 1024)


@dataclass(slots=True)
class Rounds:
    """What each of those that are compared cost, a number a round. The numbers of one round are neighbours in time."""

    found: dict[str, list[float]] = field(default_factory=dict)

    def add(self, name: str, value: float) -> None:
        self.found.setdefault(name, []).append(value)

    def median(self, name: str) -> float:
        return statistics.median(self.found[name])

    def spread(self, name: str) -> float:
        """Half the distance between the quartiles: how far to trust the median."""
        return _spread(self.found[name])

    def ratio(self, name: str, to: str) -> tuple[float, float]:
        """Return the median of the rounds' ratios to another, and their spread."""
        ratios = [one / other for one, other in zip(self.found[name], self.found[to], strict=True)]
        return statistics.median(ratios), _spread(ratios)


def _spread(values: Sequence[float]) -> float:
    if len(values) < 2:
        return 0.0
    first, _, third = statistics.quantiles(values, n=4)
    return (third - first) / 2


def by_turns(names: Sequence[str], rounds: int) -> Iterator[list[str]]:
    """Yield the order of each round: whoever is first in one is last in another."""
    for number in range(rounds):
        start = number // 2 % len(names)
        order = [*names[start:], *names[:start]]
        yield order if number % 2 else order[::-1]


def percent(ratio: float, spread: float) -> str:
    return f"{(ratio - 1) * 100:+.1f} % (± {spread * 100:.1f})"
