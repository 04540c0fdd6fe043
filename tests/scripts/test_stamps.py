import os
from pathlib import Path

import pytest
import stamps

FILES = ("pyproject.toml", stamps.CONSTRAINTS)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "scripts").mkdir()
    for name in FILES:
        (tmp_path / name).write_text("# first\n")
    return tmp_path


def finished(checkout: Path) -> stamps.Stamp:
    """Make an environment of two files, as far as a stamp looks, and return its stamp."""
    directory = checkout / ".venv"
    python = Path(stamps.program(str(directory), "python"))
    python.parent.mkdir(parents=True)
    base = checkout / "base-python"
    base.write_text("")
    python.symlink_to(base)
    return stamps.Stamp(
        complete=True,
        location=str(directory.resolve()),
        interpreter=str(base.resolve()),
        version="3.13.0",
        project=stamps.project_digest(str(checkout)),
        extras=["dev"],
        pinned=True,
    )


def is_current(checkout: Path, stamp: stamps.Stamp | None, extras: tuple[str, ...] = ()) -> bool:
    return stamps.is_current(stamp, str(checkout), str(checkout / ".venv"), extras)


def test_a_stamp_is_read_as_it_was_written(checkout: Path) -> None:
    stamp = finished(checkout)
    stamps.write(str(checkout / ".venv"), stamp)
    assert stamps.read(str(checkout / ".venv")) == stamp
    assert sorted(os.listdir(checkout / ".venv")) == sorted(["bin" if os.name != "nt" else "Scripts", stamps.FILE])


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", '{"complete": true}', '{"surplus": 1}', "\udcff"])
def test_what_is_no_stamp_reads_as_none(checkout: Path, text: str) -> None:
    (checkout / stamps.FILE).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert stamps.read(str(checkout)) is None


def test_no_file_reads_as_none(checkout: Path) -> None:
    assert stamps.read(str(checkout / "nowhere")) is None


@pytest.mark.parametrize(
    ("extras", "current"), [((), True), (("dev",), True), (("docs",), False), (("dev", "docs"), False)]
)
def test_an_environment_serves_whoever_asks_for_no_more_than_it_holds(
    checkout: Path, extras: tuple[str, ...], current: bool
) -> None:
    assert is_current(checkout, finished(checkout), extras) is current


CHANGES = [
    ("an interrupted installation", {"complete": False}),
    ("the checkout was moved or copied with its environment", {"location": "/elsewhere/.venv"}),
    ("python3 became another minor version", {"interpreter": "/usr/bin/python3.12"}),
    ("another project file", {"project": "0"}),
]


@pytest.mark.parametrize("change", [row[1] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_an_environment_that_is_not_what_its_stamp_says_is_not_current(
    checkout: Path, change: dict[str, object]
) -> None:
    assert not is_current(checkout, finished(checkout)._replace(**change))


def test_a_python_that_was_uninstalled_makes_it_unsound(checkout: Path) -> None:
    stamp = finished(checkout)
    assert is_current(checkout, stamp)
    (checkout / "base-python").unlink()
    assert not is_current(checkout, stamp)


@pytest.mark.parametrize("edited", FILES)
def test_an_edited_project_file_or_constraint_leaves_it_sound_but_not_current(checkout: Path, edited: str) -> None:
    stamp = finished(checkout)
    (checkout / edited).write_text("# other\n")
    assert not is_current(checkout, stamp)
    assert stamps.is_sound(stamp, str(checkout / ".venv"))
