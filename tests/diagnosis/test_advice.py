"""What no browser blocks and a developer should still know."""

import pytest

from cors_addon.catalogue.violation import Severity
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.traffic.exchange import Exchange
from tests.fetch.table import table
from tests.traffic.exchanges import APP, ITEMS, allow, cors, exchange, metadata, preflight
from tests.verdict.judging import ALLOWED, BLOCKED, COOKIE, ids, verdict_of

ACEH = "Access-Control-Expose-Headers"
KEPT = "Access-Control-Max-Age"


def advice(*exchanges: Exchange) -> list[str]:
    verdict = verdict_of(*exchanges, audit=True)
    assert verdict.outcome is ALLOWED
    assert not {finding.severity for finding in verdict.findings} & {Severity.BLOCKED, Severity.CONDITIONAL}
    return ids(verdict)


def test_without_audit_there_is_none() -> None:
    answer = ["X-Hidden: 1", f"{ACEH}: (", "Set-Cookie: a=b", *allow("*", credentials=True)]
    found = cors(f"GET {ITEMS}", answer=answer)
    assert ids(verdict_of(found, audit=False)) == []
    assert len(advice(found)) >= 2


# --- preflights ----------------------------------------------------------------------------------------------------


@table(
    "found, browser, age",
    ("a number", [], "chromium", "600"),
    ("none at all", [], "chromium", None),
    ("no number", ["max-age-invalid"], "chromium", "10m"),
    ("a negative number", ["max-age-invalid"], "chromium", "-1"),
    ("at the cap", [], "chromium", "7200"),
    ("above it", ["max-age-capped"], "chromium", "7201"),
    ("Firefox keeps it for a day", [], "firefox", "86400"),
    ("and no more", ["max-age-capped"], "firefox", "86401"),
    ("Safari for ten minutes", ["max-age-capped"], "webkit", "601"),
)
def test_max_age(found: list[str], browser: str, age: str | None) -> None:
    answer = allow(methods="PUT") + ([] if age is None else [f"{KEPT}: {age}"])
    assert advice(preflight(f"PUT {ITEMS}", answer=answer, browser=browser)) == found


def test_a_preflight_that_nothing_followed() -> None:
    asked = preflight(f"PUT {ITEMS}", id="p", answer=allow(credentials=True, methods="PUT"))
    later = exchange("GET https://else.test/", id="x", at=5)
    assert ids(judge_all([asked, later])["p"]) == ["preflight-not-followed"]
    assert ids(judge_all([asked, cors(f"PUT {ITEMS}", id="r", at=0.2), later])["p"]) == []
    gone = exchange("GET https://else.test/", *metadata("navigate", "none", "document"), id="x", at=1)
    told = judge_all([asked, gone, exchange("GET https://else.test/y", id="y", at=5)])["p"].findings[0]
    assert "another page was loaded meanwhile" in told.message


def test_the_url_that_is_told_keeps_its_secrets() -> None:
    url = f"{ITEMS}?token={'s3cr3t' * 60}"
    asked = preflight(f"PUT {url}", id="p", answer=allow(credentials=True, methods="PUT"))
    (told,) = judge_all([asked, exchange("GET https://else.test/", id="x", at=5)])["p"].findings
    assert "token=REDACTED" in told.message
    assert "cr3t" not in told.message


def test_one_that_the_browser_refused_is_no_riddle() -> None:
    later = exchange("GET https://else.test/", id="x", at=5)
    blocked = judge_all([preflight(f"PUT {ITEMS}", id="p"), later])["p"]
    assert (blocked.outcome, "preflight-not-followed" in ids(blocked)) == (BLOCKED, False)
    hanging = judge_all([preflight(f"PUT {ITEMS}", id="p", answer=allow("*", methods="PUT")), later])["p"]
    assert "preflight-not-followed" not in ids(hanging)


@table(
    "told, found",
    ("a method that needs one", True, cors(f"PUT {ITEMS}", answer=allow())),
    ("a header that needs one", True, cors(f"GET {ITEMS}", "X-A: 1", answer=allow())),
    ("a simple request", False, cors(f"GET {ITEMS}", answer=allow())),
    ("an EventSource that goes on where it was", False, cors(f"GET {ITEMS}", "Last-Event-ID: 7", answer=allow())),
    ("a HAR, which leaves them out", False, cors(f"PUT {ITEMS}", answer=allow(), source="har")),
    ("an app's mark", False, cors(f"GET {ITEMS}", "X-Requested-With: com.example.app", answer=allow())),
)
def test_a_preflight_that_was_not_seen(told: bool, found: Exchange) -> None:
    assert advice(found) == (["preflight-not-seen"] if told else [])
    for browser in ("firefox", "webkit"):
        covered = preflight(f"PUT {ITEMS}", id="p", at=-3, answer=allow(methods="PUT"), browser=browser)
        assert advice(covered, cors(f"PUT {ITEMS}", answer=allow(), browser=browser)) == []


# --- what a page may read ------------------------------------------------------------------------------------------


