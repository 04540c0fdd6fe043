"""What each browser says of an answer: outcome, its first failure's name, and all that fails.

The rows follow the browsers' own accounts of recorded traffic: Chromium 156, Firefox 153 and WebKitGTK 2.50.6.
"""

from collections.abc import Sequence

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.verdict.browsers import ALL_JUDGES, JUDGE_OF, rank
from cors_addon.verdict.model import Condition, Judge
from tests.fetch.table import table
from tests.traffic.exchanges import APP, ITEMS, allow, cors, preflight
from tests.verdict.judging import (
    ALLOWED,
    BLOCKED,
    CHROMIUM,
    COOKIE,
    FIREFOX,
    SPEC,
    WEBKIT,
    errors,
    ids,
    outcomes,
    verdict_of,
)

MISSING = "MissingAllowOriginHeader", "CORSMissingAllowOrigin"
MULTIPLE = "MultipleAllowOriginValues", "CORSMultipleAllowOriginNotAllowed"
LISTED = "MultipleAllowOriginValues", "CORSAllowOriginNotMatchingOrigin"
INVALID = "InvalidAllowOriginValue", "CORSAllowOriginNotMatchingOrigin"
MISMATCH = "AllowOriginMismatch", "CORSAllowOriginNotMatchingOrigin"
WILDCARD = "WildcardOriginNotAllowed", "CORSNotSupportingCredentials"
CREDENTIALS = "InvalidAllowCredentials", "CORSMissingAllowCredentials"
PASSES = None, None

ORIGIN_ROWS: tuple[tuple[object, ...], ...] = (
    ("none", MISSING, "allow-origin-missing", ()),
    ("another name that looks like it", MISSING, "allow-origin-missing", ("Access_Control_Allow_Origin: *",)),
    ("the origin", PASSES, None, (APP,)),
    ("everybody", PASSES, None, ("*",)),
    ("outer whitespace", PASSES, None, (f" \t{APP} ",)),
    ("empty", INVALID, "allow-origin-invalid", ("",)),
    ("a host without scheme", INVALID, "allow-origin-invalid", ("app.test",)),
    ("in quotes", INVALID, "allow-origin-invalid", (f'"{APP}"',)),
    ("two stars", INVALID, "allow-origin-invalid", ("**",)),
    ("NULL in capitals is no URL", INVALID, "allow-origin-invalid", ("NULL",)),
    ("a template that nobody filled in", INVALID, "allow-origin-invalid", ("{{origin}}",)),
    ("bytes that are no text", INVALID, "allow-origin-invalid", ("https://\xff\xfe.test",)),
    ("null", MISMATCH, "allow-origin-mismatch", ("null",)),
    ("another origin", MISMATCH, "allow-origin-mismatch", ("https://else.test",)),
    ("a trailing slash", MISMATCH, "allow-origin-mismatch", (f"{APP}/",)),
    ("another scheme", MISMATCH, "allow-origin-mismatch", ("http://app.test",)),
    ("another port", MISMATCH, "allow-origin-mismatch", (f"{APP}:8443",)),
    ("the default port written out", MISMATCH, "allow-origin-mismatch", (f"{APP}:443",)),
    ("letter case", MISMATCH, "allow-origin-mismatch", ("HTTPS://APP.TEST",)),
    ("a wildcard for hosts", MISMATCH, "allow-origin-mismatch", ("https://*.test",)),
    ("host and port are a URL of a strange scheme", MISMATCH, "allow-origin-mismatch", ("localhost:3000",)),
    ("a list in one line", LISTED, "allow-origin-multiple", (f"{APP}, https://else.test",)),
    ("a list by spaces", LISTED, "allow-origin-multiple", (f"{APP} https://else.test",)),
    ("a comma behind", LISTED, "allow-origin-multiple", (f"{APP},",)),
)


@table("names, id, values", *ORIGIN_ROWS)
@pytest.mark.parametrize("http", ["HTTP/1.1", "HTTP/2.0"])
def test_allow_origin(names: tuple[str | None, str | None], id: str | None, values: Sequence[str], http: str) -> None:
    answer = [value if ":" in value and "_" in value else f"Access-Control-Allow-Origin: {value}" for value in values]
    verdict = verdict_of(cors(f"GET {ITEMS}", answer=answer, http=http))
    assert errors(verdict) == names
    assert ids(verdict) == ([id] if id else [])
    assert {*outcomes(verdict).values()} == {BLOCKED if id else ALLOWED}
    asked = verdict_of(preflight(f"PUT {ITEMS}", answer=[*answer, "Access-Control-Allow-Methods: PUT"], http=http))
    assert errors(asked) == (names[0] and f"Preflight{names[0]}", names[1])
    assert ids(asked) == ([id] if id else [])


