"""The scripts must start under an old Python, if only to look for a newer one."""

import ast
import subprocess
import sys

import interpreters
import pytest

from tests.scripts import EARLY, SCRIPTS

# What Python 3.6 has and the scripts use.
MODULES = {
    "argparse",
    "contextlib",
    "glob",
    "hashlib",
    "http.server",
    "json",
    "os",
    "re",
    "shutil",
    "socketserver",
    "subprocess",
    "sys",
    "tempfile",
    "threading",
    "time",
    "typing",
    "urllib.error",
    "urllib.request",
}
OLDEST = (3, 6)


def imported(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module))
    return names


@pytest.mark.parametrize("name", EARLY)
def test_no_syntax_and_no_module_is_newer_than_the_oldest_python(name: str) -> None:
    # 3.7 is the oldest grammar that Python 3.13 still knows.
    tree = ast.parse((SCRIPTS / name).read_text(encoding="utf-8"), feature_version=(3, 7))
    siblings = {file.removesuffix(".py") for file in EARLY}
    assert imported(tree) - siblings - {"fcntl"} <= MODULES


def test_the_oldest_python_of_this_machine_starts_both() -> None:
    known = [found for found in interpreters.find()[1] if found.version and found.version[:2] >= OLDEST]
    if not known:
        pytest.skip("no Python from 3.6 to 3.10 on this machine")
    oldest = min(known, key=lambda found: found.version or ())
    loads = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1]); import run, environment"
    subprocess.run([oldest.executable, "-c", loads, str(SCRIPTS)], check=True)
    shown = subprocess.run(
        [oldest.executable, "-B", str(SCRIPTS / "test.py"), "--help"], check=True, stdout=subprocess.PIPE, text=True
    )
    assert shown.stdout.startswith("Run every check")


def test_every_script_that_runs_early_is_checked_for_it() -> None:
    siblings = {file.removesuffix(".py") for file in EARLY}
    for name in EARLY:
        needed = imported(ast.parse((SCRIPTS / name).read_text(encoding="utf-8")))
        local = {
            module for module in needed if (SCRIPTS / f"{module}.py").exists() and module not in sys.stdlib_module_names
        }
        assert local <= siblings
