"""Run mitmweb, mitmdump or mitmproxy with cors-addon: `python3 scripts/run.py [tool] [the tool's arguments...]`.

Sets up `.venv` on first use. mitmweb is the default. Before the tool starts, two lines say how to send a browser's
traffic through it, requests to localhost included.

Runs under whatever Python starts it, 3.6 included: no newer syntax, no newer module.
"""

import argparse
import contextlib
import os
import re
import shutil
import sys
from typing import Dict, List, NamedTuple, NoReturn, Optional, Tuple

import environment

TOOLS = ("mitmweb", "mitmdump", "mitmproxy")
INFORMATION = {"-h", "--help", "--version", "--options", "--commands"}
# mitmweb's default columns and the comment, where the addon writes its line.
WEB_COLUMNS = ("tls", "icon", "path", "method", "status", "size", "time", "comment")
# The modes in which a browser is told of the proxy; the others catch its traffic in other ways.
EXPLICIT_MODES = ("regular", "upstream")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")


class Arguments(NamedTuple):
    """What the command line says about the things that the lines for the browser depend on."""

    host: Optional[str]
    port: Optional[str]
    modes: List[str]
    settings: List[str]
    serves: bool


def tool_and_arguments(words: List[str]) -> Tuple[str, List[str]]:
    """Split off the tool's name; mitmweb where none is given."""
    if words and words[0] in TOOLS:
        return words[0], words[1:]
    return TOOLS[0], words


def read_arguments(tool: str, words: List[str]) -> Arguments:
    """Pick from a tool's arguments what decides where it listens. Mistakes are left for the tool to report."""

    class Lenient(argparse.ArgumentParser):
        def error(self, message: str) -> NoReturn:
            raise ValueError(message)

    parser = Lenient(add_help=False)
    parser.add_argument("-p", "--listen-port", dest="port")
    parser.add_argument("--listen-host", dest="host")
    parser.add_argument("-m", "--mode", dest="modes", action="append", default=[])
    parser.add_argument("--set", dest="settings", action="append", default=[])
    parser.add_argument("-n", "--no-server", dest="server", action="store_false")
    parser.add_argument("-r", "--rfile", dest="rfile")
    parser.add_argument("-C", "--client-replay", dest="client_replay")
    try:
        found = parser.parse_known_args(words)[0]
    except ValueError:
        found = parser.parse_args([])
    # mitmdump ends when it has read its file or replayed its requests.
    ends = tool == "mitmdump" and bool(found.rfile or found.client_replay)
    return Arguments(found.host, found.port, found.modes, found.settings, found.server and not ends)


def read_settings(settings: List[str]) -> Dict[str, List[str]]:
    """Return the values of each option given with `--set name=value`, in their order."""
    values: Dict[str, List[str]] = {}
    for setting in settings:
        name, _, value = setting.partition("=")
        values.setdefault(name, []).append(value)
    return values


def read_config(text: str) -> Dict[str, List[str]]:
    """Return the values of the listen options in a mitmproxy `config.yaml`, so far as they are plainly written."""
    values: Dict[str, List[str]] = {}
    name = ""
    for line in re.sub(r"(?m)(^|\s)#.*$", "", text).splitlines():
        option = re.match(r"(\w+)\s*:\s*(.*)$", line)
        item = re.match(r"\s*-\s+(.+)$", line)
        if option:
            name = option.group(1)
            found = option.group(2).strip().strip("[]").split(",")
        elif item:
            found = [item.group(1)]
        else:
            continue
        if name in ("listen_host", "listen_port", "mode", "web_columns"):
            values.setdefault(name, []).extend(value.strip(" \t\"'") for value in found if value.strip())
    return values


