"""What is known of the credentials mode: each piece of evidence, for whom it speaks, and what several make together."""

from collections.abc import Sequence

import pytest

from cors_addon.fetch.messages import CredentialsMode
from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.credentials import CredentialsObserver
from cors_addon.traffic.evidence import Knowledge
from cors_addon.traffic.exchange import Exchange
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, metadata, preflight

INCLUDE, NOT_INCLUDE = CredentialsMode.INCLUDE, CredentialsMode.NOT_INCLUDE
HTTP = "http://api.test/items"
STORAGE_ACCESS = "Sec-Fetch-Storage-Access: active"
BASIC = "Authorization: Basic dTpw"


class Seen:
    """Exchanges, observed in their order, and for each the evidence weighed as if its verdict hung on it."""

    def __init__(self, *exchanges: Exchange) -> None:
        self.correlator = Correlator()
        self.observer = CredentialsObserver(self.correlator)
        for each in exchanges:
            self.observe(each)

    def observe(self, exchange: Exchange) -> set[str]:
        changed = self.correlator.observe(exchange)
        record = self.correlator.records[exchange.id]
        changed |= self.observer.observe(record)
        self.observer.assess(record)
        return changed

    def load(self, at: float) -> set[str]:
        """See a document of the page; return the ids that it may concern."""
        page = exchange(f"GET {APP}/", *metadata("navigate", "none", "document"), id=f"page{at}", at=at)
        self.correlator.observe(page)
        return self.observer.page_loaded(self.correlator.records[page.id])

    def of(self, id: str) -> Knowledge:
        return self.observer.assess(self.correlator.records[id])


def mode_of(*exchanges: Exchange, id: str = "r") -> CredentialsMode | None:
    return Seen(*exchanges).of(id).mode


# --- what a request carries ----------------------------------------------------------------------------------------


@table(
    "mode, request_lines",
    ("nothing", None, ()),
    ("a Cookie", INCLUDE, ("Cookie: a=b",)),
    ("Sec-Fetch-Storage-Access, active", INCLUDE, (STORAGE_ACCESS,)),
    ("Sec-Fetch-Storage-Access, and no cookie kept", INCLUDE, ("Sec-Fetch-Storage-Access: none",)),
    ("a script's token says nothing", None, ("Authorization: Bearer x",)),
)
def test_what_a_request_carries(mode: CredentialsMode | None, request_lines: tuple[str, ...]) -> None:
    known = Seen(cors(f"GET {ITEMS}", *request_lines, id="r")).of("r")
    assert known.mode is mode
    assert [each.exchange_id for each in known.evidence] == (["r"] if mode else [])
    assert known.assumed is (mode is None)


def test_fonts_are_fetched_without_unless_a_preload_asks_otherwise() -> None:
    font = exchange(f"GET {ITEMS}", f"Origin: {APP}", *metadata("cors", "cross-site", "font"), id="r", connection="c")
    seen = Seen(font, cors(f"GET {ITEMS}?2", id="beside", at=1, connection="c", browser="chromium"))
    assert seen.of("r").assumed
    assert [(hint.mode, hint.certain) for hint in seen.of("r").evidence] == [(NOT_INCLUDE, False)]
    assert seen.of("beside").evidence == ()
    seen.observe(cors(f"GET {ITEMS}?3", id="g", at=2, answer=allow(credentials=True)))
    assert seen.of("r").assumed, "what the page does elsewhere weighs less"


def test_what_cors_does_not_judge_has_no_evidence() -> None:
    image = exchange(f"GET {ITEMS}", "Cookie: a=b", *metadata("no-cors", "cross-site", "image"), id="r")
    assert Seen(image).of("r").assumed


def test_evidence_that_contradicts_itself_leaves_the_mode_open() -> None:
    asked = preflight(f"PUT {ITEMS}", id="p", answer=allow("*", methods="PUT"))
    known = Seen(asked, cors(f"PUT {ITEMS}", "Cookie: a=b", id="r", at=1)).of("r")
    assert (known.mode, known.contradicted, known.assumed) == (None, True, False)
    assert {each.mode for each in known.evidence} == {INCLUDE, NOT_INCLUDE}


# --- HTTP authentication -------------------------------------------------------------------------------------------


