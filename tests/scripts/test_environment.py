import os
import subprocess
import sys
from pathlib import Path

import environment
import pytest
import stamps

from tests.scripts import SCRIPTS
from tests.scripts.fakes import MAKE_VENV, Machine

PYTHON = sys.executable  # the fixture takes it away
SETUP = "import sys, environment; environment.main(lambda words: print(environment.ensure(words[0]).version) or 0)"


def ensure(machine: Machine, extras: tuple[str, ...] = ()) -> environment.Environment:
    return environment.ensure(str(machine.checkout), extras=extras)


def ensure_elsewhere(machine: Machine) -> "subprocess.Popen[str]":
    """Start `ensure` in a process of its own, with PATH as the only place for Pythons."""
    code = SETUP.replace("import sys,", f"import sys; sys.executable = ''; sys.path.append({str(SCRIPTS)!r}); import")
    return subprocess.Popen(
        [PYTHON, "-c", code, str(machine.checkout)],
        env=machine.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_first_start_installs_and_the_second_starts_nothing(machine: Machine) -> None:
    machine.python("python3", (3, 12, 4))
    made = ensure(machine)
    assert made == environment.Environment(str(machine.checkout / ".venv"), "3.12.4")
    assert made.python == str(machine.checkout / ".venv/bin/python")
    assert [call.split(" --editable ")[-1] for call in machine.calls("-m pip")] == ["."]
    assert [call.rpartition("/")[2] for call in machine.calls("-m compileall")] == ["cors_addon"]
    calls = machine.calls()
    assert ensure(machine) == made
    assert machine.calls() == calls
    assert sorted(os.listdir(machine.checkout)) == [".venv", ".venv.lock", "pyproject.toml", "scripts"]


def test_more_extras_are_added_to_what_is_there(machine: Machine) -> None:
    machine.python("python3", (3, 12, 4))
    ensure(machine)
    ensure(machine, ("dev",))
    ensure(machine)
    assert [call.split(" --editable ")[-1] for call in machine.calls("-m pip")] == [".", ".[dev]"]
    assert len(machine.calls("-m venv")) == 1


@pytest.mark.parametrize("edited", ["pyproject.toml", "scripts/constraints.txt"])
def test_an_edited_file_is_installed_again_with_the_same_extras(machine: Machine, edited: str) -> None:
    machine.python("python3", (3, 12, 4))
    ensure(machine, ("dev",))
    (machine.checkout / edited).write_text("# other\n")
    ensure(machine)
    ensure(machine)
    assert [call.split(" --editable ")[-1] for call in machine.calls("-m pip")] == [".[dev]", ".[dev]"]


def test_the_pinned_releases_are_installed(machine: Machine) -> None:
    machine.python("python3", (3, 12, 4))
    assert ensure(machine).pinned
    (call,) = machine.calls("-m pip")
    assert f"--constraint {machine.constraints.relative_to(machine.checkout)} --editable ." in call
    assert ensure(machine).pinned


NO_PINS = 'case "$*" in *--constraint*) echo ERROR: no such release; exit 1;; esac'


def test_a_python_that_can_install_the_pinned_releases_comes_first(machine: Machine) -> None:
    machine.python("python3.15", (3, 15, 0), pip=NO_PINS)
    machine.python("python3.12", (3, 12, 4))
    assert ensure(machine)[1:] == ("3.12.4", True)


def test_where_none_can_the_newest_releases_are_installed_once_and_it_is_told(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.python("python3.15", (3, 15, 0), pip=NO_PINS)
    machine.python("python3.14", (3, 14, 0), pip=NO_PINS)
    made = ensure(machine)
    assert made[1:] == ("3.15.0", False)
    told = f"no Python here can install the releases of {stamps.CONSTRAINTS}; trying the newest"
    assert told in capsys.readouterr().err
    calls = machine.calls()
    assert ensure(machine) == made
    assert machine.calls() == calls


def test_the_newest_releases_are_looked_for_each_time(machine: Machine) -> None:
    machine.python("python3", (3, 12, 4))
    for _ in range(2):
        made = environment.ensure(str(machine.checkout), ".venv-unpinned", newest=True)
        assert not made.pinned
    calls = machine.calls("-m pip")
    assert len(calls) == 2
    assert not any("--constraint" in call for call in calls)


def test_newest_releases_that_do_not_install_are_an_error(machine: Machine) -> None:
    machine.python("python3", (3, 12, 4), pip="echo ERROR: none; exit 1")
    with pytest.raises(environment.SetupError, match="ERROR: none"):
        environment.ensure(str(machine.checkout), newest=True)
    assert len(machine.calls("-m pip")) == 1


def test_a_moved_checkout_gets_a_new_environment(machine: Machine) -> None:
    machine.python("python3", (3, 12, 4))
    ensure(machine)
    machine.checkout = machine.checkout.rename(machine.checkout.with_name("moved"))
    assert ensure(machine).directory == str(machine.checkout / ".venv")
    assert len(machine.calls("-m venv")) == 2
    assert ".venv.removed" not in os.listdir(machine.checkout)


def test_an_uninstalled_python_is_replaced_by_another(machine: Machine) -> None:
    gone = machine.python("python3.13", (3, 13, 0))
    machine.python("python3.12", (3, 12, 4))
    assert ensure(machine).version == "3.13.0"
    gone.unlink()
    assert ensure(machine).version == "3.12.4"


def test_a_killed_installation_is_made_again(machine: Machine) -> None:
    python = machine.python("python3", (3, 12, 4), pip="kill -9 $PPID")
    killed = ensure_elsewhere(machine)
    killed.communicate()
    assert killed.returncode == -9
    assert (machine.checkout / ".venv/bin/python").exists()
    stamp = stamps.read(str(machine.checkout / ".venv"))
    assert stamp is not None
    assert not stamp.complete
    python.write_text(python.read_text().replace("kill -9 $PPID", "exit 0"))
    assert ensure(machine).version == "3.12.4"
    assert len(machine.calls("-m venv")) == 2


@pytest.mark.parametrize("step", ["venv", "pip"])
def test_a_python_that_fails_is_passed_over_for_the_next(
    machine: Machine, step: str, capsys: pytest.CaptureFixture[str]
) -> None:
    failing = {"venv": "exit 1"} if step == "venv" else {"pip": "exit 1"}
    machine.python("python3.15", (3, 15, 0), **failing)
    machine.python("python3.12", (3, 12, 4))
    assert ensure(machine).version == "3.12.4"
    said = capsys.readouterr().err.splitlines()
    assert [line for line in said if "setting up" in line] == [
        "cors-addon: setting up .venv with Python 3.15.0; this takes a minute or two",
        "cors-addon: setting up .venv with Python 3.12.4; this takes a minute or two",
    ]


def test_what_pip_cannot_install_is_tried_once_for_each_minor_version(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, version in (("a/python3", (3, 12, 4)), ("b/python3", (3, 12, 1)), ("c/python3", (3, 11, 2))):
        machine.python(name, version, pip="echo 'ERROR: No matching distribution found for mitmproxy'; exit 1")
    monkeypatch.setenv("PATH", os.pathsep.join(str(machine.bin / name) for name in "abc"))
    with pytest.raises(environment.SetupError) as raised:
        ensure(machine)
    assert raised.value.problem == (
        ".venv could not be set up with Python 3.12.4: ERROR: No matching distribution found for mitmproxy"
    )
    assert str(machine.checkout / ".venv-install.log") in raised.value.remedy
    assert len(machine.calls("--constraint")) == 2
    assert (machine.checkout / ".venv-install.log").read_text().count("ERROR: No matching") == len(
        machine.calls("-m pip")
    )
    assert not (machine.checkout / ".venv").exists()


def test_an_unreachable_index_is_not_tried_again_with_the_next_python(machine: Machine) -> None:
    broken = "echo \"WARNING: Retrying after connection broken by 'NewConnectionError'\"; echo ERROR: none; exit 1"
    machine.python("python3.12", (3, 12, 4), pip=broken)
    machine.python("python3.11", (3, 11, 2), pip=broken)
    with pytest.raises(environment.SetupError, match="ERROR: none"):
        ensure(machine)
    assert len(machine.calls("-m pip")) == 1


def test_an_update_that_fails_has_the_environment_made_anew(machine: Machine) -> None:
    python = machine.python("python3", (3, 12, 4))
    ensure(machine)
    python.write_text(python.read_text().replace('"-m pip") exit 0', '"-m pip") test ! -e was-there'))
    (machine.checkout / ".venv" / "was-there").write_text("")
    python.write_text(python.read_text().replace("was-there", ".venv/was-there"))
    (machine.checkout / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    assert ensure(machine).pinned
    assert len(machine.calls("-m venv")) == 2


def test_an_update_that_does_not_reach_the_index_leaves_what_is_there(machine: Machine) -> None:
    python = machine.python("python3", (3, 12, 4))
    ensure(machine)
    broken = "echo connection broken by it; exit 2"
    python.write_text(python.read_text().replace('"-m pip") exit 0', f'"-m pip") {broken}'))
    (machine.checkout / "pyproject.toml").write_text("[project]\nname = 'other'\n")
    with pytest.raises(environment.SetupError, match=r"with Python 3\.12\.4: connection broken by it$"):
        ensure(machine)
    assert (machine.checkout / ".venv/bin/python").exists()
    python.write_text(python.read_text().replace(broken, "exit 0"))
    assert ensure(machine).pinned


def test_an_environment_of_the_users_own_is_moved_aside_and_named(
    machine: Machine, capsys: pytest.CaptureFixture[str]
) -> None:
    machine.python("python3", (3, 12, 4))
    for name in (".venv", ".venv.old"):
        (machine.checkout / name).mkdir()
        (machine.checkout / name / "mine").write_text(name)
    ensure(machine)
    assert (machine.checkout / ".venv.old+/mine").read_text() == ".venv"
    assert (machine.checkout / ".venv.old/mine").read_text() == ".venv.old"
    assert "was not made by this script; it is now .venv.old+" in capsys.readouterr().err


def test_no_python_leaves_what_is_there(machine: Machine) -> None:
    (machine.checkout / ".venv").mkdir()
    (machine.checkout / ".venv/mine").write_text("")
    with pytest.raises(environment.NoPythonError):
        ensure(machine)
    assert (machine.checkout / ".venv/mine").exists()


def test_two_first_starts_install_once(machine: Machine) -> None:
    fifo = machine.checkout.parent / "go"
    os.mkfifo(fifo)
    machine.python("python3", (3, 12, 4), venv=f"read line < '{fifo}'; {MAKE_VENV}")
    first = ensure_elsewhere(machine)
    assert first.stderr is not None
    assert "setting up .venv" in first.stderr.readline()
    second = ensure_elsewhere(machine)
    assert second.stderr is not None
    assert "waiting for another start" in second.stderr.readline()
    fifo.write_text("go\n")
    assert [process.communicate()[0] for process in (first, second)] == ["3.12.4\n", "3.12.4\n"]
    assert len(machine.calls("-m pip")) == 1


def test_a_checkout_that_cannot_be_written_is_an_error_of_two_lines(machine: Machine) -> None:
    machine.python("python3", (3, 12, 4))
    (machine.checkout / ".venv.lock").mkdir()
    process = ensure_elsewhere(machine)
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    lines = err.splitlines()
    assert lines[0].startswith("cors-addon: .venv could not be set up: ")
    assert lines[1] == f"  See to it that {machine.checkout} can be written and has room, and start again."
    assert len(lines) == 2


def test_a_machine_without_python_is_an_error_of_two_lines(machine: Machine) -> None:
    machine.python("python3", (3, 8, 18))
    process = ensure_elsewhere(machine)
    out, err = process.communicate()
    assert (process.returncode, out) == (1, "")
    lines = err.splitlines()
    assert "3.11 or newer is needed (3.8.18 is too old)" in lines[0]
    assert "Install Python 3.11 or newer" in lines[1]
    assert len(lines) == 2


REASONS = [
    ("the last error counts", "ERROR: first\nnoise\nERROR: second\nnotice: more\n", "ERROR: second"),
    (
        "pip's line about its own child says nothing",
        "  ERROR: No matching distribution found for setuptools>=77\nerror: subprocess-exited-with-error\n",
        "ERROR: No matching distribution found for setuptools>=77",
    ),
    ("without one the last line", "Error while finding x\n\n  it broke  \n\n", "it broke"),
    ("no output at all", "", "exit status 3"),
    ("what is too long for a line is cut", "ERROR: " + "x" * 500, "ERROR: " + "x" * 190 + "..."),
]


@pytest.mark.parametrize(("output", "reason"), [row[1:] for row in REASONS], ids=[row[0] for row in REASONS])
def test_the_reason_is_one_line_of_the_output(output: str, reason: str) -> None:
    assert environment.failure_reason(output, 3) == reason


def test_start_becomes_the_command(tmp_path: Path) -> None:
    code = f"import sys; sys.path.append({str(SCRIPTS)!r}); import environment; environment.start(sys.argv[1:])"
    child = [PYTHON, "-c", "import sys; print(sys.argv[1:]); sys.exit(7)", "a b", "*"]
    ended = subprocess.run([PYTHON, "-c", code, *child], stdout=subprocess.PIPE, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (7, "['a b', '*']\n")


@pytest.mark.skipif(os.name == "nt", reason="there is no exec there")
def test_a_program_that_is_gone_from_the_environment_is_an_error() -> None:
    with pytest.raises(environment.SetupError) as raised:
        environment.start(["/nowhere/.venv/bin/mitmweb"])
    assert raised.value.remedy == "Remove /nowhere/.venv and start again."


def test_an_interrupt_ends_with_the_shells_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(words: list[str]) -> int:
        raise KeyboardInterrupt

    with pytest.raises(SystemExit) as raised:
        environment.main(interrupted)
    assert raised.value.code == 130
    assert capsys.readouterr().err == "cors-addon: interrupted\n"
