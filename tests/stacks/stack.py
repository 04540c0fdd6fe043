"""What a stack is to the tests: a name, a reason why it cannot run here, and servers that start and stop."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.mitm.process import free_port
from tests.stacks.cases import CASES, App, Case

START_SECONDS = 120
STOP_SECONDS = 10
Ports = Mapping[str, int]
Start = Callable[[Sequence[App], Path], contextlib.AbstractContextManager[Ports]]


@dataclass(frozen=True, slots=True)
class Stack:
    """`key` is the addon's own for the stack. `is_told` says whether its answers tell what it is.

    A gateway (`before`) keeps what the server behind it does wrong: its snippet has to fix that. Stores allow
    credentials (`grants_credentials`) for every page that they list, needed or not.
    """

    key: str
    missing: Callable[[], str | None]
    start: Start
    is_told: bool = True
    before: bool = False
    cases: tuple[Case, ...] = CASES
    grants_credentials: bool = False


def find_server(program: str) -> str | None:
    """The path of a server, which may lie where only the administrator's PATH leads."""
    return shutil.which(program) or shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin")


class StackError(Exception):
    """A server did not start; the text ends with what it printed."""


@contextlib.contextmanager
def process(
    command: Sequence[str], folder: Path, told: str = "", **environment: str
) -> Iterator[subprocess.Popen[str]]:
    """Run a server and whatever it starts, until the end of the block. `told` is its standard input."""
    with open(folder / "output", "w+") as output, tempfile.TemporaryFile("w+") as given:
        given.write(told)
        given.seek(0)
        running = subprocess.Popen(
            command,
            cwd=folder,
            stdin=given,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        try:
            yield running
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(running.pid, signal.SIGTERM)
            try:
                running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.pid, signal.SIGKILL)
                running.wait()
            assert running.stdout is not None
            running.stdout.close()


def printed(folder: Path) -> str:
    return (folder / "output").read_text(errors="replace")[-4000:]


def ports_told(running: subprocess.Popen[str], folder: Path) -> dict[str, int]:
    """The ports that a server prints in a line of JSON once it listens."""
    assert running.stdout is not None
    line = running.stdout.readline()
    if not line:
        running.wait(STOP_SECONDS)
        raise StackError(f"{running.args!r} ended with exit status {running.returncode}:\n{printed(folder)}")
    ports: dict[str, int] = json.loads(line)
    return ports


def free_ports(count: int) -> list[int]:
    """Return ports that nobody has, none twice."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return list(found)


def await_listening(running: subprocess.Popen[str], folder: Path, ports: Sequence[int]) -> None:
    """Return once a server that was told its ports accepts connections at all of them."""
    deadline = time.monotonic() + START_SECONDS
    for port in ports:
        while True:
            if running.poll() is not None or time.monotonic() > deadline:
                raise StackError(f"{running.args!r} does not listen on {port}:\n{printed(folder)}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.02)
