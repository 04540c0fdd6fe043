"""From an exchange and what is known around it to a verdict."""

from collections.abc import Sequence

import pytest

from cors_addon.catalogue.violation import Severity, Stage
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.traffic.exchange import Exchange
from cors_addon.verdict.model import Judge, Outcome
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, metadata, preflight
from tests.verdict.judging import (
    ALLOWED,
    BLOCKED,
    CHROMIUM,
    CONDITIONAL,
    COOKIE,
    FIREFOX,
    NOT_CORS,
    SPEC,
    UNKNOWN,
    WEBKIT,
    errors,
    ids,
    outcomes,
    verdict_of,
)

OTHER = "https://other.test"
HTTP_APP, HTTP_API = "http://app.test", "http://api.test"


# --- the credentials mode ------------------------------------------------------------------------------------------


def test_where_nothing_speaks_for_credentials_the_default_decides() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", answer=allow("*")))
    assert verdict.outcome is ALLOWED
    assert ids(verdict) == []
    asked = verdict_of(preflight(f"PUT {ITEMS}", answer=allow("*", methods="*")))
    assert asked.outcome is ALLOWED
    assert (asked.credentials.mode, asked.credentials.assumed) == ("not-include", True)


@table(
    "outcome, error, lines, answer",
    ("known to be included", BLOCKED, "WildcardOriginNotAllowed", (COOKIE,), allow("*")),
    ("fails either way", BLOCKED, "MissingAllowOriginHeader", (), ["Access-Control-Allow-Credentials: false"]),
    (
        "hangs on them",
        CONDITIONAL,
        "WildcardOriginNotAllowed",
        (),
        ["Access-Control-Allow-Credentials: false", *allow("*")],
    ),
    ("passes either way", ALLOWED, None, (), allow(credentials=True)),
)
def test_the_three_values(outcome: Outcome, error: str | None, lines: Sequence[str], answer: list[str]) -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", *lines, answer=answer))
    assert verdict.outcome is outcome
    assert verdict.views[CHROMIUM].error == error
    severities = {finding.severity for finding in verdict.findings}
    assert severities <= ({Severity.BLOCKED, Severity.CONDITIONAL} if outcome is BLOCKED else {Severity.CONDITIONAL})


def test_what_fails_under_one_mode_only_says_so_beside_what_fails_under_both() -> None:
    answer = ["Access-Control-Allow-Origin: https://else.test", "Access-Control-Allow-Credentials: no"]
    verdict = verdict_of(cors(f"GET {ITEMS}", answer=answer))
    assert verdict.outcome is BLOCKED
    assert [(finding.id, finding.severity) for finding in verdict.findings] == [
        ("allow-origin-mismatch", Severity.BLOCKED),
        ("allow-credentials-not-true", Severity.CONDITIONAL),
    ]


def test_contradictions_leave_it_open() -> None:
    asked = preflight(f"PUT {ITEMS}", answer=allow("*", methods="PUT"))
    verdict = verdict_of(asked, cors(f"PUT {ITEMS}", COOKIE, id="put", at=1, answer=allow("*")))
    assert verdict.outcome is CONDITIONAL
    assert verdict.credentials.contradicted
    assert {mode for mode, *_ in verdict.credentials.evidence} == {"include", "not-include"}


def test_evidence_is_not_weighed_where_nothing_hangs_on_it() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", COOKIE, answer=allow(credentials=True)))
    assert verdict.credentials.evidence == ()


# --- what may be no CORS request at all ----------------------------------------------------------------------------


@table(
    "outcome, answer",
    ("refused if it is a fetch()", CONDITIONAL, []),
    ("even where the server speaks CORS: it would to a beacon too", CONDITIONAL, allow("https://else.test")),
    ("fine in any case", ALLOWED, allow(HTTP_APP)),
)
def test_a_post_over_plain_http_may_be_a_beacon(outcome: Outcome, answer: list[str]) -> None:
    found = cors(f"POST {HTTP_API}/", "Content-Type: text/plain;charset=UTF-8", origin=HTTP_APP, answer=answer)
    verdict = verdict_of(found)
    assert verdict.outcome is outcome
    assert {each.severity for each in verdict.findings} <= {Severity.CONDITIONAL}


