"""Flows that come from a file or a copy: what they carry is nobody's word, and each is judged by what it holds."""

from __future__ import annotations

from typing import Any

import pytest
from mitmproxy import exceptions, http
from mitmproxy.test import tflow

from cors_addon.mitm.contentview import priority_for, text_for
from tests.mitm.injecting import call, injecting, passed
from tests.mitm.support import cors_get, make_flow, make_response, preflight, proxy, saved_and_loaded

HOSTILE = "\x1b]0;title\x07\x9b31m\u202e<script>"
VERDICT = {"outcome": "allowed", "method": HOSTILE, "url": HOSTILE, "notes": [HOSTILE], "reason": HOSTILE}
FORGED: list[Any] = [
    *(1, "x" * 100, [], None, {}, VERDICT),
    {**VERDICT, "diagnoses": 5},
    {**VERDICT, "diagnoses": [{}]},
    {**VERDICT, "findings": [{"id": HOSTILE, "message": HOSTILE, "severity": "risk"}]},
    {**VERDICT, "browsers": {HOSTILE: {"outcome": HOSTILE, "error": HOSTILE}}},
    {**VERDICT, "id": HOSTILE, "delivered": {"rule": HOSTILE, "edits": 7, "dry_run": False}},
    {**VERDICT, "method": "A" * 1_000_000, "url": "u" * 1_000_000},
]


def past_the_hooks(subject: http.HTTPFlow) -> http.HTTPFlow:
    """Load a flow as ``view.flows.load`` does: without a hook of any addon, and as another flow."""
    copied: http.HTTPFlow = saved_and_loaded(subject).copy()
    return copied


@pytest.mark.parametrize("forged", FORGED, ids=range(len(FORGED)))
def test_what_a_file_says_of_a_verdict_is_not_shown(forged: Any) -> None:
    subject = cors_get(live=False)
    subject.metadata = {"cors": forged, "cors.outcome": [HOSTILE], "cors.server": [HOSTILE], "cors.rule": 7}
    with proxy() as running:
        loaded = past_the_hooks(subject)
        text = text_for(loaded)
        assert text.startswith("BLOCKED  GET http://api.test/items")
        assert all(char == "\n" or char.isprintable() for char in text)
        assert loaded.metadata["cors.outcome"] == "blocked"
        assert "cors.rule" not in loaded.metadata
        rows = running.addon.commands.rules_suggest([past_the_hooks(subject)])
        assert any("api.test" in row[0] for row in rows)


