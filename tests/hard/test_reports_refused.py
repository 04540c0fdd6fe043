"""Reports that cannot be written: nothing is made in vain, nothing finished is lost, and nobody waits for a disk."""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from cors_addon.mitm import journals
from cors_addon.mitm.journals import Journals
from cors_addon.report import files
from cors_addon.report.journal import Journal
from cors_addon.report.json_lines import entries
from cors_addon.verdict.model import Verdict
from tests.mitm.support import logged
from tests.report.samples import MIXED, mixed, verdicts

SOME = verdicts(MIXED)


class Explained:
    """Counts what is worked out for a line."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def __call__(self, verdict: Verdict) -> Verdict:
        self.ids.append(verdict.id)
        return verdict


def known(path: Path) -> set[str]:
    text = path.read_text("utf-8")
    return set(entries(text.split("\n"))) if text else set()


def test_while_a_disk_takes_nothing_no_line_is_made_twice(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    folder = tmp_path / "gone"
    explained = Explained()
    written = Journals()
    assert written.open([folder / "cors.jsonl"]) == []
    for verdict in SOME:
        written.note(verdict, explained)
    for _ in range(50):
        assert not written.write()
    assert len(explained.ids) == len(set(explained.ids)), "what is finished is kept"
    assert len([line for line in logged(caplog) if "flows wait" in line]) == 1, "it is said once"
    folder.mkdir()
    assert written.write(last=True), "the end tries once more, whenever the next try was due"
    assert known(folder / "cors.jsonl") == {verdict.id for verdict in SOME}


def test_after_failures_it_is_tried_less_and_less_often(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[str] = []
    monkeypatch.setattr(Journal, "append", lambda self: tries.append("try") or os.open(tmp_path / "no" / "no", 0))
    written = Journals()
    written.open([tmp_path / "cors.jsonl"])
    for _ in range(200):
        written.write()
    assert len(tries) == 2, "one more at once, and then a pause"


def test_a_disk_that_never_answers_keeps_the_loop_and_the_end_from_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stuck, let_go = threading.Event(), threading.Event()
    real = Journal.append

    def append(self: Journal) -> None:
        stuck.set()
        let_go.wait()
        real(self)

    monkeypatch.setattr(Journal, "append", append)
    monkeypatch.setattr(journals, "_PATIENCE", 0.01)
    path = tmp_path / "cors.jsonl"

    async def traffic() -> None:
        written = Journals()
        written.open([path])
        for verdict in SOME:
            written.note(verdict, Explained())
            written.write()
            await asyncio.sleep(0)
        await asyncio.to_thread(stuck.wait)
        assert not written.write(last=True)

    asyncio.run(traffic())
    let_go.set()
    assert any("the disk does not answer" in line for line in logged(caplog))


def test_lines_are_made_in_slices_while_the_traffic_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "SLICE", 0.0)
    path = tmp_path / "cors.jsonl"
    explained = Explained()
    turns: list[int] = []

    async def traffic() -> None:
        written = Journals()
        written.open([path])
        for verdict in SOME:
            written.note(verdict, explained)
        written.write()
        assert len(explained.ids) == 1, "one line, and others have a turn"
        while not path.exists() or known(path) != {verdict.id for verdict in SOME}:
            turns.append(1)
            await asyncio.sleep(0.001)
        assert written.write(last=True)

    asyncio.run(traffic())
    assert turns
    assert len(explained.ids) == len(SOME)


KILLED = """
import os, sys
from pathlib import Path
from cors_addon.report import files
from tests.report.samples import mixed
os.fsync = lambda opened: os.kill(os.getpid(), 9)
files.write(mixed(), Path(sys.argv[1]))
"""


def test_what_a_killed_process_left_is_swept_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "cors.json"
    others = [tmp_path / name for name in (".cors.json.1.abcdefgh.old", ".cors.json.x", ".cors.json", "cors.json.1")]
    for other in others:
        other.write_text("")
    root = Path(__file__).resolve().parents[2]
    subprocess.run([sys.executable, "-c", KILLED, str(path)], cwd=root, check=False)
    left = set(tmp_path.iterdir()) - set(others)
    assert len(left) == 1, "it was killed in the middle"
    files.write(mixed(), path)
    files.sweep(path)
    assert set(tmp_path.iterdir()) == {path, *others}


def test_what_is_being_written_now_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cors.json"
    found: list[int] = []
    real = os.fsync

    def fsync(opened: int) -> None:
        files.sweep(path)
        found.append(len(list(tmp_path.iterdir())))
        real(opened)

    monkeypatch.setattr(os, "fsync", fsync)
    files.write(mixed(), path)
    assert found == [1]
    old = tmp_path / f".cors.json.{os.getpid()}.abcdefgh"
    old.write_text("")
    os.utime(old, (time.time() - 7_200,) * 2)
    files.sweep(path)
    assert not old.exists(), "a number that another process has by now protects nothing for ever"


def test_nothing_is_rendered_for_a_file_that_cannot_be_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(files, "_parts", lambda *given: made.append(given) or ())
    with pytest.raises(FileNotFoundError):
        files.write(mixed(), tmp_path / "gone" / "cors.json")
    os.mkfifo(tmp_path / "pipe.json")
    with pytest.raises(OSError, match="no file"):
        files.write(mixed(), tmp_path / "pipe.json")
    assert made == []
