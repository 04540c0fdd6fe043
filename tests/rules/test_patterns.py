import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.rules.hosts import parse_host_pattern
from cors_addon.rules.origins import parse_origin_pattern
from cors_addon.rules.patterns import Origins, PathPattern, target_of
from cors_addon.rules.value_parsers import parse_path_pattern


@pytest.mark.parametrize(
    ("pattern", "url", "matches", "why"),
    [
        ("api.test", "https://api.test/", True, "the name, any port"),
        ("api.test", "http://api.test:8080/x", True, "any port, either scheme"),
        ("api.test", "https://API.test/", True, "host names know no case"),
        ("API.test", "https://api.test/", True, "nor in the rule"),
        ("api.test", "https://api.test./", True, "a dot at the end is the same server"),
        ("api.test.", "https://api.test/", True, "also in the rule"),
        ("api.test", "https://xapi.test/", False, "no suffix match"),
        ("api.test", "https://api.test.evil.example/", False, "no prefix match"),
        ("api.test", "https://v1.api.test/", False, "an exact name does not include what is below"),
        ("api.test:443", "https://api.test/", True, "the default port of https"),
        ("api.test:443", "http://api.test/", False, "which is another for http"),
        ("api.test:80", "http://api.test/", True, "the default port of http"),
        ("api.test:8443", "https://api.test:8443/", True, "a port written out"),
        ("api.test:8443", "https://api.test/", False, "another port"),
        ("*.dev.test", "https://a.dev.test/", True, "one label in front"),
        ("*.dev.test", "https://a.b.dev.test/", True, "several labels in front"),
        ("*.dev.test", "https://dev.test/", False, "not the name itself"),
        ("*.dev.test", "https://xdev.test/", False, "only whole labels"),
        ("*.dev.test:8443", "https://a.dev.test:8443/", True, "a wildcard with a port"),
        ("*.dev.test:8443", "https://a.dev.test/", False, "and another port"),
        ("localhost", "http://localhost:3000/", True, "a single label"),
        ("localhost", "http://127.0.0.1:3000/", False, "a name is not its address"),
        ("127.0.0.1", "http://127.0.0.1/", True, "an address"),
        ("127.0.0.1", "http://127.1/", True, "which browsers write in full"),
        ("[::1]", "http://[::1]:3000/", True, "an IPv6 address"),
        ("[::1]:3000", "http://[0:0:0:0:0:0:0:1]:3000/", True, "in another spelling"),
        ("[::1]:3000", "http://[::1]/", False, "another port"),
        ("10.0.0.0/8", "http://10.1.2.3/", True, "an address of a network"),
        ("10.0.0.0/8", "http://11.1.2.3/", False, "one outside of it"),
        ("10.0.0.0/8", "http://ten.test/", False, "a name is not looked up"),
        ("fe80::/10", "http://[fe80::1]/", True, "an IPv6 network"),
        ("fe80::/10", "http://10.0.0.1/", False, "and an IPv4 address"),
        ("bücher.test", "https://xn--bcher-kva.test/", True, "punycode on the wire"),
        ("my_service.test", "http://my_service.test/", True, "an underscore, as container names have"),
    ],
)
def test_hosts(pattern: str, url: str, matches: bool, why: str) -> None:
    target = target_of(url)
    assert target is not None
    assert parse_host_pattern(pattern).matches(target) is matches, why


@pytest.mark.parametrize(
    ("url", "expected", "why"),
    [
        ("https://api.test/a/b?c=d", ("api.test", 443, "/a/b", "https://api.test"), "an ordinary URL"),
        ("http://api.test", ("api.test", 80, "/", "http://api.test"), "no path is the path /"),
        ("http://api.test?x", ("api.test", 80, "/", "http://api.test"), "a query without a path"),
        ("HTTP://Api.Test:80/", ("api.test", 80, "/", "http://api.test"), "canonical in the end"),
        ("https://u:p@api.test:8443/", ("api.test", 8443, "/", "https://api.test:8443"), "user information is no host"),
        ("http://[::1]:3000/", ("::1", 3000, "/", "http://[::1]:3000"), "an IPv6 address"),
        ("ws://api.test/", None, "not http"),
        ("http://", None, "no host"),
        ("http://a:b/", None, "no port"),
        ("http://[::1/", None, "a bracket that is not closed"),
        ("nonsense", None, "no URL"),
        ("", None, "nothing"),
    ],
)
def test_targets(url: str, expected: tuple[str, int, str, str] | None, why: str) -> None:
    target = target_of(url)
    found = None if target is None else (target.host, target.port, target.path, target.origin)
    assert found == expected, why


