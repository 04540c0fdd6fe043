"""Chromium and Firefox, started and listened to by the package, page after page: the oracle of the tests.

What the browser says of each request is put together by the package. Here are the commands beside it that only tests
need: a tab for each page, empty cookies and caches, and expressions that are evaluated in the page. They go through
the package's own channel, the DevTools pipe or Marionette.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, TypeVar

from cors_addon.browser import chromium, firefox
from cors_addon.browser.chromium_events import Message
from cors_addon.browser.find import NotFoundError, find
from cors_addon.browser.marionette import MarionetteError
from cors_addon.browser.process import StartError
from cors_addon.browser.requests import BrowserRequest
from tests.browser.observed import PATIENCE, BrowserError, Through, Visit
from tests.browser.visit_log import VisitLog

T = TypeVar("T")

QUIET = 1.5  # seconds without a request, after which a page counts as done
LAST_LINES = 0.3  # seconds, for what the browser still has to say
LAST_REQUESTS = 2  # seconds, for requests that are open when the page says that it is done
LOOK = 0.05  # seconds between looks at the page


def program(name: str) -> str:
    """The path of a browser's program, for tools that start it themselves. Raises `NotFoundError`."""
    return find(name).command[0]


def lacks(name: str) -> str | None:
    """What keeps a browser from being driven here, or None."""
    try:
        find(name)
    except NotFoundError as error:
        return str(error)
    return None


