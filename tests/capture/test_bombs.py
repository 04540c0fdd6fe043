"""Files made to break a reader cost little memory, end in a sentence, and lose no other capture."""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from cors_addon.__main__ import main
from cors_addon.capture import json_stream, tnetstrings
from cors_addon.capture.check import Task, check
from tests.capture.recorded import API, made, text_of

MEGABYTE = b"a" * (1 << 20)
ENTRY = b'{"request": {"method": "GET", "url": "https://a.test/"}, "response": {"status": 200, "content": {"text": "'
BLOCKED = text_of(made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED"))
MOST_MEGABYTES = 256
STAR = ("Access-Control-Allow-Origin: *",)


def packed(path: Path, *pieces: bytes | Iterable[bytes]) -> str:
    with gzip.open(path, "wb", compresslevel=1) as file:
        for piece in pieces:
            file.writelines([piece] if isinstance(piece, bytes) else piece)
    return str(path)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux says how much was held at most")
def test_a_body_without_end_is_stepped_over(tmp_path: Path) -> None:
    body = (MEGABYTE for _ in range(300))
    path = packed(tmp_path / "run.har.gz", b'{"log": {"entries": [', ENTRY, body, b'"}}}, ', ENTRY, b'"}}}]}}')
    code = (
        "import sys; from cors_addon.__main__ import main; status = main(['check', sys.argv[1]]);"
        # getrusage() counts what the process of the tests held when it forked.
        "print(status, *(int(line.split()[1]) // 1024 for line in open('/proc/self/status') if 'VmHWM' in line))"
    )
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, check=True)
    assert "CORS: 2 flows judged" in done.stdout
    status, megabytes = map(int, done.stdout.split()[-2:])
    assert status == 0
    assert megabytes < MOST_MEGABYTES


def test_white_space_without_end_is_stepped_over(tmp_path: Path) -> None:
    path = packed(tmp_path / "run.har.gz", b'{"log": ', (b" " * (1 << 20) for _ in range(30)), BLOCKED[8:].encode())
    assert check([path], Task()).summary["outcomes"]["blocked"] == 1


@pytest.mark.parametrize(
    ("piece", "says"),
    [
        (b"[", "values too deep in each other"),
        (b'{"a":', "values too deep in each other"),
        (b"1", "a number too long"),
    ],
)
def test_nesting_and_digits_without_end_are_refused(tmp_path: Path, piece: bytes, says: str) -> None:
    path = packed(tmp_path / "run.har.gz", b'{"log": {"entries": [', piece * 2_000_000)
    assert says in check([path], Task()).summary["captures"][0]["problem"]


def test_an_entry_too_large_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_stream, "_LONG", 1 << 16)
    monkeypatch.setattr(json_stream, "_LARGEST", 1 << 18)
    lists = b'[{"a": []}' + b', {"]": "\\"}"}' * 100_000 + b', ["' + b"x" * (1 << 20) + b'"]]'
    path = packed(tmp_path / "run.har.gz", b"[", lists, b", ", BLOCKED.encode(), b"]")
    report = check([path], Task())
    assert report.summary["outcomes"]["blocked"] == 1
    log = packed(tmp_path / "log.har.gz", b'{"log": {"entries": [', lists, b"]}}")
    assert "read in part at most" in check([log], Task()).summary["captures"][0]["note"]


@pytest.mark.parametrize("where", ["entry", "request", "response"])
def test_of_an_entry_too_large_the_headers_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """Messages of a socket, a form of a thousand fields: many values, none of them long."""
    monkeypatch.setattr(json_stream, "_LONG", 1 << 16)
    monkeypatch.setattr(json_stream, "_LARGEST", 1 << 18)
    monkeypatch.setattr(json_stream, "_CHUNK", 1 << 16)
    entry = made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED")
    large = {"_messages": [{"type": "send", "data": "x" * 40}] * 20_000}
    part = entry if where == "entry" else entry[where]
    rest = dict(part)
    part.clear()
    part.update(large | rest | large)
    path = packed(tmp_path / "run.har.gz", text_of(entry, made(f"GET {API}", *STAR)).encode())
    report = check([path], Task())
    assert [flow["outcome"] for flow in report.flows] == ["blocked", "allowed"]
    assert report.summary["captures"][0]["problem"] == ""
    assert "read in part at most" in report.summary["captures"][0]["note"]


def test_entries_of_which_none_can_be_read_end_it(tmp_path: Path) -> None:
    path = packed(tmp_path / "run.har.gz", b'{"log": {"entries": [{}', b", {}" * 20_000, b"]}}")
    problem = check([path], Task()).summary["captures"][0]["problem"]
    assert problem.startswith("10,000 entries could not be read and no other was")


def test_a_flow_nested_without_end_loses_no_other_capture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    value = b"0:~"
    for _ in range(3_000):
        value = b"%d:%s]" % (len(value), value)
    state = b"5:error," + value
    deep = tmp_path / "deep.flow"
    deep.write_bytes(b"%d:%s}" % (len(state), state))
    other = tmp_path / "run.har"
    other.write_text(BLOCKED, encoding="utf-8")
    for jobs in ("1", "2"):
        assert main(["check", str(deep), str(other), "--jobs", jobs]) == 2
        printed = capsys.readouterr().out
        assert "one flow could not be read" in printed
        assert "1 blocked" in printed


def test_a_flow_too_large_is_left_out_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tnetstrings, "_LARGEST", 1_000)
    path = tmp_path / "run.flow"
    path.write_bytes(b"2000:" + b"x" * 2_000 + b"}")
    assert "it takes more than 64 MB" in check([str(path)], Task()).summary["captures"][0]["problem"]
