"""Which exchanges belong together, in whatever order they are seen."""

from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from itertools import permutations

import pytest

from cors_addon.fetch.messages import Response
from cors_addon.traffic.classify import Kind
from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.links import FOLLOW_SECONDS, SERVED_KEPT
from cors_addon.traffic.record import Record
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, lines_of, metadata, preflight

GRANT = allow(methods="PUT", names="x-a")
KEPT = [*GRANT, "Access-Control-Max-Age: 60"]
OTHER = "https://other.test"


def seen(*exchanges: Exchange) -> Correlator:
    correlator = Correlator()
    for each in exchanges:
        correlator.observe(each)
    return correlator


def ties(correlator: Correlator) -> dict[str, dict[str, object]]:
    """What is known of each exchange beside itself."""
    left_out = {"exchange", "classification", "browser", "header_names", "delivered", "leads_to", "survival"}
    names = [each.name for each in fields(Record) if each.name not in left_out]
    return {id: {name: getattr(record, name) for name in names} for id, record in correlator.records.items()}


def in_every_order(*exchanges: Exchange) -> Correlator:
    """Observe the exchanges in every order; the result is the same in each."""
    first = seen(*exchanges)
    first.finish()
    for order in permutations(exchanges):
        other = seen(*order)
        other.finish()
        assert ties(other) == ties(first), [each.id for each in order]
    return first


def record(correlator: Correlator, id: str) -> Record:
    found = correlator.get(id)
    assert found is not None
    return found


# --- preflight and request -----------------------------------------------------------------------------------------


def test_a_preflight_and_its_request_know_each_other() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", "x-a", id="p", answer=GRANT),
        cors(f"PUT {ITEMS}", "X-A: 1", id="r", at=0.11),
    )
    assert record(found, "r").preflight == "p"
    assert record(found, "p").requests == ("r",)
    assert record(found, "p").was_followed
    assert record(found, "r").asked_names == ("x-a",)
    assert record(found, "r").cached_grant is None


@table(
    "change",
    ("another URL", {"url": f"{ITEMS}?page=2"}),
    ("another method", {"method": "DELETE"}),
    ("a name that was asked for is not there", {"lines": ()}),
    ("another page", {"origin": "https://else.test"}),
    ("another client", {"client": "192.0.2.2"}),
    ("another browser", {"browser": "firefox"}),
    ("before the preflight was answered", {"at": 0.05 - 0.25}),
    ("too late", {"at": 10.2}),
)
def test_what_a_preflight_was_not_made_for(change: dict[str, object]) -> None:
    more: dict[str, object] = {"at": 0.11, **change}
    method, url, lines = more.pop("method", "PUT"), more.pop("url", ITEMS), more.pop("lines", ("X-A: 1",))
    found = in_every_order(
        preflight(f"PUT {ITEMS}", "x-a", id="p", took=0.05, answer=GRANT),
        cors(f"{method} {url}", *lines, id="r", **more),  # type: ignore[misc, arg-type]
    )
    assert record(found, "r").preflight is None
    assert record(found, "p").request is None


@table(
    "tied, sent",
    ("what was asked for", True, ("Content-Type: application/json",)),
    ("what no preflight is for: the request that it was for never went out", False, ("Content-Type: text/plain",)),
)
def test_a_preflight_for_a_type_is_for_a_request_of_such_a_type(tied: bool, sent: tuple[str, ...]) -> None:
    asked = preflight(f"POST {ITEMS}", "content-type", id="p", answer=allow(names="content-type"))
    found = seen(asked, cors(f"POST {ITEMS}", *sent, id="r", at=0.2))
    assert record(found, "r").preflight == ("p" if tied else None)


def test_a_script_may_set_its_own_user_agent_where_it_asked_for_that() -> None:
    asked = preflight(f"GET {ITEMS}", "user-agent", id="p", browser="firefox", answer=allow(names="user-agent"))
    request = cors(f"GET {ITEMS}", id="r", at=0.2, browser="Custom/1.0")
    assert record(seen(asked, request), "r").preflight == "p"


def test_a_request_may_begin_before_the_proxy_saw_the_end_of_its_preflight() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", id="p", took=0.4, answer=GRANT), cors(f"PUT {ITEMS}", id="r", at=0.2)
    )
    assert record(found, "r").preflight == "p"


def test_a_preflight_that_has_no_answer_yet_was_not_followed() -> None:
    correlator = seen(preflight(f"PUT {ITEMS}", id="p", status=None), cors(f"PUT {ITEMS}", id="r", at=0.2))
    assert record(correlator, "r").preflight is None
    changed = correlator.observe(preflight(f"PUT {ITEMS}", id="p", answer=GRANT))
    assert changed == {"r"}
    assert record(correlator, "r").preflight == "p"


def test_identical_requests_at_once_have_a_preflight_each() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", id="p1", at=0.0, answer=GRANT),
        preflight(f"PUT {ITEMS}", id="p2", at=0.01, answer=GRANT),
        cors(f"PUT {ITEMS}", id="r1", at=0.12),
        cors(f"PUT {ITEMS}", id="r2", at=0.13),
    )
    assert {record(found, "r1").preflight, record(found, "r2").preflight} == {"p1", "p2"}