@table(
    "found, lines",
    ("nothing else there", [], ()),
    ("safelisted names", [], ("Content-Type: text/plain", "ETag2: x")[:1]),
    ("a header that scripts want", ["header-not-exposed"], ("X-Total-Count: 7",)),
    ("exposed", [], ("X-Total-Count: 7", f"{ACEH}: x-total-count")),
    ("exposed by a star", [], ("X-Total-Count: 7", f"{ACEH}: *")),
    ("what servers add is not worth a word", [], ("Server: x", "Date: y", "Vary: Origin", "X-Powered-By: z")),
    ("a list that does not parse", ["expose-headers-invalid"], ("X-Total-Count: 7", f"{ACEH}: x-total-count; q=1")),
)
def test_exposed_headers(found: list[str], lines: tuple[str, ...]) -> None:
    assert advice(cors(f"GET {ITEMS}", answer=[*allow("*"), *lines])) == found


def test_a_star_exposes_nothing_beside_credentials() -> None:
    answer = [*allow(credentials=True), "X-Total-Count: 7", f"{ACEH}: *"]
    assert advice(cors(f"GET {ITEMS}", COOKIE, answer=answer)) == ["expose-headers-wildcard-with-credentials"]


def test_an_error_has_nothing_worth_exposing() -> None:
    assert advice(cors(f"GET {ITEMS}", status=404, answer=[*allow(), "X-Total-Count: 7"])) == []


@pytest.mark.parametrize("lines", [("X-Total-Count: 7",), (f"{ACEH}: (",)])
def test_what_nobody_gets_need_not_be_exposed(lines: tuple[str, ...]) -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", answer=lines), audit=True)
    assert (verdict.outcome, ids(verdict)) == (BLOCKED, ["allow-origin-missing"])


@table(
    "told, lines, granted",
    ("without credentials", True, (), "*"),
    ("with", False, (COOKIE,), APP),
    ("nobody knows", False, (), APP),
)
def test_a_cookie_that_is_set_in_vain(told: bool, lines: tuple[str, ...], granted: str) -> None:
    asked = preflight(f"PUT {ITEMS}", answer=allow(granted, methods="PUT", credentials=True))
    answer = ["Set-Cookie: session=secret; Path=/; Secure; SameSite=None", *allow(credentials=True)]
    verdict = verdict_of(asked, cors(f"PUT {ITEMS}", *lines, id="put", at=1, answer=answer), audit=True)
    assert ids(verdict) == (["set-cookie-ignored"] if told else [])
    assert "secret" not in str(verdict.to_plain())


@table(
    "told, value",
    ("the page", False, APP),
    ("everybody", False, "*"),
    ("the page among others", False, f"https://else.test, {APP}"),
    ("others", True, "https://else.test"),
    ("nobody", True, ""),
)
def test_timing(told: bool, value: str) -> None:
    found = advice(cors(f"GET {ITEMS}", answer=[*allow(), f"Timing-Allow-Origin: {value}"]))
    assert found == (["timing-allow-origin-missing"] if told else [])


# --- what may be mixed up ------------------------------------------------------------------------------------------


def test_two_origins_that_a_cache_may_mix_up() -> None:
    one = cors(f"GET {ITEMS}", id="1", answer=allow())
    two = cors(f"GET {ITEMS}", id="2", at=1, origin="https://else.test", answer=allow("https://else.test"))
    verdicts = judge_all([one, two])
    for id, other in (("1", "https://else.test (flow 2)"), ("2", f"{APP} (flow 1)")):
        (told,) = verdicts[id].findings
        assert told.id == "vary-origin-missing"
        assert told.severity is Severity.RISK
        assert other in [line.value for line in told.evidence]


@table(
    "told, lines, answer",
    ("a star and credentials", True, (), allow("*", credentials=True)),
    ("an origin and credentials", False, (), allow(credentials=True)),
    ("a star alone", False, (), allow("*")),
)
def test_a_star_beside_credentials_is_a_contradiction(told: bool, lines: tuple[str, ...], answer: list[str]) -> None:
    assert advice(cors(f"GET {ITEMS}", *lines, answer=answer)) == (["allow-credentials-with-wildcard"] if told else [])


def test_what_a_failure_says_worse_is_not_said_twice() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", COOKIE, answer=allow("*", credentials=True)), audit=True)
    assert ids(verdict) == ["allow-origin-wildcard-with-credentials"]


# --- Origin: null --------------------------------------------------------------------------------------------------


def test_a_null_origin_is_told_with_its_source() -> None:
    verdict = verdict_of(cors(f"GET {ITEMS}", origin="null"), audit=True)
    assert ids(verdict) == ["allow-origin-missing", "origin-null"]
    assert "file:" in verdict.findings[1].message
    asked = verdict_of(preflight(f"PUT {ITEMS}", origin="null", answer=allow("*", methods="PUT")), audit=True)
    assert ids(asked) == []


def test_a_line_repeated_ten_thousand_times_is_shown_a_few_times() -> None:
    lines = ["Timing-Allow-Origin: https://else.test"] * 10_000
    (told,) = verdict_of(cors(f"GET {ITEMS}", answer=[*allow(), *lines]), audit=True).findings
    assert len(told.evidence) == 8
