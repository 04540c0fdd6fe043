"""Firefox's channels and console lines are put together into requests, each with the failure that is its own."""

from __future__ import annotations

from cors_addon.browser.firefox_events import FirefoxEvents
from cors_addon.browser.requests import MIME_TYPE, NOSNIFF, BrowserRequest, Outcome, Unsent

A = "http://other.test/a"
START, CONNECT, STOP = "http-on-modify-request", "http-on-before-connect", "http-on-stop-request"
CACHED = "http-on-examine-cached-response"


class Told:
    """Events and console lines in the order they are told, with the parts that are read."""

    def __init__(self) -> None:
        self.seen: dict[int, BrowserRequest] = {}
        self.events = FirefoxEvents(lambda request: self.seen.update({id(request): request}), lambda: self.time)
        self.time = 0.0

    def channel(self, number: int, *topics: str, method: str = "GET", **more: object) -> Told:
        for topic in topics:
            self.time += 1
            event = {"topic": topic, "id": number, "url": A, "method": method, "preflight": False, "at": self.time}
            rest = {"result": None, "reason": None, **(more if topic in (START, STOP) else {})}
            self.events.add({"events": [event | rest | {"preflight": method == "OPTIONS"}], "lines": []})
        return self

    def line(self, category: str, text: str) -> Told:
        self.events.add({"events": [], "lines": [{"category": category, "text": text, "at": self.time}]})
        return self

    def cors(self, category: str, url: str = A) -> Told:
        return self.line(category, f"resource at {url}. (Reason")

    @property
    def hops(self) -> list[BrowserRequest]:
        return sorted(self.seen.values(), key=lambda each: each.started)


def told(hop: BrowserRequest) -> tuple[Outcome, str | None, bool]:
    return hop.outcome, hop.error, hop.unsent is None


def test_a_response_that_is_used() -> None:
    (hop,) = Told().channel(1, START, CONNECT, STOP).hops
    assert told(hop) == (Outcome.PASSED, None, True)


def test_a_channel_that_has_not_stopped() -> None:
    events = Told().channel(1, START, CONNECT)
    assert told(events.hops[0]) == (Outcome.PENDING, None, True)


def test_a_channels_own_reason() -> None:
    failed = {"result": "NS_ERROR_DOM_BAD_URI", "reason": "CORSMISSINGALLOWORIGIN"}
    (hop,) = Told().channel(1, START, CONNECT, STOP, **failed).hops
    assert told(hop) == (Outcome.CORS, "CORSMissingAllowOrigin", True)


def test_a_request_behind_a_failed_preflight_was_never_sent() -> None:
    events = Told().channel(1, START, CONNECT, method="PUT")
    events.channel(2, START, CONNECT, STOP, method="OPTIONS", result="X", reason="CORSMETHODNOTFOUND")
    events.channel(1, STOP, method="PUT", result="X", reason="CORSDIDNOTSUCCEED")
    request, preflight = events.cors("CORSMethodNotFound").cors("CORSDidNotSucceed2").hops
    assert preflight.is_preflight
    assert told(preflight) == (Outcome.CORS, "CORSMethodNotFound", True)
    assert request.unsent is Unsent.PREFLIGHT


def test_a_redirected_preflight_is_named_by_its_first_line() -> None:
    events = Told().channel(1, START, CONNECT, method="OPTIONS")
    events.channel(1, STOP, method="OPTIONS", result="X", reason="CORSPREFLIGHTDIDNOTSUCCEED")
    events.cors("CORSExternalRedirectNotAllowed").cors("CORSPreflightDidNotSucceed3").cors("CORSDidNotSucceed2")
    assert told(events.hops[0]) == (Outcome.CORS, "CORSExternalRedirectNotAllowed", True)


def test_of_two_requests_to_one_url_each_has_the_line_that_came_after_its_start() -> None:
    failed = {"result": "NS_ERROR_DOM_BAD_URI"}
    events = Told().channel(1, START, CONNECT, STOP, method="HEAD", **failed).cors("CORSNotSupportingCredentials")
    events.time -= 0.999  # the next one starts a millisecond later
    events.channel(2, START, CONNECT, STOP, method="OPTIONS", **failed).cors("CORSAllowOriginNotMatchingOrigin")
    assert [hop.error for hop in events.hops] == ["CORSNotSupportingCredentials", "CORSAllowOriginNotMatchingOrigin"]


def test_a_sentence_with_the_url_in_quotes() -> None:
    events = Told().channel(1, START, CONNECT, STOP, result="X", reason="CORSDIDNOTSUCCEED")
    assert events.cors("CORSNotSupportingCredentials", f"‘{A}’").hops[0].error == "CORSNotSupportingCredentials"


def test_a_generic_line_names_nothing() -> None:
    events = Told().channel(1, START, CONNECT, STOP, result="NS_ERROR_DOM_BAD_URI", reason="CORSDIDNOTSUCCEED")
    assert told(events.cors("CORSDidNotSucceed2").hops[0]) == (Outcome.FAILED, "NS_ERROR_DOM_BAD_URI", True)


def test_a_deprecation_is_no_failure() -> None:
    events = Told().channel(1, START, CONNECT, STOP)
    assert events.cors("CORSAllowHeaderFromPreflightDeprecation").hops[0].outcome is Outcome.PASSED


