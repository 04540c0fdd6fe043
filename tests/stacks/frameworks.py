"""Frameworks of Node.js, Python, Ruby, Go and Java, each serving its apps with its own server."""

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
from tests.stacks.installed import HERE, NODE_FOLDER, missing_node
from tests.stacks.stack import START_SECONDS, Ports, Stack, StackError, ports_told, process

GO_CACHE = Path(sys.prefix) / "stacks-go"
BUILD_SECONDS = 300


def missing_python(*modules: str) -> str | None:
    lacking = [module for module in modules if importlib.util.find_spec(module) is None]
    return f"Python packages are not installed: {', '.join(lacking)} (extra dev)" if lacking else None


@contextlib.contextmanager
def started(
    stack: str, command: Sequence[str], apps: Sequence[App], folder: Path, **environment: str
) -> Iterator[Ports]:
    """Run a program that reads its apps on standard input and prints their ports."""
    told = json.dumps([{"stack": stack, **app.to_plain()} for app in apps])
    with process(command, folder, told, **environment) as running:
        ports = ports_told(running, folder)
        if set(ports) != {app.host for app in apps}:
            raise StackError(f"{stack} serves {sorted(ports)} alone")
        yield ports


def node(stack: str, is_told: bool = True) -> Stack:
    def start(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
        return started(stack, ["node", str(HERE / "node" / "serve.js"), str(NODE_FOLDER)], apps, folder)

    return Stack(stack, missing_node, start, is_told)


def python(stack: str, *modules: str) -> Stack:
    def start(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
        return started(stack, [sys.executable, "-W", "ignore", str(HERE / "serve.py")], apps, folder)

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
    built = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=BUILD_SECONDS)
    if built.returncode != 0:
        raise StackError(f"{command!r} fails:\n{built.stderr}")
    with started("go", [str(folder / "serve")], apps, folder) as ports:
        yield ports


@functools.cache
def missing_ruby() -> str | None:
    if shutil.which("ruby") is None:
        return "ruby is not installed"
    needs = ["-rrails", "-raction_controller/railtie", "-rrack/cors", "-rpuma"]
    loaded = subprocess.run(["ruby", *needs, "-e", ""], capture_output=True, timeout=START_SECONDS)
    return None if loaded.returncode == 0 else "Ruby's rails, rack-cors and puma are not all installed"


def _start_rails(apps: Sequence[App], folder: Path) -> contextlib.AbstractContextManager[Ports]:
    return started("rails", ["ruby", "-W0", str(HERE / "ruby" / "serve.rb")], apps, folder)


JARS = Path("/usr/share/java")
NEEDS = ("spring3-web", "spring3-core", "spring3-beans", "spring3-context", "commons-logging")
TOMCAT = ("catalina", "coyote", "servlet-api", "juli", "util", "util-scan", "api", "annotations-api", "jni", "el-api")
TOMCAT_TOO = ("jsp-api", "jaspic-api", "jasper", "jasper-el")
CLASSES = [JARS / f"{name}.jar" for name in NEEDS]
CLASSES += [JARS / f"tomcat9-{name}.jar" for name in (*TOMCAT, *TOMCAT_TOO)]
JAVA = """
import java.util.List;
import org.springframework.context.annotation.Bean;
import org.springframework.core.Ordered;
import org.springframework.web.cors.CorsConfiguration;
import org.springframework.web.cors.UrlBasedCorsConfigurationSource;
import org.springframework.web.filter.CorsFilter;

class {name} {{
{snippet}
}}
"""


def missing_java() -> str | None:
    if shutil.which("javac") is None:
        return "a JDK is not installed"
    lacking = [jar.name for jar in CLASSES if not jar.exists()]
    return f"Debian's libspring-web-java and libtomcat9-java are not installed: {lacking[0]}" if lacking else None


@contextlib.contextmanager
def _start_spring(apps: Sequence[App], folder: Path) -> Iterator[Ports]:
    """Compile each snippet as a class of its own beside the server, and start that."""
    (folder / "Serve.java").write_text((HERE / "java" / "Serve.java").read_text())
    lines = []
    for number, app in enumerate(apps):
        name = f"Cors{number}" if app.snippet is not None else "-"
        if app.snippet is not None:
            (folder / f"{name}.java").write_text(JAVA.format(name=name, snippet=app.snippet))
        faulty = app.to_plain()
        fields = [app.host, name, str(faulty["options"]).lower(), str(faulty["auth"]).lower()]
        lines.append("\t".join([*fields, *(part for line in app.case.lines if faulty["lines"] for part in line)]))
    classes = os.pathsep.join([str(folder), *map(str, CLASSES)])
    command = ["javac", "-nowarn", "-cp", classes, *(str(path) for path in folder.glob("*.java"))]
    built = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=BUILD_SECONDS)
    if built.returncode != 0:
        raise StackError(f"javac fails:\n{built.stderr}")
    with process(["java", "-cp", classes, "Serve"], folder, "\n".join(lines) + "\n") as running:
        yield ports_told(running, folder)


FRAMEWORKS = (
    node("express"),
    node("fastify"),
    node("koa"),
    node("nestjs", is_told=False),  # it answers as the Express below it does
    python("fastapi", "fastapi", "uvicorn"),
    python("flask", "flask"),
    python("django", "django", "corsheaders"),
    Stack("spring", missing_java, _start_spring),
    Stack("rails", missing_ruby, _start_rails),
    Stack("go", missing_go, _start_go, is_told=False),  # it adds no header that says so
)
