"""HARs as everybody writes them."""

from __future__ import annotations

import io
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.capture import har as har_reader
from cors_addon.capture import judging
from cors_addon.capture.error import CaptureError
from cors_addon.capture.har import HarNotes
from cors_addon.capture.sighting import UNREMARKABLE, Sighting
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Settings
from cors_addon.traffic.exchange import Exchange
from cors_addon.verdict.model import Outcome
from tests.capture.captures import entry, har, headers

ALLOW = "Access-Control-Allow-Origin: https://app.test"


def read(data: bytes, notes: HarNotes | None = None) -> list[Sighting]:
    return list(har_reader.sightings(io.BytesIO(data), "run.har", "utf-8", notes or HarNotes()))


def exchange_of(single: dict[str, Any]) -> Exchange:
    """Read a HAR of one entry that says something."""
    (sighting,) = read(har([single]))
    assert sighting.exchange is not None
    return sighting.exchange


def test_an_entry_becomes_an_exchange() -> None:
    exchange = exchange_of(entry("https://api.test/items?a=b#c", ALLOW, "Vary: Origin"))
    assert exchange.id == "run.har#0"
    assert (exchange.request.method, exchange.request.url) == ("GET", "https://api.test/items?a=b")
    assert exchange.request.headers.get("origin") == "https://app.test"
    assert exchange.response is not None
    assert exchange.response.headers.lines == (("Access-Control-Allow-Origin", "https://app.test"), ("Vary", "Origin"))
    assert exchange.started == pytest.approx(1777636800.002), "when it stopped waiting"
    assert exchange.ended == pytest.approx(1777636800.030)
    assert (exchange.source, exchange.client, exchange.connection) == ("har", "", "")
    assert (exchange.http_version, exchange.server_address) == ("HTTP/2.0", "93.184.215.14")


def test_ids_count_the_entries() -> None:
    sightings = read(har([entry(), entry(origin=None, asked=["Sec-Fetch-Mode: same-origin"]), entry()]))
    assert [s.exchange.id if s.exchange else None for s in sightings] == ["run.har#0", None, "run.har#2"]


@pytest.mark.parametrize(
    ("given", "lines", "reason"),
    [
        (headers([":method: GET", "origin: a"]), (("origin", "a"),), "pseudo headers are no headers"),
        ([{"name": "A", "value": "b\nc"}], (("A", "b"), ("A", "c")), "Chromium joins lines of one name"),
        ([{"name": "A", "value": "b\r\n c"}], (("A", "b\r\n c"),), "a folded line is one line"),
        ([["A", "b"], ["C", "d"]], (("A", "b"), ("C", "d")), "some write pairs"),
        ([{"name": "A", "value": None}, {"name": "B"}], (("A", ""), ("B", "")), "no value"),
        ([{"name": "A", "value": 5}], (("A", "5"),), "a number"),
        ([{"name": "A", "value": "\u00e9"}], (("A", "\u00e9"),), "Latin-1"),
        ([{"name": "A", "value": "\u20ac"}], (("A", "\xe2\x82\xac"),), "UTF-8, a byte a character"),
        ([{"name": "A", "value": "\ud800"}], (("A", "\xed\xa0\x80"),), "half a character"),
        ([], (), "none"),
        (None, (), "no list"),
    ],
)
def test_header_lines(given: Any, lines: tuple[tuple[str, str], ...], reason: str) -> None:
    made = entry()
    made["response"]["headers"] = given
    exchange = exchange_of(made)
    assert exchange.response is not None
    assert exchange.response.headers.lines == lines, reason


@pytest.mark.parametrize(
    ("change", "started", "ended", "reason"),
    [
        ({}, 0.002, 0.03, "blocked time is waited, not sent"),
        ({"startedDateTime": "2026-05-01T14:00:00.000+02:00"}, 0.002, 0.03, "another time zone, as Firefox writes"),
        ({"startedDateTime": "2026-05-01T12:00:00.0000000Z"}, 0.002, 0.03, "more digits than Python has"),
        ({"startedDateTime": "2026-05-01T12:00:00"}, 0.002, 0.03, "no time zone"),
        ({"timings": {}}, 0.0, 0.03, "no timings"),
        ({"timings": None}, 0.0, 0.03, "none at all"),
        ({"timings": {"blocked": -1}}, 0.0, 0.03, "not applicable"),
        ({"timings": {"blocked": 9999}}, 0.03, 0.03, "never after the end"),
        ({"time": -1}, 0.0, 0.0, "no duration"),
        ({"time": None}, 0.0, 0.0, "none"),
        ({"time": "x"}, 0.0, 0.0, "no number"),
        ({"time": float("nan")}, 0.0, 0.0, "not a number"),
        ({"time": float("inf")}, 0.0, 0.0, "without end"),
    ],
)
def test_times(change: dict[str, Any], started: float, ended: float, reason: str) -> None:
    exchange = exchange_of({**entry(), **change})
    assert exchange.started - 1777636800 == pytest.approx(started, abs=1e-4), reason
    assert exchange.ended is not None
    assert exchange.ended - 1777636800 == pytest.approx(ended, abs=1e-4), reason


