"""The ties between records: set, cut, and handed down along a chain. Which ties there are is for the correlator to say.

Every function adds to ``changed`` the ids of the exchanges whose knowledge it changes.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from ..fetch.origins import OPAQUE, serialize_origin
from .bounded_dicts import Remembered
from .classify import Kind
from .record import Record

FOLLOW_SECONDS: Final = 2.0
"""A page's request follows its preflight, and a hop its redirect, within milliseconds; after this it will not come."""

SERVED_KEPT: Final = 64
"""How many of the requests that a preflight served are remembered: a page that polls would make a list without end."""


class Links(ABC):
    """The records that are remembered, and the ties between them; a tie to a forgotten record leads nowhere."""

    def __init__(self, capacity: int) -> None:
        self.records: Remembered[str, Record] = Remembered(capacity)
        self.now = 0.0
        self.heard = 0.0
        """Until when the client's traffic was heard, so that silence says something. HARs that hold nothing but
        preflights later on were filtered, and their silence says nothing."""
        self._waiting: list[tuple[float, str]] = []

    def get(self, exchange_id: str | None) -> Record | None:
        """Return a record that is still remembered."""
        return None if exchange_id is None else self.records.get(exchange_id)

    def chain(self, record: Record) -> list[Record]:
        """Return the hops of one fetch in order, this one included."""
        first, seen = record, {record.id}
        while (previous := self.get(first.redirected_from)) is not None and previous.id not in seen:
            seen.add(previous.id)
            first = previous
        hops, seen = [first], {first.id}
        while (following := self.get(hops[-1].redirected_to)) is not None and following.id not in seen:
            seen.add(following.id)
            hops.append(following)
        return hops

    def chain_ids(self, record: Record) -> Iterable[str]:
        for hop in self.chain(record):
            yield hop.id
            if hop.preflight is not None:
                yield hop.preflight

    @abstractmethod
    def origin_changed(self, record: Record, changed: set[str]) -> None:
        """Look again for a request's preflight: in whose name it was made is known otherwise now."""

    # --- redirects ----------------------------------------------------------------------------------------------

    def set_hop(self, record: Record, hop: Record | None, changed: set[str]) -> None:
        """Say which redirect led to a request; whatever else followed that redirect did not."""
        old = self.get(record.redirected_from)
        if old is not None:
            changed.update(self.chain_ids(old))
            if old.next_request == record.id:
                old.next_request = None
            if old.next_preflight == record.id:
                old.next_preflight = None
            if not old.was_followed:
                self.expect_more(old)
        record.redirected_from = None
        if hop is not None:
            is_preflight = record.kind is Kind.PREFLIGHT
            taker = self.get(hop.next_preflight if is_preflight else hop.next_request)
            if taker is not None:
                self.set_hop(taker, None, changed)
            if is_preflight:
                hop.next_preflight = record.id
            else:
                hop.next_request = record.id
            hop.unfollowed = False
            record.redirected_from = hop.id
        self._inherit(record, hop, changed)
        changed.update(self.chain_ids(record))

    def _inherit(self, record: Record, hop: Record | None, changed: set[str]) -> None:
        """Hand down what a hop takes from the one before it, to the end of the chain."""
        todo: list[tuple[Record, Record | None]] = [(record, hop)]
        seen: set[str] = set()
        while todo:
            record, hop = todo.pop()
            hops = 0 if hop is None else hop.hops + 1
            page = (hop.page_origin if hop is not None else None) or record.classification.page_origin
            tainted = hop is not None and record.classification.origin == OPAQUE
            began = hop is not None and (hop.began_at_page if hop.hops else _goes_to_page(hop))
            taken = record.hops, record.page_origin, record.tainted, record.began_at_page
            if record.id in seen or (hops, page, tainted, began) == taken:
                continue
            seen.add(record.id)
            changed.add(record.id)
            record.hops, record.page_origin, record.tainted, record.began_at_page = hops, page, tainted, began
            if record.kind is Kind.CORS:
                self.origin_changed(record, changed)
            for following in (self.get(record.next_request), self.get(record.next_preflight)):
                if following is not None:
                    todo.append((following, record))

    # --- preflights ---------------------------------------------------------------------------------------------

    def set_preflight(self, request: Record, preflight: Record | None, changed: set[str]) -> None:
        """Say which preflight was made for a request; it was made for no other one."""
        old = self.get(request.preflight)
        if old is not None:
            old.request = None
            self._no_longer_served(old, request, changed)
        request.preflight = None
        if preflight is not None:
            taker = self.get(preflight.request)
            if taker is not None:
                self.set_preflight(taker, None, changed)
            preflight.request, request.preflight = request.id, preflight.id
            if not request.was_never_sent:
                self._served(preflight, request, changed)
            changed.update(self.chain_ids(preflight))
        self._recall_names(request)
        changed.update(self.chain_ids(request))

    def set_grant(self, request: Record, grant: Record | None, changed: set[str]) -> None:
        """Say whose grant covered a request."""
        old = self.get(request.cached_grant)
        if old is not None:
            self._no_longer_served(old, request, changed)
        request.cached_grant = None
        if grant is not None:
            request.cached_grant = grant.id
            self._served(grant, request, changed)
        self._recall_names(request)
        changed.add(request.id)

    def _recall_names(self, request: Record) -> None:
        asked = self.get(request.preflight or request.cached_grant)
        headers = request.exchange.request.headers
        request.asked_names = () if asked is None else tuple(name for name in asked.asked_names if name in headers)

    def _served(self, preflight: Record, request: Record, changed: set[str]) -> None:
        ids = preflight.requests
        if len(ids) < SERVED_KEPT or ids[-1] not in self.records or request.order < self.records[ids[-1]].order:
            served = sorted([*ids, request.id], key=self._order_of)
            preflight.requests = tuple(served[:SERVED_KEPT])
            changed.add(preflight.id)
        preflight.unfollowed = False

    def _order_of(self, exchange_id: str) -> tuple[float, str]:
        record = self.records.get(exchange_id)
        return (0.0, exchange_id) if record is None else record.order

    def _no_longer_served(self, preflight: Record, request: Record, changed: set[str]) -> None:
        if request.id in preflight.requests:
            place = preflight.requests.index(request.id)
            preflight.requests = preflight.requests[:place] + preflight.requests[place + 1 :]
        changed.update(self.chain_ids(preflight))
        if not preflight.requests:
            self.expect_more(preflight)

    # --- the rest -----------------------------------------------------------------------------------------------

    def set_challenge(self, record: Record, challenge: Record | None, changed: set[str]) -> None:
        """Say which challenge for HTTP authentication a request answered."""
        old = self.get(record.challenge)
        if old is not None and old.answered == record.id:
            old.answered = None
            changed.add(old.id)
        record.challenge = None
        if challenge is not None:
            record.challenge, challenge.answered = challenge.id, record.id
            changed.add(challenge.id)
        changed.update(self.chain_ids(record))

    def untie(self, record: Record, changed: set[str]) -> None:
        """Cut all ties of a record whose id is about to mean another exchange."""
        for request in map(self.get, [*record.requests]):
            if request is not None and request.preflight == record.id:
                self.set_preflight(request, None, changed)
            elif request is not None:
                self.set_grant(request, None, changed)
        for following in (self.get(record.next_request), self.get(record.next_preflight)):
            if following is not None:
                self.set_hop(following, None, changed)
        self.set_preflight(record, None, changed)
        self.set_grant(record, None, changed)
        self.set_hop(record, None, changed)
        self.set_challenge(record, None, changed)
        answer = self.get(record.answered)
        if answer is not None:
            self.set_challenge(answer, None, changed)

    def expect_more(self, record: Record) -> None:
        """Look again when what follows should have come."""
        heappush(self._waiting, (record.over + FOLLOW_SECONDS, record.id))
        if len(self._waiting) > self.records.capacity:
            heappop(self._waiting)

    def overdue(self, early: float = 0.0) -> set[str]:
        """Mark what nothing followed in time, ``early`` seconds before that; return the ids."""
        late: set[str] = set()
        while self._waiting and self._waiting[0][0] - early < self.heard:
            record = self.records.get(heappop(self._waiting)[1])
            if record is not None and not record.was_followed and not record.unfollowed:
                record.unfollowed = True
                late.add(record.id)
        return late


def _goes_to_page(record: Record) -> bool:
    """Say whether a script's request goes to the origin of its page."""
    if record.kind not in (Kind.SAME_ORIGIN, Kind.NO_ORIGIN):
        return False
    return record.classification.page_origin == serialize_origin(record.exchange.request.url)
