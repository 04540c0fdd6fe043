"""The SARIF report, version 2.1.0: one result a diagnosis, for code scanning and whatever else gathers findings.

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
from .diagnosis_text import about, because, place_of, response_of, sentence
from .folding import Group
from .grouping import GroupKey
from .model import Report
from .source_files import source_location
from .text_layout import requests_of, value_of

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS: Final = {
    Severity.BLOCKED: "error",
    Severity.CONDITIONAL: "warning",
    Severity.RISK: "warning",
    Severity.ADVICE: "note",
    Severity.INFO: "note",
}
_LONGEST_URI: Final = 2_000
_LONGEST_PROPERTY: Final = 600
_MOST_LINES: Final = 100
_URI_SAFE: Final = "!#$%&'()*+,/:;=?@[]~"
_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_SPECIAL: Final = str.maketrans({"\\": "\\\\", "[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})


def render(report: Report) -> str:
    """Return the report as a SARIF log in JSON."""
    told = [diagnosis for diagnosis in report.diagnoses if _rule_of(diagnosis)]
    named = (*map(_rule_of, told), *(group["id"] for group in report.ignored))
    rules = list(dict.fromkeys(named))
    places = {rule: index for index, rule in enumerate(rules)}
    compared = bool(report.summary["known"])
    results = [_result(diagnosis, places, compared) for diagnosis in told]
    results += [_ignored(group, places) for group in report.ignored]
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


def _rule_of(diagnosis: Mapping[str, Any]) -> str:
    return next(iter([*diagnosis["findings"], *diagnosis["conditions"]]), "")


def _result(diagnosis: Mapping[str, Any], places: Mapping[str, int], compared: bool) -> dict[str, Any]:
    rule = _rule_of(diagnosis)
    page = f" from {inert(diagnosis['origin'])}" if diagnosis["origin"] else ""
    sentences = [f"{diagnosis['headline']}.", f"{about(diagnosis)}{page}, {requests_of(diagnosis['requests'])}."]
    sentences += [
        f"{because(cause, number)}: {sentence(cause['message'])} {cause['confidence'].capitalize()}."
        for number, cause in enumerate(diagnosis["causes"])
    ]
    for step in diagnosis["plan"]:
        sentences.append(f"Fix: {place_of(step, diagnosis)}{sentence(step['text'])}")
        for entry in step["send"]:
            lines = " | ".join(inert(line, _LONGEST_PROPERTY) for line in entry["headers"])
            sentences.append(f"To {response_of(entry)}: {lines}.")
    result: dict[str, Any] = {
        "ruleId": rule,
        "ruleIndex": places[rule],
        "level": _LEVELS[Severity(diagnosis["severity"])],
        "message": _message(" ".join(sentences)),
        **_locations(diagnosis),
        "partialFingerprints": {"corsDiagnosis/v1": diagnosis["key"]},
        "occurrenceCount": diagnosis["requests"],
        "properties": {name: _short(diagnosis[name]) for name in _PROPERTIES},
        **_exchange(diagnosis),
    }
    if compared:
        result["baselineState"] = "unchanged" if diagnosis["known"] else "new"
    if diagnosis["known"]:
        result["suppressions"] = [_suppression("known by the baseline")]
    return result


def _locations(diagnosis: Mapping[str, Any]) -> dict[str, Any]:
    """Return where it is: the line of the page's code that called, where it is known, and the URL that was called."""
    called = {
        "physicalLocation": {"artifactLocation": {"uri": uri_of(diagnosis["url"])}},
        "logicalLocations": [{"name": inert(diagnosis["host"]) or "unknown host", "kind": "resource"}],
    }
    source = source_location(diagnosis.get("initiator"))
    return {"locations": [called]} if source is None else {"locations": [source], "relatedLocations": [called]}


def _short(value: Any) -> Any:
    """Return plain data with its texts cut: a hostile capture must not fill a code scanner."""
    if isinstance(value, str):
        return "\n".join(inert(line, _LONGEST_PROPERTY) for line in value.split("\n")[:_MOST_LINES])
    if isinstance(value, Mapping):
        return {key: _short(each) for key, each in value.items()}
    return [_short(each) for each in value[:_MOST_LINES]] if isinstance(value, (list, tuple)) else value


_PROPERTIES: Final = (
    *("severity", "owner", "origin", "method", "host", "endpoints", "findings", "conditions"),
    *("causes", "plan", "try", "flows", "browsers"),
)


def _ignored(group: Group, places: Mapping[str, int]) -> dict[str, Any]:
    url = f"{group['host']}{group['path']}"
    return {
        "ruleId": group["id"],
        "ruleIndex": places[group["id"]],
        "level": _LEVELS[Severity(group["severity"])],
        "message": _message(f"{group['message']}. {inert(group['method'], 40)} {inert(url, 300)}."),
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": uri_of(url)}}}],
        "partialFingerprints": {"corsGroup/v1": fingerprint(group)},
        "occurrenceCount": group["count"],
        "suppressions": [_suppression(inert(group["reason"], 400) or "ignored by an option")],
    }


def _suppression(why: str) -> dict[str, str]:
    return {"kind": "external", "status": "accepted", "justification": why}


def _exchange(diagnosis: Mapping[str, Any]) -> dict[str, Any]:
    """Return request and response: the header lines that matter."""
    method = "OPTIONS" if diagnosis["stage"] == "preflight" else diagnosis["method"]
    request: dict[str, Any] = {"method": inert(method, 40), "target": uri_of(diagnosis["url"])}
    request["headers"] = _headers(diagnosis["asked"])
    parts: dict[str, Any] = {"webRequest": request}
    if diagnosis["status"]:
        parts["webResponse"] = {"statusCode": diagnosis["status"], "headers": _headers(diagnosis["answered"])}
    return parts


def _headers(lines: Iterable[tuple[str, str | None]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in lines:
        if value is not None:
            shown, text = inert(name, 100), value_of(value)
            found[shown] = f"{found[shown]}, {text}" if shown in found else text
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
