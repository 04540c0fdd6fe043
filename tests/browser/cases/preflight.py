"""The CORS-preflight fetch: statuses, redirects, Access-Control-Allow-Methods and -Headers."""

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
    Lines,
    Page,
    allow_headers,
    allow_methods,
    at,
    fetch,
    load,
    location,
    ok,
    one,
)
from tests.browser.server import Answer

# slug, method asked for, values of Access-Control-Allow-Methods, credentials, reason
METHOD_SHAPES: tuple[tuple[str, str, tuple[str, ...], bool, str], ...] = (
    ("listed", "PUT", ("GET, PUT",), False, "listed"),
    ("missing", "PUT", (), False, "no line, and PUT is not safelisted"),
    ("empty", "PUT", ("",), False, "an empty list"),
    ("other", "DELETE", ("GET, POST, PUT",), False, "not in the list"),
    ("star", "PUT", ("*",), False, "everything"),
    ("star-include", "PUT", ("*",), True, "with credentials a star is a method named star"),
    ("star-and-listed-include", "PUT", ("*, PUT",), True, "listed beside a star"),
    ("lower-for-put", "PUT", ("put",), False, "methods are compared byte by byte"),
    ("patch-lower-asked", "patch", ("PATCH",), False, "patch is not normalized, and is another method than PATCH"),
    ("patch-lower-both", "patch", ("patch",), False, "said as it was asked"),
    ("patch-upper-asked-lower", "PATCH", ("patch",), False, "the other way round"),
    ("put-lower-asked", "put", ("PUT",), False, "put is normalized before it is asked"),
    ("spaces-between", "PUT", ("GET PUT",), False, "not a list"),
    ("quoted", "PUT", ('"PUT"',), False, "not a token"),
    ("commas", "PUT", (",,PUT,,",), False, "empty elements are dropped"),
    ("only-commas", "PUT", (",,",), False, "an empty list, with commas"),
    ("non-token-after", "PUT", ("PUT, (x)",), False, "one bad element spoils the list"),
    ("non-token-before", "PUT", ("(x), PUT",), False, "one bad element spoils the list"),
    ("semicolons", "PUT", ("GET; PUT",), False, "the wrong separator"),
    ("lines", "PUT", ("GET", "PUT"), False, "two lines are one list"),
    ("line-bad", "PUT", ("PUT", "G@T"), False, "the bad line spoils the good one"),
    ("custom", "FROB", ("FROB",), False, "a method of one's own"),
    ("custom-missing", "FROB", ("GET, POST, PUT, DELETE, PATCH",), False, "the usual list has no own methods"),
    ("custom-star", "FROB", ("*",), False, "a star covers own methods"),
    ("tabs", "PUT", ("GET\t,\tPUT",), False, "tabs around commas are whitespace"),
    ("post-not-listed", "POST", ("PUT",), False, "POST is safelisted, listed or not"),
    ("head-not-listed", "HEAD", ("PUT",), False, "HEAD is safelisted, listed or not"),
    ("get-listed-lower", "GET", ("get",), False, "GET is safelisted, however it is spelled in the list"),
)

# slug, header set by the page, values of Access-Control-Allow-Headers, credentials, reason
HEADER_SHAPES: tuple[tuple[str, dict[str, str], tuple[str, ...], bool, str], ...] = (
    ("listed", {"X-Custom": "1"}, ("x-custom",), False, "listed"),
    ("upper", {"X-Custom": "1"}, ("X-CUSTOM",), False, "names have no case"),
    ("missing", {"X-Custom": "1"}, (), False, "no line"),
    ("empty", {"X-Custom": "1"}, ("",), False, "an empty list"),
    ("other", {"X-Custom": "1"}, ("x-other, content-type",), False, "not in the list"),
    ("one-of-two", {"X-A": "1", "X-B": "1"}, ("x-a",), False, "one is listed, one is not"),
    ("none-of-two", {"X-B": "1", "X-A": "1"}, ("x-c",), False, "two are missing"),
    ("star", {"X-Custom": "1"}, ("*",), False, "everything"),
    ("star-include", {"X-Custom": "1"}, ("*",), True, "with credentials a star is a header named star"),
    ("star-and-listed-include", {"X-Custom": "1"}, ("*, x-custom",), True, "listed beside a star"),
    ("spaces-between", {"X-Custom": "1"}, ("x-other x-custom",), False, "not a list"),
    ("quoted", {"X-Custom": "1"}, ('"x-custom"',), False, "not a token"),
    ("parameter", {"X-Custom": "1"}, ("x-custom;q=1",), False, "not a token"),
    ("commas", {"X-Custom": "1"}, (",,x-custom,,",), False, "empty elements are dropped"),
    ("only-commas", {"X-Custom": "1"}, (",,",), False, "an empty list, with commas"),
    ("non-token-after", {"X-Custom": "1"}, ("x-custom, (y)",), False, "one bad element spoils the list"),
    ("lines", {"X-Custom": "1"}, ("x-other", "x-custom"), False, "two lines are one list"),
    ("authorization-star", {"Authorization": "Bearer x"}, ("*",), False, "the standard says no, browsers say yes"),
    ("authorization-listed", {"Authorization": "Bearer x"}, ("Authorization",), False, "listed"),
    ("authorization-missing", {"Authorization": "Bearer x"}, ("content-type",), False, "forgotten"),
    ("json", {"Content-Type": "application/json"}, ("content-type",), False, "the commonest preflight"),
    ("json-missing", {"Content-Type": "application/json"}, (), False, "the commonest error"),
    ("json-accept", {"Content-Type": "application/json"}, ("accept, authorization",), False, "the wrong ones listed"),
    ("requested-with", {"X-Requested-With": "XMLHttpRequest"}, ("content-type",), False, "added by libraries"),
    ("long-accept", {"Accept": "a" * 129}, (), False, "a safelisted name with a value over 128 bytes"),
    ("range", {"Range": "bytes=-500"}, (), False, "a suffix range is not safelisted"),
    ("underscore", {"x_api_key": "1"}, ("x_api_key",), False, "an underscore is a token character"),
)

