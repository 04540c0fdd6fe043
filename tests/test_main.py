"""``python -m cors_addon`` as a user types it."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import junitparser
import pytest

from cors_addon import __version__
from cors_addon import check_command as command
from cors_addon.__main__ import main
from cors_addon.capture.check import BROWSERS
from cors_addon.catalogue import CATALOGUE
from cors_addon.check_command import CLEAN, FOUND, UNUSABLE
from cors_addon.diagnosis.causes import CAUSES
from cors_addon.report.fail_on import THRESHOLDS
from cors_addon.report.formats import FORMATS
from tests.capture.captures import entry, flow_file, har
from tests.mitm.support import APP, cors_get

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def blocked(tmp_path: Path) -> str:
    """Return a capture in which something is blocked."""
    path = tmp_path / "blocked.mitm"
    path.write_bytes(flow_file([cors_get(url=f"http://api.test/items/{n}", at=1000.0 + n) for n in range(3)]))
    return str(path)


@pytest.fixture
def clean(tmp_path: Path) -> str:
    """Return a capture in which nothing is wrong."""
    path = tmp_path / "clean.mitm"
    path.write_bytes(flow_file([cors_get(f"Access-Control-Allow-Origin: {APP}", "Vary: Origin")]))
    return str(path)


@pytest.fixture
def broken(tmp_path: Path, blocked: str) -> str:
    """Return a capture that breaks off after two of its flows."""
    path = tmp_path / "broken.mitm"
    path.write_bytes(Path(blocked).read_bytes()[:-5])
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run the command; return its exit status, and what it printed and said."""
    try:
        status = main(arguments)
    except SystemExit as end:
        status = int(end.code or 0)
    printed, said = capsys.readouterr()
    return status, printed, said


# --- all together -------------------------------------------------------------------------------------------------


def test_without_a_command_the_help_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, said = run(capsys)
    assert status == UNUSABLE, "a build in which the command got lost must not be green"
    assert all(name in printed for name in ("path", "check", "rules", "explain"))
    assert said == ""


@pytest.mark.parametrize("arguments", [["--help"], ["check", "--help"], ["rules", "--help"], ["explain", "--help"]])
def test_help(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, *arguments)
    assert status == CLEAN
    assert printed.startswith("usage: cors-addon")


def test_the_version_names_mitmproxys(capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "--version")
    mitmproxy, python = metadata.version("mitmproxy"), sys.version.split()[0]
    assert (status, printed) == (CLEAN, f"cors-addon {__version__} (mitmproxy {mitmproxy}, Python {python})\n")


def test_an_unknown_command_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    status, _, said = run(capsys, "chekc")
    assert status == UNUSABLE
    assert "chekc" in said


def test_what_the_help_offers_is_what_there_is() -> None:
    assert set(command._FORMATS) == set(FORMATS)
    assert command._FAIL_ON == THRESHOLDS
    assert command._BROWSERS == BROWSERS


