"""Which flow is which of a browser's requests."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.browser.requests import BrowserRequest, Outcome, Unsent
from cors_addon.browser.ties import Ties

A = "http://other.test/a"


class World:
    """A clock, and what the ties said: flow ids with the request's number, and requests that were never sent."""

    def __init__(self) -> None:
        self.now = 100.0
        self.told: dict[str, BrowserRequest] = {}
        self.under_way: dict[str, int] = {}
        self.unsent: list[BrowserRequest] = []
        self.ties = Ties(self._told, self.unsent.append, lambda: self.now)

    def _told(self, flow: str, request: BrowserRequest, under_way: int) -> None:
        self.told[flow], self.under_way[flow] = request, under_way

    def request(self, url: str = A, on_wire: bool = True, preflight: bool = False) -> BrowserRequest:
        made = BrowserRequest(url, "OPTIONS" if preflight else "GET", preflight, self.now, on_wire=on_wire)
        self.ties.changed(made)
        return made

    def flow(self, name: str, url: str = A, preflight: bool = False) -> None:
        self.ties.flow(name, "OPTIONS" if preflight else "GET", url, preflight, self.now)

    def settle(self, request: BrowserRequest, outcome: Outcome = Outcome.PASSED, error: str | None = None) -> None:
        request.outcome, request.error, request.settled = outcome, error, self.now
        self.ties.changed(request)

    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.ties.tick()


@pytest.mark.parametrize("flow_first", [True, False])
def test_a_request_is_tied_whichever_comes_first(flow_first: bool) -> None:
    world = World()
    if flow_first:
        world.flow("f")
    request = world.request()
    if not flow_first:
        world.flow("f")
    assert world.told == {}
    world.settle(request, Outcome.CORS, "MissingAllowOriginHeader")
    assert world.told == {"f": request}
    assert world.under_way == {"f": 1}


def test_what_the_browser_says_later_is_told_again() -> None:
    world = World()
    request = world.request()
    world.flow("f")
    world.settle(request)
    world.told.clear()
    request.outcome = Outcome.FAILED
    world.ties.changed(request)
    assert world.told == {"f": request}


def test_a_preflight_and_its_request_are_told_apart() -> None:
    world = World()
    request, preflight = world.request(), world.request(preflight=True)
    world.flow("p", preflight=True)
    world.flow("r")
    world.settle(preflight)
    world.settle(request)
    assert world.told == {"p": preflight, "r": request}


def test_equal_requests_are_tied_in_their_order_and_it_is_said_that_they_are_equal() -> None:
    world = World()
    first, second = world.request(on_wire=False), world.request(on_wire=False)
    world.flow("1")
    world.flow("2")
    first.on_wire = second.on_wire = True
    world.settle(second, Outcome.CORS, "X")
    world.settle(first)
    assert world.told == {"1": first, "2": second}
    assert world.under_way["1"] == 2


def test_a_request_that_a_cache_answers_takes_no_flow() -> None:
    world = World()
    cached = world.request(on_wire=False)
    cached.unsent = Unsent.CACHE
    sent = world.request()
    world.flow("f")
    world.settle(cached, Outcome.CORS, "AllowOriginMismatch")
    world.settle(sent)
    assert world.told == {}
    world.wait(1)
    assert world.told == {"f": sent}
    assert world.unsent == [cached]


def test_a_cors_failure_without_a_flow_is_one_out_of_the_cache() -> None:
    """Chromium tells no response of it; what is told late of a request that was sent looks the same until then."""
    world = World()
    stored, sent = world.request(on_wire=False), world.request()
    world.flow("f")
    world.settle(stored, Outcome.CORS, "AllowOriginMismatch")
    world.settle(sent)
    world.wait(1)
    assert world.told == {"f": sent}
    world.wait(10)
    assert world.unsent == [stored]
    assert stored.unsent is Unsent.CACHE
    told_late = world.request(on_wire=False)
    world.flow("g")
    world.settle(told_late, Outcome.CORS, "AllowOriginMismatch")
    world.wait(1)
    assert world.told["g"] is told_late


def test_at_the_end_nobody_waits_for_a_flow_any_longer() -> None:
    world = World()
    request = world.request(on_wire=False)
    world.settle(request, Outcome.CORS, "MissingAllowOriginHeader")
    world.wait(1)
    assert world.unsent == []
    world.ties.finish()
    assert world.unsent == [request]
    assert request.unsent is Unsent.CACHE


def test_a_request_that_was_never_sent_after_all_gives_its_flow_to_the_next() -> None:
    """Firefox opens a channel for a request whose preflight then fails, and is asked now and then only."""
    world = World()
    first = world.request()
    world.flow("f")
    second = world.request()
    first.unsent, first.on_wire = Unsent.PREFLIGHT, False
    world.settle(first, Outcome.CORS, "CORSMissingAllowOrigin")
    world.settle(second)
    assert world.told == {"f": second}
    assert world.unsent == [first]


