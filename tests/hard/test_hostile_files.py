"""Files that somebody else may have put there: each ends in a sentence, and nothing waits for it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import cors_addon
from cors_addon.report import baseline
from cors_addon.report.baseline import BaselineError


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "known.json")
    return tmp_path / "known.json"


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/stdin", "/dev/null"])
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
