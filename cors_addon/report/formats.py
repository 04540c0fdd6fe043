"""Which renderer writes which format, by name and by a file's ending."""

from collections.abc import Callable, Iterable
from importlib import import_module
from typing import Final

from .model import Report

Renderer = Callable[[Report], str]
Parts = Callable[[Report], Iterable[str]]


def _renderer(module: str) -> Renderer:
    """Return a renderer whose module is loaded when it is first needed: most sessions need none or one."""

    def render(report: Report) -> str:
        text: str = import_module(f".{module}", __package__).render(report)
        return text

    return render


def _parts(module: str) -> Parts:
    def parts(report: Report) -> Iterable[str]:
        found: Iterable[str] = import_module(f".{module}", __package__).parts(report)
        return found

    return parts


FORMATS: Final[dict[str, tuple[str, Renderer]]] = {
    "json": (".json", _renderer("json_")),
    "jsonl": (".jsonl", _renderer("journal")),
    "html": (".html", _renderer("html")),
    "sarif": (".sarif", _renderer("sarif")),
    "junit": (".xml", _renderer("junit")),
    "text": (".txt", _renderer("text_report")),
    "markdown": (".md", _renderer("markdown")),
}
"""Each format's name, its file ending, and its renderer."""

LISTING_ALL: Final = frozenset({"json", "jsonl", "html"})
"""The formats that list every flow; the others show those that their groups are told by, as a brief report has them."""

RENDERERS: Final[dict[str, Renderer]] = dict(FORMATS.values())
SUFFIXES: Final = tuple(RENDERERS)
IN_PARTS: Final[dict[str, Parts]] = {".json": _parts("json_"), ".jsonl": _parts("journal")}
"""The renderers, by ending, of what may grow so long that it is better written line by line than kept as a text."""


def format_of(suffix: str) -> str | None:
    """Return the format that a file's ending stands for."""
    return next((name for name, (ending, _) in FORMATS.items() if ending == suffix.lower()), None)


def lists_all(suffix: str) -> bool:
    """Say whether the format of a file's ending lists every flow, so that a brief report is not enough for it."""
    return format_of(suffix) in LISTING_ALL
