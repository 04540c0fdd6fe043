"""What a flow shows: the user's mark and comment stay the user's, and filters find what the verdict says."""

from __future__ import annotations

import pytest
from mitmproxy import flowfilter, http
from mitmproxy.utils import emoji

from cors_addon.catalogue import CATALOGUE
from cors_addon.catalogue.violation import Severity
from cors_addon.diagnosis.explanations import judge_all
from cors_addon.mitm import display
from cors_addon.traffic.transcript import parse_transcript
from tests.mitm.support import APP, Proxy, cors_get, make_flow, preflight, proxy, saved_and_loaded

ALLOWED = "Access-Control-Allow-Origin: *"
ADVISED = "Access-Control-Expose-Headers: a b"  # an advice: no list
BLOCKED_LINE = (
    "CORS: no Allow-Origin · blocked: "
    "No Access-Control-Allow-Origin in the response to http://app.test [allow-origin-missing]"
)


def answered(flow: http.HTTPFlow, running: Proxy, *lines: str) -> http.HTTPFlow:
    """Send a flow once more with other headers, as a replay does: the same flow object, the response anew."""
    again = cors_get(*lines)
    flow.response = again.response
    return running.send(flow)


# --- marks --------------------------------------------------------------------------------------------------------


def test_every_mark_is_an_emoji_that_mitmproxy_knows() -> None:
    for mark in (*display.MARKS.values(), display.INJECTED):
        assert mark in emoji.emoji
    assert len({*display.MARKS.values(), display.INJECTED}) == len(display.MARKS) + 1, "told apart at a glance"
    assert display.MARKS.keys() == set(Severity) - {Severity.INFO}


def test_a_flow_is_marked_by_its_worst_finding() -> None:
    with proxy() as running:
        assert running.send(cors_get()).marked == ":x:"
        assert running.send(cors_get(ALLOWED, ADVISED)).marked == ":bulb:"
        assert running.send(cors_get(ALLOWED)).marked == ""


@pytest.mark.parametrize(
    "mark", [":red_circle:", ":x:", ":bulb:", "x"], ids=["another", "ours", "ours too", "any text"]
)
def test_a_users_mark_is_never_overwritten(mark: str) -> None:
    with proxy() as running:
        flow = cors_get()
        flow.marked = mark
        assert running.send(flow).marked == mark
        assert answered(flow, running, ALLOWED, ADVISED).marked == mark
        assert answered(flow, running, ALLOWED).marked == mark
        running.addon.clear()
        assert flow.marked == mark


def test_our_mark_is_revised_and_removed() -> None:
    with proxy() as running:
        flow = running.send(cors_get())
        assert answered(flow, running, ALLOWED, ADVISED).marked == ":bulb:"
        assert answered(flow, running, ALLOWED).marked == ""
        assert answered(flow, running).marked == ":x:"


def test_a_mark_that_the_user_put_in_place_of_ours_stays() -> None:
    with proxy() as running:
        flow = running.send(cors_get())
        flow.marked = ":bulb:"
        running.addon.clear()
        assert flow.marked == ":bulb:", "although it is an emoji that we use too"


def test_a_mark_that_the_user_took_off_stays_off_while_the_verdict_is_revised() -> None:
    with proxy() as running:
        ask = running.send(preflight(ALLOWED, status=500))
        assert ask.marked == ":x:"
        ask.marked = ""
        follow = make_flow(f"Origin: {APP}", method="PUT", at=1000.4, response=cors_get(ALLOWED).response)
        running.send(follow)
        assert ask.marked == ""


def test_a_mark_is_known_as_ours_after_saving_and_loading() -> None:
    with proxy() as running:
        ours = running.send(cors_get())
        users = cors_get(at=1005.0)
        users.marked = ":x:"
        running.send(users)
    with proxy() as later:
        ours, users = saved_and_loaded(ours), saved_and_loaded(users)
        assert (ours.marked, users.marked) == (":x:", ":x:")
        for flow in (ours, users):
            flow.response = cors_get(ALLOWED).response
            later.send(flow)
        assert (ours.marked, users.marked) == ("", ":x:")


