"""Chrome's NetLog (``chrome://net-export``, ``--log-net-log``): each request of a page becomes the entry of a HAR.

A log is a row of events. Those of one ``URL_REQUEST`` source tell of a request and what it was redirected to; a CORS
preflight is a source of its own, and what Chrome made of it is told by the request behind it. Event names and what they
mean: https://chromium.googlesource.com/chromium/src/+/HEAD/net/log/net_log_event_type_list.h
"""

import math
import operator
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from ..fetch.origins import serialize_origin
from .error import CaptureError
from .har_notes import HarNotes

_BEGIN, _END = 1, 2
_MOST_OPEN: Final = 10_000
"""Requests under way that are remembered; the oldest is given up first."""

_CREDENTIALS_NOT_INCLUDED: Final = "DO_NOT_SAVE_COOKIES"
_CACHE_ONLY: Final = "net::ERR_CACHE_MISS"
_STATUS: Final = re.compile(r"[0-9]{1,9}")
_NO_PAGE: Final = "not an origin"
_CORS_ERRORS: Final = {
    0: "DisallowedByMode",
    1: "InvalidResponse",
    2: "WildcardOriginNotAllowed",
    3: "MissingAllowOriginHeader",
    4: "MultipleAllowOriginValues",
    5: "InvalidAllowOriginValue",
    6: "AllowOriginMismatch",
    7: "InvalidAllowCredentials",
    8: "CorsDisabledScheme",
    9: "PreflightInvalidStatus",
    10: "PreflightDisallowedRedirect",
    11: "PreflightWildcardOriginNotAllowed",
    12: "PreflightMissingAllowOriginHeader",
    13: "PreflightMultipleAllowOriginValues",
    14: "PreflightInvalidAllowOriginValue",
    15: "PreflightAllowOriginMismatch",
    16: "PreflightInvalidAllowCredentials",
    17: "InvalidAllowMethodsPreflightResponse",
    18: "InvalidAllowHeadersPreflightResponse",
    19: "MethodDisallowedByPreflightResponse",
    20: "HeaderDisallowedByPreflightResponse",
}
"""Chrome's numbers for a preflight's failure: https://chromium.googlesource.com/chromium/src/+/HEAD/services/network/\
public/mojom/cors.mojom. What comes after these is numbered otherwise from version to version."""

Entry = dict[str, Any]