@given(st.text(max_size=40).map(lambda text: "http://" + text) | st.text(max_size=40))
def test_no_url_raises(url: str) -> None:
    target_of(url)


@pytest.mark.parametrize(
    ("pattern", "origin", "matches", "why"),
    [
        ("http://localhost:5173", "http://localhost:5173", True, "exact"),
        ("http://localhost:5173", "https://localhost:5173", False, "another scheme"),
        ("http://localhost:5173", "http://localhost:5174", False, "another port"),
        ("http://localhost:5173", "http://localhost", False, "the default port"),
        ("http://localhost:5173", "http://127.0.0.1:5173", False, "another name of the same machine"),
        ("http://localhost:*", "http://localhost:5173", True, "any port"),
        ("http://localhost:*", "http://localhost", True, "the default port is one of them"),
        ("http://localhost:*", "http://localhost.evil.example:80", False, "not what merely begins so"),
        ("https://*.app.test", "https://pr-7.app.test", True, "one label"),
        ("https://*.app.test", "https://a.b.app.test", True, "several"),
        ("https://*.app.test", "https://app.test", False, "not the name itself"),
        ("https://*.app.test", "https://evilapp.test", False, "only whole labels"),
        ("https://*.app.test", "http://a.app.test", False, "another scheme"),
        ("https://*.app.test", "https://a.app.test:8443", False, "another port"),
        ("https://*.app.test:*", "https://a.app.test:8443", True, "any name below, any port"),
        ("https://App.Test", "https://app.test", True, "written in upper case, read in lower"),
        ("https://bücher.test", "https://xn--bcher-kva.test", True, "punycode on the wire"),
        ("http://[::1]:3000", "http://[::1]:3000", True, "an IPv6 address"),
        ("capacitor://localhost", "capacitor://localhost", True, "an app's scheme"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef", True, "a browser extension"),
        ("http://localhost:5173", "null", False, "the opaque origin"),
        ("https://*.app.test", "null", False, "the opaque origin"),
        ("https://*.app.test", "https://a.app.test, https://b.app.test", False, "a list is no origin"),
        ("https://*.app.test", "https://a.app.test/", False, "a path is no origin"),
        ("https://*.app.test", "https://evil.example#.app.test", False, "nor a fragment"),
    ],
)
def test_origins(pattern: str, origin: str, matches: bool, why: str) -> None:
    parsed = parse_origin_pattern(pattern)
    assert Origins((parsed,)).matches(origin) is matches, why
    # Behind another pattern the answer is the same: exact origins and patterns are looked up in different ways.
    assert Origins((parse_origin_pattern("https://*.other.test:*"), parsed)).matches(origin) is matches, why


@pytest.mark.parametrize(
    ("pattern", "path", "matches", "why"),
    [
        ("/v1/**", "/v1/items/7", True, "any number of segments"),
        ("/v1/**", "/v1", True, "none of them too"),
        ("/v1/**", "/v1/", True, "an empty one"),
        ("/v1/**", "/v10/items", False, "only whole segments"),
        ("/v1/*", "/v1/items", True, "one segment"),
        ("/v1/*", "/v1/items/7", False, "not two"),
        ("/v1/*", "/v1/", False, "and not an empty one"),
        ("/v1/*.json", "/v1/items.json", True, "text within a segment"),
        ("/v1/*.json", "/v1/.json", True, "which may be empty there"),
        ("/v1/*.json", "/v1/a/b.json", False, "and holds no slash"),
        ("/v1/item*-*x", "/v1/item-7-x", True, "several in one segment"),
        ("/v1/a*a", "/v1/a", False, "the parts do not overlap"),
        ("/**/edit", "/a/b/edit", True, "at the beginning"),
        ("/**/edit", "/edit", True, "standing for nothing"),
        ("/a/**/b/**/c", "/a/b/x/b/c", True, "twice"),
        ("/a/**/b/**/c", "/a/c", False, "and what is between them has to be there"),
        ("/v1/items", "/v1/items", True, "exact"),
        ("/v1/items", "/v1/Items", False, "case counts"),
        ("/v1/items", "/v1/items/", False, "and so does the slash at the end"),
        ("/**", "/", True, "everything"),
        ("/", "/", True, "the root"),
        ("/", "/a", False, "and nothing else"),
        ("/a%20b", "/a%20b", True, "as on the wire"),
        ("/v1/**", "/v1/..%2fadmin", False, "servers that decode first answer /admin"),
        ("/v1/**", "/v1/..%25%32%66admin", False, "so do those that decode twice"),
        ("/v1/**", "/v1/%2E%2e%5Cadmin", False, "in any way of writing it"),
        ("/v1/**", "/v1/..%252Fadmin", False, "and decoded twice"),
        ("/v1/**", "/v1/..%2525252fadmin", False, "and four times"),
        ("/v1/**", "/v1/..;a=b/admin", False, "servers cut parameters off a segment"),
        ("/v1/*", "/v1/x%2f..", False, "at the end"),
        ("/v1/**", "/v1/%c0%ae%c0%ae/admin", False, "longer than UTF-8 allows"),
        ("/v1/**", "/v1/..%25c0%25afadmin", False, "the same, encoded twice"),
        ("/v1/**", "/v1/..%u2216admin", False, "a code page takes it for a backslash"),
        ("/v1/**", "/v1/..%u002fadmin", False, "as IIS decodes"),
        ("/v1/**", "/v1/%ef%bc%8e%ef%bc%8e%ef%bc%8fadmin", False, "full width"),
        ("/v1/**", "/v1/..%20/admin", False, "white space is cut off"),
        ("/v1/**", "/v1/.%00./admin", False, "so is what is no character"),
        ("/v1/**", "/v1/..%23/admin", False, "or what seems a fragment"),
        ("/**", "/v1/..%2fadmin", True, "what is for every path is for that one"),
        ("/v1/**", "/v1/a..;b/x..%2f..y/...", True, "dots within a name lead nowhere"),
    ],
)
def test_paths(pattern: str, path: str, matches: bool, why: str) -> None:
    assert parse_path_pattern(pattern).matches(path) is matches, why


def _naive(pattern: str) -> "re.Pattern[str]":
    """The same language as a regular expression, for small cases only: it may take exponential time."""
    parts = []
    for segment in pattern[1:].split("/"):
        if segment == "**":
            parts.append("(?:/[^/]*)*")
        elif segment == "*":
            parts.append("/[^/]+")
        else:
            parts.append("/" + re.escape(segment).replace(r"\*", "[^/]*"))
    return re.compile("".join(parts))


segments = st.sampled_from(["a", "b", "*", "**", "a*", "*b", "a*b", ""])
words = st.sampled_from(["a", "b", "ab", "aab", "abb", ""])


@given(st.lists(segments, min_size=1, max_size=5), st.lists(words, min_size=1, max_size=6))
def test_paths_agree_with_a_regular_expression(pattern: list[str], path: list[str]) -> None:
    text, url_path = "/" + "/".join(pattern), "/" + "/".join(path)
    assert PathPattern(text, tuple(pattern)).matches(url_path) is bool(_naive(text).fullmatch(url_path))


def test_long_paths_take_no_exponential_time() -> None:
    assert not parse_path_pattern("/**/a/**/a/**/a/**/b").matches("/a" * 20_000)
    assert not parse_path_pattern("/" + "*a" * 50 + "b").matches("/" + "a" * 100_000)


hosts = st.sampled_from(
    [
        "a.test",
        "b.a.test",
        "*.a.test",
        "*.b.a.test",
        "a.test:80",
        "*.a.test:80",
        "10.0.0.0/8",
        "10.1.0.0/16",
        "10.1.1.1",
    ]
)
urls = st.sampled_from(
    [
        "http://a.test/",
        "https://a.test/",
        "http://b.a.test/",
        "http://c.b.a.test/",
        "http://10.1.1.1/",
        "http://10.2.1.1/",
    ]
)


@given(hosts, hosts, urls)
def test_a_host_pattern_matches_what_the_covered_one_does(wide: str, narrow: str, url: str) -> None:
    a, b, target = parse_host_pattern(wide), parse_host_pattern(narrow), target_of(url)
    assert target is not None
    if a.covers(b) and b.matches(target):
        assert a.matches(target)


@given(
    st.lists(segments, min_size=1, max_size=4), st.lists(segments, min_size=1, max_size=4), st.lists(words, max_size=5)
)
def test_a_path_pattern_matches_what_the_covered_one_does(wide: list[str], narrow: list[str], path: list[str]) -> None:
    a = PathPattern("/" + "/".join(wide), tuple(wide))
    b = PathPattern("/" + "/".join(narrow), tuple(narrow))
    url_path = "/" + "/".join(path)
    if a.covers(b) and b.matches(url_path):
        assert a.matches(url_path)
