"""Chromium's events are put together into requests, each with the failure that is its own."""

from __future__ import annotations

from cors_addon.browser.chromium_events import ChromiumEvents
from cors_addon.browser.requests import NOSNIFF, BrowserRequest, Outcome, Unsent

A, B = "http://other.test/a", "http://other.test/b"
PAGE = "http://app.test/"


class Told:
    """Events in the order they are told, with the parts that are read."""

    def __init__(self) -> None:
        self.seen: dict[int, BrowserRequest] = {}
        self.events = ChromiumEvents(self._changed, lambda: self.time)
        self.time = 0.0

    def _changed(self, request: BrowserRequest) -> None:
        self.seen[id(request)] = request

    def event(self, name: str, number: str, session: str = "page", **params: object) -> Told:
        self.events.event(f"Network.{name}", {"requestId": number, **params}, session)
        return self

    def sent(
        self,
        request: str,
        url: str = A,
        method: str = "GET",
        session: str = "page",
        preflight: bool = False,
        wire: bool = True,
        frames: tuple[tuple[str, int, int, str], ...] = (),
        **more: object,
    ) -> Told:
        self.time += 1
        stack = {
            "callFrames": [
                dict(zip(("url", "lineNumber", "columnNumber", "functionName"), frame, strict=True)) for frame in frames
            ]
        }
        initiator = {"type": "preflight"} if preflight else {"type": "script", "stack": stack}
        asked = {"url": url, "method": method}
        told = {"request": asked, "initiator": initiator, "wallTime": self.time, "documentURL": PAGE}
        self.event("requestWillBeSent", request, session, **told, **more)
        return self.event("requestWillBeSentExtraInfo", request, "page") if wire else self

    def failed(self, request: str, session: str = "page", cors: str | None = None, **more: object) -> Told:
        status = {"corsErrorStatus": {"corsError": cors}} if cors else {}
        return self.event("loadingFailed", request, session, **{"errorText": "net::ERR_FAILED", **status, **more})

    def finished(self, request: str, session: str = "page") -> Told:
        return self.event("loadingFinished", request, session)

    def policy(self, url: str, directive: str = "connect-src") -> Told:
        place = {"url": "http://app.test/app.js", "lineNumber": 6, "columnNumber": 2}
        details = {
            "blockedURL": url,
            "violatedDirective": directive,
            "isReportOnly": False,
            "sourceCodeLocation": place,
        }
        issue = {"details": {"contentSecurityPolicyIssueDetails": details}}
        self.events.event("Audits.issueAdded", {"issue": issue}, "page")
        return self

    def line(self, text: str) -> Told:
        self.events.event("Log.entryAdded", {"entry": {"text": text}}, "page")
        return self

    @property
    def requests(self) -> list[BrowserRequest]:
        return sorted(self.seen.values(), key=lambda each: each.started)


def told(request: BrowserRequest) -> tuple[str, str, Outcome, str | None, Unsent | None]:
    return request.url, request.method, request.outcome, request.error, request.unsent


def test_a_response_that_is_used() -> None:
    (request,) = Told().sent("1.1", A + "#fragment").finished("1.1").requests
    assert told(request) == (A, "GET", Outcome.PASSED, None, None)
    assert request.on_wire
    assert request.page == PAGE


def test_a_response_that_is_blocked() -> None:
    (request,) = Told().sent("1.1").failed("1.1", cors="AllowOriginMismatch").requests
    assert told(request) == (A, "GET", Outcome.CORS, "AllowOriginMismatch", None)


def test_a_preflights_failure_is_told_of_the_request_and_belongs_to_the_preflight() -> None:
    events = Told().sent("1.1", method="PUT", wire=False, frames=((PAGE, 0, 4, "save"),))
    events.sent("G", method="OPTIONS", preflight=True).finished("G")
    request, preflight = events.failed("1.1", cors="MethodDisallowedByPreflightResponse").requests
    assert preflight.is_preflight
    assert told(preflight) == (A, "OPTIONS", Outcome.CORS, "MethodDisallowedByPreflightResponse", None)
    assert preflight.call_site == request.call_site
    assert request.unsent is Unsent.PREFLIGHT


def test_a_preflight_that_is_told_before_its_request() -> None:
    events = Told().sent("G", method="OPTIONS", preflight=True)
    preflight, request = events.sent("1.1", method="PUT", wire=False, frames=((PAGE, 0, 4, "save"),)).requests
    assert preflight.call_site == request.call_site is not None


