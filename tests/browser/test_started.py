"""A browser that the addon starts and listens to: what it says is in the report, and nothing of it is left behind."""

from __future__ import annotations

import glob
import json
import os
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.browser.kills import Kill, complaints, drawn
from tests.browser.processes import processes_with
from tests.browser.proxy import Proxy
from tests.browser.run import missing
from tests.browser.server import Answer, Seen, Server

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.timeout(600)]

PATIENCE = 120
LATE = 3  # seconds for what a browser tells late
HTML, SCRIPT = (("Content-Type", "text/html"),), (("Content-Type", "text/javascript"),)

APP = """\
const api = 'http://api.test';
const quiet = (promise) => promise.catch(() => 0);
async function loadItems() {
  await quiet(fetch(api + '/none'));
  await quiet(fetch(api + '/ok'));
  await quiet(fetch(api + '/preflight', {method: 'PUT'}));
  await quiet(fetch(api + '/cookies', {credentials: 'include'}));
  // More than a browser has connections for.
  for (let number = 0; number < 40; number++) quiet(fetch('http://slow.test/' + number, {mode: 'no-cors'}));
  const given_up = new AbortController();
  const answer = quiet(fetch('http://slow.test/aborted', {signal: given_up.signal}));
  setTimeout(() => given_up.abort(), 300);
  await answer;
  await quiet(fetch(api + '/cached', {mode: 'no-cors'}).then((answer) => answer.text()));
  await quiet(fetch(api + '/cached', {cache: 'force-cache'}));
  await navigator.serviceWorker?.register('/worker.js');
  await quiet(fetch(api + ':6667/port'));
  await quiet(fetch('https://app.test/done-http', {mode: 'no-cors'}));
  location.href = 'https://app.test/secure';
}
addEventListener('load', loadItems);
"""
SECURE = """\
const quiet = (promise) => promise.catch(() => 0);
async function securely() {
  await navigator.serviceWorker.register('/worker.js');
  await navigator.serviceWorker.ready;
  while (!navigator.serviceWorker.controller) await new Promise((ready) => setTimeout(ready, 50));
  await quiet(fetch('http://api.test/mixed'));
  await quiet(fetch('https://other.test/by-policy'));
  await quiet(fetch('https://app.test/by-worker'));
  await quiet(fetch('/done', {method: 'POST'}));
}
addEventListener('load', securely);
"""
WORKER = """\
addEventListener('install', () => skipWaiting());
addEventListener('activate', (event) => event.waitUntil(clients.claim()));
addEventListener('fetch', (event) => {
  if (event.request.url.includes('by-worker')) event.respondWith(Response.error());
});
"""
POLICY = ("Content-Security-Policy", "connect-src 'self' http://api.test")


def route(seen: Seen) -> Answer:
    path = seen.target.partition("?")[0]
    if seen.host == "slow.test":
        time.sleep(1)
    match path:
        case "/":
            return Answer(200, HTML, b"<!doctype html><title>app</title><script src=/app.js></script>")
        case "/secure":
            return Answer(200, (*HTML, POLICY), b"<!doctype html><title>app</title><script src=/secure.js></script>")
        case "/app.js":
            return Answer(200, SCRIPT, APP.encode())
        case "/secure.js":
            return Answer(200, SCRIPT, SECURE.encode())
        case "/worker.js":
            return Answer(200, SCRIPT, WORKER.encode())
        case "/ok" | "/cookies":
            return Answer(200, (("Access-Control-Allow-Origin", "*"),), b"x")
        case "/preflight":
            return Answer(200, (("Access-Control-Allow-Origin", "*"),), b"x")
        case "/cached":
            lines = (("Access-Control-Allow-Origin", "http://else.test"), ("Cache-Control", "max-age=1000"))
            return Answer(200, lines, b"x")
        case _:
            return Answer(200, (), b"x")


def skip_without(browser: str) -> None:
    why = missing(browser)
    if why and os.environ.get("CI"):
        pytest.fail(why)
    if why:
        pytest.skip(why)