def listening_at(arguments: Arguments, config: Dict[str, List[str]]) -> Optional[Tuple[str, str]]:
    """Return the host and port where a browser reaches the proxy, or None where no mode is one to point it at.

    An option of its own wins over `config.yaml`, which wins over `--set`, as in mitmproxy.
    """
    if not arguments.serves:
        return None
    settings = read_settings(arguments.settings)

    def option(given: List[str], name: str) -> List[str]:
        return given or config.get(name, []) or settings.get(name, [])

    hosts = option([arguments.host] if arguments.host else [], "listen_host")
    ports = option([arguments.port] if arguments.port else [], "listen_port")
    for mode in option(arguments.modes, "mode") or ["regular"]:
        head, _, listen = mode.rpartition("@")
        if not head:
            head, listen = listen, ""
        if head.partition(":")[0].lower() in EXPLICIT_MODES:
            own_host, _, own_port = listen.rpartition(":")
            return _reachable(own_host or "".join(hosts[-1:])), own_port or "".join(ports[-1:]) or "8080"
    return None


def _reachable(host: str) -> str:
    host = host.strip("[]")
    if host in ("", "0.0.0.0", "::"):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def browser_lines(host: str, port: str, chromium: str) -> List[str]:
    """Return what to tell the user. Both browsers keep localhost off a proxy unless they are told not to."""
    where = f"{host}:{port}"
    if port == "0":
        port, where = "PORT", f"{host}:PORT (PORT is the one that mitmproxy prints)"
    return [
        f"cors-addon: to watch a browser, send it through the proxy at {where}, localhost included:",
        f"  Chromium  {chromium.replace('PROXY', f'http://{host}:{port}')}",
        f"  Firefox   Settings > Network Settings > Manual proxy: {host.strip('[]')}, port {port}, also for HTTPS; "
        "in about:config network.proxy.allow_hijacking_localhost = true",
        "  https pages: open http://mitm.it in that browser once and install the certificate it offers",
    ]


def chromium_command(platform: str, installed: Optional[str]) -> str:
    """Return a command that starts Chromium with a fresh profile, to be pasted into the platform's shell."""
    if platform == "win32":
        program, profile = 'start "" chrome', r"%TEMP%\cors-addon-%RANDOM%"
    elif platform == "darwin" and installed is None:
        program, profile = '"/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"', "$(mktemp -d)"
    else:
        program, profile = installed or CHROMIUM_NAMES[0], "$(mktemp -d)"
    return f'{program} --proxy-server=PROXY --proxy-bypass-list="<-loopback>" --user-data-dir="{profile}"'


def tool_arguments(tool: str, words: List[str], settings: List[str]) -> List[str]:
    """Return the tool's arguments with ours in front, since mitmdump's filter takes all that follows it."""
    ours = ["-s", os.path.join(environment.ROOT, "cors_addon", "addon.py")]
    if tool == "mitmweb" and "web_columns" not in read_settings(settings):
        for column in WEB_COLUMNS:
            ours += ["--set", f"web_columns={column}"]
    return ours + words


def _config(settings: List[str]) -> Dict[str, List[str]]:
    directory = os.path.expanduser((read_settings(settings).get("confdir") or ["~/.mitmproxy"])[-1])
    values: Dict[str, List[str]] = {}
    for name in ("config.yaml", "config.yml"):
        with contextlib.suppress(OSError, ValueError), open(os.path.join(directory, name), encoding="utf-8") as file:
            values.update(read_config(file.read()))
    return values


def work(words: List[str]) -> int:
    tool, rest = tool_and_arguments(words)
    arguments = read_arguments(tool, rest)
    made = environment.ensure()
    if not INFORMATION.intersection(rest):
        address = listening_at(arguments, _config(arguments.settings))
        if address:
            installed = next((name for name in CHROMIUM_NAMES if shutil.which(name)), None)
            for line in browser_lines(address[0], address[1], chromium_command(sys.platform, installed)):
                environment.say(line)
    environment.start([made.tool(tool), *tool_arguments(tool, rest, arguments.settings)])


if __name__ == "__main__":
    environment.main(work)