def test_a_preflight_that_is_told_after_its_failure() -> None:
    events = Told().sent("1.1", method="PUT", wire=False).failed("1.1", cors="PreflightInvalidStatus")
    request, preflight = events.sent("G", method="OPTIONS", preflight=True).finished("G").requests
    assert told(preflight) == (A, "OPTIONS", Outcome.CORS, "PreflightInvalidStatus", None)
    assert request.unsent is Unsent.PREFLIGHT


def test_of_two_preflights_to_one_url_the_last_one_failed() -> None:
    events = Told().sent("1.1", method="PUT").sent("G", method="OPTIONS", preflight=True).finished("G").finished("1.1")
    events.sent("1.2", method="PUT", wire=False).sent("H", method="OPTIONS", preflight=True).finished("H")
    events.failed("1.2", cors="PreflightInvalidStatus")
    found = [request.outcome for request in events.requests if request.is_preflight]
    assert found == [Outcome.PASSED, Outcome.CORS]


def test_a_redirect_that_is_followed() -> None:
    events = Told().sent("1.1").sent("1.1", B, redirectResponse={"status": 302})
    assert [told(request) for request in events.failed("1.1", cors="AllowOriginMismatch").requests] == [
        (A, "GET", Outcome.PASSED, None, None),
        (B, "GET", Outcome.CORS, "AllowOriginMismatch", None),
    ]


def test_a_preflight_may_have_started_with_its_request_however_late_it_is_told() -> None:
    events = Told().sent("1.1", method="PUT", wire=False)
    events.time += 5
    events.event(
        "requestWillBeSent",
        "p",
        request={"url": A, "method": "OPTIONS"},
        initiator={"type": "preflight", "requestId": "1.1"},
        wallTime=events.time,
        documentURL=PAGE,
    )
    assert [each.not_before for each in events.seen.values() if each.is_preflight] == [1.0]


def test_redirects_may_have_been_followed_since_the_first_request() -> None:
    events = Told().sent("1.1").sent("1.1", B, redirectResponse={"url": A}).sent("1.1", A, redirectResponse={"url": B})
    assert [(each.started, each.not_before) for each in events.seen.values()] == [(1.0, 0.0), (2.0, 1.0), (3.0, 1.0)]


def test_of_equal_preflights_each_fails_for_its_own_request() -> None:
    events = Told()
    for number in ("1.1", "1.2"):
        events.sent(number, method="PUT", wire=False)
        events.event(
            "requestWillBeSent",
            f"p{number}",
            request={"url": A, "method": "OPTIONS"},
            initiator={"type": "preflight", "requestId": number},
            wallTime=events.time,
            documentURL=PAGE,
        )
    events.failed("1.1", cors="PreflightDisallowedRedirect").failed("1.2", cors="PreflightInvalidStatus")
    first, second = (each for each in events.seen.values() if each.is_preflight)
    assert (first.error, second.error) == ("PreflightDisallowedRedirect", "PreflightInvalidStatus")


def test_a_target_that_was_never_sent_is_told_of_its_redirect() -> None:
    events = Told().sent("1.1").sent("1.1", "ftp://other.test/", wire=False, redirectResponse={"status": 302})
    redirect, target = events.failed("1.1", cors="CorsDisabledScheme").requests
    assert (redirect.outcome, redirect.target_error) == (Outcome.PASSED, "CorsDisabledScheme")
    assert target.unsent is Unsent.REDIRECT


def test_a_response_out_of_the_cache() -> None:
    events = Told().sent("1.1", wire=False).event("responseReceived", "1.1", response={"fromDiskCache": True})
    assert events.finished("1.1").requests[0].unsent is Unsent.CACHE


def test_a_service_workers_response() -> None:
    events = Told().sent("1.1", wire=False).event("responseReceived", "1.1", response={"fromServiceWorker": True})
    assert events.finished("1.1").requests[0].unsent is Unsent.SERVICE_WORKER


def test_a_service_workers_failure_is_told_by_its_console_alone() -> None:
    said = f'The FetchEvent for "{A}" resulted in a network error response'
    for events in (
        Told().sent("1.1", wire=False).line(said).failed("1.1"),
        Told().sent("1.1", wire=False).failed("1.1").line(said),
    ):
        assert events.requests[0].unsent is Unsent.SERVICE_WORKER


