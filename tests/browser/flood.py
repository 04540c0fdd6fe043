"""A page that says as much as it can while a browser is listened to.

`python -m tests.browser.flood [--requests N] [BROWSER...]` makes a minute of it: N requests, console lines, requests
that a policy blocks and reports, workers and frames. It prints how many requests were told, and what mitmdump holds.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.browser.proxy import Proxy
from tests.browser.server import Answer, Seen, Server

FLOOD = "/flooded"
SCRIPT = """
const ask = (number, who) =>
  fetch('http://api.test%(path)s/' + who + '/' + number).then((answer) => answer.text()).catch(() => 0);
async function askAll(who, many, pause) {
  for (let number = 0; number < many; number += 10) {
    const ten = Array.from({length: Math.min(10, many - number)}, (_, one) => ask(number + one, who));
    await Promise.all([...ten, new Promise((resolve) => setTimeout(resolve, pause))]);
  }
}
"""
PAGE = """<!doctype html><title>flood</title><body><script>%(script)s
async function flood() {
  const told = {big: 'x'.repeat(10000)};
  const all = [askAll('page', %(requests)d, %(pause)d)];
  for (let line = 0; line < %(lines)d; line++) {
    console.log('line', line, told);
    if (line %% 500 === 0) await new Promise((resolve) => setTimeout(resolve));
  }
  for (let number = 0; number < %(blocked)d; number++) fetch('http://blocked.test/' + number).catch(() => 0);
  for (let number = 0; number < %(workers)d; number++)
    all.push(new Promise((done) => { new Worker('/flood-worker.js?' + number).onmessage = done; }));
  for (let number = 0; number < %(frames)d; number++) {
    const frame = document.createElement('iframe');
    frame.src = '/flood-frame?' + number;
    all.push(new Promise((done) => { frame.onload = () => { if (number %% 2) frame.remove(); done(); }; }));
    document.body.append(frame);
  }
  await Promise.race([Promise.all(all), new Promise((resolve) => setTimeout(resolve, %(longest)d))]);
  await fetch('/done-flood');
}
flood();
</script>"""
POLICY = ("Content-Security-Policy", "connect-src 'self' http://api.test; report-uri /flood-report")


@dataclass(frozen=True, slots=True)
class Flood:
    """How much of each; ``pause`` is in milliseconds between ten requests."""

    requests: int
    lines: int
    blocked: int
    workers: int
    frames: int
    pause: int = 0
    longest: int = 120_000

    def __call__(self, seen: Seen) -> Answer:
        script = SCRIPT % {"path": FLOOD}
        path = seen.target.partition("?")[0]
        if path == "/flood":
            amounts = {name: getattr(self, name) for name in self.__slots__}
            page = PAGE % {"script": script, **amounts}
            return Answer(200, (("Content-Type", "text/html"), POLICY), page.encode())
        if path == "/flood-worker.js":
            code = f"{script} askAll('worker' + location.search, 10, 0).then(() => postMessage(0));"
            return Answer(200, (("Content-Type", "text/javascript"),), code.encode())
        if path == "/flood-frame":
            code = f"<script>{script} askAll('frame' + location.search, 2, 0)</script>"
            return Answer(200, (("Content-Type", "text/html"),), code.encode())
        return Answer(200, (("Access-Control-Allow-Origin", "*"),) if seen.target.endswith("0") else (), b"x")


def resident(pid: int) -> int:
    """Megabytes that a process holds."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    return int(found[1]) // 1024 if found else 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.flood", description=__doc__)
    parser.add_argument("browsers", nargs="*", metavar="BROWSER", help="default: chromium firefox")
    parser.add_argument("--requests", metavar="N", type=int, default=10_000, help="default: %(default)s")
    chosen = parser.parse_args()
    untold = 0
    for browser in chosen.browsers or ("chromium", "firefox"):
        flood = Flood(chosen.requests, lines=20_000, blocked=2_000, workers=30, frames=100, pause=50)
        options = [f"cors_start_browser={browser} --headless http://app.test/flood", "termlog_verbosity=info"]
        with Server(flood) as server, Proxy(server, options=options) as proxy:
            before = resident(proxy.pid)
            while not any(each.target == FLOOD + "/page/0" for each in server.seen):
                time.sleep(0.05)
            begun = time.monotonic()
            while not any(each.target == "/done-flood" for each in server.seen) and time.monotonic() < begun + 240:
                time.sleep(0.2)
            taken = time.monotonic() - begun
            time.sleep(8)
            after = resident(proxy.pid)
            proxy.stop()
            report = json.loads(proxy.report.read_text())
            flows = [each for each in report["flows"] if FLOOD in each["url"]]
            told = [each for each in flows if "told" in each]
            agree = sum(each["told"]["agrees"] for each in told)
            blocked = sum(each["count"] for each in report.get("unsent", ()))
            faults = proxy.output.count("Traceback")
            untold += len(flows) - len(told) + faults
            print(
                f"{browser}: {len(server.seen)} requests in {taken:.0f} s, {len(flows)} of api.test, {len(told)} told, "
                f"{agree} agree; {blocked} unsent; RSS {before} -> {after} MB; {faults} tracebacks; "
                f"summary {report['summary']['told']}",
                flush=True,
            )
    return min(untold, 1)


if __name__ == "__main__":
    sys.exit(main())
