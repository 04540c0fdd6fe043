"""What users import: typed results for a test suite, without mitmproxy where the capture is a HAR."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import cors_addon
from tests.capture.recorded import API, PAGE, asking, made, saved, text_of

REFUSED = made(f"GET {API}", "Content-Type: text/plain", error="net::ERR_FAILED")
PASSED = made(f"GET {API}", "Access-Control-Allow-Origin: *", size=2)
DOWN = made(f"GET {API}/down", status=0, error="net::ERR_CONNECTION_REFUSED")


@pytest.fixture
def har(tmp_path: Path) -> Path:
    path = tmp_path / "run.har"
    path.write_text(text_of(REFUSED, PASSED, DOWN), encoding="utf-8")
    return path


def test_check_says_what_is_blocked_and_what_to_do(har: Path) -> None:
    result = cors_addon.check(har)
    (blocked,) = result.blocked
    assert (blocked.method, blocked.url, blocked.origin, blocked.requests) == ("GET", API, PAGE, 1)
    assert blocked.findings == ("allow-origin-missing",)
    assert f"Access-Control-Allow-Origin: {PAGE}" in str(blocked)
    assert (result.outcomes["blocked"], result.outcomes["allowed"]) == (1, 1)
    assert result.problems == ()
    assert len(result.flows) == 3


def test_a_har_that_was_read_already_and_its_entries_are_judged_alike() -> None:
    whole = saved(REFUSED, asking("x-key", status=403))
    found = [cors_addon.judge_har(each) for each in (whole, whole["log"], whole["log"]["entries"])]
    assert [len(each.blocked) for each in found] == [2, 2, 2]
    assert cors_addon.judge_har(REFUSED).blocked[0].url == API
    assert str(cors_addon.judge_har([PASSED])) == "nothing to fix"


def test_options_are_those_of_the_command(har: Path, tmp_path: Path) -> None:
    assert cors_addon.check(har, ignore=["allow-origin-missing@api.example"]).blocked == ()
    known = tmp_path / "known.json"
    known.write_text(json.dumps({"schema": "cors-addon/report/1", "groups": list(cors_addon.check(har).report.groups)}))
    assert cors_addon.check([har], baseline=known, browser="firefox").blocked == ()
    with pytest.raises(ValueError, match="netscape"):
        cors_addon.check(har, browser="netscape")


def test_what_cannot_be_read_does_not_raise(tmp_path: Path) -> None:
    (problem,) = cors_addon.check(tmp_path / "none.har").problems
    assert "it cannot be read: No such file" in problem
    (problem,) = cors_addon.judge_har([5]).problems
    assert "has to be an object" in problem


def test_a_har_is_judged_without_mitmproxy(har: Path) -> None:
    code = "import sys, cors_addon; assert cors_addon.check(sys.argv[1]).blocked; print('mitmproxy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, str(har)], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_nothing_is_imported_before_it_is_used() -> None:
    code = "import sys, cors_addon; print(sorted(name for name in sys.modules if name.startswith('cors_addon')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['cors_addon']\n"
    assert set(cors_addon.__all__) <= set(dir(cors_addon))
    with pytest.raises(AttributeError, match="has no attribute 'chekc'"):
        cors_addon.chekc  # noqa: B018
