"""What a user types to start a browser."""

from __future__ import annotations

import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.browser.find import NAMES
from cors_addon.browser.wanted import Wanted, read, split_off

LOCAL = "http://localhost:5173/"

LINES = [
    ([], Wanted()),
    (["firefox"], Wanted("firefox")),
    (["Firefox", "--headless"], Wanted("firefox", headless=True)),
    ([LOCAL], Wanted(url=LOCAL)),
    (["edge", "localhost:5173"], Wanted("edge", "http://localhost:5173")),
    (["app.test/path"], Wanted(url="http://app.test/path")),
    (["about:blank"], Wanted(url="about:blank")),
    (["any"], Wanted()),
    (["--browser-command", "vivaldi --x", LOCAL], Wanted("", LOCAL, "vivaldi --x")),
    (["--browser-command=vivaldi"], Wanted(command="vivaldi")),
]


@pytest.mark.parametrize(("words", "expected"), LINES)
def test_read(words: list[str], expected: Wanted) -> None:
    assert read(words) == expected


@pytest.mark.parametrize("words", [["opera"], ["firefox", "chrome"], [LOCAL, LOCAL], ["--browser-command"], ["-x"]])
def test_what_cannot_be_read_is_said(words: list[str]) -> None:
    with pytest.raises(ValueError, match=r"is no URL and none of|needs the program"):
        read(words)


SPLIT = [
    ("no browser", ["-p", "1"], None, ["-p", "1"]),
    ("alone", ["--browser"], Wanted(), []),
    ("with a URL", ["--browser", LOCAL], Wanted(url=LOCAL), []),
    (
        "with all",
        ["--browser", "firefox", "--headless", LOCAL, "-p", "1"],
        Wanted("firefox", LOCAL, "", True),
        ["-p", "1"],
    ),
    ("after the tool's", ["-p", "1", "--browser", "chrome"], Wanted("chrome"), ["-p", "1"]),
    ("mitmdump's filter stays", ["--browser", "~u api"], Wanted(), ["~u api"]),
    ("a filter of one word stays", ["--browser", "api"], Wanted(), ["api"]),
    (
        "the value of an option is no URL",
        ["--browser", "--set", "cors_page=a.test"],
        Wanted(),
        ["--set", "cors_page=a.test"],
    ),
    ("in one word", ["--browser=firefox", LOCAL], Wanted("firefox", LOCAL), []),
    ("a program", ["--browser-command", "vivaldi", "-q"], Wanted(command="vivaldi"), ["-q"]),
]


@pytest.mark.parametrize(("words", "wanted", "left"), [row[1:] for row in SPLIT], ids=[row[0] for row in SPLIT])
def test_split_off(words: list[str], wanted: Wanted | None, left: list[str]) -> None:
    assert split_off(words) == (wanted, left)


@given(
    st.builds(
        Wanted,
        st.sampled_from(("", *NAMES)),
        st.sampled_from(("", LOCAL, "https://a.test/?q=a b&c='")),
        st.text("ab c'\"$", max_size=8),
        st.booleans(),
    )
)
def test_words_are_read_again(wanted: Wanted) -> None:
    assert read(shlex.split(wanted.words())) == wanted


def test_a_tool_without_a_filter_takes_no_other_word() -> None:
    """Else mitmweb complains of an argument that the user gave to the browser."""
    with pytest.raises(ValueError, match=r"^'opera' is no URL and none of the browsers chromium"):
        split_off(["--browser", "opera", "-p", "8081"], takes_filter=False)
    assert split_off(["--browser", "opera"], takes_filter=True) == (Wanted(), ["opera"])
    assert split_off(["--browser", "-p", "8081"], takes_filter=False) == (Wanted(), ["-p", "8081"])
