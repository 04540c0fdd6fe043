"""Nothing else is touched: whole flows, made up at random, against a plain reading of what a rule is for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mitmproxy import http

from tests.mitm.injecting import Injecting, injecting, passed, rule
from tests.mitm.support import APP, CHROMIUM, FIREFOX, make_flow, make_response, on_the_wire

LISTED = (APP, "https://app.test:8443")
HOST = "api.test"
RULES = (
    rule("the only one", allow_origins=list(LISTED), hosts=[HOST], paths=["/v1/**"], methods=["GET", "PUT"]),
    rule("switched off", hosts=["other.test"], enabled=False),
)
# What a changed response may differ in.
OURS = {
    b"access-control-allow-origin",
    b"access-control-allow-credentials",
    b"access-control-allow-methods",
    b"access-control-allow-headers",
    b"access-control-expose-headers",
    b"access-control-max-age",
    b"vary",
    b"cache-control",
    b"x-cors-addon",
}

urls = st.sampled_from(
    [
        f"http://{HOST}/v1/items",
        f"https://{HOST}/v1/items?x=1",
        f"http://{HOST}:8080/v1/",
        f"http://{HOST}/v2/items",
        f"http://{HOST}/v1x",
        "http://other.test/v1/items",
        f"http://sub.{HOST}/v1/items",
        f"http://{HOST}.evil.test/v1/items",
        "http://app.test/v1/items",
        "http://192.0.2.7/v1/items",
        "http://[2001:db8::1]/v1/items",
    ]
)
origins = st.one_of(
    st.none(),
    st.sampled_from(
        [
            *LISTED,
            "null",
            "http://app.test:80",
            "http://APP.test",
            "http://app.test/",
            "https://app.test",
            "http://app.test.evil.test",
            "http://api.test",
            "",
            "*",
            "http://app.test, http://app.test",
            "http://app.test\t",
            "chrome-extension://abcdefgh",
        ]
    ),
    st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=12),
)
methods = st.sampled_from([b"GET", b"PUT", b"POST", b"OPTIONS", b"HEAD", b"put", b"CONNECT", b"FROB"])
metadata = st.sampled_from(
    [
        (),
        ("Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site"),
        ("Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin"),
        ("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: cross-site"),
        ("Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: cross-site"),
        ("Sec-Fetch-Mode: websocket", "Sec-Fetch-Site: cross-site"),
        ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
    ]
)
values = st.binary(max_size=12).filter(lambda value: not set(value) & set(b"\r\n\0"))
lines = st.lists(
    st.tuples(
        st.sampled_from(
            [
                *sorted(OURS),
                b"Access-Control-Allow-Origin",
                b"Vary",
                b"Content-Type",
                b"X-Total",
                b"x-total",
                b"Set-Cookie",
                b"Cross-Origin-Resource-Policy",
                b"Timing-Allow-Origin",
                b"bad name",
                b"\xff",
            ]
        ),
        st.one_of(values, st.sampled_from([b"*", APP.encode(), b"true", b"Origin", b"text/event-stream", b"a\r\n b"])),
    ),
    max_size=6,
)


@st.composite
def flows(draw: st.DrawFn) -> http.HTTPFlow:
    """Make a flow with its server's answer."""
    origin = draw(origins)
    asks = draw(
        st.sampled_from([(), ("Access-Control-Request-Method: PUT",), ("Access-Control-Request-Method: POST",)])
    )
    answer = make_response(draw(st.sampled_from([101, 200, 204, 302, 304, 403, 405, 500])), *draw(lines))
    answer.raw_content = draw(st.sampled_from([b"", b"body", b"\xff\x00"]))
    made = make_flow(
        *(() if origin is None else (f"Origin: {origin}",)),
        *draw(metadata),
        *asks,
        method=draw(methods),
        url=draw(urls),
        response=answer,
        agent=draw(st.sampled_from([CHROMIUM, FIREFOX, "User-Agent: curl/8", None])),
        http_version=draw(st.sampled_from([b"HTTP/1.1", b"HTTP/2.0", b"HTTP/3"])),
    )
    if origin is not None:
        made.request.headers["Origin"] = origin
    made.is_replay = draw(st.sampled_from([None, None, None, "request"]))
    made.live = draw(st.sampled_from([True, True, True, False]))
    return made


