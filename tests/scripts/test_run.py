import sys
from pathlib import Path

import environment
import pytest
import run
from mitmproxy.test import taddons
from mitmproxy.tools.web.web_columns import AVAILABLE_WEB_COLUMNS
from mitmproxy.tools.web.webaddons import WebAddon

ADDON = str(Path(__file__).resolve().parents[2] / "cors_addon" / "addon.py")


@pytest.mark.parametrize(
    ("words", "tool", "rest"),
    [
        ([], "mitmweb", []),
        (["mitmdump"], "mitmdump", []),
        (["mitmproxy", "-p", "9090"], "mitmproxy", ["-p", "9090"]),
        (["mitmweb", "mitmdump"], "mitmweb", ["mitmdump"]),
        (["-p", "9090"], "mitmweb", ["-p", "9090"]),
        (["--set", "cors_inject=true"], "mitmweb", ["--set", "cors_inject=true"]),
    ],
)
def test_mitmweb_runs_unless_another_tool_is_named_first(words: list[str], tool: str, rest: list[str]) -> None:
    assert run.tool_and_arguments(words) == (tool, rest)


def address(tool: str, words: list[str], config: str = "") -> str | None:
    found = run.listening_at(run.read_arguments(tool, words), run.read_config(config))
    return found and ":".join(found)


ADDRESSES = [
    ("mitmproxy's defaults", [], "127.0.0.1:8080"),
    ("short", ["-p", "9090"], "127.0.0.1:9090"),
    ("short, in one word", ["-p9090"], "127.0.0.1:9090"),
    ("long", ["--listen-port", "9090"], "127.0.0.1:9090"),
    ("long, in one word", ["--listen-port=9090"], "127.0.0.1:9090"),
    ("abbreviated, as argparse allows", ["--listen-p=9090"], "127.0.0.1:9090"),
    ("the last one counts", ["-p", "1", "-p", "2"], "127.0.0.1:2"),
    ("set as an option", ["--set", "listen_port=9090"], "127.0.0.1:9090"),
    ("set as an option, in one word", ["--set=listen_port=9090"], "127.0.0.1:9090"),
    ("its own option wins over --set", ["-p", "1", "--set", "listen_port=2"], "127.0.0.1:1"),
    ("a host", ["--listen-host", "192.0.2.7"], "192.0.2.7:8080"),
    ("a host, set as an option", ["--set", "listen_host=192.0.2.7"], "192.0.2.7:8080"),
    ("every interface is reached at this machine's own", ["--listen-host", "0.0.0.0"], "127.0.0.1:8080"),
    ("every interface, IPv6 too", ["--listen-host", "::"], "127.0.0.1:8080"),
    ("an IPv6 address is put in brackets", ["--listen-host", "::1"], "[::1]:8080"),
    ("among other arguments", ["-w", "file", "-k", "-p", "9090", "--set", "cors_mark=false"], "127.0.0.1:9090"),
    ("the mode's own port wins", ["-m", "regular@9091", "-p", "9090"], "127.0.0.1:9091"),
    ("the mode's own host wins", ["--mode", "regular@192.0.2.7:9091"], "192.0.2.7:9091"),
    ("the mode's own IPv6 host", ["--mode", "regular@::1:9091"], "[::1]:9091"),
    ("an upstream proxy is used the same way", ["--mode", "upstream:http://192.0.2.1:3128"], "127.0.0.1:8080"),
    ("set as an option: mode", ["--set", "mode=reverse:http://localhost:3000"], None),
    ("one of several modes", ["-m", "reverse:http://a@1", "-m", "regular@2"], "127.0.0.1:2"),
    ("a reverse proxy is no proxy to point at", ["--mode", "reverse:http://localhost:3000"], None),
    ("nor is a transparent one", ["-m", "transparent"], None),
    ("no proxy at all", ["-n", "-r", "flows"], None),
    ("no proxy at all, long", ["--no-server"], None),
    ("a mistake is left for the tool to report", ["-p"], "127.0.0.1:8080"),
]


@pytest.mark.parametrize(("words", "expected"), [row[1:] for row in ADDRESSES], ids=[row[0] for row in ADDRESSES])
def test_where_a_browser_reaches_the_proxy(words: list[str], expected: str | None) -> None:
    assert address("mitmweb", words) == expected


@pytest.mark.parametrize(
    ("tool", "words", "expected"),
    [
        ("mitmdump", ["-r", "flows"], None),
        ("mitmdump", ["-nr", "flows"], None),
        ("mitmdump", ["-C", "flows"], None),
        ("mitmweb", ["-r", "flows"], "127.0.0.1:8080"),
        ("mitmproxy", ["--rfile", "flows"], "127.0.0.1:8080"),
    ],
)
def test_only_mitmdump_ends_when_it_has_read_a_file(tool: str, words: list[str], expected: str | None) -> None:
    assert address(tool, words) == expected


