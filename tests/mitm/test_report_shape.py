"""The JSON report as other programs read it. What is stated here is a promise: keys may be added, none may change."""

from __future__ import annotations

import json
import types
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from cors_addon.catalogue import CATALOGUE
from tests.mitm.support import APP, cors_get, make_flow, make_response, preflight, proxy

OUTCOMES = {"allowed", "blocked", "conditional", "not-cors", "unknown"}
SEVERITIES = {"blocked", "conditional", "risk", "advice", "info"}
STAGES = {"preflight", "redirect", "response"}
BROWSERS = {"chromium", "firefox", "webkit", "spec"}

# A type; a set of the values that may be; a list of what each item is; a dict of keys. None beside them is allowed too.
Shape = type | types.UnionType | set[str] | list[Any] | dict[str, Any] | tuple[Any, None]
TEXT_OR_NOTHING = str | None

FINDING = {
    "id": set(CATALOGUE),
    "severity": SEVERITIES,
    "stage": STAGES,
    "message": str,
    "evidence": [{"side": {"request", "response"}, "name": str, "value": TEXT_OR_NOTHING}],
    "needed": TEXT_OR_NOTHING,
    "cause": ({"id": str, "confidence": {"high", "medium", "low"}, "message": str}, None),
    "fix": {
        "who": {"server", "gateway", "client", "browser", "nobody"},
        "header": TEXT_OR_NOTHING,
        "snippets": [{"stack": str, "text": str}],
    },
    "reference": str,
}
FLOW = {
    "id": str,
    "method": str,
    "url": str,
    "origin": TEXT_OR_NOTHING,
    "stage": STAGES,
    "outcome": OUTCOMES,
    "credentials": {"mode": {"include", "not-include", "unknown"}, "evidence": list},
    "browsers": {name: {"outcome": OUTCOMES, "error": TEXT_OR_NOTHING} for name in BROWSERS},
    "findings": [FINDING],
    "related": {
        "preflight": TEXT_OR_NOTHING,
        "request": TEXT_OR_NOTHING,
        "redirected_from": TEXT_OR_NOTHING,
        "redirected_to": TEXT_OR_NOTHING,
    },
}
GROUP = {
    "id": set(CATALOGUE),
    "severity": SEVERITIES,
    "origin": str,
    "host": str,
    "method": str,
    "path": str,
    "count": int,
    "flows": [str],
}
REPORT = {
    "schema": {"cors-addon/report/1"},
    "generated": str,
    "summary": {
        "flows": int,
        "outcomes": dict.fromkeys(OUTCOMES, int),
        "findings": dict.fromkeys(SEVERITIES, int),
    },
    "flows": [FLOW],
    "groups": [GROUP],
}


def differences(value: Any, shape: Any, at: str = "report") -> list[str]:
    """Return where a value is not of a shape."""
    if isinstance(shape, tuple):
        return [] if value is None else differences(value, shape[0], at)
    if isinstance(shape, set):
        return [] if value in shape else [f"{at}: {value!r} is none of {sorted(shape)}"]
    if isinstance(shape, list):
        if not isinstance(value, list):
            return [f"{at}: no list"]
        return [found for index, item in enumerate(value) for found in differences(item, shape[0], f"{at}[{index}]")]
    if isinstance(shape, dict):
        if not isinstance(value, dict):
            return [f"{at}: no object"]
        missing = [f"{at}.{key} is missing" for key in shape if key not in value]
        return missing + [
            found for key in shape if key in value for found in differences(value[key], shape[key], f"{at}.{key}")
        ]
    fits = isinstance(value, shape) and not (shape is int and isinstance(value, bool))
    return [] if fits else [f"{at}: {value!r} is no {shape}"]


def written(tmp_path: Path) -> dict[str, Any]:
    """Return a report over flows of every kind, as it is in the file."""
    path = tmp_path / "cors.json"
    allowed = f"Access-Control-Allow-Origin: {APP}"
    with proxy(cors_report=[str(path)]) as running:
        running.send(
            preflight(allowed, "Access-Control-Allow-Methods: GET, POST", at=1000.0),
            preflight(allowed, "Access-Control-Allow-Methods: PUT", url="http://api.test/a", at=1001.0),
            make_flow(
                f"Origin: {APP}", method="PUT", url="http://api.test/a", at=1001.4, response=make_response(200, allowed)
            ),
            cors_get(at=1005.0),
            cors_get(at=1005.5, url="http://api.test/items/1"),
            cors_get(at=1005.7, url="http://api.test/items/2"),
            cors_get("Access-Control-Allow-Origin: *", "Access-Control-Expose-Headers: a b", at=1006.0),
            cors_get(allowed, "Location: http://other.test/", status=302, url="http://api.test/moved", at=1007.0),
            cors_get(allowed, url="http://other.test/", origin="null", at=1007.4),
            cors_get(at=1008.0, status=0),
            make_flow(response=make_response(200), at=1009.0),
            make_flow("Origin: http://api.test", method="POST", response=make_response(200), at=1010.0),
        )
    report: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return report


