"""The process between the proxy and a browser: whichever of them ends, and however, it ends the other side's traces.

It runs by its path, as ``python -I guard.py``, and imports the standard library alone. One line of JSON comes in on
standard input: ``command`` (``{profile}`` stands for the profile's folder), ``files`` to write into the profile,
``parent`` (the folder that the profile is made in, empty for the usual one) and ``pipe`` (whether the browser speaks
the DevTools protocol on descriptors 3 and 4). One line goes out: ``profile`` and ``pid``, or ``error``. What follows on
either stream is the DevTools protocol, passed on as it comes. Standard input ends when the proxy does, and then the
browser is ended; when the browser ends, the profile is removed.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from typing import IO, Any

_CHUNK = 1 << 16
_PATIENCE = 3.0
"""Seconds that a browser gets to end by itself."""

_LAST_OUTPUT = 2_000
_OWNER = "cors-addon-guard"
"""The file in a profile that names its guard's process."""

_DEATH_SIGNAL = 1
"""PR_SET_PDEATHSIG of Linux's prctl()."""

_LONGEST = 56
"""Characters of a profile's path that leave room for the name of a socket in it, which has some 104 in all."""

_HIGH = 100
"""Descriptors from here on are out of the way of 3 and 4."""


def main() -> int:
    """Start the browser that standard input names, and stay until it or the proxy has ended."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    line = _read_line(0)
    if not line:
        return 0
    wanted = json.loads(line)
    profile = ""
    try:
        parent = wanted["parent"]
        if parent:
            os.makedirs(parent, exist_ok=True)
        _sweep(parent or tempfile.gettempdir())
        # mkdtemp makes it 0700.
        profile = tempfile.mkdtemp(prefix="cors-addon-", dir=parent or None)
        for name, text in {**wanted["files"], _OWNER: str(os.getpid())}.items():
            with open(os.path.join(profile, name), "w", encoding="utf-8") as file:
                file.write(text)
        command = [word.replace("{profile}", profile) for word in wanted["command"]]
        process, to_browser, from_browser = _start(command, wanted["pipe"], profile)
    except OSError as error:
        _write_all(1, json.dumps({"error": error.strerror or str(error)}).encode() + b"\n")
        remove(profile)
        return 1
    _write_all(1, json.dumps({"profile": profile, "pid": process.pid}).encode() + b"\n")
    assert process.stdout is not None
    output = _Tail(process.stdout)
    with contextlib.suppress(AttributeError, ValueError):
        signal.signal(signal.SIGTERM, lambda *_: _end(process))
    threading.Thread(target=_from_proxy, args=(to_browser, process), daemon=True).start()
    if from_browser is not None:
        threading.Thread(target=_copy, args=(from_browser, 1, process), daemon=True).start()
    status = process.wait()
    _kill_group(process, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)
    remove(profile)
    with contextlib.suppress(OSError):
        _write_all(2, output.text())
    return 0 if status == 0 else 1


def _start(command: list[str], pipe: bool, profile: str) -> tuple["subprocess.Popen[bytes]", int | None, int | None]:
    options: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    if len(profile) <= _LONGEST:
        # What a browser that is killed leaves in its temporary folder goes with the profile.
        options["env"] = {**os.environ, "TMPDIR": profile}
    # A group of its own, so that all of its processes can be ended, and Ctrl-C at the proxy's terminal ends none.
    if os.name == "nt":
        options["creationflags"] = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
    else:
        options["start_new_session"] = True
    if not pipe:
        if os.name != "nt":
            options["preexec_fn"] = _end_with_guard()
        return subprocess.Popen(command, **options), None, None
    its_input, to_browser = os.pipe()
    from_browser, its_output = os.pipe()
    try:
        if os.name == "nt":
            process = _start_on_windows(command, options, its_input, its_output)
        else:
            process = _start_on_posix(command, options, its_input, its_output)
    finally:
        os.close(its_input)
        os.close(its_output)
    return process, to_browser, from_browser


def _start_on_posix(
    command: list[str], options: dict[str, Any], its_input: int, its_output: int
) -> "subprocess.Popen[bytes]":
    import fcntl

    end_with_guard = _end_with_guard()

    def place() -> None:
        end_with_guard()
        os.dup2(high_input, 3)
        os.dup2(high_output, 4)

    # Pipes may be on 3 and 4 already, the other way round.
    high_input = fcntl.fcntl(its_input, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    high_output = fcntl.fcntl(its_output, fcntl.F_DUPFD_CLOEXEC, _HIGH)
    try:
        # With `pass_fds` 3 and 4 would be closed by their numbers before `place` runs, or kept as what they are now.
        return subprocess.Popen(command, preexec_fn=place, close_fds=False, **options)
    finally:
        os.close(high_input)
        os.close(high_output)


def _end_with_guard() -> Callable[[], object]:
    """Return what a new process calls so that Linux ends it when the guard is killed."""
    if sys.platform != "linux":
        return int
    import ctypes

    prctl = ctypes.CDLL(None).prctl
    return lambda: prctl(_DEATH_SIGNAL, signal.SIGKILL)


def _start_on_windows(
    command: list[str], options: dict[str, Any], its_input: int, its_output: int
) -> "subprocess.Popen[bytes]":
    import msvcrt

    handles = [msvcrt.get_osfhandle(each) for each in (its_input, its_output)]  # type: ignore[attr-defined,unused-ignore]
    for handle in handles:
        os.set_handle_inheritable(handle, True)  # type: ignore[attr-defined,unused-ignore]
    startup = subprocess.STARTUPINFO(lpAttributeList={"handle_list": handles})  # type: ignore[attr-defined,unused-ignore]
    numbers = ",".join(map(str, handles))
    command = [command[0], f"--remote-debugging-io-pipes={numbers}", *command[1:]]
    return subprocess.Popen(command, startupinfo=startup, **options)


def _from_proxy(to_browser: int | None, process: "subprocess.Popen[bytes]") -> None:
    """Pass on what the proxy sends until it ends, then end the browser."""
    with contextlib.suppress(OSError):
        while data := os.read(0, _CHUNK):
            if to_browser is not None:
                _write_all(to_browser, data)
    _end(process)


def _copy(source: int, target: int, process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(OSError):
        while data := os.read(source, _CHUNK):
            _write_all(target, data)
    if process.poll() is None:
        _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End the browser: asked first, made to where it does not."""

    def insist() -> None:
        time.sleep(_PATIENCE)
        if process.poll() is None:
            _kill_group(process, signal.SIGTERM if os.name == "nt" else signal.SIGKILL)

    _kill_group(process, signal.SIGTERM)
    threading.Thread(target=insist, daemon=True).start()


