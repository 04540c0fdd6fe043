"""Keep a proxy with the addon under mixed load and watch what it holds: `python scripts/soak.py [--minutes N]`.

Real browsers (Chromium and Firefox, those that are there) load pages full of violations again and again; beside them
goes synthetic traffic at `--rate` exchanges a second: plain, CORS, preflights, HTTP/1 and 2, failing, cut, reset,
aborted, WebSockets, streams. Meanwhile the rule file is rewritten, broken now and then, injection is thrown on and off,
reports are asked for in every format, one is appended to on a disk that fills up twice, and the live page stays open.
One response of a hundred has a header of 200 KB. A line of figures is printed every minute, at its end the addon's
longest part of a turn of the event loop so far.

The exit status is 1 if the log held an error, a flow with an Origin was not judged or not as its kind demands, a task,
file or descriptor was left behind, a turn of the event loop above 100 ms was the addon's, the disk cost the report a
flow, or the addon's own objects grew in number after the caps were full. The long turns are printed with what ran in
them, mitmproxy's too; with `--untimed` they are not held against the run, as on CI, where the machine is anybody's.
The disk is a file system in memory, which only root may mount: others do without.

What the process holds (RSS) is printed beside it, and grows: mitmproxy keeps what it knew of each connection to a
server for as long as the browser's to the proxy lasts. `--bare` leaves the addon out, and shows how much that is.

Runs in the environment of the tests (`.venv`, made by `scripts/test.py`). Ends early, with its table, on Ctrl-C.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import itertools
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
# It soaks this checkout, whatever may be installed.
sys.path.insert(0, str(ROOT))

from tests.browser.cases import CASES  # noqa: E402
from tests.browser.observed import BrowserError  # noqa: E402
from tests.browser.oracle import Chromium  # noqa: E402
from tests.browser.processes import processes_with  # noqa: E402
from tests.browser.proxy import ADDON, Proxy, ProxyError  # noqa: E402
from tests.browser.run import BROWSERS, missing  # noqa: E402
from tests.browser.server import Answer, Seen, Server  # noqa: E402
from tests.browser.site import DONE, Site  # noqa: E402
from tests.hard.soaking import disk, load  # noqa: E402
from tests.hard.soaking.outcome import COLUMNS, Outcome  # noqa: E402

WATCH: Final = ROOT / "tests" / "hard" / "soaking" / "watch.py"
RULES: Final = """
version: 1
expires: {expires}
rules:
  - name: synthetic {number}
    hosts: [injected.test]
    allow_origins: ["{page}"]
    preflight: {preflight}
    upstream_headers: {upstream}
  - name: browsers
    enabled: {enabled}
    hosts: [api.app.test]
    allow_origins: ["http://app.test", "https://app.test"]
    allow_credentials: true
