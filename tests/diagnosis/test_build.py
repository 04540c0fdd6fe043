"""One failure, one diagnosis: what is one story, what is folded, what is counted, and what is never said as a fact."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cors_addon.catalogue import CATALOGUE
from cors_addon.diagnosis.build import cases_of, diagnose, diagnoses
from cors_addon.diagnosis.causes import CAUSES
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.headlines import STOPPING, headline_of, short_of
from cors_addon.diagnosis.model import MOST_HEADLINE, MOST_SHORT, Diagnosis
from cors_addon.report.grouping import target_of
from cors_addon.traffic.transcript import parse_transcript
from cors_addon.verdict.model import Delivered, Outcome, Verdict
from tests.report.samples import API, APP, get, preflight

GRANT = f"Access-Control-Allow-Origin: {APP}"


def judged(text: str) -> list[Verdict]:
    return list(judge_all(parse_transcript(text)).values())


def found(text: str) -> list[Diagnosis]:
    verdicts = judged(text)
    return diagnoses(verdicts, {verdict.id: verdict for verdict in verdicts}, target_of)


def failures(text: str) -> list[Diagnosis]:
    return [each for each in found(text) if each.severity in ("blocked", "conditional")]


def test_a_preflight_with_several_faults_is_one_failure_with_one_plan() -> None:
    (one,) = failures(preflight(status=403))
    assert one.headline == "The preflight got 403 and no Access-Control-Allow-Origin"
    assert one.short == "403 on OPTIONS"
    assert (one.method, one.stage, one.requests) == ("PUT", "preflight", 1)
    assert set(one.findings) >= {"allow-origin-missing", "preflight-status-not-ok", "method-not-allowed"}
    sends = [send for step in one.plan for send in step.send]
    assert [(send.to, send.status) for send in sends] == [("OPTIONS", "2xx"), ("PUT", "any")]
    assert sends[0].headers == (GRANT, "Access-Control-Allow-Methods: PUT", "Vary: Origin")
    assert sends[1].headers == (GRANT, "Vary: Origin")


def test_every_header_to_send_is_named_once_in_each_response() -> None:
    for one in failures(preflight(status=403) + get() + preflight("https://b.test/", GRANT, method="DELETE")):
        for step in one.plan:
            for send in step.send:
                names = [line.partition(":")[0] for line in send.headers]
                assert len(names) == len(set(names))


def test_requests_are_counted_and_not_findings() -> None:
    text = preflight(f"{API}/1", status=403) + preflight(f"{API}/2", status=403) + preflight(f"{API}/3", status=403)
    (one,) = failures(text)
    assert one.requests == 3
    assert [place.path for place in one.places] == ["/items/{id}"]


def test_different_faults_of_one_endpoint_are_two() -> None:
    asks = preflight(API, GRANT, "Access-Control-Allow-Methods: PUT")
    text = asks.replace("> Sec-Fetch-Dest", "> Access-Control-Request-Headers: x-a\n> Sec-Fetch-Dest")
    text += asks.replace("> Sec-Fetch-Dest", "> Access-Control-Request-Headers: x-trace-id\n> Sec-Fetch-Dest")
    both = failures(text)
    assert {one.headline for one in both} == {
        "Request header x-a is not allowed: Access-Control-Allow-Headers is not sent",
        "Request header x-trace-id is not allowed: Access-Control-Allow-Headers is not sent",
    }
    assert all(one.requests == 1 for one in both)


def test_endpoints_that_one_change_fixes_are_one() -> None:
    (one,) = failures(get("https://api.test/a") + get("https://api.test/b"))
    assert (one.requests, [place.path for place in one.places]) == (2, ["/b", "/a"])
    assert len(failures(get("https://api.test/a") + get("https://other.test/a"))) == 2


def test_what_hangs_on_credentials_is_never_a_fact() -> None:
    text = get(API, "Access-Control-Allow-Origin: https://else.test", "Access-Control-Allow-Credentials: TRUE")
    (one,) = failures(text)
    assert one.outcome is Outcome.BLOCKED
    assert one.findings == ("allow-origin-mismatch",)
    assert one.conditions == ("allow-credentials-not-true",)
    assert "credentials" not in one.headline.lower()
    (open_one,) = failures(get(API, "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: TRUE"))
    assert open_one.outcome is Outcome.CONDITIONAL
    assert open_one.headline.startswith("With credentials: ")


def test_a_rule_that_stands_in_is_named_and_a_dry_run_is_not() -> None:
    (verdict,) = judged(get())
    for delivered, rule in (
        (Delivered("local", Outcome.ALLOWED), "local"),
        (Delivered("local", Outcome.ALLOWED, dry_run=True), ""),
        (Delivered("local", Outcome.BLOCKED), ""),
    ):
        (one,) = diagnose(verdict.with_delivered(delivered), target_of)
        assert one.rule == rule


def test_no_placeholder_stands_where_the_value_is_known() -> None:
    origin = "http://localhost:5173"
    for violation in CATALOGUE.values():
        for one in found(violation.broken.replace("https://app.test", origin)):
            told = " ".join(
                [step.text for step in one.plan] + [line for s in one.plan for e in s.send for line in e.headers]
            )
            assert "https://app.test" not in told, violation.id


@pytest.mark.parametrize("violation", CATALOGUE.values(), ids=CATALOGUE)
def test_headline_and_short_form_fit_and_each_failure_is_in_one_diagnosis(violation) -> None:  # type: ignore[no-untyped-def]
    verdicts = judged(violation.broken)
    made = diagnoses(verdicts, {verdict.id: verdict for verdict in verdicts}, target_of)
    for one in made:
        assert 0 < len(one.headline) <= MOST_HEADLINE
        assert 0 < len(one.short) <= MOST_SHORT
        assert '""' not in one.headline
    for verdict in verdicts:
        if verdict.outcome in (Outcome.BLOCKED, Outcome.CONDITIONAL):
            holding = [
                one for one in made if verdict.id in one.flows and one.severity in {each.value for each in STOPPING}
            ]
            assert len(holding) == 1, violation.id


def test_short_forms_tell_faults_apart_in_ten_characters() -> None:
    """The list of mitmweb shows 17 characters at 1500 pixels: our prefix takes six, and an ellipsis one."""
    shown = {}
    for violation in CATALOGUE.values():
        if violation.severity.value == "blocked":
            verdicts = judged(violation.broken)
            main = [verdict for verdict in verdicts if violation.id in {each.id for each in verdict.findings}][-1]
            finding = next(each for each in main.findings if each.id == violation.id)
            shown[violation.id] = short_of(main, finding)[:10]
    # Two names for the same thing to look at.
    alike = [ids for ids in shown if list(shown.values()).count(shown[ids]) > 1]
    assert not set(alike) - {"corp-not-same-origin", "corp-not-same-site"}, shown


@settings(max_examples=50)
@given(st.text(st.characters(codec="ascii", exclude_characters="\r\n"), max_size=400))
def test_any_value_fits_into_a_headline(value: str) -> None:
    try:
        exchanges = parse_transcript(get(API, f"Access-Control-Allow-Origin: {value}"))
    except ValueError:
        return
    for verdict in judge_all(exchanges).values():
        assert len(headline_of(verdict)) <= MOST_HEADLINE
        assert len(short_of(verdict)) <= MOST_SHORT


def test_the_key_is_the_same_in_every_run_and_differs_by_what_is_to_be_fixed() -> None:
    (first,), (again,) = failures(get(f"{API}/1")), failures(get(f"{API}/99?x=1"))
    (other,) = failures(get(f"{API}/1", status=500))
    assert first.key == again.key
    assert len({first.key, failures(get("https://b.test/"))[0].key, other.key}) >= 2


def test_the_first_of_a_case_is_the_one_to_explain() -> None:
    verdicts = judged(get(f"{API}/1") + get(f"{API}/2"))
    (case,) = cases_of(verdicts, target_of)
    assert (case.example, case.requests, case.flows) == ("1", 2, ["1", "2"])


def test_a_fix_stands_under_the_place_where_it_is_made() -> None:
    """Switches of a tunnel, a machine or a browser are no change of the page's code."""
    elsewhere = {
        "dev-tunnel-private": "In the tunnel's settings",
        "page-from-disk": "On your machine",
        "preflight-for-json-only": "In the page or on the server",
    }
    found = {name: CAUSES[name].where for name in elsewhere}
    assert found == elsewhere


def test_who_allows_every_page_in_the_preflight_goes_on_to_do_so() -> None:
    (one,) = failures(preflight(f"{API}/1", "Access-Control-Allow-Origin: *", method="DELETE"))
    assert [send.headers[0] for step in one.plan for send in step.send] == ["Access-Control-Allow-Origin: *"] * 2


def test_each_challenge_is_named_by_its_scheme() -> None:
    (one,) = failures(preflight(f"{API}/1", "WWW-Authenticate: Negotiate, NTLM", "WWW-Authenticate: Basic", status=401))
    assert "with WWW-Authenticate: Negotiate, Basic; preflights" in one.causes[0].message
