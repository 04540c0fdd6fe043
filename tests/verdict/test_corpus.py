"""Whole exchanges, as they happen, with what each browser makes of them.

A file of ``tests/corpus`` is a transcript (see ``cors_addon.traffic.transcript``) that opens with what it is about.
Comments say what is expected:

    # expect 2 blocked
    #   chromium PreflightMissingAllowOriginHeader
    #   firefox allowed
    #   found allow-origin-missing, preflight-status-not-ok

The outcome is every judge's, unless a line of its own says otherwise; a browser's line may name its first failure.
``found`` are the ids of all findings, none where there is no such line. An exchange of which nothing is said is
allowed, or none of CORS' business, without findings.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from cors_addon.catalogue import CATALOGUE
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Settings
from cors_addon.traffic.transcript import parse_transcript
from cors_addon.verdict.model import Judge, Outcome, Verdict

CORPUS = sorted((Path(__file__).parent.parent / "corpus").glob("*.txt"))
OUTCOMES = {outcome.value: outcome for outcome in Outcome}
JUDGES = {judge.value: judge for judge in Judge}
PASSED = (Outcome.ALLOWED, Outcome.NOT_CORS)


@dataclass
class Expected:
    outcome: Outcome
    outcomes: dict[Judge, Outcome] = field(default_factory=dict)
    errors: dict[Judge, str] = field(default_factory=dict)
    found: Counter[str] = field(default_factory=Counter)


def expectations(text: str) -> dict[str, Expected]:
    expected: dict[str, Expected] = {}
    current: Expected | None = None
    for line in text.split("\n"):
        if (match := re.fullmatch(r"# expect (\S+) (\S+)", line)) is not None:
            current = expected[match[1]] = Expected(OUTCOMES[match[2]])
        elif line.startswith("#   ") and current is not None:
            key, *words = line[4:].replace(",", " ").split()
            if key == "found":
                assert words, "found names at least one id"
                assert set(words) <= set(CATALOGUE), line
                current.found = Counter(words)
                continue
            for word in words:
                if word in OUTCOMES:
                    current.outcomes[JUDGES[key]] = OUTCOMES[word]
                else:
                    current.errors[JUDGES[key]] = word
        else:
            assert not line.startswith("# expect"), line
            current = None
    return expected


def check(verdict: Verdict, expected: Expected | None, judge: Judge) -> None:
    assert verdict.judge is judge
    assert verdict.outcome is verdict.views[judge].outcome
    if expected is None:
        assert verdict.outcome in PASSED
        assert [finding.id for finding in verdict.findings] == []
        return
    outcome = expected.outcomes.get(judge, expected.outcome)
    assert verdict.views[judge].outcome is outcome
    name = expected.errors.get(judge)
    if name is not None or outcome in PASSED or judge in (Judge.CHROMIUM, Judge.FIREFOX):
        assert verdict.views[judge].error == name
    assert Counter(finding.id for finding in verdict.findings) == expected.found


@pytest.mark.parametrize("judge", Judge, ids=[judge.value for judge in Judge])
@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_corpus(path: Path, judge: Judge) -> None:
    text = path.read_text(encoding="utf-8")
    expected = expectations(text)
    verdicts = judge_all(parse_transcript(text), Settings(judge))
    assert expected.keys() <= verdicts.keys()
    for id, verdict in verdicts.items():
        check(verdict, expected.get(id), judge)


@pytest.mark.parametrize("path", CORPUS, ids=[path.stem for path in CORPUS])
def test_every_file_says_what_it_is_about(path: Path) -> None:
    first = path.read_text(encoding="utf-8").partition("\n")[0]
    assert re.fullmatch(r"# [A-Z].*[.:]", first), first
    assert re.fullmatch(r"[a-zA-Z0-9-]+", path.stem)


def test_the_corpus_is_large_and_tells_of_everything() -> None:
    assert len(CORPUS) >= 60
    found: Counter[str] = Counter()
    outcomes: Counter[Outcome] = Counter()
    for path in CORPUS:
        for each in expectations(path.read_text(encoding="utf-8")).values():
            found += each.found
            outcomes[each.outcome] += 1
    assert set(found) == set(CATALOGUE)
    assert set(outcomes) == set(Outcome) - {Outcome.NOT_CORS} or set(outcomes) == set(Outcome)
