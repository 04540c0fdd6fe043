"""What a connection shows of the responses that it carried: libsoup closes it when WebKit blocks one.

WebKit refuses a response when its headers are there, and cancels the load (``NetworkResourceLoader``); libsoup, the
network library of WebKitGTK and WPE, closes a connection over HTTP/1.1 whose response it has not read to its end. Of
925 CORS responses with a body that WebKitGTK 2.50.6 had blocked, none had a second request on its connection, and of
1,477 that it had not, 1,138 had. Redirects, preflights and 401 are read to their end whatever becomes of them. Safari
has another network stack, of which nothing is assumed here.

A connection that ends for another reason says nothing. The response may end it (``Connection: close``, HTTP/1.0, a body
without a length). And libsoup closes all idle connections, to whatever server, when it needs one more than it may have
(``soup_connection_manager_get_connection_locked``): 256 in all, or 6 to a server where the method wants a new one, so
that the seventh POST in a row closes those of the six before it. Both were seen with WebKitGTK 2.50.6.
"""

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ..fetch.messages import Response, is_redirect_status
from .bounded_dicts import Recent
from .classify import BrowserFamily, Kind
from .correlate import Correlator
from .record import Record

_AGE: Final = 3600.0
_IDLE: Final = 30.0
"""Seconds for which an idle connection surely stays open."""

_LONGEST_IDLE: Final = 60.0
"""Seconds after which libsoup closes an idle connection."""

_AT_ONCE: Final = 0.25
"""Seconds within which libsoup closes the connection of a response that WebKit blocks; at most 0.05 were seen."""

_TOGETHER: Final = 0.05
"""Seconds within which libsoup closes all idle connections: 0.02 for 250 of them."""

_USED: Final = 1.0
"""Seconds after which a connection of which nothing else is known has most likely become idle."""

_SETTLED: Final = 0.02
"""Seconds after a response, when its connection is free for others."""

_ENDS_OTHERWISE: Final = frozenset({304, 401, 407})
"""Whatever becomes of it, libsoup closes the connection after a 304, and not after a challenge."""

_WITHOUT_BODY: Final = frozenset({204, 205})
_REPEATED_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
"""Methods for which libsoup takes a connection that is open already (its ``SOUP_METHOD_IS_IDEMPOTENT``)."""

_MOST_TO_A_SERVER: Final = 6
"""Connections that libsoup has open to a server at a time, in WebKitGTK."""

_Server = tuple[str, str]
"""Client, and scheme with authority."""


class Closing(NamedTuple):
    """A client connection that ended: its id, the client's address, and the Unix times of its start and its end."""

    connection: str
    client: str
    opened: float
    when: float


@dataclass(slots=True)
class _Closings:
    """A client's latest: when one ended that was idle, and those that ended at once after a response, with when."""

    idle: float = float("-inf")
    at_once: list[tuple[float, str]] = field(default_factory=list)


