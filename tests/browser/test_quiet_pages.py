"""Live page and HTML report in real browsers: nothing of what they show runs, and neither has a word in the console."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cors_addon.report.html import render
from cors_addon.report.model import merge
from tests.browser.oracle import Firefox, program
from tests.browser.proxy import Proxy
from tests.browser.run import missing
from tests.browser.server import Answer, Seen, Server
from tests.browser.site import document
from tests.mitm.test_inert import flows
from tests.page.test_page import browser as live_page
from tests.report.samples import mixed, report_of
from tests.report.test_inert import HOSTILE, exchanges

playwright = pytest.importorskip("playwright.sync_api")

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

LIVE = "http://cors.addon/"
APP = "https://app.test"
NASTY = "</script><script>pwned = 1</script><img src=x onerror='pwned = 1'>\" onfocus='pwned = 1' autofocus x=\""
DANGEROUS = """({
  scripts: document.scripts.length,
  handlers: [...document.querySelectorAll('*')].flatMap((each) => [...each.attributes])
    .filter(({name}) => name.startsWith('on')).length,
  loads: document.querySelectorAll('img, iframe, object, embed, base, link[rel~=stylesheet], svg use').length,
  links: [...document.links].filter((a) => !/^(https?:|http:\\/\\/cors\\.addon\\/#)/.test(a.href)).length,
})"""
HARMLESS = {"scripts": 1, "handlers": 0, "loads": 0, "links": 0}


def skip_without(name: str) -> None:
    why = missing(name)
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


@dataclass(frozen=True, slots=True)
class Shown:
    """The live page with nothing on it, with everything on it, and what its script gets to go from one to the other."""

    headers: dict[str, str]
    empty: str
    full: str
    later: Any


@pytest.fixture(scope="module")
def shown() -> Shown:
    """Let the page show every hostile text wherever a message can hold one."""
    with live_page() as page:
        empty = page.ask(LIVE)
        for text in HOSTILE.values():
            for flow in flows(text):
                page.through.send(flow)
        full, later = page.ask(LIVE), page.data()
        assert empty is not None
        assert full is not None
        headers = {name: value for name, value in full.headers.items() if name != "content-length"}
        return Shown(headers, empty.text or "", full.text or "", later)


@pytest.fixture(scope="module")
def chromium(shown: Shown) -> Iterator[Any]:
    """Start Chromium: after the page was made, for Playwright has an event loop of its own."""
    skip_without("chromium")
    with playwright.sync_playwright() as tool:
        opened = tool.chromium.launch(executable_path=program("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.mark.parametrize("with_policy", [True, False], ids=["as it is", "without its content security policy"])
def test_the_live_page_runs_nothing_that_it_shows(chromium: Any, shown: Shown, with_policy: bool) -> None:
    """What comes with the page is shown by the browser, what comes later by the page's script."""
    assert len(shown.later["lists"]["blocked"]) >= 10
    headers = shown.headers if with_policy else {"content-type": "text/html; charset=utf-8"}
    for first in (shown.empty, shown.full):
        context = chromium.new_context()
        tab = context.new_page()
        said: list[str] = []
        tab.on("console", lambda message, said=said: said.append(message.text))
        tab.on("pageerror", lambda error, said=said: said.append(str(error)))
        tab.on("dialog", lambda dialog, said=said: said.append(f"dialog {dialog.message}"))
        tab.route(LIVE, lambda route, _, body=first: route.fulfill(body=body, headers=headers))
        tab.route(f"{LIVE}data*", lambda route: route.fulfill(json=shown.later))
        tab.goto(LIVE)
        tab.wait_for_function("document.querySelectorAll('#blocked-cards > li').length >= 10")
        tab.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
        assert tab.evaluate(DANGEROUS) == HARMLESS
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert said == []
        context.close()


class Console(Firefox):
    """A Firefox that tells what its console has of a page."""

    def errors_of(self, part: str) -> list[str]:
        """Return errors and warnings of sources whose URL holds ``part``."""
        found: list[str] = self.do(
            self.privileged(
                "return Services.console.getMessageArray().filter((m) => m instanceof Ci.nsIScriptError"
                f" && m.sourceName.includes({part!r})).map((m) => m.errorMessage)"
            )
        )
        return found


def route(seen: Seen) -> Answer:
    if seen.target.startswith("/app"):
        return document(
            "<!doctype html><title>app</title><script>Promise.allSettled(['/a', '/b'].map((path) =>"
            " fetch('https://api.test' + path))).then(() => { window.done = 'done'; })</script>"
        )
    value = NASTY if seen.target.startswith("/a") else "https://" + "x" * 60_000
    return Answer(200, (("Access-Control-Allow-Origin", value), ("Server", NASTY)), b"{}")


@pytest.mark.proxy
def test_firefox_has_nothing_to_say_about_either_page(tmp_path: Path) -> None:
    skip_without("firefox")
    report = tmp_path / "cors.html"
    hostile = [
        each for name in ("script", "attribute", "image", "closing", "bidi") for each in exchanges(HOSTILE[name])
    ]
    report.write_text(render(merge([mixed(), report_of(*hostile)])), encoding="utf-8")
    with Server(route) as server, Proxy(server) as proxy, Console(proxy) as firefox:
        assert firefox.visit(f"{APP}/app", until="window.done").result == "done"
        for url, ready, part in (
            (LIVE, "document.querySelectorAll('#blocked-cards > li').length >= 2", "cors.addon"),
            (report.as_uri(), "document.querySelectorAll('article').length > 10", "cors.html"),
        ):
            opened = f"({ready}) && typeof pwned === 'undefined' && document.readyState === 'complete' ? 'quiet' : null"
            assert firefox.visit(url, until=opened).result == "quiet"
            assert firefox.errors_of(part) == []
