"""Reading HAR files: what browsers' developer tools, Playwright and proxies save.

A HAR knows no client connection, most hold no preflights, and browsers leave cookies out of what they call sanitized.
"""

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, BinaryIO, Final

from ..fetch.headers import HeaderList
from ..fetch.messages import REDIRECT_STATUSES, Request, Response
from ..fetch.origins import Origin, address_of, serialize_origin
from ..traffic.address_spaces import address_space_of
from ..traffic.classify import is_cors_preflight_request
from ..traffic.exchange import Exchange
from ..traffic.testimony import Told
from .error import CaptureError
from .har_documents import entries
from .har_entries import Pages, hints_of
from .har_headers import Seen, glance, isomorphic, lines_of, says_nothing, with_one_origin
from .har_notes import HarNotes, time_of
from .json_stream import CUT, TOO_LARGE, JsonWalker
from .recorder import BLOCKED_BY_CLIENT, CHECKED, REFUSED, SCRIPTS, WITHHELD, error_of, kind_of, testimony_of
from .sighting import UNREMARKABLE, Sighting

_BROKEN: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
_ON_THE_NETWORK: Final = ("http://", "https://", "ws://", "wss://")
_GIVE_UP: Final = 10_000
"""After so many entries of which none could be read, the file is left."""

_HELD: Final = 256
_FOLLOWING: Final = SCRIPTS | {""}
"""Types of requests that show that an export holds what scripts ask, so that what does not follow was not sent."""

_NEAR_SECONDS: Final = 10.0
_VERSIONS: Final = {
    "h2": "HTTP/2.0",
    "http/2": "HTTP/2.0",
    "http/2.0": "HTTP/2.0",
    "h3": "HTTP/3",
    "http/3.0": "HTTP/3",
}

# Names of failures that can only mean that no response came. Others, such as net::ERR_FAILED, also stand for what the
# browser itself refused.
_NO_RESPONSE: Final = re.compile(
    r"net::ERR_(?:ADDRESS|CERT|CONNECTION|DNS|EMPTY_RESPONSE|HTTP2|INTERNET_DISCONNECTED|NAME|NETWORK_CHANGED|PROXY"
    r"|QUIC|SOCKET|SSL|TIMED_OUT|TUNNEL)"
    r"|NS_ERROR_(?:CONNECTION_REFUSED|NET_|PROXY_|REDIRECT_LOOP|UNKNOWN_HOST)"
)

_HARMLESS_TYPES: Final = (
    "audio/",
    "font/",
    "image/",
    "text/css",
    "text/javascript",
    "application/javascript",
    "video/",
)
"""Content types that no browser holds back from a script, style, image or media element."""

_ISOLATING: Final = re.compile(r"/[\w.-]*(?:coi|enable-threads|isolation)[\w.-]*\.m?js(?:\?|$)")
"""Service workers that add an embedder policy to their pages."""

_ANYWHERE: Final = Origin("https", "example.com", 443)

_PUBLIC: Final = re.compile(r"(?:http|ws)s?://(?:[a-z0-9-]+\.)+(?!arpa|internal|local)[a-z]{2,}[:/?#]")
"""URLs of hosts that do not look like the local network's."""


def sightings(stream: BinaryIO, name: str, encoding: str, notes: HarNotes) -> Iterator[Sighting]:
    """Read HARs; one sighting an entry. An exchange's id is ``name#N``, with N as in ``log.entries[N]``.

    Raises ``CaptureError`` where the JSON breaks off, and at its end if single entries could not be used.
    """
    return judge_entries(entries(JsonWalker(stream, encoding), notes), name, notes)


def judge_entries(found: Iterable[Any], name: str, notes: HarNotes) -> Iterator[Sighting]:
    """Turn entries into sightings, as ``sightings`` does; a request that failed comes after its preflight."""
    unread, first, count = 0, "", 0
    reader = _Reader(notes)
    try:
        for count, entry in enumerate(found, 1):
            try:
                if entry["request"]["method"] != "OPTIONS" and kind_of(entry) in _FOLLOWING:
                    notes.last = entry.get("startedDateTime") or notes.last
                if CUT in entry:
                    notes.too_large.append(f"{name}#{count - 1}")
                yield from reader.sightings(entry, f"{name}#{count - 1}", count)
            except _BROKEN:
                if entry is TOO_LARGE:
                    notes.too_large.append(f"{name}#{count - 1}")
                    continue
                unread += 1
                first = first or f"log.entries[{count - 1}]"
                if unread == count == _GIVE_UP:
                    break
    except CaptureError as exc:
        before = f"; {_told(count)} before that could be read" if count else ""
        yield from reader.rest()
        raise CaptureError(f"{exc}{before}") from exc
    yield from reader.rest()
    if unread:
        others = "and the others were" if count > unread else "and no other was"
        raise CaptureError(
            f"{_told(unread)} could not be read {others}; the first is {first}, which has to be an object"
            " with request.method, request.url and lists of headers"
        )


