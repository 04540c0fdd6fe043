"""Opening captures: standard input, unpacking, and telling by its first bytes what a file is."""

import io
import lzma
import re
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO, Final

from .error import CaptureError

STDIN: Final = "-"
_CHUNK: Final = 1 << 17
_MOST_MEMORY: Final = 128 << 20
"""Bytes that unpacking xz may take: a file names its own dictionary, and ``xz -9`` makes one of 64 MB."""
_GZIP: Final = b"\x1f\x8b"
_XZ: Final = b"\xfd7zXZ\x00"
_UTF_8_MARK: Final = b"\xef\xbb\xbf"
_UTF_16_MARKS: Final = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_ZIP: Final = b"PK\x03\x04"
_JSON: Final = re.compile(rb"\s*(?:[\[{]|//|/\*|[\w.$]{1,80}\s*\()")
_PACKED_OTHERWISE: Final = {b"BZh": "a bzip2 file", b"\x28\xb5\x2f\xfd": "a zstd file"}


class Part:
    """One file's data: ``stream`` gives them unpacked, ``encoding`` is the text's and empty for mitmproxy's flows.

    ``name`` is the file's in a zip file, else empty. ``entries`` are there instead of a stream where the format has no
    JSON.
    """

    def __init__(self, raw: io.RawIOBase, name: str = "", entries: Iterator[Any] | None = None) -> None:
        self.name = name
        self.entries = entries
        self._unpacked: _Unpacked | None = None
        self.encoding = "utf-8"
        if entries is not None:
            return
        self.stream: io.BufferedReader[io.RawIOBase] = io.BufferedReader(raw, _CHUNK)
        begin = self.stream.peek(8)
        if begin.startswith(_GZIP):
            self._unpacked = _Unpacked(_gunzip(self.stream), "gzip")
        elif begin.startswith(_XZ):
            self._unpacked = _Unpacked(_unxz(self.stream), "xz")
        if self._unpacked is None:
            self._unpacked = raw if isinstance(raw, _Unpacked) else None
        else:
            self.stream = io.BufferedReader(self._unpacked, _CHUNK)
        self.encoding = self._detect()

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
        if _JSON.match(begin):
            return "utf-8"
        if begin[:1].isdigit():
            return ""
        for magic, what in _PACKED_OTHERWISE.items():
            if begin.startswith(magic):
                raise CaptureError(f"it is {what}; unpack it first: captures are read as they are, .gz, .xz and .zip")
        what = "a page or XML" if begin.lstrip().startswith(b"<") else "something else"
        raise CaptureError(
            f"it is {what}, and neither a HAR (a JSON object) nor a file of mitmproxy's flows; export the session as"
            " HAR, or record it: mitmdump -w run.mitm"
        )


class Opened:
    """An open capture, and how many bytes of it were read, packed as they are."""

    def __init__(self, raw: BinaryIO) -> None:
        self._raw = raw
        self._counted = _Counted(raw)
        self._done = 0
        self._part: Part | None = None

    @property
    def position(self) -> int:
        return self._done or self._counted.position

    @property
    def fault(self) -> str:
        """What is wrong with the packing as far as it was read, empty where nothing is."""
        return self._part.fault if self._part is not None else ""

    def parts(self) -> Iterator[Part]:
        """Yield what is to be judged, file by file; the caller reads one before the next."""
        buffered: io.BufferedReader[io.RawIOBase] = io.BufferedReader(self._counted, _CHUNK)
        if not buffered.peek(4).startswith(_ZIP):
            self._part = Part(_Passed(buffered))
            yield self._part
            return
        if not self._raw.seekable():
            raise CaptureError("it is a zip file on standard input; name the file instead, or unpack it")
        from .archives import archive_of, chosen, pieces_of
        from .fiddler import entries_of_fiddler, is_of_fiddler

        archive = archive_of(self._raw)
        names = archive.namelist()
        if is_of_fiddler(names):
            self._part = Part(self._counted, "", entries_of_fiddler(archive))
            yield self._part
            return
        members = chosen(names)
        for name in members:
            self._part = Part(_Unpacked(pieces_of(archive, name), "zip"), name if len(members) > 1 else "")
            yield self._part
            self._done += archive.getinfo(name).compress_size


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


class _Passed(io.RawIOBase):
    """What is buffered already, as a raw stream."""

    def __init__(self, buffered: "io.BufferedReader[io.RawIOBase]") -> None:
        self._buffered = buffered

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
        return self._buffered.readinto1(buffer)


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
            except (zlib.error, lzma.LZMAError, NotImplementedError, RuntimeError) as exc:
                if "emory" in str(exc):
                    self.fault = (
                        f"unpacking needs more than {_MOST_MEMORY >> 20} MB of memory: pack it with xz -9 or less"
                    )
                else:
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
        member = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST_MEMORY)
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
