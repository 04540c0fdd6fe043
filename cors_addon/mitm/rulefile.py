"""The rule file on disk: read, watched, and never replaced by a broken one.

A file that changes is read when it has stayed the same from one look to the next: until then it may be half-written,
and half a file can be a valid one with fewer rules in it. A file that does not exist yet has no rules, and the first
rule that is written creates it; without a path, rules are kept in memory.
"""

import os
import stat
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..regular_file import read_regular_file
from ..report.files import prefix, sweep
from ..rules.errors import inert, render_problems
from ..rules.model import NO_RULES, RuleSet
from ..rules.text import LARGEST_FILE

_Stamp = tuple[int, int, int, int]
_MISSING: Final[_Stamp] = (-1, -1, -1, -1)
_PRIVATE: Final = 0o600
_LONG: Final = 8_192
"""Bytes that are read within one turn of the event loop: some 30 rules, in 50 ms. A thread reads more."""


@dataclass(frozen=True, slots=True)
class Change:
    """What reading the file brought: ``text`` are its problems, ready to show; ``in_force`` whether it was taken."""

    in_force: bool
    text: str


class Overtaken(OSError):
    """Somebody else wrote the file while this process was about to."""


class _Reading:
    """The rules that a text holds, and its problems ready to show: read at once, or beside the event loop."""

    def __init__(self, content: bytes, name: str, beside: bool = False) -> None:
        self.content = content
        self.rules: RuleSet | None = None
        self.text = ""
        self._name = name
        self._thread: threading.Thread | None = None
        if beside:
            self._thread = threading.Thread(target=self._read, name="cors rule file", daemon=True)
            self._thread.start()
        else:
            self._read()

    @property
    def is_done(self) -> bool:
        return self._thread is None or not self._thread.is_alive()

    def _read(self) -> None:
        # Only who has a rule file waits for the YAML library and the reader to load.
        from ..rules.decode import read_rules

        reading = read_rules(self.content)
        self.text = render_problems(reading.problems, self._name) if reading.problems else ""
        self.rules = reading.rules


class RuleFile:
    """Holds the last good rules of a file. While it is half-written, broken or missing, they stay in force.

    ``version`` is another one whenever the text is.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self.rules: RuleSet = NO_RULES
        self.trouble = ""
        self.version = 0
        self._read_at: _Stamp | None = None
        self._seen: _Stamp | None = None
        self._content: bytes | None = None
        self._reading: _Reading | None = None
        self._was_there = False

    @property
    def is_absent(self) -> bool:
        """Whether a file is named that is not there yet."""
        return self.path is not None and not self._was_there

    @property
    def is_long(self) -> bool:
        """Whether reading it takes longer than a turn of the event loop should."""
        return len(self._content or b"") > _LONG

    def keep_from(self, path: Path) -> None:
        """Raise ``OSError`` where a report at this path would take the place of the rule file."""
        if self.path is not None and os.path.realpath(path) == os.path.realpath(self.path):
            raise OSError("it is the rule file; name another file")

    @property
    def in_memory(self) -> str:
        """The text of the rules that no file holds."""
        return (self._content or b"").decode() if self.path is None else ""

    def content(self) -> bytes | None:
        """Return the bytes of the file as it is now, or of the rules in memory; ``None`` where there are none.

        Raises ``OSError``.
        """
        if self.path is None:
            return self._content
        return _held(self.path)

    def write(self, content: bytes, before: bytes | None) -> Change:
        """Put this content in the place of ``before``, in one step, or into memory where no file is named; read it.

        A reader sees the old file or the new one, whatever kills the process. Raises ``OSError``, ``Overtaken`` where
        the file holds something else than ``before`` by now.
        """
        if self.path is not None:
            _put(self.path.resolve(), content, before)
            return self.read()
        reading = _Reading(content, "rules in memory")
        if reading.rules is None:
            return Change(False, reading.text)
        self.rules, self._content = reading.rules, content
        self.version += 1
        return Change(True, "")

    def delete(self) -> None:
        """Delete the file that was written as the first, or the rules in memory; none are in force then.

        Raises ``OSError``.
        """
        if self.path is not None:
            self.path.resolve().unlink(missing_ok=True)
        self.rules, self._content, self._was_there, self.trouble = NO_RULES, None, False, ""
        self.version += 1

    def poll(self) -> Change | None:
        """Look at the file, and read it where it has changed and come to rest since.

        Returns ``None`` where there is nothing new. Costs one ``stat`` while nothing changes.
        """
        if self.path is None:
            return None
        if self._reading is not None:
            return self._take(self._reading, even_unchanged=False) if self._reading.is_done else None
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
        self._reading = None
        try:
            content = read_regular_file(self.path, LARGEST_FILE + 1)
        except OSError as exc:
            self._read_at, self._content = stamp, None
            self.version += 1
            why = exc.strerror or exc
            if self.is_absent and isinstance(exc, FileNotFoundError):
                if self.path.parent.is_dir():
                    return Change(True, "") if even_unchanged else None
                why = f"there is no folder {inert(str(self.path.parent))}; make it, or name another file"
            return self._refused(f"{inert(str(self.path))}: cannot be read: {why}", even_unchanged)
        if stamp is not None and self._look() != stamp:
            return None
        self._read_at, self._was_there = stamp, True
        if content == self._content and not even_unchanged:
            return None
        self._content = content
        self.version += 1
        reading = _Reading(content, str(self.path), beside=len(content) > _LONG and not even_unchanged)
        if not reading.is_done:
            self._reading = reading
            return None
        return self._take(reading, even_unchanged)

    def _take(self, reading: _Reading, even_unchanged: bool) -> Change | None:
        self._reading = None
        if reading.rules is None:
            return self._refused(reading.text, even_unchanged)
        self.rules, self.trouble = reading.rules, ""
        return Change(True, reading.text)

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


def _put(path: Path, content: bytes, before: bytes | None) -> None:
    """Put a file in place in one step; a new one is for its user alone, another keeps its mode."""
    try:
        status = path.stat()
        mode = stat.S_IMODE(status.st_mode)
        if not os.access(path, os.W_OK):
            raise PermissionError(f"it is read-only (mode {mode:o}); make it writable, or add the rule by hand")
    except FileNotFoundError:
        mode = _PRIVATE
    sweep(path)
    handle, temporary = tempfile.mkstemp(prefix=prefix(path), dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        # The disk took its time: another proxy or an editor may have been faster.
        if _held(path) != before:
            raise Overtaken("it has changed meanwhile")
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _held(path: Path) -> bytes | None:
    try:
        return read_regular_file(path, LARGEST_FILE + 1)
    except FileNotFoundError:
        return None
