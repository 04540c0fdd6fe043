"""The pictures in the README show what the product says today."""

from __future__ import annotations

import re

import pytest

from tests.pictures.sample import HERE, stamp_of, stamps

README = (HERE.parents[1] / "README.md").read_text("utf-8")
PICTURES = ("mitmweb", "live-page")

pytestmark = pytest.mark.once


@pytest.fixture(scope="module")
def today() -> dict[str, str]:
    return stamps()


@pytest.mark.parametrize("name", PICTURES)
def test_the_picture_is_of_today(name: str, today: dict[str, str]) -> None:
    assert stamp_of(name) == today[name], f"{name}.png is old: run python -m tests.pictures, and look at what it makes"


def test_the_readme_shows_both_and_no_other() -> None:
    assert re.findall(r"!\[[^]]+\]\(tests/pictures/([\w-]+)\.png\)", README) == list(PICTURES)
