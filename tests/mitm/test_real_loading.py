"""Loading into a real mitmproxy: from everywhere, without being installed, and never half or silently."""

from __future__ import annotations

import json
import os
import shutil
import signal
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.io import FlowReader, FlowWriter
from mitmproxy.utils import emoji

from tests.mitm.client import fetch
from tests.mitm.origin import Origin, http_answer
from tests.mitm.process import ADDON, ROOT, SECONDS, Mitmproxy, free_port, listening, run
from tests.mitm.support import cors_get, make_flow, make_response

pytestmark = pytest.mark.proxy


def capture(folder: Path, *flows: http.HTTPFlow) -> Path:
    """Save flows; two that are blocked, and one that CORS does not judge, where none are given."""
    path = folder / "flows.mitm"
    with path.open("wb") as file:
        writer = FlowWriter(file)
        for flow in flows or (
            cors_get(),
            cors_get(url="http://api.test/2", at=1001.0),
            make_flow(response=make_response(200)),
        ):
            writer.add(flow)
    return path


def copied(folder: Path) -> Path:
    """Copy the package, so that it can be changed; the path of its addon.py."""
    shutil.copytree(ADDON.parent, folder / "cors_addon", ignore=shutil.ignore_patterns("__pycache__"))
    return folder / "cors_addon" / "addon.py"


def loads(folder: Path, script: str | Path | None, more: Sequence[str | Path] = (), **others: Any) -> list[str]:
    """Judge a capture with the addon loaded from a path; what was printed."""
    report = folder / "report.json"
    status, lines = run(
        folder, "-nr", capture(folder), *more, script=script, options=[f"cors_report={report}"], **others
    )
    assert status == 0, "\n".join(lines)
    flows = json.loads(report.read_text())["flows"]
    assert [flow["outcome"] for flow in flows] == ["blocked", "blocked"]
    return lines


# --- from where ---------------------------------------------------------------------------------------------------


def test_from_the_clones_root(tmp_path: Path) -> None:
    lines = loads(tmp_path, "cors_addon/addon.py", cwd=ROOT)
    assert any(line.startswith("CORS blocked: ") and "[allow-origin-missing]" in line for line in lines)
    assert any(line.startswith("CORS: 2 flows judged: 2 blocked") for line in lines)


def test_from_the_root_of_the_file_system_by_its_absolute_path(tmp_path: Path) -> None:
    loads(tmp_path, ADDON, cwd=Path(ADDON.anchor))


def test_from_its_own_folder_whose_modules_must_not_shadow_others(tmp_path: Path) -> None:
    loads(tmp_path, "addon.py", cwd=ADDON.parent)


def test_by_a_link_to_a_clone_with_spaces_in_its_path(tmp_path: Path) -> None:
    clone = copied(tmp_path / "my clone of cors addon")
    (tmp_path / "my cors.py").symlink_to(clone)
    loads(tmp_path, "my cors.py")


def test_loaded_twice_it_works_once(tmp_path: Path) -> None:
    """By a link beside the file, or by ``script.run``: the modules of the addon that runs stay in use."""
    again = tmp_path / "again.py"
    again.symlink_to(ADDON)
    lines = loads(tmp_path, ADDON, cwd=tmp_path, more=("-s", again))
    assert sum("loaded already" in line for line in lines) == 1
    assert not [line for line in lines if "rror" in line or "Traceback" in line]


def test_from_config_yaml_by_a_path_relative_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "conf"
    folder.mkdir()
    (folder / "config.yaml").write_text(f"scripts: [{json.dumps(os.path.relpath(ADDON, folder))}]\ncors_mark: false\n")
    loads(tmp_path, None, cwd=Path(ADDON.anchor))


# --- what is wrong is said, and nothing starts --------------------------------------------------------------------