def test_without_the_option_nothing_is_marked() -> None:
    with proxy(cors_mark=False) as running:
        assert running.send(cors_get()).marked == ""


# --- the comment --------------------------------------------------------------------------------------------------

COMMENTS = [
    ("none", "", BLOCKED_LINE, ""),
    ("the user's", "look at this", f"{BLOCKED_LINE}\nlook at this", "look at this"),
    ("the user's lines", "one\n\n  two", f"{BLOCKED_LINE}\none\n\n  two", "one\n\n  two"),
    ("ours of an earlier run", "CORS: allowed", BLOCKED_LINE, ""),
    ("ours twice", "CORS: old\none\nCORS: older", f"{BLOCKED_LINE}\none", "one"),
    ("a word that begins alike", "CORS is hard", f"{BLOCKED_LINE}\nCORS is hard", "CORS is hard"),
    ("not at the beginning of a line", "see CORS: x", f"{BLOCKED_LINE}\nsee CORS: x", "see CORS: x"),
]


@pytest.mark.parametrize(
    ("before", "blocked", "allowed"), [row[1:] for row in COMMENTS], ids=[row[0] for row in COMMENTS]
)
def test_one_line_of_the_comment_is_ours(before: str, blocked: str, allowed: str) -> None:
    with proxy() as running:
        flow = cors_get()
        flow.comment = before
        assert running.send(flow).comment == blocked
        assert answered(flow, running).comment in (blocked, f"{BLOCKED_LINE}\n{allowed}".rstrip("\n")), "replaced"
        assert answered(flow, running, ALLOWED).comment == allowed


def test_a_revised_verdict_takes_the_place_of_its_line_and_leaves_what_the_user_wrote_around_it() -> None:
    grants = ("Access-Control-Allow-Origin: *", "Access-Control-Allow-Methods: *", "Access-Control-Max-Age: x")
    with proxy() as running:
        ask = running.send(preflight(*grants))
        line = ask.comment
        assert line.startswith("CORS: bad Max-Age · allowed: ")
        ask.comment = f"see ticket 7\n{line}\nask the backend team"
        # No request came after it, as if it had been made with credentials, which a wildcard does not cover.
        running.send(cors_get(ALLOWED, url="http://api.test/others", at=1009.0))
        running.look()
        before, revised, after = ask.comment.split("\n")
        assert (before, after) == ("see ticket 7", "ask the backend team")
        assert " · conditional: " in revised
        running.addon.clear()
        assert ask.comment == "see ticket 7\nask the backend team"


def test_the_line_is_one_line_whatever_the_messages_hold() -> None:
    with proxy() as running:
        flow = cors_get((b"Access-Control-Allow-Origin", b"http://a.test\r\n \x1b[31mred\xe2\x80\xae\x00"))
        (line,) = running.send(flow).comment.split("\n")
        assert line.isprintable()
        assert line.startswith("CORS: 2x Allow-Origin · blocked: ")


def test_one_failure_is_one_and_what_else_there_is_to_say_is_counted() -> None:
    with proxy() as running:
        flow = running.send(preflight(status=500))
        assert flow.comment.startswith("CORS: 500 on OPTIONS · blocked: The preflight got 500 and no Access-Control-")
        assert " more)" not in flow.comment
        assert flow.comment.count("\n") == 0


def test_without_the_option_the_comment_is_left_alone() -> None:
    with proxy(cors_comment=False) as running:
        flow = cors_get()
        flow.comment = "mine"
        assert running.send(flow).comment == "mine"


# --- metadata and filters -----------------------------------------------------------------------------------------