def test_the_file_has_the_promised_shape(tmp_path: Path) -> None:
    report = written(tmp_path)
    assert differences(report, REPORT) == []
    assert next(iter(report)) == "schema", "a reader may tell by its first bytes what it is"
    assert datetime.fromisoformat(report["generated"]).tzinfo is not None
    seen = {finding["severity"] for flow in report["flows"] for finding in flow["findings"]}
    assert {"blocked", "advice"} <= seen, "the shape was put to the test"


def test_the_shape_is_put_to_the_test() -> None:
    assert differences({}, REPORT) == [f"report.{key} is missing" for key in REPORT]
    assert differences({**dict.fromkeys(GROUP, "x"), "id": "network-error"}, GROUP, "g") == [
        "g.severity: 'x' is none of ['advice', 'blocked', 'conditional', 'info', 'risk']",
        "g.count: 'x' is no <class 'int'>",
        "g.flows: no list",
    ]


def test_every_judged_flow_has_one_entry_and_what_cors_does_not_judge_has_none(tmp_path: Path) -> None:
    report = written(tmp_path)
    ids = [flow["id"] for flow in report["flows"]]
    assert len(ids) == len(set(ids)) == 10
    outcomes = report["summary"]["outcomes"]
    assert sum(outcomes.values()) == report["summary"]["flows"]
    assert outcomes["not-cors"] >= 1
    for outcome in OUTCOMES - {"not-cors"}:
        assert outcomes[outcome] == sum(flow["outcome"] == outcome for flow in report["flows"])


def test_findings_are_folded_into_groups(tmp_path: Path) -> None:
    report = written(tmp_path)
    for group in report["groups"]:
        holders = [
            flow
            for flow in report["flows"]
            if flow["id"] in group["flows"] and group["id"] in {finding["id"] for finding in flow["findings"]}
        ]
        assert len(holders) == len(group["flows"])
        assert group["count"] >= len(group["flows"])
    (missing,) = [g for g in report["groups"] if g["id"] == "allow-origin-missing" and g["path"] == "/items/{id}"]
    assert (missing["count"], missing["host"], missing["method"], missing["origin"]) == (2, "api.test", "GET", APP)


def test_the_preflight_carries_the_failure_and_names_it_as_each_browser_does(tmp_path: Path) -> None:
    ask = written(tmp_path)["flows"][0]
    assert (ask["stage"], ask["outcome"]) == ("preflight", "blocked")
    assert ask["browsers"]["chromium"] == {"outcome": "blocked", "error": "MethodDisallowedByPreflightResponse"}
    assert ask["browsers"]["firefox"] == {"outcome": "blocked", "error": "CORSMethodNotFound"}
    assert ask["browsers"]["webkit"] == {"outcome": "blocked", "error": "MethodNotAllowed"}
    assert ask["browsers"]["spec"] == {"outcome": "blocked", "error": None}
    (finding,) = ask["findings"]
    assert {"side": "response", "name": "Access-Control-Allow-Methods", "value": "GET, POST"} in finding["evidence"]
    assert finding["needed"] == "Access-Control-Allow-Methods: GET, POST, PUT"
    assert finding["reference"].startswith("https://fetch.spec.whatwg.org/#")


def test_related_flows_name_each_other(tmp_path: Path) -> None:
    flows = {flow["id"]: flow for flow in written(tmp_path)["flows"]}
    pairs = [(flow["id"], flow["related"]["request"]) for flow in flows.values() if flow["related"]["request"]]
    hops = [
        (flow["id"], flow["related"]["redirected_to"]) for flow in flows.values() if flow["related"]["redirected_to"]
    ]
    assert [flows[request]["related"]["preflight"] for _, request in pairs] == [ask for ask, _ in pairs]
    assert [flows[following]["related"]["redirected_from"] for _, following in hops] == [hop for hop, _ in hops]
    assert len(pairs) == len(hops) == 1


@pytest.mark.parametrize("value", [b"\xff\xfe\x00", "\u2028".encode(), b"</script>", b'"\\'])
def test_the_file_is_json_whatever_headers_hold(value: bytes, tmp_path: Path) -> None:
    path = tmp_path / "cors.json"
    with proxy(cors_report=[str(path)]) as running:
        running.send(cors_get((b"Access-Control-Allow-Origin", value), origin="http://app.test"))
    text = path.read_bytes()
    assert text.isascii()
    assert len(json.loads(text)["flows"]) == 1
