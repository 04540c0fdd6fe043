"""What a server sends costs in proportion to its length: twice the bytes, about twice the work, in every parser.

Work is counted in calls and in lines run, not in seconds: a loaded machine must not fail a test. Regular expressions
run below that, so they get inputs on which a careless one would take minutes, and have to end at all.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.report.formats import FORMATS
from cors_addon.report.model import build
from cors_addon.rules.decode import read_rules
from cors_addon.rules.inject import plan
from cors_addon.traffic.transcript import parse_transcript
from cors_addon.verdict.redact import redact
from tests.report.samples import exchange

pytestmark = pytest.mark.once

ALLOW = ("Access-Control-Allow-Origin", "https://app.test")
ASKS = ("Access-Control-Request-Method", "PUT")
PARTS = [
    "a,",
    "a ",
    ",",
    " ",
    "\t",
    '"',
    '"a",',
    "\\",
    '"\\',
    "*,",
    "é",
    "a=b;",
    "%41",
    "http://a.test ",
    "eyJa.",
    "?a=b&",
]
NAMES = [
    "Access-Control-Allow-Origin",
    "Access-Control-Allow-Credentials",
    "Access-Control-Allow-Methods",
    "Access-Control-Allow-Headers",
    "Access-Control-Expose-Headers",
    "Access-Control-Max-Age",
    "Content-Type",
    "X-Content-Type-Options",
    "Cross-Origin-Resource-Policy",
    "Cross-Origin-Embedder-Policy",
    "Timing-Allow-Origin",
    "Location",
    "Vary",
    "Set-Cookie",
    "Server",
    "Via",
    "Cache-Control",
]
SMALL, LARGE = 4_000, 16_000
MEBIBYTE = 1 << 20
RULES = read_rules(
    b"version: 1\nrules:\n  - {name: x, hosts: [api.test], allow_origins: ['https://app.test'], preflight: repair}\n"
).rules


def work(run: Callable[[], object]) -> int:
    """Count the lines that run in this project's own code."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        if event == "call":
            return trace if "cors_addon" in frame.f_code.co_filename else None
        lines += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        run()
    finally:
        sys.settrace(before)
    return lines


def proportional(make: Callable[[int], Callable[[], object]]) -> None:
    make(100)()  # what is done only once is done now
    small, large = work(make(SMALL)), work(make(LARGE))
    assert large <= 7 * small + 3_000, f"{small:,} lines for {SMALL:,} bytes, {large:,} for {LARGE:,}"


def judged(answer: list[tuple[str, str]], asked: list[tuple[str, str]], status: int = 200, **more: Any) -> object:
    verdicts = judge_all(
        [
            exchange([*answer, ALLOW], [ASKS, *asked], id="p", method="OPTIONS", status=status, **more),
            exchange([*answer, ALLOW], asked, id="r", status=status, **more),
            exchange(answer, asked, id="s", status=status, **more),
        ]
    )
    assert RULES is not None
    for each in (exchange(answer, [ASKS, *asked], method="OPTIONS", **more), exchange(answer, asked, **more)):
        plan(RULES, each)
    report = build(verdicts.values())
    return [render(report) for _, render in FORMATS.values()]


@pytest.mark.parametrize("name", NAMES)
def test_a_header_of_the_response(name: str) -> None:
    for part in PARTS:
        status = 302 if name == "Location" else 200
        proportional(lambda size: lambda: judged([(name, part * (size // len(part)))], [], status))  # noqa: B023


@pytest.mark.parametrize("name", ["Origin", "Access-Control-Request-Headers", "Referer", "Cookie", "User-Agent"])
def test_a_header_of_the_request(name: str) -> None:
    for part in PARTS:
        proportional(lambda size: lambda: judged([ALLOW], [(name, part * (size // len(part)))]))  # noqa: B023


@pytest.mark.parametrize("part", ["/a", "/1", "/%2e%2e", "?a=b&", "[", "@", "#", "é", "/eyJa.b"])
def test_the_url(part: str) -> None:
    proportional(lambda size: lambda: judged([ALLOW], [], url=f"https://api.test/{part * (size // len(part))}"))
    proportional(lambda size: lambda: judged([ALLOW], [], url=f"https://{part * (size // len(part))}"))


@pytest.mark.parametrize("name", [*NAMES, "X-Other"])
def test_many_lines_of_one_name(name: str) -> None:
    proportional(lambda size: lambda: judged([(name, f"a{number}") for number in range(size // 20)], []))


def test_many_names() -> None:
    proportional(lambda size: lambda: judged([(f"X-{number}", "a") for number in range(size // 20)], []))
    proportional(lambda size: lambda: judged([], [(f"X-{number}", "a") for number in range(size // 20)]))


def test_many_names_asked_for_and_many_listed() -> None:
    def make(size: int) -> Callable[[], object]:
        listed = ", ".join(f"x-{number}" for number in range(size // 10))
        asked = ", ".join(f"y-{number}" for number in range(size // 10))
        answer = ("Access-Control-Allow-Headers", listed)
        return lambda: judged([answer], [("Access-Control-Request-Headers", asked)])

    proportional(make)


def test_exchanges_with_one_server() -> None:
    def make(size: int) -> Callable[[], object]:
        text = "".join(f"> GET https://api.test/{n}\n> Origin: https://app.test\n< 200\n\n" for n in range(size // 200))
        exchanges = parse_transcript(text)
        return lambda: judge_all(exchanges)

    proportional(make)


@pytest.mark.parametrize(
    "part", [*PARTS, "bearer ", "basic a", "//@", "&amp;a=", "?a=%3D", "%253D", "=", "@", "eyJeyJ", "a=", "token:a"]
)
def test_taking_out_secrets_ends(part: str) -> None:
    redact(part * (MEBIBYTE // len(part)))
    redact(f"https://a.test/?x={part * (MEBIBYTE // len(part))}")


@pytest.mark.parametrize("part", PARTS)
def test_every_header_of_a_mebibyte_ends(part: str) -> None:
    value = part * (MEBIBYTE // len(part))
    judge_all([exchange([(name, value) for name in NAMES], [("Origin", value), ("Cookie", value)])])
