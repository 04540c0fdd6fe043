import os
import subprocess
import sys
import venv
from pathlib import Path

import interpreters
import pytest

from tests.scripts.fakes import Machine


def found_by(machine: Machine) -> list[str]:
    return [Path(found.executable).name for found in interpreters.find()[0]]


def test_the_newest_comes_first_whatever_its_name(machine: Machine) -> None:
    machine.python("python3.11", (3, 11, 9))
    machine.python("python", (3, 12, 1))
    machine.python("python3.100", (3, 100, 0))
    machine.python("python3", (3, 13, 2))
    assert found_by(machine) == ["python3.100", "python3", "python", "python3.11"]


def test_a_pre_release_is_taken_only_after_every_release(machine: Machine) -> None:
    machine.python("python3.15", (3, 15, 0), answer={"final": False})
    machine.python("python3.11", (3, 11, 0))
    assert found_by(machine) == ["python3.11", "python3.15"]


UNUSABLE = [
    ("a version below the minimum", {"version": (3, 10, 14)}, "is too old"),
    ("Python 2 under the name python", {"version": (2, 7, 18)}, "is too old"),
    ("Debian without python3-venv", {"missing": "No module named 'ensurepip'"}, "has no venv"),
    ("PyPy, which mitmproxy has no binaries for", {"implementation": "pypy"}, "is pypy"),
    ("a free-threaded build, which mitmproxy has no binaries for", {"free_threaded": True}, "free-threaded"),
]


@pytest.mark.parametrize(("answer", "reason"), [row[1:] for row in UNUSABLE], ids=[row[0] for row in UNUSABLE])
def test_what_cannot_be_used_is_passed_over_for_the_next(
    machine: Machine, answer: dict[str, object], reason: str
) -> None:
    machine.python("python3", (3, 14, 0), answer=answer)
    machine.python("python3.11", (3, 11, 4))
    usable, unusable = interpreters.find()
    assert [found.version for found in usable] == [(3, 11, 4)]
    assert [found for found in unusable if reason in found.reason]


BROKEN = [
    ("a shim of a version that is not selected", "exit 127"),
    ("one that prints something else", "echo Welcome"),
    ("one that prints JSON of another shape", "echo '[]'"),
    ("one that answers and then crashes", "echo '{}'; kill -11 $$"),
    ("one that prints nothing", ":"),
]


@pytest.mark.parametrize("probe", [row[1] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_one_that_does_not_start_is_passed_over(machine: Machine, probe: str) -> None:
    machine.script(machine.bin / "python3", probe=probe)
    machine.python("python3.12", (3, 12, 0))
    usable, unusable = interpreters.find()
    assert [found.version for found in usable] == [(3, 12, 0)]
    assert [(found.version, found.reason) for found in unusable] == [(None, "does not start")]


def test_pyenv_versions_are_found_and_its_shims_are_not_started(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pyenv = machine.home / ".pyenv"
    machine.python(str(pyenv / "versions/3.12.1/bin/python"), (3, 12, 1))
    machine.python(str(pyenv / "shims/python3"), (3, 13, 0))
    monkeypatch.setenv("PATH", os.pathsep.join([str(pyenv / "shims"), str(machine.bin)]))
    monkeypatch.delenv("PYENV_ROOT")
    assert [found.version for found in interpreters.find()[0]] == [(3, 12, 1)]
    assert len(machine.calls()) == 1


def test_links_to_one_file_are_started_once(machine: Machine) -> None:
    real = machine.python("python3.12", (3, 12, 0))
    for name in ("python3", "python"):
        (machine.bin / name).symlink_to(real)
    assert len(interpreters.find()[0]) == 1
    assert len(machine.calls()) == 1


def test_other_programs_and_missing_directories_on_the_path_are_left_alone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("python3-config", "python3.12-gdb", "pythonw", "python4"):
        machine.python(name, (3, 12, 0))
    monkeypatch.setenv("PATH", os.pathsep.join(["", "/nowhere", __file__, str(machine.bin)]))
    assert interpreters.find() == ([], [])
    assert machine.calls() == []


def test_accepts_chooses(machine: Machine) -> None:
    machine.python("python3.13", (3, 13, 0))
    machine.python("python3.11", (3, 11, 2))
    usable, unusable = interpreters.find(lambda version: version[:2] == (3, 11))
    assert [found.version for found in usable] == [(3, 11, 2)]
    assert [found.version for found in unusable] == [(3, 13, 0)]


def test_an_environment_stands_for_the_python_that_it_was_made_from(tmp_path: Path) -> None:
    venv.create(tmp_path / "made", with_pip=False, symlinks=os.name != "nt")
    python = tmp_path / "made" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    found = interpreters.probe([str(python)], interpreters.at_least_minimum)
    assert isinstance(found, interpreters.Interpreter)
    assert not found.executable.startswith(str(tmp_path))
    assert found.version == sys.version_info[:3]
    shown = subprocess.check_output(
        [found.executable, "-c", "import sys; print(sys.prefix == sys.base_prefix)"], text=True
    )
    assert shown.strip() == "True"


def test_both_forms_of_the_windows_launchers_list_are_read() -> None:
    listing = (
        "Installed Pythons found by py Launcher for Windows\n"
        " -3.12-64        C:\\Python312\\python.exe *\n"
        " -V:3.13 *        C:\\Program Files\\Python313\\python.exe\n"
        " -V:3.11          C:\\Users\\a b\\Python311\\python.exe\r\n"
        " -V:Company/Tag   D:\\other\\python.exe\n"
    )
    assert interpreters.launcher_paths(listing) == [
        "C:\\Python312\\python.exe",
        "C:\\Program Files\\Python313\\python.exe",
        "C:\\Users\\a b\\Python311\\python.exe",
        "D:\\other\\python.exe",
    ]


MESSAGES = [
    ("nothing at all", [], ("No usable Python", "3.11 or newer is needed."), "Install Python 3.11 or newer"),
    (
        "old ones: the newest is named first",
        [
            interpreters.Unusable("/old/python3", (3, 6, 15), "is too old"),
            interpreters.Unusable("/shims/python3.13", None, "does not start"),
            interpreters.Unusable("/b/python3", (3, 10, 1), "is too old"),
        ],
        ("(3.10.1 is too old, 3.6.15 is too old, /shims/python3.13 does not start)",),
        "Install Python 3.11 or newer",
    ),
    (
        "a good one that lacks only venv: that is what to install",
        [
            interpreters.Unusable("/usr/bin/python3", (3, 11, 2), "has no venv (No module named 'ensurepip')", True),
            interpreters.Unusable("/old/python3", (3, 6, 15), "is too old"),
        ],
        ("Python 3.11.2 (/usr/bin/python3) has no venv (No module named 'ensurepip')",),
        "apt-get install python3.11-venv",
    ),
]


@pytest.mark.parametrize(
    ("unusable", "problems", "remedy"), [row[1:] for row in MESSAGES], ids=[row[0] for row in MESSAGES]
)
def test_without_a_usable_python_one_line_says_why_and_one_what_to_do(
    unusable: list[interpreters.Unusable], problems: tuple[str, ...], remedy: str
) -> None:
    said = interpreters.none_usable(unusable)
    assert all(problem in said[0] for problem in problems)
    assert remedy in said[1]
    assert not any("\n" in line for line in said)


@pytest.mark.parametrize(
    ("platform", "how"), [("linux", "apt-get"), ("darwin", "brew install"), ("win32", "winget install")]
)
def test_the_remedy_fits_the_system(platform: str, how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert how in interpreters.none_usable([])[1]
