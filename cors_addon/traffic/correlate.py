"""Which exchanges belong together: a preflight and its request, the hops of a redirect, a 304 and what it confirms.

The correlator is fed exchanges in any order, and what it makes of them does not depend on it: ties are chosen anew, in
the order of time, from the moment that an exchange concerns. It answers with the ids whose knowledge changed, so that
a verdict given earlier can be revised. Everything remembered hangs on a record, and records have a cap and an age.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from heapq import heappop, heappush
from typing import Final

from ..fetch.checks import requested_header_names
from ..fetch.messages import Response
from ..fetch.origins import OPAQUE
from ..fetch.redirects import redirect_target
from .classify import Kind, browser_of, classify, script_set_header_names
from .exchange import Exchange
from .places import Place
from .preflight_rules import overwrites
from .record import Record
from .remembered import Remembered
from .stored import is_confirmation, is_same_cache, is_stored, left_by
from .ties import (
    SLACK,
    as_asked_for,
    asked_for_condition,
    carries_http_authentication,
    challenges,
    grants,
    is_next,
    is_same_page,
    may_have_preflight,
    may_need_grant,
    passes,
    unasked_names,
)

FOLLOW_SECONDS: Final = 2.0
"""A page's request follows its preflight, and a hop its redirect, within milliseconds; after this it will not come."""

SERVED_KEPT: Final = 64
"""How many of the requests that a preflight served are remembered: a page that polls would make a list without end."""

_LONG: Final = 60.0
"""An exchange that took longer is a stream, and may still go on."""

_SEARCHED: Final = 64
"""How many exchanges of one URL are searched, for the same reason."""


