"""Host profiles on the live page: what they tell, how often they are made, and that the wire's texts stay texts."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest

from cors_addon.diagnosis.stepwise import result_of
from cors_addon.page.profiles import LISTED, Profiles, profiles
from tests.diagnosis.test_host_profiles import ASKED, ELSE, get, learned, put
from tests.page.test_render import Reader
from tests.report.samples import exchange, probed_hosts
from tests.report.test_inert import HOSTILE, exchanges


def shown(*made: Any) -> str:
    return Reader(profiles(learned(*made))).text


def test_without_hosts_it_says_so() -> None:
    assert "No host has answered" in profiles(())


def test_what_is_told() -> None:
    text = shown(ASKED, put(status=405), get("1"), get("2", origin=ELSE), get("3", status=500, answer=[], path="/else"))
    for part in (
        "https://api.test",
        "2 contradictions",
        "the preflight at /items allows PUT, which then gets 405",
        "What would serve every page that asked",
        "Access-Control-Allow-Methods: PUT",
        "https://app.test (allowed, now and then refused)",
        "allow-origin-missing at GET /else",
        "Preflights took one round trip",
    ):
        assert part in text, part


def test_what_the_probe_was_told() -> None:
    (host,) = learned(get("1"))
    refused = {
        "origin": "null",
        "method": "GET",
        "url": "https://api.test/",
        "status": 200,
        "trust": "no",
        "meaning": "x",
    }
    trusted = {**refused, "trust": "with credentials", "meaning": "allows everybody"}
    assert "The server allowed none of 1 made-up names." in Reader(profiles([{**host, "probed": [refused]}])).text
    text = Reader(profiles([{**host, "probed": [refused, trusted]}])).text
    assert "null: GET https://api.test/ (200): it allows everybody" in text


def test_a_host_that_may_be_probed_has_a_button_for_it() -> None:
    (host,) = learned(get("1"))
    assert "<form" not in profiles([host])
    elements = Reader(profiles([{**host, "may_be_probed": True}], 0, "t<1>")).elements
    inputs = {found["name"]: found["value"] for tag, found in elements if tag == "input"}
    assert inputs == {"token": "t<1>", "name": "https://api.test"}
    assert [found["action"] for tag, found in elements if tag == "form"] == ["probe"]


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_element_and_no_attribute_that_a_harmless_text_does_not_cause(text: str) -> None:
    def shape(text: str) -> set[tuple[str, frozenset[str]]]:
        made = exchanges(text)
        found = Reader(profiles([{**host, "may_be_probed": True} for host in probed_hosts(made, ())]))
        return {(tag, frozenset(attributes)) for tag, attributes in found.elements}

    assert shape(text) <= shape("harmless")


def test_it_is_made_anew_seldom_and_where_something_changed() -> None:
    now, calls = [0.0], []

    def make(most: int) -> Generator[None, None, tuple[list[dict[str, Any]], int]]:
        calls.append(most)
        now[0] += 0.5
        yield
        return learned(exchange([], id="1")) if len(calls) > 1 else [], 1

    state = [0]
    kept = Profiles(make, "", lambda: state[0], lambda: now[0])
    assert result_of(kept.steps(1))
    assert not result_of(kept.steps(1)), "nothing has changed"
    assert not result_of(kept.steps(2)), "too soon: it took half a second"
    now[0] += 9.9
    assert not result_of(kept.steps(2))
    now[0] += 0.2
    assert result_of(kept.steps(2))
    assert not result_of(kept.steps(2))
    now[0] += 100
    assert not result_of(kept.steps(3)), "made anew, and as it was"
    now[0] += 100
    assert not result_of(kept.steps(3))
    state[0] += 1
    assert not result_of(kept.steps(3)), "made anew, for something else has changed"
    assert calls == [LISTED] * 4
    assert "api.test" in kept.html
