"""Cookies that a server sets and browsers do not take."""

from collections.abc import Sequence

import pytest

from cors_addon.traffic.cookies import CookieObserver, Refusal, Refused, refusals
from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.exchange import Exchange
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, allow, cors

LOGIN = f"POST {API}/login"


def setting(*cookies: str, request: str = LOGIN, **more: object) -> Exchange:
    origin = str(more.get("origin", APP))
    answer = [*allow(origin, credentials=True), *(f"Set-Cookie: {each}" for each in cookies)]
    return cors(request, "Content-Type: text/plain", answer=answer, **more)  # type: ignore[arg-type]


class Watched:
    def __init__(self, *exchanges: Exchange) -> None:
        self.correlator = Correlator()
        self.observer = CookieObserver(self.correlator)
        self.changed = [self.observe(each) for each in exchanges]

    def observe(self, exchange: Exchange) -> set[str]:
        self.correlator.observe(exchange)
        return self.observer.observe(self.correlator.records[exchange.id])

    def of(self, id: str) -> Sequence[Refused]:
        return self.observer.of(self.correlator.records[id])


@table(
    "cookie, why",
    ("as it should be", "a=1; Secure; SameSite=None", None),
    ("in any letter case", "a=1; secure; samesite=NONE; Path=/", None),
    ("Lax", "a=1; Secure; SameSite=Lax", Refusal.SAME_SITE),
    ("Strict", "a=1; SameSite=strict", Refusal.SAME_SITE),
    ("nothing said", "a=1; Secure", Refusal.NO_SAME_SITE),
    ("a word that nobody knows", "a=1; Secure; SameSite=Yes", Refusal.NO_SAME_SITE),
    ("None without Secure", "a=1; SameSite=None", Refusal.NOT_SECURE),
    ("a host's own domain", "a=1; Secure; SameSite=None; Domain=api.test", None),
    ("with the old dot in front", "a=1; Secure; SameSite=None; Domain=.api.test", None),
    ("another host", "a=1; Secure; SameSite=None; Domain=app.test", Refusal.DOMAIN),
    ("a suffix that many share", "a=1; Secure; SameSite=None; Domain=test", Refusal.DOMAIN),
    ("a prefix that forbids Domain", "__Host-a=1; Secure; SameSite=None; Path=/; Domain=api.test", Refusal.DOMAIN),
    ("a prefix that wants a path", "__Host-a=1; Secure; SameSite=None", Refusal.DOMAIN),
    ("a prefix that wants Secure", "__Secure-a=1; SameSite=None", Refusal.NOT_SECURE),
    ("a load balancer's own", "AWSALB=1; Path=/", None),
    ("no name", "=1", Refusal.NO_SAME_SITE),
)
def test_across_sites(cookie: str, why: Refusal | None) -> None:
    watched = Watched(setting(cookie))
    assert [each.why for each in refusals(watched.correlator.records["1"])] == ([why] if why else [])


def test_within_a_site_and_over_http() -> None:
    same = setting(
        "a=1; SameSite=Strict", "b=2; Domain=else.test", request="POST https://api.app.test/", site="same-site"
    )
    assert [(each.name, each.why) for each in Watched(same).of("1")] == [("b", Refusal.DOMAIN)]
    plain = setting("a=1; Secure", "b=2", request="POST http://api.app.test/", origin="http://app.test")
    assert [(each.name, each.why) for each in Watched(plain).of("1")] == [("a", Refusal.SECURE_OVER_HTTP)]


@pytest.mark.parametrize("browser", ["firefox", "webkit"])
def test_only_chromium_takes_silence_for_lax(browser: str) -> None:
    assert Watched(setting("a=1; Secure", browser=browser)).of("1") == ()
    assert Watched(setting("a=1; Secure; SameSite=Lax", browser=browser)).of("1") != ()


@table(
    "agent, refused",
    ("79", "Mozilla/5.0 AppleWebKit/537.36 Chrome/79.0.3945.130 Safari/537.36", False),
    ("80", "Mozilla/5.0 AppleWebKit/537.36 Chrome/80.0.3987.87 Safari/537.36", True),
)
def test_a_browser_goes_by_the_rules_of_its_day(agent: str, refused: bool) -> None:
    assert bool(Watched(setting("a=1; Secure", browser=agent)).of("1")) is refused


@pytest.mark.parametrize("order", [1, -1])
def test_a_cookie_that_comes_back_was_taken(order: int) -> None:
    exchanges = [
        setting("a=1; Secure", id="login", at=1),
        cors(f"GET {API}/me", "Cookie: b=2; a=1", id="later", at=2, answer=allow(credentials=True)),
    ]
    watched = Watched(*exchanges[::order])
    assert watched.of("login") == ()
    assert watched.changed[-1] == ({"login"} if order == 1 else set())


def test_a_cookie_that_was_there_before_proves_nothing() -> None:
    watched = Watched(
        cors(LOGIN, "Cookie: a=0", id="login", at=1, answer=[*allow(credentials=True), "Set-Cookie: a=1; Secure"]),
        cors(f"GET {API}/me", "Cookie: a=0", id="later", at=2, answer=allow(credentials=True)),
    )
    assert watched.of("login") == (Refused("a", Refusal.NO_SAME_SITE, "login"),)


def test_without_credentials_there_are_no_cookies() -> None:
    assert Watched(cors(LOGIN, answer=[*allow("*"), "Set-Cookie: a=1"])).of("1") == ()


def test_who_lacks_it_later() -> None:
    watched = Watched(
        cors(f"GET {API}/me", id="early", status=401, answer=allow(credentials=True)),
        setting("a=1; Secure", id="login", at=1),
        cors(f"GET {API}/me", id="late", at=2, status=401, answer=allow(credentials=True)),
        cors(f"GET {API}/me", "Cookie: b=2", id="other", at=3, status=401, answer=allow(credentials=True)),
        cors(f"GET {API}/me", "Authorization: Bearer x", id="token", at=3, status=401, answer=allow(credentials=True)),
        cors(f"GET {API}/me", id="elsewhere", at=3, client="192.0.2.9", status=401),
    )
    assert watched.changed == [set(), {"early"}, set(), set(), set(), set()]
    assert watched.of("late") == watched.of("login") == (Refused("a", Refusal.NO_SAME_SITE, "login"),)
    assert [watched.of(id) for id in ("early", "other", "token", "elsewhere")] == [(), (), (), ()]
    watched.correlator.forget("login")
    assert watched.of("late") == ()


@table(
    "status, lines, kept",
    ("kept back", 401, ["Sec-Fetch-Storage-Access: none"], True),
    ("not needed", 200, ["Sec-Fetch-Storage-Access: none"], False),
    ("sent, and not the right one", 401, ["Sec-Fetch-Storage-Access: none", "Cookie: a=b"], False),
    ("may be sent", 403, ["Sec-Fetch-Storage-Access: active"], False),
)
def test_a_browser_that_blocks_cookies_of_other_sites(status: int, lines: list[str], kept: bool) -> None:
    watched = Watched(cors(f"GET {API}/me", *lines, status=status, answer=allow(credentials=True)))
    assert [each.why for each in watched.of("1")] == ([Refusal.THIRD_PARTY] if kept else [])
