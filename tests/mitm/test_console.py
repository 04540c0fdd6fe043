"""Console mitmproxy, driven in a terminal: what its reader sees."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from mitmproxy import http, io
from mitmproxy.test import tflow

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60.0
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"

pytestmark = pytest.mark.proxy


def a_flow(origin: str, started: float) -> http.HTTPFlow:
    """Two of these differ in nothing but the page that asks."""
    flow = tflow.tflow(resp=True)
    flow.request = http.Request.make("GET", "https://api.test/items", headers={"Host": "api.test"})
    flow.request.headers.update({"User-Agent": BROWSER, "Origin": origin, "Sec-Fetch-Mode": "cors"})
    flow.request.headers.update({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "empty"})
    flow.response = http.Response.make(
        200, b"the same", {"Content-Type": "text/plain", "Access-Control-Allow-Origin": "https://good.test"}
    )
    flow.request.timestamp_start = started
    flow.response.timestamp_start = flow.response.timestamp_end = started + 0.1
    return flow


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "capture.mitm"
    with path.open("wb") as file:
        writer = io.FlowWriter(file)
        writer.add(a_flow("https://good.test", 1000.0))
        writer.add(a_flow("https://wrong.test", 1001.0))
    return path


class Terminal:
    """A tmux session of its own server, so that no other one is touched."""

    def __init__(self, socket: Path, command: list[str]) -> None:
        self._tmux = ["tmux", "-S", str(socket), "-f", "/dev/null"]
        environment = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        environment.pop("TMUX", None)
        subprocess.run(
            [*self._tmux, "new-session", "-d", "-x", "150", "-y", "60", "-s", "t", *command],
            check=True,
            env=environment,
        )

    def screen(self) -> str:
        shown = subprocess.run([*self._tmux, "capture-pane", "-p", "-t", "t"], capture_output=True, text=True)
        return shown.stdout

    def title(self) -> str:
        told = [*self._tmux, "display-message", "-p", "-t", "t", "#{pane_title}"]
        return subprocess.run(told, capture_output=True, text=True).stdout

    def type(self, *keys: str) -> None:
        subprocess.run([*self._tmux, "send-keys", "-t", "t", *keys], check=True)

    def wait(self, condition: Callable[[str], bool]) -> str:
        end = time.monotonic() + PATIENCE
        while True:
            shown = self.screen()
            if condition(shown):
                return shown
            assert time.monotonic() < end, f"this never came up; the screen is\n{shown}"
            time.sleep(0.1)

    def wait_for(self, *texts: str) -> str:
        return self.wait(lambda shown: all(text in shown for text in texts))

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], capture_output=True)


@pytest.fixture
def terminal(tmp_path: Path, capture: Path) -> Iterator[Terminal]:
    yield from opened(tmp_path, capture)


def opened(tmp_path: Path, capture: Path) -> Iterator[Terminal]:
    if shutil.which("tmux") is None:
        if os.environ.get("CI"):
            pytest.fail("tmux is missing; scripts/test.py --install-browsers installs it")
        pytest.skip("tmux is not installed")
    program = Path(sys.executable).parent / "mitmproxy"
    command = [str(program), "-n", "-r", str(capture), "-s", str(ROOT / "cors_addon" / "addon.py")]
    command += ["--set", f"confdir={tmp_path / 'conf'}", "--set", "console_default_contentview=cors"]
    made = Terminal(tmp_path / "tmux", command)
    yield made
    made.close()


def test_a_flagged_flow_is_seen_explained_and_never_mistaken_for_another(terminal: Terminal) -> None:
    terminal.wait(lambda screen: screen.count("api.test") >= 2 and "❌" in screen)

    # Equal responses to different pages: the console's cache would show the first one's verdict for both.
    terminal.type("g", "Enter", "Tab")
    terminal.wait_for("ALLOWED", "https://good.test")
    terminal.type("Space")
    blocked = terminal.wait_for("BLOCKED", "https://wrong.test")
    assert "ALLOWED" not in blocked
    assert "Send" in blocked
    assert "Access-Control-Allow-Origin: https://wrong.test" in blocked

    # The detail tab has the line and the metadata that filters look into.
    terminal.type("Tab")
    detail = terminal.wait_for("Metadata:", "cors.outcome")
    assert "CORS: " in detail
    assert "AllowOriginMismatch" in detail

    # A key explains the focused flow in a viewer of its own.
    terminal.type("Y")
    terminal.wait_for("explanation", "CORSAllowOriginNotMatchingOrigin")
    terminal.type("q")
    terminal.wait_for("Metadata:")


def test_the_key_for_injection_says_what_is_missing(terminal: Terminal) -> None:
    terminal.wait(lambda screen: screen.count("api.test") >= 2)
    terminal.type("T")
    terminal.wait_for("No rule is loaded")


def test_escape_sequences_from_the_wire_are_shown_and_not_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "hostile.mitm"
    flow = a_flow("https://app.test", 1000.0)
    flow.response.headers["Access-Control-Allow-Origin"] = "\x1b[2J\x1b]0;owned\x07\u202eevil"
    with path.open("wb") as file:
        io.FlowWriter(file).add(flow)
    for terminal in opened(tmp_path, path):
        terminal.wait(lambda screen: "api.test" in screen and "❌" in screen)
        terminal.type("Y")
        shown = terminal.wait_for("explanation", "\\x1b[2J")
        assert "api.test" in shown, "the screen was not cleared"
        assert "owned" not in terminal.title()
