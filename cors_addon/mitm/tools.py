"""``cors-addon run``: mitmproxy's tools with the addon, and on request with a browser that is set up for them."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ..browser import wanted
from ..browser.find import NAMES, NotFoundError, find

TOOLS: Final = ("mitmweb", "mitmdump", "mitmproxy")
WEB_COLUMNS: Final = ("tls", "icon", "path", "method", "status", "size", "time", "comment")
"""mitmweb's default columns and the comment, where the addon writes its line."""

_INFORMATION: Final = {"-h", "--help", "--version", "--options", "--commands"}
_HELP: Final = f"""\
usage: cors-addon run [mitmweb|mitmdump|mitmproxy] [--browser [NAME] [--headless] [URL]] [the tool's arguments]

Runs mitmweb, or the tool that is named first, with cors-addon.

  --browser [NAME] [URL]   open URL in an isolated browser: its traffic goes through the proxy, localhost included,
                           https needs no certificate to be installed, and the browser says what becomes of each
                           request. NAME is one of {", ".join(NAMES)}; without it, the first that is installed.
                           Without URL, the live page opens.
  --headless               start the browser without a window
  --browser-command CMD    start this program instead of one in the usual places

examples:
  cors-addon run --browser http://localhost:5173/
  cors-addon run mitmdump --browser firefox --headless http://localhost:5173/ --set cors_report=cors.html

The tool's own help: cors-addon run mitmweb --help
"""


def run(words: Sequence[str]) -> int:
    """Run the tool that a command line names until it ends; return its exit status."""
    if list(words[:1]) in (["-h"], ["--help"]):
        print(_HELP, end="")
        return 0
    tool, rest = _tool_and_arguments(words)
    try:
        browser, rest = wanted.split_off(rest, takes_filter=tool == "mitmdump")
        if browser is not None:
            find(browser.name, browser.command)
    except (ValueError, NotFoundError) as error:
        print(f"cors-addon: {error}", file=sys.stderr)
        return 2
    if browser is None and not _INFORMATION.intersection(rest):
        hint = "add --browser [NAME] [URL] to open a browser that is set up for this proxy"
        print(f"cors-addon: {hint}", file=sys.stderr, flush=True)
    from mitmproxy.tools import main

    # The name in the tool's own usage and errors.
    sys.argv[0] = tool
    status: int | None = getattr(main, tool)(arguments_for(tool, rest, browser))
    return status or 0


def _tool_and_arguments(words: Sequence[str]) -> tuple[str, list[str]]:
    """Split off the tool's name; mitmweb where none is given."""
    if words and words[0] in TOOLS:
        return words[0], list(words[1:])
    return TOOLS[0], list(words)


def arguments_for(tool: str, words: Sequence[str], browser: wanted.Wanted | None) -> list[str]:
    """Return the tool's arguments with ours in front, since mitmdump's filter takes all that follows it."""
    ours = ["-s", str(Path(__file__).resolve().parents[1] / "addon.py")]
    if browser is not None:
        ours += ["--set", f"cors_start_browser={browser.words() or wanted.FIRST}"]
    if tool == "mitmweb" and not any("web_columns=" in word for word in words):
        for column in WEB_COLUMNS:
            ours += ["--set", f"web_columns={column}"]
    return [*ours, *words]
