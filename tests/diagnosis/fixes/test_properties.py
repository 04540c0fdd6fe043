"""Whatever a server sends: with the changes of its way made, the browser lets it pass."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from cors_addon.catalogue.violation import Severity
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.diagnosis.fixes.way import mended
from cors_addon.diagnosis.session import Settings
from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.messages import Request, Response
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.transcript import USER_AGENTS
from cors_addon.verdict.model import Judge, Outcome

STOPS = (Severity.BLOCKED, Severity.CONDITIONAL)
PASSED = (Outcome.ALLOWED, Outcome.NOT_CORS)
APP = "https://app.test"

origins = st.sampled_from([APP, "*", "null", f"{APP}/", "app.test", "http://app.test", f"{APP}, *", "", "x y", '"*"'])
lists = st.sampled_from(["*", "GET", "PUT, PATCH", "GET PUT", "put", "", "x-a", "X-A, authorization", "a;b", "*, x-a"])
credentials = st.sampled_from(["true", "True", "false", "", "true, true"])
lines = st.one_of(
    st.tuples(st.just("Access-Control-Allow-Origin"), origins),
    st.tuples(st.just("Access-Control-Allow-Credentials"), credentials),
    st.tuples(st.just("Access-Control-Allow-Methods"), lists),
    st.tuples(st.just("Access-Control-Allow-Headers"), lists),
    st.tuples(st.just("Access-Control-Max-Age"), st.sampled_from(["600", "-1", "10m", "99999999999"])),
    st.tuples(st.just("Access-Control-Expose-Headers"), lists),
    st.tuples(st.just("Vary"), st.sampled_from(["Origin", "Accept-Encoding", "*", ""])),
    st.tuples(st.just("X-Total"), st.just("3")),
)
answers = st.builds(Response, st.sampled_from([200, 204, 401, 404, 500]), st.lists(lines, max_size=6).map(HeaderList))
METADATA = (("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "empty"))


def exchange(method: str, answer: Response, *headers: tuple[str, str]) -> Exchange:
    agent = ("User-Agent", USER_AGENTS["chromium"])
    request = Request(method, "https://api.test/items", HeaderList([("Origin", APP), *METADATA, agent, *headers]))
    return Exchange("1", request, answer, started=1.0, ended=1.1, client="192.0.2.1", connection="c1", source="flows")


def passes(each: Exchange, judge: Judge) -> None:
    verdict = judge_all([each], Settings(judge))["1"]
    if verdict.way is None:
        assert not any(finding.severity in STOPS for finding in verdict.findings)
        return
    assert each.response is not None
    after = judge_all([replace(each, response=mended(each.response, verdict.way.changes))], Settings(judge))["1"]
    changed = {finding for step in verdict.way.steps if step.changes for finding in step.findings}
    assert not changed & {finding.id for finding in after.findings}
    told = " ".join(text for _, text, _, _ in after.credentials.evidence)
    if verdict.way.credentials or "nothing followed" not in told:
        assert after.outcome in PASSED
    expected = tuple(f"{name}: {value}" for name, value in mended(each.response, verdict.way.changes).headers)
    assert set(verdict.way.headers) <= set(expected)


@given(answers, st.booleans(), st.sampled_from(list(Judge)))
def test_a_response_passes_once_its_way_is_gone(answer: Response, cookie: bool, judge: Judge) -> None:
    passes(exchange("GET", answer, *([("Cookie", "a=b")] if cookie else [])), judge)


@given(
    answers,
    st.sampled_from(["PUT", "patch", "GET", "PURGE"]),
    st.lists(st.sampled_from(["x-a", "authorization", "content-type"]), unique=True),
    st.sampled_from(list(Judge)),
)
def test_a_preflight_passes_once_its_way_is_gone(answer: Response, method: str, names: list[str], judge: Judge) -> None:
    headers = [("Access-Control-Request-Method", method)]
    if names:
        headers.append(("Access-Control-Request-Headers", ",".join(names)))
    passes(exchange("OPTIONS", answer, *headers), judge)
