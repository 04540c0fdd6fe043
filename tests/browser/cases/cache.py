"""What the browser remembers: preflights (Access-Control-Max-Age), and responses that are revalidated by a 304.

The answers change between the first and the second time, so a browser that asks again is told apart from one that does
not by what is on the wire and by how it ends.
"""

from __future__ import annotations

from tests.browser.cases.case import (
    ANY,
    APP,
    APP_S,
    CREDENTIALED,
    ECHO,
    OTHER,
    OTHER_S,
    Case,
    Endpoint,
    Lines,
    Load,
    Page,
    allow_headers,
    allow_methods,
    allow_origin,
    at,
    fetch,
    max_age,
    ok,
)
from tests.browser.server import Answer

# slug, Max-Age lines, reason; a PUT is made twice
AGES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("minute", ("60",), "the second needs no preflight"),
    ("zero", ("0",), "nothing is kept"),
    ("missing", (), "five seconds by default"),
    ("negative", ("-1",), "no number of seconds"),
    ("word", ("forever",), "no number at all"),
    ("fraction", ("60.5",), "no whole number"),
    ("plus", ("+60",), "a sign is no digit"),
    ("empty", ("",), "a line without a value"),
    ("spaces", (" 60 ",), "outer whitespace is no part of a value"),
    ("two-equal", ("60", "60"), "one line only is allowed"),
    ("list", ("60, 60",), "nor is a list"),
    ("unit", ("60s",), "no units"),
    ("hex", ("0x60",), "no other bases"),
    ("huge", ("99999999999999999999",), "beyond an int64"),
    ("day", ("604800",), "over the browsers' caps"),
    ("leading-zero", ("0060",), "digits all the same"),
)

KEEP = max_age("60")


def _preflight(*lines: Lines) -> Answer:
    return Answer(204, tuple(line for some in (ECHO, *lines) for line in some))


def _twice(name: str, why: str, first: Load, second: Load, *preflights: Answer, sharing: Lines = ECHO) -> Case:
    page = APP_S if first.url.startswith("https") else APP
    return Case(f"cached-{name}", why, Page(page), (first, second), {"a": Endpoint((ok(sharing),), preflights)})


PUT = fetch(at(OTHER), "PUT")
PUT_S = fetch(at(OTHER_S), "PUT")
CUSTOM = fetch(at(OTHER), headers={"X-Custom": "1"})
REFUSED = Answer(403)


def _preflights() -> list[Case]:
    methods = allow_methods("PUT")
    cases = [_twice(f"age-{slug}", why, PUT, PUT, _preflight(methods, max_age(*ages))) for slug, ages, why in AGES]
    cases += [
        _twice("https", "over https", PUT_S, PUT_S, _preflight(methods, KEEP)),
        _twice("then-refused", "the refusal is never asked for", PUT, PUT, _preflight(methods, KEEP), REFUSED),
        _twice("zero-then-refused", "nothing kept", PUT, PUT, _preflight(methods, max_age("0")), REFUSED),
        _twice("refused-twice", "a failure is not kept", PUT, PUT, REFUSED),
        _twice("refused-then-good", "a failure is not kept", PUT, PUT, REFUSED, _preflight(methods, KEEP)),
        _twice("method-star", "a star from the cache", PUT, PUT, _preflight(allow_methods("*"), KEEP)),
        _twice("header-star", "a star from the cache", CUSTOM, CUSTOM, _preflight(allow_headers("*"), KEEP)),
        _twice("header-listed", "a header from the cache", CUSTOM, CUSTOM, _preflight(allow_headers("x-custom"), KEEP)),
        _twice("other-method", "kept for PUT only", PUT, fetch(at(OTHER), "DELETE"), _preflight(methods, KEEP)),
        _twice(
            "both-methods",
            "the whole list is kept",
            PUT,
            fetch(at(OTHER), "DELETE"),
            _preflight(allow_methods("PUT, DELETE"), KEEP),
            REFUSED,
        ),
        _twice(
            "other-header",
            "kept for one header only",
            CUSTOM,
            fetch(at(OTHER), headers={"X-Other": "1"}),
            _preflight(allow_headers("x-custom"), KEEP),
        ),
        _twice("then-plain", "no preflight needed anyway", PUT, fetch(at(OTHER)), _preflight(methods, KEEP)),
        _twice(
            "omit-then-include",
            "kept without credentials",
            PUT,
            fetch(at(OTHER), "PUT", credentials="include"),
            Answer(204, CREDENTIALED + methods + KEEP),
            sharing=CREDENTIALED,
        ),
        _twice(
            "include-then-omit",
            "kept with credentials, good for both",
            fetch(at(OTHER), "PUT", credentials="include"),
            PUT,
            Answer(204, CREDENTIALED + methods + KEEP),
            sharing=CREDENTIALED,
        ),
        _twice(
            "any-then-include",
            "everybody without credentials, then with them",
            PUT,
            fetch(at(OTHER), "PUT", credentials="include"),
            Answer(204, ANY + methods + KEEP),
            sharing=CREDENTIALED,
        ),
        _twice(
            "head",
            "HEAD is safelisted, its header is not",
            fetch(at(OTHER), "HEAD", headers={"X-Custom": "1"}),
            fetch(at(OTHER), "HEAD", headers={"X-Custom": "1"}),
            _preflight(allow_headers("x-custom"), KEEP),
        ),
        _twice(
            "long-url",
            "a URL over 1024 characters",
            fetch(at(OTHER) + "?" + "x" * 1100, "PUT"),
            fetch(at(OTHER) + "?" + "x" * 1100, "PUT"),
            _preflight(methods, KEEP),
        ),
        _twice(
            "other-query",
            "the query belongs to the key",
            fetch(at(OTHER) + "?1", "PUT"),
            fetch(at(OTHER) + "?2", "PUT"),
            _preflight(methods, KEEP),
        ),
        _twice(
            "authorization-star",
            "Authorization and a star, from the cache",
            fetch(at(OTHER), headers={"Authorization": "Bearer x"}),
            fetch(at(OTHER), headers={"Authorization": "Bearer x"}),
            _preflight(allow_headers("*"), KEEP),
        ),
        Case(
            "cached-actual-fails",
            "a covered request whose response fails",
            Page(APP),
            (PUT, PUT),
            {"a": Endpoint((ok(ECHO), ok()), (_preflight(methods, KEEP),))},
        ),
        Case(
            "cached-parallel",
            "several of one kind at once",
            Page(APP),
            (Load("together", options={"loads": [{"how": "fetch", "url": at(OTHER), "init": {"method": "PUT"}}] * 3}),),
            {"a": Endpoint((ok(ECHO),), (_preflight(methods, KEEP),))},
        ),
    ]
    return cases


