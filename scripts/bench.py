"""Print what the addon costs, as ratios to the same mitmdump without it, and as a table for the README.

usage: python3 scripts/bench.py [--quick] [--only PART ...] [--rounds N] [--requests N] [--memory N,N,...] [--saved N]

Everything is measured in one run, by turns with and without, and what is compared are neighbours in time: a machine
that is busy with something else slows both. Run it on a machine that is not, all the same.
"""

import importlib.util
import os

import environment


def work(words: list[str]) -> int:
    if importlib.util.find_spec("mitmproxy") is None:
        environment.start([environment.ensure().python, os.path.abspath(__file__), *words])
    from benchmark.main import main

    return main(words)


if __name__ == "__main__":
    environment.main(work)
