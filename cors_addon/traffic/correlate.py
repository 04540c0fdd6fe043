"""Which exchanges belong together: a preflight and its request, the hops of a redirect, a 304 and what it confirms.

The correlator is fed exchanges in any order, and what it makes of them does not depend on it: ties are chosen anew, in
the order of time, from the moment that an exchange concerns. It answers with the ids whose knowledge changed, so that
a verdict given earlier can be revised. Everything remembered hangs on a record, and records have a cap and an age.
"""

from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from typing import Final

from ..fetch.checks import requested_header_names
from ..fetch.messages import Response, is_redirect_status
from ..fetch.redirects import redirect_target
from .classify import Kind, browser_of, classify, script_set_header_names
from .exchange import Exchange
from .http_cache import is_confirmation, is_same_cache, is_stored, left_by
from .links import FOLLOW_SECONDS, Links
from .pairing import (
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
    slack,
    unasked_names,
)
from .passing_modes import leaves_grant
from .preflight_rules import overwrites
from .record import Record
from .retention import AT_ONCE, BUDGET, FREED, cost_of, kept_url
from .testimony import Testimony
from .url_history import Place

_LONG: Final = 60.0
"""An exchange that took longer is a stream, and may still go on."""

_SEARCHED: Final = 64
"""How many exchanges of one URL are searched, for the same reason."""


