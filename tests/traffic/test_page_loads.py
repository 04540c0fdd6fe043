"""Page loads, and what pages were seen to do."""

from hypothesis import given
from hypothesis import strategies as st

from cors_addon.traffic.page_loads import PageLoads, PageMarks
from tests.fetch.table import table
from tests.traffic.exchanges import APP

ELSE = "https://else.test"


@table(
    "span, when",
    ("before the first", (float("-inf"), 10.0), 9.0),
    ("at the first", (10.0, 20.0), 10.0),
    ("between", (10.0, 20.0), 19.9),
    ("after the last", (20.0, float("inf")), 25.0),
)
def test_the_span_of_a_page(span: tuple[float, float], when: float) -> None:
    loads = PageLoads()
    for at in (20.0, 10.0):
        loads.note("c", APP, at, f"page{at}")
    assert loads.span("c", APP, when) == span
    assert loads.span("other", APP, when) == (float("-inf"), float("inf"))
    assert loads.span("c", ELSE, when) == (float("-inf"), float("inf"))


def test_whether_any_page_was_loaded() -> None:
    loads = PageLoads()
    loads.note("c", APP, 10, "page")
    assert loads.loaded_since("c", 5, 15)
    assert loads.loaded_since("c", 5, 10)
    assert not loads.loaded_since("c", 10, 15)
    assert not loads.loaded_since("other", 5, 15)
    loads.forget("c", APP, 10, "another")
    assert loads.loaded_since("c", 5, 15)
    loads.forget("c", APP, 10, "page")
    loads.forget("c", APP, 10, "page")
    assert not loads.loaded_since("c", 5, 15)


MOMENTS = st.lists(
    st.tuples(st.integers(0, 20).map(float), st.sampled_from("abcdef")), max_size=6, unique_by=lambda mark: mark[1]
)


@given(MOMENTS, st.integers(0, 20), st.integers(0, 20), st.sampled_from(["", *"abcdef"]))
def test_marks_answer_alike_in_any_order(moments: list[tuple[float, str]], start: int, end: int, besides: str) -> None:
    key, span = ("client", APP, "api.test"), (float(min(start, end)), float(max(start, end)))
    inside = [mark for mark in sorted(moments) if span[0] <= mark[0] < span[1] and mark[1] != besides]
    for order in (moments, [*reversed(moments)]):
        marks = PageMarks()
        for when, id in order:
            before = marks.within(key, span), marks.within(key, span, marks.within(key, span) or "")
            news = marks.note(key, when, id, span)
            after = marks.within(key, span), marks.within(key, span, marks.within(key, span) or "")
            if span[0] <= when < span[1]:
                assert news or before == after
            assert not marks.note(key, when, id, span)
        assert marks.within(key, span, besides) == (inside[0][1] if inside else None)
        for when, id in moments:
            marks.forget(key, when, id)
            marks.forget(key, when, id)
        assert marks.within(key, span) is None
