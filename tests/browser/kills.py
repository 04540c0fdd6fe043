"""Kill a browser that the addon started, or its proxy, at random moments, and look for what is left.

`python -m tests.browser.kills [--moments N] [--seed N] [BROWSER...]` kills N times with each browser: the browser,
the guard or the proxy, with SIGKILL, SIGTERM or SIGINT, while the browser starts, loads or idles. Exit status 0: no
process, no file and no error is left of any.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from unittest import mock

from tests.browser.processes import children_of, processes_in
from tests.browser.proxy import Proxy, ProxyError
from tests.browser.server import Answer, Seen, Server

PATIENCE = 60
LATEST = 6.0  # seconds after the proxy's start; by then the page is loaded, and asks now and then
PAGE = b"""<!doctype html><title>asks</title><script>
const ask = () => fetch('http://api.test/' + Math.random()).catch(() => 0);
for (let number = 0; number < 200; number++) ask();
setInterval(ask, 500);
</script>"""


class Kill(NamedTuple):
    """Who is killed, how, and how many seconds after the proxy listens."""

    browser: str
    victim: str
    how: signal.Signals
    moment: float

    def __str__(self) -> str:
        return f"{self.victim} of {self.browser}, {self.how.name} after {self.moment:.2f} s"


VICTIMS = (
    ("browser", signal.SIGKILL),
    ("browser", signal.SIGTERM),
    ("proxy", signal.SIGKILL),
    ("proxy", signal.SIGTERM),
    ("proxy", signal.SIGINT),
    ("guard", signal.SIGKILL),
)


def drawn(browser: str, number: int, seed: int) -> Iterator[Kill]:
    """Draw kills: every victim in turn, at a moment by lot, more of them early, when most happens."""
    lot = random.Random(f"{seed} {browser}")
    for count in range(number):
        yield Kill(browser, *VICTIMS[count % len(VICTIMS)], LATEST * lot.random() ** 2)


def route(seen: Seen) -> Answer:
    return Answer(200, (("Content-Type", "text/html"),), PAGE) if seen.host == "app.test" else Answer(200, (), b"x")


def complaints(kill: Kill) -> Iterator[str]:
    """Kill once; say what is left, and what was said that should not be."""
    options = [f"cors_start_browser={kill.browser} --headless http://app.test/", "termlog_verbosity=info"]
    with (
        # Chromium does not start where the path of its socket gets long, as in the folders of pytest.
        tempfile.TemporaryDirectory(prefix="kill-", ignore_cleanup_errors=True) as folder,
        mock.patch.dict(os.environ, {"TMPDIR": folder}),
        Server(route) as server,
        Proxy(server, options=options) as proxy,
    ):
        begun = time.monotonic()
        time.sleep(kill.moment)
        pid = _victim(kill.victim, proxy.pid)
        if pid is None:
            yield "there is nobody to kill"
            return
        os.kill(pid, kill.how)
        if kill.victim == "proxy":
            proxy.wait()
        elif not _until(lambda: _last_word(proxy.output)):
            yield "the proxy does not say that the browser has ended"
        if not _until(lambda: not [each for each in processes_in(folder) if each != proxy.pid]):
            yield f"processes are left: {processes_in(folder)}"
        if not _until(lambda: not os.listdir(folder)):
            yield f"files are left: {[str(each) for each in Path(folder).rglob('*')][:5]}"
        if kill.victim != "proxy":
            try:
                proxy.command("cors.status")
            except (ProxyError, OSError, ValueError) as error:
                yield f"the proxy does not go on: {error}"
            if status := proxy.stop():
                yield f"the proxy ends with {status}"
        for word in ("Traceback", "fault of its own", "never awaited", "never retrieved"):
            if word in proxy.output:
                yield f"{word} after {time.monotonic() - begun:.1f} s:\n{proxy.output}"


def _victim(name: str, proxy: int) -> int | None:
    """The process to kill; what the proxy has not started yet is waited for."""
    if name == "proxy":
        return proxy
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        for guard in children_of(proxy):
            if name == "guard":
                return guard
            for browser in children_of(guard):
                return browser
        time.sleep(0.005)
    return None


def _last_word(output: str) -> bool:
    return any(word in output for word in ("has ended", "did not start", "does not open"))


def _until(holds: Callable[[], object]) -> bool:
    end = time.monotonic() + PATIENCE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.browser.kills", description=__doc__)
    parser.add_argument("browsers", nargs="*", metavar="BROWSER", help="default: chromium firefox")
    parser.add_argument("--moments", metavar="N", type=int, default=40, help="default: %(default)s")
    parser.add_argument("--seed", metavar="N", type=int, default=1, help="of the lot (default: %(default)s)")
    chosen = parser.parse_args()
    faults = 0
    for browser in chosen.browsers or ("chromium", "firefox"):
        kills: Counter[str] = Counter()
        for kill in drawn(browser, chosen.moments, chosen.seed):
            found = [*complaints(kill)]
            kills[f"{kill.victim} {kill.how.name}"] += 1
            faults += bool(found)
            for each in found:
                print(f"{kill}: {each}", flush=True)
        print(f"{browser}: {dict(kills)}", flush=True)
    print(f"{faults} kills left something")
    return min(faults, 1)


if __name__ == "__main__":
    sys.exit(main())
