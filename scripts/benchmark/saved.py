"""Saved captures: `mitmdump -nr` with and without the addon, and `check` against mitmproxy's own reader."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from mitmproxy import io

from .measures import ADDON, MITMDUMP, Compared, run
from .traffic import flow_of, har_of, mixed

_READ = (
    "import sys; from mitmproxy.io import FlowReader; f = open(sys.argv[1], 'rb'); [0 for _ in FlowReader(f).stream()]"
)
_IN_TEXT = [sys.executable, "-m", "cors_addon", "check", "--fail-on", "never"]
_CHECK = [*_IN_TEXT, "--format", "json", "--output", os.devnull]


@dataclass(slots=True)
class Measured:
    """CPU seconds of whole processes. ``scaling`` are wall-clock seconds for as many captures as jobs, by jobs."""

    flows: int
    dump: Compared = field(default_factory=Compared)
    check: Compared = field(default_factory=Compared)
    har: list[float] = field(default_factory=list)
    har_idle: list[float] = field(default_factory=list)
    scaling: dict[int, float] = field(default_factory=dict)


def measure(folder: str, flows: int, rounds: int, say: Callable[[str], None]) -> Measured:
    """Measure reading and judging captures of so many flows."""
    say("writing captures")
    capture, har, empty = (os.path.join(folder, name) for name in ("flows.mitm", "flows.har", "empty.har"))
    with open(capture, "wb") as file:
        writer = io.FlowWriter(file)
        for each in mixed(flows):
            writer.add(flow_of(*each))
    for path, count in ((har, flows), (empty, 1)):
        with open(path, "wb") as file:
            file.write(har_of(count))
    measured = Measured(flows)
    for number in range(rounds):
        say(f"saved captures, round {number + 1} of {rounds}")
        dump = [*MITMDUMP, "-q", "--set", f"confdir={folder}", "-nr", capture]
        measured.dump.add(run(dump).cpu, run([*dump, "-s", ADDON]).cpu)
        measured.check.add(run([sys.executable, "-c", _READ, capture]).cpu, run([*_CHECK, capture]).cpu)
        measured.har.append(run([*_IN_TEXT, har]).cpu)
        measured.har_idle.append(run([*_IN_TEXT, empty]).cpu)
    copies: list[str] = []
    jobs = 1
    while jobs <= (os.cpu_count() or 1):
        while len(copies) < jobs:
            copies.append(os.path.join(folder, f"copy-{len(copies)}.mitm"))
            os.link(capture, copies[-1])
        say(f"check with {jobs} jobs")
        measured.scaling[jobs] = min(
            run([*_CHECK, "--jobs", str(jobs), *copies]).wall for _ in range(max(1, rounds // 2))
        )
        jobs *= 2
    return measured
