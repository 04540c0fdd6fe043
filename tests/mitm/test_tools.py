"""`cors-addon run`: which tool runs, with which arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from mitmproxy.tools import main
from mitmproxy.tools.web.webaddons import WebAddon

import cors_addon
from cors_addon.__main__ import main as cors_addon_main
from cors_addon.browser import find
from cors_addon.mitm import tools
from tests.mitm.support import mitmproxy_context

ADDON = str(Path(cors_addon.__file__).resolve().parent / "addon.py")
COLUMNS = [word for column in tools.WEB_COLUMNS for word in ("--set", f"web_columns={column}")]


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """Take the place of mitmproxy's tools; return what was started."""
    calls: list[tuple[str, list[str]]] = []
    for tool in tools.TOOLS:
        monkeypatch.setattr(main, tool, lambda words, tool=tool: calls.append((tool, words)))
    monkeypatch.setattr("sys.argv", ["cors-addon"])
    return calls


@pytest.mark.parametrize(
    ("words", "tool", "rest"),
    [
        ([], "mitmweb", [*COLUMNS]),
        (["mitmdump"], "mitmdump", []),
        (["mitmproxy", "-p", "9090"], "mitmproxy", ["-p", "9090"]),
        (["mitmweb", "mitmdump"], "mitmweb", [*COLUMNS, "mitmdump"]),
        (["--set", "web_columns=path"], "mitmweb", ["--set", "web_columns=path"]),
        (["mitmdump", "-s", "mine.py", "~d a & ~q"], "mitmdump", ["-s", "mine.py", "~d a & ~q"]),
    ],
)
def test_mitmweb_runs_unless_another_tool_is_named_first(
    words: list[str],
    tool: str,
    rest: list[str],
    started: list[tuple[str, list[str]]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert cors_addon_main(["run", *words]) == 0
    assert started == [(tool, ["-s", ADDON, *rest])]
    assert "add --browser [NAME] [URL]" in capsys.readouterr().err


@pytest.mark.parametrize("word", ["-h", "--help", "--version", "--options", "--commands"])
def test_nothing_is_printed_beside_the_tools_own_information(
    word: str, started: list[tuple[str, list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tools.run(["mitmdump", word]) == 0
    assert started[0][1][-1] == word
    assert capsys.readouterr() == ("", "")


def test_the_browser_is_started_by_the_addon(
    started: list[tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "find", lambda name, command: None)
    url = "http://localhost:5173/"
    assert tools.run(["mitmdump", "--browser", "firefox", "--headless", url, "-p", "1"]) == 0
    assert tools.run(["mitmdump", "--browser"]) == 0
    chosen, any_browser = (words for _, words in started)
    assert chosen == ["-s", ADDON, "--set", f"cors_start_browser=firefox --headless {url}", "-p", "1"]
    assert any_browser == ["-s", ADDON, "--set", "cors_start_browser=any"]
    assert capsys.readouterr().err == ""


def test_a_browser_that_is_not_there_ends_it_before_the_proxy_starts(
    started: list[tuple[str, list[str]]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(find.Place, "is_program", lambda self, path: False)
    assert tools.run(["--browser", "edge"]) == 2
    assert "cors-addon: Edge is not installed in the usual places" in capsys.readouterr().err
    assert tools.run(["--browser", "--browser-command"]) == 2
    assert "--browser-command needs the program of a browser" in capsys.readouterr().err
    assert started == []


def test_the_commands_own_help_is_short(
    started: list[tuple[str, list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert tools.run(["--help"]) == 0
    assert len(capsys.readouterr().out.splitlines()) < 30
    assert started == []


def test_the_default_columns_are_mitmwebs_own() -> None:
    with mitmproxy_context() as context:
        context.master.addons.add(WebAddon())
        assert [*context.options.web_columns, "comment"] == list(tools.WEB_COLUMNS)
