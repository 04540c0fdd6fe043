"""What is known of a request's credentials mode, which no header names.

Certain evidence decides; where none is certain, something may still *lean* towards "include". Absence of a cookie is
never evidence by itself: the jar may be empty, or the cookie kept back by SameSite or a third-party rule.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from ..fetch.messages import CredentialsMode
from ..fetch.origins import OPAQUE, is_schemelessly_same_site, origin_of, serialize_origin
from .bounded_dicts import Recent
from .classify import BrowserFamily, Kind, is_http_authentication
from .connection_use import Closing, ConnectionObserver
from .cookie_names import sets_session_cookie
from .correlate import Correlator
from .evidence import (
    INCLUDE,
    NOT_INCLUDE,
    Evidence,
    Knowledge,
    carried,
    keeps_connections_apart,
    proved_by_grant,
    proved_by_reading,
    proved_by_survival,
    proved_by_testimony,
    proved_on_connection,
    shown_by_closing,
)
from .links import FOLLOW_SECONDS
from .page_loads import PageAndHost, PageLoads, PageMarks, Span
from .passing_modes import surviving_modes
from .record import Record
from .sites import registrable_domain

_MEMBERS: Final = 2_000
"""How many undecided requests, the latest, may be judged again at once."""

_AGE: Final = 3600.0
_AUTHORITY: Final = re.compile(r"[^:]*+://([^/?#]*+)")

_FROM_ELEMENTS: Final = frozenset({"audio", "font", "image", "style", "track", "video"})
"""Destinations (https://fetch.spec.whatwg.org/#concept-request-destination) of what no worker or script asks for."""

_Teller = tuple[str, str]
"""Client and User-Agent."""

_Page = tuple[str, str]
"""Client and serialized origin."""

_Started = dict[str, float]
"""Requests by their ids, with when they began."""

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


_NOTHING_KNOWN: Final = Knowledge(None)


@dataclass(slots=True)
class _Connection:
    """A client connection: the first certain evidence for each mode, and the CORS requests that it carried."""

    evidence: dict[CredentialsMode, Evidence] = field(default_factory=dict)
    members: dict[str, None] = field(default_factory=dict)


class CredentialsObserver:
    """Collects evidence across exchanges. Feed every exchange to ``observe``; ask with ``assess``.

    Lists of requests shrink as the correlator forgets those requests; all else has a cap and an age.
    """

    def __init__(self, correlator: Correlator) -> None:
        self.correlator = correlator
        self.pages = PageLoads()
        capacity = max(correlator.records.capacity // 2, 1)
        self._connections: Recent[str, _Connection] = Recent(_Connection, capacity, _AGE)
        self._used = ConnectionObserver(correlator, capacity)
        self._granting = PageMarks()
        self._with_cookies = PageMarks()
        self._calls: dict[_Page, dict[str, _Started]] = {}
        self._explicable: dict[str, dict[str, None]] = {}
        self._latest: Recent[str, list[float]] = Recent(list, capacity, _AGE)
        self._tellers: Recent[_Teller, list[None]] = Recent(list, 200, _AGE)
        self._untold: dict[_Teller, dict[str, None]] = {}
        self._weighed: set[str] = set()
        self.unreturned_cookie: Callable[[Record], tuple[str, str] | None] = lambda record: None
        """Returns a cookie, and who set it, that a request would carry if its page included credentials."""
        correlator.on_forget.append(self._forget)

    def page_loaded(self, page: Record) -> set[str]:
        """Note a document: what an earlier page of its origin did speaks for that page only.

        Returns the ids of exchanges that are known already, may be that page's, and may be judged otherwise for it.
        """
        client, when = page.exchange.client, page.exchange.started
        origin = serialize_origin(page.exchange.request.url)
        span = self.pages.span(client, origin, when)
        self.pages.note(client, origin, when, page.id)
        latest = self._latest.get(client)
        if latest is None or latest[0] + FOLLOW_SECONDS < when:
            return set()
        concerned: set[str] = set()
        calls = self._calls.get((client, origin), {})
        if any(started >= when for ids in calls.values() for started in ids.values()):
            # One load has become two, and what either did speaks for the other no more.
            for host, ids in calls.items():
                key = client, origin, host
                if self._granting.within(key, span) is not None or self._with_cookies.within(key, span) is not None:
                    concerned.update(self._weighed.intersection(_within(ids, span)))
        # What nothing followed, and whose origin is null, may be explained by it.
        for record in map(self.correlator.get, self._explicable.get(client, ())):
            if record is None or record.over + FOLLOW_SECONDS < when:
                continue
            if record.unfollowed or record.classification.origin == OPAQUE:
                concerned.add(record.id)
        return concerned

    def cookie_on(self, connection: str, exchange_id: str, when: float = float("inf")) -> set[str]:
        """Note a ``Cookie`` on a connection, for a request that needs nothing else; return the ids it decides."""
        text = "a Cookie was sent on the same connection"
        return self._weighed & self._settle(connection, Evidence(INCLUDE, True, text, exchange_id, when))

    def closed(self, closing: Closing) -> set[str]:
        """Note that a client connection ended; return the ids that it may decide."""
        return self._weighed & self._with_parts(self._used.closed(closing))

    def observe(self, record: Record) -> set[str]:
        """Take evidence from an exchange; return the ids of others that it may decide.

        They are those for which evidence was weighed: most exchanges pass or fail under either mode.
        """
        exchange = record.exchange
        changed: set[str] = set()
        if exchange.request.headers.sec_fetch_storage_access is not None:
            changed |= self._tells_storage_access(record)
        if record.browser is BrowserFamily.WEBKIT:
            changed |= self._with_parts(self._used.observe(record))
        if exchange.connection and keeps_connections_apart(record):
            if record.kind is Kind.CORS:
                self._connections.use(exchange.connection, exchange.started).members[record.id] = None
            for evidence in proved_on_connection(record):
                changed |= self._settle(exchange.connection, evidence)
        if record.classification.origin is not None:
            changed |= self._note_host(record)
        changed.discard(record.id)
        return changed & self._weighed if changed else changed

    def concerned_by(self, record: Record) -> set[str]:
        """Return the parts of the fetch that an exchange is part of, of which a browser has said something."""
        return {part.id for part in self._fetch_of(record)}

    def _forget(self, record: Record) -> None:
        self._weighed.discard(record.id)
        connection = self._connections.get(record.exchange.connection)
        if connection is not None:
            connection.members.pop(record.id, None)
        origin = serialize_origin(record.exchange.request.url)
        self.pages.forget(record.exchange.client, origin, record.exchange.started, record.id)
        key = _page_and_host(record)
        for marks in (self._granting, self._with_cookies):
            marks.forget(key, record.exchange.started, record.id)
        calls = self._calls.get(key[:2])
        if calls is not None:
            _take_out(calls, key[2], record.id)
            if not calls:
                del self._calls[key[:2]]
        _take_out(self._explicable, key[0], record.id)
        _take_out(self._untold, _teller(record), record.id)

    def assess(self, record: Record) -> Knowledge:
        """Weigh all evidence for the fetch that this exchange is part of; what comes later names it as concerned."""
        if record.id in self.correlator.records:
            self._weighed.add(record.id)
        told: dict[tuple[CredentialsMode, str], Evidence] = {}
        is_alone = record.kind is Kind.CORS and not (record.preflight or record.redirected_from or record.was_followed)
        for part in (record,) if is_alone else self._fetch_of(record):
            for evidence in self._of_part(part):
                # Every hop of a chain may say the same, and once is enough.
                told.setdefault((evidence.mode, evidence.text), evidence)
        certain = tuple(evidence for evidence in told.values() if evidence.certain)
        modes = {evidence.mode for evidence in certain}
        if len(modes) > 1:
            return Knowledge(None, certain, contradicted=True)
        if modes:
            return Knowledge(modes.pop(), certain)
        own = (*told.values(), *_by_what_followed(record), *shown_by_closing(record))
        around = [*self._around(record), *_granted_on_the_way(record, self._fetch_of(record))]
        if not own and not around:
            return _NOTHING_KNOWN
        # A silence that is likely to speak against credentials outweighs what the page does elsewhere.
        weighty = own if any(evidence.mode is NOT_INCLUDE for evidence in own) else (*own, *around)
        return Knowledge(None, (*own, *around), leaning=any(evidence.mode is INCLUDE for evidence in weighty))

    # --- a fetch and its parts ----------------------------------------------------------------------------------

    def _fetch_of(self, record: Record) -> list[Record]:
        """All exchanges of one fetch: its hops, and the preflight of each."""
        correlator = self.correlator
        start = record
        if record.kind is Kind.PREFLIGHT:
            start = correlator.get(record.request) or correlator.get(record.redirected_from) or record
        parts: dict[str, Record] = {record.id: record}
        for hop in correlator.chain(start):
            parts[hop.id] = hop
            preflight = correlator.get(hop.preflight)
            if preflight is not None:
                parts[preflight.id] = preflight
        return list(parts.values())

    def _of_part(self, record: Record) -> Iterator[Evidence]:
        yield from self._own(record)
        if record.kind is Kind.CORS and keeps_connections_apart(record):
            connection = self._connections.get(record.exchange.connection)
            if connection is not None:
                for mode in CredentialsMode:
                    evidence = connection.evidence.get(mode)
                    if evidence is not None and evidence.exchange_id != record.id:
                        yield evidence
        if record.kind is Kind.PREFLIGHT or (record.kind is Kind.CORS and record.redirected_to is not None):
            yield from proved_by_survival(record)
        grant = self.correlator.get(record.cached_grant)
        if grant is not None:
            yield from proved_by_grant(record, grant)
        yield from proved_by_reading(record)
        if record.exchange.testimony is not None:
            yield from proved_by_testimony(record)

    def _own(self, record: Record) -> Iterator[Evidence]:
        """What the request itself proves, with what is known of its browser and its preflight."""
        if record.kind not in (Kind.CORS, Kind.PREFLIGHT):
            return
        yield from carried(record)
        unreturned = self.unreturned_cookie(record)
        if unreturned is not None:
            text = f"the host set the cookie {unreturned[0]} for this page, and the request carries none"
            yield Evidence(NOT_INCLUDE, False, text, unreturned[1])
        if self._would_tell_storage_access(record):
            where = " from a document" if _may_keep_storage_access_back(record) else ""
            text = f"this browser sends Sec-Fetch-Storage-Access with credentials{where}, and here it did not"
            yield Evidence(NOT_INCLUDE, not where, text, record.id)
        authorization = record.exchange.request.headers.authorization
        if record.kind is Kind.CORS and authorization is not None:
            yield from self._authorization(record, is_http_authentication(authorization))

    def _authorization(self, record: Record, by_browser: bool) -> Iterator[Evidence]:
        """What an ``Authorization`` header says: the browser adds it with credentials only, a script has to ask first.

        Where no preflight is known, one may have been made before anyone looked, and its grant kept.
        """
        if not by_browser or "authorization" in record.asked_names:
            return
        if record.preflight is not None:
            text = "HTTP authentication that no preflight asked for: the browser added it"
            yield Evidence(INCLUDE, True, text, record.id)
        elif record.challenge is not None:
            text = "the browser answered the server's challenge for HTTP authentication"
            yield Evidence(INCLUDE, True, text, record.challenge)
        else:
            text = "HTTP authentication, by the browser or with a preflight that was not seen"
            yield Evidence(INCLUDE, False, text, record.id)

    def _tells_storage_access(self, record: Record) -> set[str]:
        """Note that a browser sends the header; return the requests whose lack of it says something from now on."""
        teller = _teller(record)
        if record.browser is None:
            return set()
        news = teller not in self._tellers
        self._tellers.use(teller, record.exchange.started)
        return self._with_parts(_latest_of(self._untold.get(teller, {}))) if news else set()

    def _would_tell_storage_access(self, record: Record) -> bool:
        """Say whether the header would be there under "include", and is not.

        It goes to other sites only, of which Sec-Fetch-Site speaks for the whole chain and so not for this URL alone.
        Chromium leaves it away on preflights; Firefox does not, but where a redirect has made the origin opaque.
        """
        if record.classification.site != "cross-site" or record.browser is None:
            return False
        if record.exchange.request.headers.sec_fetch_storage_access is not None:
            return False
        never = record.tainted if record.browser is BrowserFamily.FIREFOX else record.kind is Kind.PREFLIGHT
        if never:
            return False
        page, target = origin_of(record.page_origin or ""), record.target
        if page is None or target is None or is_schemelessly_same_site(page, target, registrable_domain):
            return False
        if _teller(record) in self._tellers:
            return True
        if self.correlator.get(record.id) is not None:
            self._untold.setdefault(_teller(record), {})[record.id] = None
        return False

    # --- around the fetch ---------------------------------------------------------------------------------------

    def _note_host(self, record: Record) -> set[str]:
        """Note what a page's requests to a host show; return the undecided ones that this may concern."""
        exchange = record.exchange
        key = _page_and_host(record)
        latest = self._latest.use(exchange.client, exchange.started)
        latest[:] = [max([record.over, *latest])]
        calls = self._calls.setdefault(key[:2], {}).setdefault(key[2], {})
        calls[exchange.id] = exchange.started
        if record.kind is Kind.PREFLIGHT or key[1] == OPAQUE:
            self._explicable.setdefault(exchange.client, {})[exchange.id] = None
        if record.kind not in (Kind.CORS, Kind.PREFLIGHT):
            return set()
        response = record.seen
        grants = response is not None and response.headers.allow_credentials == "true"
        cookie = exchange.request.headers.cookie is not None
        if not grants and not cookie:
            return set()
        news, span = False, self._span(record)
        if grants:
            news = self._granting.note(key, exchange.started, exchange.id, span)
        if cookie:
            news = self._with_cookies.note(key, exchange.started, exchange.id, span) or news
        return set(_within(calls, span)) if news else set()

    def _span(self, record: Record) -> Span:
        exchange = record.exchange
        return self.pages.span(exchange.client, record.classification.origin or "", exchange.started)

    def _around(self, record: Record) -> list[Evidence]:
        """What speaks for credentials without proving it."""
        found: list[Evidence] = []
        exchange = record.exchange
        if exchange.response is not None:
            value = exchange.response.headers.allow_credentials
            if value is not None and value != "true":
                text = "the server sends Access-Control-Allow-Credentials, but not the value true"
                found.append(Evidence(INCLUDE, False, text, exchange.id))
            if _signs_in(record):
                text = "the response sets a cookie, which the browser keeps with credentials only"
                found.append(Evidence(INCLUDE, False, text, exchange.id))
        key = _page_and_host(record)
        if key not in self._granting and key not in self._with_cookies:
            return found
        span = self._span(record)
        granting = self._granting.within(key, span, exchange.id)
        if granting is not None:
            text = "the server allows credentials to this page elsewhere"
            found.append(Evidence(INCLUDE, False, text, granting))
        cookies = self._with_cookies.within(key, span, exchange.id)
        if cookies is not None:
            text = "other requests of this page to this host carry cookies"
            found.append(Evidence(INCLUDE, False, text, cookies))
        return found

    # --- connections --------------------------------------------------------------------------------------------

    def _settle(self, connection_id: str, evidence: Evidence) -> set[str]:
        if not connection_id:
            return set()
        now = evidence.when if evidence.when < float("inf") else self.correlator.now
        connection = self._connections.use(connection_id, now)
        known = connection.evidence.get(evidence.mode)
        if known is not None and (
            now < evidence.when or (known.when, known.exchange_id) <= (now, evidence.exchange_id)
        ):
            return set()
        connection.evidence[evidence.mode] = evidence
        return self._with_parts(_latest_of(connection.members))

    def _with_parts(self, ids: Iterable[str]) -> set[str]:
        """Return the ids with those of every exchange of the same fetches."""
        records = filter(None, map(self.correlator.get, ids))
        return {part.id for record in records for part in self._fetch_of(record)}


def _signs_in(record: Record) -> bool:
    """Say whether a request looks like a sign-in: it changes something, and the response sets a cookie of its own.

    Cookies that come with every GET are most often not meant for the page.
    """
    exchange = record.exchange
    if record.kind is not Kind.CORS or exchange.response is None or exchange.request.method in ("GET", "HEAD"):
        return False
    return sets_session_cookie(exchange.response.headers)


def _by_what_followed(record: Record) -> Iterator[Evidence]:
    if record.unfollowed and surviving_modes(record) == {NOT_INCLUDE}:
        text = "it passes without credentials only, and nothing followed it"
        yield Evidence(INCLUDE, False, text, record.id)


def _granted_on_the_way(record: Record, parts: Iterable[Record]) -> Iterator[Evidence]:
    """A redirect that led here and allows credentials speaks for a page that includes them."""
    for part in parts:
        # The server's own response: what a rule grants says nothing of the page.
        response = part.exchange.response
        if part.kind is not Kind.CORS or part.order >= record.order or response is None:
            continue
        if response.headers.allow_credentials == "true":
            yield Evidence(INCLUDE, False, "the redirect that led here allows credentials", part.id)
            return


def _may_keep_storage_access_back(record: Record) -> bool:
    """Say whether a request can be one for which its browser leaves Sec-Fetch-Storage-Access out under "include" too.

    Measured with Firefox 153: what a worker or service worker asks for, and ``fetch()`` with ``keepalive``.
    """
    if record.browser is not BrowserFamily.FIREFOX:
        return False
    # An opaque origin may be due to a redirect that nobody saw.
    return record.classification.destination not in _FROM_ELEMENTS or record.classification.origin == OPAQUE


def _take_out(lists: dict[_Key, dict[str, _Value]], key: _Key, exchange_id: str) -> None:
    members = lists.get(key)
    if members is not None:
        members.pop(exchange_id, None)
        if not members:
            del lists[key]


def _within(started: _Started, span: Span) -> Iterator[str]:
    """Yield the requests, the latest ones, that the page made that was open at that time."""
    found = (exchange_id for exchange_id, when in reversed(started.items()) if span[0] <= when < span[1])
    return islice(found, _MEMBERS)


def _latest_of(members: dict[str, None]) -> list[str]:
    return list(islice(reversed(members), _MEMBERS))


def _teller(record: Record) -> _Teller:
    return record.exchange.client, record.exchange.request.headers.user_agent or ""


def _page_and_host(record: Record) -> PageAndHost:
    match = _AUTHORITY.match(record.exchange.request.url)
    return record.exchange.client, record.classification.origin or "", "" if match is None else match[1]
