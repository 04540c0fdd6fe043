"""Browsers started from the proxy: what is said of them, and what they cost while there is none."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from mitmproxy import exceptions

from cors_addon.browser.find import NotFoundError
from cors_addon.browser.requests import BrowserRequest, Outcome, Unsent
from cors_addon.browser.unsent import UnsentRequests
from cors_addon.mitm import browsers as starting
from cors_addon.mitm.browsers import Browsers, log_line
from tests.mitm.support import mitmproxy_context, proxy


def test_nothing_is_loaded_before_a_browser_is_started() -> None:
    loads = "import sys, cors_addon.mitm.addon; print([one for one in sys.modules if 'cors_addon.browser' in one])"
    done = subprocess.run([sys.executable, "-c", loads], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def browsers() -> Browsers:
    return Browsers(lambda flow_id, flow, testimony: True, lambda where, flow, error: None)


def test_what_cannot_be_read_is_an_error_of_the_command(browsers: Browsers) -> None:
    with pytest.raises(exceptions.CommandError, match="'opera' is no URL and none of the browsers chromium, chrome"):
        browsers.start(["opera"])


def test_a_browser_that_is_not_there_is_said(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str, command: str) -> None:
        raise NotFoundError("Edge is not installed")

    monkeypatch.setattr("cors_addon.browser.find.find", missing)
    with pytest.raises(exceptions.CommandError, match="Edge is not installed"):
        browsers.start(["edge"])


def test_without_a_running_proxy_none_is_started(browsers: Browsers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cors_addon.browser.find.find", lambda name, command: None)
    with pytest.raises(exceptions.CommandError, match="only be started while mitmproxy runs"):
        browsers.start([])


def test_without_a_browser_nothing_is_unsent_and_the_end_is_quiet(browsers: Browsers) -> None:
    with mitmproxy_context():
        browsers.clear()
        browsers.done()
    assert browsers.unsent == []


def test_what_the_live_page_gives_up_is_no_news(browsers: Browsers, caplog: pytest.LogCaptureFixture) -> None:
    with proxy(), caplog.at_level("INFO"):
        browsers._unsent = UnsentRequests()
        for url in ("http://cors.addon/data?since=4", "https://CORS.addon:8443/data", "http://api.test/items"):
            request = BrowserRequest(url, "GET", False, 1.0, "http://app.test/", Outcome.FAILED)
            request.unsent = Unsent.ABORTED
            browsers._never_sent(request, "Chromium 156")
    assert [each["url"] for each in browsers.unsent] == ["http://api.test/items"]
    assert "cors.addon" not in caplog.text


def test_the_log_line_holds_no_secret() -> None:
    site = {"url": "http://app.test/app.js", "line": 12, "column": 3, "function": "load"}
    entry = {
        "method": "GET",
        "url": "http://api.test/?token=secret",
        "message": "not sent: the browser's cache answers it",
        "help": "Clear the cache.",
        "initiator": site,
    }
    line = log_line(entry)
    assert "secret" not in line
    assert line.endswith("called by load, http://app.test/app.js:12. Clear the cache.")


def test_on_a_machines_first_start_a_browser_waits_for_mitmproxys_certificate(tmp_path: Path) -> None:
    made = tmp_path / "mitmproxy-ca-cert.pem"

    async def waited() -> bool:
        waiting = asyncio.create_task(starting._authority())
        await asyncio.sleep(0)
        assert not waiting.done()
        made.touch()
        return await waiting == made

    with mitmproxy_context() as context:
        context.options.update(confdir=str(tmp_path))
        assert context.master.event_loop.run_until_complete(waited())
