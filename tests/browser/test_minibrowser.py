"""Debian's own WebKit browser goes through the proxy when it is started by the line that the documentation gives."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

import cors_addon
from tests.browser.observed import PATIENCE
from tests.browser.proxy import Proxy
from tests.browser.run import missing
from tests.browser.server import Answer, Seen, Server
from tests.browser.site import document

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

DOCUMENTED = Path(cors_addon.__file__).parent / "docs" / "first-steps.md"
CALLS = """
<!doctype html><title>app</title><script>
fetch("http://localhost:3000/items").catch(() => 0).then(() => fetch("/ended"));
</script>
"""


def test_the_documented_line_sends_localhost_through_the_proxy_too(tmp_path: Path) -> None:
    (line,) = re.findall(r"`(/usr/lib/\S+/MiniBrowser [^`]+)`", DOCUMENTED.read_text())
    program, *options = shlex.split(line)
    if why := missing("webkit"):
        if os.environ.get("CI"):
            pytest.fail(f"{why}, and this is CI")
        pytest.skip(why)
    if not shutil.which(program):
        pytest.skip(f"{program} is not there: another architecture than the documentation's")
    asked: list[str] = []
    ended = threading.Event()

    def answer(seen: Seen) -> Answer:
        asked.append(seen.target)
        if seen.target == "/ended":
            ended.set()
        return document(CALLS) if seen.target == "/app" else Answer(200, (), b"{}")

    with Server(answer) as server, Proxy(server) as proxy:
        started = [
            each.replace("8080", str(proxy.port)).replace("URL", "http://localhost:5173/app") for each in options
        ]
        own = {"HOME": str(tmp_path), "NO_AT_BRIDGE": "1", "LIBGL_ALWAYS_SOFTWARE": "1"}
        browser = subprocess.Popen(
            ["xvfb-run", "-a", program, *started],
            env=os.environ | own,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            assert ended.wait(PATIENCE), asked
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(browser.pid, signal.SIGTERM)
            browser.wait()
        assert proxy.stop() == 0
        assert "GET http://localhost:3000/items from http://localhost:5173" in proxy.output
