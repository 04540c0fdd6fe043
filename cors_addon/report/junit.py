"""The JUnit report: one test case a diagnosis, for build servers that know nothing else."""

from typing import Any, Final
from xml.etree import ElementTree

from ..catalogue.violation import Severity
from ..verdict.failure_details import inert
from .diagnosis_text import lines_of
from .model import Report
from .text_layout import header_lines, paragraph, requests_of

_LONGEST_NAME: Final = 300


def render(report: Report) -> str:
    """Return the report as XML.

    What browsers block and no baseline knows is a failure; what is known or ignored is skipped; everything else passes
    and says what it is in its output. A capture that could not be read is an error.
    """
    cases = [_case(diagnosis) for diagnosis in report.diagnoses]
    cases += [_ignored(group) for group in report.ignored]
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


def _case(diagnosis: dict[str, Any]) -> ElementTree.Element:
    place = diagnosis["places"][0]
    name = f"{_id(diagnosis)}: {place['method']} {diagnosis['host']}{place['path']}"
    page = f" from {diagnosis['origin']}" if diagnosis["origin"] else ""
    case = _element(diagnosis["host"], f"{name}{page}")
    if diagnosis["known"]:
        why = f"known by the baseline: {diagnosis['headline']}"
        ElementTree.SubElement(case, "skipped", message=inert(why, 400))
        return case
    lines = lines_of(diagnosis)
    for label, side in (("Request", "asked"), ("Response", "answered")):
        if diagnosis[side]:
            lines += [label, *header_lines(diagnosis[side], indent=2)]
    lines += paragraph("Flows", ", ".join(inert(each, 80) for each in diagnosis["flows"]))
    text = "\n".join(lines)
    if diagnosis["severity"] == Severity.BLOCKED.value:
        message = f"{diagnosis['headline']} ({requests_of(diagnosis['requests'])})"
        ElementTree.SubElement(case, "failure", type=_id(diagnosis), message=message).text = text
    else:
        ElementTree.SubElement(case, "system-out").text = text
    return case


def _id(diagnosis: dict[str, Any]) -> str:
    return next(iter([*diagnosis["findings"], *diagnosis["conditions"]]), str(diagnosis["outcome"]))


def _ignored(group: dict[str, Any]) -> ElementTree.Element:
    page = f" from {inert(group['origin'])}" if group["origin"] else ""
    case = _element(group["host"], f"{group['id']}: {group['method']} {group['host']}{group['path']}{page}")
    why = group["reason"] or "ignored by an option"
    ElementTree.SubElement(case, "skipped", message=f"{inert(why, 400)}: {group['message']}")
    return case


def _element(host: str, name: str) -> ElementTree.Element:
    shown = inert(name, _LONGEST_NAME)
    return ElementTree.Element("testcase", classname=f"cors.{inert(host) or 'unknown'}", name=shown, time="0")


def _unread(capture: dict[str, Any]) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname="cors.captures", name=inert(capture["path"], 300), time="0")
    message = inert(capture["problem"], 800)
    ElementTree.SubElement(case, "error", type="unreadable", message=message).text = message
    return case
