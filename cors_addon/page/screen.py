"""The page's state as a whole document, and as the differences since a version that a browser has."""

import re
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from typing import Any, Final

from ..diagnosis.server_plans import server_plans
from ..diagnosis.stepwise import Steps
from ..report.browser_word import told_line
from ..report.entries import diagnosis_entries, flow_entry
from ..verdict.model import Outcome
from . import panels, unsent
from .cards import card_html, haystack, passed_html, rule_sentence
from .html_text import left_out, line, text
from .ledger import Card, Ledger, Section
from .profiles import Profiles
from .services import Services
from .suggestions import Suggestions

LISTED: Final = 50
"""How many cards a list shows."""

_PASSED: Final = 20
_OPEN: Final = 3
"""How many cards at the top of what is blocked are open at first."""

_ASSETS: Final = files(__package__)
_CSS: Final = (_ASSETS / "page.css").read_text("utf-8")
_JS: Final = (_ASSETS / "page.js").read_text("utf-8")
_DOCUMENT: Final = (_ASSETS / "page.html").read_text("utf-8")
_PLACEHOLDER: Final = re.compile(r"\{\{([a-z-]+)\}\}")


def _hash(source: str) -> str:
    return f"'sha256-{b64encode(sha256(source.encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; script-src {_hash(_JS)}; style-src {_hash(_CSS)}; img-src data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types cors-page"
)
"""The document's content security policy: its own script and style by their hashes, and nothing else."""


_UNBLOCKED: Final = (Section.BLOCKED, Section.CONDITIONAL)
"""Sections whose cards show the change of the rules that lets the request pass."""

_KEPT: Final = 1_000
"""Cards of which is kept what was made, several times those that are shown."""

_ROUNDS: Final = 10
"""How often what changed while the page was made is made again, before it is shown as it is."""

_PLANNED: Final = (Section.BLOCKED, Section.CONDITIONAL, Section.ADVICE)
_LISTS: Final[tuple[Section, ...]] = (Section.BLOCKED, Section.CONDITIONAL, Section.RISK, Section.ADVICE)


