"""What a soak found: its figures, what was not as it must be, and the closing words."""

import contextlib
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from cors_addon.mitm.verdict_store import KEPT_VERDICTS
from tests.hard.soaking import load
from tests.hard.soaking.turns import LONG

MEGABYTE: Final = 1 << 20
COLUMNS: Final = (
    *("min", "flows", "origin", "judged", "kept", "live"),
    *("own", "RSS MB", "fds", "tasks", "cpu %", "errors", "turn ms"),
)
_SHOWN: Final = 40
"""Places where long turns were spent, the longest first."""

_STEPS_SHOWN: Final = 8

MOST_GROWTH: Final = 0.04
"""By how much the addon's own objects may be more in the last quarter than in the one before, with full caps."""


class Outcome:
    """What is counted while a soak runs."""

    def __init__(self, folder: Path, bare: bool, timed: bool) -> None:
        self.folder = folder
        self.bare = bare
        self.timed = timed
        self.samples: list[dict[str, Any]] = []
        self.done: Counter[str] = Counter()
        self.slowest: dict[str, float] = {}
        self.faults: list[str] = []
        self.load: load.Load | None = None
        self.appended: Path | None = None
        self.of_disk: list[str] = []
        """What the proxy's log says of the report that is appended to."""

    def complaints(self) -> Iterator[str]:
        """Say in sentences what was not as it must be."""
        assert self.load is not None
        yield from self.faults
        first, last = self.samples[0], self.samples[-1]
        if last["errors"]:
            yield f"{last['errors']} errors in the log, the first: {last['error_lines']}"
        if last["not_judged"]:
            yield f"flows with an Origin that were not judged: {last['not_judged']}"
        if self.done["live page: behind"] > self.done["live page: up to date"]:
            yield "the live page fell behind"
        for name in ("open", "waiting"):
            if last[name]:
                yield f"{last[name]} flows are still {name}; open in mitmproxy: {last['open_lines']}"
        for name, spare in (("fds", 0), ("own_tasks", 0), ("threads", 2)):
            if last[name] > first[name] + spare:
                yield f"{name}: {last[name]} at the end, {first[name]} at the beginning"
        left = [path.name for path in self.folder.rglob(".*") if path.is_file()]
        if left:
            yield f"files left behind: {left}"
        if self.bare:
            return
        yield from self._wrongly_judged(last)
        yield from self._not_appended()
        if self.timed and last["most_own"] > LONG:
            yield f"the addon's part of a turn of the event loop: {last['most_own'] * 1e3:.0f} ms of CPU"
        growth = self.growth("own")
        if growth is not None and growth > MOST_GROWTH:
            yield f"the addon's own objects become more: {growth:+.1%} from the third quarter to the last"

    def _wrongly_judged(self, last: dict[str, Any]) -> Iterator[str]:
        path = self.folder / "last.json"
        if not path.exists():
            return  # which is a complaint already
        report = json.loads(path.read_text(encoding="utf-8"))
        summary = report["summary"]
        if summary["flows"] < last["with_origin"]:
            yield f"the report knows of {summary['flows']} flows, and {last['with_origin']} had an Origin"
        wrong: Counter[str] = Counter()
        for flow in report["flows"]:
            host, _, path = flow["url"].partition("://")[2].partition("/")
            parts = path.split("/")
            if host != load.HOSTS[0] or parts[0] != "s":
                continue
            wanted = load.KINDS[parts[1]].outcome
            self.done["flows judged as their kind demands"] += 1
            if wanted is not None and flow["outcome"] != wanted:
                wrong[f"{parts[1]}: {flow['outcome']} instead of {wanted}"] += 1
        if wrong:
            yield f"judged wrongly: {dict(wrong)}"

    def _not_appended(self) -> Iterator[str]:
        """Compare the report that was appended to, on the disk that filled up, with the last one that was asked for."""
        path = self.folder / "last.json"
        if self.appended is None or not path.exists():
            return
        ids = {flow["id"] for flow in json.loads(path.read_text(encoding="utf-8"))["flows"]}
        wanted = len(ids)
        with self.appended.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                with contextlib.suppress(json.JSONDecodeError):
                    entry = json.loads(line)
                    self.done["flows lost to the disk, as the report says"] += entry.get("lost", 0)
                    ids.discard(entry.get("id"))
        self.done["flows of the last report that were appended"] += wanted - len(ids)
        if ids:
            yield f"{len(ids)} of {wanted} flows are not in the report that is appended to"

    def growth(self, what: str) -> float | None:
        """Compare "rss" or "own" of the last quarter with the quarter's before; None before the caps are full."""
        full = [each[what] for each in self.samples if each["verdicts"] >= KEPT_VERDICTS]
        if len(full) < 12:
            return None
        quarter = len(full) // 4
        before, after = full[-2 * quarter : -quarter], full[-quarter:]
        return float(sum(after) / sum(before)) - 1

    def line(self) -> str:
        """Return the last figures under the columns' names."""
        before, counts = self.samples[-2:]
        seconds = counts["at"] - before["at"]
        cells = [
            f"{(counts['at'] - self.samples[0]['at']) / 60:.1f}",
            *(counts[name] for name in ("flows", "with_origin", "judged", "verdicts", "live")),
            counts["own"],
            f"{counts['rss'] / MEGABYTE:.1f}",
            counts["fds"],
            counts["tasks"],
            f"{100 * (counts['cpu'] - before['cpu']) / max(seconds, 0.001):.0f}",
            counts["errors"],
            f"{counts['most_own'] * 1e3:.0f}",
        ]
        return "  ".join(f"{cell:>7}" for cell in cells)

    def closing(self) -> Iterator[str]:
        """Say what was done and found."""
        assert self.load is not None
        first, last = self.samples[0], self.samples[-1]
        yield f"ran for {(last['at'] - first['at']) / 60:.1f} minutes"
        yield f"sent: {dict(sorted(self.load.sent.items()))}"
        yield f"broken off: {dict(self.load.broken) or 'none'}"
        for kind, outcomes in sorted(last["outcomes"].items()):
            yield f"judged, {kind}: {outcomes}"
        yield f"done: {dict(sorted(self.done.items()))}"
        yield f"slowest, in seconds: { {name: round(taken, 2) for name, taken in sorted(self.slowest.items())} }"
        names = ("fds", "tasks", "threads", "open", "waiting")
        yield "left at the end (at the beginning): " + ", ".join(
            f"{name} {last[name]} ({first[name]})" for name in names
        )
        peak = max(each["rss"] for each in self.samples)
        at_first, at_last, most = (f"{size / MEGABYTE:.1f} MB" for size in (first["rss"], last["rss"], peak))
        yield f"memory: {at_first}, at the end {at_last}, at most {most}"
        if self.appended is not None:
            yield f"appended: {self.appended.stat().st_size / MEGABYTE:.0f} MB; the log of it: {self.of_disk}"
        yield from self._long_turns(last)
        yield f"requests that mitmproxy told no end of, though their browser had hung up: {last['unended']}"
        yield f"connections that mitmproxy itself forgot while they waited for their turn: {last['forgotten']}"
        for what, name in (("own", "of the addon's own objects"), ("rss", "of RSS")):
            growth = self.growth(what)
            yield f"growth with full caps, {name}: " + (
                "the caps were not full" if growth is None else f"{growth:+.1%}"
            )

    def _long_turns(self, last: dict[str, Any]) -> Iterator[str]:
        """Say whose the long turns were: the collector's, where it alone made them long, or of what ran in them."""
        turns = sorted(last["long_turns"], reverse=True)
        yield f"turns of the event loop: {last['turns']:,}, above {LONG * 1e3:.0f} ms of CPU: {len(turns)}"
        step, name = last["longest"]
        yield f"the addon's part of a turn: at most {last['most_own'] * 1e3:.0f} ms: {_in_words(last['most_steps'])}"
        yield f"the addon's longest step, a hook, a command or a callback: {step * 1e3:.0f} ms in {name}"
        for generation, (count, taken, most) in enumerate(last["collections"]):
            yield (
                f"collections of generation {generation}: {count:,}, {taken:.1f} s of CPU in all, "
                f"at most {most * 1e3:.0f} ms"
            )
        whose: dict[str, list[float]] = {}
        for taken, own, collected, place in turns:
            if own > LONG:
                place = f"the addon ({own * 1e3:.0f} ms of it), {place}"
            elif taken - collected <= LONG:
                place = "Python's garbage collector"
            whose.setdefault(place, []).append(taken)
        for place, spans in [*whose.items()][:_SHOWN]:
            yield f"  {len(spans):>4} times, at most {max(spans) * 1e3:.0f} ms: {place}"


def _in_words(steps: dict[str, tuple[float, int]]) -> str:
    longest = sorted(steps.items(), key=lambda each: -each[1][0])[:_STEPS_SHOWN]
    return ", ".join(f"{count:,} of {name}, {taken * 1e3:.0f} ms" for name, (taken, count) in longest)
