"""Where WebKit departs from the standard, and where it sends another request: measured in WebKitGTK 2.50.6."""

import pytest

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Settings
from cors_addon.traffic.classify import script_set_header_names
from cors_addon.traffic.exchange import Exchange
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, metadata, preflight
from tests.verdict.judging import (
    ALLOWED,
    BLOCKED,
    CHROMIUM,
    CONDITIONAL,
    FIREFOX,
    NOT_CORS,
    SPEC,
    UNKNOWN,
    WEBKIT,
    ids,
    outcomes,
    verdict_of,
)

HTTP_API, HTTP_APP = "http://api.test", "http://app.test"
NO_SCHEME = "RedirectionNonCorsScheme"


@pytest.mark.parametrize("target", ["data:,x", "about:blank", "mailto:a@b.test", "app://x", "file:///a", "http://[/"])
@pytest.mark.parametrize("credentials", [False, True])
def test_a_redirect_from_another_server_to_a_scheme_that_cors_does_not_know(target: str, credentials: bool) -> None:
    """``validateCrossOriginRedirectionURL``: whatever the credentials; to others no CORS failure of the hop."""
    answer = [f"Location: {target}", *allow(credentials=credentials)]
    verdict = verdict_of(cors(f"GET {ITEMS}", status=302, answer=answer, browser="webkit"))
    assert verdict.views[WEBKIT].error == NO_SCHEME
    assert outcomes(verdict) == {CHROMIUM: ALLOWED, FIREFOX: ALLOWED, WEBKIT: BLOCKED, SPEC: ALLOWED}
    assert ids(verdict) == ["redirect-scheme"]


def test_ftp_is_refused_before_cors_is_asked() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", status=302, answer=["Location: ftp://a/", *allow()], browser="webkit"))
    assert verdict.views[WEBKIT].outcome is ALLOWED
    assert ids(verdict) == ["redirect-scheme"]


def at_home(url: str, target: str, *lines: str) -> Exchange:
    return exchange(f"GET {url}", *lines, status=302, answer=[f"Location: {target}"], browser="webkit")


BY_FETCH = f"Referer: {HTTP_APP}/", "Accept: */*"
BY_SCRIPT_OR_XHR = BY_FETCH[::-1]
BY_IMAGE = "Accept: image/webp,*/*;q=0.5", f"Referer: {HTTP_APP}/"


@table(
    "outcome, target, lines",
    ("fetch() does not go to data:", BLOCKED, "data:,x", BY_FETCH),
    ("a script element does, and XMLHttpRequest looks alike", CONDITIONAL, "data:,x", BY_SCRIPT_OR_XHR),
    ("an image does", NOT_CORS, "data:,x", BY_IMAGE),
    ("nobody goes to an app", BLOCKED, "app://x", BY_SCRIPT_OR_XHR),
    ("nor to about:", BLOCKED, "about:blank", BY_FETCH),
    ("an image that does not is not CORS", NOT_CORS, "app://x", BY_IMAGE),
    ("the network refuses files first", NOT_CORS, "file:///a", BY_FETCH),
    ("and blobs", NOT_CORS, "blob:http://app.test/1", BY_FETCH),
    ("and what is no URL", NOT_CORS, "http://[/", BY_FETCH),
    ("and ftp", NOT_CORS, "ftp://a.test/", BY_FETCH),
)
def test_such_a_redirect_from_the_pages_own_server(outcome: object, target: str, lines: tuple[str, ...]) -> None:
    verdict = verdict_of(at_home(f"{HTTP_APP}/a", target, *lines))
    assert verdict.views[WEBKIT].outcome is outcome
    assert verdict.views[WEBKIT].error == (None if outcome is NOT_CORS else NO_SCHEME)


@table(
    "outcome, target",
    ("data", BLOCKED, "data:,x"),
    ("about", BLOCKED, "about:blank"),
    ("the check for mixed content comes first", NOT_CORS, "app://x"),
)
def test_such_a_redirect_on_an_https_page(outcome: object, target: str) -> None:
    lines = (*metadata("cors", "same-origin"), f"Referer: {APP}/", "Accept: */*")
    assert verdict_of(at_home(f"{APP}/a", target, *lines)).views[WEBKIT].outcome is outcome


@table(
    "others, target",
    ("another server", BLOCKED, "http://third.test/"),
    ("this machine, by name", ALLOWED, "http://localhost:3000/"),
    ("this machine, by address", ALLOWED, "http://127.0.0.1/"),
)
def test_webkit_goes_from_https_to_http_on_this_machine_no_more_than_elsewhere(others: object, target: str) -> None:
    answer = [f"Location: {target}", *allow(credentials=True)]
    verdict = verdict_of(cors(f"GET {ITEMS}", status=302, answer=answer, browser="webkit"))
    assert verdict.views[WEBKIT].outcome is BLOCKED
    assert {verdict.views[judge].outcome for judge in (CHROMIUM, FIREFOX, SPEC)} == {others}
    assert ids(verdict) == ["redirect-mixed-content"]


