from pathlib import Path

import pytest

from cors_addon.rules.cli import check_rule_file, read_rule_file, schema_text
from cors_addon.rules.text import EXAMPLE, LARGEST_FILE

from .generated import EXAMPLE as LONGER


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "rules.yaml"
    path.write_text(EXAMPLE)
    return path


def test_a_valid_file(file: Path) -> None:
    file.write_text(LONGER)
    status, text = check_rule_file(str(file))
    assert status == 0
    assert text == (
        f"{file}: valid, 2 rules (2 enabled); expires after 2h\n"
        "  on  local SPA calls the staging API\n"
        "  on  prove that: the UI copes"
    )


def test_a_valid_file_with_a_warning(file: Path) -> None:
    file.write_text(EXAMPLE.replace("rules:", "expires: never\nrules:"))
    status, text = check_rule_file(str(file))
    assert status == 0
    assert "warning[expires-never]" in text
    assert text.endswith("1 rule (1 enabled), 1 warning; expires never\n  on  local page calls the staging API")


def test_a_broken_file(file: Path) -> None:
    file.write_text(EXAMPLE.replace("5173", "5173/").replace("version: 1", "version: 1\nexpires: never"))
    status, text = check_rule_file(str(file))
    assert status == 1
    assert f"{file}:6:43: error[origin-with-path]" in text
    assert text.endswith(f"{file}: 1 error and 1 warning; the file cannot be used")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    status, text = check_rule_file(str(tmp_path / "none\x1b.yaml"))
    assert status == 1
    assert text.endswith("none\\x1b.yaml: cannot be read: No such file or directory")
    status, text = check_rule_file(str(tmp_path))
    assert status == 1
    assert "cannot be read" in text


def test_no_more_is_read_than_a_rule_file_has(tmp_path: Path) -> None:
    path = tmp_path / "huge.yaml"
    with open(path, "wb") as huge:
        huge.truncate(50 * 1024 * LARGEST_FILE // 1024)
    assert [problem.code for problem in read_rule_file(path).problems] == ["too-large"]


def test_explain(file: Path) -> None:
    call = ("GET", "https://api.staging.example.com/v1")
    status, text = check_rule_file(str(file), call, "http://localhost:5173")
    assert status == 0
    assert "  yes  local page calls the staging API" in text
    status, text = check_rule_file(str(file), call, "http://localhost:3000")
    assert status == 0
    assert "its allow_origins do not include http://localhost:3000 (the port differs: http://localhost:5173)" in text
    assert "No rule matches" in text


def test_the_schema_is_printed() -> None:
    assert schema_text().startswith("{\n")
