"""The command line and the table."""

import argparse
import asyncio
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence

from . import live, memory, saved
from .measures import percentile

PARTS = ("live", "memory", "saved")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.py", description="Print what the addon costs.")
    parser.add_argument("--quick", action="store_true", help="a few requests only, to see that it works")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only; may be repeated")
    parser.add_argument("--load", action="append", metavar="NAME", help="of live traffic measure these loads only")
    parser.add_argument("--rounds", type=_positive, help="how often each comparison is made (default 40)")
    parser.add_argument("--requests", type=_positive, help="requests a round (default 200)")
    parser.add_argument("--memory", type=_counts, metavar="N,N,...", help="flows after which memory is measured")
    parser.add_argument("--saved", type=_positive, metavar="N", help="flows in a saved capture (default 10000)")
    chosen = parser.parse_args(words)
    rounds = chosen.rounds or (2 if chosen.quick else 40)
    requests = chosen.requests or (20 if chosen.quick else 200)
    counts = chosen.memory or ([100, 200] if chosen.quick else [10_000, 100_000, 500_000])
    flows = chosen.saved or (100 if chosen.quick else 10_000)
    parts = chosen.only or PARTS
    loads = [load for load in live.LOADS if chosen.load is None or load.name in chosen.load]
    print(f"{os.cpu_count()} cores, {sys.platform}, Python {sys.version.split()[0]}, {_mitmproxy()}")
    with tempfile.TemporaryDirectory() as folder:
        if "live" in parts:
            _show(_live_table(asyncio.run(live.measure(folder, loads, rounds, requests, _say))))
        if "memory" in parts:
            _say("memory")
            _show(_memory_table(memory.measure(counts, False), memory.measure(counts, True)))
        if "saved" in parts:
            _show(_saved_table(saved.measure(folder, flows, max(2, rounds // 8), _say)))
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it has to be at least 1")
    return number


def _counts(text: str) -> list[int]:
    return [_positive(part) for part in text.split(",")]


def _mitmproxy() -> str:
    from mitmproxy import version

    return f"mitmproxy {version.VERSION}"


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def _show(lines: Iterator[Sequence[str]]) -> None:
    rows = [*lines]
    print()
    for number, row in enumerate(rows):
        print(f"| {' | '.join(row)} |")
        if number == 0:
            print(f"|{'---|' * len(row)}")
    sys.stdout.flush()


def _percent(ratio: float) -> str:
    return f"{(ratio - 1) * 100:+.1f} %"


def _live_table(measured: Sequence[live.Measured]) -> Iterator[Sequence[str]]:
    yield (
        *("live traffic", "CPU a request without, with", "more CPU", "target", "requests a second without, with"),
        *("median latency without, with", "99th percentile without, with"),
    )
    for each in measured:
        load = each.load
        without, with_ = each.cpu.medians()
        slow, fast = each.speed.medians()
        middle = [statistics.median(times) for times in each.latency]
        late = [percentile(times, 99) for times in each.latency]
        yield (
            f"{load.name}, {'HTTP/2' if load.http2 else 'HTTP/1.1'}",
            f"{without * 1e6:.0f} µs, {with_ * 1e6:.0f} µs",
            f"{_percent(each.cpu.ratio)} (± {each.cpu.spread * 100:.1f})",
            f"≤ {_percent(load.target)}",
            f"{slow:.0f}, {fast:.0f}",
            f"{middle[0] * 1e3:.2f} ms, {middle[1] * 1e3:.2f} ms",
            f"{late[0] * 1e3:.2f} ms, {late[1] * 1e3:.2f} ms",
        )


def _memory_table(without: dict[int, float], with_: dict[int, float]) -> Iterator[Sequence[str]]:
    yield "flows that passed", "resident without", "resident with", "more"
    for count, held in with_.items():
        yield f"{count:,}", f"{without[count]:.0f} MB", f"{held:.0f} MB", f"{held - without[count]:.0f} MB"


def _saved_table(measured: saved.Measured) -> Iterator[Sequence[str]]:
    yield f"saved captures of {measured.flows:,} flows", "without, with", "ratio", "target"
    for name, compared, target in (
        ("`mitmdump -nr`, CPU", measured.dump, "≤ 1.5"),
        ("mitmproxy's `FlowReader` alone against `check --format json`, CPU", measured.check, "≤ 1.3"),
    ):
        without, with_ = compared.medians()
        speeds = f"{measured.flows / without:,.0f}/s, {measured.flows / with_:,.0f}/s"
        yield name, f"{without:.2f} s, {with_:.2f} s ({speeds})", f"{compared.ratio:.2f}", target
    whole, idle = statistics.median(measured.har), statistics.median(measured.har_idle)
    speed = measured.flows / (whole - idle) if whole > idle else 0.0
    start = f"{whole:.2f} s, {idle:.2f} s of them to start"
    yield "`check` of a HAR, in text, CPU", start, f"{speed:,.0f} entries/s a core", "≥ 10,000"
    first = measured.scaling[1]
    for jobs, wall in measured.scaling.items():
        each = "one capture" if jobs == 1 else f"{jobs} captures"
        speed = jobs * measured.flows / wall
        yield (
            f"`check --jobs {jobs}` of {each}",
            f"{wall:.2f} s ({speed:,.0f} flows/s)",
            f"{jobs * first / wall:.2f}",
            "",
        )