_BROKEN: Final = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What reading an event of the wrong shape ends in."""


def entries_of_netlog(events: Iterator[Any], constants: dict[str, Any], notes: HarNotes) -> Iterator[Entry]:
    """Yield each request of a page, as the entry of a HAR, when its last event was read.

    A log that breaks off, as that of a running or crashed Chrome does, is read as far as it goes.
    """
    client = constants.get("clientInfo")
    if isinstance(client, dict):
        notes.creator = f"NetLog of {client.get('name', 'Chrome')} {client.get('version', '')}".strip()
    log = _Log(constants)
    unread = 0
    try:
        for event in events:
            try:
                yield from log.event(event)
            except _BROKEN:
                unread += 1
    except CaptureError as exc:
        if "ends too early" not in str(exc):
            raise
        notes.cut_short = True
    yield from log.rest()
    if unread:
        raise CaptureError(f"{unread:,} of its events could not be read")


@dataclass(slots=True)
class _Hop:
    """One request and its response."""

    method: str = "GET"
    url: str = ""
    started: float = 0.0
    ended: float = 0.0
    version: str = ""
    sent: list[str] = field(default_factory=list)
    status: int = 0
    came: list[str] = field(default_factory=list)
    error: str = ""
    body: bool = False
    began: bool = False


@dataclass(slots=True)
class _Source:
    """A request of a page; ``owner`` is the source that a preflight was made for."""

    hop: _Hop = field(default_factory=_Hop)
    initiator: str = ""
    kind: str = ""
    credentials: bool | None = None
    """Whether they are included, ``None`` where that is not told."""
    owner: int | None = None
    preflight: int | None = None
    entry: Entry | None = None
    """Of a preflight: what waits for the word of the request behind it."""


class _Log:
    def __init__(self, constants: dict[str, Any]) -> None:
        self._types: dict[Any, str] = {number: name for name, number in _named(constants, "logEventTypes")}
        self._errors = {number: name for name, number in _named(constants, "netError")}
        self._request = dict(_named(constants, "logSourceType")).get("URL_REQUEST")
        self._uncredentialed = dict(_named(constants, "loadFlag")).get(_CREDENTIALS_NOT_INCLUDED, 0)
        self._offset = 0.0
        with suppress(*_BROKEN):
            self._offset = _number(constants.get("timeTickOffset"))
        self._sources: dict[int, _Source] = {}

    def event(self, event: Entry) -> Iterator[Entry]:
        of = event["source"]
        if of.get("type") != self._request:
            return
        name, phase, number = self._types.get(event.get("type"), ""), event.get("phase"), operator.index(of["id"])
        params = event.get("params") or {}
        source = self._sources.get(number)
        if source is None:
            if name not in ("CORS_REQUEST", "REQUEST_ALIVE", "CREATED_BY") or phase == _END:
                return
            source = self._sources[number] = _Source()
            if len(self._sources) > _MOST_OPEN:
                yield from self._closed(next(iter(self._sources)))
        hop = source.hop
        hop.ended = self._offset + _number(event.get("time") or 0)
        match name:
            case "CORS_REQUEST" if phase == _BEGIN:
                asked = params.get("request_headers") or {}
                hop.url, hop.started, hop.sent = str(params.get("url") or ""), hop.ended, _lines(asked.get("headers"))
                hop.method = str(asked.get("line") or "GET").partition(" ")[0]
            case "CORS_REQUEST" if not hop.began:
                # Its preflight failed, or the cache had no response for it: it was never sent.
                yield from self._closed(number)
            case "CORS_PREFLIGHT_URL_REQUEST":
                if hop.status:
                    # A redirect leads to where a preflight is needed.
                    yield from self._hop_done(source, number)
                source.preflight = _dependency(params)
            case "CORS_PREFLIGHT_RESULT":
                yield from self._answered(source, None, "")
            case "CORS_PREFLIGHT_ERROR":
                hop.error = f"net::{params.get('error') or 'ERR_FAILED'}"
                yield from self._answered(source, params.get("cors-error"), hop.error)
            case "CREATED_BY":
                source.owner = _dependency(params)
            case "URL_REQUEST_START_JOB" if phase == _BEGIN:
                if hop.began:
                    yield from self._hop_done(source, number)
                self._begun(source, params)
            case "HTTP_TRANSACTION_READ_RESPONSE_HEADERS":
                first, *hop.came = _lines(params.get("headers")) or [""]
                code = first.split(" ")[1:2]
                hop.status = int(code[0]) if code and _STATUS.fullmatch(code[0]) else 0
            case "HTTP_TRANSACTION_READ_BODY" | "URL_REQUEST_JOB_FILTERED_BYTES_READ":
                hop.body = True
            case "CANCELLED" if not hop.url.startswith("ws") and not 300 <= hop.status < 400:
                # Chrome cancels what it refuses when the headers are there, and a page may cancel any time.
                hop.error = hop.error or ("net::ERR_ABORTED" if hop.body or not hop.status else "net::ERR_FAILED")
            case "REQUEST_ALIVE" if phase == _END:
                yield from self._closed(number)
            case _ if name.endswith("_SEND_REQUEST_HEADERS"):
                hop.sent = _lines(params.get("headers"))
                hop.version = "HTTP/2.0" if "HTTP2" in name else "HTTP/3" if "QUIC" in name else "HTTP/1.1"
            case _:
                pass
        failed = params.get("net_error") if isinstance(params, dict) else None
        if isinstance(failed, int) and failed in self._errors and name in ("FAILED", "URL_REQUEST_START_JOB"):
            hop.error = f"net::{self._errors[failed]}"

    def rest(self) -> Iterator[Entry]:
        """Yield what was under way at the end."""
        for number in [*self._sources]:
            yield from self._closed(number)

    def _begun(self, source: _Source, params: Entry) -> None:
        hop = source.hop
        if not hop.began:
            self._first_begun(source, params)
        source.hop = _Hop(
            method=str(params.get("method") or hop.method),
            url=str(params.get("url") or hop.url),
            started=hop.started or hop.ended,
            sent=hop.sent,
            began=True,
        )

    def _first_begun(self, source: _Source, params: Entry) -> None:
        source.initiator = str(params.get("initiator") or "")
        source.kind = str(params.get("request_type") or "")
        flags = params.get("load_flags")
        if isinstance(flags, int) and self._uncredentialed:
            if flags & self._uncredentialed:
                source.credentials = False
            elif serialize_origin(str(params.get("url"))) != source.initiator:
                # A request to the page's own origin has them in mode "same-origin" too, up to a redirect.
                source.credentials = True
        owner = self._sources.get(source.owner or -1)
        if owner is not None:
            owner.initiator = source.initiator

    def _hop_done(self, source: _Source, number: int) -> Iterator[Entry]:
        """Yield what led on to another URL."""
        yield from self._made(source, number)
        source.hop = _Hop(source.hop.method, started=source.hop.ended, ended=source.hop.ended, began=True)

    def _closed(self, number: int) -> Iterator[Entry]:
        source = self._sources.get(number)
        if source is None:
            return
        if source.owner in self._sources and source.entry is None:
            # The request behind a preflight tells what became of it.
            source.entry = next(iter(self._made(source, number)), None)
            return
        del self._sources[number]
        if source.preflight in self._sources:
            yield from self._closed(source.preflight)
        if source.entry is not None:
            yield source.entry
        else:
            yield from self._made(source, number)

    def _answered(self, source: _Source, cors_error: Any, error: str) -> Iterator[Entry]:
        """Yield a preflight when the request behind it tells what Chrome made of it."""
        preflight = self._sources.pop(source.preflight, None) if source.preflight is not None else None
        if preflight is None:
            return
        entry = preflight.entry or next(iter(self._made(preflight, 0)), None)
        if entry is None:
            return
        name = _CORS_ERRORS.get(cors_error) if isinstance(cors_error, int) else None
        if name is not None:
            entry["_corsError"] = name
            entry["response"]["_error"] = error
        elif not error:
            entry["response"]["_error"] = None
        yield entry

    def _made(self, source: _Source, number: int) -> Iterator[Entry]:
        hop = source.hop
        if not hop.url.startswith(("http://", "https://", "ws://", "wss://")) or source.initiator == _NO_PAGE:
            return
        if hop.error == _CACHE_ONLY or (hop.began and not hop.status and not hop.error):
            # Looked for in the cache, out of the cache, whose headers no log has, or still under way.
            return
        sent = [line for line in hop.sent if not line.startswith(":")]
        if not hop.began and source.initiator:
            sent.append(f"Origin: {source.initiator}")
        moment = datetime.fromtimestamp(min(max(hop.started, 0.0), 4e12) / 1000, UTC)
        kind = "preflight" if source.owner is not None else _kind(source, sent)
        yield {
            "startedDateTime": moment.isoformat(timespec="milliseconds"),
            "time": max(0.0, hop.ended - hop.started),
            "_initiator": {"type": "preflight" if kind == "preflight" else "other"},
            "_resourceType": kind,
            "_credentials": source.credentials,
            "request": {
                "method": hop.method,
                "url": hop.url,
                "httpVersion": hop.version,
                "headers": [*map(_header, sent)],
            },
            "response": {
                "status": hop.status,
                "headers": [*map(_header, hop.came)],
                # A body may be read before CORS withholds it, so that no error proves nothing.
                **({"_error": hop.error} if hop.error else {}),
            },
        }


def _kind(source: _Source, sent: list[str]) -> str:
    if source.kind in ("main frame", "sub frame"):
        return "document"
    if source.hop.url.startswith(("ws://", "wss://")):
        return "websocket"
    lines = {line.lower().replace(": ", ":") for line in sent}
    if any(line.startswith("sec-fetch-mode:") for line in lines):
        return "fetch" if "sec-fetch-mode:cors" in lines else "other"
    # Over plain http nothing tells fetch() from a beacon, and a beacon is POST.
    return "fetch" if source.hop.method != "POST" and any(line.startswith("origin:") for line in lines) else "other"


def _named(constants: dict[str, Any], what: str) -> list[tuple[str, int]]:
    found = constants.get(what)
    return (
        [(name, number) for name, number in found.items() if isinstance(number, int)] if isinstance(found, dict) else []
    )


def _number(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number):
        raise ValueError("no time")
    return number


def _dependency(params: Entry) -> int | None:
    number = (params.get("source_dependency") or {}).get("id")
    return None if number is None else operator.index(number)


def _lines(headers: Any) -> list[str]:
    if isinstance(headers, dict):
        return [f"{name}: {value}" for name, value in headers.items()]
    return [line for line in headers if isinstance(line, str)] if isinstance(headers, list) else []


def _header(line: str) -> dict[str, str]:
    name, _, value = line.partition(":")
    return {"name": name, "value": value.strip(" \t")}
