"""Whatever a browser says, and however much: what is kept of it stays within bounds."""

from __future__ import annotations

from typing import Any

from cors_addon.browser.chromium_events import ChromiumEvents
from cors_addon.browser.firefox_events import FirefoxEvents
from cors_addon.browser.requests import BrowserRequest
from cors_addon.browser.ties import Ties

MANY = 12_000
MOST = 10_000
"""Entries of one container: the longest bound of them all."""


class World:
    def __init__(self) -> None:
        self.now = 0.0
        self.told = self.unsent = 0
        self.ties = Ties(self._told, self._never_sent, lambda: self.now)

    def _told(self, flow: str, request: BrowserRequest, under_way: int) -> None:
        self.told += 1

    def _never_sent(self, request: BrowserRequest) -> None:
        self.unsent += 1


def longest(held: object) -> int:
    return max(len(each) for each in vars(held).values() if hasattr(each, "__len__"))


def test_chromiums_requests() -> None:
    world = World()
    events = ChromiumEvents(world.ties.changed, lambda: world.now)
    for number in range(MANY):
        world.now += 0.006  # 10,000 a minute
        url, ours = f"http://api.test/{number}", {"requestId": f"7.{number}"}
        sent: dict[str, Any] = {"request": {"url": url, "method": "GET"}, "initiator": {"type": "other"}}
        events.event("Network.requestWillBeSent", {**ours, **sent, "wallTime": world.now}, "s")
        if number % 3:
            events.event("Network.requestWillBeSentExtraInfo", ours, "s")
            world.ties.flow(str(number), "GET", url, False, world.now)
        match number % 4:
            case 0:
                events.event("Network.loadingFailed", {**ours, "errorText": "net::ERR_FAILED"}, "s")
            case 1 | 2:
                events.event("Network.loadingFinished", ours, "s")
        if number % 100 == 0:
            world.ties.tick()
    assert world.told > MANY / 3
    assert world.unsent > MANY / 20
    assert longest(events) <= MOST
    assert longest(world.ties) <= MOST


def test_firefoxes_requests() -> None:
    world = World()
    events = FirefoxEvents(world.ties.changed, lambda: world.now)
    topics = ("http-on-modify-request", "http-on-before-connect", "http-on-stop-request")
    for number in range(MANY):
        world.now += 0.006
        url = f"http://api.test/{number}"
        one = {"id": number, "url": url, "method": "GET", "preflight": False, "at": world.now}
        heard = [{**one, "topic": topic, "result": None, "reason": None} for topic in topics[: 1 + number % 3]]
        line = {"category": "CORSMissingAllowOrigin", "text": f"resource at {url}. (Reason", "at": world.now}
        events.add({"events": heard, "lines": [line]})
        world.ties.flow(str(number), "GET", url, False, world.now)
        if number % 100 == 0:
            world.ties.tick()
    assert world.told > MANY / 4
    assert longest(events) <= MOST
    assert longest(world.ties) <= MOST