@table(
    "http1, http2, values",
    ("the same twice", MULTIPLE, LISTED, (APP, APP)),
    ("two stars", MULTIPLE, LISTED, ("*", "*")),
    ("a star beside it", MULTIPLE, LISTED, (APP, "*")),
    ("two origins", MULTIPLE, LISTED, (APP, "https://else.test")),
    ("an empty one first", MULTIPLE, ("MultipleAllowOriginValues", None), ("", APP)),
    ("an empty one last", MULTIPLE, ("MultipleAllowOriginValues", None), (APP, "")),
    ("two empty ones", MULTIPLE, LISTED, ("", "")),
    (
        "an empty one beside a wrong one",
        MULTIPLE,
        ("MultipleAllowOriginValues", MISMATCH[1]),
        ("", "https://else.test"),
    ),
)
def test_several_allow_origin_lines(
    http1: tuple[str, str | None], http2: tuple[str, str | None], values: Sequence[str]
) -> None:
    """Firefox counts lines over HTTP/1, joins them over HTTP/2, and there drops an empty one beside another."""
    answer = [f"Access-Control-Allow-Origin: {value}" for value in values]
    for http, names in (("HTTP/1.1", http1), ("HTTP/2.0", http2), ("HTTP/3", http2)):
        verdict = verdict_of(cors(f"GET {ITEMS}", answer=answer, http=http, browser="firefox"))
        assert errors(verdict) == names
        assert "allow-origin-multiple" in ids(verdict)
        assert outcomes(verdict) == {
            CHROMIUM: BLOCKED,
            FIREFOX: ALLOWED if names[1] is None else BLOCKED,
            WEBKIT: BLOCKED,
            SPEC: BLOCKED,
        }


def test_an_order_of_lines_makes_no_difference_to_what_is_found() -> None:
    lines = allow("https://else.test", credentials=True)
    forwards, backwards = (verdict_of(cors(f"GET {ITEMS}", COOKIE, answer=each)) for each in (lines, lines[::-1]))
    assert forwards == backwards


CREDENTIAL_ROWS: tuple[tuple[object, ...], ...] = (
    ("both right", PASSES, [], (APP, "true")),
    ("everybody", WILDCARD, ["allow-origin-wildcard-with-credentials"], ("*", "true")),
    (
        "everybody, and no word on credentials",
        WILDCARD,
        ["allow-origin-wildcard-with-credentials", "allow-credentials-not-true"],
        ("*",),
    ),
    ("no word on credentials", CREDENTIALS, ["allow-credentials-not-true"], (APP,)),
    ("spelt with a capital", CREDENTIALS, ["allow-credentials-not-true"], (APP, "True")),
    ("refused", CREDENTIALS, ["allow-credentials-not-true"], (APP, "false")),
    ("empty", CREDENTIALS, ["allow-credentials-not-true"], (APP, "")),
    ("a number", CREDENTIALS, ["allow-credentials-not-true"], (APP, "1")),
    ("said twice", CREDENTIALS, ["allow-credentials-not-true"], (APP, "true", "true")),
    ("outer whitespace", PASSES, [], (APP, "  true ")),
    (
        "another origin comes first",
        MISMATCH,
        ["allow-origin-mismatch", "allow-credentials-not-true"],
        ("https://else.test",),
    ),
    ("nothing at all", MISSING, ["allow-origin-missing", "allow-credentials-not-true"], ()),
)


@table("names, found, values", *CREDENTIAL_ROWS)
def test_credentials(names: tuple[str | None, str | None], found: list[str], values: Sequence[str]) -> None:
    answer = [f"Access-Control-Allow-Origin: {value}" for value in values[:1]]
    answer += [f"Access-Control-Allow-Credentials: {value}" for value in values[1:]]
    verdict = verdict_of(cors(f"GET {ITEMS}", COOKIE, answer=answer))
    assert errors(verdict) == names
    assert ids(verdict) == found
    assert {*outcomes(verdict).values()} == {BLOCKED if found else ALLOWED}
    assert verdict.credentials.mode == ("include" if found else "unknown")


