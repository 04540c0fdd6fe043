from ipaddress import IPv4Address, IPv6Address

from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.origins import (
    Origin,
    address_of,
    has_user_info,
    is_potentially_trustworthy,
    is_schemelessly_same_site,
    origin_of,
    resolve,
    serialize_origin,
)
from cors_addon.fetch.urls import DEFAULT_PORTS, parse_url

from .table import table
from .test_urls import near_urls


@table(
    "url, serialized",
    ("path, query and fragment are no part of it", "https://app.test/a/b?c=d#e", "https://app.test"),
    ("no path", "https://app.test", "https://app.test"),
    ("a query without a path", "https://app.test?x", "https://app.test"),
    ("user info is no part of it", "https://u:p@app.test/", "https://app.test"),
    ("upper case", "HTTPS://App.Test/", "https://app.test"),
    ("the default port", "https://app.test:443/", "https://app.test"),
    ("with zeros", "http://app.test:00080/", "http://app.test"),
    ("another's default port", "https://app.test:80/", "https://app.test:80"),
    ("any other port", "http://localhost:5173/", "http://localhost:5173"),
    ("port nought", "http://app.test:0/", "http://app.test:0"),
    ("an empty port", "http://app.test:/", "http://app.test"),
    ("websocket", "wss://app.test/x", "wss://app.test"),
    ("websocket with a port", "ws://app.test:8080/x", "ws://app.test:8080"),
    ("ftp has tuple origins too", "ftp://app.test:21/", "ftp://app.test"),
    ("a single label", "http://intranet/", "http://intranet"),
    ("an address", "http://192.168.0.1:8080/", "http://192.168.0.1:8080"),
    ("an address in shorthand", "http://127.1/", "http://127.0.0.1"),
    ("an address in brackets", "http://[::1]:3000/", "http://[::1]:3000"),
    ("compressed", "http://[0:0:0:0:0:0:0:1]/", "http://[::1]"),
    ("an address within an address", "http://[::ffff:10.0.0.1]/", "http://[::ffff:a00:1]"),
    ("a name in another script", "https://\u043f\u0440\u0438\u043c\u0435\u0440.test/", "https://xn--e1afmkfd.test"),
    ("the same in punycode", "https://xn--e1afmkfd.test/", "https://xn--e1afmkfd.test"),
    ("a dot at the end is another origin", "https://app.test./", "https://app.test."),
    ("a digit may begin the last label", "https://app.3d/", "https://app.3d"),
    ("a backslash ends the host", "https://app.test\\@evil.test/", "https://app.test"),
    ("as an Origin header has it", "https://app.test:8443", "https://app.test:8443"),
    ("null is not a URL", "null", "null"),
    ("a page in a data: URL", "data:text/html,x", "null"),
    ("a blank page", "about:blank", "null"),
    ("a page opened from disk", "file:///home/x/index.html", "null"),
    ("an extension", "chrome-extension://abcdefgh/page.html", "null"),
    ("nothing", "", "null"),
    ("a list", "https://a.test https://b.test", "null"),
    ("a list with a comma is one odd host", "https://a.test,https://b.test", "https://a.test,https"),
    ("only a host", "app.test", "null"),
    ("only a scheme", "https://", "null"),
    ("a port out of range", "https://app.test:65536/", "null"),
    ("a port of five digits", "https://app.test:65535/", "https://app.test:65535"),
    ("a port that is none", "https://app.test:x/", "null"),
    ("a bracket that does not close", "https://[::1/", "null"),
    ("a bracket that does not open", "https://::1]/", "null"),
    ("a host of spaces", "https:// /", "null"),
    ("a wildcard is a host to browsers", "https://*.test/", "https://*.test"),
    ("a character that normalizes to a slash", "https://a\u2100b.test/", "null"),
    ("a lone surrogate", "https://\udcff.test/", "null"),
    ("NUL", "https://a\x00b/", "null"),
)
def test_serialize_origin(url: str, serialized: str) -> None:
    assert serialize_origin(url) == serialized


