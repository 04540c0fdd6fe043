"""What the live page lists: what is blocked now, what has passed since, what servers owe; kept up to date by pieces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cors_addon.catalogue.violation import Severity, Stage
from cors_addon.diagnosis.build import rule_of
from cors_addon.diagnosis.headlines import stopping
from cors_addon.page import ledger as ledger_module
from cors_addon.page.ledger import IDLE, Card, Ledger, Section
from cors_addon.report.browser_word import ToldCounts
from cors_addon.traffic.bounded_dicts import Remembered
from cors_addon.verdict.model import Delivered, Outcome, ToldView, Verdict
from tests.page.support import API, MISSING, finding, verdict

Shown = list[tuple[str, str, int]]


class Page:
    """A ledger with the verdicts that it is fed from, and a clock that the test moves."""

    def __init__(self, capacity: int = 1000, asked: Mapping[str, str] | None = None) -> None:
        self.verdicts: Remembered[str, Verdict] = Remembered(capacity)
        self.now = 1000.0
        self.ledger = Ledger((asked or {}).get, capacity, lambda: self.now)

    def see(self, *verdicts: Verdict, after: float = 0.0) -> Page:
        self.now += after
        for each in verdicts:
            self.verdicts[each.id] = each
            self.ledger.touch(each.id)
        self.ledger.sync(self.verdicts)
        return self

    def drop(self, flow_id: str) -> None:
        del self.verdicts[flow_id]
        self.ledger.touch(flow_id)
        self.ledger.sync(self.verdicts)

    def blocked(self) -> Shown:
        return shown(self.ledger.listed(Section.BLOCKED))

    def passed(self) -> Shown:
        return shown(self.ledger.passed())


def shown(cards: list[Card]) -> Shown:
    return [(card.method, card.path, len(card.flows)) for card in cards]


def test_repeats_are_one_card() -> None:
    page = Page().see(*(verdict(f"f{number}", MISSING, url=f"{API}/{number}") for number in range(3)))
    assert page.blocked() == [("GET", "/items/{id}", 3)]


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (verdict("b", MISSING, url="https://other.test/items"), "another server"),
        (verdict("b", MISSING, method="PUT"), "another method"),
        (verdict("b", MISSING, origin="https://shop.test"), "another page"),
        (verdict("b", MISSING, url=f"{API}/all"), "another path"),
        (verdict("b", "allow-origin-mismatch", url=f"{API}?2"), "another reason"),
        (verdict("b", MISSING, stage=Stage.REDIRECT), "a redirect on the way"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_differs_is_another_card(other: Verdict, why: str) -> None:
    assert len(Page().see(verdict("a", MISSING), other).blocked()) == 2


def test_the_newest_comes_first() -> None:
    page = Page().see(verdict("a", MISSING), verdict("b", MISSING, url="https://b.test/b"))
    page.see(verdict("c", MISSING, url="https://c.test/c"))
    assert [path for _, path, _ in page.blocked()] == ["/c", "/b", "/items"]


def test_a_repeat_after_a_while_is_news() -> None:
    page = Page().see(verdict("a", MISSING), verdict("b", MISSING, url="https://b.test/b"))
    page.see(verdict("a2", MISSING), after=IDLE + 1)
    assert [path for _, path, _ in page.blocked()] == ["/items", "/b"]


def test_what_a_page_polls_keeps_its_place_so_that_cards_do_not_jump() -> None:
    page = Page().see(verdict("a", MISSING), verdict("b", MISSING, url="https://b.test/b"))
    for number in range(20):
        page.see(verdict(f"a{number}", MISSING), after=1.0)
        page.see(verdict(f"b{number}", MISSING, url="https://b.test/b"))
        assert [path for _, path, _ in page.blocked()] == ["/b", "/items"]


def test_what_passes_at_the_next_try_has_passed() -> None:
    page = Page().see(verdict("a", MISSING))
    page.see(verdict("b"))
    assert page.blocked() == []
    assert page.passed() == [("GET", "/items", 1)]


def test_and_is_blocked_again_when_it_fails_again_and_comes_first() -> None:
    page = Page().see(verdict("a", MISSING), verdict("x", MISSING, url="https://x.test/x"))
    page.see(verdict("b"))
    page.see(verdict("c", MISSING))
    assert page.blocked() == [("GET", "/items", 2), ("GET", "/x", 1)]
    assert page.passed() == []


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (verdict("b", url=f"{API}?page=2"), "another URL"),
        (verdict("b", method="DELETE"), "another method"),
        (verdict("b", origin="https://shop.test"), "another page"),
        (verdict("b", stage=Stage.PREFLIGHT), "only its preflight"),
        (verdict("b", outcome=Outcome.UNKNOWN), "a try that the browser broke off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_passes_elsewhere_proves_nothing(other: Verdict, why: str) -> None:
    assert len(Page().see(verdict("a", MISSING), other).blocked()) == 1


def test_a_card_with_one_endpoint_that_still_fails_is_current_and_shows_that_one() -> None:
    page = Page().see(verdict("a", MISSING, url=f"{API}/1"))
    page.see(verdict("b", MISSING, url=f"{API}/2"), after=1)
    page.see(verdict("c", url=f"{API}/2"), after=1)
    (card,) = page.ledger.listed(Section.BLOCKED)
    assert card.current == {"a"}
    assert page.ledger.example(card).id == "a"


def test_a_preflight_counts_for_the_method_that_it_asks_for() -> None:
    page = Page(asked={"a": "PUT", "b": "PATCH", "c": "PUT"})
    page.see(verdict("a", "method-not-allowed", method="OPTIONS", stage=Stage.PREFLIGHT))
    page.see(verdict("b", method="OPTIONS", stage=Stage.PREFLIGHT))
    assert page.blocked() == [("PUT", "/items", 1)]
    page.see(verdict("c", method="OPTIONS", stage=Stage.PREFLIGHT))
    assert page.blocked() == []


def test_a_request_that_needs_no_preflight_any_more_overtakes_the_one_that_failed() -> None:
    page = Page(asked={"a": "POST"}).see(verdict("a", "header-not-allowed", method="OPTIONS", stage=Stage.PREFLIGHT))
    page.see(verdict("b", method="POST"))
    assert page.blocked() == []
    assert page.passed() == [("POST", "/items", 1)]


def test_a_request_does_not_overtake_what_its_own_preflight_is_advised_of() -> None:
    page = Page(asked={"a": "PUT"}).see(
        verdict("a", "max-age-invalid", method="OPTIONS", stage=Stage.PREFLIGHT, outcome=Outcome.ALLOWED)
    )
    page.see(verdict("b", method="PUT", preflight="a"))
    page.see(verdict("c", method="PUT"))
    assert len(page.ledger.listed(Section.ADVICE)) == 1


def test_each_severity_has_its_section() -> None:
    page = Page().see(
        verdict("a", MISSING),
        verdict("b", finding("allow-credentials-not-true", Severity.CONDITIONAL), url=f"{API}/b"),
        verdict("c", "vary-origin-missing", "max-age-invalid", url=f"{API}/c", outcome=Outcome.ALLOWED),
        verdict("d", "header-not-exposed", url=f"{API}/d", outcome=Outcome.ALLOWED),
    )
    found = {section: [card.ids for card in page.ledger.listed(section)] for section in Section}
    severities = {name: finding(name).severity.value for name in ("vary-origin-missing", "max-age-invalid")}
    assert found[Section.BLOCKED] == [(MISSING,)]
    assert found[Section.CONDITIONAL] == [("allow-credentials-not-true",)]
    for name, severity in severities.items():
        assert [(name,)] == [ids for ids in found[Section(severity)] if name in ids]


def test_what_depends_on_credentials_stands_with_what_is_blocked_anyway() -> None:
    page = Page().see(verdict("a", MISSING, finding("allow-credentials-not-true", Severity.CONDITIONAL)))
    assert [card.ids for card in page.ledger.listed(Section.BLOCKED)] == [(MISSING, "allow-credentials-not-true")]
    assert page.ledger.listed(Section.CONDITIONAL) == []


def test_what_a_rule_mends_is_owed_and_no_longer_blocked() -> None:
    page = Page().see(verdict("a", MISSING))
    mended = Delivered("local SPA", Outcome.ALLOWED)
    page.see(verdict("b", finding(MISSING, needed="Access-Control-Allow-Origin: *"), delivered=mended))
    assert page.blocked() == []
    (card,) = page.ledger.listed(Section.OWED)
    assert (card.rule, card.host, card.method, card.path, len(card.flows)) == (
        "local SPA",
        "api.test",
        "GET",
        "/items",
        1,
    )
    assert card.ids == (MISSING,)
    page.see(verdict("c", MISSING))
    assert len(page.blocked()) == 1, "injection is off again, and it fails again"


def test_what_is_owed_names_no_user() -> None:
    mended = Delivered("local SPA", Outcome.ALLOWED)
    page = Page().see(verdict("a", MISSING, url="https://me:secret@api.test/items", delivered=mended))
    assert [card.host for card in page.ledger.listed(Section.OWED)] == ["api.test"]


def test_a_preflight_that_a_rule_answered_is_owed_though_nobody_asked_the_server() -> None:
    answered = Delivered("local SPA", Outcome.ALLOWED)
    page = Page().see(verdict("a", outcome=Outcome.UNKNOWN, stage=Stage.PREFLIGHT, delivered=answered))
    (card,) = page.ledger.listed(Section.OWED)
    assert card.ids == ()


@pytest.mark.parametrize(
    "delivered",
    [
        Delivered("watched only", Outcome.ALLOWED, dry_run=True),
        Delivered("too narrow", Outcome.BLOCKED),
        Delivered("broken off", None),
    ],
    ids=["a dry run changes nothing", "still blocked", "nothing arrived"],
)
def test_what_a_rule_does_not_mend_is_blocked(delivered: Delivered) -> None:
    assert len(Page().see(verdict("a", MISSING, delivered=delivered)).blocked()) == 1


def test_a_revised_verdict_moves_and_keeps_its_time() -> None:
    page = Page().see(verdict("a", MISSING))
    page.see(verdict("b", MISSING, url=f"{API}/b"), after=5)
    page.see(verdict("a", "allow-origin-mismatch"), after=60)
    (card,) = [card for card in page.ledger.listed(Section.BLOCKED) if "a" in card.flows]
    assert card.ids == ("allow-origin-mismatch",)
    assert card.seen == 1000.0


def test_a_verdict_revised_to_the_same_card_keeps_its_place_and_shows_the_new_one() -> None:
    page = Page().see(verdict("a", MISSING), verdict("b", MISSING, url=f"{API}/b"))
    before = page.blocked()
    (_, card) = page.ledger.listed(Section.BLOCKED)
    version = card.version
    page.see(verdict("a", MISSING, notes=["new"]), after=60)
    assert page.blocked() == before
    assert page.ledger.example(card).notes == ("new",)
    assert card.version > version


def test_an_overtaken_verdict_that_is_revised_stays_overtaken() -> None:
    page = Page().see(verdict("a", MISSING))
    page.see(verdict("b"))
    page.see(verdict("a", "allow-origin-mismatch"))
    assert page.blocked() == []
    assert [card.ids for card in page.ledger.passed()] == [("allow-origin-mismatch",)]


def test_what_is_no_longer_remembered_is_gone() -> None:
    page = Page(capacity=2)
    for number in range(5):
        page.see(verdict(f"f{number}", MISSING, url=f"{API}/{number}"))
    assert page.blocked() == [("GET", "/items/{id}", 2)]
    assert page.ledger.outcomes.total() == 2
    page.drop("f4")
    page.drop("f3")
    assert page.blocked() == []


def test_to_forget_is_a_change() -> None:
    page = Page().see(verdict("a", MISSING, delivered=Delivered("r", Outcome.ALLOWED)), verdict("b", MISSING))
    version = page.ledger.version
    page.verdicts.clear()
    page.ledger.clear()
    assert page.ledger.version > version
    assert (page.blocked(), page.passed(), page.ledger.listed(Section.OWED)) == ([], [], [])
    page.see(verdict("b", MISSING))
    assert len(page.blocked()) == 1


def test_the_version_stands_still_while_nothing_happens() -> None:
    page = Page().see(verdict("a", MISSING))
    version = page.ledger.version
    page.see()
    assert page.ledger.version == version


def test_a_first_look_at_a_long_day_does_not_hold_up_the_traffic(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger_module, "AT_ONCE", 10)
    page = Page()
    for number in range(25):
        page.verdicts[f"f{number}"] = verdict(f"f{number}", MISSING, url=f"{API}/{number}")
        page.ledger.touch(f"f{number}")
    counts = []
    while page.ledger.is_behind:
        page.see()
        counts.append(page.blocked()[0][2])
    assert counts == [10, 20, 25]


def test_without_a_reader_what_waits_is_bounded() -> None:
    page = Page(capacity=10)
    for number in range(1000):
        page.ledger.touch(f"f{number}")
    page.see()
    assert not page.ledger.is_behind


def test_a_cards_name_stays_and_is_its_own() -> None:
    page = Page().see(verdict("a", MISSING), verdict("b", MISSING, url="https://b.test/\ud800"))
    names = {card.id for card in page.ledger.listed(Section.BLOCKED)}
    again = Page().see(verdict("b", MISSING, url="https://b.test/\ud800"), verdict("a", MISSING))
    assert names == {card.id for card in again.ledger.listed(Section.BLOCKED)}
    assert len(names) == 2
    assert all(name.isascii() and name.replace("-", "").isalnum() for name in names)


TOLD = [("Chromium", True), ("Chromium", False), ("Firefox", True)]
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c", "d", "e", "f"]),
        st.sampled_from([None, (), (MISSING,), ("allow-origin-mismatch", "vary-origin-missing")]),
        st.sampled_from([API, f"{API}/1", f"{API}/2"]),
        st.sampled_from([None, Delivered("r", Outcome.ALLOWED), Delivered("r", Outcome.BLOCKED)]),
        st.sampled_from(list(Stage)),
        st.sampled_from([None, *(ToldView(browser, "blocked", None, agrees) for browser, agrees in TOLD)]),
    ),
    max_size=40,
)


@given(STEPS)
def test_pieces_add_up_whatever_comes_and_goes(
    steps: list[tuple[str, tuple[str, ...] | None, str, Delivered | None, Stage, ToldView | None]],
) -> None:
    page = Page(capacity=4)
    known: set[str] = set()
    for flow_id, names, url, delivered, stage, told in steps:
        if names is None:
            if flow_id in page.verdicts:
                page.drop(flow_id)
            continue
        page.see(replace(verdict(flow_id, *names, url=url, delivered=delivered, stage=stage), told=told), after=1)
        remembered = page.verdicts
        assert page.ledger.outcomes.total() == len(remembered)
        assert Counter(page.ledger.outcomes) == Counter(each.outcome for each in remembered.values())
        assert page.ledger.told.summary() == ToldCounts(remembered.values()).summary()
        cards = [card for section in Section for card in page.ledger.listed(section)] + page.ledger.passed()
        for card in cards:
            assert card.flows
            assert card.current <= card.flows.keys() <= remembered.keys()
            assert set(card.ids) <= {each.id for each in page.ledger.example(card).findings}
        if flow_id not in known and names and (delivered is None or delivered.outcome is Outcome.BLOCKED):
            assert any(flow_id in card.current for card in cards)
        known.add(flow_id)
        passing = [each for each in remembered.values() if rule_of(each) and stopping(each)]
        assert {flow for card in page.ledger.listed(Section.OWED) for flow in card.flows} <= {
            each.id for each in passing
        }
