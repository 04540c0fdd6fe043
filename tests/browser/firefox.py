"""Drives Debian's Firefox over Marionette and takes down its own verdict on every request."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from cors_addon.browser import firefox_events
from tests.browser.marionette import Marionette
from tests.browser.observed import PATIENCE, BrowserError, Visit, find_program
from tests.browser.visit_log import VisitLog

QUIET = 1.5  # seconds without a request, after which a page counts as done
LAST_LINES = 0.3  # seconds, for what the console still has to say

OBSERVERS = Path(firefox_events.__file__).with_name("firefox_observers.js").read_text("utf-8")
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
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
}


class Firefox:
    """One browser process, all of its traffic through the proxy at `proxy_port`; `visit` may be called many times."""

    programs = ("firefox-esr", "firefox")

    def __init__(self, proxy_port: int) -> None:
        self.proxy_port = proxy_port
        self._keep = contextlib.ExitStack()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Firefox:
        path = find_program(self.programs)
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
        self._marionette = self._keep.enter_context(contextlib.closing(Marionette(self._port(profile))))
        session = self._call(
            "WebDriver:NewSession",
            acceptInsecureCerts=True,
            pageLoadStrategy="normal",
            unhandledPromptBehavior="dismiss",
        )
        self.version = f"Firefox/{session['capabilities']['browserVersion']}"
        self._call("WebDriver:SetTimeouts", pageLoad=1000 * PATIENCE, script=1000 * PATIENCE)
        return self

    def _port(self, profile: Path) -> int:
        """Firefox picks a free port itself and writes it into its profile."""
        assert self._process is not None
        written = profile / "MarionetteActivePort"
        deadline = time.monotonic() + PATIENCE
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

    def visit(self, url: str, until: str | None = None, seconds: float = PATIENCE, private: bool = False) -> Visit:
        """Open `url` and stay until the expression `until` has a value (else: until it is quiet for a while).

        Cookies and cache are empty at the start; a `private` visit gets a private window.
        """
        self._call("Marionette:SetContext", value="chrome")
        self._script("Services.cookies.removeAll(); Services.cache2.clear();")
        self._observe(VisitLog())  # what was said before is not about this visit
        self._call("Marionette:SetContext", value="content")
        home = self._call("WebDriver:GetWindowHandle")["value"]
        own = self._call("WebDriver:NewWindow", type="window" if private else "tab", private=private)["handle"]
        self._call("WebDriver:SwitchToWindow", handle=own)
        log = VisitLog()
        deadline = time.monotonic() + seconds
        with contextlib.suppress(BrowserError):  # a page that does not load has its story in the log
            self._call("WebDriver:Navigate", url=url)
        result = None
        while result is None and time.monotonic() < deadline:
            if until is not None:
                result = self._script(f"return ({until})", sandbox=None)
            else:
                self._collect(log)
                if log.quiet_for() > QUIET:
                    break
            time.sleep(0.05)
        last = time.monotonic() + 2
        while not log.nothing_open() and time.monotonic() < last:
            time.sleep(0.05)
            self._collect(log)
        time.sleep(LAST_LINES)
        self._collect(log)
        self._call("WebDriver:CloseWindow")
        self._call("WebDriver:SwitchToWindow", handle=home)
        return Visit(url, tuple(log.hops()), None if result is None else str(result))

    def _collect(self, log: VisitLog) -> None:
        self._call("Marionette:SetContext", value="chrome")
        self._observe(log)
        self._call("Marionette:SetContext", value="content")

    def _observe(self, log: VisitLog) -> None:
        log.firefox.add(json.loads(self._script(OBSERVERS)))

    def _script(self, text: str, sandbox: str | None = "system") -> Any:
        return self._call("WebDriver:ExecuteScript", script=text, args=[], sandbox=sandbox)["value"]

    def _call(self, name: str, **params: object) -> Any:
        return self._marionette(name, params)

    def _printed(self) -> str:
        self._output.seek(0)
        return self._output.read().decode(errors="replace")[-4000:]