@pytest.mark.parametrize("when", [None, "", "yesterday", 5, "2026-13-01T00:00:00Z"])
def test_an_entry_without_a_usable_time_gets_that_of_the_one_before(when: Any) -> None:
    first, second = (s.exchange for s in read(har([entry(), {**entry(), "startedDateTime": when}])))
    assert first is not None
    assert second is not None
    assert second.started == first.started


@pytest.mark.parametrize(
    ("told", "version"),
    [
        ("h2", "HTTP/2.0"),
        ("http/2.0", "HTTP/2.0"),
        ("HTTP/2", "HTTP/2.0"),
        ("h3", "HTTP/3"),
        ("http/1.1", "HTTP/1.1"),
        ("", "HTTP/1.1"),
        (None, "HTTP/1.1"),
    ],
)
def test_versions(told: str | None, version: str) -> None:
    made = entry()
    made["request"]["httpVersion"] = made["response"]["httpVersion"] = told
    assert exchange_of(made).http_version == version


@pytest.mark.parametrize(
    ("told", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", ""),
        ("[::1]", ""),
        ("", ""),
        (None, ""),
        ("somewhere", ""),
    ],
)
def test_addresses_are_told_but_for_that_of_a_proxy(told: str | None, address: str) -> None:
    assert exchange_of(entry(serverIPAddress=told)).server_address == address


@pytest.mark.parametrize(
    ("single", "reason"),
    [
        (entry("data:text/plain,x"), "no network"),
        (entry("blob:https://app.test/1"), "no network"),
        (entry("chrome-extension://abc/x.js"), "an extension's own file"),
        (entry(origin=None, asked=["Accept: */*"]), "nothing speaks of CORS"),
        (entry(_fetchedViaServiceWorker=True), "a service worker answered"),
        (entry(_fetchType="Service Worker"), "a service worker answered, as Safari says it"),
        (entry(_wasFulfilled=True), "a test made the answer up"),
    ],
)
def test_what_no_server_answered_says_nothing(single: dict[str, Any], reason: str) -> None:
    assert read(har([single])) == [UNREMARKABLE], reason


def test_websockets_are_told() -> None:
    assert exchange_of(entry(_resourceType="websocket")).websocket
    assert exchange_of(entry("wss://api.test/", _webSocketMessages=[])).websocket
    assert not exchange_of(entry()).websocket


# --- what has no response -----------------------------------------------------------------------------------------


def failed(error: str | None, status: int = 0, **others: Any) -> dict[str, Any]:
    made = entry(status=status, **others)
    made["response"].update(headers=[], _error=error)
    return made


@pytest.mark.parametrize(
    ("error", "text"),
    [
        ("net::ERR_CONNECTION_REFUSED", "net::ERR_CONNECTION_REFUSED"),
        ("net::ERR_NAME_NOT_RESOLVED", "net::ERR_NAME_NOT_RESOLVED"),
        ("net::ERR_CERT_AUTHORITY_INVALID", "net::ERR_CERT_AUTHORITY_INVALID"),
        ("NS_ERROR_UNKNOWN_HOST", "NS_ERROR_UNKNOWN_HOST"),
        ("net::ERR_ABORTED", None),
        ("net::ERR_BLOCKED_BY_CLIENT", None),
        ("", None),
        (None, None),
    ],
)
@pytest.mark.parametrize("status", [0, -1])
def test_a_failure_is_one_of_the_network_only_where_it_can_be_nothing_else(
    error: str | None, text: str | None, status: int
) -> None:
    """CORS failures are called net::ERR_FAILED as well."""
    exchange = exchange_of(failed(error, status))
    assert exchange.error == text
    (verdict,) = judge_all([exchange]).values()
    assert verdict.outcome is Outcome.UNKNOWN
    assert [(each.id, each.severity.value) for each in verdict.findings] == (
        [] if text is None else [("network-error", "advice")]
    )


