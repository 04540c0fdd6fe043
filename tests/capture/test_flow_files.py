"""Flow files are read quickly, and say exactly what mitmproxy's own reader and the addon's own functions say."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http, version
from mitmproxy.connection import ConnectionState
from mitmproxy.flow import Error
from mitmproxy.io import FlowReader
from mitmproxy.proxy import mode_specs
from mitmproxy.test import tflow

from cors_addon.capture import flow_files
from cors_addon.capture.error import CaptureError
from cors_addon.capture.sighting import UNREMARKABLE, Sighting
from cors_addon.mitm import flows
from tests.capture.captures import file_of, flow_file, read, read_slowly, state_of
from tests.mitm.support import APP, cors_get, fields, make_flow, make_response, preflight
from tests.mitm.test_shapes import SHAPES

ALLOWED = "Access-Control-Allow-Origin: *"
Make = Callable[[], http.HTTPFlow]


def with_request(change: Callable[[http.Request], object], **options: Any) -> http.HTTPFlow:
    made = cors_get(ALLOWED, **options)
    change(made.request)
    return made


def in_mode(mode: str, host: str = "api.test") -> http.HTTPFlow:
    made = cors_get(ALLOWED, url=f"http://{host}/items")
    made.client_conn.proxy_mode = mode_specs.ProxyMode.parse(mode)
    return made


def with_host(value: str | bytes, **options: Any) -> http.HTTPFlow:
    raw = value if isinstance(value, bytes) else value.encode()
    made = cors_get(ALLOWED, **options)
    made.request.headers.fields = ((b"Host", raw), *made.request.headers.fields[1:])
    return made


def without_server(made: http.HTTPFlow) -> http.HTTPFlow:
    made.server_conn.timestamp_start = None
    made.server_conn.peername = None
    return made


def with_error(made: http.HTTPFlow, text: str) -> http.HTTPFlow:
    made.error = Error(text)
    return made


def plain(*lines: str, answer: tuple[str, ...] = (), status: int = 200) -> http.HTTPFlow:
    return make_flow(*lines, response=make_response(status, *answer))


FAILURES = [
    *(
        "stream reset by client (CANCEL)",
        "stream closed by client (NO_ERROR)",
        "stream reset by client (HTTP_1_1_REQUIRED)",
    ),
    *("stream reset by client (H3_REQUEST_CANCELLED)", "stream reset by client (H3_VERSION_FALLBACK)"),
    *(
        "HTTP/1 protocol error: unexpected data",
        "HTTP/2 protocol error: x",
        "HTTP/2 connection closed",
        "peer closed connection",
    ),
    *(
        "Received invalid header from client, refusing",
        "Client disconnected.",
        "client disconnected",
        "server closed connection",
    ),
    *(Error.KILLED_MESSAGE, "", "[Errno -2] Name or service not known"),
]
VERSIONS: list[dict[str, Any]] = [
    {"http_version": b"HTTP/1.1"},
    {"http_version": b"HTTP/2.0"},
    {"http_version": b"HTTP/2.0", "alpn": b"h2"},
    {"http_version": b"HTTP/3", "alpn": b"h3", "response": True},
    {"http_version": b"HTTP/1.1", "response": True},
]


def _failing(text: str, alpn: bytes | None = None, response: bool = False, **options: Any) -> Make:
    def make() -> http.HTTPFlow:
        made = make_flow(f"Origin: {APP}", response=make_response(200) if response else None, **options)
        made.server_conn.alpn = alpn
        return with_error(made, text)

    return make


MADE: list[tuple[str, Make]] = [
    ("a response that is allowed", lambda: cors_get(ALLOWED)),
    ("a preflight", lambda: preflight(ALLOWED)),
    ("no Origin", lambda: plain()),
    ("no Origin, but a cookie", lambda: plain("Cookie: a=b")),
    ("no Origin, but a document", lambda: plain("Accept: text/html,*/*")),
    ("no Origin, but no-cors", lambda: plain("Sec-Fetch-Mode: no-cors")),
    ("no Origin, but no-cors and a cookie", lambda: plain("sec-fetch-mode: no-cors", "cookie: a=b")),
    ("no Origin, but a redirect", lambda: plain(answer=("Location: /a",), status=302)),
    ("no Origin, but nosniff", lambda: plain(answer=("X-Content-Type-Options: nosniff",))),
    ("no Origin, but a resource policy", lambda: plain(answer=("cross-origin-resource-policy: same-site",))),
    ("no Origin, a cookie, no response", lambda: make_flow("Cookie: a=b")),
    ("an error of the server", lambda: with_error(make_flow(f"Origin: {APP}"), "connection refused")),
    ("an error of the client", lambda: with_error(make_flow(f"Origin: {APP}"), "Client disconnected.")),
    *((f"the error {text!r}", _failing(text, **options)) for text in FAILURES for options in VERSIONS),
    ("an error without Origin", lambda: with_error(plain("Cookie: a=b"), "cut off")),
    ("killed", lambda: with_error(make_flow(f"Origin: {APP}"), Error.KILLED_MESSAGE)),
    ("answered in the proxy", lambda: without_server(cors_get(ALLOWED))),
    (
        "HTTP/2 with authority",
        lambda: with_request(lambda r: setattr(r, "authority", "b.test"), http_version=b"HTTP/2.0"),
    ),
    (
        "HTTP/2 with a port",
        lambda: with_request(lambda r: setattr(r, "authority", "b.test:8"), http_version=b"HTTP/2.0"),
    ),
    (
        "HTTP/3 with authority",
        lambda: with_request(lambda r: setattr(r, "authority", "b.test"), http_version=b"HTTP/3"),
    ),
    ("https", lambda: cors_get(ALLOWED, url="https://api.test/items")),
    ("https on another port", lambda: cors_get(ALLOWED, url="https://api.test:8443/items")),
    ("http on another port", lambda: cors_get(ALLOWED, url="http://api.test:8080/items")),
    ("a default port written out", lambda: with_host("api.test:80")),
    ("no Host", lambda: with_request(lambda r: r.headers.pop("Host"))),
    ("an empty Host", lambda: with_host("")),
    ("two Hosts", lambda: with_request(lambda r: r.headers.add("Host", "b.test"))),
    ("an address", lambda: with_host("192.0.2.7:80")),
    ("an IPv6 address", lambda: with_host("[2001:db8::1]:8080")),
    ("an IPv6 address without port", lambda: with_host("[2001:db8::1]")),
    ("an IPv6 address without brackets", lambda: with_host("2001:db8::1")),
    ("an IPv6 address and no Host", lambda: with_request(lambda r: (setattr(r, "host", "::1"), r.headers.pop("Host")))),
    ("an international name", lambda: with_host("b\u00fccher.test")),
    ("an international name as written in DNS", lambda: with_host("xn--bcher-kva.test")),
    (
        "such a name in HTTP/2",
        lambda: with_request(lambda r: setattr(r.data, "authority", b"xn--bcher-kva.test"), http_version=b"HTTP/2.0"),
    ),
    ("a name in capitals", lambda: with_host("API.Test")),
    ("a long label", lambda: with_host("a" * 70 + ".test")),
    ("the whole server", lambda: with_request(lambda r: setattr(r, "path", "*"), method="OPTIONS")),
    ("a path beyond ASCII", lambda: with_request(lambda r: setattr(r.data, "path", "/\u00e4?\u00df".encode()))),
    ("a reverse proxy", lambda: in_mode("reverse:http://api.test")),
    ("a reverse proxy in capitals", lambda: in_mode("Reverse:https://api.test:8443@9090", "api.test:8443")),
    ("upstream mode", lambda: in_mode("upstream:http://proxy.test:3128")),
    ("through another proxy", lambda: _via()),
    ("transparent mode", lambda: in_mode("transparent")),
    ("an IPv6 client", lambda: _client(("2001:db8::5", 5, 0, 0))),
]


def _client(peer: tuple[Any, ...]) -> http.HTTPFlow:
    made = cors_get(ALLOWED)
    made.client_conn.peername = peer  # type: ignore[assignment]
    return made


def _via() -> http.HTTPFlow:
    made = cors_get(ALLOWED)
    made.server_conn.state = ConnectionState.CLOSED
    made.server_conn.via = ("http", ("proxy.test", 3128))
    return made


@pytest.mark.parametrize("make", [make for _, make in MADE], ids=[name for name, _ in MADE])
def test_what_is_read_quickly_is_what_mitmproxy_reads(make: Make) -> None:
    made = make()
    assert read(flow_file([made])) == [read_slowly(made)]


@pytest.mark.parametrize("make", [row[1] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_every_shape_of_flow_is_read_alike(make: Make) -> None:
    made = make()
    assert read(flow_file([made])) == [read_slowly(made)]


def test_most_flows_are_read_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    def slowly(payload: bytes) -> Sighting | None:
        raise AssertionError("made a flow")

    monkeypatch.setattr(flow_files, "_as_flow", slowly)
    slow = [name for name, make in MADE if not _is_read_quickly(make())]
    assert slow == [
        "an international name",
        "a path beyond ASCII",
        "a reverse proxy",
        "a reverse proxy in capitals",
    ]


def _is_read_quickly(made: http.HTTPFlow) -> bool:
    try:
        read(flow_file([made]))
    except CaptureError:
        return False
    return True


header = st.tuples(
    st.one_of(
        st.sampled_from(
            [b"Origin", b"origin", b"Host", b"Cookie", b"Accept", b"Sec-Fetch-Mode", b"sec-fetch-mode", b"X"]
        ),
        st.binary(max_size=7),
    ),
    st.one_of(st.sampled_from([b"no-cors", b"text/html", b"http://app.test", b"b.test:80"]), st.binary(max_size=9)),
)
answered = st.tuples(
    st.one_of(
        st.sampled_from([b"X-Content-Type-Options", b"CROSS-ORIGIN-RESOURCE-POLICY", b"Location"]),
        st.binary(max_size=9),
    ),
    st.binary(max_size=9),
)


@given(
    asked=st.lists(header, max_size=5),
    answer=st.one_of(st.none(), st.tuples(st.sampled_from([200, 204, 302, 304, 500]), st.lists(answered, max_size=3))),
    error=st.one_of(st.none(), st.just("Client disconnected."), st.text(max_size=5)),
    path=st.one_of(st.sampled_from([b"/", b"*", b"/a?b", b""]), st.binary(max_size=8)),
    scheme=st.sampled_from([b"http", b"https", b"", b"ws"]),
    authority=st.one_of(
        st.just(b""), st.sampled_from([b"b.test", b"b.test:443", b"[::1]", b":80"]), st.binary(max_size=6)
    ),
    http_version=st.sampled_from([b"HTTP/1.1", b"HTTP/2.0", b"HTTP/3", b"\xff"]),
)
def test_any_flow_is_read_alike(
    asked: list[tuple[bytes, bytes]],
    answer: tuple[int, list[tuple[bytes, bytes]]] | None,
    error: str | None,
    path: bytes,
    scheme: bytes,
    authority: bytes,
    http_version: bytes,
) -> None:
    made = make_flow(response=None if answer is None else make_response(answer[0], *answer[1]))
    made.request.headers = fields(asked)
    data = made.request.data
    data.path, data.scheme, data.authority, data.http_version = path, scheme, authority, http_version
    made.error = Error(error) if error is not None else None
    assert read(flow_file([made])) == [read_slowly(made)]


def test_what_is_not_http_is_passed_over() -> None:
    kinds = [tflow.ttcpflow(), tflow.tudpflow(), tflow.tdnsflow(), cors_get(ALLOWED)]
    assert len(read(flow_file(kinds))) == 1


def test_an_empty_file_holds_nothing() -> None:
    assert read(b"") == []


def test_what_says_nothing_is_all_the_same_object() -> None:
    assert read(flow_file([plain(), plain()])) == [UNREMARKABLE, UNREMARKABLE]


# --- other versions of the format ---------------------------------------------------------------------------------


def aged(to: int) -> dict[str, Any]:
    """Return a state as an older mitmproxy wrote it, for the versions whose migration changes no more than this."""
    state = state_of(cors_get(ALLOWED))
    state["version"] = to
    if to <= 20:
        state["client_conn"]["tls_version"] = "QUIC"
    if to <= 19:
        state["client_conn"]["state"] = state["server_conn"]["state"] = 0
    return state


@pytest.mark.parametrize("old", [19, 20])
def test_older_versions_are_migrated(old: int) -> None:
    data = file_of(aged(old))
    (sighting,) = read(data)
    (same,) = FlowReader(io.BytesIO(data)).stream()
    assert isinstance(same, http.HTTPFlow)
    assert sighting.exchange == flows.exchange_of(same)


def test_a_version_of_the_future_says_so_and_what_else_is_there_is_read() -> None:
    newer = state_of(cors_get(ALLOWED))
    newer["version"] = version.FLOW_FORMAT_VERSION + 1
    data = file_of(newer, state_of(cors_get()))
    seen = []
    with pytest.raises(CaptureError) as error:
        seen.extend(flow_files.sightings(io.BytesIO(data)))
    assert str(error.value).startswith(
        "one flow could not be read and the others were; the first is flow 1 at byte 0 (mitmproxy "
    )
    assert "please update mitmproxy" in str(error.value)


def test_a_state_of_this_version_with_more_in_it_is_left_to_mitmproxy() -> None:
    state = state_of(cors_get(ALLOWED))
    del state["request"]["headers"]
    with pytest.raises(CaptureError, match="one flow could not be read"):
        read(file_of(state))


# --- broken files -------------------------------------------------------------------------------------------------


def until_broken(data: bytes) -> tuple[int, str]:
    """Return how many flows could be read, and what the reader then says."""
    count = 0
    try:
        for _ in flow_files.sightings(io.BytesIO(data)):
            count += 1
    except CaptureError as error:
        return count, str(error)
    return count, ""


WHOLE = flow_file([cors_get(), cors_get(ALLOWED), cors_get(status=500)])
SECOND = len(WHOLE.partition(b":")[0]) + 1 + int(WHOLE.partition(b":")[0]) + 1
"""Where the second flow begins."""


@pytest.mark.parametrize(
    ("data", "count", "says"),
    [
        (WHOLE[:-1], 2, "the file ends inside a flow, 1 bytes too early; 2 flows before it could be read"),
        (WHOLE[: SECOND + 3], 1, f"at byte {SECOND:,} the file ends in a flow; one flow before it could be read"),
        (WHOLE[: SECOND + 30], 1, f"at byte {SECOND:,} the file ends inside a flow"),
        (WHOLE[:SECOND] + b"rubbish", 1, f"at byte {SECOND:,} no flow begins here; one flow before it could be read"),
        (WHOLE[:SECOND] + b":", 1, "no flow begins here"),
        (WHOLE[:SECOND] + b"3:abc,", 1, f"at byte {SECOND:,} what stands here is no flow"),
        (WHOLE[:SECOND] + b"9" * 20 + b":", 1, "no flow begins here"),
        (b"999999999999:" + b"a" * 100, 0, "not a whole flow file: at byte 0 the file ends inside a flow"),
        (b"12", 0, "not a whole flow file: at byte 0 the file ends in a flow"),
        (
            WHOLE[:SECOND] + b"4:aaaa}" + WHOLE[SECOND:],
            3,
            "one flow could not be read and the others were; the first is",
        ),
        (b"0:}" + WHOLE, 3, "the first is flow 1 at byte 0 ("),
        (b"13:7:version;0:}}" + WHOLE, 3, "the first is flow 1 at byte 0 ("),
        (b"15:7:version;2:21#}" + WHOLE, 3, "the first is flow 1 at byte 0 ("),
        (b"16:7:version;99:21#}" + WHOLE, 3, "the first is flow 1 at byte 0 ("),
        (b"15:7:version;-2:1#}" + WHOLE, 3, "the first is flow 1 at byte 0 ("),
    ],
)
def test_a_broken_file_gives_what_can_be_read_and_says_where_it_breaks(data: bytes, count: int, says: str) -> None:
    got, told = until_broken(data)
    assert got == count
    assert says in told


@given(st.binary(max_size=80), st.integers(0, len(WHOLE)), st.integers(0, 40))
def test_rubbish_anywhere_is_a_clear_error_and_nothing_else(rubbish: bytes, at: int, dropped: int) -> None:
    until_broken(WHOLE[:at] + rubbish + WHOLE[at + dropped :])


@given(st.binary(max_size=60))
def test_any_bytes_as_a_dictionary_are_a_clear_error_and_nothing_else(inside: bytes) -> None:
    until_broken(b"%d:%s}" % (len(inside), inside))


def test_a_capture_of_the_addon_itself_is_read(tmp_path: Path) -> None:
    """What other addons and this one leave on a flow does not matter."""
    made = cors_get()
    made.metadata["cors"] = {"findings": [{"id": "x"}], "n": 1.5}
    made.comment, made.marked = "CORS: blocked", ":x:"
    made.backup()
    assert read(flow_file([made])) == [read_slowly(made)]
