"""Which of the proxy's flows is which of a browser's requests.

Browsers send equal requests in the order in which they make them, so the n-th request of a method and URL that reached
the network is the n-th such flow, as far as their times agree. A request that never reached the network has no flow.
"""

import bisect
import time
from collections import deque
from collections.abc import Callable
from math import inf
from typing import Final, NamedTuple

from ..traffic.bounded_dicts import Remembered
from .requests import ABORTED, BrowserRequest, Outcome, Unsent, as_sent, is_of_the_web

_KEYS: Final = 5_000
_SLACK: Final = 0.1
"""Seconds that the clocks of browser and proxy may differ; both run on one machine."""

_GRACE: Final = 0.5
"""Seconds that a browser gets for what it tells late of a request: several of its processes tell it."""

_GIVE_UP: Final = 5.0
"""Seconds after which a request has no flow: the proxy had none to the server, or another one than the proxy sent."""

_OLD: Final = 120.0
"""Seconds after which a flow is nobody's: another program made it."""

_SEEN: Final = 10_000

Key = tuple[bool, str, str]


class Flow(NamedTuple):
    """A flow as far as ties go: its id, and when it started, in Unix seconds."""

    id: str
    started: float


class _Queue:
    """What is not tied yet, of one method and URL."""

    __slots__ = ("flows", "requests")

    def __init__(self) -> None:
        self.requests: list[BrowserRequest] = []
        self.flows: deque[Flow] = deque()


class Ties:
    """Ties requests to flows, whichever comes first.

    ``told`` gets a flow's id, its settled request, and how many equal requests were under way with it; again where the
    browser says more later. ``never_sent`` gets each request that never reached the proxy. Time passes in ``tick``.
    """

    def __init__(
        self,
        told: Callable[[str, BrowserRequest, int], None],
        never_sent: Callable[[BrowserRequest], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self.tied = self.without_flow = 0
        self._told = told
        self._never_sent = never_sent
        self._now = now
        self._is_over = False
        self._queues: Remembered[Key, _Queue] = Remembered(_KEYS)
        self._open: dict[Key, None] = {}
        self._flow_of: Remembered[int, tuple[Flow, int, BrowserRequest]] = Remembered(_SEEN)
        self._gone: Remembered[int, BrowserRequest] = Remembered(_SEEN)

    def flow(self, flow_id: str, method: str, url: str, is_preflight: bool, started: float) -> None:
        """Take note of a flow of this browser's kind."""
        key = is_preflight, method, url
        self._queue(key).flows.append(Flow(flow_id, started))
        self._go_on(key)

    def changed(self, request: BrowserRequest) -> None:
        """Take note that a browser has said more of a request."""
        known = self._flow_of.get(id(request))
        if known is not None:
            if request.unsent is not None and not request.on_wire:
                self._untie(request, known[0])
            elif request.is_settled:
                self._told(known[0].id, request, known[1])
            return
        if id(request) in self._gone or not is_of_the_web(request.url):
            return
        key = _key(request)
        queue = self._queue(key)
        if not any(each is request for each in queue.requests):
            bisect.insort(queue.requests, request, key=_started)
        self._go_on(key)

    def _untie(self, request: BrowserRequest, flow: Flow) -> None:
        """The browser says late that a request was never sent: its preflight failed, and the flow is an equal one's."""
        del self._flow_of[id(request)]
        self.tied -= 1
        key = _key(request)
        self._queue(key).flows.appendleft(flow)
        self._is_unsent(request)
        self._go_on(key)

    def tick(self) -> None:
        """Look at what waits for time to pass."""
        for key in [*self._open]:
            self._go_on(key)

    def finish(self) -> None:
        """Take what was told for all that will be told: the browser or the proxy ends, and nobody waits any longer."""
        self._is_over = True
        self.tick()

    def _queue(self, key: Key) -> _Queue:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = _Queue()
        return queue

    def _go_on(self, key: Key) -> None:
        queue = self._queues.get(key)
        if queue is None:
            self._open.pop(key, None)
            return
        now = self._now()
        place = 0
        while place < len(queue.requests):
            request = queue.requests[place]
            if self._take(queue, request, now) or _is_forgotten(request, now):
                del queue.requests[place]
            elif request.on_wire or (request.settled or request.started) > now - _grace_of(request):
                break
            else:
                place += 1
        while queue.flows and queue.flows[0].started < now - _OLD:
            queue.flows.popleft()
        if queue.requests or queue.flows:
            self._open[key] = None
        else:
            self._open.pop(key, None)
            del self._queues[key]

    def _take(self, queue: _Queue, request: BrowserRequest, now: float) -> bool:
        """Say whether it is known now what becomes of a request, the first in its queue that may be known."""
        settled = request.settled
        waited = 0.0 if settled is None else inf if self._is_over else now - settled
        if not request.on_wire:
            if settled is None or waited < _GRACE:
                return False
            if request.unsent is not None:
                self._is_unsent(request)
                return True
        sent = sum(each.on_wire for each in queue.requests)
        more = request.on_wire or sum(flow.started >= _since(request) for flow in queue.flows) > sent
        flow = self._flow_for(queue, request) if more else None
        if flow is not None:
            number = self._under_way(queue, request, flow)
            self._flow_of[id(request)] = flow, number, request
            self.tied += 1
            if request.is_settled:
                self._told(flow.id, request, number)
            return True
        if settled is None or waited < _GIVE_UP:
            return False
        if request.outcome is Outcome.FAILED and request.error in ABORTED:
            # It waited for a connection, until the page gave it up.
            request.unsent = Unsent.ABORTED
            self._is_unsent(request)
        elif request.on_wire or request.outcome is Outcome.PASSED:
            self._gone[id(request)] = request
            self.without_flow += 1
        else:
            # Of a stored response that fails the check Chromium tells no more than that it fails.
            stored = request.outcome is Outcome.CORS and not request.is_preflight
            request.unsent = Unsent.CACHE if stored else Unsent.OTHER
            self._is_unsent(request)
        return True

    def _is_unsent(self, request: BrowserRequest) -> None:
        self._gone[id(request)] = request
        self._never_sent(request)

    def _flow_for(self, queue: _Queue, request: BrowserRequest) -> Flow | None:
        """Take the first flow that started while the request was under way; one before it may be told late."""
        since = _since(request)
        for place, flow in enumerate(queue.flows):
            if flow.started >= since:
                if request.settled is not None and flow.started > request.settled + _SLACK:
                    break
                del queue.flows[place]
                return flow
        return None

    def _under_way(self, queue: _Queue, request: BrowserRequest, flow: Flow) -> int:
        """Count the equal requests that this flow might as well be."""
        equal = (each.started <= flow.started + _SLACK and each.unsent is None for each in queue.requests)
        return max(1, sum(equal))


def _since(request: BrowserRequest) -> float:
    return (request.not_before or request.started) - _SLACK


def _grace_of(request: BrowserRequest) -> float:
    """Return for how long an equal request has to wait for this one, which may or may not have been sent."""
    return _GRACE if request.is_settled else _GIVE_UP


def _is_forgotten(request: BrowserRequest, now: float) -> bool:
    """Say whether a browser has said nothing of a request for so long that it may never; what it says then counts."""
    return not request.on_wire and not request.is_settled and request.started < now - _OLD


def _started(request: BrowserRequest) -> float:
    return request.started


def _key(request: BrowserRequest) -> Key:
    return request.is_preflight, request.method, as_sent(request.url)
