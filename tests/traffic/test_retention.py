"""A budget in bytes: long values are cut, the oldest exchanges go first, and verdicts stay right."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.diagnosis.session import Session
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.traffic.bounded_dicts import Weighed
from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.retention import LONGEST_LIST, LONGEST_URL, LONGEST_VALUE, cut, kept
from cors_addon.traffic.transcript import USER_AGENTS

APP = "https://app.test"


def exchange(number: int, *answer: tuple[str, str], url: str = "https://api.test/items", **asked: str) -> Exchange:
    lines = [("Origin", APP), ("User-Agent", USER_AGENTS["chromium"]), *asked.items()]
    return Exchange(
        id=f"f{number}",
        request=Request("GET", url, HeaderList(lines)),
        response=Response(200, HeaderList([("Access-Control-Allow-Origin", APP), *answer])),
        started=1000.0 + number,
        ended=1000.1 + number,
        client="192.0.2.1",
        connection=f"c{number}",
    )


@pytest.mark.parametrize("what", ["a header", "a list", "a URL", "many headers"])
def test_what_is_remembered_stays_within_the_budget(what: str) -> None:
    budget = 4 * 2**20
    correlator = Correlator(budget=budget)
    tracemalloc.start()
    try:
        for number in range(400):
            text = f"{number}" + "x" * 200_000
            match what:
                case "a header":
                    made = exchange(number, ("X-Big", text))
                case "a list":
                    made = exchange(number, ("Access-Control-Expose-Headers", text))
                case "a URL":
                    made = exchange(number, url=f"https://api.test/{text}")
                case _:
                    made = exchange(number, *[(f"X-{index}", "y" * 1000) for index in range(200)])
            correlator.observe(kept(made))
            del made, text
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert correlator.held <= budget
    assert held < 1.5 * budget, "what is counted is what it takes"
    assert "f399" in correlator.records, "the oldest went first"
    assert "f0" not in correlator.records or what != "a list"


def test_what_fits_is_kept_as_it_is() -> None:
    made = exchange(1, ("X-Own", "y" * 3000))
    assert kept(made) is made


def test_long_values_keep_their_beginning_length_and_hash() -> None:
    made = kept(exchange(1, ("X-Own", "y" * 100_000), ("Set-Cookie", "a=" + "b" * 9000 + "; Secure")))
    assert made.response is not None
    value = made.response.headers.get("X-Own") or ""
    assert value.startswith("y" * 1000)
    assert "100000-" in value
    assert len(value) < LONGEST_VALUE
    assert (made.response.headers.set_cookie or "").endswith("; Secure"), "its attributes come last"


@given(st.text(max_size=60), st.text(max_size=60))
def test_what_is_cut_is_equal_where_the_whole_is(one: str, other: str) -> None:
    assert (cut(one, 20) == cut(other, 20)) == (one == other)
    assert len(cut(one, 20)) <= max(20, 10 + 40)


def test_a_long_list_of_names_is_read_to_its_end() -> None:
    names = ", ".join(f"x-name-{number}" for number in range(4_000))
    assert LONGEST_VALUE < len(names) < LONGEST_LIST
    asked = exchange(1, ("Access-Control-Allow-Headers", f"{names}, x-last"), ("Access-Control-Allow-Methods", "PUT"))
    headers = HeaderList(
        [*asked.request.headers, ("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "x-last")]
    )
    verdict, _ = Session().observe(replace(asked, request=Request("OPTIONS", asked.request.url, headers)))
    assert verdict is not None
    assert verdict.outcome.value == "allowed"


def test_a_redirect_to_a_long_url_is_followed() -> None:
    target = "https://api.test/" + "z" * (2 * LONGEST_URL)
    session = Session()
    first = exchange(1, ("Location", target))
    assert first.response is not None
    session.observe(replace(first, response=Response(302, first.response.headers)))
    session.observe(replace(exchange(2, url=target), started=1001.2))
    record = session.correlator.get("f1")
    assert record is not None
    assert record.redirected_to == "f2"


def test_a_dictionary_with_a_budget_drops_those_written_first() -> None:
    dropped: list[str] = []
    made: Weighed[str, str] = Weighed(5, 10, len, dropped.append)
    for value in ("aaa", "bbb", "cccc"):
        made[value] = value
    assert (dropped, made.held) == ([], 10)
    made["aaa"] = "a"
    made["d"] = "ddddd"
    assert (dropped, list(made), made.held) == (["a", "bbb"], ["cccc", "d"], 9)
    assert made.discard("cccc")
    assert not made.discard("cccc")
    made["e"] = "e" * 50
    assert (list(made), made.held) == (["e"], 50), "the last one stays"
    made.clear()
    assert (len(made), made.held) == (0, 0)
