"""Drives Debian's Chromium over its DevTools protocol and takes down its own verdict on every request.

The protocol runs over a pipe (NUL-separated JSON on two file descriptors), and the client attaches to every target
that appears: pages, frames in processes of their own, workers. So requests made anywhere in a page are seen, with the
CorsError of each, preflights included. https://chromedevtools.github.io/devtools-protocol/tot/Network/
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.browser.observed import BrowserError, Hop, Kind, Outcome, Visit

Message = dict[str, Any]

# Errors that the CORS-preflight fetch gives; they are told of the request, and belong to its preflight.
PREFLIGHT_ERRORS = {
    "MethodDisallowedByPreflightResponse",
    "HeaderDisallowedByPreflightResponse",
    "InvalidAllowMethodsPreflightResponse",
    "InvalidAllowHeadersPreflightResponse",
}

FLAGS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--ignore-certificate-errors",
    "--autoplay-policy=no-user-gesture-required",
    "--mute-audio",
    # else a page on the loopback proxy is asked for permission, or an http page is sent to https
    "--disable-features=LocalNetworkAccessChecks,HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,"
    "OptimizationHints,MediaRouter,Translate",
)


def find() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Chromium:
    """One browser process, all of its traffic through the proxy at `proxy_port`; `visit` may be called many times."""

    name = "chromium"

    def __init__(self, proxy_port: int) -> None:
        self.proxy_port = proxy_port
        self._keep = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._write = self._read = -1
        self._buffer = b""
        self._next = 0
        self._answers: dict[int, Message] = {}
        self._log: _Log | None = None

    def __enter__(self) -> Chromium:
        path = find()
        if path is None:
            raise BrowserError("chromium: not on PATH")
        folder = self._keep.enter_context(tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True))
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        flags = [*FLAGS, f"--user-data-dir={folder}", f"--proxy-server=127.0.0.1:{self.proxy_port}"]
        flags.append("--proxy-bypass-list=<-loopback>")  # else localhost would go around the proxy
        if os.geteuid() == 0:
            flags.append("--no-sandbox")
        self._output = self._keep.enter_context(open(Path(folder, "output"), "w+b"))
        self._process = subprocess.Popen(
            [path, *flags, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            pass_fds=(3, 4),
            preexec_fn=lambda: _as_3_and_4(to_browser, from_browser),
        )
        os.close(to_browser)
        os.close(from_browser)
        self.version = str(self.call("Browser.getVersion")["product"])
        self.call("Target.setAutoAttach", autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            with contextlib.suppress(BrowserError, OSError):
                self.send("Browser.close")
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        os.close(self._read)
        os.close(self._write)
        self._keep.close()

    def visit(self, url: str, until: str | None = None, seconds: float = 60) -> Visit:
        """Open `url` in a fresh profile and stay until the expression `until` has a value (else: until it is quiet).

        Requests still open when the page says that it is done get two more seconds.
        """
        context = self.call("Target.createBrowserContext")["browserContextId"]
        self._log = _Log()
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        deadline = time.monotonic() + seconds
        self._pump(lambda: target in self._log.sessions if self._log else True, deadline)
        session = self._log.sessions[target]
        self.call("Page.enable", session)
        self.call("Page.navigate", session, url=url)
        result = None
        if until is None:
            self._pump(self._log.is_quiet, deadline)
        else:
            while result is None and time.monotonic() < deadline:
                self._pump(lambda: False, min(deadline, time.monotonic() + 0.05))
                answer = self.call("Runtime.evaluate", session, expression=until, returnByValue=True)
                result = answer.get("result", {}).get("value")
            self._pump(self._log.nothing_open, time.monotonic() + 2)
        self._pump(lambda: False, time.monotonic() + 0.3)
        log, self._log = self._log, None
        self.call("Target.disposeBrowserContext", browserContextId=context)
        return Visit(url, tuple(log.hops()), result)

    def send(self, method: str, session: str | None = None, **params: object) -> int:
        self._next += 1
        message: Message = {"id": self._next, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return self._next

    def call(self, method: str, session: str | None = None, **params: object) -> Message:
        number = self.send(method, session, **params)
        if not self._pump(lambda: number in self._answers, time.monotonic() + 30):
            raise BrowserError(f"chromium: no answer to {method}\n{self._printed()}")
        answer = self._answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"chromium: {method}: {answer['error']['message']}")
        result: Message = answer["result"]
        return result

    def _pump(self, enough: Callable[[], bool], deadline: float) -> bool:
        """Handle what the browser says until it is enough; False when the deadline came first."""
        while not enough():
            if (left := deadline - time.monotonic()) <= 0:
                return False
            if not select.select([self._read], [], [], left)[0]:
                continue
            data = os.read(self._read, 1 << 20)
            if not data:
                raise BrowserError(f"chromium: ended unexpectedly\n{self._printed()}")
            *whole, self._buffer = (self._buffer + data).split(b"\0")
            for message in whole:
                self._handle(json.loads(message))
        return True

    def _handle(self, message: Message) -> None:
        if "id" in message:
            self._answers[message["id"]] = message
            return
        method, params = message["method"], message["params"]
        if method == "Target.attachedToTarget":
            session, target = params["sessionId"], params["targetInfo"]
            if self._log is not None and not target["url"].startswith("chrome"):  # not the browser's own popups
                self._log.sessions[target["targetId"]] = session
                self.send("Network.enable", session)
                self.send("Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
            self.send("Runtime.runIfWaitingForDebugger", session)
        elif self._log is not None:
            self._log.event(method, params, message.get("sessionId", ""))

    def _printed(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")[-4000:]


class _Log:
    """The Network events of one visit, put together into hops."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}
        self._chains: dict[str, list[Hop]] = {}  # request id -> its hops
        self._owner: dict[str, str] = {}  # request id -> session that told of it first
        self._on_the_wire: Counter[str] = Counter()  # request id -> hops that reached the network
        self._preflights: list[Hop] = []
        self._last = time.monotonic()

    def event(self, method: str, params: Message, session: str) -> None:
        handler = getattr(self, "_" + method.partition(".")[2], None)
        if not method.startswith("Network.") or handler is None:
            return
        request = _key(params["requestId"], session)
        if self._owner.setdefault(request, session) != session and method == "Network.requestWillBeSent":
            return  # a document or worker that gets a process of its own is told of twice, and finishes there
        self._last = time.monotonic()
        handler(request, params)

    def hops(self) -> list[Hop]:
        for request, chain in self._chains.items():
            self._refused_target(chain, self._on_the_wire[request.rpartition(" ")[2]])
        return sorted((hop for chain in self._chains.values() for hop in chain), key=lambda hop: hop.started)

    @staticmethod
    def _refused_target(chain: list[Hop], on_the_wire: int) -> None:
        """The last hop failed before it was sent. If it is a redirect's target (its scheme, its port), the 3xx carries
        the refusal; otherwise the response came from the cache."""
        last = chain[-1]
        if len(chain) > on_the_wire and last.sent and last.outcome in (Outcome.CORS, Outcome.FAILED):
            last.sent = False
            if len(chain) > 1:
                chain[-2].outcome, chain[-2].name = last.outcome, last.name

    def nothing_open(self) -> bool:
        return all(chain[-1].outcome is not Outcome.PENDING for chain in self._chains.values())

    def is_quiet(self) -> bool:
        return bool(self._chains) and time.monotonic() - self._last > 1.5

    def _requestWillBeSent(self, request: str, params: Message) -> None:
        chain = self._chains.setdefault(request, [])
        if chain and not params.get("redirectResponse"):
            return
        if chain:
            chain[-1].outcome = Outcome.OK
        preflight = params["initiator"]["type"] == "preflight"
        asked = params["request"]
        hop = Hop(
            asked["url"].partition("#")[0],
            asked["method"],
            Kind.PREFLIGHT if preflight else Kind.REQUEST,
            float(params["wallTime"]),
        )
        chain.append(hop)
        if preflight:
            self._preflights.append(hop)

    def _requestWillBeSentExtraInfo(self, request: str, params: Message) -> None:
        self._on_the_wire[params["requestId"]] += 1  # told in the page's session, for its workers too

    def _webSocketCreated(self, request: str, params: Message) -> None:
        self._chains[request] = [Hop(params["url"], "GET", Kind.REQUEST, 0.0)]
        self._on_the_wire[params["requestId"]] = 1

    def _webSocketWillSendHandshakeRequest(self, request: str, params: Message) -> None:
        self._chains[request][0].started = float(params["wallTime"])

    def _webSocketHandshakeResponseReceived(self, request: str, params: Message) -> None:
        if params["response"]["status"] == 101:
            self._chains[request][0].outcome = Outcome.OK

    def _webSocketClosed(self, request: str, params: Message) -> None:
        hop = self._chains[request][0]
        if hop.outcome is Outcome.PENDING:
            hop.outcome, hop.name = Outcome.FAILED, "handshake refused"

    def _requestServedFromCache(self, request: str, params: Message) -> None:
        if chain := self._chains.get(request):
            chain[-1].sent = False

    def _responseReceived(self, request: str, params: Message) -> None:
        response = params["response"]
        if (chain := self._chains.get(request)) and (response.get("fromDiskCache") or response.get("fromPrefetchCache")):
            chain[-1].sent = False

    def _loadingFinished(self, request: str, params: Message) -> None:
        if (chain := self._chains.get(request)) and chain[-1].outcome is Outcome.PENDING:
            chain[-1].outcome = Outcome.OK

    def _loadingFailed(self, request: str, params: Message) -> None:
        if not (chain := self._chains.get(request)):
            return
        hop = chain[-1]
        status = params.get("corsErrorStatus")
        if status is None:
            if hop.outcome is Outcome.PENDING:
                hop.outcome, hop.name = Outcome.FAILED, params.get("blockedReason") or params.get("errorText")
            return
        name = status["corsError"]
        if name.startswith("Preflight") or name in PREFLIGHT_ERRORS:
            hop.sent = False
            # by URL, not by the initiator's id: a worker's preflight is told in the page's session, where ids differ
            for preflight in reversed(self._preflights):
                if preflight.url == hop.url and preflight.outcome is not Outcome.CORS:
                    preflight.outcome, preflight.name = Outcome.CORS, name
                    break
        hop.outcome, hop.name = Outcome.CORS, name


def _key(request: str, session: str) -> str:
    """Documents, workers and preflights have ids without a dot, known to several sessions; the other ids are counted in
    a process, and two threads of it may count the same."""
    return f"{session} {request}" if "." in request else request


def _as_3_and_4(to_browser: int, from_browser: int) -> None:
    # both may be 3 or 4 themselves: move them out of the way first
    high = [os.dup(to_browser), os.dup(from_browser)]
    while min(high) <= 4:
        high = [os.dup(one) for one in high]
    os.dup2(high[0], 3)
    os.dup2(high[1], 4)
