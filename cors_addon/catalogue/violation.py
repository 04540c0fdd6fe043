"""What an entry of the catalogue holds."""

from dataclasses import dataclass
from enum import Enum
from string import Formatter
from typing import NamedTuple


class Severity(Enum):
    """How much a finding matters, most first."""

    BLOCKED = "blocked"
    CONDITIONAL = "conditional"
    RISK = "risk"
    ADVICE = "advice"
    INFO = "info"


class Stage(Enum):
    """Where in a fetch a condition is met."""

    PREFLIGHT = "preflight"
    REDIRECT = "redirect"
    RESPONSE = "response"


class FixOwner(Enum):
    """Who can fix it."""

    SERVER = "server"
    GATEWAY = "gateway"
    CLIENT = "client"
    BROWSER = "browser"
    NOBODY = "nobody"


class Example(NamedTuple):
    """The same exchanges twice, as transcripts (see ``cors_addon.traffic.transcript``)."""

    broken: str
    fixed: str


@dataclass(frozen=True, slots=True)
class Violation:
    """One distinct condition that can be wrong, in this project's words.

    ``title`` is a template (``str.format`` fields, each a ``str``) and reads as one line of a log;
    ``explanation`` says what browsers do and why in two to five sentences; ``fix`` says what to change. ``anchor`` is
    the URL of the standard's text. ``chromium`` is the CorsError name without prefix: where ``preflight_prefix`` is
    set, Chromium puts ``Preflight`` before it on a preflight. ``firefox`` is the console category without its digit;
    either is ``None`` where the browser has no name for the condition. ``webkit`` is this project's name for WebKit's
    sentence (see ``webkit_names``). Judging ``broken`` yields exactly this id, ``fixed`` none of severity ``blocked``,
    ``conditional`` or ``risk`` and never this id.
    """

    id: str
    title: str
    severity: Severity
    stages: frozenset[Stage]
    explanation: str
    fix: str
    anchor: str
    example: Example
    owner: FixOwner = FixOwner.SERVER
    chromium: str | None = None
    preflight_prefix: bool = False
    firefox: str | None = None
    webkit: str | None = None
    cwe: int | None = None

    @property
    def params(self) -> tuple[str, ...]:
        """The names of the title's fields, in their order."""
        return tuple(field for _, field, _, _ in Formatter().parse(self.title) if field is not None)

    @property
    def broken(self) -> str:
        """The example that yields this id."""
        return self.example.broken

    @property
    def fixed(self) -> str:
        """The same after the fix."""
        return self.example.fixed
