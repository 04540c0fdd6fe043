"""A small disk that can be filled up: a file system in memory, where this user may mount one."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

_BLOCK = bytes(1 << 20)


@contextlib.contextmanager
def small(folder: Path, megabytes: int) -> Iterator[Path | None]:
    """Mount a disk of so many megabytes at a folder; yield ``None`` where that is not allowed."""
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "soak", str(folder)], check=False, capture_output=True
    )
    if mounted.returncode:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=False)


def fill(disk: Path) -> Path:
    """Fill a disk to its last byte; return the file that does it."""
    path = disk / "filler"
    with contextlib.suppress(OSError), open(path, "wb", buffering=0) as filler:
        while filler.write(_BLOCK):
            pass
    return path
