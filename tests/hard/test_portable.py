"""Nothing is assumed of the machine that macOS or Windows lack."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from cors_addon.report import files
from tests.report.samples import mixed

PACKAGE = Path(__file__).resolve().parents[2] / "cors_addon"
POSIX_MODULES = {"fcntl", "pwd", "grp", "resource", "termios", "tty", "pty", "posix", "syslog", "crypt", "spwd"}
POSIX_NAMES = {
    "os": {
        *("fork", "mkfifo", "geteuid", "getuid", "getgid", "setsid", "killpg", "fchmod", "fchown", "chown", "sysconf"),
        *("O_NONBLOCK", "O_NOFOLLOW", "O_CLOEXEC", "O_NOCTTY", "O_SYNC", "uname", "getpgid", "wait", "statvfs"),
    },
    "signal": {
        "SIGHUP",
        "SIGKILL",
        "SIGUSR1",
        "SIGUSR2",
        "SIGALRM",
        "SIGCHLD",
        "SIGTSTP",
        "SIGWINCH",
        "alarm",
        "pause",
    },
    "socket": {"AF_UNIX", "SO_REUSEPORT"},
}

# It starts and ends processes, and each system has a branch of its own there.
BRANCHES = {"browser/guard.py"}


def sources() -> Iterator[tuple[Path, ast.AST]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def test_no_module_or_name_that_only_posix_has() -> None:
    found = []
    for path, tree in sources():
        if path.relative_to(PACKAGE).as_posix() in BRANCHES:
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = {alias.name.partition(".")[0] for alias in node.names} & POSIX_MODULES
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = {(node.module or "").partition(".")[0]} & POSIX_MODULES
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                names = {node.attr} & POSIX_NAMES.get(node.value.id, set())
            else:
                continue
            found += [f"{path.relative_to(PACKAGE)}:{node.lineno}: {name}" for name in names]
    assert found == []


def test_texts_are_read_and_written_as_utf_8_whatever_the_machine_prefers() -> None:
    found = []
    for path, tree in sources():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            binary = any(isinstance(each, ast.Constant) and "b" in str(each.value) for each in node.args[:2])
            given = {keyword.arg for keyword in node.keywords}
            given |= {
                "encoding" for each in node.args if isinstance(each, ast.Constant) and each.value in ("utf-8", "ascii")
            }
            opens = name == "open" and isinstance(node.func, ast.Name) and not binary
            if (opens or name in ("read_text", "write_text")) and "encoding" not in given:
                found.append(f"{path.relative_to(PACKAGE)}:{node.lineno}: {name}")
    assert found == []


def test_a_report_that_somebody_holds_open_is_an_error_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows replaces no file that another program has open."""
    path = tmp_path / "cors.json"
    path.write_text("old")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Access is denied")

    monkeypatch.setattr(files.os, "replace", refuse)
    with pytest.raises(OSError, match="Access is denied"):
        files.write(mixed(), path)
    assert [each.name for each in tmp_path.iterdir()] == ["cors.json"]
    assert path.read_text() == "old"