def test_one_that_passed_is_followed_rather_than_one_that_failed() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", id="good", at=0.0, answer=GRANT),
        preflight(f"PUT {ITEMS}", id="bad", at=0.05, status=503),
        cors(f"PUT {ITEMS}", id="r", at=0.2),
    )
    assert record(found, "r").preflight == "good"
    assert record(found, "bad").unfollowed is False  # less than two seconds have passed


def test_the_last_of_several_attempts_is_the_one_that_was_followed() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", id="p1", at=0.0, answer=GRANT),
        preflight(f"PUT {ITEMS}", id="p2", at=5.0, answer=GRANT),
        cors(f"PUT {ITEMS}", id="r", at=5.2),
    )
    assert record(found, "r").preflight == "p2"
    assert record(found, "p1").unfollowed


def test_the_names_asked_for_tell_parallel_requests_apart() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", "x-a", "x-b", id="p-ab", answer=allow(methods="PUT", names="x-a, x-b")),
        preflight(f"PUT {ITEMS}", "x-a", id="p-a", at=0.02, answer=GRANT),
        cors(f"PUT {ITEMS}", "X-A: 1", "X-B: 1", id="r-ab", at=0.2),
        cors(f"PUT {ITEMS}", "X-A: 1", id="r-a", at=0.21),
    )
    assert record(found, "r-ab").preflight == "p-ab"
    assert record(found, "r-a").preflight == "p-a"


def test_a_report_has_a_preflight_too() -> None:
    report = exchange(
        f"POST {ITEMS}", f"Origin: {APP}", "Content-Type: application/reports+json", id="r", at=0.2, status=204
    )
    asked = preflight(f"POST {ITEMS}", "content-type", id="p", answer=allow(names="content-type"))
    found = in_every_order(asked, report)
    assert record(found, "r").kind is Kind.NO_CORS
    assert record(found, "r").preflight == "p"


# --- the mirror of the browser's preflight cache ---------------------------------------------------------------------


def covered(browser: str, answer: Sequence[str], after: float, request: str = f"PUT {ITEMS}", *names: str) -> bool:
    """Say whether a second request, so long after the first one's preflight, is taken for covered by the cache."""
    lines = [f"{name}: 1" for name in names]
    correlator = Correlator(age=1e9)
    correlator.observe(preflight(request, *names, id="p", browser=browser, answer=answer))
    correlator.observe(cors(request, *lines, id="r1", at=0.2, browser=browser))
    correlator.observe(cors(request, *lines, id="r2", at=after, browser=browser))
    assert record(correlator, "r1").preflight == "p"
    assert record(correlator, "r2").preflight is None
    grant = record(correlator, "r2").cached_grant
    assert record(correlator, "p").requests == (("r1",) if grant is None else ("r1", "r2"))
    return grant == "p"


CHROMIUM, FIREFOX, WEBKIT = "chromium", "firefox", "webkit"
ALL = (CHROMIUM, FIREFOX, WEBKIT)


@table(
    "keepers, age, after",
    ("within its time", ALL, "60", 59),
    ("after its time", (), "60", 61),
    ("five seconds by default", ALL, None, 4),
    ("no longer", (), None, 6),
    ("nothing is kept", (), "0", 0.5),
    ("digits all the same", ALL, "0060", 59),
    ("Safari's cap is ten minutes", (CHROMIUM, FIREFOX), "86400", 700),
    ("Chromium's is two hours", (FIREFOX,), "86400", 7300),
    ("Firefox's is a day", (FIREFOX,), "1000000", 86000),
    ("and no more", (), "1000000", 86500),
    ("a number beyond 64 bits is none to Safari", (CHROMIUM, FIREFOX), "99999999999999999999", 500),
    ("which keeps it five seconds", ALL, "99999999999999999999", 3),
    ("the largest number of 64 bits", ALL, "9223372036854775807", 500),
    ("no number: five seconds, but nothing in Firefox", (CHROMIUM, WEBKIT), "forever", 3),
    ("no longer than those", (), "forever", 6),
    ("a negative number is zero in Chromium and Safari", (), "-1", 3),
    ("and one beyond 64 bits none to Safari", (WEBKIT,), "-99999999999999999999", 3),
    ("a fraction", (CHROMIUM, WEBKIT), "60.5", 3),
    ("a sign", (CHROMIUM, WEBKIT), "+60", 3),
    ("which Safari reads as a number", (WEBKIT,), "+60", 59),
    ("a list", (CHROMIUM, WEBKIT), "60, 60", 3),
    ("a unit", (CHROMIUM, WEBKIT), "60s", 3),
    ("an empty line is none", ALL, "", 3),
    ("outer whitespace is no part of it", ALL, "  60\t", 50),
)
def test_how_long_each_browser_keeps_a_grant(keepers: tuple[str, ...], age: str | None, after: float) -> None:
    answer = GRANT if age is None else [*GRANT, f"Access-Control-Max-Age: {age}"]
    assert tuple(browser for browser in ALL if covered(browser, answer, after)) == keepers


