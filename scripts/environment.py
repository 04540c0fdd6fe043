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
                    making = _Making(root, directory, extras)
                    stamp = making.make(accepts, stamp, NEWEST if newest else PINNED)
        except OSError as error:
            raise SetupError(
                f"{name} could not be set up: {error}",
                f"See to it that {root} can be written and has room, and start again.",
            ) from error
    assert stamp is not None
    return Environment(directory, stamp.version, stamp.pinned)


class _Making(NamedTuple):
    """The work of making one environment, or of bringing it up to date."""

    root: str
    directory: str
    extras: Sequence[str]

    @property
    def name(self) -> str:
        return os.path.basename(self.directory)

    @property
    def log(self) -> str:
        return self.directory + "-install.log"

    def make(
        self, accepts: interpreters.Accepts, stamp: Optional[stamps.Stamp], releases: Sequence[str]
    ) -> stamps.Stamp:
        _forget(self.log)
        if stamp is not None and stamps.is_sound(stamp, self.directory):
            say(f"cors-addon: bringing {self.name} up to date")
            renewed = stamp._replace(extras=sorted(set(self.extras) | set(stamp.extras)))
            try:
                return self._finish(renewed, releases)
            except InstallError as error:
                if error.step == "network":
                    raise self._setup_error(stamp.version, error) from error

        usable, unusable = interpreters.find(accepts)
        if not usable:
            raise NoPythonError(*interpreters.none_usable(unusable))
        made, failed = self._first_that_can(usable, releases)
        if made is None and releases is PINNED and any(error.step == "pip" for error in failed.values()):
            say(f"cors-addon: no Python here can install the releases of {stamps.CONSTRAINTS}; trying the newest")
            made, failed = self._first_that_can(usable, NEWEST)
        if made is None:
            raise self._setup_error(interpreters.dotted(usable[0].version), failed[usable[0]])
        return made

    def _first_that_can(
        self, usable: Sequence[interpreters.Interpreter], releases: Sequence[str]
    ) -> Tuple[Optional[stamps.Stamp], Dict[interpreters.Interpreter, InstallError]]:
        """Make the environment with the first Python that can; return its stamp, and why others could not."""
        failed: Dict[interpreters.Interpreter, InstallError] = {}
        _clear(self.directory)
        for interpreter in usable:
            # What pip cannot install on one Python 3.12 it cannot install on the next either.
            if any(f.version[:2] == interpreter.version[:2] and error.step == "pip" for f, error in failed.items()):
                continue
            version = interpreters.dotted(interpreter.version)
            say(f"cors-addon: setting up {self.name} with Python {version}; this takes a minute or two")
            started = time.time()
            try:
                made = self._build(interpreter, releases)
            except InstallError as error:
                failed[interpreter] = error
                _clear(self.directory)
                if error.step == "network":
                    break
                continue
            say(f"cors-addon: {self.name} is ready after {time.time() - started:.0f} s")
            return made, failed
        return None, failed

    def _build(self, interpreter: interpreters.Interpreter, releases: Sequence[str]) -> stamps.Stamp:
        os.mkdir(self.directory)
        stamp = stamps.Stamp(
            complete=False,
            location=os.path.realpath(self.directory),
            interpreter=os.path.realpath(interpreter.executable),
            version=interpreters.dotted(interpreter.version),
            project="",
            extras=sorted(self.extras),
        )
        stamps.write(self.directory, stamp)
        self._run("venv", [interpreter.executable, "-m", "venv", self.directory])
        if os.name != "nt":
            # Which file the link ends at is for the venv module to decide.
            stamp = stamp._replace(interpreter=os.path.realpath(stamps.program(self.directory, "python")))
        return self._finish(stamp, releases)

    def _finish(self, stamp: stamps.Stamp, releases: Sequence[str]) -> stamps.Stamp:
        """Install into the environment, and leave the stamp of what is finished."""
        stamp = stamp._replace(complete=False, project=stamps.project_digest(self.root), pinned=releases is PINNED)
        stamps.write(self.directory, stamp)
        python = stamps.program(self.directory, "python")
        target = f".[{','.join(stamp.extras)}]" if stamp.extras else "."
        pip = [python, "-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--progress-bar", "off"]
        self._run("pip", [*pip, *releases, "--editable", target])
        # Where Python writes no bytecode by itself, each start would compile the package anew.
        package = os.path.join(self.root, "cors_addon")
        with contextlib.suppress(OSError), open(os.devnull, "w", encoding="utf-8") as nowhere:
            subprocess.call([python, "-m", "compileall", "-q", package], stdout=nowhere, stderr=nowhere)
        stamp = stamp._replace(complete=True)
        stamps.write(self.directory, stamp)
        _forget(self.log)
        return stamp

    def _run(self, step: str, command: List[str]) -> None:
        """Run a command, its output to the log. Raises InstallError where it fails."""
        # Somebody's PIP_USER would turn every installation away from the environment.
        environ = dict(os.environ, PIP_USER="0")
        with open(self.log, "a+", encoding="utf-8", errors="replace") as file:
            file.write(f"$ {' '.join(command)}\n")
            file.flush()
            header = file.tell()
            try:
                status = subprocess.call(
                    command, cwd=self.root, env=environ, stdin=subprocess.DEVNULL, stdout=file, stderr=file
                )
            except OSError as error:
                raise InstallError(step, str(error)) from error
            file.seek(header)
            output = file.read() if status else ""
        if status:
            # pip's words for each attempt that did not reach the index.
            raise InstallError("network" if "connection broken by" in output else step, failure_reason(output, status))

    def _setup_error(self, version: str, error: InstallError) -> SetupError:
        return SetupError(
            f"{self.name} could not be set up with Python {version}: {error.reason}",
            f"Check that pip reaches its package index from here, then start again; {self.log} has the whole output.",
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
