"""A browser's process behind its guard, and the folder of its profile.

Threads read and write, since not every event loop of Windows knows pipes, and a browser that does not read must not
hold up the proxy.
"""

import asyncio
import contextlib
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from . import guard

_CHUNK: Final = 1 << 18
_WAITING: Final = 4
"""How many chunks wait to be read, and are read in one turn: a browser that says more waits itself."""

_MOST_SHOWN: Final = 300
_LOG_PLACE: Final = re.compile(r"^\[[^\]]*\] *")
"""What Chromium prints before each message: process, time and place in its source."""

_KILL: Final = getattr(signal, "SIGKILL", signal.SIGTERM)


class StartError(Exception):
    """A browser did not start; the message says why and what to do."""


class BrowserProcess:
    """A running browser. ``profile`` is the folder of its profile, which the guard removes."""

    def __init__(self, title: str, command: Sequence[str]) -> None:
        self.profile = ""
        self._title = title
        self._program = command[0]
        self._pid = 0
        self._loop = asyncio.get_running_loop()
        self._received: asyncio.Queue[bytes] = asyncio.Queue()
        self._room = threading.Semaphore(_WAITING)
        self._closed = False
        self._ended: asyncio.Future[str] = self._loop.create_future()
        self._to_send: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        # A session of its own: Ctrl-C at the terminal is for the proxy alone.
        self._guard = subprocess.Popen(
            [_python(), "-I", guard.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=os.name != "nt",
        )
        for work in (self._send, self._receive):
            threading.Thread(target=work, name="cors-addon browser", daemon=True).start()

    @classmethod
    async def start(
        cls, title: str, command: Sequence[str], files: Mapping[str, str], parent: str, pipe: bool
    ) -> "BrowserProcess":
        """Start a browser in a new profile that holds ``files``. Raises ``StartError``."""
        try:
            process = cls(title, command)
        except OSError as error:
            raise StartError(f"{title} did not start: {error}") from error
        wanted = {"command": list(command), "files": dict(files), "parent": parent, "pipe": pipe}
        process.write(json.dumps(wanted).encode() + b"\n")
        try:
            await process._begin()
        except BaseException:
            process.close()
            raise
        return process

    async def _begin(self) -> None:
        line = b""
        while not line.endswith(b"\n"):
            # Nothing follows it before something is sent.
            data = await self.read()
            if not data:
                break
            line += data
        told: dict[str, Any] = json.loads(line or b"{}")
        if "pid" not in told:
            why = told.get("error") or "its guard ended"
            raise StartError(f"{self._title} did not start: {why} ({self._program})")
        self.profile, self._pid = told["profile"], told["pid"]

    def write(self, data: bytes) -> None:
        """Send to the browser's pipe; what is sent to one that has ended is lost."""
        self._to_send.put(data)

    async def read(self) -> bytes:
        """Return what came next from the browser's pipe, empty when it has ended."""
        data = await self._received.get()
        self._room.release()
        return data

    async def ended(self) -> str:
        """Wait until the browser has ended and nothing of it is left; return the end of what it printed."""
        return await asyncio.shield(self._ended)

    async def failure(self, error: Exception) -> StartError:
        """End a browser that fails to start; return why, by what it printed last."""
        self.close()
        lines = [_LOG_PLACE.sub("", line.strip()) for line in (await self.ended()).splitlines()]
        why = " ".join(filter(None, lines[-3:]))[:_MOST_SHOWN] or str(error) or "it does not answer"
        help_ = " Add --headless to start it without a window." if "DISPLAY" in why else ""
        return StartError(f"{self._title} did not start: {why.rstrip('.')}.{help_}")

    def close(self) -> None:
        """End the browser. The guard does it, also where nobody is left to wait."""
        self._closed = True
        self._room.release()
        self._to_send.put(None)

    # --- the threads ------------------------------------------------------------------------------------------

    def _send(self) -> None:
        assert self._guard.stdin is not None
        with contextlib.suppress(OSError):
            while (data := self._to_send.get()) is not None:
                self._guard.stdin.write(data)
        with contextlib.suppress(OSError):
            self._guard.stdin.close()

    def _receive(self) -> None:
        assert self._guard.stdout is not None
        assert self._guard.stderr is not None
        with self._guard.stdout as stdout, contextlib.suppress(OSError):
            while data := stdout.read(_CHUNK):
                if not self._closed:
                    self._room.acquire()
                self._tell(self._received.put_nowait, data)
        self._tell(self._received.put_nowait, b"")
        with self._guard.stderr as stderr:
            printed = stderr.read() or b""
        self._guard.wait()
        self._to_send.put(None)
        self._remove_rest()
        self._tell(self._end, printed.decode("utf-8", "replace"))

    def _remove_rest(self) -> None:
        """Do what a guard that was killed did not do, also where ``ended`` is not awaited."""
        if self.profile and os.path.exists(self.profile):
            kill_group = getattr(os, "killpg", None)
            if kill_group is not None:
                with contextlib.suppress(OSError):
                    kill_group(self._pid, _KILL)
            guard.remove(self.profile)

    def _end(self, printed: str) -> None:
        if not self._ended.done():
            self._ended.set_result(printed)

    def _tell(self, call: Callable[[Any], None], value: Any) -> None:
        # The proxy's loop may have ended by now.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call, value)


def _python() -> str:
    """Return the Python that the guard runs on; a standalone mitmproxy is none."""
    if not getattr(sys, "frozen", False) and sys.executable:
        return sys.executable
    found = shutil.which("python3") or shutil.which("python")
    if found is None:
        raise StartError("This mitmproxy is a standalone program. Install Python to start a browser from it.")
    return found
