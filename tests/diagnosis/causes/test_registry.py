"""The list of causes: well written, and fit to be shown anywhere."""

import re

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.diagnosis.causes import _RULES, CAUSES
from cors_addon.diagnosis.causes.cause import CauseEntry
from cors_addon.diagnosis.causes.libraries import library_of
from cors_addon.diagnosis.causes.library_table import LIBRARIES
from cors_addon.verdict.model import Confidence


@pytest.mark.parametrize("entry", CAUSES.values(), ids=CAUSES)
def test_each_entry(entry: CauseEntry) -> None:
    assert re.fullmatch(r"[a-z]+(?:-[a-z]+)+", entry.id)
    assert entry.id not in CATALOGUE, "explain takes both"
    assert len(entry.title) <= 110
    assert not entry.title.endswith(".")
    assert ":" not in entry.title, "the evidence follows after one"
    for text in (entry.signal, entry.fix):
        assert text.endswith(".")
        assert text[0].isupper() or text.startswith("nginx ")
        assert text.isprintable()
        assert 20 <= len(text) <= 320


def test_rules_are_for_findings_that_exist() -> None:
    assert set(_RULES) <= set(CATALOGUE)


def test_titles_tell_causes_apart() -> None:
    assert len({entry.title for entry in CAUSES.values()}) == len(CAUSES)
    assert len({entry.signal for entry in CAUSES.values()}) == len(CAUSES)


def test_a_cause_is_inert_and_without_secrets() -> None:
    entry = CAUSES["redirected-to-login"]
    cause = entry.named(Confidence.HIGH, "to https://a.test/?token=s3cr3t\r\n\u202e", ["1", None, "1", "2"])
    assert "s3cr3t" not in cause.message
    assert cause.message.isprintable()
    assert cause.flows == ("1", "2")
    assert (cause.who, cause.fix) == (entry.who, entry.fix)
    assert cause.message.startswith(f"{entry.title}: to https://a.test/")
    assert len(entry.named(Confidence.LOW, "a" * 9_000).message) <= 500


def test_libraries_are_told_apart() -> None:
    names = [header for library in LIBRARIES for header in library.headers]
    assert len(names) == len(set(names))
    assert all(name == name.lower() for name in names)
    for library in LIBRARIES:
        for header in library.headers:
            assert library_of(header.rstrip("*") + ("x" if header.endswith("*") else "")) is library
    assert library_of("x-tenant") is None
    assert library_of("content-type") is None
    assert library_of("authorization") is None
