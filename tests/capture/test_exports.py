"""What DevTools itself exports, Chrome's NetLog and mitmproxy's flows of the same page lead to the same diagnoses.

A part of the browser table, so that it takes seconds; ``python -m tests.capture.exports`` records all of it.
"""

from __future__ import annotations

import os
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

from tests.browser.cases import CASES
from tests.browser.run import missing
from tests.capture.exports import compare, record, score

pytestmark = [pytest.mark.browser, pytest.mark.proxy, pytest.mark.once, pytest.mark.timeout(300)]

GLOBS = ("acao-https-*", "acac-https-*", "from-https-own-frame-*", "jar-cross-*", "pair-site-https-*")


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if why := missing("chromium"):
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("exports")
    cases = [case for case in CASES if any(fnmatchcase(case.name, glob) for glob in GLOBS)]
    record([case for case in cases if not case.page.private and not case.page.headers], folder, 0)
    return folder


@pytest.mark.parametrize("kind", ["devtools", "sanitized", "netlog"])
def test_every_outcome_is_the_browsers(recorded: Path, kind: str) -> None:
    assert score(recorded, kind) == 0


@pytest.mark.parametrize("kind", ["devtools", "netlog"])
def test_the_same_page_through_mitmproxy_has_the_same_diagnoses(recorded: Path, kind: str) -> None:
    assert compare(recorded, kind) == 0
