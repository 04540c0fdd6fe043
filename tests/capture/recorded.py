"""HARs in the ways that recorders write them, each with one thing that a reader may take wrongly."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any

PAGE, API = "http://localhost:5173", "https://api.example/items"
CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
Entry = dict[str, Any]


def lines(*given: str) -> list[dict[str, str]]:
    pairs = (line.partition(": ") for line in given)
    return [{"name": name, "value": value} for name, _, value in pairs]


def made(
    request: str,
    *answer: str,
    asked: Sequence[str] = (),
    at: float = 1.0,
    status: int = 200,
    kind: str = "fetch",
    size: int = 0,
    error: str | None = None,
    provisional: bool = False,
    agent: str = CHROME,
    origin: str | None = PAGE,
    waited: float | None = None,
    initiator: Mapping[str, Any] | None = None,
) -> Entry:
    """Make an entry as Chrome's developer tools do.

    ``provisional`` headers are those of a request that never went out: no Origin, no Sec-Fetch. ``at`` is in seconds,
    ``waited`` in milliseconds.
    """
    method, _, url = request.partition(" ")
    preflight = kind == "preflight"
    sent = [f"User-Agent: {agent}", f"Referer: {PAGE}/", *asked]
    if not provisional:
        sent += ["Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Dest: empty"]
        sent += [f"Origin: {origin}"] if origin else []
    blocked = waited if waited is not None else 1.0 if preflight else 25.0
    return {
        "_initiator": initiator or {"type": "preflight" if preflight else "script"},
        "_resourceType": kind,
        "startedDateTime": f"2026-03-01T10:00:{at:06.3f}Z",
        "time": 20 if preflight else 60,
        "request": {"method": method, "url": url, "httpVersion": "HTTP/1.1", "headers": lines(*sent), "bodySize": 0},
        "response": {
            "status": status,
            "httpVersion": "HTTP/1.1",
            "headers": lines(*answer),
            "content": {"size": size, "mimeType": "application/json"},
            "bodySize": size,
            "_error": error,
        },
        "timings": {"blocked": blocked, "send": 0, "wait": 15, "receive": 1},
        "serverIPAddress": "192.0.2.1",
    }


def asking(*names: str, method: str = "GET", answer: Sequence[str] = (), **more: Any) -> Entry:
    """Make the entry of a preflight, answered with ``answer``."""
    asked = [f"Access-Control-Request-Method: {method}"]
    asked += [f"Access-Control-Request-Headers: {','.join(names)}"] if names else []
    return made(f"OPTIONS {more.pop('url', API)}", *answer, asked=asked, kind="preflight", **more)


def saved(*entries: Entry, creator: str = "WebInspector") -> dict[str, Any]:
    """Make a HAR."""
    return {"log": {"version": "1.2", "creator": {"name": creator, "version": "1"}, "pages": [], "entries": [*entries]}}


def text_of(*entries: Entry, creator: str = "WebInspector") -> str:
    return json.dumps(saved(*entries, creator=creator))


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return packed.getvalue()