@given(near_urls)
def test_the_short_way_gives_the_origin_of_the_long_way(text: str) -> None:
    for url in (text, f"http://a.test{text}", f"https://{text}"):
        parsed = parse_url(url)
        expected = None
        if parsed is not None and parsed.host is not None:
            expected = Origin(
                parsed.scheme, parsed.host, parsed.port if parsed.port is not None else DEFAULT_PORTS[parsed.scheme]
            )
        assert origin_of(url) == expected


@given(near_urls)
def test_a_serialized_origin_is_the_origin_of_itself(text: str) -> None:
    origin = origin_of(text)
    if origin is not None:
        assert origin_of(origin.serialize()) == origin
        assert origin_of(origin.serialize() + "/x") == origin


def test_origins_are_the_same_when_scheme_host_and_port_are() -> None:
    assert origin_of("https://a.test/x") == origin_of("HTTPS://A.test:443?y")
    assert origin_of("https://a.test") != origin_of("http://a.test")
    assert origin_of("https://a.test") != origin_of("https://a.test:8443")
    assert origin_of("https://a.test") != origin_of("https://www.a.test")


# --- Location ----------------------------------------------------------------------------------------------------


@table(
    "location, resolved",
    ("absolute", "https://b.test/x", "https://b.test/x"),
    ("a path", "/login", "https://a.test:8443/login"),
    ("a relative path", "login", "https://a.test:8443/dir/login"),
    ("without its scheme", "//b.test/x", "https://b.test/x"),
    ("a query", "?page=2", "https://a.test:8443/dir/page?page=2"),
    ("the fragment is not sent", "/x#y", "https://a.test:8443/x"),
    ("empty: the same URL once more", "", "https://a.test:8443/dir/page?q"),
    ("space is encoded as browsers do", "/a b?c d", "https://a.test:8443/a%20b?c%20d"),
    (
        "bytes beyond ASCII are encoded as they are, here UTF-8",
        "/\xc3\xa9?\xc3\xa9",
        "https://a.test:8443/%C3%A9?%C3%A9",
    ),
    ("here not", "/\xe9", "https://a.test:8443/%E9"),
    ("in a host they have to be UTF-8", "https://b\xc3\xbccher.test/", "https://xn--bcher-kva.test/"),
    ("or there is no host", "https://b\xfccher.test/", None),
    ("user info stays to be seen", "https://u:p@b.test/", "https://u:p@b.test/"),
    ("another scheme stays to be seen", "myapp://callback?code=1", "myapp://callback?code=1"),
    ("a space before a fragment is kept", "data: #x", "data:%20"),
    ("a host that does not parse", "https://b test/", None),
    ("a port that does not", "https://b.test:x/", None),
    ("only a scheme", "https://", None),
)
def test_resolve(location: str, resolved: str | None) -> None:
    assert resolve("https://a.test:8443/dir/page?q", location) == resolved


def test_resolve_against_a_host_that_the_proxy_has_decoded() -> None:
    assert resolve("https://\u043f\u0440\u0438\u043c\u0435\u0440.test/x", "y") == "https://xn--e1afmkfd.test/y"


def test_resolve_against_no_url() -> None:
    assert resolve("", "https://b.test/") == "https://b.test/"
    assert resolve("", "/x") is None


@given(near_urls, near_urls)
def test_resolving_twice_changes_nothing(base: str, location: str) -> None:
    resolved = resolve(f"http://a.test/{base}", location)
    if resolved is not None:
        assert resolve("http://a.test/", resolved) == resolved


@table(
    "url, expected",
    ("name and password", "https://u:p@a.test/", True),
    ("a name", "https://u@a.test/", True),
    ("a password", "https://:p@a.test/", True),
    ("only the @", "https://@a.test/", False),
    ("only @ and colon", "https://:@a.test/", False),
    ("none", "https://a.test/", False),
    ("an @ in path and query", "https://a.test/@?@", False),
    ("what does not parse includes nothing", "https://u:p@/", False),
    ("other schemes have no credentials to include", "mailto:a@b.test", False),
)
def test_has_user_info(url: str, expected: bool) -> None:
    assert has_user_info(url) is expected


