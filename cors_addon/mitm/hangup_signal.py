"""Throwing the injection switch of a mitmdump that has no interface: by SIGHUP."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable
from typing import Any


class Toggle:
    """Toggles on SIGHUP, where there is such a signal and no interface to toggle from.

    A terminal that closes sends SIGHUP too. Then mitmdump ends as it would without this, or stays under ``nohup``.
    """

    def __init__(self, master: Any, toggle: Callable[[], None]) -> None:
        self._master, self._toggle = master, toggle
        self._has_terminal = _is_terminal_there()
        self._is_ignored = False
        self._number = getattr(signal, "SIGHUP", None) if type(master).__name__ == "DumpMaster" else None
        if self._number is None:
            return
        self._is_ignored = signal.getsignal(self._number) is signal.SIG_IGN
        try:
            asyncio.get_running_loop().add_signal_handler(self._number, self.received)
        except (NotImplementedError, RuntimeError, ValueError):
            self._number = None

    def close(self) -> None:
        """Give the signal back."""
        if self._number is None:
            return
        with contextlib.suppress(RuntimeError):
            asyncio.get_running_loop().remove_signal_handler(self._number)
            if self._is_ignored:
                signal.signal(self._number, signal.SIG_IGN)
        self._number = None

    def received(self) -> None:
        """Do what the signal means: the terminal is gone, or the switch is to be thrown."""
        if self._has_terminal and not _is_terminal_there():
            self._has_terminal = False
            if not self._is_ignored:
                self._master.shutdown()
        else:
            self._toggle()


def _is_terminal_there() -> bool:
    """Say whether the process has a terminal that is still there, wherever its output goes."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | getattr(os, "O_NOCTTY", 0))
    except OSError:
        return False
    os.close(terminal)
    return True
