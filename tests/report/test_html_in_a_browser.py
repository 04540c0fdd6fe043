"""The HTML report in Chromium: quiet, whole without scripts, no wider than the window, and deaf to what it shows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cors_addon.report.html import render
from cors_addon.report.model import merge
from tests.axe import CHECK
from tests.report.samples import exchange, mixed, report_of
from tests.report.test_inert import HOSTILE, exchanges

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a report of everything: things to mend, long and hostile texts, many flows."""
    path = tmp_path_factory.mktemp("report") / "cors.html"
    hostile = [
        each
        for name in ("script", "attribute", "image", "closing", "bidi", "long")
        for each in exchanges(HOSTILE[name])
    ]
    numbered = [exchange([], id=f"many {n}", url=f"https://many.test/{'segment/' * 9}{n}") for n in range(60)]
    report = merge([mixed(), report_of(*hostile), report_of(*numbered)])
    path.write_text(render(report), encoding="utf-8")
    return path


def opened(
    browser: Browser, file: Path, width: int = 1280, scheme: str = "light", scripts: bool = True
) -> tuple[Page, list[str]]:
    """Open the report; return the page, and whatever the browser says about it."""
    context = browser.new_context(
        viewport={"width": width, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
        java_script_enabled=scripts,
    )
    page = context.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(f"dialog {dialog.message}"))
    page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
    page.goto(file.as_uri())
    return page, said


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 768, 1600])
def test_it_fits_every_window_without_a_word_in_the_console(
    browser: Browser, file: Path, width: int, scheme: str
) -> None:
    page, said = opened(browser, file, width, scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("article.block").count() > 10
    assert said == []
    page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1600])
def test_an_accessibility_checker_finds_nothing(
    browser: Browser, file: Path, tmp_path: Path, axe: str, width: int, scheme: str
) -> None:
    page, _ = opened(browser, file, width, scheme)
    page.screenshot(path=tmp_path / f"report-{width}-{scheme}.png")
    page.evaluate(axe)
    assert page.evaluate(CHECK) == []
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    assert page.evaluate(CHECK) == []
    page.context.close()


def test_it_is_whole_without_scripts(browser: Browser, file: Path) -> None:
    with_scripts, _ = opened(browser, file)
    without, said = opened(browser, file, scripts=False)
    assert without.locator("article.block").count() == with_scripts.locator("article.block").count()
    assert not without.locator(".filter").is_visible(), "a filter that does nothing is not shown"
    assert said == []
    with_scripts.context.close()
    without.context.close()


def test_the_filter_shows_what_it_is_asked_for(browser: Browser, file: Path) -> None:
    page, said = opened(browser, file)
    cards = page.locator("article.block[data-severity]:visible")
    all_of_them = cards.count()
    page.get_by_label("Show only what contains").fill("other.test")
    assert cards.count() == 1
    assert page.get_by_role("status").inner_text() == "1 shown"
    page.get_by_label("Show only what contains").fill("")
    page.get_by_label("Severity").select_option("info")
    assert 0 < cards.count() < all_of_them
    page.get_by_label("Severity").select_option("")
    assert cards.count() == all_of_them
    assert page.get_by_role("status").inner_text() == ""
    assert said == []
    page.context.close()


def test_the_first_screen_says_what_to_change(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "cors.html"
    path.write_text(render(mixed()), encoding="utf-8")
    page, _ = opened(browser, path)
    for text in (
        "No Access-Control-Allow-Origin in the response",
        "Fix",
        "Send to GET, errors included",
        "MissingAllowOriginHeader",
    ):
        box = page.get_by_text(text).first.bounding_box()
        assert box is not None
        assert box["y"] < 900
    page.context.close()


def test_what_is_folded_is_open_on_paper(browser: Browser, file: Path) -> None:
    page, _ = opened(browser, file)
    details = page.locator("details pre").first
    assert not details.is_visible()
    page.emulate_media(media="print")
    assert not page.locator(".filter").is_visible()
    height = details.evaluate("node => node.getBoundingClientRect().height")
    assert height > 0
    page.context.close()


def test_dark_is_dark(browser: Browser, file: Path) -> None:
    grounds = []
    for scheme in ("light", "dark"):
        page, _ = opened(browser, file, scheme=scheme)
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.context.close()
    assert grounds == ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]
