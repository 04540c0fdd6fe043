"""What a build sees of a mitmdump with the addon: its exit status, its reports, and what the last lines say."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from mitmproxy import http

from tests.mitm.client import fetch
from tests.mitm.origin import Origin, http_answer
from tests.mitm.process import ADDON, SECONDS, Mitmproxy, listening, run
from tests.mitm.support import cors_get
from tests.mitm.test_real_loading import capture, copied

pytestmark = pytest.mark.proxy

BLOCKED = cors_get()
ADVICE = cors_get("Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: a b", url="http://api.test/b")
ALLOWED = cors_get("Access-Control-Allow-Origin: *", "Content-Length: 2", url="http://api.test/c")

STATUSES = [
    ("what is blocked is blocked, and nobody asked for more", [BLOCKED], [], 0),
    ("something that bad", [BLOCKED, ADVICE], ["cors_fail_on=risk"], 1),
    ("nothing that bad", [ADVICE, ALLOWED], ["cors_fail_on=risk"], 0),
    (
        "what is ignored does not count",
        [BLOCKED],
        ["cors_fail_on=blocked", "cors_ignore=allow-origin-missing@api.test # an old API, mended in May"],
        0,
    ),
]


@pytest.mark.parametrize(
    ("flows", "options", "wanted"), [row[1:] for row in STATUSES], ids=[row[0] for row in STATUSES]
)
def test_the_exit_status(tmp_path: Path, flows: list[http.HTTPFlow], options: list[str], wanted: int) -> None:
    status, lines = run(tmp_path, "-nr", capture(tmp_path, *flows), options=options)
    assert status == wanted, "\n".join(lines)
    told = [line for line in lines if "so the exit status is 1" in line]
    assert len(told) == wanted, "it is said why"
    assert not [line for line in lines if "Traceback" in line]


def test_a_baseline_makes_findings_known_and_new_ones_count(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    assert run(tmp_path, "-nr", capture(tmp_path, BLOCKED), options=[f"cors_report={known}"])[0] == 0
    report = tmp_path / "cors.json"
    options = ["cors_fail_on=blocked", f"cors_baseline={known}", f"cors_report={report}"]

    status, lines = run(tmp_path, "-nr", capture(tmp_path, BLOCKED), options=options)
    assert status == 0
    assert any(line.startswith("CORS known (blocked): ") for line in lines), "\n".join(lines)
    written = json.loads(report.read_text())
    assert [group["known"] for group in written["groups"]] == [True]
    assert [finding["known"] for finding in written["flows"][0]["findings"]] == [True]

    status, lines = run(
        tmp_path, "-nr", capture(tmp_path, BLOCKED, cors_get(url="http://api.test/new")), options=options
    )
    assert status == 1
    assert "CORS: 1 finding counts (cors_fail_on=blocked), so the exit status is 1" in lines
    known_by_path = {group["path"]: group["known"] for group in json.loads(report.read_text())["groups"]}
    assert known_by_path == {"/items": True, "/new": False}


def test_what_other_addons_write_at_their_end_is_not_lost(tmp_path: Path) -> None:
    har, saved, report = tmp_path / "all.har", tmp_path / "saved.mitm", tmp_path / "cors.json"
    late = tmp_path / "late.py"
    late.write_text("def done():\n    print('the last addon has ended')\n")
    options = ["cors_fail_on=blocked", f"cors_report={report}", f"hardump={har}"]
    status, lines = run(tmp_path, "-nr", capture(tmp_path, BLOCKED), "-w", saved, "-s", late, options=options)
    assert status == 1, "\n".join(lines)
    assert "the last addon has ended" in lines
    assert len(json.loads(har.read_text())["log"]["entries"]) == 1
    assert len(json.loads(report.read_text())["flows"]) == 1
    assert saved.stat().st_size > 0


def test_live_traffic_counts_when_it_ends(tmp_path: Path) -> None:
    with (
        Origin({"/wrong": http_answer()}) as origin,
        Mitmproxy(tmp_path, *listening(), options=["cors_fail_on=blocked"]) as proxy,
    ):
        fetch(proxy.port, "GET", f"http://127.0.0.1:{origin.port}/wrong")
        assert proxy.stop() == 1


def test_quiet_is_quiet_and_fails_all_the_same(tmp_path: Path) -> None:
    assert run(tmp_path, "-q", "-nr", capture(tmp_path, BLOCKED), options=["cors_fail_on=blocked"]) == (1, [])


@pytest.mark.parametrize("tool", ["mitmdump", "mitmweb"])
def test_a_report_that_cannot_be_written_does_not_pass_for_a_clean_run(tmp_path: Path, tool: str) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    options = ["cors_fail_on=blocked", f"cors_report={folder / 'cors.xml'}"]
    if tool == "mitmweb":
        options += ["web_open_browser=false", "web_port=0"]
    with Mitmproxy(tmp_path, *listening(), tool=tool, options=options) as proxy:
        assert proxy.port
        shutil.rmtree(folder)
        assert proxy.stop() == 1
        assert any("could not be written" in line for line in proxy.lines)


def test_a_reload_goes_on_and_forgets_no_failure(tmp_path: Path) -> None:
    script = copied(tmp_path)
    with (
        Origin({"/wrong": http_answer(), "/right": http_answer("Access-Control-Allow-Origin: *")}) as origin,
        Mitmproxy(tmp_path, *listening(), script=script, options=["cors_fail_on=blocked"]) as proxy,
    ):
        base = f"http://127.0.0.1:{origin.port}"
        fetch(proxy.port, "GET", f"{base}/wrong")
        proxy.wait_for(r"CORS blocked: ")
        before = len(proxy.lines)
        status = script.stat()
        os.utime(script, (status.st_atime, status.st_mtime + 5))
        proxy.wait_for(r"so the exit status is 1", before)
        assert fetch(proxy.port, "GET", f"{base}/right").endswith(b"ok"), "the proxy goes on"
        assert proxy.stop() == 1


BAD: list[tuple[str, str, str]] = [
    (
        "a threshold that is none",
        "cors_fail_on=block",
        "is none of never, blocked, network, risk, advice (did you mean blocked?)",
    ),
    ("a baseline that is no report", f"cors_baseline={ADDON}", "is no baseline: it is no JSON"),
]


@pytest.mark.parametrize(("option", "told"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_values_end_mitmdump_at_its_start(tmp_path: Path, option: str, told: str) -> None:
    status, lines = run(tmp_path, *listening(), options=[option])
    assert status == 1
    (error,) = [line for line in lines if "cannot start" in line]
    assert error.startswith(f"cors-addon cannot start: {option}: ")
    assert told in error


@pytest.mark.parametrize(
    ("wish", "lead"), [({}, "\x1b[1;31mCORS blocked:\x1b[0m"), ({"NO_COLOR": "1"}, " CORS blocked:")]
)
def test_a_terminal_gets_colours_unless_it_wants_none(tmp_path: Path, wish: dict[str, str], lead: str) -> None:
    own, its = pty.openpty()
    environment = {**{name: value for name, value in os.environ.items() if name != "NO_COLOR"}, "TERM": "xterm", **wish}
    command = [str(Path(sys.executable).with_name("mitmdump")), "-s", str(ADDON), "--set", f"confdir={tmp_path}"]
    command += ["-nr", str(capture(tmp_path, BLOCKED)), "--flow-detail", "0"]
    with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=its, stderr=its) as process:
        os.close(its)
        printed = b""
        with open(own, "rb", buffering=0) as terminal, suppress(OSError):
            while more := terminal.read(65536):
                printed += more
        assert process.wait(SECONDS) == 0
    text = printed.decode()
    assert lead in text
    (line,) = [line for line in text.splitlines() if "CORS blocked" in line]
    assert "\x1b" not in line.partition("[allow-origin-missing]")[2].removesuffix("\x1b[0m")
