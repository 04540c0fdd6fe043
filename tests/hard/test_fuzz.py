"""A slice of what `scripts/fuzz.py` runs for hours, and proof that it would notice."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.session import Session, Settings
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.report.formats import RENDERERS
from cors_addon.report.model import build
from cors_addon.traffic.exchange import Exchange, Responder
from cors_addon.verdict.model import Judge, Outcome, View
from tests.hard.fuzzing.cases import Failed, Fuzz, HeaderFuzz
from tests.hard.fuzzing.generate import ODD_ORIGINS, ODD_TARGETS, PAGES, TARGETS, VALUES
from tests.hard.fuzzing.oracle import objection

ORIGIN = "https://app.test"


def test_a_slice_of_whole_exchanges() -> None:
    fuzz = Fuzz(seed=7)
    fuzz.run(5_500)
    assert fuzz.cases == 5_500
    seen = {name for name, count in fuzz.seen.items() if count}
    assert seen >= {"allowed", "blocked", "conditional", "not-cors", "unknown", "waiting", "rule matched", "reports"}
    assert fuzz.seen["by the standard's prose"] > 1_000


def test_a_slice_of_header_bytes() -> None:
    fuzz = HeaderFuzz(seed=7)
    fuzz.run(20_000)
    steps = {"no origin", "origin", "credentials", "status", "methods", "headers", "method", "header", "success"}
    assert set(fuzz.seen) >= {*steps, "non-wildcard header"}


def test_the_same_seed_makes_the_same_cases() -> None:
    first, second = Fuzz(seed=3), Fuzz(seed=3)
    first.run(300)
    second.run(300)
    assert first.seen == second.seen


# --- would it notice? -----------------------------------------------------------------------------------------

WELL = (("Access-Control-Allow-Origin", ORIGIN), ("Access-Control-Allow-Credentials", "true"))


def fetched(*answer: tuple[str, str]) -> Exchange:
    asked = HeaderList([("Origin", ORIGIN), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "cross-site")])
    return Exchange("1", Request("GET", "https://api.test/", asked), Response(200, HeaderList(answer)))


@pytest.mark.parametrize(
    ("answer", "claimed"),
    [(WELL, Outcome.BLOCKED), (WELL, Outcome.CONDITIONAL), ((), Outcome.ALLOWED)],
    ids=["blocked without a reason", "conditional on nothing", "allowed without a header"],
)
def test_a_verdict_that_the_standard_does_not_give_is_noticed(
    answer: tuple[tuple[str, str], ...], claimed: Outcome
) -> None:
    exchange = fetched(*answer)
    verdict = judge_all([exchange], Settings(Judge.SPEC))["1"]
    assert objection(exchange, verdict) is None
    wrong = replace(verdict, views={**verdict.views, Judge.SPEC: View(claimed)})
    if claimed is Outcome.BLOCKED or claimed is Outcome.CONDITIONAL:
        wrong = replace(wrong, findings=())
    assert objection(exchange, wrong) is not None


def test_an_exception_is_told_with_its_seed_and_its_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Session, exchange: Exchange) -> None:
        raise ValueError("on purpose")

    monkeypatch.setattr(Session, "observe", broken)
    with pytest.raises(Failed, match=r"(?s)seed 5, case 0: Exchange\(.*on purpose"):
        Fuzz(seed=5).run(1)


# --- hypothesis, which finds the smallest one ------------------------------------------------------------------

names = st.sampled_from([name.decode() for name in VALUES])
known_values = st.sampled_from([value for values in VALUES.values() for value in values])
values = st.one_of(known_values, st.binary(max_size=20)).map(lambda data: data.decode("latin-1"))
lines = st.lists(st.tuples(names, values), max_size=8)
origins = st.one_of(st.sampled_from([*PAGES, *ODD_ORIGINS]).map(bytes.decode), st.text(max_size=8))
asked_names = st.sampled_from(["Access-Control-Request-Method", "Access-Control-Request-Headers", "Sec-Fetch-Mode"])
requests = st.builds(
    lambda method, url, origin, more: Request(method, url, HeaderList([("Origin", origin), *more])),
    st.sampled_from(["GET", "POST", "PUT", "OPTIONS", ""]),
    st.sampled_from([*TARGETS, *ODD_TARGETS]),
    origins,
    st.lists(st.tuples(st.one_of(asked_names, names), values), max_size=5),
)
responses = st.none() | st.builds(lambda status, more: Response(status, HeaderList(more)), st.integers(0, 999), lines)
exchanges = st.builds(
    Exchange,
    id=st.sampled_from(["1", "2", "3", "4", "5"]),
    request=requests,
    response=responses,
    error=st.none() | st.sampled_from(["refused", "Client disconnected.", ""]),
    responder=st.sampled_from(Responder),
    started=st.floats(0, 100),
    ended=st.none() | st.floats(0, 100),
    client=st.sampled_from(["", "192.0.2.1"]),
    connection=st.sampled_from(["", "c"]),
    http_version=st.sampled_from(["HTTP/1.1", "HTTP/2.0"]),
    server_address=st.sampled_from(["", "10.0.0.1", "::1"]),
    websocket=st.booleans(),
    source=st.sampled_from(["live", "flows", "har"]),
)


@given(st.lists(exchanges, max_size=8), st.sampled_from([None, *Judge]))
def test_any_exchanges_in_any_order_get_verdicts_that_every_format_can_tell(
    given_exchanges: list[Exchange], judge: Judge | None
) -> None:
    verdicts = judge_all(given_exchanges, Settings(judge))
    report = build(verdicts.values())
    for render in RENDERERS.values():
        render(report).encode("utf-8")
