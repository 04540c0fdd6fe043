from __future__ import annotations

import gzip
import io
import lzma
import random
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.capture.compression import Opened, Part, opened
from cors_addon.capture.error import CaptureError

PACKED: dict[str, Callable[[bytes], bytes]] = {"gzip": gzip.compress, "xz": lzma.compress}
packed = pytest.mark.parametrize("how", PACKED)


def unpack(data: bytes) -> tuple[bytes, str]:
    """Return what comes out of a capture, and what is wrong with its packing."""
    capture = Opened(io.BufferedReader(io.BytesIO(data)))  # type: ignore[arg-type]
    out = only(capture).stream.read()
    return out, capture.fault


def only(capture: Opened) -> Part:
    """Return the first part of a capture, for reading."""
    return next(capture.parts())


@packed
@given(body=st.binary(max_size=300), times=st.integers(1, 3))
def test_what_is_packed_comes_out_whole(how: str, body: bytes, times: int) -> None:
    data = b"7:" + body
    assert unpack(PACKED[how](data) * times) == (data * times, "")


@packed
def test_much_comes_out_whole(how: str) -> None:
    data = b"1" + bytes(range(256)) * 8_000
    assert unpack(PACKED[how](data)) == (data, "")


@packed
def test_padding_between_and_behind_is_passed_over(how: str) -> None:
    one = PACKED[how](b"12")
    assert unpack(one + b"\0" * 8 + one + b"\0" * 4) == (b"1212", "")


@packed
@pytest.mark.parametrize("cut", [1, 7, 40])
def test_what_breaks_off_gives_what_came_and_says_so(how: str, cut: int) -> None:
    data = b"1" + bytes(range(256)) * 2_000
    out, fault = unpack(PACKED[how](data)[:-cut])
    assert data.startswith(out)
    assert len(out) > 1_000 or how == "xz"
    assert fault == f"its {how} data end too early, as those of a file that was not closed do"


@packed
def test_what_is_damaged_gives_what_came_and_says_so(how: str) -> None:
    data = b"1" + random.Random(7).randbytes(1_000_000)
    spoilt = bytearray(PACKED[how](data))
    spoilt[len(spoilt) // 2] ^= 0xFF
    out, fault = unpack(bytes(spoilt))
    assert fault.startswith(f"its {how} data ")
    assert data.startswith(out[:100_000])
    assert len(out) > 100_000


@packed
@given(rubbish=st.binary(max_size=40), at=st.integers(0, 60))
def test_rubbish_never_raises_anything_else(how: str, rubbish: bytes, at: int) -> None:
    good = PACKED[how](b"1234567890" * 20)
    with suppress(CaptureError):
        unpack(good[:at] + rubbish + good[at + 3 :])


def test_a_bomb_is_unpacked_piece_by_piece() -> None:
    capture = Opened(io.BufferedReader(io.BytesIO(gzip.compress(b"1" + b"\0" * 50_000_000))))  # type: ignore[arg-type]
    assert only(capture).stream.read(10) == b"1" + b"\0" * 9
    assert capture.position < 1_000_000


@pytest.mark.parametrize(
    ("data", "encoding", "rest", "reason"),
    [
        (b'{"log": 1}', "utf-8", b'{"log": 1}', "an object"),
        (b' \r\n\t{"log": 1}', "utf-8", b' \r\n\t{"log": 1}', "white space before it"),
        (b'\xef\xbb\xbf{"log": 1}', "utf-8", b'{"log": 1}', "a byte order mark"),
        ("\ufeff{}".encode("utf-16-le"), "utf-16-le", "{}".encode("utf-16-le"), "UTF-16, as some shells redirect"),
        ("\ufeff{}".encode("utf-16-be"), "utf-16-be", "{}".encode("utf-16-be"), "UTF-16 the other way round"),
        (b"12:abc", "", b"12:abc", "a flow file"),
    ],
)
def test_what_a_capture_is_shows_in_its_first_bytes(data: bytes, encoding: str, rest: bytes, reason: str) -> None:
    part = only(Opened(io.BufferedReader(io.BytesIO(data))))  # type: ignore[arg-type]
    assert part.encoding == encoding, reason
    assert part.stream.read() == rest, reason


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "it is empty: nothing was recorded"),
        (gzip.compress(b""), "it is empty: nothing was recorded"),
        (gzip.compress(b"12:abc")[:9], "its gzip data end too early"),
        (b"<!DOCTYPE html><html>", "it is a page or XML, and neither a HAR"),
        (b"PK\x03\x04rest", "it begins as a zip file and is damaged"),
        (b"BZh91AY", "it is a bzip2 file; unpack it first"),
        (b"\x28\xb5\x2f\xfdrest", "it is a zstd file; unpack it first"),
        (
            b"GET / HTTP/1.1\r\n",
            "it is something else, and neither a HAR (a JSON object) nor a file of mitmproxy's flows",
        ),
        (b"   ", "it is something else, and neither a HAR"),
    ],
)
def test_what_is_no_capture_says_what_it_is(data: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "capture"
    path.write_bytes(data)
    with pytest.raises(CaptureError) as error, opened(str(path)) as capture:
        only(capture)
    assert str(error.value).startswith(says)


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="it cannot be read: No such file"), opened(str(tmp_path / "none")):
        pass
    with pytest.raises(CaptureError, match="it cannot be read: Is a directory"), opened(str(tmp_path)):
        pass


def test_standard_input_is_a_capture_too_and_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.BufferedReader(io.BytesIO(gzip.compress(b"12:abc")))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=stdin))
    with opened("-") as capture:
        assert only(capture).stream.read() == b"12:abc"
    assert not stdin.closed


def test_a_dictionary_that_would_fill_the_memory_is_an_error_with_what_to_do() -> None:
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 512 << 20}]
    packed_so = lzma.compress(b'{"log": {"entries": []}}', lzma.FORMAT_XZ, filters=filters)
    with pytest.raises(CaptureError, match="needs more than 128 MB of memory: pack it with xz -9 or less"):
        unpack(packed_so)
