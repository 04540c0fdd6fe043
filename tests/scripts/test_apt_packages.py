import shutil
import subprocess
from pathlib import Path

import apt_packages
import interpreters
import pytest

APT = "env DEBIAN_FRONTEND=noninteractive apt-get -q -y"
ALL = {sign for sign, _ in apt_packages.BROWSERS}


class Machine:
    """A machine that has only what `present` names; keeps what it is told to run, and what the table would say."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, present: set[str], root: str | None = "", status: int = 0):
        self.commands: list[str] = []
        self.steps: list[str] = []
        self.status = status
        apt = None if root is None else [*root.split(), *APT.split()]
        monkeypatch.setattr(apt_packages, "is_there", present.__contains__)
        monkeypatch.setattr(apt_packages, "apt_get", lambda: apt)
        monkeypatch.setattr(subprocess, "call", self.call)

    def call(self, command: list[str], **options: object) -> int:
        self.commands.append(" ".join(command))
        return self.status

    def told(self, name: str, status: str, seconds: float) -> None:
        self.steps.append(f"{name}: {status}")


@pytest.mark.usefixtures("made")
def test_browsers_that_are_there_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, ALL)
    apt_packages.install_browsers(machine.told)
    assert (machine.commands, machine.steps) == ([], [])


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("root", ["", "sudo -n "])
def test_only_what_is_missing_is_installed(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    machine = Machine(monkeypatch, ALL - {"firefox-esr", "Xvfb"}, root)
    apt_packages.install_browsers(machine.told)
    apt = root + APT
    assert machine.commands == [f"{apt} update", f"{apt} --no-install-recommends install firefox-esr xvfb"]
    assert machine.steps == ["install firefox-esr xvfb: ok"]


@pytest.mark.usefixtures("made")
def test_where_nothing_can_be_installed_two_lines_say_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = Machine(monkeypatch, ALL - {"chromium", "tmux"}, root=None)
    apt_packages.install_browsers(machine.told)
    assert machine.commands == []
    assert machine.steps == ["install chromium tmux: failed (needs apt-get and root)"]
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert "chromium tmux cannot be installed" in lines[0]
    assert "apt-get install chromium tmux" in lines[1]


@pytest.mark.usefixtures("made")
def test_a_failed_installation_is_a_failed_step(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, ALL - {"chromium"}, status=100)
    apt_packages.install_browsers(machine.told)
    assert machine.steps == ["install chromium: failed (100)"]


def test_a_python_that_lacks_only_venv_is_given_it(monkeypatch: pytest.MonkeyPatch, made: Path) -> None:
    (made / ".venv").rmdir()
    lacking = interpreters.Unusable("/usr/bin/python3", (3, 11, 2), "has no venv", lacks_venv=True)
    monkeypatch.setattr(interpreters, "find", lambda: ([], [lacking]))
    machine = Machine(monkeypatch, ALL)
    apt_packages.install_browsers(machine.told)
    assert machine.commands[-1].endswith("install python3-venv")


@pytest.mark.parametrize(
    ("programs", "sudo", "expected"),
    [
        (set(), 0, None),
        ({"apt-get"}, 0, None),
        ({"apt-get", "sudo"}, 1, None),
        ({"apt-get", "sudo"}, 0, f"sudo -n {APT}"),
    ],
    ids=["no apt-get", "not root and no sudo", "sudo asks for a password", "sudo asks for nothing"],
)
def test_apt_get_is_started_as_root_or_not_at_all(
    monkeypatch: pytest.MonkeyPatch, programs: set[str], sudo: int, expected: str | None
) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: name if name in programs else None)
    monkeypatch.setattr("os.geteuid", lambda: 1000, raising=False)
    monkeypatch.setattr(subprocess, "call", lambda *args, **options: sudo)
    assert apt_packages.apt_get() == (expected.split() if expected else None)


def test_a_package_is_known_by_its_program_or_its_file(tmp_path: Path) -> None:
    (tmp_path / "x86_64" / "girepository").mkdir(parents=True)
    assert apt_packages.is_there(f"{tmp_path}/*/girepository")
    assert not apt_packages.is_there(f"{tmp_path}/*/nothing")
    assert not apt_packages.is_there("no-such-program-anywhere")


def test_on_ci_the_servers_that_are_missing_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    machine = Machine(monkeypatch, {"nginx", "caddy"})
    apt_packages.install_servers(machine.told)
    assert [command.rpartition(" ")[2] for command in machine.commands] == ["update", "apache2-bin", "haproxy"]
    assert machine.steps == ["install apache2-bin: ok", "install haproxy: ok"]


def test_a_server_that_cannot_be_installed_fails_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    machine = Machine(monkeypatch, {"nginx", "caddy", "haproxy"}, status=100)
    apt_packages.install_servers(machine.told)
    assert machine.steps == ["install apache2-bin: not run: apt-get ended with status 100"]


def test_nobodys_own_machine_gets_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CI", raising=False)
    machine = Machine(monkeypatch, set())
    apt_packages.install_servers(machine.told)
    assert (machine.commands, machine.steps) == ([], [])
