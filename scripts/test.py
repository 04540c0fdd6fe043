"""Run every check: `python3 scripts/test.py [--install-browsers] [pytest arguments...]`.

Lints, checks the types, and runs the tests on both generations of mitmproxy: on the newest, which needs Python 3.12
or newer, and on 11.0.2, the last one for Python 3.11, where what is costly and cannot differ is left out (marker
`once`); some of them without PyYAML. Then two minutes of soak and a slice of fuzzing. Makes an environment for each
generation on first use. Two steps run at a time, no two of them with browsers. One failing step does not keep the
others from running; the exit status is 1 if any failed. Tests that fail are run once more in a process of their own,
if they are few: real browsers and proxies miss something now and then on a busy machine. What fails again has failed,
and the closing table tells of both. With arguments for pytest it runs only pytest, with those, and once.

Runs under whatever Python starts it, 3.6 included: no newer syntax, no newer module.
"""

import json
import os
import subprocess
import tempfile
import threading
import time
from typing import Callable, List, NamedTuple, Optional, Sequence, Tuple

import apt_packages
import environment
import interpreters

HELP = {"-h", "--help"}
INSTALL_BROWSERS = "--install-browsers"
SOME_FAILED = 1
NOTHING_COLLECTED = 5
MOST_AGAIN = 10
"""How many tests may fail and be run once more; where more do, it is no accident."""
SOAK = ["--minutes", "2", "--pause", "1", "--report-every", "10", "--sample-every", "20"]
FUZZ = ["--seconds", "20"]
FEWER = ["--hypothesis-profile", "fewer"]
OF_RULES = ["tests/rules", "tests/mitm/test_rulefile.py"]


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


class Planned(NamedTuple):
    """A command to run as one step, and whether it drives browsers, which leave no room for others that do.

    If it is pytest, `cache` is the directory below the checkout where it notes what failed.
    """

    name: str
    command: List[str]
    browsers: bool = False
    cache: Optional[str] = None


def is_failure(step: Step) -> bool:
    return step.status.startswith("failed")


class Checks:
    """Runs steps, prints what each does, and keeps the score."""

    def __init__(self) -> None:
        self.steps: List[Step] = []
        self._waiting: List[Planned] = []
        self._taking = threading.Lock()
        self._over = False
        self._started = time.time()

    def run(self, name: str, command: Sequence[str], passing: Sequence[int] = (0,)) -> None:
        """Run a command as one step, from the root of the checkout."""
        environment.say(f"\n== {name}\n$ {' '.join(command)}")
        started = time.time()
        status = subprocess.call(command, cwd=environment.ROOT)
        self.add(name, "ok" if status in passing else f"failed ({status})", time.time() - started)

    def run_two_at_a_time(self, planned: Sequence[Planned]) -> None:
        """Run all steps: in this thread those with browsers and then whatever waits, beside it those without."""
        self._waiting = list(planned)
        step = self._next(True)
        thread = threading.Thread(target=self._run_beside, daemon=True)
        thread.start()
        try:
            while step is not None:
                environment.say(f"\n== {step.name}\n$ {' '.join(step.command)}")
                started = time.time()
                status = subprocess.call(step.command, cwd=environment.ROOT)
                self._ended(step, status, time.time() - started)
                step = self._next(True)
            while thread.is_alive():
                thread.join(1)  # without a limit, Windows takes no Ctrl-C here
        finally:
            self.end()

    def _next(self, browsers: bool) -> Optional[Planned]:
        """Take the next step, one with browsers or one without as asked for; where browsers have nothing, any."""
        with self._taking:
            fitting = [step for step in self._waiting if step.browsers == browsers]
            if not fitting and browsers:
                fitting = self._waiting
            if not fitting:
                return None
            self._waiting = [step for step in self._waiting if step is not fitting[0]]
            return fitting[0]

    def _run_beside(self) -> None:
        """Run what needs no browser, the output of each step in one piece at its end."""
        step = self._next(False)
        while step is not None:
            started = time.time()
            with tempfile.TemporaryFile() as output:
                status = subprocess.call(step.command, cwd=environment.ROOT, stdout=output, stderr=subprocess.STDOUT)
                if self._over:
                    return
                output.seek(0)
                printed = output.read().decode("utf-8", "replace")
            environment.say(f"\n== {step.name}\n$ {' '.join(step.command)}\n{printed}")
            self._ended(step, status, time.time() - started)
            step = self._next(False)

    def _ended(self, step: Planned, status: int, seconds: float) -> None:
        """Note how a step ended, and have the tests that failed in it run once more, if they are few."""
        few = failures(step.cache) if status == SOME_FAILED and step.cache else 0
        if not 0 < few <= MOST_AGAIN:
            self.add(step.name, "ok" if status == 0 else f"failed ({status})", seconds)
            return
        self.add(step.name, f"{few} once more", seconds)
        command = [word for word in step.command if word != "--cache-clear"]
        command += ["--last-failed", "--last-failed-no-failures", "none"]
        with self._taking:
            self._waiting.insert(0, Planned(step.name + ", once more", command, step.browsers))

    def end(self) -> None:
        """Start no further step beside."""
        self._over = True
        self._waiting = []

    def add(self, name: str, status: str, seconds: float = 0.0) -> None:
        self.steps.append(Step(name, status, seconds))

    def failed(self) -> bool:
        return any(is_failure(step) for step in self.steps)

    def seconds(self) -> float:
        """Return for how long this has been at work."""
        return time.time() - self._started


