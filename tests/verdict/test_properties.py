"""What holds of every verdict: the engine agrees with the standard, with itself, and with time."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Session
from cors_addon.fetch.checks import PreflightRequest, Success, cors_check, preflight_check
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import CredentialsMode, Response
from cors_addon.traffic.correlate import Correlator
from cors_addon.traffic.evidence import Knowledge
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.transcript import parse_transcript
from cors_addon.verdict.assembly import Context
from cors_addon.verdict.judge import judge_record
from cors_addon.verdict.model import Judge, Outcome, Verdict
from tests.diagnosis.test_memory import traffic
from tests.traffic.exchanges import API, APP, ITEMS, allow, cors, exchange, metadata, preflight
from tests.verdict.judging import ALLOWED, BLOCKED, CONDITIONAL, INCLUDE, NOT_INCLUDE, SPEC

ORIGINS = st.sampled_from([APP, "http://localhost:3000", "null"])
VALUES = st.sampled_from(
    [
        "",
        "*",
        "null",
        "true",
        "True",
        "PUT",
        "GET, PUT",
        "x-a",
        "X-A, authorization",
        "(",
        APP,
        f"{APP}/",
        f"{APP}, {APP}",
    ]
)
NAMES = st.sampled_from(
    [
        "Access-Control-Allow-Origin",
        "Access-Control-Allow-Credentials",
        "Access-Control-Allow-Methods",
        "Access-Control-Allow-Headers",
        "Location",
    ]
)
HEADERS = st.lists(st.tuples(NAMES, VALUES), max_size=6)
PASSING = st.just(
    [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Methods", "*"), ("Access-Control-Allow-Headers", "*")]
)
STATUSES = st.sampled_from([200, 204, 302, 304, 404, 500])


@st.composite
def judged(draw: st.DrawFn) -> Exchange:
    """A preflight or a request to another origin, answered."""
    names = draw(st.lists(st.sampled_from(["x-a", "authorization"]), unique=True))
    origin, http = draw(ORIGINS), draw(st.sampled_from(["HTTP/1.1", "HTTP/2.0"]))
    if draw(st.booleans()):
        found = preflight(
            f"{draw(st.sampled_from(['PUT', 'POST', 'patch']))} {ITEMS}", *names, origin=origin, http=http
        )
    else:
        found = cors(f"GET {ITEMS}", origin=origin, http=http)
    headers = HeaderList(draw(HEADERS | PASSING))
    return replace(found, response=Response(draw(STATUSES), headers))


def views(found: Exchange, knowledge: Knowledge) -> Verdict:
    correlator = Correlator()
    correlator.observe(found)
    return judge_record(correlator.records[found.id], Context(lambda record: knowledge))


OPEN = Knowledge(None, leaning=True)


@given(judged())
def test_to_learn_the_mode_never_turns_a_verdict_round(found: Exchange) -> None:
    """What both modes say stays, and what hung on the mode becomes one of its two."""
    unknown = views(found, OPEN)
    known = {mode: views(found, Knowledge(mode)) for mode in CredentialsMode}
    for judge in Judge:
        outcome = unknown.views[judge].outcome
        by_mode = [known[mode].views[judge].outcome for mode in CredentialsMode]
        if outcome is CONDITIONAL:
            assert {*by_mode} == {ALLOWED, BLOCKED}
            assert unknown.views[judge].error in [known[mode].views[judge].error for mode in CredentialsMode]
        else:
            assert by_mode == [outcome, outcome]
    assert views(found, Knowledge(None)).views == known[NOT_INCLUDE].views


@given(judged())
def test_what_passes_with_credentials_passes_without(found: Exchange) -> None:
    strict, lax = views(found, Knowledge(INCLUDE)), views(found, Knowledge(NOT_INCLUDE))
    for judge in Judge:
        # The standard alone keeps Authorization out of a wildcard, and a wildcard counts without credentials only.
        if strict.views[judge].outcome is ALLOWED:
            assert lax.views[judge].outcome is ALLOWED


@given(judged(), st.sampled_from(CredentialsMode))
def test_the_standards_view_is_what_its_checks_say(found: Exchange, mode: CredentialsMode) -> None:
    assert found.response is not None
    origin = found.request.headers.get("Origin") or ""
    if found.request.method == "OPTIONS":
        headers = found.request.headers
        names = (headers.get("Access-Control-Request-Headers") or "").split(",")
        asked = PreflightRequest(origin, headers.get("Access-Control-Request-Method") or "", tuple(filter(None, names)))
        passes = isinstance(preflight_check(asked, mode, found.response), Success)
    else:
        passes = isinstance(cors_check(origin, mode, found.response.headers), Success)
    assert (views(found, Knowledge(mode)).views[SPEC].outcome is ALLOWED) is passes


@given(judged())
def test_findings_and_outcome_tell_the_same(found: Exchange) -> None:
    for knowledge in (OPEN, Knowledge(INCLUDE), Knowledge(NOT_INCLUDE)):
        verdict = views(found, knowledge)
        severities = {finding.severity.value for finding in verdict.findings}
        assert (verdict.outcome is BLOCKED) <= bool(severities & {"blocked", "conditional"})
        assert (verdict.outcome is CONDITIONAL) <= ("conditional" in severities)
        assert (verdict.outcome is ALLOWED) <= (not severities & {"blocked", "conditional"})


@given(judged())
def test_a_verdict_can_be_repeated(found: Exchange) -> None:
    assert judge_all([found]) == judge_all([found])
    session = Session()
    verdict, _ = session.observe(found)
    again, changed = session.observe(found)
    assert (again, changed) == (verdict, set())
    assert session.judge(found.id) == verdict


@given(judged(), st.data())
def test_what_another_header_says_makes_no_difference(found: Exchange, data: st.DataObject) -> None:
    assert found.response is not None
    lines = [*found.response.headers]
    place = data.draw(st.integers(0, len(lines)))
    more = [*lines[:place], ("X-Else", "1"), *lines[place:]]
    other = replace(found, response=replace(found.response, headers=HeaderList(more)))
    assert views(found, OPEN).views == views(other, OPEN).views


# --- the order of arrival ------------------------------------------------------------------------------------------
#
# Exchanges carry the times at which they happened. The order in which they are seen is that in which answers end, and
# in a capture that was cut or merged any other: the final verdicts must not depend on it, within the caps of memory.


def final(exchanges: Sequence[Exchange]) -> dict[str, Verdict]:
    return dict(sorted(judge_all(exchanges).items()))


def in_time(exchanges: Sequence[Exchange]) -> list[Exchange]:
    return sorted(exchanges, key=lambda each: (each.started, each.id))


def capture() -> list[Exchange]:
    """A page, its calls with and without credentials, a chain, two tabs, a cached grant, a 304, a form, an image."""
    answer = [*allow(credentials=True, methods="PUT", names="x-a"), "Access-Control-Max-Age: 60"]
    other = "https://other.test"
    return [
        exchange(
            f"GET {APP}/",
            *metadata("navigate", "none", "document"),
            id="page",
            at=0,
            answer=["Cross-Origin-Embedder-Policy: require-corp"],
        ),
        preflight(f"PUT {ITEMS}", "x-a", id="p1", at=0.3, answer=answer, connection="k1"),
        preflight(f"PUT {ITEMS}", "x-a", id="p2", at=0.31, answer=answer, connection="k1"),
        cors(f"PUT {ITEMS}", "X-A: 1", "Cookie: a=b", id="r1", at=0.5, answer=answer, connection="k2"),
        cors(f"PUT {ITEMS}", "X-A: 2", id="r2", at=0.51, answer=allow("*"), connection="k2"),
        cors(f"PUT {ITEMS}", "X-A: 3", id="r3", at=4, answer=allow("*"), connection="k3"),
        exchange(
            f"GET {APP}/go",
            *metadata("cors", "same-origin"),
            f"Referer: {APP}/",
            id="h1",
            at=1,
            status=302,
            answer=[f"Location: {API}/a"],
        ),
        cors(f"GET {API}/a", id="h2", at=1.2, status=307, answer=[f"Location: {other}/b", *allow()]),
        cors(f"GET {other}/b", id="h3", at=1.4, origin="null", answer=allow()),
        cors(f"GET {API}/data", id="s1", at=2, answer=allow()),
        cors(f"GET {API}/data", 'If-None-Match: "1"', id="s2", at=3, status=304),
        cors(f"GET {API}/data", id="s3", at=3.5, origin="https://else.test", answer=allow("https://else.test")),
        preflight(f"DELETE {ITEMS}", id="p3", at=5, answer=allow("*", methods="DELETE")),
        exchange(
            f"GET {API}/x.png", *metadata("no-cors", "cross-site", "image"), f"Referer: {APP}/", id="image", at=5.5
        ),
        exchange(f"GET {APP}/", *metadata("navigate", "same-origin", "document"), id="again", at=9),
        cors(f"GET {API}/public", id="late", at=9.5, answer=allow("*"), connection="k4"),
    ]


@settings(max_examples=60)
@given(st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(random: Random) -> None:
    exchanges = capture()
    expected = final(exchanges)
    random.shuffle(exchanges)
    assert final(exchanges) == expected


@pytest.mark.once
@settings(max_examples=12)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_nor_with_much_traffic(seed: int, random: Random) -> None:
    seen: dict[str, Exchange] = {}
    for each in traffic(150, seed):
        seen[each.id] = each
    exchanges = in_time([*seen.values()])
    expected = final(exchanges)
    random.shuffle(exchanges)
    assert final(exchanges) == expected


CORPUS = sorted((Path(__file__).parent.parent / "corpus").glob("*.txt"))


@pytest.mark.once
@pytest.mark.parametrize("seed", range(4))
def test_nor_over_the_whole_corpus(seed: int) -> None:
    """The transcripts are independent of each other: each has a client of its own."""
    exchanges = [
        replace(
            each,
            id=f"{path.stem} {each.id}",
            client=f"{path.stem} {each.client}",
            connection=f"{path.stem} {each.connection}",
        )
        for path in CORPUS
        for each in parse_transcript(path.read_text(encoding="utf-8"))
    ]
    expected = final(in_time(exchanges))
    Random(seed).shuffle(exchanges)
    assert final(exchanges) == expected


@pytest.mark.once
@settings(max_examples=12)
@given(st.integers(0, 1000), st.randoms(use_true_random=False))
def test_the_ids_returned_are_all_that_must_be_judged_anew(seed: int, random: Random) -> None:
    """After each exchange and its revisions, every verdict held is the one that judging it now would give."""
    exchanges = [*traffic(80, seed)]
    random.shuffle(exchanges)
    session, held = Session(), dict[str, Verdict]()
    for each in exchanges:
        verdict, changed = session.observe(each)
        if verdict is not None:
            held[each.id] = verdict
        for id in changed & held.keys():
            revised = session.judge(id)
            assert revised is not None
            held[id] = revised
        assert {id: session.judge(id) for id in held} == held


# --- late evidence -------------------------------------------------------------------------------------------------


def test_evidence_only_ever_narrows_what_was_open() -> None:
    """A preflight that passes without credentials only: open, then decided by what follows it, and staying so."""
    session = Session()
    grants = cors(f"GET {ITEMS}?me", id="g", at=0, answer=allow(credentials=True))
    session.observe(grants)
    asked, _ = session.observe(preflight(f"PUT {ITEMS}", id="p", at=1, answer=allow("*", methods="PUT")))
    assert asked is not None
    story = [asked.outcome]
    for each in (cors(f"PUT {ITEMS}", id="r", at=1.2, answer=allow("*")), exchange(f"GET {APP}/x", id="x", at=9)):
        session.observe(each)
        revised = session.judge("p")
        assert revised is not None
        story.append(revised.outcome)
    assert story == [CONDITIONAL, ALLOWED, ALLOWED]
    for before, after in pairwise(story):
        assert before is CONDITIONAL or before is after


def test_outcomes_are_closed() -> None:
    assert {each.value for each in Outcome} == {"allowed", "blocked", "conditional", "not-cors", "unknown"}
