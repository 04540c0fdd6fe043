"""Each simulation makes its violation happen and nothing else.

What the two browsers call each of them was measured through a proxy; here the standard's own checks are the judge.
"""

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.fetch.checks import PreflightRequest, Step, cors_failures, preflight_failures, requested_header_names
from cors_addon.fetch.messages import CredentialsMode, Response
from cors_addon.fetch.redirects import RedirectStep, redirect_failure, redirect_target
from cors_addon.rules.inject import plan
from cors_addon.rules.model import RuleSet
from cors_addon.rules.plans import Abort, HeaderEdits, PreflightAnswer, answered, apply_edits
from cors_addon.rules.simulations import (
    NO_CORS_SIMULATIONS,
    NOT_SIMULATED,
    PREFLIGHT_SIMULATIONS,
    REDIRECT_SIMULATIONS,
    SIMULATED,
)
from cors_addon.traffic.exchange import Exchange

from .test_inject import PAGE, exchange, get, preflight, rules_of

INCLUDE, NOT_INCLUDE = CredentialsMode.INCLUDE, CredentialsMode.NOT_INCLUDE

# What the server would send by itself; a simulation has to win over it in any case.
RIGHT = (
    f"< 200\n< Access-Control-Allow-Origin: {PAGE}\n< Access-Control-Allow-Credentials: true\n"
    "< Content-Type: text/plain\n< Access-Control-Allow-Methods: PUT\n"
    "< Access-Control-Allow-Headers: content-type, x-a\n< Cross-Origin-Resource-Policy: cross-origin"
)
NOTHING = "< 404"


def simulating(violation: str) -> RuleSet:
    return rules_of(f"simulate: {violation}")


def response_to(violation: str, subject: Exchange) -> Response:
    """Return what the browser gets: the local answer, or the server's response with its edits."""
    made = plan(simulating(violation), subject)
    if isinstance(made, PreflightAnswer):
        return answered(made)
    assert isinstance(made, HeaderEdits)
    assert subject.response is not None
    return apply_edits(subject.response, made.edits)


@pytest.mark.parametrize("server", [RIGHT, NOTHING], ids=["right", "nothing"])
@pytest.mark.parametrize(
    ("violation", "mode", "step", "why"),
    [
        ("allow-origin-missing", NOT_INCLUDE, Step.ALLOW_ORIGIN_MISSING, "in any mode"),
        ("allow-origin-multiple", NOT_INCLUDE, Step.ALLOW_ORIGIN_DIFFERS, "two lines make another value"),
        ("allow-origin-invalid", NOT_INCLUDE, Step.ALLOW_ORIGIN_DIFFERS, "no URL"),
        ("allow-origin-mismatch", NOT_INCLUDE, Step.ALLOW_ORIGIN_DIFFERS, "another origin"),
        ("allow-origin-wildcard-with-credentials", INCLUDE, Step.ALLOW_ORIGIN_WILDCARD, "with credentials only"),
        ("allow-credentials-not-true", INCLUDE, Step.ALLOW_CREDENTIALS, "with credentials only"),
    ],
)
def test_sharing(violation: str, mode: CredentialsMode, step: Step, why: str, server: str) -> None:
    made = response_to(violation, get(server))
    assert [failure.step for failure in cors_failures(PAGE, mode, made.headers)] == [step], why
    asked = PreflightRequest(PAGE, "PUT", ("content-type", "x-a"))
    for subject in (preflight(), preflight(server)):
        answer = response_to(violation, subject)
        steps = [failure.step for failure in preflight_failures(asked, mode, answer)]
        assert [other for other in steps if other is not Step.STATUS] == [step], why
    if mode is INCLUDE:
        assert not list(cors_failures(PAGE, NOT_INCLUDE, made.headers)), "without credentials it cannot be seen"


@pytest.mark.parametrize(
    ("violation", "mode", "step"),
    [
        ("preflight-status-not-ok", NOT_INCLUDE, Step.STATUS),
        ("preflight-redirect", NOT_INCLUDE, Step.STATUS),
        ("allow-methods-invalid", NOT_INCLUDE, Step.ALLOW_METHODS_INVALID),
        ("allow-headers-invalid", NOT_INCLUDE, Step.ALLOW_HEADERS_INVALID),
        ("method-not-allowed", NOT_INCLUDE, Step.METHOD),
        ("method-wildcard-with-credentials", INCLUDE, Step.METHOD),
        ("header-not-allowed", NOT_INCLUDE, Step.HEADER),
        ("header-wildcard-with-credentials", INCLUDE, Step.HEADER),
    ],
)
def test_preflights(violation: str, mode: CredentialsMode, step: Step) -> None:
    subject = preflight()
    asked = PreflightRequest(PAGE, "PUT", requested_header_names(subject.request.headers))
    answer = response_to(violation, subject)
    assert {failure.step for failure in preflight_failures(asked, mode, answer)} == {step}
    # A response that is there already is changed to the same effect.
    changed = response_to(violation, preflight(RIGHT))
    assert {failure.step for failure in preflight_failures(asked, mode, changed)} == {step}
    if violation == "preflight-redirect":
        assert redirect_target(subject.request.url, answer) is not None


