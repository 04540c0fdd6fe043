"""The JUnit report: one test case a group, for build servers that know nothing else."""

from typing import Any, Final
from xml.etree import ElementTree

from ..catalogue.violation import Severity
from ..verdict.failure_details import inert
from .blocks import Examples, blocks
from .cures import fix_of
from .model import Group, Report
from .text_layout import side_by_side, times, wrapped
from .text_report import causes, endpoint, snippets

_LONGEST_NAME: Final = 300


def render(report: Report) -> str:
    """Return the report as XML.

    What browsers block and no baseline knows is a failure; what is known or ignored is skipped; everything else passes
    and says what it is in its output. A capture that could not be read is an error.
    """
    examples = Examples(report)
    cases = [_case(group, examples) for block in blocks(report) for group in block.groups]
    cases += [_skipped(group, group["reason"] or "ignored by an option") for group in report.ignored]
    cases += [_unread(capture) for capture in report.summary.get("captures", ()) if capture["problem"]]
    if not cases:
        # A suite without cases counts as broken with many build servers.
        cases = [ElementTree.Element("testcase", classname="cors", name="no CORS findings", time="0")]
    counts = {
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": "0",
    }
    suites = ElementTree.Element("testsuites", {"name": "cors-addon", **counts})
    suite = ElementTree.SubElement(suites, "testsuite", {**suites.attrib, "timestamp": report.generated[:19]})
    suite.extend(cases)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _case(group: Group, examples: Examples) -> ElementTree.Element:
    if group["known"]:
        return _skipped(group, "known by the baseline")
    case = _element(group)
    _, finding = examples.of(group)
    lines = [group["message"], *side_by_side(finding.get("evidence") or ())]
    lines += causes(finding, group["flows"][0])
    if group["needed"]:
        lines += wrapped("needed", group["needed"])
    who, fix = fix_of(group["id"], finding)
    if fix:
        lines += wrapped("fix", f"({who}) {fix}")
    lines += snippets(finding)
    lines += wrapped("flows", ", ".join(inert(each, 80) for each in group["flows"]))
    text = "\n".join(lines)
    if group["severity"] == Severity.BLOCKED.value:
        message = f"{group['message']} ({times(group['count'])})"
        ElementTree.SubElement(case, "failure", type=group["id"], message=message).text = text
    else:
        ElementTree.SubElement(case, "system-out").text = f"{group['severity']}: {text}"
    return case


def _skipped(group: Group, why: str) -> ElementTree.Element:
    case = _element(group)
    ElementTree.SubElement(case, "skipped", message=f"{inert(why, 400)}: {group['message']}")
    return case


def _element(group: Group) -> ElementTree.Element:
    name = inert(f"{group['id']}: {endpoint(group)}", _LONGEST_NAME)
    return ElementTree.Element("testcase", classname=f"cors.{inert(group['host']) or 'unknown'}", name=name, time="0")


def _unread(capture: dict[str, Any]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname="cors.captures", name=inert(capture["path"], 300), time="0")
    message = inert(capture["problem"], 800)
    ElementTree.SubElement(case, "error", type="unreadable", message=message).text = message
    return case
