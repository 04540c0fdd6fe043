"""Where browsers are found."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from cors_addon.browser.find import NotFoundError, Place, Program, find
from cors_addon.traffic.classify import BrowserFamily

CHROMIUM, FIREFOX = BrowserFamily.CHROMIUM, BrowserFamily.FIREFOX


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def place(root: Path, platform: str = "linux", environ: Mapping[str, str] | None = None) -> Place:
    return Place(platform, str(root), str(root / "home"), {"PATH": str(root / "bin"), **(environ or {})})


def test_on_path(tmp_path: Path) -> None:
    firefox = program(tmp_path / "bin/firefox-esr")
    assert find("", "", place(tmp_path)) == Program("Firefox", FIREFOX, (str(firefox),))


def test_chromium_comes_first_where_none_is_named(tmp_path: Path) -> None:
    for name in ("firefox", "google-chrome", "chromium", "microsoft-edge", "brave-browser"):
        program(tmp_path / "bin" / name)
    assert find("", "", place(tmp_path)).title == "Chromium"
    titles = [find(name, "", place(tmp_path)).title for name in ("chrome", "edge", "brave", "firefox")]
    assert titles == ["Chrome", "Edge", "Brave", "Firefox"]


def test_a_snap_sees_profiles_in_its_own_folder_only(tmp_path: Path) -> None:
    program(tmp_path / "snap/bin/chromium")
    found = find("chromium", "", place(tmp_path))
    assert found.profiles == f"{tmp_path}/home/snap/chromium/common"


def test_a_script_that_leads_to_a_snap_is_one(tmp_path: Path) -> None:
    program(tmp_path / "bin/firefox", '#!/bin/sh\nexec /snap/bin/firefox "$@"\n')
    assert find("firefox", "", place(tmp_path)).profiles == f"{tmp_path}/home/snap/firefox/common"


@pytest.mark.parametrize("folder", ["var/lib/flatpak", "home/.local/share/flatpak"])
def test_a_flatpak_is_let_at_the_profile(tmp_path: Path, folder: str) -> None:
    flatpak = program(tmp_path / "bin/flatpak")
    program(tmp_path / folder / "exports/bin/com.google.Chrome")
    assert find("chrome", "", place(tmp_path)).command == (
        str(flatpak),
        "run",
        "--die-with-parent",
        "--filesystem={profile}",
        "com.google.Chrome",
    )


@pytest.mark.parametrize("folder", ["Applications", "home/Applications"])
def test_on_macos(tmp_path: Path, folder: str) -> None:
    path = program(tmp_path / folder / "Google Chrome.app/Contents/MacOS/Google Chrome")
    assert find("chrome", "", place(tmp_path, "darwin")).command == (str(path),)


@pytest.mark.parametrize("variable", ["PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA"])
def test_on_windows(tmp_path: Path, variable: str) -> None:
    path = program(tmp_path / "Microsoft/Edge/Application/msedge.exe")
    assert find("", "", place(tmp_path, "win32", {variable: str(tmp_path)})).command == (str(path),)


@pytest.mark.parametrize(
    ("command", "name", "title", "family"),
    [
        ("vivaldi", "", "Vivaldi", CHROMIUM),
        ("librewolf --safe-mode", "", "Librewolf", FIREFOX),
        ("my-build", "firefox", "Firefox", FIREFOX),
        ("google-chrome --incognito", "", "Google chrome", CHROMIUM),
    ],
)
def test_a_program_of_the_users(tmp_path: Path, command: str, name: str, title: str, family: BrowserFamily) -> None:
    words = command.split()
    path = program(tmp_path / "bin" / words[0])
    assert find(name, command, place(tmp_path)) == Program(title, family, (str(path), *words[1:]))


def test_a_path_with_spaces_is_one_program(tmp_path: Path) -> None:
    path = program(tmp_path / "My Browser/run me")
    assert find("", str(path), place(tmp_path)).command == (str(path),)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"^Firefox is not installed .*--browser-command"):
        find("firefox", "", place(tmp_path))
    with pytest.raises(NotFoundError, match=r"^Chromium, Chrome, Edge, Brave or Firefox is not installed"):
        find("", "", place(tmp_path))
    with pytest.raises(NotFoundError, match=r"^opera is none of chromium, chrome, edge, brave, firefox"):
        find("opera", "", place(tmp_path))
    with pytest.raises(NotFoundError, match="'no-such-program' is no program"):
        find("", "no-such-program", place(tmp_path))


def test_this_machine_is_looked_at_by_default() -> None:
    assert Place().environ is os.environ
