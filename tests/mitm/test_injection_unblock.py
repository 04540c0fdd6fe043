"""`cors.rules.add`: the rule is written into the rule file, is in force at once, and lets the flows through."""

from __future__ import annotations

import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, http
from mitmproxy.addons.view import View

from tests.mitm.injecting import NAME, call, injecting, passed, rule
from tests.mitm.support import APP, Proxy, proxy
from tests.mitm.test_injection_suggest import BLOCKED

ADDED = "app.test calls api.test"


def command(running: Proxy, name: str, *arguments: str) -> Any:
    return running.context.master.commands.call_strings(name, list(arguments))


def unblocked(running: Proxy, *flows: http.HTTPFlow) -> list[str]:
    """Run the command over flows as the user selects them; return the lines below its heading."""
    view = running.context.master.addons.get("view")
    assert isinstance(view, View)
    view.add(flows)
    heading, *rows = command(running, "cors.rules.add", "@all")
    assert heading == ["rule"]
    return [line for (line,) in rows]


@pytest.mark.parametrize("make", [row[1] for row in BLOCKED], ids=[row[0] for row in BLOCKED])
def test_the_next_request_passes(make: Callable[[], http.HTTPFlow], tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    with proxy(cors_rules=str(path)) as running:
        subject = make()
        passed(running, subject)
        assert running.verdict(subject)["outcome"] in ("blocked", "conditional", "not-cors")
        lines = unblocked(running, subject)
        assert any(line.startswith("+  - name: ") for line in lines)
        assert "injection is ON, 1 of 1 rules enabled, for 2 h" in lines[-1]
        again = make()
        passed(running, again)
        assert running.verdict(again)["delivered"]["outcome"] in ("allowed", "not-cors")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_does_not_exist_yet_is_announced(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "new.yaml"
    with proxy(cors_rules=str(path)):
        assert f"CORS: {path} does not exist yet; the first rule that is added creates it" in caplog.text
    assert not path.exists()


def test_without_a_file_the_rule_is_kept_in_memory() -> None:
    with proxy() as running:
        subject = call()
        passed(running, subject)
        lines = unblocked(running, subject)
        assert f"{ADDED} in memory; cors.rules.undo takes the change back" in lines
        assert '+  - name: "app.test calls api.test"' in lines, "what to keep"
        again = call()
        passed(running, again)
        assert running.verdict(again)["delivered"]["outcome"] == "allowed"


def test_the_new_rule_alone_is_in_force() -> None:
    other = rule("other", hosts=["b.test"])
    with injecting(other, on=False) as running:
        subject = call()
        passed(running, subject)
        lines = unblocked(running, subject)
        assert "1 of 2 rules enabled" in lines[-1]
        elsewhere = call(url="http://b.test/")
        passed(running, elsewhere)
        assert "delivered" not in running.verdict(elsewhere)


def test_it_is_taken_back() -> None:
    with injecting(rule("other", hosts=["b.test"])) as running:
        before = running.path.read_bytes()
        subject = call()
        passed(running, subject)
        unblocked(running, subject)
        assert running.path.read_bytes() != before
        assert "is as it was before" in running.command("cors.rules.undo")
        assert running.path.read_bytes() == before
        with pytest.raises(exceptions.CommandError, match="No rule was written in this session"):
            running.command("cors.rules.undo")


def test_a_rule_is_removed() -> None:
    with injecting(rule(), rule("other", hosts=["b.test"])) as running:
        rows = running.command("cors.rules.remove", NAME)
        assert [f"-- name: {NAME}"] in rows
        assert "other" in running.path.read_text()
        with pytest.raises(exceptions.CommandError, match="only rule of the file"):
            running.command("cors.rules.remove", "other")


def test_what_needs_no_rule_or_gets_none_is_said(tmp_path: Path) -> None:
    with proxy(cors_rules=str(tmp_path / "rules.yaml")) as running:
        allowed = call(f"Access-Control-Allow-Origin: {APP}", "Vary: Origin")
        passed(running, allowed)
        with pytest.raises(exceptions.CommandError, match="None of these flows is blocked"):
            unblocked(running, allowed)
        sandboxed = call(origin="null")
        passed(running, sandboxed)
        with pytest.raises(exceptions.CommandError, match="No rule is written: its origin is null"):
            unblocked(running, sandboxed)
        assert not running.addon.injection.is_on
    assert list(tmp_path.iterdir()) == []


def test_secrets_of_a_path_do_not_get_into_the_file(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    with proxy(cors_rules=str(path)) as running:
        subject = call(url="http://api.test/v1?token=s3cr3t-0123456789abcdef")
        passed(running, subject)
        unblocked(running, subject)
    assert "s3cr3t" not in path.read_text()
