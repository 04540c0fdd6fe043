"""The way of the data: judged after the response is on its way, at once where somebody asks, in short turns."""

from __future__ import annotations

import asyncio
import gc
import json
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, http

import cors_addon
from cors_addon.mitm.contentview import text_for
from cors_addon.traffic import testimony
from cors_addon.traffic.transcript import USER_AGENTS
from tests.mitm.support import API, APP, Proxy, cors_get, logged, make_flow, make_response, preflight, proxy

ALLOWED = f"Access-Control-Allow-Origin: {APP}"


def pass_hooks(running: Proxy, flow: http.HTTPFlow) -> None:
    """Call the hooks as mitmproxy does, and nothing else."""
    response, flow.response = flow.response, None
    running.addon.requestheaders(flow)
    flow.response = response
    running.addon.responseheaders(flow)
    running.addon.response(flow)


def turned(running: Proxy, seconds: float = 0.2) -> None:
    """Let the event loop turn for a while."""
    running.context.master.event_loop.run_until_complete(asyncio.sleep(seconds))


def test_hooks_leave_a_flow_alone_and_the_next_turns_of_the_loop_show_the_verdict(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cors_addon.mitm.pipeline._TURN", 60.0)
    with proxy() as running:
        flows = [cors_get(at=1000.0 + number) for number in range(3)]
        for flow in flows:
            pass_hooks(running, flow)
            assert flow.metadata == {}
        turned(running)
        assert [flow.metadata["cors.outcome"] for flow in flows] == ["blocked"] * 3
        assert running.updated == [flows], "front ends are told once for all of them"


def test_a_flow_whose_response_was_awaited_counts_once_however_late_it_is_judged() -> None:
    with proxy() as running:
        flow = cors_get(at=1000.0)
        response, flow.response = flow.response, None
        running.addon.requestheaders(flow)
        running.addon._look_at_open(1001.0, 0.25)
        flow.response = response
        running.addon.responseheaders(flow)
        running.addon.response(flow)
        turned(running)
        assert running.report()["summary"]["flows"] == 1
        assert running.report()["summary"]["dropped"] == 0


def test_the_metadata_are_a_plain_dictionary_with_what_is_behind_it() -> None:
    with proxy() as running:
        flow = running.send(cors_get("Server: nginx", status=502))
        entry = flow.metadata["cors"]
        assert type(entry) is dict
        assert json.loads(json.dumps(entry)) == entry
        assert entry["findings"][0]["needed"] == ALLOWED
        assert entry["findings"][0]["cause"] is None, "that is worked out for whoever looks"
        assert "allow-origin-missing" in text_for(flow)
        entry = flow.metadata["cors"]
        assert entry["findings"][0]["cause"] is not None
        assert running.verdict(flow).items() <= entry.items()


def test_where_flows_are_saved_as_they_pass_they_carry_the_causes_too(tmp_path: Path) -> None:
    with proxy() as running:
        running.context.options.add_option("save_stream_file", str, "", "")
        running.context.options.update(save_stream_file=str(tmp_path / "flows"))
        flow = cors_get("Server: nginx", status=502)
        pass_hooks(running, flow)
        assert flow.metadata["cors"]["findings"][0]["cause"] is not None


def test_a_script_that_asks_in_its_own_hook_has_the_verdict_at_once() -> None:
    with proxy() as running:
        flow = cors_get()
        pass_hooks(running, flow)
        entry = cors_addon.verdict_of(flow)
        assert entry is not None
        assert entry["outcome"] == "blocked"
        assert cors_addon.verdict_of(make_flow(response=make_response(200))) is None


@pytest.mark.parametrize(
    "options",
    [{"dumper_filter": "~meta cors.outcome"}, {"intercept": "~comment CORS & ~s"}],
)
def test_what_the_next_addons_filter_by_is_there_in_the_hook(options: dict[str, Any]) -> None:
    with proxy() as running:
        for name, value in options.items():
            running.context.options.add_option(name, str, "", "")
            running.context.options.update(**{name: value})
        flow = cors_get()
        pass_hooks(running, flow)
        assert flow.metadata["cors.outcome"] == "blocked"


def test_a_command_and_a_report_judge_what_has_not_been_judged_yet() -> None:
    with proxy() as running:
        flow = cors_get()
        pass_hooks(running, flow)
        assert running.verdict(flow)["outcome"] == "blocked"
        other = cors_get(at=1001.0)
        pass_hooks(running, other)
        running.addon.commands.status()
        assert other.metadata["cors.outcome"] == "blocked"


def test_one_turn_works_off_part_and_the_next_ones_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cors_addon.mitm.pipeline._TURN", 0.0)
    with proxy() as running:
        flows = [cors_get(at=1000.0 + number) for number in range(40)]
        for flow in flows:
            pass_hooks(running, flow)
        monkeypatch.setattr("cors_addon.mitm.pipeline._TURN", 60.0)
        running.turn()
        judged = [flow for flow in flows if flow.metadata]
        assert 0 < len(judged) <= 24, "front ends are told of no more in one turn"
        turned(running)
        assert all(flow.metadata["cors.outcome"] == "blocked" for flow in flows)
        assert [flow for told in running.updated for flow in told] == flows


def test_evidence_is_weighed_in_turns_too(monkeypatch: pytest.MonkeyPatch) -> None:
    with proxy() as running:
        asked = preflight(ALLOWED, "Access-Control-Allow-Methods: *")
        pass_hooks(running, asked)
        pass_hooks(running, cors_get(ALLOWED, url=f"{API}/others", at=1009.0))
        turned(running, 1.0)
        assert asked.metadata["cors.outcome"] == "conditional", "nothing followed it"


def test_what_waits_at_the_end_is_in_the_report() -> None:
    with proxy() as running:
        flow = cors_get()
        pass_hooks(running, flow)
    assert flow.metadata["cors.outcome"] == "blocked"


def test_silence_after_a_preflight_is_told_by_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """No other CORS request has to come for it."""
    with proxy() as running:
        flow = preflight("Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: PUT", at=1000.0)
        pass_hooks(running, flow)
        turned(running)
        assert flow.metadata["cors.outcome"] == "allowed"
        for later, outcome in ((1001.0, "allowed"), (1010.0, "conditional")):
            monkeypatch.setattr("cors_addon.mitm.pipeline.time.time", lambda now=later: now)
            running.addon.pipeline.look()
            turned(running)
            assert flow.metadata["cors.outcome"] == outcome


def test_what_is_loaded_is_no_matter_of_the_collectors_while_it_runs() -> None:
    before = gc.get_threshold()
    with proxy():
        assert gc.get_freeze_count() > 1_000
        assert gc.get_threshold()[0] == 10_000
    assert gc.get_freeze_count() == 0
    assert gc.get_threshold() == before


def test_what_waits_is_bounded_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("cors_addon.mitm.pipeline.MOST_WAITING", 5)
    with proxy() as running:
        flows = [cors_get(url=f"{API}/{number}", at=1000.0 + number) for number in range(20)]

        async def burst() -> None:
            for flow in flows:
                pass_hooks(running, flow)
                assert len(running.addon.pipeline._inbox) <= 5

        running.context.master.event_loop.run_until_complete(burst())
        running.addon.pipeline.settle()
        assert [flow.metadata["cors.outcome"] for flow in flows] == ["blocked"] * 20
    (line,) = [line for line in logged(caplog) if "wait for their verdicts" in line]
    assert line == (
        "CORS: 5 flows wait for their verdicts, so each response now waits for one of them. "
        "That ends by itself when the traffic slows down."
    )


def test_the_budget_of_memory_is_an_option() -> None:
    with proxy(cors_memory=16) as running:
        for number in range(3_000):
            running.send(cors_get(f"X-Long: {'x' * 4_000}", url=f"{API}/{number}", at=1000.0 + number))
        assert running.addon.session.correlator.held <= 8 << 20
        assert running.addon.kept.verdicts.held <= 4 << 20
        assert len(running.addon.session.correlator.records) < 1_000
        kept = len(running.addon.kept.verdicts)
        assert 0 < kept < 3_000
        running.configure(cors_memory=32)
        assert running.addon.kept.verdicts.budget == 8 << 20
        with pytest.raises(exceptions.OptionsError, match="write megabytes from 16 to 65536"):
            running.context.options.update(cors_memory=1)


def test_a_command_waits_a_moment_for_what_is_still_to_be_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    """New evidence on thousands of flows takes seconds: those come in the turns that follow."""
    monkeypatch.setattr("cors_addon.mitm.pipeline._MOMENT", 0.0)
    with proxy() as running:
        flows = [cors_get(url=f"{API}/{number}", at=1000.0 + number) for number in range(20)]

        async def ask() -> None:
            for flow in flows:
                pass_hooks(running, flow)
            assert not running.addon.pipeline.settle_some()
            assert "cors" not in flows[-1].metadata
            while "cors" not in flows[-1].metadata:
                await asyncio.sleep(0)

        running.context.master.event_loop.run_until_complete(ask())
        assert running.addon.pipeline.settle_some(), "outside of the loop nobody waits"


@pytest.mark.parametrize("goes_on", [True, False], ids=["at the next try", "at the end"])
def test_a_browsers_word_waits_where_more_waits_than_a_moment_judges(
    monkeypatch: pytest.MonkeyPatch, goes_on: bool
) -> None:
    monkeypatch.setattr("cors_addon.mitm.pipeline._TURN", -1.0)
    with proxy() as running:
        flows = [cors_get(at=1000.0 + number) for number in range(3)]
        for flow in flows:
            pass_hooks(running, flow)
        browsers, loop = running.addon.browsers, running.context.master.event_loop
        loop.call_soon(browsers._told, flows[2].id, testimony.Testimony("Chromium 150", outcome=testimony.Told.CORS))
        turned(running, 0.0)
        assert "cors" not in flows[0].metadata, "two others would have to be judged before it"
        if goes_on:
            monkeypatch.setattr("cors_addon.mitm.pipeline._TURN", 60.0)
            turned(running, 0.6)
        else:
            running.addon.done()
        assert [flow.metadata["cors"].get("told") is not None for flow in flows] == [False, False, True]


@pytest.mark.parametrize("waits", [False, True], ids=["judged by then", "still in the inbox"])
def test_a_connection_that_webkit_closes_at_once_makes_the_verdict_conditional(waits: bool) -> None:
    with proxy() as running:
        lines = f"Origin: {APP}", "Connection: Keep-Alive"
        response = make_response(200, ALLOWED, "Content-Length: 4")
        flow = make_flow(*lines, agent=f"User-Agent: {USER_AGENTS['webkit']}", response=response)
        flow.client_conn.timestamp_end = 1000.35
        pass_hooks(running, flow)
        if not waits:
            running.addon.drain()
        running.addon.client_disconnected(flow.client_conn)
        running.look()
        assert running.verdict(flow)["outcome"] == "conditional"
        assert "closed its connection" in running.verdict(flow)["credentials"]["evidence"][0]["message"]


def test_a_request_that_mitmproxy_tells_no_end_of_ends_when_its_browser_has_hung_up() -> None:
    """It has happened where the server's connection closes with the browser's."""
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}", response=None)
        running.hook("requestheaders", flow)
        running.look()
        assert len(running.addon._open) == 1
        flow.client_conn.timestamp_end = flow.request.timestamp_start + 1
        running.look()
        assert not running.addon._open
        assert running.verdict(flow)["outcome"] == "unknown"


