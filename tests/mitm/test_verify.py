"""``cors.verify``: one request again, as it was, to hosts of the rule file only."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from mitmproxy import exceptions

from cors_addon.mitm.probe import rebuilt
from tests.mitm.client import fetch
from tests.mitm.process import Mitmproxy, listening
from tests.mitm.support import APP, cors_get, make_flow, make_response, proxy
from tests.mitm.test_probe import DRIVER, RULES, Asked


def test_it_asks_listed_hosts_only_and_what_is_safe_to_send_again() -> None:
    with proxy() as running:
        verify = running.addon.commands.verify
        blocked = running.send(cors_get(at=1000.0))
        with pytest.raises(exceptions.CommandError, match=r"api\.test is in no rule's hosts.*Unblock"):
            verify([blocked])
        posted = make_flow(f"Origin: {APP}", method="POST", response=make_response(200), at=1001.0)
        running.send(posted)
        with pytest.raises(exceptions.CommandError, match="GET, HEAD and preflights only"):
            verify([posted])
        with pytest.raises(exceptions.CommandError, match="forgotten"):
            verify([make_flow(at=1002.0)])
        with pytest.raises(exceptions.CommandError, match="takes one flow"):
            verify([])


@pytest.mark.parametrize(
    "sent", [{"lines": (f"Cookie: a={'x' * 5000}",)}, {"url": f"http://api.test/{'x' * 9000}"}], ids=["header", "URL"]
)
def test_what_is_remembered_by_halves_is_not_sent_as_if_it_were_whole(sent: dict[str, Any]) -> None:
    with proxy() as running:
        long = make_flow(
            f"Origin: {APP}",
            *sent.get("lines", ()),
            url=sent.get("url", "http://api.test/"),
            response=make_response(200),
        )
        running.send(long)
        with pytest.raises(exceptions.CommandError, match=r"a header over 4 KB.*Repeat the request"):
            running.addon.commands.verify([long])


ALLOWED = f"Access-Control-Allow-Origin: {APP}"


@pytest.mark.parametrize(
    ("connected", "lines", "told"),
    [
        (True, (ALLOWED,), "the fix has arrived"),
        (False, (ALLOWED,), "a recording, an addon or another proxy's rule wrote the response"),
        (True, (ALLOWED, "X-Cors-Addon: local"), "a recording, an addon or another proxy's rule wrote the response"),
    ],
    ids=["the server", "server replay", "another proxy's rule"],
)
def test_only_what_the_server_itself_sent_is_a_fix(connected: bool, lines: tuple[str, ...], told: str) -> None:
    with proxy() as running:
        blocked = running.send(cors_get(at=1000.0))
        record = running.addon.session.correlator.get(blocked.id)
        assert record is not None
        again = rebuilt(record.exchange)
        again.response = make_response(200, *lines)
        again.server_conn.timestamp_start = 1001.0 if connected else None
        assert running.addon.verifier._outcome(record, again).startswith(told)


@pytest.mark.proxy
def test_the_same_request_is_sent_again_and_judged(tmp_path: Path) -> None:
    trusts: dict[str, bool] = {}
    with Asked(trusts) as server:
        rules, driver = tmp_path / "rules.yaml", tmp_path / "driver.py"
        rules.write_text(RULES.format(port=server.port))
        driver.write_text(DRIVER.replace("cors.probe", "cors.verify"))
        with Mitmproxy(
            tmp_path, *listening(), "-s", driver, options=[f"cors_rules={rules}", "termlog_verbosity=info"]
        ) as running:
            url = f"http://127.0.0.1:{server.port}/items?probe"
            fetch(running.port, "GET", url, "X-Trace: 1")
            running.wait_for("verified: GET .*still blocked: No Access-Control-Allow-Origin")
            trusts[APP] = True
            seen = len(running.lines)
            fetch(running.port, "GET", url, "X-Trace: 1")
            running.wait_for("verified: GET .*the fix has arrived: the server allows it now", seen)
            running.wait_for("fixed on the server: GET")
        assert [(method, headers["origin"], headers["x-trace"]) for method, _, headers in server.requests] == [
            ("GET", APP, "1")
        ] * 4
