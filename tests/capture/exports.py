"""What Chromium's own recorders write of the browser table's pages, held against the browser's word on each request.

``python -m tests.capture.exports DIR`` opens the pages through a mitmdump. DevTools itself, opened in each tab, exports
them as HAR, and mitmproxy saves the same requests as flows. Then Playwright opens the pages again, with ``record_har``
and with tracing. ``DIR`` gets ``devtools-N.har``, ``sanitized-N.har``, ``flows-N.mitm``, ``netlog-N.json``,
``truth-N.jsonl``, ``playwright-N.har`` and ``trace-N.zip``. ``--score`` judges them and lists every difference.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import dataclasses
import fnmatch
import json
import shutil
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cors_addon.browser.chromium import FLAGS
from cors_addon.browser.process import StartError
from cors_addon.capture.check import Task, check
from cors_addon.capture.har_documents import entries
from cors_addon.capture.har_notes import HarNotes
from cors_addon.capture.json_stream import JsonWalker
from tests.browser.agreement import Agreement, browsers_word, compared, said
from tests.browser.cases import CASES
from tests.browser.cases.case import Case
from tests.browser.observed import Hop, Kind, Outcome, Through
from tests.browser.oracle import Chromium, program
from tests.browser.proxy import Proxy
from tests.browser.server import Server
from tests.browser.site import DONE, Site

READY = """(async () => {
  const {TargetManager, NetworkManager} = await import('./core/sdk/sdk.js');
  const target = TargetManager.TargetManager.instance().primaryPageTarget();
  return target?.model(NetworkManager.NetworkManager) ? 'ready' : null;
})()"""
EXPORT = """(async () => {
  const {NetworkLog} = await import('./models/logs/logs.js'), {Writer} = await import('./models/har/har.js');
  const requests = NetworkLog.NetworkLog.instance().requests();
  if (!requests.some(each => each.url().endsWith(%s))) return null;
  const progress = {canceled: false, createSubProgress: () => progress};
  return Writer.Writer.harStringForRequests(requests, {sanitize: %s}, progress);
})()"""


class DevTools(Chromium):
    """Chromium with DevTools open in each tab, which export what they recorded before it is closed."""

    def __init__(self, proxy: Through, folder: Path, number: int) -> None:
        super().__init__(proxy)
        self._folder = folder
        self._number = number
        log = f"--log-net-log={folder / f'netlog-{number}.json'}"
        self.flags = (*self.flags, "--auto-open-devtools-for-tabs", log, "--net-log-capture-mode=Everything")

    async def _open_tab(self, private: bool) -> tuple[str, str]:
        """Wait until DevTools records both tabs, this one and the empty one."""
        tab = await super()._open_tab(private)
        deadline = time.monotonic() + 30
        while sum(map(bool, await self._asked(READY))) < 2 and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        return tab

    async def _close_tab(self, tab: tuple[str, str]) -> None:
        answer = await self._evaluate(tab, "location.pathname")
        for kind, sanitize in (("devtools", "false"), ("sanitized", "true")):
            (text,) = filter(None, await self._asked(EXPORT % (json.dumps(answer), sanitize)))
            (self._folder / f"{kind}-{self._number}.har").write_text(text, encoding="utf-8")
        await super()._close_tab(tab)

    async def _asked(self, code: str) -> list[str | None]:
        """Run code in each DevTools that is open; one that closes meanwhile says nothing."""
        said = []
        for each in (await self._browser.call("Target.getTargets", filter=[{}]))["targetInfos"]:
            if each["type"] == "page" and each["url"].startswith("devtools:"):
                with contextlib.suppress(StartError):
                    said.append(await self._told(each["targetId"], code))
        return said

    async def _told(self, target: str, code: str) -> str | None:
        session = (await self._browser.call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        asked = {"expression": code, "awaitPromise": True, "returnByValue": True}
        answer = await self._browser.call("Runtime.evaluate", session, **asked)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"])[:2000])
        value = answer["result"].get("value")
        return None if value is None else str(value)


def record(cases: Sequence[Case], folder: Path, number: int) -> None:
    """Open one of the pages of the cases with DevTools, through mitmproxy."""
    site = Site(cases)
    page = list(site.pages)[number]
    with Server(site) as server, Proxy(server, None, folder=folder / "proxy") as proxy:
        with DevTools(proxy, folder, number) as browser:
            visit = browser.visit(site.url(page), DONE, private=page.private)
        proxy.stop()
        shutil.copy(proxy.flows, folder / f"flows-{number}.mitm")
    with open(folder / f"truth-{number}.jsonl", "w", encoding="utf-8") as truth:
        for hop in visit.hops:
            truth.write(json.dumps({**dataclasses.asdict(hop), "kind": hop.kind.value, "outcome": hop.outcome.value}))
            truth.write("\n")


def truth(folder: Path, number: int) -> dict[tuple[str, str, str], list[Hop]]:
    """The hops of a page, in order, by kind, method and URL."""
    found = defaultdict(list)
    for line in (folder / f"truth-{number}.jsonl").read_text(encoding="utf-8").splitlines():
        told = json.loads(line)
        hop = Hop(kind=Kind(told.pop("kind")), outcome=Outcome(told.pop("outcome")), **told)
        found[hop.kind.value, hop.method, hop.url].append(hop)
    return found


def score(folder: Path, kind: str) -> int:
    """Judge the recordings of a kind and list where they differ from the browser's word."""
    counts: Counter[str] = Counter()
    differing = 0
    for path in sorted(folder.glob(f"{kind}-*.*")):
        told = truth(folder, int(path.stem.partition("-")[2]))
        with open(path, "rb") as stream:
            saved = [*entries(JsonWalker(stream), HarNotes())]
        report = {entry["id"]: entry for entry in check([str(path)], Task()).flows}
        seen: Counter[tuple[str, str, str]] = Counter()
        for place, entry in enumerate(saved):
            request = entry["request"]
            preflight = "preflight" if is_preflight(request) else "request"
            key = (preflight, request["method"], request["url"].partition("#")[0])
            hops = told.get(key, [])
            hop = hops[min(seen[key], len(hops) - 1)] if hops else None
            seen[key] += 1
            found = report.get(f"{path.name}#{place}")
            word = said(found, "chromium")
            if hop is None:
                counts["no word"] += 1
                continue
            agreed = compared(hop, word)
            unnamed = not hop.sent or word.error is None
            if unnamed and hop.outcome is Outcome.CORS and word.outcome == "blocked":
                # Never sent, so that the name is its preflight's, or no response was saved.
                agreed = Agreement.AGREE
            counts[f"{hop.outcome.value}: {agreed.value} ({word.outcome})"] += 1
            if agreed is not Agreement.AGREE or (hop.outcome is Outcome.CORS and word.outcome != "blocked"):
                differing += 1
                print(f"{path.name}#{place} {request['method']} {request['url']}: {browsers_word(hop)} | {word}")
    for what, count in sorted(counts.items()):
        print(f"{count:6} {what}")
    return differing