def test_it_runs_from_anywhere(tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "cors_addon", "path"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{ROOT / 'cors_addon' / 'addon.py'}\n"
    assert done.stderr == ""


def test_path_and_explain_need_no_mitmproxy() -> None:
    """They answer at once."""
    code = (
        "import sys; sys.modules['mitmproxy'] = None\n"
        "from cors_addon.__main__ import main\n"
        "raise SystemExit(main(['path']) or main(['explain']) or main(['explain', 'allow-origin-missing']))"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.DEVNULL, check=True)


@pytest.mark.parametrize("words", [["check", "run.mitm"], ["run", "mitmdump", "--version"]], ids=lambda words: words[0])
def test_a_python_without_mitmproxy_is_told_how_to_get_it(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "run.mitm").write_bytes(flow_file([cors_get()]))
    code = (
        "import sys; sys.modules['mitmproxy'] = None\n"
        f"from cors_addon.__main__ import main\nraise SystemExit(main({words!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.endswith(
        f"cors_addon: {sys.executable} has no mitmproxy. Use .venv/bin/cors-addon, which scripts/run.py makes, "
        f"or install it: {sys.executable} -m pip install mitmproxy\n"
    )


# --- explain ------------------------------------------------------------------------------------------------------


def test_explain_lists_all(capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "explain")
    assert status == CLEAN
    assert all(name in printed for name in (*CATALOGUE, *CAUSES))


@pytest.mark.parametrize("name", CATALOGUE)
def test_explain_tells_each(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "explain", name)
    assert status == CLEAN
    assert printed.startswith(f"{name} (")


@pytest.mark.parametrize("name", CAUSES)
def test_explain_tells_each_cause(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "explain", name.upper())
    assert status == CLEAN
    assert printed.startswith(f"{name} (a cause; ")
    assert all(heading in printed for heading in ("What shows it", "What to do"))


@pytest.mark.parametrize(
    "name", ["CORSMissingAllowOrigin", "corsmissingalloworigin", "MissingAllowOriginHeader", "OriginNotAllowed"]
)
def test_explain_takes_what_a_browser_calls_it(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "explain", name)
    assert status == CLEAN
    assert printed.startswith("allow-origin-missing (")


def test_explain_tells_all_that_a_browser_calls_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    alike = [v.id for v in CATALOGUE.values() if v.firefox == "CORSMethodNotFound"]
    status, printed, _ = run(capsys, "explain", "CORSMethodNotFound")
    assert status == CLEAN
    assert all(f"{name} (" in printed for name in alike)


def test_explain_finds_words_in_the_documentation(capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "explain", "bypass-list", "loopback")
    assert status == 0
    assert printed.startswith("first-steps: Your own browser\n    ")
    assert printed.endswith("Read one with: cors-addon docs TOPIC\n")


def completed(*words: str) -> list[str]:
    """Return what bash offers for the last of these words."""
    line = " ".join(f"'{word}'" for word in words)
    asked = f'COMP_WORDS=(cors-addon {line}); COMP_CWORD={len(words)}; _cors_addon; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-c", f"{bash_script()}\n{asked}"], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.split()


def bash_script() -> str:
    return subprocess.check_output([sys.executable, "-m", "cors_addon", "completion", "bash"], text=True, timeout=60)


@pytest.mark.skipif(not shutil.which("bash"), reason="there is no bash")
def test_bash_completes_commands_options_and_values() -> None:
    assert {"check", "docs", "rules"} <= set(completed(""))
    assert completed("ch") == ["check"]
    assert "--fail-on" in completed("check", "--")
    assert {"never", "blocked"} <= set(completed("check", "--fail-on", ""))
    assert completed("check", "run.h") == [], "files are bash's own"


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "completion", shell)
    assert status == 0
    assert "--fail-on" in printed or "-l fail-on" in printed


def test_docs_lists_the_pages_and_prints_one(capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "docs")
    assert status == 0
    topics = [line.split()[0] for line in printed.splitlines()]
    assert {"injection", "options", "violations", "limits"} <= set(topics)
    for topic in topics:
        status, printed, _ = run(capsys, "docs", topic)
        assert (status, printed[:2]) == (0, "# "), topic
    status, _, said = run(capsys, "docs", "nothing")
    assert status == 2
    assert "There is no page 'nothing'. The pages are: audit, " in said


def test_explain_finds_a_single_word_and_names_ids_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "preflight"]) == 0
    printed = capsys.readouterr().out
    assert "violations: preflight-status-not-ok\n" in printed
    assert "Similar ids, for cors-addon explain ID: preflight-" in printed
    assert printed.endswith("Read one with: cors-addon docs TOPIC\n")


