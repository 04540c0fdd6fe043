"""What a connection shows of the responses that it carried: libsoup closes it when WebKit blocks one.

WebKit refuses a response when its headers are there, and cancels the load (``NetworkResourceLoader``); libsoup, the
network library of WebKitGTK and WPE, closes a connection over HTTP/1.1 whose response it has not read to its end. Of
925 CORS responses with a body that WebKitGTK 2.50.6 had blocked, none had a second request on its connection, and of
1,477 that it had not, 1,138 had. Redirects, preflights and 401 are read to their end whatever becomes of them. Safari
has another network stack, of which nothing is assumed here.
"""

from typing import Final

from ..fetch.messages import is_redirect_status
from .bounded_dicts import Recent
from .classify import BrowserFamily, Kind
from .correlate import Correlator
from .record import Record

_AGE: Final = 3600.0
_IDLE: Final = 30.0
"""Seconds for which an idle connection surely stays open; libsoup closes it after 60."""

_AT_ONCE: Final = 0.25
"""Seconds within which libsoup closes the connection of a response that WebKit blocks; at most 0.05 were seen."""

_SETTLED: Final = 0.02
"""Seconds after a response, when its connection is free for others."""

_ENDS_OTHERWISE: Final = frozenset({304, 401, 407})
"""Whatever becomes of it, libsoup closes the connection after a 304, and not after a challenge."""

_WITHOUT_BODY: Final = frozenset({204, 205})
_REPEATED_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods for which libsoup takes a connection that is open already (its ``SOUP_METHOD_IS_IDEMPOTENT``)."""

_Server = tuple[str, str]
"""Client, and scheme with authority."""


class ConnectionObserver:
    """Notes which responses the browser has read, and which it may have refused.

    It sets ``Record.read_before`` and ``Record.closed_before``.
    """

    def __init__(self, correlator: Correlator, capacity: int) -> None:
        self._correlator = correlator
        self._latest: Recent[str, list[str]] = Recent(list, capacity, _AGE)
        self._unread: Recent[_Server, dict[str, None]] = Recent(dict, capacity, _AGE)

    def clear(self) -> None:
        """Forget everything."""
        self._latest.clear()
        self._unread.clear()

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the ids of those before it of which it shows something."""
        connection = record.exchange.connection
        if not connection or not is_by_libsoup(record):
            return set()
        server = _server(record)
        is_new = connection not in self._latest
        latest = self._latest.use(connection, record.exchange.started)
        if record.id in latest:
            return set()
        before = [each for each in map(self._correlator.get, latest) if each is not None and each.order < record.order]
        latest[:] = [record.id]
        unread = self._unread.use(server, record.exchange.started)
        changed = set()
        for each in before:
            unread.pop(each.id, None)
            each.read_before = record.id
            changed.add(each.id)
        if is_new and record.exchange.request.method in _REPEATED_METHODS:
            changed |= self._passed_over(unread, record)
        if record.kind is Kind.CORS:
            unread[record.id] = None
        return changed

    def closed(self, connection: str, when: float) -> set[str]:
        """Note that the browser closed a connection, at a Unix time; return the ids of which that shows something."""
        found = set()
        for record in map(self._correlator.get, self._latest.get(connection) or ()):
            if record is not None and record.kind is Kind.CORS and 0 <= when - record.over <= _AT_ONCE:
                record.closed_before = record.id
                found.add(record.id)
        self._latest.discard(connection)
        return found

    def _passed_over(self, unread: dict[str, None], record: Record) -> set[str]:
        """Return what came on connections that are gone, as the browser opens another one to the same server."""
        changed = set()
        for exchange_id in list(unread):
            each = self._correlator.get(exchange_id)
            if each is None or each.over + _IDLE < record.exchange.started:
                del unread[exchange_id]
            elif each.exchange.ended is not None and each.over + _SETTLED < record.exchange.started:
                del unread[exchange_id]
                each.closed_before = record.id
                changed.add(exchange_id)
        return changed


def is_by_libsoup(record: Record) -> bool:
    """Say whether WebKit with libsoup made a request over HTTP/1.1: it alone writes this header with capitals."""
    exchange = record.exchange
    if record.browser is not BrowserFamily.WEBKIT or exchange.source == "har":
        return False
    return exchange.http_version == "HTTP/1.1" and exchange.request.headers.get("Connection") == "Keep-Alive"


def is_given_up_when_blocked(record: Record) -> bool:
    """Say whether libsoup closes the connection of such a response if WebKit blocks it, and else keeps it open."""
    response = record.seen
    if record.kind is not Kind.CORS or response is None:
        return False
    return response.status not in _ENDS_OTHERWISE and not is_redirect_status(response.status)


def is_read_only_if_passed(record: Record) -> bool:
    """Say whether a response has a body, which libsoup reads to its end only where WebKit does not block it."""
    response = record.seen
    if response is None or record.exchange.request.method == "HEAD" or not is_given_up_when_blocked(record):
        return False
    length = response.headers.content_length or ""
    return response.status not in _WITHOUT_BODY and length.isascii() and length.isdigit() and length.strip("0") != ""


def _server(record: Record) -> _Server:
    scheme, _, rest = record.exchange.request.url.partition("://")
    return record.exchange.client, f"{scheme}://{rest.partition('/')[0]}"