def test_a_redirect_that_is_followed() -> None:
    (hop,) = Told().channel(1, START, CONNECT, STOP, result="NS_BINDING_REDIRECTED").hops
    assert told(hop) == (Outcome.PASSED, None, True)


def test_a_beacon_that_is_done_counts_as_passed() -> None:
    (hop,) = Told().channel(1, START, CONNECT, STOP, result="NS_ERROR_ABORT", beacon=True).hops
    assert told(hop) == (Outcome.PASSED, None, True)
    (hop,) = Told().channel(1, START, CONNECT, STOP, result="NS_ERROR_ABORT").hops
    assert told(hop) == (Outcome.FAILED, "NS_ERROR_ABORT", True)


def test_a_target_that_was_never_opened_is_no_hop() -> None:
    assert not Told().channel(7, STOP, result="NS_ERROR_UNEXPECTED").hops


def test_what_the_cache_or_a_service_worker_answers_has_no_flow() -> None:
    assert Told().channel(1, START, CONNECT, CACHED, STOP).hops[0].unsent is Unsent.CACHE
    assert Told().channel(1, START, STOP).hops[0].unsent is Unsent.SERVICE_WORKER


def test_the_credentials_mode_is_the_channels_own() -> None:
    for mode in (True, False, None):
        assert Told().channel(1, START, credentials=mode).hops[0].credentials is mode


def blocked(reason: str | None = None, result: str | None = None) -> Told:
    """A request of a page that is blocked before it is opened."""
    events = Told()
    event = {"topic": "page-http-on-failed-opening-request", "id": 1, "url": A, "method": "GET", "at": 1.0}
    frames = [["http://localhost:5173/node_modules/axios.js", 3, 1, "x"], ["http://app.test/app.js", 7, 2, "load"]]
    rest = {"preflight": False, "result": result, "reason": reason, "frames": frames, "page": "http://app.test/"}
    events.events.add({"events": [event | rest], "lines": []})
    return events


def test_what_a_policy_blocks_is_named_with_its_directive_and_its_source_line() -> None:
    events = blocked().line("CSP_CSPViolation", f"the loading of a resource (connect-src) at {A} because it violates")
    (hop,) = events.hops
    assert (hop.unsent, hop.directive, hop.error) == (Unsent.CSP, "connect-src", "csp")
    assert hop.call_site is not None
    assert (hop.call_site.url, hop.call_site.line) == ("http://app.test/app.js", 7)


def test_mixed_content_and_extensions() -> None:
    line = f"Blocked loading mixed active content “{A}”"
    (hop,) = blocked().line("Mixed Content Blocker", line).hops
    assert (hop.unsent, hop.error) == (Unsent.MIXED_CONTENT, "mixed-content")
    (hop,) = blocked().hops
    assert (hop.unsent, hop.error) == (Unsent.OTHER, None), "nothing says why"
    assert blocked("MIXED_BLOCKED").hops[0].unsent is Unsent.MIXED_CONTENT
    assert blocked("EXTENSION_WEBREQUEST").hops[0].unsent is Unsent.EXTENSION


def test_a_port_that_is_blocked_for_every_page() -> None:
    port = "NS_ERROR_PORT_ACCESS_NOT_ALLOWED"
    (hop,) = blocked(result=port).hops
    assert (hop.unsent, hop.error) == (Unsent.PORT, port)
    # What a policy says of the same request comes before it.
    assert blocked("MIXED_BLOCKED", port).hops[0].unsent is Unsent.MIXED_CONTENT


def test_a_challenge_that_is_answered_is_a_hop_of_its_own() -> None:
    events = Told().channel(1, START, CONNECT, START, STOP, result="X", reason="CORSMISSINGALLOWORIGIN")
    assert [told(hop) for hop in events.hops] == [
        (Outcome.PASSED, None, True),
        (Outcome.CORS, "CORSMissingAllowOrigin", True),
    ]


def test_neighbours_are_named_by_the_console() -> None:
    for category, text, name in (
        ("ORB", f"resource at “{A}” was blocked", "ORB"),
        ("MIMEMISMATCH", f"resource from “{A}” was blocked; nosniff", NOSNIFF),
        ("MIMEMISMATCH", f"Script from “{A}” was blocked", MIME_TYPE),
    ):
        events = Told().channel(1, START, CONNECT, STOP, result="NS_ERROR_FAILURE").line(category, text)
        assert told(events.hops[0]) == (Outcome.FAILED, name, True)


def test_a_thousand_lines_at_one_look_lose_none() -> None:
    events = Told()
    lines = [
        {"category": "CORSMissingAllowOrigin", "text": f"resource at http://x.test/{number}. (Reason", "at": 9.0}
        for number in range(1_000)
    ]
    first = {"category": "CORSMissingAllowOrigin", "text": f"resource at {A}. (Reason", "at": 9.0}
    events.channel(1, START, CONNECT)
    events.events.add({"events": [], "lines": [first, *lines]})
    events.channel(1, STOP, result="NS_ERROR_DOM_BAD_URI", reason="CORSDIDNOTSUCCEED")
    assert told(events.hops[0]) == (Outcome.CORS, "CORSMissingAllowOrigin", True)
