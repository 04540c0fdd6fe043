"""A capture is judged as the addon judges it."""

from __future__ import annotations

import gzip
import json
import lzma
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.addons.savehar import SaveHar
from mitmproxy.flow import Error
from mitmproxy.io import FlowReader

from cors_addon.capture.judging import Judged, _Judging, judge_capture
from cors_addon.capture.sighting import Sighting
from cors_addon.diagnosis import revisions
from cors_addon.diagnosis.session import Session, Settings
from cors_addon.report.model import build
from cors_addon.verdict.model import Judge, Outcome, Verdict
from tests.capture.captures import entry, flow_file, har
from tests.mitm.support import API, APP, cors_get, make_flow, make_response, preflight, proxy
from tests.traffic.exchanges import cors

ALLOWED = f"Access-Control-Allow-Origin: {APP}"
ADDON = Path(__file__).resolve().parents[2] / "cors_addon" / "addon.py"


def session(one_connection: bool = True) -> list[http.HTTPFlow]:
    """Return flows whose verdicts hang on each other, some by their connection."""
    refused = make_flow(f"Origin: {APP}", at=1030.0)
    refused.error = Error("connection refused", 1030.1)
    flows = [
        make_flow("Accept: text/html", url="http://app.test/", response=make_response(200), at=1000.0),
        preflight(ALLOWED, "Access-Control-Allow-Methods: PUT", at=1001.0),
        make_flow(f"Origin: {APP}", method="PUT", response=make_response(200, ALLOWED), at=1001.5),
        preflight(ALLOWED, "Access-Control-Allow-Methods: GET", at=1002.0),
        cors_get("Access-Control-Allow-Origin: *", url=f"{API}/open", at=1003.0),
        cors_get(ALLOWED, "Access-Control-Allow-Credentials: true", url=f"{API}/mine", at=1004.0),
        cors_get(ALLOWED, "Location: http://other.test/", status=302, url=f"{API}/moved", at=1005.0),
        cors_get(ALLOWED, url="http://other.test/", origin="null", at=1005.4),
        make_flow("Cookie: a=b", url="http://api.test/page", response=make_response(200), at=1006.0),
        cors_get(status=503, at=1007.0),
        make_flow("Sec-Fetch-Mode: no-cors", response=make_response(200), at=1008.0),
        make_flow(f"Origin: {APP}", at=1009.0),
        refused,
        *(cors_get(url=f"{API}/{number}", at=1040.0 + number) for number in range(5)),
    ]
    if one_connection:
        for flow in flows[5:9]:
            flow.client_conn = flows[4].client_conn
    for flow in flows:
        flow.live = False
    return flows


def judge(path: Path | str, **settings: Any) -> Judged:
    judged = judge_capture(str(path), Path(path).name, Settings(**settings))
    return replace(judged, verdicts=tuple(map(judged.explain, judged.verdicts)))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("captures") / "run.mitm"
    path.write_bytes(flow_file(session()))
    return path


def test_a_capture_gets_the_verdicts_that_the_addon_gives(recording: Path) -> None:
    with recording.open("rb") as file, proxy() as running:
        running.send(*(flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)))
        theirs = running.addon.reporting.report()
    own = build(judge(recording).verdicts)
    assert own.flows == theirs.flows
    assert own.groups == theirs.groups
    assert len(own.flows) == 14


def test_live_and_saved_get_the_same_verdicts(tmp_path: Path) -> None:
    flows = session()
    for flow in flows:
        flow.live = True
    with proxy() as running:
        running.send(*flows)
        theirs = {each["id"]: each for each in running.addon.reporting.report().flows}
    path = tmp_path / "run.mitm"
    path.write_bytes(flow_file(flows))
    own = {each["id"]: each for each in build(judge(path).verdicts).flows}
    assert own.keys() == theirs.keys()
    for flow_id, mine in own.items():
        for part in ("url", "outcome", "browsers", "credentials", "related"):
            assert mine[part] == theirs[flow_id][part], part
        assert [each["id"] for each in mine["findings"]] == [each["id"] for each in theirs[flow_id]["findings"]]


