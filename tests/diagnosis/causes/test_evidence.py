"""Evidence outranks identity: what holds for every cause, on the corpus, on field reports and on random sessions."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cors_addon.catalogue.violation import Severity
from cors_addon.diagnosis.causes import CAUSES, ranked, stands
from cors_addon.diagnosis.causes.cause import Rank
from cors_addon.diagnosis.causes.context import Scene
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Session
from cors_addon.fetch.checks import ALLOW_ORIGIN
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Response
from cors_addon.traffic.exchange import Exchange, Responder
from cors_addon.verdict.model import Cause, Confidence, Verdict
from tests.diagnosis.causes.corpus import FOLDER, Case, cases
from tests.diagnosis.causes.test_any_traffic import sessions
from tests.diagnosis.field.reports import REPORTS
from tests.traffic.exchanges import cors, preflight

ALL = [*cases(*sorted(path.stem for path in FOLDER.glob("*.txt"))), *REPORTS]
ids = [case.name for case in ALL]


def causes_of(verdict: Verdict) -> Iterable[Cause]:
    return (cause for finding in verdict.findings for cause in finding.causes)


def assert_nothing_contradicts(exchanges: Iterable[Exchange], verdicts: Iterable[Verdict]) -> None:
    by_id = {exchange.id: exchange for exchange in exchanges}
    for verdict in verdicts:
        response = by_id[verdict.id].response
        for cause in causes_of(verdict):
            entry = CAUSES[cause.id]
            there = [name for name in entry.absent if response is not None and name in response.headers]
            assert there == [], f"{cause.id} speaks against a header of the response"
            if entry.of_server:
                assert response is not None
                assert by_id[verdict.id].responder is Responder.SERVER
            assert cause.rank in tuple(Rank)
            if cause.rank == Rank.STATUS:
                assert cause.confidence is Confidence.LOW, "a status code alone is only ever possible"


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_no_cause_is_contradicted_by_a_header_of_its_exchange(case: Case) -> None:
    assert_nothing_contradicts(case.exchanges, judge_all(case.exchanges).values())


@given(sessions())
@settings(max_examples=60, deadline=None)
def test_nor_in_any_session(exchanges: list[Exchange]) -> None:
    assert_nothing_contradicts(exchanges, judge_all(exchanges).values())


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_the_best_supported_comes_first_and_nothing_weak_stands_beside_it(case: Case) -> None:
    for verdict in judge_all(case.exchanges).values():
        shown = ranked(verdict.findings)
        assert len(shown) <= 2
        assert len({cause.id for cause in shown}) == len(shown)
        sureness = [["high", "medium", "low"].index(cause.confidence.value) for cause in shown]
        assert sureness == sorted(sureness)
        if shown and shown[0].confidence is Confidence.HIGH:
            assert all(cause.confidence is not Confidence.LOW for cause in shown)
        if any(cause.rank <= Rank.RESPONDER and cause.confidence is not Confidence.LOW for cause in shown):
            assert all(cause.rank != Rank.STATUS for cause in shown)


def test_a_cause_that_says_that_headers_are_missing_is_never_named_where_they_are_there() -> None:
    """Whatever a rule finds: the check is central."""
    exchange = cors("GET https://api.test/items", answer=[f"{ALLOW_ORIGIN}: https://app.test"], status=500)
    session = Session()
    session.observe(exchange)
    record = session.correlator.records[exchange.id]
    scene = Scene(record, session.correlator, session.hosts, session.credentials.pages, session.cookies)
    for entry in CAUSES.values():
        cause = entry.named(Confidence.HIGH, "said so")
        assert stands(cause, scene) is (ALLOW_ORIGIN not in entry.absent)


# --- what a rule delivered ------------------------------------------------------------------------------------------

DELIVERED = st.builds(
    Response,
    st.sampled_from([200, 204, 403, 500]),
    st.lists(
        st.sampled_from(
            [
                (ALLOW_ORIGIN, "https://app.test"),
                (ALLOW_ORIGIN, "*"),
                ("Access-Control-Allow-Credentials", "true"),
                ("Access-Control-Allow-Methods", "PUT"),
                ("Vary", "Origin"),
                ("Server", "nginx"),
            ]
        ),
        max_size=4,
    ).map(HeaderList),
)


@given(DELIVERED, DELIVERED, st.sampled_from([200, 403, 404, 413, 500]))
@settings(max_examples=60, deadline=None)
def test_nothing_about_the_server_is_concluded_from_what_a_rule_delivered(
    one: Response, other: Response, status: int
) -> None:
    """A preflight that a rule answered is no proof of anything, whatever the rule wrote."""
    told = []
    for delivered in (one, other):
        session = Session()
        asked = replace(
            preflight("PUT https://api.test/items", origin="https://app.test", id="1", at=0.0), response=None
        )
        session.observe(asked)
        session.deliver("1", delivered, 0.1)
        actual = cors("PUT https://api.test/items", origin="https://app.test", id="2", at=0.2, status=status, answer=[])
        session.observe(actual)
        verdict = session.judge("2")
        assert verdict is not None
        found = list(causes_of(session.explain(verdict)))
        assert not any("1" in cause.flows for cause in found)
        told.append([(cause.id, cause.message) for cause in found])
    assert told[0] == told[1]


def test_the_servers_own_answer_counts_where_it_was_asked() -> None:
    session = Session()
    granting = [f"{ALLOW_ORIGIN}: https://app.test", "Access-Control-Allow-Methods: PUT"]
    session.observe(preflight("PUT https://api.test/items", origin="https://app.test", id="1", at=0.0, answer=granting))
    session.observe(cors("PUT https://api.test/items", origin="https://app.test", id="2", at=0.2, answer=[]))
    verdict = session.judge("2")
    assert verdict is not None
    assert [cause.id for cause in ranked(session.explain(verdict).findings)] == ["headers-on-preflight-only"]


# --- silence --------------------------------------------------------------------------------------------------------


def wildcard_preflight() -> Exchange:
    answer = [f"{ALLOW_ORIGIN}: *", "Access-Control-Allow-Methods: PUT"]
    return preflight("PUT https://api.test/items", origin="https://app.test", id="1", at=0.0, answer=answer)


def outcome_of(session: Session) -> str:
    verdict = session.judge("1")
    assert verdict is not None
    return verdict.outcome.value


def test_silence_is_told_by_the_clock_alone() -> None:
    session = Session()
    session.observe(wildcard_preflight())
    assert outcome_of(session) == "allowed"
    assert session.pass_time(1.0) == set()
    assert session.pass_time(10.0) == {"1"}
    assert outcome_of(session) == "conditional"


def test_silence_is_told_by_the_end_of_a_capture() -> None:
    session = Session()
    session.observe(wildcard_preflight())
    session.pass_time(60.0)
    session.finish()
    verdict = session.judge("1")
    assert verdict is not None
    assert [cause.id for cause in ranked(session.explain(verdict).findings)] == ["credentials-not-needed"]
    assert all(finding.severity is not Severity.BLOCKED for finding in verdict.findings)


def test_the_clock_says_nothing_of_what_was_followed() -> None:
    session = Session()
    session.observe(wildcard_preflight())
    answer = [f"{ALLOW_ORIGIN}: *"]
    session.observe(cors("PUT https://api.test/items", origin="https://app.test", id="2", at=0.2, answer=answer))
    assert session.pass_time(60.0) == set()
    assert outcome_of(session) == "allowed"
