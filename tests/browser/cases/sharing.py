"""The CORS check on the response itself: every shape of Access-Control-Allow-Origin and -Credentials."""

from __future__ import annotations

from tests.browser.cases.case import (
    ANY,
    APP,
    APP_S,
    CREDENTIALED,
    ECHO,
    OTHER,
    OTHER_S,
    PREFLIGHT_OK,
    Case,
    Page,
    allow_credentials,
    allow_origin,
    at,
    fetch,
    ok,
    one,
)
from tests.browser.server import Answer

# slug, the values of the Access-Control-Allow-Origin lines, reason; ORIGIN stands for the page's own origin
ORIGIN_SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("missing", (), "no line at all"),
    ("echo", ("<origin>",), "the very origin"),
    ("any", ("*",), "everybody"),
    ("empty", ("",), "a line without a value"),
    ("two-equal", ("<origin>", "<origin>"), "server and gateway both add it"),
    ("two-different", ("<origin>", "http://else.test"), "two that disagree"),
    ("two-any", ("*", "*"), "everybody, twice"),
    ("two-any-and-origin", ("*", "<origin>"), "everybody and the origin"),
    ("good-then-empty", ("<origin>", ""), "the second line is empty"),
    ("empty-then-good", ("", "<origin>"), "the first line is empty"),
    ("comma-list", ("<origin>, http://else.test",), "a list in one line"),
    ("comma-tight", ("<origin>,http://else.test",), "a list without a space"),
    ("space-list", ("http://else.test <origin>",), "the list of an older draft"),
    ("trailing-slash", ("<origin>/",), "copied from the address bar"),
    ("path", ("<origin>/app",), "a URL, not an origin"),
    ("other-scheme", ("ftp://app.test",), "only the scheme differs"),
    ("other-port", ("http://app.test:8080",), "only the port differs"),
    ("default-port", ("<origin>:80",), "a default port is never serialized"),
    ("other-host", ("http://else.test",), "only the host differs"),
    ("upper-case", ("HTTP://APP.TEST",), "bytes are compared, not hosts"),
    ("null", ("null",), "the answer meant for opaque origins"),
    ("two-stars", ("**",), "no wildcard"),
    ("star-host", ("http://*.test",), "no patterns"),
    ("no-scheme", ("app.test",), "a bare host"),
    ("quoted", ('"<origin>"',), "no quotes in the grammar"),
    ("space-inside", ("http://app .test",), "a space within"),
    ("spaces-around", ("  <origin>\t ",), "outer whitespace is no part of a value"),
    ("star-spaces", (" * ",), "nor is it around the wildcard"),
    ("semicolon", ("<origin>;",), "configuration pasted into the value"),
    ("two-others", ("http://a.test, http://b.test",), "a list without the origin"),
    ("word", ("true",), "a boolean where an origin belongs"),
)

# slug, the values of the Access-Control-Allow-Credentials lines, reason
CREDENTIALS_SHAPES: tuple[tuple[str, tuple[str, ...], str], ...] = (
    ("missing", (), "no line at all"),
    ("true", ("true",), "the one good value"),
    ("upper", ("TRUE",), "case matters"),
    ("title", ("True",), "Python's spelling"),
    ("false", ("false",), "said no"),
    ("two-lines", ("true", "true"), "joined they are no longer true"),
    ("empty", ("",), "a line without a value"),
    ("spaces", (" true\t",), "outer whitespace is no part of a value"),
    ("list", ("true, true",), "a list is not true"),
    ("one", ("1",), "a number"),
)


def _shapes() -> list[Case]:
    cases = []
    for scheme, page, target in (("http", APP, OTHER), ("https", APP_S, OTHER_S)):
        for slug, values, why in ORIGIN_SHAPES:
            lines = allow_origin(*values)
            cases.append(Case(f"acao-{scheme}-{slug}", why, Page(page), (fetch(at(target)),), one(ok(lines))))
            preflight = Answer(204, (*lines, ("Access-Control-Allow-Methods", "PUT")), b"")
            cases.append(
                Case(
                    f"acao-preflight-{scheme}-{slug}",
                    f"on the preflight: {why}",
                    Page(page),
                    (fetch(at(target), "PUT"),),
                    one(ok(ECHO), preflight),
                )
            )
        for slug, values, why in ORIGIN_SHAPES:
            if slug in (
                "missing",
                "echo",
                "any",
                "empty",
                "two-equal",
                "two-any",
                "trailing-slash",
                "null",
                "comma-list",
            ):
                cases.append(
                    Case(
                        f"acao-include-{scheme}-{slug}",
                        f"with credentials: {why}",
                        Page(page),
                        (fetch(at(target), credentials="include"),),
                        one(ok(allow_origin(*values), allow_credentials("true"))),
                    )
                )
        for slug, values, why in CREDENTIALS_SHAPES:
            lines = ECHO + allow_credentials(*values)
            cases.append(
                Case(
                    f"acac-{scheme}-{slug}",
                    why,
                    Page(page),
                    (fetch(at(target), credentials="include"),),
                    one(ok(lines)),
                )
            )
            cases.append(
                Case(
                    f"acac-preflight-{scheme}-{slug}",
                    f"on the preflight: {why}",
                    Page(page),
                    (fetch(at(target), "PUT", credentials="include"),),
                    one(ok(CREDENTIALED), Answer(204, (*lines, ("Access-Control-Allow-Methods", "PUT")))),
                )
            )
    cases.append(
        Case(
            "actual-fails-after-good-preflight",
            "the preflight passes, the response behind it forgets the header",
            Page(APP),
            (fetch(at(OTHER), "PUT"),),
            one(ok(), PREFLIGHT_OK),
        )
    )
    for status in (204, 400, 401, 403, 404, 429, 500, 503):
        for slug, lines in (("bare", ()), ("shared", ANY)):
            cases.append(
                Case(
                    f"status-{status}-{slug}",
                    "any status may be shared, and an error page often forgets to be",
                    Page(APP),
                    (fetch(at(OTHER)),),
                    one(ok(lines, status=status)),
                )
            )
    return cases


CASES: tuple[Case, ...] = tuple(_shapes())
