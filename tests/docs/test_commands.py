"""Every command line of README and the pages is run. Where a test cannot run one, its options and paths exist."""

from __future__ import annotations

import functools
import itertools
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from cors_addon.__main__ import main
from cors_addon.browser import wanted
from cors_addon.mitm.addon import CorsAddon
from cors_addon.mitm.options import OPTIONS
from cors_addon.mitm.tools import TOOLS
from tests.capture.recorded import API, made, text_of

pytestmark = pytest.mark.once

ROOT: Final = Path(__file__).resolve().parents[2]
DOCUMENTS: Final = [ROOT / "README.md", *sorted((ROOT / "cors_addon" / "docs").glob("*.md"))]
PROGRAMS: Final = (
    *("cors-addon", "python", "python3", ".venv/bin/python", "mitmweb", "mitmdump", "mitmproxy", "pip", "pipx", "uv"),
    *("uvx", "podman", "chromium", "networksetup", "eval", "./through-proxy.sh", "npx", "export", "npm", "apt-get"),
)
_START: Final = re.compile(rf"(?:{'|'.join(map(re.escape, PROGRAMS))})(?= |$)")
NOT_RUN: Final = {
    r"(cors-addon run|python3 \S*scripts/run\.py|uvx|mitmweb)( |$)": "serves until stopped",
    r"mitmdump": "a test of its own runs it",
    r"\S*python3? \S*scripts/": "takes minutes or opens windows; CI runs test.py, and other tests the rest",
    r"python3? -m ": "serves, or runs the tests",
    r"pipx?|uv ": "installs; tests/scripts/test_installed.py does it from a wheel",
    r"podman": "needs a container tool; tests/ci/test_workflow.py builds where one is",
    r"chromium": "needs a display; the product starts Chromium with the same options",
    r"networksetup": "macOS only",
    r"\./through-proxy\.sh|export ": "tests/ci/test_playwright.py runs it with Playwright; Cypress is not here",
    r"eval ": "tests/test_main.py runs the completion in bash",
}
"""Why a command line is not run here; its arguments are checked all the same."""


def commands() -> dict[str, str]:
    """Return each command line of the documentation, with the document that shows it."""
    found: dict[str, str] = {}
    for path in DOCUMENTS:
        text = path.read_text("utf-8")
        blocks = re.findall(r"```(?:console|sh)\n(.*?)```", text, re.DOTALL)
        lines = [line for block in blocks if not block.startswith("#!") for line in block.splitlines()]
        code = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
        spans = (re.sub(r"\s+", " ", span) for span in re.findall(r"`([^`]+)`", code))
        lines += [span for span in spans if " " in span and _START.match(span)]
        for line in lines:
            line = line.removeprefix("$ ").partition("  #")[0].strip()
            if line and not line.startswith("#"):
                found.setdefault(line, path.name)
    return found