# --- same site ---------------------------------------------------------------------------------------------------


def _registrable_domain(host: str) -> str | None:
    """As if co.test were a public suffix, and test itself another."""
    labels = host.split(".")
    suffix = 2 if labels[-2:] == ["co", "test"] else 1
    return ".".join(labels[-suffix - 1 :]) if labels[-1] == "test" and len(labels) > suffix else None


@table(
    "a, b, expected",
    ("the same host", "https://a.test", "https://a.test", True),
    ("the scheme does not count", "https://a.test", "http://a.test", True),
    ("nor does the port", "https://a.test", "https://a.test:8443", True),
    ("subdomains", "https://api.a.test", "https://www.a.test", True),
    ("a domain and its subdomain", "https://a.test", "https://www.a.test", True),
    ("two domains", "https://a.test", "https://b.test", False),
    ("two under a public suffix", "https://a.co.test", "https://b.co.test", False),
    ("a public suffix is same site with itself", "https://co.test", "https://co.test", True),
    ("but not with what is below it", "https://co.test", "https://a.co.test", False),
    ("one address", "http://10.0.0.1", "http://10.0.0.1:8080", True),
    ("two addresses never are", "http://10.0.0.1", "http://10.0.0.2", False),
    ("localhost", "http://localhost:3000", "http://localhost:4000", True),
    ("localhost and its address are two", "http://localhost", "http://127.0.0.1", False),
)
def test_is_schemelessly_same_site(a: str, b: str, expected: bool) -> None:
    one, other = origin_of(a), origin_of(b)
    assert one is not None
    assert other is not None
    assert is_schemelessly_same_site(one, other, _registrable_domain) is expected
    assert is_schemelessly_same_site(other, one, _registrable_domain) is expected


# --- potentially trustworthy -------------------------------------------------------------------------------------


@table(
    "url, expected",
    ("https", "https://a.test", True),
    ("wss", "wss://a.test", True),
    ("http", "http://a.test", False),
    ("ws", "ws://a.test", False),
    ("ftp", "ftp://localhost.test", False),
    ("localhost", "http://localhost:3000", True),
    ("in upper case", "http://LOCALHOST", True),
    ("with a dot at the end", "http://localhost./", True),
    ("below localhost", "http://app.localhost", True),
    ("below, with a dot", "http://app.localhost./", True),
    ("only in name", "http://notlocalhost", False),
    ("localhost as a subdomain", "http://localhost.test", False),
    ("loopback", "http://127.0.0.1:8080", True),
    ("all of 127/8", "http://127.1.2.3", True),
    ("not beyond it", "http://128.0.0.1", False),
    ("no other address of one's own", "http://0.0.0.0", False),
    ("nor a private one", "http://192.168.0.1", False),
    ("loopback in IPv6", "http://[::1]:8080", True),
    ("one more is not", "http://[::2]", False),
    ("loopback within an IPv6 address is not", "http://[::ffff:127.0.0.1]", False),
)
def test_is_potentially_trustworthy(url: str, expected: bool) -> None:
    origin = origin_of(url)
    assert origin is not None
    assert is_potentially_trustworthy(origin) is expected


@table(
    "host, address",
    ("a name", "a.test", None),
    ("dotted", "10.0.0.1", IPv4Address("10.0.0.1")),
    ("in brackets", "[::1]", IPv6Address("::1")),
    ("without them", "::1", IPv6Address("::1")),
    ("empty", "", None),
    ("nearly an address", "10.0.0.256", None),
)
def test_address_of(host: str, address: IPv4Address | IPv6Address | None) -> None:
    assert address_of(host) == address


@given(st.text(), st.text(), st.integers())
def test_an_origin_of_any_parts_can_be_written(scheme: str, host: str, port: int) -> None:
    assert Origin(scheme, host, port).serialize().startswith(scheme)