def test_a_replay_waits_for_its_answer_though_its_connection_was_closed_long_ago() -> None:
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}", response=None)
        flow.is_replay = "request"
        flow.client_conn.timestamp_end = flow.request.timestamp_start - 60
        running.hook("requestheaders", flow)
        running.look()
        assert len(running.addon._open) == 1


def test_what_was_on_its_way_stays_so_when_mitmproxy_is_done_with_the_flow_before_the_turn() -> None:
    """mitmproxy says that a flow is no longer live as soon as its response is sent, some milliseconds before."""
    with proxy() as running:
        image = make_flow(
            "Sec-Fetch-Mode: no-cors",
            "Sec-Fetch-Site: cross-site",
            "Sec-Fetch-Dest: image",
            response=make_response(200, "Content-Type: image/png"),
        )
        for flow in (image, call := cors_get()):
            pass_hooks(running, flow)
            flow.live = False
        assert len(running.addon.pipeline._inbox) >= 1
        running.turn()
        assert call.metadata["cors.outcome"] == "blocked"
        assert running.addon.session.correlator.get(image.id) is None, "nothing holds such a response back"


def test_what_the_user_makes_of_a_response_that_is_held_back_is_judged_at_the_next_look() -> None:
    """No hook follows: mitmproxy sends the response, and is done with the flow."""
    with proxy() as running:
        flow = cors_get()
        flow.intercepted = True
        pass_hooks(running, flow)
        turned(running)
        assert flow.metadata["cors.outcome"] == "blocked"
        assert flow.response is not None
        flow.response.headers["Access-Control-Allow-Origin"] = APP
        flow.intercepted = flow.live = False
        running.addon._tick()
        turned(running)
        assert flow.metadata["cors.outcome"] == "allowed"


