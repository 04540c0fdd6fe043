"""The benchmark runs, and prints every row of its tables. What it measures there says nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.once

BENCH = Path(__file__).parents[2] / "scripts" / "bench.py"


def bench(*arguments: str) -> str:
    done = subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(table: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines() if line[:1] == "|"]


@pytest.mark.proxy
def test_live_traffic_passes_through_every_proxy() -> None:
    found = rows(bench("--quick", "--only", "live", "--rounds", "1", "--requests", "20"))
    assert [row[0] for row in found[2:]] == [
        "plain, HTTP/1.1",
        "plain, HTTP/2",
        "CORS, HTTP/1.1",
        "CORS, HTTP/2",
        "CORS, injected, HTTP/1.1",
        "CORS, injected, HTTP/2",
        "CORS, injected, 200 rules against one, HTTP/2",
    ]
    assert {len(row) for row in found} == {7}


def test_memory_is_measured_with_and_without() -> None:
    found = rows(bench("--quick", "--only", "memory", "--memory", "50,100"))
    assert [row[0] for row in found[2:]] == ["50", "100"]
    assert all(cell.endswith(" MB") for row in found[2:] for cell in row[1:])


@pytest.mark.proxy
def test_saved_captures_are_read_and_judged() -> None:
    found = rows(bench("--quick", "--only", "saved", "--rounds", "1", "--saved", "50"))
    names = [row[0] for row in found]
    assert names[0] == "saved captures of 50 flows"
    assert names[2].startswith("`mitmdump -nr`")
    assert any("FlowReader" in name for name in names)
    assert any("HAR" in name for name in names)
    assert any("--jobs 1" in name for name in names)


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--rounds", "0"], ["--memory", "1,x"]])
def test_what_cannot_be_measured_is_refused(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage:" in done.stderr
