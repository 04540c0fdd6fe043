"""Colours of severities on a terminal."""

import os
from typing import Final

_CODES: Final = {"blocked": "1;31", "conditional": "1;33", "risk": "33", "advice": "36", "info": "2", "known": "2"}


def painted(text: str, severity: str) -> str:
    """Return a text in a severity's colour."""
    return f"\x1b[{_CODES[severity]}m{text}\x1b[0m"


def is_wanted() -> bool:
    """Say whether a terminal may show colours at all: https://no-color.org/ and terminals that have none."""
    return not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