@pytest.mark.parametrize(
    ("violation", "step"),
    [
        ("redirect-url-credentials", RedirectStep.USER_INFO),
        ("redirect-scheme", RedirectStep.SCHEME),
        ("redirect-too-many", None),
    ],
)
def test_redirects(violation: str, step: RedirectStep | None) -> None:
    subject = get(RIGHT)
    made = response_to(violation, subject)
    assert not list(cors_failures(PAGE, INCLUDE, made.headers)), "the hop itself passes"
    target = redirect_target(subject.request.url, made)
    assert target is not None
    assert redirect_failure(target.url, PAGE, True, 0) is step
    if violation == "redirect-too-many":
        assert target.url == subject.request.url


IMAGE = (
    "> GET https://api.test/a\n> Referer: http://localhost:5173/\n> Sec-Fetch-Mode: no-cors\n"
    "> Sec-Fetch-Site: cross-site\n> Sec-Fetch-Dest: image\n"
)


@pytest.mark.parametrize(
    ("violation", "name", "value"),
    [
        ("corp-not-same-origin", "cross-origin-resource-policy", "same-origin"),
        ("corp-not-same-site", "cross-origin-resource-policy", "same-site"),
        ("corp-coep", "cross-origin-resource-policy", None),
        ("nosniff-mime", "x-content-type-options", "nosniff"),
        ("orb-blocked", "content-type", "application/json"),
    ],
)
def test_neighbours(violation: str, name: str, value: str | None) -> None:
    assert response_to(violation, exchange(IMAGE + RIGHT)).headers.get(name) == value


def test_a_connection_that_ends() -> None:
    rules = simulating("network-error")
    assert plan(rules, exchange(f"> GET https://api.test/\n> Origin: {PAGE}")) == Abort("r1")
    assert plan(rules, preflight()) == Abort("r1")
    assert plan(rules, get()) is None, "it is too late"


@pytest.mark.parametrize(
    ("violation", "subject", "why"),
    [
        ("method-not-allowed", preflight(method="POST"), "POST needs no permission"),
        ("header-not-allowed", preflight(names=""), "no header is asked for"),
        ("preflight-redirect", get(), "not a preflight"),
        ("redirect-scheme", preflight(), "a preflight is never redirected"),
        ("corp-coep", get(), "CORP is for requests without CORS"),
        ("allow-origin-missing", exchange(IMAGE + RIGHT), "and the CORS check is not"),
        ("corp-not-same-site", exchange(IMAGE.replace("cross-site", "same-site") + RIGHT), "they are of one site"),
    ],
)
def test_what_cannot_fail_goes_to_the_next_rule(violation: str, subject: Exchange, why: str) -> None:
    assert plan(simulating(violation), subject) is None, why
    made = plan(rules_of(f"simulate: {violation}", "name: next, resource_policy: cross-origin"), subject)
    if made is not None:
        assert made.rule == "next", why


def test_firefox_counts_lines_by_the_spelling_of_their_name() -> None:
    made = plan(simulating("allow-origin-multiple"), get())
    assert isinstance(made, HeaderEdits)
    lines = [edit[:2] for edit in made.edits if "origin" in edit[1].lower()]
    assert lines == [("set", "Access-Control-Allow-Origin"), ("add", "Access-Control-Allow-Origin")]
    made = plan(
        simulating("allow-origin-multiple"), exchange(f"@ http=2\n> GET https://api.test/\n> Origin: {PAGE}\n< 200")
    )
    assert made is not None
    assert all(name == name.lower() for _, name, _ in made.as_data())


def test_what_is_simulated_is_not_kept_and_says_so() -> None:
    made = response_to("allow-origin-missing", get(RIGHT))
    assert (made.headers.get("cache-control"), made.headers.get("x-cors-addon")) == ("no-store", "r1")


def test_every_id_is_simulated_or_has_a_reason() -> None:
    assert not SIMULATED & set(NOT_SIMULATED)
    assert SIMULATED >= PREFLIGHT_SIMULATIONS | REDIRECT_SIMULATIONS | NO_CORS_SIMULATIONS
    assert all(reason.endswith(".") for reason in NOT_SIMULATED.values())


def test_every_violation_of_the_catalogue_is_one_or_the_other() -> None:
    assert set(CATALOGUE) == SIMULATED | set(NOT_SIMULATED)
