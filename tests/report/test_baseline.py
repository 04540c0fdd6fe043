import json
from pathlib import Path
from typing import Any

import pytest

from cors_addon.report import baseline, json_
from cors_addon.report.baseline import Baseline, BaselineError
from cors_addon.report.model import build
from tests.report.samples import get, mixed, report_of, verdicts


def test_a_report_knows_all_its_groups_the_next_time(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_text(json_.render(mixed()), encoding="utf-8")
    known = baseline.read(file)
    assert all(group["known"] for group in mixed(baseline=known).groups)
    other = build(verdicts(get("https://new.test/")), baseline=known)
    assert not any(group["known"] for group in other.groups)


def test_secrets_and_ids_do_not_make_a_known_group_new(tmp_path: Path) -> None:
    first = build(verdicts(get("https://u:p@api.test/items/1?token=abc")))
    known = baseline.parse(json.loads(json_.render(first)))
    second = build(verdicts(get("https://api.test/items/2?token=xyz")), baseline=known)
    assert [group["known"] for group in second.groups] == [True]


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "known.json"
    file.write_bytes(b"\xef\xbb\xbf" + json_.render(mixed()).encode())
    assert len(baseline.read(file).keys) == 3


def test_a_report_of_nothing_is_a_baseline() -> None:
    assert baseline.parse(json.loads(json_.render(report_of()))).keys == frozenset()


GROUP = {"id": "a", "origin": "b", "host": "c", "method": "d", "path": "e"}


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "it is no JSON (Expecting value, line 1, column 1)"),
        (b'{\n "schema": }', "it is no JSON (Expecting value, line 2, column 12)"),
        (b"\xff\xfe{}", "it is not UTF-8"),
        (b"[]", 'it lacks "schema": "cors-addon/report/1"'),
        (b"{}", 'it lacks "schema": "cors-addon/report/1"'),
        (b'{"schema": 1}', 'it lacks "schema": "cors-addon/report/1"'),
        (b'{"schema": "cors-addon/report/2"}', "its schema is version 2, and this addon reads 1"),
        (b'{"schema": "cors-addon/report/1"}', "it has no list of groups"),
        (b'{"schema": "cors-addon/report/1", "groups": {}}', "it has no list of groups"),
        (b'{"schema": "cors-addon/report/1", "groups": [1]}', "groups[0] lacks one of id, origin, host"),
        (
            json.dumps({"schema": "cors-addon/report/1", "groups": [GROUP, {**GROUP, "path": None}]}).encode(),
            "groups[1] lacks one of id, origin, host",
        ),
        (b"[" * 100_000, "it is no "),
    ],
)
def test_what_is_no_baseline_says_so(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "bad.json"
    file.write_bytes(content)
    with pytest.raises(BaselineError) as error:
        baseline.read(file)
    message = str(error.value)
    assert str(file) in message
    assert says in message or b"[[" in content
    assert "check CAPTURE --format json" in message, "how to write one"


def test_a_file_that_does_not_exist_knows_nothing(tmp_path: Path) -> None:
    assert baseline.read(tmp_path / "none.json") == Baseline(is_missing=True, is_given=True)


def test_a_folder_says_so(tmp_path: Path) -> None:
    with pytest.raises(BaselineError, match="cannot be read: it is a folder, a pipe or a device, and no file"):
        baseline.read(tmp_path)


@pytest.mark.parametrize("data", [None, 1, "x", [], {"groups": []}], ids=repr)
def test_data_of_another_shape_is_refused(data: Any) -> None:
    with pytest.raises(ValueError, match="schema"):
        baseline.parse(data)