def until(holds: Callable[[], object], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, f"waited in vain: {what}"
        time.sleep(0.1)


def profiles() -> set[str]:
    return set(glob.glob(os.path.join(tempfile.gettempdir(), "cors-addon-*")))


@contextmanager
def started(browser: str, url: str, *options: str) -> Iterator[tuple[Proxy, str]]:
    """A proxy that has started a browser without a window; gives the profile too."""
    with started_by(browser, f"{browser} --headless {url}", route, *options) as both:
        yield both


@contextmanager
def started_by(
    browser: str, command: str, answer: Callable[[Seen], Answer], *options: str
) -> Iterator[tuple[Proxy, str]]:
    """The same by the words of a command, and with a server of its own."""
    skip_without(browser)
    before = profiles()
    with Server(answer) as server:
        settings = [f"cors_start_browser={command}", "termlog_verbosity=info", *options]
        with Proxy(server, options=settings) as proxy:
            until(lambda: "goes through the proxy" in proxy.output, "the browser's start")
            # Other tests, beside these, make profiles too.
            (guard,) = processes_with("guard.py", proxy.pid)
            (profile,) = [each for each in profiles() - before if processes_with(each, guard)]
            yield proxy, profile


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def report(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any], str]:
    browser: str = request.param
    with started(browser, "http://app.test/") as (proxy, profile):
        assert proxy.server is not None
        asked = proxy.server.seen
        until(lambda: any(each.target == "/done" for each in asked), "the page's end")
        time.sleep(LATE)
        proxy.stop()
        until(lambda: not os.path.exists(profile), "the profile's end")
        assert processes_with(profile) == []
        return browser, json.loads(proxy.report.read_text()), proxy.output


def verdict(report: dict[str, Any], path: str, method: str = "GET") -> dict[str, Any]:
    (found,) = [each for each in report["flows"] if each["url"].endswith(path) and each["method"] == method]
    entry: dict[str, Any] = found
    return entry


TOLD = [
    ("/none", "GET", "blocked", "MissingAllowOriginHeader", "CORSMissingAllowOrigin"),
    ("/ok", "GET", "allowed", None, None),
    ("/preflight", "OPTIONS", "blocked", "MethodDisallowedByPreflightResponse", "CORSMethodNotFound"),
    ("/cookies", "GET", "blocked", "WildcardOriginNotAllowed", "CORSNotSupportingCredentials"),
]


@pytest.mark.parametrize(("path", "method", "outcome", "chromium", "firefox"), TOLD)
def test_the_browsers_word_decides(
    report: tuple[str, dict[str, Any], str], path: str, method: str, outcome: str, chromium: str, firefox: str
) -> None:
    browser, made, _ = report
    entry = verdict(made, path, method)
    told = entry["told"]
    assert (told["outcome"], told["error"], told["agrees"]) == (
        outcome,
        {"chromium": chromium, "firefox": firefox}[browser],
        True,
    )
    assert entry["outcome"] == outcome
    assert told["browser"].lower().startswith(browser)


def test_nothing_told_stays_conditional(report: tuple[str, dict[str, Any], str]) -> None:
    _, made, output = report
    assert made["summary"]["outcomes"]["conditional"] == 0
    assert made["summary"]["told"]["differ"] == 0
    assert made["summary"]["told"]["confirmed"] >= len(TOLD)
    assert "has a fault of its own" not in output


def test_a_diagnosis_names_the_line_that_made_the_call(report: tuple[str, dict[str, Any], str]) -> None:
    _, made, _ = report
    flow = verdict(made, "/none")["id"]
    (diagnosis,) = [each for each in made["diagnoses"] if flow in each["flows"]]
    site = diagnosis["initiator"]
    assert (site["url"], site["line"], site["function"]) == ("http://app.test/app.js", 4, "loadItems")


UNSENT = [
    *(("/mixed", "mixed-content"), ("/by-policy", "csp"), ("/by-worker", "service-worker"), ("/aborted", "aborted")),
    ("/cached", "cache"),
]


@pytest.mark.parametrize(("path", "reason"), UNSENT)
def test_what_never_reached_the_proxy_is_listed(
    report: tuple[str, dict[str, Any], str], path: str, reason: str
) -> None:
    _, made, _ = report
    found = [each for each in made.get("unsent", []) if each["url"].endswith(path)]
    (entry,) = found
    assert entry["reason"] == reason
    assert entry["help"]
    if path == "/by-policy":
        assert entry["directive"] == "connect-src"
    assert entry["initiator"]["url"].startswith(("http://app.test/app.js", "https://app.test/secure.js"))


