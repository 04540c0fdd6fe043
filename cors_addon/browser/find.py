"""Where browsers are installed: Linux with Flatpak and Snap, macOS, Windows."""

import os
import shlex
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from ..traffic.classify import BrowserFamily

GECKO: Final = ("firefox", "librewolf", "waterfox", "floorp", "zen", "icecat")
"""What the programs of Firefox and of browsers made from it are called; every other program counts as a Chromium."""


class Product(NamedTuple):
    """One browser: what its program is called on PATH, and where each system installs it."""

    title: str
    programs: tuple[str, ...]
    flatpak: str
    snap: str
    mac: str
    """Its application in an Applications folder, and the program in there."""
    windows: str
    """Below Program Files, or the user's own folder for applications."""


PRODUCTS: Final[Mapping[str, Product]] = {
    "chromium": Product(
        "Chromium",
        ("chromium", "chromium-browser"),
        "org.chromium.Chromium",
        "chromium",
        "Chromium.app/Contents/MacOS/Chromium",
        r"Chromium\Application\chrome.exe",
    ),
    "chrome": Product(
        "Chrome",
        ("google-chrome", "google-chrome-stable"),
        "com.google.Chrome",
        "",
        "Google Chrome.app/Contents/MacOS/Google Chrome",
        r"Google\Chrome\Application\chrome.exe",
    ),
    "edge": Product(
        "Edge",
        ("microsoft-edge", "microsoft-edge-stable"),
        "com.microsoft.Edge",
        "",
        "Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
        r"Microsoft\Edge\Application\msedge.exe",
    ),
    "brave": Product(
        "Brave",
        ("brave-browser", "brave", "brave-browser-stable"),
        "com.brave.Browser",
        "brave",
        "Brave Browser.app/Contents/MacOS/Brave Browser",
        r"BraveSoftware\Brave-Browser\Application\brave.exe",
    ),
    "firefox": Product(
        "Firefox",
        ("firefox", "firefox-esr", "firefox-developer-edition"),
        "org.mozilla.firefox",
        "firefox",
        "Firefox.app/Contents/MacOS/firefox",
        r"Mozilla Firefox\firefox.exe",
    ),
}
"""In the order in which one is taken where none is named."""

NAMES: Final = tuple(PRODUCTS)


class NotFoundError(Exception):
    """No such browser here; the message says where it was looked for and what to do."""


@dataclass(frozen=True, slots=True)
class Program:
    """A browser to start: ``title`` as shown, the ``command`` that starts it, and where its profile has to be.

    ``profiles`` is empty where any folder will do. ``{profile}`` in the command stands for the profile's folder.
    """

    title: str
    family: BrowserFamily
    command: tuple[str, ...]
    profiles: str = ""


def find(name: str = "", command: str = "", place: "Place | None" = None) -> Program:
    """Return the browser of that name, or the first one that is installed.

    ``command`` is a program, perhaps with arguments, to start instead. Raises ``NotFoundError``.
    """
    place = place or Place()
    if command:
        return _given(command, name, place)
    if name and name not in PRODUCTS:
        raise NotFoundError(f"{name} is none of {', '.join(NAMES)}. Start another browser with --browser-command.")
    for each in (name,) if name else NAMES:
        for found in _installed(each, PRODUCTS[each], place):
            return found
    looked = PRODUCTS[name].title if name else "Chromium, Chrome, Edge, Brave or Firefox"
    raise NotFoundError(
        f"{looked} is not installed in the usual places on this machine. "
        "Install it, or give its program with --browser-command."
    )


@dataclass(frozen=True, slots=True)
class Place:
    """The machine that browsers are looked for on; ``root`` stands before every absolute path."""

    platform: str = sys.platform
    root: str = ""
    home: str = os.path.expanduser("~")
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)

    def which(self, program: str) -> str | None:
        return shutil.which(program, path=self.environ.get("PATH", os.defpath))

    def is_program(self, path: str) -> bool:
        return os.path.isfile(path) and os.access(path, os.X_OK)


def _given(command: str, name: str, place: Place) -> Program:
    words = [command] if os.path.exists(command) else shlex.split(command, posix=place.platform != "win32")
    program = place.which(words[0]) if words else None
    if program is None:
        raise NotFoundError(f"{command!r} is no program that can be started. Give the path of a browser's program.")
    stem = Path(program).stem.lower()
    gecko = name == "firefox" or (not name and any(each in word.lower() for each in GECKO for word in (stem, *words)))
    family = BrowserFamily.FIREFOX if gecko else BrowserFamily.CHROMIUM
    title = PRODUCTS[name].title if name in PRODUCTS else stem.replace("-", " ").capitalize()
    return _confined(title, family, (program, *words[1:]), place)


def _installed(name: str, product: Product, place: Place) -> Iterator[Program]:
    family = BrowserFamily.FIREFOX if name == "firefox" else BrowserFamily.CHROMIUM
    if place.platform == "win32":
        for variable in ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"):
            folder = place.environ.get(variable)
            if folder:
                path = os.path.join(folder, *product.windows.split("\\"))
                if os.path.isfile(path):
                    yield Program(product.title, family, (path,))
        return
    if place.platform == "darwin":
        for folder in (f"{place.root}/Applications", f"{place.home}/Applications"):
            path = os.path.join(folder, product.mac)
            if place.is_program(path):
                yield Program(product.title, family, (path,))
    for program in product.programs:
        path = place.which(program) or ""
        if path:
            yield _confined(product.title, family, (path,), place)
    if product.snap:
        path = f"{place.root}/snap/bin/{product.snap}"
        if place.is_program(path):
            yield _confined(product.title, family, (path,), place)
    for folder in (f"{place.root}/var/lib/flatpak", f"{place.home}/.local/share/flatpak"):
        flatpak = place.which("flatpak")
        if flatpak and os.path.lexists(f"{folder}/exports/bin/{product.flatpak}"):
            # The sandbox sees no other folder of the host's, and must not outlive the one that ends it.
            run = (flatpak, "run", "--die-with-parent", "--filesystem={profile}", product.flatpak)
            yield Program(product.title, family, run)


def _confined(title: str, family: BrowserFamily, command: tuple[str, ...], place: Place) -> Program:
    """Return a program with the folder for profiles that a snap can see: of the host's it sees none but its own."""
    snap = _snap_of(command[0], place)
    return Program(title, family, command, f"{place.home}/snap/{snap}/common" if snap else "")


def _snap_of(path: str, place: Place) -> str:
    """Return the snap that a program starts, empty for none: a link to ``snap``, or a script that leads there."""
    bin_folder = f"{place.root}/snap/bin/"
    if path.startswith(bin_folder):
        return path.removeprefix(bin_folder).partition(".")[0]
    try:
        with open(path, "rb") as file:
            head = file.read(4_096)
    except OSError:
        return ""
    if not head.startswith(b"#!") or b"/snap/bin/" not in head:
        return ""
    name = head.partition(b"/snap/bin/")[2].split(None, 1)[0].decode("ascii", "ignore")
    return name.strip("\"'").partition(".")[0]
