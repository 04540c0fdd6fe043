"""The commands, called as the console and mitmweb call them: by name, with texts."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions, http
from mitmproxy.addons import view
from mitmproxy.test import tflow

from tests.mitm.support import Proxy, cors_get, make_flow, make_response, preflight, proxy


def call(running: Proxy, name: str, *arguments: str) -> Any:
    return running.context.master.commands.call_strings(name, list(arguments))


def shown(running: Proxy, *flows: http.HTTPFlow) -> None:
    """Put flows where commands look for @all, as the view of a front end has them."""
    viewed = running.context.master.addons.get("view")
    assert isinstance(viewed, view.View)
    viewed.add(list(flows))


def names(running: Proxy) -> list[str]:
    return [name for name in running.context.master.commands.commands if name.startswith("cors.")]


def test_names_are_such_as_mitmweb_can_reach() -> None:
    with proxy() as running:
        found = names(running)
        assert {"cors.explain", "cors.status", "cors.report", "cors.clear"} <= set(found)
        for name in found:
            assert re.fullmatch(r"[a-z.]+", name)
            assert running.context.master.commands.commands[name].help, "front ends show a line on each"


def test_explain_tells_the_whole_story_of_each_flow() -> None:
    with proxy() as running:
        bad, plain = running.send(cors_get()), running.send(make_flow(response=make_response(200)))
        shown(running, bad, plain)
        head, *rows = call(running, "cors.explain", "@all")
        assert head == ["explanation"]
        lines = [line for (line,) in rows]
        assert lines[0] == f"flow {bad.id[:8]}"
        text = "\n".join(lines[: lines.index(f"flow {plain.id[:8]}")])
        for part in (
            "allow-origin-missing",
            "http://api.test/items",
            "http://app.test",
            "https://fetch.spec.whatwg.org/",
        ):
            assert part in text
        assert "No CORS check applies" in lines[-1]
        json.dumps([head, *rows])  # as mitmweb answers


def test_explain_takes_flows_of_any_protocol() -> None:
    with proxy() as running:
        tcp, dns = tflow.ttcpflow(), tflow.tdnsflow()
        shown(running, tcp, dns)  # type: ignore[arg-type]
        _, *rows = call(running, "cors.explain", "@all")
        assert [row[0] for row in rows[::2]] == [f"flow {tcp.id[:8]}", f"flow {dns.id[:8]}"]


@pytest.mark.parametrize("command", ["explain", "rules.suggest", "rules.add"])
def test_a_command_without_a_flow_says_that_none_is_selected(command: str) -> None:
    with proxy() as running, pytest.raises(exceptions.CommandError, match="No flow is selected"):
        call(running, f"cors.{command}", "@focus")


def test_status_sums_up() -> None:
    with proxy() as running:
        running.send(cors_get(), cors_get("Access-Control-Allow-Origin: *", url="http://ok.test/", at=1001.0))
        rows = call(running, "cors.status")
        text = "\n".join(cell for row in rows for cell in row)
        assert "2 flows judged: 1 allowed, 1 blocked" in text
        assert "allow-origin-missing" in text
        json.dumps(rows)


def test_report_is_written_at_once(tmp_path: Path) -> None:
    with proxy() as running:
        flow = running.send(cors_get())
        path = tmp_path / "now.json"
        assert call(running, "cors.report", str(path)) == f"1 flow written to {path}"
        assert [entry["id"] for entry in json.loads(path.read_text())["flows"]] == [flow.id]
        running.send(cors_get(at=1002.0))
        call(running, "cors.report", str(path))
        assert len(json.loads(path.read_text())["flows"]) == 2, "written over"


BAD_PATHS = [
    ("no format", "report", "the format goes by the ending, one of .json"),
    ("another format", "report.pdf", "the format goes by the ending"),
    ("nowhere", "no/such/folder/report.json", "cannot be written: No such file or directory"),
    ("a folder", ".json.json", "cannot be written: "),
]


@pytest.mark.parametrize(("path", "message"), [row[1:] for row in BAD_PATHS], ids=[row[0] for row in BAD_PATHS])
def test_a_report_that_cannot_be_written_is_the_commands_error(path: str, message: str, tmp_path: Path) -> None:
    (tmp_path / ".json.json").mkdir()
    with proxy() as running:
        running.send(cors_get())
        with pytest.raises(exceptions.CommandError, match=re.escape(message)):
            call(running, "cors.report", str(tmp_path / path))
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [".json.json"], "nothing half-written is left"


def test_clear_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        flow = running.send(cors_get())
        call(running, "cors.clear")
        assert flow.metadata == {}
        assert any("forgot everything" in record.getMessage() for record in caplog.records)


@pytest.mark.parametrize("name", ["cors.explain", "cors.report"])
def test_a_missing_argument_is_a_users_error(name: str) -> None:
    with proxy() as running, pytest.raises(exceptions.CommandError):
        call(running, name)


def test_an_id_is_explained_as_a_flow_is() -> None:
    with proxy() as running:
        blocked = running.send(cors_get())
        (diagnosis,) = running.addon.verdict_of(blocked)["diagnoses"]
        lines = [row[0] for row in running.addon.commands.explain(diagnosis["id"])]
        assert lines[1].startswith("BLOCKED  GET http://api.test/items")
        assert lines[1].endswith(diagnosis["id"])
        lines = [row[0] for row in running.addon.commands.explain("#cors-0000000")]
        assert lines[1] == "Nothing that was seen so far has the id cors-0000000."


def test_a_flow_that_was_cleared_is_judged_again_on_demand() -> None:
    with proxy() as running:
        blocked = running.send(cors_get())
        running.addon.clear()
        assert "cors" not in blocked.metadata
        text = "\n".join(row[0] for row in running.addon.commands.explain([blocked]))
        assert "BLOCKED  GET http://api.test/items" in text
        assert blocked.metadata["cors.outcome"] == "blocked"


def test_other_flows_are_named_by_what_people_see_of_them() -> None:
    with proxy() as running:
        asked = running.send(preflight(status=403, at=1000.0))
        name = running.addon.name_of(asked.id)
        assert name.startswith("OPTIONS http://api.test/items 403 at ")
        assert running.addon.name_of("gone") == "gone"


@pytest.mark.parametrize("name", ["rules.yaml", "cors.json", "passwd", ".bashrc", "", "folder"])
def test_a_slip_puts_no_ticket_in_the_place_of_another_file(name: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    target = tmp_path / name
    if not target.is_dir():
        target.write_text("mine")
    with proxy() as running:
        blocked = running.send(cors_get())
        with pytest.raises(exceptions.CommandError, match=r"end its name with \.md"):
            running.addon.commands.ticket([blocked], str(target))
    assert target.is_dir() or target.read_text() == "mine"


def test_no_report_takes_the_place_of_the_rule_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """YAML takes JSON too, so a rule file may have a report's ending."""
    rules = tmp_path / "rules.json"
    text = '{"version": 1, "rules": [{"name": "a", "hosts": ["api.test"], "allow_origins": ["http://other.test"]}]}'
    rules.write_text(text)
    link = tmp_path / "link.txt"
    link.symlink_to(rules)
    with proxy(cors_rules=str(rules)) as running:
        blocked = running.send(cors_get())
        with pytest.raises(exceptions.CommandError, match="it is the rule file"):
            running.addon.commands.report(str(tmp_path / "." / "rules.json"))
        with pytest.raises(exceptions.CommandError, match="it is the rule file"):
            running.addon.commands.ticket([blocked], str(link))
        with pytest.raises(exceptions.OptionsError, match="it is the rule file"):
            running.context.options.update(cors_report=[str(rules)])
    with proxy(cors_rules=str(rules), cors_report=[str(rules)]) as running:
        running.send(cors_get())
    assert f"cors-addon cannot start: cors_report={rules}: it is the rule file; name another file" in caplog.messages
    assert rules.read_text() == text


def test_a_ticket_is_markdown_with_curl(tmp_path: Path) -> None:
    target = tmp_path / "ticket.md"
    with proxy() as running:
        commands = running.addon.commands
        blocked = running.send(cors_get())
        assert commands.ticket([blocked], str(target)).endswith(f" written to {target}")
        text = target.read_text()
        assert text.startswith("## Blocked: No Access-Control-Allow-Origin")
        assert "curl -i http://api.test/items -H 'Origin: http://app.test'" in text
        (tmp_path / "folder.md").mkdir()
        for nowhere in ("folder.md", "no/such/folder.md", "zero\0byte.md"):
            with pytest.raises(exceptions.CommandError, match="cannot be written"):
                commands.ticket([blocked], str(tmp_path / nowhere))
        fine = running.send(cors_get("Access-Control-Allow-Origin: http://app.test", "Vary: Origin", at=1001.0))
        with pytest.raises(exceptions.CommandError, match="nothing to fix"):
            commands.ticket([fine], str(target))
