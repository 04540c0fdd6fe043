"""Whatever a flow looks like: a verdict or none, never an exception, and not a byte of the flow changed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy import http
from mitmproxy.flow import Error
from mitmproxy.test import tflow

from cors_addon.mitm.contentview import text_for
from cors_addon.report.json_ import render
from tests.mitm.support import (
    APP,
    CHROMIUM,
    Proxy,
    cors_get,
    fields,
    logged,
    make_flow,
    make_response,
    on_the_wire,
    preflight,
    proxy,
    saved_and_loaded,
)

ALLOWED = "Access-Control-Allow-Origin: *"
MEBIBYTE = 1024 * 1024
Make = Callable[[], http.HTTPFlow]


def _with(flow: http.HTTPFlow, **attributes: object) -> http.HTTPFlow:
    for name, value in attributes.items():
        setattr(flow, name, value)
    return flow


def _path(path: bytes) -> http.HTTPFlow:
    flow = cors_get()
    flow.request.data.path = path
    return flow


def _response(**attributes: object) -> http.HTTPFlow:
    flow = cors_get(ALLOWED)
    for name, value in attributes.items():
        setattr(flow.response, name, value)
    return flow


def _host(host: bytes) -> http.HTTPFlow:
    flow = cors_get()
    flow.request.headers.fields = ((b"Host", host), *flow.request.headers.fields[1:])
    return flow


def _websocket() -> http.HTTPFlow:
    flow = tflow.twebsocketflow()
    flow.request.headers["origin"] = APP
    return flow


def _connect() -> http.HTTPFlow:
    flow = cors_get()
    flow.request.method = "CONNECT"
    flow.request.authority = "api.test:443"
    return flow


# (what it is, the flow, its outcome, or None for a flow that carries no verdict)
SHAPES: list[tuple[str, Make, str | None]] = [
    ("no response", lambda: make_flow(f"Origin: {APP}"), None),
    ("an error and no response", lambda: _with(make_flow(f"Origin: {APP}"), error=Error("refused")), "blocked"),
    ("an error after the response", lambda: _with(cors_get(ALLOWED), error=Error("cut off")), "blocked"),
    ("an empty error", lambda: _with(make_flow(f"Origin: {APP}"), error=Error("")), "blocked"),
    ("status 0", lambda: cors_get(status=0), "unknown"),
    ("status 0 of a preflight", lambda: preflight(status=0), "unknown"),
    ("an interim status", lambda: cors_get(ALLOWED, status=103), "unknown"),
    ("a status of no meaning", lambda: cors_get(ALLOWED, status=999), "allowed"),
    ("binary header bytes", lambda: cors_get((b"Access-Control-Allow-Origin", bytes(range(128, 256)))), "blocked"),
    ("binary header names", lambda: cors_get((b"\xff\x00\x80", b"\x00"), ALLOWED), "allowed"),
    ("an empty name", lambda: cors_get((b"", b"x"), ALLOWED), "allowed"),
    ("an empty value", lambda: cors_get((b"Access-Control-Allow-Origin", b"")), "blocked"),
    ("a folded value", lambda: cors_get((b"Access-Control-Allow-Origin", b"http://app.test\r\n x")), "blocked"),
    ("10,000 headers", lambda: cors_get(ALLOWED, *(f"X-{n}: {n}" for n in range(10_000))), "allowed"),
    (
        "10,000 of one header",
        lambda: cors_get(*(f"Access-Control-Allow-Origin: http://{n}.test" for n in range(10_000))),
        "blocked",
    ),
    ("10,000 request headers", lambda: make_flow(f"Origin: {APP}", *(f"X-{n}: {n}" for n in range(10_000))), None),
    ("a value of 1 MiB", lambda: cors_get(f"Access-Control-Allow-Origin: http://{'a' * MEBIBYTE}.test"), "blocked"),
    (
        "a list of 1 MiB",
        lambda: preflight(ALLOWED, f"Access-Control-Allow-Methods: {'a,' * (MEBIBYTE // 2)}"),
        "blocked",
    ),
    ("an Origin of 1 MiB", lambda: cors_get(ALLOWED, origin=f"http://{'a' * MEBIBYTE}.test"), "unknown"),
    ("a URL of 1 MiB", lambda: _path(b"/" + b"a" * MEBIBYTE), "blocked"),
    ("a Location of 1 MiB", lambda: cors_get(ALLOWED, f"Location: /{'a' * MEBIBYTE}", status=302), "allowed"),
    ("an Origin that is a list", lambda: cors_get(ALLOWED, origin="http://a.test http://b.test"), "unknown"),
    ("an Origin with commas", lambda: cors_get(ALLOWED, origin="http://a.test, http://b.test"), "unknown"),
    ("an Origin that is nothing", lambda: cors_get(origin=""), "unknown"),
    ("an Origin of bytes", lambda: _headers((b"Origin", b"\xff\xfe\x00")), "blocked"),
    ("two Origins", lambda: _headers((b"Origin", APP.encode()), (b"Origin", b"http://b.test")), "unknown"),
    ("an opaque Origin", lambda: cors_get(origin="null"), "blocked"),
    ("a path without a slash", lambda: _path(b"items"), "blocked"),
    ("no path", lambda: _path(b""), "blocked"),
    ("a path of bytes", lambda: _path(b"/\xff\x00\x80?\xfe#\xfd"), "blocked"),
    ("a path with a scheme", lambda: _path(b"http://[::/"), "blocked"),
    ("a host that does not parse", lambda: _host(b"[::"), "blocked"),
    ("a host of bytes", lambda: _host(b"\xff\xfe:80"), "blocked"),
    ("a host with a port out of range", lambda: _host(b"api.test:99999"), "blocked"),
    ("a host with user info", lambda: _host(b"user:secret@api.test"), "blocked"),
    ("WebSocket", _websocket, None),
    ("CONNECT", _connect, None),
    ("HTTP/2", lambda: cors_get(ALLOWED, http_version=b"HTTP/2.0"), "allowed"),
    ("HTTP/3", lambda: cors_get(ALLOWED, http_version=b"HTTP/3"), "allowed"),
    (
        "pseudo headers, as HAR files have",
        lambda: _headers((b":authority", b"a"), (b"Origin", APP.encode())),
        "blocked",
    ),
    ("streamed down", lambda: _response(stream=True, raw_content=None), "allowed"),
    ("streamed through a function", lambda: _response(stream=lambda chunk: chunk, raw_content=None), "allowed"),
    ("trailers", lambda: _response(trailers=http.Headers(x=b"y")), "allowed"),
    ("no reason", lambda: _response(reason=""), "allowed"),
    ("no end", lambda: _response(timestamp_end=None), "allowed"),
    (
        "a lower-case method",
        lambda: make_flow(f"Origin: {APP}", method=b"patch", response=make_response(200)),
        "blocked",
    ),
    (
        "a method of bytes",
        lambda: make_flow(f"Origin: {APP}", method=b"\xff\x00", response=make_response(200)),
        "blocked",
    ),
    ("no User-Agent", lambda: cors_get(agent=None), None),
    ("a User-Agent of bytes", lambda: _headers((b"User-Agent", b"\xff"), (b"Origin", APP.encode()), agent=None), None),
]


def _headers(*lines: tuple[bytes, bytes], agent: str | None = CHROMIUM) -> http.HTTPFlow:
    return make_flow(*lines, agent=agent, response=make_response(200))


def check_whole(running: Proxy, flow: http.HTTPFlow) -> None:
    """Take a flow through everything that follows a verdict."""
    json.loads(render(running.addon.reporting.report()))
    text_for(flow)
    loaded = saved_and_loaded(flow)
    assert loaded.metadata == flow.metadata
    assert flow.comment.isprintable()
    assert len(flow.comment) < 2000, "a comment is a line to read"


@pytest.mark.parametrize("live", [True, False], ids=["live", "saved"])
@pytest.mark.parametrize(("make", "outcome"), [row[1:] for row in SHAPES], ids=[row[0] for row in SHAPES])
def test_every_shape(make: Make, outcome: str | None, live: bool, caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        flow = make()
        flow.live = live
        before = on_the_wire(flow)
        running.send(flow)
        assert on_the_wire(flow) == before
        assert flow.metadata.get("cors.outcome") == outcome
        check_whole(running, flow)
    lines = logged(caplog)
    assert not [line for line in lines if "fault of its own" in line]
    assert all(len(line) < 2000 and line.isprintable() for line in lines)
    assert logged(caplog, logging.ERROR) == []


def test_a_request_that_is_streamed_up_has_a_verdict_before_its_body_is_done() -> None:
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}", method="POST")
        running.hook("requestheaders", flow)
        flow.request.stream = True
        flow.request.raw_content = None
        flow.request.timestamp_end = None
        flow.response = make_response(200, ALLOWED, body=None)
        flow.response.timestamp_end = None
        running.hook("responseheaders", flow)
        assert flow.metadata["cors.outcome"] == "allowed"
        running.hook("response", flow)
        check_whole(running, flow)


HOOKS = ("requestheaders", "responseheaders", "response", "error")
lines = st.lists(
    st.tuples(
        st.one_of(
            st.sampled_from(
                [
                    b"Origin",
                    b"Access-Control-Request-Method",
                    b"Access-Control-Request-Headers",
                    b"Sec-Fetch-Mode",
                    b"Sec-Fetch-Site",
                    b"Sec-Fetch-Dest",
                    b"Referer",
                    b"Cookie",
                    b"Accept",
                    b"Upgrade",
                    b"Content-Type",
                    b"Access-Control-Allow-Origin",
                    b"Access-Control-Allow-Credentials",
                    b"Access-Control-Allow-Methods",
                    b"Access-Control-Allow-Headers",
                    b"Access-Control-Expose-Headers",
                    b"Access-Control-Max-Age",
                    b"Cross-Origin-Resource-Policy",
                    b"X-Content-Type-Options",
                    b"Location",
                    b"Vary",
                ]
            ),
            st.binary(max_size=12),
        ),
        st.one_of(
            st.sampled_from(
                [
                    b"*",
                    b"http://app.test",
                    b"null",
                    b"true",
                    b"PUT",
                    b"cors",
                    b"no-cors",
                    b"cross-site",
                    b"/x",
                    b"text/html",
                ]
            ),
            st.binary(max_size=24),
        ),
    ),
    max_size=8,
)


@given(
    requests=st.lists(
        st.tuples(
            st.sampled_from(["GET", "POST", "OPTIONS", "PUT"]),
            lines,
            st.one_of(st.none(), st.tuples(st.sampled_from([0, 101, 200, 204, 302, 304, 404, 500]), lines)),
            st.one_of(st.none(), st.sampled_from(["Client disconnected.", "server closed connection"])),
            st.lists(st.sampled_from(HOOKS), max_size=6),
            st.booleans(),
        ),
        max_size=4,
    )
)
def test_any_flows_through_the_hooks_in_any_order(requests: list[tuple[object, ...]]) -> None:
    """No hook needs another one before it, for addons and reloads may come in between."""
    faults: list[str] = []
    with proxy() as running:
        running.addon.teller.fault = lambda where, flow, exc: faults.append(f"{where}: {exc!r}")  # type: ignore[method-assign]
        for number, (method, sent, answer, error, hooks, live) in enumerate(requests):
            flow = make_flow(*sent, method=method, at=1000.0 + number, live=bool(live))  # type: ignore[misc, arg-type]
            flow.request.headers = fields([("Host: api.test"), CHROMIUM, *sent])  # type: ignore[misc]
            if answer is not None:
                flow.response = make_response(answer[0], *answer[1])  # type: ignore[index]
            if error is not None:
                flow.error = Error(str(error))
            before = on_the_wire(flow)
            for hook in (*HOOKS, *hooks):  # type: ignore[misc]
                if (hook in ("responseheaders", "response") and flow.response is None) or (
                    hook == "error" and flow.error is None
                ):
                    continue
                running.hook(hook, flow)
            running.look()
            assert on_the_wire(flow) == before
            check_whole(running, flow)
        running.addon.clear()
    assert faults == []
