"""A browser that is started while the proxy runs goes on being listened to, whatever becomes of its tabs."""

from __future__ import annotations

import json
import os
import signal
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.browser.flood import FLOOD, Flood
from tests.browser.processes import processes_in, processes_with
from tests.browser.proxy import Proxy
from tests.browser.server import Answer, Seen, Server
from tests.browser.test_started import HTML, LATE, profiles, skip_without, until, verdict

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

HAND = Path(__file__).with_name("browser_hand.py")
ASKS = """<!doctype html><script>
const ask = () => fetch('http://api.test/NAME').catch(() => fetch('/done-NAME'));
ask().then(() => { if ('NAME' === 'dialog') alert('hello'); });
</script>"""
TOLD = ("crashed", "dialog", "closed", "last")
SMALL = Flood(requests=100, lines=2_000, blocked=200, workers=5, frames=20)


def route(seen: Seen) -> Answer:
    if seen.host == "api.test" or seen.target.startswith("/done"):
        return Answer(200, (), b"x")
    if seen.target.startswith("/flood"):
        return SMALL(seen)
    return Answer(200, HTML, ASKS.replace("NAME", seen.target[1:]).encode())


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_it_is_heard_after_a_crash_a_closed_tab_a_dialog_and_a_flood(browser: str, tmp_path: Path) -> None:
    skip_without(browser)
    before = profiles()
    with Server(route) as server, Proxy(server, options=["termlog_verbosity=info"], scripts=[HAND]) as proxy:

        def visited(name: str) -> None:
            done = f"/done-{name}"
            until(lambda: any(each.target == done for each in server.seen), f"{name} ({proxy.output[-2000:]})")

        def is_heard(name: str) -> bool:
            """Say whether the browser has told of a page's request by now."""
            report = tmp_path / "now.json"
            proxy.command("cors.report", str(report))
            until(report.exists, "the report")
            told = "told" in verdict(json.loads(report.read_text()), f"api.test/{name}")
            report.unlink()
            return told

        said = proxy.command("cors.browser", browser, "--headless", "http://app.test/started")
        assert "is starting" in str(said)
        visited("started")
        (guard,) = processes_with("guard.py", proxy.pid)
        (profile,) = [each for each in profiles() - before if processes_with(each, guard)]
        for pid in processes_in(profile):
            with suppress(FileNotFoundError, ProcessLookupError):  # Some end by themselves meanwhile.
                words = Path(f"/proc/{pid}/cmdline").read_text(errors="replace")
                if "--type=renderer" in words or words.rstrip("\0").endswith("tab"):
                    os.kill(pid, signal.SIGKILL)
        time.sleep(1)  # else a tab may be opened in one of these processes
        for name in ("crashed", "dialog", "flood", "closed", "last"):
            if name == "closed":
                proxy.command("hand.close")
                time.sleep(1)
            proxy.command("hand.open", f"http://app.test/{name}")
            visited(name)
        for name in TOLD:
            until(lambda name=name: is_heard(name), f"the browser's word on {name}")  # type: ignore[misc]
        time.sleep(LATE)
        assert proxy.stop() == 0
        made = json.loads(proxy.report.read_text())
        output = proxy.output
    for name in TOLD:
        assert verdict(made, f"api.test/{name}")["told"]["agrees"], name
    # Frames are removed while they ask.
    assert all("told" in each for each in made["flows"] if f"{FLOOD}/page" in each["url"] or "/worker" in each["url"])
    assert made["summary"]["told"]["differ"] == 0
    for word in ("Traceback", "fault of its own"):
        assert word not in output
