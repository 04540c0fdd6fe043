"""mitmweb as a person meets it, wide and narrow: what is flagged in the list, and what a click on it tells."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mitmproxy.io import FlowWriter

from tests.browser.oracle import program
from tests.browser.run import missing
from tests.mitm.process import Mitmproxy, free_port
from tests.mitm.support import APP, cors_get, make_flow, make_response, preflight

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=60_000)

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

SIZES = {"wide": (1600, 950), "narrow": (900, 900)}
COLUMNS = ("icon", "method", "path", "status", "comment")


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "flows.mitm"
    allowed = f"Access-Control-Allow-Origin: {APP}"
    with path.open("wb") as file:
        writer = FlowWriter(file)
        for flow in (
            cors_get(allowed, "Vary: Origin", url="http://api.test/fine", at=1000.0),
            cors_get("Content-Type: text/plain", url="http://api.test/bare", at=1001.0),
            preflight("WWW-Authenticate: Bearer", status=401, url="http://api.test/login", at=1002.0),
            make_flow(url="http://app.test/page", response=make_response(200), at=1003.0),
        ):
            writer.add(flow)
    return path


@pytest.mark.parametrize("size", SIZES)
def test_a_flagged_flow_is_seen_and_explained(capture: Path, tmp_path: Path, size: str) -> None:
    if why := missing("chromium"):
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    port = free_port()
    options = ["web_open_browser=false", f"web_port={port}", "web_host=127.0.0.1", "web_password=secret"]
    options += [f"web_columns={column}" for column in COLUMNS]
    width, height = SIZES[size]
    with (
        Mitmproxy(tmp_path, "-n", "-r", capture, tool="mitmweb", options=options) as web,
        playwright.sync_playwright() as tool,
    ):
        web.wait_for(r"Web server listening at")
        browser = tool.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": height})
        said: list[str] = []
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"http://127.0.0.1:{port}/?token=secret")
        # The list is there before mitmweb's options are, and has other columns until then.
        expect(page.locator("th", has_text="Comment")).to_be_visible()
        rows = {name: page.locator("tr", has_text=f"api.test/{name}") for name in ("fine", "bare", "login")}
        for name, flagged in (("fine", False), ("bare", True), ("login", True)):
            expect(rows[name]).to_be_visible()
            for sign in ("❌", " · blocked: "):
                expect(rows[name].get_by_text(sign)).to_have_count(int(flagged))
        page.screenshot(path=tmp_path / f"mitmweb-{size}-list.png")

        # A preflight has no body, and there the view opens by itself.
        rows["login"].click()
        page.get_by_text("Response", exact=True).first.click()
        view = page.locator(".contentview")
        expect(view).to_contain_text("BLOCKED  PUT http://api.test/login")
        for told in ("Why", "Fix", "Send", "Try", "preflights carry no", "chromium", "WWW-Authenticate"):
            expect(view).to_contain_text(told)
        page.screenshot(path=tmp_path / f"mitmweb-{size}-preflight.png")

        # The page never got this body: it stands below the explanation.
        rows["bare"].click()
        for told in ("BLOCKED  GET http://api.test/bare", "The body, which the page cannot read", "{}"):
            expect(view).to_contain_text(told)
        page.screenshot(path=tmp_path / f"mitmweb-{size}-explained.png")

        # What the page got keeps its own view.
        rows["fine"].click()
        expect(view).to_contain_text("{}")
        expect(view).not_to_contain_text("BLOCKED")
        assert said == []
        browser.close()
        assert web.stop() == 0