def test_two_max_age_lines_are_no_number() -> None:
    twice = [*GRANT, "Access-Control-Max-Age: 60", "Access-Control-Max-Age: 60"]
    assert [browser for browser in ALL if covered(browser, twice, 3)] == [CHROMIUM, WEBKIT]


@table(
    "keepers, answer, line, names",
    ("the method listed", ALL, allow(methods="PUT"), f"PUT {ITEMS}", ()),
    ("a wildcard for methods: Firefox asks anew", (CHROMIUM, WEBKIT), allow(methods="*"), f"PUT {ITEMS}", ()),
    ("the name listed", ALL, allow(names="X-A"), f"GET {ITEMS}", ("X-A",)),
    ("a wildcard for names", (CHROMIUM, WEBKIT), allow(names="*"), f"GET {ITEMS}", ("X-A",)),
    ("a safelisted method needs no listing", ALL, allow(names="x-a"), f"POST {ITEMS}", ("X-A",)),
    ("but Firefox's cache wants HEAD listed", (CHROMIUM, WEBKIT), allow(names="x-a"), f"HEAD {ITEMS}", ("X-A",)),
    ("HEAD listed", ALL, allow(methods="HEAD", names="x-a"), f"HEAD {ITEMS}", ("X-A",)),
    ("a long URL is not kept by Chromium", (FIREFOX, WEBKIT), allow(methods="PUT"), f"PUT {ITEMS}?{'x' * 1100}", ()),
)
def test_for_what_each_browser_keeps_a_grant(
    keepers: tuple[str, ...], answer: list[str], line: str, names: tuple[str, ...]
) -> None:
    assert tuple(browser for browser in ALL if covered(browser, answer, 3, line, *names)) == keepers


@table(
    "line, names",
    ("another method", f"DELETE {ITEMS}", ("X-A",)),
    ("another name", f"PUT {ITEMS}", ("X-B",)),
    ("another query", f"PUT {ITEMS}?2", ("X-A",)),
    ("Authorization, not listed", f"PUT {ITEMS}", ("Authorization",)),
)
def test_what_a_grant_does_not_cover(line: str, names: tuple[str, ...]) -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", "x-a", id="p", answer=KEPT),
        cors(f"PUT {ITEMS}", "X-A: 1", id="r1", at=0.2),
        cors(line, *[f"{name}: 1" for name in names], id="r2", at=3),
    )
    assert record(found, "r2").cached_grant is None
    assert record(found, "r2").needs_preflight


def test_a_request_that_needs_no_preflight_needs_no_grant() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", id="p", answer=KEPT),
        cors(f"PUT {ITEMS}", id="r1", at=0.2),
        cors(f"GET {ITEMS}", id="r2", at=3),
    )
    assert record(found, "r2").cached_grant is None


def test_a_failed_preflight_grants_nothing() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", id="p", status=403, answer=KEPT), cors(f"PUT {ITEMS}", id="r", at=12)
    )
    assert record(found, "r").cached_grant is None


def test_webkit_keeps_what_a_refused_preflight_lists() -> None:
    """``validatePreflightResponse`` stores the entry first; status, CORS check and both lists have to be right."""

    def is_covered(browser: str, status: int, answer: list[str]) -> bool:
        found = in_every_order(
            preflight(f"PUT {ITEMS}", id="p", status=status, answer=answer, browser=browser),
            cors(f"DELETE {ITEMS}", id="r", at=3, browser=browser),
        )
        return record(found, "r").cached_grant == "p"

    lists_delete = allow(methods="DELETE")
    assert [browser for browser in ALL if is_covered(browser, 204, lists_delete)] == [WEBKIT]
    assert not is_covered(WEBKIT, 403, lists_delete)
    assert not is_covered(WEBKIT, 204, allow("https://else.test", methods="DELETE"))
    assert not is_covered(WEBKIT, 204, allow(methods="DELETE", names="("))
    assert not is_covered(WEBKIT, 204, allow())


def test_a_wildcard_in_webkits_cache_covers_authorization() -> None:
    answer = allow(names="*", methods="PUT")
    assert [browser for browser in ALL if covered(browser, answer, 3, f"PUT {ITEMS}", "Authorization")] == [WEBKIT]


def test_a_later_grant_takes_the_place_of_an_earlier_one_in_chromium_only() -> None:
    def grant_of(browser: str) -> str | None:
        found = in_every_order(
            preflight(f"PUT {ITEMS}", id="p1", answer=KEPT, browser=browser),
            preflight(f"DELETE {ITEMS}", id="p2", at=1, answer=allow(methods="DELETE"), browser=browser),
            cors(f"PUT {ITEMS}", id="r", at=12, browser=browser),
        )
        return record(found, "r").cached_grant

    assert grant_of(CHROMIUM) is None
    assert grant_of(FIREFOX) == "p1"


