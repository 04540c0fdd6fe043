"""The live page as a person meets it: on a phone and on a wide screen, by keyboard, with and without scripts.

Chromium runs under Playwright. Accessibility is checked by axe-core, which npm fetches once a run.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.axe import CHECK
from tests.browser.oracle import program
from tests.browser.proxy import Proxy
from tests.browser.run import missing
from tests.browser.server import Answer, Seen, Server
from tests.browser.site import document

playwright = pytest.importorskip("playwright.sync_api")
expect = playwright.expect
expect.set_options(timeout=60_000)

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

PAGE = "http://cors.addon/"
APP = "https://app.test"
RULES = """
version: 1
rules:
  - name: local SPA calls the staging API
    hosts: [api.test, "*.dev.example.test:8443"]
    allow_origins: ["https://app.test"]
    allow_credentials: true
    preflight: repair
  - name: legacy search, watched only
    enabled: false
    hosts: [search.test]
    allow_origins: ["https://app.test", "http://localhost:5173"]
    dry_run: true
"""
NASTY = "</script><script>window.pwned = 1</script><img src=x onerror='pwned = 1'>\" onfocus='pwned = 1' autofocus x=\""
SIZES = {"phone": (360, 740), "wide": (1600, 1000)}
SCHEMES = ["light", "dark"]

# Waiting for a text that goes away by itself might come too late.
SAID_NEXT = """(selector) => {
  const element = document.querySelector(selector);
  window.saidNext = new Promise((resolve) => {
    const options = {childList: true, characterData: true, subtree: true};
    new MutationObserver(() => resolve(element.textContent)).observe(element, options);
  });
}"""

Page = Any


class Api:
    """What the servers answer, one fault a path. `mended` paths are right from then on."""

    def __init__(self) -> None:
        self.mended: set[str] = set()

    def __call__(self, seen: Seen) -> Answer:
        path = seen.target.partition("?")[0]
        own = ("Access-Control-Allow-Origin", APP)
        if path == "/app":
            return document("<!doctype html><title>app</title>")
        if path in self.mended:
            return Answer(200, (own, ("Vary", "Origin")), b"{}")
        if path.startswith("/orders"):
            if seen.is_preflight:
                allow = (own, ("Access-Control-Allow-Methods", "GET"), ("Access-Control-Allow-Headers", "Content-Type"))
                return Answer(204, allow)
            return Answer(200, (own,), b"{}")
        if path.startswith("/users"):
            return Answer(200, (("Access-Control-Allow-Origin", "https://www.app.test"),), b"{}")
        if path == "/quotes":
            return Answer(503, (("Server", "nginx"),), b"busy")
        if path == "/echo":
            echo = ("Access-Control-Allow-Origin", "<origin>"), ("Access-Control-Allow-Credentials", "true")
            return Answer(200, echo, b"{}")
        if path == "/nasty":
            return Answer(200, (("Access-Control-Allow-Origin", NASTY),), b"{}")
        if path == "/long":
            return Answer(200, (("Access-Control-Allow-Origin", "https://" + "x" * 60_000),), b"{}")
        return Answer(200, (), b"{}")


class Scene:
    """A proxy with its servers and a browser; `calls` lets a page of the application ask."""

    def __init__(self, api: Api, proxy: Proxy, browser: Any, rules: Path) -> None:
        self.rules = rules
        self.api = api
        self.proxy = proxy
        self.browser = browser
        self.said: list[str] = []

    def tab(self, **options: Any) -> Page:
        page = self.browser.new_context(ignore_https_errors=True, **options).new_page()
        page.set_default_timeout(60_000)
        page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: self.said.append(f"error: {error}"))
        page.on("dialog", lambda dialog: self.said.append(f"dialog: {dialog.message}"))
        return page

    def calls(self, *requests: tuple[str, dict[str, Any]] | str) -> None:
        """Ask from the application's page; returns when all are answered or refused."""
        context = self.browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"{APP}/app")
        listed = [(each, {}) if isinstance(each, str) else each for each in requests]
        page.evaluate(
            "async (all) => { for (const [url, options] of all) await fetch(url, options).catch(() => 0); }", listed
        )
        context.close()

    def usual(self) -> None:
        """Let everything that the page can show happen once."""
        self.calls(
            "https://search.test/passes",
            "https://search.test/echo",
            "https://billing.test/users/1",
            "https://billing.test/users/2",
            "https://billing.test/quotes?symbol=ACME",
            ("https://billing.test/orders/4711", {"method": "PUT", "headers": {"x-api-key": "1", "x-trace": "1"}}),
        )
        self.api.mended.add("/passes")
        self.calls("https://search.test/passes")
        self.proxy.command("cors.inject", "on")
        self.calls("https://api.test/users/7", ("https://api.test/orders/1", {"method": "DELETE"}))

    def open(self, path: str = "", **options: Any) -> Page:
        page = self.tab(**options)
        page.goto(PAGE + path)
        if options.get("java_script_enabled", True):
            page.wait_for_selector(".state.good")
        return page


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    if why := missing("chromium"):
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    rules = tmp_path_factory.mktemp("rules") / "cors.yaml"
    rules.write_text(RULES, encoding="utf-8")
    api = Api()
    with (
        Server(api) as server,
        Proxy(server, options=[f"cors_rules={rules}"]) as proxy,
        playwright.sync_playwright() as tool,
    ):
        browser = tool.chromium.launch(
            executable_path=program("chromium"),
            args=["--no-sandbox"],
            proxy={"server": f"http://127.0.0.1:{proxy.port}"},
        )
        yield Scene(api, proxy, browser, rules)
        browser.close()


