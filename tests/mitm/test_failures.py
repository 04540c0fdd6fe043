"""What a failed flow is told as. The texts are those that mitmproxy 11.0.2 and 12.2.3 were seen to give; both agree."""

from __future__ import annotations

import pytest
from mitmproxy import http
from mitmproxy.connection import ConnectionState
from mitmproxy.flow import Error

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request
from cors_addon.mitm.failures import failure_of
from cors_addon.traffic.exchange import Exchange, Responder
from tests.mitm.support import (
    API,
    APP,
    CHROMIUM,
    FIREFOX,
    cors_get,
    make_flow,
    make_response,
    preflight,
    proxy,
    saved_and_loaded,
)

BAD_HEADER = (
    "Received invalid header name: b'X-Bad ' from server, refusing to prevent request smuggling attacks. "
    "Disable the validate_inbound_headers option to skip this security check."
)
BAD_REQUEST = BAD_HEADER.replace("server", "client")
HALF_BODY = (
    "HTTP/1 protocol error: peer closed connection without sending complete message body (received 3 bytes, "
    "expected 100)"
)
GOAWAY = "HTTP/2 connection closed: <ConnectionTerminated error_code:2, last_stream_id:1, additional_data:None>"
UPPER_CASE = "HTTP/2 protocol error: Received uppercase header name b'X-Bad'."

# Texts that speak of the server alone.
SERVERS = [
    ("nobody listens", "[Errno 111] Connect call failed ('127.0.0.1', 37743)"),
    ("no such name", "[Errno -2] Name or service not known"),
    ("a certificate that does not verify", "Certificate verify failed: self-signed certificate"),
    ("the end before a byte, or a reset", "server closed connection"),
    ("the end within the headers, or a reset", "unexpected server response: b'HTTP/1.1 200 OK\\r\\nAccess-Con'"),
    ("TLS where plain HTTP was expected", "unexpected server response: b'\\x16\\x03\\x01\\x00\\x00'"),
    ("no HTTP", "Cannot parse HTTP response: Bad HTTP response line: b'hello world'"),
    ("a line without a colon", "Cannot parse HTTP response: Invalid header line: b'X-Bad'"),
    ("two lengths", "Cannot parse HTTP response: invalid content-length header: '1, 2'"),
    ("an invalid header name", BAD_HEADER),
    (
        "a 204 with chunks",
        "Received unexpected HTTP transfer-encoding b'chunked' for response with status code 204 from server, "
        "refusing to prevent request smuggling attacks. Disable the validate_inbound_headers option to skip this "
        "security check.",
    ),
    ("too long a body", "Response body exceeds mitmproxy's body_size_limit."),
]


def failed(text: str, **others: object) -> http.HTTPFlow:
    """Build a GET across origins that failed."""
    flow = make_flow(f"Origin: {APP}", **others)  # type: ignore[arg-type]
    flow.error = Error(text, 1000.5)
    return flow


@pytest.mark.parametrize("text", [row[1] for row in SERVERS], ids=[row[0] for row in SERVERS])
def test_a_failure_of_the_server_keeps_mitmproxys_own_words(text: str) -> None:
    flow = failed(text)
    assert failure_of(flow) == (text, Responder.PROXY)
    flow.live = False
    assert failure_of(flow) == (text, Responder.PROXY), "and in a saved flow"