@pytest.mark.proxy
def test_a_capture_gets_the_verdicts_that_mitmdump_gives(recording: Path, tmp_path: Path) -> None:
    report = tmp_path / "cors.json"
    command = [Path(sys.executable).with_name("mitmdump"), "-q", "-n", "-r", recording, "-s", ADDON]
    options = [f"confdir={tmp_path}", f"cors_report={report}"]
    subprocess.run([*command, *(part for option in options for part in ("--set", option))], check=True, timeout=120)
    theirs = json.loads(report.read_text(encoding="utf-8"))
    own = build(judge(recording).verdicts)
    assert json.loads(json.dumps(own.flows)) == theirs["flows"]
    assert json.loads(json.dumps(own.groups)) == theirs["groups"]


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress], ids=["gz", "xz"])
def test_packed_captures_say_the_same(pack: Callable[[bytes], bytes], recording: Path, tmp_path: Path) -> None:
    packed = tmp_path / "run.bin"
    packed.write_bytes(pack(recording.read_bytes()))
    assert judge(packed) == judge(recording)


def test_every_flow_counts_and_what_is_no_matter_of_cors_has_no_verdict(recording: Path) -> None:
    judged = judge(recording)
    assert (judged.kind, judged.flows, judged.problem, judged.note) == ("flows", 18, "", "")
    assert len(judged.verdicts) == 14
    assert all(verdict.findings or verdict.outcome is not Outcome.NOT_CORS for verdict in judged.verdicts)


def test_the_browser_may_be_chosen(recording: Path) -> None:
    assert {verdict.judge for verdict in judge(recording, judge=Judge.FIREFOX).verdicts} == {Judge.FIREFOX}


def test_a_har_gives_the_same_outcomes_where_it_knows_enough(tmp_path: Path) -> None:
    flows = [flow for flow in session(one_connection=False) if flow.response is not None]
    path = tmp_path / "run.har"
    path.write_text(json.dumps(SaveHar().make_har(flows)), encoding="utf-8")
    judged = judge(path)
    assert (judged.kind, judged.flows, judged.problem) == ("har", len(flows), "")
    recording = tmp_path / "run.mitm"
    recording.write_bytes(flow_file(flows))
    same = {(v.method, v.url): v.outcome for v in judge(recording).verdicts}
    assert {(v.method, v.url): v.outcome for v in judged.verdicts} == same


def test_a_preflight_that_a_browser_writes_behind_its_request_is_found(tmp_path: Path) -> None:
    """Chromium's tools list the request first: it was asked for first, and then waited."""
    request = entry(
        "https://api.test/items",
        "Access-Control-Allow-Origin: https://app.test",
        method="PUT",
        took=80.0,
        timings={"blocked": 50.0, "send": 0, "wait": 25, "receive": 5},
    )
    ask = entry(
        "https://api.test/items",
        "Access-Control-Allow-Origin: https://app.test",
        "Access-Control-Allow-Methods: PUT",
        method="OPTIONS",
        status=204,
        asked=["Access-Control-Request-Method: PUT"],
        at="2026-05-01T12:00:00.005Z",
        took=40.0,
        _resourceType="preflight",
    )
    path = tmp_path / "run.har"
    path.write_bytes(har([request, ask]))
    put, options = judge(path).verdicts
    assert (put.related.preflight, options.related.request) == ("run.har#1", "run.har#0")
    assert {put.outcome, options.outcome} == {Outcome.ALLOWED}