def test_explain_asks_what_was_meant(capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, said = run(capsys, "explain", "allow-orgin-missing")
    assert (status, printed) == (UNUSABLE, "")
    assert said == (
        "cors_addon: there is no violation 'allow-orgin-missing'; did you mean allow-origin-missing? Without an id,"
        " explain prints the list of all.\n"
    )
    said = run(capsys, "explain", "nginx-without-alway")[2]
    assert "no such cause; did you mean nginx-without-always?" in said
    said = run(capsys, "explain", "nonsense")[2]
    assert said.startswith("cors_addon: there is no violation 'nonsense'. Without an id")


# --- rules --------------------------------------------------------------------------------------------------------

RULES = """\
version: 1
rules:
  - name: local SPA
    hosts: [api.dev.test]
    allow_origins: ["http://localhost:5173"]
"""


def test_rules_validates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(RULES)
    bad.write_text(RULES.replace("5173", "5173/"))
    status, printed, _ = run(capsys, "rules", str(good))
    assert (status, "valid, 1 rule" in printed) == (CLEAN, True)
    status, printed, _ = run(capsys, "rules", str(bad))
    assert (status, "1 error" in printed) == (FOUND, True)
    status, printed, _ = run(capsys, "rules", str(tmp_path / "none.yaml"))
    assert (status, "cannot be read" in printed) == (FOUND, True)


def test_rules_says_which_rule_is_for_a_request(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES)
    asked = ["rules", str(file), "--explain", "GET", "http://api.dev.test/a"]
    status, printed, _ = run(capsys, *asked, "--origin", "http://localhost:5173")
    assert (status, "yes  local SPA" in printed) == (CLEAN, True)
    status, _, said = run(capsys, *asked)
    assert (status, "--explain needs the page" in said) == (UNUSABLE, True)


def test_rules_prints_its_schema_or_asks_for_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "rules", "--schema")
    assert (status, "properties" in json.loads(printed)) == (CLEAN, True)
    assert run(capsys, "rules") == (UNUSABLE, "", "cors_addon: name a rule file, or ask for --schema\n")


