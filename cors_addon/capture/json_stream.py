"""Walking through a JSON text member by member, so that a file of any size costs the memory of one value."""

import codecs
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from .error import CaptureError

_CHUNK: Final = 1 << 20
_SPACE: Final = " \t\r\n"
_AFTER_A_VALUE: Final = frozenset(",]}: \t\r\n")
_NEAR: Final = 64
"""An error this near to the end of what was read may come of the cut, and not of the text."""


class JsonWalker:
    """A position in a JSON text. Every method raises ``CaptureError`` where the text is broken, with line and column.

    Bytes that are not UTF-8 and raw control characters in strings are let pass: bodies that came along hold both.
    """

    def __init__(self, stream: BinaryIO, encoding: str = "utf-8") -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._decode = json.JSONDecoder(strict=False).raw_decode
        self._text = ""
        self._at = 0
        self._line, self._column = 1, 1
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is no white space, empty at the end."""
        while True:
            while self._at < len(self._text):
                char = self._text[self._at]
                if char not in _SPACE:
                    return char
                self._at += 1
            if not self._more():
                return ""

    def take(self, char: str) -> None:
        """Step over a character that has to come next."""
        found = self.peek()
        if found != char:
            raise self._error(f"{char!r} was expected", self._at)
        self._at += 1

    def value(self) -> Any:
        """Read the value that begins here, whole."""
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as exc:
                cut = exc.pos > len(self._text) - _NEAR or exc.msg.startswith("Unterminated string")
                if not cut or not self._more():
                    raise self._error(exc.msg[:1].lower() + exc.msg[1:], exc.pos) from exc
            except (ValueError, RecursionError) as exc:
                raise self._error("a number too long or values too deep in each other", self._at) from exc
            else:
                # A number that ends where the text was cut may go on: what ends one is no part of any.
                if self._text[end : end + 1] in _AFTER_A_VALUE or not self._more():
                    self._at = end
                    return value

    def members(self) -> Iterator[str]:
        """Yield the keys of the object that begins here; the caller takes each key's value before the next."""
        self.take("{")
        if self.peek() == "}":
            self.take("}")
            return
        while True:
            key = self.value()
            self.take(":")
            yield str(key)
            if self.peek() == "}":
                self.take("}")
                return
            self.take(",")

    def elements(self) -> Iterator[Any]:
        """Yield the values of the array that begins here."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            yield self.value()
            if self.peek() == "]":
                self.take("]")
                return
            self.take(",")

    def _more(self) -> bool:
        """Read on, twice as far as before where one value needs it, and drop what lies behind.

        Where nothing more comes, nothing is dropped either, so that positions in the text stay what they are.
        """
        fresh = ""
        while not fresh and not self._ended:
            data = self._stream.read(max(_CHUNK, len(self._text) - self._at))
            self._ended = not data
            fresh = self._decoder.decode(data, final=not data)
        if not fresh:
            return False
        self._line, self._column = self._place(self._text[: self._at])
        self._text = self._text[self._at :] + fresh
        self._at = 0
        return True

    def _place(self, behind: str) -> tuple[int, int]:
        lines = behind.count("\n")
        column = len(behind) - behind.rfind("\n") if lines else self._column + len(behind)
        return self._line + lines, column

    def _error(self, what: str, position: int) -> CaptureError:
        if position >= len(self._text) and self._ended:
            what = "the file ends too early"
        line, column = self._place(self._text[:position])
        return CaptureError(f"no whole JSON: {what} at line {line:,}, column {column:,}")
