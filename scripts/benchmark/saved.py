"""Saved captures: `check` against mitmproxy's own reader on a flow file, and on HARs as Chrome writes them."""

import gzip
import os
import statistics
import sys
from collections.abc import Mapping

from mitmproxy import io

from . import har
from .measures import Rounds, Row, Say, by_turns, run
from .traffic import flow_of, mixed

READER = "mitmproxy's reader"
_READ = (
    "import sys; from mitmproxy.io import FlowReader; f = open(sys.argv[1], 'rb'); [0 for _ in FlowReader(f).stream()]"
)
_CHECK = [sys.executable, "-m", "cors_addon", "check", "--fail-on", "never", "--jobs", "1", "--format", "text"]
_MB = 1_000_000


def measure(folder: str, roots: Mapping[str, str], rounds: int, flows: int, size: int, say: Say) -> list[Row]:
    """Measure `check` on a flow file of so many flows and on HARs of so many megabytes."""
    say("writing captures")
    capture, whole, quarter, tiny, bare = (
        os.path.join(folder, name) for name in ("flows.mitm", "whole.har", "quarter.har", "tiny.har", "bare.har")
    )
    with open(capture, "wb") as file:
        writer = io.FlowWriter(file)
        for each in mixed(flows):
            writer.add(flow_of(*each))
    entries = har.write(whole, size * _MB, bodies=True)
    har.write(quarter, size * _MB // 4, bodies=True)
    har.write(tiny, 1, bodies=False)
    bare_entries = har.write(bare, size * _MB // 4, bodies=False)
    bomb = os.path.join(folder, "bomb.har.gz")
    _write_bomb(bomb, size)
    files, hars, without, speed, bombs = Rounds(), Rounds(), Rounds(), Rounds(), Rounds()
    most: dict[str, float] = {}
    memory: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in roots}
    for number, order in enumerate(by_turns([READER, *roots], rounds)):
        say(f"saved captures, round {number + 1} of {rounds}")
        for name in order:
            if name == READER:
                files.add(name, run([sys.executable, "-c", _READ, capture]).cpu)
                continue
            root, check = roots[name], [*_CHECK, "--output", os.devnull]
            files.add(name, run([*check, capture], root).cpu)
            start = run([*check, tiny], root).cpu
            full = run([*check, whole], root)
            hars.add(name, entries / max(1e-9, full.cpu - start))
            speed.add(name, size / max(1e-9, full.cpu - start))
            burst = run([*check, bomb], root, allowed=(2,))
            bombs.add(name, burst.cpu)
            most[name] = max(most.get(name, 0.0), burst.most)
            without.add(name, bare_entries / max(1e-9, run([*check, bare], root).cpu - start))
            memory[name][0].append(run([*check, quarter], root).most)
            memory[name][1].append(full.most)
    cells = {}
    for name in roots:
        ratio, spread = files.ratio(name, READER)
        cells[name] = f"{files.median(name):.2f} s against {files.median(READER):.2f} s: {ratio:.2f} (± {spread:.2f})"
    rows = [Row(f"`check` of {flows:,} saved flows against mitmproxy's own reader, CPU", cells, "≤ 0.6")]
    for title, found, target in (
        (f"`check` of a HAR of Chrome's, bodies out, {size / 4:g} MB", without, "≥ 8,000"),
        (f"`check` of a HAR of Chrome's with bodies, {size:g} MB", hars, ""),
    ):
        speeds = {name: f"{found.median(name):,.0f} (± {found.spread(name):,.0f})" for name in roots}
        rows.append(Row(f"{title}: entries a second and core", speeds, target))
    speeds = {name: f"{speed.median(name):,.0f} (± {speed.spread(name):,.0f})" for name in roots}
    rows.append(Row("`check` of the same: MB a second and core", speeds, "≥ 3"))
    held = {name: " and ".join(f"{statistics.median(found):.0f} MB" for found in memory[name]) for name in roots}
    rows.append(Row(f"`check` of a HAR of {size / 4:g} and of {size:g} MB, most memory", held, "flat"))
    refused = {name: f"{bombs.median(name):.1f} s and {most[name]:.0f} MB" for name in roots}
    rows.append(
        Row(
            f"`check` of {20 * size:,} MB of one letter, packed: CPU until it is refused, most memory",
            refused,
            "bounded",
        )
    )
    return rows


def _write_bomb(path: str, size: int) -> None:
    """Write a packed HAR whose only value has no end."""
    letters = gzip.compress(b"a" * _MB * size, 1)
    with open(path, "wb") as file:
        file.write(gzip.compress(b'{"log": {"entries": [{"request": {"method": "GET", "url": "'))
        for _ in range(20):
            file.write(letters)
