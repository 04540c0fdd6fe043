"""Programs that pretend to be a Python: they answer the probe, make a venv and run pip as they are told to."""

import json
import shlex
from pathlib import Path
from typing import Any

SHELL = """#!/bin/sh
echo "{name} $*" | /usr/bin/head -n 1 | /usr/bin/cut -c 1-200 >> {calls}
case "$1 $2" in
"-c "*) {probe} ;;
"-m venv") {venv} ;;
"-m pip") {pip} ;;
esac
"""
MAKE_VENV = '/bin/mkdir -p "$3/bin" && /bin/ln -s "$0" "$3/bin/python"'


class Machine:
    """A directory with a `bin` that is the whole PATH, an empty home, and a checkout to set up."""

    def __init__(self, directory: Path) -> None:
        self.bin = directory / "bin"
        self.home = directory / "home"
        self.checkout = directory / "checkout"
        self.calls_file = directory / "calls"
        for made in (self.bin, self.home, self.checkout):
            made.mkdir()
        (self.checkout / "pyproject.toml").write_text("[project]\n")
        self.constraints = self.checkout / "scripts" / "constraints.txt"
        self.constraints.parent.mkdir()
        self.constraints.write_text("h2==4.3.0\n")

    @property
    def environ(self) -> dict[str, str]:
        return {"PATH": str(self.bin), "HOME": str(self.home), "PYENV_ROOT": str(self.home / ".pyenv")}

    def python(self, name: str, version: tuple[int, int, int], **behaviour: Any) -> Path:
        """Add an interpreter. `name` is its file below `bin`, or its absolute path; see `script` for the rest."""
        path = self.bin / name
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = {
            "executable": str(path),
            "version": version,
            "final": True,
            "implementation": "cpython",
            "free_threaded": False,
            "missing": "",
        }
        answer.update(behaviour.pop("answer", {}))
        self.script(path, **{"probe": f"echo {shlex.quote(json.dumps(answer))}", **behaviour})
        return path

    def script(self, path: Path, probe: str = "exit 127", venv: str = MAKE_VENV, pip: str = "exit 0") -> None:
        """Write the interpreter's file: what it does when probed, when asked for a venv, when it is to run pip."""
        path.write_text(
            SHELL.format(name=path.name, calls=shlex.quote(str(self.calls_file)), probe=probe, venv=venv, pip=pip)
        )
        path.chmod(0o755)

    def calls(self, what: str = "") -> list[str]:
        """Return the calls of the fake interpreters so far, such as `python3.12 -m pip install ...`."""
        lines = self.calls_file.read_text().splitlines() if self.calls_file.exists() else []
        return [line for line in lines if what in line]
