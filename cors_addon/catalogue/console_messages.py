"""Find the entries that a browser's name for an error, or a message pasted from its console, is about.

Messages change from version to version and quote URLs and values. So a few words identify each message, in any order.
"""

import re
from collections.abc import Sequence
from typing import Final

from . import CATALOGUE
from .render import browsers_names
from .violation import Violation

_URL: Final = re.compile(r"(?<![a-z0-9+.-])[a-z0-9+.-]++://[^\s'\"’”]*")
_WORD: Final = re.compile(r"[a-z0-9]+(?:[-_][a-z0-9]+)*")

_ORIGIN: Final = "access-control-allow-origin"
_CREDENTIALS: Final = "access-control-allow-credentials"
_METHODS: Final = "access-control-allow-methods"
_HEADERS: Final = "access-control-allow-headers"

_METHOD_IDS: Final = ("method-not-allowed", "method-wildcard-with-credentials")
_HEADER_IDS: Final = ("header-not-allowed", "header-wildcard-with-credentials")

# The first line whose words all occur decides.
_CLUES: Final[Sequence[tuple[str, tuple[str, ...]]]] = (
    ("err_blocked_by_orb", ("orb-blocked",)),
    (f"wildcard {_ORIGIN}", ("allow-origin-wildcard-with-credentials",)),
    (f"credential supported {_ORIGIN}", ("allow-origin-wildcard-with-credentials",)),
    (_CREDENTIALS, ("allow-credentials-not-true",)),
    (f"parse {_METHODS}", ("allow-methods-invalid",)),
    (f"invalid {_METHODS}", ("allow-methods-invalid",)),
    (f"parse {_HEADERS}", ("allow-headers-invalid",)),
    (f"invalid {_HEADERS}", ("allow-headers-invalid",)),
    (f"method {_METHODS}", _METHOD_IDS),
    (f"header allowed {_HEADERS}", _HEADER_IDS),
    (f"multiple {_ORIGIN}", ("allow-origin-multiple",)),
    ("more one origin", ("allow-origin-multiple",)),
    (f"invalid value {_ORIGIN}", ("allow-origin-invalid",)),
    (f"equal {_ORIGIN}", ("allow-origin-mismatch",)),
    (f"match {_ORIGIN}", ("allow-origin-mismatch", "allow-origin-invalid")),
    (f"missing {_ORIGIN}", ("allow-origin-missing",)),
    (f"no present {_ORIGIN}", ("allow-origin-missing",)),
    (f"origin allowed {_ORIGIN}", ("allow-origin-missing", "allow-origin-mismatch", "allow-origin-invalid")),
    ("preflight ok status", ("preflight-status-not-ok",)),
    ("preflight channel succeed", ("preflight-status-not-ok",)),
    ("preflight redirect allowed", ("preflight-redirect",)),
    ("external redirect allowed", ("preflight-redirect",)),
    ("preflight successful", ("preflight-status-not-ok", "preflight-redirect")),
    ("redirect username", ("redirect-url-credentials",)),
    ("redirection credentials", ("redirect-url-credentials",)),
    ("redirection scheme", ("redirect-scheme",)),
    ("redirections 20", ("redirect-too-many",)),
    ("cross-origin-resource-policy", ("corp-not-same-origin", "corp-not-same-site", "corp-coep")),
    ("cors request succeed", ("network-error",)),
)

_NO_REASON: Final = frozenset({"access", "control", "checks"})
NO_REASON: Final = "Safari prints the reason in another line of its console. Paste that line."


def entries_of(message: str) -> list[Violation]:
    """Return the entries that a browser's name or console message is about, the likeliest first; none where none is."""
    typed = message.lower()
    if named := [each for each in CATALOGUE.values() if typed in map(str.lower, browsers_names(each))]:
        return named
    words = _words(message)
    found = next((ids for clues, ids in _CLUES if words.issuperset(clues.split())), ())
    return [CATALOGUE[each] for each in found]


def gives_no_reason(message: str) -> bool:
    """Say whether this is the message in which Safari says that a load failed, and not why."""
    return _words(message) >= _NO_REASON


def _words(message: str) -> set[str]:
    return set(_WORD.findall(_URL.sub(" ", message.lower())))
