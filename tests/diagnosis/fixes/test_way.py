"""The way to green: made as it says, the exchange passes."""

from dataclasses import replace
from pathlib import Path

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import Severity, Stage
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.fixes.way import mended
from cors_addon.diagnosis.session import Settings
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.transcript import parse_transcript
from cors_addon.verdict.fix_steps import STATUS, Change, Way
from cors_addon.verdict.model import Judge, Outcome, Verdict
from tests.verdict.judging import verdict_of

CORPUS = sorted((Path(__file__).parents[2] / "corpus").glob("*.txt"))
STOPS = (Severity.BLOCKED, Severity.CONDITIONAL)
PASSED = (Outcome.ALLOWED, Outcome.NOT_CORS)

NO_HEADER_CURES = {
    "redirect-url-credentials": "the redirect has to lead elsewhere",
    "redirect-scheme": "the redirect has to lead elsewhere",
    "redirect-mixed-content": "the redirect has to lead to https",
    "redirect-too-many": "the loop has to end",
    "mode-same-origin": "the page asked for its own origin's response only",
    "network-error": "there is no response to change",
    "blocked-response-not-saved": "there is no response to change",
    "local-network-access": "the browser asks its user",
    "origin-null": "the page has to have an origin",
    "orb-blocked": "the body is not what the page loads",
    "nosniff-mime": "the body is not what the page loads",
    "preflight-redirect": "the client calls the target, unless it is a login: a test of its own",
    "max-age-capped": "nothing is wrong",
    "set-cookie-ignored": "the client makes the request without credentials",
    "preflight-not-seen": "nothing is wrong",
    "preflight-not-followed": "nothing is wrong",
    "expose-headers-wildcard-with-credentials": "which names the page wants is known only where some are hidden",
}


def transcript(text: str) -> list[Exchange]:
    return parse_transcript(text)


def way_of(text: str, judge: Judge | None = None) -> Way:
    verdict = verdict_of(*transcript(text), audit=True, judge=judge)
    assert verdict.way is not None
    return verdict.way


def judged_again(exchanges: list[Exchange], verdicts: dict[str, Verdict], judge: Judge) -> dict[str, Verdict]:
    """Judge everything once more, with every way gone to its end."""
    changed = []
    for exchange in exchanges:
        way = verdicts[exchange.id].way if exchange.id in verdicts else None
        if way is not None and exchange.response is not None:
            exchange = replace(exchange, response=mended(exchange.response, way.changes))
        changed.append(exchange)
    return judge_all(changed, Settings(judge))


def is_taken_for_unfollowed(verdict: Verdict, way: Way) -> bool:
    """Say whether what is left is only that nothing came after what passes now, since the capture ends as it did."""
    texts = [text for _, text, _, _ in verdict.credentials.evidence]
    return not way.credentials and verdict.outcome is Outcome.CONDITIONAL and "nothing followed" in " ".join(texts)


def needs_more(verdict: Verdict) -> bool:
    """Say whether an opaque origin is let in, and only with credentials it is not: nothing grants it those."""
    left = {finding.id for finding in verdict.findings if finding.severity in STOPS}
    return left == {"allow-origin-wildcard-with-credentials"} and "origin-null" in {
        each.id for each in verdict.findings
    }


def check_cured(exchanges: list[Exchange], judge: Judge) -> int:
    """Check that what a way changes is mended; return how many findings that stop a browser were."""
    before = judge_all(exchanges, Settings(judge))
    after = judged_again(exchanges, before, judge)
    cured = 0
    for id, verdict in before.items():
        if verdict.way is None:
            continue
        mended_ids = {one for step in verdict.way.steps if step.changes for one in step.findings}
        left = {finding.id for finding in after[id].findings}
        assert not mended_ids & left, (verdict.url, mended_ids & left)
        stopped = {finding.id for finding in verdict.findings if finding.severity in STOPS}
        if stopped <= mended_ids and not is_taken_for_unfollowed(after[id], verdict.way) and not needs_more(after[id]):
            assert not any(finding.severity in STOPS for finding in after[id].findings)
            if verdict.outcome not in PASSED:
                assert after[id].outcome in PASSED, (verdict.url, after[id].findings)
        cured += len(stopped & mended_ids)
    return cured


