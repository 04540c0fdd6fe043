"""Files that somebody else may have put there: each ends in a sentence, and nothing waits for it."""

from __future__ import annotations

import copy
import json
import math
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import cors_addon
from cors_addon.capture import check as check_module
from cors_addon.capture.check import Task, check
from cors_addon.report import baseline, json_
from cors_addon.report.baseline import BaselineError
from cors_addon.report.formats import FORMATS
from cors_addon.report.model import Report
from tests.browser.processes import processes_with
from tests.capture import test_netlog
from tests.capture.captures import file_of, state_of
from tests.capture.recorded import API, PAGE, made, saved, text_of, zipped
from tests.mitm.support import cors_get
from tests.report.samples import mixed


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "known.json")
    return tmp_path / "known.json"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null"])
def test_a_baseline_without_an_end_is_refused(device: str) -> None:
    with pytest.raises(BaselineError, match="it is a folder, a pipe or a device, and no file"):
        cors_addon.check([], baseline=device)


def test_a_baseline_that_nobody_writes_keeps_nobody_waiting(pipe: Path) -> None:
    with pytest.raises(BaselineError, match="it is a folder, a pipe or a device, and no file"):
        baseline.read(pipe)


def test_no_more_of_a_baseline_is_read_than_a_right_one_can_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(baseline, "_LARGEST", 1 << 20)
    with (tmp_path / "known.json").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(BaselineError, match="has more than 1 MB; keep its schema and its groups only"):
        baseline.read(tmp_path / "known.json")


# --- captures with each value replaced by what nobody writes there ------------------------------------------------

WRONG: list[Any] = [None, True, -1, 10**30, 1e308, math.nan, math.inf, "", "x" * 5_000, "\x1b[31m", "NaN", [], {}]
WRONG += [[None], [[]], {"a": None}, [{"name": None, "value": 1}], ["GET"]]
WRONG_IN_FLOWS = [*WRONG[:11], b"", b"\xff\xfe", *WRONG[11:16], [[b"a", b"b"]], [[b"a"]], [["a", "b"]]]
Way = tuple[Any, ...]


