"""The pinned set, `scripts/constraints.txt`: the release of each package that the tests ran on, for pip to install.

One file serves both generations of mitmproxy: where their releases of a package differ, or only one needs it, the line
carries that generation's marker. `python3 scripts/test.py --pin` writes it.

Runs under whatever Python starts the scripts, 3.6 included: no newer syntax, no newer module.
"""

import re
import subprocess
from typing import Dict, List, Mapping, Tuple

import environment

Releases = Dict[str, str]
"""The version of each package, by its normalized name."""

LINE = re.compile(r"([\w.-]+)==([^\s;]+)(?:; (.+))?")


def read(text: str, marker: str) -> Releases:
    """Return what the file pins for the Pythons of a marker."""
    lines = (LINE.fullmatch(line) for line in text.splitlines())
    return {line.group(1): line.group(2) for line in lines if line and line.group(3) in (None, marker)}


def write(releases: Mapping[str, Releases], note: str) -> str:
    """Return the file's text for the releases by marker; markers have to exclude each other."""
    lines = ["# Written by `python3 scripts/test.py --pin`" + note, "# scripts/run.py and scripts/test.py install it."]
    for name in sorted(set().union(*releases.values())):
        versions = {marker: found[name] for marker, found in releases.items() if name in found}
        if len(versions) == len(releases) and len(set(versions.values())) == 1:
            lines.append(f"{name}=={versions.popitem()[1]}")
        else:
            lines += [f"{name}=={version}; {marker}" for marker, version in versions.items()]
    return "\n".join(lines) + "\n"


def installed(made: environment.Environment) -> Releases:
    """Return what an environment holds beside cors-addon itself and what every environment begins with."""
    pip = [made.python, "-m", "pip", "--disable-pip-version-check", "freeze", "--exclude-editable"]
    lines = (LINE.fullmatch(line) for line in subprocess.check_output(pip, universal_newlines=True).splitlines())
    return {re.sub("[-_.]+", "-", line.group(1)).lower(): line.group(2) for line in lines if line}


def changes(before: Releases, after: Releases) -> List[str]:
    """Return what differs, a package each, such as ``h2 4.3.0 -> 4.4.1``."""
    pairs: List[Tuple[str, str, str]] = [
        (name, before.get(name, "nothing"), after.get(name, "nothing")) for name in sorted({*before, *after})
    ]
    return [f"{name} {old} -> {new}" for name, old, new in pairs if old != new]
