"""Debian's packages that the tests use: which of them this machine lacks, and apt-get's work of installing them.

Runs under whatever Python starts the scripts, 3.6 included: no newer syntax, no newer module.
"""

import glob
import os
import shutil
import subprocess
import time
from typing import Callable, List, Optional, Sequence

import environment
import interpreters

# What shows that a package is there, a program or else a file, and the package with the least around it.
BROWSERS = (
    ("chromium", "chromium"),
    ("firefox-esr", "firefox-esr"),
    ("tmux", "tmux"),
    ("/usr/lib/*/girepository-1.0/WebKit2-4.1.typelib", "gir1.2-webkit2-4.1"),
    ("/usr/lib/python3/dist-packages/gi", "python3-gi"),
    ("Xvfb", "xvfb"),
    ("xauth", "xauth"),
)
SERVERS = (("nginx", "nginx-light"), ("apache2", "apache2-bin"), ("caddy", "caddy"), ("haproxy", "haproxy"))

Told = Callable[[str, str, float], None]
"""Takes a step's name, how it ended, and how many seconds it took."""


def is_there(sign: str) -> bool:
    """Return whether this machine has a program, or a file by its absolute path or pattern."""
    return bool(glob.glob(sign)) if sign.startswith("/") else shutil.which(sign) is not None


def install_browsers(told: Told) -> None:
    """Let apt-get put on the machine what the tests need and it lacks, as far as it may."""
    packages = [package for sign, package in BROWSERS if not is_there(sign)]
    if not os.path.isdir(os.path.join(environment.ROOT, ".venv")):
        usable, unusable = interpreters.find()
        if not usable and any(found.lacks_venv for found in unusable):
            packages.append("python3-venv")
    if not packages:
        return
    name = f"install {' '.join(packages)}"
    apt = apt_get()
    if apt is None:
        environment.say(f"cors-addon: {' '.join(packages)} cannot be installed from here: it takes apt-get and root.")
        by_hand = f"apt-get update && apt-get install {' '.join(packages)}"
        environment.say(f"  Install them by hand (Debian: {by_hand}), or leave --install-browsers out.")
        told(name, "failed (needs apt-get and root)", 0.0)
        return
    started = time.time()
    # The lists may be there already, so that only the installation decides.
    _call([*apt, "update"])
    status = _call([*apt, "--no-install-recommends", "install", *packages])
    if status != 0:
        environment.say(f"cors-addon: apt-get ended with status {status}; its reason is above.")
        environment.say("  Install them by hand, or leave --install-browsers out.")
    told(name, "ok" if status == 0 else f"failed ({status})", time.time() - started)


def install_servers(told: Told) -> None:
    """On CI, let apt-get put the servers there that the tests of the snippets run; without one, its tests are skipped.

    On anybody's own machine they stay away: Debian starts them as services.
    """
    missing = [package for sign, package in SERVERS if not is_there(sign)]
    apt = apt_get()
    if not missing or not os.environ.get("CI") or apt is None:
        return
    _call([*apt, "update"])
    for package in missing:
        started = time.time()
        status = _call([*apt, "--no-install-recommends", "install", package])
        ended = "ok" if status == 0 else f"not run: apt-get ended with status {status}"
        told(f"install {package}", ended, time.time() - started)


def apt_get() -> Optional[List[str]]:
    """Return how to start apt-get as root, or None where there is none, or it takes a password."""
    if os.name == "nt" or shutil.which("apt-get") is None:
        return None
    apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-y"]
    if os.geteuid() == 0:
        return apt
    asked = ["sudo", "-n", "true"]
    if shutil.which("sudo") and subprocess.call(asked, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) == 0:
        return ["sudo", "-n", *apt]
    return None


def _call(command: Sequence[str]) -> int:
    return subprocess.call(command, stdin=subprocess.DEVNULL)