@pytest.mark.parametrize("judge", Judge, ids=[judge.value for judge in Judge])
@pytest.mark.parametrize("id", CATALOGUE)
def test_every_example_of_the_catalogue_that_headers_cure_is_cured(id: str, judge: Judge) -> None:
    violation = CATALOGUE[id]
    exchanges = transcript(violation.broken)
    check_cured(exchanges, judge)
    verdicts = judge_all(exchanges, Settings(judge))
    found = [v for v in verdicts.values() if any(f.id == id for f in v.findings)]
    mended_ids = {
        one
        for verdict in found
        if verdict.way is not None
        for step in verdict.way.steps
        if step.changes
        for one in step.findings
    }
    if violation.severity is Severity.BLOCKED or id in NO_HEADER_CURES:
        assert (id in mended_ids) is (id not in NO_HEADER_CURES) or not found


@pytest.mark.parametrize("judge", Judge, ids=[judge.value for judge in Judge])
@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_the_corpus_is_cured_as_far_as_headers_can(path: Path, judge: Judge) -> None:
    check_cured(transcript(path.read_text(encoding="utf-8")), judge)


def test_nearly_all_that_stops_a_browser_in_the_corpus_is_cured() -> None:
    cured = sum(check_cured(transcript(path.read_text(encoding="utf-8")), Judge.CHROMIUM) for path in CORPUS)
    assert cured >= 60, cured


FETCH = "> Origin: https://app.test\n> Sec-Fetch-Mode: cors\n> Sec-Fetch-Site: cross-site\n> Sec-Fetch-Dest: empty"
PREFLIGHT = f"""
> OPTIONS https://api.test/items
{FETCH}
> Access-Control-Request-Method: PUT
> Access-Control-Request-Headers: content-type,x-trace
"""


def test_all_that_fails_comes_in_the_order_of_the_browser_and_says_what_comes_next() -> None:
    way = way_of(PREFLIGHT + "< 405\n< Access-Control-Allow-Headers: content-type")
    assert [(step.findings, step.next) for step in way.steps] == [
        (("allow-origin-missing",), "preflight-status-not-ok"),
        (("preflight-status-not-ok",), "method-not-allowed"),
        (("method-not-allowed",), "header-not-allowed"),
        (("header-not-allowed",), None),
    ]
    assert [step.text for step in way.steps] == [
        "add Access-Control-Allow-Origin: https://app.test; add Vary: Origin",
        "answer with status 204 in place of 405",
        "add Access-Control-Allow-Methods: PUT",
        "Access-Control-Allow-Headers: content-type -> content-type, x-trace",
    ]
    assert way.status == 204
    assert set(way.headers) == {
        "Access-Control-Allow-Headers: content-type, x-trace",
        "Access-Control-Allow-Origin: https://app.test",
        "Vary: Origin",
        "Access-Control-Allow-Methods: PUT",
    }


def test_chromium_meets_a_redirect_of_the_preflight_first_and_firefox_the_missing_header() -> None:
    text = PREFLIGHT + "< 302\n< Location: https://api.test/login"
    first = {judge: way_of(text, judge).steps[0].findings[0] for judge in (Judge.CHROMIUM, Judge.FIREFOX)}
    assert first == {Judge.CHROMIUM: "preflight-redirect", Judge.FIREFOX: "allow-origin-missing"}


def test_a_preflight_sent_to_a_login_is_answered_by_the_server() -> None:
    way = way_of(PREFLIGHT + "< 302\n< Location: https://api.test/login?next=/items")
    assert way.steps[0].changes == (Change(STATUS, ("302",), "204"),)
    assert way.steps[0].who.value == "server"
    assert [each.stage for each in way.ahead] == [Stage.RESPONSE]


