"""The command line and the table."""

import argparse
import asyncio
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mitmproxy import version

from . import crowd, hooks, large, live, memory, saved, turns
from .measures import AFTER, BARE, BEFORE, EMPTY, ROOT, Row, addon_of

PARTS = ("live", "hooks", "turns", "saved", "memory", "large", "crowd")
PAGE = Path(ROOT, "cors_addon", "docs", "costs.md")
_END = "<!-- end of what was measured -->\n"


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench.py", description="Print what the addon costs, as a table.")
    parser.add_argument("--quick", action="store_true", help="a few requests only, to see that it works")
    parser.add_argument("--only", action="append", choices=PARTS, help="measure this part only; may be repeated")
    parser.add_argument("--against", type=_checkout, metavar="DIR", help="another checkout: measured before this one")
    parser.add_argument("--rounds", type=_positive, help="how often each comparison is made (default 40)")
    parser.add_argument("--requests", type=_positive, help="requests a turn of live traffic (default 100)")
    parser.add_argument(
        "--write", action="store_true", help="put the table of each part measured into cors_addon/docs/costs.md"
    )
    chosen = parser.parse_args(words)
    quick: bool = chosen.quick
    rounds: int = chosen.rounds or (2 if quick else 40)
    requests: int = chosen.requests or (20 if quick else 100)
    parts = chosen.only or PARTS
    roots = {AFTER: ROOT} if chosen.against is None else {BEFORE: chosen.against, AFTER: ROOT}
    measured: dict[str, list[Row]] = {}
    with tempfile.TemporaryDirectory() as folder:
        if "live" in parts:
            measured["live"] = asyncio.run(live.measure(folder, roots, live.LOADS, rounds, requests, _say))
        if "hooks" in parts:
            measured["hooks"] = hooks.measure(roots, rounds, 20 if quick else 500, _say)
        if "turns" in parts:
            measured["turns"] = asyncio.run(
                turns.measure(folder, roots, max(1, rounds // 4), 0.2 if quick else 2.0, _say)
            )
        if "saved" in parts:
            measured["saved"] = saved.measure(
                folder, roots, max(1, rounds // 8), *((50, 1) if quick else (10_000, 50)), _say
            )
        if "memory" in parts:
            measured["memory"] = memory.measure(roots, 0.001 if quick else 1.0, _say)
        if "large" in parts:
            measured["large"] = large.measure(roots, _say, quick)
        if "crowd" in parts:
            measured["crowd"] = crowd.measure(roots, 100 if quick else 50_000, _say)
    machine = f"{os.cpu_count()} cores, {sys.platform}, Python {sys.version.split()[0]}, mitmproxy {version.VERSION}"
    head = f"Measured on {machine}, in {rounds} rounds:\n"
    print("\n".join([head, *_table([row for rows in measured.values() for row in rows], roots)]))
    if chosen.write:
        page = PAGE.read_text(encoding="utf-8")
        for part, rows in measured.items():
            page = _with_table(page, part, "\n".join([head, *_table(rows, roots)]))
        PAGE.write_text(page, encoding="utf-8")
    return 0


def _with_table(page: str, part: str, text: str) -> str:
    """Return the page with a part's table in place of its older one, or after the last table."""
    begin = f"<!-- measured: {part} -->\n"
    before, found, rest = page.partition(begin)
    if found:
        after = rest.partition(_END)[2]
    else:
        before, _, after = page.rpartition(_END)
        before += f"{_END}\n"
    return f"{before}{begin}{text}\n{_END}{after}"


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("it has to be at least 1")
    return number


def _checkout(text: str) -> str:
    if not os.path.isfile(addon_of(text)):
        raise argparse.ArgumentTypeError(f"{text} is no checkout of cors-addon: it has no cors_addon/addon.py")
    return os.path.abspath(text)


def _say(line: str) -> None:
    print(f"bench: {line}", file=sys.stderr, flush=True)


def _table(rows: Sequence[Row], roots: Mapping[str, str]) -> Iterator[str]:
    names = [name for name in (BARE, EMPTY, *roots) if any(name in row.cells for row in rows)]
    titles = {BARE: "mitmproxy alone", EMPTY: "with an empty script", BEFORE: "before", AFTER: "with the addon"}
    if BEFORE in roots:
        titles[AFTER] = "after"
    lines = [["", *(titles[name] for name in names), "target"]]
    lines += [[row.name, *(row.cells.get(name, "") for name in names), row.target] for row in rows]
    for number, line in enumerate(lines):
        yield f"| {' | '.join(line)} |"
        if number == 0:
            yield "|" + "---|" * len(line)
