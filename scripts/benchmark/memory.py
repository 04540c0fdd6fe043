"""Memory: what a process holds after so many flows, none of which it keeps by itself."""

import subprocess
import sys
from collections.abc import Mapping

from .measures import BARE, SCRIPTS, Row, Say
from .memory_worker import SCENARIOS

BUDGET, ROOM = 256, 60
MOST = 1500
"""Megabytes at which a measurement is broken off: it is over every target by far."""


def measure(roots: Mapping[str, str], share: float, say: Say) -> list[Row]:
    """Return a row for each scenario, of which a share of the flows is sent."""
    rows = []
    for name, (title, flows) in SCENARIOS.items():
        cells: dict[str, str] = {}
        alone = 0.0
        count = max(1, int(flows * share))
        for key, root in {BARE: "", **roots}.items():
            say(f"memory, {title.format(f'{count:,}')}, {key}")
            command = [sys.executable, "-m", "benchmark.memory_worker", name, str(count), str(MOST), root]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, cwd=SCRIPTS, check=False)
            if done.returncode:
                raise RuntimeError("the measure of memory failed; its reason is above")
            sent, held = int(done.stdout.split()[0]), float(done.stdout.split()[1])
            alone = alone or held
            more = f" (+{held - alone:.0f})" if key != BARE else ""
            cells[key] = f"{held:.0f} MB{more}" + (f" after {sent:,}" if sent < count else "")
        rows.append(Row(f"memory after {title.format(f'{count:,}')}", cells, f"≤ {BUDGET + ROOM} MB"))
    return rows
