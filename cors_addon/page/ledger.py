"""What the page shows, kept up to date verdict by verdict: building a report of everything would hold up the traffic.

The newest verdict on the same request (stage, page origin, method and URL) says what happens *now*; what failed before
it and no longer does has *passed*.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from hashlib import blake2b
from itertools import count, islice
from operator import attrgetter
from typing import Final

from ..catalogue.violation import Severity, Stage
from ..diagnosis.build import rule_of
from ..diagnosis.headlines import stopping
from ..report.browser_word import ToldCounts
from ..report.grouping import group_key, plain_text
from ..traffic.bounded_dicts import Remembered
from ..verdict.model import Finding, Outcome, Verdict

IDLE: Final = 10.0
"""Seconds of silence after which a repeat counts as news. Requests that a page polls with keep their places."""

_LONGEST_METHOD: Final = 100

AT_ONCE: Final = 100
"""How many verdicts one look takes in at most; more would hold up the traffic."""


class Section(Enum):
    """The lists that cards stand in."""

    BLOCKED = "blocked"
    CONDITIONAL = "conditional"
    RISK = "risk"
    ADVICE = "advice"
    OWED = "owed"
    """What a server still has to send, while a rule adds it."""


_CardKey = tuple[Section, str, str, Stage, str, str, tuple[str, ...], str]
_RequestKey = tuple[Stage, str, str, str, bool]


@dataclass(slots=True)
class Card:
    """Requests of one page to one endpoint that meet with the same findings.

    ``method`` is the one that a preflight asks for, ``rule`` the one that lets them pass. ``flows`` say when each was
    seen, in seconds since the epoch; ``current`` are those that nothing newer has overtaken. ``rank`` orders cards, the
    highest first; ``version`` is the ledger's at the last change.
    """

    section: Section
    origin: str
    host: str
    stage: Stage
    method: str
    path: str
    ids: tuple[str, ...]
    rule: str = ""
    flows: dict[str, float] = field(default_factory=dict)
    current: set[str] = field(default_factory=set)
    seen: float = 0.0
    rank: int = 0
    version: int = 0
    newest: tuple[int, str] = (0, "")
    """The version at which the newest flow was looked for, and its id."""
    id: str = field(init=False)
    """A name that stays the same, made of letters, digits and hyphens."""

    def __post_init__(self) -> None:
        self.id = "card-" + blake2b(repr(self.key).encode(errors="surrogatepass"), digest_size=8).hexdigest()

    @property
    def key(self) -> _CardKey:
        """What it is about."""
        return self.section, self.origin, self.host, self.stage, self.method, self.path, self.ids, self.rule


@dataclass(frozen=True, slots=True)
class _Entry:
    verdict: Verdict
    request: _RequestKey
    cards: tuple[_CardKey, ...]

    def stands_as(self, other: "_Entry") -> bool:
        mine = self.request, self.cards, self.verdict.outcome
        return mine == (other.request, other.cards, other.verdict.outcome)


class Ledger:
    """Cards and counts. ``version`` grows with every change of what is to be seen.

    ``asked_method`` tells the method that a preflight asks for. ``capacity`` bounds what waits to be taken in.
    """

    def __init__(
        self, asked_method: Callable[[str], str | None], capacity: int, clock: Callable[[], float] = time.time
    ) -> None:
        self.outcomes: Counter[Outcome] = Counter()
        self.told = ToldCounts()
        self.version = 1
        self._asked_method = asked_method
        self._clock = clock
        self._cards: dict[_CardKey, Card] = {}
        self._entries: dict[str, _Entry] = {}
        self._newest: dict[_RequestKey, str] = {}
        self._overtaken: set[str] = set()
        self._touched: Remembered[str, float] = Remembered(capacity)
        self._ranks = count(1)
        self._changes = 0
        self._listed: tuple[int, dict[Section, list[Card]]] = (-1, {})

    @property
    def is_behind(self) -> bool:
        """Whether ``sync`` has more to take in."""
        return bool(self._touched)

    def has(self, card: Card) -> bool:
        """Say whether a card is still there."""
        return self._cards.get(card.key) is card

    def touch(self, flow_id: str) -> None:
        """Take note that a flow's verdict is new, another one, or gone; costs next to nothing."""
        if flow_id not in self._touched:
            self._touched[flow_id] = self._clock()

    def clear(self) -> list[object]:
        """Forget everything; return what that frees, for the caller to let go of bit by bit."""
        freed: list[object] = [self._cards, self._entries, self._newest]
        self._cards, self._entries, self._newest = {}, {}, {}
        self.outcomes.clear()
        self.told.clear()
        self._touched.clear()
        self._overtaken.clear()
        self._changes += 1
        self.version += 1
        return freed

    def sync(self, verdicts: Mapping[str, Verdict]) -> None:
        """Take in what was touched, the oldest first. ``verdicts`` are those that the addon remembers."""
        if not self._touched:
            return
        self._changes += 1
        self.version += 1
        for flow_id in list(islice(self._touched, AT_ONCE)):
            at = self._touched.pop(flow_id)
            verdict = verdicts.get(flow_id)
            if verdict is None:
                self._drop(flow_id)
            else:
                self._take(verdict, at)
        if not self._touched and len(self._entries) > len(verdicts):
            for flow_id in [known for known in self._entries if known not in verdicts]:
                self._drop(flow_id)

    def catch_up(self, verdicts: Mapping[str, Verdict]) -> Iterator[None]:
        """Take in all that was touched by now, in steps."""
        for _ in range(0, len(self._touched), AT_ONCE):
            self.sync(verdicts)
            yield

    def listed(self, section: Section) -> list[Card]:
        """Return the cards of a section that still happen, the newest first."""
        # A page asks for each of them several times, and thousands of cards may be there.
        if self._listed[0] != self._changes:
            lists: dict[Section, list[Card]] = {each: [] for each in Section}
            for card in self._cards.values():
                if card.current:
                    lists[card.section].append(card)
            self._listed = self._changes, {each: _sorted(cards) for each, cards in lists.items()}
        return [*self._listed[1][section]]

    def passed(self) -> list[Card]:
        """Return the cards of what was blocked, or could have been, and has passed since; the newest first.

        Another failure is no pass, and neither is a preflight that nothing followed.
        """
        sections = (Section.BLOCKED, Section.CONDITIONAL)
        over = (card for card in self._cards.values() if card.section in sections and not card.current)
        return _sorted(card for card in over if self._passes(self.example(card).id))

    def _passes(self, flow_id: str) -> bool:
        """Say whether the newest try of a flow's request reached the page."""
        stage, origin, method, url, _ = self._entries[flow_id].request
        stages = (Stage.RESPONSE, Stage.REDIRECT) if stage is Stage.PREFLIGHT else (stage,)
        tries = (self._newest.get((each, origin, method, url, known)) for each in stages for known in (True, False))
        return any(newest is not None and _arrives(self._entries[newest].verdict) for newest in tries)

    def example(self, card: Card) -> Verdict:
        """Return the newest verdict on a card, one that still happens if any does."""
        if card.newest[0] != card.version:
            card.newest = card.version, max(card.current or card.flows, key=card.flows.__getitem__)
        return self._entries[card.newest[1]].verdict

    # --- one verdict ------------------------------------------------------------------------------------------

    def _take(self, verdict: Verdict, at: float) -> None:
        entry = self._entry(verdict)
        known = self._entries.get(verdict.id)
        if known is not None and known.stands_as(entry):
            self.told.add(known.verdict, -1)
            self.told.add(verdict)
            self._entries[verdict.id] = entry
            for key in entry.cards:
                self._cards[key].version = self.version
            return
        if known is not None:
            at = self._leave(verdict.id) or at
            self._no_longer_newest(known.request, verdict.id)
            if known.request != entry.request:
                self._overtaken.discard(verdict.id)
        self._entries[verdict.id] = entry
        self.outcomes[verdict.outcome] += 1
        self.told.add(verdict)
        for key in entry.cards:
            self._file(key, verdict.id, at)
        self._overtake(entry)

    def _drop(self, flow_id: str) -> None:
        if flow_id not in self._entries:
            return
        self._no_longer_newest(self._entries[flow_id].request, flow_id)
        self._leave(flow_id)
        self._overtaken.discard(flow_id)

    def _no_longer_newest(self, request: _RequestKey, flow_id: str) -> None:
        if self._newest.get(request) == flow_id:
            del self._newest[request]

    def _entry(self, verdict: Verdict) -> _Entry:
        _, origin, host, method, path = group_key("", verdict.method, verdict.url, verdict.origin)
        if verdict.stage is Stage.PREFLIGHT:
            method = plain_text(self._asked_method(verdict.id) or method)[:_LONGEST_METHOD]
        is_known = verdict.outcome is not Outcome.UNKNOWN or verdict.delivered is not None
        rule = rule_of(verdict)
        cards = tuple(
            (section, origin, host, verdict.stage, method, path, tuple(dict.fromkeys(f.id for f in findings)), rule)
            for section, findings in _by_section(verdict)
        )
        return _Entry(verdict, (verdict.stage, origin, method, verdict.url, is_known), cards)

    def _file(self, key: _CardKey, flow_id: str, at: float) -> None:
        """Add a flow to its card. A card that was silent for a while, or had passed, comes to the top."""
        card = self._cards.get(key)
        if card is None:
            card = self._cards[key] = Card(*key)
        if not card.current or at - card.seen > IDLE:
            card.rank = next(self._ranks)
        card.flows[flow_id] = at
        card.seen = max(card.seen, at)
        card.version = self.version
        if flow_id not in self._overtaken:
            card.current.add(flow_id)

    def _overtake(self, entry: _Entry) -> None:
        """Take the earlier tries of the same request off what happens now."""
        verdict, request = entry.verdict, entry.request
        if verdict.id in self._overtaken:
            return
        stage, origin, method, url, is_known = request
        earlier = {self._newest.get(request)}
        if is_known:
            earlier.add(self._newest.get((stage, origin, method, url, False)))
        if stage is not Stage.PREFLIGHT and _arrives(verdict):
            # It needed no preflight, or an earlier one's grant: the one that failed is history.
            preflight = self._newest.get((Stage.PREFLIGHT, origin, method, url, True))
            if preflight is not None and not _arrives(self._entries[preflight].verdict):
                earlier.add(preflight)
        for flow_id in earlier - {None, verdict.id, verdict.related.preflight}:
            assert flow_id is not None
            self._overtaken.add(flow_id)
            for key in self._entries[flow_id].cards:
                self._cards[key].current.discard(flow_id)
                self._cards[key].version = self.version
        self._newest[request] = verdict.id

    def _leave(self, flow_id: str) -> float | None:
        """Take a flow off its cards; return when it was seen, where a card says so."""
        entry = self._entries.pop(flow_id)
        self.outcomes[entry.verdict.outcome] -= 1
        self.told.add(entry.verdict, -1)
        at = None
        for key in entry.cards:
            card = self._cards[key]
            at = card.flows.pop(flow_id)
            card.current.discard(flow_id)
            card.version = self.version
            if not card.flows:
                del self._cards[key]
        return at


