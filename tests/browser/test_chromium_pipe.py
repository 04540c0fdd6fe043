"""The DevTools client against a pipe on which this test plays the browser."""

from __future__ import annotations

import asyncio
import json
from typing import Any, cast

from cors_addon.browser.chromium import Chromium
from cors_addon.browser.process import BrowserProcess
from cors_addon.browser.requests import BrowserRequest


class Pipe:
    """A browser that has attached to one blank page, and answers what it is told to."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self._told: asyncio.Queue[bytes] = asyncio.Queue()

    def write(self, data: bytes) -> None:
        message = json.loads(data.rstrip(b"\0"))
        self.sent.append(message)
        if message["method"] == "Target.getTargets":
            self.answer(message, targetInfos=[{"targetId": "tab", "type": "page", "url": "about:blank"}])

    async def read(self) -> bytes:
        return await self._told.get()

    def close(self) -> None:
        self._told.put_nowait(b"")

    def tell(self, message: dict[str, Any]) -> None:
        self._told.put_nowait(json.dumps(message).encode() + b"\0")

    def event(self, method: str, session: str = "", **params: Any) -> None:
        self.tell({"method": method, "params": params, "sessionId": session})

    def answer(self, message: dict[str, Any], **result: Any) -> None:
        self.tell({"id": message["id"], "result": result})

    def of(self, session: str) -> list[dict[str, Any]]:
        return [each for each in self.sent if each.get("sessionId") == session]


def started() -> tuple[Pipe, Chromium]:
    def ignored(_: BrowserRequest) -> None: ...

    pipe = Pipe()
    browser = Chromium(cast("BrowserProcess", pipe), "Chromium", ignored)
    target = {"targetId": "tab", "type": "page", "url": "about:blank"}
    pipe.event("Target.attachedToTarget", sessionId="of tab", targetInfo=target)
    return pipe, browser


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def methods(messages: list[dict[str, Any]]) -> list[str]:
    return [each["method"] for each in messages]


def test_a_page_is_opened_once_its_tab_says_that_it_listens() -> None:
    async def run() -> None:
        pipe, browser = started()
        await settle()
        opening = asyncio.ensure_future(browser.open("http://app.test/"))
        await settle()
        assert "Network.enable" in methods(pipe.of("of tab"))
        assert "Page.navigate" not in methods(pipe.sent)
        for message in pipe.of("of tab"):
            pipe.answer(message)
        await asyncio.wait_for(opening, 5)
        assert methods(pipe.of("of tab"))[-1] == "Page.navigate"
        browser.close()

    asyncio.run(run())


def test_a_tab_that_crashed_before_it_answered_is_listened_to_when_it_is_loaded_again() -> None:
    async def run() -> None:
        pipe, browser = started()
        await settle()
        before = methods(pipe.of("of tab"))
        for message in pipe.of("of tab"):
            pipe.tell({"id": message["id"], "error": {"message": "crashed"}, "sessionId": "of tab"})
        pipe.event("Inspector.targetReloadedAfterCrash", "of tab")
        await settle()
        again = methods(pipe.of("of tab"))[len(before) :]
        assert "Network.enable" in again
        assert set(again) < set(before)
        browser.close()

    asyncio.run(run())


def test_an_opening_ends_with_the_tab_or_the_browser() -> None:
    async def run(method: str | None) -> None:
        pipe, browser = started()
        await settle()
        opening = asyncio.ensure_future(browser.open("http://app.test/"))
        await settle()
        if method is not None:
            pipe.event(method, sessionId="of tab")
        else:
            pipe.close()
        await asyncio.wait_for(opening, 5)
        browser.close()

    asyncio.run(run("Target.detachedFromTarget"))
    asyncio.run(run(None))