@table(
    "mode, names",
    ("asked for: a script's", None, ("authorization",)),
    ("not asked for: the browser's", INCLUDE, ("x-a",)),
)
def test_authorization_behind_a_preflight(mode: CredentialsMode | None, names: tuple[str, ...]) -> None:
    answer = allow(APP, credentials=True, names="x-a, authorization")
    asked = preflight(f"GET {ITEMS}", *names, id="p", answer=answer)
    assert mode_of(asked, cors(f"GET {ITEMS}", BASIC, "X-A: 1", id="r", at=0.2)) is mode


@pytest.mark.parametrize("scheme", ["Basic", "basic", "Digest", "Negotiate", "NTLM"])
def test_authorization_without_a_preflight_proves_nothing_yet(scheme: str) -> None:
    """A script may have set it, and its preflight been answered from a cache that nobody saw being filled."""
    known = Seen(cors(f"GET {ITEMS}", f"Authorization: {scheme} x", id="r")).of("r")
    assert (known.mode, known.leaning) == (None, True)


def test_an_answer_to_a_challenge_is_the_browsers() -> None:
    challenge = "WWW-Authenticate: Basic realm=x"
    known = Seen(
        cors(f"GET {ITEMS}", id="c", status=401, answer=[challenge, *allow(credentials=True)]),
        cors(f"GET {ITEMS}", BASIC, id="r", at=0.2),
    ).of("r")
    assert known.mode is INCLUDE
    assert [each.exchange_id for each in known.evidence] == ["c"]


@table(
    "first",
    ("another page's", {"origin": "https://else.test"}),
    ("long ago", {"at": -50.0}),
    ("which knew it already", {"lines": (BASIC,)}),
    ("no challenge", {"status": 200}),
    ("a challenge of nothing", {"answer": ()}),
    ("of another URL", {"url": f"{API}/else"}),
)
def test_what_is_no_answer_to_a_challenge(first: dict[str, object]) -> None:
    more: dict[str, object] = {"status": 401, "answer": ["WWW-Authenticate: Basic realm=x"], **first}
    url, lines = more.pop("url", ITEMS), more.pop("lines", ())
    earlier = cors(f"GET {url}", *lines, id="c", **more)  # type: ignore[misc, arg-type]
    assert mode_of(earlier, cors(f"GET {ITEMS}", BASIC, id="r", at=0.2)) is None


# --- connections ---------------------------------------------------------------------------------------------------


def on_one_connection(other: Exchange, browser: str, http: str) -> Seen:
    return Seen(other, cors(f"GET {ITEMS}?2", id="r", at=3, connection="shared", browser=browser, http=http))


SPEAKING = {"chromium HTTP/1.1", "chromium HTTP/2.0", "firefox HTTP/1.1"}


@pytest.mark.parametrize("http", ["HTTP/1.1", "HTTP/2.0"])
@pytest.mark.parametrize("browser", ["chromium", "firefox", "webkit", "Custom/1.0"])
def test_what_a_connection_says_of_its_requests(browser: str, http: str) -> None:
    """Chromium keeps requests with credentials on connections of their own, Firefox over HTTP/1.1 only."""
    speaks = f"{browser} {http}" in SPEAKING
    more = {"connection": "shared", "browser": browser, "http": http}
    asked = on_one_connection(preflight(f"PUT {ITEMS}", id="o", **more), browser, http)
    assert asked.of("r").mode is (NOT_INCLUDE if speaks else None)
    carried = on_one_connection(cors(f"GET {ITEMS}", "Cookie: a=b", id="o", **more), browser, http)
    assert carried.of("r").mode is (INCLUDE if speaks else None)


def test_a_cookie_on_the_connection_of_something_else() -> None:
    seen = Seen(cors(f"GET {ITEMS}", id="r", connection="shared"))
    assert seen.of("r").assumed
    assert seen.observer.cookie_on("shared", "page") == {"r"}
    assert seen.observer.cookie_on("shared", "image") == set()
    assert seen.observer.cookie_on("", "nowhere") == set()
    known = seen.of("r")
    assert (known.mode, [each.exchange_id for each in known.evidence]) == (INCLUDE, ["page"])


def test_the_earliest_of_equal_evidence_is_named_whatever_came_first() -> None:
    late = preflight(f"PUT {ITEMS}", id="late", at=5, connection="shared")
    early = preflight(f"PUT {ITEMS}?2", id="early", at=1, connection="shared")
    request = cors(f"GET {ITEMS}?3", id="r", at=6, connection="shared")
    for order in ((late, early, request), (request, late, early), (early, request, late)):
        assert [each.exchange_id for each in Seen(*order).of("r").evidence] == ["early"]


