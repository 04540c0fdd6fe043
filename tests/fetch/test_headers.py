import re

from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch import header_list as headers_module
from cors_addon.fetch.headers import (
    INVALID,
    HeaderList,
    Invalid,
    byte_lowercase,
    byte_uppercase,
    decode_and_split,
    extract_header_list_values,
    extract_max_age,
    get_decode_and_split,
    is_token,
    split_token_list,
)

from . import by_the_prose
from .table import headers, table

NAME = "Access-Control-Allow-Headers"
EVERY_BYTE = [chr(code) for code in range(256)]


# --- get ---------------------------------------------------------------------------------------------------------


@table(
    "lines, value",
    ("an absent header is null, not an empty value", [], None),
    ("another header is not this one", ["Vary: Origin"], None),
    ("a value is given as it is", ["Access-Control-Allow-Origin: https://a.test"], "https://a.test"),
    ("an empty value is a value", ["Access-Control-Allow-Origin:"], ""),
    ("spaces only are an empty value", ["Access-Control-Allow-Origin:    "], ""),
    ("names are compared without case", ["aCCESS-cONTROL-aLLOW-oRIGIN: *"], "*"),
    ("leading and trailing space and tab are no part of it", ["Access-Control-Allow-Origin: \t *\t "], "*"),
    ("nor are CR and LF", ["Access-Control-Allow-Origin:\r\n*\r\n"], "*"),
    ("vertical tab is", ["Access-Control-Allow-Origin: *\x0b"], "*\x0b"),
    ("form feed is", ["Access-Control-Allow-Origin: \x0c*"], "\x0c*"),
    ("NUL is", ["Access-Control-Allow-Origin: *\x00"], "*\x00"),
    ("the no-break space, a byte beyond ASCII, is", ["Access-Control-Allow-Origin: *\xa0"], "*\xa0"),
    ("inner space stays", ["Access-Control-Allow-Origin: a  b"], "a  b"),
    (
        "two lines are one value, joined by comma and space",
        ["Access-Control-Allow-Origin: a", "access-control-allow-origin:b"],
        "a, b",
    ),
    ("the order of the lines counts", ["Access-Control-Allow-Origin: b", "Access-Control-Allow-Origin: a"], "b, a"),
    ("an empty line joins too", ["Access-Control-Allow-Origin: *", "Access-Control-Allow-Origin:"], "*, "),
    ("even two empty ones", ["Access-Control-Allow-Origin:", "Access-Control-Allow-Origin:"], ", "),
    ("each line is trimmed before", ["Access-Control-Allow-Origin: a ", "Access-Control-Allow-Origin: b "], "a, b"),
    (
        "lines in between do not matter",
        ["Access-Control-Allow-Origin: a", "X: y", "Access-Control-Allow-Origin: b"],
        "a, b",
    ),
    ("a folded line reads as one with a space", ["Access-Control-Allow-Origin: a,\r\n \t b"], "a, b"),
    ("a name with a space behind is another name", ["Access-Control-Allow-Origin : *"], None),
)
def test_get(lines: list[str], value: str | None) -> None:
    assert headers(*lines).get("Access-Control-Allow-Origin") == value


def test_header_list_keeps_every_line_as_it_was_sent() -> None:
    fields = ((b"X", b" a "), (b"x", b"\xff\x00"), (b"", b""))
    listed = HeaderList.from_bytes(fields)
    assert tuple(listed) == (("X", " a "), ("x", "\xff\x00"), ("", ""))
    assert listed.get_all("X") == ("a", "\xff\x00")
    assert listed.names() == ("x", "")
    assert len(listed) == 3
    assert "X" in listed
    assert "y" not in listed
    assert 1 not in listed


def test_invalid_says_its_name() -> None:
    assert repr(INVALID) == "INVALID"


def test_header_lists_with_the_same_lines_are_equal() -> None:
    one, same, other = headers("A: b"), headers("A: b"), headers("a: b")
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != "A: b"
    assert repr(one) == "HeaderList((('A', ' b'),))"


def test_names_beyond_ascii_are_compared_byte_by_byte() -> None:
    listed = HeaderList.from_bytes([(b"\xc0", b"1"), (b"\xe0", b"2")])
    assert listed.get("\xc0") == "1"
    assert listed.get("\xe0") == "2"


