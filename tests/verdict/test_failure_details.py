"""From a failed check to what a person needs: near misses, evidence, and the header line that cures it."""

from collections.abc import Sequence

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from cors_addon.fetch.checks import PreflightRequest, preflight_failures
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import CredentialsMode, Response
from cors_addon.verdict import failure_details
from cors_addon.verdict.failure_details import (
    credentials_difference,
    inert,
    method_difference,
    needed_for,
    origin_difference,
    without_user_info,
)
from tests.fetch.table import table
from tests.traffic.exchanges import APP, ITEMS, allow, cors, lines_of, preflight
from tests.verdict.judging import BLOCKED, COOKIE, verdict_of


@table(
    "fragment, origin, value",
    ("null", "null is not the page's origin", APP, "null"),
    ("the page is null", "the page's origin is null", "null", APP),
    ("double quotes", "quotes around it", APP, f'"{APP}"'),
    ("single quotes", "quotes around it", APP, f"'{APP}'"),
    ("letter case", "letter case", APP, "https://App.test"),
    ("a slash", "a trailing slash", APP, f"{APP}/"),
    ("slashes", "a trailing slash", APP, f"{APP}//"),
    ("a path", "a path", APP, f"{APP}/app"),
    ("another host", "another host", APP, "https://else.test"),
    ("www. too much", "www.", APP, "https://www.app.test"),
    ("www. missing", "www.", "https://www.app.test", APP),
    ("the scheme", "http instead of https", APP, "http://app.test"),
    ("the port", "another port", APP, f"{APP}:8443"),
    ("the scheme and the port", "http instead of https, another port", "https://app.test:3000", "http://app.test:8080"),
    ("the scheme and its port", "http instead of https", APP, "http://app.test"),
    ("several things", "a path, another host, http instead of https", APP, "http://else.test/x"),
    ("the default port", "the default port written out", APP, f"{APP}:443"),
    ("another spelling", "another spelling of the same origin", APP, "https:app.test"),
    ("a host alone", "no scheme before the host", APP, "app.test"),
    ("host and port alone", "no scheme before the host", "http://app.test:3000", "app.test:3000"),
    ("nothing in common", "", APP, "**"),
    ("an app's page", "", "app://x", APP),
    ("too long to compare", "", APP, "https://" + "a" * 10_000),
)
def test_origin_difference(fragment: str, origin: str, value: str) -> None:
    assert origin_difference(origin, value) == fragment


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_two_origins_differ_somehow(origin: str, value: str) -> None:
    assert isinstance(origin_difference(origin, value), str)


@table(
    "fragment, value",
    ("missing", "", None),
    ("empty", "", ""),
    ("a capital", "letter case: only true in lower case counts", "True"),
    ("all capitals", "letter case: only true in lower case counts", "TRUE"),
    ("another word", "only true counts", "yes"),
)
def test_credentials_difference(fragment: str, value: str | None) -> None:
    assert credentials_difference(value) == fragment


@table(
    "fragment, method, listed",
    ("another case", "patch is listed: methods are compared with their letter case", "PATCH", ["GET", "patch"]),
    ("the other way", "PATCH is listed: methods are compared with their letter case", "patch", ["PATCH"]),
    ("not near", "", "PUT", ["GET", "POST"]),
    ("nothing", "", "PUT", []),
)
def test_method_difference(fragment: str, method: str, listed: list[str]) -> None:
    assert method_difference(method, listed) == fragment


@table(
    "shown, text",
    ("as it is", "https://app.test/é", "https://app.test/é"),
    ("control characters", "a\\x00\\r\\n\\x1b[2Jb", "a\x00\r\n\x1b[2Jb"),
    ("what turns text around", "\\u202eabc", "\u202eabc"),
    ("the middle of a long text", "x" * 80 + "..." + "x" * 40, "x" * 1000),
)
def test_inert(shown: str, text: str) -> None:
    assert inert(text) == shown


@given(st.integers(0, 400), st.integers(1, 400), st.integers(12, 300))
def test_no_end_of_a_secret_stands_where_its_name_was_cut_off(before: int, length: int, limit: int) -> None:
    url = f"https://api.test/?a={'p' * before}&token={'s3cr3t!' * length}"
    assert "cr3t" not in inert(url, limit) or len(url) <= limit


