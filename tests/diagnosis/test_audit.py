"""The audit: what it raises, how much it makes of it, and above all what it leaves alone."""

from dataclasses import replace

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.advice import AUDIT
from cors_addon.catalogue.violation import Severity, Violation
from cors_addon.diagnosis.audit import is_public, severity_of_trust
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Settings
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.origins import origin_of
from cors_addon.traffic.exchange import Exchange, Responder
from tests.diagnosis.causes.corpus import cases
from tests.fetch.table import table
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, lines_of, preflight
from tests.verdict.judging import ALLOWED, COOKIE, ids, verdict_of

STRANGER = "https://stranger.test"
ECHOED = "origin-echoed-with-credentials"
RISK, ADVICE, INFO = Severity.RISK, Severity.ADVICE, Severity.INFO
RAISED = {violation.id for violation in AUDIT}


def me(origin: str, *lines: str, id: str = "1", at: float = 0, **more: object) -> Exchange:
    """A page is told about the signed-in user, and allowed by name with credentials."""
    more.setdefault("answer", [*allow(origin, credentials=True), "Vary: Origin"])
    return cors(f"GET {API}/me", *lines, origin=origin, id=id, at=at, **more)  # type: ignore[arg-type]


def raised(*exchanges: Exchange) -> dict[str, Severity]:
    """Return what the audit says of the last exchange."""
    verdict = verdict_of(*exchanges, audit=True)
    return {finding.id: finding.severity for finding in verdict.findings if finding.id in RAISED}


# --- what is as it should be -----------------------------------------------------------------------------------------


@table(
    "found",
    ("public data for everybody", cors(f"GET {ITEMS}", answer=allow("*"))),
    ("at a public address", cors(f"GET {ITEMS}", answer=allow("*"), address="203.0.113.7")),
    ("everybody, and a token of the page's own", cors(f"GET {ITEMS}", "Authorization: Bearer x", answer=allow("*"))),
    ("a page without credentials", cors(f"GET {ITEMS}", answer=allow())),
    ("a page with credentials", me(APP, COOKIE)),
    ("a page of the host's own site", me("https://www.api.test", COOKIE)),
    (
        "an http page at an http host",
        cors(
            "GET http://api.test/me",
            COOKIE,
            origin="http://app.test",
            answer=allow("http://app.test", credentials=True),
        ),
    ),
    (
        "an http page without credentials",
        cors(f"GET {ITEMS}", origin="http://app.test", answer=allow("http://app.test")),
    ),
    ("null without credentials", cors(f"GET {ITEMS}", origin="null", answer=allow("null"))),
    ("a page on this machine at a server on it", me("http://localhost:3000", COOKIE, address="127.0.0.1")),
    ("at one of the local network", me("http://localhost:3000", COOKIE, address="192.168.1.9")),
    ("at one that a test name shows to be for development", me("http://localhost:3000", COOKIE)),
    (
        "a token for one page",
        cors(f"GET {ITEMS}", answer=[*allow(), "X-Auth-Token: 1", "Access-Control-Expose-Headers: x-auth-token"]),
    ),
    (
        "a preflight that allows what was asked for",
        preflight(f"PUT {ITEMS}", "x-a", answer=allow(methods="PUT", names="x-a")),
    ),
    ("one that lets nothing be kept", preflight(f"PUT {ITEMS}", answer=allow(methods="PUT"))),
)
def test_nothing_is_raised(found: Exchange) -> None:
    assert raised(found) == {}


@table(
    "status",
    ("signed out", 401),
    ("forbidden", 403),
    ("not there", 404),
    ("broken", 500),
    ("somewhere else", 302),
)
def test_an_error_is_never_a_risk(status: int) -> None:
    for origin in ("null", "http://app.test", STRANGER, "https://a.github.io"):
        assert raised(me(APP, COOKIE), me(origin, COOKIE, id="2", at=1, status=status)) == {}
    assert raised(cors(f"GET {ITEMS}", answer=allow("*"), status=status, address="192.168.1.9")) == {}


def test_what_the_proxy_answered_says_nothing_of_the_server() -> None:
    assert raised(replace(me("null", COOKIE), responder=Responder.LOCAL)) == {}


def test_without_the_audit_nothing_is_raised() -> None:
    verdicts = judge_all([me(APP, COOKIE), me("null", COOKIE, id="2")], Settings(audit=False))
    assert [ids(verdict) for verdict in verdicts.values()] == [[], []]


# --- whom the server trusts ------------------------------------------------------------------------------------------