def _told(count: int) -> str:
    return "one entry" if count == 1 else f"{count:,} entries"


class _Reader:
    """Turns entries into exchanges; an entry without a usable time gets that of the one before."""

    def __init__(self, notes: HarNotes) -> None:
        self._notes = notes
        self._last = 0.0
        self._embedders = False
        self._pages = Pages()
        self._held: list[Sighting] = []
        self._preflights: dict[str, Exchange] = {}

    def sightings(self, entry: dict[str, Any], exchange_id: str, place: int) -> Iterator[Sighting]:
        request = entry["request"]
        url, method = request["url"], request["method"]
        if not url.startswith(_ON_THE_NETWORK) or _is_answered_inside(entry):
            yield UNREMARKABLE
            return
        answer = entry.get("response") or {}
        status = int(answer.get("status") or 0)
        came = (answer.get("headers") or ()) if status > 0 else ()
        error = error_of(entry, answer)
        address = _address(str(entry.get("serverIPAddress") or ""))
        sent = request.get("headers") or ()
        seen, told = glance(sent), glance(came)
        if status in REDIRECT_STATUSES or "_frameref" in entry:
            self._pages.saw(entry, url, status, answer)
        # What a browser saves of a request before the network stack has it lacks what that would have added.
        bare = "origin" not in seen and "sec-fetch-mode" not in seen
        page = ""
        provisional = bare and "host" not in seen and ":authority" not in seen
        passed = provisional and "access-control-allow-origin" in told
        if bare and (passed or error == REFUSED or (status <= 0 and self._is_of_network(error))):
            page = self._pages.origin_of(entry, seen.get("referer", ""), url)
            if page:
                seen["origin"] = page
        if status <= 0:
            tells = "origin" in seen or error.startswith(WITHHELD)
            if not tells and not self._may_belong_to_preflight(entry, error, exchange_id):
                yield UNREMARKABLE
                return
        elif not self._is_of_interest(url, seen, status, told, address, error):
            yield UNREMARKABLE
            return
        asked, answered = lines_of(sent), lines_of(came)
        if page:
            asked.append(("Origin", page))
        elif "," in seen.get("origin", "") or "\n" in seen.get("origin", ""):
            asked = with_one_origin(asked, url)
            seen = glance(asked)
        started, ended = self._times(entry)
        crosses = _crosses(seen, url)
        refused = error == REFUSED and crosses
        lost = error if status <= 0 and (refused or self._is_of_network(error)) else None
        known = status if answered or self._has_all(answer) else 0
        response = Response(known, HeaderList(answered)) if status > 0 else None
        asked_for = isomorphic(url.partition("#")[0])
        exchange = Exchange(
            id=exchange_id,
            request=Request(str(method), asked_for, HeaderList(asked)),
            response=response if response is not None or lost is not None else Response(0, HeaderList()),
            error=lost,
            started=started,
            ended=ended,
            http_version=_version(request, answer),
            server_address=address,
            websocket=entry.get("_resourceType") == "websocket" or "_webSocketMessages" in entry,
            source="har",
            connection=str(entry.get("_connectionId") or ""),
            body_hints=hints_of(status, told, answer) if crosses or status >= 400 else (),
            from_cache=bool(entry.get("_fromCache")),
            testimony=testimony_of(entry, answer, status, error, self._notes.creator, crosses),
        )
        yield from self._in_order(Sighting(exchange, place=place), seen)

    def rest(self) -> Iterator[Sighting]:
        """Yield the requests that failed and whose preflights did not come."""
        for sighting in self._held:
            yield self._given_up(sighting)
        self._held.clear()

    def _in_order(self, sighting: Sighting, seen: Seen) -> Iterator[Sighting]:
        """Hold back a request that failed without Origin until its preflight tells in whose name it was made."""
        exchange = sighting.exchange
        assert exchange is not None
        if is_cors_preflight_request(exchange.request):
            self._preflights[exchange.request.url] = exchange
            while len(self._preflights) > _HELD:
                del self._preflights[next(iter(self._preflights))]
            yield sighting
            held, self._held = self._held, []
            for each in held:
                made = self._made_of(each)
                if made is None:
                    self._held.append(each)
                else:
                    yield made
            return
        told = "" if exchange.testimony is None else exchange.testimony.error or ""
        if "origin" in seen or told.startswith(WITHHELD) or exchange.response is None or exchange.response.status:
            yield sighting
            return
        made = self._made_of(sighting)
        if made is not None:
            yield made
            return
        self._held.append(sighting)
        if len(self._held) > _HELD:
            yield self._given_up(self._held.pop(0))

    def _made_of(self, sighting: Sighting) -> Sighting | None:
        """Give a request the origin of its preflight: provisional headers, of what was never sent, leave it out."""
        exchange = sighting.exchange
        assert exchange is not None
        preflight = self._preflights.get(exchange.request.url)
        if preflight is None or abs(preflight.started - exchange.started) > _NEAR_SECONDS:
            return None
        asked = preflight.request.headers
        if asked.get("Access-Control-Request-Method") != exchange.request.method:
            return None
        lines = [*exchange.request.headers, ("Origin", asked.get("Origin") or "null")]
        testimony = exchange.testimony
        if testimony is not None and testimony.error == REFUSED:
            testimony = replace(testimony, outcome=Told.CORS)
        request = replace(exchange.request, headers=HeaderList(lines))
        return replace(sighting, exchange=replace(exchange, request=request, testimony=testimony))

    def _given_up(self, sighting: Sighting) -> Sighting:
        exchange = sighting.exchange
        assert exchange is not None
        referer = exchange.request.headers.get("Referer")
        if referer is None or serialize_origin(referer) != serialize_origin(exchange.request.url):
            self._notes.traceless.append(exchange.id)
        return UNREMARKABLE

    def _may_belong_to_preflight(self, entry: dict[str, Any], error: str, exchange_id: str) -> bool:
        """Say whether an entry without response and Origin is a script's that CORS may have stopped."""
        if error == BLOCKED_BY_CLIENT:
            self._notes.blocked.append(exchange_id)
        return kind_of(entry) in (CHECKED if error == REFUSED else SCRIPTS if not error else ())

    def _is_of_network(self, error: str) -> bool:
        return bool(error) and (self._notes.creator == "mitmproxy" or _NO_RESPONSE.match(error) is not None)

    def _has_all(self, answer: dict[str, Any]) -> bool:
        """Say whether a response may have had no headers at all; with a body, they were not saved."""
        if self._notes.creator == "mitmproxy":
            return True
        content = answer.get("content")
        sizes = answer.get("bodySize"), content.get("size") if isinstance(content, dict) else None
        return "headers" in answer and not any(isinstance(size, (int, float)) and size > 0 for size in sizes)

    def _is_of_interest(self, url: str, seen: Seen, status: int, answered: Seen, address: str, error: str) -> bool:
        """Say whether an entry can tell something; as ``capture_scan`` says for saved flows, and more choosy.

        Half of what pages load are scripts, styles and images in mode "no-cors" that nothing could block.
        """
        if "origin" in seen or error.startswith("net::ERR_BLOCKED_BY_"):
            return True
        if says_nothing(seen) and "access-control-allow-origin" in answered:
            # No request headers were saved, and CORS had a part in it.
            return True
        if _ISOLATING.search(url) is not None:
            self._embedders = True
            return True
        if "cross-origin-embedder-policy" in answered:
            self._embedders = True
        if seen.get("accept", "").startswith("text/html") or status in REDIRECT_STATUSES:
            return True
        if "x-content-type-options" in answered or "cross-origin-resource-policy" in answered:
            return True
        if seen.get("sec-fetch-mode") != "no-cors":
            return False
        return (
            self._embedders
            or "sec-fetch-storage-access" in seen
            or not answered.get("content-type", "").startswith(_HARMLESS_TYPES)
            or not _PUBLIC.match(url)
            or _is_private(address)
        )

    def _times(self, entry: dict[str, Any]) -> tuple[float, float]:
        """Return when a request went out, and when its response was there.

        A browser starts its clock when the page asks; what the request then waited for, its preflight included, is
        called blocked.
        """
        self._last = time_of(entry.get("startedDateTime")) or self._last
        took = _milliseconds(entry.get("time"))
        waited = _milliseconds((entry.get("timings") or {}).get("blocked"))
        return self._last + min(waited, took) / 1000, self._last + took / 1000


def _crosses(seen: Seen, url: str) -> bool:
    return seen.get("origin", "") not in ("", serialize_origin(url))


def _is_answered_inside(entry: dict[str, Any]) -> bool:
    """Say whether no server answered.

    A test may have made up the answer, or a service worker, and what that fetched for it is an entry of its own.
    """
    if entry.get("_fetchType") == "Service Worker":
        return True
    return bool(entry.get("_fetchedViaServiceWorker") or entry.get("_wasFulfilled"))


def _milliseconds(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and 0 < value < 1e12 else 0.0


def _version(request: dict[str, Any], answer: dict[str, Any]) -> str:
    told = str(answer.get("httpVersion") or request.get("httpVersion") or "HTTP/1.1")
    return _VERSIONS.get(told.lower(), told.upper())


@functools.lru_cache(1024)
def _address(told: str) -> str:
    """Return a server's address; empty for this very machine's, for a browser behind a proxy writes the proxy's."""
    address = address_of(told)
    return "" if address is None or address.is_loopback else told.strip("[]")


@functools.lru_cache(1024)
def _is_private(address: str) -> bool:
    return address_space_of(_ANYWHERE, address) is not None