@given(st.text(), st.integers(40, 300))
def test_inert_is_inert_and_short(text: str, limit: int) -> None:
    shown = inert(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert inert(shown, limit) == shown


@table(
    "shown, url",
    ("user name and password", "https://...@app.test/x", "https://user:pw@app.test/x"),
    ("without a scheme", "//...@app.test/x", "//user:pw@app.test/x"),
    ("an @ in the path", "https://app.test/a@b", "https://app.test/a@b"),
    ("an @ in the query", "https://app.test?a@b", "https://app.test?a@b"),
    ("nobody", "https://@app.test/", "https://@app.test/"),
    ("an @ in the password", "https://...@app.test/", "https://user:p@w@app.test/"),
    ("no authority", "mailto:a@b", "mailto:a@b"),
)
def test_without_user_info(shown: str, url: str) -> None:
    assert without_user_info(url) == shown


# --- what is needed ------------------------------------------------------------------------------------------------


def needed(
    *answer: str, line: str = f"PUT {ITEMS}", names: Sequence[str] = ("x-a",), origin: str = APP
) -> list[str | None]:
    verdict = verdict_of(preflight(line, *names, origin=origin, answer=answer))
    return [finding.needed for finding in verdict.findings]


@table(
    "lines, answer",
    (
        "nothing there",
        [
            "Access-Control-Allow-Origin: https://app.test",
            "Access-Control-Allow-Methods: PUT",
            "Access-Control-Allow-Headers: x-a",
        ],
        (),
    ),
    ("what is listed stays", ["Access-Control-Allow-Methods: GET, PUT"], allow(methods="GET", names="x-a")),
    ("in its own case", ["Access-Control-Allow-Headers: X-B, x-a"], allow(methods="PUT", names="X-B")),
    (
        "a list that does not parse is mended",
        ["Access-Control-Allow-Methods: GET, PUT"],
        allow(methods="GET PUT", names="x-a"),
    ),
    (
        "quotes are taken off",
        ["Access-Control-Allow-Headers: X-B, x-a"],
        allow(methods="PUT", names='"X-B", "X A"'.replace('"X A"', '"x-a"')),
    ),
    ("parameters too", ["Access-Control-Allow-Headers: x-b, x-a"], allow(methods="PUT", names="x-b;q=1")),
    ("garbage goes", ["Access-Control-Allow-Methods: PUT"], allow(methods="<methods>", names="x-a")),
)
def test_needed_lines(lines: list[str], answer: Sequence[str]) -> None:
    assert needed(*answer) == lines


def test_a_status_is_cured_by_no_header() -> None:
    verdict = verdict_of(preflight(f"PUT {ITEMS}", status=404, answer=allow(methods="PUT")))
    assert [finding.needed for finding in verdict.findings] == [None]


def test_a_wildcard_gives_way_to_a_list_where_credentials_are_included() -> None:
    storage = ["Sec-Fetch-Storage-Access: none"]
    asked = preflight(
        f"PUT {ITEMS}", "x-a", "x-b", lines=storage, answer=allow(credentials=True, methods="*", names="*, X-C")
    )
    assert [finding.needed for finding in verdict_of(asked).findings] == [
        "Access-Control-Allow-Methods: PUT",
        "Access-Control-Allow-Headers: X-C, x-a, x-b",
        "Access-Control-Allow-Headers: X-C, x-a, x-b",
    ]


def test_naming_null_is_never_advised() -> None:
    assert needed(origin="null")[0] == "Access-Control-Allow-Origin: *"
    verdict = verdict_of(cors(f"GET {ITEMS}", COOKIE, origin="null", answer=allow("*")))
    assert "null" not in str([finding.needed for finding in verdict.findings])


def test_everybody_is_not_advised_to_a_page_without_a_name_that_sends_credentials() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", COOKIE, origin="null"))
    missing = next(finding for finding in verdict.findings if finding.id == "allow-origin-missing")
    assert missing.needed is None


def test_what_could_not_be_sent_is_not_advised() -> None:
    assert needed(names=[f"x-{number:0100}" for number in range(200)], origin="https://a\x01b.test") == [
        None,
        "Access-Control-Allow-Methods: PUT",
        *[None] * 20,
    ]


ORIGINS = st.sampled_from([APP, "http://localhost:3000", "app://x"])
ALLOWED_ORIGINS = st.none() | st.sampled_from(["*", "null", "", APP, f"{APP}/", "https://else.test", f"{APP}, x"])
LISTS = st.none() | st.sampled_from(
    [
        "",
        "*",
        "PUT",
        "GET",
        "put",
        "x-a",
        "X-A, x-b",
        "authorization",
        "*, authorization",
        "PUT x",
        "(",
        '"x-a"',
        "x-a;q=1",
        ",,",
    ]
)


@given(
    origin=ORIGINS,
    method=st.sampled_from(["GET", "POST", "PUT", "patch"]),
    names=st.lists(st.sampled_from(["x-a", "x-b", "authorization"]), unique=True),
    allow_origin=ALLOWED_ORIGINS,
    credentials=st.none() | st.sampled_from(["true", "True", ""]),
    methods=LISTS,
    allowed_names=LISTS,
    mode=st.sampled_from(CredentialsMode),
)
def test_what_is_needed_is_enough(
    origin: str,
    method: str,
    names: list[str],
    allow_origin: str | None,
    credentials: str | None,
    methods: str | None,
    allowed_names: str | None,
    mode: CredentialsMode,
) -> None:
    """Applying what every failure needs leaves no failure."""
    lines = [
        ("Access-Control-Allow-Origin", allow_origin),
        ("Access-Control-Allow-Credentials", credentials),
        ("Access-Control-Allow-Methods", methods),
        ("Access-Control-Allow-Headers", allowed_names),
    ]
    headers = HeaderList([(name, value) for name, value in lines if value is not None])
    asked = PreflightRequest(origin, method, tuple(sorted(names)))
    failures = [*preflight_failures(asked, mode, Response(204, headers))]
    assume(failures)
    for failure in failures:
        line = needed_for(failure, origin, headers, failures, asked)
        assert line is not None
        name, _, value = line.partition(": ")
        headers = HeaderList([*(each for each in headers if each[0] != name), (name, value)])
    assert [*preflight_failures(asked, mode, Response(204, headers))] == []


@pytest.mark.parametrize("cookie", [(), (COOKIE,)], ids=["default", "with credentials"])
@table(
    "answer",
    ("nothing", []),
    ("another origin", allow("https://else.test")),
    ("a star", ["Access-Control-Allow-Credentials: no", *allow("*")]),
    ("two", [*allow(), *allow()]),
    ("an empty one", ["Access-Control-Allow-Origin:"]),
)
def test_a_response_with_what_is_needed_is_allowed(answer: list[str], cookie: tuple[str, ...]) -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", *cookie, answer=answer))
    assert verdict.findings
    mended = [*answer]
    for finding in verdict.findings:
        assert finding.needed is not None
        name = finding.needed.partition(":")[0]
        mended = [*(line for line in mended if not line.startswith(f"{name}:")), finding.needed]
    again = verdict_of(cors(f"GET {ITEMS}", *cookie, answer=mended))
    assert again.findings == ()
    assert all(view.outcome.value == "allowed" for view in again.views.values())


# --- evidence ------------------------------------------------------------------------------------------------------


def test_evidence_is_what_was_read_together() -> None:
    verdict = verdict_of(preflight(f"PUT {ITEMS}", "x-a", answer=allow("https://else.test", methods="GET")))
    told = {
        finding.id: [(line.side, line.name, line.value) for line in finding.evidence] for finding in verdict.findings
    }
    assert told == {
        "allow-origin-mismatch": [
            ("request", "Origin", APP),
            ("response", "Access-Control-Allow-Origin", "https://else.test"),
        ],
        "method-not-allowed": [
            ("request", "Access-Control-Request-Method", "PUT"),
            ("response", "Access-Control-Allow-Methods", "GET"),
        ],
        "header-not-allowed": [
            ("request", "Access-Control-Request-Headers", "x-a"),
            ("response", "Access-Control-Allow-Headers", None),
        ],
    }


def test_a_cookie_is_evidence_and_not_shown() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", COOKIE, answer=allow()))
    assert [(line.name, line.value) for line in verdict.findings[0].evidence] == [
        ("Cookie", "(not shown)"),
        ("Access-Control-Allow-Credentials", None),
    ]


def test_near_misses_are_in_the_message() -> None:
    for answer, words in (
        (allow(f"{APP}/"), "(a trailing slash)"),
        (["Access-Control-Allow-Origin: app.test"], "(no scheme before the host)"),
        (allow(methods="put"), "methods are compared with their letter case"),
    ):
        verdict = verdict_of(preflight(f"PUT {ITEMS}", answer=answer))
        assert verdict.outcome is BLOCKED
        assert words in verdict.findings[0].message


def test_every_failed_step_has_a_violation_and_words() -> None:
    headers = lines_of(allow("*", names="*"))
    for mode in CredentialsMode:
        asked = PreflightRequest(APP, "PUT", ("authorization", "x-a"))
        for failure in preflight_failures(asked, mode, Response(500, headers)):
            assert failure_details.violation_id(failure, headers)
            assert set(failure_details.params_of(failure, APP, headers)) == {
                "origin",
                "value",
                "status",
                "method",
                "name",
            }