def test_metadata_is_plain_and_survives_saving() -> None:
    with proxy() as running:
        flow = running.send(cors_get((b"Access-Control-Allow-Origin", b"\xff\xfe"), url="http://api.test/caf%E9"))
        assert saved_and_loaded(flow).metadata == flow.metadata
        running.addon.verdict_of(flow)
        loaded = saved_and_loaded(flow)
        assert loaded.metadata == flow.metadata
        assert loaded.metadata["cors"].keys() - {"diagnoses"} == running.verdict(flow).keys(), (
            "the same as in the report"
        )
        for each in (loaded, flow.copy()):
            assert {type(value) for value in each.metadata.values()} == {dict, str}
        assert all(isinstance(value, (dict, str)) for value in flow.metadata.values())
        assert flow.metadata["cors.outcome"] == "blocked"
        assert flow.metadata["cors.findings"] == "allow-origin-invalid"
        assert flow.copy().metadata == flow.metadata


def test_an_allowed_flow_says_so_too() -> None:
    with proxy() as running:
        flow = running.send(cors_get(ALLOWED))
        assert flow.metadata["cors.outcome"] == "allowed"
        assert flow.metadata["cors.findings"] == ""
        assert (flow.marked, flow.comment) == ("", "")


def test_a_flow_that_cors_does_not_judge_carries_nothing() -> None:
    with proxy() as running:
        plain = running.send(make_flow(response=cors_get().response))
        own = make_flow("Origin: http://api.test", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: cors", method="POST")
        own.response = cors_get().response
        running.send(own)
        for flow in (plain, own):
            assert (flow.metadata, flow.marked, flow.comment) == ({}, "", "")


FILTERS = [
    ("~meta 'cors.outcome: blocked'", True, False),
    ("~meta 'cors.outcome: allowed'", False, True),
    ("~meta cors.outcome", True, True),
    ("~meta allow-origin-missing", True, False),
    ("~meta 'cors.findings: allow-origin-missing'", True, False),
    ("~meta expose-headers-invalid", False, True),
    ("~marker :x:", True, False),
    ("~marker :bulb:", False, True),
    ("~marked", True, True),
    ("~comment CORS", True, True),
    ("~comment blocked", True, False),
    ("~comment allow-origin-missing", True, False),
]


@pytest.mark.parametrize(("text", "blocked", "advised"), FILTERS, ids=[row[0] for row in FILTERS])
def test_filters_find_what_a_flow_shows(text: str, blocked: bool, advised: bool) -> None:
    with proxy() as running:
        bad, good = running.send(cors_get()), running.send(cors_get(ALLOWED, ADVISED, at=1005.0))
        other = running.send(make_flow(response=cors_get().response))
    matches = flowfilter.parse(text)
    assert matches is not None
    assert (bool(matches(bad)), bool(matches(good)), bool(matches(other))) == (blocked, advised, False)


@pytest.mark.parametrize("violation", CATALOGUE.values(), ids=CATALOGUE.keys())
def test_a_filter_for_an_id_finds_no_flow_that_lacks_it(violation) -> None:  # type: ignore[no-untyped-def]
    """``~meta ID`` looks into the whole verdict, so no text in it may name another violation by its id."""
    for verdict in judge_all(parse_transcript(violation.broken)).values():
        flow = make_flow()
        display.show(flow, verdict, True, True)
        found = {finding.id for finding in verdict.findings}
        for known in CATALOGUE:
            matches = flowfilter.parse(f"~meta {known}")
            assert matches is not None
            if matches(flow):
                assert any(known in one for one in found), f"{known} is named in a verdict with {sorted(found)}"


def test_plain_marks_need_no_emoji_font() -> None:
    with proxy(cors_mark_style="plain") as running:
        marks = [running.send(cors_get()).marked, running.send(preflight(status=401, at=1001.0)).marked]
        assert marks == [":heavy_multiplication_x:"] * 2
    assert all(ord(emoji.emoji[each]) < 0x2800 for each in (*display.PLAIN.values(), ":warning:"))
