"""Walking through a JSON text member by member, so that a file of any size costs the memory of one value."""

import codecs
import json
import re
from collections.abc import Iterator
from typing import Any, BinaryIO, Final

from .error import CaptureError

_CHUNK: Final = 1 << 20
_LARGEST: Final = 4 << 20
"""How many characters of one value are decoded, long strings not counted; a larger one is stepped over."""

_LONG: Final = 1 << 21
"""From how many characters on strings are cut short: bodies, which nobody asks for."""

_BLANK: Final = re.compile(r"[ \t\r\n\ufeff]*+")
_IN_STRING: Final = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_STRINGS: Final = re.compile(r'(?:[^"]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_TO_BRACKET: Final = re.compile(r'(?:[^"\[\]{}]++|"(?:[^"\\]++|\\.)*+")*+', re.DOTALL)
_COMMENT: Final = re.compile(r"//[^\n]*+\n|/\*.*?\*/", re.DOTALL)
_CALLED: Final = re.compile(r"[\w.$]{1,80}\s*\(")
TOO_LARGE: Final = object()
"""Stands for a value that was stepped over."""

CUT: Final = "\x00 cut"
"""Is a member of an object of which not everything was read. No recorder has a name like it."""

_DEEPEST: Final = 3
_MOST_MEMBERS: Final = 1_000
_AFTER_A_VALUE: Final = frozenset(",]}: \t\r\n")
_NEAR: Final = 64
"""An error this near to the end of what was read may come of the cut, and not of the text."""


class JsonWalker:
    """A position in a JSON text. Every method raises ``CaptureError`` where the text is broken, with line and column.

    Bytes that are not UTF-8 and raw control characters in strings are let pass: bodies that came along hold both. So
    are comments and a comma before a closing bracket. A string of megabytes is cut to nothing: memory is bounded.
    """

    def __init__(self, stream: BinaryIO, encoding: str = "utf-8") -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        self._decode = json.JSONDecoder(strict=False).raw_decode
        self._text = ""
        self._at = 0
        self._line, self._column = 1, 1
        self._ended = False
        self._dropped = 0

    def peek(self) -> str:
        """Return the next character that is no white space, empty at the end."""
        while True:
            self._at = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._text):
                char = self._text[self._at]
                if char != "/":
                    return char
                comment = _COMMENT.match(self._text, self._at)
                if comment is not None:
                    self._at = comment.end()
                    continue
                if len(self._text) - self._at > _CHUNK or not self._more():
                    return char
            elif not self._more():
                return ""

    def called(self) -> bool:
        """Step over the beginning of a function's call, as JSONP has around its value; say whether there is one."""
        self.peek()
        call = _CALLED.match(self._text, self._at)
        if call is not None:
            self._at = call.end()
        return call is not None

    def take(self, char: str) -> None:
        """Step over a character that has to come next."""
        found = self.peek()
        if found != char:
            raise self._error(f"{char!r} was expected", self._at)
        self._at += 1

    def value(self, depth: int = 0) -> Any:
        """Read the value that begins here; ``TOO_LARGE`` where it is stepped over instead.

        Of an object that is too large, the members that are not are read, and ``CUT`` is one more; so in those below.
        """
        self.peek()
        while True:
            try:
                value, end = self._decode(self._text, self._at)
            except json.JSONDecodeError as exc:
                cut = exc.pos > len(self._text) - _NEAR or exc.msg.startswith("Unterminated string")
                if cut and len(self._text) - self._at > _LONG:
                    if self._cut_string():
                        continue
                    if len(self._text) - self._at > _LARGEST:
                        if self._text[self._at] not in "[{":
                            raise self._error("one value is larger than 4 MB", self._at) from exc
                        if self._text[self._at] == "{" and depth < _DEEPEST:
                            return self._in_parts(depth + 1)
                        self._step_over()
                        return TOO_LARGE
                if not cut or not self._more():
                    raise self._error(exc.msg[:1].lower() + exc.msg[1:], exc.pos) from exc
            except (ValueError, RecursionError) as exc:
                raise self._error("a number too long or values too deep in each other", self._at) from exc
            else:
                # A number that ends where the text was cut may go on: what ends one is no part of any.
                if self._text[end : end + 1] in _AFTER_A_VALUE or not self._more():
                    self._at = end
                    return value

    def _in_parts(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {CUT: True}
        kept = 0
        for key in self.members():
            before = self._dropped + self._at
            value = self.value(depth)
            size = self._dropped + self._at - before
            # What was read in parts is bounded already, whatever it took in the file.
            if isinstance(value, dict) and CUT in value:
                size = 0
            if value is not TOO_LARGE and kept + size <= _LARGEST and len(found) < _MOST_MEMBERS:
                found[key] = value
                kept += size
        return found

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
            if self.peek() == "}":
                self.take("}")
                return

    def elements(self) -> Iterator[Any]:
        """Yield the values of the array that begins here."""
        for _ in self.items():
            yield self.value()

    def items(self) -> Iterator[None]:
        """Stop before each value of the array that begins here; the caller takes it before the next."""
        self.take("[")
        if self.peek() == "]":
            self.take("]")
            return
        while True:
            yield None
            if self.peek() == "]":
                self.take("]")
                return
            self.take(",")
            if self.peek() == "]":
                self.take("]")
                return

    def skip(self) -> None:
        """Step over the value that begins here."""
        if self.peek() in ("[", "{"):
            self._step_over()
        else:
            self.value()

    def _step_over(self) -> None:
        """Step over an array or object, bracket by bracket, whatever its size."""
        depth = 0
        while True:
            match = _TO_BRACKET.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            char = self._text[self._at : self._at + 1]
            if char in ("", '"'):
                if char:
                    self._cut_string()
                if self._text[self._at + 1 : self._at + 2] != '"' and not self._more():
                    raise self._error("the file ends too early", len(self._text))
                continue
            self._at += 1
            depth += 1 if char in "[{" else -1
            if depth == 0:
                return

    def _cut_string(self) -> bool:
        """Cut a string to nothing that does not end in what was read, and read on to its end; say whether one was."""
        opened = _STRINGS.match(self._text, self._at).end()  # type: ignore[union-attr]
        if opened >= len(self._text) or len(self._text) - opened < _LONG // 4:
            return False
        rest = self._text[opened + 1 :]
        self._text = self._text[: opened + 1]
        while True:
            end = _IN_STRING.match(rest).end()  # type: ignore[union-attr]
            if rest[end : end + 1] == '"':
                self._text += rest[end:]
                return True
            # What is left is nothing, or a backslash whose character was not read yet.
            fresh = self._read(_CHUNK)
            if not fresh:
                return True
            rest = rest[end:] + fresh

    def _read(self, size: int) -> str:
        fresh = ""
        while not fresh and not self._ended:
            data = self._stream.read(size)
            self._ended = not data
            fresh = self._decoder.decode(data, final=not data)
        return fresh

    def _more(self) -> bool:
        """Read on, twice as far as before where one value needs it, and drop what lies behind.

        Where nothing more comes, nothing is dropped either, so that positions in the text stay what they are.
        """
        fresh = self._read(max(_CHUNK, min(len(self._text) - self._at, _LARGEST // 2)))
        if not fresh:
            return False
        self._line, self._column = self._place(self._text[: self._at])
        self._dropped += self._at
        self._text = self._text[self._at :] + fresh
        self._at = 0
        return True

    def _place(self, behind: str) -> tuple[int, int]:
        lines = behind.count("\n")
        column = len(behind) - behind.rfind("\n") if lines else self._column + len(behind)
        return self._line + lines, column

    def _error(self, what: str, position: int) -> CaptureError:
        if self._ended and (position >= len(self._text) or what.startswith("unterminated")):
            what = "the file ends too early"
        line, column = self._place(self._text[:position])
        return CaptureError(f"no whole JSON: {what} at line {line:,}, column {column:,}")
