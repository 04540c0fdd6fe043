"""The table of cases is whole: names, URLs and answers fit together."""

from __future__ import annotations

import re
from collections import Counter

from tests.browser.cases import CASES
from tests.browser.cases.case import Case
from tests.browser.cases.drawn import drawn

PLACEHOLDER = re.compile(r"https?://[^/]*/c/<case>/(\w+)")
NOBODY = re.compile(r"//(?:dead|badtls)\.test")


def test_names_are_unique() -> None:
    assert not [name for name, times in Counter(case.name for case in CASES).items() if times > 1]


def test_there_are_enough() -> None:
    assert len(CASES) >= 120


def test_every_case_says_why() -> None:
    assert not [case.name for case in CASES if not case.why]


def urls(case: Case) -> list[str]:
    loaded = [str(value) for load in case.loads for value in (load.url, load.options)]
    sent_on = [
        text
        for endpoint in case.serve.values()
        for answer in endpoint.actual
        for text in (*(value for _, value in answer.headers), answer.body.decode("latin-1"))
    ]
    by_page = [value.replace(f"/c/{case.name}/", "/c/<case>/") for _, value in case.page.headers]
    return [*loaded, *sent_on, *by_page]


def test_every_url_has_an_answer() -> None:
    missing = {
        f"{case.name}/{leaf}"
        for case in CASES
        for text in urls(case)
        if not NOBODY.search(text)
        for leaf in PLACEHOLDER.findall(text)
        if leaf not in case.serve
    }
    assert not missing


def test_every_answer_has_a_url() -> None:
    unused = {
        f"{case.name}/{leaf}"
        for case in CASES
        for leaf in case.serve
        if not any(leaf == found for text in urls(case) for found in re.findall(r"/c/<case>/(\w+)", text))
    }
    assert not unused


def test_cases_drawn_by_lot_are_whole_and_the_same_for_a_seed() -> None:
    cases = drawn(7, 300)
    assert cases == drawn(7, 300)
    assert cases != drawn(8, 300)
    for case in cases:
        asked = {leaf for text in urls(case) for leaf in PLACEHOLDER.findall(text)}
        sent_on = {
            leaf
            for endpoint in case.serve.values()
            for answer in endpoint.preflight
            for _, value in answer.headers
            for leaf in PLACEHOLDER.findall(value)
        }
        assert asked | sent_on == set(case.serve), case.name
    hows = {load.how for case in cases for load in case.loads}
    assert {"fetch", "xhr", "img", "font", "beacon", "eventsource"} <= hows