def spots(value: Any, path: Way = ()) -> Iterator[Way]:
    """Yield the way to each value within another."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in pairs:
        yield (*path, key)
        yield from spots(inner, (*path, key))


def ways(value: Any, wrongs: list[Any]) -> Iterator[tuple[Way, Any]]:
    """Yield what to put where, a third of the values at each spot."""
    for number, spot in enumerate(spots(value)):
        yield from ((spot, wrong) for wrong in wrongs[number % 3 :: 3])


def replaced(value: Any, path: Way, wrong: Any) -> Any:
    made = within = copy.deepcopy(value)
    for key in path[:-1]:
        within = within[key]
    within[path[-1]] = wrong
    return made


def listed(value: Any) -> Any:
    """Return a state as tnetstrings hold it: without tuples."""
    if isinstance(value, dict):
        return {key: listed(inner) for key, inner in value.items()}
    return [listed(inner) for inner in value] if isinstance(value, (list, tuple)) else value


def checked(*paths: Path) -> Report:
    report = check([*map(str, paths)], Task())
    assert not any("fault of its own" in each["problem"] for each in report.summary["captures"])
    return report


def every_format(report: Report) -> dict[str, str]:
    return {name: render(report) for name, (_, render) in FORMATS.items()}


def test_flows_with_any_value_replaced_lose_no_other(tmp_path: Path) -> None:
    state = listed(state_of(cors_get(live=False)))
    flows = [replaced({**state, "id": str(number)}, *way) for number, way in enumerate(ways(state, WRONG_IN_FLOWS))]
    path = tmp_path / "run.mitm"
    path.write_bytes(file_of(*flows, listed(state_of(cors_get(url="http://api.test/the-last", live=False)))))
    report = checked(path)
    (capture,) = report.summary["captures"]
    assert "could not be read and the others were" in capture["problem"]
    assert "/the-last" in every_format(report)["json"]


def test_entries_with_any_value_replaced_lose_no_other(tmp_path: Path) -> None:
    entry = made(f"PUT {API}", "Set-Cookie: a=b", "Vary: Origin", asked=("Cookie: a=b",), error="net::ERR_FAILED")
    entry |= {"_webSocketMessages": [{"type": "send", "time": 1.0}], "_corsErrorStatus": {"corsError": "x"}}
    entries = [replaced(entry, *way) for way in ways(entry, WRONG)]
    last = made("GET https://api.example/the-last", "Content-Type: text/plain")
    path = tmp_path / "run.har"
    path.write_text(json.dumps(saved(*entries, last)))
    report = checked(path)
    (capture,) = report.summary["captures"]
    assert "could not be read" in capture["problem"]
    assert "/the-last" in every_format(report)["json"]


CHARLES = {
    "scheme": "https",
    "host": "api.example",
    "port": 443,
    "method": "GET",
    "path": "/items",
    "query": "a=1",
    "remoteAddress": "api/192.0.2.1:443",
    "times": {"start": "2026-03-01T10:00:00.000Z"},
    "durations": {"total": 1},
    "request": {"header": {"headers": [{"name": "Origin", "value": "http://localhost:5173"}]}},
    "response": {"status": 200, "header": {"headers": [{"name": "Vary", "value": "Origin"}]}},
}
NETLOG = json.loads(test_netlog.log_of(*test_netlog.BLOCKED))


@pytest.mark.parametrize(("kind", "capture"), [("charles.chlsj", [CHARLES]), ("netlog.json", NETLOG)])
def test_sessions_of_other_tools_with_any_value_replaced_lose_no_other(kind: str, capture: Any, tmp_path: Path) -> None:
    paths = []
    for way in [*ways(capture, WRONG)][::3]:
        paths.append(tmp_path / f"{len(paths)}-{kind}")
        paths[-1].write_text(json.dumps(replaced(capture, *way)))
    paths.append(tmp_path / "last.har")
    paths[-1].write_text(text_of(made("GET https://api.example/the-last", error="net::ERR_FAILED")))
    report = checked(*paths)
    assert any("could not be read" in each["problem"] for each in report.summary["captures"])
    assert report.flows[-1]["url"].endswith("/the-last")


def test_a_damaged_session_of_fiddler_loses_no_other(tmp_path: Path) -> None:
    asked = f"GET {API} HTTP/1.1\r\nOrigin: {PAGE}\r\nSec-Fetch-Mode: cors\r\n\r\n"
    members = {f"raw/{number}_{part}.txt": text for number in (1, 2) for part, text in (("c", asked), ("s", ""))}
    whole = zipped({**members, "raw/2_s.txt": "HTTP/1.1 20\u00b2 OK\r\n\r\n"})
    path = tmp_path / "run.saz"
    problems = set()
    for at in range(0, len(whole), 3):
        path.write_bytes(whole[:at] + b"\xff" + whole[at + 1 :])
        report = checked(path)
        problems.add(report.summary["captures"][0]["problem"].partition(" could")[0])
    assert "one entry" in problems


def test_a_fault_of_our_own_loses_no_other_capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths = [tmp_path / name for name in ("a.har", "b.har")]
    for path in paths:
        path.write_text(text_of(made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED")))
    judge = check_module.judge_capture
    monkeypatch.setattr(
        check_module, "judge_capture", lambda path, *rest: judge(path, *rest) if "b." in path else 1 / 0
    )
    report = check([*map(str, paths)], Task())
    first, second = report.summary["captures"]
    assert "a fault of its own (ZeroDivisionError in test_hostile_files.py, line " in first["problem"]
    assert (second["problem"], report.summary["outcomes"]["blocked"]) == ("", 1)


@pytest.mark.timeout(60)
def test_a_process_that_is_killed_loses_no_other_capture(tmp_path: Path) -> None:
    good = tmp_path / "good.har"
    good.write_text(text_of(made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED")))
    greedy = tmp_path / "greedy.har"
    os.mkfifo(greedy)

    def kill_twice() -> None:
        for _ in range(2):
            with greedy.open("wb"):  # It waits for the reader.
                processes = processes_with("spawn_main", os.getpid())
                for process in processes:
                    os.kill(process, signal.SIGKILL)
                while not set(processes).isdisjoint(processes_with("spawn_main", os.getpid())):
                    time.sleep(0.01)

    killer = threading.Thread(target=kill_twice, daemon=True)
    killer.start()
    report = check([str(greedy), str(good)], Task(), jobs=2)
    killer.join()
    first, second = report.summary["captures"]
    assert "the process that read it was killed" in first["problem"]
    assert (second["problem"], report.summary["outcomes"]["blocked"]) == ("", 1)


def test_files_of_any_other_shape_lose_no_other(tmp_path: Path) -> None:
    good = tmp_path / "good.har"
    good.write_text(text_of(made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED")))
    paths = []
    for har in (*WRONG, *(replaced(saved(), *way) for way in ways(saved(), WRONG))):
        paths.append(tmp_path / f"{len(paths)}.har")
        paths[-1].write_text(json.dumps(har))
    assert checked(*paths, good).summary["outcomes"]["blocked"] == 1


def test_a_baseline_of_any_other_shape_is_read_or_refused(tmp_path: Path) -> None:
    report = json.loads(json_.render(mixed()))
    report = {"schema": report["schema"], "groups": report["groups"][:1], "summary": {}}
    path = tmp_path / "known.json"
    for known in (*WRONG, *(replaced(report, *way) for way in ways(report, WRONG))):
        path.write_text(json.dumps(known))
        with suppress(BaselineError):
            assert not baseline.read(path).is_missing
