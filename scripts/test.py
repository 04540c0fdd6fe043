"""Run every check: `python3 scripts/test.py [--install-browsers] [--newest] [pytest arguments...]`.

Lints, checks the types, and runs the tests on both generations of mitmproxy: on the newest, which needs Python 3.12
or newer, and on 11.0.2, the last one for Python 3.11, where what is costly and cannot differ is left out (marker
`once`); some of them without PyYAML. Then two minutes of soak and a slice of fuzzing. Makes an environment for each
generation on first use. Two steps run at a time, no two of them with browsers. One failing step does not keep the
others from running; the exit status is 1 if any failed. Tests that fail are run once more in a process of their own,
if they are few: real browsers and proxies miss something now and then on a busy machine. What fails again has failed,
and the closing table tells of both. With arguments for pytest it runs only pytest, with those, and once.

The environments hold the releases that scripts/constraints.txt pins. `--newest` tests the newest release of everything
instead, in environments of its own. On CI one step of the whole run does so too: it reports and fails nothing.
`--pin` makes these environments and writes what they hold to scripts/constraints.txt.

Runs under whatever Python starts it, 3.6 included: no newer syntax, no newer module.
"""

import os
import subprocess
import sys
import time
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

# Python with -I or -P does not look beside the script by itself.
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import apt_packages
import environment
import interpreters
import pins
import stamps
from steps import Checks, Planned, table

HELP = {"-h", "--help"}
INSTALL_BROWSERS, NEWEST, PIN = "--install-browsers", "--newest", "--pin"
NOTHING_COLLECTED = 5
SOAK = ["--minutes", "2", "--pause", "1", "--report-every", "10", "--sample-every", "20", "--listened", "", "--untimed"]
FUZZ = ["--seconds", "20"]
FEWER = ["--hypothesis-profile", "fewer"]
OF_RULES = ["tests/rules", "tests/mitm/test_rulefile.py"]


class Generation(NamedTuple):
    """A line of mitmproxy releases, told apart by the Pythons that they support."""

    mitmproxy: str
    python: str
    marker: str  # as pip writes it
    accepts: Callable[[interpreters.Version], bool]
    spare: str  # the environment it gets where `.venv` holds the other generation
    unpinned: str  # the environment for the newest release of everything


RECENT = Generation(
    "the newest mitmproxy",
    "Python 3.12 or newer",
    'python_version >= "3.12"',
    lambda version: version[:2] >= (3, 12),
    ".venv-3.12",
    ".venv-unpinned",
)
OLDEST = Generation(
    "mitmproxy 11.0.2",
    "Python 3.11",
    'python_version < "3.12"',
    lambda version: version[:2] == (3, 11),
    ".venv-3.11",
    ".venv-unpinned-3.11",
)
Found = List[Tuple[Generation, environment.Environment]]


def environments(checks: Checks, newest: bool = False) -> Found:
    """Return an environment for each generation that this machine has a Python for, the newest first.

    `.venv` is the one that `scripts/run.py` uses, so it stays with the Python that it has.
    """
    found: Found = []
    first = None if newest else environment.ensure(extras=["dev"])
    for generation in (RECENT, OLDEST):
        if first is not None and generation.accepts(numbers(first.version)):
            found.append((generation, first))
            continue
        name = generation.unpinned if newest else generation.spare
        started = time.time()
        try:
            made = environment.ensure(name=name, extras=["dev"], accepts=generation.accepts, newest=newest)
        except environment.NoPythonError:
            checks.add(f"pytest, {generation.mitmproxy}", f"not run: no {generation.python} found")
        except environment.SetupError as error:
            environment.say(f"cors-addon: {error.problem}\n  {error.remedy}")
            checks.add(f"set up {name}", "failed", time.time() - started)
        else:
            found.append((generation, made))
    return found


def numbers(version: str) -> interpreters.Version:
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch


def title_of(made: environment.Environment) -> str:
    title = f"pytest, Python {made.version}, mitmproxy {mitmproxy_version(made)}"
    return title if made.pinned else title + ", not pinned"


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
    name: str,
    made: environment.Environment,
    kind: str,
    arguments: List[str],
    browsers: bool = False,
    reports: bool = False,
) -> Planned:
    """Plan pytest with a cache of its own: steps that run at the same time must not tell each other what failed."""
    cache = os.path.join(".pytest_cache", kind)
    command = [made.python, "-m", "pytest", "-q", "--cache-clear", "-o", "cache_dir=" + cache, *arguments]
    return Planned(name, command, browsers, cache, reports)


