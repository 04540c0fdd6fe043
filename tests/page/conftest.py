"""What holds for all tests of the live page."""

import pytest

from cors_addon.mitm import page_flows


@pytest.fixture(autouse=True)
def no_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the page wait for the changes of the rules: how long they take is up to the machine."""
    monkeypatch.setattr(page_flows, "_PATIENCE", float("inf"))
