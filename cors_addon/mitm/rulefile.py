"""The rule file on disk: read, watched, and never replaced by a broken one."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ..rules.cli import read_rule_file
from ..rules.errors import render_problems
from ..rules.model import NO_RULES, RuleSet

_Stamp = tuple[int, int, int]
_MISSING: Final[_Stamp] = (-1, -1, -1)


@dataclass(frozen=True, slots=True)
class Change:
    """What a look at the file brought: ``text`` are its problems, ready to show; ``in_force`` whether it was taken."""

    in_force: bool
    text: str


class RuleFile:
    """Holds the last good rules of a file. While it is half-written, broken or missing, they stay in force."""

    def __init__(self) -> None:
        self.path: Path | None = None
        self.rules: RuleSet = NO_RULES
        self.trouble = ""
        self._stamp: _Stamp = _MISSING

    def open(self, path: Path | None) -> Change:
        """Turn to another file, or to none; its rules are taken if it is right, and none are in force if it is not."""
        self.path, self.rules, self.trouble, self._stamp = path, NO_RULES, "", _MISSING
        if path is None:
            return Change(True, "")
        self._stamp = self._look()
        return self._read()

    def poll(self) -> Change | None:
        """Look whether the file changed; ``None`` where it did not. Costs one ``stat``."""
        if self.path is None:
            return None
        stamp = self._look()
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        return self._read()

    def reload(self) -> Change:
        """Read the file whether it changed or not."""
        self._stamp = self._look()
        return self._read()

    def _look(self) -> _Stamp:
        assert self.path is not None
        try:
            status = os.stat(self.path)
        except OSError:
            return _MISSING
        return status.st_mtime_ns, status.st_size, status.st_ino

    def _read(self) -> Change:
        assert self.path is not None
        try:
            reading = read_rule_file(self.path)
        except OSError as exc:
            self.trouble = f"{self.path}: cannot be read: {exc.strerror or exc}"
            return Change(False, self.trouble)
        text = render_problems(reading.problems, str(self.path)) if reading.problems else ""
        if reading.rules is None:
            self.trouble = text
            return Change(False, text)
        self.rules, self.trouble = reading.rules, ""
        return Change(True, text)