HTTP1, HTTP2, HTTP3 = b"HTTP/1.1", b"HTTP/2.0", b"HTTP/3"
RESETS = [
    ("a page's abort()", "stream reset by client (CANCEL)", HTTP2, b"h2", True),
    ("a page's abort() while the server speaks HTTP/1", "stream reset by client (CANCEL)", HTTP2, b"http/1.1", True),
    ("no server yet", "stream reset by client (INTERNAL_ERROR)", HTTP2, None, True),
    ("only one side has streams", "stream reset by client (INTERNAL_ERROR)", HTTP2, b"http/1.1", True),
    ("only the server has", "stream reset by client (CANCEL)", HTTP1, b"h2", False),
    ("a server that fails", "stream reset by client (INTERNAL_ERROR)", HTTP2, b"h2", False),
    ("a server that refuses", "stream reset by client (REFUSED_STREAM)", HTTP2, b"h2", False),
    ("a server that has finished early", "stream reset by client (NO_ERROR)", HTTP2, b"h2", False),
    ("a code without a name", "stream reset by client (4711)", HTTP2, b"h2", False),
    ("the browser asks again", "stream reset by client (HTTP_1_1_REQUIRED)", HTTP2, b"h2", True),
    ("a page's abort() over HTTP/3", "stream closed by client (H3_REQUEST_CANCELLED)", HTTP3, b"h3", True),
    ("a server's fault over HTTP/3", "stream closed by client (H3_INTERNAL_ERROR)", HTTP3, b"h3", False),
]


@pytest.mark.parametrize("live", [True, False], ids=["live", "saved"])
@pytest.mark.parametrize(
    ("text", "version", "alpn", "clients"), [row[1:] for row in RESETS], ids=[row[0] for row in RESETS]
)
def test_who_reset_a_stream(text: str, version: bytes, alpn: bytes | None, clients: bool, live: bool) -> None:
    """mitmproxy says "by client" of both sides, for one piece of code serves both."""
    flow = failed(text, http_version=version)
    flow.live = live
    flow.server_conn.alpn = alpn
    told, responder = failure_of(flow)
    assert told.startswith("client disconnected" if clients else "the server reset the stream")
    assert responder is (Responder.NOBODY if clients else Responder.PROXY)


EITHER = [
    ("the client's end over HTTP/2", "peer closed connection", False, "client disconnected: peer closed"),
    ("the server's", "peer closed connection", True, "the server broke off: peer closed"),
    ("the client's good bye", GOAWAY, False, "client disconnected: HTTP/2 connection closed"),
    ("the server's", GOAWAY, True, "the server broke off: HTTP/2 connection closed"),
    ("the server's mistake", UPPER_CASE, True, "the server broke off: HTTP/2 protocol error"),
    ("the client's", UPPER_CASE, False, "client disconnected: HTTP/2 protocol error"),
    ("a client that waits no longer for TLS upstream", "connection closed", False, "client disconnected: connection"),
    ("HTTP/1", "Client disconnected.", False, "Client disconnected."),
    ("a refused request", BAD_REQUEST, False, BAD_REQUEST),
]


@pytest.mark.parametrize(
    ("text", "client_is_there", "told"), [row[1:] for row in EITHER], ids=[f"{r[0]}: {r[1][:22]}" for r in EITHER]
)
def test_whose_end_it_was(text: str, client_is_there: bool, told: str) -> None:
    flow = failed(text)
    flow.client_conn.state = ConnectionState.OPEN if client_is_there else ConnectionState.CLOSED
    assert failure_of(flow)[0].startswith(told)


def test_a_connection_of_which_one_half_is_closed_waits_for_nothing() -> None:
    flow = failed("peer closed connection")
    flow.client_conn.state = ConnectionState.CAN_WRITE
    assert failure_of(flow)[1] is Responder.NOBODY


def test_a_body_that_breaks_off_is_the_requests_where_no_response_has_begun() -> None:
    assert failure_of(failed(HALF_BODY))[0] == f"client disconnected: {HALF_BODY}"
    assert failure_of(failed(HALF_BODY, response=make_response(200)))[0] == HALF_BODY


def test_a_killed_flow_reaches_nobody() -> None:
    told, responder = failure_of(failed(Error.KILLED_MESSAGE))
    assert told == "killed in the proxy by its user or an addon"
    assert responder is Responder.NOBODY


