"""Reading a file that somebody names: never without an end, and never waiting for one."""

import os
import stat


def read_regular_file(path: str | os.PathLike[str], most: int) -> bytes:
    """Return the first ``most`` bytes of a file at most.

    Raises ``OSError`` where it cannot be read or is no regular file: a pipe keeps its reader waiting, and a device may
    have no end.
    """
    opened = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise OSError("it is a folder, a pipe or a device, and no file")
        with open(opened, "rb", closefd=False) as file:
            return file.read(most)
    finally:
        os.close(opened)
