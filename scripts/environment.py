"""The virtual environment that the scripts run in: made on first use, checked by its stamp on every later one.

Runs under whatever Python starts the scripts, 3.6 included: no newer syntax, no newer module.
"""

import contextlib
import os
import shutil
import subprocess
import sys
import time
from typing import Callable, Dict, Iterator, List, NamedTuple, NoReturn, Optional, Sequence, Tuple

import interpreters
import stamps

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# What tells pip which releases to take.
PINNED = ("--constraint", stamps.CONSTRAINTS)
NEWEST: Tuple[str, ...] = ()


class SetupError(Exception):
    """The environment cannot be had: one line says what is wrong, the other what to do."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.problem = problem
        self.remedy = remedy


class NoPythonError(SetupError):
    """No interpreter on this machine fits."""


class InstallError(Exception):
    """One interpreter could not be given the package. `step` is the part that failed: `venv`, `pip` or `network`."""

    def __init__(self, step: str, reason: str) -> None:
        super().__init__(reason)
        self.step = step
        self.reason = reason


class Environment(NamedTuple):
    """A finished virtual environment; `version` is its Python's, as in `3.13.0`.

    `pinned` says whether it holds the releases that `scripts/constraints.txt` names.
    """

    directory: str
    version: str
    pinned: bool = True

    @property
    def python(self) -> str:
        return self.tool("python")

    def tool(self, name: str) -> str:
        """Return the absolute path of a program in the environment."""
        return stamps.program(self.directory, name)


def say(line: str) -> None:
    """Print a line for the user beside whatever the tool prints on stdout."""
    print(line, file=sys.stderr, flush=True)


def ensure(
    root: str = ROOT,
    name: str = ".venv",
    extras: Sequence[str] = (),
    accepts: interpreters.Accepts = interpreters.at_least_minimum,
    newest: bool = False,
) -> Environment:
    """Return the virtual environment `name` of the checkout, made or brought up to date where that is needed.

    It gets the pinned releases, or, where no Python here can install those, the newest. With `newest` it gets the
    newest in any case, and is made anew each time. `accepts` chooses among the Pythons when one is made.
    Raises SetupError, or its NoPythonError where the machine has no Python that fits.
    """
    directory = os.path.join(root, name)
    stamp = stamps.read(directory)
    if newest or not stamps.is_current(stamp, root, directory, extras):
        try:
            with _only_one(root):
                stamp = None if newest else stamps.read(directory)
                if not stamps.is_current(stamp, root, directory, extras):
                    stamp = _make(root, directory, extras, accepts, stamp, NEWEST if newest else PINNED)
        except OSError as error:
            raise SetupError(
                f"{name} could not be set up: {error}",
                f"See to it that {root} can be written and has room, and start again.",
            ) from error
    assert stamp is not None
    return Environment(directory, stamp.version, stamp.pinned)


def _make(
    root: str,
    directory: str,
    extras: Sequence[str],
    accepts: interpreters.Accepts,
    stamp: Optional[stamps.Stamp],
    choice: Sequence[str],
) -> stamps.Stamp:
    name = os.path.basename(directory)
    log = directory + "-install.log"
    _forget(log)
    if stamp is not None and stamps.is_sound(stamp, directory):
        say(f"cors-addon: bringing {name} up to date")
        renewed = stamp._replace(extras=sorted(set(extras) | set(stamp.extras)))
        try:
            return _finish(root, directory, renewed, log, choice)
        except InstallError as error:
            if error.step == "network":
                raise _setup_error(name, stamp.version, error, log) from error

    usable, unusable = interpreters.find(accepts)
    if not usable:
        raise NoPythonError(*interpreters.none_usable(unusable))
    made, failed = _first_that_can(root, directory, extras, usable, log, choice)
    if made is None and choice is PINNED and any(error.step == "pip" for error in failed.values()):
        say(f"cors-addon: no Python here can install the releases of {stamps.CONSTRAINTS}; trying the newest")
        made, failed = _first_that_can(root, directory, extras, usable, log, NEWEST)
    if made is None:
        raise _setup_error(name, interpreters.dotted(usable[0].version), failed[usable[0]], log)
    return made


def _first_that_can(
    root: str,
    directory: str,
    extras: Sequence[str],
    usable: Sequence[interpreters.Interpreter],
    log: str,
    choice: Sequence[str],
) -> Tuple[Optional[stamps.Stamp], Dict[interpreters.Interpreter, InstallError]]:
    """Make the environment with the first Python that can; return its stamp, and why others could not."""
    name = os.path.basename(directory)
    failed: Dict[interpreters.Interpreter, InstallError] = {}
    _clear(directory)
    for interpreter in usable:
        # What pip cannot install on one Python 3.12 it cannot install on the next either.
        if any(f.version[:2] == interpreter.version[:2] and error.step == "pip" for f, error in failed.items()):
            continue
        version = interpreters.dotted(interpreter.version)
        say(f"cors-addon: setting up {name} with Python {version}; this takes a minute or two")
        started = time.time()
        try:
            made = _build(root, directory, extras, interpreter, log, choice)
        except InstallError as error:
            failed[interpreter] = error
            _clear(directory)
            if error.step == "network":
                break
            continue
        say(f"cors-addon: {name} is ready after {time.time() - started:.0f} s")
        return made, failed
    return None, failed


def _build(
    root: str,
    directory: str,
    extras: Sequence[str],
    interpreter: interpreters.Interpreter,
    log: str,
    choice: Sequence[str],
) -> stamps.Stamp:
    os.mkdir(directory)
    stamp = stamps.Stamp(
        complete=False,
        location=os.path.realpath(directory),
        interpreter=os.path.realpath(interpreter.executable),
        version=interpreters.dotted(interpreter.version),
        project="",
        extras=sorted(extras),
    )
    stamps.write(directory, stamp)
    _logged("venv", [interpreter.executable, "-m", "venv", directory], root, log)
    if os.name != "nt":
        # Which file the link ends at is for the venv module to decide.
        stamp = stamp._replace(interpreter=os.path.realpath(stamps.program(directory, "python")))
    return _finish(root, directory, stamp, log, choice)


def _finish(root: str, directory: str, stamp: stamps.Stamp, log: str, choice: Sequence[str]) -> stamps.Stamp:
    unfinished = stamp._replace(complete=False, project=stamps.project_digest(root), pinned=choice is PINNED)
    stamps.write(directory, unfinished)
    target = f".[{','.join(stamp.extras)}]" if stamp.extras else "."
    pip = [stamps.program(directory, "python"), "-m", "pip", "--disable-pip-version-check", "--no-input", "install"]
    _logged("pip", [*pip, "--progress-bar", "off", *choice, "--editable", target], root, log)
    _compile(stamps.program(directory, "python"), root)
    finished = unfinished._replace(complete=True)
    stamps.write(directory, finished)
    _forget(log)
    return finished


def _logged(step: str, command: List[str], root: str, log: str) -> None:
    # Somebody's PIP_USER would turn every installation away from the environment.
    environ = dict(os.environ, PIP_USER="0")
    with open(log, "a", encoding="utf-8") as file:
        file.write(f"$ {' '.join(command)}\n")
        file.flush()
        header = file.tell()
        try:
            status = subprocess.call(
                command, cwd=root, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise InstallError(step, str(error)) from error
    if status != 0:
        with open(log, encoding="utf-8", errors="replace") as file:
            file.seek(header)
            output = file.read()
        # pip's words for each attempt that did not reach the index.
        raise InstallError("network" if "connection broken by" in output else step, failure_reason(output, status))


def _compile(python: str, root: str) -> None:
    """Leave the package compiled: where Python writes no bytecode by itself, each start would compile it anew."""
    package = os.path.join(root, "cors_addon")
    with contextlib.suppress(OSError):
        subprocess.call(
            [python, "-m", "compileall", "-q", package], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


def _forget(log: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.remove(log)


def failure_reason(output: str, status: int) -> str:
    """Return the line of a failed command's output that says most, shortened to fit into a message."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith("error:") and "subprocess-exited" not in line]
    reason = (errors or lines or [f"exit status {status}"])[-1]
    return reason if len(reason) <= 200 else reason[:197] + "..."


