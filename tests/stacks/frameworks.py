"""Frameworks of Node.js, Python, Ruby and Go, each serving its apps with its own server."""

from __future__ import annotations

import contextlib
import functools
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.stacks.cases import App
from tests.stacks.stack import START_SECONDS, Ports, Stack, StackError, ports_told, process

HERE = Path(__file__).resolve().parent
GO_CACHE = Path(sys.prefix) / "stacks-go"
NODE_FOLDER = Path(sys.prefix) / "stacks-node"
INSTALL_SECONDS = 300


@functools.cache
def missing_node() -> str | None:
    """Why Node.js' packages cannot be used here, or None; installs them beside this Python's once."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    wanted = (HERE / "node" / "package.json").read_text()
    done = NODE_FOLDER / "installed.json"
    if done.exists() and done.read_text() == wanted:
        return None
    try:
        NODE_FOLDER.mkdir(parents=True, exist_ok=True)
        (NODE_FOLDER / "package.json").write_text(wanted)
        command = ["npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
        ended = subprocess.run(
            command, cwd=NODE_FOLDER, capture_output=True, text=True, timeout=INSTALL_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"npm cannot install the packages of tests/stacks/node: {error}"
    if ended.returncode != 0:
        return f"npm cannot install the packages of tests/stacks/node: {ended.stderr[-500:]}"
    done.write_text(wanted)
    return None


def missing_python(*modules: str) -> str | None:
    lacking = [module for module in modules if importlib.util.find_spec(module) is None]
    return f"Python packages are not installed: {', '.join(lacking)} (extra dev)" if lacking else None


@contextlib.contextmanager
def _started(stack: str, command: Sequence[str], apps: Sequence[App], folder: Path) -> Iterator[Ports]:
    told = json.dumps([{"stack": stack, **app.to_plain()} for app in apps])
    with process(command, folder, told) as running:
        ports = ports_told(running, folder)
        if set(ports) != {app.host for app in apps}:
            raise StackError(f"{stack} serves {sorted(ports)} alone")
        yield ports


def node(stack: str, is_told: bool = True) -> Stack:
    def start(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
        return _started(stack, ["node", str(HERE / "node" / "serve.js"), str(NODE_FOLDER)], apps, folder)

    return Stack(stack, missing_node, start, is_told)


def python(stack: str, *modules: str) -> Stack:
    def start(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
        return _started(stack, [sys.executable, "-W", "ignore", str(HERE / "serve.py")], apps, folder)

    return Stack(stack, lambda: missing_python(*modules), start)


def missing_go() -> str | None:
    return None if shutil.which("go") else "go is not installed"


@contextlib.contextmanager
def _start_go(apps: Sequence[App], folder: Path) -> Iterator[Ports]:
    """Build one program of all apps, each snippet in a package of its own, and start it."""
    imports, around = ['import "net/http"'], []
    for number, app in enumerate(apps):
        if app.snippet is None:
            continue
        (folder / f"c{number}").mkdir()
        wrapper = "func With(next http.Handler) http.Handler { return withCORS(next) }"
        source = f'package c{number}\n\nimport "net/http"\n\n{app.snippet}\n{wrapper}\n'
        (folder / f"c{number}" / "cors.go").write_text(source)
        imports.append(f'import "stacks/c{number}"')
        around.append(f'"{app.host}": c{number}.With,')
    table = f"var snippets = map[string]func(http.Handler) http.Handler{{\n{chr(10).join(around)}\n}}"
    (folder / "snippets.go").write_text("\n".join(["package main", *imports, table, ""]))
    (folder / "serve.go").write_text((HERE / "go" / "serve.go").read_text())
    (folder / "go.mod").write_text("module stacks\n\ngo 1.19\n")
    environment = {**os.environ, "GOPROXY": "off", "GOTOOLCHAIN": "local", "GOCACHE": str(GO_CACHE)}
    command = ["go", "build", "-o", "serve", "."]
    built = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=INSTALL_SECONDS
    )
    if built.returncode != 0:
        raise StackError(f"{command!r} fails:\n{built.stderr}")
    with _started("go", [str(folder / "serve")], apps, folder) as ports:
        yield ports


@functools.cache
def missing_ruby() -> str | None:
    if shutil.which("ruby") is None:
        return "ruby is not installed"
    needs = ["-rrails", "-raction_controller/railtie", "-rrack/cors", "-rpuma"]
    loaded = subprocess.run(["ruby", *needs, "-e", ""], capture_output=True, timeout=START_SECONDS)
    return None if loaded.returncode == 0 else "Ruby's rails, rack-cors and puma are not all installed"


def _start_rails(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
    return _started("rails", ["ruby", "-W0", str(HERE / "ruby" / "serve.rb")], apps, folder)


FRAMEWORKS = (
    node("express"),
    node("fastify"),
    node("koa"),
    node("nestjs", is_told=False),  # it answers as the Express below it does
    python("fastapi", "fastapi", "uvicorn"),
    python("flask", "flask"),
    python("django", "django", "corsheaders"),
    Stack("rails", missing_ruby, _start_rails),
    Stack("go", missing_go, _start_go, is_told=False),  # it adds no header that says so
)
