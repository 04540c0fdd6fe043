"""Host profiles in the HTML report."""

from typing import Any

from cors_addon.report.html import render
from cors_addon.report.html_profiles import cost_sentence, profiles, ways
from cors_addon.report.json_ import render as json_render
from cors_addon.report.model import merge
from tests.fetch.table import table
from tests.report.samples import exchange, report_of

COST = {"preflights": 0, "milliseconds": 0, "avoidable": 0, "avoidable_milliseconds": 0, "max_age": 600}


def hosts(count: int) -> tuple[dict[str, Any], ...]:
    return report_of(*(exchange([], id=str(each), url=f"https://h{each}.test/") for each in range(count))).hosts


@table(
    "told, cost",
    ("none", "No preflight was let through.", {}),
    ("one", "Preflights took one round trip and 30 ms.", {"preflights": 1, "milliseconds": 30}),
    ("some that could have been saved",
     "Preflights took 1,200 round trips and 36,000 ms. Access-Control-Max-Age: 600 would have saved 1,100 of them and"
     " 33,000 ms.",
     {"preflights": 1200, "milliseconds": 36000, "avoidable": 1100, "avoidable_milliseconds": 33000}),
)  # fmt: skip
def test_what_preflights_cost(told: str, cost: dict[str, int]) -> None:
    assert cost_sentence({**COST, **cost}) == told


def test_how_the_header_answered() -> None:
    assert ways({"echo": 1200, "none": 1, "*": 2}) == "the page’s own (1,200), missing (1), * (2)"


def test_without_hosts_there_is_no_section() -> None:
    assert [*profiles(())] == []
    assert 'id="hosts"' not in render(report_of())


def test_a_few_are_open_and_many_are_not() -> None:
    assert "\n".join(profiles(hosts(3))).count("<details open>") == 3
    many = "\n".join(profiles(hosts(60)))
    assert many.count("<details>") == 50
    assert "And 10 more" in many


def test_each_capture_tells_of_its_own() -> None:
    captures = [{"path": name, "kind": "flows", "flows": 1, "problem": "", "note": ""} for name in ("a.mitm", "b.mitm")]
    merged = merge([report_of(exchange([])), report_of(exchange([]))], captures)
    assert [host["capture"] for host in merged.hosts] == ["a.mitm", "b.mitm"]
    assert "capture" not in merge([report_of(exchange([]))], captures[:1]).hosts[0]
    assert render(merged).count("a.mitm") == 1
    assert json_render(merged).count('"capture"') == 2