def test_a_beacon_with_a_cookie_to_a_server_that_allows_everybody_is_no_block() -> None:
    found = cors(f"POST {HTTP_API}/", COOKIE, origin=HTTP_APP, answer=allow("*"))
    assert verdict_of(found).outcome is CONDITIONAL


def test_with_a_preflight_it_is_certain() -> None:
    answer = allow(HTTP_APP)
    asked = preflight(f"POST {HTTP_API}/", id="p", origin=HTTP_APP, answer=answer)
    assert verdict_of(asked, cors(f"POST {HTTP_API}/", id="r", at=0.2, origin=HTTP_APP)).outcome is BLOCKED


def test_a_put_that_hides_its_origin_may_be_at_home() -> None:
    found = cors(f"PUT {HTTP_API}/", id="r", at=0.2, origin="null", browser="firefox")
    assert verdict_of(found).outcome is CONDITIONAL
    asked = preflight(f"PUT {HTTP_API}/", id="p", origin="null", browser="firefox", answer=allow("null", methods="PUT"))
    assert verdict_of(asked, found).outcome is BLOCKED


@table(
    "error, answer, status",
    ("no access is asked for", None, ["Access-Control-Allow-Methods: PUT"], 204),
    ("nor looked at", None, allow("https://else.test", methods="PUT"), 204),
    ("several lines neither", None, [*allow(APP), *allow("*", methods="PUT")], 204),
    ("the status is", "CORSPreflightDidNotSucceed", allow(methods="PUT"), 403),
    ("the methods are", "CORSMethodNotFound", allow(), 204),
    ("a star of theirs covers no credentials", "CORSMethodNotFound", allow(methods="*", credentials=True), 204),
    ("a redirect is", "CORSExternalRedirectNotAllowed", ["Location: https://else.test/"], 301),
)
@table("browser", ("in Firefox", "firefox"), ("as nobody else does", "chromium"))
def test_a_preflight_to_the_pages_own_server(browser: str, error: str | None, answer: list[str], status: int) -> None:
    """A redirect from elsewhere leads there; only Firefox asks in the page's own name."""
    told = ("Sec-Fetch-Storage-Access: none",)
    asked = preflight(f"PUT {APP}/a", lines=told, status=status, answer=answer, browser=browser)
    verdict = verdict_of(asked)
    assert verdict.views[FIREFOX].error == error
    assert verdict.views[FIREFOX].outcome is (BLOCKED if error else ALLOWED)
    assert verdict.views[CHROMIUM].outcome is verdict.views[SPEC].outcome is BLOCKED
    assert verdict.outcome is verdict.views[FIREFOX if browser == "firefox" else CHROMIUM].outcome


@table(
    "outcome, method",
    ("a POST may be a beacon that was sent on", CONDITIONAL, "POST"),
    ("a PUT at home is not sent elsewhere", BLOCKED, "PUT"),
)
def test_a_redirect_that_makes_the_origin_opaque(outcome: Outcome, method: str) -> None:
    answer = [*allow(HTTP_APP), "Location: http://third.test/"]
    hop = cors(f"{method} {HTTP_API}/", id="hop", origin=HTTP_APP, status=307, answer=answer, browser="firefox")
    found = cors(f"{method} http://third.test/", id="r", at=0.2, origin="null", browser="firefox")
    assert verdict_of(hop, found).outcome is outcome


