import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.urls import DEFAULT_PORTS, Url, parse_host, parse_url

from .table import table

BASE = parse_url("http://base.test:8080/dir/sub/file?q=1")


def _written(text: str, base: Url | None = None) -> str | None:
    url = parse_url(text, base)
    return None if url is None else url.serialize()


# Outcomes were compared with those of Chromium's URL interface.


@table(
    "text, written",
    ("as browsers write it", "https://a.test/x?y", "https://a.test/x?y"),
    ("a path there always is", "https://a.test", "https://a.test/"),
    ("the fragment is dropped", "https://a.test/x#y", "https://a.test/x"),
    ("even where it is all there is", "https://a.test#", "https://a.test/"),
    ("an empty query is a query", "https://a.test/?", "https://a.test/?"),
    ("scheme and host are lower-cased, the path is not", "HTTPS://A.TEST/X", "https://a.test/X"),
    ("the default port is dropped", "http://a.test:80/", "http://a.test/"),
    ("each scheme has its own", "https://a.test:80/", "https://a.test:80/"),
    ("websockets have http's", "wss://a.test:443/", "wss://a.test/"),
    ("leading zeros of a port are dropped", "http://a.test:0080/", "http://a.test/"),
    ("an empty port is the default", "http://a.test:/", "http://a.test/"),
    ("port nought is a port", "http://a.test:0/", "http://a.test:0/"),
    ("the last port", "http://a.test:65535/", "http://a.test:65535/"),
    ("one more", "http://a.test:65536/", None),
    ("a port of many digits", "http://a.test:" + "9" * 10_000, None),
    ("a port that is a word", "http://a.test:http/", None),
    ("a port with a sign", "http://a.test:+80/", None),
    ("a port of digits outside ASCII", "http://a.test:\u0668\u0660/", None),
    ("two ports", "http://a.test:80:80/", None),
    ("user info is kept", "http://u:p@a.test/", "http://u:p@a.test/"),
    ("without a password", "http://u:@a.test/", "http://u@a.test/"),
    ("without a name", "http://:p@a.test/", "http://:p@a.test/"),
    ("empty user info is none", "http://:@a.test/", "http://a.test/"),
    ("the last @ ends it", "http://a@b@c.test/", "http://a%40b@c.test/"),
    ("user info and no host", "http://u@/", None),
    ("no host", "http://", None),
    ("only a port", "http://:80/", None),
    ("backslashes are slashes", "http:\\\\a.test\\x", "http://a.test/x"),
    ("a backslash ends the host, so what follows is no user info", "http://a.test\\@b.test/", "http://a.test/@b.test/"),
    ("not in the query", "http://a.test/?\\", "http://a.test/?\\"),
    ("slashes may be missing", "https:a.test/x", "https://a.test/x"),
    ("or too many", "https:////a.test/x", "https://a.test/x"),
    ("space around and tabs within do not count", " \x01 ht\ttp://a.te\nst/\r ", "http://a.test/"),
    ("dots in the path are taken out", "http://a.test/a/./b/../c", "http://a.test/a/c"),
    ("percent-encoded too", "http://a.test/a/%2e/b/%2E./c", "http://a.test/a/c"),
    ("never above the root", "http://a.test/../../b", "http://a.test/b"),
    ("at the end they leave a slash", "http://a.test/a/b/..", "http://a.test/a/"),
    ("a single one too", "http://a.test/a/.", "http://a.test/a/"),
    ("three dots are a name", "http://a.test/...", "http://a.test/..."),
    ("empty segments stay", "http://a.test//a//", "http://a.test//a//"),
    ("and can be left", "http://a.test/a//../b", "http://a.test/a/b"),
    ("the path's percent-encode set", 'http://a.test/ "<>^`{}', "http://a.test/%20%22%3C%3E%5E%60%7B%7D"),
    ("what it leaves alone", "http://a.test/!$%&'()*+,-.:;=@[]_|~", "http://a.test/!$%&'()*+,-.:;=@[]_|~"),
    ("the query's", "http://a.test/? \"'<>", "http://a.test/?%20%22%27%3C%3E"),
    ("what it leaves alone, too", "http://a.test/?^`{}|\\/?", "http://a.test/?^`{}|\\/?"),
    ("control characters are encoded", "http://a.test/\x00\x7f?\x1f!", "http://a.test/%00%7F?%1F!"),
    ("other characters as UTF-8", "http://a.test/\xe9?\u20ac", "http://a.test/%C3%A9?%E2%82%AC"),
    ("bytes that were escaped into a string come back", "http://a.test/\udcff", "http://a.test/%FF"),
    ("percent signs stay as they are", "http://a.test/%zz%", "http://a.test/%zz%"),
    ("no scheme and no base", "a.test/x", None),
    ("a path and no base", "/x", None),
    ("nothing", "", None),
    ("a scheme has to begin with a letter", "1http://a.test/", None),
    ("other schemes stay as they are", "data:text/html,<p> x", "data:text/html,<p> x"),
    ("in lower case", "JavaScript:alert(1)", "javascript:alert(1)"),
    ("but for the fragment", "about:blank#x", "about:blank"),
    ("an extension's", "chrome-extension://ID/x", "chrome-extension://ID/x"),
)
def test_parse_url(text: str, written: str | None) -> None:
    assert _written(text) == written


