import subprocess
import sys

import environment
import pytest
import run

from tests.scripts import SCRIPTS


def test_everything_is_handed_to_the_environments_own_command(monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(environment, "ensure", lambda: environment.Environment("/made", "3.13.0"))
    monkeypatch.setattr(environment, "start", commands.append)
    words = ["mitmdump", "--browser", "http://localhost:5173/", "-p", "9090"]
    run.work(words)
    assert commands == [[environment.Environment("/made", "3.13.0").tool("cors-addon"), "run", *words]]


@pytest.mark.parametrize("name", ["run.py", "test.py", "demo.py", "bench.py"])
def test_a_python_that_does_not_look_beside_the_script_starts_it_too(name: str) -> None:
    code = "import runpy, sys; runpy.run_path(sys.argv[1])"
    subprocess.run([sys.executable, "-I", "-c", code, str(SCRIPTS / name)], check=True)
