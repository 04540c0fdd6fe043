"""The stamp of a virtual environment: what it holds, and whether it was ever finished.

The stamp is a file in the environment. It is written unfinished before anything is installed and finished after
everything is, so that an interrupted installation is known for what it is and made again. While the stamp fits,
a start reads two small files and runs nothing.

Runs under whatever Python starts the scripts, 3.6 included: no newer syntax, no newer module.
"""

import hashlib
import json
import os
from typing import List, NamedTuple, Optional, Sequence

FILE = "cors-addon-stamp.json"
CONSTRAINTS = os.path.join("scripts", "constraints.txt")


class Stamp(NamedTuple):
    """What an environment holds.

    `location` is in it because an environment that was moved or copied still points to where it was made, and the
    real path of `interpreter` because a Python that became another minor version leaves the packages behind.
    """

    complete: bool
    location: str
    interpreter: str
    version: str
    project: str
    extras: List[str]
    pinned: bool = False


def read(directory: str) -> Optional[Stamp]:
    """Return the environment's stamp, or None where there is none that can be read."""
    try:
        with open(os.path.join(directory, FILE), encoding="utf-8") as file:
            return Stamp(**json.load(file))
    except (OSError, ValueError, TypeError):
        return None


def write(directory: str, stamp: Stamp) -> None:
    """Write the stamp whole or not at all."""
    path = os.path.join(directory, FILE)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(stamp._asdict(), file, indent=1)
    os.replace(path + ".new", path)


def is_sound(stamp: Optional[Stamp], directory: str) -> bool:
    """Return whether the environment was finished, is where it was made, and still has its Python."""
    if stamp is None or stamp.complete is not True or stamp.location != os.path.realpath(directory):
        return False
    python = program(directory, "python")
    if os.name != "nt" and os.path.realpath(python) != stamp.interpreter:
        return False
    return os.path.exists(python) and os.path.exists(stamp.interpreter)


def is_current(stamp: Optional[Stamp], root: str, directory: str, extras: Sequence[str]) -> bool:
    """Return whether the environment is sound and holds what the project file and the extras ask for."""
    if stamp is None or not is_sound(stamp, directory):
        return False
    return stamp.project == project_digest(root) and set(extras) <= set(stamp.extras)


def project_digest(root: str) -> str:
    """Return the hash of the two files that name everything that gets installed, and its releases."""
    digest = hashlib.sha256()
    for name in ("pyproject.toml", CONSTRAINTS):
        with open(os.path.join(root, name), "rb") as file:
            digest.update(hashlib.sha256(file.read()).digest())
    return digest.hexdigest()


def program(directory: str, name: str) -> str:
    """Return where a virtual environment keeps a program."""
    if os.name == "nt":
        return os.path.join(directory, "Scripts", name + ".exe")
    return os.path.join(directory, "bin", name)