@table(
    "outcome, found",
    ("an image", NOT_CORS, exchange(f"GET {ITEMS}", *metadata("no-cors", "cross-site", "image"))),
    ("a page", NOT_CORS, exchange(f"GET {ITEMS}", *metadata("navigate", "none", "document"))),
    ("at home, Origin or not", NOT_CORS, exchange(f"POST {ITEMS}", f"Origin: {API}", *metadata("cors", "same-origin"))),
    ("a form", NOT_CORS, exchange(f"POST {ITEMS}", f"Origin: {APP}", *metadata("navigate", "cross-site", "document"))),
    ("a beacon", NOT_CORS, exchange(f"POST {ITEMS}", f"Origin: {APP}", *metadata("no-cors", "cross-site"))),
    ("a WebSocket", NOT_CORS, exchange(f"GET {ITEMS}", f"Origin: {APP}", "Upgrade: websocket", status=101)),
    ("curl", NOT_CORS, exchange(f"GET {ITEMS}", f"Origin: {APP}", browser="curl/8")),
    ("Node's fetch()", NOT_CORS, exchange(f"POST {ITEMS}", f"Origin: {APP}", "Sec-Fetch-Mode: cors", browser="node")),
    ("a report", NOT_CORS, exchange(f"POST {ITEMS}", f"Origin: {APP}", "Content-Type: application/reports+json")),
    ("an extension", UNKNOWN, cors(f"GET {ITEMS}", origin="chrome-extension://abc")),
    ("the browser's own", UNKNOWN, exchange(f"GET {ITEMS}", *metadata("cors", "none"))),
    ("without its Origin", UNKNOWN, exchange(f"GET {ITEMS}", *metadata("cors", "cross-site"))),
    (
        "with two of them",
        UNKNOWN,
        exchange(f"GET {ITEMS}", f"Origin: {APP}", f"Origin: {API}", *metadata("cors", "cross-site")),
    ),
)
def test_what_cors_does_not_judge(outcome: Outcome, found: Exchange) -> None:
    verdict = verdict_of(found, audit=True)
    assert {*outcomes(verdict).values()} == {outcome}
    assert errors(verdict) == (None, None)
    assert verdict.reason


UPGRADING = "Content-Security-Policy: default-src *; Upgrade-Insecure-Requests"


@table(
    "outcome, page_line, origin, more",
    ("the page upgrades, and the host is its own", CONDITIONAL, UPGRADING, HTTP_APP, {}),
    ("the page does not upgrade", BLOCKED, "X-A: 1", HTTP_APP, {}),
    ("it only reports", BLOCKED, UPGRADING.replace("Policy:", "Policy-Report-Only:"), HTTP_APP, {}),
    ("another page", BLOCKED, UPGRADING, "http://else.test", {}),
    ("another host", BLOCKED, UPGRADING, HTTP_APP, {"line": "GET https://api.test/data"}),
)
@pytest.mark.parametrize("late", [False, True], ids=["page first", "page last"])
def test_firefox_does_not_check_what_it_upgraded_itself(
    outcome: Outcome, page_line: str, origin: str, more: dict[str, str], late: bool
) -> None:
    """What a page's http becomes by its policy looks like a call to https, which is checked."""
    page = exchange(f"GET {HTTP_APP}/", "Accept: text/html", id="page", answer=[page_line], browser="firefox")
    data = cors(more.get("line", "GET https://app.test/data"), id="r", at=1, origin=origin, browser="firefox")
    verdict = judge_all([data, page] if late else [page, data])["r"]
    assert outcomes(verdict) == {CHROMIUM: BLOCKED, FIREFOX: outcome, WEBKIT: BLOCKED, SPEC: BLOCKED}
    assert any("upgraded to https" in note for note in verdict.notes) is (outcome is CONDITIONAL)


def test_what_had_a_preflight_was_not_upgraded() -> None:
    page = exchange(f"GET {HTTP_APP}/", "Accept: text/html", id="page", answer=[UPGRADING], browser="firefox")
    url = "PUT https://app.test/data"
    asked = preflight(url, id="p", at=1, origin=HTTP_APP, browser="firefox", answer=allow(HTTP_APP, methods="PUT"))
    data = cors(url, id="r", at=1.2, origin=HTTP_APP, browser="firefox")
    assert judge_all([page, asked, data])["r"].views[FIREFOX].outcome is BLOCKED


