import os
import sys
from pathlib import Path

import environment
import pytest

from tests.scripts.fakes import Machine


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine that has only the Pythons which the test puts on it."""
    if os.name == "nt":
        pytest.skip("the fake interpreters are shell scripts")
    made = Machine(tmp_path)
    for name, value in made.environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "executable", "")
    return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A checkout whose environment is there already."""
    (tmp_path / ".venv").mkdir()
    monkeypatch.setattr(environment, "ROOT", str(tmp_path))
    return tmp_path
