"""Options: what users may give on the command line, in config.yaml and while mitmproxy runs; what they are told."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, optmanager

from cors_addon.mitm.addon import CorsAddon
from cors_addon.mitm.options import OPTIONS
from tests.mitm.support import cors_get, logged, mitmproxy_context, proxy


def started(
    caplog: pytest.LogCaptureFixture, words: Sequence[str] = (), config: dict[str, Any] | None = None
) -> tuple[optmanager.OptManager, list[str]]:
    """Load the addon as mitmproxy does at start: what was given comes first, the options' declarations after it."""
    with mitmproxy_context() as context:
        context.options.update_defer(**(config or {}))
        context.options.set(*words, defer=True)
        context.master.addons.add(CorsAddon())
        return context.options, logged(caplog, logging.ERROR)


FROM_THE_COMMAND_LINE = [
    ("a bool may stand alone", ["cors_mark"], "cors_mark", True),
    ("or with an empty value", ["cors_mark="], "cors_mark", True),
    ("or be false", ["cors_mark=false"], "cors_mark", False),
    ("or be turned over", ["cors_audit=toggle"], "cors_audit", False),
    ("comment is a bool too", ["cors_comment=false"], "cors_comment", False),
    ("each browser by its name", ["cors_browser=webkit"], "cors_browser", "webkit"),
    ("the standard as a judge", ["cors_browser=spec"], "cors_browser", "spec"),
    ("one id to ignore", ["cors_ignore=vary-origin-missing"], "cors_ignore", ["vary-origin-missing"]),
    (
        "several, each with its own --set",
        ["cors_ignore=vary-origin-missing", "cors_ignore=origin-null@*.test"],
        "cors_ignore",
        ["vary-origin-missing", "origin-null@*.test"],
    ),
    ("nothing to ignore", ["cors_ignore"], "cors_ignore", []),
]


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [row[1:] for row in FROM_THE_COMMAND_LINE],
    ids=[row[0] for row in FROM_THE_COMMAND_LINE],
)
def test_a_good_value_is_taken(caplog: pytest.LogCaptureFixture, words: list[str], name: str, value: object) -> None:
    options, errors = started(caplog, words)
    assert errors == []
    assert getattr(options, name) == value
    assert not options.deferred


