from __future__ import annotations

import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.capture import json_stream
from cors_addon.capture.error import CaptureError
from cors_addon.capture.json_stream import JsonWalker

plain_json: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=4)),
    max_leaves=12,
)


class Dribble(io.RawIOBase):
    """A stream that gives few bytes at a time, whatever is asked for."""

    def __init__(self, data: bytes, most: int) -> None:
        self._inner = io.BytesIO(data)
        self._most = most

    def read(self, size: int = -1) -> bytes:
        return self._inner.read(self._most)


def walker(data: bytes | str, most: int = 1 << 20) -> JsonWalker:
    return JsonWalker(Dribble(data.encode() if isinstance(data, str) else data, most))  # type: ignore[arg-type]


@given(plain_json, st.sampled_from([1, 2, 3, 7, 64, 1 << 20]), st.sampled_from([None, 1]), st.booleans())
def test_a_value_is_what_json_says_however_it_comes(value: Any, most: int, indent: int | None, escaped: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    assert walker(text.encode("utf-8", "replace"), most).value() == json.loads(text.encode("utf-8", "replace"))


@given(st.lists(st.tuples(st.text(max_size=5), plain_json), max_size=5), st.sampled_from([1, 5, 1 << 20]))
def test_members_and_elements_come_in_order(members: list[tuple[str, Any]], most: int) -> None:
    body = ", ".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in members)
    walk = walker(f" {{ {body} }} ", most)
    assert [(key, walk.value()) for key in walk.members()] == members
    assert walk.peek() == ""
    values = [value for _, value in members]
    walk = walker(f"[{', '.join(map(json.dumps, values))}] x", most)
    assert list(walk.elements()) == values
    assert walk.peek() == "x"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "the file ends too early at line 1, column 1"),
        ('{"a": 1', "the file ends too early at line 1, column 8"),
        ('{"a": [1, 2', "line 1, column 12"),
        ('{"a": "bc', "the file ends too early at line 1, column 7"),
        ('{\n  "a" 1}', "':' was expected at line 2, column 7"),
        ('{\n\n  "a": tru}', "expecting value at line 3, column 8"),
        ('{"a": 1]', "',' was expected at line 1, column 8"),
        ("{'a': 1}", "expecting value at line 1, column 2"),
        ("x", "'{' was expected at line 1, column 1"),
        ('{"a": ' + "1" * 5_000 + "}", "a number too long or values too deep in each other"),
    ],
)
@pytest.mark.parametrize("most", [1, 1 << 20])
def test_what_is_broken_says_where(text: str, says: str, most: int) -> None:
    walk = walker(text, most)
    with pytest.raises(CaptureError) as error:
        assert [walk.value() for _ in walk.members()]
    assert str(error.value).startswith("no whole JSON: ")
    assert says in str(error.value)


def test_values_too_deep_in_each_other_are_an_error_and_no_crash() -> None:
    with pytest.raises(CaptureError, match=r"^no whole JSON: "):
        walker("[" * 1_000_000).value()


def test_lines_and_columns_are_right_in_the_middle_of_a_long_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 16)
    text = "[" + ",\n ".join(f'"value {n}"' for n in range(100)) + ",\n oops]"
    walk = walker(text, 16)
    seen = []
    with pytest.raises(CaptureError, match="expecting value at line 101, column 2"):
        seen.extend(walk.elements())
    assert len(seen) == 100


def test_no_more_is_kept_than_the_value_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 1024)
    walk = walker("[" + ",".join(['"' + "a" * 500 + '"'] * 2_000) + "]", 1024)
    longest = 0
    for _ in walk.elements():
        longest = max(longest, len(walk._text))
    assert longest < 5_000


def test_a_broken_value_does_not_read_the_rest_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_CHUNK", 1024)
    stream = io.BytesIO(b"[1, nope, " + b" " * 1_000_000)
    with pytest.raises(CaptureError, match="expecting value at line 1, column 5"):
        list(JsonWalker(stream).elements())
    assert stream.tell() < 10_000


def test_bodies_may_hold_anything() -> None:
    assert walker(b'"a\xff\x00\nb"').value() == "a\ufffd\0\nb"


def test_other_encodings() -> None:
    assert JsonWalker(io.BytesIO('{"ä": 1}'.encode("utf-16-le")), "utf-16-le").value() == {"ä": 1}
