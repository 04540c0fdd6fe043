"""Run mitmweb, mitmdump or mitmproxy with cors-addon: `python3 scripts/run.py [tool] [--browser [URL]] [arguments...]`.

Sets up `.venv` on first use; everything else is `cors-addon run` in there, and `--help` tells it.

Runs under whatever Python starts it, 3.6 included: no newer syntax, no newer module.
"""

import os
import sys
from typing import List

# Python with -I or -P does not look beside the script by itself.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import environment


def work(words: List[str]) -> int:
    environment.start([environment.ensure().tool("cors-addon"), "run", *words])


if __name__ == "__main__":
    environment.main(work)