def test_a_challenge_that_the_browser_answered_itself_was_not_checked() -> None:
    first = cors(f"GET {ITEMS}", id="1", status=401, answer=["WWW-Authenticate: Basic realm=x"])
    second = cors(f"GET {ITEMS}", "Authorization: Basic dTpw", id="2", at=0.2, answer=allow(credentials=True))
    assert judge_all([first])["1"].outcome is BLOCKED
    verdicts = judge_all([first, second])
    assert (verdicts["1"].outcome, verdicts["2"].outcome) == (NOT_CORS, ALLOWED)
    assert "answered the challenge" in verdicts["1"].reason


# --- no usable response --------------------------------------------------------------------------------------------


@table(
    "reason, found",
    ("not yet there", "no response yet", cors(f"GET {ITEMS}", status=None)),
    ("a capture without it", "holds no response", cors(f"GET {ITEMS}", status=0)),
    ("an interim response", "interim", cors(f"GET {ITEMS}", status=103, answer=allow())),
    ("the page was closed", "gave the request up", cors(f"GET {ITEMS}", error="Client disconnected.")),
)
def test_where_there_is_nothing_to_judge(reason: str, found: Exchange) -> None:
    if found.response is None and found.error is None:
        assert judge_all([found]) == {}
        return
    verdict = verdict_of(found)
    assert verdict.outcome is UNKNOWN
    assert reason in verdict.reason
    assert verdict.findings == ()


@pytest.mark.parametrize("error", ["[Errno 111] Connection refused", "TLS handshake failed", ""])
def test_a_failure_of_the_proxy_is_told_as_what_it_is(error: str) -> None:
    """The browser gets the proxy's page, and that has no CORS headers: it blames those."""
    verdict = verdict_of(cors(f"GET {ITEMS}", error=error))
    assert verdict.outcome is BLOCKED
    assert ids(verdict) == ["network-error"]
    assert errors(verdict) == ("MissingAllowOriginHeader", "CORSMissingAllowOrigin")
    assert verdict.findings[0].needed is None
    asked = verdict_of(preflight(f"PUT {ITEMS}", error=error))
    assert errors(asked) == ("PreflightMissingAllowOriginHeader", "CORSMissingAllowOrigin")
    assert ids(asked) == ["network-error"]


def test_a_failure_of_what_cors_does_not_judge_is_none_of_ours() -> None:
    verdict = verdict_of(exchange(f"GET {ITEMS}", *metadata("no-cors", "cross-site", "image"), error="refused"))
    assert (verdict.outcome, ids(verdict)) == (NOT_CORS, [])


@pytest.mark.parametrize("status", [200, 201, 204, 206, 299, 400, 401, 403, 404, 407, 429, 500, 502, 503, 599, 600])
def test_any_status_may_be_read_with_the_right_headers(status: int) -> None:
    assert verdict_of(cors(f"GET {ITEMS}", status=status, answer=allow())).outcome is ALLOWED
    verdict = verdict_of(cors(f"GET {ITEMS}", status=status))
    assert (verdict.outcome, ids(verdict)) == (BLOCKED, ["allow-origin-missing"])


# --- redirects -----------------------------------------------------------------------------------------------------


def home(request: str, *lines: str, mode: str = "cors", **more: object) -> Exchange:
    """A request to the page's own origin."""
    return exchange(request, *metadata(mode, "same-origin"), f"Referer: {APP}/", *lines, **more)  # type: ignore[arg-type]


def redirect(target: str, *lines: str) -> dict[str, object]:
    return {"status": 302, "answer": [f"Location: {target}", *lines]}