def test_what_a_policy_blocks() -> None:
    """Of a ``fetch()`` the issue alone is told; of elements both are, in either order, and they are one request."""
    (fetched,) = Told().policy(A).requests
    assert (fetched.unsent, fetched.directive) == (Unsent.CSP, "connect-src")
    assert fetched.call_site is not None
    assert fetched.call_site.line == 7
    for events in (
        Told().sent("1.1", wire=False).policy(A, "img-src").failed("1.1", blockedReason="csp"),
        Told().policy(A, "img-src").sent("1.1", wire=False).failed("1.1", blockedReason="csp"),
    ):
        (found,) = [each for each in events.requests if each.unsent is Unsent.CSP]
        assert (found.method, found.directive) == ("GET", "img-src")


def test_reasons_of_what_was_never_sent() -> None:
    for told_as, reason in (
        ({"blockedReason": "mixed-content"}, Unsent.MIXED_CONTENT),
        ({"blockedReason": "inspector"}, Unsent.EXTENSION),
        ({"blockedReason": "other", "errorText": "net::ERR_BLOCKED_BY_CLIENT"}, Unsent.EXTENSION),
        ({"blockedReason": "origin"}, Unsent.SAME_ORIGIN),
        ({"errorText": "net::ERR_BLOCKED_BY_CLIENT"}, Unsent.EXTENSION),
        ({"errorText": "net::ERR_ABORTED"}, Unsent.ABORTED),
        ({"cors": "LocalNetworkAccessPermissionDenied"}, Unsent.LOCAL_NETWORK_ACCESS),
    ):
        assert Told().sent("1.1", wire=False).failed("1.1", **told_as).requests[0].unsent is reason  # type: ignore[arg-type]


def test_a_neighbours_reason_has_its_own_name() -> None:
    (request,) = Told().sent("1.1").failed("1.1", blockedReason="corp-not-same-site").requests
    assert (request.outcome, request.error, request.unsent) == (Outcome.FAILED, "corp-not-same-site", None)


def test_what_only_the_console_says() -> None:
    events = Told().sent("1.1").finished("1.1")
    events.line(f"Refused to x script from '{A}' because its MIME type; strict MIME")
    assert (events.requests[0].outcome, events.requests[0].error) == (Outcome.FAILED, NOSNIFF)


def test_the_console_may_speak_before_the_network_is_done() -> None:
    events = (
        Told().sent("1.1").line(f"Refused to x script from '{A}' because its MIME type; strict MIME").finished("1.1")
    )
    assert (events.requests[0].outcome, events.requests[0].error) == (Outcome.FAILED, NOSNIFF)


def test_a_page_and_its_worker_may_use_one_id() -> None:
    events = Told().sent("1.1").sent("1.1", B, session="worker").finished("1.1").failed("1.1", "worker", cors="X")
    assert [(each.url, each.outcome) for each in events.requests] == [(A, Outcome.PASSED), (B, Outcome.CORS)]


def test_a_frame_that_gets_a_process_of_its_own_is_told_twice_and_finishes_there() -> None:
    (request,) = Told().sent("GUID").sent("GUID", session="frame").finished("GUID", "frame").requests
    assert request.outcome is Outcome.PASSED


def test_what_a_closed_tab_waited_for_is_over() -> None:
    events = Told().sent("1.1")
    events.events.gone("page")
    assert events.requests[0].error == "net::ERR_ABORTED"


def test_the_call_site_is_the_pages_own_source() -> None:
    library = ("http://localhost:5173/node_modules/.vite/deps/axios.js", 10, 2, "dispatch")
    own = ("http://localhost:5173/src/api.ts", 11, 2, "loadItems")
    (request,) = Told().sent("1.1", frames=(library, own)).requests
    assert request.call_site is not None
    assert (request.call_site.url, request.call_site.line, request.call_site.column) == (own[0], 12, 3)
    (only,) = Told().sent("1.1", frames=(library,)).requests
    assert only.call_site is not None
    assert only.call_site.function == "dispatch"


def test_a_websocket() -> None:
    events = Told().event("webSocketCreated", "1.9", url="ws://other.test/")
    events.event("webSocketWillSendHandshakeRequest", "1.9", wallTime=1.0)
    assert events.requests[0].outcome is Outcome.PENDING
    events.event("webSocketHandshakeResponseReceived", "1.9", response={"status": 101})
    assert events.requests[0].outcome is Outcome.PASSED
