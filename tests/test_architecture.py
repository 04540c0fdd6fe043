"""How the package is laid out: who may know of whom, no circle among modules, and no file too long to read at once.

Imports for typing only and imports within functions count like any others.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "cors_addon"

EVERY_PART = {
    "fetch",
    "catalogue",
    "traffic",
    "verdict",
    "diagnosis",
    "rules",
    "report",
    "capture",
    "docs",
    "page",
    "browser",
    "mitm",
}
MAY_IMPORT = {
    "fetch": {"fetch"},
    "catalogue": {"catalogue"},
    "traffic": {"traffic", "fetch"},
    "verdict": {"verdict", "traffic", "fetch", "catalogue"},
    "diagnosis": {"diagnosis", "verdict", "traffic", "fetch", "catalogue"},
    "rules": {"rules", "traffic", "fetch"},
    "report": {"report", "diagnosis", "verdict", "traffic", "catalogue"},
    "capture": {"capture", "report", "diagnosis", "verdict", "traffic", "fetch"},
    "page": {"page", "report", "diagnosis", "verdict", "rules", "traffic", "fetch", "catalogue"},
    "browser": {"browser", "traffic", "fetch"},
    "mitm": EVERY_PART,
    "addon.py": {"mitm"},
    "docs": {"docs"},
    "completion.py": set(),
    "installation.py": set(),
    "regular_file.py": set(),
    "standard_output.py": set(),
    "check_command.py": {"standard_output", "capture", "report"},
    "__main__.py": {
        *("check_command", "completion", "installation", "standard_output"),
        *("capture", "docs", "report", "rules", "catalogue", "mitm"),
    },
    "api.py": {"capture", "report"},
    "__init__.py": set(),
}
# Pure parts have no log, no clock and no input or output.
PURE = {"fetch", "catalogue"}
IMPURE = (
    *("datetime", "time", "random", "logging", "warnings"),
    *("io", "os", "pathlib", "shutil", "sqlite3", "tempfile"),
    *("asyncio", "multiprocessing", "signal", "subprocess", "threading"),
    *("http", "select", "socket", "ssl"),
)
THIRD_PARTY = {
    "mitmproxy": ("mitm/", "addon.py", "capture/mitmproxy_flows.py"),
    "tornado": ("mitm/page_listener.py",),  # mitmproxy brings it.
    "yaml": ("rules/document.py",),
    "ruamel": ("rules/document.py",),
    "cryptography": ("browser/chromium.py",),
    "publicsuffix2": ("traffic/sites.py",),  # Optional: mitmproxy brings it.
}


def imports(path: str, source: str) -> Iterator[str]:
    """Yield each module that a file of the package imports, as a dotted name: `cors_addon.fetch.checks`.

    `from a import b` yields `a.b`, since `b` may be a module.
    """
    package = ["cors_addon", *Path(path).parts[:-1]]
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            yield from (".".join([*base, *filter(None, [node.module]), alias.name]) for alias in node.names)


def violations(path: str, source: str) -> list[str]:
    """Return what is wrong with the imports of one file; `path` is relative to the package."""
    part = Path(path).parts[0]
    wrong = []
    for name in imports(path, source):
        top, *rest = name.split(".")
        if top == "cors_addon":
            # `from cors_addon import __version__` knows of no part.
            if rest and rest[0] in EVERY_PART | {"addon", "__main__"} and rest[0] not in MAY_IMPORT[part]:
                wrong.append(f"{path}: {part} must not import {name}")
        elif top in sys.stdlib_module_names:
            if part in PURE and top in IMPURE:
                wrong.append(f"{path}: {part} is pure and must not import {name}")
        elif not path.startswith(THIRD_PARTY.get(top, ())):
            wrong.append(f"{path}: {name} is for {' and '.join(THIRD_PARTY.get(top, ())) or 'nobody'}")
    return wrong


def sources() -> dict[str, str]:
    """Return the text of each file of the package, by its path within it."""
    found = {file.relative_to(PACKAGE).as_posix(): file.read_text("utf-8") for file in sorted(PACKAGE.rglob("*.py"))}
    assert found
    return found


def module_of(path: str) -> str:
    return ".".join(["cors_addon", *Path(path).with_suffix("").parts]).removesuffix(".__init__")


def circles(files: dict[str, str]) -> list[list[str]]:
    """Return the groups of modules that import one another, directly or through others."""
    paths = {module_of(path): path for path in files}
    known = {
        module: {
            # `from package import name` knows the package where the name is no module.
            target
            for name in imports(path, files[path])
            if (target := name if name in paths else name.rpartition(".")[0]) in paths and target != module
        }
        for module, path in paths.items()
    }
    reached = {module: set(targets) for module, targets in known.items()}
    for middle in reached:
        for targets in reached.values():
            if middle in targets:
                targets |= reached[middle]
    # All members of a circle reach the same modules, themselves among these.
    found = {
        tuple(sorted(other for other in targets if module in reached[other]))
        for module, targets in reached.items()
        if module in targets
    }
    return sorted(map(list, found))


def test_no_modules_import_one_another() -> None:
    assert circles(sources()) == []


CIRCLES = [
    ("two modules", {"a.py": "from . import b", "b.py": "import cors_addon.a"}, [["cors_addon.a", "cors_addon.b"]]),
    (
        "within a function, and for typing only",
        {"a.py": "def f():\n    from .b import x", "b.py": "if TYPE_CHECKING:\n    from .a import y"},
        [["cors_addon.a", "cors_addon.b"]],
    ),
    (
        "through a third",
        {"a.py": "from . import b", "b.py": "from .c import x", "c.py": "from .a import y", "d.py": "from . import a"},
        [["cors_addon.a", "cors_addon.b", "cors_addon.c"]],
    ),
    (
        "through a package",
        {"p/__init__.py": "from .a import x", "p/a.py": "from ..p import x"},
        [["cors_addon.p", "cors_addon.p.a"]],
    ),
    ("none", {"a.py": "from . import b, c", "b.py": "from . import c", "c.py": "import re"}, []),
]


@pytest.mark.parametrize(("files", "expected"), [row[1:] for row in CIRCLES], ids=[row[0] for row in CIRCLES])
def test_a_planted_circle_is_found(files: dict[str, str], expected: list[list[str]]) -> None:
    assert circles(files) == expected


MOST_LINES = 350
LONGER = {
    "rules/document.py": "two YAML libraries' events, and the one reader of both",
    "traffic/credentials.py": "one rule for each kind of evidence, and nothing else",
    "traffic/host_policies.py": "one observer, and what it asks of each answer",
    "traffic/classify.py": "one decision, and the tables of headers that it rests on",
    "verdict/model.py": "the frozen records of a verdict, and nothing else",
}
"""Files of more lines, each with its reason."""


def test_no_file_is_long_without_a_reason() -> None:
    scripts = {f"scripts/{path.name}": path.read_text("utf-8") for path in (PACKAGE.parent / "scripts").rglob("*.py")}
    files = {**sources(), **scripts}
    longer = {path: text.count("\n") for path, text in files.items() if text.count("\n") > MOST_LINES}
    assert sorted(longer.keys() - LONGER.keys()) == [], longer


def test_imports_point_one_way() -> None:
    assert [wrong for path, text in sources().items() for wrong in violations(path, text)] == []


def test_every_part_has_its_rule() -> None:
    parts = {entry.name for entry in PACKAGE.iterdir() if list(entry.rglob("*.py")) or entry.suffix == ".py"}
    assert parts <= MAY_IMPORT.keys()


PLANTED = [
    ("fetch/checks.py", "from cors_addon.traffic import exchange", "fetch must not import cors_addon.traffic.exchange"),
    ("fetch/checks.py", "from ..catalogue import violation", "fetch must not import cors_addon.catalogue.violation"),
    ("fetch/checks.py", "from .. import catalogue", "fetch must not import cors_addon.catalogue"),
    ("fetch/checks.py", "import logging", "fetch is pure and must not import logging"),
    ("catalogue/advice.py", "from time import time", "catalogue is pure and must not import time.time"),
    ("catalogue/advice.py", "import os.path", "catalogue is pure and must not import os.path"),
    ("traffic/classify.py", "import cors_addon.verdict.judge", "traffic must not import cors_addon.verdict.judge"),
    (
        "verdict/judge.py",
        "def f():\n    from mitmproxy import http",
        "mitmproxy.http is for mitm/ and addon.py and capture/mitmproxy_flows.py",
    ),
    (
        "rules/inject.py",
        "from cors_addon.verdict.judge import judge",
        "rules must not import cors_addon.verdict.judge.judge",
    ),
    ("rules/inject.py", "import yaml", "yaml is for rules/document.py"),
    ("rules/model.py", "from ruamel.yaml import YAML", "ruamel.yaml.YAML is for rules/document.py"),
    ("report/html.py", "if x:\n    from cors_addon.mitm import page", "report must not import cors_addon.mitm.page"),
    ("mitm/page.py", "import flask", "flask is for nobody"),
    ("mitm/page.py", "from cors_addon import addon", "mitm must not import cors_addon.addon"),
]


@pytest.mark.parametrize(("path", "source", "expected"), PLANTED)
def test_a_planted_violation_is_found(path: str, source: str, expected: str) -> None:
    assert violations(path, source) == [f"{path}: {expected}"]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("mitm/addon.py", "from mitmproxy import http\nfrom ..verdict.judge import judge\nimport logging, time"),
        ("addon.py", "from cors_addon.mitm.addon import CorsAddon"),
        ("rules/document.py", "import yaml\nfrom ruamel.yaml import YAML\nfrom . import errors"),
        ("report/json_.py", "from cors_addon import __version__\nimport json"),
        ("fetch/checks.py", "from . import headers\nfrom dataclasses import dataclass\nimport re"),
    ],
)
def test_what_is_allowed_is_not_reported(path: str, source: str) -> None:
    assert violations(path, source) == []