@table(
    "text, lower, upper",
    ("letters A to Z change", "aZ-09_", "az-09_", "AZ-09_"),
    ("a byte beyond ASCII is not a letter", "A\xc0\xe0z", "a\xc0\xe0z", "A\xc0\xe0Z"),
    ("what would become two letters", "\xdf", "\xdf", "\xdf"),
    ("what would leave Latin-1", "\xff\xb5", "\xff\xb5", "\xff\xb5"),
    ("the Kelvin sign is not a k", "\u212a", "\u212a", "\u212a"),
    ("the long s is not an s", "\u017f", "\u017f", "\u017f"),
)
def test_byte_case(text: str, lower: str, upper: str) -> None:
    assert byte_lowercase(text) == lower
    assert byte_uppercase(text) == upper


# --- #token lists ------------------------------------------------------------------------------------------------

TOKEN_PUNCTUATION = "!#$%&'*+-.^_`|~"


def test_token_to_the_byte() -> None:
    expected = {char for char in EVERY_BYTE if char.isascii() and char.isalnum()} | set(TOKEN_PUNCTUATION)
    assert {char for char in EVERY_BYTE if is_token(char)} == expected
    assert {char for char in EVERY_BYTE if is_token(f"x{char}x")} == expected


@table(
    "text, expected",
    ("a token has at least one byte", "", False),
    ("a wildcard is a token", "*", True),
    ("a letter outside ASCII is not", "\u212a", False),
    ("a digit outside ASCII is not", "\u0661", False),
    ("a newline at the end is not overlooked", "GET\n", False),
)
def test_is_token(text: str, expected: bool) -> None:
    assert is_token(text) is expected


@table(
    "lines, values",
    ("absent is null", [], None),
    ("an empty value is an empty list", [""], []),
    ("so is space", ["  \t"], []),
    ("so are commas alone", [" , ,,"], []),
    ("one token", ["GET"], ["GET"]),
    ("case is kept", ["gEt"], ["gEt"]),
    ("empty elements are dropped", [", GET,, "], ["GET"]),
    ("space and tab around elements are dropped", ["\tA ,\t B\t"], ["A", "B"]),
    ("no space is needed", ["A,B"], ["A", "B"]),
    ("repeats stay", ["A, a, A"], ["A", "a", "A"]),
    ("the wildcard is an ordinary element", ["*, A"], ["*", "A"]),
    ("lines add up in order", ["A", "B, C"], ["A", "B", "C"]),
    ("an empty line adds nothing", ["A", "", "B"], ["A", "B"]),
    ("one bad line spoils all of them", ["A", "B C", "D"], INVALID),
    ("two words are no token", ["GET POST"], INVALID),
    ("nor with a tab between", ["GET\tPOST"], INVALID),
    ("semicolons do not separate", ["GET; POST"], INVALID),
    ("no parameters", ["X-A; q=1"], INVALID),
    ("no quoted strings", ['"X-A"'], INVALID),
    ("a comma in quotes still separates, and the halves are no tokens", ['"X,A"'], INVALID),
    ("no comments", ["(X)"], INVALID),
    ("no brackets", ["[GET]"], INVALID),
    ("no colon", ["X-A:"], INVALID),
    ("no slash", ["text/plain"], INVALID),
    ("vertical tab is not whitespace here", ["GET,\x0bPUT"], INVALID),
    ("form feed is not either", ["GET,\x0cPUT"], INVALID),
    ("nor the no-break space", ["GET,\xa0PUT"], INVALID),
    ("nor a carriage return within", ["GET,\rPUT"], INVALID),
    ("a vertical tab at the very end", ["GET\x0b"], INVALID),
    ("NUL", ["GET\x00"], INVALID),
    ("bytes beyond ASCII", ["GÉT"], INVALID),
    ("a folded list reads on", ["GET,\r\n PUT"], ["GET", "PUT"]),
    ("but a fold does not hide a missing comma", ["GET\r\n PUT"], INVALID),
)
def test_extract_header_list_values(lines: list[str], values: list[str] | Invalid | None) -> None:
    assert extract_header_list_values(headers(*(f"{NAME}: {line}" for line in lines)), NAME) == values


# --- Access-Control-Max-Age --------------------------------------------------------------------------------------