def test_what_another_browser_followed_to_this_machine_webkit_blocks() -> None:
    hop = cors(f"GET {ITEMS}", id="a", status=302, answer=["Location: http://localhost/", *allow(credentials=True)])
    reached = exchange("GET http://localhost/", "Origin: null", id="b", at=0.2, answer=allow("null", credentials=True))
    found = judge_all([hop, reached])["a"]
    assert outcomes(found) == {CHROMIUM: ALLOWED, FIREFOX: ALLOWED, WEBKIT: BLOCKED, SPEC: ALLOWED}
    assert (found.related.redirected_to, ids(found)) == ("b", ["redirect-mixed-content"])


def test_over_https_webkit_leaves_fetch_metadata_out_now_and_then() -> None:
    """After a redirect to another origin, and for a synchronous XMLHttpRequest: Origin tells that it is CORS."""
    for origin in ("null", APP):
        bare = exchange(f"GET {ITEMS}", f"Origin: {origin}", "Accept: */*", browser="webkit")
        assert verdict_of(bare).views[WEBKIT].error == "OriginNotAllowed"


def chain(answer: list[str], browser: str = "webkit", *, own: bool = True, last: bool = False) -> list[Exchange]:
    """A redirect from the page's own origin, or from another, to another server that redirects again."""
    start = APP if own else "https://other.test"
    lines = (*metadata("cors", "same-origin"), f"Referer: {APP}/page", "Accept: */*")
    first = exchange(f"GET {APP}/a", *lines, id="a", status=302, answer=[f"Location: {ITEMS}"], browser=browser)
    if not own:
        first = cors(f"GET {start}/a", id="a", status=302, answer=[f"Location: {ITEMS}", *allow()], browser=browser)
    origin = APP if own else "null"
    second = cors(
        f"GET {ITEMS}", f"Referer: {APP}/", origin=origin, id="b", at=0.2, status=200 if last else 302, browser=browser,
        answer=[f"Location: {API}/c", *answer],
    )  # fmt: skip
    return [first, second]


@pytest.mark.parametrize("browser", ["chromium", "webkit"])
@table(
    "outcome, error, answer",
    ("the page is named", CONDITIONAL, "CredentialsNotTrue", allow()),
    ("everybody may", CONDITIONAL, "WildcardWithCredentials", allow("*")),
    ("credentials are allowed", ALLOWED, None, allow(credentials=True)),
    ("nobody may", BLOCKED, "OriginNotAllowed", []),
)
def test_after_a_redirect_from_the_page_webkit_checks_redirects_with_credentials(
    browser: str, outcome: object, error: str | None, answer: list[str]
) -> None:
    """``checkRedirectionCrossOriginAccessControl``: by the policy of the first request, which "omit" alone changes."""
    verdict = verdict_of(*chain(answer, browser))
    view = verdict.views[WEBKIT]
    assert (view.outcome, view.error) == (outcome, error)
    assert verdict.views[CHROMIUM].outcome is (BLOCKED if outcome is BLOCKED else ALLOWED)
    assert ("omit" in (view.note or "")) is (outcome is CONDITIONAL)
    assert bool(ids(verdict)) is (outcome is BLOCKED or (outcome is CONDITIONAL and browser == "webkit"))


def test_no_other_hop_is_checked_so() -> None:
    assert verdict_of(*chain(allow(), own=False)).views[WEBKIT].outcome is not CONDITIONAL
    assert verdict_of(*chain(allow(), last=True)).views[WEBKIT].outcome is ALLOWED


def test_what_webkit_followed_has_passed() -> None:
    third = cors(f"GET {API}/c", f"Referer: {APP}/", id="c", at=0.4, browser="webkit", answer=allow())
    assert judge_all([*chain(allow()), third], Settings())["b"].views[WEBKIT].outcome is ALLOWED


def test_over_https_firefox_would_not_count_the_lines_that_came_to_webkit_over_http_1() -> None:
    """WebKitGTK speaks HTTP/1.1 to a proxy; over HTTP/2 Firefox joins lines, and an empty one adds nothing."""
    lines = [*allow(), "Access-Control-Allow-Origin: "]
    over_https = verdict_of(cors(f"GET {ITEMS}", answer=lines, browser="webkit")).views[FIREFOX]
    assert (over_https.outcome, "HTTP/2" in (over_https.note or "")) == (UNKNOWN, True)
    over_http = cors(f"GET {HTTP_API}/items", origin=APP, answer=lines, browser="webkit")
    assert verdict_of(over_http).views[FIREFOX].outcome is BLOCKED