def is_the_rules(subject: http.HTTPFlow) -> bool:
    """Read the rule as its author would, without any of the addon's code."""
    request = subject.request
    headers = request.headers
    site, mode = headers.get("sec-fetch-site", ""), headers.get("sec-fetch-mode", "")
    asked = headers.get("access-control-request-method")
    actual = asked if request.data.method == b"OPTIONS" and asked else request.data.method.decode()
    return (
        subject.live
        and subject.is_replay is None
        and [value.strip(" \t") for value in headers.get_all("origin")] in ([origin] for origin in LISTED)
        and request.host == HOST
        and request.path.startswith("/v1/")
        and actual in ("GET", "PUT")
        and ((request.data.method == b"OPTIONS" and bool(asked)) or (mode in ("", "cors") and site != "same-origin"))
        and headers.get("upgrade") != "websocket"
        and mode != "websocket"
        and (subject.response is None or subject.response.status_code != 101)
    )


@pytest.fixture(scope="module")
def running() -> Iterator[Injecting]:
    with injecting(*RULES) as made:
        yield made


@settings(max_examples=600)
@given(flows())
def test_what_is_no_rules_business_stays_byte_for_byte(running: Injecting, subject: http.HTTPFlow) -> None:
    before = on_the_wire(subject)
    trailers = subject.response.trailers if subject.response else None
    if subject.live:
        asked = passed(running, subject)
    else:
        running.send(subject)
        asked = True
    if not is_the_rules(subject):
        assert asked
        assert on_the_wire(subject) == before
        assert "cors.rule" not in subject.metadata
    assert subject.response is not None
    assert subject.response.trailers == trailers
    assert not running.addon.teller.faults


@settings(max_examples=300)
@given(flows())
def test_a_changed_response_keeps_every_other_line(running: Injecting, subject: http.HTTPFlow) -> None:
    subject.live, subject.is_replay = True, None
    assert subject.response is not None
    before = on_the_wire(subject)
    lines_before = subject.response.headers.fields
    if not passed(running, subject):
        assert {name for name, _ in subject.response.headers.fields} <= OURS
        return
    kept = [line for line in subject.response.headers.fields if line[0].lower() not in OURS]
    assert kept == [line for line in lines_before if line[0].lower() not in OURS]
    assert on_the_wire(subject)[:4] == before[:4], "the request is never changed"
    if on_the_wire(subject) != before:
        names = [name.lower() for name, _ in subject.response.headers.fields]
        for name in (b"access-control-allow-origin", b"cache-control", b"x-cors-addon"):
            assert names.count(name) == 1
        for name in (b"access-control-allow-credentials", b"access-control-expose-headers"):
            assert names.count(name) <= 1
        assert subject.response.headers["access-control-allow-origin"] == subject.request.headers["origin"].strip(" \t")
        assert subject.response.headers["x-cors-addon"] == "the only one"


@given(flows())
def test_while_it_is_off_nothing_at_all_is_touched(running: Injecting, subject: http.HTTPFlow) -> None:
    subject.live = True
    before = on_the_wire(subject)
    running.command("cors.inject", "off")
    try:
        assert passed(running, subject)
        assert on_the_wire(subject) == before
    finally:
        running.command("cors.inject", "on")


LONG_HEADS = {
    "a long value": [(b"X-Log", b"v" * 200_000), (b"Link", b"l" * 5_000)],
    "long names": [(b"x-" + b"n" * 20_000, b"1"), (b"x-" + b"m" * 300, b"2")],
    "many lines": [(b"X-%d" % number, b"v") for number in range(12_000)],
    "many lines of what checks read": [(b"Set-Cookie", b"a=%d" % number) for number in range(2_000)],
}


@pytest.mark.parametrize("head", LONG_HEADS)
def test_long_heads_arrive_whole(running: Injecting, head: str) -> None:
    """What is judged of a response is cut, and what the browser gets is not."""
    lines = LONG_HEADS[head]
    subject = make_flow(
        f"Origin: {APP}", url=f"http://{HOST}/v1/items", response=make_response(200, *lines, (b"Vary", b"Accept"))
    )
    assert passed(running, subject)
    assert subject.response is not None
    got = [line for line in subject.response.headers.fields if line[0].lower() not in OURS]
    assert got == lines
    assert subject.response.headers["access-control-allow-origin"] == APP
    assert subject.response.headers["vary"] == "Accept, Origin"