COMMANDS: Final = commands()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project as the documentation speaks of it, as the working directory."""
    monkeypatch.chdir(tmp_path)
    har = text_of(made(f"GET {API}", "Access-Control-Allow-Origin: *", size=2))
    Path("e2e").mkdir()
    for name in ("e2e/run.har", "capture.har"):
        Path(name).write_text(har, encoding="utf-8")
    assert main(["check", "capture.har", "--output", "cors-known.json"]) == 0
    readme = (ROOT / "README.md").read_text("utf-8")
    (rules,) = re.findall(r"```yaml\n(# rules\.yaml\n.*?)```", readme, re.DOTALL)
    Path("rules.yaml").write_text(rules, encoding="utf-8")
    for name in ("cors_addon", "scripts"):
        Path(name).symlink_to(ROOT / name)
    return tmp_path


@functools.cache
def printed(tool: str, option: str) -> str:
    command = [Path(sys.executable).with_name(tool), option]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # mitmproxy's help ends with 1


def tool(words: list[str]) -> None:
    """mitmweb, mitmdump or mitmproxy: it has the options, and what they name exists."""
    name, rest = (words[0], words[1:]) if words and words[0] in TOOLS else (TOOLS[0], words)
    _browser, rest = wanted.split_off([word for word in rest if word != "…"])
    known = {*re.findall(r"^(\w+):", printed("mitmweb", "--options"), re.MULTILINE), *(each.name for each in OPTIONS)}
    for option, value in itertools.pairwise([*rest, ""]):
        for letter in option[1:] if re.fullmatch(r"-\w+", option) else ():
            assert f"-{letter}" in printed(name, "--help"), option
        assert not option.startswith("--") or option in printed(name, "--help"), option
        if option == "--set":
            assert value.partition("=")[0] in known, value
        if option == "-s":
            assert Path(value).exists() or value == "$(cors-addon path)", value


def cors_addon(words: list[str]) -> None:
    if words[:1] == ["run"]:
        tool(words[1:])
        return
    samples = {
        "CAUSE": "preflight-meets-auth",
        "ID": "allow-origin-missing",
        "WORD": "preflight",
        "TOPIC": "ci",
        "FILE...": "capture.har",
    }
    words = [samples.get(word, word) for word in words]
    words = [name for word in words for name in (map(str, sorted(Path().glob(word))) if "*" in word else [word])]
    if words in (["check"], ["rules"]):
        with pytest.raises(SystemExit, match="0"):
            main([*words, "--help"])
        return
    assert main(words) == 0


def script(words: list[str]) -> None:
    """A script of this project: its file exists, and its help has each option."""
    if words[0] == "-m":
        assert words[1] in ("http.server", "pytest") or (ROOT / words[1].replace(".", "/") / "__main__.py").exists(), (
            words
        )
        assert all((ROOT / word).exists() for word in words[2:] if "/" in word)
        return
    path = ROOT / words[0].replace("PATH/TO/cors-addon/", "")
    assert path.is_file()
    if path.name == "run.py":
        tool(words[1:])
        return
    text = subprocess.run([sys.executable, path, "--help"], capture_output=True, text=True, check=True).stdout
    for word in words[1:]:
        assert not word.startswith("-") or word in text, word


def chromium(words: list[str]) -> None:
    """The product starts Chromium with the same options."""
    source = (ROOT / "cors_addon" / "browser" / "chromium.py").read_text("utf-8")
    for word in words:
        assert word.partition("=")[0] in source, word


def paths(words: list[str]) -> None:
    for word in (word for word in words if "=" not in word):
        if "/" in word and not word.startswith(("$", "-", "http")) and "PATH/TO" not in word:
            assert Path(word).exists() or (ROOT / word).exists(), word


CHECKS: Final[dict[str, Callable[[list[str]], None]]] = {
    "cors-addon": cors_addon,
    "python": script,
    "python3": script,
    ".venv/bin/python": script,
    "chromium": chromium,
}


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: re.sub(r"\W+", "-", line)[:60])
@pytest.mark.usefixtures("folder")
def test_the_command_line_works(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert _START.match(line), f"{COMMANDS[line]}: what is {line}?"
    if not line.startswith("cors-addon") or line.startswith("cors-addon run"):
        assert any(re.match(pattern, line) for pattern in NOT_RUN), (
            f"{COMMANDS[line]}: {line} is neither run nor excused"
        )
    name, *words = shlex.split(line.removesuffix("&"))
    if name in TOOLS:
        tool([name, *words])
    else:
        CHECKS.get(name, paths)(words)


@pytest.mark.proxy
@pytest.mark.skipif(shutil.which("mitmdump", path=str(Path(sys.executable).parent)) is None, reason="no mitmdump here")
def test_the_command_line_for_saved_traffic_writes_its_report(folder: Path) -> None:
    (line,) = [line for line in COMMANDS if line.startswith("mitmdump -nr")]
    program, *words = shlex.split(line)
    subprocess.run([Path(sys.executable).with_name(program), *words, "--set", "confdir=conf"], check=True, timeout=120)
    assert (folder / "cors.json").exists()


def test_there_are_commands_of_each_kind() -> None:
    programs = {line.split()[0] for line in COMMANDS}
    assert {"cors-addon", "python3", "mitmdump", "podman", "pipx"} <= programs


def test_every_command_of_mitmproxys_command_bar_exists() -> None:
    holder = CorsAddon().commands
    known = {getattr(getattr(holder, name), "command_name", None) for name in dir(holder)}
    for path in DOCUMENTS:
        for line in re.findall(r"^: (\S+)", path.read_text("utf-8"), re.MULTILINE):
            assert line in known, f"{path.name}: {line}"
