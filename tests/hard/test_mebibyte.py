"""A mebibyte of anything: what parsers and comparisons get to see of it is bounded, whatever is sent.

Work is counted, not timed: the characters that a flow's exchange holds once it is read, the calls that its hooks,
verdict, causes and report make, and the characters that secrets are looked for in. `bench.py --only large` prints how
long the event loop is held.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from mitmproxy import http

from cors_addon.fetch.header_list import HeaderList
from cors_addon.mitm import flows
from cors_addon.traffic import retention
from cors_addon.verdict import redact
from scripts.benchmark.large import PLACES, _value
from scripts.benchmark.traffic import Call, flow_of
from tests.mitm.support import Proxy, proxy

MOST_KEPT = 200_000
"""Characters of one exchange: lists are read to 64 KB, other values to 4 KB, and 500 lines of what nobody reads."""

MOST_CALLS = 40_000
MOST_SEARCHED = 2_000_000
MOST_ON_A_FLOW = 100_000
"""Characters of the metadata, which mitmproxy keeps as long as the flow, and copies into flow files."""

KINDS = ("names, all different", "JSON")


def flow(call: Call, number: int) -> http.HTTPFlow:
    made = flow_of(number, 1000.0 + number, call, "host.test", live=True)
    made.request.data.path = call.path.encode("utf-8", "surrogateescape")
    return made


class Work:
    """Counts calls of the package's own functions."""

    def __init__(self) -> None:
        self.calls = 0

    def of(self, run: Callable[[], object]) -> int:
        self.calls = 0

        def profile(frame: FrameType, event: str, argument: Any) -> None:
            if event == "call" and "cors_addon" in frame.f_code.co_filename:
                self.calls += 1

        sys.setprofile(profile)
        try:
            run()
        finally:
            sys.setprofile(None)
        return self.calls


def sent(running: Proxy, subject: http.HTTPFlow) -> None:
    running.send(subject)
    running.addon.verdict_of(subject)


@pytest.mark.once
@pytest.mark.parametrize("place", PLACES)
def test_what_is_read_of_it_is_bounded(place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    searched: list[int] = []
    real = redact._redact

    def counted(text: str, depth: int) -> str:
        searched.append(len(text))
        return real(text, depth)

    monkeypatch.setattr(redact, "_redact", counted)
    work = Work()
    for number, kind in enumerate(KINDS):
        subject = flow(PLACES[place](_value(kind)), number)
        exchange = flows.exchange_of(subject)
        headers = [exchange.request.headers, *([exchange.response.headers] if exchange.response else [])]
        kept = len(exchange.request.url) + len(exchange.request.method) + sum(each.size for each in headers)
        assert kept < MOST_KEPT, f"{kind}: {kept:,} characters are read"
        with proxy() as running:
            sent(running, flow(PLACES[place]("x"), 100 + number))
            searched.clear()
            calls = work.of(lambda: sent(running, subject))  # noqa: B023
        assert calls < MOST_CALLS, f"{kind}: {calls:,} calls"
        assert sum(searched) < MOST_SEARCHED, f"{kind}: secrets are looked for in {sum(searched):,} characters"
        stays = len(json.dumps(subject.metadata))
        assert stays < MOST_ON_A_FLOW, f"{kind}: {stays:,} characters stay with the flow"


def test_long_lines_keep_their_beginning_and_say_how_long_they_were() -> None:
    headers = retention.headers_of([(b"X-Long", b"a" * 1_000_000), (b"Vary", b"Origin"), (b"Origin", b"http://a.test")])
    assert headers.origin == "http://a.test"
    assert headers.vary == "Origin"
    value = headers.get("X-Long") or ""
    assert value.startswith("aaaa")
    assert "...(1000000-" in value
    assert len(value) < 2_200


def test_a_header_that_matters_is_read_behind_thousands_that_do_not() -> None:
    lines = [(f"X-{number}".encode(), b"a") for number in range(5_000)]
    headers = retention.headers_of([*lines, (b"ACCESS-CONTROL-Allow-ORIGIN", b"http://a.test")])
    assert headers.allow_origin == "http://a.test"
    assert len(headers) < 600


def test_two_lines_are_no_more_alike_than_they_were() -> None:
    one, other = (retention.headers_of([(b"X", b"a" * 9_000 + end)]).get("X") for end in (b"1", b"2"))
    assert one != other


def test_a_short_list_is_read_as_it_is() -> None:
    lines = [(b"Host", b"a.test"), (b"X-Other", b"b" * 4_000)]
    assert retention.headers_of(lines) == HeaderList.from_bytes(lines)


@pytest.mark.parametrize("count", [2, 3, 20_000])
def test_lines_of_one_name_are_joined_once(count: int) -> None:
    """Joined at each line, 20,000 lines are copied 200 million times."""
    lines = [("Vary", f"a{number}") for number in range(count)]
    assert HeaderList(lines).vary == ", ".join(value for _, value in lines)
    assert len(HeaderList(lines).get_all("vary")) == count
