from dataclasses import replace

import pytest

from cors_addon.report.baseline import Baseline
from cors_addon.report.folding import MOST_FLOWS
from cors_addon.report.grouping import key_of_group
from cors_addon.report.ignore import parse_all
from cors_addon.report.model import build, draft, merge
from cors_addon.report.terminal_lines import summary
from cors_addon.verdict.model import Delivered, Outcome, Verdict
from tests.report.samples import API, APP, MIXED, exchange, get, mixed, preflight, report_of, verdicts


def test_repeats_are_one_group_with_an_exact_count() -> None:
    report = mixed()
    (missing,) = [group for group in report.groups if group["id"] == "allow-origin-missing"]
    assert missing == {
        "id": "allow-origin-missing",
        "origin": APP,
        "host": "api.test",
        "method": "GET",
        "path": "/items/{id}",
        "severity": "blocked",
        "message": "No Access-Control-Allow-Origin in the response to https://app.test",
        "needed": "Access-Control-Allow-Origin: https://app.test",
        "count": 3,
        "flows": ["1", "2", "5"],
        "known": False,
    }


def test_groups_are_worst_first_and_among_those_newest_first() -> None:
    assert [(group["severity"], group["host"]) for group in mixed().groups] == [
        ("blocked", "api.test"),
        ("blocked", "other.test"),
        ("info", "long.test"),
    ], "api.test failed once more after other.test had"


def test_the_summary_counts_every_flow_and_every_finding() -> None:
    summary = mixed(not_cors=4).summary
    assert summary["flows"] == 10
    assert summary["outcomes"] == {"allowed": 2, "blocked": 4, "conditional": 0, "not-cors": 4, "unknown": 0}
    assert summary["findings"] == {"blocked": 4, "conditional": 0, "risk": 0, "advice": 0, "info": 1}
    assert (summary["groups"], summary["known"], summary["ignored"], summary["dropped"]) == (3, 0, 0, 0)
    assert mixed(dropped=7).summary["flows"] == 13


def test_a_group_lists_so_many_flows_and_counts_them_all() -> None:
    (group,) = report_of(*(exchange([], id=f"f{n}", url=f"{API}/{n}") for n in range(MOST_FLOWS + 30))).groups
    assert group["count"] == MOST_FLOWS + 30
    assert group["flows"] == [f"f{n}" for n in range(MOST_FLOWS)]


@pytest.mark.parametrize("backwards", [False, True])
def test_groups_are_the_same_as_if_each_verdict_had_been_reported_by_itself(backwards: bool) -> None:
    mild = get(API, "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: TRUE")
    text = MIXED + mild + mild.replace("> Origin", "> Cookie: a=b\n> Origin") + mild
    judged = verdicts(text)[:: -1 if backwards else 1]
    ignores = parse_all(["allow-origin-missing@other.test"])
    together = build(judged, ignores=ignores)
    apart = merge(build([verdict], ignores=ignores) for verdict in judged)
    assert (together.groups, together.ignored) == (apart.groups, apart.ignored)


def test_a_draft_lacks_the_flows_and_nothing_else() -> None:
    judged = verdicts(MIXED)
    made, whole = draft(judged, not_cors=2), build(judged, not_cors=2)
    brief = build(judged, not_cors=2, brief=True)
    assert replace(made.report, generated="") == replace(whole, generated="", flows=(), diagnoses=())
    assert replace(made.finished(made.judged), generated="") == replace(whole, generated="")
    assert replace(made.finished(made.told), generated="") == replace(brief, generated="")
    assert {flow["id"] for flow in brief.flows} == {group["flows"][0] for group in brief.groups}


def test_the_worst_finding_speaks_for_its_group_whenever_it_came() -> None:
    """The same violation is certain in one flow and hangs on the credentials mode in another."""
    mild = get(API, "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: TRUE")
    bad = mild.replace("> Origin", "> Cookie: a=b\n> Origin")
    for text in (mild + bad, bad + mild):
        report = build(verdicts(text))
        (group,) = [each for each in report.groups if each["id"] == "allow-origin-wildcard-with-credentials"]
        by_id = {flow["id"]: flow for flow in report.flows}
        worst = by_id[group["flows"][0]]
        assert group["severity"] == "blocked"
        assert worst["outcome"] == "blocked"
        assert group["count"] == len(group["flows"])


def test_a_flow_is_listed_once_however_often_it_fails_alike() -> None:
    twice = verdicts(get())[0]
    twice = replace(twice, findings=twice.findings * 2)
    (group,) = build([twice]).groups
    assert (group["count"], group["flows"]) == (1, ["1"])


