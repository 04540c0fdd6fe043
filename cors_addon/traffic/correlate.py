"""Which exchanges belong together: a preflight and its request, the hops of a redirect, a 304 and what it confirms.

The correlator is fed exchanges in any order and answers with the ids whose knowledge changed, so that a verdict given
earlier can be revised. Everything remembered has a cap and an age.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from ..fetch.checks import requested_header_names
from ..fetch.headers import HeaderList
from ..fetch.messages import CredentialsMode, Response, is_redirect_status
from ..fetch.methods import is_cors_safelisted_method
from ..fetch.origins import OPAQUE, serialize_origin
from ..fetch.preflight_cache import covers, entry_of
from ..fetch.redirects import is_tainted_by, redirect_target, redirected_method
from .classify import BrowserFamily, Classification, Kind, browser_of, classify, script_set_header_names
from .exchange import Exchange
from .preflight_rules import grant_seconds, honours_wildcard_from_cache
from .remembered import K, Remembered

FOLLOW_SECONDS: Final = 2.0
"""A page's request follows its preflight, and a hop its redirect, within milliseconds; after this it will not come."""

_SLACK: Final = 0.25
"""How far two time stamps of one proxy may be out of order: the browser may start before the proxy has seen the end."""

_LINK_SECONDS: Final = 10.0
_REDIRECT_SECONDS: Final = 30.0

_SAME_KEY: Final = 64
"""How many exchanges of one origin and URL are searched: pages that poll would otherwise grow a list for ever."""


@dataclass(slots=True)
class Record:
    """One exchange and what others say of it.

    ``preflight`` is the preflight made for this request, ``cached_grant`` an earlier one whose grant covered it;
    ``requests`` are those that a preflight served. ``hops`` counts the redirects before this exchange, and
    ``page_origin`` is the origin at the head of the chain. ``unfollowed`` is set when nothing came after it in time.
    """

    exchange: Exchange
    classification: Classification
    browser: BrowserFamily | None
    preflight: str | None = None
    cached_grant: str | None = None
    requests: list[str] = field(default_factory=list)
    redirected_from: str | None = None
    redirected_to: str | None = None
    hops: int = 0
    page_origin: str | None = None
    tainted: bool = False
    cors_tainting: bool = False
    stored: HeaderList | None = None
    stored_id: str | None = None
    unfollowed: bool = False
    header_names: tuple[str, ...] = ()
    delivered: Response | None = None
    asked_names: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        return self.exchange.id

    @property
    def seen(self) -> Response | None:
        """What the browser got: the server's response, or what was delivered in its place."""
        return self.delivered or self.exchange.response

    @property
    def kind(self) -> Kind:
        return self.classification.kind

    @property
    def needs_preflight(self) -> bool:
        return not is_cors_safelisted_method(self.exchange.request.method) or bool(self.header_names)

    @property
    def was_followed(self) -> bool:
        """Whether something came after it that only a pass in the browser explains."""
        return bool(self.requests) or self.redirected_to is not None


_Key = tuple[str, str, str]