def _kill_group(process: "subprocess.Popen[bytes]", how: int) -> None:
    with contextlib.suppress(OSError):
        if os.name == "nt":
            command = ["taskkill", "/F", "/T", "/PID", str(process.pid)]
            subprocess.call(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        else:
            os.killpg(process.pid, how)


def remove(profile: str) -> None:
    """Remove a profile; the browser's last processes may still be writing to it."""
    _remove_socket(profile)
    for pause in (0.0, 0.1, 0.3, 1.0, 2.0):
        time.sleep(pause)
        shutil.rmtree(profile, ignore_errors=True)
        if not os.path.exists(profile):
            return


def _remove_socket(profile: str) -> None:
    """Remove the folder of Chromium's socket, which is elsewhere where the profile's path is long and links to it."""
    with contextlib.suppress(OSError):
        folder = os.path.dirname(os.readlink(os.path.join(profile, "SingletonSocket")))
        for name in ("SingletonSocket", "SingletonCookie"):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)


def _sweep(folder: str) -> None:
    """Remove the profiles whose guards were killed, or went down with the machine."""
    if os.name == "nt":
        return  # There, asking whether a process lives ends it.
    for entry in os.scandir(folder):
        if not entry.name.startswith("cors-addon-") or not entry.is_dir(follow_symlinks=False):
            continue
        with contextlib.suppress(OSError, ValueError):
            if entry.stat(follow_symlinks=False).st_uid != os.getuid():
                continue
            with open(os.path.join(entry.path, _OWNER), encoding="ascii") as file:
                owner = int(file.read())
            if not _is_guard(owner):
                remove(entry.path)


def _is_guard(pid: int) -> bool:
    if sys.platform == "linux":
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                return os.path.basename(__file__).encode() in file.read()
        except OSError:
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class _Tail:
    """Keeps the end of what the browser prints, which says why it did not start."""

    def __init__(self, stream: "IO[bytes]") -> None:
        self._stream = stream
        self._kept = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            while data := os.read(self._stream.fileno(), _CHUNK):
                self._kept = (self._kept + data)[-_LAST_OUTPUT:]

    def text(self) -> bytes:
        self._thread.join(0.5)
        return self._kept


def _read_line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            return b""
        line += byte
    return line


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


if __name__ == "__main__":
    sys.exit(main())
