import pytest

from cors_addon.report.baseline import Baseline
from cors_addon.report.fail_on import THRESHOLDS, counting
from cors_addon.report.grouping import key_of_group
from cors_addon.report.ignore import parse_all
from cors_addon.report.model import Report, build
from tests.report.samples import get, mixed, verdicts

BLOCKED = get()
CONDITIONAL = get("https://api.test/c", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: TRUE")
RISK = get("https://api.test/r", "Access-Control-Allow-Origin: https://app.test", "Cache-Control: public, max-age=600")
ADVICE = get("https://api.test/a", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: true")
INFO = get("https://api.test/i", "Access-Control-Allow-Origin: *", "X-Total: 1")


def report(text: str) -> Report:
    return build(verdicts(text))


@pytest.mark.parametrize(
    ("text", "severity", "fails"),
    [
        (BLOCKED, "blocked", {"blocked", "network", "risk", "advice"}),
        (CONDITIONAL, "conditional", {"risk", "advice"}),
        (ADVICE, "advice", {"advice"}),
        (INFO, "info", set()),
    ],
    ids=["blocked", "conditional", "advice", "info"],
)
def test_thresholds(text: str, severity: str, fails: set[str]) -> None:
    made = report(text)
    assert made.groups[0]["severity"] == severity, "the example is one"
    assert {threshold for threshold in THRESHOLDS if counting(made, threshold)} == fails


def test_nothing_counts_by_never() -> None:
    assert counting(mixed(), "never") == []


def test_what_is_known_does_not_count() -> None:
    keys = [key_of_group(group) for group in mixed().groups]
    known = Baseline(frozenset(key for key in keys if key is not None))
    assert counting(mixed(baseline=known), "advice") == []
    assert [group["host"] for group in counting(mixed(), "blocked")] == ["api.test", "other.test"]


def test_what_is_ignored_does_not_count() -> None:
    ignores = parse_all(["allow-origin-missing", "method-not-allowed"])
    assert counting(mixed(ignores=ignores), "blocked") == []
