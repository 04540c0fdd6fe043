"""The threat model names its tests, and they are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODEL = (ROOT / "tests" / "hard" / "threats.md").read_text(encoding="utf-8")
ROWS = [line for line in MODEL.splitlines() if line.startswith("| ") and not line.rstrip().endswith("Held by |")]
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", MODEL)))


@pytest.mark.parametrize(("file", "name"), NAMED, ids=[f"{file}::{name}" for file, name in NAMED])
def test_every_test_that_holds_a_line_is_there(file: str, name: str) -> None:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert name in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_every_line_has_a_test(row: str) -> None:
    _, might, keeps, held, _ = row.split("|")
    assert might.strip()
    assert keeps.strip()
    assert re.fullmatch(r"(?:`tests/[\w/]+\.py::\w+` ?)+", held.strip())


def test_the_model_is_one_page() -> None:
    assert len(ROWS) >= 20
    assert len(re.sub(r"`tests/[^`]+`", "", MODEL)) < 15_000
