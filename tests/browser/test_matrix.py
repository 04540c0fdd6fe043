"""How the columns for other browsers are compared; the comparison itself runs on what real browsers did."""

from __future__ import annotations

import pytest

from tests.browser.matrix import Told, compared, matrix

KEY = ("request", "GET", "http://other.test/a", "")


def entry(**outcomes: str) -> dict[str, dict[str, dict[str, str]]]:
    return {"browsers": {name: {"outcome": outcome} for name, outcome in outcomes.items()}}


@pytest.mark.parametrize(
    ("outcome", "word", "expected"),
    [
        ("blocked", "OriginNotAllowed", "agree"),
        ("allowed", "ok", "agree"),
        ("not-cors", "ok", "agree"),
        ("blocked", "ok", "differ"),
        ("allowed", "OriginNotAllowed", "differ"),
        ("not-cors", "OriginNotAllowed", "differ"),
        ("conditional", "ok", "open"),
        ("unknown", "OriginNotAllowed", "open"),
        ("blocked", "other-failure", "open"),
    ],
)
def test_compared(outcome: str, word: str, expected: str) -> None:
    assert compared(outcome, word) == expected


def test_every_browser_is_compared_with_every_other() -> None:
    fields = matrix(
        {
            "chromium": [Told(KEY, "MissingAllowOriginHeader", entry(chromium="blocked", webkit="blocked"))],
            "webkit": [Told(KEY, "ok", entry(chromium="allowed", webkit="allowed"))],
        }
    )
    assert [(one.seen_in, one.of, one.agreement) for one in fields] == [
        ("chromium", "chromium", 1.0),
        ("chromium", "webkit", 0.0),
        ("webkit", "chromium", 0.0),
        ("webkit", "webkit", 1.0),
    ]
    assert "webkit ok" in fields[1].differences[0]


def test_what_a_browser_did_not_ask_for_is_not_compared() -> None:
    other = ("request", "GET", "http://other.test/b", "")
    told = {"chromium": [Told(KEY, "ok", None)], "webkit": [Told(other, "ok", None)]}
    assert matrix(told)[1].counted == {"not paired": 1}
