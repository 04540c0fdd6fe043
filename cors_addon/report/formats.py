"""Which renderer writes which format, by name and by a file's ending."""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from .model import Report

Renderer = Callable[[Report], str]


def _renderer(module: str) -> Renderer:
    """Return a renderer whose module is loaded when it is first needed: most sessions need none or one."""

    def render(report: Report) -> str:
        text: str = import_module(f".{module}", __package__).render(report)
        return text

    return render


FORMATS: Final[dict[str, tuple[str, Renderer]]] = {
    "json": (".json", _renderer("json_")),
    "jsonl": (".jsonl", _renderer("journal")),
    "html": (".html", _renderer("html")),
    "sarif": (".sarif", _renderer("sarif")),
    "junit": (".xml", _renderer("junit")),
    "text": (".txt", _renderer("plain")),
}
"""Each format's name, its file ending, and its renderer."""

LISTING_ALL: Final = frozenset({"json", "jsonl", "html"})
"""The formats that list every flow; the others show those that their groups are told by, as a brief report has them."""

RENDERERS: Final[dict[str, Renderer]] = dict(FORMATS.values())
SUFFIXES: Final = tuple(RENDERERS)


def format_of(suffix: str) -> str | None:
    """Return the format that a file's ending stands for."""
    return next((name for name, (ending, _) in FORMATS.items() if ending == suffix.lower()), None)
