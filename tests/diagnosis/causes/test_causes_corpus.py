"""What is named in the corpus: every cause that is there, in its order, and no other."""

import os
from collections import Counter

import pytest

from cors_addon.diagnosis.causes import CAUSES
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Session
from cors_addon.traffic.exchange import Exchange
from cors_addon.verdict.model import Outcome, Verdict
from tests.diagnosis.causes.corpus import EVERY, FOLDER, Case, cases

HEALTHY = cases("healthy")
UNEXPLAINED = cases("unexplained")
CASES = cases(*sorted(path.stem for path in FOLDER.glob("*.txt") if path.stem not in ("healthy", "unexplained")))


def named(verdicts: dict[str, Verdict]) -> dict[tuple[str, str], list[tuple[str, ...]]]:
    """Return the causes that were named, by exchange and finding; several findings may be alike."""
    found: dict[tuple[str, str], list[tuple[str, ...]]] = {}
    for verdict in verdicts.values():
        for finding in verdict.findings:
            found.setdefault((verdict.id, finding.id), []).append(tuple(cause.id for cause in finding.causes))
    return found


def ids(cases: list[Case]) -> list[str]:
    return [case.name for case in cases]


@pytest.mark.parametrize("case", CASES, ids=ids(CASES))
def test_each_session(case: Case) -> None:
    found = named(judge_all(case.exchanges))
    assert case.expected, "say what is to be named"
    assert {cause for causes in case.expected.values() for cause in causes} <= CAUSES.keys()
    for exchange_id, finding_id in case.expected:
        there = [key for key in found if key[0] == exchange_id and finding_id in (EVERY, key[1])]
        assert there, f"there is no finding {exchange_id} {finding_id}, but {list(found)}"
    for key, lists in found.items():
        for causes in lists:
            assert causes == case.causes_for(*key), f"{key}"


@pytest.mark.parametrize("case", HEALTHY, ids=ids(HEALTHY))
def test_nothing_is_named_where_nothing_is_wrong(case: Case) -> None:
    verdicts = judge_all(case.exchanges)
    assert not case.expected
    for verdict in verdicts.values():
        assert verdict.outcome in (Outcome.ALLOWED, Outcome.NOT_CORS, Outcome.UNKNOWN)
    assert [causes for lists in named(verdicts).values() for causes in lists if causes] == []


@pytest.mark.parametrize("case", UNEXPLAINED, ids=ids(UNEXPLAINED))
def test_nothing_is_guessed(case: Case) -> None:
    found = named(judge_all(case.exchanges))
    assert found
    assert not case.expected
    assert {causes for lists in found.values() for causes in lists} == {()}


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
                assert cause.message.startswith(f"{CAUSES[cause.id].title}: ")
                assert set(cause.flows) <= known
                assert "s3cr3t" not in cause.message + cause.fix


def test_precision_and_recall() -> None:
    right = wrong = missed = 0
    exchanges: list[Exchange] = []
    for case in [*CASES, *UNEXPLAINED, *HEALTHY]:
        for key, lists in named(judge_all(case.exchanges)).items():
            wanted = set(case.causes_for(*key))
            for causes in lists:
                right += len(wanted & set(causes))
                wrong += len(set(causes) - wanted)
                missed += len(wanted - set(causes))
        told = {exchange_id for exchange_id, _ in case.expected}
        exchanges += [exchange for exchange in case.exchanges if exchange.id in told]
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
