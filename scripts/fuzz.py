"""Throw damaged exchanges at the package: `python scripts/fuzz.py [--cases N | --seconds S] [--headers] [--seed N]`.

A case is one exchange, observed, judged, revised, and now and then injected into and reported. It fails with an
exception, with a verdict that the standard does not give (asked of the second reading of its prose in the tests), or
with text for terminals that holds control characters. With `--headers` a case is the header bytes of one preflight's
answer, which both readings judge; that is ten times as fast. The first failure is printed with its seed, case and
exchange, and the exit status is 1. The same seed makes the same cases.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
# It fuzzes this checkout, whatever may be installed.
sys.path.insert(0, str(ROOT))

from tests.hard.fuzzing.cases import Failed, Fuzz, HeaderFuzz  # noqa: E402

AT_ONCE: Final = 1_000
TOLD_EVERY: Final = 60
"""Seconds."""


def work(headers: bool, seed: int, cases: int, seconds: float) -> tuple[int, Counter[str], str]:
    """Run one share; the cases that went well, what was seen, and the failure's text, empty where there is none."""
    fuzz = HeaderFuzz(seed) if headers else Fuzz(seed)
    end = time.monotonic() + seconds
    told = time.monotonic()
    while fuzz.cases < cases and time.monotonic() < end:
        try:
            fuzz.run(min(AT_ONCE, cases - fuzz.cases))
        except Failed as failure:
            return fuzz.cases, fuzz.seen, str(failure)
        if time.monotonic() - told > TOLD_EVERY:
            told = time.monotonic()
            print(f"fuzz: seed {seed}: {fuzz.cases:,} cases", flush=True)
    return fuzz.cases, fuzz.seen, ""


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=0, help="in all (default: without end, where --seconds ends it)")
    parser.add_argument("--seconds", type=float, default=0, help="for how long (default: 60, without --cases)")
    parser.add_argument("--headers", action="store_true", help="header bytes alone, instead of whole exchanges")
    parser.add_argument("--seed", type=int, default=1, help="of the first job; the others follow (default: 1)")
    parser.add_argument("--jobs", type=int, default=1, help="processes (default: 1)")
    chosen = parser.parse_args(words)
    seconds = chosen.seconds or (float("inf") if chosen.cases else 60.0)
    share = -(-chosen.cases // chosen.jobs) if chosen.cases else sys.maxsize
    shares = [(chosen.headers, chosen.seed + number, share, seconds) for number in range(chosen.jobs)]
    started = time.monotonic()
    if chosen.jobs == 1:
        results = [work(*shares[0])]
    else:
        with multiprocessing.get_context("spawn").Pool(chosen.jobs) as pool:
            results = pool.starmap(work, shares)
    taken = time.monotonic() - started
    seen: Counter[str] = Counter()
    for _, counts, failure in results:
        seen += counts
        if failure:
            print(f"FAILED: {failure}")
    for name, count in seen.most_common():
        print(f"{count:>10,}  {name}")
    cases = sum(count for count, _, _ in results)
    print(f"fuzz: {cases:,} cases in {taken:.0f} s, {cases / max(taken, 0.001):,.0f} a second")
    return 1 if any(failure for _, _, failure in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