@pytest.mark.parametrize("hooks", [True, False], ids=["-r", "view.flows.load"])
def test_nor_once_the_user_reverts_a_flow_of_a_file(hooks: bool) -> None:
    """A file holds the state before an edit too."""
    same_origin = ("Origin: http://api.test", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors")
    subject = make_flow(*same_origin, method="POST", response=make_response(200), live=False)
    subject.metadata = {"cors": {**VERDICT, "id": subject.id}, "cors.server": 7}
    subject.backup()
    subject.metadata = {}
    subject.comment = "edited"
    with proxy() as running:
        loaded = running.send(saved_and_loaded(subject)) if hooks else past_the_hooks(subject)
        assert text_for(loaded).startswith("No CORS check applies")
        assert loaded.modified()
        loaded.revert()
        assert text_for(loaded).startswith("No CORS check applies")


@pytest.mark.parametrize("make", [tflow.ttcpflow, tflow.tudpflow, tflow.tdnsflow, tflow.twebsocketflow])
def test_nor_on_a_flow_of_another_kind(make: Any) -> None:
    subject = make()
    subject.live = False
    subject.metadata = {"cors": VERDICT}
    with proxy() as running:
        assert text_for(subject).startswith("No CORS check applies")
        assert priority_for(b"", subject) < 0
        assert running.addon.commands.rules_suggest([subject])[1:] == [
            ["# none of these flows is blocked, so no rule is needed"]
        ]


def test_what_came_past_the_hooks_is_judged_once_somebody_looks() -> None:
    with proxy() as running:
        asked = past_the_hooks(preflight(status=403, live=False))
        plain = past_the_hooks(make_flow(response=make_response(200), live=False))
        assert "BLOCKED  PUT http://api.test/items" in text_for(asked)
        assert text_for(plain).startswith("No CORS check applies")
        assert [flow["id"] for flow in running.report()["flows"]] == [asked.id]
        assert (plain.metadata, plain.marked) == ({}, "")


def test_very_many_of_them_hold_nothing_up() -> None:
    with proxy() as running:
        many = [past_the_hooks(cors_get(live=False)) for _ in range(60)]
        with pytest.raises(
            exceptions.CommandError,
            match=r"Choose fewer; the addon judges all of a file that mitmproxy's option -r opens",
        ):
            running.addon.commands.rules_add(many)


def test_a_copy_is_judged_as_what_it_was_copied_from_until_it_is_sent() -> None:
    with proxy() as running:
        blocked = running.send(cors_get())
        copied: http.HTTPFlow = blocked.copy()
        assert text_for(copied) == text_for(blocked)
        assert len(running.report()["flows"]) == 1
        copied.is_replay = "request"
        copied.live = True
        copied.response = make_response(200, "Access-Control-Allow-Origin: *")
        running.send(copied)
        assert "BLOCKED" not in text_for(copied)
        assert "BLOCKED" in text_for(blocked)


@pytest.mark.parametrize("hooks", [True, False], ids=["-r", "view.flows.load"])
def test_a_flow_that_a_rule_changed_is_judged_by_what_the_server_sent(hooks: bool) -> None:
    with injecting() as running:
        subject = call("Access-Control-Allow-Origin: http://other.test")
        passed(running, subject)
        before = text_for(subject)
        subject.live = False
        loaded = saved_and_loaded(subject) if hooks else past_the_hooks(subject)
    with proxy() as later:
        if hooks:
            later.send(loaded)
        assert text_for(loaded) == before
        assert loaded.metadata["cors.outcome"] == "blocked"
        assert loaded.metadata["cors.server"] == subject.metadata["cors.server"]
        assert later.addon.reporting.report().debts


def test_a_flow_whose_saved_verdict_says_nothing_now_was_not_cleared() -> None:
    subject = make_flow(response=make_response(200), live=False)
    subject.metadata = {"cors": VERDICT}
    with proxy() as running:
        assert text_for(running.send(saved_and_loaded(subject))).startswith("No CORS check applies")


# --- edited, reverted, killed -----------------------------------------------------------------------------------------


def test_the_view_explains_the_response_that_the_flow_holds_now() -> None:
    """Front ends edit and revert flows without telling addons."""
    with proxy() as running:
        blocked = running.send(cors_get())
        blocked.live = False
        blocked.backup()
        assert blocked.response is not None
        blocked.response.headers["Access-Control-Allow-Origin"] = "*"
        assert text_for(blocked).startswith("ALLOWED")
        assert (blocked.marked, blocked.comment) == ("", "")
        blocked.revert()
        assert text_for(blocked).startswith("BLOCKED")
        assert blocked.marked == ":x:"
        assert blocked.metadata["cors.outcome"] == "blocked"


@pytest.mark.parametrize(
    "line",
    [
        f"Access-Control-Allow-Origin: {'x' * 9_000}",
        f"Access-Control-Allow-Headers: {', '.join(f'x-{number}' for number in range(9_000))}",
        (b"Access-Control-Allow-Origin", b" \xff\t"),
        (b"", b"x"),
        f"{'X' * 9_000}: 1",
    ],
    ids=["long value", "long list", "bytes", "no name", "long name"],
)
@pytest.mark.parametrize("times", [1, 1_500])
def test_looking_is_no_edit(line: str | tuple[bytes, bytes], times: int) -> None:
    """Else each look would be news, which front ends look at."""
    with proxy() as running:
        subject = running.send(cors_get(*[line] * times))
        subject.live = False
        running.turn()
        before = text_for(subject)
        told = len(running.updated)
        assert text_for(subject) == before
        running.turn()
        assert len(running.updated) == told


def test_what_is_on_its_way_is_not_judged_to_choose_a_view() -> None:
    """mitmdump asks in its hook, for each body that it prints."""
    with proxy():
        subject = cors_get()
        assert priority_for(b"{}", subject, subject.response) < 0
        assert "cors" not in subject.metadata
        subject.live = False
        assert priority_for(b"{}", subject, subject.response) > 1


def test_a_request_that_is_mapped_elsewhere_is_judged_as_the_browser_sent_it() -> None:
    with proxy() as running:
        blocked = running.send(cors_get())
        blocked.live = False
        before = text_for(blocked)
        blocked.request.headers["Origin"] = "http://elsewhere.test"
        blocked.request.host = "elsewhere.test"
        assert text_for(blocked) == before


def test_a_flow_that_is_killed_while_it_is_held_says_so() -> None:
    with proxy() as running:
        held = running.send(cors_get())
        held.kill()
        text = text_for(held)
        assert "killed in the proxy by its user or an addon" in " ".join(text.split())
        assert "In mitmproxy" in text
        assert "no response" in held.comment


# --- changed before it came, or after our own hook --------------------------------------------------------------------


def test_a_response_that_a_rule_changed_elsewhere_says_so() -> None:
    """As behind a second proxy with the addon, or from a recording that was made while injection was on."""
    lines = ("Access-Control-Allow-Origin: http://app.test", "X-Cors-Addon: other rule")
    with proxy() as running:
        subject = running.send(cors_get(*lines))
        text = " ".join(text_for(subject).split())
        assert 'rule "other rule" of cors-addon changed this response' in text
        assert "x-cors-addon" not in subject.metadata["cors.findings"] + subject.comment
        assert "header-not-exposed" not in text, "no page wants to read it"


def test_what_an_addon_changes_after_our_hook_is_judged_with_the_next_turn() -> None:
    with proxy() as running:
        subject = cors_get()
        running.send(subject)
        assert subject.marked == ":x:"
        assert subject.response is not None
        subject.response.headers["Access-Control-Allow-Origin"] = "http://app.test"
        running.turn()
        assert (subject.marked, subject.metadata["cors.outcome"]) == ("", "allowed")


def test_a_replay_that_is_reverted_is_judged_by_what_the_server_sent_again() -> None:
    with injecting() as running:
        subject = call()
        passed(running, subject)
        subject.live = False
        before, subject.is_replay = text_for(subject), "request"
        subject.backup()
        subject.live, subject.response = True, make_response(200)
        running.send(subject)
        subject.live = False
        assert "delivered" not in text_for(subject)
        subject.revert()
        assert text_for(subject) == before
        assert subject.metadata["cors.outcome"] == "blocked"