def failures(cache: str) -> int:
    """Return how many tests failed, by what pytest has noted in its cache."""
    path = os.path.join(environment.ROOT, cache, "v", "cache", "lastfailed")
    try:
        with open(path, encoding="utf-8") as file:
            return len(json.load(file))
    except (OSError, ValueError):
        return 0


def table(steps: Sequence[Step], seconds: float) -> List[str]:
    """Return the closing table, one line a step, and how long all of it took: less than its sum."""
    steps = [*steps, Step("in all", "failed" if any(is_failure(step) for step in steps) else "ok", seconds)]
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


def all_of(
    name: str, made: environment.Environment, kind: str, arguments: List[str], browsers: bool = False
) -> Planned:
    """Plan pytest with a cache of its own: steps that run at the same time must not tell each other what failed."""
    cache = os.path.join(".pytest_cache", kind)
    command = [made.python, "-m", "pytest", "-q", "--cache-clear", "-o", "cache_dir=" + cache, *arguments]
    return Planned(name, command, browsers, cache)


def everything(found: Sequence[Tuple[Generation, environment.Environment]]) -> List[Planned]:
    """Return the steps in the order in which to begin them: what is quickly told, then what takes longest."""
    newest = found[0][1]
    title = "pytest, Python {}, mitmproxy {}".format(newest.version, mitmproxy_version(newest))
    steps = [
        Planned("ruff check", [newest.tool("ruff"), "check"]),
        Planned("ruff format", [newest.tool("ruff"), "format", "--check"]),
        Planned("mypy", [newest.tool("mypy"), "--strict", "cors_addon", "scripts"]),
        all_of(title + ", in browsers", newest, "browsers", ["-m", "browser"], browsers=True),
        all_of(title, newest, "newest", ["-m", "not browser"]),
    ]
    for _, made in found[1:]:
        name = "pytest, Python {}, mitmproxy {}".format(made.version, mitmproxy_version(made))
        steps.append(all_of(name, made, "oldest", ["-m", "not browser and not once", *FEWER]))
    return [
        *steps,
        Planned("soak", [newest.python, os.path.join("scripts", "soak.py"), *SOAK], browsers=True),
        all_of("pytest, without PyYAML", newest, "no-yaml", ["-p", "tests.hard.without_pyyaml", *OF_RULES]),
        Planned("fuzz", [newest.python, os.path.join("scripts", "fuzz.py"), *FUZZ]),
    ]


def run_selected(
    checks: Checks, found: Sequence[Tuple[Generation, environment.Environment]], arguments: List[str]
) -> None:
    """Run pytest alone, with the user's arguments, on each generation."""
    for _, made in found:
        name = f"pytest, Python {made.version}, mitmproxy {mitmproxy_version(made)}"
        if made is found[0][1]:
            checks.run(name, [made.python, "-m", "pytest", *arguments])
            continue
        command = [made.python, "-m", "pytest", *without_browsers(arguments)]
        checks.run(f"{name}, without browsers", command, [0, NOTHING_COLLECTED])


def work(words: List[str]) -> int:
    if HELP.intersection(words):
        print(__doc__.strip().rpartition("\n\n")[0])
        return 0
    checks = Checks()
    if INSTALL_BROWSERS in words:
        apt_packages.install_browsers(checks.add)
        apt_packages.install_servers(checks.add)
    for_pytest = [word for word in words if word != INSTALL_BROWSERS]
    found = environments(checks)
    if for_pytest:
        run_selected(checks, found, for_pytest)
    else:
        checks.run_two_at_a_time(everything(found))
    environment.say("")
    for line in table(checks.steps, checks.seconds()):
        environment.say(line)
    return 1 if checks.failed() else 0


if __name__ == "__main__":
    environment.main(work)
