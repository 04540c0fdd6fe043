"""Drives Debian's WebKitGTK and takes down its own sentence on every load, from its remote inspector.

The view is `webkit_view.py` under Debian's Python and an X server without a screen. The inspector listens where
WEBKIT_INSPECTOR_HTTP_SERVER says, and speaks JSON over WebSockets, one for each view.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

from wsproto import ConnectionType, WSConnection, events

from tests.browser.observed import PATIENCE, BrowserError, Through, Visit
from tests.browser.webkit_log import WebKitLog
from tests.mitm.process import free_port

QUIET = 1.5  # seconds without a request, after which a page counts as done
LAST_LINES = 0.3  # seconds, for what the console still has to say
PYTHON = "/usr/bin/python3"
VIEW = Path(__file__).resolve().parent / "webkit_view.py"
IMPORTS = "import gi; gi.require_version('WebKit2', '4.1'); from gi.repository import WebKit2"
PROXIES = ("http_proxy", "https_proxy", "no_proxy", "all_proxy")


def lacks() -> str | None:
    """What keeps WebKit from being driven here, or None."""
    if shutil.which("xvfb-run") is None or shutil.which("xauth") is None:
        return "webkit is not installed (xvfb-run and xauth are not on PATH)"
    try:
        found = subprocess.run([PYTHON, "-c", IMPORTS], capture_output=True, check=False)
    except OSError:
        return f"webkit is not installed (there is no {PYTHON})"
    if found.returncode:
        return f"webkit is not installed ({PYTHON} finds no gir1.2-webkit2-4.1 or no python3-gi)"
    return None


class WebKit:
    """One browser process, all of its traffic through a proxy; `visit` may be called many times."""

    def __init__(self, proxy: Through) -> None:
        self._proxy = proxy
        self._keep = contextlib.ExitStack()
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> WebKit:
        home = Path(self._keep.enter_context(tempfile.TemporaryDirectory(prefix="webkit-", ignore_cleanup_errors=True)))
        self._inspector = f"127.0.0.1:{free_port()}"
        own = {
            "WEBKIT_INSPECTOR_HTTP_SERVER": self._inspector,
            "HOME": str(home),
            "TMPDIR": str(home),
            "NO_AT_BRIDGE": "1",  # else it waits for a bus that is not there
            "LIBGL_ALWAYS_SOFTWARE": "1",
        }
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.lower() not in PROXIES and not name.startswith(("XDG_", "PYTHON", "VIRTUAL_ENV"))
        }
        self._output = self._keep.enter_context(open(home / "output", "w+b"))
        self._process = subprocess.Popen(
            ["xvfb-run", "-a", PYTHON, str(VIEW), f"http://127.0.0.1:{self._proxy.port}"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._output,
            text=True,
            env=kept | own,
        )
        self.version = str(self._answer())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process is not None:
            assert self._process.stdin is not None
            with contextlib.suppress(OSError):
                self._process.stdin.close()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
        self._keep.close()

    def visit(self, url: str, until: str | None = None, seconds: float = PATIENCE, private: bool = False) -> Visit:
        """Open `url` and stay until the expression `until` has a value (else: until it is quiet for a while).

        Cookies and caches are empty at the start, `private` or not.
        """
        began, log = time.time(), WebKitLog()
        self._order("fresh")
        with contextlib.closing(Inspector(self._inspector, log)) as inspector:
            for method in ("Network.enable", "Console.enable", "Page.enable"):
                inspector.call(method)
            self._order("load", url)
            deadline = time.monotonic() + seconds
            result = None
            if until is None:
                inspector.pump(lambda: log.quiet_for() > QUIET, deadline)
            else:
                while result is None and time.monotonic() < deadline:
                    inspector.pump(lambda: False, min(deadline, time.monotonic() + 0.1))
                    result = self._order("evaluate", until)
                inspector.pump(log.nothing_open, time.monotonic() + 2)
            inspector.pump(lambda: False, time.monotonic() + LAST_LINES)
        left = time.time()
        self._order("leave", "answer")
        return Visit(url, tuple(log.hops()), None if result is None else str(result), log, (began, left))

    def open(self, url: str) -> None:
        """Open a page to be tried out by ``until``: nothing is taken down of what it requests."""
        self._order("fresh")
        self._order("load", url)

    def until(self, expression: str, seconds: float = 60) -> str:
        """Wait until an expression has a value that is neither null nor false, and return it as text."""
        deadline = time.monotonic() + seconds
        while (value := self._order("evaluate", f"(found => found ? String(found) : null)({expression})")) is None:
            if time.monotonic() > deadline:
                raise BrowserError(f"webkit: {expression} stays empty")
            time.sleep(0.05)
        return str(value)

    def picture(self, path: Path) -> None:
        """Save what is on screen as a PNG."""
        self._order("picture", str(path))

    def _order(self, name: str, argument: str | None = None) -> Any:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps([name, argument]) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self._process is not None
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("{"):  # a library may print something of its own
                answer = json.loads(line)
                if "error" in answer:
                    raise BrowserError(f"webkit: {answer['error']}")
                return answer["value"]
        self._output.seek(0)
        raise BrowserError(f"webkit: ended unexpectedly\n{self._output.read().decode(errors='replace')[-4000:]}")


class Inspector:
    """The inspector's line to the newest view; what it tells of the network and the console goes to `log`."""

    def __init__(self, address: str, log: WebKitLog) -> None:
        self._log = log
        self._number = 0
        self._target: str | None = None
        self._answers: set[int] = set()
        self._text = ""
        host, _, port = address.partition(":")
        self._line = socket.create_connection((host, int(port)), 30)
        self._protocol = WSConnection(ConnectionType.CLIENT)
        try:
            self._begin(address)
        except BaseException:
            self.close()
            raise

    def _begin(self, address: str) -> None:
        self._line.sendall(self._protocol.send(events.Request(host=address, target=self._newest(address))))
        # It names its target only when it was spoken to.
        self._send("Target.setPauseOnStart", pauseOnStart=False)
        if not self.pump(lambda: self._target is not None, time.monotonic() + 30):
            raise BrowserError("webkit: the inspector names no target")

    def close(self) -> None:
        self._line.close()

    @staticmethod
    def _newest(address: str) -> str:
        deadline = time.monotonic() + 30
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        while time.monotonic() < deadline:
            with direct.open(f"http://{address}/", timeout=10) as page:
                found = re.findall(r"/socket/(\d+)/(\d+)/WebPage", page.read().decode())
            if found:
                connection, view = max((int(one), int(other)) for one, other in found)
                return f"/socket/{connection}/{view}/WebPage"
            time.sleep(0.05)
        raise BrowserError("webkit: the inspector lists no page")

    def call(self, method: str) -> None:
        self._number += 1
        number = self._number
        message = json.dumps({"id": number, "method": method, "params": {}})
        self._send("Target.sendMessageToTarget", targetId=self._target, message=message)
        if not self.pump(lambda: number in self._answers, time.monotonic() + 30):
            raise BrowserError(f"webkit: no answer to {method}")

    def _send(self, method: str, **params: object) -> None:
        self._number += 1
        text = json.dumps({"id": self._number, "method": method, "params": params})
        if self._protocol.state.name == "CONNECTING":
            self.pump(lambda: self._protocol.state.name == "OPEN", time.monotonic() + 30)
        self._line.sendall(self._protocol.send(events.TextMessage(data=text)))

    def pump(self, enough: Callable[[], bool], deadline: float) -> bool:
        """Handle what the inspector says until it is enough; False when the deadline came first."""
        while not enough():
            if (left := deadline - time.monotonic()) <= 0:
                return False
            if not select.select([self._line], [], [], min(left, 0.1))[0]:
                continue
            data = self._line.recv(1 << 20)
            if not data:
                raise BrowserError("webkit: the inspector hung up")
            self._protocol.receive_data(data)
            for event in self._protocol.events():
                self._happened(event)
        return True

    def _happened(self, event: events.Event) -> None:
        if isinstance(event, events.Ping):
            self._line.sendall(self._protocol.send(event.response()))
        elif isinstance(event, events.TextMessage):
            self._text += event.data
            if event.message_finished:
                text, self._text = self._text, ""
                self._told(json.loads(text))
        elif isinstance(event, events.CloseConnection | events.RejectConnection):
            raise BrowserError("webkit: the inspector hung up")

    def _told(self, message: dict[str, Any]) -> None:
        params = message.get("params", {})
        match message.get("method"):
            case "Target.targetCreated" if params["targetInfo"]["type"] == "page":
                self._target = params["targetInfo"]["targetId"]
            case "Target.didCommitProvisionalTarget":
                self._target = params["newTargetId"]
            case "Target.dispatchMessageFromTarget":
                inner = json.loads(params["message"])
                if "id" in inner:
                    self._answers.add(inner["id"])
                else:
                    self._log.event(inner["method"], inner.get("params", {}))
            case _:
                pass
