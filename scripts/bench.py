"""Print what the addon costs, as a table: `python3 scripts/bench.py [--against DIR] [--write] [--quick] [--only PART]`.

Live traffic is compared with a mitmdump that has an empty script, so that what a script costs by itself does not count.
Everything that is compared takes short turns in one run, and medians are told with half the distance between their
quartiles: a machine that is busy with something else slows all of it alike. Run it on a machine that is not, all the
same; it takes about half an hour there. `--against` measures a second checkout of the project, the one before a
change; `--write` puts the table into cors_addon/docs/costs.md.
"""

import importlib.util
import os
import sys

# Python with -I or -P does not look beside the script by itself.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import environment


def work(words: list[str]) -> int:
    if importlib.util.find_spec("mitmproxy") is None:
        environment.start([environment.ensure().python, os.path.abspath(__file__), *words])
    from benchmark.main import main

    return main(words)


if __name__ == "__main__":
    environment.main(work)