def test_a_port_that_browsers_block_is_named(report: tuple[str, dict[str, Any], str]) -> None:
    browser, made, _ = report
    (entry,) = [each for each in made["unsent"] if each["url"].endswith(":6667/port")]
    names = {"chromium": "net::ERR_UNSAFE_PORT", "firefox": "NS_ERROR_PORT_ACCESS_NOT_ALLOWED"}
    assert (entry["reason"], entry["error"], entry["initiator"]["function"]) == (
        "blocked-port",
        names[browser],
        "loadItems",
    )


@pytest.mark.parametrize("kill", [*[*drawn("chromium", 6, 14)][::2], *[*drawn("firefox", 6, 14)][1::2]], ids=str)
def test_whoever_is_killed_whenever_nothing_is_left(kill: Kill) -> None:
    """A few of what `python -m tests.browser.kills` tries."""
    skip_without(kill.browser)
    assert [*complaints(kill)] == []


def listening_ports(pids: list[int]) -> set[int]:
    """The TCP ports on which processes listen, by /proc."""
    sockets = set()
    for pid in pids:
        for place in Path(f"/proc/{pid}/fd").glob("*"):
            try:
                sockets.add(os.readlink(place))
            except OSError:
                continue
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in sockets:
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def test_chromium_opens_no_port() -> None:
    with started("chromium", "about:blank") as (_, profile):
        assert listening_ports(processes_with(profile)) == set()


ATTACK = b'[0,1,"WebDriver:NewSession",{"capabilities":{"alwaysMatch":{"acceptInsecureCerts":true}}}]'

HOSTILE = """<!doctype html><script>
  (async () => {
    const port = await (await fetch('/port')).text();
    const body = 'BODY';
    for (const host of ['127.0.0.1', 'localhost', '[::1]'])
      for (const scheme of ['http', 'https']) {
        const url = `${scheme}://${host}:${port}/`;
        const answer = await fetch(url, {method: 'POST', mode: 'no-cors', body: `${body.length}:${body}`})
          .then((got) => got.type, () => 'error');
        await fetch('/tried?' + answer);
      }
    await new Promise((end) => { const s = new WebSocket(`ws://127.0.0.1:${port}/`); s.onclose = end; });
    await fetch('/none'); await fetch(`http://127.0.0.1:${location.port}/after`).catch(() => 0);
    await fetch('/done');
  })();
</script>"""


def said_to(port: int, data: bytes) -> bytes:
    """What Firefox answers to bytes on its port, besides its greeting, until it hangs up or has nothing more to say."""
    with socket.create_connection(("127.0.0.1", port), 5) as line:
        line.settimeout(3)
        answer = b""
        try:
            line.sendall(data)
            while more := line.recv(65536):
                answer += more
        except OSError:
            pass
    return answer.partition(b"}")[2]


def test_no_page_reaches_firefoxs_port() -> None:
    """By the proxy, which connects no page to it, and by the protocol, which no request of a page can speak."""
    attack = HOSTILE.replace("BODY", ATTACK.decode())
    port = [""]

    def hostile(seen: Seen) -> Answer:
        if seen.target == "/":
            return Answer(200, HTML, attack.encode())
        if seen.target == "/port":
            until(lambda: port[0], "the port")
            return Answer(200, (), port[0].encode())
        return Answer(200, (), b"x")

    skip_without("firefox")
    before = profiles()
    with Server(hostile) as server:
        url = f"http://localhost:{server.http_port}/"
        settings = [f"cors_start_browser=firefox --headless {url}", "termlog_verbosity=info"]
        with Proxy(None, options=settings) as proxy:
            until(lambda: "goes through the proxy" in proxy.output, "the browser's start")
            (profile,) = profiles() - before
            port[0] = Path(profile, "MarionetteActivePort").read_text("ascii")
            until(lambda: any(each.target == "/done" for each in server.seen), "the attack's end")
            time.sleep(LATE)
            tried = [each.target for each in server.seen if each.target.startswith("/tried")]
            assert len(tried) == 6
            assert proxy.output.count("killed before connect: this port controls a browser") == 7
            http = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n%d:%s" % (len(ATTACK), ATTACK)
            assert b"sessionId" not in said_to(int(port[0]), http)
            # Nor does another program, that speaks the protocol, get a session beside the proxy's.
            assert b"sessionId" not in said_to(int(port[0]), b"%d:%s" % (len(ATTACK), ATTACK))
            proxy.stop()
            made = json.loads(proxy.report.read_text())
    # The channel still worked afterwards.
    assert verdict(made, "/after")["told"]["error"] == "CORSMissingAllowOrigin"
