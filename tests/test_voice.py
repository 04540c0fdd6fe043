"""How the project speaks: what of that can be checked."""

import re

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.diagnosis.causes import CAUSES
from cors_addon.diagnosis.headlines import _SHORTS
from cors_addon.diagnosis.model import MOST_SHORT

BANNED = re.compile(
    r"\b(mend(s|ed|ing)?|owes?|tells? of|told of|lets? in|go(es)? along|at home|comes? of|in turn"
    r"|allow list|whitelist|but for|for any server|whoever|stands? in|strangers?|withh(old|eld)|somebody|a mere)\b",
    re.IGNORECASE,
)
LONGEST = 30
"""Words of a sentence that says what to do, at most; what stands in backticks is one."""


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.:;])\s+", re.sub(r"`[^`]*`", "code", text))


@pytest.mark.parametrize("violation", CATALOGUE.values(), ids=CATALOGUE)
def test_violations_use_the_verbs_of_the_trade(violation) -> None:  # type: ignore[no-untyped-def]
    for text in (violation.title, violation.explanation, violation.fix):
        assert not BANNED.search(text), text
        assert '""' not in text
    for sentence in (*sentences(violation.explanation), *sentences(violation.fix)):
        assert len(sentence.split()) <= LONGEST, sentence


@pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
def test_causes_do_too(cause) -> None:  # type: ignore[no-untyped-def]
    for text in (cause.title, cause.fix):
        assert not BANNED.search(text), text
        assert '""' not in text


def test_every_violation_has_a_short_form_that_fits() -> None:
    assert not CATALOGUE.keys() - _SHORTS.keys()
    for short in _SHORTS.values():
        assert len(re.sub(r"{[^}]*}", "", short)) <= MOST_SHORT - 3 or "{" not in short
        assert len(short) <= MOST_SHORT or "{" in short
