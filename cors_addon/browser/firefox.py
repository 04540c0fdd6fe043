"""Starts Firefox and its relatives, and listens to them by observers in the browser's own context.

Marionette carries them: a TCP port on the loopback, chosen by Firefox, that takes one client. The proxy keeps pages
away from it (``channel_port``), and Firefox hangs up on whatever does not speak the protocol.
"""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any, Final

from .find import Program
from .firefox_events import FirefoxEvents
from .marionette import Marionette, MarionetteError
from .process import BrowserProcess, StartError
from .requests import Changed

_OBSERVERS: Final = Path(__file__).with_name("firefox_observers.js")
_PATIENCE: Final = 120.0
"""Seconds for the start. A browser that is started may take longer over a command, since pages may keep it busy."""
_BUSY: Final = 0.1
_IDLE: Final = 0.5
"""Seconds between looks at what the observers have told, while they tell something and while not."""

_OF_ITS_OWN: Final = ", ".join(
    (
        "firefox.settings.services.mozilla.com",
        "firefox-settings-attachments.cdn.mozilla.net",
        "content-signature-2.cdn.mozilla.net",
        "incoming.telemetry.mozilla.org",
        "aus5.mozilla.org",
        "normandy.cdn.mozilla.net",
        "location.services.mozilla.com",
        "shavar.services.mozilla.com",
        "tracking-protection.cdn.mozilla.net",
        "safebrowsing.googleapis.com",
        "update.googleapis.com",
    )
)
"""Hosts that no page calls, and Firefox does whatever its preferences say: it looks for them here, in vain."""

PREFERENCES: Final[dict[str, object]] = {
    "network.proxy.type": 1,
    "network.proxy.no_proxies_on": _OF_ITS_OWN,
    "network.dns.localDomains": _OF_ITS_OWN,
    "network.proxy.allow_hijacking_localhost": True,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.dns.disablePrefetch": True,
    "network.prefetch-next": False,
    "network.http.speculative-parallel-limit": 0,
    "network.trr.mode": 5,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.newtabpage.enabled": False,
    "browser.startup.page": 0,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.aboutwelcome.enabled": False,
    "browser.tabs.warnOnClose": False,
    "browser.discovery.enabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "datareporting.policy.dataSubmissionPolicyBypassNotification": True,
    "dom.security.https_first": False,
    "dom.security.https_first_pbm": False,
    "dom.security.https_first_schemeless": False,
    "extensions.update.enabled": False,
    "extensions.getAddons.cache.enabled": False,
    "app.update.enabled": False,
    "app.normandy.enabled": False,
    "media.gmp-manager.url": "",
    "media.gmp-manager.updateEnabled": False,
    "media.gmp-provider.enabled": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.telemetry.enabled": False,
    "toolkit.telemetry.server": "",
    "trailhead.firstrun.didSeeAboutWelcome": True,
    "marionette.port": 0,
}


