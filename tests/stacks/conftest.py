"""Where the stacks are among the tests to run, their servers are installed while other tests run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.stacks.installed import begun

HERE = Path(__file__).resolve().parent


def pytest_collection_finish(session: pytest.Session) -> None:
    if not session.config.option.collectonly and any(HERE in item.path.parents for item in session.items):
        begun()
