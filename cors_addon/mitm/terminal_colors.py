"""Colour in the lines that mitmproxy prints to a terminal; other readers of the log get them plain."""

import copy
import logging
from typing import Any, Final

from mitmproxy.log import MitmFormatter

from ..report import severity_colors
from ..report.terminal_lines import Line

logger = logging.getLogger("cors_addon")

_MARK: Final = "cors_line"


def log(level: int, line: Line) -> None:
    """Log a line; what prints to a terminal finds its colour beside it."""
    logger.log(level, "%s", line.text, extra={_MARK: line})


class Painter(logging.Formatter):
    """Formats our own lines in our own colours, and leaves the others to the formatter whose place it takes."""

    def __init__(self, replaced: logging.Formatter, colour: bool) -> None:
        super().__init__()
        self.replaced = replaced
        self._ours = MitmFormatter(colour)
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        line = getattr(record, _MARK, None)
        if not isinstance(line, Line):
            return self.replaced.format(record)
        record = copy.copy(record)
        # Else the whole line gets the colour of its level.
        record.levelno = logging.INFO
        lead, rest = line.text[: line.painted], line.text[line.painted :]
        record.msg, record.args = (
            "%s",
            ((severity_colors.painted(lead, line.severity) if self._colour and lead else lead) + rest,),
        )
        return self._ours.format(record)


def begin(master: Any) -> None:
    """Take over our lines on the terminal, if mitmproxy prints to one."""
    handler = _handler(master)
    if handler is not None and getattr(handler, "has_vt_codes", False):
        handler.formatter = Painter(_unpainted(handler), severity_colors.is_wanted())


def end(master: Any) -> None:
    """Give them back."""
    handler = _handler(master)
    if handler is not None:
        handler.formatter = _unpainted(handler)


def _handler(master: Any) -> Any:
    return getattr(master.addons.get("termlog"), "logger", None)


def _unpainted(handler: Any) -> Any:
    """Return mitmproxy's own formatter. A reload leaves one of a class that has the same name and is another."""
    return getattr(handler.formatter, "replaced", handler.formatter)