@pytest.mark.parametrize(
    ("path", "location", "login"),
    [
        ("/items", "/users/sign-in", True),
        ("/items", "https://sso.api.test/", True),
        ("/items", "/oauth2/authorize?x=y", True),
        ("/items", "/items/", False),
        ("/authors", "/authors/", False),
        ("/auth", "/auth/", False),
        ("/items", "/lessons?login=1", False),
    ],
)
def test_what_is_taken_for_a_login(path: str, location: str, login: bool) -> None:
    way = way_of(PREFLIGHT.replace("/items", path) + f"< 302\n< Location: {location}")
    (step,) = (step for step in way.steps if "preflight-redirect" in step.findings)
    assert bool(step.changes) is login


def test_a_preflight_sent_elsewhere_is_for_the_client_and_needs_its_answer_there() -> None:
    allowed = "< Access-Control-Allow-Origin: https://app.test\n< Access-Control-Allow-Methods: PUT"
    way = way_of(
        PREFLIGHT + f"< 301\n< Location: https://api.test/items/\n{allowed}\n"
        "< Access-Control-Allow-Headers: content-type, x-trace"
    )
    assert way.steps[0].changes == ()
    assert way.steps[0].who.value == "client"
    (ahead,) = way.ahead
    assert (ahead.stage, ahead.url) == (Stage.PREFLIGHT, "https://api.test/items/")
    assert "Access-Control-Allow-Headers: content-type, x-trace" in ahead.headers


def test_behind_a_preflight_comes_the_request_which_needs_headers_of_its_own() -> None:
    (ahead,) = way_of(PREFLIGHT + "< 204").ahead
    assert (ahead.method, ahead.url, ahead.origin) == ("PUT", "https://api.test/items", "https://app.test")
    assert ahead.headers == ("Access-Control-Allow-Origin: https://app.test", "Vary: Origin")


def test_a_redirect_to_another_origin_makes_the_origin_null_and_the_way_says_so() -> None:
    (ahead,) = way_of(f"> GET https://api.test/a\n{FETCH}\n< 302\n< Location: https://cdn.test/b").ahead
    assert ahead.origin == "null"
    assert ahead.headers == ("Access-Control-Allow-Origin: *",)
    assert "Origin: null" in ahead.text


def test_no_safe_header_allows_credentials_to_the_origin_null() -> None:
    cookie = f"> GET https://api.test/a\n{FETCH}\n> Cookie: a=b\n< 302\n< Location: https://cdn.test/b"
    (ahead,) = way_of(cookie).ahead
    assert ahead.headers == ()


def test_a_page_without_an_origin_is_not_helped_by_headers_where_credentials_are_included() -> None:
    text = (
        "> GET https://api.test/a\n> Origin: null\n> Cookie: a=b\n> Sec-Fetch-Mode: cors\n> Sec-Fetch-Site: cross-site"
    )
    way = way_of(f"{text}\n< 200")
    assert [(step.findings, step.changes) for step in way.steps] == [
        (("allow-origin-missing",), ()),
        (("allow-credentials-not-true",), ()),
    ]
    assert {step.who.value for step in way.steps} == {"client"}
    assert "the origin null" in way.steps[0].text


CHANGES = [
    (Change("Vary", (), "Origin"), "add Vary: Origin"),
    (Change("Vary", ("Accept",), "Accept, Origin"), "Vary: Accept -> Accept, Origin"),
    (Change("A", ("x", "y"), "x"), "keep A: x and remove A: y"),
    (Change("A", ("x", "x"), "x"), "send A: x once, in place of all these lines: x | x"),
    (Change("A", ("x", "y"), "z"), "send A: z once, in place of all these lines: x | y"),
    (Change("A", ("x",), None), "remove A: x"),
    (Change(STATUS, ("405",), "204"), "answer with status 204 in place of 405"),
]


@pytest.mark.parametrize(("change", "text"), CHANGES)
def test_a_change_says_in_a_line_what_is_the_least_to_do(change: Change, text: str) -> None:
    assert change.text == text