def test_paths_are_taken_with_their_home(caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    words = ["cors_report=~/a.json", f"cors_report={tmp_path / 'b.JSON'}"]
    options, errors = started(caplog, words)
    assert errors == []
    assert options.cors_report == ["~/a.json", str(tmp_path / "b.JSON")]
    assert list(tmp_path.iterdir()) == [], "a check leaves nothing behind"


BAD_WORDS = [
    ("a word that YAML would take for true", ["cors_mark=yes"], "cors_mark=yes", "neither true nor false"),
    ("a number", ["cors_audit=1"], "cors_audit=1", "neither true nor false"),
    ("twice", ["cors_comment=true", "cors_comment=false"], "cors_comment=true,false", "more than once"),
    ("another browser", ["cors_browser=opera"], "cors_browser=opera", "none of auto, chromium, firefox, webkit, spec"),
    ("a typing error", ["cors_browser=chromum"], "cors_browser=chromum", "did you mean chromium?"),
    ("two browsers", ["cors_browser=spec", "cors_browser=auto"], "cors_browser=spec,auto", "more than once"),
    ("no browser", ["cors_browser"], "cors_browser=", "needs a value"),
    ("another style of marks", ["cors_mark_style=ascii"], "cors_mark_style=ascii", "none of emoji, plain"),
    ("too much memory", ["cors_memory=99999999999"], "cors_memory=99999999999", "too little or too much"),
    ("less than no memory", ["cors_memory=-5"], "cors_memory=-5", "too little or too much"),
    ("a port below all", ["cors_page_port=-1"], "cors_page_port=-1", "is no port"),
    ("no number", ["cors_memory=\u0662"], "cors_memory=\u0662", "is no number"),
    ("no baseline", ["cors_baseline=/dev/null"], "cors_baseline=/dev/null", "a folder, a pipe or a device"),
    ("no id", ["cors_ignore=acao"], "cors_ignore=acao", "'acao' is no violation id"),
    (
        "an id with a typing error",
        ["cors_ignore=vary-origin-mising"],
        "cors_ignore=vary-origin-mising",
        "did you mean vary-origin-missing?",
    ),
    ("ids in one word", ["cors_ignore=origin-null,network-error"], "cors_ignore=", "write ID or ID@HOST"),
    ("no host", ["cors_ignore=origin-null@"], "cors_ignore=origin-null@", "names no host"),
    ("a format that is not there", ["cors_report=out.pdf"], "cors_report=out.pdf", "the file's ending, one of .json"),
    ("no format", ["cors_report=report"], "cors_report=report", "the file's ending"),
    ("nowhere", ["cors_report=/no/such/folder/a.json"], "cors_report=/no/such/", "the folder '/no/such/folder' does"),
    ("nobody's home", ["cors_report=~no-such-user/a.json"], "cors_report=~no-such-user/a.json", "cannot be written"),
    ("a name beyond every limit", [f"cors_report={'a' * 5000}/b.json"], "cors_report=aaa", "cannot be written"),
    ("no rule file", ["cors_rules=/no/such/rules.yaml"], "cors_rules=/no/such/rules.yaml", "cannot be used"),
    ("nobody's rules", ["cors_rules=~no-such-user/r.yaml"], "cors_rules=~no-such-user/r.yaml", "cannot be used"),
]


@pytest.mark.parametrize(("words", "given", "wrong"), [r[1:] for r in BAD_WORDS], ids=[r[0] for r in BAD_WORDS])
def test_a_bad_value_is_an_error_at_the_start(
    caplog: pytest.LogCaptureFixture, words: list[str], given: str, wrong: str
) -> None:
    options, errors = started(caplog, words)
    (error,) = errors
    assert error.startswith(f"cors-addon cannot start: {given}"), "names the option and its value"
    assert wrong in error
    name = given.partition("=")[0]
    assert getattr(options, name) == options.default(name), "the bad value is nowhere in force"


def test_a_folder_is_no_report(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    folder = tmp_path / "out.json"
    folder.mkdir()
    _, errors = started(caplog, [f"cors_report={folder}"])
    assert errors == [f"cors-addon cannot start: cors_report={folder}: '{folder}' is a folder; name a file"]


def test_a_folder_that_takes_no_file_is_found_before_any_traffic(
    caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "old.json").write_text("{}")
    monkeypatch.setattr("cors_addon.mitm.options.tempfile.NamedTemporaryFile", refuse)
    path = tmp_path / "old.json"
    _, errors = started(caplog, [f"cors_report={path}"])
    assert errors == [f"cors-addon cannot start: cors_report={path}: '{path}' cannot be written: Permission denied"]
    assert path.read_text() == "{}", "what an earlier run left is not touched before there is something better"


def test_each_bad_option_is_named(caplog: pytest.LogCaptureFixture) -> None:
    _, errors = started(caplog, ["cors_mark=yes", "cors_browser=opera", "cors_report=a.doc"])
    assert len(errors) == 3


BAD_CONFIG: list[tuple[str, str, object, str]] = [
    ("a text that looks like a bool", "cors_mark", "true", "neither true nor false"),
    ("a number for a bool", "cors_mark", 1, "neither true nor false"),
    ("a list of a bool", "cors_audit", [True], "neither true nor false"),
    ("nothing for a bool", "cors_comment", None, "neither true nor false"),
    ("a number for a text", "cors_browser", 5, "is no text"),
    ("nothing for a text", "cors_browser", None, "is no text"),
    ("a list for a text", "cors_browser", ["firefox"], "is no text"),
    ("a wrong text", "cors_browser", "safari", "is none of auto"),
    ("a text for a list", "cors_ignore", "origin-null", "no list of texts"),
    ("numbers in a list", "cors_ignore", [1], "no list of texts"),
    ("a mapping for a list", "cors_report", {"a.json": None}, "no list of texts"),
    ("a bad text in a list", "cors_ignore", ["origin-null", "nonsense"], "'nonsense' is no violation id"),
    ("a zero byte in a path", "cors_report", ["a\0.json"], "cannot be written"),
    ("a zero byte in another path", "cors_rules", "a\0.yaml", "cannot be used"),
]


@pytest.mark.parametrize(("name", "value", "wrong"), [r[1:] for r in BAD_CONFIG], ids=[r[0] for r in BAD_CONFIG])
def test_a_wrong_type_in_config_yaml_is_an_error_at_the_start(
    caplog: pytest.LogCaptureFixture, name: str, value: object, wrong: str
) -> None:
    options, errors = started(caplog, config={name: value})
    (error,) = errors
    assert error.startswith(f"cors-addon cannot start: {name}=")
    assert wrong in error
    assert error.isprintable()
    assert getattr(options, name) == options.default(name)


@pytest.mark.parametrize(
    ("name", "value"),
    [("cors_mark", False), ("cors_browser", "firefox"), ("cors_ignore", ["origin-null"]), ("cors_ignore", [])],
)
def test_a_right_type_in_config_yaml_is_taken(caplog: pytest.LogCaptureFixture, name: str, value: object) -> None:
    options, errors = started(caplog, config={name: value})
    assert errors == []
    assert getattr(options, name) == value


def test_the_command_line_wins_over_config_yaml(caplog: pytest.LogCaptureFixture) -> None:
    options, errors = started(caplog, ["cors_browser=spec"], {"cors_browser": "nonsense"})
    assert errors == []
    assert options.cors_browser == "spec"


def test_an_unknown_option_is_an_error_once_mitmproxy_runs(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        caplog.clear()
        running.context.options.set("cors_marks=false", "cors_xyzzy=1", "other_addons=1", defer=True)
        running.context.options.deferred["cors_repots"] = ["a.json"]
        running.context.master.event_loop.run_until_complete(_run_again(running.addon))
        errors = logged(caplog, logging.ERROR)
    assert [error.split(":")[1].strip() for error in errors] == ["cors_marks", "cors_repots", "cors_xyzzy"]
    assert "did you mean cors_mark?" in errors[0]
    assert "did you mean cors_report?" in errors[1]
    assert "did you mean" not in errors[2]
    assert all(option.name in errors[2] for option in OPTIONS), "the known ones are listed"


async def _run_again(addon: CorsAddon) -> None:
    addon.done()
    addon.running()


WHILE_RUNNING: list[tuple[str, dict[str, Any], str]] = [
    ("a browser", {"cors_browser": "opera"}, "cors_browser=opera: is none of auto"),
    ("an id", {"cors_ignore": ["origin-null", "nonsense"]}, "cors_ignore=origin-null,nonsense: 'nonsense' is no"),
    ("a path", {"cors_report": ["a.exe"]}, "cors_report=a.exe: 'a.exe' names no format"),
    ("one of two", {"cors_mark": False, "cors_browser": "opera"}, "cors_browser=opera"),
]


@pytest.mark.parametrize(
    ("given", "message"), [row[1:] for row in WHILE_RUNNING], ids=[row[0] for row in WHILE_RUNNING]
)
def test_a_bad_change_while_running_is_taken_back(given: dict[str, Any], message: str) -> None:
    with proxy(cors_browser="firefox") as running:
        with pytest.raises(exceptions.OptionsError, match=re.escape(message)):
            running.context.options.update(**given)
        assert running.context.options.cors_browser == "firefox"
        assert running.context.options.cors_mark is True
        assert running.send(cors_get()).metadata["cors"]["browser"] == "firefox", "and the addon goes by the old value"


def test_a_change_while_running_holds_for_the_flows_after_it() -> None:
    with proxy() as running:
        before = running.send(cors_get())
        running.context.options.update(cors_mark=False, cors_comment=False, cors_browser="webkit")
        after = running.send(cors_get(at=1005.0))
        assert (before.marked, bool(before.comment)) == (":x:", True)
        assert (after.marked, after.comment) == ("", "")
        assert after.metadata["cors"]["browser"] == "webkit"


def test_options_are_declared_once_and_explained() -> None:
    with mitmproxy_context() as context:
        context.master.addons.add(CorsAddon())
        declared = {name for name in context.options.keys() if name.startswith("cors_")}  # noqa: SIM118
    assert declared == {option.name for option in OPTIONS}
    for option in OPTIONS:
        assert option.help.endswith("."), "a sentence"
        assert "\n" not in option.help, "mitmproxy folds it itself"