def _of(card: Card, diagnoses: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return, of the diagnoses of a card's newest request, the one that the card is about."""
    ids = set(card.ids)
    exact = (each for each in diagnoses if ids == {*each["findings"], *each["conditions"]})
    # The verdict may have been revised since the ledger took it in.
    return next(exact, diagnoses[0])


class Screen:
    """Renders what the ledger and the services hold. ``token`` is what the page's own requests carry."""

    policy: Final = POLICY

    def __init__(self, ledger: Ledger, services: Services, token: str) -> None:
        self._ledger = ledger
        self._services = services
        self._token = token
        self._hosts = Profiles(services.hosts, token, services.hosts_state)
        self._cards: dict[str, tuple[int, str, str]] = {}
        self._diagnoses: dict[str, tuple[int, Mapping[str, Any]]] = {}
        self._regions: dict[str, tuple[int, str]] = {}
        self._switches: object = None
        self._suggestions = Suggestions(ledger, services, token)

    @property
    def version(self) -> int:
        """The version that is to be seen now."""
        return self._ledger.version

    def prepare(self, patience: float = float("inf")) -> Steps[None]:
        """Take in what happened, and make what a document or a change shows, in steps; the last one leaves no turn.

        After ``patience`` seconds, cards that wait for their change of the rules are shown without it until the next
        time.
        """
        until = time.monotonic() + patience
        yield from self._ledger.catch_up(self._services.verdicts())
        if (yield from self._hosts.steps(self._ledger.version)):
            self._ledger.version += 1
        self._forget()
        # What is made may be out of date before all of it is.
        for _ in range(_ROUNDS):
            self._look()
            wanting = [*self._wanting(until)]
            if not wanting:
                return
            for section, place, card in wanting:
                yield None
                if not self._ledger.has(card):
                    continue
                if section is Section.OWED:
                    self._diagnosis(card)
                    continue
                is_found_out = section not in _UNBLOCKED or self._suggestions.has(card) or time.monotonic() > until
                if not is_found_out and (yield from self._suggestions.find(card)):
                    self._ledger.version += 1
                    card.version = self._ledger.version
                if self._ledger.has(card):
                    self._card(section, place, card)

    def _forget(self) -> None:
        """Forget, once that is much, what was made of cards that are shown no more; the others stay made."""
        kept: tuple[dict[str, Any], ...] = (self._cards, self._diagnoses, self._suggestions.found)
        if max(map(len, kept)) > _KEPT:
            shown = {card.id for each in (*_LISTS, Section.OWED) for card in self._ledger.listed(each)[:LISTED]}
            for made in kept:
                for gone in made.keys() - shown:
                    del made[gone]

    def _look(self) -> None:
        """Take in what happened."""
        self._ledger.sync(self._services.verdicts())
        injection = self._services.switches
        file, unsent = injection.file, len(self._services.unsent())
        switches = injection.is_on, injection.rules, file.path, file.trouble, unsent
        if switches != self._switches:
            self._switches = switches
            self._ledger.version += 1
        if self._suggestions.look():
            self._ledger.version += 1
            # The change that each card shows may be another one now.
            for section in _UNBLOCKED:
                for card in self._ledger.listed(section)[:LISTED]:
                    card.version = self._ledger.version

    def _wanting(self, until: float) -> Iterator[tuple[Section, int, Card]]:
        """Return the cards that are not made as they would be now, each with its place."""
        for section in _LISTS:
            for place, card in enumerate(self._ledger.listed(section)[:LISTED]):
                is_made = self._cards.get(card.id, (0,))[0] == card.version
                lacks_change = section in _UNBLOCKED and not self._suggestions.has(card)
                if not is_made or (lacks_change and time.monotonic() < until):
                    yield section, place, card
        for card in self._ledger.listed(Section.OWED)[:LISTED]:
            if self._diagnoses.get(card.id, (0, {}))[0] != card.version:
                yield Section.OWED, 0, card

    # --- for a browser without the page -----------------------------------------------------------------------

    def document(self, wanted: str = "", still: bool = False) -> str:
        """Return the whole page; ``wanted`` filters the cards, ``still`` keeps it from refreshing without scripts."""
        lists: dict[Section, list[Card]] = {section: self._ledger.listed(section) for section in _LISTS}
        refresh = "" if still or wanted else '<meta http-equiv="refresh" content="10">'
        parts = {
            "css": _CSS,
            "js": _JS,
            "refresh": refresh,
            "version": str(self._ledger.version),
            "token": escape(self._token),
            "title": self._title(lists),
            "filter": line(wanted, 200),
            **{name: html for name, (_, html) in self._parts(lists).items()},
        }
        for section, cards in lists.items():
            parts[f"{section.value}-cards"] = self._list(section, cards, wanted.strip().lower())
        return _PLACEHOLDER.sub(lambda found: parts[found[1]], _DOCUMENT)

    def _list(self, section: Section, cards: Sequence[Card], wanted: str) -> str:
        shown = []
        for place, card in enumerate(cards[:LISTED]):
            html, found_in = self._card(section, place, card)
            if all(word in found_in for word in wanted.split()):
                shown.append(html)
        return "".join(shown)

    # --- for a browser that has the page ----------------------------------------------------------------------

    def changes(self, since: int) -> dict[str, Any]:
        """Return what differs from a version, as plain data.

        ``lists`` have an entry for each card, in order: its id, and its HTML or ``None`` where it is as it was.
        ``regions`` are the insides of elements, by id; those that are as they were are left out.
        """
        lists: dict[Section, list[Card]] = {section: self._ledger.listed(section) for section in _LISTS}
        regions = {name: html for name, (version, html) in self._parts(lists).items() if version > since}
        return {
            "version": self._ledger.version,
            "more": self._ledger.is_behind,
            "title": self._title(lists),
            "regions": regions,
            "lists": {
                section.value: [
                    [card.id, self._card(section, place, card)[0] if card.version > since else None]
                    for place, card in enumerate(cards[:LISTED])
                ]
                for section, cards in lists.items()
            },
        }

    # --- parts ------------------------------------------------------------------------------------------------

    def _card(self, section: Section, place: int, card: Card) -> tuple[str, str]:
        """Return a card's HTML, and what the filter searches."""
        version, html, found_in = self._cards.get(card.id, (0, "", ""))
        if version != card.version:
            verdict = self._services.explain(self._ledger.example(card))
            diagnosis = self._diagnosis(card)
            unblock = self._suggestions.html(card) + self._verify(verdict.id) if section in _UNBLOCKED else ""
            is_open = section is Section.BLOCKED and place < _OPEN
            rule = rule_sentence(flow_entry(verdict)) if verdict.delivered is not None else ""
            html = card_html(card, diagnosis, is_open, unblock, verdict.notes, rule)
            found_in = haystack(card, diagnosis)
            self._cards[card.id] = card.version, html, found_in
        return html, found_in

    def _verify_card(self, card: Card) -> str:
        return self._verify(self._ledger.example(card).id)

    def _verify(self, flow_id: str) -> str:
        """Return the button that sends a request again, and what came of it the last time."""
        told = self._services.verified(flow_id)
        note = f'<p class="note" role="status">{text(told, 600)}</p>' if told else ""
        return f"{panels.button('verify', self._token, 'Verify: send this request again', flow_id)}{note}"

    def _parts(self, lists: Mapping[Section, Sequence[Card]]) -> dict[str, tuple[int, str]]:
        """Return the insides of elements by id, each with the version since which it is so.

        Whatever any browser got has passed here, so an element that is now as it was long ago has a new version if a
        browser may have seen it otherwise in between.
        """
        for name, html in self._insides(lists).items():
            if name not in self._regions or self._regions[name][1] != html:
                self._regions[name] = self._ledger.version, html
        return self._regions

    def _insides(self, lists: Mapping[Section, Sequence[Card]]) -> dict[str, str]:
        injection, ledger = self._services.switches, self._ledger
        path = str(injection.file.path or "")
        listed, passed, owed = injection.rules.rules, ledger.passed(), ledger.listed(Section.OWED)
        parts = {
            "nav": self._nav(lists, len(owed)),
            "injection": panels.injection(
                self._token, injection.is_on, injection.seconds_left, listed, path, injection.file.trouble
            ),
            "rules": panels.rules(self._token, listed, path, self._services.can_undo(), injection.file.in_memory),
            "debts": panels.owed(self._owed(owed[:LISTED]), len(owed) - LISTED, self._verify_card),
            "plans": panels.plans(self._plans(lists, owed)),
            "counts": panels.counts(self._counts()),
            "passed": self._passed(passed),
            "fixed": panels.fixed(self._token, self._services.fixed()),
            "hosts": self._hosts.html,
            "unsent": unsent.section(self._told(), self._services.unsent()),
            "blocked-note": self._blocked_note(lists, len(passed)),
        }
        for section, cards in lists.items():
            parts[f"{section.value}-count"] = str(len(cards))
            parts[f"{section.value}-rest"] = left_out(len(cards) - LISTED)
        return parts

    def _told(self) -> str:
        told = self._ledger.told.summary()
        return "" if told is None else told_line({"told": told})

    def _owed(self, cards: Sequence[Card]) -> list[tuple[Card, Mapping[str, Any]]]:
        return [(card, self._diagnosis(card)) for card in cards]

    def _plans(self, lists: Mapping[Section, Sequence[Card]], owed: Sequence[Card]) -> Sequence[Mapping[str, Any]]:
        """Return one change for each server that several faults, or a rule, are about."""
        shown = [*owed[:LISTED], *(card for section in _PLANNED for card in lists[section][:LISTED])]
        found = server_plans(map(self._diagnosis, shown), self._hosts.hosts)
        return [plan for plan in found if plan["rules"] or len(plan["ids"]) > 1]

    def _diagnosis(self, card: Card) -> Mapping[str, Any]:
        """Return the diagnosis of a card's newest request."""
        version, known = self._diagnoses.get(card.id, (0, {}))
        if version != card.version:
            taken = self._ledger.example(card)
            # Revised since, and with nothing to tell any more: the card goes with the next look.
            known = _of(card, diagnosis_entries(self._services.explain(taken)) or diagnosis_entries(taken))
            self._diagnoses[card.id] = card.version, known
        return known

    def _blocked_note(self, lists: Mapping[Section, Sequence[Card]], passed: int) -> str:
        if lists[Section.BLOCKED]:
            return ""
        if passed:
            return '<p class="empty good">Nothing is blocked now. Earlier failures have passed since.</p>'
        if self._ledger.outcomes.total():
            return '<p class="empty good">Nothing is blocked.</p>'
        return (
            '<p class="empty">Nothing that CORS applies to has come by so far. Load the page that fails, in a browser '
            "that uses this proxy. Browsers keep <code>localhost</code> to themselves unless told otherwise.</p>"
        )

    @staticmethod
    def _passed(passed: Sequence[Card]) -> str:
        if not passed:
            return '<p class="empty">Nothing yet. What was blocked and works at the next try is listed here.</p>'
        items = "".join(map(passed_html, passed[:_PASSED]))
        return f'<ul class="passed">{items}</ul>{left_out(len(passed) - _PASSED)}'

    def _nav(self, lists: Mapping[Section, Sequence[Card]], owed: int) -> str:
        on = self._services.switches.is_on
        counted = [
            ("blocked", "bad" if lists[Section.BLOCKED] else "good", len(lists[Section.BLOCKED]), "blocked"),
            ("conditional", "warn", len(lists[Section.CONDITIONAL]), "may be"),
            ("risk", "warn", len(lists[Section.RISK]), "at risk"),
            ("advice", "", len(lists[Section.ADVICE]), "advised"),
            ("owed", "", owed, "still to fix"),
        ]
        links = [
            (name, kind, f"<b>{number}</b> {told}")
            for name, kind, number, told in counted
            if number or name == "blocked"
        ]
        links.append(("injecting", "on" if on else "", f"Injection <b>{'on' if on else 'off'}</b>"))
        return "".join(f'<li><a href="#{name}" class="{kind}">{told}</a></li>' for name, kind, told in links)

    def _counts(self) -> list[tuple[str, int]]:
        outcomes = self._ledger.outcomes
        rows = [("flows judged", self._services.judged())]
        rows += [(outcome.value, outcomes[outcome]) for outcome in Outcome if outcomes[outcome]]
        gone = self._services.judged() - outcomes.total()
        return [*rows, ("not CORS, or kept no longer", gone)] if gone > 0 and not self._ledger.is_behind else rows

    @staticmethod
    def _title(lists: Mapping[Section, Sequence[Card]]) -> str:
        blocked = len(lists[Section.BLOCKED])
        return f"{blocked} blocked · CORS" if blocked else "CORS"