def _sorted(cards: Iterable[Card]) -> list[Card]:
    return sorted(cards, key=attrgetter("rank"), reverse=True)


def _arrives(verdict: Verdict) -> bool:
    """Say whether the browser hands the response over, as the server sent it or as a rule delivered it."""
    delivered = verdict.delivered
    if delivered is not None and not delivered.dry_run:
        return delivered.outcome is Outcome.ALLOWED
    return verdict.outcome is Outcome.ALLOWED


def _by_section(verdict: Verdict) -> list[tuple[Section, tuple[Finding, ...]]]:
    """Share a verdict's findings out, one diagnosis each. What a rule adds is not blocked now: the server owes it."""
    failing = stopping(verdict)
    if rule_of(verdict):
        return [(Section.OWED, failing)] if failing or verdict.outcome is Outcome.UNKNOWN else []
    found: list[tuple[Section, tuple[Finding, ...]]] = []
    if failing:
        section = Section.BLOCKED if failing[0].severity is Severity.BLOCKED else Section.CONDITIONAL
        found.append((section, failing))
    for section, severity in ((Section.RISK, Severity.RISK), (Section.ADVICE, Severity.ADVICE)):
        alone = {finding.id: finding for finding in verdict.findings if finding.severity is severity}
        found += [(section, (finding,)) for finding in alone.values()]
    return found
