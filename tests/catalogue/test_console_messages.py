"""What a user pastes from a browser's console finds the entries: only the words count that tell messages apart."""

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.console_messages import entries_of, gives_no_reason
from cors_addon.catalogue.webkit_names import SENTENCES
from tests.browser.webkit_log import ABOUT_ACCESS, ABOUT_PREFLIGHT, ABOUT_REDIRECT

WEBKIT = {**ABOUT_PREFLIGHT, **ABOUT_REDIRECT, **ABOUT_ACCESS}


def ids(message: str) -> list[str]:
    return [each.id for each in entries_of(message)]


@pytest.mark.parametrize("name", SENTENCES)
def test_each_of_webkits_sentences_finds_the_entries_of_its_name(name: str) -> None:
    pasted = f"[Error] Header {WEBKIT[name]} Origin redirection value method https://multiple.test/true (x, line 1)"
    found = entries_of(pasted)
    assert {each.id for each in CATALOGUE.values() if each.webkit == name} == {each.id for each in found}


@pytest.mark.parametrize(
    ("expected", "pasted"),
    [
        ("allow-origin-missing", "by CORS policy: no 'Access-Control-Allow-Origin' … is present"),
        ("allow-origin-missing", "(CORS-Kopfzeile ‘Access-Control-Allow-Origin’ missing)"),
        ("allow-origin-multiple", "'Access-Control-Allow-Origin' … multiple values 'https://a.test, *'"),
        ("allow-origin-mismatch", "'Access-Control-Allow-Origin' … 'https://no.present.test' … not equal"),
        ("allow-origin-wildcard-with-credentials", "'Access-Control-Allow-Origin' … wildcard '*'"),
        ("allow-credentials-not-true", "'Access-Control-Allow-Credentials' … '' … 'true'"),
        ("preflight-status-not-ok", "preflight request … HTTP ok status"),
        ("preflight-redirect", "Redirect … not allowed … preflight"),
        ("method-not-allowed", "Method PUT … Access-Control-Allow-Methods"),
        ("header-not-allowed", "header field x-a … allowed by Access-Control-Allow-Headers"),
        ("orb-blocked", "net::ERR_BLOCKED_BY_ORB"),
    ],
)
def test_messages_of_the_other_browsers(expected: str, pasted: str) -> None:
    assert ids(pasted)[0] == expected


@pytest.mark.parametrize("words", ["", "allow-origin-missing", "TypeError: Failed to fetch"])
def test_other_words_find_nothing(words: str) -> None:
    assert ids(words) == []


def test_the_message_without_a_reason() -> None:
    assert gives_no_reason("Fetch API … https://api.test/ … access control checks.")
    assert not gives_no_reason("access denied")
