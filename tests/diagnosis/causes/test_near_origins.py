"""By how little an allowed origin misses the page's."""

from hypothesis import given
from hypothesis import strategies as st

from cors_addon.diagnosis.causes.allowlist import ENTRIES
from cors_addon.diagnosis.causes.edit_distance import distance
from cors_addon.diagnosis.causes.near_origins import misses
from cors_addon.fetch.origins import origin_of
from tests.fetch.table import table

BYTES = st.text(st.characters(max_codepoint=255), max_size=60)
PARTS = st.sampled_from(
    [
        "https://",
        "http://",
        "app",
        ".",
        "shop",
        "test",
        ":443",
        ":3000",
        "/",
        "*",
        "www.",
        "localhost",
        "127.0.0.1",
        ",",
        " ",
    ]
)
VALUES = st.one_of(BYTES, st.lists(PARTS, max_size=8).map("".join))


@table(
    "origin, value",
    ("the wildcard", "https://app.test", "*"),
    ("the origin itself", "https://app.test", "https://app.test"),
    ("null, which is told elsewhere", "https://app.test", "null"),
    ("nothing in common", "https://app.example", "https://other.test"),
    ("siblings with numbers are no misspellings", "https://app1.test", "https://app2.test"),
    ("countries are no misspellings", "https://shop.de", "https://shop.fr"),
    ("short names are no misspellings", "https://a.test", "https://b.test"),
    ("addresses are no misspellings", "http://192.168.1.5", "http://192.168.1.6"),
    ("numbers of one service", "https://node-17.example", "https://node-18.example"),
    ("hosts at a hosting service that have nothing in common", "https://mine.github.io", "https://theirs.github.io"),
    ("too long to be meant", "https://app.test", "https://app.test" + "/" * 3_000),
)
def test_what_is_not_near(origin: str, value: str) -> None:
    assert list(misses(origin, value)) == []


@table(
    "origin, value, how",
    ("scheme and port", "http://localhost:3000", "https://localhost:3001", "port 3001 instead of 3000"),
    ("www. and http", "https://www.shop.test", "http://shop.test", "it has http instead of https"),
    ("who is missing", "https://c.test", "https://a.test, https://b.test", "the page's origin is not among them"),
    ("who is among them", "https://b.test", "https://a.test, https://b.test", "the page's origin is among them"),
)
def test_what_is_said(origin: str, value: str, how: str) -> None:
    assert how in next(misses(origin, value)).how


@given(VALUES, VALUES)
def test_anything_can_be_compared(origin: str, value: str) -> None:
    for miss in misses(origin, value, origin_of("https://api.test")):
        assert miss.entry in ENTRIES
        assert miss.how


@given(st.text(max_size=12), st.text(max_size=12))
def test_distances(one: str, other: str) -> None:
    apart = distance(one, other, 20)
    assert apart == distance(other, one, 20)
    assert (apart == 0) is (one == other)
    assert abs(len(one) - len(other)) <= apart <= max(len(one), len(other))
    assert distance(one, other, 2) == min(apart, 3)


@table(
    "one, other, apart",
    ("a swap is one", "verison", "version", 1),
    ("a letter less", "authorization", "authorizaton", 1),
    ("another letter", "authorisation", "authorization", 1),
    ("far", "cookie", "authorization", 3),
)
def test_known_distances(one: str, other: str, apart: int) -> None:
    assert distance(one, other, 2) == apart