def _clear(directory: str) -> None:
    """Make room for a new environment: remove one of ours, move away what is somebody else's."""
    if not os.path.lexists(directory):
        return
    if os.path.islink(directory) or (
        os.listdir(directory) and not os.path.exists(os.path.join(directory, stamps.FILE))
    ):
        spare = directory + ".old"
        while os.path.lexists(spare):
            spare += "+"
        os.rename(directory, spare)
        say(f"cors-addon: {directory} was not made by this script; it is now {os.path.basename(spare)}")
    else:
        # Renamed first: a removal that is interrupted would leave a directory without its stamp.
        doomed = directory + ".removed"
        if os.path.exists(doomed):
            shutil.rmtree(doomed)
        os.rename(directory, doomed)
        shutil.rmtree(doomed)


@contextlib.contextmanager
def _only_one(root: str) -> Iterator[None]:
    """Keep two first starts from installing into one environment."""
    try:
        import fcntl
    except ImportError:  # Windows refuses to replace files in use by itself.
        yield
        return
    with open(os.path.join(root, ".venv.lock"), "w", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("cors-addon: waiting for another start that is setting up")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _setup_error(name: str, version: str, error: InstallError, log: str) -> SetupError:
    return SetupError(
        f"{name} could not be set up with Python {version}: {error.reason}",
        f"Check that pip reaches its package index from here, then start again; {log} has the whole output.",
    )


def start(command: List[str]) -> NoReturn:
    """Become the command. On Windows, which has no such thing, run it and end with its exit status."""
    sys.stdout.flush()
    sys.stderr.flush()
    if os.name != "nt":
        try:
            os.execv(command[0], command)
        except OSError as error:
            raise SetupError(
                f"{command[0]} does not start: {error.strerror}",
                f"Remove {os.path.dirname(os.path.dirname(command[0]))} and start again.",
            ) from error
    process = subprocess.Popen(command)
    while True:
        try:
            sys.exit(process.wait())
        except KeyboardInterrupt:
            continue  # The command got it too and ends in its own way.


def main(work: Callable[[List[str]], int]) -> NoReturn:
    """Run a script's `work` with the command line's arguments and end with its exit status."""
    try:
        status = work(sys.argv[1:])
    except SetupError as error:
        say("cors-addon: " + error.problem)
        say("  " + error.remedy)
        status = 1
    except KeyboardInterrupt:
        say("cors-addon: interrupted")
        status = 130
    sys.exit(status)
