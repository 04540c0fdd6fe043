"""What the server lets pass by itself since, and the rule that nothing needs any more."""

from __future__ import annotations

import pytest

from cors_addon.mitm.contentview import text_for
from cors_addon.mitm.fix_watch import FixWatch
from cors_addon.rules.model import RuleSet
from tests.mitm.injecting import injecting, passed, rule
from tests.mitm.support import cors_get, logged, preflight, proxy

ALLOW = "Access-Control-Allow-Origin: http://app.test"


def fixed(lines: list[str]) -> list[str]:
    return [line.removeprefix("CORS: fixed on the server: ") for line in lines if "fixed on the server" in line]


def test_a_request_that_failed_and_passes_is_fixed_and_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(cors_get(at=1000.0))
        assert fixed(logged(caplog)) == []
        assert running.send(cors_get(ALLOW, at=1001.0)).comment == (
            "CORS: fixed on server · GET http://api.test/items from http://app.test."
        )
        assert running.send(cors_get(ALLOW, at=1002.0)).comment == ""
        assert fixed(logged(caplog)) == ["GET http://api.test/items from http://app.test."]
        running.send(cors_get(at=1003.0))
        assert not running.addon.kept.fixes.fixed, "it fails again"


def test_another_failure_is_no_fix(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(cors_get(at=1000.0))
        running.send(cors_get("Access-Control-Allow-Origin: http://other.test", at=1001.0))
        running.send(cors_get(ALLOW, url="http://api.test/other", at=1002.0))
        assert fixed(logged(caplog)) == []


def test_a_preflight_alone_is_no_fix(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(preflight(at=1000.0))
        running.send(preflight(ALLOW, "Access-Control-Allow-Methods: PUT", at=1001.0))
        assert fixed(logged(caplog)) == []


def test_the_rule_that_nothing_needs_any_more_is_named(caplog: pytest.LogCaptureFixture) -> None:
    with injecting(rule("dev")) as running:
        passed(running, cors_get(at=1000.0))
        passed(running, cors_get(url="http://api.test/b", at=1001.0))
        passed(running, cors_get(ALLOW, at=1002.0))
        passed(running, cors_get(ALLOW, url="http://api.test/b", at=1003.0))
        first, second = fixed(logged(caplog))
        assert first.endswith('Other requests still need rule "dev".')
        assert second.endswith('Rule "dev" is no longer needed. cors.rules.remove dev takes it out.')
        assert isinstance(running.addon.injection.rules, RuleSet)


def test_a_page_that_fails_and_passes_in_turns_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        for number in range(20):
            running.send(cors_get(url=f"http://api.test/p{number}", at=1000.0 + number))
        for number in range(20):
            running.send(cors_get(ALLOW, url=f"http://api.test/p{number}", at=1100.0 + number))
        assert len(fixed(logged(caplog))) == 5
        assert len(running.addon.kept.fixes.fixed) == 20
        running.addon.clear()
        assert not running.addon.kept.fixes.fixed


def test_nothing_is_fixed_at_first() -> None:
    assert not FixWatch().fixed


@pytest.mark.parametrize("by", ["another proxy's rule", "a recording"])
def test_what_did_not_come_from_the_server_as_it_is_is_no_fix(by: str, caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(cors_get(at=1000.0))
        passes = cors_get(ALLOW, at=1001.0)
        assert passes.response is not None
        if by == "a recording":
            passes.server_conn.timestamp_start = None
        else:
            passes.response.headers["x-cors-addon"] = "other rule"
        running.send(passes)
        assert passes.metadata["cors.outcome"] == "allowed"
        assert "fixed" not in passes.comment + "".join(logged(caplog))


def test_what_the_user_edits_is_no_fix(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(cors_get(at=1000.0))
        edited = running.send(cors_get(at=1001.0))
        edited.live = False
        edited.backup()
        assert edited.response is not None
        edited.response.headers["Access-Control-Allow-Origin"] = "http://app.test"
        assert text_for(edited).startswith("ALLOWED")
        assert fixed(logged(caplog)) == []
