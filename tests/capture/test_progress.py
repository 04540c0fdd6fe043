from __future__ import annotations

import io

import pytest

from cors_addon.capture import progress
from cors_addon.capture.progress import ProgressBar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    monkeypatch.setenv("COLUMNS", "80")
    return now


def test_a_bar_is_drawn_over_one_line_and_taken_away(clock: list[float]) -> None:
    terminal = Terminal()
    with ProgressBar(terminal) as bar:
        assert bar.wanted
        bar.show(0, 4_000_000)
        clock[0] += 0.2
        bar.show(1_000_000, 4_000_000)
    assert terminal.getvalue() == (
        "\r[..............................]   0%  0.0 of 4.0 MB\x1b[K"
        "\r[########......................]  25%  1.0 of 4.0 MB\x1b[K"
        "\r\x1b[K"
    )


def test_it_is_drawn_ten_times_a_second_at_most(clock: list[float]) -> None:
    terminal = Terminal()
    with ProgressBar(terminal) as bar:
        for _ in range(50):
            bar.show(1, 2)
            clock[0] += 0.01
    assert terminal.getvalue().count("\r[") == 5


def test_where_the_end_is_not_known_only_what_was_read_is_told(clock: list[float]) -> None:
    terminal = Terminal()
    with ProgressBar(terminal) as bar:
        bar.show(1_500_000, None)
    assert terminal.getvalue() == "\r1.5 MB read\x1b[K\r\x1b[K"


def test_it_fits_a_narrow_terminal(clock: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    with ProgressBar(terminal) as bar:
        bar.show(9_000_000, 1_000_000)
    assert terminal.getvalue().startswith("\r[##################\x1b[K")


def test_nothing_is_drawn_where_nothing_was_shown_or_nobody_looks() -> None:
    terminal = Terminal()
    with ProgressBar(terminal):
        pass
    assert terminal.getvalue() == ""
    assert not ProgressBar(io.StringIO()).wanted