@table(
    "outcome, names, found, target",
    ("to another origin", ALLOWED, (None, None), [], f"{OTHER}/"),
    ("empty user name and password are none", ALLOWED, (None, None), [], "https://:@other.test/"),
    ("an @ in the path is none", ALLOWED, (None, None), [], f"{OTHER}/@x"),
    (
        "a user name",
        BLOCKED,
        ("RedirectContainsCredentials", None),
        ["redirect-url-credentials"],
        "https://u@other.test/",
    ),
    (
        "a password alone",
        BLOCKED,
        ("RedirectContainsCredentials", None),
        ["redirect-url-credentials"],
        "https://:p@other.test/",
    ),
    (
        "on its own host too, where CORS has begun",
        BLOCKED,
        ("RedirectContainsCredentials", None),
        ["redirect-url-credentials"],
        "https://u:p@api.test/",
    ),
    (
        "a scheme that is none of the web's is no CORS failure of this hop",
        ALLOWED,
        (None, None),
        ["redirect-scheme"],
        "ftp://api.test/",
    ),
    ("data", ALLOWED, (None, None), ["redirect-scheme"], "data:,x"),
    ("what does not parse", ALLOWED, (None, None), ["redirect-scheme"], "http://[/"),
)
def test_where_a_redirect_leads(
    outcome: Outcome, names: tuple[str | None, str | None], found: list[str], target: str
) -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", **redirect(target, *allow())))  # type: ignore[arg-type]
    assert verdict.outcome is outcome
    assert errors(verdict) == names
    assert ids(verdict) == found
    assert verdict.stage is Stage.REDIRECT


def test_the_check_of_the_hop_comes_before_where_it_leads() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", **redirect("https://u:p@other.test/")))  # type: ignore[arg-type]
    assert errors(verdict) == ("MissingAllowOriginHeader", "CORSMissingAllowOrigin")
    assert ids(verdict) == ["allow-origin-missing", "redirect-url-credentials"]


SECRET = "s3cr3t" * 60


@table(
    "found",
    ("where a chain ends", cors(f"GET {ITEMS}", **redirect(f"https://u@other.test/?token={SECRET}", *allow()))),  # type: ignore[arg-type]
    (
        "a preflight's redirect",
        preflight(f"PUT {ITEMS}", status=301, answer=[f"Location: /login?access_token={SECRET}", *allow()]),
    ),
    (
        "bound to its origin",
        home(f"GET {APP}/w.js", mode="same-origin", **redirect(f"{OTHER}/?code={SECRET}")),  # type: ignore[arg-type]
    ),
)
def test_where_a_long_url_is_cut_no_end_of_a_secret_stays(found: Exchange) -> None:
    verdict = verdict_of(found)
    assert verdict.findings
    shown = [finding.message for finding in verdict.findings]
    shown += [line.value or "" for finding in verdict.findings for line in finding.evidence]
    assert "REDACTED" in " ".join(shown)
    assert "cr3t" not in " ".join(shown)


@pytest.mark.parametrize("status", [200, 300, 304, 305, 306])
def test_a_location_without_a_redirect_leads_nowhere(status: int) -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", status=status, answer=["Location: ftp://x/", *allow()]))
    assert (verdict.outcome, ids(verdict), verdict.stage) == (ALLOWED, [], Stage.RESPONSE)


def test_a_redirect_without_location_is_a_response() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", status=302, answer=allow()))
    assert (verdict.outcome, verdict.stage) == (ALLOWED, Stage.RESPONSE)


@table(
    "outcome, found, target, mode",
    ("a user name leads away from home", BLOCKED, ["redirect-url-credentials"], "https://u:p@other.test/", "cors"),
    ("but may be used at home", NOT_CORS, [], "https://u:p@app.test/", "cors"),
    ("another origin", NOT_CORS, [], f"{OTHER}/", "cors"),
    ("what may not leave home", NOT_CORS, ["mode-same-origin"], f"{OTHER}/", "same-origin"),
    ("nor with a user name", NOT_CORS, ["mode-same-origin"], "https://u:p@other.test/", "same-origin"),
    ("and need not", NOT_CORS, [], "/b", "same-origin"),
    ("an image goes anywhere", NOT_CORS, [], "https://u:p@other.test/", "no-cors"),
    ("a page too", NOT_CORS, [], "https://u:p@other.test/", "navigate"),
)
def test_where_a_first_hop_at_home_leads(outcome: Outcome, found: list[str], target: str, mode: str) -> None:
    verdict = verdict_of(home(f"GET {APP}/a", mode=mode, **redirect(target)))
    assert (verdict.outcome, ids(verdict)) == (outcome, found)