def test_a_look_at_a_flow_judges_what_waits_for_a_moment_and_the_flow_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cors_addon.mitm.pipeline._TURN", -1.0)
    with proxy() as running:
        flows = [cors_get(url=f"{API}/{number}", at=1000.0 + number) for number in range(10)]
        told: list[str] = []

        async def look() -> None:
            for flow in flows:
                pass_hooks(running, flow)
            told.append(text_for(flows[-1]))
            with pytest.raises(exceptions.CommandError, match="still wait for their verdicts"):
                running.addon.judged.verdicts(flows)
            assert len(running.addon.pipeline._inbox) == 10, "no time is left in this turn"
            while running.addon.pipeline._inbox:
                running.addon.pipeline._intake.take(running.addon.pipeline._inbox.popleft())
            told.append(text_for(flows[-1]))
            assert "cors" not in flows[0].metadata, "others wait for their turn"
            assert flows[-1].metadata["cors"]["outcome"] == "blocked"

        running.context.master.event_loop.run_until_complete(look())
        assert told[0].startswith("This flow waits for its verdict")
        assert "allow-origin-missing" in told[1]


def test_what_waits_is_not_taken_for_a_flow_that_no_hook_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cors_addon.mitm.pipeline._TURN", -1.0)
    with proxy() as running:
        flow = cors_get()

        async def look() -> None:
            pass_hooks(running, flow)
            assert running.addon.judged.find(flow) is None
            assert flow.metadata == {}

        running.context.master.event_loop.run_until_complete(look())
        running.addon.pipeline.settle()
        assert flow.metadata["cors.outcome"] == "blocked"
        assert running.addon.kept.judged == 1