@table(
    "text, written",
    ("a name replaces the last segment", "x", "http://base.test:8080/dir/sub/x"),
    ("a path replaces the path", "/x", "http://base.test:8080/x"),
    ("a backslash is a slash", "\\x", "http://base.test:8080/x"),
    ("two slashes replace the host", "//a.test/x", "http://a.test/x"),
    ("two backslashes too", "\\\\a.test/x", "http://a.test/x"),
    ("three slashes are two", "///a.test/x", "http://a.test/x"),
    ("a query keeps the path", "?x", "http://base.test:8080/dir/sub/file?x"),
    ("an empty query is a query", "?", "http://base.test:8080/dir/sub/file?"),
    ("nothing keeps path and query", "", "http://base.test:8080/dir/sub/file?q=1"),
    ("as does a fragment", "#x", "http://base.test:8080/dir/sub/file?q=1"),
    ("up", "../x", "http://base.test:8080/dir/x"),
    ("up and nothing more", "..", "http://base.test:8080/dir/"),
    ("far up", "../../../../x", "http://base.test:8080/x"),
    ("the same scheme without slashes is relative", "http:x", "http://base.test:8080/dir/sub/x"),
    ("with one slash too", "http:/x", "http://base.test:8080/x"),
    ("another scheme never is", "https:x", "https://x/"),
    ("nor with one slash", "https:/x", "https://x/"),
    ("a colon makes a scheme", "x:80/", "x:80/"),
    ("unless a dot keeps it from being one", "./x:80/", "http://base.test:8080/dir/sub/x:80/"),
    ("a host that does not parse", "//a b/", None),
    ("a port that does not", "//a:b/", None),
)
def test_parse_url_with_a_base(text: str, written: str | None) -> None:
    assert _written(text, BASE) == written


def test_a_base_without_a_hierarchy_is_none() -> None:
    assert parse_url("x", parse_url("data:,y")) is None
    assert _written("http:x", parse_url("data:,y")) == "http://x/"


@table(
    "text, host",
    ("a name", "a.test", "a.test"),
    ("lower-cased", "A.Test", "a.test"),
    ("underscores are common", "my_host", "my_host"),
    ("a dot at the end makes another host", "a.test.", "a.test."),
    ("percent-encoded letters", "%61.t%65st", "a.test"),
    ("percent-encoded UTF-8", "%C3%A9.test", "xn--9ca.test"),
    ("percent-encoded bytes that are no UTF-8", "%ff.test", None),
    ("a percent sign that encodes nothing", "a%.test", None),
    ("empty", "", None),
    ("space", "a b", None),
    ("forbidden marks", "a|b", None),
    ("an encoded slash is a slash", "a%2fb", None),
    ("an encoded @", "a%40b", None),
    ("NUL", "a\x00b", None),
    ("DEL", "a\x7fb", None),
    ("an open bracket", "a[b", None),
    ("non-ASCII names in punycode", "b\xfccher.test", "xn--bcher-kva.test"),
    ("sharp s stays one letter", "fa\xdf.test", "xn--fa-hia.test"),
    ("as a capital as well", "FA\u1e9e.test", "xn--fa-hia.test"),
    ("final sigma stays itself", "\u03b1\u03c2.test", "xn--mxa8a.test"),
    ("a capital sigma at the end is an ordinary one", "\u03b1\u03a3.test", "xn--mxa0b.test"),
    ("capitals", "\u041f\u0420\u0418\u0412\u0415\u0422.test", "xn--b1agh1afp.test"),
    ("composed and decomposed are one", "e\u0301.test", "xn--9ca.test"),
    ("full width is ASCII", "\uff21.test", "a.test"),
    ("even in digits, which then are an address", "\uff11.1.1.1", "1.1.1.1"),
    ("an ideographic full stop is a dot", "a\u3002test", "a.test"),
    ("a soft hyphen is nothing", "a\xadb.test", "ab.test"),
    ("so is a variation selector", "\u2764\ufe00\ufe0f.test", "xn--qei.test"),
    ("nothing but nothing", "\xad", None),
    ("an emoji", "\U0001f600.test", "xn--e28h.test"),
    ("punycode is taken as it is", "XN--E28H.test", "xn--e28h.test"),
    ("a no-break space is a space", "a\xa0b", None),
    ("a mark cannot come first", "\u0301a.test", None),
    ("nor can what is unassigned come at all", "\u0378.test", None),
    ("nor a lone surrogate", "\ud800.test", None),
    ("nor a name too long to be looked up", "\xe9" * 254, None),
)
def test_parse_host(text: str, host: str | None) -> None:
    assert parse_host(text) == host