def test_a_connection_that_carried_both_says_nothing() -> None:
    seen = Seen(
        preflight(f"PUT {ITEMS}", id="o", connection="shared"), cors(f"GET {ITEMS}", id="r", at=1, connection="shared")
    )
    seen.observer.cookie_on("shared", "page")
    assert seen.of("r").contradicted


def test_no_connection_is_not_one_connection() -> None:
    assert (
        mode_of(preflight(f"PUT {ITEMS}", id="o", connection=""), cors(f"GET {ITEMS}", id="r", connection="")) is None
    )


def test_a_preflights_own_connection_says_nothing_of_its_request() -> None:
    seen = Seen(
        preflight(f"PUT {ITEMS}", id="p", connection="shared", answer=allow(credentials=True, methods="PUT")),
        cors(f"PUT {ITEMS}", id="r", at=0.2),
    )
    assert seen.of("p").mode is None


def test_evidence_on_a_connection_decides_earlier_requests_and_all_that_belongs_to_them() -> None:
    seen = Seen(
        preflight(f"PUT {ITEMS}", id="p", answer=allow(credentials=True, methods="PUT")),
        cors(f"PUT {ITEMS}", id="r", at=0.2, connection="shared"),
        cors(f"GET {ITEMS}?2", id="alone", at=0.3, connection="shared"),
    )
    assert seen.of("p").mode is None
    changed = seen.observe(cors(f"GET {ITEMS}?3", "Cookie: a=b", id="c", at=0.4, connection="shared"))
    assert {"p", "r", "alone"} <= changed
    assert [seen.of(id).mode for id in ("p", "r", "alone")] == [INCLUDE] * 3


def test_evidence_is_news_only_to_what_was_judged_by_it() -> None:
    """Most exchanges pass under either mode: nobody has to judge them again when a cookie is seen."""
    correlator = Correlator()
    observer = CredentialsObserver(correlator)
    for id in ("weighed", "never asked for"):
        correlator.observe(cors(f"GET {ITEMS}", id=id, connection="shared"))
        observer.observe(correlator.records[id])
    observer.assess(correlator.records["weighed"])
    assert observer.cookie_on("shared", "page") == {"weighed"}
    correlator.forget("weighed")
    assert observer.cookie_on("shared", "page", when=0.0) == set()


# --- Sec-Fetch-Storage-Access --------------------------------------------------------------------------------------


def storage(browser: str, **more: object) -> Exchange:
    """A request that shows that the browser tells of storage access."""
    return cors(f"GET {ITEMS}?told", STORAGE_ACCESS, id="t", at=1, browser=browser, **more)  # type: ignore[arg-type]


@table(
    "mode, request_line, more",
    ("another site", NOT_INCLUDE, f"GET {ITEMS}", {}),
    ("the same site is never told", None, f"GET {ITEMS}", {"site": "same-site"}),
    (
        "a chain that was at another site, and is back",
        None,
        "GET https://www.app.test/",
        {"site": "cross-site"},
    ),
    ("plain http is never told", None, f"GET {HTTP}", {}),
    ("another browser", None, f"GET {ITEMS}", {"browser": "firefox"}),
    ("another client", None, f"GET {ITEMS}", {"client": "192.0.2.9"}),
    ("another version of it", None, f"GET {ITEMS}", {"browser": "Chrome/90.0"}),
)
def test_a_browser_that_tells_of_storage_access_tells_by_silence_too(
    mode: CredentialsMode | None, request_line: str, more: dict[str, object]
) -> None:
    silent = cors(request_line, id="r", **{"browser": "chromium", **more})  # type: ignore[arg-type]
    late = Seen(silent)
    assert late.of("r").assumed
    changed = late.observe(storage("chromium"))
    assert changed == ({"r"} if mode else set())
    assert late.of("r").mode is mode
    early = Seen(storage("chromium"), silent)
    assert early.of("r").mode is mode


@pytest.mark.parametrize("browser", ["firefox", "chromium"])
def test_a_preflight_that_tells_of_it_is_for_a_request_with_credentials(browser: str) -> None:
    told = preflight(f"PUT {ITEMS}", id="p", lines=[STORAGE_ACCESS], browser=browser)
    assert mode_of(told, id="p") is INCLUDE


def test_chromium_tells_it_on_no_preflight() -> None:
    silent = preflight(f"PUT {ITEMS}", id="p", browser="chromium")
    assert Seen(storage("chromium"), silent).of("p").evidence == ()


