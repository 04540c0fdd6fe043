"""The other columns: what the addon says of browser B on a flow that browser A made, against what B did itself.

`python -m tests.browser.matrix DIR...` prints it for recordings (`compare --record`), one of each browser. Flows are
paired by kind, method, URL, and the method and header names that a preflight asks for. Where B made no such request, or
made it another number of times, there is nothing to compare; "conditional" and "unknown" claim nothing and are counted
as open.
"""

from __future__ import annotations

import argparse
import json
import lzma
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from mitmproxy import http, io

from tests.browser.proxy import ADDON
from tests.browser.recording import TRUTH
from tests.browser.run import Run
from tests.browser.webkit_log import is_preflight, method_of, url_of

Key = tuple[str, str, str, str]
LEAST = 0.995
# What differs all the same, by the cases' names: departures that the engine knows, in flows that do not show them.
EXPLAINED = {
    "*font*": "WebKit loads fonts without CORS (cors_addon/verdict/other_requests.py): over plain http nothing tells a "
    "font from fetch(), and a report has no entry for a flow that is not CORS in the browser that made it",
}


@dataclass(frozen=True, slots=True)
class Told:
    """A flow, the browser's word on it ("ok", a CORS error's name, or another), and the report's entry for it."""

    key: Key
    word: str
    entry: Mapping[str, Any] | None

    def outcome(self, browser: str) -> str:
        return "not-cors" if self.entry is None else str(self.entry["browsers"][browser]["outcome"])


@dataclass(slots=True)
class Field:
    """One field of the matrix: how often the addon's word on `of` fits, on flows that `seen_in` made."""

    seen_in: str
    of: str
    counted: Counter[str] = field(default_factory=Counter)
    differences: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)

    @property
    def agreement(self) -> float:
        compared = self.counted["agree"] + self.counted["differ"]
        return self.counted["agree"] / compared if compared else 1.0

    def __str__(self) -> str:
        counts = ", ".join(f"{name} {number}" for name, number in sorted(self.counted.items()))
        return f"{self.of:8} on flows of {self.seen_in:8} {self.agreement:8.2%}  ({counts})"


def key_of(one: http.HTTPFlow) -> Key:
    kind = "preflight" if is_preflight(one) else "request"
    asked = [one.request.headers.get(f"access-control-request-{what}", "") for what in ("method", "headers")]
    return kind, method_of(one), url_of(one), " ".join(filter(None, asked))


def matrix(told: Mapping[str, Iterable[Told]]) -> list[Field]:
    """Compare every browser with every other, itself included."""
    by_key: dict[str, defaultdict[Key, list[Told]]] = {}
    for browser, each in told.items():
        by_key[browser] = defaultdict(list)
        for one in each:
            by_key[browser][one.key].append(one)
    return [_field(seen_in, of, by_key) for seen_in in told for of in told]


def _field(seen_in: str, of: str, by_key: Mapping[str, Mapping[Key, list[Told]]]) -> Field:
    found = Field(seen_in, of)
    for key, flows in by_key[seen_in].items():
        own = by_key[of].get(key, [])
        if len(own) != len(flows):
            found.counted["not paired"] += len(flows)
            continue
        for one, other in zip(flows, own, strict=True):
            verdict = compared(one.outcome(of), other.word)
            found.counted[verdict] += 1
            if verdict == "differ":
                told = f"{' '.join(key)}: the addon says {one.outcome(of)}, {of} {other.word}"
                why = next((why for case, why in EXPLAINED.items() if fnmatchcase(key[2], case)), None)
                found.differences.append(told if why is None else f"{told} ({why})")
                if why is None:
                    found.unexplained.append(told)
    return found


def compared(outcome: str, word: str) -> str:
    if word in ("other-failure", "pending", "ambiguous") or outcome in ("conditional", "unknown"):
        return "open"
    return "agree" if (outcome == "blocked") is (word != "ok") else "differ"


def of_run(run: Run) -> list[Told]:
    def word(hop: Any) -> str:
        return str(TRUTH.get(hop.outcome, hop.name))

    ordered = sorted(run.judged, key=lambda one: one.flow.timestamp_start)
    return [Told(key_of(one.flow), word(one.hop), one.report) for one in ordered]


def of_recording(folder: Path, addon: Path = ADDON) -> list[Told]:
    with tempfile.TemporaryDirectory() as own:
        flows, report = Path(own, "flows.mitm"), Path(own, "report.json")
        flows.write_bytes(lzma.decompress((folder / "flows.mitm.xz").read_bytes()))
        options = ["--set", f"confdir={own}/conf", "--set", f"cors_report={report}"]
        mitmdump = str(Path(sys.executable).with_name("mitmdump"))
        subprocess.run([mitmdump, "-q", "-n", "-r", str(flows), "-s", str(addon), *options], check=True)
        entries = {entry["id"]: entry for entry in json.loads(report.read_text())["flows"]}
        with open(flows, "rb") as stored:
            by_id = {one.id: one for one in io.FlowReader(stored).stream() if isinstance(one, http.HTTPFlow)}
    return list(_laid(folder, by_id, entries))


def _laid(folder: Path, flows: Mapping[str, http.HTTPFlow], entries: Mapping[str, Any]) -> Iterator[Told]:
    truths = map(json.loads, (folder / "truth.jsonl").read_text().splitlines())
    for truth in sorted(truths, key=lambda each: flows[each["flow_id"]].timestamp_start):
        yield Told(key_of(flows[truth["flow_id"]]), truth["truth"], entries.get(truth["flow_id"]))


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.matrix", description=__doc__)
    parser.add_argument("recordings", nargs="+", type=Path, metavar="DIR")
    chosen = parser.parse_args(arguments)
    told = {(folder / "browser").read_text().strip(): of_recording(folder) for folder in chosen.recordings}
    fields = matrix(told)
    for one in fields:
        print(one)
        for difference in one.differences:
            print(f"    {difference}")
    return 0 if all(one.agreement >= LEAST for one in fields) else 1


if __name__ == "__main__":
    sys.exit(main())