@pytest.fixture
def scene(running: Scene) -> Iterator[Scene]:
    """Begin with nothing seen and everything off, and end with nothing in the browser's console."""
    running.proxy.command("cors.inject", "off")
    running.proxy.set_option(f"cors_rules={running.rules}")
    running.proxy.command("cors.rules.reload")
    running.proxy.command("cors.clear")
    running.api.mended.clear()
    running.said.clear()
    yield running
    for context in running.browser.contexts:
        context.close()
    assert [line for line in running.said if "Failed to load resource" not in line] == []


# --- how it looks ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_is_accessible_when_full(scene: Scene, axe: str, tmp_path: Path, size: str, scheme: str) -> None:
    scene.usual()
    width, height = SIZES[size]
    page = scene.open(viewport={"width": width, "height": height}, color_scheme=scheme)
    assert page.locator("#blocked-cards > li").count() == 3
    assert page.locator("#debts li").count() == 2
    assert page.locator("#passed li").count() == 1
    page.screenshot(path=tmp_path / f"live-page-{size}-{scheme}.png", full_page=True)
    page.evaluate(axe)
    assert page.evaluate(CHECK) == []
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    assert page.evaluate(CHECK) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", ground)[:3])) < 384) == (scheme == "dark")


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_and_is_accessible_when_empty(scene: Scene, axe: str, size: str) -> None:
    width, height = SIZES[size]
    page = scene.open(viewport={"width": width, "height": height})
    assert "Load the page that fails" in page.inner_text("#blocked")
    page.evaluate(axe)
    assert page.evaluate(CHECK) == []
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_whoever_wants_no_motion_gets_none(scene: Scene) -> None:
    moving, still = scene.open(), scene.open(reduced_motion="reduce")
    scene.calls("https://billing.test/users/1")
    for page, expected in ((moving, "fresh"), (still, "none")):
        page.wait_for_selector(".card.fresh")
        assert page.evaluate("getComputedStyle(document.querySelector('.card.fresh')).animationName") == expected


# --- how it lives ---------------------------------------------------------------------------------------------