def test_what_was_followed_was_no_obstacle() -> None:
    first = home(f"GET {APP}/a", id="a", **redirect("https://u:p@app.test/b"))  # type: ignore[arg-type]
    assert judge_all([first, home(f"GET {APP}/b", id="b", at=0.2)])["a"].outcome is NOT_CORS


@table(
    "outcome, found, followed, lines",
    ("nothing followed: not an image", CONDITIONAL, ["redirect-url-credentials"], False, ()),
    ("an image follows", NOT_CORS, [], True, ()),
    ("a page goes there", NOT_CORS, [], False, ("Accept: text/html",)),
)
def test_over_plain_http_only_silence_tells_what_a_first_hop_was(
    outcome: Outcome, found: list[str], followed: bool, lines: tuple[str, ...]
) -> None:
    own = f"Referer: {HTTP_APP}/"
    first = exchange(f"GET {HTTP_APP}/a", own, *lines, id="a", **redirect("http://u:p@other.test/b"))  # type: ignore[arg-type]
    later = exchange("GET http://other.test/b" if followed else f"GET {HTTP_APP}/else", own, id="b", at=0.3)
    much_later = exchange(f"GET {HTTP_APP}/", own, id="c", at=5)
    verdict = judge_all([first, later, much_later])["a"]
    assert (verdict.outcome, ids(verdict)) == (outcome, found)


def chain(length: int, *, answer: Sequence[str] = ()) -> list[Exchange]:
    return [
        cors(
            f"GET {API}/{hop}",
            id=str(hop),
            at=hop * 0.2,
            status=302,
            answer=[f"Location: /{hop + 1}", *allow(), *answer],
        )
        for hop in range(length)
    ]


def test_twenty_redirects_are_followed_and_the_next_is_not() -> None:
    verdicts = judge_all(chain(21))
    assert {verdict.outcome for id, verdict in verdicts.items() if id != "20"} == {ALLOWED}
    last = verdicts["20"]
    assert (last.outcome, ids(last)) == (BLOCKED, ["redirect-too-many"])
    assert errors(last) == (None, "CORSDidNotSucceed")


def test_a_page_that_is_sent_in_circles_by_a_failing_login_is_not_too_much() -> None:
    exchanges = []
    for number in range(30):
        exchanges.append(cors(f"GET {API}/a", id=f"a{number}", at=number * 1.0, **redirect("/login", *allow())))  # type: ignore[arg-type]
        exchanges.append(cors(f"GET {API}/login", id=f"l{number}", at=number + 0.2, **redirect("/a")))  # type: ignore[arg-type]
    verdicts = judge_all(exchanges)
    assert {verdict.outcome for id, verdict in verdicts.items() if id.startswith("a")} == {ALLOWED}
    assert {(*ids(verdict),) for id, verdict in verdicts.items() if id.startswith("l")} == {("allow-origin-missing",)}


def test_the_hop_that_fails_is_named() -> None:
    verdicts = judge_all(
        [
            home(f"GET {APP}/a", id="a", **redirect(f"{API}/b")),  # type: ignore[arg-type]
            cors(f"GET {API}/b", id="b", at=0.2, **redirect(f"{OTHER}/c", *allow())),  # type: ignore[arg-type]
            cors(f"GET {OTHER}/c", id="c", at=0.4, origin="null", answer=allow()),
        ]
    )
    assert {id: verdict.outcome for id, verdict in verdicts.items()} == {"a": NOT_CORS, "b": ALLOWED, "c": BLOCKED}
    assert ids(verdicts["c"])[0] == "allow-origin-mismatch"
    assert verdicts["c"].related.redirected_from == "b"
    assert verdicts["a"].related.redirected_to == "b"
    assert any("hop 3" in note for note in verdicts["c"].notes)


# --- 304 -----------------------------------------------------------------------------------------------------------

CONDITIONAL_LINE = 'If-None-Match: "1"'


