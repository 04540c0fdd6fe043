"""What a browser told in one visit: the package puts requests together, and here they become hops."""

from __future__ import annotations

import time

from cors_addon.browser import requests
from cors_addon.browser.requests import BrowserRequest
from tests.browser.observed import Hop, Kind, Outcome

OUTCOMES = {
    requests.Outcome.PENDING: Outcome.PENDING,
    requests.Outcome.PASSED: Outcome.OK,
    requests.Outcome.CORS: Outcome.CORS,
    requests.Outcome.FAILED: Outcome.FAILED,
}


class VisitLog:
    """The requests that began in one visit.

    Firefox tells of each request whether it was sent; some of Chromium's are sent by another process, which does not.
    """

    def __init__(self, tells_what_is_sent: bool) -> None:
        self._strict = tells_what_is_sent
        self._seen: dict[int, BrowserRequest] = {}
        self._began = time.time()
        self._last = time.monotonic()

    def changed(self, request: BrowserRequest) -> None:
        """Take note of a request, unless it is one of the page before."""
        if request.started >= self._began:
            self._last = time.monotonic()
            self._seen[id(request)] = request

    def hops(self) -> list[Hop]:
        return [_hop(request, self._strict) for request in sorted(self._seen.values(), key=_started)]

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
