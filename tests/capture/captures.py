"""Captures for the tests of reading them: flow files as mitmproxy writes them, and HARs as others do."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from typing import Any

from mitmproxy import flow, http
from mitmproxy.io import FlowReader, FlowWriter, tnetstring

from cors_addon.capture.flow_files import sightings
from cors_addon.capture.flow_keys import PROBE
from cors_addon.capture.flow_scan import glance, is_of_interest_without_origin
from cors_addon.capture.sighting import UNREMARKABLE, Sighting
from cors_addon.mitm import flows


def flow_file(flows: Iterable[flow.Flow]) -> bytes:
    """Return what ``mitmdump -w`` writes."""
    file = io.BytesIO()
    writer = FlowWriter(file)
    for each in flows:
        writer.add(each)
    return file.getvalue()


def state_of(subject: flow.Flow) -> dict[str, Any]:
    """Return a flow's state as it is read from a file."""
    state = tnetstring.loads(flow_file([subject]))
    assert isinstance(state, dict)
    return state


def file_of(*states: Any) -> bytes:
    """Write states, whatever they hold."""
    return b"".join(tnetstring.dumps(state) for state in states)


def read(data: bytes) -> list[Sighting]:
    """Read a flow file quickly."""
    return list(sightings(io.BytesIO(data)))


def read_slowly(subject: flow.Flow) -> Sighting | None:
    """Read a flow as mitmproxy reads it, and freeze it as the addon freezes a live one."""
    [loaded] = FlowReader(io.BytesIO(flow_file([subject]))).stream()
    if not isinstance(loaded, http.HTTPFlow):
        return None
    if PROBE in loaded.metadata:
        return UNREMARKABLE
    seen = glance(loaded.request.headers.fields)
    if seen.origin:
        answered = loaded.response is not None or loaded.error is not None
        return Sighting(flows.exchange_of(loaded)) if answered else UNREMARKABLE
    if loaded.response is None:
        return UNREMARKABLE
    cookie = (loaded.client_conn.id, loaded.id) if seen.cookie else None
    if is_of_interest_without_origin(loaded.response.status_code, loaded.response.headers.fields, seen):
        return Sighting(flows.exchange_of(loaded), cookie)
    return Sighting(None, cookie) if cookie is not None else UNREMARKABLE


def entry(
    url: str = "https://api.test/items",
    *answer: str,
    asked: Iterable[str] = (),
    origin: str | None = "https://app.test",
    method: str = "GET",
    status: int = 200,
    at: str = "2026-05-01T12:00:00.000Z",
    took: float = 30.0,
    **others: Any,
) -> dict[str, Any]:
    """Return a HAR's entry as Chromium's developer tools write one, with header lines of ``Name: value``."""
    lines = [":method: " + method, "User-Agent: Mozilla/5.0 Chrome/140.0.0.0", "Sec-Fetch-Mode: cors"]
    lines += ["Sec-Fetch-Site: cross-site", *([f"Origin: {origin}"] if origin is not None else []), *asked]
    made = {
        "_initiator": {"type": "script"},
        "_resourceType": "fetch",
        "cache": {},
        "connection": "443",
        "request": {
            "method": method,
            "url": url,
            "httpVersion": "h2",
            "headers": headers(lines),
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": status,
            "statusText": "",
            "httpVersion": "h2",
            "headers": headers(answer),
            "cookies": [],
            "content": {"size": 0, "mimeType": "application/json", "text": "", "encoding": "base64"},
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
        },
        "serverIPAddress": "93.184.215.14",
        "startedDateTime": at,
        "time": took,
        "timings": {"blocked": 2.0, "dns": -1, "connect": -1, "send": 0, "wait": 20, "receive": 8, "ssl": -1},
    }
    return {**made, **others}


def headers(lines: Iterable[str]) -> list[dict[str, str]]:
    """Return header lines as a HAR has them."""
    pairs = (line.rpartition(": ") if line.startswith(":") else line.partition(": ") for line in lines)
    return [{"name": name, "value": value} for name, _, value in pairs]


def har(entries: Iterable[Any], **log: Any) -> bytes:
    """Return a HAR."""
    creator = {"name": "WebInspector", "version": "537.36"}
    return json.dumps(
        {"log": {"version": "1.2", "creator": creator, "pages": [], "entries": list(entries), **log}}
    ).encode()
