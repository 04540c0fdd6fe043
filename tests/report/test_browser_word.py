"""What the browser itself said, in reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from cors_addon.report import html, markdown
from cors_addon.report.browser_word import ToldCounts, differences, place_of, told_line, unsent_lines
from cors_addon.report.entries import flow_entry
from cors_addon.report.model import Report
from cors_addon.verdict.model import ToldView
from tests.report.samples import MIXED, mixed, verdicts

SITE = {"url": "http://localhost:5173/src/api.ts", "line": 12, "column": 3, "function": "loadItems"}
ENTRY = {
    "method": "GET",
    "url": "http://api.test/items?token=secret",
    "message": "not sent: connect-src in the Content-Security-Policy of the page blocks it",
    "help": "Add http://api.test to connect-src in the Content-Security-Policy of the page.",
    "reason": "csp",
    "initiator": SITE,
    "count": 2,
}


def test_agreement_is_counted() -> None:
    first, second, *rest = verdicts(MIXED)
    views = [ToldView("Chromium 156", "blocked", "X", agrees) for agrees in (True, False)]
    told = ToldCounts([replace(first, told=views[0]), replace(second, told=views[1]), *rest]).summary()
    assert told == {"confirmed": 1, "differ": 1, "browsers": {"Chromium 156": 2}}
    assert told_line({"told": told}) == "2 verdicts, 1 as Chromium 156 says"


def test_without_a_browser_nothing_is_said() -> None:
    assert ToldCounts(verdicts(MIXED)).summary() is None
    assert told_line({}) == ""
    assert unsent_lines([]) == []
    assert "told" not in mixed().summary


def test_a_difference_is_a_line_of_markdown_without_secrets() -> None:
    verdict = replace(verdicts(MIXED)[0], url="https://api.test/items?token=secret")
    (line,) = differences([flow_entry(replace(verdict, told=ToldView("Chromium 156", "allowed", None, False)))])
    assert line.startswith("- `")
    assert "Chromium 156 says `allowed`, cors-addon finds " in line
    assert "secret" not in line


def test_a_confirmed_verdict_is_no_difference() -> None:
    verdict = replace(verdicts(MIXED)[0], told=ToldView("Chromium 156", "blocked", "X", True))
    assert list(differences([flow_entry(verdict)])) == []


def test_what_was_never_sent_says_why_where_and_what_to_do() -> None:
    report = mixed().with_unsent([ENTRY])
    lines = "\n".join(unsent_lines(report.unsent))
    assert "GET http://api.test/items?token=" in lines
    assert "secret" not in lines
    assert "2 times" in lines
    assert "by loadItems, http://localhost:5173/src/api.ts:12" in lines
    assert "Add http://api.test to connect-src" in lines


@pytest.mark.parametrize("render", [html.render, markdown.render])
def test_the_other_reports_say_so_too(render: Callable[[Report], str]) -> None:
    text = render(mixed().with_unsent([ENTRY]))
    assert "What never reached the proxy" in text
    assert "loadItems, http://localhost:5173/src/api.ts:12" in text
    assert "Add http://api.test to connect-src" in text
    assert "secret" not in text
    assert "What never reached the proxy" not in render(mixed())
    others = render(mixed().with_unsent([{**ENTRY, "others": True}]))
    assert "2 times, with other URLs of its origin" in others


def test_a_place() -> None:
    assert place_of(SITE) == "loadItems, http://localhost:5173/src/api.ts:12"
    assert place_of({**SITE, "function": None, "line": None}) == "http://localhost:5173/src/api.ts"
    assert place_of(None) == ""
