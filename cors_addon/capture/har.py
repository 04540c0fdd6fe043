"""Reading HAR files: what browsers' developer tools, Playwright and proxies save.

A HAR knows no client connection, most hold no preflights, and browsers leave cookies out of what they call sanitized.
"""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO, Final

from ..fetch.headers import HeaderList
from ..fetch.messages import REDIRECT_STATUSES, Request, Response
from ..fetch.origins import Origin, address_of
from ..traffic.address_spaces import address_space_of
from ..traffic.exchange import Exchange
from .error import CaptureError
from .har_entries import SCRIPTS, call_site_of, hints_of, isomorphic, page_of
from .json_stream import JsonWalker
from .sighting import UNREMARKABLE, Sighting

_BROKEN: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
_ON_THE_NETWORK: Final = ("http://", "https://", "ws://", "wss://")
_FOLDED: Final = re.compile(r"\r?\n(?![ \t])")
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

_TOLD_BY: Final = {
    name: name
    for name in (
        "accept",
        "content-type",
        "cross-origin-embedder-policy",
        "cross-origin-resource-policy",
        "origin",
        "sec-fetch-mode",
        "sec-fetch-storage-access",
        "x-content-type-options",
    )
}
_ISOLATING: Final = re.compile(r"/[\w.-]*(?:coi|enable-threads|isolation)[\w.-]*\.m?js(?:\?|$)")
"""Service workers that add an embedder policy to their pages."""

_LENGTHS: Final = frozenset(map(len, _TOLD_BY))
_Seen = dict[str, str]
_ANYWHERE: Final = Origin("https", "example.com", 443)

_PUBLIC: Final = re.compile(r"(?:http|ws)s?://(?:[a-z0-9-]+\.)+(?!arpa|internal|local)[a-z]{2,}[:/?#]")
"""URLs of hosts that do not look like the local network's."""


@dataclass(slots=True)
class HarNotes:
    """What a HAR leaves out.

    ``traceless`` counts the requests of scripts that failed and of which too little was saved to say why; ``first`` is
    the id of the first one.
    """

    creator: str = ""
    traceless: int = 0
    first: str = ""
    last: str = ""
    """When the last entry began, as written."""

    @property
    def now(self) -> float:
        """When the last entry began (Unix seconds), 0 where that cannot be read."""
        return _time_of(self.last) or 0.0

    def __str__(self) -> str:
        if not self.traceless:
            return ""
        what = "one request of a script" if self.traceless == 1 else f"{self.traceless:,} requests of scripts"
        return (
            f"{what} failed and too little was saved to say why ({self.first} is the first): browsers write the same"
            " for what CORS stops. Record through mitmproxy to know."
        )


def sightings(stream: BinaryIO, name: str, encoding: str, notes: HarNotes) -> Iterator[Sighting]:
    """Read a HAR; one sighting an entry. An exchange's id is ``name#N``, with N as in ``log.entries[N]``.

    Raises ``CaptureError`` where the JSON breaks off, and at its end if single entries could not be used.
    """
    unread, first, count = 0, "", 0
    reader = _Reader(notes)
    try:
        for count, entry in enumerate(_entries(JsonWalker(stream, encoding), notes), 1):
            try:
                notes.last = entry.get("startedDateTime") or notes.last
                yield reader.sighting(entry, f"{name}#{count - 1}")
            except _BROKEN:
                unread += 1
                first = first or f"log.entries[{count - 1}]"
    except CaptureError as exc:
        before = f"; {_told(count)} before that could be read" if count else ""
        raise CaptureError(f"{exc}{before}") from exc
    if unread:
        raise CaptureError(
            f"{_told(unread)} could not be read and the others were; the first is {first}, which has to be an object"
            " with request.method, request.url and lists of headers"
        )


def _told(count: int) -> str:
    return "one entry" if count == 1 else f"{count:,} entries"


def _entries(walker: JsonWalker, notes: HarNotes) -> Iterator[Any]:
    found = False
    for key in walker.members():
        if key != "log" or walker.peek() != "{":
            walker.value()
            continue
        for inner in walker.members():
            if inner == "entries" and walker.peek() == "[":
                found = True
                yield from walker.elements()
                continue
            value = walker.value()
            if inner == "creator" and isinstance(value, dict):
                notes.creator = str(value.get("name", ""))
    if not found:
        raise CaptureError("this is JSON and no HAR: it holds no log.entries")
    if walker.peek():
        raise CaptureError("something follows after the end of the HAR")


