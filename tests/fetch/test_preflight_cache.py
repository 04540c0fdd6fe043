from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.checks import SUCCESS, PreflightRequest, preflight_check
from cors_addon.fetch.messages import CredentialsMode, Response
from cors_addon.fetch.preflight_cache import (
    CacheEntry,
    covers,
    entry_of,
    header_name_cache_entry_match,
    method_cache_entry_match,
)

from .table import INCLUDE, NOT_INCLUDE, headers, table
from .test_checks import answers, methods, modes, name_tuples, questions

URL = "https://api.test/items?page=1"
PAGE = "https://app.test"


def _entry(mode: CredentialsMode, *lines: str, method: str = "PUT") -> CacheEntry:
    listed = headers(*(f"Access-Control-Allow-{line}" for line in lines))
    entry = entry_of(PAGE, URL, mode, method, listed, now=100.0, max_age=600.0)
    assert entry is not None
    return entry


def test_an_entry_remembers_what_was_listed() -> None:
    entry = _entry(INCLUDE, "Methods: PUT, DELETE", "Methods: patch", "Headers: X-A, content-type")
    assert entry == CacheEntry(
        PAGE, URL, INCLUDE, frozenset({"PUT", "DELETE", "patch"}), frozenset({"x-a", "content-type"}), 700.0
    )


@table(
    "lines, listed",
    ("without a list the method asked for is granted", [], {"PUT"}),
    ("an empty list grants none", ["Methods:"], set()),
    ("a wildcard grants no method by name: Firefox does not honour it from the cache", ["Methods: *"], {"*"}),
    ("another method's list does not grant this one", ["Methods: POST"], {"POST"}),
)
def test_methods_of_an_entry(lines: list[str], listed: set[str]) -> None:
    assert _entry(NOT_INCLUDE, *lines).methods == listed


@table(
    "lines",
    ("methods", ["Access-Control-Allow-Methods: GET PUT"]),
    ("headers", ["Access-Control-Allow-Methods: PUT", "Access-Control-Allow-Headers: (x)"]),
)
def test_lists_that_do_not_parse_are_not_kept(lines: list[str]) -> None:
    assert entry_of(PAGE, URL, INCLUDE, "PUT", headers(*lines), 0.0, 600.0) is None


@table(
    "lines, method, without, included",
    ("listed", ["Methods: PUT"], "PUT", True, True),
    ("in another case", ["Methods: PUT"], "put", False, False),
    ("not listed", ["Methods: PUT"], "DELETE", False, False),
    ("safelisted", ["Methods: PUT"], "POST", True, True),
    ("the wildcard", ["Methods: *"], "DELETE", True, False),
    ("a method of that name", ["Methods: *"], "*", True, True),
)
def test_method_cache_entry_match(lines: list[str], method: str, without: bool, included: bool) -> None:
    assert method_cache_entry_match(_entry(NOT_INCLUDE, *lines), method) is without
    assert method_cache_entry_match(_entry(INCLUDE, *lines), method) is included


@table(
    "lines, name, without, included",
    ("listed, in any case", ["Headers: X-A"], "x-A", True, True),
    ("not listed", ["Headers: X-A"], "x-b", False, False),
    ("no list", [], "x-a", False, False),
    ("the wildcard", ["Headers: *"], "x-a", True, False),
    ("the wildcard does not cover authorization", ["Headers: *"], "Authorization", False, False),
    ("unless it is listed", ["Headers: *, Authorization"], "authorization", True, True),
)
def test_header_name_cache_entry_match(lines: list[str], name: str, without: bool, included: bool) -> None:
    assert header_name_cache_entry_match(_entry(NOT_INCLUDE, *lines), name) is without
    assert header_name_cache_entry_match(_entry(INCLUDE, *lines), name) is included


@table(
    "stored, asked, now, method, names, expected",
    ("fresh", NOT_INCLUDE, NOT_INCLUDE, 100.0, "PUT", ["x-a"], True),
    ("stored with credentials, asked without", INCLUDE, NOT_INCLUDE, 100.0, "PUT", ["x-a"], True),
    ("stored with, asked with", INCLUDE, INCLUDE, 100.0, "PUT", ["x-a"], True),
    ("stored without, asked with", NOT_INCLUDE, INCLUDE, 100.0, "PUT", ["x-a"], False),
    ("even for a safelisted method", NOT_INCLUDE, INCLUDE, 100.0, "GET", [], False),
    ("just before it expires", NOT_INCLUDE, NOT_INCLUDE, 699.999, "PUT", ["x-a"], True),
    ("when it expires", NOT_INCLUDE, NOT_INCLUDE, 700.0, "PUT", ["x-a"], False),
    ("another method", NOT_INCLUDE, NOT_INCLUDE, 100.0, "DELETE", ["x-a"], False),
    ("no headers", NOT_INCLUDE, NOT_INCLUDE, 100.0, "PUT", [], True),
    ("one header of two", NOT_INCLUDE, NOT_INCLUDE, 100.0, "PUT", ["x-a", "x-b"], False),
)
def test_covers(
    stored: CredentialsMode, asked: CredentialsMode, now: float, method: str, names: list[str], expected: bool
) -> None:
    assert covers(_entry(stored, "Methods: PUT", "Headers: x-a"), asked, method, names, now) is expected


def test_a_max_age_of_nought_covers_nothing() -> None:
    entry = entry_of(PAGE, URL, NOT_INCLUDE, "PUT", headers(), now=100.0, max_age=0.0)
    assert entry is not None
    assert not covers(entry, NOT_INCLUDE, "GET", [], 100.0)


def _kept(asked: PreflightRequest, mode: CredentialsMode, answer: Response) -> CacheEntry | None:
    if preflight_check(asked, mode, answer) is not SUCCESS:
        return None
    entry = entry_of(asked.origin, URL, mode, asked.method, answer.headers, 0.0, 5.0)
    assert entry is not None
    return entry


@given(questions, modes, answers)
def test_a_passed_preflight_covers_its_own_request(
    asked: PreflightRequest, mode: CredentialsMode, answer: Response
) -> None:
    entry = _kept(asked, mode, answer)
    if entry is not None:
        assert covers(entry, mode, asked.method, asked.header_names, 4.0)
        assert not covers(entry, mode, asked.method, asked.header_names, 5.0)


@given(questions, modes, answers, methods, name_tuples, modes)
def test_the_cache_grants_no_more_than_a_new_preflight_would(
    asked: PreflightRequest,
    mode: CredentialsMode,
    answer: Response,
    method: str,
    names: tuple[str, ...],
    later: CredentialsMode,
) -> None:
    entry = _kept(asked, mode, answer)
    if entry is not None and covers(entry, later, method, names, 0.0):
        assert preflight_check(PreflightRequest(asked.origin, method, names), later, answer) is SUCCESS


@given(questions, modes, answers, st.floats(0.0, 10.0), st.floats(0.0, 10.0))
def test_what_has_expired_stays_expired(
    asked: PreflightRequest, mode: CredentialsMode, answer: Response, earlier: float, later: float
) -> None:
    entry = _kept(asked, mode, answer)
    if entry is not None and covers(entry, mode, asked.method, asked.header_names, max(earlier, later)):
        assert covers(entry, mode, asked.method, asked.header_names, min(earlier, later))