def test_one_grant_may_serve_very_many() -> None:
    correlator = seen(preflight(f"PUT {ITEMS}", id="p", answer=KEPT))
    for number in range(SERVED_KEPT + 20):
        changed = correlator.observe(cors(f"PUT {ITEMS}", id=f"r{number:03}", at=0.2 + number / 10))
        assert (changed == {"p"}) is (number < SERVED_KEPT)
        assert record(correlator, f"r{number:03}").preflight == ("p" if number == 0 else None)
        assert record(correlator, f"r{number:03}").cached_grant == (None if number == 0 else "p")
    assert record(correlator, "p").requests == tuple(f"r{number:03}" for number in range(SERVED_KEPT))


def test_what_the_page_made_conditional_shows_in_the_grant() -> None:
    lines = 'If-None-Match: "1"', "X-A: 1"
    answer = [*allow(names="if-none-match, x-a"), "Access-Control-Max-Age: 60"]
    found = in_every_order(
        preflight(f"GET {ITEMS}", "if-none-match", "x-a", id="p", answer=answer),
        cors(f"GET {ITEMS}", *lines, id="r1", at=0.2, status=304),
        cors(f"GET {ITEMS}", *lines, id="r2", at=3, status=304),
    )
    assert record(found, "r2").cached_grant == "p"
    assert record(found, "r2").asked_names == ("if-none-match", "x-a")


# --- redirects -----------------------------------------------------------------------------------------------------


def to(url: str, *lines: str) -> list[str]:
    return [f"Location: {url}", *lines]


def origin_rows() -> Iterable[tuple[object, ...]]:
    yield "to the same origin: the page's", f"{API}/b", APP, True
    yield "to another: nobody's", f"{OTHER}/b", "null", True
    yield "back home: nobody's either", f"{APP}/b", "null", True
    yield "to another, in the page's name", f"{OTHER}/b", APP, False
    yield "to the same, in nobody's", f"{API}/b", "null", False


@table("target, origin, linked", *origin_rows())
def test_the_origin_that_the_next_hop_must_carry(target: str, origin: str, linked: bool) -> None:
    found = in_every_order(
        cors(f"GET {API}/a", id="a", status=302, answer=[*to(target), *allow()]),
        cors(f"GET {target}", id="b", at=0.2, origin=origin),
    )
    assert record(found, "b").redirected_from == ("a" if linked else None)
    assert record(found, "a").redirected_to == ("b" if linked else None)
    assert record(found, "b").tainted is (linked and origin == "null")
    assert record(found, "b").page_origin == (APP if linked or origin == APP else None)
    assert record(found, "b").hops == (1 if linked else 0)


def test_a_chain_that_starts_at_home_turns_cross_origin() -> None:
    found = in_every_order(
        exchange(
            f"GET {APP}/a",
            *metadata("cors", "same-origin"),
            f"Referer: {APP}/",
            id="a",
            status=302,
            answer=to(f"{API}/b"),
        ),
        cors(f"GET {API}/b", id="b", at=0.2, status=307, answer=[*to(f"{API}/c"), *allow()]),
        cors(f"GET {API}/c", id="c", at=0.4, status=307, answer=[*to(f"{OTHER}/d"), *allow()]),
        cors(f"GET {OTHER}/d", id="d", at=0.6, origin="null"),
    )
    assert [each.id for each in found.chain(record(found, "c"))] == ["a", "b", "c", "d"]
    assert [record(found, id).hops for id in "abcd"] == [0, 1, 2, 3]
    assert [record(found, id).tainted for id in "abcd"] == [False, False, False, True]
    assert {record(found, id).page_origin for id in "abcd"} == {APP}


def test_over_plain_http_a_chain_at_home_shows_no_origin() -> None:
    home, there = "http://app.test", "http://api.test"
    found = in_every_order(
        exchange(f"GET {home}/a", f"Referer: {home}/", id="a", status=302, answer=to("/b")),
        exchange(f"GET {home}/b", f"Referer: {home}/", id="b", at=0.2, status=302, answer=to(f"{there}/c")),
        cors(f"GET {there}/c", origin=home, id="c", at=0.4),
    )
    assert [each.id for each in found.chain(record(found, "a"))] == ["a", "b", "c"]
    assert record(found, "c").page_origin == home


def test_an_image_that_is_redirected_over_http_is_followed_without_origin() -> None:
    home, there = "http://app.test", "http://cdn.test"
    found = in_every_order(
        exchange(f"GET {home}/a.png", f"Referer: {home}/", id="a", status=302, answer=to(f"{there}/b.png")),
        exchange(f"GET {there}/b.png", f"Referer: {home}/", id="b", at=0.2),
    )
    assert record(found, "a").redirected_to == "b"


@table(
    "browser, asked",
    ("as the standard has it", "firefox", f"{API}/a|b?c|d"),
    ("Chromium, in the path alone", "chromium", f"{API}/a%7Cb?c|d"),
)
def test_a_vertical_line_in_the_target(browser: str, asked: str) -> None:
    found = in_every_order(
        cors(f"GET {ITEMS}", id="a", status=302, answer=["Location: /a|b?c|d", *allow()], browser=browser),
        cors(f"GET {asked}", id="b", at=0.2, browser=browser),
    )
    assert record(found, "a").redirected_to == "b"