def test_what_a_baseline_knows_is_marked_and_counted() -> None:
    before = mixed()
    keys = {key_of_group(group) for group in before.groups if group["host"] != "other.test"}
    report = mixed(baseline=Baseline(frozenset(key for key in keys if key is not None)))
    assert {group["host"]: group["known"] for group in report.groups} == {
        "api.test": True,
        "other.test": False,
        "long.test": True,
    }
    assert report.summary["known"] == 2


def test_ignored_findings_are_nowhere_but_in_their_own_list() -> None:
    report = mixed(ignores=parse_all(["allow-origin-missing@api.* # an old API, mended in May"]))
    assert "allow-origin-missing" not in {group["id"] for group in report.groups}
    assert [len(flow["findings"]) for flow in report.flows] == [0, 0, 1, 0, 0, 1]
    assert [flow["outcome"] for flow in report.flows][:2] == ["blocked", "blocked"], "what browsers do is not changed"
    (ignored,) = report.ignored
    assert (ignored["count"], ignored["reason"]) == (3, "an old API, mended in May")
    assert report.summary["ignored"] == 3
    assert report.summary["findings"]["blocked"] == 1


def test_a_brief_report_has_the_flows_that_its_groups_are_told_by_and_says_the_same() -> None:
    whole, brief = mixed(not_cors=4), mixed(not_cors=4, brief=True)
    told = {group["flows"][0] for group in whole.groups}
    assert brief.flows == tuple(flow for flow in whole.flows if flow["id"] in told)
    assert len(brief.flows) < len(whole.flows)
    assert (brief.groups, brief.summary, brief.debts) == (whole.groups, whole.summary, whole.debts)
    assert list(summary(brief)) == list(summary(whole))


def test_flows_that_are_no_matter_of_cors_are_counted_only() -> None:
    report = build(verdicts(get(API).replace("cross-site", "same-origin")))
    assert report.flows == ()
    assert report.summary["outcomes"]["not-cors"] == 1


def test_nothing_makes_an_empty_report() -> None:
    report = build([])
    assert (report.flows, report.groups, report.ignored, report.debts) == ((), (), (), ())
    assert report.summary["flows"] == 0


def _parts() -> list[Verdict]:
    return verdicts(MIXED)


@pytest.mark.parametrize("cut", range(7))
def test_merged_parts_equal_the_whole(cut: int) -> None:
    whole = build(_parts(), not_cors=2, dropped=3)
    parts = [build(_parts()[:cut], not_cors=2), build(_parts()[cut:], dropped=3)]
    merged = merge(parts)
    assert merged.groups == whole.groups
    assert merged.flows == whole.flows
    assert merged.summary == whole.summary


def test_merging_leaves_its_parts_alone() -> None:
    one = mixed()
    groups = [{**group, "flows": list(group["flows"])} for group in one.groups]
    merge([one, mixed(), mixed()])
    assert list(one.groups) == groups


def test_merged_groups_take_the_worst_severity_and_the_first_flows() -> None:
    mild = build(verdicts(get(API, "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: TRUE")))
    bad = build(
        [
            replace(verdict, id="bad")
            for verdict in verdicts(
                get(API, "Access-Control-Allow-Origin: *").replace("> Origin", "> Cookie: a=b\n> Origin")
            )
        ]
    )
    for parts in ([mild, bad], [bad, mild]):
        (group,) = [g for g in merge(parts).groups if g["id"] == "allow-origin-wildcard-with-credentials"]
        assert (group["severity"], group["count"], group["flows"][0]) == ("blocked", 2, "bad")


def test_what_was_read_is_told_in_the_summary() -> None:
    captures = [{"path": "a.mitm", "kind": "flows", "flows": 6, "problem": "", "note": ""}]
    assert merge([mixed()], captures).summary["captures"] == captures
    assert "captures" not in merge([mixed()]).summary


def test_debts_are_told_without_secrets() -> None:
    (verdict,) = verdicts(get("https://user:secret@api.test/items?token=abc"))
    verdict = verdict.with_delivered(Delivered("local SPA", Outcome.ALLOWED))
    (debt,) = build([verdict]).debts
    assert (debt["host"], debt["needed"]) == ("api.test", [f"Access-Control-Allow-Origin: {APP}", "Vary: Origin"])


def test_a_preflight_and_its_request_are_two_endpoints() -> None:
    report = build(verdicts(preflight() + get()))
    assert {(group["method"], group["path"]) for group in report.groups} == {("OPTIONS", "/items"), ("GET", "/items")}
