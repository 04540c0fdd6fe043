"""The cases once more, in a browser that the addon itself starts and listens to: what is told decides every verdict.

`python -m tests.browser.listened [--drawn N] [--seed N] [--cases GLOB] [BROWSER...]` prints for each browser how many
flows of cases it spoke of, how many verdicts agree, which differ or stay conditional, and what of its word has no flow
and why. Exit status 0: nothing differs, nothing told is conditional, all is tied or explained.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.browser.cases import CASES
from tests.browser.cases.case import Case
from tests.browser.cases.drawn import drawn
from tests.browser.proxy import Proxy
from tests.browser.server import Server
from tests.browser.site import Site

WATCH = Path(__file__).with_name("ties_watch.py")
PATIENCE = 600  # seconds for all pages: only a failure takes that long
LAST_WORDS = 7  # seconds for what the browser tells late


@dataclass(frozen=True, slots=True)
class Listened:
    """The report of a run, what was tied (`ties_watch.py`), and what mitmdump printed."""

    report: dict[str, Any]
    ties: dict[str, Any]
    output: str

    def entries(self) -> list[dict[str, Any]]:
        """The verdicts on requests of cases."""
        return [each for each in self.report["flows"] if _is_of_a_case(each["url"])]

    def told(self) -> list[dict[str, Any]]:
        return [each for each in self.entries() if "told" in each]

    def complaints(self) -> Iterator[str]:
        """What is not as it must be: verdicts that differ or stay conditional, and what is neither tied nor explained.

        Flows of which nothing is told are explained where the browser went on before it got the response.
        """
        for entry in self.told():
            told = entry["told"]
            says = f"{entry['method']} {entry['url']}: {entry['outcome']}, the browser says {told}"
            if not told["agrees"]:
                yield f"differs: {says}"
            if entry["outcome"] == "conditional":
                yield f"conditional: {says}"
        for entry in self.entries():
            if "told" not in entry:
                yield f"not told: {entry['method']} {entry['url']} ({entry['outcome']})"
        yield from (f"without a flow: {each}" for each in self.ties["without_flow"])
        yield from (f"still waits: {each}" for each in self.ties["waiting"])

    def __str__(self) -> str:
        told = self.told()
        agree = sum(each["told"]["agrees"] for each in told)
        conditional = sum(each["outcome"] == "conditional" for each in told)
        unsent = Counter(each["reason"] for each in self.report.get("unsent", ()))
        return (
            f"{len(self.entries())} flows of cases, {len(told)} told, {agree} agree, {conditional} conditional; "
            f"{self.ties['tied']} requests tied, {len(self.ties['without_flow'])} without a flow; "
            f"unsent: {dict(sorted(unsent.items()))}"
        )


def listened_run(browser: str, cases: Sequence[Case]) -> Listened:
    site = Site(cases)
    with Server(site) as server:
        options = [f"cors_start_browser={browser} --headless {site.tour()}", "termlog_verbosity=info"]
        with Proxy(server, options=options, scripts=[WATCH]) as proxy:
            done = site.driven.wait(PATIENCE)
            time.sleep(LAST_WORDS)
            ties = json.loads(str(proxy.command("ties.counts")))
            proxy.stop()
            assert done, f"the tour did not end:\n{proxy.output[-4000:]}"
            return Listened(json.loads(proxy.report.read_text()), ties, proxy.output)


def _is_of_a_case(url: str) -> bool:
    return urlsplit(url).path.startswith("/c/")


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.listened", description=__doc__)
    parser.add_argument("browsers", nargs="*", metavar="BROWSER", help="default: chromium firefox")
    parser.add_argument("--drawn", metavar="N", type=int, default=0, help="N cases drawn by lot, not the table's")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="of --drawn (default: %(default)s)")
    parser.add_argument("--cases", metavar="GLOB", default="*", help="only cases with such a name")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="a folder for the reports and logs")
    chosen = parser.parse_args(words)
    cases = drawn(chosen.seed, chosen.drawn) if chosen.drawn else CASES
    cases = tuple(case for case in cases if fnmatch.fnmatchcase(case.name, chosen.cases))
    faults = 0
    for browser in chosen.browsers or ("chromium", "firefox"):
        run = listened_run(browser, cases)
        print(f"{browser}: {run}", flush=True)
        for complaint in run.complaints():
            faults += 1
            print(f"    {complaint}", flush=True)
        if chosen.keep:
            chosen.keep.mkdir(parents=True, exist_ok=True)
            (chosen.keep / f"{browser}.json").write_text(json.dumps(run.report), encoding="utf-8")
            (chosen.keep / f"{browser}.log").write_text(run.output, encoding="utf-8")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