def test_what_is_blocked_appears_is_told_and_passes_once_it_is_mended(scene: Scene) -> None:
    page = scene.open()
    scene.calls("https://billing.test/users/1")
    page.wait_for_selector("#blocked-cards > li")
    expect(page).to_have_title("1 blocked · CORS")
    expect(page.locator("#say")).to_have_text("Blocked: GET billing.test/users/{id}")
    card = page.inner_text("#blocked-cards > li")
    for expected in ("from https://app.test", "https://www.app.test", "Access-Control-Allow-Origin: https://app.test"):
        assert expected in card
    scene.api.mended.add("/users/1")
    scene.calls("https://billing.test/users/1")
    page.wait_for_selector("#passed li")
    expect(page).to_have_title("CORS")
    expect(page.locator("#blocked-note")).to_contain_text("Earlier failures have passed since")


def test_an_update_leaves_focus_and_what_is_open_as_they_are(scene: Scene) -> None:
    scene.calls("https://billing.test/users/1")
    page = scene.open()
    summary = page.locator(".card .more > summary")
    summary.click()
    page.evaluate("document.querySelector('.card').dataset.kept = 'yes'")
    scene.calls("https://billing.test/users/2", "https://billing.test/quotes")
    page.wait_for_selector("#blocked-cards > li:nth-child(2)")
    old = page.locator("#blocked-cards > li", has_text="/users")
    expect(old).to_contain_text("2 requests")
    assert old.get_attribute("data-kept") is None, "attributes are the server's"
    assert old.locator(".more").get_attribute("open") is not None
    assert page.evaluate("document.activeElement.textContent") == "Request, response and commands"


def test_an_idle_page_asks_little(scene: Scene) -> None:
    page = scene.open()
    statuses: list[int] = []
    page.on("response", lambda response: statuses.append(response.status))
    # What takes long to make, as the policies of hosts, comes a few seconds late, and once.
    while statuses[-3:] != [204] * 3:
        with page.expect_response("**/data?*"):
            pass
        assert len(statuses) < 30, statuses


def test_the_filter_shows_what_fits_and_says_so(scene: Scene) -> None:
    scene.calls("https://billing.test/users/1", "https://billing.test/quotes", "https://search.test/x")
    page = scene.open()
    page.fill("#filter", "BILLING mismatch")
    expect(page.locator("#filtered")).to_have_text("The filter shows 1 of 3.")
    assert page.locator(".card:visible").count() == 1
    scene.calls("https://search.test/y")
    expect(page.locator(".card")).to_have_count(4)
    expect(page.locator(".card:visible")).to_have_count(1)
    page.press("#filter", "Escape")
    expect(page.locator(".card:visible")).to_have_count(4)
    expect(page.locator("#filtered")).to_be_hidden()


def test_needed_headers_are_copied(scene: Scene) -> None:
    scene.calls("https://billing.test/users/1")
    page = scene.open()
    page.evaluate(SAID_NEXT, "#blocked .needed .copy")
    page.locator("#blocked .needed .copy").click()
    assert page.evaluate("saidNext") == "Copied"
    page.locator("#filter").focus()
    page.keyboard.press("ControlOrMeta+V")
    expect(page.locator("#filter")).to_have_value(re.compile("^Access-Control-Allow-Origin: https://app.test"))
    page.locator("#filter").fill("")
    page.locator("#blocked .ticket .copy").click()
    page.locator("#filter").focus()
    page.keyboard.press("ControlOrMeta+V")
    expect(page.locator("#filter")).to_have_value(re.compile("^### Blocked: .*curl -i https://billing.test/users/1"))


def test_a_page_of_an_earlier_proxy_loads_itself_again_once(scene: Scene) -> None:
    page = scene.open()
    with page.expect_navigation():
        page.route("**/data?*", lambda route: route.fulfill(status=403, json={"error": "load the page again"}), times=1)
    page.wait_for_selector(".state.good")


def test_it_says_when_the_proxy_does_not_answer(scene: Scene) -> None:
    page = scene.open()
    page.route("**/data?*", lambda route: route.abort())
    page.wait_for_selector(".state.bad")
    expect(page.locator("#state")).to_have_text("The proxy does not answer")
    page.unroute("**/data?*")
    page.wait_for_selector(".state.good")


