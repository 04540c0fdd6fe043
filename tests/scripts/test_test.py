import importlib.util
import json
import subprocess
from pathlib import Path
from types import ModuleType

import environment
import pins
import pytest

from tests.scripts import SCRIPTS

RECENT, OLDEST = 'python_version >= "3.12"', 'python_version < "3.12"'


@pytest.fixture(autouse=True)
def _at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)


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

    def ensure(
        self, name: str = ".venv", extras: object = (), accepts: object = None, newest: bool = False
    ) -> environment.Environment:
        assert extras == ["dev"]
        assert newest == ("unpinned" in name)
        found = self.versions[name]
        if isinstance(found, Exception):
            raise found
        return environment.Environment("/" + name, str(found), not newest)

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
        {".venv": "3.11.7", ".venv-3.12": "3.14.0"},
        ["pytest, Python 3.14.0, mitmproxy 12", "pytest, Python 3.11.7, mitmproxy 11"],
    ),
    (
        "no Python 3.11",
        {".venv": "3.12.1", ".venv-3.11": NO_PYTHON},
        ["pytest, mitmproxy 11.0.2: not run: no Python 3.11 found", "pytest, Python 3.12.1, mitmproxy 12"],
    ),
    (
        "nothing newer than Python 3.11: the browsers run there",
        {".venv": "3.11.2", ".venv-3.12": NO_PYTHON},
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


def test_an_environment_that_cannot_be_set_up_counts_as_a_failure(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Runs(script, monkeypatch, {".venv": "3.13.0", ".venv-3.11": environment.SetupError("pip failed", "try again")})
    assert script.work([]) == 1
    assert "cors-addon: pip failed\n  try again\n" in capsys.readouterr().err


# --- the newest release of everything ---------------------------------------------------------------------------------

PINNED = {".venv": "3.13.0", ".venv-3.11": "3.11.7"}
UNPINNED = {".venv-unpinned": "3.13.0", ".venv-unpinned-3.11": "3.11.7"}


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, str]]:
    """What each environment holds; the test may change it."""
    held = {name: {"h2": "4.3.0", "pytest": "9.2.0"} for name in [*PINNED, *UNPINNED]}
    monkeypatch.setattr(pins, "installed", lambda made: held[made.directory[1:]])
    return held


def test_on_ci_the_newest_release_of_everything_reports_and_fails_nothing(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    holding: dict[str, dict[str, str]],
) -> None:
    monkeypatch.setenv("CI", "true")
    runs = Runs(script, monkeypatch, PINNED | UNPINNED)
    runs.status = {"/.venv-unpinned/": 2}
    holding[".venv-unpinned"]["h2"] = "4.4.1"
    assert script.work([]) == 0
    said = capsys.readouterr().err
    assert "cors-addon: other than pinned: h2 4.3.0 -> 4.4.1\n" in said
    assert rows(said, "newest of everything") == [", 1 other than pinned reported: failed (2)"]
    (command,) = [command for command in runs.commands if "/.venv-unpinned/" in command]
    assert "-m not browser and not once" in command


def test_on_ci_nothing_is_run_where_the_newest_is_what_is_pinned(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    holding: dict[str, dict[str, str]],
) -> None:
    monkeypatch.setenv("CI", "true")
    runs = Runs(script, monkeypatch, PINNED | UNPINNED)
    assert script.work([]) == 0
    assert rows(capsys.readouterr().err, "newest of everything") == ["as pinned"]
    assert not any("unpinned" in command for command in runs.commands)


def test_on_ci_a_newest_release_that_does_not_install_is_reported(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CI", "true")
    Runs(script, monkeypatch, PINNED | {".venv-unpinned": environment.SetupError("pip failed", "try again")})
    assert script.work([]) == 0
    said = capsys.readouterr().err
    assert "cors-addon: pip failed\n" in said
    assert rows(said, "newest of everything") == ["reported: it cannot be installed"]


@pytest.mark.parametrize("status", [0, 1])
def test_by_itself_the_newest_runs_everything_and_may_fail(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], status: int
) -> None:
    monkeypatch.setenv("CI", "true")
    runs = Runs(script, monkeypatch, UNPINNED)
    runs.status = {"soak": status}
    assert script.work(["--newest"]) == status
    assert len(runs.commands) == len(ONCE) + 3
    assert sum("not pinned" in row for row in capsys.readouterr().err.splitlines() if row.startswith("pytest, ")) == 3


def test_pins_are_written_and_what_changes_is_told(
    script: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    holding: dict[str, dict[str, str]],
) -> None:
    Runs(script, monkeypatch, UNPINNED)
    monkeypatch.setattr(environment, "ROOT", str(tmp_path))
    path = tmp_path / "scripts" / "constraints.txt"
    path.parent.mkdir()
    path.write_text("h2==4.3.0\npytest==9.1.0\n")
    holding[".venv-unpinned"]["h2"] = "4.4.1"
    assert script.work(["--pin"]) == 0
    assert path.read_text().splitlines() == [
        "# Written by `python3 scripts/test.py --pin` with Python 3.13.0 and Python 3.11.7",
        "# scripts/run.py and scripts/test.py install it.",
        f"h2==4.4.1; {RECENT}",
        f"h2==4.3.0; {OLDEST}",
        "pytest==9.2.0",
    ]
    said = capsys.readouterr().err
    assert "other than pinned: h2 4.3.0 -> 4.4.1, pytest 9.1.0 -> 9.2.0\n" in said
    assert "other than pinned: pytest 9.1.0 -> 9.2.0\n" in said


# --- arguments --------------------------------------------------------------------------------------------------------


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
