import importlib.util
import json
import subprocess
import threading
from pathlib import Path
from types import ModuleType
from typing import IO

import environment
import pytest

from tests.scripts import SCRIPTS


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """`scripts/test.py`, loaded under another name: the standard library has a package `test`."""
    spec = importlib.util.spec_from_file_location("scripts_test", SCRIPTS / "test.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SELECTIONS = [
    ("everything", [], ["-m", "not browser"]),
    ("a file", ["tests/fetch", "-x"], ["tests/fetch", "-x", "-m", "not browser"]),
    ("a marker of the user's", ["-m", "proxy"], ["-m", "proxy", "-m", "(proxy) and not browser"]),
    ("in one word", ["-mproxy"], ["-mproxy", "-m", "(proxy) and not browser"]),
    ("the last one counts", ["-m", "a", "-m", "b or c"], ["-m", "a", "-m", "b or c", "-m", "(b or c) and not browser"]),
]


@pytest.mark.parametrize(("given", "expected"), [row[1:] for row in SELECTIONS], ids=[row[0] for row in SELECTIONS])
def test_browser_tests_are_taken_out_of_what_is_selected(
    script: ModuleType, given: list[str], expected: list[str]
) -> None:
    assert script.without_browsers(given) == expected


def test_the_closing_table_has_a_line_for_each_step(script: ModuleType) -> None:
    steps = [script.Step("mypy", "ok", 12.34), script.Step("pytest, Python 3.13.0", "failed (1)", 100.0)]
    assert script.table(steps, 101.5) == [
        "mypy                   ok            12.3 s",
        "pytest, Python 3.13.0  failed (1)   100.0 s",
        "in all                 failed       101.5 s",
    ]
    assert script.table(steps[:1], 12.4)[-1] == "in all  ok    12.4 s"


class Runs:
    """Stands in for the machine: which environments it can make, and how each command ends."""

    def __init__(self, script: ModuleType, monkeypatch: pytest.MonkeyPatch, versions: dict[str, object]) -> None:
        self.script = script
        self.versions = versions
        self.status: dict[str, int] = {}
        self.commands: list[str] = []
        monkeypatch.setattr(environment, "ensure", self.ensure)
        monkeypatch.setattr(script, "mitmproxy_version", lambda made: "11" if "3.11" in made.version else "12")
        monkeypatch.setattr(subprocess, "call", self.call)

    def ensure(self, name: str = ".venv", extras: object = (), accepts: object = None) -> environment.Environment:
        assert extras == ["dev"]
        found = self.versions[name]
        if isinstance(found, Exception):
            raise found
        return environment.Environment("/" + name, str(found))

    def call(self, command: list[str], **options: object) -> int:
        words = [str(Path(command[0]).with_suffix("")), *command[1:]]
        self.commands.append(" ".join(words))
        return next((status for part, status in self.status.items() if part in self.commands[-1]), 0)


NO_PYTHON = environment.NoPythonError("no Python", "install it")
GENERATIONS = [
    (
        "both: the environment of run.py and one beside it",
        {".venv": "3.13.0", ".venv-3.11": "3.11.7"},
        ["pytest, Python 3.13.0, mitmproxy 12", "pytest, Python 3.11.7, mitmproxy 11"],
    ),
    (
        "both, where run.py made its environment before the newer Python came",
        {".venv": "3.11.7", ".venv-newest": "3.14.0"},
        ["pytest, Python 3.14.0, mitmproxy 12", "pytest, Python 3.11.7, mitmproxy 11"],
    ),
    (
        "no Python 3.11",
        {".venv": "3.12.1", ".venv-3.11": NO_PYTHON},
        ["pytest, mitmproxy 11.0.2: not run: no Python 3.11 found", "pytest, Python 3.12.1, mitmproxy 12"],
    ),
    (
        "nothing newer than Python 3.11: the browsers run there",
        {".venv": "3.11.2", ".venv-newest": NO_PYTHON},
        [
            "pytest, the newest mitmproxy: not run: no Python 3.12 or newer found",
            "pytest, Python 3.11.2, mitmproxy 11",
        ],
    ),
]
ONCE = ["ruff check", "ruff format", "mypy", "pytest, without PyYAML", "fuzz", "soak"]


