"""The live page in WebKit: what Safari's users see of it and press there is shown by the same engine."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.browser.proxy import Proxy
from tests.browser.run import missing
from tests.browser.server import Answer, Seen, Server
from tests.browser.site import document
from tests.browser.webkit import WebKit

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

APP = "https://app.test"
PAGE = "http://cors.addon/"
READY = "document.querySelector('.state.good')"
CALLS = """
<!doctype html><title>app</title><script>
const urls = ["https://api.test/items", "https://api.test/users"];
Promise.all(urls.map((url) => fetch(url).then(() => "passed", () => "blocked"))).then((all) => { window.ended = all; });
</script>
"""


def answer(seen: Seen) -> Answer:
    return document(CALLS) if seen.target == "/app" else Answer(200, (("Server", "nginx"),), b"{}")


def press(selector: str) -> str:
    """An expression that presses what is there by now, once."""
    return f"(found => found && (found.click(), 'pressed'))(document.querySelector({json.dumps(selector)}))"


def test_what_is_blocked_is_shown_filtered_and_unblocked(tmp_path: Path) -> None:
    if why := missing("webkit"):
        if os.environ.get("CI"):
            pytest.fail(f"{why}, and this is CI")
        pytest.skip(why)
    rules = tmp_path / "cors.yaml"
    with (
        Server(answer) as server,
        Proxy(server, options=[f"cors_rules={rules}"]) as proxy,
        WebKit(proxy) as webkit,
    ):
        webkit.open(f"{APP}/app")
        assert webkit.until("window.ended") == "blocked,blocked"
        webkit.open(PAGE)
        webkit.until(READY)
        cards = "document.querySelectorAll('#blocked-cards > li')"
        webkit.until(f"{cards}.length === 2")
        assert "https://app.test" in webkit.until(f"{cards}[0].innerText")
        webkit.picture(tmp_path / "live-page.png")
        assert webkit.until("String(document.documentElement.scrollWidth <= innerWidth)") == "true"
        # The style sheet is applied, and what is hidden is.
        assert webkit.until("getComputedStyle(document.querySelector('#blocked-cards > li')).borderTopStyle") == "solid"

        shown = f"[...{cards}].filter((card) => card.offsetParent).length"
        type_in = (
            "(field) => { field.value = 'users'; field.dispatchEvent(new Event('input', {bubbles: true})); return 1; }"
        )
        webkit.until(f"({type_in})(document.querySelector('#filter'))")
        webkit.until(f"{shown} === 1")
        webkit.until(f"({type_in.replace('users', '')})(document.querySelector('#filter'))")
        webkit.until(f"{shown} === 2")

        webkit.until(press("#blocked-cards form.unblock button"))
        webkit.until("document.querySelector('#injection [aria-checked=true]')")
        webkit.open(f"{APP}/app")
        assert "passed" in webkit.until("window.ended")
        webkit.open(PAGE)
        webkit.until(READY)
        webkit.until(press("#injection [role=switch][aria-checked=true]"))
        webkit.until("document.querySelector('#injection [aria-checked=false]')")
        webkit.open(f"{APP}/app")
        assert webkit.until("window.ended") == "blocked,blocked"
    assert (tmp_path / "live-page.png").stat().st_size > 10_000