class Correlator:
    """Ties exchanges together. ``capacity`` bounds how many are remembered, ``age`` (seconds) for how long."""

    def __init__(self, capacity: int = 20_000, age: float = 3600.0) -> None:
        self.records: Remembered[str, Record] = Remembered(capacity)
        self._age = age
        self._preflights: Remembered[_Key, list[str]] = Remembered(capacity // 2)
        self._unpaired: Remembered[_Key, list[str]] = Remembered(capacity // 2)
        self._redirects: Remembered[tuple[str, str], list[str]] = Remembered(2_000)
        self._orphans: Remembered[tuple[str, str], list[str]] = Remembered(2_000)
        self._stored: Remembered[tuple[str, str], tuple[str, HeaderList]] = Remembered(4_000)
        self._waiting: deque[tuple[float, str]] = deque(maxlen=capacity)
        self.now = 0.0

    def observe(self, exchange: Exchange) -> set[str]:
        """Take in an exchange, or more about one already seen; return the ids of the others whose knowledge changed."""
        changed: set[str] = set()
        record = self.records.get(exchange.id)
        if record is None:
            record = self._enter(exchange, changed)
        elif record.exchange.request is exchange.request or record.exchange.request == exchange.request:
            record.exchange = exchange
        else:
            self.forget(exchange.id)
            record = self._enter(exchange, changed)
        if exchange.response is not None or exchange.error is not None:
            self._answered(record, changed)
        self.now = max(self.now, exchange.started, exchange.ended or 0.0)
        self._expire()
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
        self.records.pop(exchange_id, None)

    def clear(self) -> None:
        """Forget everything."""
        for store in (self.records, self._preflights, self._unpaired, self._redirects, self._orphans, self._stored):
            store.clear()
        self._waiting.clear()

    def finish(self) -> set[str]:
        """Say that nothing more will come; return the ids that this leaves unfollowed.

        What was answered in the capture's last quarter of a second stays as it is: what followed it may just not have
        been recorded.
        """
        return self._overdue(FOLLOW_SECONDS - _SLACK)

    def get(self, exchange_id: str | None) -> Record | None:
        """Return a record that is still remembered."""
        return None if exchange_id is None else self.records.get(exchange_id)

    def wants(self, client: str, url: str) -> bool:
        """Say whether some redirect is known to lead this client to this URL; costs one look-up."""
        return (client, url) in self._redirects

    # --- entering -----------------------------------------------------------------------------------------------

    def _enter(self, exchange: Exchange, changed: set[str]) -> Record:
        classification = classify(exchange)
        record = Record(exchange, classification, browser_of(exchange.request.headers.get("User-Agent")))
        record.page_origin = classification.page_origin
        self.records[exchange.id] = record
        self._follow_redirect(record, changed)
        if record.kind is Kind.PREFLIGHT:
            self._preflight_entered(record, changed)
        elif record.kind is Kind.CORS:
            record.cors_tainting = True
            record.header_names = script_set_header_names(exchange.request)
            self._request_entered(record, changed)
        return record

    def _key(self, record: Record) -> _Key:
        exchange = record.exchange
        return exchange.client, record.classification.origin or "", exchange.request.url

    def _preflight_entered(self, preflight: Record, changed: set[str]) -> None:
        key = self._key(preflight)
        _append(self._preflights, key, preflight.id)
        if (hop := self.get(preflight.redirected_from)) is not None:
            preflight.hops = hop.hops + 1
        for request in self._known(self._unpaired.get(key, [])):
            late = request.exchange.started >= preflight.exchange.started and self._pairs(preflight, request)
            if late and request.preflight is None:
                request.cached_grant = None
                self._pair(preflight, request, changed)
                return

    def _request_entered(self, request: Record, changed: set[str]) -> None:
        key = self._key(request)
        known = self._known(self._preflights.get(key, []))
        if request.tainted and request.page_origin is not None:
            # Firefox asks in the page's name on behalf of a request whose own Origin has become null.
            known += self._known(self._preflights.get((key[0], request.page_origin, key[2]), []))
        for preflight in known:
            if not preflight.requests and self._pairs(preflight, request):
                self._pair(preflight, request, changed)
                return
        if request.needs_preflight:
            for preflight in reversed(known):
                if self._covered_by(preflight, request):
                    request.cached_grant = preflight.id
                    request.asked_names = request.header_names
                    preflight.requests.append(request.id)
                    preflight.unfollowed = False
                    changed.add(preflight.id)
                    break
        _append(self._unpaired, key, request.id)

    def _pair(self, preflight: Record, request: Record, changed: set[str]) -> None:
        preflight.requests.append(request.id)
        preflight.unfollowed = False
        request.preflight = preflight.id
        request.asked_names = requested_header_names(preflight.exchange.request.headers)
        if preflight.redirected_from is None:
            preflight.redirected_from = request.redirected_from
        changed |= {preflight.id, request.id}
        changed.update(self._chain(request))

    def _pairs(self, preflight: Record, request: Record) -> bool:
        before, after = preflight.exchange, request.exchange
        if before.request.headers.get("Access-Control-Request-Method") != after.request.method:
            return False
        ended = before.ended if before.ended is not None else before.started
        if not before.started - _SLACK <= after.started <= ended + _LINK_SECONDS:
            return False
        asked = set(requested_header_names(before.request.headers))
        return asked <= set(after.request.headers.names())

    def _covered_by(self, preflight: Record, request: Record) -> bool:
        exchange = preflight.exchange
        response = preflight.seen
        if response is None or exchange.ended is None:
            return False
        seconds = grant_seconds(preflight.browser, response.headers)
        if seconds is None:
            return False
        mode = (
            CredentialsMode.NOT_INCLUDE if honours_wildcard_from_cache(preflight.browser) else CredentialsMode.INCLUDE
        )
        method = exchange.request.headers.get("Access-Control-Request-Method") or ""
        entry = entry_of("", "", mode, method, response.headers, exchange.ended + _SLACK, seconds)
        if entry is None:
            return False
        return covers(entry, mode, request.exchange.request.method, request.header_names, request.exchange.started)

    # --- answers ------------------------------------------------------------------------------------------------

    def _answered(self, record: Record, changed: set[str]) -> None:
        exchange = record.exchange
        if record.kind is Kind.PREFLIGHT:
            if not record.requests:
                self._waiting.append(((exchange.ended or exchange.started) + FOLLOW_SECONDS, record.id))
            else:
                changed.update(record.requests)
            return
        response = record.seen
        if response is None:
            return
        if is_redirect_status(response.status):
            self._redirected(record, changed)
        elif response.status == 304:
            self._confirmed(record)
        elif response.status == 200 and exchange.request.method == "GET" and record.kind is Kind.CORS:
            self._stored[exchange.client, exchange.request.url] = exchange.id, response.headers

    def _redirected(self, record: Record, changed: set[str]) -> None:
        exchange = record.exchange
        response = record.seen
        assert response is not None
        target = redirect_target(exchange.request.url, response)
        if target is None or target.failure is not None or record.redirected_to is not None:
            return
        key = exchange.client, target.url
        _append(self._redirects, key, record.id)
        self._waiting.append(((exchange.ended or exchange.started) + FOLLOW_SECONDS, record.id))
        for next_hop in self._known(self._orphans.get(key, [])):
            if next_hop.redirected_from is None and self._follows(record, next_hop):
                self._link_hop(record, next_hop, changed)
                break

    def _follow_redirect(self, record: Record, changed: set[str]) -> None:
        key = record.exchange.client, record.exchange.request.url
        for hop in reversed(self._known(self._redirects.get(key, []))):
            if self._follows(hop, record):
                self._link_hop(hop, record, changed)
                return
        if record.kind in (Kind.CORS, Kind.PREFLIGHT):
            _append(self._orphans, key, record.id)

    def _link_hop(self, hop: Record, record: Record, changed: set[str]) -> None:
        record.redirected_from = hop.id
        record.hops = hop.hops + 1
        record.page_origin = hop.page_origin or record.page_origin
        record.tainted = record.classification.origin == OPAQUE
        if record.kind is not Kind.PREFLIGHT or hop.redirected_to is None:
            hop.redirected_to = record.id
        hop.unfollowed = False
        changed.add(hop.id)
        changed.update(self._chain(hop))

    def _follows(self, hop: Record, record: Record) -> bool:
        before, after = hop.exchange, record.exchange
        taken = self.get(hop.redirected_to)
        if taken is not None and taken.kind is not Kind.PREFLIGHT:
            return False
        response = hop.seen
        if response is None or before.ended is None:
            return False
        if not before.started - _SLACK <= after.started <= before.ended + _REDIRECT_SECONDS:
            return False
        request = after.request
        method = redirected_method(response.status, before.request.method)
        if record.kind is Kind.PREFLIGHT:
            if request.headers.get("Access-Control-Request-Method") != method:
                return False
        elif request.method != method:
            return False
        return self._origin_after(hop, request.url) in (None, record.classification.origin)

    def _origin_after(self, hop: Record, url: str) -> str | None:
        """Predict the ``Origin`` of the next hop; ``None`` where anything may come (or nothing)."""
        if hop.kind is Kind.CORS:
            origin = hop.classification.origin or OPAQUE
            page = hop.page_origin or origin
            return OPAQUE if origin == OPAQUE or is_tainted_by(hop.exchange.request.url, url, page) else origin
        here = serialize_origin(hop.exchange.request.url)
        if hop.kind in (Kind.SAME_ORIGIN, Kind.NO_ORIGIN) and serialize_origin(url) != here:
            return here if hop.page_origin in (None, here) else None
        return None

    def _confirmed(self, record: Record) -> None:
        known = self._stored.get((record.exchange.client, record.exchange.request.url))
        if known is not None and known[0] != record.id:
            record.stored_id, record.stored = known

    # --- time ---------------------------------------------------------------------------------------------------

    def _overdue(self, early: float = 0.0) -> set[str]:
        late: set[str] = set()
        while self._waiting and self._waiting[0][0] - early < self.now:
            record = self.records.get(self._waiting.popleft()[1])
            if record is not None and not record.was_followed and not record.unfollowed:
                record.unfollowed = True
                late.add(record.id)
        return late

    def _expire(self) -> None:
        while self.records:
            oldest = next(iter(self.records.values()))
            last = max(oldest.exchange.started, oldest.exchange.ended or 0.0)
            if last >= self.now - self._age:
                return
            self.records.pop(oldest.id)

    def _known(self, ids: Iterable[str]) -> list[Record]:
        return [record for record in map(self.records.get, ids) if record is not None]

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

    def _chain(self, record: Record) -> Iterable[str]:
        for hop in self.chain(record):
            yield hop.id
            if hop.preflight is not None:
                yield hop.preflight


def _append(store: Remembered[K, list[str]], key: K, value: str) -> None:
    ids = store.setdefault(key, [])
    if value not in ids:
        ids.append(value)
        del ids[:-_SAME_KEY]