def test_what_an_image_was_redirected_to_is_not_what_a_script_asks_for() -> None:
    found = in_every_order(
        exchange(
            f"GET {APP}/a.png", *metadata("no-cors", "same-origin", "image"), id="a", status=302, answer=to(f"{API}/b")
        ),
        cors(f"GET {API}/b", id="b", at=0.2),
    )
    assert record(found, "b").redirected_from is None


@table(
    "status, before, after, linked",
    ("302 turns POST into GET", 302, "POST", "GET", True),
    ("and does not leave it", 302, "POST", "POST", False),
    ("303 turns all into GET", 303, "PUT", "GET", True),
    ("but HEAD", 303, "HEAD", "HEAD", True),
    ("307 leaves it", 307, "POST", "POST", True),
    ("308 too", 308, "PUT", "PUT", True),
    ("300 is no redirect", 300, "GET", "GET", False),
)
def test_the_method_of_the_next_hop(status: int, before: str, after: str, linked: bool) -> None:
    found = in_every_order(
        cors(f"{before} {API}/a", id="a", status=status, answer=[*to("/b"), *allow()]),
        cors(f"{after} {API}/b", id="b", at=0.2),
    )
    assert (record(found, "b").redirected_from == "a") is linked


@table(
    "browser, target, after, linked",
    ("WebKit makes GET of it on the way to another origin", "webkit", "https://third.test/b", "GET", True),
    ("Safari, of which that is not known, may leave it", "webkit", "https://third.test/b", "DELETE", True),
    ("on the same origin it leaves it", "webkit", f"{API}/b", "GET", False),
    ("as others do everywhere", "chromium", "https://third.test/b", "GET", False),
)
def test_what_becomes_of_delete(browser: str, target: str, after: str, linked: bool) -> None:
    origin = APP if target.startswith(API) else "null"
    found = in_every_order(
        cors(f"DELETE {API}/a", id="a", status=308, answer=[f"Location: {target}", *allow()], browser=browser),
        cors(f"{after} {target}", id="b", at=0.2, origin=origin, browser=browser),
    )
    assert (record(found, "b").redirected_from == "a") is linked


def test_a_hop_that_fails_its_check_leads_nowhere() -> None:
    found = in_every_order(
        cors(f"GET {API}/a", id="a", status=302, answer=to("/b")),
        cors(f"GET {API}/b", id="b", at=0.2, answer=allow()),
    )
    assert record(found, "b").redirected_from is None


def test_a_page_that_retries_behind_a_failing_hop_makes_no_endless_chain() -> None:
    correlator = Correlator()
    for number in range(30):
        at = number * 1.0
        correlator.observe(cors(f"GET {API}/a", id=f"a{number}", at=at, status=302, answer=[*to("/login"), *allow()]))
        correlator.observe(cors(f"GET {API}/login", id=f"l{number}", at=at + 0.2, status=302, answer=to("/a")))
    assert {each.hops for each in correlator.records.values()} == {0, 1}


def test_a_preflight_between_hops() -> None:
    found = in_every_order(
        preflight(f"PUT {API}/a", id="p1", answer=GRANT),
        cors(f"PUT {API}/a", id="a", at=0.2, status=307, answer=[*to("/b"), *allow()]),
        preflight(f"PUT {API}/b", id="p2", at=0.4, answer=GRANT),
        cors(f"PUT {API}/b", id="b", at=0.6, answer=allow()),
    )
    assert (record(found, "a").next_preflight, record(found, "a").next_request) == ("p2", "b")
    assert record(found, "a").redirected_to == "b"
    assert record(found, "p2").redirected_from == "a"
    assert (record(found, "b").redirected_from, record(found, "b").preflight) == ("a", "p2")
    assert record(found, "p2").hops == 1


def test_a_preflight_between_hops_that_fails_shows_where_the_chain_ended() -> None:
    found = in_every_order(
        cors(f"PUT {API}/a", id="a", status=307, answer=[*to("/b"), *allow()]),
        preflight(f"PUT {API}/b", id="p", at=0.2, status=404),
    )
    assert record(found, "a").redirected_to == "p"
    assert not record(found, "a").unfollowed


@table(
    "browser, origin, paired",
    ("Firefox asks in the page's name", FIREFOX, APP, True),
    ("or in nobody's", FIREFOX, "null", True),
    ("Chromium in nobody's", CHROMIUM, "null", True),
    ("and not in the page's", CHROMIUM, APP, False),
)
def test_the_preflight_of_a_hop_whose_origin_became_null(browser: str, origin: str, paired: bool) -> None:
    found = in_every_order(
        cors(f"PUT {API}/a", id="a", status=307, answer=[*to(f"{OTHER}/b"), *allow()], browser=browser),
        preflight(f"PUT {OTHER}/b", id="p", at=0.2, origin=origin, answer=allow("*", methods="PUT"), browser=browser),
        cors(f"PUT {OTHER}/b", id="b", at=0.4, origin="null", answer=allow("*"), browser=browser),
    )
    assert record(found, "b").redirected_from == "a"
    assert record(found, "b").preflight == ("p" if paired else None)


