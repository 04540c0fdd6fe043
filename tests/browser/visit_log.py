"""What a browser told in one visit: the package's readers put it together, and here it becomes hops."""

from __future__ import annotations

import time

from cors_addon.browser import requests
from cors_addon.browser.chromium_events import ChromiumEvents
from cors_addon.browser.firefox_events import FirefoxEvents
from cors_addon.browser.requests import BrowserRequest
from tests.browser.observed import Hop, Kind, Outcome

OUTCOMES = {
    requests.Outcome.PENDING: Outcome.PENDING,
    requests.Outcome.PASSED: Outcome.OK,
    requests.Outcome.CORS: Outcome.CORS,
    requests.Outcome.FAILED: Outcome.FAILED,
}


class VisitLog:
    """The requests of one visit. `chromium` and `firefox` take what the browsers say."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}  # target id -> session id
        self.chromium = ChromiumEvents(self._changed)
        self.firefox = FirefoxEvents(self._changed)
        self._seen: dict[int, BrowserRequest] = {}
        self._last = time.monotonic()

    def _changed(self, request: BrowserRequest) -> None:
        self._last = time.monotonic()
        self._seen[id(request)] = request

    def hops(self) -> list[Hop]:
        # Of Chromium's requests some are sent by another process, which does not tell; Firefox tells of each.
        strict = not self.sessions
        return [_hop(request, strict) for request in sorted(self._seen.values(), key=_started)]

    def nothing_open(self) -> bool:
        return bool(self._seen) and all(request.is_settled for request in self._seen.values())

    def quiet_for(self) -> float:
        """Seconds since anything was told."""
        return time.monotonic() - self._last


def _started(request: BrowserRequest) -> float:
    return request.started


def _hop(request: BrowserRequest, strict: bool) -> Hop:
    failed = request.outcome in (requests.Outcome.CORS, requests.Outcome.FAILED)
    return Hop(
        request.url,
        request.method,
        Kind.PREFLIGHT if request.is_preflight else Kind.REQUEST,
        request.started,
        OUTCOMES[request.outcome],
        request.error,
        request.unsent is None and (request.on_wire or not (failed or strict)),
        request.target_error,
    )