def silent_for(destination: str) -> Exchange:
    lines = metadata("cors", "cross-site", destination)
    return exchange(f"GET {ITEMS}", f"Origin: {APP}", *lines, id="r", browser="firefox")


@pytest.mark.parametrize("destination", ["audio", "image", "style", "track", "video"])
def test_firefox_is_silent_of_what_elements_load_without_credentials_alone(destination: str) -> None:
    assert mode_of(storage("firefox"), silent_for(destination)) is NOT_INCLUDE


@pytest.mark.parametrize("destination", ["empty", "script", "json", "worker"])
def test_firefox_is_silent_of_what_workers_ask_for_with_credentials_too(destination: str) -> None:
    seen = Seen(storage("firefox"), silent_for(destination))
    assert seen.of("r").assumed
    (hint,) = seen.of("r").evidence
    assert (hint.mode, hint.certain) == (NOT_INCLUDE, False)
    seen.observe(cors(f"GET {ITEMS}?2", id="g", answer=allow(credentials=True), browser="firefox"))
    known = seen.of("r")
    assert [(hint.mode, hint.exchange_id) for hint in known.evidence] == [(NOT_INCLUDE, "r"), (INCLUDE, "g")]
    assert known.assumed, "what the page does elsewhere weighs less"


@pytest.mark.parametrize("browser", ["firefox", "chromium"])
def test_firefox_is_silent_where_a_redirect_made_the_origin_opaque(browser: str) -> None:
    picture = metadata("cors", "cross-site", "image")
    answer = [*allow(credentials=True), "Location: https://other.test/b"]
    hop = exchange(
        f"GET {ITEMS}", f"Origin: {APP}", *picture, STORAGE_ACCESS, id="hop", status=302, answer=answer, browser=browser
    )
    silent = exchange("GET https://other.test/b", "Origin: null", *picture, id="r", at=0.2, browser=browser)
    known = Seen(hop, silent).of("r")
    assert known.contradicted is (browser == "chromium"), "Chromium tells on every hop"
    assert known.mode is (INCLUDE if browser == "firefox" else None)


def test_of_an_opaque_origin_firefoxs_silence_is_a_hint() -> None:
    lines = metadata("cors", "cross-site", "image")
    silent = exchange(f"GET {ITEMS}", "Origin: null", f"Referer: {APP}/", *lines, id="r", browser="firefox")
    known = Seen(storage("firefox"), silent).of("r")
    assert [(hint.mode, hint.certain) for hint in known.evidence] == [(NOT_INCLUDE, False)]


def test_that_nothing_followed_weighs_more_than_firefoxs_silence() -> None:
    asked = preflight(f"PUT {ITEMS}", id="p", at=2, browser="firefox", answer=allow("*", methods="PUT"))
    seen = Seen(storage("firefox"), asked)
    assert seen.of("p").assumed
    seen.observe(exchange(f"GET {APP}/", id="x", at=5))
    assert seen.of("p").leaning


# --- what was followed ---------------------------------------------------------------------------------------------


@table(
    "mode, answer",
    ("everybody may", NOT_INCLUDE, allow("*", methods="PUT")),
    ("credentials are not allowed", NOT_INCLUDE, allow(methods="PUT")),
    ("any method", NOT_INCLUDE, allow(credentials=True, methods="*")),
    ("either mode may pass", None, allow(credentials=True, methods="PUT")),
)
def test_a_preflight_that_was_followed_passed(mode: CredentialsMode | None, answer: list[str]) -> None:
    seen = Seen(preflight(f"PUT {ITEMS}", id="p", answer=answer))
    assert seen.of("p").mode is None
    assert "p" in seen.observe(cors(f"PUT {ITEMS}", id="r", at=0.2))
    assert seen.of("p").mode is mode
    assert seen.of("r").mode is mode


