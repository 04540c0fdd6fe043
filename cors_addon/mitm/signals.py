"""Throwing the injection switch of a mitmdump that has no interface: by SIGHUP."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any


class Toggle:
    """Toggles on SIGHUP, where there is such a signal and no interface to toggle from.

    A closed terminal sends SIGHUP too; then mitmdump ends, as it would without this.
    """

    def __init__(self, master: Any, toggle: Callable[[], None]) -> None:
        self._master, self._toggle = master, toggle
        self._terminal = os.isatty(1)
        self._number = getattr(signal, "SIGHUP", None) if type(master).__name__ == "DumpMaster" else None
        if self._number is not None:
            try:
                asyncio.get_running_loop().add_signal_handler(self._number, self._received)
            except (NotImplementedError, RuntimeError, ValueError):
                self._number = None

    def close(self) -> None:
        """Give the signal back."""
        if self._number is None:
            return
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_signal_handler(self._number)
        self._number = None

    def _received(self) -> None:
        if self._terminal and not _is_terminal_there():
            self._master.shutdown()
        else:
            self._toggle()


def _is_terminal_there() -> bool:
    try:
        os.tcgetpgrp(1)
    except OSError:
        return False
    return True
