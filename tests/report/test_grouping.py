import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.report.grouping import GroupKey, group_key, key_of_group, path_template, plain_text, target_of


@pytest.mark.parametrize(
    ("path", "template", "reason"),
    [
        ("/items", "/items", "a word stays"),
        ("/items/17", "/items/{id}", "a number"),
        ("/items/17/parts/3", "/items/{id}/parts/{id}", "each number"),
        ("/v1/items", "/v1/items", "a version is a word"),
        ("/f/3f2504e0-4f89-41d3-9a0c-0305e82c3301", "/f/{id}", "a UUID"),
        ("/f/3F2504E0-4F89-41D3-9A0C-0305E82C3301/x", "/f/{id}/x", "a UUID in capitals"),
        ("/f/507f1f77bcf86cd799439011", "/f/{id}", "an object id of hexadecimal digits"),
        ("/f/deadbeef", "/f/deadbeef", "eight hexadecimal digits may be a word"),
        ("/f/dGhpcyBpcyBhbiBpZA0K12", "/f/{id}", "a long mix of letters and digits"),
        ("/f/a-quite-long-and-readable-name", "/f/a-quite-long-and-readable-name", "no digit in it"),
        ("/f/12\n", "/f/12\n", "a line end is part of the segment"),
        ("", "", "no path"),
        ("//1//", "//{id}//", "empty segments stay"),
    ],
)
def test_path_templates(path: str, template: str, reason: str) -> None:
    assert path_template(path) == template, reason


@pytest.mark.parametrize(
    ("url", "target", "reason"),
    [
        ("https://api.test/items/1?x=2", ("api.test", "/items/{id}"), "the query is no part"),
        ("https://api.test:8443/", ("api.test:8443", "/"), "the port is one"),
        ("https://user:secret@api.test/", ("api.test", "/"), "user info is none"),
        ("https://[::1]:80/a", ("[::1]:80", "/a"), "an address"),
        ("https://[broken/a?b#c", ("", "https:///[broken/a"[:7] + "/[broken/a"), "what does not parse is all path"),
        ("", ("", ""), "nothing"),
    ],
)
def test_targets(url: str, target: tuple[str, str], reason: str) -> None:
    assert target_of(url) == target, reason


def test_a_url_without_end_is_cut_for_the_key_only() -> None:
    host, path = target_of("https://api.test/" + "a/" * 100_000)
    assert host == "api.test"
    assert len(path) == 2_000


def test_texts_carry_no_lone_surrogates_and_no_secrets() -> None:
    assert plain_text("a\ud800b") == "a\\ud800b"
    assert plain_text("äß\u202e") == "äß\u202e"
    assert plain_text("https://u:p@h.test/?token=abc") == "https://h.test/?token=REDACTED"
    assert plain_text("x" * 1000 + "?token=abc") == "x" * 1000 + "?token=REDACTED"


def test_a_group_gives_its_key_back() -> None:
    key = group_key("allow-origin-missing", "GET", "https://api.test/items/1", "https://app.test")
    assert key == GroupKey("allow-origin-missing", "https://app.test", "api.test", "GET", "/items/{id}")
    assert key_of_group(key._asdict()) == key
    assert key_of_group({"id": "x"}) is None
    assert key_of_group({**key._asdict(), "path": 1}) is None


@given(st.text(), st.text(), st.one_of(st.none(), st.text()))
def test_every_text_has_a_key_that_can_be_written(method: str, url: str, origin: str | None) -> None:
    key = group_key("id", method, url, origin)
    "".join(key).encode("utf-8")
    assert key == group_key("id", method, url, origin)