def test_mitmproxy_s_own_har_tells_every_error() -> None:
    data = har([failed("server closed connection")], creator={"name": "mitmproxy"})
    (sighting,) = read(data)
    assert sighting.exchange is not None
    assert sighting.exchange.error == "server closed connection"


def test_playwright_writes_the_error_elsewhere() -> None:
    made = failed(None, -1)
    made["response"]["_failureText"] = "net::ERR_CONNECTION_RESET"
    assert exchange_of(made).error == "net::ERR_CONNECTION_RESET"


def test_no_response_at_all_is_unknown() -> None:
    made = entry()
    del made["response"]
    (verdict,) = judge_all([exchange_of(made)]).values()
    assert verdict.outcome is Outcome.UNKNOWN


def test_requests_that_failed_without_a_trace_are_counted_and_told() -> None:
    notes = HarNotes()
    bare = failed("net::ERR_FAILED", -1, origin=None)
    entries = [entry(), bare, bare, failed("net::ERR_NAME_NOT_RESOLVED", origin=None)]
    entries += [failed("net::ERR_FAILED", origin=None, _resourceType="image"), {**bare, "_wasAborted": True}]
    read(har(entries), notes)
    assert notes.traceless == ["run.har#1", "run.har#2"]
    assert str(notes).startswith("2 requests of a script failed without a saved reason (first: run.har#1).")
    assert str(HarNotes(traceless=["a#0"])).startswith("one request of a script failed")
    assert str(HarNotes()) == ""


# --- what is passed over, and loses nothing -----------------------------------------------------------------------

HARMLESS = ["image/png", "text/css", "text/javascript", "application/javascript; charset=utf-8", "font/woff2"]
TYPES = [*HARMLESS, "application/json", "text/html", "application/pdf", "text/csv", ""]


def no_cors(content_type: str, *more: str, url: str = "https://cdn.test/a", **others: Any) -> dict[str, Any]:
    made = entry(url, f"Content-Type: {content_type}", *more, origin=None, **others)
    made["request"]["headers"] = headers(
        ["Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image", "Referer: https://app.test/"]
    )
    return made


@pytest.mark.parametrize("content_type", HARMLESS)
def test_what_pages_embed_is_passed_over(content_type: str) -> None:
    assert read(har([no_cors(content_type)])) == [UNREMARKABLE]


@pytest.mark.parametrize(
    "single",
    [
        no_cors("application/json"),
        no_cors("image/png", "X-Content-Type-Options: nosniff"),
        no_cors("image/png", "Cross-Origin-Resource-Policy: same-origin"),
        no_cors("image/png", status=302),
        no_cors("image/png", url="http://localhost:3000/a.png"),
        no_cors("image/png", url="http://printer.local/a.png"),
        no_cors("image/png", url="http://10.0.0.1/a.png"),
        no_cors("image/png", serverIPAddress="10.0.0.1"),
    ],
)
def test_what_may_be_blocked_is_not(single: dict[str, Any]) -> None:
    assert exchange_of(single)


def test_where_a_page_has_an_embedder_policy_nothing_is_passed_over() -> None:
    page = entry(
        "https://app.test/", "Cross-Origin-Embedder-Policy: require-corp", "Content-Type: text/html", origin=None
    )
    page["request"]["headers"] = headers(["Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Dest: document"])
    sightings = read(har([no_cors("image/png"), page, no_cors("image/png")]))
    assert [sighting.exchange is None for sighting in sightings] == [True, False, False]


@given(
    st.sampled_from(TYPES),
    st.sampled_from(["https://cdn.test/a", "http://cdn.test:8080/a", "https://a.b.cdn.test/?q", "http://host/a"]),
    st.sampled_from(["image", "script", "style", "video", "font", "empty", "audio", "track"]),
    st.sampled_from(["cross-site", "same-site", "same-origin", "none"]),
    st.sampled_from([200, 204, 206, 304, 404, 500]),
    st.lists(st.sampled_from(["Vary: Origin", "Cache-Control: public", "Set-Cookie: a=b", "Server: x"]), max_size=2),
)
def test_what_is_passed_over_would_have_had_no_finding(
    content_type: str, url: str, destination: str, site: str, status: int, more: list[str]
) -> None:
    made = no_cors(content_type, *more, url=url, status=status)
    made["request"]["headers"][1]["value"] = site
    made["request"]["headers"][2]["value"] = destination
    (sighting,) = read(har([made]))
    if sighting.exchange is None:
        with_origin = entry(url, *more)
        exchange = exchange_of({**with_origin, "response": made["response"]})
        lines = [(each["name"], each["value"]) for each in made["request"]["headers"]]
        request = type(exchange.request)("GET", exchange.request.url, type(exchange.request.headers)(lines))
        (verdict,) = judge_all([Exchange("x", request, exchange.response, source="har")]).values()
        assert verdict.outcome is Outcome.NOT_CORS
        assert verdict.findings == ()


