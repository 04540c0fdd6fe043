"""Tests of the scripts that set up and start everything.

The scripts are files and no package: the tests import them by their names from the folder, put on the path here.
"""

import sys
from pathlib import Path

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
EARLY = (
    *("apt_packages.py", "demo.py", "environment.py", "interpreters.py", "pins.py", "run.py", "stamps.py"),
    *("steps.py", "test.py"),
)

if str(SCRIPTS) not in sys.path:
    sys.path.append(str(SCRIPTS))
