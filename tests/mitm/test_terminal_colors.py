"""Colours on a terminal, and nowhere else."""

from __future__ import annotations

import io
import logging

import pytest
from mitmproxy.addons import termlog
from mitmproxy.log import MitmFormatter

from cors_addon.mitm import terminal_colors
from cors_addon.report.terminal_lines import Line
from tests.mitm.support import mitmproxy_context

LINE = Line("CORS blocked: it is", "blocked", len("CORS blocked:"))
RED, END, YELLOW = "\x1b[1;31m", "\x1b[0m", "\x1b[33m"


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


class Terminal(io.StringIO):
    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


def printed(is_terminal: bool, *, ours: bool = True, reloads: int = 0) -> str:
    """Return what mitmproxy prints of a warning."""
    out = Terminal(is_terminal)
    record = logging.LogRecord("cors_addon", logging.WARNING, "x.py", 1, "%s", (LINE.text,), None)
    if ours:
        record.cors_line = LINE
    with mitmproxy_context() as context:
        log = termlog.TermLog(out)
        context.master.addons.add(log)
        for _ in range(1 + reloads):
            terminal_colors.begin(context.master)
        log.logger.emit(record)
        assert record.getMessage() == LINE.text, "whoever else reads the log gets it plain"
        terminal_colors.end(context.master)
        assert type(log.logger.formatter) is MitmFormatter
        log.uninstall()
    return out.getvalue().rstrip("\n")


def test_a_terminal_shows_how_bad_it_is_and_the_rest_plain() -> None:
    text = printed(True)
    assert f"{RED}CORS blocked:{END} it is" in text
    assert YELLOW not in text
    assert printed(True, reloads=2).partition("CORS")[2] == text.partition("CORS")[2]


def test_lines_of_others_keep_their_colours() -> None:
    assert YELLOW in printed(True, ours=False)


def test_what_is_piped_has_no_colour() -> None:
    assert "\x1b" not in printed(False)
    assert printed(False).endswith("] CORS blocked: it is")


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_who_wants_none_gets_none(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert "\x1b" not in printed(True)


def test_other_front_ends_have_no_such_handler() -> None:
    with mitmproxy_context() as context:
        terminal_colors.begin(context.master)
        terminal_colors.end(context.master)