@table(
    "text, host",
    ("dotted", "192.168.0.1", "192.168.0.1"),
    ("a dot at the end is dropped here", "192.168.0.1.", "192.168.0.1"),
    ("one number", "3232235521", "192.168.0.1"),
    ("one number and a dot", "1.", "0.0.0.1"),
    ("only a dot is a name", ".", "."),
    ("two numbers", "127.1", "127.0.0.1"),
    ("three numbers", "192.168.257", "192.168.1.1"),
    ("hexadecimal", "0x7f.0X0.0.1", "127.0.0.1"),
    ("octal", "0177.0.0.01", "127.0.0.1"),
    ("an empty hexadecimal number is nought", "0x.0x.0x.0x", "0.0.0.0"),
    ("the last address", "0xffffffff", "255.255.255.255"),
    ("one more", "0x100000000", None),
    ("so long that it cannot fit", "1" * 100_000, None),
    ("hexadecimal and long", "0x" + "f" * 100_000, None),
    ("the largest bytes", "255.255.255.255", "255.255.255.255"),
    ("a byte too large", "256.0.0.1", None),
    ("a later one", "1.2.256.4", None),
    ("the last one too large for the rest", "1.2.3.256", None),
    ("five numbers", "1.2.3.4.5", None),
    ("an empty one", "1..2", None),
    ("not octal", "08", None),
    ("a name before a number makes neither", "a.1", None),
    ("a name that begins with a number is a name", "1a", "1a"),
    ("so is one whose last label is a name", "1.a", "1.a"),
    ("an underscore is no digit", "1_0", "1_0"),
    ("two dots at the end", "1..", "1.."),
)
def test_parse_host_ipv4(text: str, host: str | None) -> None:
    assert parse_host(text) == host


@table(
    "text, host",
    ("loopback", "[::1]", "[::1]"),
    ("lower-cased", "[FE80::A]", "[fe80::a]"),
    ("leading zeros are dropped", "[2001:0db8::0001]", "[2001:db8::1]"),
    ("the longest run of zeros is compressed", "[1:0:0:2:0:0:0:3]", "[1:0:0:2::3]"),
    ("of two the first", "[1:0:0:2:3:0:0:4]", "[1::2:3:0:0:4]"),
    ("a single zero is not", "[1:0:2:3:4:5:6:7]", "[1:0:2:3:4:5:6:7]"),
    ("what was compressed for nothing is written out", "[1::2:3:4:5:6:7]", "[1:0:2:3:4:5:6:7]"),
    ("all zeros", "[0:0:0:0:0:0:0:0]", "[::]"),
    ("an IPv4 address within is not written with dots", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"),
    ("nor when it ends in noughts", "[::ffff:1.2.0.0]", "[::ffff:102:0]"),
    ("nor elsewhere", "[64:ff9b::1.2.3.4]", "[64:ff9b::102:304]"),
    ("a zone", "[fe80::1%25eth0]", None),
    ("two gaps", "[1::2::3]", None),
    ("nine pieces", "[1:2:3:4:5:6:7:8:9]", None),
    ("seven pieces", "[1:2:3:4:5:6:7]", None),
    ("five digits", "[12345::]", None),
    ("no number", "[g::]", None),
    ("leading zeros in an IPv4 address", "[::ffff:01.2.3.4]", None),
    ("a bracket missing", "[::1", None),
    ("something behind", "[::1]x", None),
    ("space", "[ ::1]", None),
    ("empty", "[]", None),
    ("no brackets", "::1", None),
)
def test_parse_host_ipv6(text: str, host: str | None) -> None:
    assert parse_host(text) == host


@table(
    "text, expected",
    ("none", "http://a.test/", False),
    ("name and password", "http://u:p@a.test/", True),
    ("a name", "http://u@a.test/", True),
    ("a password", "http://:p@a.test/", True),
    ("neither, but an @", "http://@a.test/", False),
    ("neither, but a colon", "http://:@a.test/", False),
    ("an @ in the path", "http://a.test/@", False),
)
def test_includes_credentials(text: str, expected: bool) -> None:
    url = parse_url(text)
    assert url is not None
    assert url.includes_credentials is expected


PIECES = """
    http: https: ws: / // \\ @ : ? # a a.test . .. %2e % %41 \xe9 \xdf \u3002 [::1] [ ] 1 0x1f 08 80 ^ | ' " <
    user data:
"""
near_urls = st.lists(st.sampled_from([*PIECES.split(), " ", "\t", "\ud800", "\udc80", "\x00"]), max_size=10).map(
    "".join
)


@given(near_urls, st.sampled_from([None, BASE, parse_url("data:,x")]))
def test_what_is_written_reads_the_same(text: str, base: Url | None) -> None:
    url = parse_url(text, base)
    if url is None or url.host is None:
        return
    written = url.serialize()
    assert parse_url(written) == url
    assert written.isascii()
    assert url.path.startswith("/")
    assert url.port != DEFAULT_PORTS[url.scheme]


@pytest.mark.once
@pytest.mark.parametrize("text", ["/" * 2**20, "../" * 2**18, "%" * 2**20, "\xe9" * 2**20, "@" * 2**20, ":" * 2**20])
def test_a_mebibyte(text: str) -> None:
    assert parse_url(text, BASE) is None or parse_url(text, BASE)
    for front in ("http://", "http://[", "http://1.", "http://a.test/", "http://a.test/?"):
        parse_url(front + text)