class Driver(ABC):
    """One browser, all of its traffic through a proxy; `visit` may be called many times.

    An event loop of its own listens in a thread, so that tests need none, and may have another.
    """

    name: str
    channel_errors: tuple[type[Exception], ...] = (StartError, MarionetteError, OSError)

    def __init__(self, proxy: Through) -> None:
        self._proxy = proxy
        self._log: VisitLog | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"listens to {self.name}", daemon=True)

    def __enter__(self) -> Any:
        self._thread.start()
        try:
            self.version = self.do(self._start())
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            with contextlib.suppress(BrowserError):
                self.do(self._stop())
        finally:
            self._end()

    def _end(self) -> None:
        async def finish() -> None:
            left = asyncio.all_tasks() - {asyncio.current_task()}
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(finish(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run what speaks with the browser. Raises `BrowserError`."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result(2 * PATIENCE)
        except self.channel_errors as error:
            raise BrowserError(f"{self.name}: {error}") from error

    def visit(self, url: str, until: str | None = None, seconds: float = PATIENCE, private: bool = False) -> Visit:
        """Open `url` and stay until the expression `until` has a value (else: until it is quiet for a while).

        Cookies and cache are empty at the start; a `private` visit gets a window as it is opened for private browsing.
        """
        return self.do(self._visit(url, until, seconds, private))

    async def _visit(self, url: str, until: str | None, seconds: float, private: bool) -> Visit:
        tab = await self._open_tab(private)
        self._log = log = VisitLog(self.name == "firefox")
        deadline = time.monotonic() + seconds
        await self._navigate(tab, url)
        result = None
        while result is None and time.monotonic() < deadline:
            if until is not None:
                result = await self._evaluate(tab, until)
            elif log.quiet_for() > QUIET:
                break
            await asyncio.sleep(LOOK)
        last = time.monotonic() + LAST_REQUESTS
        while not (until is None or log.nothing_open()) and time.monotonic() < last:
            await asyncio.sleep(LOOK)
        await asyncio.sleep(LAST_LINES)
        await self._close_tab(tab)
        self._log = None
        return Visit(url, tuple(log.hops()), None if result is None else str(result))

    def _changed(self, request: BrowserRequest) -> None:
        if self._log is not None:
            self._log.changed(request)

    @abstractmethod
    async def _start(self) -> str: ...

    @abstractmethod
    async def _stop(self) -> None: ...

    @abstractmethod
    async def _open_tab(self, private: bool) -> Any:
        """Open an empty tab, and empty cookies and cache."""

    @abstractmethod
    async def _navigate(self, tab: Any, url: str) -> None: ...

    @abstractmethod
    async def _evaluate(self, tab: Any, expression: str) -> Any: ...

    @abstractmethod
    async def _close_tab(self, tab: Any) -> None: ...


class Chromium(Driver):
    """Debian's Chromium. `flags` are more flags to start it with."""

    name = "chromium"
    flags: tuple[str, ...] = ("--disable-gpu", "--mute-audio", "--autoplay-policy=no-user-gesture-required")

    async def _start(self) -> str:
        found = find(self.name)
        started = type(found)(found.title, found.family, (*found.command, *self.flags), found.profiles)
        address = f"127.0.0.1:{self._proxy.port}"
        self._browser = await chromium.Chromium.start(started, address, self._proxy.certificate, True, self._changed)
        return self._browser.version

    async def _stop(self) -> None:
        self._browser.close()
        await self._browser.ended()

    def call(self, method: str, session: str | None = None, **params: object) -> Message:
        """Send a command of the DevTools protocol; return its result."""
        return self.do(self._browser.call(method, session, **params))

    async def _open_tab(self, private: bool) -> tuple[str, str]:
        call = self._browser.call
        context = await call("Target.createBrowserContext") if private else {}
        target = str((await call("Target.createTarget", url="about:blank", **context))["targetId"])
        session = str((await call("Target.attachToTarget", targetId=target, flatten=True))["sessionId"])
        for method in ("Network.clearBrowserCookies", "Network.clearBrowserCache"):
            await call(method, session)
        return target, session

    async def _navigate(self, tab: tuple[str, str], url: str) -> None:
        await self._browser.call("Page.navigate", tab[1], url=url)

    async def _evaluate(self, tab: tuple[str, str], expression: str) -> Any:
        answer = await self._browser.call("Runtime.evaluate", tab[1], expression=expression, returnByValue=True)
        return answer.get("result", {}).get("value")

    async def _close_tab(self, tab: tuple[str, str]) -> None:
        await self._browser.call("Target.closeTarget", targetId=tab[0])


class Firefox(Driver):
    """Debian's Firefox."""

    name = "firefox"

    async def _start(self) -> str:
        address = f"127.0.0.1:{self._proxy.port}"
        firefox_ = firefox.Firefox
        self._browser = await firefox_.start(find(self.name), address, self._proxy.certificate, True, self._changed)
        self._call = self._browser._call
        # A page that does not load in time has its story in the log.
        await self._call("WebDriver:SetTimeouts", pageLoad=40_000, script=40_000)
        await self.privileged(
            "Services.prefs.setIntPref('media.autoplay.default', 0);"
            "Services.prefs.setBoolPref('dom.disable_open_during_load', false);"
            # Its dialog would wait for an answer.
            "Services.prefs.setBoolPref('security.warn_submit_secure_to_insecure', false);"
        )
        return self._browser.version

    async def _stop(self) -> None:
        self._browser.close()
        await self._browser.ended()

    async def privileged(self, script: str) -> Any:
        """Run a script in the browser's own context; return what it returns."""
        async with self._browser._context:
            await self._call("Marionette:SetContext", value="chrome")
            try:
                return await self._browser._script(script, "system")
            finally:
                await self._call("Marionette:SetContext", value="content")

    async def _open_tab(self, private: bool) -> str:
        await self.privileged("Services.cookies.removeAll(); Services.cache2.clear();")
        async with self._browser._context:
            home = str((await self._call("WebDriver:GetWindowHandle"))["value"])
            made = await self._call("WebDriver:NewWindow", type="window" if private else "tab", private=private)
            await self._call("WebDriver:SwitchToWindow", handle=made["handle"])
        return home

    async def _navigate(self, tab: str, url: str) -> None:
        async with self._browser._context:
            with contextlib.suppress(MarionetteError):  # a page that does not load has its story in the log
                await self._call("WebDriver:Navigate", url=url)

    async def _evaluate(self, tab: str, expression: str) -> Any:
        async with self._browser._context:
            return await self._browser._script(f"return ({expression})", None)

    async def _close_tab(self, tab: str) -> None:
        await self._browser._look()
        async with self._browser._context:
            await self._call("WebDriver:CloseWindow")
            await self._call("WebDriver:SwitchToWindow", handle=tab)