SMALLEST = {
    "one of two lines goes": (
        "< 200\n< Access-Control-Allow-Origin: https://app.test\n< Access-Control-Allow-Origin: *",
        "keep Access-Control-Allow-Origin: https://app.test and remove Access-Control-Allow-Origin: *; "
        "add Vary: Origin",
    ),
    "Vary keeps what it has": (
        "< 200\n< Vary: Accept-Encoding\n< Access-Control-Allow-Origin: https://other.test",
        "Access-Control-Allow-Origin: https://other.test -> https://app.test; "
        "Vary: Accept-Encoding -> Accept-Encoding, Origin",
    ),
    "Vary that has it is left alone": (
        "< 200\n< Vary: origin\n< Access-Control-Allow-Origin: https://app.test/",
        "Access-Control-Allow-Origin: https://app.test/ -> https://app.test",
    ),
}


@pytest.mark.parametrize("name", SMALLEST)
def test_the_smallest_change_of_what_is_there(name: str) -> None:
    answer, expected = SMALLEST[name]
    (step,) = way_of(f"> GET https://api.test/a\n{FETCH}\n{answer}").steps
    assert step.text == expected


def test_what_is_sent_with_credentials_gets_both_headers() -> None:
    way = way_of(f"> GET https://api.test/a\n{FETCH}\n> Cookie: a=b\n< 200\n< Access-Control-Allow-Origin: *")
    assert way.credentials
    assert [step.findings[0] for step in way.steps] == [
        "allow-origin-wildcard-with-credentials",
        "allow-credentials-not-true",
    ]


def test_secrets_are_not_proposed_for_exposure() -> None:
    answer = "< 200\n< Access-Control-Allow-Origin: *\n< X-Total: 3\n< X-Session-Token: abc"
    way = way_of(f"> GET https://api.test/a\n{FETCH}\n> Cookie: a=b\n{answer}")
    assert [change.after for change in way.changes if change.header == "Access-Control-Expose-Headers"] == ["x-total"]


def test_mere_information_needs_no_way() -> None:
    answer = "< 200\n< Access-Control-Allow-Origin: *\n< X-Total: 3"
    verdict = verdict_of(*transcript(f"> GET https://api.test/a\n{FETCH}\n{answer}"), audit=True)
    assert [finding.id for finding in verdict.findings] == ["header-not-exposed"]
    assert verdict.way is None


def test_a_snippet_exposes_what_the_server_means_to_and_no_more() -> None:
    request = f"> GET https://api.test/a\n{FETCH}\n> Cookie: a=b\n< 200\n< X-Total: 3\n< X-Page: 1"
    for listed, expected in (("", []), ("< Access-Control-Expose-Headers: X-Page", ["X-Page"])):
        verdict = verdict_of(*transcript(f"{request}\n{listed}"), audit=True)
        (text,) = {one.text for finding in verdict.findings for one in finding.snippets}
        assert [line for line in text.splitlines() if "Expose" in line] == [
            f"Access-Control-Expose-Headers: {name}" for name in expected
        ]


def test_an_ignored_finding_takes_its_step_along() -> None:
    verdict = verdict_of(*transcript(f"> GET https://api.test/a\n{FETCH}\n< 200"), audit=True)
    assert verdict.way is not None
    assert verdict.with_findings(verdict.findings).way == verdict.way
    assert verdict.with_findings(()).way is None


def test_what_passes_carries_no_way() -> None:
    answer = "< 200\n< Access-Control-Allow-Origin: https://app.test\n< Vary: Origin"
    verdict = verdict_of(*transcript(f"> GET https://api.test/a\n{FETCH}\n{answer}"), audit=True)
    assert verdict.way is None
    assert "way" not in verdict.to_plain()


def test_plain_data_has_the_shape_that_reports_promise() -> None:
    plain = verdict_of(*transcript(PREFLIGHT + "< 204"), audit=True).to_plain()["way"]
    assert set(plain) == {"needs", "steps", "status", "headers", "ahead"}
    assert plain["needs"] == {
        "origin": "https://app.test",
        "method": "PUT",
        "headers": ["content-type", "x-trace"],
        "credentials": False,
    }
    assert set(plain["steps"][0]) == {"stage", "severity", "findings", "who", "changes", "text", "next"}
    assert set(plain["steps"][0]["changes"][0]) == {"header", "from", "to", "text"}
    assert set(plain["ahead"][0]) == {"stage", "method", "url", "origin", "headers", "text"}
