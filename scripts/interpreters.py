"""Find the Pythons of this machine that can hold a virtual environment for cors-addon.

Runs under whatever Python starts the scripts, 3.6 included: no newer syntax, no newer module.
"""

import contextlib
import glob
import json
import os
import re
import subprocess
import sys
from typing import Callable, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple, Union

MINIMUM = (3, 11)
PROBE_SECONDS = 20

Version = Tuple[int, int, int]
Accepts = Callable[[Version], bool]

# Python 2 answers too: `python` may still be one. A virtual environment names the Python that it was made from, since
# it may be the very environment that is about to be replaced.
PROBE = """
import json, sys
try:
    import ensurepip, venv
    missing = ""
except ImportError as error:
    missing = str(error)
try:
    import sysconfig
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
except ImportError:
    free_threaded = False
nested = sys.prefix != getattr(sys, "base_prefix", sys.prefix)
print(json.dumps({
    "executable": getattr(sys, "_base_executable", sys.executable) if nested else sys.executable,
    "version": list(sys.version_info[:3]),
    "final": sys.version_info[3] == "final",
    "implementation": getattr(getattr(sys, "implementation", None), "name", "cpython"),
    "free_threaded": free_threaded,
    "missing": missing,
}))
"""


class Interpreter(NamedTuple):
    """A Python that can make the virtual environment; `executable` is an absolute path."""

    executable: str
    version: Version
    final: bool


class Unusable(NamedTuple):
    """A Python that was found and passed over. `version` is None where it could not even be started."""

    executable: str
    version: Optional[Version]
    reason: str
    lacks_venv: bool = False


def at_least_minimum(version: Version) -> bool:
    """Return whether cors-addon runs on this version of Python."""
    return version[:2] >= MINIMUM


def dotted(version: Version) -> str:
    """Return ``3.11.7`` for ``(3, 11, 7)``."""
    return ".".join(str(part) for part in version)


def candidates(environ: Mapping[str, str], windows: bool, running: str) -> List[List[str]]:
    """Return the commands that may start a Python, each once: the running one, those on PATH, pyenv's, `py`'s.

    pyenv's shims are left out: one exists for every name that any installed version has, and it fails for the
    versions that are not selected. The versions themselves are all listed.
    """
    home = environ.get("USERPROFILE" if windows else "HOME", "")
    pyenv = environ.get("PYENV_ROOT") or os.path.join(home, ".pyenv")
    shims = os.path.realpath(os.path.join(pyenv, "shims"))
    suffix = ".exe" if windows else ""
    name = re.compile(r"python(3(\.\d+)?)?" + re.escape(suffix))
    paths = [running]
    for directory in environ.get("PATH", "").split(os.pathsep):
        if directory and os.path.realpath(directory) != shims:
            with contextlib.suppress(OSError):  # PATH may name what is not there, or not for this user.
                files = sorted(os.listdir(directory))
                paths.extend(os.path.join(directory, file) for file in files if name.fullmatch(file))
    for pattern in ("python.exe",) if windows else ("bin/python",):
        paths.extend(sorted(glob.glob(os.path.join(glob.escape(pyenv), "versions", "*", pattern))))
    commands: Dict[str, List[str]] = {}
    for path in paths:
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            commands.setdefault(os.path.realpath(path), [os.path.abspath(path)])
    if windows:
        for path in launcher_paths(_output(["py", "-0p"]) or ""):
            commands.setdefault(os.path.realpath(path), [path])
        commands["py -3"] = ["py", "-3"]
    return list(commands.values())


def launcher_paths(listing: str) -> List[str]:
    """Return the interpreters named by the output of `py -0p`, in its old and its new form."""
    return re.findall(r"^\s*-\S+\s+(?:\*\s+)?(\S.*\.exe)(?:\s+\*)?\s*$", listing, re.MULTILINE)


def probe(command: List[str], accepts: Accepts) -> Union[Interpreter, Unusable]:
    """Start one candidate and ask it what it is."""
    shown = " ".join(command)
    try:
        answer = json.loads(_output([*command, "-c", PROBE]) or "")
        version = (int(answer["version"][0]), int(answer["version"][1]), int(answer["version"][2]))
    except (ValueError, KeyError, IndexError, TypeError):
        return Unusable(shown, None, "does not start")
    if answer["implementation"] != "cpython":
        return Unusable(shown, version, f"is {answer['implementation']}, not CPython")
    if not at_least_minimum(version):
        return Unusable(shown, version, "is too old")
    if not accepts(version):
        return Unusable(shown, version, "is not asked for here")
    if answer["free_threaded"]:
        return Unusable(shown, version, "is a free-threaded build, which mitmproxy has no binaries for")
    if answer["missing"]:
        return Unusable(shown, version, f"has no venv ({answer['missing']})", lacks_venv=True)
    return Interpreter(answer["executable"] or shown, version, bool(answer["final"]))


def find(accepts: Accepts = at_least_minimum) -> Tuple[List[Interpreter], List[Unusable]]:
    """Return the Pythons of this machine that are usable, the best first, and those that are not.

    The best is the newest; a pre-release comes after every release.
    """
    usable: Dict[str, Interpreter] = {}
    unusable: List[Unusable] = []
    for command in candidates(os.environ, os.name == "nt", sys.executable):
        found = probe(command, accepts)
        if isinstance(found, Interpreter):
            usable.setdefault(os.path.realpath(found.executable), found)
        else:
            unusable.append(found)
    ordered = sorted(usable.values(), key=lambda interpreter: (interpreter.final, interpreter.version), reverse=True)
    return ordered, unusable


def none_usable(unusable: Sequence[Unusable]) -> Tuple[str, str]:
    """Return a line that says why no Python fits, naming those that came near, and one that says what to do."""
    known = sorted((found for found in unusable if found.version), key=lambda found: found.version or (), reverse=True)
    lacking = [found for found in known if found.lacks_venv]
    if lacking:
        shown = _shown(lacking[0])
        minor = shown.rpartition(".")[0]
        return (
            f"Python {shown} ({lacking[0].executable}) {lacking[0].reason}, and no other Python here fits.",
            f"Install its venv module (Debian, Ubuntu: apt-get install python{minor}-venv) and start again.",
        )
    broken = [found for found in unusable if not found.version]
    seen = ", ".join(f"{_shown(found)} {found.reason}" for found in [*known, *broken][:4])
    return (
        f"No usable Python on PATH or under pyenv; 3.11 or newer is needed{f' ({seen})' if seen else ''}.",
        f"Install Python 3.11 or newer ({_how_to_install(sys.platform)}) and start again.",
    )


def _shown(found: Unusable) -> str:
    return dotted(found.version) if found.version else found.executable


def _how_to_install(platform: str) -> str:
    if platform == "darwin":
        return "brew install python, or from https://www.python.org/downloads/"
    if platform == "win32":
        return "winget install Python.Python.3.13, or from https://www.python.org/downloads/"
    return "Debian 12, Ubuntu 24.04 and later: apt-get install python3-venv; elsewhere pyenv install 3.13"


def _output(command: List[str]) -> Optional[str]:
    """Return what a command prints, or None where it does not start, does not end or does not succeed."""
    try:
        ended = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=PROBE_SECONDS,
            check=True,
            universal_newlines=True,
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return ended.stdout
