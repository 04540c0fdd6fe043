"""Writing a report whole or not at all."""

import errno
import os
import stat
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from .formats import IN_PARTS, RENDERERS, Renderer
from .model import Report

_MODE: Final = 0o644


def write(report: Report, path: Path, renderer: Renderer | None = None) -> None:
    """Render, by the path's ending where no renderer is given, and put the file in place in one step.

    Raises ``OSError``, and ``KeyError`` for an ending that no renderer has.
    A reader sees the old file or the new one, never half of either, whatever kills the process.
    """
    parts = _parts(report, path.suffix.lower(), renderer)
    # A link stays a link: what it points to is replaced.
    path = path.resolve()
    try:
        status = path.stat()
    except FileNotFoundError:
        mode = _MODE
    else:
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            # A pipe or a device has no old content to keep, and must not be replaced by a file.
            with path.open("w", encoding="utf-8", newline="\n") as file:
                file.writelines(parts)
            return
        mode = stat.S_IMODE(status.st_mode)
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name[:80]}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(parts)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, mode)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check(path: Path) -> None:
    """Raise ``OSError`` where a report cannot be written there now."""
    path = path.resolve()
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if not path.exists() or path.is_file():
        with tempfile.NamedTemporaryFile(prefix=f".{path.name[:80]}.", dir=path.parent):
            pass


def _parts(report: Report, suffix: str, renderer: Renderer | None) -> Iterable[str]:
    if renderer is None and suffix in IN_PARTS:
        return IN_PARTS[suffix](report)
    return ((renderer or RENDERERS[suffix])(report),)