def test_bad_values_end_mitmproxy_at_its_start_and_each_is_told(tmp_path: Path) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "config.yaml").write_text("cors_ignore: origin-null\ncors_comment: 'true'\n")
    options = ["cors_mark=yes", "cors_browser=opera", "cors_report=/no/such/folder/a.json"]
    status, lines = run(tmp_path, *listening(), options=options)
    assert status == 1
    told = sorted(line.partition("cannot start: ")[2] for line in lines if line.startswith("cors-addon cannot start: "))
    assert [line.partition(":")[0] for line in told] == [
        "cors_browser=opera",
        "cors_comment=true",
        "cors_ignore=origin-null",
        "cors_mark=yes",
        "cors_report=/no/such/folder/a.json",
    ]
    assert not [line for line in lines if "Traceback" in line]


def test_an_unknown_option_ends_it_too(tmp_path: Path) -> None:
    status, lines = run(tmp_path, *listening(), options=["cors_maks=true"])
    assert status == 1
    (told,) = [line for line in lines if "cannot start" in line]
    assert told.startswith("cors-addon cannot start: cors_maks: the addon has no such option (did you mean cors_mark?)")


def test_addon_py_without_its_package_says_where_it_belongs(tmp_path: Path) -> None:
    shutil.copy(ADDON, tmp_path / "addon.py")
    status, lines = run(tmp_path, *listening(), script=tmp_path / "addon.py")
    assert status == 1
    assert any("leave addon.py where the rest of the package is" in line for line in lines)


def test_a_broken_package_ends_it(tmp_path: Path) -> None:
    script = copied(tmp_path)
    (script.parent / "mitm" / "flows.py").write_text("def broken(:\n")
    status, lines = run(tmp_path, *listening(), script=script)
    assert status == 1
    assert any("flows.py" in line for line in lines)


# --- captures -----------------------------------------------------------------------------------------------------