STATUS = "PreflightInvalidStatus", "CORSPreflightDidNotSucceed"
REDIRECTED = "PreflightDisallowedRedirect", "CORSExternalRedirectNotAllowed"
METHODS = "InvalidAllowMethodsPreflightResponse", "CORSInvalidAllowMethod"
HEADERS = "InvalidAllowHeadersPreflightResponse", "CORSInvalidAllowHeader"
METHOD = "MethodDisallowedByPreflightResponse", "CORSMethodNotFound"
HEADER = "HeaderDisallowedByPreflightResponse", "CORSMissingAllowHeaderFromPreflight"
PREFLIGHT_MISSING = "PreflightMissingAllowOriginHeader", "CORSMissingAllowOrigin"
ACAM, ACAH = "Access-Control-Allow-Methods", "Access-Control-Allow-Headers"

PREFLIGHT_ROWS: tuple[tuple[object, ...], ...] = (
    ("in order", PASSES, [], 204, allow(methods="PUT", names="x-a")),
    ("any ok status", PASSES, [], 299, allow(methods="PUT", names="x-a")),
    ("names in capitals", PASSES, [], 200, allow(methods="PUT", names="X-A")),
    ("lists with empty elements", PASSES, [], 200, allow(methods=", PUT,,", names=",x-a ,")),
    ("lists over several lines", PASSES, [], 200, [*allow(methods="GET", names="x-b"), f"{ACAM}: PUT", f"{ACAH}: x-a"]),
    ("wildcards", PASSES, [], 200, allow("*", methods="*", names="*")),
    ("not found", STATUS, ["preflight-status-not-ok"], 404, allow(methods="PUT", names="x-a")),
    (
        "not found, and no headers either",
        PREFLIGHT_MISSING,
        ["allow-origin-missing", "preflight-status-not-ok", "method-not-allowed", "header-not-allowed"],
        404,
        [],
    ),
    (
        "a login page instead",
        REDIRECTED,
        ["preflight-redirect"],
        302,
        ["Location: /login", *allow(methods="PUT", names="x-a")],
    ),
    (
        "a login page without headers: Firefox looks at those first",
        ("PreflightDisallowedRedirect", "CORSMissingAllowOrigin"),
        ["preflight-redirect", "allow-origin-missing", "method-not-allowed", "header-not-allowed"],
        307,
        ["Location: /login"],
    ),
    (
        "a redirect that leads nowhere is a status",
        STATUS,
        ["preflight-status-not-ok"],
        302,
        allow(methods="PUT", names="x-a"),
    ),
    (
        "300 is no redirect",
        STATUS,
        ["preflight-status-not-ok"],
        300,
        ["Location: /b", *allow(methods="PUT", names="x-a")],
    ),
    ("304 is a status like any other", STATUS, ["preflight-status-not-ok"], 304, allow(methods="PUT", names="x-a")),
    ("methods by spaces", METHODS, ["allow-methods-invalid"], 200, allow(methods="GET PUT", names="x-a")),
    ("methods in quotes", METHODS, ["allow-methods-invalid"], 200, allow(methods='"PUT"', names="x-a")),
    (
        "one broken line of two",
        METHODS,
        ["allow-methods-invalid"],
        200,
        [*allow(methods="PUT", names="x-a"), f"{ACAM}: (x)"],
    ),
    ("names with a parameter", HEADERS, ["allow-headers-invalid"], 200, allow(methods="PUT", names="x-a; q=1")),
    ("names by spaces", HEADERS, ["allow-headers-invalid"], 200, allow(methods="PUT", names="x-a x-b")),
    ("the method is not listed", METHOD, ["method-not-allowed"], 200, allow(methods="GET, POST", names="x-a")),
    ("the method in small letters", METHOD, ["method-not-allowed"], 200, allow(methods="put", names="x-a")),
    ("no methods", METHOD, ["method-not-allowed"], 200, allow(names="x-a")),
    ("an empty list of methods", METHOD, ["method-not-allowed"], 200, [*allow(names="x-a"), f"{ACAM}:"]),
    ("the name is not listed", HEADER, ["header-not-allowed"], 200, allow(methods="PUT", names="x-b")),
    ("no names", HEADER, ["header-not-allowed"], 200, allow(methods="PUT")),
    ("neither", METHOD, ["method-not-allowed", "header-not-allowed"], 200, allow()),
    (
        "both lists broken",
        METHODS,
        ["allow-methods-invalid", "allow-headers-invalid"],
        200,
        allow(methods="(", names="("),
    ),
    (
        "the method missing, and names broken: Firefox is done with methods first",
        (HEADERS[0], METHOD[1]),
        ["allow-headers-invalid", "method-not-allowed"],
        200,
        allow(methods="GET", names="("),
    ),
    (
        "the status comes before the lists",
        STATUS,
        ["preflight-status-not-ok", "allow-methods-invalid", "header-not-allowed"],
        500,
        allow(methods="("),
    ),
    (
        "the origin comes before the status, but in Safari",
        ("PreflightAllowOriginMismatch", "CORSAllowOriginNotMatchingOrigin"),
        ["allow-origin-mismatch", "preflight-status-not-ok"],
        500,
        allow("https://else.test", methods="PUT", names="x-a"),
    ),
)


