"""The grammar of mitmproxy's flow files, tnetstrings, read only as far as somebody wants to know.

A value is its length in decimal digits, a colon, its bytes, and one more byte for its type. ``mitmproxy.io.tnetstring``
reads all of it, at several times the cost.
"""

from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Final

from .error import CaptureError

TOO_LARGE: Final = b"flow larger than 64 MB"
"""Stands for a flow that was stepped over."""

WHOLE: Final[Mapping[bytes, Any]] = {}
"""All of it."""

BEGINNING: Final[Mapping[bytes, Any]] = {b"": None}
"""Of bytes, the beginning: a body may be large."""

_BEGINNING: Final = 1 << 16

State = dict[str, Any]

_LONGEST_PREFIX: Final = 12
_PIECE: Final = 1 << 24
_LARGEST: Final = 64 << 20
"""How many bytes of one flow are read; a larger one is stepped over."""


def netstrings(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    """Yield each dictionary's position and what is inside it, ``TOO_LARGE`` where that was stepped over.

    Raises ``CaptureError`` where none follows.
    """
    offset, count = 0, 0
    while True:
        prefix = bytearray()
        while len(prefix) <= _LONGEST_PREFIX and (char := stream.read(1)).isdigit():
            prefix += char
        if not prefix and not char:
            return
        if char != b":" or not prefix:
            raise CaptureError(_broken_off(count, offset, "no flow begins here" if char else "the file ends in a flow"))
        length = int(prefix)
        if length > _LARGEST:
            missing = _step_over(stream, length + 1)
            if missing:
                what = f"the file ends inside a flow, {missing:,} bytes too early"
                raise CaptureError(_broken_off(count, offset, what))
            yield offset, TOO_LARGE
            count += 1
            offset += len(prefix) + length + 2
            continue
        data = _read(stream, length + 1)
        if len(data) <= length:
            missing = length + 1 - len(data)
            raise CaptureError(_broken_off(count, offset, f"the file ends inside a flow, {missing:,} bytes too early"))
        if data[length] != ord("}"):
            raise CaptureError(_broken_off(count, offset, "what stands here is no flow"))
        yield offset, data[:length]
        count += 1
        offset += len(prefix) + length + 2


def _step_over(stream: BinaryIO, size: int) -> int:
    """Read on past so many bytes; return how many were missing."""
    while size and (piece := stream.read(min(size, _PIECE))):
        size -= len(piece)
    return size


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes, fewer at the end; a length that is a lie does not get its memory in advance."""
    if size <= _PIECE:
        return stream.read(size)
    pieces = []
    while size and (piece := stream.read(min(size, _PIECE))):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def _broken_off(count: int, offset: int, what: str) -> str:
    before = f"; {told(count)} before it could be read" if count else ""
    return f"not a whole flow file: at byte {offset:,} {what}{before}"


def dictionary(data: bytes, position: int, end: int, wanted: Mapping[bytes, Any]) -> State:
    """Parse the inside of a dictionary; raises ``ValueError`` and ``LookupError`` for what is none.

    ``wanted`` names the keys to read, and for each what is wanted of a dictionary below it; empty, it asks for all.
    """
    found: State = {}
    find = data.index
    while position < end:
        colon = find(b":", position, end)
        start = colon + 1
        stop = start + int(data[position:colon])
        key = data[start:stop]
        position = stop + 1
        colon = find(b":", position, end)
        start = colon + 1
        stop = start + int(data[position:colon])
        if not start <= stop < end:
            raise ValueError("a length runs past the end of what it belongs to")
        position = stop + 1
        inner = wanted.get(key) if wanted else WHOLE
        if inner is not None:
            kind = data[stop]
            name = key.decode("ascii")
            if kind == 0x7D:  # }
                found[name] = dictionary(data, start, stop, inner)
            elif inner is BEGINNING:
                found[name] = _value(data, kind, start, min(stop, start + _BEGINNING) if kind == 0x2C else stop)
            else:
                found[name] = _value(data, kind, start, stop)
    return found


def _value(data: bytes, kind: int, start: int, stop: int) -> Any:
    match kind:
        case 0x2C:  # , bytes
            return data[start:stop]
        case 0x5D:  # ] list
            found = []
            position = start
            find = data.index
            while position < stop:
                colon = find(b":", position, stop)
                begin = colon + 1
                end = begin + int(data[position:colon])
                if not begin <= end < stop:
                    raise ValueError("a length runs past the end of what it belongs to")
                tag = data[end]
                found.append(data[begin:end] if tag == 0x2C else _value(data, tag, begin, end))
                position = end + 1
            return found
        case 0x3B:  # ; text
            return data[start:stop].decode("utf-8")
        case 0x23:  # # integer
            return int(data[start:stop])
        case 0x5E:  # ^ float
            return float(data[start:stop])
        case 0x21:  # ! boolean
            return {b"true": True, b"false": False}[data[start:stop]]
        case 0x7E:  # ~ nothing
            return None
        case 0x7D:  # }
            return dictionary(data, start, stop, WHOLE)
        case _:
            raise ValueError(f"nothing is written with the tag {chr(kind)!r}")


def told(count: int) -> str:
    """Say how many flows."""
    return "one flow" if count == 1 else f"{count:,} flows"
