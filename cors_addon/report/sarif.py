"""The SARIF report, version 2.1.0: one result a group, for code scanning and whatever else gathers findings.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from .. import __version__
from ..catalogue import CATALOGUE
from ..catalogue.render import chromium_names, mdn_url, title_of
from ..catalogue.violation import Severity, Violation
from ..verdict.failure_details import inert
from .blocks import Examples
from .cures import fix_of, hows, whys
from .grouping import GroupKey
from .model import Group, Report
from .text_layout import times, value_of

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {
    Severity.BLOCKED: "error",
    Severity.CONDITIONAL: "warning",
    Severity.RISK: "warning",
    Severity.ADVICE: "note",
    Severity.INFO: "note",
}
_LONGEST_URI: Final = 2_000
_URI_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SPECIAL: Final = str.maketrans({"\\": "\\\\", "[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})


def render(report: Report) -> str:
    """Return the report as a SARIF log in JSON."""
    examples = Examples(report)
    rules = list(dict.fromkeys(group["id"] for group in (*report.groups, *report.ignored)))
    places = {rule: index for index, rule in enumerate(rules)}
    compared = bool(report.summary["known"])
    results = [_result(group, places, examples, compared) for group in (*report.groups, *report.ignored)]
    log = {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "cors-addon",
                        "semanticVersion": __version__,
                        "rules": [_rule(CATALOGUE[rule]) for rule in rules],
                    }
                },
                "automationDetails": {"id": "cors-addon/"},
                "invocations": [_invocation(report)],
                "columnKind": "unicodeCodePoints",
                "results": results,
                "properties": {"summary": {key: value for key, value in report.summary.items() if key != "captures"}},
            }
        ],
    }
    return json.dumps(log, ensure_ascii=True, indent=1) + "\n"


def _message(text: str) -> dict[str, str]:
    """Return a message whose text is taken by the letter: brackets would make links of it, braces placeholders."""
    return {"text": text.translate(_SPECIAL)}


# --- the rules ----------------------------------------------------------------------------------------------------


def _rule(violation: Violation) -> dict[str, Any]:
    names = [f"Chromium: {name}" for name in chromium_names(violation)]
    if violation.firefox is not None:
        names.append(f"Firefox: {violation.firefox} ({mdn_url(violation.firefox)})")
    text = f"{violation.explanation}\n\nFix ({violation.owner.value}): {violation.fix}"
    markdown = (
        f"{violation.explanation}\n\n**Fix ({violation.owner.value}):** {violation.fix}\n\n"
        f"```http\n{violation.broken}\n```\n\nbecomes\n\n```http\n{violation.fixed}\n```\n"
    )
    rule: dict[str, Any] = {
        "id": violation.id,
        "name": "".join(part.capitalize() for part in violation.id.split("-")),
        "shortDescription": {"text": title_of(violation)},
        "fullDescription": {"text": violation.explanation},
        "help": {"text": "\n".join([text, *names]), "markdown": markdown},
        "helpUri": violation.anchor,
        "defaultConfiguration": {"level": _LEVELS[violation.severity]},
        "properties": {"tags": ["cors", violation.severity.value, f"fix by {violation.owner.value}"]},
    }
    if violation.cwe is not None:
        rule["properties"]["tags"].append(f"external/cwe/cwe-{violation.cwe}")
    return rule


# --- the results --------------------------------------------------------------------------------------------------


def _result(group: Group, places: Mapping[str, int], examples: Examples, compared: bool) -> dict[str, Any]:
    flow, finding = examples.of(group)
    violation = CATALOGUE[group["id"]]
    url = str(flow.get("url") or f"{group['host']}{group['path']}")
    where = f"{inert(group['method'], 40)} {inert(url, 300)} from {inert(group['origin']) or '(no origin)'}"
    sentences = [f"{group['message']}.", f"Seen {times(group['count'])}: {where}."]
    told = whys(finding)
    for why in told[:1]:
        sentences.append(f"{why.label}: {why.message}{'.' if why.message[-1:].isalnum() else ''}")
        if why.fix:
            sentences.append(f"What to do ({why.who}): {why.fix}{'.' if why.fix[-1:].isalnum() else ''}")
    if group["needed"]:
        sentences.append(f"The response needs: {group['needed']}.")
    who, fix = fix_of(violation.id, finding)
    if fix:
        sentences.append(f"Fix ({who}): {fix}")
    result: dict[str, Any] = {
        "ruleId": group["id"],
        "ruleIndex": places[group["id"]],
        "level": _LEVELS[Severity(group["severity"])],
        "message": _message(" ".join(sentences)),
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": uri_of(url)}},
                "logicalLocations": [
                    {"name": inert(group["host"]) or "unknown host", "kind": "resource"},
                ],
            }
        ],
        "partialFingerprints": {"corsGroup/v1": fingerprint(group)},
        "occurrenceCount": group["count"],
        "properties": {
            "severity": group["severity"],
            "origin": inert(group["origin"]),
            "method": inert(group["method"], 40),
            "host": inert(group["host"]),
            "path": inert(group["path"]),
            "needed": group["needed"],
            "fixBy": violation.owner.value,
            "causes": [
                {"confidence": why.sure, "message": why.message, "who": why.who, "fix": why.fix} for why in told
            ],
            "snippets": [{**how._asdict(), "lines": list(how.lines)} for how in hows(finding)],
            "flows": [inert(each) for each in group["flows"]],
            "browsers": flow.get("browsers", {}),
        },
        **_exchange(flow, finding),
    }
    if compared:
        result["baselineState"] = "unchanged" if group["known"] else "new"
    if "reason" in group:
        result["suppressions"] = [_suppression(inert(group["reason"], 400) or "ignored by an option")]
    elif group["known"]:
        result["suppressions"] = [_suppression("known by the baseline")]
    return result


def _suppression(why: str) -> dict[str, str]:
    return {"kind": "external", "status": "accepted", "justification": why}


def _exchange(flow: Mapping[str, Any], finding: Mapping[str, Any]) -> dict[str, Any]:
    """Return request and response as far as the report shows them: the header lines that prove the finding."""
    if not flow:
        return {}
    evidence = finding.get("evidence", ())
    request: dict[str, Any] = {"method": inert(flow["method"], 40), "target": uri_of(flow["url"])}
    request["headers"] = _headers(line for line in evidence if line["side"] == "request")
    parts: dict[str, Any] = {"webRequest": request}
    if flow.get("status"):
        headers = _headers(line for line in evidence if line["side"] != "request" and line["name"] != ":status")
        parts["webResponse"] = {"statusCode": flow["status"], "headers": headers}
    return parts


def _headers(evidence: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in evidence:
        if line["value"] is not None:
            name, value = inert(line["name"], 100), value_of(line)
            found[name] = f"{found[name]}, {value}" if name in found else value
    return found


def uri_of(url: str) -> str:
    """Return a URL as a URI reference that every parser takes, cut where it is long."""
    text = quote(url[:_LONGEST_URI], safe=_URI_SAFE, errors="backslashreplace")
    text = _PERCENT.sub("%25", text)
    head, slashes, rest = text.partition("://")
    if not slashes:
        return text.replace("[", "%5B").replace("]", "%5D").replace(":", "%3A") or "unknown"
    authority, slash, path = rest.partition("/")
    path, hash_, fragment = path.partition("#")
    # Brackets are for IPv6 hosts, and a second number sign is none.
    tail = f"{slash}{path}{hash_}{fragment.replace('#', '%23')}".replace("[", "%5B").replace("]", "%5D")
    return f"{head}://{authority}{tail}"


def fingerprint(group: Mapping[str, Any]) -> str:
    """Return what is the same for the same group in every run."""
    key = GroupKey(*(group[name] for name in GroupKey._fields))
    return hashlib.sha256("\0".join(key).encode("utf-8", "backslashreplace")).hexdigest()[:32]


def _invocation(report: Report) -> dict[str, Any]:
    notes = []
    for capture in report.summary.get("captures", ()):
        for name, level in (("problem", "error"), ("note", "note")):
            if capture[name]:
                text = f"{inert(capture['path'], 300)}: {inert(capture[name], 800)}"
                notes.append({"level": level, "message": _message(text)})
    successful = not any(note["level"] == "error" for note in notes)
    return {"executionSuccessful": successful, "toolExecutionNotifications": notes}
