"""The examples of the page on Python run as they stand there."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from cors_addon.docs import page
from tests.capture.recorded import API, made, text_of

REFUSED = made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED")


def example(number: int) -> dict[str, Any]:
    """Run an example's definitions; return its names."""
    blocks = re.findall(r"```python\n(.*?)```", page("python") or "", re.DOTALL)
    names: dict[str, Any] = {}
    exec(compile(blocks[number], f"python.md, example {number}", "exec"), names)
    return names


def test_the_example_of_a_test_suite_fails_for_a_blocked_request(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    test = example(0)["test_the_recording_holds_no_blocked_request"]
    Path("run.har").write_text(text_of(made(f"GET {API}", "Access-Control-Allow-Origin: *", size=2)), encoding="utf-8")
    test()
    Path("run.har").write_text(text_of(REFUSED), encoding="utf-8")
    with pytest.raises(AssertionError, match="Access-Control-Allow-Origin"):
        test()


def test_the_example_of_a_cluster_maps_over_files(tmp_path: Path) -> None:
    pytest.importorskip("dask.bag", reason="Dask is not installed: pip install 'dask[bag]'")
    paths = [str(tmp_path / f"{number}.har") for number in range(3)]
    for path in paths:
        Path(path).write_text(text_of(REFUSED), encoding="utf-8")
    found = example(2)["table"](paths)
    assert [(path, url) for path, url, _ in found] == [(path, API) for path in paths]
