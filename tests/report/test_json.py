import json

from cors_addon.report.json_ import render
from cors_addon.report.model import build
from cors_addon.verdict.model import Delivered, Outcome
from tests.report.samples import get, mixed, verdicts


def test_the_file_holds_the_report() -> None:
    report = mixed()
    data = json.loads(render(report))
    assert list(data) == ["schema", "generated", "summary", "flows", "groups", "diagnoses", "hosts", "servers"]
    assert data["schema"] == "cors-addon/report/1"
    assert data["flows"] == json.loads(json.dumps(report.flows))
    assert data["groups"] == list(report.groups)
    assert data["summary"] == report.summary


def test_one_flow_and_one_group_a_line() -> None:
    report = mixed()
    lines = render(report).splitlines()
    for entry in (*report.flows, *report.groups):
        assert [line.rstrip(",") for line in lines].count(json.dumps(entry)) == 1


def test_what_servers_owe_is_in_the_summary() -> None:
    (verdict,) = verdicts(get())
    data = json.loads(render(build([verdict.with_delivered(Delivered("local SPA", Outcome.ALLOWED))])))
    assert data["summary"]["debts"][0]["rule"] == "local SPA"
    assert data["flows"][0]["delivered"]["rule"] == "local SPA"


def test_an_empty_report_is_json_too() -> None:
    data = json.loads(render(build([])))
    assert (data["flows"], data["groups"], data["hosts"]) == ([], [], [])
