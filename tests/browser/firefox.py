"""Drives Debian's Firefox over Marionette, its own remote protocol, and takes down its verdict on every request.

Three observers run in the browser's chrome context: one of the console service (the CORS categories, each line naming
its URL), one of the HTTP channels (started, answered, stopped with which result code). Neither needs a debugger.
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.browser.observed import BrowserError, Hop, Kind, Outcome, Visit

OBSERVE = """
if (window.oracle === undefined) {
  const oracle = window.oracle = {lines: [], events: []};
  const reasons = {};
  for (const name of Object.keys(Ci.nsILoadInfo))
    if (name.startsWith('BLOCKING_REASON_') && Ci.nsILoadInfo[name]) reasons[Ci.nsILoadInfo[name]] = name.slice('BLOCKING_REASON_'.length);
  const text = (result) => result ? ChromeUtils.getXPCOMErrorName(result) : null;
  oracle.console = {observe(message) {
    try {
      const error = message.QueryInterface(Ci.nsIScriptError);
      oracle.lines.push({category: error.category, text: error.errorMessage, at: error.microSecondTimeStamp / 1e6});
    } catch (notAScriptError) {}
  }};
  Services.console.registerListener(oracle.console);
  oracle.http = {observe(channel, topic) {
    channel.QueryInterface(Ci.nsIHttpChannel);
    const event = {topic, id: channel.channelId, url: channel.URI.specIgnoringRef, method: channel.requestMethod,
                   at: Date.now() / 1000, result: text(channel.status), preflight: false, status: null,
                   reason: reasons[channel.loadInfo.requestBlockingReason] ?? null};
    try { event.preflight = !!channel.getRequestHeader('Access-Control-Request-Method'); } catch (none) {}
    try { event.status = channel.responseStatus; } catch (none) {}
    oracle.events.push(event);
  }};
  for (const topic of ['http-on-modify-request', 'http-on-examine-response', 'http-on-examine-cached-response',
                       'http-on-examine-merged-response', 'http-on-stop-request'])
    Services.obs.addObserver(oracle.http, topic);
}
const told = {lines: window.oracle.lines, events: window.oracle.events};
window.oracle.lines = []; window.oracle.events = [];
return told;
"""

NAMES_URL = re.compile(r"resource at ‘?(.+?)’?\. \(Reason")  # one of the sentences has the URL in quotes
# Said of every CORS request that failed for whatever reason, so it names none.
GENERIC = "CORSDidNotSucceed"
REDIRECTED = "NS_BINDING_REDIRECTED"
CLOCKS_APART = 0.002  # seconds; the console's stamps are finer than the observer's

PREFERENCES: dict[str, object] = {
    "network.proxy.type": 1,
    "network.proxy.http": "127.0.0.1",
    "network.proxy.ssl": "127.0.0.1",
    "network.proxy.no_proxies_on": "",
    "network.proxy.allow_hijacking_localhost": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "network.http.speculative-parallel-limit": 0,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.newtabpage.enabled": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "datareporting.policy.dataSubmissionEnabled": False,
    "dom.security.https_first": False,
    "dom.disable_open_during_load": False,
    "media.autoplay.default": 0,
    "media.gmp-manager.url": "",
    "extensions.update.enabled": False,
    "app.update.enabled": False,
    "services.settings.server": "",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
}


def find() -> str | None:
    return shutil.which("firefox-esr") or shutil.which("firefox")


class Firefox:
    """One browser process, all of its traffic through the proxy at `proxy_port`; `visit` may be called many times."""

    name = "firefox"

    def __init__(self, proxy_port: int) -> None:
        self.proxy_port = proxy_port
        self._keep = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Firefox:
        path = find()
        if path is None:
            raise BrowserError("firefox: not on PATH")
        profile = Path(
            self._keep.enter_context(tempfile.TemporaryDirectory(prefix="firefox-", ignore_cleanup_errors=True))
        )
        preferences = {
            **PREFERENCES,
            "network.proxy.http_port": self.proxy_port,
            "network.proxy.ssl_port": self.proxy_port,
            "marionette.port": 0,
        }
        lines = (f'user_pref("{name}", {json.dumps(value)});\n' for name, value in preferences.items())
        (profile / "user.js").write_text("".join(lines))
        self._output = self._keep.enter_context(open(profile / "output", "w+b"))
        self._process = subprocess.Popen(
            [path, "-headless", "-no-remote", "-marionette", "-remote-allow-system-access", "-profile", str(profile)],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "MOZ_HEADLESS": "1", "HOME": str(profile)},
        )
        self._marionette = self._keep.enter_context(contextlib.closing(_Marionette(self._port(profile))))
        session = self._call("WebDriver:NewSession", acceptInsecureCerts=True, pageLoadStrategy="normal", unhandledPromptBehavior="dismiss")
        self.version = f"Firefox/{session['capabilities']['browserVersion']}"
        self._call("WebDriver:SetTimeouts", pageLoad=60000, script=60000)
        return self

    def _port(self, profile: Path) -> int:
        """Firefox picks a free port itself and writes it into its profile."""
        assert self._process is not None
        written = profile / "MarionetteActivePort"
        deadline = time.monotonic() + 60
        while not (written.exists() and written.read_text()):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise BrowserError(f"firefox: did not start\n{self._printed()}")
            time.sleep(0.05)
        return int(written.read_text())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            with contextlib.suppress(BrowserError, OSError):
                self._call("Marionette:Quit", flags=["eForceQuit"])
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._keep.close()

    def visit(self, url: str, until: str | None = None, seconds: float = 60) -> Visit:
        """Open `url` with an empty cookie jar and cache and stay until the expression `until` has a value (else: until
        it is quiet)."""
        self._call("Marionette:SetContext", value="chrome")
        self._script("Services.cookies.removeAll(); Services.cache2.clear();")
        log = _Log()
        self._observe(_Log())
        self._call("Marionette:SetContext", value="content")
        deadline = time.monotonic() + seconds
        with contextlib.suppress(BrowserError):  # a page that does not load has its story in the log
            self._call("WebDriver:Navigate", url=url)
        result = None
        while result is None and time.monotonic() < deadline:
            if until is not None:
                result = self._call("WebDriver:ExecuteScript", script=f"return ({until})", args=[])["value"]
            else:
                self._collect(log)
                if log.is_quiet():
                    break
            time.sleep(0.05)
        last = time.monotonic() + 2
        while time.monotonic() < last:
            self._collect(log)
            if log.nothing_open():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        self._collect(log)
        self._call("WebDriver:Navigate", url="about:blank")
        return Visit(url, tuple(log.hops()), None if result is None else str(result))

    def _collect(self, log: _Log) -> None:
        self._call("Marionette:SetContext", value="chrome")
        self._observe(log)
        self._call("Marionette:SetContext", value="content")

    def _observe(self, log: _Log) -> None:
        told = self._script(OBSERVE)
        log.lines += told["lines"]
        log.events += told["events"]
        if told["lines"] or told["events"]:
            log.last = time.monotonic()

    def _script(self, text: str) -> Any:
        return self._call("WebDriver:ExecuteScript", script=text, args=[], sandbox="system", newSandbox=False)["value"]

    def _call(self, name: str, **params: object) -> Any:
        return self._marionette(name, params)

    def _printed(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")[-4000:]


class _Log:
    """What the observers told in one visit, put together into hops: one channel is one hop."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self.last = time.monotonic()

    def hops(self) -> list[Hop]:
        channels: dict[int, list[dict[str, Any]]] = {}
        for event in self.events:
            channels.setdefault(event["id"], []).append(event)
        hops = []
        for events in channels.values():
            starts = [event for event in events if event["topic"] == "http-on-modify-request"]
            if not starts:
                continue  # a redirect's target that was never opened
            for start in starts:  # several where a challenge was answered in the same channel
                kind = Kind.PREFLIGHT if start["preflight"] else Kind.REQUEST
                hops.append(Hop(start["url"], start["method"], kind, start["at"], Outcome.OK))
            hops[-1].outcome, hops[-1].name = _verdict(events)
            hops[-1].sent = all(event["topic"] != "http-on-examine-cached-response" for event in events)
        hops.sort(key=lambda hop: hop.started)
        _behind_failed_preflights(hops)
        _name(hops, self.lines)
        return hops

    def nothing_open(self) -> bool:
        return all(hop.outcome is not Outcome.PENDING for hop in self.hops())

    def is_quiet(self) -> bool:
        return time.monotonic() - self.last > 1.5


