"""What Chromium's URL parser takes, which tells two of its error names apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.verdict.chromium_url import is_valid_url
from tests.fetch.table import table


@table(
    "text",
    ("an origin", "https://app.test"),
    ("a trailing slash", "https://app.test/"),
    ("path, query and fragment", "https://app.test/x?y#z"),
    ("a port", "https://app.test:8443"),
    ("an empty port", "https://app.test:"),
    ("a port with zeroes", "https://app.test:0000080"),
    ("capitals", "HTTPS://APP.TEST"),
    ("user name and password", "https://user:pw@app.test"),
    ("a wildcard for hosts is a letter like others", "https://*.app.test"),
    ("nothing but a wildcard", "https://*"),
    ("an underscore", "https://a_b.test"),
    ("an empty label", "https://a..test"),
    ("a dot", "https://."),
    ("a comma", "https://a,b"),
    ("no slashes", "https:app.test"),
    ("one slash", "https:/app.test"),
    ("three slashes", "https:///app.test"),
    ("backslashes", "https:\\\\app.test"),
    ("outer whitespace and controls", " \x01https://app.test\x00 "),
    ("a tab within", "https://app\t.test"),
    ("an IPv4 address", "https://127.0.0.1:3000"),
    ("a short one", "https://127.1"),
    ("one in hex", "https://0x7f.1"),
    ("an IPv6 address", "https://[::1]:3000"),
    ("percent-encoded letters", "https://%41pp.test"),
    ("a domain in UTF-8", "https://\xc3\xa9.test"),
    ("bytes that are no text, in the path", "https://app.test/\xff"),
    ("bytes that are no text, in the user name", "https://\xff@app.test"),
    ("host and port look like a scheme", "localhost:3000"),
    ("a domain and port too", "app.test:8080"),
    ("a WebSocket", "ws://app.test"),
    ("an app's scheme", "app://localhost"),
    ("without a host", "capacitor://"),
    ("with a port", "app://localhost:80"),
    ("with an IPv6 address", "app://[::1]"),
    ("a file", "file:///x"),
    ("data", "data:,x"),
    ("about", "about:blank"),
    ("an extension", "chrome-extension://abcdef"),
    ("what comes after ten thousand characters does not count", "https://app.test/" + "x" * 20_000 + "\x00"),
)
def test_what_parses(text: str) -> None:
    assert is_valid_url(text)


@table(
    "text",
    ("nothing", ""),
    ("a star", "*"),
    ("two stars", "**"),
    ("a word", "true"),
    ("null is asked for before", "null"),
    ("NULL", "NULL"),
    ("a host", "app.test"),
    ("a host that begins with a digit, and a port", "127.0.0.1:3000"),
    ("an IPv6 address", "[::1]:3000"),
    ("no scheme", "//app.test"),
    ("no colon", "https//app.test"),
    ("no host", "https://"),
    ("no host but a port", "https://:80"),
    ("no host but a path", "https:"),
    ("in double quotes", '"https://app.test"'),
    ("in single quotes", "'https://app.test'"),
    ("a placeholder", "<origin>"),
    ("another", "{{origin}}"),
    ("another still", "$http_origin"),
    ("a template within", "https://<host>"),
    ("a space in the host", "https://app test"),
    ("an encoded one", "https://app%20test"),
    ("a lone percent sign", "https://app%"),
    ("a caret", "https://app^test"),
    ("a control character", "https://app\x01test"),
    ("a bracket", "https://[app.test]"),
    ("an open bracket", "https://[::1"),
    ("a port that is too large", "https://app.test:65536"),
    ("a port that is no number", "https://app.test:80a"),
    ("an IPv4 address with a part too large", "https://1.2.3.256"),
    ("one with a part too many", "https://1.2.3.4.5"),
    ("a letter in Latin-1", "https://\xe9.test"),
    ("bytes that are no text", "https://\xff\xfe.test"),
    ("a scheme that begins with a digit", "1app://x"),
    ("a space in the scheme", "h t://x"),
    ("a space in an app's host", "app://a b"),
    ("a bracket in an app's host", "app://[x]"),
    ("a port too large in an app's", "app://a:65536"),
    ("a port of many digits", "app://a:" + "9" * 9_000),
    ("a port of letters in an app's", "app://a:x"),
)
def test_what_does_not(text: str) -> None:
    assert not is_valid_url(text)


@given(st.text(st.characters(max_codepoint=255)))
def test_any_bytes_get_an_answer(text: str) -> None:
    assert is_valid_url(text) in (True, False)
    assert is_valid_url(f"https://{text}") in (True, False)
    assert is_valid_url(f"app://{text}") in (True, False)


@pytest.mark.parametrize("char", "\"$&'()*+,;=_`{}~!")
def test_what_a_host_may_hold_besides_letters(char: str) -> None:
    assert is_valid_url(f"https://a{char}b")
