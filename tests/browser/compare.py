"""Hold the addon against real browsers: `python -m tests.browser.compare` runs every case and prints the table.

With URLs it opens those pages instead, through the proxy and without steering anything, and prints where the addon and
the browser differ. With `--drawn N` it runs N cases that are put together by lot, the same ones for a `--seed`. What
differs there is to be looked into. A credentials mode that nothing on the wire tells is assumed: where the page had the
other one, it is counted apart. Exit status: 0 all agree, 1 a difference (or a browser that is missing), 2 wrong usage.
"""

from __future__ import annotations

import argparse
import fnmatch
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.browser.agreement import Agreement, agreement, browsers_word, said
from tests.browser.cases import CASES
from tests.browser.cases.drawn import drawn
from tests.browser.proxy import ADDON
from tests.browser.recording import write_recording
from tests.browser.run import BROWSERS, Judged, Run, missing, run_cases, run_urls
from tests.browser.webkit_log import url_of


def row(judged: Judged, browser: str, found: Agreement | None = None) -> tuple[str, ...]:
    status = judged.flow.response.status_code if judged.flow.response else "none"
    return (
        (found or agreement(judged, browser)).value,
        browser,
        judged.case or "-",
        f"{judged.hop.kind.value} {judged.hop.method} {status} {_where(judged)}",
        browsers_word(judged.hop),
        str(said(judged.report, browser)),
    )


def _where(judged: Judged) -> str:
    """In a case the host and the last segment tell everything."""
    url = url_of(judged.flow)
    return (url.replace(f"/c/{judged.case}/", "/…/") if judged.case else url)[:100]


def table(rows: Iterable[tuple[str, ...]]) -> str:
    lines = [("", "browser", "case", "request", "browser says", "addon says"), *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    padded = ([cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in padded)


def agreements(run: Run) -> list[tuple[Judged, Agreement]]:
    """What came of each flow. Firefox names a URL alone: of several flows for one, which it means is not known."""
    asked = Counter(url_of(judged.flow) for judged in run.judged)
    found = []
    for judged in run.judged:
        each = agreement(judged, run.browser)
        if each is Agreement.DIFFER and run.browser == "firefox" and asked[url_of(judged.flow)] > 1:
            each = Agreement.OPEN
        found.append((judged, each))
    return found


def totals(run: Run, found: Iterable[tuple[Judged, Agreement]]) -> str:
    counted = Counter(each for _, each in found)
    parts = [f"{counted[one]} {one.value.lower()}" for one in Agreement]
    return f"{run.version}: {len(run.judged)} flows judged by the browser: {', '.join(parts)}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.compare", description=__doc__)
    parser.add_argument("urls", nargs="*", metavar="URL", help="pages to open instead of the cases")
    parser.add_argument("--browser", choices=(*BROWSERS, "all"), default="all")
    parser.add_argument("--case", metavar="GLOB", action="append", help="only the cases with such a name; repeatable")
    parser.add_argument(
        "--drawn", metavar="N", type=int, default=0, help="N cases drawn by lot, instead of the table's"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the lot (default: %(default)s)")
    parser.add_argument(
        "--record", metavar="DIR", type=Path, help="write DIR/chromium, DIR/firefox and DIR/webkit as recordings"
    )
    parser.add_argument("--addon", type=Path, default=ADDON, help="the script to judge with (default: this checkout's)")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION", help="further options for mitmdump")
    parser.add_argument("-v", "--verbose", action="store_true", help="every row of a page, not only differences")
    chosen = parser.parse_args(arguments)
    globs = chosen.case or ["*"]
    table_of_cases = drawn(chosen.seed, chosen.drawn) if chosen.drawn else CASES
    cases = [case for case in table_of_cases if any(fnmatch.fnmatchcase(case.name, glob) for glob in globs)]
    if not cases:
        parser.error(f"no case is called {' or '.join(globs)}")
    if chosen.urls and chosen.case:
        parser.error("give cases or URLs, not both")
    status = 0
    for browser in BROWSERS if chosen.browser == "all" else [chosen.browser]:
        if why := missing(browser):
            print(why, file=sys.stderr)
            status = 1
            continue
        if chosen.urls:
            run = run_urls(browser, chosen.urls, chosen.addon, chosen.set)
        else:
            run = run_cases(browser, cases, chosen.addon, chosen.set)
        found = agreements(run)
        shown = [one for one in found if chosen.verbose or not chosen.urls or one[1] is not Agreement.AGREE]
        shown.sort(key=lambda one: one[0].case or "")
        print(table(row(judged, browser, each) for judged, each in shown))
        for hop in run.unmatched:
            print(f"no flow for {browser}'s {hop.kind.value} {hop.method} {hop.url}: {browsers_word(hop)}")
        print(totals(run, found), flush=True)
        if run.unmatched or any(each is Agreement.DIFFER for _, each in found):
            status = 1
        if chosen.record:
            write_recording(run, chosen.record / browser)
    return status


if __name__ == "__main__":
    sys.exit(main())
