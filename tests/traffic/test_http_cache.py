"""What HTTP caches keep, and what a 304 makes of it."""

from cors_addon.traffic.http_cache import refreshed
from tests.fetch.table import table
from tests.traffic.exchanges import lines_of


@table(
    "lines, stored, by",
    ("nothing new", ["A: 1", "B: 2"], ["A: 1", "B: 2"], []),
    ("one replaced", ["B: 2", "a: 3"], ["A: 1", "B: 2"], ["a: 3"]),
    ("all lines of a name replaced", ["A: 3"], ["A: 1", "A: 2"], ["A: 3"]),
    ("one more", ["A: 1", "B: 2"], ["A: 1"], ["B: 2"]),
    ("nothing known", ["A: 1"], None, ["A: 1"]),
)
def test_refreshed(lines: list[str], stored: list[str] | None, by: list[str]) -> None:
    assert refreshed(None if stored is None else lines_of(stored), lines_of(by)) == lines_of(lines)