"""
_DISK: Final = 30
"""Megabytes of the disk that fills up, for each minute of the run."""

BROKEN: Final = "version: 1\nrules:\n  - name: broken\n    hosts: ['*']\n    allow_origins: any\n"


class Soak(Outcome):
    """One run: threads that make trouble, and what they count."""

    def __init__(
        self, folder: Path, minutes: float, rate: float, pause: float, bare: bool = False, timed: bool = True
    ) -> None:
        super().__init__(folder, bare, timed)
        self.rules = folder / "rules.yaml"
        self.seconds = minutes * 60
        self.rate = rate
        self.pause = pause
        self.site = Site(CASES)
        self.stop = threading.Event()
        self.keep = contextlib.ExitStack()

    def route(self, seen: Seen) -> Answer:
        answer = load.route(seen)
        return answer if answer is not None else self.site(seen)

    # --- who makes trouble ------------------------------------------------------------------------------------

    def browse(self, name: str, proxy: Proxy) -> None:
        """Open page after page until the end; a browser that breaks off is started anew."""
        urls = itertools.cycle([(self.site.url(page), page.private) for page in self.site.pages])
        while not self.stop.is_set():
            try:
                with BROWSERS[name](proxy) as driver:
                    live = live_page(driver) if isinstance(driver, Chromium) and not self.bare else None
                    while not self.stop.wait(self.pause):
                        self.site.start()
                        url, private = next(urls)
                        driver.visit(url, DONE, private=private)
                        self.done[f"{name}: pages"] += 1
                        if live is not None:
                            self.done["live page: up to date" if live() else "live page: behind"] += 1
            except (BrowserError, OSError) as error:
                self.done[f"{name}: started anew"] += 1
                print(f"{name}: {error}", flush=True)

    def make_load(self) -> None:
        assert self.load is not None
        asyncio.run(self.load.run(self.stop.is_set))

    def rewrite(self) -> None:
        for number in itertools.count():
            if number % 6 == 5:
                text, what = BROKEN, "rule files, broken"
            else:
                text, what = self._rules(number), "rule files, good"
            self.rules.write_text(text, encoding="utf-8")
            self.done[what] += 1
            if self.stop.wait(5):
                return

    def _rules(self, number: int) -> str:
        return RULES.format(
            number=number,
            page=load.PAGE,
            expires=("2h", "3s")[number % 7 == 3],
            preflight=("answer", "repair", "forward")[number % 3],
            upstream=("replace", "fill", "keep")[number % 5 % 3],
            enabled=str(number % 2 == 0).lower(),
        )

    def throw(self, proxy: Proxy) -> None:
        states = itertools.cycle(["on", "off", "toggle", "toggle"])
        while not self.stop.wait(7):
            self.ask(proxy, "cors.inject", next(states))

    def report(self, proxy: Proxy, every: float) -> None:
        for ending in itertools.cycle([".json", ".html", ".sarif", ".xml", ".txt"]):
            if self.stop.wait(every):
                return
            path = self.folder / f"asked{ending}"
            if self.ask_for(proxy, path) and ending == ".json":
                json.loads(path.read_text(encoding="utf-8"))
            self.ask(proxy, "cors.status")

    def fill_up(self, small: Path) -> None:
        """Let the disk be full for a while, twice."""
        for _ in range(2):
            if self.stop.wait(self.seconds / 4):
                return
            filler = disk.fill(small)
            self.done["disk: full"] += 1
            self.stop.wait(min(120, self.seconds / 8))
            filler.unlink()
            self.done["disk: room again"] += 1

    def ask_for(self, proxy: Proxy, path: Path) -> bool:
        """Ask for a report and wait for it, for a long one is there later than the command's answer; say if it came."""
        path.unlink(missing_ok=True)
        self.ask(proxy, "cors.report", str(path))
        end = time.monotonic() + 300
        while not path.exists():
            if time.monotonic() > end:
                self.faults.append(f"cors.report: {path.name} is not there")
                return False
            time.sleep(0.1)
        return True

    def ask(self, proxy: Proxy, name: str, *arguments: str) -> None:
        started = time.monotonic()
        try:
            proxy.command(name, *arguments, seconds=300)
        except (ProxyError, OSError, ValueError) as error:
            if "is being made already" in str(error):
                self.done[f"{name}: the one before was under way"] += 1
            else:
                self.faults.append(f"{name} {' '.join(arguments)}: {error}")
        taken = time.monotonic() - started
        what = f"{name} {Path(arguments[0]).name}" if name == "cors.report" else name
        self.done[what] += 1
        self.slowest[what] = max(taken, self.slowest.get(what, 0))

    # --- the run ----------------------------------------------------------------------------------------------

    def run(self, browsers: list[str], every: float, sample: float, listened: str = "") -> None:
        self.rules.write_text(self._rules(0), encoding="utf-8")
        options = ["steer_flows=/dev/null", "stream_large_bodies=100k"]
        if not self.bare:
            options.append(f"cors_rules={self.rules}")
            if listened:
                self.site.endless = True
                options.append(f"cors_start_browser={listened} --headless {self.site.tour()}")
        addon = None if self.bare else ADDON
        megabytes = int(_DISK * max(5, self.seconds / 60))
        small = None if self.bare else self.keep.enter_context(disk.small(self.folder / "disk", megabytes))
        if small is not None:
            self.appended = small / "all.jsonl"
            options += [f"cors_report={self.folder / 'proxy' / 'report.json'}", f"cors_report={self.appended}"]
        with (
            Server(self.route) as server,
            Proxy(server, addon, options, folder=self.folder / "proxy", scripts=[WATCH]) as proxy,
        ):
            self.load = load.Load(proxy.port, self.rate)
            works: list[tuple[Any, ...]] = [*((self.browse, name, proxy) for name in browsers), (self.make_load,)]
            if not self.bare:
                works += [(self.rewrite,), (self.throw, proxy), (self.report, proxy, every)]
            if small is not None:
                works.append((self.fill_up, small))
            threads = [threading.Thread(target=self.guarded, args=work) for work in works]
            self.sample(proxy)  # what it holds before anything happens
            for thread in threads:
                thread.start()
            try:
                self.watch(proxy, server, sample)
            finally:
                self.stop.set()
                for thread in threads:
                    thread.join(120)
            if listened and not self.bare:
                self.end_listened(proxy)
            self.settle(proxy)
            if not self.bare:
                self.ask_for(proxy, self.folder / "last.json")
            proxy.stop()
            lines = proxy.output.splitlines()
            self.faults += [line for line in lines if "Traceback" in line]
            self.of_disk = [line for line in lines if f"cors_report={self.appended}" in line]

    def guarded(self, work: Any, *arguments: Any) -> None:
        try:
            work(*arguments)
        except BaseException as error:
            self.faults.append(f"the soak itself: {type(error).__name__}: {error}")
            raise

    def watch(self, proxy: Proxy, server: Server, sample: float) -> None:
        print("  ".join(f"{name:>7}" for name in COLUMNS), flush=True)
        end = time.monotonic() + self.seconds
        while not self.stop.wait(max(0.0, min(sample, end - time.monotonic()))):
            server.seen.clear()
            self.sample(proxy)
            print(self.line(), flush=True)
            if time.monotonic() >= end:
                return

    def end_listened(self, proxy: Proxy) -> None:
        """End the browser that the addon started, as a user closes its window, and see that nothing of it is left."""
        guards = processes_with("guard.py", proxy.pid)
        for guard in guards:
            os.kill(guard, signal.SIGTERM)
        end = time.monotonic() + 30
        while left := processes_with("guard.py", proxy.pid):
            if time.monotonic() > end:
                self.faults.append(f"the listened-to browser does not end: {left}")
                return
            time.sleep(0.2)
        if not guards:
            self.faults.append("no browser is listened to any more")

    def settle(self, proxy: Proxy) -> None:
        """Wait until nothing is on its way any more, two minutes at most, and take the last figures."""
        self.site.endless = False
        end = time.monotonic() + 120
        while time.monotonic() < end:
            proxy.command("soak.collect", seconds=300)
            last = self.sample(proxy)
            if not last["open"] and not last["waiting"] and last["fds"] <= self.samples[0]["fds"]:
                return
            self.samples.pop()
            time.sleep(1)
        self.sample(proxy)

    def sample(self, proxy: Proxy) -> dict[str, Any]:
        counts = json.loads(str(proxy.command("soak.counts", seconds=300)))
        self.samples.append({"at": time.monotonic(), **counts})
        return self.samples[-1]


