from pathlib import Path

import pytest

from cors_addon.mitm.injection import Injection
from cors_addon.mitm.rule_writer import NotWritten, RuleWriter
from cors_addon.mitm.rulefile import opened
from cors_addon.rules.suggest import BlockedRequest

PAGE = "http://localhost:5173"
REQUEST = BlockedRequest(PAGE, "https://api.dev.test/v1/items", "PUT")
NAME = "localhost:5173 calls api.dev.test"
OTHER = """\
version: 1
rules:
  - name: other
    hosts: [b.dev.test]
    allow_origins: any
"""


class Writing:
    """A rule writer over a file, or over the memory where none is named."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self.injection = Injection()
        self.injection.file, change = opened("" if path is None else str(path))
        assert change.in_force
        self.writer = RuleWriter(self.injection, self.injection.switch)

    def unblock(self, *requests: BlockedRequest) -> tuple[str, ...]:
        return self.writer.write(self.writer.preview(requests or (REQUEST,))).rules

    def enabled(self) -> list[str]:
        return [rule.name for rule in self.injection.rules.rules if rule.enabled]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "rules.yaml"
    made.write_text(OTHER)
    return made


def test_the_change_is_shown_before_it_is_written(path: Path) -> None:
    writing = Writing(path)
    preview = writing.writer.preview([REQUEST])
    assert path.read_text() == OTHER
    assert preview.rules == (NAME,)
    assert f'+  - name: "{NAME}"' in preview.diff.splitlines()
    assert writing.injection.is_on is False
    written = writing.writer.write(preview)
    assert (written.rules, written.diff, written.place) == ((NAME,), preview.diff, str(path))
    assert path.read_text().startswith(OTHER)


def test_the_new_rule_alone_is_in_force_where_injection_was_off(path: Path) -> None:
    writing = Writing(path)
    writing.unblock()
    assert writing.injection.is_on
    assert writing.injection.seconds_left is not None, "it expires as usual"
    assert writing.enabled() == [NAME]
    assert writing.unblock(BlockedRequest(PAGE, "https://c.dev.test/")) == ("localhost:5173 calls c.dev.test",)
    assert writing.enabled() == [NAME, "localhost:5173 calls c.dev.test"]
    writing.injection.toggle_rule("other")
    assert "other" in writing.enabled()
    writing.injection.switch(False)
    writing.injection.switch(True)
    assert len(writing.enabled()) == 3, "switched on by hand, all rules are in force"


def test_the_others_stay_in_force_where_injection_was_on(path: Path) -> None:
    writing = Writing(path)
    writing.injection.switch(True)
    writing.unblock()
    assert writing.enabled() == ["other", NAME]


@pytest.mark.parametrize("in_memory", [False, True], ids=["a file that does not exist yet", "in memory"])
def test_the_first_rule_and_back(tmp_path: Path, in_memory: bool) -> None:
    writing = Writing(None if in_memory else tmp_path / "new.yaml")
    assert not writing.writer.can_undo
    writing.unblock()
    assert writing.enabled() == [NAME]
    assert (tmp_path / "new.yaml").exists() is not in_memory
    assert writing.writer.place == ("memory" if in_memory else str(tmp_path / "new.yaml"))
    writing.writer.undo()
    assert (writing.enabled(), list(tmp_path.iterdir())) == ([], [])
    with pytest.raises(NotWritten, match="No rule was written in this session"):
        writing.writer.undo()


def test_each_change_is_taken_back_in_turn(path: Path) -> None:
    writing = Writing(path)
    writing.unblock()
    first = path.read_text()
    writing.unblock(BlockedRequest("http://localhost:3000", "https://api.dev.test/"))
    assert path.read_text() != first
    writing.writer.undo()
    assert path.read_text() == first
    writing.writer.undo()
    assert path.read_text() == OTHER


def test_what_somebody_has_changed_since_is_not_overwritten(path: Path) -> None:
    writing = Writing(path)
    preview = writing.writer.preview([REQUEST])
    path.write_text(OTHER + "# mine\n")
    with pytest.raises(NotWritten, match="has changed since"):
        writing.writer.write(preview)
    writing.unblock()
    path.write_text(path.read_text() + "# more\n")
    with pytest.raises(NotWritten, match="has changed since"):
        writing.writer.undo()


def test_a_rule_that_is_there_already_is_put_in_force(path: Path) -> None:
    path.write_text(OTHER.replace("b.dev.test", "api.dev.test"))
    writing = Writing(path)
    assert writing.unblock() == ("other",)
    assert path.read_text() == OTHER.replace("b.dev.test", "api.dev.test")
    assert writing.enabled() == ["other"]


def test_a_rule_is_removed(path: Path) -> None:
    writing = Writing(path)
    writing.unblock()
    assert f'-  - name: "{NAME}"' in writing.writer.remove(NAME)
    assert path.read_text() == OTHER
    with pytest.raises(NotWritten, match="the only rule"):
        writing.writer.remove("other")


def test_what_is_not_safe_is_refused(path: Path) -> None:
    writing = Writing(path)
    with pytest.raises(NotWritten, match=r"No rule is written: its origin is null"):
        writing.unblock(BlockedRequest("null", "https://api.dev.test/"))
    assert not writing.injection.is_on
    path.write_text("version: 1\nrules: [\n")
    with pytest.raises(NotWritten, match=r"(?s)The rule file has errors.*error\[yaml\]"):
        writing.unblock()
    path.unlink()
    path.mkdir()
    with pytest.raises(NotWritten, match="cannot be read"):
        writing.unblock()