class ConnectionObserver:
    """Notes which responses the browser has read, and which it may have refused.

    It sets ``Record.read_before`` and ``Record.closed_before``.
    """

    def __init__(self, correlator: Correlator, capacity: int) -> None:
        self._correlator = correlator
        self._latest: Recent[str, list[str]] = Recent(list, capacity, _AGE)
        self._unread: Recent[_Server, dict[str, None]] = Recent(dict, capacity, _AGE)
        self._connections: Recent[_Server, dict[str, float]] = Recent(dict, capacity, _AGE)
        self._closings: Recent[str, _Closings] = Recent(_Closings, capacity, _AGE)

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the ids of those before it of which it shows something."""
        connection = record.exchange.connection
        if not connection or not is_by_libsoup(record):
            return set()
        server, now = _server(record), record.exchange.started
        is_new = connection not in self._latest
        latest = self._latest.use(connection, now)
        if record.id in latest:
            return set()
        before = [each for each in map(self._correlator.get, latest) if each is not None and each.order < record.order]
        latest[:] = [record.id]
        changed = {each.id for each in before}
        for each in before:
            self._take_out(each)
            each.read_before = record.id
        connections = self._connections.use(server, now)
        connections[connection] = now
        if is_new:
            if record.exchange.request.method in _REPEATED_METHODS:
                changed |= self._passed_over(self._unread.use(server, now), record)
            elif sum(when + _LONGEST_IDLE > now for when in connections.values()) > _MOST_TO_A_SERVER:
                # It may have closed all idle ones; which of them are gone is not known, so the number stays.
                for other in [each for each in self._unread if each[0] == record.exchange.client]:
                    self._unread.discard(other)
        if record.kind is Kind.CORS:
            self._unread.use(server, now)[record.id] = None
        return changed

    def closed(self, closing: Closing) -> set[str]:
        """Note that a connection ended; return the ids of which that shows something, or shows it no more."""
        closings = self._closings.use(closing.client, closing.when)
        together = [each for when, each in closings.at_once if closing.when - when <= _TOGETHER]
        record = self._correlator.get(next(iter(self._latest.get(closing.connection) or ()), None))
        self._latest.discard(closing.connection)
        if record is not None:
            self._take_out(record)
            connections = self._connections.get(_server(record))
            if connections is not None:
                connections.pop(closing.connection, None)
            idle = closing.when - record.over
            if record.exchange.ended is None or idle <= _AT_ONCE:
                was_alone = closing.when - closings.idle > _TOGETHER
                if record.kind is not Kind.CORS or record.exchange.ended is None or idle < 0 or not was_alone:
                    return set()
                closings.at_once = [one for one in closings.at_once if one[1] in together]
                closings.at_once.append((closing.when, record.id))
                record.closed_before = record.id
                return {record.id}
        elif closing.when - closing.opened < _USED:
            return set()
        closings.idle, closings.at_once = closing.when, []
        for each in filter(None, map(self._correlator.get, together)):
            each.closed_before = None
        return set(together)

    def _take_out(self, record: Record) -> None:
        unread = self._unread.get(_server(record))
        if unread is not None:
            unread.pop(record.id, None)

    def _passed_over(self, unread: dict[str, None], record: Record) -> set[str]:
        """Return what came on connections that are gone, as the browser opens another one to the same server."""
        changed = set()
        opened = record.exchange.connected or record.exchange.started
        for exchange_id in list(unread):
            each = self._correlator.get(exchange_id)
            if each is None or each.over + _IDLE < opened:
                del unread[exchange_id]
            elif each.exchange.ended is not None and each.over + _SETTLED < opened:
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
    if response.status in _ENDS_OTHERWISE or is_redirect_status(response.status):
        return False
    return _keeps_connection(record.exchange.request.method, record.exchange.response_version, response)


def is_read_only_if_passed(record: Record) -> bool:
    """Say whether a response has a body, which libsoup reads to its end only where WebKit does not block it."""
    response = record.seen
    if response is None or record.exchange.request.method == "HEAD" or not is_given_up_when_blocked(record):
        return False
    length = response.headers.content_length or ""
    return response.status not in _WITHOUT_BODY and length.isascii() and length.isdigit() and length.strip("0") != ""


def _keeps_connection(method: str, version: str, response: Response) -> bool:
    """Say whether a connection over HTTP/1.1 may go on after a response.

    https://www.rfc-editor.org/rfc/rfc9112#section-9.3. A proxy gives what came over HTTP/2 without a length in chunks.
    """
    options = {option.strip().lower() for option in (response.headers.get("Connection") or "").split(",")}
    if "close" in options or (version == "HTTP/1.0" and "keep-alive" not in options):
        return False
    if response.status in _WITHOUT_BODY or method == "HEAD" or not version.startswith("HTTP/1"):
        return True
    return response.headers.content_length is not None or response.headers.get("Transfer-Encoding") is not None


def _server(record: Record) -> _Server:
    scheme, _, rest = record.exchange.request.url.partition("://")
    return record.exchange.client, f"{scheme}://{rest.partition('/')[0]}"
