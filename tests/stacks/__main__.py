"""Run every stack with browsers: python -m tests.stacks [--browsers chromium firefox webkit] [--stacks nginx envoy]

Prints what each stack was cured of, and ends with 1 where a snippet does not cure.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from cors_addon.diagnosis.fixes.stack_signatures import NAMES
from tests.browser.run import BROWSERS, missing
from tests.stacks.checks import allows_nobody_else, cured, cures
from tests.stacks.run import STACKS, run_all


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.stacks", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--browsers", nargs="*", choices=list(BROWSERS), default=list(BROWSERS))
    parser.add_argument("--stacks", nargs="+", choices=[stack.key for stack in STACKS])
    options = parser.parse_args(arguments)
    for browser in options.browsers:
        why = missing(browser)
        if why:
            parser.error(why)
    stacks = [stack for stack in STACKS if options.stacks is None or stack.key in options.stacks]
    run = run_all(options.browsers, stacks, whole=True)
    wrong = 0
    for stack in stacks:
        if stack.key in run.missing:
            print(f"{NAMES[stack.key]}: not run: {run.missing[stack.key]}")
            continue
        for case in stack.cases:
            for check in (cures, allows_nobody_else):
                try:
                    check(run, stack, case)
                except AssertionError as error:
                    wrong += 1
                    print(f"WRONG {stack.key} {case.name}: {error}")
        found = cured(run, stack)
        print(
            f"{NAMES[stack.key]}: {len(stack.cases)} faults, {len(found)} violations cured: {' '.join(sorted(found))}"
        )
    print(f"{len(stacks) - len(run.missing)} stacks, {wrong} wrong, in {', '.join(run.versions.values())}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