def test_a_blocked_request_has_no_flow() -> None:
    world = World()
    blocked = world.request(on_wire=False)
    blocked.unsent = Unsent.CSP
    world.settle(blocked, Outcome.FAILED, "csp")
    world.wait(1)
    assert world.unsent == [blocked]


def test_a_flow_from_before_the_request_is_another_programs() -> None:
    world = World()
    world.flow("curl")
    world.wait(3)
    request = world.request()
    world.flow("mine")
    world.settle(request)
    assert world.told == {"mine": request}


def test_a_flow_from_after_the_end_is_another_programs() -> None:
    world = World()
    request = world.request()
    world.settle(request)
    world.wait(3)
    world.flow("curl")
    world.wait(10)
    assert world.told == {}
    assert world.ties.without_flow == 1


def test_a_redirect_or_preflight_that_is_told_late_is_tied_all_the_same() -> None:
    world = World()
    world.flow("f")
    world.now += 1
    late = BrowserRequest(A, "GET", False, world.now, on_wire=True, not_before=world.now - 1.1)
    world.settle(late)
    assert world.told == {"f": late}


def test_an_equal_request_leaves_the_flow_of_a_redirect_that_is_told_late() -> None:
    """Two chains lead to one URL: what is told first of the second began after the flow of the first."""
    world = World()
    began = world.now
    world.wait(1)
    world.flow("redirected")
    world.wait(1)
    second = world.request()
    world.flow("second")
    world.settle(second)
    late = BrowserRequest(A, "GET", False, world.now, on_wire=True, not_before=began)
    world.settle(late)
    assert world.told["redirected"] is late
    assert world.told["second"] is second


def test_a_request_that_nothing_is_said_of_holds_up_no_equal_one_for_long() -> None:
    world = World()
    silent = world.request(on_wire=False)
    world.now += 1
    second = world.request()
    world.flow("f")
    world.settle(second)
    assert world.told == {}, "the first one may still be the flow's"
    world.wait(10)
    assert world.told == {"f": second}
    world.wait(200)
    assert not world.ties._queues, "what nothing is said of is let go"
    world.flow("late")
    silent.on_wire, silent.started = True, world.now
    world.settle(silent)
    assert world.told["late"] is silent


@pytest.mark.parametrize("error", ["net::ERR_ABORTED", "NS_BINDING_ABORTED"])
def test_what_is_given_up_before_it_gets_a_connection_was_never_sent(error: str) -> None:
    """Browsers tell of a request that it is on its way when it begins to wait for a connection."""
    world = World()
    request = world.request(on_wire=True)
    world.settle(request, Outcome.FAILED, error)
    world.wait(1)
    assert world.unsent == []
    world.wait(10)
    assert [each.unsent for each in world.unsent] == [Unsent.ABORTED]
    assert world.ties.without_flow == 0


def test_what_failed_without_a_word_and_without_a_flow_was_not_sent() -> None:
    world = World()
    request = world.request(on_wire=False)
    world.settle(request, Outcome.FAILED, "net::ERR_UNSAFE_PORT")
    world.wait(10)
    assert world.unsent == [request]
    assert request.unsent is Unsent.OTHER


@pytest.mark.parametrize("url", ["data:,x", "blob:http://a.test/1", "chrome-extension://abc/x", "file:///etc/hosts"])
def test_what_passes_no_proxy_is_left_out(url: str) -> None:
    world = World()
    world.settle(world.request(url, on_wire=False), Outcome.FAILED, "x")
    world.wait(10)
    assert world.unsent == []


def test_a_websocket_is_an_http_flow() -> None:
    world = World()
    request = world.request("wss://user:secret@other.test/a#part")
    world.flow("f", "https://other.test/a")
    world.settle(request)
    assert world.told == {"f": request}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=12), st.data())
def test_each_sent_request_gets_the_flow_of_its_own_place(
    steps: list[tuple[str, bool, bool]], data: st.DataObject
) -> None:
    """Whatever the order in which they settle, and however many in between never reach the network."""
    world = World()
    made = []
    for number, (name, sent, _) in enumerate(steps):
        request = world.request(f"http://other.test/{name}", on_wire=sent)
        if sent:
            world.flow(str(number), f"http://other.test/{name}")
        else:
            request.unsent = Unsent.CACHE
        made.append((number, request, sent))
        world.now += 0.01
    for number, request, _ in data.draw(st.permutations(made)):
        world.settle(request, Outcome.CORS, str(number))
    world.wait(1)
    world.wait(1)
    assert {flow: request.error for flow, request in world.told.items()} == {
        str(number): str(number) for number, _, sent in made if sent
    }
    assert {request.error for request in world.unsent} == {str(number) for number, _, sent in made if not sent}
