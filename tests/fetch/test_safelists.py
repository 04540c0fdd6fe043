import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.safelists import (
    cors_unsafe_request_header_names,
    is_cors_non_wildcard_request_header_name,
    is_cors_safelisted_request_header,
    is_forbidden_request_header,
    is_range_safelisted,
    mime_essence,
)

from .table import table

EVERY_BYTE = [chr(code) for code in range(256)]

# Spelled out byte by byte, so that a slip in a range shows.
CORS_UNSAFE = bytes.fromhex(
    "00 01 02 03 04 05 06 07 08    0a 0b 0c 0d 0e 0f 10 11 12 13 14 15 16 17 18 19 1a 1b 1c 1d 1e 1f"
    "22 28 29 3a 3c 3e 3f 40 5b 5c 5d 7b 7d 7f"
).decode("latin-1")
LANGUAGE = bytes.fromhex(
    "20 2a 2c 2d 2e 30 31 32 33 34 35 36 37 38 39 3b 3d"
    "41 42 43 44 45 46 47 48 49 4a 4b 4c 4d 4e 4f 50 51 52 53 54 55 56 57 58 59 5a"
    "61 62 63 64 65 66 67 68 69 6a 6b 6c 6d 6e 6f 70 71 72 73 74 75 76 77 78 79 7a"
).decode("latin-1")


# --- values to the byte ------------------------------------------------------------------------------------------


def _safe_bytes(name: str, value: str) -> set[str]:
    """The bytes that can stand for the ``?`` in a safelisted value."""
    return {char for char in EVERY_BYTE if is_cors_safelisted_request_header(name, value.replace("?", char))}


@table(
    "name, value, expected",
    ("accept takes all but the unsafe bytes", "accept", "a?b", set(EVERY_BYTE) - set(CORS_UNSAFE)),
    ("accept-language takes letters, digits and a few marks", "accept-language", "a?b", set(LANGUAGE)),
    ("content-language too", "content-language", "a?b", set(LANGUAGE)),
    (
        "a parameter of content-type is like accept",
        "content-type",
        "text/plain;a?b",
        set(EVERY_BYTE) - set(CORS_UNSAFE),
    ),
    ("behind its essence there is only whitespace and semicolon", "content-type", "text/plain?;a", set(" \t;")),
    ("before it only whitespace", "content-type", "?text/plain", set(" \t")),
    ("a range needs its dash", "range", "bytes=1?", {"-"}),
    ("then only digits", "range", "bytes=1-9?", set("0123456789")),
    ("no byte makes another header safe", "x-a", "?", set()),
)
def test_values_to_the_byte(name: str, value: str, expected: set[str]) -> None:
    assert _safe_bytes(name, value) == expected


# --- which headers are safe --------------------------------------------------------------------------------------


@table(
    "name, value, expected",
    ("accept may be anything harmless", "Accept", "text/html;q=0.9,*/*", True),
    ("accept may be empty", "accept", "", True),
    ("tab is no unsafe byte", "accept", "a\tb", True),
    ("nor is a byte beyond ASCII", "accept", "\x80\xff", True),
    ("a quoted string is", "accept", 'text/html;level="1"', False),
    ("languages", "Accept-Language", "en-GB, de;q=0.8, *;q=0.1", True),
    ("a language tag has no underscore", "accept-language", "en_GB", False),
    ("nor a tab", "content-language", "en,\tde", False),
    ("nor a byte beyond ASCII", "content-language", "\xe9", False),
    ("an empty language is harmless", "content-language", "", True),
    ("forms", "Content-Type", "application/x-www-form-urlencoded", True),
    ("files", "Content-Type", "multipart/form-data; boundary=----WebKitFormBoundary7MA4", True),
    ("text", "Content-Type", "text/plain;charset=UTF-8", True),
    ("case does not matter", "content-type", "TEXT/Plain", True),
    ("JSON is the usual cause of a preflight", "content-type", "application/json", False),
    ("so is XML", "content-type", "text/xml", False),
    ("and what ends in safe text", "content-type", "application/text/plain", False),
    ("no value is no type", "content-type", "", False),
    ("a lone semicolon is a parameter that is none", "content-type", "text/plain;", True),
    ("so is garbage behind it", "content-type", "text/plain;garbage", True),
    ("even with a comma in it", "content-type", "text/plain; charset=utf-8, application/json", True),
    ("but not before it", "content-type", "text/plain, application/json", False),
    ("a trailing comma ends up in the subtype", "content-type", "text/plain,", False),
    ("space before the slash", "content-type", "text /plain", False),
    ("space behind the slash", "content-type", "text/ plain", False),
    ("space behind the subtype", "content-type", "text/plain  ;x", True),
    ("space around", "content-type", " text/plain ", True),
    ("a quoted boundary has unsafe bytes", "content-type", 'multipart/form-data; boundary="x"', False),
    ("a boundary with a colon too", "content-type", "multipart/form-data; boundary=a:b", False),
    ("no subtype", "content-type", "text/", False),
    ("no type", "content-type", "/plain", False),
    ("no slash", "content-type", "text", False),
    ("a report type that only browsers send", "content-type", "application/csp-report", False),
    ("range from the start", "Range", "bytes=0-", True),
    ("range with an end", "range", "bytes=256-511", True),
    ("any other header", "X-Requested-With", "XMLHttpRequest", False),
    ("authorization", "Authorization", "Basic eA==", False),
    ("if-none-match, though browsers send it by themselves", "If-None-Match", "*", False),
    ("user-agent", "User-Agent", "x", False),
    ("client hints, to the standard", "DPR", "2", False),
    ("a name with a space is another name", "accept ", "", False),
    ("a name with a letter that only looks the same", "ran\u0261e", "bytes=0-", False),
)
def test_is_cors_safelisted_request_header(name: str, value: str, expected: bool) -> None:
    assert is_cors_safelisted_request_header(name, value) is expected


