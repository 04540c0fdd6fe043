import subprocess
import threading
from pathlib import Path
from typing import IO

import environment
import pytest
import steps


def test_the_closing_table_has_a_line_for_each_step() -> None:
    ended = [steps.Step("mypy", "ok", 12.34), steps.Step("pytest, Python 3.13.0", "failed (1)", 100.0)]
    assert steps.table(ended, 101.5) == [
        "mypy                   ok            12.3 s",
        "pytest, Python 3.13.0  failed (1)   100.0 s",
        "in all                 failed       101.5 s",
    ]
    assert steps.table(ended[:1], 12.4)[-1] == "in all  ok    12.4 s"


class Lanes:
    """Stands in for steps that take until they are told to end; says which run, and in which thread each began."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun: list[str] = []
        self.main: list[str] = []
        self.running: set[str] = set()
        self.together: set[frozenset[str]] = set()
        self.waits_for: dict[str, str] = {}
        self._changed = threading.Condition()
        monkeypatch.setattr(subprocess, "call", self.call)

    def call(self, command: list[str], stdout: IO[bytes] | None = None, **options: object) -> int:
        (name,) = command
        with self._changed:
            self.begun.append(name)
            if threading.current_thread() is threading.main_thread():
                self.main.append(name)
            self.running.add(name)
            self.together.add(frozenset(self.running))
            self._changed.notify_all()
            awaited = self.waits_for.get(name)
            assert self._changed.wait_for(lambda: awaited is None or awaited in self.begun, 60)
            self.running.remove(name)
        if stdout is not None:
            stdout.write(f"what {name} says\n".encode())
        return 3 if name == "bad" else 0


def planned(*names: str) -> list[object]:
    return [steps.Planned(f"step {name}", [name], browsers=name.startswith("b-")) for name in names]


def test_two_steps_run_at_a_time_and_no_two_with_browsers(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = Lanes(monkeypatch)
    lanes.waits_for = {"one": "b-1", "b-1": "two"}
    checks = steps.Checks()
    checks.run_two_at_a_time(planned("one", "b-1", "two", "b-2"))
    assert lanes.main[:2] == ["b-1", "b-2"]
    assert sorted(lanes.begun) == ["b-1", "b-2", "one", "two"]
    assert max(map(len, lanes.together)) == 2
    assert {"b-1", "b-2"} not in lanes.together
    assert sorted(step.name for step in checks.steps) == ["step b-1", "step b-2", "step one", "step two"]


def test_whoever_has_driven_the_last_browser_helps_with_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = Lanes(monkeypatch)
    lanes.waits_for = {"b-1": "one", "one": "two", "two": "three"}
    steps.Checks().run_two_at_a_time(planned("one", "two", "b-1", "three"))
    assert lanes.main[:2] == ["b-1", "two"]
    assert frozenset({"one", "two"}) in lanes.together


def test_what_runs_beside_is_printed_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = Lanes(monkeypatch)
    lanes.waits_for = {"b-1": "good"}
    checks = steps.Checks()
    checks.run_two_at_a_time(planned("bad", "good", "b-1"))
    said = capsys.readouterr().err
    assert "\n== step bad\n$ bad\nwhat bad says\n" in said
    assert {f"{step.name}: {step.status}" for step in checks.steps} == {
        "step bad: failed (3)",
        "step good: ok",
        "step b-1: ok",
    }


def test_an_interruption_starts_nothing_further(monkeypatch: pytest.MonkeyPatch) -> None:
    checks = steps.Checks()
    begun = []
    beside, ended = threading.Event(), threading.Event()

    def call(command: list[str], **options: object) -> int:
        begun.append(command[0])
        if threading.current_thread() is threading.main_thread():
            beside.wait(60)
            raise KeyboardInterrupt
        beside.set()
        ended.wait(60)
        return -2

    monkeypatch.setattr(subprocess, "call", call)
    with pytest.raises(KeyboardInterrupt):
        checks.run_two_at_a_time(planned("b-1", "one", "two"))
    ended.set()
    assert "two" not in begun
    assert checks.steps == []


def test_what_only_reports_fails_nothing_even_when_it_fails_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    noted = tmp_path / "cache" / "v" / "cache" / "lastfailed"
    noted.parent.mkdir(parents=True)
    noted.write_text('{"tests/test_it.py::test_it": true}')
    monkeypatch.setattr(environment, "ROOT", str(tmp_path))
    monkeypatch.setattr(subprocess, "call", lambda *_, **options: 1)
    checks = steps.Checks()
    checks.run_two_at_a_time([steps.Planned("newest", ["pytest"], cache="cache", reports=True)])
    assert [step[:2] for step in checks.steps] == [
        ("newest", "1 once more"),
        ("newest, once more", "reported: failed (1)"),
    ]
    assert not checks.failed()