class _Reader:
    """Turns entries into exchanges; an entry without a usable time gets that of the one before."""

    def __init__(self, notes: HarNotes) -> None:
        self._notes = notes
        self._last = 0.0
        self._embedders = False

    def sighting(self, entry: dict[str, Any], exchange_id: str) -> Sighting:
        request = entry["request"]
        url, method = request["url"], request["method"]
        asked = _lines(request.get("headers") or ())
        if not url.startswith(_ON_THE_NETWORK) or _is_answered_inside(entry):
            return UNREMARKABLE
        answer = entry.get("response") or {}
        status = int(answer.get("status") or 0)
        answered = _lines(answer.get("headers") or ()) if status > 0 else []
        error = None if status > 0 else self._error(entry, answer)
        address = _address(str(entry.get("serverIPAddress") or ""))
        seen = _glance(asked)
        if status <= 0:
            if "origin" not in seen and error is not None and (page := page_of(entry, asked, url)):
                # What a browser saves of a request that never went out lacks what the network stack would have added.
                asked.append(("Origin", page))
                seen["origin"] = page
            if "origin" not in seen:
                if error is None and entry.get("_resourceType") in SCRIPTS and not entry.get("_wasAborted"):
                    self._notes.traceless += 1
                    self._notes.first = self._notes.first or exchange_id
                return UNREMARKABLE
        elif not self._is_of_interest(url, seen, status, _glance(answered), address):
            return UNREMARKABLE
        started, ended = self._times(entry)
        response = Response(status, HeaderList(answered)) if status > 0 else None
        exchange = Exchange(
            id=exchange_id,
            request=Request(str(method), isomorphic(url.partition("#")[0]), HeaderList(asked)),
            response=response if response is not None or error is not None else Response(0, HeaderList()),
            error=error,
            started=started,
            ended=ended,
            http_version=_version(request, answer),
            server_address=address,
            websocket=entry.get("_resourceType") == "websocket" or "_webSocketMessages" in entry,
            source="har",
            body_hints=hints_of(status, answer),
            from_cache=bool(entry.get("_fromCache")),
            initiator=call_site_of(entry),
        )
        return Sighting(exchange)

    def _is_of_interest(self, url: str, seen: _Seen, status: int, answered: _Seen, address: str) -> bool:
        """Say whether an entry can tell something; as ``capture_scan`` says for saved flows, and more choosy.

        Half of what pages load are scripts, styles and images in mode "no-cors" that nothing could block.
        """
        if "origin" in seen:
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
        self._last = _time_of(entry.get("startedDateTime")) or self._last
        took = _milliseconds(entry.get("time"))
        waited = _milliseconds((entry.get("timings") or {}).get("blocked"))
        return self._last + min(waited, took) / 1000, self._last + took / 1000

    def _error(self, entry: dict[str, Any], answer: dict[str, Any]) -> str | None:
        for text in (answer.get("_error"), answer.get("_failureText"), entry.get("_error")):
            if isinstance(text, str) and text and (self._notes.creator == "mitmproxy" or _NO_RESPONSE.match(text)):
                return text
        return None


def _time_of(written: Any) -> float | None:
    try:
        moment = datetime.fromisoformat(written)
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()
    except _BROKEN:
        return None


def _lines(headers: Any) -> list[tuple[str, str]]:
    """Return header lines; pseudo headers are no headers, and a line break stands between lines of one name."""
    try:
        pairs = [(header["name"], header["value"]) for header in headers]
        text = "".join([name + value for name, value in pairs])
    except (TypeError, LookupError):
        pairs = [_pair(header) for header in headers]
        text = "\n"
    if text.isascii() and "\n" not in text:
        return [pair for pair in pairs if not pair[0].startswith(":")] if ":" in text else pairs
    return [
        (isomorphic(name), isomorphic(line))
        for name, value in pairs
        if not name.startswith(":")
        for line in _FOLDED.split(value)
    ]


def _glance(lines: list[tuple[str, str]]) -> _Seen:
    """Return the first value of each header that decides whether an entry is of interest, by lower-cased name.

    Most entries are not, and a ``HeaderList`` of each would be most of what reading them costs.
    """
    return {key: value.strip() for name, value in reversed(lines) if (key := _TOLD_BY.get(name) or _told_by(name))}


def _told_by(name: str) -> str | None:
    # Their lengths are rare among names.
    return _TOLD_BY.get(name.lower()) if len(name) in _LENGTHS else None


def _pair(header: Any) -> tuple[str, str]:
    name, value = (header["name"], header.get("value")) if isinstance(header, dict) else header
    return str(name), "" if value is None else str(value)


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