CONFIGS = [
    ("plain", "listen_port: 9090\n", [], "127.0.0.1:9090"),
    ("quoted, with a comment", "listen_host: '192.0.2.7'  # the lab\nlisten_port: 9090\n", [], "192.0.2.7:9090"),
    ("the command line's own option wins", "listen_port: 9090\n", ["-p", "1"], "127.0.0.1:1"),
    ("it wins over --set, as in mitmproxy", "listen_port: 9090\n", ["--set", "listen_port=1"], "127.0.0.1:9090"),
    ("a list of modes", "mode:\n  - reverse:http://localhost:3000\n", [], None),
    ("a list of modes on one line", 'mode: ["reverse:http://a@1", regular@2]\n', [], "127.0.0.1:2"),
    ("a line that is a comment", "# listen_port: 9090\n", [], "127.0.0.1:8080"),
    ("the items of another option", "scripts:\n- listen_port.py\nmodify_headers:\n- x\n", [], "127.0.0.1:8080"),
    ("no value", "listen_port:\n", [], "127.0.0.1:8080"),
]


@pytest.mark.parametrize(("config", "words", "expected"), [row[1:] for row in CONFIGS], ids=[row[0] for row in CONFIGS])
def test_mitmproxys_config_file_counts(config: str, words: list[str], expected: str | None) -> None:
    assert address("mitmweb", words, config) == expected


def test_the_lines_for_the_browsers() -> None:
    lines = run.browser_lines("127.0.0.1", "9090", run.chromium_command("linux", "google-chrome"))
    assert lines == [
        "cors-addon: to watch a browser, send it through the proxy at 127.0.0.1:9090, localhost included:",
        "  Chromium  google-chrome --proxy-server=http://127.0.0.1:9090 "
        '--proxy-bypass-list="<-loopback>" --user-data-dir="$(mktemp -d)"',
        "  Firefox   Settings > Network Settings > Manual proxy: 127.0.0.1, port 9090, also for HTTPS; "
        "in about:config network.proxy.allow_hijacking_localhost = true",
        "  https pages: open http://mitm.it in that browser once and install the certificate it offers",
    ]


def test_a_port_that_the_system_chooses_is_not_printed_as_0() -> None:
    lines = run.browser_lines("127.0.0.1", "0", run.chromium_command("linux", None))
    assert "http://127.0.0.1:PORT " in lines[1]
    assert "PORT is the one that mitmproxy prints" in lines[0]


@pytest.mark.parametrize(
    ("platform", "installed", "expected"),
    [
        ("linux", None, "chromium --proxy-server"),
        ("linux", "google-chrome", "google-chrome --proxy-server"),
        ("darwin", None, '"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" --proxy-server'),
        ("darwin", "chromium", "chromium --proxy-server"),
        ("win32", None, 'start "" chrome --proxy-server'),
    ],
)
def test_the_command_for_chromium_fits_the_system(platform: str, installed: str | None, expected: str) -> None:
    command = run.chromium_command(platform, installed)
    assert command.startswith(expected)
    assert '--proxy-bypass-list="<-loopback>" --user-data-dir="' in command
    assert ("%TEMP%" in command) == (platform == "win32")


def started(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], home: Path, words: list[str]
) -> tuple[list[str], str]:
    """Run the script up to the point where it becomes the tool; return the command and what was printed."""
    commands: list[list[str]] = []
    monkeypatch.setattr(environment, "ensure", lambda: environment.Environment("/made", "3.13.0"))
    monkeypatch.setattr(environment, "start", commands.append)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.setattr(sys, "platform", "linux")
    run.work(words)
    printed = capsys.readouterr()
    assert printed.out == ""
    return commands[0], printed.err


def test_mitmdump_gets_the_addon_first_and_everything_else_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    words = ["--set", "cors_rules=a b.yaml", "-s", "mine.py", "~d example.test & ~q"]
    command, printed = started(monkeypatch, capsys, tmp_path, ["mitmdump", *words])
    assert Path(command[0]).stem == "mitmdump"
    assert command[1:] == ["-s", ADDON, *words]
    assert "127.0.0.1:8080" in printed


def test_mitmweb_shows_the_comment_beside_its_default_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command, _ = started(monkeypatch, capsys, tmp_path, [])
    columns = [word.partition("=")[2] for word in command if word.startswith("web_columns=")]
    assert columns == ["tls", "icon", "path", "method", "status", "size", "time", "comment"]


def test_mitmweb_keeps_the_columns_that_the_user_asks_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command, _ = started(monkeypatch, capsys, tmp_path, ["--set", "web_columns=path"])
    assert command[1:] == ["-s", ADDON, "--set", "web_columns=path"]


@pytest.mark.parametrize("word", ["-h", "--help", "--version", "--options", "--commands"])
def test_nothing_is_printed_beside_the_tools_own_information(
    word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command, printed = started(monkeypatch, capsys, tmp_path, ["mitmdump", word])
    assert command[-1] == word
    assert printed == ""


def test_the_config_file_is_looked_for_where_mitmproxy_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, port in ((".mitmproxy", 9001), ("other", 9002)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.yaml").write_text(f"listen_port: {port}\n")
    assert "127.0.0.1:9001" in started(monkeypatch, capsys, tmp_path, ["mitmdump"])[1]
    set_elsewhere = ["mitmdump", "--set", f"confdir={tmp_path / 'other'}"]
    assert "127.0.0.1:9002" in started(monkeypatch, capsys, tmp_path, set_elsewhere)[1]


def test_the_default_columns_are_mitmwebs_own() -> None:
    with taddons.context(WebAddon()) as context:
        assert [*context.options.web_columns, "comment"] == list(run.WEB_COLUMNS)
    assert set(run.WEB_COLUMNS) <= set(AVAILABLE_WEB_COLUMNS)
