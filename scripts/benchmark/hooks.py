"""The addon's own hooks in a hot loop: how much later a response leaves, and what a flow costs altogether."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from .hooks_worker import KINDS
from .measures import SCRIPTS, Rounds, Row, Say, by_turns

TARGETS = {
    "plain": ("≤ 40 µs", "≤ 10 µs"),
    "CORS": ("≤ 40 µs", "≤ 100 µs"),
    "injected": ("≤ 120 µs", ""),
}


class _Worker:
    """A process with an addon that sees flows of one kind only, and measures as it is told."""

    def __init__(self, root: str, kind: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmark.hooks_worker", root, kind],
            cwd=SCRIPTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def measure(self, flows: int) -> tuple[float, float]:
        """Return the seconds of a flow: in the hooks, and with what they leave for later."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{flows}\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the hot loop of the hooks failed; its reason is above")
        found: Any = json.loads(line)
        return float(found[0]), float(found[1])

    def close(self) -> None:
        self._process.communicate()


def measure(roots: Mapping[str, str], rounds: int, flows: int, say: Say) -> list[Row]:
    """Take so many flows a round through each addon's hooks, by turns."""
    say("hooks in a hot loop")
    workers = {(kind, name): _Worker(root, kind) for kind in KINDS for name, root in roots.items()}
    hooks = {kind: Rounds() for kind in KINDS}
    whole = {kind: Rounds() for kind in KINDS}
    try:
        for worker in workers.values():
            worker.measure(flows)  # what is slow once: imports, caches
        for order in by_turns([*roots], rounds):
            for kind in KINDS:
                for name in order:
                    found = workers[kind, name].measure(flows)
                    hooks[kind].add(name, found[0] * 1e6)
                    whole[kind].add(name, found[1] * 1e6)
    finally:
        for worker in workers.values():
            worker.close()
    rows = []
    for title, measured, place in (("later, hooks only", hooks, 0), ("hot loop, all included", whole, 1)):
        for kind, costs in measured.items():
            cells = {name: f"{costs.median(name):.1f} µs (± {costs.spread(name):.1f})" for name in roots}
            name = f"a response leaves {title}" if place == 0 else title
            rows.append(Row(f"{name}: {kind}", cells, TARGETS[kind][place]))
    return rows