GIVEN_UP = [
    ("HTTP/1", "Client disconnected.", True),
    ("told by the state of the connection", "client disconnected: peer closed connection", True),
    ("HTTP/2", "stream reset by client (CANCEL)", True),
    ("HTTP/3", "stream closed by client (H3_REQUEST_CANCELLED)", True),
    ("in a saved flow either side may have ended", "peer closed connection", True),
    ("in a saved flow either side may have said good bye", GOAWAY, True),
    ("a server's reset", "stream reset by client (INTERNAL_ERROR)", False),
    ("the server has closed", "server closed connection", False),
    ("told by the state of the connection", "the server broke off: peer closed connection", False),
    ("a body cut off", HALF_BODY, False),
    ("killed", Error.KILLED_MESSAGE, False),
    ("the client's own fault", BAD_REQUEST, False),
    *((reason, text, False) for reason, text in SERVERS),
]


@pytest.mark.parametrize(("text", "unknown"), [row[1:] for row in GIVEN_UP], ids=[row[0] for row in GIVEN_UP])
def test_a_request_given_up_is_unknown_and_every_other_failure_is_named(text: str, unknown: bool) -> None:
    headers = HeaderList([("Origin", APP), ("User-Agent", CHROMIUM.partition(": ")[2])])
    exchange = Exchange("1", Request("GET", API, headers), error=text, responder=Responder.PROXY)
    verdict = judge_all([exchange])["1"]
    if unknown:
        assert verdict.outcome.value == "unknown"
        assert verdict.findings == ()
    else:
        assert verdict.outcome.value == "blocked"
        assert [finding.id for finding in verdict.findings] == ["network-error"], "not the server's missing header"


# --- through the addon --------------------------------------------------------------------------------------------


def test_a_failure_is_named_with_mitmproxys_message_and_no_header_is_blamed() -> None:
    with proxy() as running:
        flow = running.send(failed("[Errno 111] Connect call failed ('127.0.0.1', 9)"))
    entry = flow.metadata["cors"]
    assert entry["outcome"] == "blocked"
    (finding,) = entry["findings"]
    assert finding["id"] == "network-error"
    assert "Connect call failed" in finding["message"]
    assert finding["needed"] is None
    assert flow.comment.startswith("CORS: no response · blocked: No usable response, which is not a CORS fault")


def test_an_invalid_header_comes_with_the_option_that_lets_it_pass() -> None:
    """mitmproxy has a response on the flow then, which the browser never sees."""
    with proxy() as running:
        flow = failed(BAD_HEADER)
        flow.response = make_response(200, f"Access-Control-Allow-Origin: {APP}")
        running.hook("requestheaders", flow)
        running.hook("error", flow)
    entry = flow.metadata["cors"]
    assert entry["outcome"] == "blocked"
    assert "invalid header name: b'X-Bad '" in entry["findings"][0]["message"]
    assert "--set validate_inbound_headers=false" in entry["findings"][0]["fix"]["text"]
    assert entry["browsers"]["chromium"]["error"] == "MissingAllowOriginHeader", "of mitmproxy's page"


def test_what_each_browser_calls_mitmproxys_error_page() -> None:
    with proxy() as running:
        ask = preflight()
        ask.response, ask.error = None, Error("server closed connection")
        entry = running.send(ask).metadata["cors"]
    assert {name: view["error"] for name, view in entry["browsers"].items()} == {
        "chromium": "PreflightMissingAllowOriginHeader",
        "firefox": "CORSMissingAllowOrigin",
        "webkit": "PreflightNotSuccessful",
        "spec": None,
    }


def test_a_killed_flow_is_blocked_and_no_browser_sees_a_page_without_headers() -> None:
    with proxy() as running:
        entry = running.send(failed(Error.KILLED_MESSAGE)).metadata["cors"]
    assert entry["outcome"] == "blocked"
    assert entry["browsers"]["chromium"]["error"] is None
    assert entry["browsers"]["firefox"]["error"] == "CORSDidNotSucceed"