def test_user_name_and_password_do_not_show_in_the_next_request() -> None:
    found = in_every_order(
        exchange(
            f"GET {APP}/a", *metadata("cors", "same-origin"), id="a", status=302, answer=to("https://u:p@app.test/b")
        ),
        exchange(f"GET {APP}/b", *metadata("cors", "same-origin"), id="b", at=0.2),
    )
    assert record(found, "a").redirected_to == "b"


@pytest.mark.parametrize("target", ["data:,x", "ftp://api.test/", "http://[/", "mailto:a@b"])
def test_where_no_browser_goes_nothing_follows(target: str) -> None:
    found = in_every_order(
        cors(f"GET {API}/a", id="a", status=302, answer=[*to(target), *allow()]), cors(f"GET {API}/b", id="b", at=0.2)
    )
    assert record(found, "a").redirected_to is None


def test_redirects_to_one_place_are_followed_in_turn() -> None:
    found = in_every_order(
        cors(f"GET {API}/1", id="a1", status=302, answer=[*to("/b"), *allow()]),
        cors(f"GET {API}/2", id="a2", at=0.02, status=302, answer=[*to("/b"), *allow()]),
        cors(f"GET {API}/b", id="b1", at=0.12),
        cors(f"GET {API}/b", id="b2", at=0.14),
    )
    assert {record(found, "b1").redirected_from, record(found, "b2").redirected_from} == {"a1", "a2"}


def test_a_redirect_to_itself_is_a_chain_of_its_own_kind() -> None:
    answer = [*to("/a"), *allow()]
    found = in_every_order(
        *(cors(f"GET {API}/a", id=f"a{number}", at=number * 0.2, status=302, answer=answer) for number in range(4))
    )
    assert [each.id for each in found.chain(record(found, "a2"))] == ["a0", "a1", "a2", "a3"]
    assert record(found, "a3").hops == 3


def test_without_times_a_chain_has_no_loop() -> None:
    answer = [*to("/a"), *allow()]
    found = in_every_order(
        *(cors(f"GET {API}/a", id=f"a{number}", took=0, status=302, answer=answer) for number in range(3))
    )
    for each in found.records.values():
        assert len(found.chain(each)) <= 3


# --- nothing followed ----------------------------------------------------------------------------------------------


def test_what_nothing_followed_is_told_after_two_seconds_and_not_before() -> None:
    correlator = seen(preflight(f"PUT {ITEMS}", id="p", answer=GRANT))
    almost = 0.1 + FOLLOW_SECONDS
    assert correlator.observe(exchange(f"GET {APP}/", id="x", at=almost - 0.2)) == set()
    assert not record(correlator, "p").unfollowed
    assert correlator.observe(exchange(f"GET {APP}/", id="y", at=almost)) == {"p"}
    assert record(correlator, "p").unfollowed


def test_what_comes_late_all_the_same_takes_it_back() -> None:
    correlator = seen(preflight(f"PUT {ITEMS}", id="p", answer=GRANT), exchange(f"GET {APP}/", id="x", at=3))
    assert record(correlator, "p").unfollowed
    assert correlator.observe(cors(f"PUT {ITEMS}", id="r", at=4)) == {"p"}
    assert not record(correlator, "p").unfollowed


def test_a_redirect_that_nothing_followed() -> None:
    correlator = seen(cors(f"GET {API}/a", id="a", status=302, answer=[*to("/b"), *allow()]))
    assert correlator.observe(exchange(f"GET {APP}/", id="x", at=3)) == {"a"}
    assert record(correlator, "a").unfollowed


def test_the_order_of_arrival_does_not_hide_what_nothing_followed() -> None:
    found = in_every_order(
        preflight(f"PUT {ITEMS}", id="p1", at=5, answer=GRANT),
        preflight(f"PUT {ITEMS}?2", id="p2", at=0, answer=GRANT),
        exchange(f"GET {APP}/", id="x", at=5.15),
    )
    assert record(found, "p2").unfollowed
    assert not record(found, "p1").unfollowed


def test_the_last_moment_of_a_capture_proves_nothing() -> None:
    correlator = seen(preflight(f"PUT {ITEMS}", id="p", took=0.1, answer=GRANT))
    correlator.observe(exchange(f"GET {APP}/", id="x", at=0.1 + 0.2, took=0))
    assert correlator.finish() == set()
    correlator.observe(exchange(f"GET {APP}/", id="y", at=0.1 + 0.4, took=0))
    assert correlator.finish() == {"p"}


# --- HTTP authentication -------------------------------------------------------------------------------------------

CHALLENGE = ["WWW-Authenticate: Basic realm=x", *allow(credentials=True)]
BASIC = "Authorization: Basic dTpw"


def test_the_browsers_answer_to_a_challenge() -> None:
    found = in_every_order(
        cors(f"GET {ITEMS}", id="c", status=401, answer=CHALLENGE),
        cors(f"GET {ITEMS}", BASIC, id="r", at=0.2),
        cors(f"GET {ITEMS}", BASIC, id="later", at=0.4),
    )
    assert record(found, "c").answered == "r"
    assert (record(found, "r").challenge, record(found, "later").challenge) == ("c", None)


