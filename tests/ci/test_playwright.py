"""The documented script for builds, run as it stands there: Playwright's tests in Chromium, through mitmdump."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from junitparser import Failure, JUnitXml, Skipped, TestCase

from tests.browser.oracle import program
from tests.browser.run import missing
from tests.mitm.origin import Origin, http_answer
from tests.mitm.process import ROOT, free_port

pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

PAGE = b"""<!doctype html><meta charset="utf-8"><title>Notes</title><link rel="icon" href="data:,">
<button>Save</button><p role="status"></p>
<script>
  document.querySelector("button").onclick = async () => {
    const to = location.origin.replace("localhost", "127.0.0.1") + "/notes/7";
    const saved = await fetch(to, {method: "PUT", body: "note"}).then(() => "saved", () => "kept for later");
    document.querySelector("p").textContent = saved;
  };
</script>"""


def script(folder: Path, port: int) -> Path:
    """Write down the script that the page on CI shows, with a free port and this clone's addon."""
    page = (ROOT / "cors_addon" / "docs" / "ci.md").read_text("utf-8")
    (found,) = re.findall(r"```sh\n(#!/bin/sh\n# through-proxy\.sh.*?)```", page, re.DOTALL)
    text = found.replace("8080", str(port)).replace("run mitmdump", f"run mitmdump --set confdir={folder / 'conf'}")
    path = folder / "through-proxy.sh"
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def browser() -> str:
    why = missing("chromium") or (None if shutil.which("curl") else "curl is not installed")
    if why:
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    return program("chromium")


@pytest.fixture
def origin() -> Iterator[Origin]:
    """Serve the page, and an endpoint that forbids what the page does."""
    endpoint = http_answer("Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: GET, POST")
    with Origin({"/": http_answer("Content-Type: text/html", body=PAGE), "/notes/7": endpoint}) as serving:
        yield serving


def suite(folder: Path, origin: Origin, browser: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run the suite through the proxy."""
    port = free_port()
    command: list[str | Path] = [script(folder, port), sys.executable, Path(__file__).with_name("suite.py")]
    command += [f"http://127.0.0.1:{port}", f"http://localhost:{origin.port}/", browser, *more]
    return started(folder, *command)


def started(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=240
    )


def cases(folder: Path) -> list[TestCase]:
    return [case for one in JUnitXml.fromfile(str(folder / "cors-report.xml")) for case in one]


def result(folder: Path) -> dict[str, Any]:
    """Return what SARIF has on the one thing that is blocked."""
    results = json.loads((folder / "cors-report.sarif").read_text())["runs"][0]["results"]
    (found,) = [each for each in results if each["ruleId"] == "method-not-allowed"]
    return dict(found)


def test_a_build_fails_on_what_is_new_and_passes_with_what_is_known(
    tmp_path: Path, origin: Origin, browser: str
) -> None:
    known = tmp_path / "cors-known.json"
    (tmp_path / "cors-report.html").write_text("of an earlier run")
    run = suite(tmp_path, origin, browser)
    assert run.returncode == 1, f"{run.stdout}\n{run.stderr}"
    assert "CORS blocked: Method PUT is not allowed: Access-Control-Allow-Methods is GET, POST" in run.stdout
    assert "CORS: 1 finding counts (cors_fail_on=blocked), so the exit status is 1" in run.stdout
    (failed,) = [case for case in cases(tmp_path) if not case.is_passed]
    assert (failed.name, [type(each) for each in failed.result]) == (
        f"method-not-allowed: PUT 127.0.0.1:{origin.port}/notes/{{id}} from http://localhost:{origin.port}",
        [Failure],
    )
    assert result(tmp_path)["level"] == "error"
    assert not (tmp_path / "cors-report.html").exists()

    shutil.copy(tmp_path / "cors-report.json", known)
    run = suite(tmp_path, origin, browser)
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    assert "known" in run.stdout
    assert {type(each) for case in cases(tmp_path) for each in case.result} == {Skipped}
    assert result(tmp_path)["baselineState"] == "unchanged"
    assert result(tmp_path)["suppressions"]


def test_while_playwright_routes_requests_no_preflight_gets_out(tmp_path: Path, origin: Origin, browser: str) -> None:
    """The page on CI warns of it: what the page is then allowed, no server has allowed."""
    run = suite(tmp_path, origin, browser, "--route")
    assert run.returncode == 0, f"{run.stdout}\n{run.stderr}"
    flows = json.loads((tmp_path / "cors-report.json").read_text())["flows"]
    (flow,) = flows
    assert (flow["method"], flow["outcome"]) == ("PUT", "allowed")
    assert "preflight-not-seen" in [each["id"] for each in flow["findings"]]


def test_a_suite_that_fails_fails_and_a_proxy_that_does_not_start_is_told(tmp_path: Path) -> None:
    (tmp_path / "cors-known.json").write_text("[")
    (tmp_path / "cors-report.xml").write_text("of an earlier run")
    run = started(tmp_path, script(tmp_path, free_port()), "true")
    assert run.returncode == 2
    assert "cors-known.json' is no baseline" in run.stdout + run.stderr
    assert not (tmp_path / "cors-report.xml").exists(), "nobody takes an old report for a new one"
    (tmp_path / "cors-known.json").unlink()
    assert started(tmp_path, script(tmp_path, free_port()), "sh", "-c", "exit 7").returncode == 7
