"""Chromium's events are put together into hops, each with the failure that is its own."""

from __future__ import annotations

from tests.browser.chromium_log import ChromiumLog
from tests.browser.observed import NOSNIFF, Hop, Kind, Outcome

A, B = "http://other.test/a", "http://other.test/b"


class Told:
    """Events in the order they are told, with the parts that the log reads."""

    def __init__(self) -> None:
        self.log = ChromiumLog()
        self.time = 0.0

    def event(self, name: str, number: str, session: str = "page", **params: object) -> Told:
        self.log.event(f"Network.{name}", {"requestId": number, **params}, session)
        return self

    def sent(
        self,
        request: str,
        url: str = A,
        method: str = "GET",
        session: str = "page",
        preflight: bool = False,
        wire: bool = True,
        **more: object,
    ) -> Told:
        self.time += 1
        asked = {"url": url, "method": method}
        initiator = {"type": "preflight" if preflight else "script"}
        self.event(
            "requestWillBeSent", request, session, request=asked, initiator=initiator, wallTime=self.time, **more
        )
        return self.event("requestWillBeSentExtraInfo", request, "page") if wire else self

    def failed(self, request: str, session: str = "page", cors: str | None = None, **more: object) -> Told:
        status = {"corsErrorStatus": {"corsError": cors}} if cors else {}
        return self.event("loadingFailed", request, session, errorText="net::ERR_FAILED", **status, **more)

    def finished(self, request: str, session: str = "page") -> Told:
        return self.event("loadingFinished", request, session)

    @property
    def hops(self) -> list[Hop]:
        return self.log.hops()


def told(hop: Hop) -> tuple[str, str, Outcome, str | None, bool]:
    return hop.url, hop.method, hop.outcome, hop.name, hop.sent


def test_a_response_that_is_used() -> None:
    (hop,) = Told().sent("1.1", A + "#fragment").finished("1.1").hops
    assert told(hop) == (A, "GET", Outcome.OK, None, True)


def test_a_response_that_is_refused() -> None:
    (hop,) = Told().sent("1.1").failed("1.1", cors="AllowOriginMismatch").hops
    assert told(hop) == (A, "GET", Outcome.CORS, "AllowOriginMismatch", True)


def test_a_preflights_failure_is_told_of_the_request_and_belongs_to_the_preflight() -> None:
    events = Told().sent("1.1", method="PUT", wire=False).sent("G", method="OPTIONS", preflight=True).finished("G")
    request, preflight = events.failed("1.1", cors="MethodDisallowedByPreflightResponse").hops
    assert preflight.kind is Kind.PREFLIGHT
    assert told(preflight) == (A, "OPTIONS", Outcome.CORS, "MethodDisallowedByPreflightResponse", True)
    assert not request.sent


def test_a_preflight_that_is_told_of_after_its_failure() -> None:
    events = Told().sent("1.1", method="PUT", wire=False).failed("1.1", cors="PreflightInvalidStatus")
    request, preflight = events.sent("G", method="OPTIONS", preflight=True).finished("G").hops
    assert told(preflight) == (A, "OPTIONS", Outcome.CORS, "PreflightInvalidStatus", True)
    assert not request.sent


def test_of_two_preflights_to_one_url_the_last_one_failed() -> None:
    events = Told().sent("1.1", method="PUT").sent("G", method="OPTIONS", preflight=True).finished("G").finished("1.1")
    events.sent("1.2", method="PUT", wire=False).sent("H", method="OPTIONS", preflight=True).finished("H")
    events.failed("1.2", cors="PreflightInvalidStatus")
    assert [hop.outcome for hop in events.hops if hop.kind is Kind.PREFLIGHT] == [Outcome.OK, Outcome.CORS]


def test_a_redirect_that_is_followed() -> None:
    events = (
        Told().sent("1.1").sent("1.1", B, redirectResponse={"status": 302}).failed("1.1", cors="AllowOriginMismatch")
    )
    assert [told(hop) for hop in events.hops] == [
        (A, "GET", Outcome.OK, None, True),
        (B, "GET", Outcome.CORS, "AllowOriginMismatch", True),
    ]


def test_a_target_that_was_never_sent_is_told_of_its_redirect() -> None:
    events = Told().sent("1.1").sent("1.1", "ftp://other.test/", wire=False, redirectResponse={"status": 302})
    redirect, target = events.failed("1.1", cors="CorsDisabledScheme").hops
    assert (redirect.outcome, redirect.target) == (Outcome.OK, "CorsDisabledScheme")
    assert not target.sent


def test_a_cached_response_that_fails_has_no_flow() -> None:
    (hop,) = Told().sent("1.1", wire=False).failed("1.1", cors="AllowOriginMismatch").hops
    assert not hop.sent


def test_a_cached_response_that_is_used_has_no_flow() -> None:
    events = Told().sent("1.1", wire=False).event("responseReceived", "1.1", response={"fromDiskCache": True})
    assert not events.finished("1.1").hops[0].sent


def test_a_neighbours_reason_has_its_own_name() -> None:
    (hop,) = Told().sent("1.1").failed("1.1", blockedReason="corp-not-same-site").hops
    assert (hop.outcome, hop.name) == (Outcome.FAILED, "corp-not-same-site")


def test_what_only_the_console_says() -> None:
    events = Told().sent("1.1").finished("1.1")
    text = f"Refused to x script from '{A}' because its MIME type; strict MIME"
    events.log.event("Log.entryAdded", {"entry": {"text": text}}, "page")
    assert (events.hops[0].outcome, events.hops[0].name) == (Outcome.FAILED, NOSNIFF)


def test_a_page_and_its_worker_may_use_one_id() -> None:
    events = Told().sent("1.1").sent("1.1", B, session="worker").finished("1.1").failed("1.1", "worker", cors="X")
    assert [(hop.url, hop.outcome) for hop in events.hops] == [(A, Outcome.OK), (B, Outcome.CORS)]


def test_a_frame_that_gets_a_process_of_its_own_is_told_of_twice_and_finishes_there() -> None:
    (hop,) = Told().sent("GUID").sent("GUID", session="frame").finished("GUID", "frame").hops
    assert hop.outcome is Outcome.OK


def test_a_websocket() -> None:
    events = Told().event("webSocketCreated", "1.9", url="ws://other.test/")
    events.event("webSocketWillSendHandshakeRequest", "1.9", wallTime=1.0)
    assert not events.log.nothing_open()
    events.event("webSocketHandshakeResponseReceived", "1.9", response={"status": 101})
    assert events.log.nothing_open()
    assert events.hops[0].outcome is Outcome.OK
