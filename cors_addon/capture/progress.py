"""A progress bar on a terminal, and nothing anywhere else."""

import shutil
import time
from types import TracebackType
from typing import Final, Self, TextIO

_EVERY: Final = 0.1
_MEGA: Final = 1_000_000
_BAR: Final = 30


class ProgressBar:
    """Draws over one line of a stream while something is read, and empties it. ``wanted`` is false off terminals."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._next = 0.0
        self._drawn = False
        self.wanted = stream.isatty()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def show(self, done: int, total: int | None) -> None:
        """Draw how many bytes of how many are read, at most ten times a second."""
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _EVERY
        line = _line(done, total)
        width = shutil.get_terminal_size().columns - 1
        self._stream.write(f"\r{line[:width]}\x1b[K")
        self._stream.flush()
        self._drawn = True


def _line(done: int, total: int | None) -> str:
    read = f"{done / _MEGA:,.1f}"
    if not total:
        return f"{read} MB read"
    share = min(done / total, 1.0)
    filled = round(share * _BAR)
    return f"[{'#' * filled}{'.' * (_BAR - filled)}] {share:4.0%}  {read} of {total / _MEGA:,.1f} MB"