def revalidated(first: Sequence[str], second: Sequence[str], *lines: str, **more: object) -> list[Exchange]:
    return [
        cors(f"GET {ITEMS}", id="1", answer=first, **more),  # type: ignore[arg-type]
        cors(f"GET {ITEMS}", CONDITIONAL_LINE, *lines, id="2", at=1, status=304, answer=second, **more),  # type: ignore[arg-type]
    ]


@table(
    "outcome, names, first, second",
    ("inherits", ALLOWED, (None, None), allow(), []),
    ("says the same", ALLOWED, (None, None), allow(), allow()),
    ("replaces by everybody", ALLOWED, (None, None), allow(), allow("*")),
    (
        "replaces by another",
        BLOCKED,
        ("AllowOriginMismatch", "CORSAllowOriginNotMatchingOrigin"),
        allow(),
        allow("https://else.test"),
    ),
    ("mends what was wrong", ALLOWED, (None, None), allow("https://else.test"), allow()),
    (
        "an empty line replaces, and in Firefox removes",
        BLOCKED,
        ("InvalidAllowOriginValue", "CORSMissingAllowOrigin"),
        allow(),
        ["Access-Control-Allow-Origin:"],
    ),
    ("inherits what was wrong", BLOCKED, ("MissingAllowOriginHeader", "CORSMissingAllowOrigin"), [], []),
)
def test_a_304_of_the_browsers_own_revalidation(
    outcome: Outcome, names: tuple[str | None, str | None], first: list[str], second: list[str]
) -> None:
    verdict = verdict_of(*revalidated(first, second))
    assert verdict.outcome is outcome
    assert errors(verdict) == names


def test_credentials_are_checked_on_what_the_304_makes_of_it() -> None:
    assert verdict_of(*revalidated(allow(credentials=True), allow(), COOKIE)).outcome is ALLOWED
    assert verdict_of(*revalidated(allow(), allow(), COOKIE)).outcome is BLOCKED


@table(
    "outcome, lines, answer",
    ("nothing to judge by", UNKNOWN, (), []),
    ("its own headers refuse", BLOCKED, (), allow("https://else.test")),
    ("its own headers allow", ALLOWED, (), allow()),
    ("credentials may be allowed by what is stored", UNKNOWN, (COOKIE,), allow()),
    ("or are by itself", ALLOWED, (COOKIE,), allow(credentials=True)),
    ("or are not", BLOCKED, (COOKIE,), [*allow(), "Access-Control-Allow-Credentials: no"]),
    ("everybody, with credentials", BLOCKED, (COOKIE,), allow("*")),
)
def test_a_304_whose_stored_response_was_not_seen(outcome: Outcome, lines: tuple[str, ...], answer: list[str]) -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", CONDITIONAL_LINE, *lines, status=304, answer=answer))
    assert verdict.outcome is outcome
    if outcome is UNKNOWN:
        assert "not seen" in verdict.reason


def test_a_304_of_another_pages_stored_response() -> None:
    """Browsers keep one cache for each site, so what the other page got proves nothing."""
    first = cors(f"GET {ITEMS}", id="1", origin="https://else.test", answer=allow("https://else.test"))
    second = cors(f"GET {ITEMS}", CONDITIONAL_LINE, id="2", at=1, status=304)
    assert verdict_of(first, second).outcome is UNKNOWN


def test_a_304_that_the_page_asked_for_needs_headers_of_its_own() -> None:
    answer = [*allow(names="if-none-match"), "Access-Control-Max-Age: 60"]
    asked = preflight(f"GET {ITEMS}", "if-none-match", id="p", answer=answer)
    stored = cors(f"GET {ITEMS}", id="0", at=-1, answer=allow())
    own = cors(f"GET {ITEMS}", CONDITIONAL_LINE, id="r", at=0.2, status=304)
    verdict = verdict_of(stored, asked, own)
    assert (verdict.outcome, ids(verdict)) == (BLOCKED, ["allow-origin-missing"])
    covered = cors(f"GET {ITEMS}", CONDITIONAL_LINE, id="r2", at=3, status=304)
    assert verdict_of(stored, asked, own, covered).outcome is BLOCKED


