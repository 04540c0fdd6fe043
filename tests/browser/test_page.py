"""The live page against hostile pages in real browsers, and for the one who opens it.

The hostile pages try whatever a page can do to another origin (`page_attack.js`); an open server beside the live page
shows that the tries would succeed if somebody let them.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cors_addon.browser import chromium, firefox
from tests.browser.proxy import Proxy
from tests.browser.run import BROWSERS, missing
from tests.browser.server import Answer, Seen, Server
from tests.browser.site import DONE, document
from tests.mitm.process import free_port

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(300)]

HERE = Path(__file__).resolve().parent
ATTACK = (HERE / "page_attack.js").read_text(encoding="utf-8")
RULES = """
version: 1
rules:
  - name: first
    hosts: [api.test]
    allow_origins: ["http://app.test"]
  - name: second
    enabled: false
    hosts: [other.test]
    allow_origins: ["http://app.test"]
"""
# The host has a name below which others may have names too, so that a page of the same site can attack.
HOST = "live.page.test"


def route(seen: Seen) -> Answer:
    """Serve the hostile page and what it needs, everywhere."""
    path = seen.target.partition("?")[0]
    if seen.host.startswith("open."):
        allow = (
            ("Access-Control-Allow-Origin", seen.header("origin") or "*"),
            ("Access-Control-Allow-Credentials", "true"),
            ("Access-Control-Allow-Headers", seen.header("access-control-request-headers") or "x"),
            ("Access-Control-Allow-Methods", seen.header("access-control-request-method") or "GET"),
            ("Timing-Allow-Origin", "*"),
            ("Content-Type", "text/javascript"),
        )
        return Answer(200, allow, b"var stolen = 'open-secret';")
    if path in ("/attack", "/attack-with-opener"):
        made = hostile(f"attack({json.dumps(seen.target.partition('?')[2])})")
        # A page of the same origin with this header keeps its hold on a window that it opens.
        opener = (("Cross-Origin-Opener-Policy", "same-origin"),) if path.endswith("opener") else ()
        return Answer(made.status, (*made.headers, *opener), made.body)
    if path == "/app":
        return document("<!doctype html><title>app</title>")
    if path == "/blocked":
        return Answer(200)
    return Answer(404)


def hostile(call: str) -> Answer:
    finish = "(told) => { window.casesDone = JSON.stringify(told); }"
    return document(
        f"<!doctype html><title>hostile</title><body><script>{ATTACK}\n"
        f"{call}.then({finish}, (error) => ({finish})(['fault: ' + error.stack]));</script>"
    )


SHOWN = ("chromium", "firefox")


@pytest.fixture(params=SHOWN)
def browser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Name a browser that lets pages open windows, which is what an attacker would bring a user to do."""
    name = str(request.param)
    if why := missing(name):
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    monkeypatch.setattr(chromium, "FLAGS", (*chromium.FLAGS, "--disable-popup-blocking"))
    monkeypatch.setattr(firefox, "PREFERENCES", {**firefox.PREFERENCES, "dom.popup_maximum": 1000})
    return name


@pytest.fixture
def direct(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let browsers go to the proxy's port as to any server, and know a name that somebody made point there."""
    names = "--host-resolver-rules=MAP rebound.test 127.0.0.1"
    monkeypatch.setattr(chromium, "FLAGS", (*chromium.FLAGS, "--no-proxy-server", names))
    others = {"network.proxy.type": 0, "network.dns.localDomains": "rebound.test"}
    monkeypatch.setattr(firefox, "PREFERENCES", {**firefox.PREFERENCES, **others})


@pytest.fixture
def server() -> Iterator[Server]:
    with Server(route) as running:
        yield running


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES, encoding="utf-8")
    return f"cors_rules={path}"


def states(proxy: Proxy) -> tuple[dict[str, str], bool]:
    """Return what the switches say: each rule's state, and whether injection is off."""
    rows = proxy.command("cors.rules.list")
    assert isinstance(rows, list)
    return {row[0]: row[1] for row in rows[1:] if row[0]}, "injection is off" in str(rows)


UNTOUCHED = {"first": "on", "second": "off"}, True
SWITCHED = {"first": "on", "second": "on"}, False


# --- attacks --------------------------------------------------------------------------------------------------

ATTACKERS = [
    ("another site, over http", "http://evil.test", f"http://{HOST}/"),
    ("another site, to the https twin", "http://evil.test", f"https://{HOST}/"),
    ("another site, over https", "https://evil.test", f"https://{HOST}/"),
    ("the same site, over http", "http://evil.page.test", f"http://{HOST}/"),
    ("the same site, over https", "https://evil.page.test", f"https://{HOST}/"),
]


