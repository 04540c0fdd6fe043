import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cors_addon.report import baseline, files, journal
from cors_addon.report.journal import Journal
from cors_addon.report.json_lines import entries
from cors_addon.report.model import build
from cors_addon.verdict.model import Verdict
from tests.report.samples import MIXED, mixed, stable, verdicts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cors.jsonl"


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="ascii").splitlines()]


def some() -> list[Verdict]:
    return verdicts(MIXED)


def test_what_was_noted_is_appended_after_a_head(path: Path) -> None:
    made = Journal(path)
    first, second, *_ = some()
    made.note(first)
    made.write()
    made.note(second)
    made.write()
    head, *rest = lines(path)
    assert head["schema"] == "cors-addon/flows/1"
    assert [entry["id"] for entry in rest] == [first.id, second.id]
    assert tuple(rest) == build([first, second]).flows


def test_a_run_without_flows_leaves_its_head(path: Path) -> None:
    made = Journal(path)
    made.write()
    made.write()
    assert [sorted(line) for line in lines(path)] == [["generated", "schema"]]


def test_a_flow_judged_twice_between_two_writings_has_one_line(path: Path) -> None:
    made = Journal(path)
    first = some()[0]
    made.note(first)
    made.note(replace(first, reason="later"))
    made.write()
    made.note(replace(first, reason="later still"))
    made.write()
    assert [line["reason"] for line in lines(path)[1:]] == ["later", "later still"]
    assert [entry["reason"] for entry in entries(path.read_text().splitlines()).values()] == ["later still"]


def test_another_run_goes_on_in_the_same_file(path: Path) -> None:
    first, second, *_ = some()
    for verdict in (first, second):
        made = Journal(path)
        made.note(verdict)
        made.write()
    assert ["schema" in line for line in lines(path)] == [True, False, True, False]
    assert set(entries(path.read_text().splitlines())) == {first.id, second.id}


@pytest.mark.parametrize("cut", [1, 20, 200])
def test_a_line_that_a_crash_cut_off_costs_no_other(path: Path, cut: int) -> None:
    first, second, third, *_ = some()
    made = Journal(path)
    made.note(first)
    made.note(second)
    made.write()
    path.write_bytes(path.read_bytes()[:-cut])
    again = Journal(path)
    again.note(third)
    again.write()
    whole = {first.id, second.id, third.id} if cut == 1 else {first.id, third.id}
    assert set(entries(path.read_text().split("\n"))) == whole


def test_a_line_that_another_process_is_writing_is_not_taken_for_a_cut_one(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, *_ = some()
    other = Journal(path)
    other.note(first)
    other.write()
    content = path.read_bytes()
    path.write_bytes(content[:-20])
    # The other process gets on with its line while this one waits.
    monkeypatch.setattr(journal.time, "sleep", lambda seconds: path.write_bytes(content))
    made = Journal(path)
    made.note(second)
    made.write()
    assert [entry["id"] for entry in lines(path) if "id" in entry] == [first.id, second.id]


def test_a_file_that_was_moved_away_is_begun_anew(path: Path) -> None:
    first, second, *_ = some()
    made = Journal(path)
    made.note(first)
    made.write()
    path.rename(path.with_suffix(".old"))
    made.note(second)
    made.write()
    assert ["schema" in line for line in lines(path)] == [True, False]


def test_a_full_disk_loses_nothing_and_spoils_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, *_ = some()
    made = Journal(path)
    made.note(first)
    made.write()
    write, room = os.write, 150

    def full(opened: int, data: Any) -> int:
        nonlocal room
        if not room:
            raise OSError(28, "No space left on device")
        written = write(opened, data[:room])
        room -= written
        return written

    made.note(second)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OSError, match="No space"):
            made.write()
    assert not path.read_bytes().endswith(b"\n"), "half a line is there"
    made.write()
    assert set(entries(path.read_text().split("\n"))) == {first.id, second.id}


def test_what_waits_for_a_disk_is_bounded_and_what_is_lost_is_said(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "MOST_WAITING", 2)
    made = Journal(path)
    for verdict in some()[:4]:
        made.note(verdict)
    made.write()
    assert lines(path)[1] == {"lost": 2}
    assert [line["id"] for line in lines(path)[2:]] == [verdict.id for verdict in some()[2:4]]


def test_a_pipe_is_refused_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="no file"):
        Journal(pipe).write()


def test_a_whole_report_has_the_same_shape() -> None:
    report = stable(mixed())
    text = journal.render(report)
    head = json.loads(text.split("\n")[0])
    assert head["summary"]["flows"] == report.summary["flows"]
    assert tuple(entries(text.split("\n")).values()) == report.flows


BROKEN = [
    ("nothing", [], "no line"),
    ("text", ["hello", "[1]", "3"], "no line"),
    ("another schema", ['{"schema": "cors-addon/flows/9"}'], "its schema is cors-addon/flows/9"),
    ("nested too deep", ["[" * 100_000], "no line"),
]


@pytest.mark.parametrize(("text", "words"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_what_is_no_such_file_is_said(text: list[str], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        entries(text)


def test_it_serves_as_a_baseline_like_the_json_report(path: Path, tmp_path: Path) -> None:
    report = mixed()
    path.write_text(journal.render(report), encoding="utf-8")
    whole = tmp_path / "cors.json"
    files.write(report, whole)
    assert baseline.read(path) == baseline.read(whole)
    assert baseline.read(path).keys


def test_a_file_without_a_head_is_no_baseline(path: Path) -> None:
    path.write_text("{}\n")
    with pytest.raises(baseline.BaselineError, match="no baseline"):
        baseline.read(path)