@table("names, found, status, answer", *PREFLIGHT_ROWS)
def test_preflight(names: tuple[str | None, str | None], found: list[str], status: int, answer: list[str]) -> None:
    verdict = verdict_of(preflight(f"PUT {ITEMS}", "x-a", status=status, answer=answer))
    assert errors(verdict) == names
    assert ids(verdict) == found
    assert {*outcomes(verdict).values()} == {BLOCKED if found else ALLOWED}
    assert verdict.views[SPEC].error is None


@table(
    "name, status, answer",
    ("the status comes before everything", "PreflightNotSuccessful", 404, []),
    ("and what redirects has such a status", "PreflightNotSuccessful", 302, ["Location: /login", *allow()]),
    ("no origin", "OriginNotAllowed", 200, allow(methods="PUT", names="x-a")[1:]),
    ("another origin", "OriginNotAllowed", 200, allow("https://else.test", methods="PUT", names="x-a")),
    ("no origin at all", "OriginNotAllowed", 200, allow("app.test", methods="PUT", names="x-a")),
    ("a comma makes a list", "MoreThanOneOrigin", 200, allow(f"{APP}, https://else.test", methods="PUT", names="x-a")),
    ("a blank does not", "OriginNotAllowed", 200, allow(f"{APP} https://else.test", methods="PUT", names="x-a")),
    ("methods that do not parse come first", "AllowMethodsInvalid", 200, allow(methods="GET PUT", names="(")),
    ("then headers", "AllowHeadersInvalid", 200, allow(methods="GET", names="(")),
    ("then the method", "MethodNotAllowed", 200, allow(methods="GET", names="x-b")),
    ("then the header", "HeaderNotAllowed", 200, allow(methods="PUT", names="x-b")),
    ("all in order", None, 204, allow(methods="PUT", names="x-a")),
)
def test_webkits_names_on_a_preflight(name: str | None, status: int, answer: list[str]) -> None:
    verdict = verdict_of(preflight(f"PUT {ITEMS}", "x-a", status=status, answer=answer, browser="webkit"))
    assert verdict.views[WEBKIT].error == name
    assert verdict.outcome is (ALLOWED if name is None else BLOCKED)
    if name is not None:
        assert verdict.findings[0].violation.webkit == name


@table(
    "name, values",
    ("everybody", "WildcardWithCredentials", ("*", "true")),
    ("no word on credentials", "CredentialsNotTrue", (APP,)),
    ("spelt with a capital", "CredentialsNotTrue", (APP, "True")),
    ("both right", None, (APP, "true")),
)
def test_webkits_names_where_credentials_are_included(name: str | None, values: Sequence[str]) -> None:
    answer = [f"Access-Control-Allow-Origin: {value}" for value in values[:1]]
    answer += [f"Access-Control-Allow-Credentials: {value}" for value in values[1:]]
    assert verdict_of(cors(f"GET {ITEMS}", COOKIE, answer=answer, browser="webkit")).views[WEBKIT].error == name


def test_a_blank_in_the_allowed_origin_has_one_name_for_each_browser() -> None:
    """``passesAccessControlCheck`` looks for a comma alone; Chromium takes a blank for a second value."""
    answer = [f"Access-Control-Allow-Origin: {APP} https://else.test"]
    for browser, named in (("chromium", "allow-origin-multiple"), ("webkit", "allow-origin-invalid")):
        assert ids(verdict_of(cors(f"GET {ITEMS}", answer=answer, browser=browser))) == [named]


@table(
    "first, judge",
    ("Chromium: what the network stack reports", "preflight-redirect", CHROMIUM),
    ("Firefox: the headers", "allow-origin-missing", FIREFOX),
    ("WebKit: the status", "preflight-redirect", WEBKIT),
    ("the standard: the headers", "allow-origin-missing", SPEC),
)
def test_findings_come_in_the_order_of_the_judge(first: str, judge: Judge) -> None:
    found = preflight(f"PUT {ITEMS}", "x-a", status=302, answer=["Location: /login"])
    assert ids(verdict_of(found, judge=judge))[0] == first