def test_what_is_broken_in_the_middle_gives_what_came_before(recording: Path, tmp_path: Path) -> None:
    data = recording.read_bytes()
    cut = tmp_path / "cut.mitm"
    cut.write_bytes(data[: len(data) // 2])
    judged = judge(cut)
    whole = judge(recording)
    assert 0 < judged.flows < whole.flows
    assert "the file ends inside a flow" in judged.problem
    assert [v.id for v in judged.verdicts] == [v.id for v in whole.verdicts][: len(judged.verdicts)]


def test_what_is_packed_and_breaks_off_says_both(recording: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mitm.gz"
    packed = gzip.compress(recording.read_bytes(), 1)
    cut.write_bytes(packed[: len(packed) - 600])
    judged = judge(cut)
    assert judged.flows > 3
    assert judged.problem.startswith("its gzip data end too early, as those of a file that was not closed do; ")


def test_packing_that_lacks_only_its_end_is_told_too(recording: Path, tmp_path: Path) -> None:
    cut = tmp_path / "cut.mitm.gz"
    cut.write_bytes(gzip.compress(recording.read_bytes())[:-4])
    judged = judge(cut)
    assert judged.flows == 18
    assert judged.problem == "its gzip data end too early, as those of a file that was not closed do"


def test_what_is_not_there_is_a_problem_and_no_exception(tmp_path: Path) -> None:
    judged = judge(tmp_path / "none.mitm")
    assert (judged.kind, judged.flows, judged.verdicts) == ("", 0, ())
    assert judged.problem == "it cannot be read: No such file or directory"


@pytest.mark.parametrize(
    ("flows", "seconds", "reason"),
    [
        (0, 1_200.0, "after each flow, as live"),
        (2_000, 1_200.0, "before the long pause"),
        (2_000, 0.0, "with each exchange"),
    ],
)
def test_when_verdicts_are_revised_makes_no_difference(
    flows: int, seconds: float, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A session forgets what is an hour old: what it still knew has to be judged before."""
    path = tmp_path / "run.mitm"
    later = session()
    for flow in later:
        flow.request.timestamp_start += 7_200.0
        if flow.response is not None:
            flow.response.timestamp_start += 7_200.0
            flow.response.timestamp_end = flow.response.timestamp_start + 0.1
        if flow.error is not None:
            flow.error.timestamp += 7_200.0
    path.write_bytes(flow_file([*session(), *later]))
    expected = judge(path)
    monkeypatch.setattr(revisions, "_MOST_FLOWS", flows)
    monkeypatch.setattr(revisions, "_MOST_SECONDS", seconds)
    assert judge(path) == expected, reason
    assert expected.verdicts[0].related.request == expected.verdicts[1].id


def test_how_far_it_is_is_told_on_the_way(tmp_path: Path) -> None:
    path = tmp_path / "run.mitm"
    path.write_bytes(flow_file(make_flow(response=make_response(200)) for _ in range(600)))
    told: list[int] = []
    judge_capture(str(path), "run", Settings(), told.append)
    assert told == sorted(told)
    assert len(told) >= 3
    assert told[-1] == path.stat().st_size


def test_what_a_har_leaves_out_is_noted(tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    bare = entry(status=-1, origin=None)
    path.write_bytes(har([bare, entry()]))
    judged = judge(path)
    assert judged.note.startswith("one request of a script failed without a saved reason (first: run.har#0")
    assert judged.problem == ""


def test_what_later_evidence_takes_back_stays_away_when_its_exchange_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(revisions, "_MOST_FLOWS", 0)
    session = Session(Settings(), capacity=3)
    judging = _Judging(session)
    judging.take_all(Sighting(cors(f"GET {API}", id=name, at=at)) for at, name in enumerate("ab"))
    real = session.judge

    def judge(exchange_id: str) -> Verdict | None:
        verdict = real(exchange_id)
        taken_back = exchange_id == "a" and verdict is not None
        return replace(verdict, findings=(), outcome=Outcome.NOT_CORS) if taken_back else verdict

    monkeypatch.setattr(session, "judge", judge)
    judging._backlog.add(["a"])
    judging.take_all(Sighting(cors(f"GET {API}", id=name, at=10 + at)) for at, name in enumerate("cdefg"))
    assert [verdict.id for verdict in judging.finish()] == [*"bcdefg"]


def test_a_flow_that_was_saved_twice_counts_once(tmp_path: Path) -> None:
    """As after a second save in the console, or in files put one behind the other."""
    flows = [cors_get(ALLOWED, at=1000.0), cors_get(at=1001.0)]
    (tmp_path / "run.mitm").write_bytes(flow_file(flows) + flow_file(flows))
    judged = judge_capture(str(tmp_path / "run.mitm"), "run.mitm", Settings())
    assert judged.flows == 2
    assert len(judged.verdicts) == 2
