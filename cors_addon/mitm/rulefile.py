"""The rule file on disk: read, watched, and never replaced by a broken one.

A file that changes is read when it has stayed the same from one look to the next: until then it may be half-written,
and half a file can be a valid one with fewer rules in it.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..rules.errors import inert, render_problems
from ..rules.model import NO_RULES, RuleSet
from ..rules.text import LARGEST_FILE

_Stamp = tuple[int, int, int, int]
_MISSING: Final[_Stamp] = (-1, -1, -1, -1)


@dataclass(frozen=True, slots=True)
class Change:
    """What reading the file brought: ``text`` are its problems, ready to show; ``in_force`` whether it was taken."""

    in_force: bool
    text: str


class RuleFile:
    """Holds the last good rules of a file. While it is half-written, broken or missing, they stay in force."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.rules: RuleSet = NO_RULES
        self.trouble = ""
        self._read_at: _Stamp | None = None
        self._seen: _Stamp | None = None
        self._content: bytes | None = None

    def poll(self) -> Change | None:
        """Look at the file, and read it where it has changed and come to rest since.

        Returns ``None`` where there is nothing new. Costs one ``stat`` while nothing changes.
        """
        if self.path is None:
            return None
        stamp = self._look()
        if stamp == self._read_at:
            return None
        if stamp != self._seen:
            self._seen = stamp
            return None
        return self._read(stamp, even_unchanged=False)

    def read(self) -> Change:
        """Read the file now, whether it changed or not."""
        if self.path is None:
            return Change(True, "")
        change = self._read(None, even_unchanged=True)
        assert change is not None
        return change

    def _look(self) -> _Stamp:
        assert self.path is not None
        try:
            status = os.stat(self.path)
        except OSError:
            return _MISSING
        return status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino

    def _read(self, stamp: _Stamp | None, even_unchanged: bool) -> Change | None:
        """Take the file's rules. Without a ``stamp``, the next look compares what it holds once more."""
        assert self.path is not None
        try:
            content = _bytes_of(self.path)
        except OSError as exc:
            self._read_at, self._content = stamp, None
            return self._refused(f"{inert(str(self.path))}: cannot be read: {exc.strerror or exc}", even_unchanged)
        if stamp is not None and self._look() != stamp:
            return None
        self._read_at = stamp
        if content == self._content and not even_unchanged:
            return None
        self._content = content
        # Only who has a rule file waits for the YAML library and the reader to load.
        from ..rules.decode import read_rules

        reading = read_rules(content)
        text = render_problems(reading.problems, str(self.path)) if reading.problems else ""
        if reading.rules is None:
            return self._refused(text, even_unchanged)
        self.rules, self.trouble = reading.rules, ""
        return Change(True, text)

    def _refused(self, text: str, even_unchanged: bool) -> Change | None:
        if text == self.trouble and not even_unchanged:
            return None
        self.trouble = text
        return Change(False, text)


def opened(value: str) -> tuple[RuleFile, Change]:
    """Open the rule file that an option's value names, none for an empty one; says whether it can be used."""
    try:
        file = RuleFile(Path(value).expanduser() if value else None)
        return file, file.read()
    except (RuntimeError, ValueError) as exc:
        # A home that nobody has, a name that no file can have.
        return RuleFile(), Change(False, inert(str(exc)))


def _bytes_of(path: Path) -> bytes:
    """Read a rule file, no more of it than a right one can have. A pipe would keep the whole proxy waiting."""
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError("it is a folder, a pipe or a device, and no file")
        with open(opened, "rb", closefd=False) as file:
            return file.read(LARGEST_FILE + 1)
    finally:
        os.close(opened)
