"""Each entry's examples, judged: what is broken yields its id and no other, what is fixed yields none."""

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import Severity, Violation
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.traffic.transcript import parse_transcript
from cors_addon.verdict.model import Finding, Outcome

entries = pytest.mark.parametrize("violation", CATALOGUE.values(), ids=CATALOGUE)

# Nothing proves that the request behind these preflights carries credentials; what went before speaks for it.
HANGS_ON_CREDENTIALS = {"method-wildcard-with-credentials", "header-wildcard-with-credentials"}
# These are no part of the CORS check, which may pass beside them.
OUTSIDE_CORS = {
    "redirect-scheme",
    "mode-same-origin",
    "corp-not-same-origin",
    "corp-not-same-site",
    "corp-coep",
    "orb-blocked",
    "nosniff-mime",
    "response-opaque",
    "own-origin-refused",
    "websocket-refused",
}


def findings(transcript: str) -> list[Finding]:
    return [finding for verdict in judge_all(parse_transcript(transcript)).values() for finding in verdict.findings]


@entries
def test_broken_yields_exactly_this(violation: Violation) -> None:
    found = findings(violation.broken)
    assert {finding.violation.id for finding in found} == {violation.id}
    expected = Severity.CONDITIONAL if violation.id in HANGS_ON_CREDENTIALS else violation.severity
    for finding in found:
        assert finding.severity is expected
        assert finding.stage in violation.stages


@entries
def test_fixed_yields_nothing(violation: Violation) -> None:
    assert [finding.message for finding in findings(violation.fixed)] == []


@entries
def test_what_becomes_of_it(violation: Violation) -> None:
    broken = judge_all(parse_transcript(violation.broken))
    outcomes = {verdict.outcome for verdict in broken.values() if verdict.findings}
    if violation.id in HANGS_ON_CREDENTIALS:
        assert outcomes == {Outcome.CONDITIONAL}
    elif violation.id in OUTSIDE_CORS:
        assert Outcome.CONDITIONAL not in outcomes
        assert Outcome.UNKNOWN not in outcomes
    else:
        assert outcomes == {Outcome.BLOCKED if violation.severity is Severity.BLOCKED else Outcome.ALLOWED}
    fixed = judge_all(parse_transcript(violation.fixed))
    assert {verdict.outcome for verdict in fixed.values()} <= {Outcome.ALLOWED, Outcome.NOT_CORS}


@entries
def test_the_message_is_one_short_line(violation: Violation) -> None:
    for finding in findings(violation.broken):
        assert finding.message.isprintable()
        assert len(finding.message) <= 160
