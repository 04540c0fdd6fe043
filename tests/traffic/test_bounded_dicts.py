"""Dictionaries that forget."""

from hypothesis import given
from hypothesis import strategies as st

from cors_addon.traffic.bounded_dicts import Recent, Remembered


def test_a_remembered_drops_what_was_written_first() -> None:
    kept: Remembered[str, int] = Remembered(2)
    for number, key in enumerate("abac"):
        kept[key] = number
    assert dict(kept) == {"b": 1, "c": 3}


def test_a_recent_makes_a_value_once_and_keeps_what_is_used() -> None:
    kept: Recent[str, list[int]] = Recent(list, capacity=2, age=100)
    kept.use("a", 0).append(1)
    kept.use("b", 1)
    kept.use("a", 2).append(2)
    kept.use("c", 3)
    assert (kept.get("a"), kept.get("b"), kept.get("c")) == ([1, 2], None, [])
    assert ("a" in kept, "b" in kept, [*kept], len(kept)) == (True, False, ["a", "c"], 2)
    kept.discard("a")
    kept.discard("never")
    assert [*kept] == ["c"]


def test_a_recent_forgets_by_age_and_time_does_not_go_back() -> None:
    kept: Recent[str, list[int]] = Recent(list, capacity=10, age=100)
    kept.use("a", 0)
    kept.use("b", 90)
    kept.use("late", 10)
    kept.use("c", 101)
    assert [*kept] == ["b", "late", "c"]
    kept.use("d", 1000)
    assert [*kept] == ["d"]


@given(st.lists(st.tuples(st.integers(0, 9), st.floats(0, 1000))), st.integers(1, 5))
def test_a_recent_never_holds_more_than_it_may(uses: list[tuple[int, float]], capacity: int) -> None:
    kept: Recent[int, list[int]] = Recent(list, capacity, age=50)
    for key, now in uses:
        kept.use(key, now)
        assert key in kept
        assert len(kept) <= capacity
