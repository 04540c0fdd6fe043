import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.fetch.checks import (
    SUCCESS,
    Failure,
    PreflightRequest,
    Step,
    cors_check,
    cors_failures,
    exposed_header_names,
    preflight_check,
    preflight_failures,
    requested_header_names,
)
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import CredentialsMode, Response

from . import by_the_prose
from .table import BOTH_MODES, INCLUDE, NOT_INCLUDE, headers, response, table

PAGE = "https://app.test"
ALLOW_ORIGIN = "Access-Control-Allow-Origin"
ALLOW_CREDENTIALS = "Access-Control-Allow-Credentials"
ALLOW_METHODS = "Access-Control-Allow-Methods"
ALLOW_HEADERS = "Access-Control-Allow-Headers"

MISSING = Step.ALLOW_ORIGIN_MISSING
WILDCARD = Step.ALLOW_ORIGIN_WILDCARD
DIFFERS = Step.ALLOW_ORIGIN_DIFFERS
CREDENTIALS = Step.ALLOW_CREDENTIALS


# --- CORS check --------------------------------------------------------------------------------------------------


@table(
    "origin, lines, without, included",
    ("no header at all", PAGE, [], [MISSING], [MISSING, CREDENTIALS]),
    ("credentials alone allow nothing", PAGE, ["ACAC: true"], [MISSING], [MISSING]),
    ("the wildcard, without credentials only", PAGE, ["ACAO: *"], [], [WILDCARD, CREDENTIALS]),
    ("credentials do not mend the wildcard", PAGE, ["ACAO: *", "ACAC: true"], [], [WILDCARD]),
    ("the origin", PAGE, [f"ACAO: {PAGE}"], [], [CREDENTIALS]),
    ("the origin and credentials", PAGE, [f"ACAO: {PAGE}", "ACAC: true"], [], []),
    ("space around is no part of it", PAGE, [f"ACAO: \t{PAGE} ", "ACAC:  true "], [], []),
    ("True", PAGE, [f"ACAO: {PAGE}", "ACAC: True"], [], [CREDENTIALS]),
    ("TRUE", PAGE, [f"ACAO: {PAGE}", "ACAC: TRUE"], [], [CREDENTIALS]),
    ("true in quotes", PAGE, [f"ACAO: {PAGE}", 'ACAC: "true"'], [], [CREDENTIALS]),
    ("1", PAGE, [f"ACAO: {PAGE}", "ACAC: 1"], [], [CREDENTIALS]),
    ("false", PAGE, [f"ACAO: {PAGE}", "ACAC: false"], [], [CREDENTIALS]),
    ("an empty value", PAGE, [f"ACAO: {PAGE}", "ACAC:"], [], [CREDENTIALS]),
    ("true twice", PAGE, [f"ACAO: {PAGE}", "ACAC: true", "ACAC: true"], [], [CREDENTIALS]),
    ("true and a comma", PAGE, [f"ACAO: {PAGE}", "ACAC: true,"], [], [CREDENTIALS]),
    ("the wildcard for credentials", PAGE, [f"ACAO: {PAGE}", "ACAC: *"], [], [CREDENTIALS]),
    ("another origin", PAGE, ["ACAO: https://other.test"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("a trailing slash", PAGE, [f"ACAO: {PAGE}/"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("a path", PAGE, [f"ACAO: {PAGE}/x"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("the default port, spelled out", PAGE, [f"ACAO: {PAGE}:443"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("another port", PAGE, [f"ACAO: {PAGE}:8443"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("another scheme", PAGE, ["ACAO: http://app.test"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("no scheme", PAGE, ["ACAO: app.test"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("upper case", PAGE, ["ACAO: https://APP.test"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("a wildcard for subdomains", PAGE, ["ACAO: https://*.test"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("two stars", PAGE, ["ACAO: **"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("a star in quotes", PAGE, ['ACAO: "*"'], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("an empty value", PAGE, ["ACAO:"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("a list that has it", PAGE, [f"ACAO: {PAGE}, https://other.test"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("separated by space", PAGE, [f"ACAO: {PAGE} https://other.test"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("the origin on two lines", PAGE, [f"ACAO: {PAGE}", f"ACAO: {PAGE}"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("the wildcard on two lines", PAGE, ["ACAO: *", "ACAO: *"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("the wildcard beside the origin", PAGE, ["ACAO: *", f"ACAO: {PAGE}"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("a second, empty line", PAGE, ["ACAO: *", "ACAO:"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("null is an origin of its own", PAGE, ["ACAO: null"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("the value null lets the opaque origin in", "null", ["ACAO: null", "ACAC: true"], [], []),
    ("so does the wildcard", "null", ["ACAO: *"], [], [WILDCARD, CREDENTIALS]),
    ("NULL is not null", "null", ["ACAO: NULL"], [DIFFERS], [DIFFERS, CREDENTIALS]),
    ("a header that is absent is not null", "null", [], [MISSING], [MISSING, CREDENTIALS]),
    ("a tool that calls itself * is echoed", "*", ["ACAO: *", "ACAC: true"], [], []),
    ("an empty Origin, no browser's", "", ["ACAO:", "ACAC: true"], [], []),
    ("a byte beyond ASCII stays itself", "https://\xe9.test", ["ACAO: https://\xe9.test", "ACAC: true"], [], []),
)
def test_cors_check(origin: str, lines: list[str], without: list[Step], included: list[Step]) -> None:
    listed = headers(*(line.replace("ACAO", ALLOW_ORIGIN).replace("ACAC", ALLOW_CREDENTIALS) for line in lines))
    for mode, steps in ((NOT_INCLUDE, without), (INCLUDE, included)):
        assert [failure.step for failure in cors_failures(origin, mode, listed)] == steps
        result = cors_check(origin, mode, listed)
        assert (result.step if isinstance(result, Failure) else None) == (steps[0] if steps else None)


def test_a_failure_carries_the_value_as_sent() -> None:
    listed = headers(
        f"{ALLOW_ORIGIN}:  https://a.test", f"{ALLOW_ORIGIN}: https://b.test ", f"{ALLOW_CREDENTIALS}: yes"
    )
    assert list(cors_failures(PAGE, INCLUDE, listed)) == [
        Failure(DIFFERS, "https://a.test, https://b.test"),
        Failure(CREDENTIALS, "yes"),
    ]
    assert list(cors_failures(PAGE, INCLUDE, headers())) == [Failure(MISSING, None), Failure(CREDENTIALS, None)]


# --- preflights --------------------------------------------------------------------------------------------------

GOOD = (f"{ALLOW_ORIGIN}: {PAGE}", f"{ALLOW_CREDENTIALS}: true")


@table(
    "status, passes",
    ("nothing came", 0, False),
    ("an interim answer", 100, False),
    ("one below", 199, False),
    ("OK", 200, True),
    ("no content, the usual answer", 204, True),
    ("one that nobody defined", 299, True),
    ("a redirect is never followed", 301, False),
    ("nor is a temporary one", 307, False),
    ("not modified", 304, False),
    ("a server that wants to know who asks", 401, False),
    ("a server that does not know OPTIONS", 405, False),
    ("a gateway that is down", 502, False),
    ("no status that there is", 999, False),
)
@pytest.mark.parametrize("mode", BOTH_MODES)
def test_preflight_status(status: int, passes: bool, mode: CredentialsMode) -> None:
    failures = list(preflight_failures(PreflightRequest(PAGE, "GET", ()), mode, response(status, *GOOD)))
    assert failures == ([] if passes else [Failure(Step.STATUS, str(status))])


def test_the_cors_check_does_not_ask_for_the_status() -> None:
    # A 500 with the right headers can be read: only a preflight has to be ok.
    assert cors_check(PAGE, INCLUDE, response(500, *GOOD).headers) is SUCCESS


@table(
    "method, lines, without, included",
    ("safelisted, not listed", "POST", [], True, True),
    ("safelisted, another one listed", "GET", ["ACAM: PUT"], True, True),
    ("no list", "PUT", [], False, False),
    ("an empty list", "PUT", ["ACAM:"], False, False),
    ("listed", "PUT", ["ACAM: GET, PUT"], True, True),
    ("listed on the second line", "PUT", ["ACAM: GET", "ACAM: PUT"], True, True),
    ("listed in lower case", "PUT", ["ACAM: put"], False, False),
    ("asked in lower case: fetch() does not raise PATCH", "patch", ["ACAM: PATCH"], False, False),
    ("lower case on both sides", "patch", ["ACAM: patch"], True, True),
    ("the wildcard", "PUT", ["ACAM: *"], True, False),
    ("the wildcard in a list", "PUT", ["ACAM: GET, *"], True, False),
    ("the wildcard does not hide that it is listed", "PUT", ["ACAM: *, PUT"], True, True),
    ("two stars are a method nobody has", "PUT", ["ACAM: **"], False, False),
    ("a method whose name is *", "*", ["ACAM: *"], True, True),
    ("lower-case get is not safelisted", "get", ["ACAM: GET"], False, False),
    ("ALL is no wildcard", "PUT", ["ACAM: ALL"], False, False),
    ("another header's list does not count", "PUT", ["Allow: PUT"], False, False),
)
def test_preflight_method(method: str, lines: list[str], without: bool, included: bool) -> None:
    answer = response(204, *GOOD, *(line.replace("ACAM", ALLOW_METHODS) for line in lines))
    for mode, passes in ((NOT_INCLUDE, without), (INCLUDE, included)):
        failures = list(preflight_failures(PreflightRequest(PAGE, method, ()), mode, answer))
        assert failures == ([] if passes else [Failure(Step.METHOD, method)])


NON_WILDCARD = Failure(Step.NON_WILDCARD_HEADER, "authorization")


def _not_allowed(*names: str) -> list[Failure]:
    return [Failure(Step.HEADER, name) for name in names]


@table(
    "names, lines, without, included",
    ("nothing asked", (), [], [], []),
    ("no list", ("x-a",), [], _not_allowed("x-a"), _not_allowed("x-a")),
    ("an empty list", ("x-a",), ["ACAH:"], _not_allowed("x-a"), _not_allowed("x-a")),
    ("listed", ("x-a",), ["ACAH: x-a"], [], []),
    ("listed in another case", ("x-a",), ["ACAH: X-A"], [], []),
    ("listed on two lines", ("x-a", "x-b"), ["ACAH: X-B", "ACAH: X-A"], [], []),
    (
        "every missing one is named, in order",
        ("a", "b", "c"),
        ["ACAH: b"],
        _not_allowed("a", "c"),
        _not_allowed("a", "c"),
    ),
    ("the wildcard", ("x-a", "x-b"), ["ACAH: *"], [], _not_allowed("x-a", "x-b")),
    ("the wildcard in a list", ("x-a",), ["ACAH: x-b, *"], [], _not_allowed("x-a")),
    ("the wildcard is not a prefix", ("x-a",), ["ACAH: x-*"], _not_allowed("x-a"), _not_allowed("x-a")),
    ("a header whose name is *", ("*",), ["ACAH: *"], [], []),
    (
        "a safelisted name still has to be listed once asked for",
        ("accept",),
        [],
        _not_allowed("accept"),
        _not_allowed("accept"),
    ),
    ("authorization listed", ("authorization",), ["ACAH: Authorization"], [], []),
    (
        "authorization under the wildcard",
        ("authorization",),
        ["ACAH: *"],
        [NON_WILDCARD],
        _not_allowed("authorization"),
    ),
    ("authorization under and beside the wildcard", ("authorization",), ["ACAH: *, AUTHORIZATION"], [], []),
    (
        "authorization without any list",
        ("authorization",),
        [],
        _not_allowed("authorization"),
        _not_allowed("authorization"),
    ),
    (
        "the wildcard covers the others",
        ("authorization", "x-a"),
        ["ACAH: *"],
        [NON_WILDCARD],
        _not_allowed("authorization", "x-a"),
    ),
    (
        "exposed is not allowed",
        ("x-a",),
        ["Access-Control-Expose-Headers: x-a"],
        _not_allowed("x-a"),
        _not_allowed("x-a"),
    ),
)
def test_preflight_headers(
    names: tuple[str, ...], lines: list[str], without: list[Failure], included: list[Failure]
) -> None:
    answer = response(204, *GOOD, *(line.replace("ACAH", ALLOW_HEADERS) for line in lines))
    for mode, failures in ((NOT_INCLUDE, without), (INCLUDE, included)):
        assert list(preflight_failures(PreflightRequest(PAGE, "GET", names), mode, answer)) == failures


@table(
    "methods, names, failures",
    ("methods do not parse", "GET; PUT", "x-a", [Failure(Step.ALLOW_METHODS_INVALID, "GET; PUT")]),
    ("headers do not parse", "PUT", "x a", [Failure(Step.ALLOW_HEADERS_INVALID, "x a")]),
    (
        "neither parses: both, methods first",
        '"PUT"',
        "(x)",
        [Failure(Step.ALLOW_METHODS_INVALID, '"PUT"'), Failure(Step.ALLOW_HEADERS_INVALID, "(x)")],
    ),
    (
        "what parses is still checked",
        "PUT POST",
        "x-b",
        [Failure(Step.ALLOW_METHODS_INVALID, "PUT POST"), Failure(Step.HEADER, "x-a")],
    ),
    ("a wildcard does not mend a list", "*, a b", "*", [Failure(Step.ALLOW_METHODS_INVALID, "*, a b")]),
)
def test_preflight_lists_that_do_not_parse(methods: str, names: str, failures: list[Failure]) -> None:
    answer = response(204, *GOOD, f"{ALLOW_METHODS}: {methods}", f"{ALLOW_HEADERS}: {names}")
    asked = PreflightRequest(PAGE, "PUT", ("x-a",))
    assert list(preflight_failures(asked, NOT_INCLUDE, answer)) == failures


def test_every_failure_comes_in_the_standards_order() -> None:
    asked = PreflightRequest(PAGE, "PUT", ("authorization", "x-a"))
    answer = response(404, f"{ALLOW_ORIGIN}: *", f"{ALLOW_METHODS}: GET", f"{ALLOW_HEADERS}: *")
    failures = [
        Failure(WILDCARD, "*"),
        Failure(CREDENTIALS),
        Failure(Step.STATUS, "404"),
        Failure(Step.METHOD, "PUT"),
        Failure(Step.HEADER, "authorization"),
        Failure(Step.HEADER, "x-a"),
    ]
    assert list(preflight_failures(asked, INCLUDE, answer)) == failures
    assert preflight_check(asked, INCLUDE, answer) == failures[0]
    assert list(preflight_failures(asked, NOT_INCLUDE, answer)) == [*failures[2:4], NON_WILDCARD]


# --- Access-Control-Request-Headers ------------------------------------------------------------------------------


@table(
    "lines, names",
    ("absent", [], ()),
    ("as browsers write it", ["content-type,x-a"], ("content-type", "x-a")),
    ("with spaces that something put in", [" content-type , x-a "], ("content-type", "x-a")),
    ("split over lines", ["b", "a"], ("b", "a")),
    ("in upper case", ["X-A"], ("x-a",)),
    ("twice", ["x-a,X-A"], ("x-a",)),
    ("empty elements", [",,x-a,"], ("x-a",)),
    ("empty", [""], ()),
    ("what is no token stays, since no list can have it", ["x a,b"], ("x a", "b")),
)
def test_requested_header_names(lines: list[str], names: tuple[str, ...]) -> None:
    assert requested_header_names(headers(*(f"Access-Control-Request-Headers: {line}" for line in lines))) == names


# --- exposed headers ---------------------------------------------------------------------------------------------

SAFE = {"cache-control", "content-type"}
SENT = ("Cache-Control: x", "Content-Type: x", "ETag: x", "X-A: x", "Set-Cookie: x", "*: x")


@table(
    "lines, without, included",
    ("no list: the safelisted ones", [], SAFE, SAFE),
    ("an empty list", [""], SAFE, SAFE),
    ("listed, in any case", ["etag, X-a"], SAFE | {"etag", "x-a"}, SAFE | {"etag", "x-a"}),
    ("on two lines", ["ETag", "X-A"], SAFE | {"etag", "x-a"}, SAFE | {"etag", "x-a"}),
    ("the wildcard is a name where credentials are included", ["*"], SAFE | {"etag", "x-a", "*"}, SAFE | {"*"}),
    ("the wildcard beside a name", ["*, ETag"], SAFE | {"etag", "x-a", "*"}, SAFE | {"etag", "*"}),
    ("a list that does not parse exposes nothing", ["ETag; X-A"], SAFE, SAFE),
    ("not even what another line lists", ["ETag", "X A"], SAFE, SAFE),
    ("cookies never", ["Set-Cookie"], SAFE, SAFE),
    ("what was not sent cannot be read", ["X-B"], SAFE, SAFE),
)
def test_exposed_header_names(lines: list[str], without: set[str], included: set[str]) -> None:
    # The list's own header would be among those that the wildcard exposes.
    own = {"access-control-expose-headers"} if lines and "*" in lines[0] else set()
    listed = headers(*SENT, *(f"Access-Control-Expose-Headers: {line}" for line in lines))
    assert exposed_header_names(NOT_INCLUDE, listed) == without | own
    assert exposed_header_names(INCLUDE, listed) == included


# --- what always holds -------------------------------------------------------------------------------------------

origins = st.sampled_from([PAGE, "null", "http://app.test", "https://other.test", "*", ""])
methods = st.sampled_from(["GET", "POST", "PUT", "put", "patch", "PATCH", "*", "DELETE"])
name_tuples = st.lists(
    st.sampled_from(["authorization", "content-type", "x-a", "x-b", "*", "accept"]), max_size=3, unique=True
).map(tuple)
modes = st.sampled_from(BOTH_MODES)
statuses = st.sampled_from([200, 204, 299, 199, 300, 302, 304, 404, 500, 0])

_origin_values = st.one_of(
    st.sampled_from(
        [
            PAGE,
            f" {PAGE}\t",
            "*",
            " *",
            "null",
            "",
            "**",
            f"{PAGE}/",
            f"{PAGE}:443",
            "HTTPS://app.test",
            "https://app.test.",
        ]
    ),
    st.tuples(
        st.sampled_from([PAGE, "*", "null"]), st.sampled_from([",", ", ", " "]), st.sampled_from([PAGE, "*", ""])
    ).map("".join),
)
_credentials_values = st.sampled_from(
    ["true", " true ", "True", "TRUE", "", "false", "1", "true,", "true, true", "tru\xe9"]
)
_GOOD_ELEMENTS = "PUT put Patch patch GET * x-a X-A x-b Authorization authorization Content-Type"
_BAD_ELEMENTS = ["", "x a", "PUT;", '"PUT"', "\x0bPUT", "PUT\r\n x", "\xe9", "**"]
_elements = st.sampled_from([*_GOOD_ELEMENTS.split(), *_BAD_ELEMENTS])
_list_values = st.lists(_elements, max_size=5).flatmap(
    lambda elements: st.sampled_from([",", ", ", "\t,", ",,"]).map(lambda comma: comma.join(elements))
)


def _lines(name: str, values: st.SearchStrategy[str]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """No line mostly, or one, or seldom two; the name in any case."""
    names = st.sampled_from([name, name.lower(), name.upper()])
    return st.lists(st.tuples(names, values), max_size=2)


@st.composite
def responses(draw: st.DrawFn) -> Response:
    lines = [
        *draw(_lines(ALLOW_ORIGIN, _origin_values)),
        *draw(_lines(ALLOW_CREDENTIALS, _credentials_values)),
        *draw(_lines(ALLOW_METHODS, _list_values)),
        *draw(_lines(ALLOW_HEADERS, _list_values)),
    ]
    return Response(draw(statuses), HeaderList(draw(st.permutations(lines))))


@st.composite
def passing_origin(draw: st.DrawFn) -> Response:
    """Mostly good answers, so that the later steps are reached."""
    answer = draw(responses())
    lines = [
        line for line in answer.headers if line[0].lower() not in (ALLOW_ORIGIN.lower(), ALLOW_CREDENTIALS.lower())
    ]
    return Response(204, HeaderList([*lines, (ALLOW_ORIGIN, PAGE), (ALLOW_CREDENTIALS, "true")]))


questions = st.builds(PreflightRequest, origins, methods, name_tuples)
answers = st.one_of(responses(), passing_origin())


def _fields(listed: HeaderList) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in listed]


PROSE = {
    MISSING: "no origin",
    WILDCARD: "origin",
    DIFFERS: "origin",
    CREDENTIALS: "credentials",
    Step.STATUS: "status",
    Step.ALLOW_METHODS_INVALID: "methods",
    Step.ALLOW_HEADERS_INVALID: "headers",
    Step.METHOD: "method",
    Step.NON_WILDCARD_HEADER: "non-wildcard header",
    Step.HEADER: "header",
}


@given(origins, modes, answers)
def test_cors_check_agrees_with_the_prose(origin: str, mode: CredentialsMode, answer: Response) -> None:
    result = cors_check(origin, mode, answer.headers)
    expected = by_the_prose.cors_check(origin.encode(), mode.value, _fields(answer.headers))
    assert ("success" if result is SUCCESS else PROSE[_step(result)]) == expected


@given(questions, modes, answers)
def test_preflight_check_agrees_with_the_prose(
    asked: PreflightRequest, mode: CredentialsMode, answer: Response
) -> None:
    result = preflight_check(asked, mode, answer)
    expected = by_the_prose.preflight_check(
        asked.origin.encode(), asked.method, asked.header_names, mode.value, answer.status, _fields(answer.headers)
    )
    if expected == "non-wildcard header":
        # The prose fails an unlisted Authorization before it looks at any other name; here it is among the names.
        failures = list(preflight_failures(asked, mode, answer))
        assert {failure.step for failure in failures} <= {Step.HEADER, Step.NON_WILDCARD_HEADER}
        assert "authorization" in [failure.value for failure in failures]
    else:
        assert ("success" if result is SUCCESS else PROSE[_step(result)]) == expected


def _step(result: object) -> Step:
    assert isinstance(result, Failure)
    return result.step


@given(questions, modes, answers)
def test_the_check_is_the_first_failure(asked: PreflightRequest, mode: CredentialsMode, answer: Response) -> None:
    failures = list(preflight_failures(asked, mode, answer))
    assert preflight_check(asked, mode, answer) == (failures[0] if failures else SUCCESS)
    order = [list(Step).index(failure.step) for failure in failures]
    assert order == sorted(order)
    assert len(failures) == len(set(failures))
    cors = list(cors_failures(asked.origin, mode, answer.headers))
    assert failures[: len(cors)] == cors


@given(questions, answers)
def test_what_passes_with_credentials_passes_without(asked: PreflightRequest, answer: Response) -> None:
    if cors_check(asked.origin, INCLUDE, answer.headers) is SUCCESS:
        assert cors_check(asked.origin, NOT_INCLUDE, answer.headers) is SUCCESS
    if preflight_check(asked, INCLUDE, answer) is SUCCESS:
        assert preflight_check(asked, NOT_INCLUDE, answer) is SUCCESS


@given(questions, answers)
def test_without_credentials_nothing_fails_that_would_not_with_them(asked: PreflightRequest, answer: Response) -> None:
    def conditions(mode: CredentialsMode) -> set[tuple[str, str | None]]:
        return {
            ("header" if failure.step is Step.NON_WILDCARD_HEADER else PROSE[failure.step], failure.value)
            for failure in preflight_failures(asked, mode, answer)
        }

    assert conditions(NOT_INCLUDE) <= conditions(INCLUDE)


@given(questions, answers)
def test_with_credentials_a_wildcard_changes_nothing(asked: PreflightRequest, answer: Response) -> None:
    if asked.method == "*" or "*" in asked.header_names:
        return
    more = dataclasses.replace(
        answer, headers=HeaderList([*answer.headers, (ALLOW_METHODS, "*"), (ALLOW_HEADERS, " , *")])
    )

    def conditions(judged: Response) -> list[Failure]:
        # The value that does not parse has become longer.
        return [
            dataclasses.replace(failure, value=None) if "INVALID" in failure.step.name else failure
            for failure in preflight_failures(asked, INCLUDE, judged)
        ]

    assert conditions(more) == conditions(answer)


@given(questions)
def test_without_credentials_wildcards_allow_all_but_authorization(asked: PreflightRequest) -> None:
    answer = response(204, f"{ALLOW_ORIGIN}: *", f"{ALLOW_METHODS}: *", f"{ALLOW_HEADERS}: *")
    assert cors_check(asked.origin, NOT_INCLUDE, answer.headers) is SUCCESS
    failures = list(preflight_failures(asked, NOT_INCLUDE, answer))
    assert failures == ([NON_WILDCARD] if "authorization" in asked.header_names else [])


def _instead(answer: Response, name: str, value: str) -> Response:
    lines = [line for line in answer.headers if line[0].lower() != name.lower()]
    return dataclasses.replace(answer, headers=HeaderList([*lines, (name, value)]))


@given(questions, modes, answers)
def test_the_needed_header_cures_its_failure_and_harms_nothing(
    asked: PreflightRequest, mode: CredentialsMode, answer: Response
) -> None:
    cures = [
        ({MISSING, WILDCARD, DIFFERS}, _instead(answer, ALLOW_ORIGIN, asked.origin)),
        ({CREDENTIALS}, _instead(answer, ALLOW_CREDENTIALS, "true")),
        ({Step.STATUS}, dataclasses.replace(answer, status=204)),
        ({Step.METHOD, Step.ALLOW_METHODS_INVALID}, _instead(answer, ALLOW_METHODS, asked.method)),
        (
            {Step.HEADER, Step.NON_WILDCARD_HEADER, Step.ALLOW_HEADERS_INVALID},
            _instead(answer, ALLOW_HEADERS, ", ".join(asked.header_names)),
        ),
    ]
    before = list(preflight_failures(asked, mode, answer))
    for steps, cured in cures:
        assert list(preflight_failures(asked, mode, cured)) == [
            failure for failure in before if failure.step not in steps
        ]


@given(modes, answers, st.lists(st.sampled_from(["ETag", "X-A", "Set-Cookie", "Content-Type", "*"])))
def test_exposure_only_grows(mode: CredentialsMode, answer: Response, names: list[str]) -> None:
    listed = HeaderList([*answer.headers, *((name, "x") for name in names)])
    exposed = exposed_header_names(mode, listed)
    more = exposed_header_names(mode, HeaderList([*listed, ("Access-Control-Expose-Headers", "ETag")]))
    assert exposed <= more
    assert more <= set(listed.names()) - {"set-cookie", "set-cookie2"}
    assert exposed_header_names(INCLUDE, listed) <= exposed_header_names(NOT_INCLUDE, listed)
