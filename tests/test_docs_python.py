"""The examples of the page on Python run as they stand there."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from cors_addon.docs import page
from tests.browser.oracle import program
from tests.browser.run import missing
from tests.capture.recorded import API, made, text_of
from tests.mitm.origin import Origin, http_answer

REFUSED = made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED")


PAGE = b"""<!doctype html><link rel="icon" href="data:,"><script>
fetch(location.origin.replace("localhost", "127.0.0.1") + "/items").catch(() => {});
</script>"""


def example(number: int, **changes: str) -> dict[str, Any]:
    """Run an example's definitions, with ``changes`` of its text; return its names."""
    text = re.findall(r"```python\n(.*?)```", page("python") or "", re.DOTALL)[number]
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    names: dict[str, Any] = {}
    exec(compile(text, f"python.md, example {number}", "exec"), names)
    return names


def test_the_example_of_a_test_suite_fails_for_a_blocked_request(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    test = example(0)["test_the_recording_holds_no_blocked_request"]
    Path("run.har").write_text(text_of(made(f"GET {API}", "Access-Control-Allow-Origin: *", size=2)), encoding="utf-8")
    test()
    Path("run.har").write_text(text_of(REFUSED), encoding="utf-8")
    with pytest.raises(AssertionError, match="Access-Control-Allow-Origin"):
        test()


@pytest.mark.browser
@pytest.mark.once
@pytest.mark.parametrize("shared", [True, False])
def test_the_example_with_playwright_fails_for_a_blocked_request(tmp_path: Path, shared: bool) -> None:
    pytest.importorskip("playwright.sync_api")
    if why := missing("chromium"):
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    items = http_answer(*["Access-Control-Allow-Origin: *"] * shared, body=b"[]")
    with Origin({"/": http_answer("Content-Type: text/html", body=PAGE), "/items": items}) as origin:
        launch = f"launch(executable_path={program('chromium')!r}, args=['--no-sandbox'])"
        changes = {"launch()": launch, "localhost:5173": f"localhost:{origin.port}"}
        test = example(1, **changes)["test_the_page_gets_every_response"]
        if shared:
            test(tmp_path)
        else:
            with pytest.raises(AssertionError, match=r"GET http://127\.0\.0\.1:\d+/items"):
                test(tmp_path)


def test_the_example_of_a_cluster_maps_over_files(tmp_path: Path) -> None:
    pytest.importorskip("dask.bag", reason="Dask is not installed: pip install 'dask[bag]'")
    paths = [str(tmp_path / f"{number}.har") for number in range(3)]
    for path in paths:
        Path(path).write_text(text_of(REFUSED), encoding="utf-8")
    found = example(2)["table"](paths)
    assert [(path, url) for path, url, _ in found] == [(path, API) for path in paths]
