"""A source URL is mapped to a file of the project, and to nothing outside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from cors_addon.report.source_files import source_file, source_location


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "secret.ts").write_text("")
    root = tmp_path / "project"
    for name in ("src/api.ts", "public/app.js", "with space.js", "index.html"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("")
    return root


FOUND = [
    ("http://localhost:5173/src/api.ts?t=17", "src/api.ts"),
    ("http://localhost:3000/app.js", "public/app.js"),
    ("http://localhost:3000/api.ts", "src/api.ts"),
    ("http://localhost:3000/static/src/api.ts", "src/api.ts"),
    ("http://localhost:3000/with%20space.js", "with space.js"),
    ("webpack:///./src/api.ts", "src/api.ts"),
    ("webpack://shop/./src/api.ts", "src/api.ts"),
    ("webpack-internal:///./src/api.ts", "src/api.ts"),
    ("webpack-internal:///(app-pages-browser)/./src/api.ts", "src/api.ts"),
    ("http://localhost/", ""),
    ("http://localhost/none.js", ""),
    ("http://localhost/../secret.ts", ""),
    ("http://localhost/%2e%2e/secret.ts", ""),
    ("http://localhost/..%2f..%2fsecret.ts", ""),
    ("data:text/javascript,x", ""),
    ("http://localhost/a%00b", ""),
]


@pytest.mark.parametrize(("url", "path"), FOUND)
def test_source_file(project: Path, url: str, path: str) -> None:
    assert source_file(url, project) == path


def test_vites_absolute_paths(project: Path) -> None:
    assert source_file(f"http://localhost:5173/@fs{project}/src/api.ts", project) == "src/api.ts"
    assert source_file(f"http://localhost:5173/@fs{project.parent}/secret.ts", project) == ""


def test_a_location(project: Path) -> None:
    site = {"url": "http://localhost/with%20space.js", "line": 12, "column": 3, "function": "f"}
    assert source_location(site, project) == {
        "physicalLocation": {
            "artifactLocation": {"uri": "with%20space.js", "uriBaseId": "%SRCROOT%"},
            "region": {"startLine": 12, "startColumn": 3},
        }
    }
    assert source_location({**site, "line": None}, project) == {
        "physicalLocation": {"artifactLocation": {"uri": "with%20space.js", "uriBaseId": "%SRCROOT%"}}
    }
    assert source_location({**site, "url": "http://localhost/none.js"}, project) is None
    assert source_location(None, project) is None
