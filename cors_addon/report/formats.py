"""Which renderer writes which format, by name and by a file's ending."""

from collections.abc import Callable
from typing import Final

from . import html, json_, junit, plain, sarif
from .model import Report

Renderer = Callable[[Report], str]

FORMATS: Final[dict[str, tuple[str, Renderer]]] = {
    "json": (".json", json_.render),
    "html": (".html", html.render),
    "sarif": (".sarif", sarif.render),
    "junit": (".xml", junit.render),
    "text": (".txt", plain.render),
}
"""Each format's name, its file ending, and its renderer."""

RENDERERS: Final[dict[str, Renderer]] = dict(FORMATS.values())
SUFFIXES: Final = tuple(RENDERERS)


def format_of(suffix: str) -> str | None:
    """Return the format that a file's ending stands for."""
    return next((name for name, (ending, _) in FORMATS.items() if ending == suffix.lower()), None)