def everything(found: Found) -> List[Planned]:
    """Return the steps in the order in which to begin them: what is quickly told, then what takes longest."""
    newest = found[0][1]
    title = title_of(newest)
    steps = [
        Planned("ruff check", [newest.tool("ruff"), "check"]),
        Planned("ruff format", [newest.tool("ruff"), "format", "--check"]),
        Planned("mypy", [newest.tool("mypy"), "--strict", "cors_addon", "scripts"]),
        all_of(title + ", in browsers", newest, "browsers", ["-m", "browser"], browsers=True),
        all_of(title, newest, "newest", ["-m", "not browser"]),
    ]
    for _, made in found[1:]:
        steps.append(all_of(title_of(made), made, "oldest", ["-m", "not browser and not once", *FEWER]))
    return [
        *steps,
        Planned("soak", [newest.python, os.path.join("scripts", "soak.py"), *SOAK], browsers=True),
        all_of("pytest, without PyYAML", newest, "no-yaml", ["-p", "tests.hard.without_pyyaml", *OF_RULES]),
        Planned("fuzz", [newest.python, os.path.join("scripts", "fuzz.py"), *FUZZ]),
    ]


def run_selected(checks: Checks, found: Found, arguments: List[str]) -> None:
    """Run pytest alone, with the user's arguments, on each generation."""
    for _, made in found:
        name = title_of(made)
        if made is found[0][1]:
            checks.run(name, [made.python, "-m", "pytest", *arguments])
            continue
        command = [made.python, "-m", "pytest", *without_browsers(arguments)]
        checks.run(f"{name}, without browsers", command, [0, NOTHING_COLLECTED])


def of_the_newest(checks: Checks, generation: Generation, pinned: environment.Environment) -> List[Planned]:
    """Plan tests of the newest release of everything, which report and fail nothing; none where it is the pinned."""
    name = "newest of everything"
    started = time.time()
    try:
        made = environment.ensure(
            name=generation.unpinned,
            extras=["dev"],
            accepts=lambda version: interpreters.dotted(version) == pinned.version,
            newest=True,
        )
    except environment.SetupError as error:
        environment.say(f"cors-addon: {error.problem}\n  {error.remedy}")
        checks.add(name, "reported: it cannot be installed", time.time() - started)
        return []
    changes = pins.changes(pins.installed(pinned), pins.installed(made))
    if not changes:
        checks.add(name, "as pinned", time.time() - started)
        return []
    say_changes(changes)
    selected = ["-m", "not browser and not once", *FEWER]
    return [all_of(f"{name}, {len(changes)} other than pinned", made, "unpinned", selected, reports=True)]


def say_changes(changes: Sequence[str]) -> None:
    environment.say("cors-addon: other than pinned: " + (", ".join(changes) or "nothing"))


def pin() -> int:
    """Write the newest release of everything, as pip takes it for each generation, to the constraints."""
    path = os.path.join(environment.ROOT, stamps.CONSTRAINTS)
    with open(path, encoding="utf-8") as file:
        before = file.read()
    releases: Dict[str, pins.Releases] = {}
    versions = []
    for generation in (RECENT, OLDEST):
        made = environment.ensure(name=generation.unpinned, extras=["dev"], accepts=generation.accepts, newest=True)
        releases[generation.marker] = pins.installed(made)
        versions.append("Python " + made.version)
        say_changes(pins.changes(pins.read(before, generation.marker), releases[generation.marker]))
    with open(path, "w", encoding="utf-8") as file:
        file.write(pins.write(releases, " with {}".format(" and ".join(versions))))
    environment.say(f"cors-addon: {path} is written; scripts/test.py tests it.")
    return 0


def work(words: List[str]) -> int:
    if HELP.intersection(words):
        print(__doc__.strip().rpartition("\n\n")[0])
        return 0
    if PIN in words:
        return pin()
    checks = Checks()
    if INSTALL_BROWSERS in words:
        apt_packages.install_browsers(checks.add)
        apt_packages.install_servers(checks.add)
    newest = NEWEST in words
    for_pytest = [word for word in words if word not in (INSTALL_BROWSERS, NEWEST)]
    found = environments(checks, newest)
    if not found:
        return 1
    if for_pytest:
        run_selected(checks, found, for_pytest)
    else:
        planned = everything(found)
        if os.environ.get("CI") and not newest:
            planned += of_the_newest(checks, *found[0])
        checks.run_two_at_a_time(planned)
    environment.say("")
    for line in table(checks.steps, checks.seconds()):
        environment.say(line)
    return 1 if checks.failed() else 0


if __name__ == "__main__":
    environment.main(work)
