"""Reading mitmproxy's flow files without making flows of them.

A file is a row of tnetstrings, each a flow's state as a dictionary. Most of what such a dictionary holds (bodies,
certificates, ciphers, what other addons noted) says nothing about CORS, and is stepped over unread. What was written by
another version of mitmproxy goes through mitmproxy's own migrations, and what looks otherwise than expected becomes a
flow after all.
"""

import functools
import operator
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any, BinaryIO, Final

from ..fetch.messages import Request, Response
from ..traffic.body_hints import Hint, response_hints
from ..traffic.exchange import Exchange, Responder
from ..traffic.retention import LONGEST_NAME, LONGEST_URL, cut_bytes, headers_of
from ..verdict.failure_details import inert
from .error import CaptureError
from .flow_failures import failure_told
from .flow_keys import PROBE, SERVER, VERDICT
from .flow_scan import glance, is_of_interest_without_origin
from .mitmproxy_flows import FORMAT_VERSION, default_port, hostport, parse_authority, state_and_url
from .saved_changes import as_sent
from .sighting import UNREMARKABLE, Clock, Sighting
from .tnetstrings import BEGINNING, TOO_LARGE, WHOLE, State, dictionary, netstrings, told

_BROKEN: Final = (ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RecursionError)
"""What reading a state of the wrong shape may end in, in this module and in mitmproxy."""

_LATEST: Final = 1e11
"""Seconds: some 3,000 years from now."""

_WANTED: Final[Mapping[bytes, Any]] = {
    b"version": WHOLE,
    b"type": WHOLE,
    b"id": WHOLE,
    b"error": WHOLE,
    b"websocket": {b"messages": None},
    b"metadata": {PROBE.encode(): WHOLE, SERVER.encode(): WHOLE, VERDICT.encode(): {b"delivered": WHOLE}},
    b"client_conn": dict.fromkeys((b"id", b"peername", b"sockname", b"tls", b"proxy_mode", b"timestamp_start"), WHOLE),
    b"server_conn": dict.fromkeys((b"peername", b"timestamp_start", b"alpn", b"via"), WHOLE),
    b"request": dict.fromkeys(
        (
            b"host",
            b"port",
            b"method",
            b"scheme",
            b"authority",
            b"path",
            b"http_version",
            b"headers",
            b"timestamp_start",
        ),
        WHOLE,
    ),
    b"response": {
        **dict.fromkeys((b"http_version", b"status_code", b"headers", b"timestamp_start", b"timestamp_end"), WHOLE),
        b"content": BEGINNING,
    },
}
"""Which parts of a state are read: all of one, or those that the inner mapping names."""


def sightings(stream: BinaryIO, clock: Clock | None = None) -> Iterator[Sighting]:
    """Read a flow file; one sighting an HTTP flow.

    Raises ``CaptureError`` where the file stops making sense, and at its end if single flows could not be read.
    """
    unread, first = 0, ""
    for number, (offset, payload) in enumerate(netstrings(stream), 1):
        try:
            if payload is TOO_LARGE:
                raise ValueError("it takes more than 64 MB")
            sighting = _sighting(payload, clock)
        except _BROKEN as exc:
            unread += 1
            first = first or f"flow {number:,} at byte {offset:,} ({_told(exc)})"
            continue
        if sighting is not None:
            yield sighting
    if unread:
        raise CaptureError(f"{told(unread)} could not be read and the others were; the first is {first}")


def _told(exc: Exception) -> str:
    return inert(" ".join(str(exc).split()), 240) or type(exc).__name__


# --- from a state to what it tells ------------------------------------------------------------------------------------


def _sighting(payload: bytes, clock: Clock | None = None) -> Sighting | None:
    """Return what a flow tells, ``None`` where it is no HTTP flow."""
    state = dictionary(payload, 0, len(payload), _WANTED)
    if state.get("version") != FORMAT_VERSION:
        return _as_flow(payload)
    if state["type"] != "http":
        return None
    if clock is not None:
        clock.now = max(clock.now, _moment(state["request"]["timestamp_start"] or 0.0))
    try:
        return _of_state(state)
    except _BROKEN:
        return _as_flow(payload)


class _UnexpectedError(ValueError):
    """A state that only mitmproxy itself reads rightly."""


