"""What the process does while somebody watches: files opened, processes begun, sockets connected.

By the interpreter's own audit events, https://docs.python.org/3/library/audit_events.html, which no library can avoid.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_PROCESSES = ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.startfile")
_SOCKETS = (
    "socket.connect",
    "socket.bind",
    "socket.sendto",
    "socket.sendmsg",
    "socket.getaddrinfo",
    "socket.gethostbyname",
)
_CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "shutil.rmtree")


@dataclass
class Watched:
    """What was seen. `files` are paths and how they were opened, those of Python's modules left out."""

    files: list[tuple[str, str]] = field(default_factory=list)
    changes: list[tuple[str, str]] = field(default_factory=list)
    processes: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)

    @property
    def written(self) -> set[str]:
        """The paths that were opened to write, and those that were changed otherwise."""
        opened = {path for path, how in self.files if set(how) & set("wax+")}
        return opened | {path for _, path in self.changes}


_watching: list[Watched] = []


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if not _watching:
        return
    seen = _watching[-1]
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, (str, bytes)) and not _is_code(str(path)):
            seen.files.append((str(path), str(mode) if mode is not None else _mode(flags)))
    elif event in _PROCESSES:
        seen.processes.append(f"{event} {arguments[0]}")
    elif event in _SOCKETS:
        seen.sockets.append(f"{event} {arguments[-1]}")
    elif event in _CHANGES:
        seen.changes.append((event, str(arguments[0])))


def _mode(flags: object) -> str:
    return "w" if isinstance(flags, int) and flags & 3 else "r"


def _is_code(path: str) -> bool:
    return path.endswith((".py", ".pyc", ".so")) or "/site-packages/" in path or path.startswith(sys.base_prefix)


_added: list[bool] = []


@contextmanager
def watched() -> Iterator[Watched]:
    """Watch the whole process; a hook, once added, stays, so it looks away in between."""
    if not _added:
        sys.addaudithook(_hook)
        _added.append(True)
    seen = Watched()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)
