"""The rule file on disk: what is in force while it is saved, broken, renamed, replaced and gone."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.mitm import rulefile
from cors_addon.mitm.rulefile import RuleFile, opened


def text(*names: str) -> str:
    """Write a rule file with these rules."""
    rules = "".join(
        f'  - name: "{name}"\n    hosts: ["api.dev.test"]\n    paths: ["/{name}"]\n    allow_origins: ["http://app.test"]\n'
        for name in names
    )
    return f"version: 1\nrules:\n{rules}"


def names(file: RuleFile) -> list[str]:
    return [rule.name for rule in file.rules.rules]


def settled(file: RuleFile) -> rulefile.Change | None:
    """Look twice, as long as it takes for a change to be read."""
    return file.poll() or file.poll()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "rules.yaml"
    made.write_text(text("first"))
    return made


@pytest.fixture
def file(path: Path) -> RuleFile:
    made, change = opened(str(path))
    assert change.in_force
    assert change.text == ""
    assert settled(made) is None, "nothing has changed"
    return made


# --- opening ------------------------------------------------------------------------------------------------------


def test_no_file_is_no_rules() -> None:
    file, change = opened("")
    assert change.in_force
    assert file.path is None
    assert names(file) == []
    assert file.poll() is None


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.mkdir(), "cannot be read: it is a folder, a pipe or a device, and no file"),
        (lambda path: os.mkfifo(path), "cannot be read: it is a folder, a pipe or a device, and no file"),
        (lambda path: path.write_text(""), "error["),
        (lambda path: path.write_text("version: 1\nrules: [\n"), "error[yaml]"),
        (lambda path: path.write_bytes(b"#" * 300_000), "larger than 256 KiB"),
    ],
    ids=["a folder", "a pipe", "empty", "broken", "too large"],
)
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, make: Callable[[Path], object], said: str) -> None:
    path = tmp_path / "rules.yaml"
    make(path)
    file, change = opened(str(path))
    assert not change.in_force
    assert change.text.startswith(str(path))
    assert said in change.text
    assert file.trouble == change.text
    assert names(file) == []


def test_a_file_that_does_not_exist_yet_has_no_rules(tmp_path: Path) -> None:
    file, change = opened(str(tmp_path / "new.yaml"))
    assert (change.in_force, change.text, file.is_absent) == (True, "", True)
    assert (names(file), file.trouble, file.content()) == ([], "", None)
    assert settled(file) is None
    assert file.write(text("first").encode(), None).in_force
    assert (names(file), file.is_absent) == (["first"], False)
    assert stat.S_IMODE((tmp_path / "new.yaml").stat().st_mode) == 0o600
    assert settled(file) is None


def test_a_file_that_comes_into_being_is_read(tmp_path: Path) -> None:
    file, _ = opened(str(tmp_path / "new.yaml"))
    (tmp_path / "new.yaml").write_text(text("first"))
    assert settled(file) is not None
    assert names(file) == ["first"]


def test_a_file_in_a_folder_that_does_not_exist_says_why(tmp_path: Path) -> None:
    _, change = opened(str(tmp_path / "gone" / "rules.yaml"))
    assert not change.in_force
    assert f"cannot be read: there is no folder {tmp_path / 'gone'}; make it" in change.text


def test_a_written_file_keeps_its_mode_and_stays_a_link(tmp_path: Path, path: Path) -> None:
    path.chmod(0o640)
    link = tmp_path / "link.yaml"
    link.symlink_to(path)
    file, _ = opened(str(link))
    assert file.write(text("other").encode(), path.read_bytes()).in_force
    assert link.is_symlink()
    assert (path.read_text(), stat.S_IMODE(path.stat().st_mode)) == (text("other"), 0o640)
    assert [entry.name for entry in tmp_path.iterdir() if entry.name.startswith(".")] == []


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anything")
def test_a_read_only_file_is_left_alone(path: Path) -> None:
    path.chmod(0o440)
    file, _ = opened(str(path))
    with pytest.raises(OSError, match="read-only"):
        file.write(text("other").encode(), path.read_bytes())
    assert path.read_text() == text("first")


def test_what_a_killed_process_left_beside_the_file_is_swept(path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    left = path.with_name(f".{path.name}.{gone.pid}.abcd1234")
    left.write_text("half")
    file, _ = opened(str(path))
    assert file.write(text("other").encode(), path.read_bytes()).in_force
    assert not left.exists()


def test_a_long_file_is_read_beside_the_event_loop(path: Path) -> None:
    """Reading 250 KB takes a second; the loop may have none of it, and the old rules hold until it is done."""
    file, _ = opened(str(path))
    path.write_text(text("long") + "# a comment\n" * 1_000)
    with (
        patch.object(threading.Thread, "start", lambda thread: None),
        patch.object(threading.Thread, "is_alive", lambda thread: True),
    ):
        assert settled(file) is None
        assert names(file) == ["first"]
        begun = file._reading
    assert begun is not None
    begun._read()
    change = file.poll()
    assert change is not None
    assert change.in_force
    assert names(file) == ["long"]
    path.write_text(text("broken") + "nonsense: 1\n" + "# a comment\n" * 1_000)
    deadline = time.monotonic() + 20
    while (change := file.poll()) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert change is not None
    assert "nonsense" in change.text
    assert names(file) == ["long"]


def test_rules_in_memory() -> None:
    file, _ = opened("")
    assert file.content() is None
    assert file.write(text("first").encode(), None).in_force
    assert (names(file), file.content(), file.poll()) == (["first"], text("first").encode(), None)
    assert not file.write(b"version: 2\n", file.content()).in_force
    assert names(file) == ["first"]
    file.delete()
    assert (names(file), file.content()) == ([], None)


@pytest.mark.parametrize("value", ["~no-such-user/rules.yaml", "rules\0.yaml"])
def test_a_name_that_no_file_can_have_says_why(value: str) -> None:
    file, change = opened(value)
    assert not change.in_force
    assert change.text
    assert change.text.isprintable()
    assert file.path is None


def test_a_name_with_escapes_cannot_move_the_cursor(tmp_path: Path) -> None:
    _, change = opened(str(tmp_path / "\x1b[2J.yaml"))
    assert change.text.isprintable()


def test_warnings_do_not_keep_a_file_from_being_used(path: Path) -> None:
    path.write_text(text("first").replace("version: 1", "version: 1\nexpires: never"))
    file, change = opened(str(path))
    assert change.in_force
    assert "warning" in change.text
    assert file.trouble == ""


# --- watching -----------------------------------------------------------------------------------------------------


def test_a_changed_file_is_read_at_the_second_look(path: Path, file: RuleFile) -> None:
    path.write_text(text("second"))
    assert file.poll() is None
    assert names(file) == ["first"], "it may still be half-written"
    change = file.poll()
    assert change is not None
    assert change.in_force
    assert names(file) == ["second"]
    assert file.poll() is None


def test_a_file_that_keeps_changing_is_not_read(path: Path, file: RuleFile) -> None:
    whole = text("second", "third")
    for length in range(10, len(whole), 10):
        path.write_text(whole[:length])
        assert file.poll() is None
        assert names(file) == ["first"]
    path.write_text(whole)
    assert settled(file) is not None
    assert names(file) == ["second", "third"]


def test_a_file_that_changes_while_it_is_read_is_not_taken(
    path: Path, file: RuleFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = rulefile.read_regular_file

    def half(path: Path, most: int) -> bytes:
        content = read(path, most)
        path.write_text(text("third", "fourth"))
        return content

    path.write_text(text("second"))
    monkeypatch.setattr(rulefile, "read_regular_file", half)
    assert settled(file) is None
    assert names(file) == ["first"]
    monkeypatch.undo()
    assert settled(file) is not None
    assert names(file) == ["third", "fourth"]


def _rename(path: Path, content: str) -> None:
    path.with_suffix(".new").write_text(content)
    path.with_suffix(".new").replace(path)


def _backup(path: Path, content: str) -> None:
    path.rename(path.with_suffix(".yaml~"))
    path.write_text(content)


def _link(path: Path, content: str) -> None:
    target = path.with_suffix(".target")
    target.write_text(content)
    path.unlink()
    path.symlink_to(target)


def _remove(path: Path, content: str) -> None:
    path.unlink()
    path.write_text(content)


def _keep_times(path: Path, content: str) -> None:
    before = path.stat()
    path.write_text(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size


WAYS = [
    ("written in place", lambda path, content: path.write_text(content) and None),
    ("renamed over it", _rename),
    ("the old one renamed, a new one written", _backup),
    ("replaced by a link", _link),
    ("removed and written anew", _remove),
    ("of the same size and with the time of the old one", _keep_times),
]


@pytest.mark.parametrize("save", [row[1] for row in WAYS], ids=[row[0] for row in WAYS])
def test_every_way_of_saving_is_noticed(path: Path, file: RuleFile, save: Callable[[Path, str], None]) -> None:
    for name in ("other", "third", "fourt"):
        save(path, text(name))
        change = settled(file)
        assert change is not None
        assert change.in_force
        assert names(file) == [name]


def test_a_file_that_is_saved_unchanged_is_no_news(path: Path, file: RuleFile) -> None:
    path.write_text(path.read_text())
    assert settled(file) is None
    os.utime(path)
    assert settled(file) is None


def test_a_broken_file_is_told_once_and_the_last_good_rules_stay(path: Path, file: RuleFile) -> None:
    path.write_text(text("second").replace("hosts", "host"))
    change = settled(file)
    assert change is not None
    assert not change.in_force
    assert "did you mean" in change.text or "hosts" in change.text
    assert names(file) == ["first"]
    assert file.trouble == change.text
    for _ in range(3):
        os.utime(path)
        assert settled(file) is None, "the same again is no news"
    path.write_text(text("second"))
    again = settled(file)
    assert again is not None
    assert again.in_force
    assert names(file) == ["second"]
    assert file.trouble == ""


def test_a_file_that_goes_and_comes_back(path: Path, file: RuleFile) -> None:
    content = path.read_text()
    path.unlink()
    change = settled(file)
    assert change is not None
    assert not change.in_force
    assert change.text == f"{path}: cannot be read: No such file or directory"
    assert settled(file) is None
    assert names(file) == ["first"]
    path.write_text(content)
    back = settled(file)
    assert back is not None, "the trouble is over, though nothing else has changed"
    assert back.in_force
    assert file.trouble == ""


def test_a_file_that_is_gone_for_a_moment_is_not_missed(path: Path, file: RuleFile) -> None:
    path.unlink()
    assert file.poll() is None
    path.write_text(text("second"))
    assert file.poll() is None
    change = file.poll()
    assert change is not None
    assert names(file) == ["second"]


def test_reading_on_request_waits_for_nothing_and_always_says_what_it_found(path: Path, file: RuleFile) -> None:
    assert file.read().in_force
    path.write_text("rules: [")
    for _ in range(2):
        change = file.read()
        assert not change.in_force
        assert change.text
    assert names(file) == ["first"]
    path.write_text(text("second"))
    assert file.read().in_force
    assert names(file) == ["second"]
    assert settled(file) is None, "what was read on request is not read again as news"


def test_nothing_is_read_while_nothing_changes(file: RuleFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rulefile, "read_regular_file", lambda *_: pytest.fail("read"))
    for _ in range(5):
        assert file.poll() is None


def test_no_file_handle_is_left_open(path: Path, file: RuleFile) -> None:
    folder = Path("/proc/self/fd")
    if not folder.exists():
        pytest.skip("open files are counted in /proc, which this system lacks")
    before = len(list(folder.iterdir()))
    for make in (lambda: path.mkdir(), lambda: path.write_text("["), lambda: path.write_text(text("second"))):
        path.unlink() if path.is_file() else path.rmdir()
        make()
        file.read()
    assert len(list(folder.iterdir())) == before


# --- whatever happens to it ----------------------------------------------------------------------------------------

GOOD = [text("a"), text("b"), text("a", "b"), text("b", "c", "d")]
BAD = ["", "rules: [", text("a") + "  - name: x\n", GOOD[3][:-9]]
VERSIONS = {content: [part.split('"')[0] for part in content.split('name: "')[1:]] for content in GOOD}

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(GOOD + BAD)),
        st.tuples(st.just("rename"), st.sampled_from(GOOD + BAD)),
        st.tuples(st.just("cut"), st.integers(0, 300)),
        st.tuples(st.just("remove"), st.none()),
        st.tuples(st.just("look"), st.none()),
        st.tuples(st.just("look"), st.none()),
    ),
    max_size=30,
)


@given(STEPS)
def test_in_force_is_always_the_last_good_version_that_came_to_rest(steps: list[tuple[str, object]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rules.yaml")
        path.write_text(GOOD[0])
        file, _ = opened(str(path))
        assert settled(file) is None
        on_disk: str | None = GOOD[0]
        expected, looks = VERSIONS[GOOD[0]], 2
        for what, how in steps:
            before = on_disk
            match what:
                case "write" if isinstance(how, str):
                    on_disk = how
                    path.write_text(how)
                case "rename" if isinstance(how, str):
                    on_disk = how
                    _rename(path, how)
                case "cut" if isinstance(how, int) and on_disk is not None:
                    on_disk = on_disk[:how]
                    path.write_text(on_disk)
                case "remove":
                    on_disk = None
                    path.unlink(missing_ok=True)
                case _:
                    if what == "look":
                        looks += 1
                        file.poll()
            if what != "look" and not (what == "remove" and before is None):
                looks = 0
            if looks >= 2 and on_disk in VERSIONS:
                expected = VERSIONS[on_disk]
            elif looks >= 2 and on_disk is not None:
                fresh, change = opened(str(path))
                expected = names(fresh) if change.in_force else expected
            if looks >= 2:
                assert bool(file.trouble) == (on_disk is None or not opened(str(path))[1].in_force)
            assert names(file) == expected
