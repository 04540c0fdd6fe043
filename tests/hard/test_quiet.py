"""Nothing is sent anywhere, and nothing is written but where the user said: watched, not believed."""

from __future__ import annotations

from pathlib import Path

import pytest

from cors_addon.__main__ import main
from cors_addon.report.formats import SUFFIXES
from tests.capture.captures import flow_file
from tests.hard.watched import Watched, watched
from tests.mitm.injecting import rule, written
from tests.mitm.support import cors_get, make_flow, preflight, proxy

FLOWS = [
    cors_get(),
    cors_get("Access-Control-Allow-Origin: *", "Location: http://elsewhere.test/", status=302),
    preflight("Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: PUT"),
    make_flow("Origin: http://app.test"),
]


def used(folder: Path) -> Watched:
    """Use everything of a running addon once."""
    rules = folder / "rules.yaml"
    rules.write_text(written(rule()), encoding="utf-8")
    reports = [str(folder / f"report{ending}") for ending in SUFFIXES]
    with watched() as seen, proxy(cors_rules=str(rules), cors_inject=True, cors_report=reports) as running:
        for each in FLOWS:
            running.send(each.copy())
        running.addon._tick()
        commands = running.addon.commands
        commands.status()
        commands.explain([running.send(cors_get())])
        commands.report(str(folder / "asked.json"))
        commands.rules_list()
        commands.rules_reload()
        commands.rules_suggest([running.send(cors_get(url="http://other.test/"))])
        commands.inject("off")
        running.addon._tick()
    return seen


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> tuple[Watched, Path]:
    folder = tmp_path_factory.mktemp("quiet")
    for name in ("first", "second"):  # what is loaded only once is loaded at first
        (folder / name).mkdir()
        seen = used(folder / name)
    return seen, folder / "second"


def test_nothing_is_connected_to_and_no_name_is_looked_up(seen: tuple[Watched, Path]) -> None:
    assert [line for line in seen[0].sockets if "127.0.0.1" not in line] == []
    assert seen[0].processes == []


def test_only_the_reports_are_written(seen: tuple[Watched, Path]) -> None:
    watched_, folder = seen
    places = {Path(path) for path in watched_.written if _is_somewhere(path)}
    assert {place if place == folder else place.parent for place in places} == {folder}
    names = {f"report{ending}" for ending in SUFFIXES} | {"asked.json", "rules.yaml"}
    assert {path.name for path in folder.iterdir()} == names


def test_nothing_is_read_but_the_rule_file(seen: tuple[Watched, Path]) -> None:
    watched_, folder = seen
    read = {path for path, how in watched_.files if "r" in how and _is_somewhere(path)}
    assert read <= {str(folder / "rules.yaml")} | {path for path in read if "/cors_addon/" in path}


def _is_somewhere(path: str) -> bool:
    """Say whether a path is one of the file system, and not a descriptor or the terminal."""
    return not path.isdigit() and path not in ("None", "/dev/tty")


@pytest.mark.parametrize("ending", ["", *SUFFIXES])
def test_check_writes_its_output_and_asks_nobody(
    ending: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    capture = tmp_path / "capture.mitm"
    capture.write_bytes(flow_file(FLOWS[:3]))
    output = tmp_path / f"out{ending}"
    arguments = ["check", str(capture), *(["--output", str(output)] if ending else [])]
    main(arguments)
    output.unlink(missing_ok=True)
    with watched() as seen_:
        assert main(arguments) == 1
    capsys.readouterr()
    assert seen_.sockets == []
    assert seen_.processes == []
    written_ = {Path(path) for path in seen_.written if _is_somewhere(path)}
    assert {path.parent for path in written_} <= {tmp_path}
    assert {path.name for path in tmp_path.iterdir()} == {"capture.mitm", *([output.name] if ending else [])}
