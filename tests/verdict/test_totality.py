"""Whatever a capture holds, there is a verdict, and it can be written down."""

import json
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Session, Settings
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.traffic.exchange import Exchange, Responder
from cors_addon.verdict.model import Judge, Outcome, Verdict
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, metadata, preflight

BYTES = st.text(st.characters(max_codepoint=255), max_size=30)
NAMES = st.sampled_from(
    [
        "Origin",
        "Referer",
        "User-Agent",
        "Cookie",
        "Authorization",
        "Accept",
        "Content-Type",
        "If-None-Match",
        "X-A",
        "Sec-Fetch-Mode",
        "Sec-Fetch-Site",
        "Sec-Fetch-Dest",
        "Sec-Fetch-Storage-Access",
        "Access-Control-Request-Method",
        "Access-Control-Request-Headers",
        "Access-Control-Request-Private-Network",
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "Access-Control-Expose-Headers",
        "Access-Control-Max-Age",
        "Cross-Origin-Resource-Policy",
        "Cross-Origin-Embedder-Policy",
        "X-Content-Type-Options",
        "Timing-Allow-Origin",
        "Location",
        "Vary",
        "Set-Cookie",
        "Cache-Control",
    ]
)
VALUES = st.sampled_from(
    [
        "",
        "*",
        "null",
        "true",
        "True",
        APP,
        f"{APP}/",
        f"{APP}, *",
        API,
        "cors",
        "no-cors",
        "cross-site",
        "same-origin",
        "navigate",
        "document",
        "image",
        "font",
        "PUT",
        "x-a",
        "x-a, authorization",
        "60",
        "-1",
        "require-corp",
        "nosniff",
        "http://[",
        "/b",
        "//u:p@h",
        "Mozilla/5.0 Chrome/1.0",
        "Mozilla/5.0 Firefox/1.0",
    ]
)
URLS = st.sampled_from(
    [ITEMS, f"{API}/b", "http://api.test/", f"{APP}/", "http://[", "", "data:,", "https://", "\x00://\xff"]
)
HEADERS = st.lists(st.tuples(NAMES | BYTES, VALUES | BYTES), max_size=12).map(HeaderList)
TIMES = st.floats(0, 10) | st.sampled_from([0.0, 1e12, -1e12, float("inf"), float("-inf"), float("nan")])
EXCHANGES = st.builds(
    Exchange,
    id=st.sampled_from("abcd"),
    request=st.builds(
        Request, st.sampled_from(["GET", "POST", "PUT", "OPTIONS", "patch", ""]) | BYTES, URLS | BYTES, HEADERS
    ),
    response=st.none() | st.builds(Response, st.integers(0, 999) | st.sampled_from([200, 204, 302, 304, 404]), HEADERS),
    error=st.none() | BYTES,
    responder=st.sampled_from(Responder),
    started=TIMES,
    ended=st.none() | TIMES,
    client=st.sampled_from(["", "192.0.2.1"]),
    connection=st.sampled_from(["", "c1", "c2"]),
    http_version=st.sampled_from(["HTTP/1.1", "HTTP/2.0", "", "\xff"]),
    server_address=st.sampled_from(["", "127.0.0.1", "203.0.113.7", "no address"]),
    websocket=st.booleans(),
    source=st.sampled_from(["live", "flows", "har"]),
)


def is_plain(value: Any) -> bool:
    """Say whether a value is what JSON and a saved flow can hold."""
    match value:
        case dict():
            return all(isinstance(key, str) and is_plain(each) for key, each in value.items())
        case list():
            return all(map(is_plain, value))
        case _:
            return value is None or isinstance(value, (str, int, float, bool))


def sound(verdict: Verdict) -> None:
    """Assert what holds of every verdict."""
    plain = verdict.to_plain()
    assert is_plain(plain)
    assert json.loads(json.dumps(plain)) == plain
    assert {*plain["browsers"]} == {judge.value for judge in Judge}
    assert verdict.outcome is verdict.views[verdict.judge].outcome
    for view in verdict.views.values():
        if view.outcome not in (Outcome.BLOCKED, Outcome.CONDITIONAL):
            assert view.error is None
    for finding in verdict.findings:
        assert finding.message.isprintable()
        assert len(finding.message) < 1000
        assert finding.needed is None or finding.needed.isprintable()
        for line in finding.evidence:
            assert line.value is None or (line.value.isprintable() and len(line.value) <= 2000)


