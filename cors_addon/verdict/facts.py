"""What was asked and answered, as a reader of a diagnosis needs it: header lines that matter, and how to ask again."""

from dataclasses import dataclass
from typing import Any

Line = tuple[str, str | None]
"""A header's name and its value, ``None`` where the header was not sent."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One exchange without its secrets.

    ``method`` is the one that the page uses: of a preflight, the one it asks for. ``asked`` and ``answered`` are
    header lines; ``commands`` are what asks the server the same from a shell. ``page`` is the page's URL as far as
    Referer tells it, ``started`` a Unix time in seconds, ``initiator`` the place in the page's code.
    """

    method: str
    asked: tuple[Line, ...] = ()
    answered: tuple[Line, ...] = ()
    commands: tuple[str, ...] = ()
    page: str = ""
    started: float = 0.0
    initiator: tuple[tuple[str, Any], ...] = ()
