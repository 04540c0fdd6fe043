"""Writing a report whole or not at all."""

import errno
import os
import re
import stat
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from .formats import IN_PARTS, RENDERERS, Renderer
from .model import Report

_MODE: Final = 0o644
_ABANDONED: Final = 3_600.0
"""Seconds after which an unfinished file is nobody's."""


def write(report: Report, path: Path, renderer: Renderer | None = None, *, waits: bool = False) -> None:
    """Render, by the path's ending where no renderer is given, and put the file in place in one step.

    Raises ``OSError``, and ``KeyError`` for an ending that no renderer has. A pipe or a device is written to where the
    caller ``waits`` for its reader, and refused elsewhere. A reader sees the old file or the new one, never half of
    either, whatever kills the process.
    """
    put(path, lambda: _parts(report, path.suffix.lower(), renderer), waits=waits)


def put(path: Path, parts: Callable[[], Iterable[str]], *, waits: bool = False) -> None:
    """Put a text in place as ``write`` does a report; its parts are made once a file for them is open."""
    mode = _MODE
    if path.exists():
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            if not waits:
                raise OSError("it is a pipe or a device, and no file")
            # It has no old content to keep, and must not be replaced by a file.
            with path.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(parts())
            return
        mode = stat.S_IMODE(status.st_mode)
    # A link stays a link: what it points to is replaced.
    path = path.resolve()
    # Before anything is rendered: it may be in vain.
    handle, temporary = tempfile.mkstemp(prefix=prefix(path), dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(parts())
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def prefix(path: Path, process: int | str | None = None) -> str:
    """Return how the name of an unfinished file begins: hidden, and with the process that writes it."""
    return f".{path.name[:80]}.{os.getpid() if process is None else process}."


def sweep(path: Path) -> None:
    """Remove what processes that were killed left unfinished beside a report. It never raises."""
    pattern = re.compile(re.escape(prefix(path.resolve(), "@")).replace("@", "([0-9]+)") + r"[a-z0-9_]{8}")
    with suppress(OSError), os.scandir(path.resolve().parent) as entries:
        for entry in entries:
            found = pattern.fullmatch(entry.name)
            if found is not None and entry.is_file(follow_symlinks=False) and _is_left(entry, int(found[1])):
                with suppress(OSError):
                    os.unlink(entry.path)


def _is_left(entry: "os.DirEntry[str]", process: int) -> bool:
    """Say whether nobody goes on writing a file; where processes cannot be asked for, or are elsewhere, by its age."""
    if time.time() - entry.stat().st_mtime > _ABANDONED:
        return True
    if os.name != "posix" or process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    return False


def check(path: Path) -> None:
    """Raise ``OSError`` where a report cannot be written there now."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise OSError("it is a pipe or a device, and no file")
    path = path.resolve()
    with tempfile.NamedTemporaryFile(prefix=prefix(path), dir=path.parent):
        pass


def _parts(report: Report, suffix: str, renderer: Renderer | None) -> Iterable[str]:
    if renderer is None and suffix in IN_PARTS:
        return IN_PARTS[suffix](report)
    return ((renderer or RENDERERS[suffix])(report),)