@table(
    "first, judge",
    ("Chromium: headers win over the status", "allow-origin-missing", CHROMIUM),
    ("Firefox too", "allow-origin-missing", FIREFOX),
    ("WebKit: the status first", "preflight-status-not-ok", WEBKIT),
    ("the standard checks headers first", "allow-origin-missing", SPEC),
)
def test_status_and_headers(first: str, judge: Judge) -> None:
    assert ids(verdict_of(preflight(f"PUT {ITEMS}", status=404), judge=judge))[0] == first


@table(
    "names, found, answer",
    ("listed", PASSES, [], allow(credentials=True, methods="PUT", names="x-a")),
    (
        "a star for methods",
        METHOD,
        ["method-wildcard-with-credentials"],
        allow(credentials=True, methods="*", names="x-a"),
    ),
    (
        "a star for names",
        HEADER,
        ["header-wildcard-with-credentials"],
        allow(credentials=True, methods="PUT", names="*"),
    ),
    (
        "a star among methods",
        METHOD,
        ["method-wildcard-with-credentials"],
        allow(credentials=True, methods="GET, *", names="x-a"),
    ),
)
def test_a_preflight_of_a_request_with_credentials(
    names: tuple[str | None, str | None], found: list[str], answer: list[str]
) -> None:
    """Firefox sends Sec-Fetch-Storage-Access on the preflight of such a request, so it is known before the request."""
    lines = ["Sec-Fetch-Storage-Access: none"]
    verdict = verdict_of(preflight(f"PUT {ITEMS}", "x-a", lines=lines, answer=answer, browser="firefox"))
    assert errors(verdict) == names
    assert ids(verdict) == found


def test_authorization_under_a_wildcard_is_the_standards_worry_alone() -> None:
    verdict = verdict_of(preflight(f"GET {ITEMS}", "authorization", answer=allow("*", names="*")))
    assert outcomes(verdict) == {CHROMIUM: ALLOWED, FIREFOX: ALLOWED, WEBKIT: ALLOWED, SPEC: BLOCKED}
    assert ids(verdict) == ["authorization-covered-by-wildcard"]
    strict = verdict_of(preflight(f"GET {ITEMS}", "authorization", answer=allow("*", names="*")), judge=SPEC)
    assert strict.outcome is BLOCKED
    listed = verdict_of(preflight(f"GET {ITEMS}", "authorization", answer=allow("*", names="*, Authorization")))
    assert ids(listed) == []


@pytest.mark.parametrize("name", ["x-a", "x-b", "x-c"])
def test_every_name_is_told(name: str) -> None:
    verdict = verdict_of(preflight(f"PUT {ITEMS}", "x-a", "x-b", "x-c", answer=allow(methods="PUT", names="x-z")))
    assert any(finding.id == "header-not-allowed" and f" {name} " in finding.message for finding in verdict.findings)


@table(
    "judge, browser",
    ("Chromium", CHROMIUM, "chromium"),
    ("Firefox", FIREFOX, "firefox"),
    ("Safari", WEBKIT, "webkit"),
    ("whoever says nothing is taken for Chromium", CHROMIUM, "Custom/1.0"),
)
def test_the_outcome_is_that_of_the_browser_that_asked(judge: Judge, browser: str) -> None:
    answer = ["Access-Control-Allow-Origin:", *allow()]
    verdict = verdict_of(cors(f"GET {ITEMS}", answer=answer, http="HTTP/2.0", browser=browser))
    assert verdict.judge is judge
    assert verdict.outcome is (ALLOWED if judge is FIREFOX else BLOCKED)
    for chosen in Judge:
        assert verdict_of(cors(f"GET {ITEMS}", answer=answer, browser=browser), judge=chosen).judge is chosen


def test_every_judge_orders_every_violation_that_it_may_meet() -> None:
    for judge in ALL_JUDGES:
        ranks = [
            rank(judge, Condition(violation, next(iter(violation.stages)), frozenset(), ALL_JUDGES))
            for violation in CATALOGUE.values()
        ]
        known = [each for each in ranks if each < 99]
        assert len(known) == len({*known}) >= 15
    assert {*JUDGE_OF.values()} == ALL_JUDGES - {SPEC}
