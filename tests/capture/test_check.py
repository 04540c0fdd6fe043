from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from cors_addon.capture.check import BROWSERS, Task, check
from cors_addon.report.baseline import Baseline
from cors_addon.report.formats import FORMATS, LISTING_ALL
from cors_addon.report.grouping import key_of_group
from cors_addon.report.ignore import parse_all
from cors_addon.report.model import Report
from tests.capture.captures import entry, flow_file, har
from tests.mitm.support import cors_get


@pytest.fixture
def captures(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "a.mitm", tmp_path / "b.har", tmp_path / "c.mitm", tmp_path / "d.mitm"]
    paths[0].write_bytes(flow_file([cors_get(url=f"http://a.test/{n}", at=1000.0 + n) for n in range(3)]))
    paths[1].write_bytes(har([entry("https://b.test/"), entry("https://b.test/", origin=None)]))
    paths[2].write_bytes(flow_file([cors_get(url="http://c.test/")])[:-9])
    paths[3].write_bytes(flow_file([cors_get(url=f"http://d.test/{n}") for n in range(40)]))
    return [str(path) for path in paths]


def test_the_report_is_in_the_order_of_the_captures(captures: list[str]) -> None:
    report = check(captures, Task())
    assert [flow["url"].split("/")[2] for flow in report.flows] == ["a.test"] * 3 + ["b.test"] + ["d.test"] * 40
    assert report.summary["flows"] == 45
    assert report.summary["outcomes"]["not-cors"] == 1
    told = [(each["path"], each["kind"], each["flows"], bool(each["problem"])) for each in report.summary["captures"]]
    assert told == [
        (captures[0], "flows", 3, False),
        (captures[1], "har", 2, False),
        (captures[2], "flows", 0, True),
        (captures[3], "flows", 40, False),
    ]


def same(report: Report) -> Report:
    return replace(report, generated="")


@pytest.mark.parametrize("jobs", [2, 9])
def test_more_processes_say_the_same_in_the_same_order(captures: list[str], jobs: int) -> None:
    assert same(check(captures, Task(), jobs)) == same(check(captures, Task()))


@pytest.mark.parametrize("name", FORMATS)
def test_formats_that_do_not_list_all_flows_lose_nothing_by_a_brief_report(captures: list[str], name: str) -> None:
    _, render = FORMATS[name]
    brief, whole = (same(check(captures, Task(brief=brief))) for brief in (True, False))
    assert len(brief.flows) < len(whole.flows)
    assert brief.groups == whole.groups
    assert (render(brief) == render(whole)) == (name not in LISTING_ALL)


def test_one_capture_takes_no_other_process(captures: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cors_addon.capture.check._in_parallel", None)
    assert check(captures[:1], Task(), 8).summary["flows"] == 3


def test_each_capture_is_a_session_of_its_own(tmp_path: Path) -> None:
    """What one browser did in one recording is no evidence in another."""
    with_cookie = cors_get("Access-Control-Allow-Origin: *", url="http://a.test/1")
    with_cookie.request.headers["Cookie"] = "a=b"
    without = cors_get("Access-Control-Allow-Origin: *", url="http://a.test/2", at=1001.0)
    without.client_conn = with_cookie.client_conn
    both, one, two = tmp_path / "both", tmp_path / "one", tmp_path / "two"
    both.write_bytes(flow_file([with_cookie, without]))
    one.write_bytes(flow_file([with_cookie]))
    two.write_bytes(flow_file([without]))
    assert [flow["outcome"] for flow in check([str(both)], Task()).flows] == ["blocked", "blocked"]
    assert [flow["outcome"] for flow in check([str(one), str(two)], Task()).flows] == ["blocked", "allowed"]


def test_entries_of_hars_have_names_of_their_own(tmp_path: Path) -> None:
    paths = []
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        paths.append(tmp_path / folder / "run.har")
        paths[-1].write_bytes(har([entry()]))
    assert [flow["id"] for flow in check([str(paths[0])], Task()).flows] == ["run.har#0"]
    assert [flow["id"] for flow in check(list(map(str, paths)), Task()).flows] == [f"{path}#0" for path in paths]


def test_browser_ignores_and_baseline_hold_for_every_capture(captures: list[str]) -> None:
    assert BROWSERS == ("auto", "chromium", "firefox", "webkit", "spec")
    known = {key_of_group(group) for group in check(captures[:1], Task()).groups}
    task = Task(
        "firefox", parse_all(["allow-origin-missing@d.test # gone soon"]), Baseline(frozenset(k for k in known if k))
    )
    for jobs in (1, 2):
        report = check(captures, task, jobs)
        assert {group["host"]: group["known"] for group in report.groups} == {"a.test": True, "b.test": False}
        assert [(group["host"], group["count"], group["reason"]) for group in report.ignored] == [
            ("d.test", 40, "gone soon")
        ]
        assert {flow["browser"] for flow in report.flows} == {"firefox"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_goes_to_the_end(captures: list[str], jobs: int) -> None:
    told: list[tuple[int, int | None]] = []
    check(captures, Task(), jobs, lambda done, total: told.append((done, total)))
    total = sum(Path(path).stat().st_size for path in captures)
    assert told[-1] == (total, total)
    assert [done for done, _ in told] == sorted(done for done, _ in told)


@pytest.mark.parametrize("jobs", [1, 2])
def test_standard_input_is_read_here_whatever_the_jobs(
    captures: list[str], jobs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = io.BufferedReader(io.BytesIO(Path(captures[1]).read_bytes()))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=data))
    told: list[int | None] = []
    report = check([captures[0], "-"], Task(), jobs, lambda done, total: told.append(total))
    assert [flow["id"] for flow in report.flows][3:] == ["stdin#0"]
    assert [each["path"] for each in report.summary["captures"]] == [captures[0], "-"]
    assert set(told) == {None}


def test_a_capture_named_twice_is_judged_twice(captures: list[str]) -> None:
    (group,) = check([captures[0], captures[0]], Task(), 2).groups
    assert (group["count"], len(group["flows"])) == (6, 3)