@table(
    "lines, age",
    ("absent is null", [], None),
    ("seconds", ["600"], 600),
    ("nought is an age", ["0"], 0),
    ("minus is no digit", ["-1"], INVALID),
    ("nor is plus", ["+1"], INVALID),
    ("no fraction", ["1.5"], INVALID),
    ("no unit", ["10m"], INVALID),
    ("no quotes", ['"600"'], INVALID),
    ("no list", ["600, 600"], INVALID),
    ("no parameter", ["600;"], INVALID),
    ("no underscore, though int() takes it", ["6_00"], INVALID),
    ("no inner space", ["6 00"], INVALID),
    ("no hexadecimal", ["0x10"], INVALID),
    ("an empty value has no digit", [""], INVALID),
    ("two lines, even if they say the same", ["600", "600"], INVALID),
    ("space around is no part of the value", ["\t600 "], 600),
    ("vertical tab is", ["600\x0b"], INVALID),
    ("leading zeros change nothing", ["000600"], 600),
    ("nor do many", ["0" * 5000 + "7"], 7),
    ("a superscript is a digit to str.isdigit only", ["\xb2"], INVALID),
    ("eighteen digits are read", ["9" * 18], 10**18 - 1),
    ("more than any cap is more than any cap", ["9" * 19], 10**18),
    ("also where int() would refuse", ["9" * 100_000], 10**18),
)
def test_extract_max_age(lines: list[str], age: int | Invalid | None) -> None:
    assert extract_max_age(headers(*(f"Access-Control-Max-Age: {line}" for line in lines))) == age


# --- get, decode, and split --------------------------------------------------------------------------------------


@table(
    "lines, values",
    ("absent is null", [], None),
    ("an empty value is one empty string", [""], [""]),
    ("one value", ["nosniff"], ["nosniff"]),
    ("a trailing comma leaves an empty string", ["nosniff,"], ["nosniff", ""]),
    ("as does an empty line", ["nosniff", ""], ["nosniff", ""]),
    ("a leading comma too", [",nosniff"], ["", "nosniff"]),
    ("an unclosed quote takes the rest", ['text/html;", x/x'], ['text/html;", x/x']),
    ("even the next line", ['text/html;"', "x/x"], ['text/html;", x/x']),
    ("a closed quote keeps its quotes", ['x/x;test="hi",y/y'], ['x/x;test="hi"', "y/y"]),
    ("over two lines as well", ['x/x;test="hi"', "y/y"], ['x/x;test="hi"', "y/y"]),
    ("inner space stays, empty elements too", ["x / x,,,1"], ["x / x", "", "", "1"]),
    ("a line of a comma", ["x / x", ",", "1"], ["x / x", "", "", "1"]),
    ("a comma in quotes does not separate", ['"1,2", 3'], ['"1,2"', "3"]),
    ("an escaped quote does not close", [r'"a\",b", c'], [r'"a\",b"', "c"]),
    ("an escaped backslash does not escape", [r'"a\\",b", c'], [r'"a\\"', 'b", c']),
    ("a backslash outside quotes is a backslash", [r"\",a", "b"], [r"\",a, b"]),
    ("a backslash at the end", ['a, "\\'], ["a", '"\\']),
    ("two quoted strings in one value", ['"a,""b,",c'], ['"a,""b,"', "c"]),
    ("tab is trimmed", ["\ta\t,\tb\t"], ["a", "b"]),
    ("vertical tab is not", ["a\x0b,\x0cb"], ["a\x0b", "\x0cb"]),
    ("a newline within is an ordinary byte", ['"\n",b'], ['"\n"', "b"]),
)
def test_get_decode_and_split(lines: list[str], values: list[str] | None) -> None:
    assert get_decode_and_split(headers(*(f"A: {line}" for line in lines)), "a") == values


# --- what always holds -------------------------------------------------------------------------------------------

near_values = st.text(st.sampled_from(' \t\r\n\x0b,;"\\*aZ-1=\xa0\xe9'), max_size=12)


@given(near_values)
def test_splitting_agrees_with_the_prose(value: str) -> None:
    assert decode_and_split(value) == by_the_prose.decode_and_split(value)


@given(near_values)
def test_token_lists_agree_with_the_prose(value: str) -> None:
    expected = by_the_prose.token_list(value)
    assert split_token_list(value) == (INVALID if expected is None else expected)


@given(st.lists(near_values, min_size=1, max_size=4))
def test_repeating_a_header_equals_combining_it(values: list[str]) -> None:
    repeated = HeaderList([("A", value) for value in values])
    combined = HeaderList([("a", ", ".join(value.strip(" \t\r\n") for value in values))])
    # An outer comma of the combined value keeps its space, which trimming would take from it.
    assert (repeated.get("A") or "").strip() == (combined.get("A") or "").strip()
    assert extract_header_list_values(repeated, "A") == extract_header_list_values(combined, "A")