@table(
    "mode, browser, answer, source",
    ("WebKit has one grant for both modes", NOT_INCLUDE, "webkit", allow(methods="PUT"), "live"),
    ("and so has Chromium", NOT_INCLUDE, "chromium", allow(methods="PUT"), "live"),
    ("Firefox may have another grant, with credentials", None, "firefox", allow(methods="PUT"), "live"),
    (
        "a grant with credentials covers requests without",
        None,
        "webkit",
        allow(methods="PUT", credentials=True),
        "live",
    ),
    ("another method may have a grant of its own", None, "webkit", allow(methods="PUT, DELETE"), "live"),
    ("an export may lack preflights", None, "webkit", allow(methods="PUT"), "har"),
)
def test_a_kept_grant_proves_the_mode(
    mode: CredentialsMode | None, browser: str, answer: list[str], source: str
) -> None:
    first = "DELETE" if "PUT, DELETE" in answer[-1] else "PUT"
    seen = Seen(
        preflight(f"{first} {ITEMS}", id="p", answer=answer, browser=browser, source=source),
        cors(f"{first} {ITEMS}", id="a", at=0.2, browser=browser, source=source),
        cors(f"PUT {ITEMS}", id="b", at=1, browser=browser, source=source),
    )
    assert seen.correlator.records["b"].cached_grant == "p"
    assert seen.of("b").mode is mode


@table(
    "mode, answer",
    ("everybody may", NOT_INCLUDE, allow("*")),
    ("credentials are not allowed", NOT_INCLUDE, allow()),
    ("either mode may pass", None, allow(credentials=True)),
)
def test_a_redirect_that_was_followed_passed(mode: CredentialsMode | None, answer: list[str]) -> None:
    seen = Seen(cors(f"GET {API}/a", id="a", status=302, answer=["Location: /b", *answer]))
    assert seen.of("a").mode is None
    seen.observe(cors(f"GET {API}/b", id="b", at=0.2))
    assert seen.of("a").mode is mode
    assert seen.of("b").mode is mode


def test_what_survived_authorization_under_a_wildcard_may_be_either() -> None:
    """No browser keeps Authorization out of the wildcard, the standard does."""
    seen = Seen(
        preflight(f"GET {ITEMS}", "authorization", id="p", answer=allow("*", names="*")),
        cors(f"GET {ITEMS}", "Authorization: Bearer x", id="r", at=0.2),
    )
    assert seen.of("r").mode is NOT_INCLUDE


def test_evidence_of_one_hop_holds_for_the_whole_chain_and_its_preflights() -> None:
    seen = Seen(
        preflight(f"PUT {API}/a", id="p1", answer=allow(credentials=True, methods="PUT")),
        cors(f"PUT {API}/a", id="a", at=0.2, status=307, answer=["Location: /b", *allow(credentials=True)]),
        preflight(f"PUT {API}/b", id="p2", at=0.4, answer=allow(credentials=True, methods="PUT")),
        cors(f"PUT {API}/b", "Cookie: a=b", id="b", at=0.6, answer=allow(credentials=True)),
    )
    for id in ("p1", "a", "p2", "b"):
        known = seen.of(id)
        assert known.mode is INCLUDE
        assert [each.exchange_id for each in known.evidence] == ["b"]


def test_what_many_hops_say_alike_is_said_once() -> None:
    seen = Seen(
        *(
            cors(
                f"GET {API}/{number}",
                id=str(number),
                at=number / 5,
                status=302,
                answer=[f"Location: /{number + 1}", *allow()],
            )
            for number in range(6)
        )
    )
    assert len(seen.of("3").evidence) == 1


# --- what speaks for credentials without proving it ------------------------------------------------------------------


def leaning(*exchanges: Exchange, id: str = "r") -> list[str]:
    known = Seen(*exchanges).of(id)
    assert known.mode is None
    assert known.leaning is bool(known.evidence)
    assert not any(each.certain for each in known.evidence)
    return [each.exchange_id for each in known.evidence]


@table(
    "ids, value",
    ("spelt otherwise", ["r"], "True"),
    ("refused", ["r"], "false"),
    ("empty", ["r"], ""),
    ("right", [], "true"),
)
def test_an_allow_credentials_that_is_not_true_was_meant_to_be(ids: list[str], value: str) -> None:
    answer = ["Access-Control-Allow-Origin: *", f"Access-Control-Allow-Credentials: {value}"]
    assert leaning(cors(f"GET {ITEMS}", id="r", answer=answer)) == ids


def test_the_server_allows_credentials_to_this_page_elsewhere() -> None:
    granting = cors(f"GET {ITEMS}?2", id="g", answer=allow(credentials=True))
    asking = cors(f"GET {ITEMS}", id="r", at=1, answer=allow("*"))
    assert leaning(granting, asking) == ["g"]
    assert leaning(asking, granting) == ["g"]
    assert leaning(granting, asking, id="g") == []


def test_other_requests_of_this_page_carry_cookies() -> None:
    carrying = cors(f"GET {ITEMS}?2", "Cookie: a=b", id="c")
    assert leaning(carrying, cors(f"GET {ITEMS}", id="r", at=1)) == ["c"]