def test_no_other_page_reads_or_switches_anything(browser: str, server: Server, rules: str) -> None:
    learned: dict[str, list[str]] = {}
    with Proxy(server, options=[f"cors_page={HOST}", rules]) as proxy:
        with BROWSERS[browser](proxy) as driver:
            for why, origin, base in ATTACKERS:
                visit = driver.visit(f"{origin}/attack?{base}", DONE)
                assert visit.result is not None, why
                learned[why] = json.loads(visit.result)
                assert any(hop.url.startswith(base) for hop in visit.hops), "nothing was tried"
        assert states(proxy) == UNTOUCHED
    assert learned == {why: [] for why, _, _ in ATTACKERS}
    assert all(seen.host != HOST for seen in server.seen), "the page's requests go nowhere"


def test_the_same_tries_read_a_server_that_lets_them(browser: str, server: Server) -> None:
    with Proxy(server) as proxy, BROWSERS[browser](proxy) as driver:
        visit = driver.visit("http://evil.test/attack?http://open.test/", DONE)
    assert visit.result is not None
    learned = {told.partition(":")[0] for told in json.loads(visit.result)}
    assert learned >= {"fetch cors", "fetch POST cors", "fetch PUT", "XMLHttpRequest", "script", "import", "worker"}
    methods = {seen.method for seen in server.seen if seen.host == "open.test"}
    assert methods >= {"GET", "POST", "PUT", "DELETE", "OPTIONS"}
    posts = [seen for seen in server.seen if seen.host == "open.test" and seen.method == "POST"]
    assert {"http://evil.test", "null"} <= {seen.header("origin") for seen in posts}, "forms and sandboxed forms too"


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "rebound.test"])
def test_the_site_behind_a_reverse_proxy_reads_and_switches_nothing(
    browser: str, server: Server, rules: str, host: str
) -> None:
    page = free_port()
    with Proxy(server, options=["mode=reverse:http://app.test", f"cors_page_port={page}", rules]) as proxy:
        with BROWSERS[browser](proxy) as driver:
            tries = [
                ("/attack", f"http://{host}:{page}/"),
                ("/attack-with-opener", f"http://{host}:{proxy.port}/+cors/"),
            ]
            if host == "rebound.test":
                tries.append(("/attack-with-opener", f"http://127.0.0.1:{page}/"))
            for path, base in tries:
                visit = driver.visit(f"http://{host}:{proxy.port}{path}?{base}", DONE)
                assert visit.result is not None
                assert json.loads(visit.result) == [], (path, base)
        assert states(proxy) == UNTOUCHED
    assert [seen for seen in server.seen if seen.target.startswith("/+cors")], "the site's paths are all its own"


# --- its own use ----------------------------------------------------------------------------------------------

# Runs in the page, again and again until it returns something: throws each switch once and waits for what is shown.
USE = """
(() => {
  const at = (selector) => document.querySelector(selector);
  const done = document.documentElement.dataset;
  const injection = () => at('#injection [role=switch]').getAttribute('aria-checked');
  const second = () => at('#rules li:nth-child(2) [role=switch]').getAttribute('aria-checked');
  const steps = [
    [() => at('.state.good'), () => at('#injection [role=switch]').click()],
    [() => injection() === 'true' && /itself off in/.test(at('#injection').textContent),
     () => at('#rules li:nth-child(2) [role=switch]').click()],
    [() => second() === 'true', () => {}],
  ];
  const step = Number(done.step ?? 0);
  if (step === steps.length) return 'done';
  const [ready, act] = steps[step];
  if (ready()) {
    done.step = step + 1;
    act();
  }
  return null;
})()
"""


@pytest.mark.parametrize("strategy", ["eager", "lazy"])
def test_its_own_page_switches(browser: str, server: Server, rules: str, strategy: str) -> None:
    options = [f"connection_strategy={strategy}", rules]
    with Proxy(server, options=options) as proxy, BROWSERS[browser](proxy) as driver:
        for scheme in ("http", "https"):
            proxy.command("cors.inject", "off")
            proxy.command("cors.rules.reload")
            assert states(proxy) == UNTOUCHED
            assert driver.visit(f"{scheme}://cors.addon/", USE).result == "done"
            assert states(proxy) == SWITCHED


@pytest.mark.usefixtures("direct")
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_page_switches_beside_a_reverse_proxy(browser: str, server: Server, rules: str, name: str) -> None:
    page = free_port()
    with Proxy(server, options=["mode=reverse:http://app.test", f"cors_page_port={page}", rules]) as proxy:
        with BROWSERS[browser](proxy) as driver:
            assert driver.visit(f"http://{name}:{page}/", USE).result == "done"
        assert states(proxy) == SWITCHED