@pytest.mark.parametrize(
    ("versions", "expected"), [row[1:] for row in GENERATIONS], ids=[row[0] for row in GENERATIONS]
)
def test_each_generation_of_mitmproxy_is_run_and_a_missing_one_is_named(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    versions: dict[str, object],
    expected: list[str],
) -> None:
    runs = Runs(script, monkeypatch, versions)
    assert script.work([]) == 0
    table = capsys.readouterr().err.rpartition("\n\n")[2].splitlines()
    newest = next(line for line in expected if not line.endswith("found") and "3.11.7" not in line)
    lines = [*expected, f"{newest}, in browsers", *ONCE, "in all"]
    assert len(table) == len(lines)
    for line in lines:
        name, _, status = line.partition(": ")
        assert any(row.startswith(name + "  ") and (status or "ok") in row for row in table), line
    assert sum("-m browser" in command for command in runs.commands) == 1
    assert sum("not once" in command for command in runs.commands) == len({"3.11.7"} & set(versions.values()))


@pytest.mark.usefixtures("made")
def test_a_failing_step_keeps_none_from_running(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(script, monkeypatch, {".venv": "3.13.0", ".venv-3.11": "3.11.7"})
    runs.status = {"ruff check": 1, "-m browser": 1}
    assert script.work([]) == 1
    assert len(runs.commands) == len(ONCE) + 3


class Failing:
    """Stands in for pytest in browsers: so many tests fail in each run of it; everything else passes."""

    def __init__(self, script: ModuleType, monkeypatch: pytest.MonkeyPatch, checkout: Path, *failing: int) -> None:
        self.runs = Runs(script, monkeypatch, {".venv": "3.13.0", ".venv-3.11": "3.11.7"})
        self.failing = list(failing)
        self.noted = checkout / ".pytest_cache" / "browsers" / "v" / "cache" / "lastfailed"
        self.noted.parent.mkdir(parents=True)
        self.noted.write_text('{"what failed long ago": true}', encoding="utf-8")
        monkeypatch.setattr(subprocess, "call", self.call)

    def call(self, command: list[str], **options: object) -> int:
        self.runs.call(command, **options)
        if "browser" not in command:
            return 0
        count = self.failing.pop(0)
        self.noted.write_text(json.dumps({f"tests/test_it.py::test_{number}": True for number in range(count)}))
        return min(count, 1)

    @property
    def again(self) -> list[str]:
        return [command for command in self.runs.commands if "--last-failed" in command]


def rows(said: str, name: str) -> list[str]:
    """Return the ends of the closing table's lines on steps whose name holds `name`."""
    table = said.rpartition("\n\n")[2].splitlines()
    return [" ".join(row.partition(name)[2].split()[:-2]) for row in table if name in row]


@pytest.mark.parametrize(
    ("failing", "status", "told"),
    [
        ([0], 0, ["ok"]),
        ([2, 0], 0, ["2 once more", ", once more ok"]),
        ([2, 1], 1, ["2 once more", ", once more failed (1)"]),
        ([11], 1, ["failed (1)"]),
    ],
    ids=["none", "an accident", "no accident", "too many for an accident"],
)
def test_few_failing_tests_are_run_once_more_and_told_of(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    made: Path,
    failing: list[int],
    status: int,
    told: list[str],
) -> None:
    pretended = Failing(script, monkeypatch, made, *failing)
    assert script.work([]) == status
    assert pretended.failing == []
    assert rows(capsys.readouterr().err, "in browsers") == told
    (first,) = [
        command for command in pretended.runs.commands if "-m browser" in command and "--cache-clear" in command
    ]
    assert pretended.again == [
        first.replace(" --cache-clear", "") + " --last-failed --last-failed-no-failures none" for _ in told[1:]
    ]


def test_steps_that_run_together_keep_what_failed_apart(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(script, monkeypatch, {".venv": "3.13.0", ".venv-3.11": "3.11.7"})
    script.work([])
    caches = [word for command in runs.commands for word in command.split() if word.startswith("cache_dir=")]
    assert len(caches) == len(set(caches)) == sum("pytest" in command for command in runs.commands)


def test_a_pytest_that_could_not_even_begin_is_not_run_again(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, made: Path
) -> None:
    pretended = Failing(script, monkeypatch, made)
    pretended.runs.status = {"-m browser": 2}
    monkeypatch.setattr(subprocess, "call", pretended.runs.call)
    assert script.work([]) == 1
    assert pretended.again == []


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


def planned(script: ModuleType, *names: str) -> list[object]:
    return [script.Planned(f"step {name}", [name], browsers=name.startswith("b-")) for name in names]


def test_two_steps_run_at_a_time_and_no_two_with_browsers(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes = Lanes(monkeypatch)
    lanes.waits_for = {"one": "b-1", "b-1": "two"}
    checks = script.Checks()
    checks.run_two_at_a_time(planned(script, "one", "b-1", "two", "b-2"))
    assert lanes.main[:2] == ["b-1", "b-2"]
    assert sorted(lanes.begun) == ["b-1", "b-2", "one", "two"]
    assert max(map(len, lanes.together)) == 2
    assert {"b-1", "b-2"} not in lanes.together
    assert sorted(step.name for step in checks.steps) == ["step b-1", "step b-2", "step one", "step two"]


def test_whoever_has_driven_the_last_browser_helps_with_the_rest(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    lanes = Lanes(monkeypatch)
    lanes.waits_for = {"b-1": "one", "one": "two", "two": "three"}
    script.Checks().run_two_at_a_time(planned(script, "one", "two", "b-1", "three"))
    assert lanes.main[:2] == ["b-1", "two"]
    assert frozenset({"one", "two"}) in lanes.together


def test_what_runs_beside_is_printed_in_one_piece(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lanes = Lanes(monkeypatch)
    lanes.waits_for = {"b-1": "good"}
    checks = script.Checks()
    checks.run_two_at_a_time(planned(script, "bad", "good", "b-1"))
    said = capsys.readouterr().err
    assert "\n== step bad\n$ bad\nwhat bad says\n" in said
    assert {f"{step.name}: {step.status}" for step in checks.steps} == {
        "step bad: failed (3)",
        "step good: ok",
        "step b-1: ok",
    }


def test_an_interruption_starts_nothing_further(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = script.Checks()
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
        checks.run_two_at_a_time(planned(script, "b-1", "one", "two"))
    ended.set()
    assert "two" not in begun
    assert checks.steps == []


def test_an_environment_that_cannot_be_set_up_counts_as_a_failure(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Runs(script, monkeypatch, {".venv": "3.13.0", ".venv-3.11": environment.SetupError("pip failed", "try again")})
    assert script.work([]) == 1
    assert "cors-addon: pip failed\n  try again\n" in capsys.readouterr().err


def test_arguments_are_pytests_and_nothing_else_runs(script: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = Runs(script, monkeypatch, {".venv": "3.13.0", ".venv-3.11": "3.11.7"})
    assert script.work(["tests/browser", "-x"]) == 0
    assert [command.partition(" ")[2] for command in runs.commands] == [
        "-m pytest tests/browser -x",
        "-m pytest tests/browser -x -m not browser",
    ]


def test_a_selection_of_browser_tests_may_leave_nothing_for_the_older_generation(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = Runs(script, monkeypatch, {".venv": "3.13.0", ".venv-3.11": "3.11.7"})
    runs.status = {"not browser": 5}
    assert script.work(["-m", "browser"]) == 0
    runs.status = {"pytest": 5}
    assert script.work(["-m", "browser"]) == 1