@table(
    "name, value",
    ("accept", "accept", "a"),
    ("accept-language", "accept-language", "a"),
    ("content-language", "content-language", "a"),
    ("content-type", "content-type", "text/plain;a"),
    ("range", "range", "bytes=0-1"),
)
def test_a_safe_value_has_128_bytes_at_most(name: str, value: str) -> None:
    filled = value + value[-1] * (128 - len(value))
    assert is_cors_safelisted_request_header(name, filled)
    assert not is_cors_safelisted_request_header(name, filled + value[-1])


@table(
    "value, expected",
    ("from a byte on", "bytes=0-", True),
    ("from a byte to a byte", "bytes=0-499", True),
    ("one byte", "bytes=7-7", True),
    ("backwards", "bytes=8-7", False),
    ("backwards by length, not by first digit", "bytes=10-9", False),
    ("forwards by length", "bytes=9-10", True),
    ("leading zeros count for nothing", "bytes=0007-8", True),
    ("also at the end", "bytes=9-0008", False),
    ("nought to nought", "bytes=000-0", True),
    ("the last bytes: browsers never asked for them", "bytes=-500", False),
    ("nothing at all", "bytes=-", False),
    ("no dash", "bytes=5", False),
    ("no equals sign", "bytes 0-5", False),
    ("no unit", "0-5", False),
    ("another unit", "items=0-5", False),
    ("the unit has a case", "Bytes=0-5", False),
    ("two ranges", "bytes=0-1,2-3", False),
    ("space before", " bytes=0-", False),
    ("space behind the unit", "bytes =0-", False),
    ("space behind the equals sign", "bytes= 0-", False),
    ("space before the dash", "bytes=0 -", False),
    ("space behind the dash", "bytes=0- 5", False),
    ("space at the end", "bytes=0- ", False),
    ("sign", "bytes=+0-", False),
    ("underscore", "bytes=1_0-", False),
    ("digits outside ASCII", "bytes=\xb2-", False),
    ("digits outside ASCII at the end", "bytes=1-\xb2", False),
    ("numbers beyond any machine word", "bytes=" + "9" * 60 + "-1" + "0" * 60, True),
    ("empty", "", False),
)
def test_is_range_safelisted(value: str, expected: bool) -> None:
    assert is_range_safelisted(value) is expected


@table(
    "value, essence",
    ("plain", "text/html", "text/html"),
    ("lower-cased", "Text/HTML", "text/html"),
    ("without parameters", "text/html;charset=utf-8", "text/html"),
    ("whitespace around", "\r\n\t text/html \t\r\n", "text/html"),
    ("whitespace before the parameters", "text/html \t;x", "text/html"),
    ("any token will do", "!#$%&'*+-.^_`|~a0/x", "!#$%&'*+-.^_`|~a0/x"),
    ("empty", "", None),
    ("only a slash", "/", None),
    ("no subtype", "text/", None),
    ("subtype of spaces", "text/ ;", None),
    ("no type", "/html", None),
    ("form feed is not stripped", "\x0ctext/html", None),
    ("two slashes", "text/html/x", None),
    ("a byte beyond ASCII", "text/ht\xe9ml", None),
)
def test_mime_essence(value: str, essence: str | None) -> None:
    assert mime_essence(value) == essence


# --- names for a preflight ---------------------------------------------------------------------------------------


def _accepts(count: int, length: int) -> list[tuple[str, str]]:
    names = ["Accept", "Accept-Language", "Content-Language"]
    return [(names[index % 3], "a" * length) for index in range(count)]