class Correlator(Links):
    """Ties exchanges together. ``capacity`` bounds how many are remembered, ``age`` (seconds) for how long.

    ``budget`` bounds the bytes that they take, as counted on entry: the oldest go first.

    ``on_forget`` are called with each record that is about to be forgotten, so that others can forget it as well.
    """

    def __init__(self, capacity: int = 20_000, age: float = 3600.0, budget: int = BUDGET // 2) -> None:
        super().__init__(capacity)
        self.held = 0
        self.budget = budget
        self.on_forget: list[Callable[[Record], None]] = []
        self._age = age
        self._places: dict[tuple[str, str], Place] = {}

    def observe(self, exchange: Exchange) -> set[str]:
        """Take in an exchange, or more about one already seen; return the ids of the others whose knowledge changed."""
        changed: set[str] = set()
        record = known = self.records.get(exchange.id)
        if record is not None and not _is_more_of(record.exchange, exchange):
            self.untie(record, changed)
            self._drop(record)
            record = None
        answered = exchange.response is not None or exchange.error is not None
        if record is None:
            record = self._enter(exchange, changed)
        elif answered:
            if exchange.testimony is None and record.exchange.testimony is not None:
                exchange = replace(exchange, testimony=record.exchange.testimony)
            record.exchange = exchange
        if answered:
            self._answered(record, changed)
        if known is None and exchange.source == "live" and max(exchange.started, record.over) < self.now - _LONG:
            # The clock was set back: else all that comes from now on would be too old to be remembered.
            self.now = self.heard = 0.0
        self.now = max(self.now, exchange.started, record.over)
        if exchange.source != "har" or record.kind is not Kind.PREFLIGHT:
            self.heard = max(self.heard, exchange.started, record.over)
        self._count(record)
        self._expire(record)
        changed |= self.overdue()
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

    def testify(self, exchange_id: str, testimony: Testimony) -> set[str]:
        """Take in what a browser said of an exchange; return its id and those of the same fetch."""
        record = self.records.get(exchange_id)
        if record is None:
            return set()
        record.exchange = replace(record.exchange, testimony=testimony)
        return {exchange_id, *record.requests, *filter(None, (record.preflight, record.request))}

    def forget(self, exchange_id: str) -> None:
        """Drop one exchange; links to it from others go stale and are ignored."""
        record = self.records.get(exchange_id)
        if record is not None:
            self._drop(record)

    def pass_time(self, now: float) -> set[str]:
        """Say what time it is; return the ids of what nothing followed in time."""
        self.now = max(self.now, now)
        self.heard = max(self.heard, now)
        return self.overdue()

    def finish(self) -> set[str]:
        """Say that nothing more will come; return the ids that this leaves unfollowed.

        What was answered in the capture's last quarter of a second stays as it is: what followed it may just not have
        been recorded. A preflight after which nothing at all was recorded has nothing that follows it.
        """
        return self.overdue(FOLLOW_SECONDS - SLACK)

    # --- records and places -------------------------------------------------------------------------------------

    def _enter(self, exchange: Exchange, changed: set[str]) -> Record:
        classification = classify(exchange)
        record = Record(exchange, classification, browser_of(exchange.request.headers.user_agent))
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
        place.has_authentication = place.has_authentication or carries_http_authentication(record)
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
        for forget in self.on_forget:
            forget(record)
        del self.records[record.id]
        self.held -= record.cost
        client = record.exchange.client
        for url in (record.exchange.request.url, record.leads_to):
            place = self._places.get((client, url)) if url is not None else None
            if place is not None and place.left(record):
                del self._places[client, url or ""]

    # --- answers ------------------------------------------------------------------------------------------------

    def _answered(self, record: Record, changed: set[str]) -> None:
        if record.kind is Kind.PREFLIGHT:
            self._tie_preflights(self._place_of(record), record.exchange.started, changed)
            changed.update(record.requests)
            if not record.requests:
                self.expect_more(record)
            return
        response = record.seen
        if response is None:
            return
        self._leads_to(record, response, changed)
        self._tie_challenges(self._place_of(record), record.exchange.started, changed)
        if is_stored(record):
            place = self._place_of(record)
            place.has_confirmation = place.has_confirmation or response.status == 304
            if place.has_confirmation:
                self._tie_stored(place, record, changed)

    def _leads_to(self, record: Record, response: Response, changed: set[str]) -> None:
        if record.leads_to is None and not is_redirect_status(response.status):
            return
        target = redirect_target(record.exchange.request.url, response)
        follows = target is not None and target.failure is None
        url = kept_url(as_asked_for(target.url, record.browser)) if target is not None and follows else None
        client = record.exchange.client
        if record.leads_to is not None and record.leads_to != url:
            for following in (self.get(record.next_request), self.get(record.next_preflight)):
                if following is not None:
                    self.set_hop(following, None, changed)
            place = self._places.get((client, record.leads_to))
            if place is not None and place.led_elsewhere(record):
                del self._places[client, record.leads_to]
        record.leads_to = url
        if url is not None:
            place = self._place(client, url)
            place.leads_here(record)
            self._tie_hops(place, record.exchange.started, changed)
            if not record.was_followed:
                self.expect_more(record)

    # --- redirects ----------------------------------------------------------------------------------------------

    def _tie_hops(self, place: Place, since: float, changed: set[str]) -> None:
        """Choose anew, in the order of time, which redirect led to each request from a moment on."""
        if not place.hops:
            return
        for record in place.arrivals_since(since):
            best = self._best_hop(place, record)
            if (best.id if best is not None else None) != record.redirected_from:
                self.set_hop(record, best, changed)

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

    def origin_changed(self, record: Record, changed: set[str]) -> None:
        """Look again for a request's preflight: in whose name it was made is known otherwise now."""
        self._tie_preflights(self._place_of(record), record.exchange.started, changed)

    # --- preflights ---------------------------------------------------------------------------------------------

    def _tie_preflights(self, place: Place, since: float, changed: set[str]) -> None:
        """Choose anew, in the order of time, which preflight or grant each request from a moment on had."""
        if not place.preflights:
            return
        early = slack(place.preflights[0])
        for request in place.arrivals_since(since - early):
            if not may_have_preflight(request):
                continue
            best = self._best_preflight(place, request)
            if (best.id if best is not None else None) != request.preflight:
                self.set_preflight(request, best, changed)
            grant = self._grant(place, request) if best is None and may_need_grant(request) else None
            if (grant.id if grant is not None else None) != request.cached_grant:
                self.set_grant(request, grant, changed)

    def _best_preflight(self, place: Place, request: Record) -> Record | None:
        """Return the preflight that fits best, and then nearest, of those that no earlier request followed."""
        found = []
        for preflight in place.preflights_until(request.exchange.started + slack(request), _SEARCHED):
            taker = self.get(preflight.request)
            if taker is not None and taker is not request and taker.order < request.order:
                continue
            unasked = unasked_names(preflight, request)
            if unasked is not None:
                distance = abs(request.exchange.started - preflight.over)
                found.append((unasked, distance, preflight.order, preflight))
        if len(found) > 1:
            # What failed was not followed, if there is another.
            found = [each for each in found if passes(each[3]) is not request.was_never_sent] or found
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
            if overwrites(preflight.browser) and same_page and leaves_grant(preflight):
                return None
        return None

    # --- HTTP authentication ------------------------------------------------------------------------------------

    def _tie_challenges(self, place: Place, since: float, changed: set[str]) -> None:
        """Choose anew which challenge each request from a moment on answered: that of the one before it, if any."""
        if not place.has_authentication:
            return
        for record in place.arrivals_since(since):
            if not carries_http_authentication(record):
                continue
            before = (each for each in place.arrivals_before(record, _SEARCHED) if is_same_page(each, record))
            last = next((each for each in before if each.kind is Kind.CORS), None)
            challenge = last if last is not None and challenges(last, record) else None
            if (None if challenge is None else challenge.id) != record.challenge:
                self.set_challenge(record, challenge, changed)

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

    def _count(self, record: Record) -> None:
        cost = cost_of(record.exchange)
        self.held += cost - record.cost
        record.cost = cost
        end = self.held - cost - FREED
        while self.held > max(self.budget, end) and (oldest := next(iter(self.records.values()))) is not record:
            self._drop(oldest)

    def _expire(self, newest: Record) -> None:
        limit = self.now - self._age
        for oldest in [*islice(self.records.values(), AT_ONCE)]:
            if oldest is newest:
                return
            if oldest.over < limit:
                self._drop(oldest)
            elif oldest.exchange.started < limit and oldest.over - oldest.exchange.started > _LONG:
                # It stays, and must not keep what came with it.
                self.records.move_to_end(oldest.id)
                self.records.move_to_end(newest.id)
            else:
                return


def _is_more_of(known: Exchange, exchange: Exchange) -> bool:
    """Say whether an exchange is a known one, seen again with its answer."""
    same_request = known.request is exchange.request or known.request == exchange.request
    return same_request and (known.started, known.client) == (exchange.started, exchange.client)
