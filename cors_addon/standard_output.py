"""Standard output of the command, which may be closed, full, or read by somebody who has read enough."""

import os
import sys


def open_closed_output() -> None:
    """Send what is written to a closed stream (``>&-``) nowhere: the exit status still says what was found."""
    # They stay open until the process ends.
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115


def discard_output() -> None:
    """Drop what is still buffered, which would fail once more when the process ends, and all that follows."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
