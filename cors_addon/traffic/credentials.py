"""What is known of a request's credentials mode, which no header names.

Certain evidence decides; where none is certain, something may still *lean* towards "include". Absence of a cookie is
never evidence by itself: the jar may be empty, or the cookie kept back by SameSite or a third-party rule.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from ..fetch.checks import (
    ALLOW_CREDENTIALS,
    PreflightRequest,
    Step,
    Success,
    cors_check,
    preflight_failures,
    requested_header_names,
)
from ..fetch.messages import CredentialsMode
from ..fetch.origins import is_schemelessly_same_site, origin_of, serialize_origin
from .classify import BrowserFamily, Kind
from .correlate import Correlator, Record
from .exchange import Exchange
from .pages import PageLoads, PageMarks
from .remembered import Remembered
from .sites import registrable_domain

INCLUDE: Final = CredentialsMode.INCLUDE
NOT_INCLUDE: Final = CredentialsMode.NOT_INCLUDE
_MEMBERS: Final = 256
"""How many undecided requests of one connection, or of one page at one host, may be judged again at once."""

_PageAndHost = tuple[str, str, str]
_BROWSER_SCHEMES: Final = ("basic ", "digest ", "negotiate ", "ntlm ")


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence: for which mode it speaks, whether it is certain, what it is, and the flow that gave it."""

    mode: CredentialsMode
    certain: bool
    text: str
    exchange_id: str


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The credentials mode as known.

    ``mode`` is ``None`` where nothing certain is known or certain evidence contradicts itself (``contradicted``).
    ``leaning`` says that something speaks for "include" without proving it.
    """

    mode: CredentialsMode | None
    evidence: tuple[Evidence, ...] = ()
    leaning: bool = False
    contradicted: bool = False

    @property
    def assumed(self) -> bool:
        """Whether the default, not included, stands in for knowledge."""
        return self.mode is None and not self.leaning and not self.contradicted


@dataclass(slots=True)
class _Connection:
    """A client connection: the first certain evidence for each mode, and the undecided requests that it carried."""

    evidence: dict[CredentialsMode, Evidence]
    members: list[str]


def surviving_modes(record: Record) -> frozenset[CredentialsMode]:
    """Return the modes under which a response passes its check, so far as the standard goes.

    What browsers treat alike and otherwise than the standard (Authorization under ``*``) counts as passing.
    """
    exchange, origin = record.exchange, record.classification.origin or "null"
    response = record.seen
    if response is None:
        return frozenset()
    modes = set()
    for mode in CredentialsMode:
        if record.kind is Kind.PREFLIGHT:
            asked = PreflightRequest(
                origin,
                exchange.request.headers.get("Access-Control-Request-Method") or "",
                requested_header_names(exchange.request.headers),
            )
            failures = preflight_failures(asked, mode, response)
            if all(failure.step is Step.NON_WILDCARD_HEADER for failure in failures):
                modes.add(mode)
        elif isinstance(cors_check(origin, mode, response.headers), Success):
            modes.add(mode)
    return frozenset(modes)


class CredentialsObserver:
    """Collects evidence across exchanges. Feed every exchange to ``observe``; ask with ``assess``."""

    def __init__(self, correlator: Correlator, capacity: int = 10_000) -> None:
        self.correlator = correlator
        self._connections: Remembered[str, _Connection] = Remembered(capacity)
        self.pages = PageLoads()
        self._granting = PageMarks(capacity)
        self._with_cookies = PageMarks(capacity)
        self._undecided: Remembered[_PageAndHost, list[str]] = Remembered(capacity)
        self._tellers: Remembered[tuple[str, BrowserFamily | None], None] = Remembered(200)
        self._untold: Remembered[tuple[str, BrowserFamily | None], list[str]] = Remembered(200)

    def clear(self) -> None:
        """Forget everything."""
        self._connections.clear()
        self.pages.clear()
        self._granting.clear()
        self._with_cookies.clear()
        self._undecided.clear()
        self._tellers.clear()
        self._untold.clear()

    def page_loaded(self, client: str, url: str, when: float) -> None:
        """Note a document: what an earlier page of its origin did speaks for that page only."""
        self.pages.note(client, serialize_origin(url), when)

    def cookie_on(self, connection: str, exchange_id: str) -> set[str]:
        """Note a ``Cookie`` on a connection, for a request that needs nothing else; return the ids it decides."""
        return self._settle(
            connection, Evidence(INCLUDE, True, "a Cookie was sent on the same connection", exchange_id)
        )

    def observe(self, record: Record) -> set[str]:
        """Take evidence from an exchange; return the ids of others that it may decide."""
        exchange = record.exchange
        changed: set[str] = set()
        if "sec-fetch-storage-access" in exchange.request.headers:
            changed |= self._tells_storage_access(record)
        if exchange.connection and _keeps_connections_apart(record):
            if record.kind is Kind.CORS:
                for evidence in self._own(record):
                    changed |= self._settle(exchange.connection, evidence)
            if record.kind is Kind.PREFLIGHT:
                text = "a preflight, which never carries credentials, went over the same connection"
                changed |= self._settle(exchange.connection, Evidence(NOT_INCLUDE, True, text, exchange.id))
            elif record.kind is Kind.CORS:
                members = self._connection(exchange.connection).members
                if record.id not in members:
                    members.append(record.id)
                    del members[:-_MEMBERS]
        if record.kind in (Kind.CORS, Kind.PREFLIGHT):
            changed |= self._note_host(record)
        changed.discard(record.id)
        return changed

    def assess(self, record: Record) -> Knowledge:
        """Weigh all evidence for the fetch that this exchange is part of."""
        fetch = self._fetch_of(record)
        certain: list[Evidence] = []
        leaning: list[Evidence] = []
        for part in fetch:
            for evidence in self._of_part(part):
                (certain if evidence.certain else leaning).append(evidence)
        modes = {evidence.mode for evidence in certain}
        if len(modes) > 1:
            return Knowledge(None, tuple(certain), contradicted=True)
        if modes:
            return Knowledge(modes.pop(), tuple(certain))
        leaning += self._around(record)
        return Knowledge(None, tuple(leaning), leaning=bool(leaning))

    # --- a fetch and its parts ----------------------------------------------------------------------------------

    def _fetch_of(self, record: Record) -> list[Record]:
        """All exchanges of one fetch: its hops, and the preflight of each."""
        correlator = self.correlator
        start = record
        if record.kind is Kind.PREFLIGHT:
            request = next((r for r in map(correlator.get, record.requests) if r and r.preflight == record.id), None)
            previous = correlator.get(record.redirected_from)
            start = request or previous or record
        parts: dict[str, Record] = {record.id: record}
        for hop in correlator.chain(start):
            parts[hop.id] = hop
            preflight = correlator.get(hop.preflight)
            if preflight is not None:
                parts[preflight.id] = preflight
        return list(parts.values())

    def _of_part(self, record: Record) -> Iterator[Evidence]:
        yield from self._own(record)
        exchange = record.exchange
        if record.kind is not Kind.PREFLIGHT and exchange.connection and _keeps_connections_apart(record):
            connection = self._connections.get(exchange.connection)
            if connection is not None and record.kind is Kind.CORS:
                for evidence in connection.evidence.values():
                    if evidence.exchange_id != record.id:
                        yield evidence
        if record.kind is Kind.PREFLIGHT or (record.kind is Kind.CORS and record.redirected_to is not None):
            yield from _survival(record)

    def _own(self, record: Record) -> Iterator[Evidence]:
        """What the request itself proves."""
        headers = record.exchange.request.headers
        if record.kind not in (Kind.CORS, Kind.PREFLIGHT):
            return
        if "sec-fetch-storage-access" in headers:
            # Firefox sends it on the preflight of a credentialed request too.
            yield Evidence(INCLUDE, True, "Sec-Fetch-Storage-Access is sent with credentials only", record.id)
        elif self._would_tell_storage_access(record):
            text = "this browser sends Sec-Fetch-Storage-Access with credentials, and here it did not"
            yield Evidence(NOT_INCLUDE, True, text, record.id)
        if record.kind is Kind.PREFLIGHT:
            return
        if "cookie" in headers:
            yield Evidence(INCLUDE, True, "the request carries a Cookie", record.id)
        if record.classification.destination == "font":
            yield Evidence(NOT_INCLUDE, True, "fonts are never fetched with credentials across origins", record.id)
        authorization = (headers.get("Authorization") or "").lower()
        if authorization.startswith(_BROWSER_SCHEMES):
            preflight = self.correlator.get(record.preflight or record.cached_grant)
            asked = requested_header_names(preflight.exchange.request.headers) if preflight is not None else ()
            if "authorization" not in asked:
                text = "HTTP authentication that no preflight asked for: the browser added it"
                yield Evidence(INCLUDE, True, text, record.id)

    def _tells_storage_access(self, record: Record) -> set[str]:
        """Note that a browser sends the header; return the requests whose lack of it says something from now on."""
        teller = record.exchange.client, record.browser
        if record.browser is None or teller in self._tellers:
            return set()
        self._tellers[teller] = None
        return set(self._untold.get(teller, ()))

    def _would_tell_storage_access(self, record: Record) -> bool:
        """Say whether the header would be there under "include".

        It goes to other sites only, of which Sec-Fetch-Site speaks for the whole chain and so not for this URL alone.
        Chromium leaves it away on preflights.
        """
        if record.classification.site != "cross-site" or record.browser is None:
            return False
        if record.kind is Kind.PREFLIGHT and record.browser is not BrowserFamily.FIREFOX:
            return False
        page, target = origin_of(record.page_origin or ""), origin_of(record.exchange.request.url)
        if page is None or target is None or is_schemelessly_same_site(page, target, registrable_domain):
            return False
        teller = record.exchange.client, record.browser
        if teller in self._tellers:
            return True
        untold = self._untold.setdefault(teller, [])
        if record.id not in untold:
            untold.append(record.id)
            del untold[:-_MEMBERS]
        return False

    # --- around the fetch ---------------------------------------------------------------------------------------

    def _note_host(self, record: Record) -> set[str]:
        """Note what a page's requests to a host show; return the undecided ones that this may concern."""
        exchange = record.exchange
        key, span = _page_and_host(record), self._span(record)
        news = False
        response = record.seen
        if response is not None and response.headers.get(ALLOW_CREDENTIALS) == "true":
            news = self._granting.note(key, exchange.started, exchange.id, span)
        if "cookie" in exchange.request.headers:
            news = self._with_cookies.note(key, exchange.started, exchange.id, span) or news
        undecided = self._undecided.setdefault(key, [])
        changed = set(undecided) if news else set()
        if exchange.id not in undecided:
            undecided.append(exchange.id)
            del undecided[:-_MEMBERS]
        return changed

    def _span(self, record: Record) -> tuple[float, float]:
        exchange = record.exchange
        return self.pages.span(exchange.client, record.classification.origin or "", exchange.started)

    def _around(self, record: Record) -> list[Evidence]:
        """What speaks for credentials without proving it."""
        found: list[Evidence] = []
        exchange = record.exchange
        if exchange.response is not None:
            value = exchange.response.headers.get(ALLOW_CREDENTIALS)
            if value is not None and value != "true":
                text = "the server sends Access-Control-Allow-Credentials, but not the value true"
                found.append(Evidence(INCLUDE, False, text, exchange.id))
        key, span = _page_and_host(record), self._span(record)
        granting = self._granting.within(key, span, exchange.id)
        if granting is not None:
            text = "the server allows credentials to this page elsewhere"
            found.append(Evidence(INCLUDE, False, text, granting))
        cookies = self._with_cookies.within(key, span, exchange.id)
        if cookies is not None:
            text = "other requests of this page to this host carry cookies"
            found.append(Evidence(INCLUDE, False, text, cookies))
        if record.unfollowed and surviving_modes(record) == {NOT_INCLUDE}:
            text = "it passes without credentials only, and nothing followed it"
            found.append(Evidence(INCLUDE, False, text, exchange.id))
        return found

    # --- connections --------------------------------------------------------------------------------------------

    def _connection(self, connection_id: str) -> _Connection:
        connection = self._connections.get(connection_id)
        if connection is None:
            connection = self._connections[connection_id] = _Connection({}, [])
        return connection

    def _settle(self, connection_id: str, evidence: Evidence) -> set[str]:
        if not connection_id:
            return set()
        connection = self._connection(connection_id)
        if evidence.mode in connection.evidence:
            return set()
        connection.evidence[evidence.mode] = evidence
        return set(connection.members)


def _keeps_connections_apart(record: Record) -> bool:
    """Say whether the browser never mixes credentialed and uncredentialed requests on such a connection.

    Chromium never does, Firefox only over HTTP/2. WebKit is unknown.
    """
    if record.browser is BrowserFamily.FIREFOX:
        return record.exchange.http_version.startswith("HTTP/1")
    return record.browser is BrowserFamily.CHROMIUM


def _survival(record: Record) -> Iterator[Evidence]:
    """What a passed check proves, known to have passed because something came after it."""
    if not record.was_followed:
        return
    modes = surviving_modes(record)
    if len(modes) == 1:
        what = "preflight" if record.kind is Kind.PREFLIGHT else "redirect"
        only = "with" if INCLUDE in modes else "without"
        yield Evidence(
            next(iter(modes)), True, f"its {what} was followed, and passes only {only} credentials", record.id
        )


def _page_and_host(record: Record) -> _PageAndHost:
    exchange: Exchange = record.exchange
    try:
        host = urlsplit(exchange.request.url).netloc
    except ValueError:
        host = ""
    return exchange.client, record.classification.origin or "", host