def _verdict(events: list[dict[str, Any]]) -> tuple[Outcome, str | None]:
    # The parent process stops first; the page's process, where the check is, reports its result afterwards.
    stops = [event for event in events if event["topic"] == "http-on-stop-request"]
    if not stops:
        return Outcome.PENDING, None
    results = [event["result"] for event in stops if event["result"] and event["result"] != REDIRECTED]
    reasons = [event["reason"] for event in stops if event["reason"]]
    if results or reasons:
        return Outcome.FAILED, (results + reasons)[0]
    return Outcome.OK, None


def _behind_failed_preflights(hops: list[Hop]) -> None:
    """A request whose preflight failed was never sent, though it has a channel; the preflight starts just after it."""
    for at, hop in enumerate(hops):
        if hop.kind is Kind.REQUEST and hop.outcome is Outcome.FAILED:
            follower = next((one for one in hops[at + 1 :] if one.url == hop.url), None)
            if follower is not None and follower.kind is Kind.PREFLIGHT and follower.outcome is not Outcome.OK:
                hop.sent = False


def _name(hops: list[Hop], lines: list[dict[str, Any]]) -> None:
    """Give each console line to the request it is about: the last of its URL that had started and that failed.

    Several lines may be about one request; the first that is not generic is its name.
    """
    for line in sorted(lines, key=lambda line: float(line["at"])):
        found = NAMES_URL.search(line["text"])
        category = line["category"].rstrip("0123456789")
        if found is None or not category.startswith("CORS") or category == GENERIC or category.endswith("Deprecation"):
            continue
        url = found[1].partition("#")[0]
        about = [hop for hop in hops if hop.url == url and hop.sent and hop.outcome in (Outcome.FAILED, Outcome.CORS)]
        before = [hop for hop in about if hop.started <= line["at"] + CLOCKS_APART] or about
        if before and before[-1].outcome is Outcome.FAILED:
            before[-1].outcome, before[-1].name = Outcome.CORS, category


class _Marionette:
    """Messages are `LENGTH:JSON`; a command is [0, number, name, parameters], an answer [1, number, error, result]."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), 120)
        self._reader = self._socket.makefile("rb")
        self._number = 0
        self._receive()  # its greeting

    def close(self) -> None:
        self._reader.close()
        self._socket.close()

    def _receive(self) -> Any:
        size = b""
        while (byte := self._reader.read(1)) != b":":
            if not byte:
                raise BrowserError("firefox: ended unexpectedly")
            size += byte
        return json.loads(self._reader.read(int(size)))

    def __call__(self, name: str, params: dict[str, object]) -> Any:
        self._number += 1
        message = json.dumps([0, self._number, name, params]).encode()
        self._socket.sendall(b"%d:%s" % (len(message), message))
        _, _, error, result = self._receive()
        if error:
            raise BrowserError(f"firefox: {name}: {error.get('error')}: {error.get('message')}")
        return result
