"""The benchmark runs, and prints every row of its table. What it measures here says nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from benchmark import har, main, measures
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).parents[2]
BENCH = ROOT / "scripts" / "bench.py"


def bench(*arguments: str) -> list[list[str]]:
    done = subprocess.run([sys.executable, BENCH, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    table = [line for line in done.stdout.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table]
    assert len({len(row) for row in rows}) == 1
    return [rows[0], *rows[2:]]


@pytest.mark.once
@pytest.mark.proxy
def test_live_traffic_passes_through_every_proxy() -> None:
    arguments = ["--only", "live", "--rounds", "1", "--requests", "20", "--against", str(ROOT)]
    head, *rows = bench("--quick", *arguments)
    assert head == ["", "mitmproxy alone", "with an empty script", "before", "after", "target"]
    assert [row[0] for row in rows] == [
        "CPU of a request: plain, HTTP/1.1",
        "CPU of a request: plain, HTTP/2",
        "CPU of a request: CORS, HTTP/1.1",
        "CPU of a request: CORS, HTTP/2",
        "CPU of a request: injected, HTTP/1.1",
        "CPU of a request: injected, HTTP/2",
        "CPU of a request: 200 rules against one, HTTP/2",
    ]
    assert all(cell for row in rows[:-1] for cell in row)


@pytest.mark.once
@pytest.mark.proxy
def test_turns_of_the_event_loop_are_measured() -> None:
    head, row = bench("--quick", "--only", "turns")
    assert head == ["", "with an empty script", "with the addon", "target"]
    assert row[0].startswith("longest turn")
    assert " ms (" in row[1]
    assert " ms (" in row[2]


@pytest.mark.once
def test_hooks_memory_and_saved_captures_are_measured() -> None:
    _, *rows = bench("--quick", *(word for part in ("hooks", "memory", "saved") for word in ("--only", part)))
    named = [
        *["a response leaves later"] * 3,
        *["hot loop"] * 3,
        *["`check` of"] * 6,
        *["memory after"] * 3,
    ]
    assert len(rows) == len(named)
    assert all(row[0].startswith(begin) and row[-2] for row, begin in zip(rows, named, strict=True))


def test_the_table_goes_into_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    page = tmp_path / "costs.md"
    page.write_text(main.PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    before, _, after = page.read_text(encoding="utf-8").partition("<!-- measured: hooks -->\n")
    monkeypatch.setattr(main, "PAGE", page)
    monkeypatch.setattr(main.hooks, "measure", lambda *_: [measures.Row("what", {measures.AFTER: "1 µs"}, "2 µs")])
    assert main.main(["--write", "--only", "hooks"]) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith(before)
    assert text.endswith(after.partition("<!-- end of what was measured -->")[2])
    table = "|  | with the addon | target |\n|---|---|---|\n| what | 1 µs | 2 µs |\n<!-- end"
    assert table in text
    monkeypatch.setattr(main.memory, "measure", lambda *_: [measures.Row("more", {measures.AFTER: "1 MB"}, "flat")])
    for _ in range(2):
        assert main.main(["--write", "--only", "memory"]) == 0
    text = page.read_text(encoding="utf-8")
    assert table in text
    assert text.count("| more | 1 MB | flat |") == 1


@given(st.lists(st.sampled_from("abcd"), min_size=1, unique=True), st.integers(1, 50))
def test_each_takes_one_turn_a_round_and_changes_its_place(names: list[str], rounds: int) -> None:
    orders = [*measures.by_turns(names, rounds)]
    assert len(orders) == rounds
    assert all(sorted(order) == sorted(names) for order in orders)
    if len(names) > 1 and rounds > 1:
        assert orders[0] != orders[1]


def test_what_is_compared_are_neighbours_in_time() -> None:
    rounds = measures.Rounds()
    for slow in (1.0, 9.0, 2.0):
        rounds.add("empty", slow)
        rounds.add("addon", slow * 1.5)
    assert rounds.ratio("addon", "empty") == (1.5, 0.0)
    assert rounds.median("empty") == 2.0


@pytest.mark.parametrize("bodies", [True, False])
def test_hars_have_the_size_asked_for_and_the_parts_that_chrome_writes(tmp_path: Path, bodies: bool) -> None:
    path = tmp_path / "x.har"
    count = har.write(str(path), 200_000, bodies)
    assert 200_000 <= path.stat().st_size < 230_000
    entries = json.loads(path.read_text())["log"]["entries"]
    assert len(entries) == count
    assert entries[0]["_initiator"]["stack"]["callFrames"]
    assert any("text" in entry["response"]["content"] for entry in entries) == bodies


@pytest.mark.parametrize("arguments", [["--only", "nothing"], ["--rounds", "0"], ["--against", "/nowhere"]])
def test_what_cannot_be_measured_is_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as raised:
        main.main(arguments)
    assert raised.value.code == 2
    assert "usage:" in capsys.readouterr().err