class Correlator:
    """Ties exchanges together. ``capacity`` bounds how many are remembered, ``age`` (seconds) for how long.

    ``on_forget`` are called with each record that is forgotten, so that others can forget it as well.
    """

    def __init__(self, capacity: int = 20_000, age: float = 3600.0) -> None:
        self.records: Remembered[str, Record] = Remembered(capacity)
        self.on_forget: list[Callable[[Record], None]] = []
        self.now = 0.0
        self._age = age
        self._places: dict[tuple[str, str], Place] = {}
        self._waiting: list[tuple[float, str]] = []

    def observe(self, exchange: Exchange) -> set[str]:
        """Take in an exchange, or more about one already seen; return the ids of the others whose knowledge changed."""
        changed: set[str] = set()
        record = self.records.get(exchange.id)
        if record is not None and not _is_more_of(record.exchange, exchange):
            self._untie(record, changed)
            self._drop(record)
            record = None
        answered = exchange.response is not None or exchange.error is not None
        if record is None:
            record = self._enter(exchange, changed)
        elif answered:
            record.exchange = exchange
        if answered:
            self._answered(record, changed)
        self.now = max(self.now, exchange.started, record.over)
        self._expire(record)
        changed |= self._overdue()
        changed.discard(exchange.id)
        return changed

    def deliver(self, record: Record, response: Response, ended: float) -> set[str]:
        """Take note that the browser got another response than the server's; return the ids that this changes."""
        record.delivered = response
        record.exchange = replace(record.exchange, ended=ended)
        changed: set[str] = set()
        self._answered(record, changed)
        changed.discard(record.id)
        return changed

    def forget(self, exchange_id: str) -> None:
        """Drop one exchange; links to it from others go stale and are ignored."""
        record = self.records.get(exchange_id)
        if record is not None:
            self._drop(record)

    def clear(self) -> None:
        """Forget everything."""
        self.records.clear()
        self._places.clear()
        self._waiting.clear()

    def finish(self) -> set[str]:
        """Say that nothing more will come; return the ids that this leaves unfollowed.

        What was answered in the capture's last quarter of a second stays as it is: what followed it may just not have
        been recorded.
        """
        return self._overdue(FOLLOW_SECONDS - SLACK)

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

    # --- records and places -------------------------------------------------------------------------------------

    def _enter(self, exchange: Exchange, changed: set[str]) -> Record:
        classification = classify(exchange)
        record = Record(exchange, classification, browser_of(exchange.request.headers.get("User-Agent")))
        record.page_origin = classification.page_origin
        if record.kind is Kind.PREFLIGHT:
            record.asked_names = requested_header_names(exchange.request.headers)
        elif record.kind is Kind.CORS:
            record.header_names = script_set_header_names(exchange.request)
        while len(self.records) >= self.records.capacity:
            self._drop(next(iter(self.records.values())))
        self.records[exchange.id] = record
        place = self._place(exchange.client, exchange.request.url)
        place.arrived(record)
        self._tie_hops(place, exchange.started, changed)
        self._tie_preflights(place, exchange.started, changed)
        self._tie_challenges(place, exchange.started, changed)
        return record

    def _place(self, client: str, url: str) -> Place:
        place = self._places.get((client, url))
        if place is None:
            place = self._places[client, url] = Place()
        return place

    def _place_of(self, record: Record) -> Place:
        return self._place(record.exchange.client, record.exchange.request.url)

    def _drop(self, record: Record) -> None:
        del self.records[record.id]
        client = record.exchange.client
        for url in (record.exchange.request.url, record.leads_to):
            place = self._places.get((client, url)) if url is not None else None
            if place is not None and place.left(record):
                del self._places[client, url or ""]
        for forget in self.on_forget:
            forget(record)

    def _untie(self, record: Record, changed: set[str]) -> None:
        """Cut all ties of a record whose id is about to mean another exchange."""
        for request in map(self.get, [*record.requests]):
            if request is not None and request.preflight == record.id:
                self._set_preflight(request, None, changed)
            elif request is not None:
                self._set_grant(request, None, changed)
        for following in (self.get(record.next_request), self.get(record.next_preflight)):
            if following is not None:
                self._set_hop(following, None, changed)
        self._set_preflight(record, None, changed)
        self._set_grant(record, None, changed)
        self._set_hop(record, None, changed)
        self._set_challenge(record, None, changed)
        answer = self.get(record.answered)
        if answer is not None:
            self._set_challenge(answer, None, changed)

    # --- answers ------------------------------------------------------------------------------------------------

    def _answered(self, record: Record, changed: set[str]) -> None:
        if record.kind is Kind.PREFLIGHT:
            self._tie_preflights(self._place_of(record), record.exchange.started, changed)
            changed.update(record.requests)
            if not record.requests:
                self._await(record)
            return
        response = record.seen
        if response is None:
            return
        self._leads_to(record, response, changed)
        self._tie_challenges(self._place_of(record), record.exchange.started, changed)
        if is_stored(record):
            self._tie_stored(self._place_of(record), record, changed)

    def _leads_to(self, record: Record, response: Response, changed: set[str]) -> None:
        target = redirect_target(record.exchange.request.url, response)
        url = as_asked_for(target.url) if target is not None and target.failure is None else None
        client = record.exchange.client
        if record.leads_to is not None and record.leads_to != url:
            for following in (self.get(record.next_request), self.get(record.next_preflight)):
                if following is not None:
                    self._set_hop(following, None, changed)
            place = self._places.get((client, record.leads_to))
            if place is not None and place.led_elsewhere(record):
                del self._places[client, record.leads_to]
        record.leads_to = url
        if url is not None:
            place = self._place(client, url)
            place.leads_here(record)
            self._tie_hops(place, record.exchange.started, changed)
            if not record.was_followed:
                self._await(record)

    # --- redirects ----------------------------------------------------------------------------------------------

    def _tie_hops(self, place: Place, since: float, changed: set[str]) -> None:
        """Choose anew, in the order of time, which redirect led to each request from a moment on."""
        if not place.hops:
            return
        for record in place.arrivals_since(since):
            best = self._best_hop(place, record)
            if (best.id if best is not None else None) != record.redirected_from:
                self._set_hop(record, best, changed)

    def _best_hop(self, place: Place, record: Record) -> Record | None:
        """Return the redirect that ended nearest to the request's start, of those that no earlier one followed."""
        found = []
        for hop in place.hops_until(record.exchange.started, _SEARCHED):
            taker = self.get(hop.next_preflight if record.kind is Kind.PREFLIGHT else hop.next_request)
            if taker is not None and taker is not record and taker.order < record.order:
                continue
            if is_next(hop, record):
                found.append(hop)
        return min(found, key=lambda hop: (abs(record.exchange.started - hop.over), hop.order), default=None)

    def _set_hop(self, record: Record, hop: Record | None, changed: set[str]) -> None:
        old = self.get(record.redirected_from)
        if old is not None:
            changed.update(self._chain(old))
            if old.next_request == record.id:
                old.next_request = None
            if old.next_preflight == record.id:
                old.next_preflight = None
            if not old.was_followed:
                self._await(old)
        record.redirected_from = None
        if hop is not None:
            is_preflight = record.kind is Kind.PREFLIGHT
            taker = self.get(hop.next_preflight if is_preflight else hop.next_request)
            if taker is not None:
                self._set_hop(taker, None, changed)
            if is_preflight:
                hop.next_preflight = record.id
            else:
                hop.next_request = record.id
            hop.unfollowed = False
            record.redirected_from = hop.id
        self._inherit(record, hop, changed)
        changed.update(self._chain(record))

    def _inherit(self, record: Record, hop: Record | None, changed: set[str]) -> None:
        """Hand down what a hop takes from the one before it, to the end of the chain."""
        todo: list[tuple[Record, Record | None]] = [(record, hop)]
        seen: set[str] = set()
        while todo:
            record, hop = todo.pop()
            hops = 0 if hop is None else hop.hops + 1
            page = (hop.page_origin if hop is not None else None) or record.classification.page_origin
            tainted = hop is not None and record.classification.origin == OPAQUE
            if record.id in seen or (hops, page, tainted) == (record.hops, record.page_origin, record.tainted):
                continue
            seen.add(record.id)
            changed.add(record.id)
            record.hops, record.page_origin, record.tainted = hops, page, tainted
            if record.kind is Kind.CORS:
                self._tie_preflights(self._place_of(record), record.exchange.started, changed)
            for following in (self.get(record.next_request), self.get(record.next_preflight)):
                if following is not None:
                    todo.append((following, record))

    # --- preflights ---------------------------------------------------------------------------------------------

    def _tie_preflights(self, place: Place, since: float, changed: set[str]) -> None:
        """Choose anew, in the order of time, which preflight or grant each request from a moment on had."""
        if not place.preflights:
            return
        for request in place.arrivals_since(since):
            if not may_have_preflight(request):
                continue
            best = self._best_preflight(place, request)
            if (best.id if best is not None else None) != request.preflight:
                self._set_preflight(request, best, changed)
            grant = self._grant(place, request) if best is None and may_need_grant(request) else None
            if (grant.id if grant is not None else None) != request.cached_grant:
                self._set_grant(request, grant, changed)

    def _best_preflight(self, place: Place, request: Record) -> Record | None:
        """Return the preflight that fits best, and then nearest, of those that no earlier request followed."""
        found = []
        for preflight in place.preflights_until(request.exchange.started, _SEARCHED):
            taker = self.get(preflight.request)
            if taker is not None and taker is not request and taker.order < request.order:
                continue
            unasked = unasked_names(preflight, request)
            if unasked is not None:
                distance = abs(request.exchange.started - preflight.over)
                found.append((unasked, distance, preflight.order, preflight))
        if len(found) > 1:
            # What failed was not followed, if there is another.
            found = [each for each in found if passes(each[3])] or found
        return min(found, key=lambda each: each[:3])[3] if found else None

    def _grant(self, place: Place, request: Record) -> Record | None:
        """Return the latest preflight whose grant, kept by the browser, spared a request its own."""
        before = place.preflights_until(request.exchange.started, _SEARCHED)
        answered = [each for each in before if each.over <= request.exchange.started and each.seen is not None]
        for preflight in sorted(answered, key=lambda each: (each.over, each.order), reverse=True):
            if not request.needs_preflight and not asked_for_condition(preflight, request):
                continue
            if grants(preflight, request):
                return preflight
            same_page = preflight.classification.origin == request.classification.origin
            if overwrites(preflight.browser) and same_page and passes(preflight):
                return None
        return None

    def _set_preflight(self, request: Record, preflight: Record | None, changed: set[str]) -> None:
        old = self.get(request.preflight)
        if old is not None:
            old.request = None
            self._no_longer_served(old, request, changed)
        request.preflight = None
        if preflight is not None:
            taker = self.get(preflight.request)
            if taker is not None:
                self._set_preflight(taker, None, changed)
            preflight.request, request.preflight = request.id, preflight.id
            self._served(preflight, request, changed)
            changed.update(self._chain(preflight))
        self._recall_names(request)
        changed.update(self._chain(request))

    def _set_grant(self, request: Record, grant: Record | None, changed: set[str]) -> None:
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
            ids.append(request.id)
            ids.sort(key=lambda each: self.records[each].order if each in self.records else (0.0, each))
            del ids[SERVED_KEPT:]
            changed.add(preflight.id)
        preflight.unfollowed = False

    def _no_longer_served(self, preflight: Record, request: Record, changed: set[str]) -> None:
        if request.id in preflight.requests:
            preflight.requests.remove(request.id)
        changed.update(self._chain(preflight))
        if not preflight.requests:
            self._await(preflight)

    # --- HTTP authentication ------------------------------------------------------------------------------------

    def _tie_challenges(self, place: Place, since: float, changed: set[str]) -> None:
        """Choose anew which challenge each request from a moment on answered: that of the one before it, if any."""
        for record in place.arrivals_since(since):
            if not carries_http_authentication(record):
                continue
            before = (each for each in place.arrivals_before(record, _SEARCHED) if is_same_page(each, record))
            last = next((each for each in before if each.kind is Kind.CORS), None)
            challenge = last if last is not None and challenges(last, record) else None
            if (None if challenge is None else challenge.id) != record.challenge:
                self._set_challenge(record, challenge, changed)

    def _set_challenge(self, record: Record, challenge: Record | None, changed: set[str]) -> None:
        old = self.get(record.challenge)
        if old is not None and old.answered == record.id:
            old.answered = None
            changed.add(old.id)
        record.challenge = None
        if challenge is not None:
            record.challenge, challenge.answered = challenge.id, record.id
            changed.add(challenge.id)
        changed.update(self._chain(record))

    # --- what a 304 confirms ------------------------------------------------------------------------------------

    def _tie_stored(self, place: Place, record: Record, changed: set[str]) -> None:
        """Say what each 304 confirms, from the one before a record on."""
        kept = None
        for each in place.arrivals_before(record, _SEARCHED):
            if is_stored(each) and is_same_cache(each, record):
                kept = each
                break
        for each in (record, *place.arrivals_after(record)):
            if not is_stored(each) or not is_same_cache(each, record):
                continue
            confirmed = left_by(kept) if is_confirmation(each) else (None, None)
            if confirmed != (each.stored_id, each.stored):
                each.stored_id, each.stored = confirmed
                changed.add(each.id)
            elif each is not record:
                break
            kept = each

    # --- time ---------------------------------------------------------------------------------------------------

    def _await(self, record: Record) -> None:
        """Look again when what follows should have come."""
        heappush(self._waiting, (record.over + FOLLOW_SECONDS, record.id))
        if len(self._waiting) > self.records.capacity:
            heappop(self._waiting)

    def _overdue(self, early: float = 0.0) -> set[str]:
        late: set[str] = set()
        while self._waiting and self._waiting[0][0] - early < self.now:
            record = self.records.get(heappop(self._waiting)[1])
            if record is not None and not record.was_followed and not record.unfollowed:
                record.unfollowed = True
                late.add(record.id)
        return late

    def _expire(self, newest: Record) -> None:
        limit = self.now - self._age
        while (oldest := next(iter(self.records.values()))) is not newest:
            if oldest.over < limit:
                self._drop(oldest)
                continue
            if oldest.exchange.started < limit and oldest.over - oldest.exchange.started > _LONG:
                # It stays, and must not keep what came with it.
                self.records.move_to_end(oldest.id)
                self.records.move_to_end(newest.id)
            return

    def _chain(self, record: Record) -> Iterable[str]:
        for hop in self.chain(record):
            yield hop.id
            if hop.preflight is not None:
                yield hop.preflight


def _is_more_of(known: Exchange, exchange: Exchange) -> bool:
    """Say whether an exchange is a known one, seen again with its answer."""
    same_request = known.request is exchange.request or known.request == exchange.request
    return same_request and (known.started, known.client) == (exchange.started, exchange.client)
