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
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from cors_addon.browser.chromium_events import Message
from tests.browser.observed import PATIENCE, BrowserError, Visit, find_program
from tests.browser.visit_log import VisitLog

QUIET = 1.5  # seconds without a request, after which a page counts as done
LAST_LINES = 0.3  # seconds, for what the console still has to say
# Chromium wants the pipe on descriptors 3 and 4, whatever they were here; first out of each other's way.
AS_3_AND_4 = """
import os, sys
to_browser, from_browser = (os.dup(int(one)) for one in sys.argv[1:3])
high = os.dup2(to_browser, 1001), os.dup2(from_browser, 1002)
for descriptor, source in enumerate(high, 3):
    os.dup2(source, descriptor)
os.execv(sys.argv[3], sys.argv[3:])
"""

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


class Chromium:
    """One browser process, all of its traffic through the proxy at `proxy_port`; `visit` may be called many times."""

    programs = ("chromium", "chromium-browser", "google-chrome")

    def __init__(self, proxy_port: int) -> None:
        self.proxy_port = proxy_port
        self._keep = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._write = self._read = -1
        self._buffer = b""
        self._next = 0
        self._answers: dict[int, Message] = {}
        self._log: VisitLog | None = None

    def __enter__(self) -> Chromium:
        path = find_program(self.programs)
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
            [sys.executable, "-c", AS_3_AND_4, str(to_browser), str(from_browser), path, *flags, "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
            pass_fds=(to_browser, from_browser),
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

    def visit(self, url: str, until: str | None = None, seconds: float = PATIENCE, private: bool = False) -> Visit:
        """Open `url` and stay until the expression `until` has a value (else: until it is quiet for a while).

        Cookies and cache are empty at the start; a `private` visit gets a browser context of its own, as an incognito
        window does. Requests still open when the page says that it is done get two more seconds.
        """
        self._log = log = VisitLog()
        context = self.call("Target.createBrowserContext") if private else {}
        target = self.call("Target.createTarget", url="about:blank", **context)["targetId"]
        deadline = time.monotonic() + seconds
        self._pump(lambda: target in log.sessions, deadline)
        session = log.sessions[target]
        self.enter(url)
        for method in ("Network.clearBrowserCookies", "Network.clearBrowserCache", "Page.enable"):
            self.call(method, session)
        self.call("Page.navigate", session, url=url)
        result = None
        if until is None:
            self._pump(lambda: log.quiet_for() > QUIET, deadline)
        else:
            while result is None and time.monotonic() < deadline:
                self._pump(lambda: False, min(deadline, time.monotonic() + 0.05))
                answer = self.call("Runtime.evaluate", session, expression=until, returnByValue=True)
                result = answer.get("result", {}).get("value")
            self._pump(log.nothing_open, time.monotonic() + 2)
        self._pump(lambda: False, time.monotonic() + LAST_LINES)
        self.leave(url)
        self._log = None
        if private:
            self.call("Target.disposeBrowserContext", **context)
        else:
            self.call("Target.closeTarget", targetId=target)
        return Visit(url, tuple(log.hops()), result)

    def enter(self, url: str) -> None:
        """For subclasses: the page is about to be opened in a tab of its own."""

    def leave(self, url: str) -> None:
        """For subclasses: the page is done, and about to be closed."""

    def send(self, method: str, session: str | None = None, **params: object) -> int:
        self._next += 1
        message: Message = {"id": self._next, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        return self._next

    def call(self, method: str, session: str | None = None, **params: object) -> Message:
        number = self.send(method, session, **params)
        if not self._pump(lambda: number in self._answers, time.monotonic() + PATIENCE):
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
            if not select.select([self._read], [], [], min(left, 0.1))[0]:  # enough() may hang on time alone
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
            ours = not target["url"].startswith("chrome")  # else a popup of the browser's own
            # a service worker is attached to twice, for the browser and for its page
            if self._log is not None and ours and target["targetId"] not in self._log.sessions:
                self._log.sessions[target["targetId"]] = session
                self.send("Network.enable", session)
                self.send("Log.enable", session)
                self.send("Target.setAutoAttach", session, autoAttach=True, waitForDebuggerOnStart=True, flatten=True)
            self.send("Runtime.runIfWaitingForDebugger", session)
        elif self._log is not None:
            self._log.chromium.event(method, params, message.get("sessionId", ""))

    def _printed(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")[-4000:]