STATUSES: tuple[tuple[int, Lines], ...] = tuple(
    (status, ()) for status in (200, 201, 204, 299, 300, 304, 400, 401, 403, 404, 405, 429, 500, 501, 503)
) + tuple((status, location("/elsewhere")) for status in (300, 301, 302, 303, 304, 307, 308))
MORE_STATUSES: tuple[tuple[int, Lines], ...] = tuple((status, ()) for status in (301, 302, 307))


def _cases() -> list[Case]:
    cases = []
    for scheme, page, target in (("http", APP, OTHER), ("https", APP_S, OTHER_S)):
        for slug, method, values, include, why in METHOD_SHAPES:
            if scheme == "https" and slug not in ("missing", "star-include", "spaces-between", "lines", "line-bad"):
                continue
            cases.append(
                Case(
                    f"acam-{scheme}-{slug}",
                    why,
                    Page(page),
                    (
                        fetch(
                            at(target),
                            method,
                            credentials="include" if include else None,
                            headers={"X-Force": "1"} if method in ("POST", "HEAD", "GET") else None,
                        ),
                    ),
                    one(
                        ok(CREDENTIALED), Answer(204, CREDENTIALED + allow_methods(*values) + allow_headers("x-force"))
                    ),
                )
            )
        for slug, headers, values, include, why in HEADER_SHAPES:
            if scheme == "https" and slug not in (
                "missing",
                "star-include",
                "one-of-two",
                "lines",
                "authorization-star",
            ):
                continue
            cases.append(
                Case(
                    f"acah-{scheme}-{slug}",
                    why,
                    Page(page),
                    (fetch(at(target), headers=headers, credentials="include" if include else None),),
                    one(ok(CREDENTIALED), Answer(204, CREDENTIALED + allow_headers(*values))),
                )
            )
    for status, lines in (*STATUSES, *MORE_STATUSES):
        for slug, sharing in (("shared", ECHO), ("bare", ())):
            cases.append(
                Case(
                    f"preflight-{status}{'-location' if lines else ''}-{slug}",
                    "only 2xx is ok, and a redirect is never followed",
                    Page(APP),
                    (fetch(at(OTHER), "PUT"),),
                    one(ok(ECHO), Answer(status, (*sharing, *lines, *allow_methods("PUT")))),
                )
            )
    cases += [
        Case(
            "preflight-everything-wrong",
            "each browser names its own first failure",
            Page(APP),
            (fetch(at(OTHER), "PUT", headers={"X-Custom": "1"}),),
            one(ok(ECHO), Answer(404, (*allow_methods("G@T"), *allow_headers("(x)")))),
        ),
        Case(
            "preflight-method-and-header-wrong",
            "the method comes before the headers",
            Page(APP),
            (fetch(at(OTHER), "PUT", headers={"X-Custom": "1"}),),
            one(ok(ECHO), Answer(204, ECHO)),
        ),
        Case(
            "preflight-header-list-bad-and-method-missing",
            "Chromium parses both lists before it looks for the method",
            Page(APP),
            (fetch(at(OTHER), "PUT", headers={"X-Custom": "1"}),),
            one(ok(ECHO), Answer(204, ECHO + allow_headers("(x)"))),
        ),
        Case(
            "preflight-any-then-include-status",
            "a star under credentials is found before the status",
            Page(APP),
            (fetch(at(OTHER), "PUT", credentials="include"),),
            one(ok(CREDENTIALED), Answer(500, ANY)),
        ),
        Case(
            "xhr-upload-listener",
            "an upload listener asks for a preflight without unsafe headers",
            Page(APP),
            (load("xhr", at(OTHER), method="POST", body="x", upload=True),),
            one(ok(ECHO), PREFLIGHT_OK),
        ),
        Case(
            "xhr-upload-listener-refused",
            "and is refused like any other",
            Page(APP),
            (load("xhr", at(OTHER), method="POST", body="x", upload=True),),
            one(ok(ECHO), Answer(404)),
        ),
        Case(
            "xhr-upload-listener-no-methods",
            "POST need not be listed",
            Page(APP),
            (load("xhr", at(OTHER), method="POST", body="x", upload=True),),
            one(ok(ECHO), Answer(204, ECHO)),
        ),
        Case(
            "stream-body",
            "a stream as body asks for a preflight (and for HTTP/2)",
            Page(APP_S),
            (fetch(at(OTHER_S), "POST", stream="hello"),),
            one(ok(ECHO), PREFLIGHT_OK),
        ),
    ]
    return cases


CASES: tuple[Case, ...] = tuple(_cases())
