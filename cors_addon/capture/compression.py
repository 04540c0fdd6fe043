"""Opening captures: standard input, unpacking, and finding out by its first bytes what a file is."""

import io
import lzma
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

from .error import CaptureError

STDIN: Final = "-"
_CHUNK: Final = 1 << 17
_GZIP: Final = b"\x1f\x8b"
_XZ: Final = b"\xfd7zXZ\x00"
_UTF_8_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_PACKED_OTHERWISE: Final = {b"PK\x03\x04": "a zip file", b"BZh": "a bzip2 file", b"\x28\xb5\x2f\xfd": "a zstd file"}


class Opened:
    """An open capture: ``stream`` gives it unpacked, ``encoding`` is its text's and empty for mitmproxy's flows."""

    def __init__(self, raw: BinaryIO) -> None:
        self._counted = _Counted(raw)
        self._unpacked: _Unpacked | None = None
        self.stream: io.BufferedReader[io.RawIOBase] = io.BufferedReader(self._counted, _CHUNK)
        begin = self.stream.peek(8)
        if begin.startswith(_GZIP):
            self._unpacked = _Unpacked(_gunzip(self.stream), "gzip")
        elif begin.startswith(_XZ):
            self._unpacked = _Unpacked(_unxz(self.stream), "xz")
        if self._unpacked is not None:
            self.stream = io.BufferedReader(self._unpacked, _CHUNK)
        self.encoding = self._detect()

    @property
    def position(self) -> int:
        """How many bytes of the file were read, packed as they are."""
        return self._counted.position

    @property
    def fault(self) -> str:
        """What is wrong with the packing as far as it was read, empty where nothing is."""
        return self._unpacked.fault if self._unpacked is not None else ""

    def _detect(self) -> str:
        """Tell a HAR's encoding, empty for a flow file; leaves the stream behind a byte order mark."""
        begin = self.stream.peek(_CHUNK)
        if not begin:
            raise CaptureError(self.fault or "it is empty: nothing was recorded, or the recording was not saved")
        for mark, encoding in _UTF_16_MARKS.items():
            if begin.startswith(mark):
                self.stream.read(len(mark))
                return encoding
        if begin.startswith(_UTF_8_MARK):
            self.stream.read(len(_UTF_8_MARK))
            begin = begin.removeprefix(_UTF_8_MARK)
        if begin.lstrip().startswith(b"{"):
            return "utf-8"
        if begin[:1].isdigit():
            return ""
        for magic, what in _PACKED_OTHERWISE.items():
            if begin.startswith(magic):
                raise CaptureError(f"it is {what}; unpack it first: captures are read as they are, .gz and .xz")
        what = "a page or XML" if begin.lstrip().startswith(b"<") else "something else"
        raise CaptureError(f"it is {what}, and neither a HAR (a JSON object) nor a file of mitmproxy's flows")


@contextmanager
def opened(path: str) -> Iterator[Opened]:
    """Open a capture, ``-`` for standard input. Raises ``CaptureError`` where it cannot be read, or is none."""
    try:
        if path == STDIN:
            yield Opened(sys.stdin.buffer)
        else:
            with open(path, "rb") as raw:
                yield Opened(raw)
    except OSError as exc:
        raise CaptureError(f"it cannot be read: {exc.strerror or exc}") from exc


class _Counted(io.RawIOBase):
    """A file that counts what was read of it."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self.position = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        assert isinstance(self._raw, io.BufferedIOBase)
        count = self._raw.readinto1(buffer)
        self.position += count
        return count


class _Unpacked(io.RawIOBase):
    """What a packed file holds, up to where it breaks off; ``fault`` then says so.

    The standard library's readers raise instead, and keep to themselves what they had unpacked by then.
    """

    def __init__(self, pieces: Iterator[bytes], what: str) -> None:
        self._pieces = pieces
        self._what = what
        self._piece = b""
        self.fault = ""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        if not self._piece:
            try:
                self._piece = next(self._pieces, b"")
            except EOFError:
                self.fault = f"its {self._what} data end too early, as those of a file that was not closed do"
            except (zlib.error, lzma.LZMAError) as exc:
                self.fault = f"its {self._what} data are damaged ({exc})"
        piece, self._piece = self._piece[: len(buffer)], self._piece[len(buffer) :]
        buffer[: len(piece)] = piece
        return len(piece)


def _gunzip(packed: BinaryIO) -> Iterator[bytes]:
    data = packed.read(_CHUNK)
    while data:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        while not member.eof:
            data = data or packed.read(_CHUNK)
            piece = member.decompress(data, _CHUNK)
            if not piece and not data:
                raise EOFError
            data = member.unconsumed_tail
            if piece:
                yield piece
        data = (member.unused_data or packed.read(_CHUNK)).lstrip(b"\0")


def _unxz(packed: BinaryIO) -> Iterator[bytes]:
    data = packed.read(_CHUNK)
    while data:
        member = lzma.LZMADecompressor(lzma.FORMAT_XZ)
        while not member.eof:
            if member.needs_input and not data:
                data = packed.read(_CHUNK)
                if not data:
                    raise EOFError
            piece = member.decompress(data, _CHUNK)
            data = b""
            if piece:
                yield piece
        data = (member.unused_data or packed.read(_CHUNK)).lstrip(b"\0")
