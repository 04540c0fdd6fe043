"""The package as `pip`, `pipx` and `uvx` install it: from a wheel, in a folder of its own, run from anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

from tests.capture.captures import flow_file
from tests.mitm.support import cors_get

ROOT = Path(__file__).resolve().parents[2]
PIP = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "cors_addon")

pytestmark = [pytest.mark.once, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel of a copy, since a build leaves files beside the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / "src" / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            (folder / "src").mkdir(exist_ok=True)
            shutil.copy(ROOT / name, folder / "src")
    built = subprocess.run(
        [*PIP, "wheel", "--no-deps", "-w", str(folder), str(folder / "src")],
        capture_output=True,
        text=True,
        check=False,
    )
    if built.returncode != 0:
        if os.environ.get("CI"):
            pytest.fail(built.stderr)
        pytest.skip(f"pip cannot build the wheel: {built.stderr[-300:]}")
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("installed")
    subprocess.run([*PIP, "install", "--no-deps", "--target", str(folder), str(wheel)], check=True)
    return folder


def ran(installed: Path, cwd: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [str(installed / "bin" / "cors-addon"), *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=120)


def test_the_wheel_has_all_that_the_package_has(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as packed:
        names = set(packed.namelist())
    here = {f"{path.relative_to(ROOT)}" for path in (ROOT / "cors_addon").rglob("*") if path.is_file()}
    assert {name for name in here if "__pycache__" not in name} <= names
    assert not [name for name in names if name.startswith(("tests/", "scripts/"))]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        (["--version"], 0, f"cors-addon 0.1.0 (mitmproxy {metadata.version('mitmproxy')}, Python "),
        (["check", "run.mitm"], 1, "CORS: 1 flow judged: 1 blocked\n"),
        (["rules", "rules.yaml"], 0, "rules.yaml: valid, 1 rule"),
        (["explain", "preflight-meets-auth"], 0, "preflight-meets-auth (a cause"),
        (["docs", "ci"], 0, "# In CI\n"),
        (["completion", "bash"], 0, "_cors_addon() {\n"),
        (["run", "mitmdump", "--version"], 0, "Mitmproxy: "),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_it_runs_from_anywhere(installed: Path, tmp_path: Path, words: list[str], status: int, says: str) -> None:
    (tmp_path / "run.mitm").write_bytes(flow_file([cors_get()]))
    rule = 'version: 1\nrules:\n  - name: a\n    hosts: [api.test]\n    allow_origins: ["http://localhost:5173"]\n'
    (tmp_path / "rules.yaml").write_text(rule)
    done = ran(installed, tmp_path, *words)
    assert (done.returncode, done.stdout[: len(says)]) == (status, says), done.stderr


def test_the_path_for_mitmproxy_is_that_of_the_installed_package(installed: Path, tmp_path: Path) -> None:
    assert ran(installed, tmp_path, "path").stdout == f"{installed / 'cors_addon' / 'addon.py'}\n"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("pipx", ["run", "--spec", "{wheel}", "cors-addon", "--version"]),
        ("uvx", ["--from", "{wheel}", "cors-addon", "--version"]),
    ],
    ids=["pipx", "uvx"],
)
def test_tools_that_install_into_an_environment_run_it(
    program: str, words: list[str], wheel: Path, tmp_path: Path
) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    folders = {"PIPX_HOME": "pipx", "PIPX_BIN_DIR": "bin", "UV_CACHE_DIR": "uv", "UV_TOOL_DIR": "tools"}
    environment = {**os.environ, **{name: str(tmp_path / folder) for name, folder in folders.items()}}
    command = [program, *(word.format(wheel=wheel) for word in words)]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("cors-addon 0.1.0 (mitmproxy ")
