"""axe-core, the accessibility checker: fetched from npm once a run, for tests only."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

CHECK = """axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})
    .then((told) => told.violations.flatMap(({id, nodes}) => nodes.map(({target}) => `${id}: ${target}`)))"""
"""What to evaluate in a page that has axe-core; returns what is wrong, a line each."""


def fetch(folder: Path) -> tuple[str, str]:
    """Return axe-core's source, and why there is none."""
    npm = shutil.which("npm")
    if npm is None:
        return "", "npm is not installed, and axe-core comes from there"
    command = [npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--ignore-scripts", "axe-core@4"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    if done.returncode != 0:
        return "", f"npm could not fetch axe-core: {done.stderr[-500:]}"
    return (folder / "node_modules/axe-core/axe.min.js").read_text(encoding="utf-8"), ""