def test_a_304_that_nobody_asked_for_confirms_nothing() -> None:
    first = cors(f"GET {ITEMS}", id="1", answer=allow())
    assert verdict_of(first, cors(f"GET {ITEMS}", id="2", at=1, status=304)).outcome is BLOCKED


# --- what a verdict tells ------------------------------------------------------------------------------------------


def test_what_belongs_together_is_related() -> None:
    verdicts = judge_all(
        [
            preflight(f"PUT {API}/a", id="p", answer=allow(methods="PUT")),
            cors(f"PUT {API}/a", id="a", at=0.2, status=307, answer=["Location: /b", *allow()]),
            preflight(f"PUT {API}/b", id="p2", at=0.4, answer=allow(methods="PUT")),
            cors(f"PUT {API}/b", id="b", at=0.6, answer=allow()),
        ]
    )
    related = {id: verdict.related.to_plain() for id, verdict in verdicts.items()}
    assert related == {
        "p": {"preflight": None, "request": "a", "redirected_from": None, "redirected_to": None},
        "a": {"preflight": "p", "request": None, "redirected_from": None, "redirected_to": "b"},
        "p2": {"preflight": None, "request": "b", "redirected_from": "a", "redirected_to": None},
        "b": {"preflight": "p2", "request": None, "redirected_from": "a", "redirected_to": None},
    }
    assert {verdict.outcome for verdict in verdicts.values()} == {ALLOWED}


@table(
    "stage, found",
    ("a preflight", Stage.PREFLIGHT, preflight(f"PUT {ITEMS}")),
    ("a redirect", Stage.REDIRECT, cors(f"GET {ITEMS}", status=302, answer=["Location: /b"])),
    ("a response", Stage.RESPONSE, cors(f"GET {ITEMS}")),
)
def test_every_finding_says_where(stage: Stage, found: Exchange) -> None:
    verdict = verdict_of(found)
    assert verdict.stage is stage
    assert {finding.stage for finding in verdict.findings} == {stage}


@pytest.mark.parametrize("judge", Judge)
def test_a_chosen_judge_decides(judge: Judge) -> None:
    verdict = verdict_of(preflight(f"GET {ITEMS}", "authorization", answer=allow("*", names="*")), judge=judge)
    assert verdict.judge is judge
    assert verdict.outcome is (BLOCKED if judge is SPEC else ALLOWED)
    assert verdict.findings[0].severity is (Severity.BLOCKED if judge is SPEC else Severity.ADVICE)


def test_what_another_browser_alone_refuses_is_a_risk() -> None:
    answer = ["Access-Control-Allow-Origin:", *allow()]
    verdict = verdict_of(cors(f"GET {ITEMS}", answer=answer, http="HTTP/2.0", browser="firefox"))
    assert outcomes(verdict) == {CHROMIUM: BLOCKED, FIREFOX: ALLOWED, WEBKIT: BLOCKED, SPEC: BLOCKED}
    assert [finding.severity for finding in verdict.findings] == [Severity.RISK]


def test_the_passwords_of_a_redirect_stay_where_they_are() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", **redirect("https://user:secret@other.test/", *allow())))  # type: ignore[arg-type]
    assert "secret" not in str(verdict.to_plain()["findings"])


def test_cookies_are_never_shown() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", "Cookie: session=secret", answer=allow("*")))
    assert "secret" not in str(verdict.to_plain())


@pytest.mark.parametrize(
    ("status", "words"), [(403, "the server itself may have to list it"), (200, "host_permissions")]
)
def test_no_permission_of_an_extension_keeps_a_server_from_refusing_its_origin(status: int, words: str) -> None:
    verdict = verdict_of(cors("POST http://localhost:11434/v1/chat", origin="chrome-extension://abcd", status=status))
    assert verdict.outcome is UNKNOWN
    assert words in verdict.reason
