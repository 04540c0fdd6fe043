"""A pytest plugin (`-p tests.hard.without_pyyaml`): the addon finds no PyYAML, as in mitmproxy's own binaries.

The tests themselves may have it, to write rule files with.
"""

import sys

import pytest

before = sys.modules.get("yaml")
sys.modules["yaml"] = None  # type: ignore[assignment]
from cors_addon.rules.document import LIBRARIES  # noqa: E402

if before is None:
    del sys.modules["yaml"]
else:
    sys.modules["yaml"] = before


def pytest_report_header() -> str:
    return f"YAML is read with {', '.join(LIBRARIES)}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out what is about PyYAML itself."""
    items[:] = [item for item in items if "PyYAML" not in item.name and "both_libraries" not in item.name]