def test_a_flow_killed_by_an_addon_after_its_response_reaches_nobody() -> None:
    with proxy() as running:
        flow = cors_get("Access-Control-Allow-Origin: *")
        for hook in ("requestheaders", "responseheaders"):
            running.hook(hook, flow)
        assert flow.metadata["cors.outcome"] == "allowed"
        flow.error = Error(Error.KILLED_MESSAGE)
        running.hook("response", flow)
    assert flow.metadata["cors.findings"] == "network-error"


@pytest.mark.parametrize("agent", [CHROMIUM, FIREFOX])
def test_a_request_that_the_browser_gave_up_is_unknown(agent: str) -> None:
    with proxy() as running:
        flow = running.send(failed("Client disconnected.", agent=agent))
    assert flow.metadata["cors.outcome"] == "unknown"
    assert (flow.marked, flow.comment) == ("", "")


STREAMED = [
    ("the server breaks off", HALF_BODY, ConnectionState.OPEN),
    ("the browser has enough", "Client disconnected.", ConnectionState.CLOSED),
    ("the server resets the stream", "stream reset by client (INTERNAL_ERROR)", ConnectionState.OPEN),
]


@pytest.mark.parametrize(("text", "client"), [row[1:] for row in STREAMED], ids=[row[0] for row in STREAMED])
@pytest.mark.parametrize(
    ("answer", "outcome"), [(("Access-Control-Allow-Origin: *",), "allowed"), ((), "blocked")], ids=["right", "wrong"]
)
def test_a_streamed_response_is_judged_by_the_headers_that_have_gone(
    text: str, client: ConnectionState, answer: tuple[str, ...], outcome: str
) -> None:
    with proxy() as running:
        flow = cors_get(*answer)
        assert flow.response is not None
        running.hook("requestheaders", flow)
        running.hook("responseheaders", flow)
        flow.response.stream = True
        flow.client_conn.state = client
        flow.error = Error(text)
        running.hook("error", flow)
        assert flow.metadata["cors.outcome"] == outcome
        assert "network-error" not in flow.metadata["cors.findings"]


def test_a_streamed_response_that_another_addon_gave_headers_is_judged_with_them() -> None:
    with proxy() as running:
        flow = cors_get()
        assert flow.response is not None
        running.hook("requestheaders", flow)
        running.hook("responseheaders", flow)
        flow.response.stream = True
        flow.response.headers["access-control-allow-origin"] = "*"
        flow.error = Error("Client disconnected.")
        running.hook("error", flow)
        assert flow.metadata["cors.outcome"] == "allowed"


def test_a_response_that_was_held_back_until_it_broke_off_never_arrived() -> None:
    with proxy() as running:
        flow = running.send(cors_get("Access-Control-Allow-Origin: *"))
        assert flow.metadata["cors.outcome"] == "allowed"
        broken = cors_get("Access-Control-Allow-Origin: *", at=1010.0)
        broken.error = Error(HALF_BODY)
        running.send(broken)
        assert broken.metadata["cors.findings"] == "network-error"


def test_a_response_refused_before_it_was_streamed_never_arrived() -> None:
    """``stream_large_bodies`` decides on streaming before mitmproxy looks at the headers."""
    with proxy() as running:
        flow = failed(BAD_HEADER, response=make_response(200, "Access-Control-Allow-Origin: *"))
        assert flow.response is not None
        flow.response.stream = True
        running.hook("requestheaders", flow)
        running.hook("error", flow)
        assert flow.metadata["cors.findings"] == "network-error"


@pytest.mark.parametrize(
    ("text", "outcome"), [("Client disconnected.", "unknown"), ("server closed connection", "blocked")]
)
def test_saved_flows_say_the_same(text: str, outcome: str) -> None:
    with proxy() as running:
        flow = saved_and_loaded(failed(text))
        assert not flow.live
        assert running.send(flow).metadata["cors.outcome"] == outcome