@table(
    "found, origin, severity, lines, address",
    ("null", "null-origin-with-credentials", "null", RISK, (COOKIE,), ""),
    ("null, and nobody signed in", "null-origin-with-credentials", "null", ADVICE, (), ""),
    (
        "null, and a token that other pages lack",
        "null-origin-with-credentials",
        "null",
        ADVICE,
        ("Authorization: Bearer x",),
        "",
    ),
    (
        "null, and what the browser sends by itself",
        "null-origin-with-credentials",
        "null",
        RISK,
        ("Authorization: Basic YTpi",),
        "",
    ),
    ("null on the developer's own machine", "null-origin-with-credentials", "null", ADVICE, (COOKIE,), "127.0.0.1"),
    ("null inside", "null-origin-with-credentials", "null", RISK, (COOKIE,), "10.0.0.7"),
    ("http", "http-origin-with-credentials", "http://app.test", RISK, (COOKIE,), ""),
    ("http, and nobody signed in", "http-origin-with-credentials", "http://app.test", ADVICE, (), ""),
    ("http at the host's own name", "http-origin-with-credentials", "http://api.test", RISK, (COOKIE,), ""),
    ("this machine", "localhost-origin-with-credentials", "http://localhost:5173", ADVICE, (COOKIE,), "203.0.113.7"),
    ("by its address", "localhost-origin-with-credentials", "http://127.0.0.1:5173", ADVICE, (COOKIE,), "203.0.113.7"),
    ("a free host", "shared-hosting-origin-with-credentials", "https://a.netlify.app", INFO, (COOKIE,), ""),
)
def test_single_pages(found: str, origin: str, severity: Severity, lines: tuple[str, ...], address: str) -> None:
    assert raised(me(origin, *lines, address=address)) == {found: severity}


def test_a_service_that_lets_localhost_in_without_cookies_is_left_alone() -> None:
    """A development mode: the key that a script sends is no credential of a signed-in user."""
    assert raised(me("http://localhost:5173", "apikey: k", address="203.0.113.7")) == {}


def test_two_sites_that_have_nothing_in_common() -> None:
    verdicts = judge_all([me(APP, COOKIE, id="a"), me(STRANGER, id="b", at=1)])
    for id, severity, origin, other in (("a", RISK, APP, STRANGER), ("b", ADVICE, STRANGER, APP)):
        (told,) = verdicts[id].findings
        assert (told.id, told.severity) == (ECHOED, severity)
        assert origin in told.message
        lines = {(line.side, line.name): line.value for line in told.evidence[:3]}
        assert lines["request", "Origin"] == origin
        assert told.evidence[-1].value == f"{other} (flow {'b' if id == 'a' else 'a'})"
        assert verdicts[id].outcome is ALLOWED


@table(
    "other",
    ("a page of the same site", "https://www.app.test"),
    ("the same page on http", "http://app.test"),
    ("the host's own page", "https://www.api.test"),
    ("a page on this machine", "http://localhost:3000"),
    ("nobody's", "null"),
)
def test_what_an_allow_list_may_well_hold_proves_no_echo(other: str) -> None:
    assert ECHOED not in raised(me(APP, COOKIE), me(other, COOKIE, id="2", at=1))
    assert ECHOED not in raised(me(other, COOKIE), me(APP, COOKIE, id="2", at=1))


@table(
    "answer",
    ("for another page", [*allow(APP, credentials=True)]),
    ("for everybody", [*allow("*", credentials=True)]),
    ("without credentials", [*allow(STRANGER)]),
    ("with credentials misspelt", [*allow(STRANGER), "Access-Control-Allow-Credentials: True"]),
    ("none", []),
)
def test_a_stranger_who_is_not_let_in_proves_nothing(answer: list[str]) -> None:
    assert ECHOED not in raised(me(STRANGER, COOKIE, id="2", answer=answer), me(APP, COOKIE, at=1))


def test_one_host_proves_nothing_of_another() -> None:
    other = cors(
        "GET https://api.else.test/me", COOKIE, id="2", origin=STRANGER, answer=allow(STRANGER, credentials=True)
    )
    assert raised(other, me(APP, COOKIE, at=1)) == {}


@table(
    "origin",
    ("the name at the beginning", "https://www.app.test.stranger.test"),
    ("in the middle", "https://xwww.app.testx.stranger.test"),
    ("a letter for a dot", "https://wwwxapp.test"),
)
def test_loose_comparisons(origin: str) -> None:
    known = me("https://www.app.test", COOKIE)
    assert raised(known, me(origin, COOKIE, id="2", at=1)) == {"origin-pattern-too-loose": RISK}
    # The page that is imitated did nothing wrong.
    assert raised(me(origin, COOKIE, id="2", at=1), known) == {}