@table(
    "change",
    ("another page", {"origin": "https://else.test"}),
    ("another host", {"url": "https://other.test/"}),
    ("another port", {"url": "https://api.test:8443/"}),
    ("another client", {"client": "192.0.2.9"}),
)
def test_what_has_no_bearing(change: dict[str, object]) -> None:
    more = {**change}
    url = more.pop("url", f"{ITEMS}?2")
    other = cors(f"GET {url}", "Cookie: a=b", id="o", answer=allow(credentials=True), **more)  # type: ignore[arg-type]
    assert leaning(other, cors(f"GET {ITEMS}", id="r", at=1)) == []


def test_what_passes_without_only_and_was_not_followed() -> None:
    asked = preflight(f"PUT {ITEMS}", id="p", answer=allow("*", methods="PUT"))
    assert leaning(asked, exchange(f"GET {APP}/", id="x", at=1), id="p") == []
    assert leaning(asked, exchange(f"GET {APP}/", id="x", at=3), id="p") == ["p"]


@table(
    "ids, loads",
    ("one page all the time", ["g"], ()),
    ("opened before", ["g"], (0.0,)),
    ("another load between", [], (0.0, 2.0)),
    ("another load after", ["g"], (0.0, 4.0)),
    ("at the very moment", [], (3.0,)),
)
@pytest.mark.parametrize("late", [False, True], ids=["in order", "documents seen last"])
def test_what_an_earlier_load_of_a_page_did_speaks_for_that_load_only(
    ids: list[str], loads: Sequence[float], late: bool
) -> None:
    granting = cors(f"GET {ITEMS}?2", id="g", at=1, answer=allow(credentials=True))
    asking = cors(f"GET {ITEMS}", id="r", at=3)
    seen = Seen()
    if not late:
        for at in loads:
            seen.load(at)
    seen.observe(granting)
    seen.observe(asking)
    if late:
        for at in loads:
            changed = seen.load(at)
            assert ("r" in changed) is (at <= 3.0), "what it is told by stays the same after that"
    assert [each.exchange_id for each in seen.of("r").evidence] == ids


def test_a_load_comes_to_what_it_may_explain() -> None:
    """A preflight that nothing followed, and whose origin is null; all else it leaves alone."""
    sandboxed = cors(f"GET {ITEMS}", id="n", at=6, origin="null")
    waits = preflight(f"PUT {ITEMS}", id="p", at=2, answer=allow("*", methods="PUT"))
    followed = preflight(f"PUT {ITEMS}?2", id="f", at=2, answer=allow("*", methods="PUT"))
    seen = Seen(waits, followed, cors(f"PUT {ITEMS}?2", id="r", at=2.2), cors(f"GET {ITEMS}", id="c", at=5), sandboxed)
    assert seen.load(3.0) == {"p", "n"}


def test_news_about_a_page_leaves_its_earlier_loads_alone() -> None:
    seen = Seen()
    seen.load(0.0)
    seen.observe(cors(f"GET {ITEMS}", id="before", at=1))
    seen.load(2.0)
    seen.observe(cors(f"GET {ITEMS}?2", id="after", at=3))
    assert seen.observe(cors(f"GET {ITEMS}?3", id="g", at=4, answer=allow(credentials=True))) == {"after"}


def test_news_about_a_page_comes_to_all_that_it_may_concern() -> None:
    seen = Seen(cors(f"GET {ITEMS}", id="a"), cors(f"GET {ITEMS}?2", id="b", at=1))
    assert seen.observe(cors(f"GET {ITEMS}?3", id="g1", at=2, answer=allow(credentials=True))) == {"a", "b"}
    # The first leaves itself aside, so the second is news for the first.
    assert seen.observe(cors(f"GET {ITEMS}?4", id="g2", at=3, answer=allow(credentials=True))) == {"a", "b", "g1"}
    assert seen.observe(cors(f"GET {ITEMS}?5", id="g3", at=4, answer=allow(credentials=True))) == set()


# --- forgetting ----------------------------------------------------------------------------------------------------


def test_what_a_forgotten_exchange_showed_is_forgotten_with_it() -> None:
    seen = Seen(
        cors(f"GET {ITEMS}?2", id="g", answer=allow(credentials=True)),
        cors(f"GET {ITEMS}", id="r", at=1),
    )
    assert seen.of("r").leaning
    seen.correlator.forget("g")
    assert seen.of("r").assumed