@settings(max_examples=200)
@given(st.lists(EXCHANGES, max_size=8), st.none() | st.sampled_from(Judge), st.booleans())
def test_anything_gets_a_verdict(exchanges: list[Exchange], judge: Judge | None, audit: bool) -> None:
    session = Session(Settings(judge, audit), capacity=3)
    for each in exchanges:
        verdict, changed = session.observe(each)
        assert (verdict is None) is (each.response is None and each.error is None)
        if verdict is not None:
            sound(verdict)
        for id in {*changed, "a", "b"}:
            again = session.judge(id)
            if again is not None:
                sound(again)
    session.finish()


@pytest.mark.parametrize(
    "status", [*range(0, 1000, 7), 0, 100, 101, 199, 200, 204, 299, 300, 301, 304, 308, 599, 600, 999]
)
def test_every_status_of_both_kinds(status: int) -> None:
    for each in (
        cors(f"GET {ITEMS}", status=status, answer=allow()),
        cors(f"GET {ITEMS}", status=status),
        preflight(f"PUT {ITEMS}", status=status, answer=allow(methods="PUT")),
        preflight(f"PUT {ITEMS}", status=status, answer=["Location: /b"]),
    ):
        sound(judge_all([each])["1"])


MEBIBYTE = 1 << 20


@pytest.mark.once
@pytest.mark.parametrize("char", [*'a,* /:.[%"\\\t\x00\xff'])
@pytest.mark.parametrize(
    "name", ["Origin", "Location", "Max-Age", "Allow-Origin", "Allow-Methods", "Allow-Headers", "Expose-Headers"]
)
def test_a_value_of_a_mebibyte(char: str, name: str) -> None:
    value = char * MEBIBYTE
    if name == "Origin":
        found = cors(f"GET {ITEMS}", origin=f"https://{value}", answer=allow())
    elif name == "Location":
        found = cors(f"GET {ITEMS}", status=302, answer=[f"Location: {value}", *allow()])
    else:
        answer = [f"Access-Control-{name}: {value}", *(() if name == "Allow-Origin" else allow())]
        found = preflight(f"PUT {ITEMS}", "x-a", status=200, answer=answer)
        sound(judge_all([cors(f"GET {ITEMS}", answer=answer)])["1"])
    sound(judge_all([found])["1"])


def test_a_url_of_a_mebibyte() -> None:
    for url in (f"{API}/{'a' * MEBIBYTE}", f"https://{'a.' * (MEBIBYTE // 2)}test/", "https://" + "[" * MEBIBYTE):
        sound(judge_all([cors(f"GET {url}", answer=allow())])["1"])


def test_ten_thousand_headers() -> None:
    many = [f"X-{number}: {number}" for number in range(10_000)]
    sound(judge_all([cors(f"GET {ITEMS}", *many, answer=[*many, *allow()])])["1"])
    origins = [f"Access-Control-Allow-Origin: https://{number}.test" for number in range(10_000)]
    verdict = judge_all([cors(f"GET {ITEMS}", answer=origins)])["1"]
    sound(verdict)
    assert verdict.outcome is Outcome.BLOCKED
    assert len(json.dumps(verdict.to_plain())) < 100_000


def test_five_thousand_names_asked_for() -> None:
    names = [f"x-{number}" for number in range(5_000)]
    verdict = judge_all([preflight(f"PUT {ITEMS}", *names, answer=allow(methods="PUT"))])["1"]
    sound(verdict)
    assert [finding.id for finding in verdict.findings] == ["header-not-allowed"] * 20
    assert "4980 more names" in verdict.findings[-1].message
    assert len(json.dumps(verdict.to_plain())) < 300_000


@example([])
@given(st.lists(st.sampled_from(["\x00", "\r", "\n", "\x1b[2J", "\u202e", "\ufeff", "é"]), max_size=4))
def test_nothing_sent_gets_out_as_a_control_character(parts: list[str]) -> None:
    text = "".join(parts)
    for each in (
        cors(f"GET {ITEMS}", origin=f"https://{text}a.test", answer=[f"Access-Control-Allow-Origin: {text}x"]),
        preflight(f"P{text}T {ITEMS}", f"x{text}", answer=allow(methods=f"{text}", names=text)),
        exchange(f"GET {ITEMS}", *metadata("cors", "same-origin"), status=302, answer=[f"Location: ftp:{text}"]),
    ):
        sound(judge_all([each])["1"])