def live_page(driver: Chromium) -> Callable[[], bool]:
    """Open the live page in a tab of its own; return what says whether it shows the present state."""
    target = driver.call("Target.createTarget", url="http://cors.addon/")["targetId"]
    session = driver.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def is_current() -> bool:
        answer = driver.call("Runtime.evaluate", session, expression="!!document.querySelector('.state.good')")
        return bool(answer["result"]["value"])

    return is_current


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=120, help="default: %(default)s")
    parser.add_argument("--rate", type=float, default=25, help="synthetic exchanges a second (default: %(default)s)")
    parser.add_argument("--pause", type=float, default=5, help="seconds between pages (default: %(default)s)")
    parser.add_argument("--report-every", type=float, default=300, help="seconds (default: %(default)s)")
    parser.add_argument("--sample-every", type=float, default=60, help="seconds (default: %(default)s)")
    parser.add_argument("--untimed", action="store_true", help="print how long turns took, and complain of none")
    parser.add_argument("--bare", action="store_true", help="leave the addon out, to see what mitmproxy holds itself")
    parser.add_argument(
        "--listened",
        default="chromium",
        help="a browser that the addon starts and listens to, or nothing (default: %(default)s)",
    )
    parser.add_argument("--browsers", default="chromium,firefox", help="names, or nothing (default: %(default)s)")
    chosen = parser.parse_args(words)
    browsers = [name for name in chosen.browsers.split(",") if name]
    for name in list(browsers):
        if why := missing(name):
            print(f"soak: {why}; it goes on without", flush=True)
            browsers.remove(name)
    with contextlib.ExitStack() as keep:
        folder = Path(keep.enter_context(tempfile.TemporaryDirectory(prefix="soak-")))
        soak = Soak(folder, chosen.minutes, chosen.rate, chosen.pause, chosen.bare, not chosen.untimed)
        keep.enter_context(soak.keep)
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: soak.stop.set())
        soak.run(browsers, chosen.report_every, chosen.sample_every, chosen.listened)
        soak.done[f"{chosen.listened}, listened to: tours"] += soak.site.tours
        complaints = list(soak.complaints())
        for line in soak.closing():
            print(line)
    for line in complaints:
        print(f"FAILED: {line}")
    if not complaints:
        print("soak: nothing to complain of")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
