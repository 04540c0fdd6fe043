"""The oracle itself: whoever kills a test leaves neither browsers nor proxies nor their folders."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.browser.processes import processes_with
from tests.browser.test_started import skip_without, until

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

TEST = """
import time
from tests.browser.oracle import Chromium, Firefox
from tests.browser.proxy import Proxy
with Proxy(None) as proxy, Chromium(proxy) as chromium, Firefox(proxy) as firefox:
    print(proxy.folder, chromium._browser.process.profile, firefox._browser.process.profile, flush=True)
    time.sleep(600)
"""


def test_a_killed_test_leaves_nothing() -> None:
    for browser in ("chromium", "firefox"):
        skip_without(browser)
    # Chromium's socket goes into it, and a long path is none for sockets: pytest's own is too long now and then.
    tmp_path = Path(tempfile.mkdtemp(prefix="killed-"))
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen([sys.executable, "-c", TEST], stdout=subprocess.PIPE, text=True, env=environment) as test:
        assert test.stdout is not None
        folders = test.stdout.readline().split()
        assert len(folders) == 3
        assert all(processes_with(folder) for folder in folders)
        test.kill()
    until(lambda: not any(map(processes_with, folders)), "the end of all processes")
    until(lambda: not [*tmp_path.iterdir()], "the end of all folders")
    tmp_path.rmdir()