@table(
    "lines, names",
    ("nothing", [], []),
    ("only safe ones", [("Accept", "*/*"), ("Content-Type", "text/plain")], []),
    ("an unsafe value", [("Content-Type", "application/json")], ["content-type"]),
    ("an unsafe name", [("X-A", "")], ["x-a"]),
    ("sorted, lower-cased, each once", [("X-B", "1"), ("x-a", "2"), ("X-b", "3")], ["x-a", "x-b"]),
    (
        "sorted by byte, not by alphabet",
        [("x_a", ""), ("x-a", ""), ("xa", ""), ("x.a", "")],
        ["x-a", "x.a", "x_a", "xa"],
    ),
    ("once safe, once not", [("Accept", "a"), ("Accept", '"')], ["accept"]),
    ("1024 bytes of safe values are safe", _accepts(8, 128), []),
    (
        "one more is not, and takes all with it",
        [*_accepts(8, 128), ("Content-Type", "text/plain")],
        ["accept", "accept-language", "content-language", "content-type"],
    ),
    ("what is unsafe does not count", [*_accepts(8, 128), ("X-A", "a" * 500)], ["x-a"]),
    (
        "nor does it keep the others from counting",
        [*_accepts(8, 128), ("Accept", "a"), ("X-A", "")],
        ["accept", "accept-language", "content-language", "x-a"],
    ),
    ("a value of 129 bytes is unsafe by itself", [("Accept", "a" * 129)], ["accept"]),
)
def test_cors_unsafe_request_header_names(lines: list[tuple[str, str]], names: list[str]) -> None:
    assert cors_unsafe_request_header_names(lines) == names


@given(st.lists(st.tuples(st.sampled_from(["Accept", "accept", "Range", "X-A", "x-B"]), st.text('a*"b', max_size=300))))
def test_unsafe_names_are_sorted_unique_and_present(lines: list[tuple[str, str]]) -> None:
    names = cors_unsafe_request_header_names(lines)
    assert names == sorted(set(names))
    assert set(names) <= {name.lower() for name, _ in lines}
    # More headers never make one safe.
    assert set(names) <= set(cors_unsafe_request_header_names([*lines, ("Content-Type", "text/plain")]))


@table(
    "name, expected",
    ("authorization", "authorization", True),
    ("in any case", "AUTHORIZATION", True),
    ("not the proxy's", "Proxy-Authorization", False),
    ("not another", "X-Authorization", False),
    ("not cookies", "Cookie", False),
)
def test_is_cors_non_wildcard_request_header_name(name: str, expected: bool) -> None:
    assert is_cors_non_wildcard_request_header_name(name) is expected


# --- forbidden request headers -----------------------------------------------------------------------------------

FORBIDDEN = """
    Accept-Charset Accept-Encoding Access-Control-Request-Headers Access-Control-Request-Method Connection
    Content-Length Cookie Cookie2 Date DNT Expect Host Keep-Alive Origin Referer Set-Cookie TE Trailer
    Transfer-Encoding Upgrade Via
"""


@pytest.mark.parametrize("name", FORBIDDEN.split())
def test_forbidden_names(name: str) -> None:
    assert is_forbidden_request_header(name)
    assert is_forbidden_request_header(name.upper(), "any value")
    assert not is_forbidden_request_header(name + "x")


@table(
    "name, value, expected",
    ("sec- and anything", "Sec-Fetch-Mode", "cors", True),
    ("sec- alone", "sec-", "", True),
    ("proxy- and anything", "Proxy-Authorization", "x", True),
    ("proxy- alone", "PROXY-", "", True),
    ("but only in front", "X-Sec-", "", False),
    ("and with the dash", "Secret", "", False),
    ("user-agent may be set", "User-Agent", "x", False),
    ("authorization may be set", "Authorization", "x", False),
    ("accept may be set", "Accept", "x", False),
    ("override to a harmless method", "X-HTTP-Method-Override", "DELETE", False),
    ("override to TRACE", "X-HTTP-Method-Override", "TRACE", True),
    ("in any case", "x-http-method", "track", True),
    ("the third name", "X-Method-Override", "CONNECT", True),
    ("one of several", "X-HTTP-Method", "GET, track ", True),
    ("part of a word", "X-HTTP-Method", "TRACES", False),
    ("no value", "X-HTTP-Method", "", False),
    ("quotes are part of the value", "X-HTTP-Method", '"TRACE"', False),
    ("a comma in quotes does not separate", "X-HTTP-Method", '"a,TRACE,b"', False),
    ("a comma behind them does", "X-HTTP-Method", '"a,b",TRACE', True),
    ("another header with such a value", "X-Method", "TRACE", False),
)
def test_is_forbidden_request_header(name: str, value: str, expected: bool) -> None:
    assert is_forbidden_request_header(name, value) is expected


# --- response headers --------------------------------------------------------------------------------------------