def test_an_answer_with_a_preflight_is_the_scripts() -> None:
    found = in_every_order(
        cors(f"GET {ITEMS}", id="c", status=401, answer=CHALLENGE),
        preflight(f"GET {ITEMS}", "authorization", id="p", at=0.2, answer=allow(names="authorization")),
        cors(f"GET {ITEMS}", BASIC, id="r", at=0.4),
    )
    assert record(found, "r").challenge is None
    assert record(found, "c").answered is None


# --- what a 304 confirms -------------------------------------------------------------------------------------------

CONDITIONAL = 'If-None-Match: "1"'


def stored(id: str, at: float, *answer: str, origin: str = APP, status: int = 200) -> Exchange:
    lines = (CONDITIONAL,) if status == 304 else ()
    return cors(f"GET {ITEMS}", *lines, id=id, at=at, origin=origin, status=status, answer=answer)


def test_a_304_confirms_what_came_before_it() -> None:
    found = in_every_order(
        stored("old", 0, *allow("*")), stored("new", 1, *allow()), stored("r", 2, "ETag: 1", status=304)
    )
    confirmed = record(found, "r")
    assert confirmed.stored_id == "new"
    assert confirmed.stored == lines_of(allow())


def test_a_304_refreshes_what_the_next_one_confirms() -> None:
    found = in_every_order(
        stored("a", 0, *allow("*"), "X-Kept: 1"),
        stored("b", 1, *allow(), status=304),
        stored("c", 2, "ETag: 2", status=304),
    )
    assert record(found, "c").stored_id == "a"
    assert record(found, "c").stored == lines_of(["X-Kept: 1", *allow()])


@table(
    "first",
    ("another page's of another site", {"origin": "https://else.test"}),
    ("another browser's", {"browser": "firefox"}),
    ("another client's", {"client": "192.0.2.9"}),
    ("what may not be stored", {"answer": ("Cache-Control: no-store",)}),
    ("an error", {"status": 500}),
    ("a 304 that nobody asked for", {"status": 304, "lines": ()}),
    ("later", {"at": 5.0}),
)
def test_what_a_304_does_not_confirm(first: dict[str, object]) -> None:
    lines = first.pop("lines", ())
    at = first.pop("at", 0.0)
    earlier = cors(f"GET {ITEMS}", *lines, id="a", at=at, **first)  # type: ignore[misc, arg-type]
    found = in_every_order(earlier, stored("b", 1, status=304))
    assert record(found, "b").stored is None
    assert record(found, "b").stored_id is None


def test_pages_of_one_site_share_a_cache() -> None:
    found = in_every_order(
        stored("a", 0, *allow(), origin="https://www.app.test"), stored("b", 1, status=304, origin=APP)
    )
    assert record(found, "b").stored_id == "a"


# --- forgetting ----------------------------------------------------------------------------------------------------


def test_forgetting_leaves_links_that_lead_nowhere() -> None:
    correlator = seen(preflight(f"PUT {ITEMS}", id="p", answer=KEPT), cors(f"PUT {ITEMS}", id="r", at=0.2))
    correlator.forget("p")
    correlator.forget("never seen")
    assert record(correlator, "r").preflight == "p"
    assert correlator.get("p") is None
    assert [each.id for each in correlator.chain(record(correlator, "r"))] == ["r"]
    assert correlator.observe(cors(f"PUT {ITEMS}", id="r2", at=0.4)) == set()


def test_whoever_remembers_is_told_what_is_forgotten() -> None:
    told: list[str] = []
    correlator = Correlator(capacity=2)
    correlator.on_forget.append(lambda record: told.append(record.id))
    for number in range(4):
        correlator.observe(cors(f"GET {ITEMS}?{number}", id=str(number), at=number))
    assert told == ["0", "1"]
    correlator.observe(cors(f"GET {ITEMS}", id="late", at=9000))
    assert told == ["0", "1", "2", "3"]
    assert [*correlator.records] == ["late"]


def test_after_a_pause_what_is_old_is_forgotten_little_by_little() -> None:
    told: list[str] = []
    correlator = Correlator()
    correlator.on_forget.append(lambda record: told.append(record.id))
    for number in range(50):
        correlator.observe(cors(f"GET {ITEMS}?{number}", id=str(number), at=number))
    for number in range(10):
        before = len(told)
        correlator.observe(cors(f"GET {ITEMS}?late{number}", id=f"late{number}", at=9000 + number))
        assert 1 <= len(told) - before <= 2
    assert told == [str(number) for number in range(len(told))]


def test_a_budget_that_is_lowered_is_kept_little_by_little() -> None:
    told: list[str] = []
    correlator = Correlator()
    correlator.on_forget.append(lambda record: told.append(record.id))
    for number in range(400):
        correlator.observe(cors(f"GET {ITEMS}?{number}", id=str(number), at=number))
    correlator.budget = correlator.held // 4
    for number in range(400, 450):
        before = len(told)
        correlator.observe(cors(f"GET {ITEMS}?{number}", id=str(number), at=number))
        assert len(told) - before < 20
    assert correlator.held <= correlator.budget