def test_a_preflight_back_at_the_page_is_not_checked_for_access_by_firefox() -> None:
    """The others ask in the name of an opaque origin; Firefox asks in the page's, of its own server."""
    asked = [f"Referer: {APP}/", "Accept: */*"]
    first = cors(f"PUT {ITEMS}", *asked, id="a", status=307, answer=[f"Location: {APP}/b", *allow()], browser="webkit")
    home = preflight(f"PUT {APP}/b", origin="null", lines=asked, id="b", at=0.2, browser="webkit",
                     answer=["Access-Control-Allow-Methods: PUT"])  # fmt: skip
    before = preflight(f"PUT {ITEMS}", lines=asked, id="p", at=-0.2, answer=allow(methods="PUT"), browser="webkit")
    verdict = verdict_of(before, first, home)
    assert (verdict.views[FIREFOX].outcome, verdict.views[WEBKIT].outcome) == (ALLOWED, BLOCKED)


# --- fonts ---------------------------------------------------------------------------------------------------------


def font(browser: str, *answer: str) -> Exchange:
    lines = (f"Origin: {APP}", *metadata("cors", "cross-site", "font"))
    return exchange(f"GET {API}/a.woff2", *lines, answer=[*answer], browser=browser)


@pytest.mark.parametrize("browser", ["chromium", "firefox"])
def test_a_font_that_another_browser_asked_for_is_not_blocked_in_webkit(browser: str) -> None:
    """Fonts of style sheets are no CORS requests in WebKit (mode no-cors, no Origin)."""
    verdict = verdict_of(font(browser))
    assert outcomes(verdict) == {CHROMIUM: BLOCKED, FIREFOX: BLOCKED, WEBKIT: NOT_CORS, SPEC: BLOCKED}
    assert "without CORS" in (verdict.views[WEBKIT].note or "")
    assert verdict.to_plain()["browsers"]["webkit"]["note"] == verdict.views[WEBKIT].note
    assert set(outcomes(verdict_of(font(browser, *allow()))).values()) == {ALLOWED}


def test_what_looks_like_a_font_over_plain_http_may_be_one() -> None:
    request = f"GET {HTTP_API}/a.woff2"
    verdict = verdict_of(cors(request, origin=HTTP_APP, answer=[], browser="chromium"))
    assert verdict.views[CHROMIUM].outcome is BLOCKED
    assert verdict.views[WEBKIT].outcome is CONDITIONAL
    assert "font" in (verdict.views[WEBKIT].note or "")
    typed = verdict_of(cors(f"GET {HTTP_API}/a", origin=HTTP_APP, answer=["Content-Type: font/woff2"]))
    assert typed.views[WEBKIT].outcome is CONDITIONAL
    other = verdict_of(cors(f"GET {HTTP_API}/a", origin=HTTP_APP, answer=["Content-Type: text/plain"]))
    assert other.views[WEBKIT].outcome is BLOCKED


def test_a_font_that_webkit_asked_for_would_have_had_an_origin_elsewhere() -> None:
    lines = (f"Referer: {APP}/", *metadata("no-cors", "cross-site", "font"))
    bare = verdict_of(exchange(f"GET {API}/a.woff2", *lines, browser="webkit"))
    assert outcomes(bare) == {CHROMIUM: UNKNOWN, FIREFOX: UNKNOWN, WEBKIT: NOT_CORS, SPEC: UNKNOWN}
    assert "Origin" in (bare.views[CHROMIUM].note or "")
    assert bare.outcome is NOT_CORS
    shared = verdict_of(exchange(f"GET {API}/a.woff2", *lines, answer=allow("*"), browser="webkit"))
    assert outcomes(shared) == {CHROMIUM: ALLOWED, FIREFOX: ALLOWED, WEBKIT: NOT_CORS, SPEC: ALLOWED}


# --- preflights ----------------------------------------------------------------------------------------------------


def test_a_preflight_for_client_hints_alone_may_be_none_of_chromiums() -> None:
    verdict = verdict_of(preflight(f"GET {ITEMS}", "dpr", "save-data", browser="webkit", status=404, answer=allow()))
    assert verdict.views[CHROMIUM].outcome is UNKNOWN
    assert "preflight" in (verdict.views[CHROMIUM].note or "")
    assert {verdict.views[judge].outcome for judge in (FIREFOX, WEBKIT, SPEC)} == {BLOCKED}
    other = verdict_of(preflight(f"GET {ITEMS}", "dpr", "x-a", browser="webkit", status=404, answer=allow()))
    assert other.views[CHROMIUM].outcome is BLOCKED


LONG = ("Content-Language: " + "a" * 120,) * 9


@table(
    "names, browser, lines",
    ("WebKit asks for a script's client hints", ("dpr",), "webkit", ("DPR: 2",)),
    ("Chromium adds them itself", (), "chromium", ("DPR: 2",)),
    ("WebKit looks at each value alone", (), "webkit", LONG),
    ("the others at their sum", ("content-language",), "chromium", LONG),
    ("WebKit too at the length of each", ("content-language",), "webkit", ("Content-Language: " + "a" * 129,)),
)
def test_which_names_need_a_preflight(names: tuple[str, ...], browser: str, lines: tuple[str, ...]) -> None:
    sent = exchange(f"GET {ITEMS}", *lines, browser=browser).request
    assert script_set_header_names(sent) == names
