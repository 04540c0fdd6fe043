"""A real mitmproxy in a process of its own, waited for by what it prints."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
ADDON = ROOT / "cors_addon" / "addon.py"
SECONDS = 120
"""For how long something is awaited before a test fails; nothing takes that long on its own."""


class Mitmproxy:
    """One of mitmproxy's tools from ``__enter__`` to ``__exit__``, with a configuration folder of its own.

    ``lines`` is what it has printed so far, standard error included. It listens on a free port, ``port``, unless the
    arguments say that it has none.
    """

    def __init__(
        self,
        folder: Path,
        *arguments: str | Path,
        tool: str = "mitmdump",
        script: str | Path | None = ADDON,
        options: Sequence[str] = (),
        cwd: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self._changed = threading.Condition()
        self._ended = False
        confdir = folder / "conf"
        confdir.mkdir(parents=True, exist_ok=True)
        self.command = [str(Path(sys.executable).with_name(tool)), "--set", f"confdir={confdir}"]
        if script is not None:
            self.command += ["-s", str(script)]
        for option in options:
            self.command += ["--set", option]
        self.command += map(str, arguments)
        self._cwd = cwd or folder
        # Nothing of the checkout may be found but through the script itself.
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        self._environment = {**kept, "PYTHONUNBUFFERED": "1", **(environment or {})}

    def __enter__(self) -> Mitmproxy:
        self._process = subprocess.Popen(
            self.command,
            cwd=self._cwd,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._changed:
                # Without the time that mitmdump puts before each line.
                self.lines.append(re.sub(r"^\[[0-9:.]+\]\s*", "", line.rstrip("\n")))
                self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str, after: int = 0) -> re.Match[str]:
        """Wait until a line matches, the first ``after`` lines left aside."""
        seen = after

        def found() -> re.Match[str] | None:
            nonlocal seen
            while seen < len(self.lines):
                seen += 1
                match = re.search(pattern, self.lines[seen - 1])
                if match is not None:
                    return match
            return None

        with self._changed:
            result: re.Match[str] | None = None

            def done() -> bool:
                nonlocal result
                result = result or found()
                return result is not None or self._ended

            self._changed.wait_for(done, SECONDS)
        assert result is not None, f"no line matches {pattern!r}:\n{self.output}"
        return result

    @property
    def port(self) -> int:
        return int(self.wait_for(r"proxy listening at .*?:(\d+)\.?$")[1])

    @property
    def certificate(self) -> Path:
        return self.folder / "conf" / "mitmproxy-ca-cert.pem"

    def stop(self, how: signal.Signals = signal.SIGINT) -> int:
        """End it as a user or a service manager would; its exit status."""
        if self._process.poll() is None:
            self._process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        """Wait for its end and return its exit status."""
        status = self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        return status

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait(SECONDS)
        self._reader.join(SECONDS)
        if self._process.stdout is not None:
            self._process.stdout.close()
        if error is not None:
            error.add_note(f"What it printed:\n{self.output}")


def listening(*modes: str) -> list[str]:
    """Return the arguments for a proxy on a free port of this machine alone."""
    ports = ["--listen-host", "127.0.0.1"]
    if not modes:
        return [*ports, "-p", "0"]
    return [*ports, *(word for mode in modes for word in ("--mode", mode))]


def free_port() -> int:
    """Return a port that nobody has right now, for what cannot choose one by itself.

    It is none of those that systems give away by themselves, so that none of them has it before it is used.
    """
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def run(folder: Path, *arguments: str | Path, **others: object) -> tuple[int, list[str]]:
    """Run mitmproxy to its end; its exit status and the lines that it printed."""
    with Mitmproxy(folder, *arguments, **others) as process:  # type: ignore[arg-type]
        return process.wait(), process.lines