def test_an_old_exchange_that_is_seen_again_sets_no_clock_back() -> None:
    correlator = Correlator()
    for number in (0, 500):
        correlator.observe(cors(f"GET {ITEMS}?{number}", id=str(number), at=number))
    now = correlator.now
    correlator.observe(cors(f"GET {ITEMS}?0", id="0", at=0, answer=allow()))
    assert correlator.now == now


def test_a_clock_that_is_set_back_has_nothing_forgotten_early() -> None:
    correlator = seen(preflight(f"PUT {ITEMS}?0", id="ahead", at=90_000, answer=GRANT))
    for number in range(5):
        correlator.observe(cors(f"GET {ITEMS}?{number}", id=str(number), at=number))
    correlator.observe(preflight(f"PUT {ITEMS}", id="p", at=6, answer=GRANT))
    assert {*correlator.records} == {"ahead", "p", *"01234"}
    assert not record(correlator, "p").unfollowed


def test_what_is_older_than_the_age_when_it_comes_is_judged_all_the_same() -> None:
    correlator = seen(exchange(f"GET {APP}/", id="x", at=10_000))
    correlator.observe(cors(f"GET {ITEMS}", id="old", at=0))
    assert correlator.get("old") is not None


def test_a_stream_that_lasted_for_hours_is_not_forgotten_as_it_ends() -> None:
    correlator = seen(cors(f"GET {ITEMS}", id="stream", took=9000))
    assert correlator.get("stream") is not None


def test_a_stream_that_lasts_does_not_keep_the_rest() -> None:
    correlator = Correlator()
    stream = cors(f"GET {ITEMS}", id="stream")
    correlator.observe(stream)
    for number in range(200):
        correlator.observe(cors(f"GET {ITEMS}?{number}", id=str(number), at=number * 60.0))
        correlator.observe(replace(stream, ended=number * 60.0 + 1))
    assert "stream" in correlator.records
    assert len(correlator.records) < 70


def test_an_id_that_comes_to_mean_another_exchange() -> None:
    correlator = seen(
        preflight(f"PUT {ITEMS}", id="p", answer=KEPT),
        cors(f"PUT {ITEMS}", id="r", at=0.2),
        cors(f"PUT {ITEMS}", id="r2", at=1),
    )
    assert record(correlator, "r2").cached_grant == "p"
    changed = correlator.observe(cors(f"GET {API}/replayed", id="p", at=2))
    assert changed == {"r", "r2"}
    assert (record(correlator, "r").preflight, record(correlator, "r2").cached_grant) == (None, None)
    assert record(correlator, "p").requests == ()


def test_an_answer_is_not_taken_back_by_what_was_seen_before_it() -> None:
    answered = preflight(f"PUT {ITEMS}", id="p", answer=GRANT)
    correlator = seen(answered, preflight(f"PUT {ITEMS}", id="p", status=None), cors(f"PUT {ITEMS}", id="r", at=0.2))
    assert record(correlator, "p").exchange is answered
    assert record(correlator, "r").preflight == "p"


def test_another_answer_of_the_same_exchange_leads_elsewhere() -> None:
    first = cors(f"GET {API}/a", id="a", status=302, answer=[*to("/b"), *allow()])
    correlator = seen(first, cors(f"GET {API}/b", id="b", at=0.2))
    assert record(correlator, "b").redirected_from == "a"
    correlator.observe(replace(first, response=Response(200, lines_of(allow()))))
    assert record(correlator, "b").redirected_from is None
    assert record(correlator, "a").redirected_to is None


# --- what was delivered instead ------------------------------------------------------------------------------------


def test_what_was_delivered_counts_for_what_follows() -> None:
    correlator = seen(preflight(f"PUT {ITEMS}", id="p", status=404))
    correlator.deliver(record(correlator, "p"), Response(204, lines_of(KEPT)), 0.1)
    correlator.observe(cors(f"PUT {ITEMS}", id="r", at=0.2))
    correlator.observe(cors(f"PUT {ITEMS}", id="r2", at=1))
    assert record(correlator, "r").preflight == "p"
    assert record(correlator, "r2").cached_grant == "p"


# --- what changed --------------------------------------------------------------------------------------------------


def test_the_ids_returned_are_those_whose_knowledge_changed() -> None:
    correlator = Correlator()
    assert correlator.observe(preflight(f"PUT {ITEMS}", id="p", answer=GRANT)) == set()
    assert correlator.observe(cors(f"GET {API}/else", id="x", at=0.05)) == set()
    assert correlator.observe(cors(f"PUT {ITEMS}", id="r", at=0.2, status=None)) == {"p"}
    answered = cors(f"PUT {ITEMS}", id="r", at=0.2, status=307, answer=[*to("/b"), *allow()])
    assert correlator.observe(answered) == set()
    assert correlator.observe(preflight(f"PUT {API}/b", id="p2", at=0.4, answer=GRANT)) == {"r", "p"}
    assert correlator.observe(cors(f"PUT {API}/b", id="r2", at=0.6)) == {"r", "p", "p2"}