def test_quiet_is_quiet_and_the_report_is_written(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    status, lines = run(tmp_path, "-q", "-nr", capture(tmp_path), options=[f"cors_report={report}"])
    assert (status, lines) == (0, [])
    assert len(json.loads(report.read_text())["flows"]) == 2


def test_what_is_written_carries_the_verdicts_and_loads_again(tmp_path: Path) -> None:
    """With bytes in headers and path that are no text: what is on a flow must not keep it from being saved."""
    odd = cors_get((b"Access-Control-Allow-Origin", b"\xff\xfe"), at=1002.0)
    odd.request.data.path = b"/caf\xe9"
    saved = tmp_path / "again.mitm"
    flows = capture(tmp_path, cors_get(), odd, cors_get("Access-Control-Allow-Origin: *", at=1003.0))
    status, lines = run(tmp_path, "-nr", flows, "-w", saved)
    assert status == 0, lines
    with saved.open("rb") as file:
        judged = [flow for flow in FlowReader(file).stream() if isinstance(flow, http.HTTPFlow)]
    assert [flow.metadata["cors.outcome"] for flow in judged] == ["blocked", "blocked", "allowed"]
    assert [flow.marked for flow in judged] == [":x:", ":x:", ""]
    assert judged[1].metadata["cors"]["url"] == "http://api.test/caf%E9"
    report = tmp_path / "report.json"
    status, lines = run(tmp_path, "-nr", saved, options=[f"cors_report={report}"])
    assert status == 0, lines
    assert [flow["outcome"] for flow in json.loads(report.read_text())["flows"]] == ["blocked", "blocked", "allowed"]


def test_mitmweb_starts_with_a_capture_of_violations_and_shows_them(tmp_path: Path) -> None:
    port = free_port()
    options = ["web_open_browser=false", f"web_port={port}", "web_host=127.0.0.1"]
    with Mitmproxy(tmp_path, "-n", "-r", capture(tmp_path), tool="mitmweb", options=options) as web:
        token = web.wait_for(r"Web server listening at http://[^?]*(?:\?token=(.*))?$")[1]
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        request = urllib.request.Request(f"http://127.0.0.1:{port}/flows", headers=headers)
        # It answers while it still reads the capture.
        flows: list[dict[str, Any]] = []
        while len(flows) < 3:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                flows = json.load(answer)
        assert [flow["marked"] for flow in flows] == [emoji.emoji[":x:"], emoji.emoji[":x:"], ""]
        assert [flow["comment"].startswith("CORS: ") for flow in flows] == [True, True, False]
        assert web.stop() == 0


# --- while it runs ------------------------------------------------------------------------------------------------


def test_a_service_manager_that_ends_it_gets_the_report_too(tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    with (
        Origin({"/wrong": http_answer()}) as origin,
        Mitmproxy(tmp_path, *listening(), options=[f"cors_report={report}"]) as proxy,
    ):
        answer = fetch(proxy.port, "GET", f"http://127.0.0.1:{origin.port}/wrong")
        assert answer.endswith(b"\r\n\r\nok")
        assert b"access-control" not in answer.lower(), "nothing is added"
        assert proxy.stop(signal.SIGTERM) == 0
        assert "CORS: 1 flow judged: 1 blocked" in proxy.lines
    assert [flow["outcome"] for flow in json.loads(report.read_text())["flows"]] == ["blocked"]


def test_saving_addon_py_reloads_the_whole_package(tmp_path: Path) -> None:
    script = copied(tmp_path)
    report = tmp_path / "report.json"
    with (
        Origin({"/wrong": http_answer(), "/another": http_answer()}) as origin,
        Mitmproxy(tmp_path, *listening(), script=script, options=[f"cors_report={report}"]) as proxy,
    ):
        base = f"http://127.0.0.1:{origin.port}"
        fetch(proxy.port, "GET", f"{base}/wrong")
        proxy.wait_for(r"CORS blocked: .* GET .*/wrong")
        changed = script.parent / "report" / "terminal_lines.py"
        changed.write_text(changed.read_text().replace('f"CORS {severity', 'f"Changed CORS {severity'))
        before = len(proxy.lines)
        _touch(script)
        proxy.wait_for(r"Loading script", before)
        proxy.wait_for(r"CORS: 1 flow judged", before)
        # The old addon has gone by the time that its successor answers; one line says one finding.
        fetch(proxy.port, "GET", f"{base}/another")
        proxy.wait_for(r"^Changed CORS blocked: .* GET .*/another", before)
        after = len(proxy.lines)
        assert proxy.stop() == 0
        told = [line for line in proxy.lines if "CORS blocked: " in line and "/another" in line]
        assert len(told) == 1
        assert "CORS: 1 flow judged: 1 blocked" in proxy.lines[after:]
        assert not [line for line in proxy.lines if "rror" in line or "Traceback" in line]
    flows = json.loads(report.read_text())["flows"]
    assert [flow["url"] for flow in flows] == [f"{base}/another"], "a reloaded addon begins anew"


def test_a_reload_that_fails_is_told_and_the_next_one_works(tmp_path: Path) -> None:
    script = copied(tmp_path)
    flows = script.parent / "mitm" / "flows.py"
    good = flows.read_text()
    with (
        Origin({"/wrong": http_answer()}) as origin,
        Mitmproxy(tmp_path, *listening(), script=script) as proxy,
    ):
        base = f"http://127.0.0.1:{origin.port}"
        assert proxy.port
        flows.write_text(f"{good}\ndef broken(:\n")
        _touch(script)
        proxy.wait_for(r"error in script")
        assert fetch(proxy.port, "GET", f"{base}/wrong").endswith(b"ok"), "traffic goes on"
        before = len(proxy.lines)
        flows.write_text(f"{good}\n\n")
        _touch(script)
        proxy.wait_for(r"Loading script", before)
        fetch(proxy.port, "GET", f"{base}/wrong")
        proxy.wait_for(r"CORS blocked: .* GET .*/wrong", before)
        assert proxy.stop() == 0


def _touch(script: Path) -> None:
    """Save a file; its time is certainly another, however coarse the file system's clock."""
    status = script.stat()
    os.utime(script, (status.st_atime, status.st_mtime + 5))
