"""The addon over whole flows: what it logs, revises, forgets, and that no fault of its own reaches the traffic."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mitmproxy import http
from mitmproxy.flow import Error

from cors_addon.fetch.headers import HeaderList
from cors_addon.fetch.resource_policy import is_blocked_by_nosniff
from cors_addon.mitm import flows, verdict_store
from cors_addon.mitm.addon import CorsAddon
from cors_addon.traffic.bounded_dicts import Remembered
from tests.mitm.support import (
    API,
    APP,
    Proxy,
    cors_get,
    logged,
    make_flow,
    make_response,
    on_the_wire,
    preflight,
    proxy,
    saved_and_loaded,
)

ALLOWED = "Access-Control-Allow-Origin: *"


def put(*answer: str, at: float = 1000.4, live: bool = True) -> http.HTTPFlow:
    """Build the request that a preflight for PUT asks for."""
    return make_flow(f"Origin: {APP}", method="PUT", at=at, response=make_response(200, *answer), live=live)


# --- the log ------------------------------------------------------------------------------------------------------


def test_each_kind_of_finding_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        for number in range(5):
            running.send(cors_get(url=f"http://api.test/items/{number}", at=1000.0 + number))
        assert logged(caplog) == [
            "CORS blocked: No Access-Control-Allow-Origin in the response to http://app.test [allow-origin-missing] "
            "GET http://api.test/items/0 from http://app.test. Fix: On the server api.test: Add these response headers:"
            " Access-Control-Allow-Origin: http://app.test | Vary: Origin (cors-fb42a75)"
        ]
        running.send(cors_get(url="http://other.test/", at=1006.0))
        assert len(logged(caplog)) == 2, "another host is another kind"
        running.send(cors_get(origin="http://admin.test", at=1007.0))
        assert len(logged(caplog)) == 3, "another page too"
        running.send(cors_get("Access-Control-Allow-Origin: http://a.test", at=1008.0))
        assert len(logged(caplog)) == 4, "another finding too"


def test_a_kind_that_reads_otherwise_each_time_is_logged_a_few_times(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        for number in range(50):
            running.send(cors_get(f"Access-Control-Allow-Origin: http://{number}.test", at=1000.0 + number))
        blocked = [line for line in logged(caplog) if line.startswith("CORS blocked")]
        assert len(blocked) == 5


def test_levels_say_how_bad_it_is(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(cors_get())
        running.send(cors_get(ALLOWED, "Access-Control-Expose-Headers: a b", at=1001.0))
        running.send(cors_get(ALLOWED, "X-Total: 1", url="http://hidden.test/", at=1002.0))
        records = list(caplog.records)
    levels = {r.getMessage().split("[")[1].split("]")[0]: r.levelname for r in records if "[" in r.getMessage()}
    assert levels["allow-origin-missing"] == "WARNING"
    assert levels["expose-headers-invalid"] == "INFO"
    assert "header-not-exposed" not in levels, "notes without consequence are for the report"


def test_no_finding_is_an_error_for_mitmproxy_would_not_start(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        at = 1000.0
        for status in (200, 204, 301, 404, 500):
            for answer in ((), (ALLOWED,), ("Access-Control-Allow-Origin: nonsense",)):
                running.send(cors_get(*answer, status=status, at=at), preflight(*answer, status=status, at=at + 1))
                at += 5
        failed = make_flow(f"Origin: {APP}", at=at)
        failed.error = Error("server closed connection")
        running.send(failed)
    assert logged(caplog, logging.ERROR) == []
    assert len(logged(caplog, logging.WARNING)) > 3


def test_an_allowed_flow_is_not_worth_a_line(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(cors_get(ALLOWED))
        assert logged(caplog) == []


def test_the_summary_at_the_end_groups_what_to_fix(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        for number in range(3):
            running.send(cors_get(url=f"http://api.test/items/{number}", at=1000.0 + number))
        running.send(cors_get(ALLOWED, url="http://api.test/others", at=1005.0))
        caplog.clear()
    lines = logged(caplog)
    assert lines[0] == "CORS: 4 flows judged: 1 allowed, 3 blocked"
    assert lines[1].startswith("  blocked GET http://api.test/items/{id} from http://app.test, 3 requests: No Access")
    assert any(line.startswith("    fix       On the server api.test: ") for line in lines)


def test_without_a_cors_flow_there_is_nothing_to_sum_up(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(make_flow(response=make_response(200)))
        running.send(make_flow("Origin: http://api.test", method="POST", response=make_response(200)))
    assert logged(caplog) == []


# --- counting -----------------------------------------------------------------------------------------------------


def test_the_report_counts_each_flow_once() -> None:
    with proxy() as running:
        running.send(cors_get(), cors_get(ALLOWED, at=1001.0))
        running.send(make_flow(f"Origin: {APP}", at=1002.0), make_flow(at=1003.0))
        own = "Origin: http://api.test", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: same-origin"
        for number in range(3):
            same = make_flow(*own, response=make_response(200), at=1004.0 + number)
            running.hook("requestheaders", same)
            running.hook("responseheaders", same)
            assert same.response is not None
            same.response.headers["x-added"] = "later"
            running.hook("response", same)
        summary = running.report()["summary"]
        assert summary["outcomes"] == {"allowed": 1, "blocked": 1, "conditional": 0, "not-cors": 3, "unknown": 0}
        assert summary["flows"] == 5
        assert summary["dropped"] == 0


def test_memory_is_bounded_and_the_report_says_what_was_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verdict_store, "KEPT_VERDICTS", 5)
    with proxy() as running:
        for number in range(12):
            running.send(cors_get(at=1000.0 + number))
        report = running.report()
        assert len(report["flows"]) == 5
        assert report["summary"]["flows"] == 12
        assert report["summary"]["dropped"] == 7


def test_nothing_is_remembered_of_a_flow_in_flight_once_it_is_done() -> None:
    with proxy() as running:
        for number in range(30):
            at = 1000.0 + number
            failed = make_flow(f"Origin: {APP}", "Cookie: a=b", at=at)
            failed.error = Error("server closed connection")
            silent = make_flow("Cookie: a=b", at=at)
            silent.error = Error("server closed connection")
            running.send(cors_get(at=at), failed, silent, make_flow("Cookie: a=b", response=make_response(200), at=at))
        assert len(running.addon._open) == 0


def test_every_store_has_a_cap() -> None:
    addon = CorsAddon()
    for holder in (addon, addon.kept):
        stores = [name for name, value in vars(holder).items() if isinstance(value, dict)]
        assert stores
        for name in stores:
            assert isinstance(vars(holder)[name], Remembered), f"{name} may grow for ever"


def test_flows_are_not_kept_alive() -> None:
    with proxy() as running:
        running.send(cors_get())
        running.turn()
        running.updated.clear()
        gc.collect()
        assert len(running.addon.kept._flows) == 0


# --- what costs next to nothing -----------------------------------------------------------------------------------

_METADATA = ("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: image", f"Referer: {APP}/")


@pytest.mark.parametrize(
    ("judged", "asked", "answer", "reason"),
    [
        (0, (), ("Content-Type: image/png",), "nothing holds back an image"),
        (1, (), ("Content-Type: image/png", "Cross-Origin-Resource-Policy: same-origin"), "unless its server does"),
        (0, (), ("Content-Type: image/png", "X-Content-Type-Options: nosniff"), "an image need not be sniffed"),
        (1, (), ("Content-Type: text/css", "X-Content-Type-Options: nosniff"), "a style sheet in place of an image"),
        (1, (), ("Content-Type: image/png", "Content-Type: text/html"), "which of them it is"),
        (1, (), ("Content-Type: text/html",), "a page in place of an image"),
        (1, (), (), "no type at all"),
        (1, ("Sec-Fetch-Storage-Access: active",), ("Content-Type: image/png",), "it tells of credentials"),
    ],
)
def test_images_and_the_like(judged: int, asked: tuple[str, ...], answer: tuple[str, ...], reason: str) -> None:
    with proxy() as running:
        running.send(make_flow(*_METADATA, *asked, response=make_response(200, *answer)))
        assert running.addon.kept.judged == judged, reason


@pytest.mark.parametrize("nosniff", ["nosniff", "NoSniff", "nosniff, x", "x", None])
@pytest.mark.parametrize(
    "kind", ["text/css", "text/css ; a=b", "text/cssx", "text/javascript", "image/png", "font/x", ""]
)
@pytest.mark.parametrize("destination", ["style", "script", "worker", "image", "font", "video", "object", ""])
def test_nothing_that_nosniff_holds_back_is_passed_over(destination: str, kind: str, nosniff: str | None) -> None:
    answer = [f"Content-Type: {kind}", *([f"X-Content-Type-Options: {nosniff}"] if nosniff is not None else [])]
    asked = ("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: same-origin", f"Sec-Fetch-Dest: {destination}")
    flow = make_flow(*asked, response=make_response(200, *answer))
    flow.server_conn.peername = ("192.0.2.1", 80)
    headers = HeaderList.from_bytes(flow.response.headers.fields)
    seen = flows.without_a_word(flow)
    seen.answer()
    assert not (flows.is_harmless(seen) and is_blocked_by_nosniff(destination, headers))


@pytest.mark.parametrize(
    ("destination", "kind"),
    [("style", "text/css; charset=utf-8"), ("script", "text/javascript"), ("image", "image/png")],
)
def test_what_nosniff_lets_pass_costs_next_to_nothing(destination: str, kind: str) -> None:
    asked = ("Sec-Fetch-Mode: no-cors", "Sec-Fetch-Site: same-origin", f"Sec-Fetch-Dest: {destination}")
    answer = (f"Content-Type: {kind}", "X-Content-Type-Options: nosniff")
    with proxy() as running:
        running.send(make_flow(*asked, response=make_response(200, *answer)))
        assert running.addon.kept.judged == 0


def test_an_image_of_a_page_with_an_embedder_policy() -> None:
    page = ("Accept: text/html", "Sec-Fetch-Mode: navigate", "Sec-Fetch-Site: none", "Sec-Fetch-Dest: document")
    policy = "Cross-Origin-Embedder-Policy: require-corp"
    with proxy() as running:
        running.send(make_flow(*page, url=f"{APP}/", response=make_response(200, policy)))
        image = running.send(make_flow(*_METADATA, at=1002, response=make_response(200, "Content-Type: image/png")))
        assert image.metadata["cors.findings"] == "corp-coep"


def test_an_image_in_the_local_network() -> None:
    with proxy() as running:
        image = make_flow(*_METADATA, response=make_response(200, "Content-Type: image/png"))
        image.server_conn.peername = ("10.0.0.7", 80)
        running.send(image)
        assert running.addon.kept.judged == 1


# --- revisions ----------------------------------------------------------------------------------------------------


def test_an_earlier_verdict_is_revised_and_front_ends_are_told() -> None:
    with proxy() as running:
        ask = running.send(preflight(ALLOWED, "Access-Control-Allow-Methods: *"))
        first = ask.metadata["cors.outcome"]
        running.turn()
        assert running.updated == [[ask]]
        running.updated.clear()
        later = running.send(cors_get(ALLOWED, url="http://api.test/others", at=1009.0))
        assert running.updated == []
        running.look()
        assert (first, ask.metadata["cors.outcome"]) == ("allowed", "conditional")
        assert running.updated == [[later, ask]]
        assert running.verdict(ask)["outcome"] == "conditional", "in the report too"


def test_a_preflight_is_tied_to_the_request_that_follows() -> None:
    with proxy() as running:
        ask = running.send(preflight(ALLOWED, "Access-Control-Allow-Methods: PUT"))
        assert ask.metadata["cors"]["related"]["request"] is None
        follow = running.send(put(ALLOWED))
        running.look()
        assert ask.metadata["cors"]["related"]["request"] == follow.id
        assert follow.metadata["cors"]["related"]["preflight"] == ask.id


def test_much_evidence_costs_one_revision() -> None:
    with proxy() as running:
        ask = running.send(preflight(ALLOWED, "Access-Control-Allow-Methods: PUT", "Access-Control-Max-Age: 600"))
        running.turn()
        running.updated.clear()
        sent = [put(ALLOWED, at=1001.0 + number) for number in range(5)]
        running.send(*sent)
        assert running.updated == []
        running.look()
        assert running.updated == [[*sent, ask]]
        assert "its grant served 5 requests" in ask.metadata["cors"]["notes"]


def test_that_evidence_has_other_examples_is_no_news() -> None:
    with proxy() as running:
        granted = f"{ALLOWED}\nAccess-Control-Allow-Credentials: true".split("\n")
        shown = [cors_get(*granted, url=f"http://api.test/{number}", at=1000.0 + number) for number in range(2)]
        running.send(*shown)
        blocked = running.send(cors_get(url="http://api.test/none", at=1002.0))
        running.look()
        (evidence,) = blocked.metadata["cors"]["credentials"]["evidence"]
        assert evidence["flow"] == shown[0].id
        running.updated.clear()
        running.addon.session.correlator.forget(shown[0].id)
        assert running.addon.kept.revise([blocked.id]) == []
        (evidence,) = running.verdict(blocked)["credentials"]["evidence"]
        assert evidence["flow"] == shown[0].id


def test_a_request_whose_answer_takes_long_counts_before_it_is_there() -> None:
    """A request that is on its way shows that the browser went on after the preflight."""
    with proxy() as running:
        ask = running.send(preflight(ALLOWED, "Access-Control-Allow-Methods: PUT"))
        waits = put(ALLOWED)
        answer, waits.response = waits.response, None
        running.hook("requestheaders", waits)
        running.look()
        running.look()
        assert ask.metadata["cors"]["related"]["request"] == waits.id
        waits.response = answer
        running.hook("responseheaders", waits)
        running.hook("response", waits)
        assert waits.metadata["cors.outcome"] == "allowed"


def test_what_is_read_from_a_file_is_judged_again_before_it_is_forgotten() -> None:
    """An hour later the session knows nothing of it any more."""
    with proxy() as running:
        ask = running.send(preflight(ALLOWED, "Access-Control-Allow-Methods: PUT", live=False))
        follow = running.send(put(ALLOWED, live=False))
        running.send(cors_get(ALLOWED, at=9000.0, live=False))
        assert running.verdict(ask)["related"]["request"] == follow.id


def test_a_flow_deleted_while_its_preflight_waits() -> None:
    with proxy() as running:
        ask = running.send(preflight(ALLOWED, "Access-Control-Allow-Methods: *"))
        identity = ask.id
        running.turn()
        running.updated.clear()
        del ask
        gc.collect()
        running.send(cors_get(ALLOWED, url="http://api.test/others", at=1009.0))
        (entry,) = [entry for entry in running.addon.reporting.report().flows if entry["id"] == identity]
        assert entry["outcome"] == "conditional", "revised although the flow is gone"
        assert identity not in [each.id for told in running.updated for each in told]


def test_the_end_revises_too(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        ask = running.send(preflight(ALLOWED, "Access-Control-Allow-Methods: *"))
        running.send(cors_get(ALLOWED, url="http://api.test/others", at=1001.9))
        assert ask.metadata["cors.outcome"] == "allowed"
    assert ask.metadata["cors.outcome"] == "conditional", "no request came, and none will"
    assert any("1 allowed, 1 conditional" in line for line in logged(caplog))


# --- what others do to a flow -------------------------------------------------------------------------------------


def stepwise(
    running: Proxy,
    flow: http.HTTPFlow,
    answer: http.Response,
    **between: Callable[[], None],
) -> dict[str, Any]:
    """Send a flow through the hooks, with other addons at work right after a hook; return the verdict."""
    for hook in ("requestheaders", "responseheaders", "response"):
        if hook == "responseheaders" and flow.response is None:
            flow.response = answer
        running.hook(hook, flow)
        between.get(hook, lambda: None)()
    verdict: dict[str, Any] = flow.metadata["cors"]
    return verdict


def test_a_request_mapped_elsewhere_is_judged_as_the_browser_made_it() -> None:
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}")

        def map_remote() -> None:
            flow.request.url = "http://backend.internal:9000/v2/items"
            flow.request.headers["host"] = "backend.internal:9000"

        verdict = stepwise(running, flow, make_response(200), requestheaders=map_remote)
        assert verdict["url"] == API


def test_request_headers_changed_after_us_are_not_the_browsers() -> None:
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}")

        def modify_headers() -> None:
            flow.request.headers["origin"] = "http://other.test"

        answer = make_response(200, f"Access-Control-Allow-Origin: {APP}")
        assert stepwise(running, flow, answer, requestheaders=modify_headers)["outcome"] == "allowed"


def test_request_headers_taken_before_us_are_all_we_know() -> None:
    with proxy() as running:
        flow = make_flow("Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site", response=make_response(200))
        running.send(flow)
        assert flow.metadata == {}


def test_a_response_from_a_file_is_judged_like_a_servers() -> None:
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}")
        flow.server_conn.timestamp_start = None
        verdict = stepwise(running, flow, make_response(200))
        assert verdict["outcome"] == "blocked"


def test_headers_that_another_addon_adds_count() -> None:
    with proxy() as running:
        flow, answer = make_flow(f"Origin: {APP}"), make_response(200)
        verdict = stepwise(
            running, flow, answer, responseheaders=lambda: answer.headers.update({"Access-Control-Allow-Origin": "*"})
        )
        assert verdict["outcome"] == "allowed"
        assert (flow.marked, flow.comment) == ("", "")


def test_a_response_that_another_addon_puts_in_place_counts() -> None:
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}")

        def replace() -> None:
            flow.response = make_response(200, ALLOWED)

        assert stepwise(running, flow, make_response(500), responseheaders=replace)["outcome"] == "allowed"


def test_a_response_set_before_any_server_was_asked() -> None:
    """As map_local or another script does in ``request``: the response is there when its headers are announced."""
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}")

        def answer() -> None:
            flow.response = make_response(200, ALLOWED)

        assert stepwise(running, flow, make_response(500), requestheaders=answer)["outcome"] == "allowed"


def test_a_response_edited_while_it_is_held_back_is_judged_again() -> None:
    """Neither mitmweb nor the console tells addons what was edited."""
    with proxy() as running:
        flow = running.send(cors_get())
        flow.intercept()
        running.turn()
        running.look()
        assert flow.metadata["cors.outcome"] == "blocked", "nothing was changed yet"
        assert flow.response is not None
        flow.response.headers["Access-Control-Allow-Origin"] = "*"
        running.updated.clear()
        running.look()
        assert flow.metadata["cors.outcome"] == "allowed"
        assert flow.marked == ""
        assert running.updated == [[flow]], "front ends show it"
        flow.response.status_code = 103
        running.look()
        assert flow.metadata["cors.outcome"] == "unknown"


def test_the_last_edit_before_a_flow_goes_on_is_judged() -> None:
    with proxy() as running:
        flow = running.send(cors_get())
        flow.intercept()
        running.turn()
        assert flow.response is not None
        flow.response.headers["Access-Control-Allow-Origin"] = "*"
        flow.resume()
        running.turn()
        running.look()
        assert flow.metadata["cors.outcome"] == "allowed"
        flow.response.headers["Access-Control-Allow-Origin"] = "http://other.test"
        running.look()
        assert flow.metadata["cors.outcome"] == "allowed", "the browser has it"


def test_a_response_edited_after_the_browser_has_it_changes_nothing() -> None:
    with proxy() as running:
        flow = running.send(cors_get())
        assert flow.response is not None
        running.turn()
        flow.response.headers["Access-Control-Allow-Origin"] = "*"
        running.look()
        assert flow.metadata["cors.outcome"] == "blocked"


def test_a_request_held_back_has_nothing_to_judge() -> None:
    with proxy() as running:
        flow = make_flow(f"Origin: {APP}")
        running.hook("requestheaders", flow)
        flow.intercept()
        running.turn()
        running.look()
        assert flow.metadata == {}


def test_a_replay_starts_anew() -> None:
    with proxy() as running:
        flow = running.send(cors_get())
        flow.is_replay = "request"
        flow.response = None
        running.hook("requestheaders", flow)
        assert (flow.metadata, flow.marked, flow.comment) == ({}, "", ""), "no verdict while there is no answer"
        flow.response = make_response(200, ALLOWED)
        running.hook("responseheaders", flow)
        running.hook("response", flow)
        assert flow.metadata["cors.outcome"] == "allowed"
        assert running.report()["summary"]["outcomes"]["allowed"] == 1
        assert running.report()["summary"]["flows"] == 1


def test_a_replay_without_origin_leaves_no_verdict_behind() -> None:
    with proxy() as running:
        flow = running.send(cors_get())
        flow.is_replay = "request"
        del flow.request.headers["origin"]
        running.send(flow)
        assert (flow.metadata, flow.marked, flow.comment) == ({}, "", "")
        assert running.report()["flows"] == ()


def test_a_saved_flow_is_judged_by_what_it_holds_now() -> None:
    with proxy() as running:
        flow = saved_and_loaded(running.send(cors_get()))
    assert flow.marked == ":x:"
    flow.response = make_response(200, ALLOWED)
    with proxy() as later:
        later.send(flow)
        assert (flow.metadata["cors.outcome"], flow.marked, flow.comment) == ("allowed", "", "")


# --- options ------------------------------------------------------------------------------------------------------

IGNORED = [
    ("everywhere", "allow-origin-missing", True),
    ("at a host", "allow-origin-missing@api.test:8443", True),
    ("at a host whatever its port", "allow-origin-missing@api.test", True),
    ("whatever its case", "allow-origin-missing@API.test", True),
    ("at every host of a domain", "allow-origin-missing@*.test", True),
    ("one letter", "allow-origin-missing@ap?.test", True),
    ("at another host", "allow-origin-missing@other.test", False),
    ("at another port", "allow-origin-missing@api.test:80", False),
    ("another id", "network-error", False),
]


@pytest.mark.parametrize(("given", "gone"), [row[1:] for row in IGNORED], ids=[row[0] for row in IGNORED])
def test_findings_that_the_user_ignores_are_not_shown(given: str, gone: bool, caplog: pytest.LogCaptureFixture) -> None:
    with proxy(cors_ignore=[given]) as running:
        flow = running.send(cors_get(url="https://api.test:8443/items"))
        assert flow.metadata["cors.outcome"] == "blocked", "the browser does not ignore it"
        assert (flow.marked, flow.comment == "") == (("", True) if gone else (":x:", False))
        assert (flow.metadata["cors.findings"] == "") is gone
        assert (logged(caplog) == []) is gone


def test_what_is_ignored_and_known_may_change_and_the_report_says_which(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    with proxy() as running:
        flow = running.send(cors_get())
        running.configure(cors_ignore=["allow-origin-missing # mended in May"])
        assert (flow.marked, flow.comment, flow.metadata["cors.findings"]) == ("", "", "")
        assert running.updated[-1] == [flow]
        report = running.addon.reporting.report()
        assert (report.groups, [group["reason"] for group in report.ignored]) == ((), ["mended in May"])
        running.configure(cors_ignore=[])
        assert flow.marked == ":x:"
        (group,) = running.addon.reporting.report().groups
        assert not group["known"]
        call_report(running, known)
        running.configure(cors_baseline=str(known))
        assert flow.comment.startswith("CORS: no Allow-Origin · blocked, known: ")
        (group,) = running.addon.reporting.report().groups
        assert group["known"]
        running.configure(cors_baseline="")
        assert flow.comment.startswith("CORS: no Allow-Origin · blocked: ")


def call_report(running: Proxy, path: Path) -> None:
    running.context.master.commands.call_strings("cors.report", [str(path)])


@pytest.mark.parametrize("host", ["[2001:db8::1]", "[2001:db8::1]:8443"])
def test_an_ipv6_address_can_be_ignored_by_name(host: str) -> None:
    with proxy(cors_ignore=["allow-origin-missing@[2001:db8::1]"]) as running:
        flow = cors_get(url=f"https://{host}/")
        flow.request.headers["host"] = host
        assert running.send(flow).metadata["cors.findings"] == ""


def test_without_audit_only_what_browsers_block_is_reported() -> None:
    answer = (ALLOWED, "Access-Control-Allow-Credentials: true", "Access-Control-Expose-Headers: a b")
    with proxy() as running:
        audited = running.send(cors_get(*answer))
        assert audited.metadata["cors.findings"] == "allow-credentials-with-wildcard expose-headers-invalid"
    with proxy(cors_audit=False) as running:
        flow = running.send(cors_get(*answer))
        assert (flow.metadata["cors.outcome"], flow.metadata["cors.findings"]) == ("allowed", "")
    with proxy(cors_audit=False) as running:
        assert running.send(cors_get()).metadata["cors.findings"] == "allow-origin-missing"


# --- clear --------------------------------------------------------------------------------------------------------


def test_clear_forgets_and_takes_everything_off_the_flows() -> None:
    with proxy() as running:
        flows = [running.send(cors_get(at=1000.0 + number)) for number in range(3)]
        running.updated.clear()
        running.addon.clear()
        assert running.report()["summary"]["flows"] == 0
        assert [(flow.metadata, flow.marked, flow.comment) for flow in flows] == [({}, "", "")] * 3
        assert running.updated == [flows]


def test_after_clear_findings_are_told_again(caplog: pytest.LogCaptureFixture) -> None:
    with proxy() as running:
        running.send(cors_get())
        running.addon.clear()
        caplog.clear()
        running.send(cors_get(at=1001.0))
        assert len(logged(caplog)) == 1


def test_a_flow_under_way_while_everything_is_cleared() -> None:
    with proxy() as running:
        flow = cors_get()
        running.hook("requestheaders", flow)
        running.addon.clear()
        running.hook("responseheaders", flow)
        running.hook("response", flow)
        assert flow.metadata["cors.outcome"] == "blocked"


# --- faults of our own --------------------------------------------------------------------------------------------

PARTS = [
    "flows.glance",
    "flows.Seen.answer",
    "flows.Seen.read",
    "flows.host_of",
    "addon.display.show",
    "log_messages.log_line",
]


def broken(*_: object, **__: object) -> object:
    raise ZeroDivisionError("planted")


@pytest.mark.parametrize("part", PARTS)
def test_a_fault_in_any_part_leaves_the_flow_alone(
    part: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with proxy() as running:
        monkeypatch.setattr(f"cors_addon.mitm.{part}", broken)
        flow = cors_get()
        before = on_the_wire(flow)
        running.send(flow)
        assert on_the_wire(flow) == before
        assert flow.error is None
        lines = logged(caplog, logging.WARNING)
        assert any(flow.id in line and "planted" in line and "ZeroDivisionError" in line for line in lines)
        count = len(lines)
        for number in range(5):
            running.send(cors_get(at=1005.0 + number))
        assert len(logged(caplog, logging.WARNING)) == count, "the same fault is not told again"
        assert logged(caplog, logging.ERROR) == []
        monkeypatch.undo()
        assert running.send(cors_get(at=1050.0)).metadata["cors.outcome"] == "blocked", "and the next flow is judged"


@pytest.mark.parametrize("method", ["take_in", "judge", "finish"])
def test_a_fault_in_judging_leaves_the_flow_alone(
    method: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with proxy() as running:
        monkeypatch.setattr(running.addon.session, method, broken)
        flows = [preflight(ALLOWED, "Access-Control-Allow-Methods: *"), put(), cors_get(at=1009.0)]
        before = [on_the_wire(flow) for flow in flows]
        running.send(*flows)
        assert [on_the_wire(flow) for flow in flows] == before
    faults = [line for line in logged(caplog, logging.WARNING) if "fault of its own" in line]
    assert len(faults) >= 1
    assert logged(caplog, logging.ERROR) == []


def test_a_report_is_written_although_the_last_revision_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "cors.json"
    with proxy(cors_report=[str(path)]) as running:
        running.send(cors_get())
        monkeypatch.setattr(running.addon.session, "finish", broken)
    assert "allow-origin-missing" in path.read_text()
    assert any("fault of its own in done" in line for line in logged(caplog, logging.WARNING))


def test_a_report_that_cannot_be_written_at_the_end_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any, caplog: pytest.LogCaptureFixture
) -> None:
    good, gone = tmp_path / "good.json", tmp_path / "folder" / "gone.json"
    gone.parent.mkdir()
    with proxy(cors_report=[str(gone), str(good)]) as running:
        running.send(cors_get())
        gone.parent.rmdir()
    assert good.exists(), "one that fails does not keep the other from being written"
    assert logged(caplog, logging.ERROR) == [f"cors_report={gone} could not be written: No such file or directory"]


def test_a_request_that_was_on_its_way_when_the_addon_was_loaded_is_judged() -> None:
    """As after a reload: the addon sees its response only."""
    with proxy() as running:
        under_way = cors_get()
        running.hook("responseheaders", under_way)
        running.hook("response", under_way)
        assert under_way.metadata["cors.outcome"] == "blocked"