# --- whole files --------------------------------------------------------------------------------------------------


def test_the_log_may_be_in_any_order() -> None:
    log = {"entries": [entry()], "pages": [{"entries": 5}], "creator": {"name": "x"}}
    assert len(read(json.dumps({"_meta": {"log": 1, "entries": []}, "log": log, "more": 2}).encode())) == 1


def test_a_har_of_nothing_is_read() -> None:
    assert read(har([])) == []


@pytest.mark.parametrize(
    ("data", "count", "says"),
    [
        (b"{}", 0, "this is JSON and no HAR: it holds no log.entries"),
        (b'{"log": 5}', 0, "this is JSON and no HAR"),
        (b'{"log": {"entries": {}}}', 0, "this is JSON and no HAR"),
        (har([entry(), entry()])[:-30], 1, "no whole JSON: "),
        (har([entry(), entry()])[:-2], 2, "at line 1, column"),
        (har([entry()]) + b"x", 1, "something follows after the end of the HAR; one entry before that could be read"),
        (har([entry(), 5, entry()]), 2, "one entry could not be read and the others were; the first is log.entries[1]"),
        (har([None, {}, {"request": 5}, entry()]), 1, "3 entries could not be read"),
        (har([{"request": {"url": 1, "method": "GET"}}]), 0, "has to be an object with request.method, request.url"),
        (har([{**entry(), "response": 5}]), 0, "one entry could not be read"),
        (har([{**entry(), "response": {"status": "x"}}]), 0, "one entry could not be read"),
    ],
)
def test_a_broken_har_gives_what_can_be_read_and_says_where_it_breaks(data: bytes, count: int, says: str) -> None:
    seen = []
    with pytest.raises(CaptureError) as error:
        seen.extend(har_reader.sightings(io.BytesIO(data), "run.har", "utf-8", HarNotes()))
    assert len(seen) == count
    assert says in str(error.value)


anything: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=6,
)
KEYS = ["request", "response", "startedDateTime", "time", "timings", "serverIPAddress", "_resourceType", "_error"]


@given(
    st.dictionaries(st.sampled_from(KEYS), anything, max_size=4),
    st.dictionaries(st.sampled_from(["method", "url", "headers", "httpVersion"]), anything, max_size=3),
    st.dictionaries(st.sampled_from(["status", "headers", "httpVersion", "_error"]), anything, max_size=3),
)
def test_an_entry_of_any_shape_is_read_or_told(outer: Any, asked: Any, answered: Any) -> None:
    made = entry()
    made["request"].update(asked)
    made["response"].update(answered)
    made.update(outer)
    sightings = []
    with suppress(CaptureError):
        sightings.extend(har_reader.sightings(io.BytesIO(har([made, entry()])), "run.har", "utf-8", HarNotes()))
    assert any(s.exchange is not None and s.exchange.id == "run.har#1" for s in sightings), (
        "the entry behind it is read"
    )
    judge_all(s.exchange for s in sightings if s.exchange is not None)


LATER = "2026-05-01T12:01:00.000Z"
PUT_ASKED = ("Access-Control-Request-Method: PUT",)


@pytest.mark.parametrize(
    ("later", "outcome", "why"),
    [
        (entry("https://app.test/config.json", origin=None, at=LATER), "conditional", "the page went on without it"),
        (entry("https://b.test/", "Access-Control-Allow-Origin: *", at=LATER), "conditional", "so it did elsewhere"),
        (entry("https://api.test/b", method="OPTIONS", asked=PUT_ASKED, at=LATER), "allowed", "preflights alone"),
        (None, "allowed", "the file ends there"),
    ],
)
def test_silence_after_a_preflight_says_something_where_the_file_goes_on(
    later: dict[str, Any] | None, outcome: str, why: str
) -> None:
    grant = ("Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: PUT")
    asked = entry("https://api.test/negotiate", *grant, method="OPTIONS", asked=PUT_ASKED)
    judged = judging.judge_entries([asked, *([later] if later else [])], "x", Settings())
    assert judged.verdicts[0].outcome.value == outcome, why