VALIDATED = (("ETag", '"1"'), ("Cache-Control", "no-cache"))
STALE_OK = ok(ECHO, VALIDATED)
AGAIN = fetch(at(OTHER))


def _revalidation(name: str, why: str, lines: Lines, *, first: Answer = STALE_OK, load: Load = AGAIN) -> Case:
    serve = {"a": Endpoint((first, Answer(304, (*VALIDATED, *lines))))}
    return Case(f"revalidated-{name}", why, Page(APP), (AGAIN, load), serve)


def _own_condition(name: str, why: str, lines: Lines, page: str = APP, target: str = OTHER) -> Case:
    conditional = fetch(at(target), headers={"If-None-Match": '"1"'})
    preflight = Answer(204, ECHO + allow_headers("if-none-match"))
    return Case(
        f"own-condition-{name}",
        why,
        Page(page),
        (conditional,),
        {"a": Endpoint((Answer(304, (*VALIDATED, *lines)),), (preflight,))},
    )


CASES: tuple[Case, ...] = (
    *_preflights(),
    _revalidation("bare", "the stored header counts", ()),
    _revalidation("same", "the same again", ECHO),
    _revalidation("any", "replaced by everybody", ANY),
    _revalidation("other", "replaced by another origin, and so refused", allow_origin("http://else.test")),
    _revalidation("null", "replaced by null, and so refused", allow_origin("null")),
    _revalidation("empty", "replaced by nothing", allow_origin("")),
    _revalidation("include", "asked again with credentials", (), load=fetch(at(OTHER), credentials="include")),
    _revalidation(
        "stored-any-include",
        "everybody stored, asked again with credentials",
        (),
        first=ok(ANY, VALIDATED),
        load=fetch(at(OTHER), credentials="include"),
    ),
    _revalidation("no-cache", "forced by the page", (), load=fetch(at(OTHER), cache="no-cache")),
    _own_condition("bare", "the page's own condition: the 304 needs its own header", ()),
    _own_condition("echo", "and passes with it", ECHO),
    _own_condition("any", "and passes with everybody", ANY),
    _own_condition("other", "and fails with another", allow_origin("http://else.test")),
    _own_condition("https-bare", "over https", (), APP_S, OTHER_S),
    Case(
        "no-vary",
        "cached for one origin, handed to another of the same site",
        Page(APP),
        (fetch(at(OTHER)), fetch(at(OTHER), where="frame http://api.app.test")),
        {"a": Endpoint((ok(ECHO, (("Cache-Control", "max-age=60"),)),))},
    ),
    Case(
        "with-vary",
        "cached for one origin, asked anew for another",
        Page(APP),
        (fetch(at(OTHER)), fetch(at(OTHER), where="frame http://api.app.test")),
        {"a": Endpoint((ok(ECHO, (("Cache-Control", "max-age=60"), ("Vary", "Origin"))),))},
    ),
    Case(
        "from-cache",
        "no flow the second time",
        Page(APP),
        (fetch(at(OTHER)), fetch(at(OTHER))),
        {"a": Endpoint((ok(ECHO, (("Cache-Control", "max-age=60"),)),))},
    ),
)
