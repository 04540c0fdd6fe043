from xml.etree import ElementTree

import junitparser

from cors_addon.report.baseline import Baseline
from cors_addon.report.grouping import key_of_group
from cors_addon.report.ignore import parse_all
from cors_addon.report.junit import render
from cors_addon.report.model import Report, build, merge
from tests.report.samples import mixed


def read(report: Report) -> junitparser.TestSuite:
    """Read a report as a build server's library does."""
    suites = list(junitparser.JUnitXml.fromstring(render(report).encode()))
    assert len(suites) == 1
    return suites[0]


def test_one_case_a_diagnosis_and_what_is_blocked_fails() -> None:
    suite = read(mixed())
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (3, 2, 0, 0)
    cases = {case.classname: case for case in suite}
    failed = cases["cors.api.test"]
    assert failed.name == "allow-origin-missing: GET api.test/items/{id} from https://app.test"
    (failure,) = failed.result
    assert isinstance(failure, junitparser.Failure)
    assert failure.type == "allow-origin-missing"
    assert failure.message == "No Access-Control-Allow-Origin in the response to https://app.test (3 requests)"
    assert "  Fix       On the server api.test: Add these response headers." in failure.text
    assert "              Access-Control-Allow-Origin: https://app.test" in failure.text
    assert "Response\n  Access-Control-Allow-Origin: (not sent)" in failure.text
    assert "Flows     1, 2, 5" in failure.text


def test_what_is_not_blocked_passes_and_says_what_it_is() -> None:
    cases = {case.classname: case for case in read(mixed())}
    assert cases["cors.long.test"].is_passed
    assert cases["cors.long.test"].system_out.startswith("INFO  PUT https://long.test/")


def test_what_is_known_or_ignored_is_skipped() -> None:
    keys = [key_of_group(group) for group in mixed().groups if group["host"] == "api.test"]
    known = Baseline(frozenset(key for key in keys if key is not None))
    suite = read(mixed(baseline=known, ignores=parse_all(["method-not-allowed # in another team's hands"])))
    assert (suite.tests, suite.failures, suite.skipped) == (3, 0, 2)
    told = {case.classname: case.result[0].message for case in suite if case.is_skipped}
    assert told["cors.api.test"].startswith("known by the baseline: No Access-Control-Allow-Origin")
    assert told["cors.other.test"].startswith("in another team's hands: ")


def test_a_capture_that_cannot_be_read_is_an_error() -> None:
    captures = [{"path": "a.mitm", "kind": "", "flows": 0, "problem": "it is empty", "note": ""}]
    suite = read(merge([build([])], captures))
    assert (suite.tests, suite.failures, suite.errors) == (1, 0, 1)
    (case,) = suite
    assert (case.classname, case.name, case.result[0].message) == ("cors.captures", "a.mitm", "it is empty")


def test_nothing_found_is_a_case_that_passes() -> None:
    suite = read(build([]))
    (case,) = suite
    assert case.is_passed
    assert (suite.tests, suite.failures) == (1, 0)


def test_the_counts_stand_on_both_levels() -> None:
    root = ElementTree.fromstring(render(mixed()).encode())
    for name in ("tests", "failures", "errors", "skipped"):
        assert root.get(name) == root[0].get(name)
