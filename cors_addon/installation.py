"""What this Python has installed, for ``--version`` and for commands that lack a package."""

import sys
from typing import Final

from . import __version__

_PACKAGES: Final = {"mitmproxy": "mitmproxy", "yaml": "PyYAML"}
"""What ``pip install`` calls the modules that a command needs."""


def versions() -> str:
    """Return the versions that a bug report needs."""
    # Importing it takes longer than judging a small capture.
    from importlib.metadata import PackageNotFoundError, version

    try:
        mitmproxy = version("mitmproxy")
    except PackageNotFoundError:
        mitmproxy = "not installed"
    return f"cors-addon {__version__} (mitmproxy {mitmproxy}, Python {sys.version.split()[0]})"


def how_to_get(error: ModuleNotFoundError) -> str:
    """Return how to install the module that is missing; raise the error again where it is none of the packages."""
    module = (error.name or "").partition(".")[0]
    if module not in _PACKAGES:
        raise error
    return (
        f"{sys.executable} has no {module}. Use .venv/bin/cors-addon, which scripts/run.py makes, or install it: "
        f"{sys.executable} -m pip install {_PACKAGES[module]}"
    )