class Firefox:
    """A running Firefox. ``version`` is its name and major version; ``channel_port`` is where Marionette listens."""

    def __init__(self, process: BrowserProcess, title: str, changed: Changed | None) -> None:
        self.process = process
        self.version = title
        self.channel_port: int | None = None
        self._title = title
        self._events = None if changed is None else FirefoxEvents(changed)
        self._observers = _OBSERVERS.read_text(encoding="utf-8")
        self._marionette: Marionette | None = None
        self._listener: asyncio.Task[None] | None = None
        self._blank = True
        self._context = asyncio.Lock()
        """The session is in one context at a time, the browser's or a page's."""

    @classmethod
    async def start(
        cls, program: Program, proxy: str, certificate: Path, headless: bool, changed: Changed | None
    ) -> "Firefox":
        """Start the browser behind ``proxy`` (``host:port``); with ``changed``, listen to it. Raises ``StartError``.

        ``certificate`` is not needed: the session accepts any, as the proxy checks those of servers.
        """
        host, _, port = proxy.rpartition(":")
        preferences = dict(PREFERENCES)
        for kind in ("http", "ssl"):
            preferences[f"network.proxy.{kind}"] = host.strip("[]")
            preferences[f"network.proxy.{kind}_port"] = int(port)
        lines = (f'user_pref("{name}", {json.dumps(value)});\n' for name, value in preferences.items())
        command = [*program.command, "--no-remote", "--new-instance", "--profile", "{profile}"]
        command += ["--marionette", "--remote-allow-system-access", *(["--headless"] if headless else [])]
        files = {"user.js": "".join(lines)}
        process = await BrowserProcess.start(program.title, command, files, program.profiles, False)
        browser = cls(process, program.title, changed)
        try:
            await asyncio.wait_for(browser._connect(), _PATIENCE)
        except BaseException as error:
            browser.close()
            if isinstance(error, (OSError, MarionetteError, TimeoutError, StartError)):
                raise await process.failure(error) from error
            raise
        return browser

    async def _connect(self) -> None:
        self.channel_port = port = await self._port()
        self._marionette = await Marionette.connect(port)
        session = await self._call("WebDriver:NewSession", acceptInsecureCerts=True, unhandledPromptBehavior="ignore")
        version = str(session["capabilities"]["browserVersion"]).partition(".")[0]
        self.version = f"{self._title} {version}"
        if self._events is not None:
            await self._look()
            loop = asyncio.get_running_loop()
            self._listener = loop.create_task(self._listen(), name="cors-addon listens to a browser")

    async def _port(self) -> int:
        """Wait for the port that Firefox writes into its profile."""
        place = Path(self.process.profile, "MarionetteActivePort")
        while True:
            with contextlib.suppress(OSError, ValueError):
                return int(place.read_text("ascii"))
            if not Path(self.process.profile).exists():
                raise StartError("it ended at once")
            await asyncio.sleep(0.05)

    async def open(self, url: str) -> None:
        """Open a URL: in the tab that nothing was opened in yet, else in a new one."""
        try:
            async with self._context:
                if not self._blank:
                    made = await self._call("WebDriver:NewWindow", type="tab", focus=True)
                    await self._call("WebDriver:SwitchToWindow", handle=made["handle"])
                self._blank = False
                # Set from the page, so that nobody has to wait until it is loaded.
                await self._script("location.href = arguments[0]", None, url)
        except MarionetteError as error:
            raise StartError(f"{self._title} does not open {url}: {error}") from error
        except OSError as error:
            raise StartError(f"{self._title} has ended") from error

    async def ended(self) -> str:
        """Wait until the browser has ended; return the end of what it printed."""
        printed = await self.process.ended()
        if self._listener is not None:
            self._listener.cancel()
        return printed

    def close(self) -> None:
        """End the browser, without waiting for it."""
        if self._listener is not None:
            self._listener.cancel()
        if self._marionette is not None:
            self._marionette.close()
        self.process.close()

    # --- listening --------------------------------------------------------------------------------------------

    async def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                try:
                    busy = await self._look()
                except MarionetteError:
                    # A page closed the window, or shows a dialog in it.
                    with contextlib.suppress(MarionetteError):
                        await self._another_window()
                    busy = False
                await asyncio.sleep(_BUSY if busy else _IDLE)

    async def _look(self) -> bool:
        """Collect what the observers were told; say whether that was anything."""
        assert self._events is not None
        async with self._context:
            await self._call("Marionette:SetContext", value="chrome")
            try:
                told = json.loads(await self._script(self._observers, "system"))
            finally:
                await self._call("Marionette:SetContext", value="content")
        # What one look holds must not end the listening to all others.
        with contextlib.suppress(LookupError, TypeError, ValueError, AttributeError):
            self._events.add(told)
        return bool(told["lines"] or told["events"])

    async def _another_window(self) -> None:
        """Go on in another window than the one that the session was in."""
        async with self._context:
            handles = await self._call("WebDriver:GetWindowHandles")
            if handles:
                await self._call("WebDriver:SwitchToWindow", handle=handles[0], focus=False)

    async def _script(self, text: str, sandbox: str | None, *arguments: object) -> Any:
        answer = await self._call("WebDriver:ExecuteScript", script=text, args=list(arguments), sandbox=sandbox)
        return answer["value"]

    async def _call(self, name: str, **params: Any) -> Any:
        if self._marionette is None:
            raise ConnectionError("not connected")
        return await self._marionette.call(name, **params)
