"""mitmweb's list in windows of 1280 and 1500 pixels: nine faults of one page, told apart at a glance."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mitmproxy import http
from mitmproxy.io import FlowWriter

from cors_addon.mitm.tools import WEB_COLUMNS
from tests.browser.oracle import program
from tests.browser.run import missing
from tests.mitm.process import Mitmproxy, free_port
from tests.mitm.support import APP, cors_get, preflight

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

ALLOW = (f"Access-Control-Allow-Origin: {APP}", "Vary: Origin")


def faults() -> dict[str, http.HTTPFlow]:
    """The demo's nine faults, one an endpoint."""

    def get(name: str, *lines: str, at: int, **more: object) -> http.HTTPFlow:
        return cors_get(*lines, url=f"http://api.test/{name}", at=1000.0 + at, **more)  # type: ignore[arg-type]

    def with_cookie(made: http.HTTPFlow) -> http.HTTPFlow:
        made.request.headers["Cookie"] = "session=1"
        return made

    def ask(name: str, *lines: str, at: int, **more: object) -> http.HTTPFlow:
        made = preflight(*lines, url=f"http://api.test/{name}", at=1000.0 + at, **more)  # type: ignore[arg-type]
        if name == "header-typo":
            made.request.headers["Access-Control-Request-Headers"] = "x-api-version"
        return made

    return {
        "no-header": get("no-header", at=1),
        "gateway-error": get("gateway-error", "Server: nginx", status=503, at=2),
        "trailing-slash": get("trailing-slash", f"Access-Control-Allow-Origin: {APP}/", at=3),
        "two-layers": get("two-layers", *ALLOW, "Access-Control-Allow-Origin: *", at=4),
        "options-meets-login": ask("options-meets-login", "WWW-Authenticate: Bearer", status=401, at=5),
        "options-redirected": ask("options-redirected", *ALLOW, "Location: /items/", status=301, at=6),
        "method-not-listed": ask("method-not-listed", *ALLOW, "Access-Control-Allow-Methods: GET", at=7),
        "header-typo": ask(
            "header-typo",
            *ALLOW,
            "Access-Control-Allow-Methods: PUT",
            "Access-Control-Allow-Headers: X-Api-Verison",
            at=8,
        ),
        "star-and-cookie": with_cookie(get("star-and-cookie", "Access-Control-Allow-Origin: *", at=9)),
    }


@pytest.mark.parametrize("style", ["emoji", "plain"])
def test_nine_faults_are_told_apart(tmp_path: Path, style: str) -> None:
    if why := missing("chromium"):
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    capture, port = tmp_path / "flows.mitm", free_port()
    with capture.open("wb") as file:
        writer = FlowWriter(file)
        for flow in faults().values():
            writer.add(flow)
    options = ["web_open_browser=false", f"web_port={port}", "web_host=127.0.0.1", "web_password=secret"]
    options += [f"web_columns={column}" for column in WEB_COLUMNS] + [f"cors_mark_style={style}"]
    with (
        Mitmproxy(tmp_path, "-n", "-r", capture, tool="mitmweb", options=options) as web,
        playwright.sync_playwright() as tool,
    ):
        web.wait_for(r"Web server listening at")
        browser = tool.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        for width in (1280, 1500):
            page = browser.new_page(viewport={"width": width, "height": 800})
            page.goto(f"http://127.0.0.1:{port}/?token=secret")
            expect(page.locator("th", has_text="Comment")).to_be_visible(timeout=60_000)
            row = page.locator("tr", has_text="api.test/no-header")
            expect(row).to_be_visible(timeout=60_000)
            page.screenshot(path=tmp_path / f"mitmweb-{style}-{width}-list.png")
            row.click()
            page.screenshot(path=tmp_path / f"mitmweb-{style}-{width}-selected.png")
            told = {name: _seen(page, name) for name in faults()}
            assert len(set(told.values())) == len(told), (width, told)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            page.close()
        browser.close()


def _seen(page: object, name: str) -> str:
    """What a row's comment shows: the text as far as its cell is wide, its own words first."""
    cell = page.locator("tr", has_text=f"api.test/{name}").locator("td.col-comment")  # type: ignore[attr-defined]
    shown: str = cell.evaluate(
        """(cell) => {
          const range = document.createRange(), text = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT).nextNode();
          const edge = cell.getBoundingClientRect().right;
          let end = 0;
          for (; end < text.length; end++) {
            range.setStart(text, end), range.setEnd(text, end + 1);
            if (range.getBoundingClientRect().right > edge) break;
          }
          return text.data.slice(0, end);
        }"""
    )
    assert shown.startswith("CORS: ")
    return shown