@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=8)), max_size=6))
def test_a_header_list_agrees_with_the_prose_on_any_bytes(fields: list[tuple[bytes, bytes]]) -> None:
    listed = HeaderList.from_bytes(fields)
    for name, _ in fields:
        value = by_the_prose.get(name, fields)
        assert value is not None
        assert listed.get(name.decode("latin-1")) == value.decode("latin-1")
    assert [(name.encode("latin-1"), value.encode("latin-1")) for name, value in listed] == fields


# --- hard use ----------------------------------------------------------------------------------------------------


def test_ten_thousand_lines() -> None:
    listed = HeaderList.from_bytes([*((b"X-%d" % number, b"v") for number in range(10_000)), (b"Y", b"w")])
    assert listed.get("y") == "w"
    assert len(listed.names()) == 10_001


def test_ten_thousand_lines_of_one_name() -> None:
    listed = HeaderList.from_bytes([(b"A", b"x%d" % number) for number in range(10_000)])
    assert extract_header_list_values(listed, "a") == [f"x{number}" for number in range(10_000)]


@table(
    "value, values",
    ("commas", "," * 2**20, []),
    ("one token", "a" * 2**20, ["a" * 2**20]),
    ("many tokens", "a," * 2**19, ["a"] * 2**19),
    ("space", " " * 2**20, []),
    ("quotes", '"' * 2**20, INVALID),
    ("a list that fails at its end", "a ," * 2**19 + "b c", INVALID),
)
def test_a_value_of_a_mebibyte(value: str, values: list[str] | Invalid) -> None:
    assert extract_header_list_values(HeaderList([("A", value)]), "A") == values


@table(
    "value, count",
    ("commas", "," * 2**20, 2**20 + 1),
    ("quotes, an even number", '"' * 2**20, 1),
    ("escapes in an open quote", '"' + "\\" * 2**20, 1),
    ("closed quotes", '"a,",' * 2**18, 2**18 + 1),
    ("quotes that close and open again", '"a",b"' * 2**17, 2**16 + 1),
)
def test_splitting_a_mebibyte(value: str, count: int) -> None:
    assert len(decode_and_split(value)) == count


# --- attributes --------------------------------------------------------------------------------------------------

ATTRIBUTE_OF = {name: headers_module._attribute(name) for name in headers_module._READ}
NAMES = st.sampled_from([*ATTRIBUTE_OF, *(name.title() for name in ATTRIBUTE_OF), "ETag", "X-Own", "x-own", "", "Get"])
VALUES = st.text(st.sampled_from("a*, \t\r\n\xff\x00"), max_size=8)


def naive_get_all(lines: list[tuple[str, str]], name: str) -> list[str]:
    """Normalize and unfold as the standards say, line by line."""
    values = [value.strip(" \t\r\n") for each, value in lines if each.lower() == name.lower()]
    return [re.sub("\r?\n[ \t]+", " ", value) for value in values]


@given(st.lists(st.tuples(NAMES, VALUES), max_size=12), st.booleans())
def test_every_attribute_is_what_the_standards_get_returns(lines: list[tuple[str, str]], of_bytes: bool) -> None:
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in lines]
    listed = HeaderList.from_bytes(raw) if of_bytes else HeaderList(lines)
    for name in (*ATTRIBUTE_OF, "etag", "x-own", "", "get"):
        values = naive_get_all(lines, name)
        expected = ", ".join(values) if values else None
        assert listed.get(name) == listed.get(name.upper()) == expected
        assert listed.get_all(name) == tuple(values)
        assert (name in listed) is bool(values)
        if name in ATTRIBUTE_OF:
            assert getattr(listed, ATTRIBUTE_OF[name]) == expected
            assert listed.is_repeated(ATTRIBUTE_OF[name]) is (len(values) > 1)
    assert listed.names() == tuple(dict.fromkeys(name.lower() for name, _ in lines))
    assert listed.lines == tuple(lines)


def test_the_attributes_declared_are_those_that_are_read() -> None:
    declared = {name for name in HeaderList.__annotations__ if not name.startswith("_")} - {"size"}
    assert declared == set(ATTRIBUTE_OF.values())