def test_a_name_that_ends_in_another() -> None:
    assert raised(me(APP, COOKIE), me("https://my-app.test", COOKIE, id="2")) == {"origin-pattern-too-loose": RISK}


def test_two_customers_of_one_hosting_service() -> None:
    one, two = (me(f"https://{name}.netlify.app", COOKIE, id=name) for name in ("one", "two"))
    assert raised(one, two) == {"shared-hosting-origin-with-credentials": RISK}
    assert raised(one, me("https://x.one.netlify.app", COOKIE, id="2")) == {
        "shared-hosting-origin-with-credentials": INFO
    }


def test_who_proves_an_echo_is_found_before_what_it_implies() -> None:
    for origin in ("http://else.test", "https://a.github.io"):
        assert raised(me(APP, COOKIE), me(origin, COOKIE, id="2", at=1)) == {ECHOED: RISK}


@table(
    "public, host, address",
    ("by its address", True, "https://api.test", "203.0.113.7"),
    ("by its name", True, "https://api.shop.com", ""),
    ("a reserved name", False, "https://api.test", ""),
    ("a staging server, wherever it is", False, "https://api.staging.shop.com", "203.0.113.7"),
    ("inside", False, "https://api.shop.com", "10.0.0.1"),
    ("on this machine", False, "http://localhost:8000", ""),
)
def test_which_servers_are_in_use(public: bool, host: str, address: str) -> None:
    origin = origin_of(host)
    assert origin is not None
    assert is_public(origin, address) is public


def test_the_severity_of_trust_asks_for_no_more_than_headers() -> None:
    host = origin_of(API)
    assert host is not None
    assert severity_of_trust(HeaderList(()), host, "") is ADVICE
    assert severity_of_trust(lines_of([COOKIE]), host, "") is RISK


# --- what it gives away ----------------------------------------------------------------------------------------------


@table(
    "severity, address, lines",
    ("inside", ADVICE, "192.168.1.9", ()),
    ("inside, by IPv6", ADVICE, "fd00::9", ()),
    ("this machine", INFO, "127.0.0.1", ()),
    ("this machine, and the door held open", ADVICE, "127.0.0.1", ("Access-Control-Allow-Private-Network: true",)),
)
def test_everybody_may_read_what_is_inside(severity: Severity, address: str, lines: tuple[str, ...]) -> None:
    found = cors(f"GET {ITEMS}", answer=[*allow("*"), *lines], address=address)
    assert raised(found) == {"private-address-wildcard": severity}


def test_a_developers_own_page_and_server_are_left_alone() -> None:
    local = {"origin": "http://localhost:3000", "address": "127.0.0.1"}
    assert raised(cors("GET http://localhost:8000/", answer=allow("*"), **local)) == {}
    opened = [*allow("*"), "Access-Control-Allow-Private-Network: true"]
    assert raised(cors("GET http://localhost:8000/", answer=opened, **local)) == {"private-address-wildcard": ADVICE}


@table(
    "raised_, lines",
    ("a key for everybody", True, ("X-API-Key: 1", "Access-Control-Expose-Headers: X-Api-Key", *allow("*"))),
    ("by a star", True, ("Authorization: Bearer x", "Access-Control-Expose-Headers: *", *allow("*"))),
    ("to null", True, ("X-Auth-Token: 1", "Access-Control-Expose-Headers: X-Auth-Token", *allow("null"))),
    ("exposed and not sent", False, ("Access-Control-Expose-Headers: X-Api-Key", *allow("*"))),
    ("sent and not exposed", False, ("X-API-Key: 1", *allow("*"))),
    ("a token of another kind", False, ("X-Next-Page-Token: 1", "Access-Control-Expose-Headers: *", *allow("*"))),
    (
        "the star of a page with credentials is a name",
        False,
        ("X-API-Key: 1", "Access-Control-Expose-Headers: *", *allow(credentials=True)),
    ),
    ("a list that does not parse", False, ("X-API-Key: 1", "Access-Control-Expose-Headers: x-api-key;", *allow("*"))),
)
def test_secrets(raised_: bool, lines: tuple[str, ...]) -> None:
    origin = "null" if "Access-Control-Allow-Origin: null" in lines else APP
    found = raised(cors(f"GET {ITEMS}", origin=origin, answer=lines))
    assert found == ({"secret-header-exposed": ADVICE} if raised_ else {})


