"""Which renderer writes which file, by its ending."""

from collections.abc import Callable
from typing import Final

from . import json_
from .model import Report

RENDERERS: Final[dict[str, Callable[[Report], str]]] = {".json": json_.render}
SUFFIXES: Final = tuple(RENDERERS)