def compare(folder: Path, kind: str) -> int:
    """List the diagnoses that recordings of a kind and mitmproxy's flows of the same pages do not share.

    What one of them leaves open, the other may decide.
    """
    differing = shared = 0
    for path in sorted(folder.glob(f"{kind}-*.*")):
        flows = folder / f"flows-{path.stem.partition('-')[2]}.mitm"
        one, other = diagnosed(path), diagnosed(flows)
        shared += len(one.keys() & other.keys())
        for name, ours, theirs in ((path.name, one, other), (flows.name, other, one)):
            for each in sorted(key for key, severity in ours.items() if severity == "blocked" and key not in theirs):
                differing += 1
                print(f"only {name}: {' | '.join(each)}")
    print(f"{shared} diagnoses are the same, {differing} are in one of the two only")
    return differing


def diagnosed(path: Path) -> dict[tuple[str, str, str], str]:
    """What is to be fixed: method and URL, the findings, the first cause; and its severity."""
    return {
        (
            f"{place['method']} {each['host']}{place['path']} {each['stage']}",
            " ".join(sorted(each["findings"] or each["conditions"])),
            each["causes"][0]["id"] if each["causes"] else "",
        ): each["severity"]
        for each in check([str(path)], Task()).diagnoses
        for place in each["places"]
        if each["severity"] in ("blocked", "conditional")
    }


def is_preflight(request: dict[str, Any]) -> bool:
    return request["method"] == "OPTIONS" and any(
        line["name"].lower() == "access-control-request-method" for line in request["headers"]
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.capture.exports", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--case", action="append", metavar="GLOB")
    parser.add_argument("--page", action="append", type=int, metavar="N", help="record this page with DevTools only")
    parser.add_argument("--only", choices=("devtools", "playwright"))
    parser.add_argument("--score", choices=("devtools", "sanitized", "netlog", "playwright"))
    parser.add_argument("--compare", choices=("devtools", "netlog"), help="with mitmproxy's flows")
    chosen = parser.parse_args()
    if chosen.compare:
        return min(compare(chosen.folder, chosen.compare), 1)
    if chosen.score:
        return min(score(chosen.folder, chosen.score), 1)
    chosen.folder.mkdir(parents=True, exist_ok=True)
    globs = chosen.case or ["*"]
    cases = [case for case in CASES if any(fnmatch.fnmatchcase(case.name, glob) for glob in globs)]
    if chosen.only != "playwright":
        for number in chosen.page or range(len(Site(cases).pages)):
            record(cases, chosen.folder, number)
    if chosen.only != "devtools":
        record_with_playwright(cases, chosen.folder)
    return 0


def record_with_playwright(cases: Sequence[Case], folder: Path) -> None:
    """Open the pages of the cases with Playwright, which records a HAR and a trace."""
    from playwright.sync_api import sync_playwright

    flags = [flag for flag in FLAGS if not flag.startswith("--remote-debugging")]
    site = Site(cases)
    with (
        Server(site) as server,
        Proxy(server, None, folder=folder / "proxy-playwright") as proxy,
        sync_playwright() as playwright,
    ):
        through = {"server": f"http://127.0.0.1:{proxy.port}", "bypass": "<-loopback>"}
        browser = playwright.chromium.launch(
            executable_path=program("chromium"), args=[*flags, "--no-sandbox"], proxy=through
        )
        for number, page in enumerate(site.pages):
            har = folder / f"playwright-{number}.har"
            context = browser.new_context(record_har_path=har, ignore_https_errors=True)
            context.tracing.start(snapshots=True)
            tab = context.new_page()
            tab.goto(site.url(page))
            tab.wait_for_function(DONE, timeout=180_000)
            tab.wait_for_timeout(1000)
            context.tracing.stop(path=folder / f"trace-{number}.zip")
            context.close()
        browser.close()
        proxy.stop()
        shutil.copy(proxy.flows, folder / "flows-playwright.mitm")


if __name__ == "__main__":
    sys.exit(main())
