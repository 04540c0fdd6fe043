"""Run every check: `python3 scripts/test.py [--install-browsers] [pytest arguments...]`.

Lints, checks the types, and runs the tests on both generations of mitmproxy: on the newest, which needs Python 3.12
or newer, and on 11.0.2, the last one for Python 3.11. Makes an environment for each on first use. One failing step
does not keep the others from running; the exit status is 1 if any failed. With arguments for pytest it runs only
pytest, with those.

Runs under whatever Python starts it, 3.6 included: no newer syntax, no newer module.
"""

import os
import shutil
import subprocess
import time
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import environment
import interpreters

HELP = {"-h", "--help"}
INSTALL_BROWSERS = "--install-browsers"
NOTHING_COLLECTED = 5


class Generation(NamedTuple):
    """A line of mitmproxy releases, told apart by the Pythons that they support."""

    mitmproxy: str
    python: str
    accepts: Callable[[interpreters.Version], bool]
    spare: str  # the environment it gets where `.venv` holds the other generation


NEWEST = Generation(
    "the newest mitmproxy", "Python 3.12 or newer", lambda version: version[:2] >= (3, 12), ".venv-newest"
)
OLDEST = Generation("mitmproxy 11.0.2", "Python 3.11", lambda version: version[:2] == (3, 11), ".venv-3.11")


class Step(NamedTuple):
    """One line of the closing table."""

    name: str
    status: str
    seconds: float


class Checks:
    """Runs steps, prints what each does, and keeps the score."""

    def __init__(self) -> None:
        self.steps: List[Step] = []

    def run(self, name: str, command: Sequence[str], passing: Sequence[int] = (0,)) -> None:
        """Run a command as one step, from the root of the checkout."""
        environment.say(f"\n== {name}\n$ {' '.join(command)}")
        started = time.time()
        status = subprocess.call(command, cwd=environment.ROOT)
        self.add(name, "ok" if status in passing else f"failed ({status})", time.time() - started)

    def add(self, name: str, status: str, seconds: float = 0.0) -> None:
        self.steps.append(Step(name, status, seconds))

    def failed(self) -> bool:
        return any(step.status.startswith("failed") for step in self.steps)


def table(steps: Sequence[Step]) -> List[str]:
    """Return the closing table, one line a step."""
    name_width = max(len(step.name) for step in steps)
    status_width = max(len(step.status) for step in steps)
    return [f"{step.name:<{name_width}}  {step.status:<{status_width}}  {step.seconds:6.1f} s" for step in steps]


def environments(checks: Checks) -> List[Tuple[Generation, environment.Environment]]:
    """Return an environment for each generation that this machine has a Python for, the newest first.

    `.venv` is the one that `scripts/run.py` uses, so it stays with the Python that it has.
    """
    first = environment.ensure(extras=["dev"])
    found = []
    for generation in (NEWEST, OLDEST):
        major, minor, patch = (int(part) for part in first.version.split("."))
        if generation.accepts((major, minor, patch)):
            found.append((generation, first))
            continue
        started = time.time()
        try:
            made = environment.ensure(name=generation.spare, extras=["dev"], accepts=generation.accepts)
        except environment.NoPythonError:
            checks.add(f"pytest, {generation.mitmproxy}", f"not run: no {generation.python} found")
        except environment.SetupError as error:
            environment.say(f"cors-addon: {error.problem}\n  {error.remedy}")
            checks.add(f"set up {generation.spare}", "failed", time.time() - started)
        else:
            found.append((generation, made))
    return found


def mitmproxy_version(made: environment.Environment) -> str:
    """Return the version of mitmproxy in an environment."""
    code = "import importlib.metadata as m; print(m.version('mitmproxy'))"
    return subprocess.check_output([made.python, "-c", code], universal_newlines=True).strip()


def without_browsers(arguments: Sequence[str]) -> List[str]:
    """Return pytest's arguments with the browser tests taken out of whatever `-m` selects; the last `-m` counts."""
    selected = ""
    for word, following in zip(arguments, [*arguments[1:], ""]):
        if word == "-m":
            selected = following
        elif word.startswith("-m"):
            selected = word[2:]
    return [*arguments, "-m", f"({selected}) and not browser" if selected else "not browser"]


def install_browsers(checks: Checks) -> None:
    """Let apt-get put on the machine what the tests need and it lacks, as far as it may."""
    packages = [name for name in ("chromium", "firefox-esr", "tmux") if shutil.which(name) is None]
    if not os.path.isdir(os.path.join(environment.ROOT, ".venv")):
        usable, unusable = interpreters.find()
        if not usable and any(found.lacks_venv for found in unusable):
            packages.append("python3-venv")
    if not packages:
        return
    name = f"install {' '.join(packages)}"
    by_hand = f"apt-get update && apt-get install {' '.join(packages)}"
    root = _as_root()
    if root is None or shutil.which("apt-get") is None:
        environment.say(f"cors-addon: {' '.join(packages)} cannot be installed from here: it takes apt-get and root.")
        environment.say(f"  Install them by hand (Debian: {by_hand}), or leave {INSTALL_BROWSERS} out.")
        checks.add(name, "failed (needs apt-get and root)")
        return
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    # The lists may be there already, so that only the installation decides.
    subprocess.call([*apt, "update"], stdin=subprocess.DEVNULL)
    started = time.time()
    command = [*apt, "--no-install-recommends", "install", *packages]
    status = subprocess.call(command, stdin=subprocess.DEVNULL)
    if status != 0:
        environment.say(f"cors-addon: {' '.join(command)} ended with status {status}.")
        environment.say(f"  See above for its reason; install them by hand, or leave {INSTALL_BROWSERS} out.")
    checks.add(name, "ok" if status == 0 else f"failed ({status})", time.time() - started)


def _as_root() -> Optional[List[str]]:
    """Return what to put before a command to run it as root, or None where that takes a password or cannot be."""
    if os.name == "nt":
        return None
    if os.geteuid() == 0:
        return []
    asked = ["sudo", "-n", "true"]
    if shutil.which("sudo") and subprocess.call(asked, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return ["sudo", "-n"]
    return None


def work(words: List[str]) -> int:
    if HELP.intersection(words):
        print(__doc__.strip().rpartition("\n\n")[0])
        return 0
    checks = Checks()
    if INSTALL_BROWSERS in words:
        install_browsers(checks)
    for_pytest = [word for word in words if word != INSTALL_BROWSERS]
    found = environments(checks)
    newest = found[0][1]
    if not for_pytest:
        checks.run("ruff check", [newest.tool("ruff"), "check"])
        checks.run("ruff format", [newest.tool("ruff"), "format", "--check"])
        checks.run("mypy", [newest.tool("mypy"), "--strict", "cors_addon", "scripts"])
    for _, made in found:
        name = f"pytest, Python {made.version}, mitmproxy {mitmproxy_version(made)}"
        arguments = for_pytest or ["-q"]
        passing = [0]
        if made is not newest:
            name += ", without browsers"
            arguments = without_browsers(arguments)
            if for_pytest:
                passing.append(NOTHING_COLLECTED)
        checks.run(name, [made.python, "-m", "pytest", *arguments], passing)
    environment.say("")
    for line in table(checks.steps):
        environment.say(line)
    return 1 if checks.failed() else 0


if __name__ == "__main__":
    environment.main(work)
