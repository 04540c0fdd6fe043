"""Reports are there whole or not at all, whatever becomes of the process, the disk and the folder."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from cors_addon.mitm import journals
from cors_addon.report.json_lines import entries
from tests.mitm.client import fetch
from tests.mitm.origin import Origin, http_answer
from tests.mitm.process import ROOT, SECONDS, Mitmproxy, listening
from tests.mitm.support import cors_get, logged, proxy

# --- killed ---------------------------------------------------------------------------------------------------

WRITE_AND_DIE = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from cors_addon.report import files
from tests.report.samples import mixed

step, moment = sys.argv[3], sys.argv[4]
module = files.tempfile if step == "mkstemp" else os
real = getattr(module, step)

def die(*arguments, **named):
    if moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    real(*arguments, **named)
    os.kill(os.getpid(), signal.SIGKILL)

setattr(module, step, die)
files.write(mixed(), Path(sys.argv[2]))
"""
STEPS = ("mkstemp", "fdopen", "fsync", "chmod", "replace")


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_the_report_is_the_old_one_or_the_new_one(step: str, moment: str, tmp_path: Path) -> None:
    path = tmp_path / "cors.json"
    path.write_text('{"old": true}')
    command = [sys.executable, "-c", WRITE_AND_DIE, str(ROOT), str(path), step, moment]
    assert subprocess.run(command, check=False, timeout=SECONDS).returncode == -signal.SIGKILL
    found = json.loads(path.read_text())
    is_new = (step, moment) == ("replace", "after")
    assert (found.get("schema") == "cors-addon/report/1") == is_new
    assert ("old" in found) != is_new


@pytest.mark.proxy
def test_a_killed_proxy_loses_no_more_than_its_last_moments(tmp_path: Path) -> None:
    path = tmp_path / "cors.jsonl"
    with Origin({f"/{number}": http_answer() for number in range(4)}) as origin:
        for run in (0, 2):
            with Mitmproxy(tmp_path, *listening(), options=[f"cors_report={path}"]) as running:
                for number in (run, run + 1):
                    fetch(running.port, "GET", f"http://127.0.0.1:{origin.port}/{number}")
                wait_for(path, run + 2)
                assert running.stop(signal.SIGKILL) == -signal.SIGKILL
    found = entries(path.read_text().split("\n"))
    assert [entry["url"].rpartition("/")[2] for entry in found.values()] == ["0", "1", "2", "3"]
    assert {entry["outcome"] for entry in found.values()} == {"blocked"}


def wait_for(path: Path, flows: int) -> None:
    """Wait until so many flows are in the file; nobody else tells when they are."""
    end = time.monotonic() + SECONDS
    while not path.exists() or len(known(path)) < flows:
        assert time.monotonic() < end, f"{path.read_text() if path.exists() else 'no file'}"
        time.sleep(0.02)


def known(path: Path) -> dict[str, Any]:
    try:
        return entries(path.read_text().split("\n"))
    except ValueError:
        return {}


# --- no room, no folder ---------------------------------------------------------------------------------------

WRITE_INTO_LITTLE_ROOM = """
import resource, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from cors_addon.report import files, journal
from tests.report.samples import MIXED, mixed, verdicts

report, path = mixed(), Path(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))
try:
    if path.suffix == ".jsonl":
        made = journal.Journal(path)
        for verdict in verdicts(MIXED):
            made.note(verdict)
        made.write()
    else:
        files.write(report, path)
except OSError as error:
    print(type(error).__name__)
"""


@pytest.mark.parametrize("ending", [".json", ".jsonl"])
def test_where_there_is_no_room_the_old_report_stays(ending: str, tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="no such limits on Windows")
    path = tmp_path / f"cors{ending}"
    path.write_text("old\n")
    command = [sys.executable, "-c", WRITE_INTO_LITTLE_ROOM, str(ROOT), str(path)]
    told = subprocess.run(command, check=True, timeout=SECONDS, capture_output=True, text=True).stdout
    assert told == "OSError\n"
    assert [each.name for each in tmp_path.iterdir()] == [path.name], "and nothing else"
    if ending == ".json":
        assert path.read_text() == "old\n"
    else:
        assert path.read_text().startswith('old\n{"schema"'), "what is appended never takes away"


def test_a_folder_that_is_gone_is_told_once_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(journals, "FIRST_PAUSE", 0.0)
    folder = tmp_path / "reports"
    folder.mkdir()
    path = folder / "cors.jsonl"
    with proxy(cors_report=[str(path)]) as running:
        running.send(cors_get(url="http://api.test/before"))
        running.addon._tick()
        path.unlink()
        folder.rmdir()
        running.send(cors_get(url="http://api.test/meanwhile"))
        running.addon._tick()
        running.addon._tick()
        assert len([line for line in logged(caplog) if "cannot be written, flows wait" in line]) == 1
        folder.mkdir()
        running.addon._tick()
        assert [entry["url"] for entry in known(path).values()] == ["http://api.test/meanwhile"]
        assert any("is written again" in line for line in logged(caplog))


def test_reports_that_cannot_be_written_at_the_end_are_told_one_by_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    paths = [folder / "cors.json", tmp_path / "cors.txt", folder / "cors.jsonl"]
    with proxy(cors_report=[str(path) for path in paths]) as running:
        running.send(cors_get())
        folder.rmdir()
    told = [line for line in logged(caplog, 30) if "cors_report=" in line]
    assert len(told) == 2
    assert paths[1].exists(), "the one that can be written is"


# --- as it goes -----------------------------------------------------------------------------------------------


def test_each_verdict_is_appended_and_each_revision(tmp_path: Path) -> None:
    path = tmp_path / "cors.jsonl"
    with proxy(cors_report=[str(path)]) as running:
        flow = running.send(cors_get("Access-Control-Allow-Origin: http://app.test"))
        running.addon._tick()
        assert [entry["outcome"] for entry in known(path).values()] == ["allowed"]
        flow.response.headers["access-control-allow-origin"] = "http://else.test"
        running.hook("requestheaders", flow)
        running.hook("responseheaders", flow)
        running.hook("response", flow)
    assert [(entry["id"], entry["outcome"]) for entry in known(path).values()] == [(flow.id, "blocked")]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line.get("outcome") for line in lines] == [None, "allowed", "blocked"]


def test_turning_to_another_file_while_running(tmp_path: Path) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    with proxy(cors_report=[str(first)]) as running:
        running.send(cors_get(url="http://api.test/1"))
        running.addon._tick()
        running.configure(cors_report=[str(second)])
        running.send(cors_get(url="http://api.test/2"))
    assert [entry["url"] for entry in known(first).values()] == ["http://api.test/1"]
    assert [entry["url"] for entry in known(second).values()] == ["http://api.test/2"]
