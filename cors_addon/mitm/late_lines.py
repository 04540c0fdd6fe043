"""What a command returns when it may take longer than the command can wait."""

import logging
from collections.abc import Iterator, Sequence

from mitmproxy.log import ALERT

logger = logging.getLogger("cors_addon")


class LateLines:
    """Lines that a command returns if they are there in time, and that the log shows if not."""

    def __init__(self, instead: str) -> None:
        self._instead = instead
        self._lines: list[str] | None = None
        self._is_late = self._is_shown = False

    def __call__(self, lines: Sequence[str]) -> None:
        if not self._is_late:
            self._lines = [*lines]
        elif not self._is_shown:
            for _ in self.in_turns(lines):
                pass

    def in_turns(self, lines: Sequence[str]) -> Iterator[None]:
        """Show lines that are late, with turns of others between: mitmproxy asks all its addons about each."""
        self._is_shown = self._is_late
        for line in lines if self._is_late else ():
            logger.log(ALERT, "%s", line)
            yield

    def rows(self) -> list[list[str]]:
        """Return the lines, or that the log will show them."""
        self._is_late = True
        return [[self._instead]] if self._lines is None else [[line] for line in self._lines]
