import json
import os
import stat
import threading
from pathlib import Path

import pytest

from cors_addon.report import files
from cors_addon.report.formats import FORMATS, RENDERERS, SUFFIXES, format_of
from cors_addon.report.model import Report
from tests.report.samples import mixed, stable


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_format_goes_by_the_ending(suffix: str, tmp_path: Path) -> None:
    report = stable(mixed())
    path = tmp_path / f"cors{suffix.upper()}"
    files.write(report, path)
    assert path.read_text(encoding="utf-8") == RENDERERS[suffix](report)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name], "nothing temporary is left"


def test_every_format_has_a_name_and_an_ending_of_its_own() -> None:
    assert list(FORMATS) == ["json", "jsonl", "html", "sarif", "junit", "text", "markdown"]
    assert SUFFIXES == (".json", ".jsonl", ".html", ".sarif", ".xml", ".txt", ".md")
    assert {name: format_of(suffix) for name, (suffix, _) in FORMATS.items()} == {name: name for name in FORMATS}
    assert format_of(".pdf") is None


def test_a_renderer_may_be_given(tmp_path: Path) -> None:
    path = tmp_path / "report.out"
    files.write(mixed(), path, lambda report: f"{report.summary['flows']}\n")
    assert path.read_bytes() == b"6\n"


def test_an_unknown_ending_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        files.write(mixed(), tmp_path / "cors.pdf")


def test_what_fails_leaves_the_old_file_whole(tmp_path: Path) -> None:
    path = tmp_path / "cors.json"
    path.write_text("old")

    def broken(report: Report) -> str:
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        files.write(mixed(), path, broken)
    assert path.read_text() == "old"


def test_a_failing_disk_leaves_the_old_file_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cors.json"
    path.write_text("old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        files.write(mixed(), path)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["cors.json"]


def test_a_file_keeps_its_mode_and_a_link_stays_one(tmp_path: Path) -> None:
    target = tmp_path / "target.json"
    target.write_text("old")
    target.chmod(0o600)
    link = tmp_path / "link.json"
    link.symlink_to(target)
    files.write(mixed(), link)
    assert link.is_symlink()
    assert json.loads(target.read_text(encoding="utf-8"))["schema"] == "cors-addon/report/1"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_a_pipe_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.json"
    os.mkfifo(pipe)
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    files.write(mixed(), pipe, waits=True)
    reader.join()
    assert json.loads(got[0])["summary"]["flows"] == 6
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_place_can_be_checked_before_anything_is_made(tmp_path: Path) -> None:
    old, folder = tmp_path / "old.json", tmp_path / "folder.json"
    old.write_text("old")
    folder.mkdir()
    files.check(old)
    files.check(tmp_path / "new.json")
    with pytest.raises(IsADirectoryError):
        files.check(folder)
    with pytest.raises(FileNotFoundError):
        files.check(tmp_path / "no" / "such" / "new.json")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["folder.json", "old.json"]
    assert old.read_text() == "old"


def test_a_folder_is_an_error(tmp_path: Path) -> None:
    folder = tmp_path / "cors.json"
    folder.mkdir()
    with pytest.raises(OSError, match="directory"):
        files.write(mixed(), folder)
    assert list(folder.iterdir()) == []
    assert [entry.name for entry in tmp_path.iterdir()] == ["cors.json"]
