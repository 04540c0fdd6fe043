"""What is named in the corpus: every cause that is there, in its order, and no other."""

import os
from collections import Counter

import pytest

from cors_addon.diagnosis.causes import CAUSES, ranked
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Session
from cors_addon.traffic.exchange import Exchange
from cors_addon.verdict.model import Outcome, Verdict
from tests.diagnosis.causes.corpus import FOLDER, Case, cases

HEALTHY = cases("healthy")
UNEXPLAINED = cases("unexplained")
CASES = cases(*sorted(path.stem for path in FOLDER.glob("*.txt") if path.stem not in ("healthy", "unexplained")))


def named(verdicts: dict[str, Verdict]) -> dict[str, tuple[str, ...]]:
    """Return the causes that are shown, by exchange; of those without a finding, nothing."""
    return {
        verdict.id: tuple(cause.id for cause in ranked(verdict.findings))
        for verdict in verdicts.values()
        if verdict.findings
    }


def ids(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_each_session(case: Case) -> None:
    found = named(judge_all(case.exchanges))
    assert case.expected, "say what is to be named"
    assert {cause for causes in case.expected.values() for cause in causes} <= CAUSES.keys()
    assert set(case.expected) <= set(found), "there is no finding"
    assert {each: causes for each, causes in found.items() if causes} == case.expected


@pytest.mark.parametrize("case", HEALTHY, ids=ids(HEALTHY))
def test_nothing_is_named_where_nothing_is_wrong(case: Case) -> None:
    verdicts = judge_all(case.exchanges)
    assert not case.expected
    for verdict in verdicts.values():
        assert verdict.outcome in (Outcome.ALLOWED, Outcome.NOT_CORS, Outcome.UNKNOWN)
    assert not any(named(verdicts).values())


@pytest.mark.parametrize("case", UNEXPLAINED, ids=ids(UNEXPLAINED))
def test_nothing_is_guessed(case: Case) -> None:
    found = named(judge_all(case.exchanges))
    assert found
    assert not case.expected
    assert not any(found.values())


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_what_is_named_does_not_depend_on_the_order_of_arrival(case: Case) -> None:
    """What explains a failure may come after it: the verdict is revised then."""
    assert named(judge_all(case.exchanges)) == named(judge_all(reversed(case.exchanges)))


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_what_is_named_can_be_said(case: Case) -> None:
    known = {exchange.id for exchange in case.exchanges}
    for verdict in judge_all(case.exchanges).values():
        for finding in verdict.findings:
            for cause in finding.causes:
                assert cause.message.isprintable()
                assert cause.fix.isprintable()
                assert len(cause.message) <= 500
                assert cause.message == f"{cause.title}: {cause.signal}"
                assert set(cause.flows) <= known
                assert "(flow" not in cause.message, "flows are named by method and path"
                assert "s3cr3t" not in cause.message + cause.fix


def test_precision_and_recall() -> None:
    right = wrong = missed = 0
    exchanges: list[Exchange] = []
    for case in [*CASES, *UNEXPLAINED, *HEALTHY]:
        for exchange_id, causes in named(judge_all(case.exchanges)).items():
            wanted = set(case.expected.get(exchange_id, ()))
            right += len(wanted & set(causes))
            wrong += len(set(causes) - wanted)
            missed += len(wanted - set(causes))
        exchanges += [exchange for exchange in case.exchanges if exchange.id in case.expected]
    precision, recall = right / (right + wrong), right / (right + missed)
    healthy = sum(len(case.exchanges) for case in HEALTHY)
    print(
        f"\n{len(exchanges)} exchanges with causes, {healthy} healthy ones: {right} causes named rightly, "
        f"{wrong} wrongly, {missed} missed; precision {precision:.3f}, recall {recall:.3f}"
    )
    assert (precision, recall) == (1.0, 1.0)
    assert len(exchanges) >= 150
    assert healthy >= 100


def test_every_cause_is_named_somewhere() -> None:
    """Listed, documented, exampled, emitted."""
    seen = Counter(cause for case in CASES for causes in case.expected.values() for cause in causes)
    assert set(CAUSES) - set(seen) == set()


def test_a_session_costs_nothing_without_findings() -> None:
    for case in HEALTHY:
        session = Session()
        for exchange in case.exchanges:
            session.observe(exchange)
        assert not any(host.unexplained for host in session.hosts._hosts.values())


if os.environ.get("CORS_ADDON_SHOW_CAUSES"):

    def test_show() -> None:
        for case in CASES:
            print(f"\n== {case.name}")
            for verdict in judge_all(case.exchanges).values():
                for finding in verdict.findings:
                    told = "; ".join(f"{c.id} ({c.confidence.value}) {c.message}" for c in finding.causes)
                    print(f"  {verdict.id} {finding.id}: {told}")
