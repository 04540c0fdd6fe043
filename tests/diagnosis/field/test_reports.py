"""What is said of each public report: outcome, causes and the words of the plan."""

import pytest

from cors_addon.diagnosis.causes import ranked
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.verdict.model import Verdict
from tests.diagnosis.field.reports import REPORTS, Report

BY_NAME = [report.name for report in REPORTS]


def plan_of(verdict: Verdict) -> str:
    """Return all that the plan of a verdict can say, on one line."""
    causes = ranked(verdict.findings)
    parts = [f"{cause.where} {cause.fix} {cause.snippet.text if cause.snippet else ''}" for cause in causes]
    parts += [str(verdict.way.to_plain())] if verdict.way is not None else []
    return " ".join(" ".join([*parts, *(finding.message for finding in verdict.findings)]).split())


@pytest.mark.parametrize("report", REPORTS, ids=BY_NAME)
def test_what_becomes_of_it_and_why(report: Report) -> None:
    verdicts = judge_all(report.exchanges)
    told = {each.id: each for each in verdicts.values() if each.findings}
    assert {each.id: each.outcome.value for each in told.values()} == report.outcomes
    found = {each.id: tuple(cause.id for cause in ranked(each.findings)) for each in told.values()}
    assert {each: causes for each, causes in found.items() if causes} == report.expected


@pytest.mark.parametrize("report", [each for each in REPORTS if each.says], ids=lambda report: report.name)
def test_the_plan_says_what_helps(report: Report) -> None:
    verdicts = judge_all(report.exchanges)
    for exchange_id, words in report.says.items():
        assert words in plan_of(verdicts[exchange_id])


def test_the_reports_are_many() -> None:
    assert len(REPORTS) >= 70