def _of_state(state: State, url: str | None = None) -> Sighting:
    """Read a state; ``url`` is the browser's where mitmproxy has worked it out."""
    if PROBE in state["metadata"]:
        # Asked by the probe, and not by a browser.
        return UNREMARKABLE
    request, client = state["request"], state["client_conn"]
    response = state["response"]
    seen = glance(request["headers"])
    if VERDICT in state["metadata"] and response is not None:
        changed = as_sent(state["metadata"], _exchange(state, url))
        if changed is not None:
            return Sighting(changed[0], delivered=changed[1])
    if seen.origin:
        return Sighting(_exchange(state, url)) if response is not None or state["error"] is not None else UNREMARKABLE
    if response is None:
        return UNREMARKABLE
    cookie = (_text(client["id"]), _text(state["id"])) if seen.cookie else None
    if is_of_interest_without_origin(response["status_code"], response["headers"], seen):
        return Sighting(_exchange(state, url), cookie)
    return Sighting(None, cookie) if cookie is not None else UNREMARKABLE


def _exchange(state: State, url: str | None) -> Exchange:
    request, response, failed = state["request"], state["response"], state["error"]
    client, server = state["client_conn"], state["server_conn"]
    peer, address = client["peername"], None if server["via"] else server["peername"]
    error: str | None = None
    frozen: Response | None = None
    if failed is not None:
        message = _text(failed["msg"])
        error, responder = failure_told(message, request["http_version"], server["alpn"], response is not None)
        ended = failed["timestamp"]
    else:
        responder = Responder.LOCAL if server["timestamp_start"] is None else Responder.SERVER
        frozen = Response(operator.index(response["status_code"]), headers_of(_fields(response)))
        ended = response["timestamp_end"] or response["timestamp_start"]
    return Exchange(
        id=_text(state["id"]),
        request=Request(
            cut_bytes(request["method"], LONGEST_NAME).decode("latin-1"),
            url or _url(request, client),
            headers_of(_fields(request)),
        ),
        response=frozen,
        error=error,
        responder=responder,
        started=_moment(request["timestamp_start"]),
        ended=None if ended is None else _moment(ended),
        client=_text(peer[0]) if peer else "",
        connection=_text(client["id"]),
        connected=_moment(client["timestamp_start"] or 0.0),
        http_version=_version(request),
        response_version="HTTP/1.1" if response is None else _version(response),
        server_address=_text(address[0]) if address else "",
        websocket=state["websocket"] is not None,
        source="flows",
        body_hints=() if frozen is None else _hints(frozen, response),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a number or a list stands where a text should: {value!r:.40}")
    return value


def _moment(value: object) -> float:
    """Return a time; one of another age would be the end of all that is counted from it."""
    if not isinstance(value, (int, float)) or not 0 <= value < _LATEST:
        raise TypeError(f"no time stands where one should: {value!r:.40}")
    return value


def _fields(message: State) -> list[tuple[bytes, bytes]]:
    fields: list[tuple[bytes, bytes]] = message["headers"]
    for name, value in fields:
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise TypeError("a header field is no bytes")
    return fields


def _hints(frozen: Response, response: State) -> tuple[Hint, ...]:
    reason = response.get("reason") or b""
    return response_hints(frozen.status, frozen.headers, response.get("content"), reason.decode("latin-1"))


def _version(message: State) -> str:
    version: bytes = message["http_version"]
    return version.decode("utf-8", "surrogateescape")


def _url(request: State, client: State) -> str:
    """Build the URL that the browser asked for, as ``flows.request_of`` does."""
    if client["proxy_mode"].lower().startswith("reverse"):
        raise _UnexpectedError
    authority = request["authority"] if request["http_version"] in (b"HTTP/2.0", b"HTTP/3") else b""
    in_header = not authority
    if in_header:
        authority = b", ".join([value for name, value in request["headers"] if name.lower() == b"host"])
    path = cut_bytes(request["path"], LONGEST_URL)
    if not (authority.isascii() and path.isascii()):
        raise _UnexpectedError
    if authority:
        begin = _beginning(request["scheme"], authority, in_header)
    else:
        begin = _of_parts(request["scheme"], request["host"], request["port"])
    return begin if path == b"*" else begin + path.decode("ascii")


@functools.lru_cache(4096)
def _beginning(scheme: bytes, authority: bytes, in_header: bool) -> str:
    text = authority.decode("ascii")
    if not in_header and "xn--" in text.lower():
        # What is no header, mitmproxy reads as an international name.
        with suppress(UnicodeError):
            text = authority.decode("idna")
    host, port = parse_authority(text, check=False)
    if not host:
        raise _UnexpectedError
    return _of_parts(scheme, host, port or default_port(scheme) or 443)


def _of_parts(scheme: bytes, host: str, port: int) -> str:
    name = scheme.decode("ascii")
    if ":" in host and "[" not in host:
        host = f"[{host}]"
    return f"{name}://{hostport(name, host, port)}"


def _as_flow(payload: bytes) -> Sighting | None:
    """Let mitmproxy itself make a flow: it knows every version of the format, and every odd corner of this one."""
    found = state_and_url(payload)
    return None if found is None else _of_state(*found)