def test_a_secret_for_whoever_asks() -> None:
    lines = ("X-Auth-Token: 1", "Access-Control-Expose-Headers: X-Auth-Token", "Vary: Origin")
    one, two = (me(origin, id=origin, answer=[*allow(origin, credentials=True), *lines]) for origin in (APP, STRANGER))
    assert raised(one, two) == {ECHOED: ADVICE, "secret-header-exposed": ADVICE}


def test_set_cookie_is_exposed_to_nobody() -> None:
    found = cors(f"GET {ITEMS}", answer=[*allow(), "Access-Control-Expose-Headers: X-A, Set-Cookie"])
    assert raised(found) == {"expose-headers-forbidden": ADVICE}


# --- what it makes browsers ask --------------------------------------------------------------------------------------


def ask(method: str, *names: str, id: str, at: float = 0, path: str = "/items", **answer: str | None) -> Exchange:
    lines = allow(methods=answer.get("methods") or method, names=answer.get("allowed") or ",".join(names))
    if answer.get("age") is not None:
        lines.append(f"Access-Control-Max-Age: {answer['age']}")
    return preflight(f"{method} {API}{path}", *names, id=id, at=at, answer=lines)


@table(
    "found, first, second",
    ("methods at one URL", True, ask("PUT", id="a"), ask("DELETE", id="b", at=1)),
    ("header names at one host", True, ask("GET", "x-a", "x-b", id="a"), ask("GET", "x-c", id="b", at=1, path="/b")),
    (
        "one method at each of two URLs is a plain route",
        False,
        ask("PUT", id="a"),
        ask("DELETE", id="b", at=1, path="/b"),
    ),
    ("single names may be a plain list", False, ask("GET", "x-a", id="a"), ask("GET", "x-b", id="b", at=1)),
    ("the same twice", False, ask("PUT", "x-a", "x-b", id="a"), ask("PUT", "x-a", "x-b", id="b", at=1)),
    (
        "a list of its own",
        False,
        ask("PUT", id="a", methods="PUT, DELETE"),
        ask("DELETE", id="b", at=1, methods="PUT, DELETE"),
    ),
    (
        "in the server's own spelling",
        False,
        ask("GET", "x-a", "x-b", id="a", allowed="X-A, X-B"),
        ask("GET", "x-c", "x-d", id="b", at=1, allowed="X-C, X-D"),
    ),
)
def test_a_copied_question(found: bool, first: Exchange, second: Exchange) -> None:
    for exchanges in ((first, second), (second, first)):
        assert raised(*exchanges) == ({"preflight-echoed": INFO} if found else {})


def test_methods_that_nobody_can_send() -> None:
    found = ask("PUT", id="a", methods="PUT, trace, CONNECT")
    assert raised(found) == {"allow-methods-forbidden": INFO}
    assert "CONNECT, TRACE" in verdict_of(found, audit=True).findings[0].message


@table(
    "found, later, age",
    ("a minute later", True, 60.0, None),
    ("at once, as browsers do on their own account", False, 3.0, None),
    ("when no browser would have kept it", False, 800.0, None),
    ("although it might have been kept", False, 60.0, "600"),
    ("and the server wants it so", False, 60.0, "0"),
)
def test_the_same_question_again(found: bool, later: float, age: str | None) -> None:
    first, second = ask("PUT", id="a", age=age), ask("PUT", id="b", at=later, age=age)
    verdicts = judge_all([second, first])
    assert ("max-age-missing" in ids(verdicts["b"])) is found
    assert "max-age-missing" not in ids(verdicts["a"])


@pytest.mark.parametrize("violation", AUDIT, ids=[violation.id for violation in AUDIT])
def test_the_audit_never_blocks(violation: Violation) -> None:
    assert violation in CATALOGUE.values()
    assert violation.severity in (RISK, ADVICE, INFO)
    assert violation.cwe in (None, 183, 200, 942)


# --- sessions in which nothing is wrong ------------------------------------------------------------------------------

HEALTHY = cases("healthy")


def test_a_hundred_healthy_exchanges_raise_nothing_that_shows() -> None:
    found = {
        (case.name, finding.id): finding.message
        for case in HEALTHY
        for verdict in judge_all(case.exchanges).values()
        for finding in verdict.findings
        if finding.id in RAISED and finding.severity is not INFO
    }
    assert sum(len(case.exchanges) for case in HEALTHY) >= 100
    assert found == {}