def test_rules_explains_no_request_to_what_is_no_url(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text('version: 1\nrules: [{name: a, hosts: [api.test], allow_origins: ["http://a.test"]}]\n')
    status, _, said = run(capsys, "rules", str(file), "--explain", "GET", "/items", "--origin", "http://a.test")
    assert (status, said.startswith("cors_addon: --explain: '/items' is no URL")) == (UNUSABLE, True)


# --- check --------------------------------------------------------------------------------------------------------


def test_check_says_what_is_blocked_and_fails(blocked: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, said = run(capsys, "check", blocked)
    assert status == FOUND
    lines = printed.split("\n")
    assert lines[:2] == ["CORS: 3 flows judged: 3 blocked", ""]
    assert re.fullmatch(
        r"BLOCKED  GET http://api.test/items/\{id\}   from http://app.test   3 requests   cors-\w{7}", lines[2]
    )
    assert said == "cors_addon: 1 diagnosis counts (--fail-on blocked)\n"


def test_check_is_content_with_what_is_well(clean: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, said = run(capsys, "check", clean)
    assert (status, said) == (CLEAN, "")
    assert printed == "CORS: 1 flow judged: 1 allowed\n"


def test_check_judges_what_could_be_read_and_says_the_rest(broken: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "check", broken)
    assert status == UNUSABLE, "what could not be read weighs more than what was found"
    assert "CORS: 2 flows judged: 2 blocked" in printed
    assert f"problem: {broken}: not a whole flow file: at byte " in printed
    assert "BLOCKED  GET " in printed


def test_check_needs_a_capture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, said = run(capsys, "check")
    assert (status, "CAPTURE" in said) == (UNUSABLE, True)
    missing = str(tmp_path / "none.mitm")
    status, printed, _ = run(capsys, "check", missing)
    assert status == UNUSABLE
    assert f"problem: {missing}: it cannot be read: No such file or directory" in printed


@pytest.mark.parametrize("name", FORMATS)
def test_check_prints_every_format(name: str, blocked: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, said = run(capsys, "check", blocked, "--format", name)
    assert status == FOUND
    assert ("CORS: 3 flows judged: 3 blocked\n" in said) is (name != "text")
    match name:
        case "json":
            assert len(json.loads(printed)["flows"]) == 3
        case "sarif":
            assert json.loads(printed)["runs"][0]["results"][0]["ruleId"] == "allow-origin-missing"
        case "junit":
            assert junitparser.JUnitXml.fromstring(printed.encode()).failures == 1
        case "html":
            assert printed.startswith("<!DOCTYPE html>")
        case "text":
            assert "BLOCKED" in printed


@pytest.mark.parametrize(
    ("file", "options", "begin"),
    [
        ("cors.json", [], '{"schema"'),
        ("cors.HTML", [], "<!DOCTYPE"),
        ("cors.sarif", [], "{\n"),
        ("cors.xml", [], "<?xml"),
        ("cors.txt", [], "CORS:"),
        ("cors.out", [], "CORS:"),
        ("cors.txt", ["--format", "json"], '{"schema"'),
    ],
)
def test_check_writes_a_file(
    file: str, options: list[str], begin: str, blocked: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / file
    status, printed, said = run(capsys, "check", blocked, "--output", str(target), *options)
    assert (status, printed) == (FOUND, "")
    assert target.read_text(encoding="utf-8").startswith(begin)
    assert said.startswith("CORS: 3 flows judged: 3 blocked\n")


def test_check_leaves_a_capture_that_is_its_standard_input(tmp_path: Path, blocked: str) -> None:
    capture = tmp_path / "run.har"
    capture.write_bytes(Path(blocked).read_bytes())
    with capture.open("rb") as standard_input:
        command = [sys.executable, "-m", "cors_addon", "check", "-", "--output", str(capture)]
        done = subprocess.run(command, stdin=standard_input, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "is a capture to be judged" in done.stderr
    assert capture.read_bytes() == Path(blocked).read_bytes()


def test_check_writes_to_standard_output_by_a_dash(blocked: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "check", blocked, "--output", "-")[1].startswith("CORS: 3 flows")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--output", "{folder}"], "is a folder; name a file in it"),
        (["--output", "{folder}/none/cors.json"], "there is no folder {folder}/none"),
        (["--output", "{capture}"], "is a capture to be judged; name another file"),
        (
            ["--ignore", "allow-orgin-missing"],
            "--ignore: 'allow-orgin-missing' is no violation id; did you mean allow-origin",
        ),
        (
            ["--baseline", "{folder}"],
            "--baseline: the baseline '{folder}' cannot be read: it is a folder, a pipe or a device, and no file",
        ),
        (["--baseline", "{capture}"], "is no baseline: it is no"),
        (["--jobs", "0"], "'0' is not a number from 1 on"),
        (["--jobs", "x"], "'x' is not a number from 1 on"),
        (["--format", "pdf"], "invalid choice: 'pdf'"),
        (["--fail-on", "errors"], "invalid choice: 'errors'"),
        (["--browser", "opera"], "invalid choice: 'opera'"),
        (["-", "-"], "standard input, -, can be read once only"),
    ],
)
def test_check_refuses_what_it_cannot_use(
    options: list[str], says: str, blocked: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = [option.format(folder=tmp_path, capture=blocked) for option in options]
    status, printed, said = run(capsys, "check", blocked, *options)
    assert (status, printed) == (UNUSABLE, "")
    assert says.format(folder=tmp_path) in said


def test_a_baseline_that_does_not_exist_yet_knows_nothing(
    blocked: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, _, said = run(capsys, "check", blocked, "--baseline", str(tmp_path / "none.json"))
    assert status == FOUND
    assert f"{tmp_path / 'none.json'} does not exist: nothing is known yet" in said


def test_check_says_where_it_could_not_write(blocked: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, said = run(capsys, "check", blocked, "--output", str(tmp_path / ("x" * 300 + ".json")))
    assert status == UNUSABLE
    assert "cannot be written: File name too long" in said


@pytest.mark.parametrize(
    ("fail_on", "status"), [("never", CLEAN), ("blocked", FOUND), ("risk", FOUND), ("advice", FOUND)]
)
def test_check_fails_from_the_given_severity_on(
    fail_on: str, status: int, blocked: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(capsys, "check", blocked, "--fail-on", fail_on)[0] == status


def test_check_fails_for_what_is_new_only(
    blocked: str, clean: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = str(tmp_path / "known.json")
    assert run(capsys, "check", blocked, "--output", known, "--fail-on", "never")[0] == CLEAN
    status, printed, _ = run(capsys, "check", blocked, "--baseline", known)
    assert status == CLEAN
    assert "KNOWN  GET http://api.test/items/{id}" in printed
    new = tmp_path / "new.har"
    new.write_bytes(har([entry("https://new.test/")]))
    status, printed, said = run(capsys, "check", blocked, str(new), "--baseline", known)
    assert status == FOUND
    assert "1 diagnosis counts" in said
    assert run(capsys, "check", clean, "--baseline", known)[0] == CLEAN


def test_check_ignores_with_a_reason(blocked: str, capsys: pytest.CaptureFixture[str]) -> None:
    status, printed, _ = run(capsys, "check", blocked, "--ignore", "allow-origin-missing@*.test # mended in May")
    assert status == CLEAN
    assert "mended in May" in printed
    assert "BLOCKED" not in printed
    assert run(capsys, "check", blocked, "--ignore", "allow-origin-missing@other.test")[0] == FOUND


def test_check_judges_by_the_browser_that_is_asked_for(blocked: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, printed, _ = run(capsys, "check", blocked, "--browser", "webkit", "--format", "json")
    assert {flow["browser"] for flow in json.loads(printed)["flows"]} == {"webkit"}


def test_check_takes_many_captures_on_all_cores(blocked: str, clean: str, capsys: pytest.CaptureFixture[str]) -> None:
    alone = run(capsys, "check", blocked, clean, "--jobs", "1", "--format", "junit")
    together = run(capsys, "check", blocked, clean, "--jobs", "2", "--format", "junit")
    assert alone[0] == together[0] == FOUND
    assert _without_times(alone[1]) == _without_times(together[1])


def _without_times(report: str) -> list[str]:
    return [line.partition("timestamp=")[0] for line in report.splitlines()]


def test_check_reads_standard_input(
    blocked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = io.BufferedReader(io.BytesIO(Path(blocked).read_bytes()))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=data))
    assert run(capsys, "check", "-")[1].startswith("CORS: 3 flows judged")


def test_an_interrupted_check_says_so(
    blocked: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cors_addon.capture.check.check", interrupted)
    assert run(capsys, "check", blocked) == (128 + signal.SIGINT, "", "cors_addon: interrupted\n")


# --- as a process -------------------------------------------------------------------------------------------------


@pytest.mark.skipif(os.name == "nt", reason="SIGINT goes to a process")
def test_an_interrupted_check_of_several_captures_ends_at_once(tmp_path: Path) -> None:
    """A capture that is never read to its end would keep its process, and the first one would wait for it."""
    pipes = [tmp_path / "one.har", tmp_path / "two.har"]
    for pipe in pipes:
        os.mkfifo(pipe)
    process = subprocess.Popen(
        [sys.executable, "-m", "cors_addon", "check", *map(str, pipes), "--jobs", "2"],
        cwd=ROOT,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Both processes have begun once somebody reads both pipes.
    writers = [pipe.open("w") for pipe in pipes]
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    for writer in writers:
        writer.close()
    assert (process.returncode, said) == (128 + signal.SIGINT, "cors_addon: interrupted\n")


def test_a_reader_that_has_had_enough_ends_it_quietly(tmp_path: Path) -> None:
    path = tmp_path / "many.mitm"
    path.write_bytes(flow_file(cors_get(url=f"http://h{n}.test/", at=1000.0 + n) for n in range(400)))
    process = subprocess.Popen(
        [sys.executable, "-m", "cors_addon", "check", str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"CORS: 400")
    process.stdout.close()
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == FOUND
    assert b"Traceback" not in said
    assert b"Broken" not in said


def test_a_plain_terminal_gets_every_character_it_can_show(tmp_path: Path) -> None:
    path = tmp_path / "run.har"
    path.write_bytes(har([entry("https://api.test/\u00e4\u20ac")]))
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "cors_addon", "check", str(path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == FOUND
    assert done.stdout.isascii()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Return both ends of a terminal: the reader's, and the one that a program writes to."""
    reader, writer = pty.openpty()
    yield reader, writer
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("plain", [False, True], ids=["colour", "NO_COLOR"])
def test_a_terminal_gets_colour_and_a_progress_bar(plain: bool, blocked: str, terminal: tuple[int, int]) -> None:
    reader, writer = terminal
    environment = {**os.environ, "TERM": "xterm", **({"NO_COLOR": "1"} if plain else {})}
    if not plain:
        environment.pop("NO_COLOR", None)
    subprocess.run(
        [sys.executable, "-m", "cors_addon", "check", blocked],
        cwd=ROOT,
        env=environment,
        stdout=writer,
        stderr=writer,
        check=False,
    )
    shown = b""
    while b"--fail-on blocked)" not in shown:
        shown += os.read(reader, 65536)
    assert b"MB\x1b[K" in shown
    assert shown.index(b"\r\x1b[K") < shown.index(b"CORS: 3 flows")
    assert (b"\x1b[1;31mBLOCKED" in shown) is not plain


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="this system has no file for it")
def test_check_writes_to_its_standard_output_by_name(tmp_path: Path) -> None:
    capture = tmp_path / "run.har"
    capture.write_text('{"log": {"entries": []}}')
    done = subprocess.run(
        [sys.executable, "-m", "cors_addon", "check", str(capture), "--output", "/dev/stdout"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout[:20]) == (CLEAN, "CORS: 0 flows judged")


_OUTPUTS = [
    *(("> /dev/full", ["docs", "limits"], UNUSABLE), ("> /dev/full", ["check", "run.har"], UNUSABLE)),
    *((">&-", ["docs", "limits"], CLEAN), (">&-", ["check", "run.har"], FOUND)),
    *((">&- 2>&-", ["check", "run.har", "--format", "html"], FOUND), ("| true", ["check", "run.har"], FOUND)),
]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
@pytest.mark.parametrize(("redirected", "words", "expected"), _OUTPUTS, ids=str)
def test_an_output_that_takes_nothing(
    redirected: str, words: list[str], expected: int, blocked: str, tmp_path: Path
) -> None:
    """A full disk is an error and no finding; who closes the output, or reads no further, has the exit status."""
    words = [blocked if word == "run.har" else word for word in words]
    command_line = shlex.join([sys.executable, "-m", "cors_addon", *words])
    line = f'set -o pipefail; {command_line} {redirected}; echo "status $?" >&3'
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-c", f"{{ {line}; }} 3>status"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert (tmp_path / "status").read_text() == f"status {expected}\n"
    assert "Traceback" not in done.stderr
    assert ("cannot be written: No space left on device" in done.stderr) == (expected == UNUSABLE)


def test_several_reports_of_one_check(blocked: str, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    outputs = [tmp_path / "cors.json", tmp_path / "cors.xml", tmp_path / "cors.html"]
    words = [word for output in outputs for word in ("--output", str(output))]
    status, printed, _ = run(capsys, "check", blocked, *words, "--output", "-")
    assert status == FOUND
    assert printed.startswith("CORS: ")
    assert [output.read_text("utf-8")[:5] for output in outputs] == ['{"sch', "<?xml", "<!DOC"]
