"""What a command returns when it may take longer than the command can wait."""

import logging
from collections.abc import Sequence

from mitmproxy.log import ALERT

logger = logging.getLogger("cors_addon")


class LateLines:
    """Lines that a command returns if they are there in time, and that the log shows if not."""

    def __init__(self, instead: str) -> None:
        self._instead = instead
        self._lines: list[str] | None = None
        self._is_late = False

    def __call__(self, lines: Sequence[str]) -> None:
        if self._is_late:
            for line in lines:
                logger.log(ALERT, "%s", line)
        else:
            self._lines = [*lines]

    def rows(self) -> list[list[str]]:
        """Return the lines, or that the log will show them."""
        self._is_late = True
        return [[self._instead]] if self._lines is None else [[line] for line in self._lines]
