"""Attacks that worked on the first build, those on the live page, commands and pipes: each by its own steps, once more.

The others have files of their own beside this one.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from mitmproxy import exceptions
from mitmproxy.proxy.layers.http import _hooks

from tests.mitm.support import cors_get, proxy
from tests.mitm.test_many_flows import MANY, call, every_step_is_a_turn, loop, seen
from tests.page.test_page import HTTP, OPENED, REVERSE, RULES, SCRIPT, Browser, browser, connect

__all__ = ["every_step_is_a_turn"]

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
RACED = {**OPENED, "Service-Worker-Navigation-Preload": "true"}
AS_SHIPPED = ["/+cors/", "/+cors/data?since=0", "/+cors/injection", "/+cors", "/%2Bcors/", "//+cors/", "/+CORS/"]


@pytest.fixture
def rules(tmp_path: Path) -> str:
    (tmp_path / "cors.yaml").write_text(RULES, encoding="utf-8")
    return str(tmp_path / "cors.yaml")


@pytest.mark.parametrize("asked", [OPENED, RACED, SCRIPT], ids=["window", "service worker", "script"])
def test_a_site_behind_a_reverse_proxy_shares_its_origin_with_no_page(asked: dict[str, str], rules: str) -> None:
    """A window with an opener policy, and a service worker's raced navigation, took the token from there."""
    with browser(REVERSE, cors_rules=rules) as page:
        token = Browser(page.through).token()
        headers = {**asked, **FORM, "X-Cors-Page": token}
        for path in AS_SHIPPED:
            for method, body in (("GET", b""), ("POST", f"state=on&token={token}".encode())):
                assert page.ask(f"http://api.test{path}", method, headers, body) is None, "the site's own response"
        assert not page.through.addon.injection.is_on


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", b""),
        ("GET", "data?since=0", b""),
        ("POST", "injection", b"state=on"),
        ("POST", "probe", b"name=http%3A%2F%2Fapi.test"),
        ("POST", "clear", b""),
    ],
)
def test_another_machine_gets_nothing_even_with_the_right_token(
    method: str, path: str, body: bytes, rules: str
) -> None:
    with browser(cors_rules=rules) as page:
        page.through.send(cors_get("Cookie: sid=VICTIM", "Authorization: Bearer victim", url="http://api.test/private"))
        token = page.token()
        page.client = ("192.0.2.2", 50_000)
        headers = {**(OPENED if not path else SCRIPT), **FORM, "X-Cors-Page": token, "Origin": "http://cors.addon"}
        response = page.ask(HTTP + path, method, headers, body)
        assert response is not None
        assert response.status_code == 403
        assert not any(word in (response.text or "") for word in ("api.test", "private", "VICTIM", token))
        assert not page.through.addon.injection.is_on
        assert page.through.addon.kept.judged == 1
        assert page.through.addon.probe._task is None


def test_no_page_has_the_live_page_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fetch without CORS carries no Sec-Fetch over http: 456 documents in six seconds were made for one."""
    with browser() as page:
        page.through.send(cors_get())
        made: list[str] = []
        monkeypatch.setattr(page.through.addon.page.page._screen(), "document", lambda *_: made.append("") or "")
        for wanted in range(50):
            response = page.ask(f"{HTTP}?q=h{wanted}", headers={"User-Agent": "Mozilla/5.0", "Accept": "*/*"})
            assert response is not None
            assert response.status_code == 403
        assert made == []


@pytest.mark.parametrize(("host", "port"), [("cors.addon", 22), ("cors.addon.", 80), ("CORS.addon.", 65535)])
def test_nobody_is_asked_for_the_address_of_the_live_page(host: str, port: int) -> None:
    with browser() as page:
        tunnel = connect(host, port)
        addons = page.through.context.master.addons
        page.through.context.master.event_loop.run_until_complete(
            addons.handle_lifecycle(_hooks.HttpConnectHook(tunnel))
        )
        assert tunnel.response is not None, "an open tunnel without a server behind it"
        response = page.ask(f"http://{host}:{port}/", headers=OPENED)
        assert response is not None
        assert response.status_code == 421


@pytest.mark.parametrize("name", ["report.json", "report.jsonl", "report.html", "report.txt"])
def test_a_pipe_without_a_reader_is_no_report(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    with proxy() as running:
        running.send(cors_get())
        with pytest.raises(exceptions.CommandError, match="a pipe or a device"):
            running.addon.commands.report(str(tmp_path / name))  # type: ignore[arg-type]
        with pytest.raises(exceptions.OptionsError, match="a pipe or a device"):
            running.context.options.update(cors_report=[str(tmp_path / name)])


@pytest.mark.parametrize(
    "words", [["cors.rules.suggest", "@all"], ["cors.status"], ["cors.report", "{folder}/now.json"]], ids=lambda _: ""
)
@pytest.mark.usefixtures("every_step_is_a_turn")
def test_a_command_leaves_the_loop_to_others_all_the_while(words: list[str], tmp_path: Path) -> None:
    """With 1,990 findings, one command held everything for 2.8 seconds."""
    with proxy() as running:
        seen(running)

        async def others() -> int:
            call(running, *(word.format(folder=tmp_path) for word in words))
            turns = 0
            while running.addon.reporting.under_way:
                await asyncio.sleep(0)
                turns += 1
            return turns

        assert loop(running, others) > MANY
