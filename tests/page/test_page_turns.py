"""The live page keeps nothing else waiting: what it shows is made card by card, whatever changes meanwhile."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from cors_addon.diagnosis.stepwise import result_of
from cors_addon.mitm.page_flows import request_of
from cors_addon.page import screen
from cors_addon.page.messages import PageResponse
from cors_addon.rules import decode
from tests.mitm.support import cors_get
from tests.page.test_page import HTTP, RULES, Browser, browser

CARDS = 40
MANY_RULES = "version: 1\nrules:\n" + "".join(
    f"  - {{name: rule {n}, hosts: [h{n}.test], allow_origins: ['http://app.test']}}\n" for n in range(150)
)


def blocked(page: Browser) -> str:
    """Have many requests blocked, a card each; return the id of one."""
    paths = [f"kind{chr(97 + n % 26)}{n // 26}" for n in range(CARDS)]
    return [page.through.send(cors_get(url=f"http://api.test/{path}/x")) for path in paths][-1].id


def button(page: Browser, path: str, **form: str) -> Any:
    body = urlencode({"token": page.token(), **form}).encode()
    headers = {"Origin": "http://cors.addon", "Content-Type": "application/x-www-form-urlencoded"}
    return page.flow(HTTP + path, "POST", {**headers, "X-Cors-Page": page.token()}, body)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note each card that is rendered."""
    cards: list[str] = []
    render = screen.card_html

    def noted(card: Any, *given: Any) -> str:
        cards.append(card.id)
        return render(card, *given)

    monkeypatch.setattr(screen, "card_html", noted)
    return cards


def most_in_a_step(steps: Any, made: list[str], between: Callable[[int], None]) -> int:
    """Take the steps, and do something after each; return how many cards the longest one made."""
    most = count = 0
    while True:
        before = len(made)
        try:
            next(steps)
        except StopIteration:
            return max(most, len(made) - before)
        most = max(most, len(made) - before)
        count += 1
        between(count)


def test_cards_are_made_in_steps_where_the_rules_change_meanwhile(tmp_path: Path, made: list[str]) -> None:
    rules = tmp_path / "cors.yaml"
    rules.write_text(RULES)
    with browser(cors_rules=str(rules)) as page:
        blocked(page)

        def rewrite(count: int) -> None:
            if count in (30, 90, 150):
                rules.write_text(RULES.replace("second", f"rule {count}"))
                page.through.addon.commands.rules_reload()

        assert most_in_a_step(page.answering(page.flow()), made, rewrite) == 1
        assert len(made) > 3 * CARDS // 2, "the rules changed, and each card's change of them with it"
        assert "rule 150" in page.open()


def test_what_is_kept_of_the_cards_is_bounded_and_never_all_forgotten(
    made: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(screen, "_KEPT", 60)
    with browser() as page:
        blocked(page)
        for number in range(40):
            page.through.send(cors_get(url=f"http://api.test/another{chr(97 + number % 26)}{number // 26}z/x"))
            made.clear()
            assert most_in_a_step(page.answering(page.flow()), made, lambda count: None) <= 1
            assert len(made) <= CARDS + 1
        assert len(made) == 1
        assert len(page.through.addon.page.page._opened._cards) <= 61


@pytest.mark.parametrize("after", [1, 5, 30, 60])
def test_what_is_forgotten_while_the_page_is_made_is_not_on_it(after: int, made: list[str]) -> None:
    with browser() as page:
        blocked(page)

        def clear(count: int) -> None:
            if count == after:
                page.through.addon.clear()
                page.through.send(cors_get(url="http://other.test/"))

        steps = page.answering(page.flow())
        most = most_in_a_step(steps, made, clear)
        assert most <= 1
        html = page.open()
        assert "other.test" in html
        assert "/kinda0/" not in html


@pytest.mark.parametrize(("path", "form"), [("injection", {"state": "on"}), ("unblock", {}), ("clear", {})])
def test_a_button_is_answered_in_steps(path: str, form: dict[str, str], tmp_path: Path, made: list[str]) -> None:
    rules = tmp_path / "cors.yaml"
    rules.write_text(RULES)
    with browser(cors_rules=str(rules)) as page:
        flow_id = blocked(page)
        flow = button(page, path, **(form or {"name": flow_id}))
        made.clear()
        assert most_in_a_step(page.answering(flow), made, lambda count: None) <= 1


def test_very_many_who_ask_at_once_have_each_change_found_out_once(rules: Path) -> None:
    with browser(cors_rules=str(rules)) as page:
        blocked(page)
        asked = [request_of(page.flow(f"{HTTP}?q={n}"), "cors.addon") for n in range(10)]
        commands, found = page.through.addon.commands, []
        preview = commands.preview

        def noted(requests: Any) -> Any:
            found.append(requests)
            return preview(requests)

        async def ask() -> list[PageResponse]:
            return [*await asyncio.gather(*map(page.through.addon.page._answer, asked))]

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(commands, "preview", noted)
            answers = page.through.context.master.event_loop.run_until_complete(ask())
        assert {answer.status for answer in answers} == {200}
        assert len(found) <= CARDS


def test_a_card_is_shown_without_its_change_of_the_rules_where_that_takes_long(rules: Path) -> None:
    with browser(cors_rules=str(rules)) as page:
        page.through.send(cors_get())
        first = result_of(page.answering(page.flow(), patience=-1.0)).body.decode()
        assert "missing" in first
        assert "<summary>Unblock</summary>" not in first
        assert "<summary>Unblock</summary>" in page.data()["lists"]["blocked"][0][1]


def test_a_broken_rule_file_costs_the_cards_their_change_and_nothing_else(rules: Path) -> None:
    with browser(cors_rules=str(rules)) as page:
        page.through.send(cors_get())
        assert "<summary>Unblock</summary>" in page.open()
        rules.write_text("version: 1\nrules:\n  - name: broken\n    hosts: ['*']\n    allow_origins: any\n")
        page.through.look()
        page.through.look()
        (card,) = page.data()["lists"]["blocked"]
        assert "missing" in card[1]
        assert "<summary>Unblock</summary>" not in card[1]


def test_no_thread_is_left_behind(rules: Path) -> None:
    with browser(cors_rules=str(rules)) as page:
        blocked(page)
        assert page.open().count("<summary>Unblock</summary>") == CARDS
        ours = [thread for thread in threading.enumerate() if thread.name.startswith(("cors-addon page", "asyncio"))]
        for thread in ours:
            thread.join(30)
        assert not [thread.name for thread in ours if thread.is_alive()]


def test_long_rules_are_read_beside_the_event_loop(rules: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[bool] = []
    reading = decode._read

    def noted(data: bytes, events: Any) -> Any:
        read.append(threading.current_thread() is threading.main_thread())
        return reading(data, events)

    rules.write_text(MANY_RULES)
    with browser(cors_rules=str(rules)) as page:
        page.through.send(cors_get(url="http://other.test/"))
        monkeypatch.setattr(decode, "_read", noted)
        html = page.open()
        assert "app.test calls other.test" in html
        assert read
        assert not any(read)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    path = tmp_path / "cors.yaml"
    path.write_text(RULES, encoding="utf-8")
    return path
