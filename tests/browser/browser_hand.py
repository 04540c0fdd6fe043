"""A mitmdump script: what a user does with the window of the browser that the addon has started."""

import asyncio
from collections.abc import Coroutine
from itertools import count
from typing import Any

from mitmproxy import command, ctx

from cors_addon.browser.process import StartError


class BrowserHand:
    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    @command.command("hand.open")  # type: ignore[untyped-decorator]  # mitmproxy's has no types
    def open(self, url: str) -> None:
        """Open a URL in another tab."""
        self._do(_open(url))

    @command.command("hand.close")  # type: ignore[untyped-decorator]
    def close(self) -> None:
        """Close the tab that was opened last."""
        self._do(_close(_browser()._browser))

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _browser() -> Any:
    return ctx.master.addons.get("cors-addon").browsers._running[0]


async def _open(url: str) -> None:
    """Open a URL; a tab of Firefox that crashed or shows a dialog opens no other, and then another one does."""
    for number in count():
        try:
            await _browser().open(url)
            return
        except StartError as error:
            print(f"not opened yet: {error}")
        await asyncio.sleep(0.5)
        firefox = _browser()._browser
        async with firefox._context:
            handles = await firefox._call("WebDriver:GetWindowHandles")
            await firefox._call("WebDriver:SwitchToWindow", handle=handles[number % len(handles)])


async def _close(browser: Any) -> None:
    if browser.channel_port is None:
        pages = (await browser.call("Target.getTargets"))["targetInfos"]
        last = next(each["targetId"] for each in pages if each["type"] == "page")
        await browser.call("Target.closeTarget", targetId=last)
        return
    async with browser._context:
        await browser._call("WebDriver:CloseWindow")


addons = [BrowserHand()]