def test_a_broken_rule_file_is_told(scene: Scene, tmp_path: Path) -> None:
    page = scene.open()
    broken = tmp_path / "broken.yaml"
    broken.write_text(RULES, encoding="utf-8")
    scene.proxy.set_option(f"cors_rules={broken}")
    expect(page.locator("#rules")).to_contain_text("broken.yaml")
    broken.write_text("version: 1\nrules:\n  - name: <b>\n    host: [a]\n", encoding="utf-8")
    page.wait_for_selector(".trouble")
    assert "The last good rules stay in force" in page.inner_text(".trouble")
    assert "host: [a]" in page.inner_text(".trouble")
    assert page.locator("#rules li").count() == 2


# --- by keyboard ----------------------------------------------------------------------------------------------


def test_everything_is_reached_by_keyboard_and_the_focus_is_seen(scene: Scene) -> None:
    scene.calls("https://billing.test/users/1")
    page = scene.open()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to what is blocked"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "blocked"
    stops = []
    for _ in range(20):
        page.keyboard.press("Tab")
        stops.append(
            page.evaluate("(({tagName, role, textContent}) => [tagName, role, textContent])(document.activeElement)")
        )
        if stops[-1][0] == "BODY":
            break
        assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid", stops[-1]
    reached = {(tag, role) for tag, role, _ in stops}
    assert {("SUMMARY", None), ("PRE", "group"), ("BUTTON", None), ("BUTTON", "switch")} <= reached


def test_a_slash_goes_to_the_filter(scene: Scene) -> None:
    page = scene.open()
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "filter"
    page.keyboard.type("a/b")
    expect(page.locator("#filter")).to_have_value("a/b")


def test_a_switch_is_thrown_by_keyboard_keeps_the_focus_and_is_told(scene: Scene) -> None:
    page = scene.open()
    page.locator("#injection [role=switch]").focus()
    page.keyboard.press("Space")
    page.wait_for_selector("#injection [aria-checked=true]")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Injection"
    expect(page.locator("#say")).to_have_text("Injection is on")
    page.locator("#rules [aria-checked=false]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#rules [aria-checked=true]")).to_have_count(2)
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Rule legacy search, watched only"


# --- without scripts ------------------------------------------------------------------------------------------


def test_it_is_whole_without_scripts(scene: Scene) -> None:
    scene.usual()
    page = scene.open(java_script_enabled=False)
    assert page.locator("#blocked-cards > li").count() == 3
    assert page.locator("meta[http-equiv=refresh]").get_attribute("content") == "10"
    page.get_by_role("link", name="Stop that").click()
    # Each click loads a page anew, and does not wait for it.
    expect(page.locator("meta[http-equiv=refresh]")).to_have_count(0)
    switch = page.get_by_role("switch", name="Injection")
    expect(switch).to_have_attribute("aria-checked", "true")
    switch.click()
    expect(page).to_have_url(PAGE)
    expect(switch).to_have_attribute("aria-checked", "false")
    page.get_by_label("Filter").fill("quotes")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("#blocked-cards > li")).to_have_count(1)
    page.get_by_role("link", name="All").click()
    expect(page.locator("#blocked-cards > li")).to_have_count(3)
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#blocked")).to_contain_text("Nothing that CORS applies to")


# --- what the wire says ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_nothing_from_the_wire_comes_to_life(scene: Scene, scripts: bool) -> None:
    page = scene.open(java_script_enabled=scripts) if scripts else None
    scene.calls(
        "https://billing.test/nasty?" + NASTY,
        "https://billing.test/long",
        "https://billing.test/%3Cscript%3Epwned=1%3C/script%3E",
        ("https://billing.test/orders/1", {"method": "X<B>".replace("<", "!").replace(">", "!")}),
    )
    page = page or scene.open(java_script_enabled=False)
    page.wait_for_selector("#blocked-cards > li:nth-child(4)")
    assert page.locator("#blocked-cards :is(script, img)").count() == 0
    assert "</script><script>window.pwned" in (page.locator("#blocked-cards").text_content() or "")
    if scripts:
        assert page.evaluate("typeof pwned") == "undefined"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
