"""HARs as Chrome writes them: long header lists, bodies, and who asked, with the stack of calls behind it."""

import json
from collections.abc import Iterator
from typing import Any, Final

from .traffic import Call, mixed

_MORE_ASKED: Final = (
    ("accept-language", "en-US,en;q=0.9,de;q=0.8"),
    ("cache-control", "no-cache"),
    ("pragma", "no-cache"),
    ("priority", "u=1, i"),
    ("sec-ch-ua", '"Chromium";v="156", "Not?A_Brand";v="24"'),
    ("sec-ch-ua-mobile", "?0"),
    ("sec-ch-ua-platform", '"Linux"'),
)
_MORE_ANSWERED: Final = (
    ("accept-ranges", "bytes"),
    ("age", "1207"),
    ("alt-svc", 'h3=":443"; ma=86400'),
    ("content-security-policy", "default-src 'self'; img-src 'self' data: https:; report-uri /csp"),
    ("cross-origin-opener-policy", "same-origin"),
    ("last-modified", "Sat, 21 Nov 2026 08:12:31 GMT"),
    ("nel", '{"report_to":"default","max_age":604800,"success_fraction":0.01}'),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("report-to", '{"group":"default","max_age":604800,"endpoints":[{"url":"https://reports.example.test/a"}]}'),
    ("server-timing", "cdn-cache; desc=HIT, edge; dur=3, origin; dur=0"),
    ("via", "1.1 varnish, 1.1 edge"),
    ("x-request-id", "7f1c2a90-1f7e-4a6c-9f0e-2d3b4c5d6e7f"),
)
_KINDS: Final = {"document": "document", "style": "stylesheet", "script": "script", "image": "image"}
_FRAME: Final = {"functionName": "loadItems", "scriptId": "41", "lineNumber": 118, "columnNumber": 21}
_LINE: Final = 'const item = await fetch("/api/items", {credentials: "include"}); // \\u00e9 <b>&amp;</b>\n'


def _lines(lines: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"name": name.lower(), "value": value} for name, value in lines]


def entry_of(number: int, call: Call, host: str, bodies: bool) -> dict[str, Any]:
    """Build the entry of a call; its members stand in Chrome's order."""
    # A request and the preflight before it have one URL.
    number -= call.method == "PUT"
    url = f"https://{host}{call.path.format(number % 5000)}"
    pseudo = ((":authority", host), (":method", call.method), (":path", url.partition(host)[2]), (":scheme", "https"))
    asked, answered = dict(call.asked), dict(call.answered)
    blocked = "Origin" in asked and "Access-Control-Allow-Origin" not in answered
    kind = _KINDS.get(asked["Sec-Fetch-Dest"], "preflight" if call.method == "OPTIONS" else "fetch")
    # What the browser refuses has no body in its recorder.
    content: dict[str, Any] = {"size": 0 if blocked else call.body, "mimeType": answered.get("Content-Type", "")}
    if bodies and content["size"]:
        content["text"] = (_LINE * (call.body // len(_LINE) + 1))[: call.body]
    frames = [{**_FRAME, "url": f"https://app.example.test/assets/chunk-{place}.js"} for place in range(6)]
    stack = {"callFrames": frames, "parentId": {"id": "7", "debuggerId": "1"}}
    return {
        "_connectionId": str(4000 + number // 12),
        "_initiator": {"type": "preflight"} if kind == "preflight" else {"type": "script", "stack": stack},
        "_priority": "High",
        "_resourceType": kind,
        "cache": {},
        "connection": "443",
        "pageref": "page_1",
        "request": {
            "method": call.method,
            "url": url,
            "httpVersion": "h2",
            "headers": _lines((*pseudo, *call.asked, *_MORE_ASKED)),
            "queryString": [],
            "cookies": [],
            "headersSize": -1,
            "bodySize": 0,
        },
        "response": {
            "status": call.status,
            "statusText": "",
            "httpVersion": "h2",
            "headers": _lines((*call.answered, *_MORE_ANSWERED)),
            "cookies": [],
            "content": content,
            "redirectURL": "",
            "headersSize": -1,
            "bodySize": -1,
            "_transferSize": call.body + 420,
            "_error": "net::ERR_FAILED" if blocked else None,
            "_fetchedViaServiceWorker": False,
        },
        "serverIPAddress": "203.0.113.7",
        "startedDateTime": f"2026-11-22T12:{number // 6000 % 60:02}:{number // 100 % 60:02}.{number % 100:02}0Z",
        "time": 5.0,
        "timings": {
            "blocked": 0.5,
            "dns": -1,
            "ssl": -1,
            "connect": -1,
            "send": 0.1,
            "wait": 4.0,
            "receive": 0.4,
            "_blocked_queueing": 0.4,
            "_workerStart": -1,
            "_workerReady": -1,
            "_workerFetchStart": -1,
        },
    }


def _chunks(size: int, bodies: bool) -> Iterator[tuple[int, str]]:
    creator = {"name": "WebInspector", "version": "537.36"}
    page = {"startedDateTime": "2026-11-22T12:00:00.000Z", "id": "page_1", "title": "https://app.example.test/"}
    page["pageTimings"] = {"onContentLoad": 310.2, "onLoad": 512.8}  # type: ignore[assignment]
    head = json.dumps({"log": {"version": "1.2", "creator": creator, "pages": [page], "entries": []}}, indent=2)
    begin, end = head.split("[]")
    yield 0, begin + "["
    written = len(head)
    for number, _, call, host in mixed(1 << 30):
        entry = json.dumps(entry_of(number, call, host, bodies), indent=2)
        yield 1, ("," if number else "") + entry
        written += len(entry) + 1
        if written >= size:
            break
    yield 0, "]" + end


def write(path: str, size: int, bodies: bool) -> int:
    """Write a HAR of about so many bytes, at least one entry of it; return how many entries there are."""
    count = 0
    with open(path, "w", encoding="ascii") as file:
        for entries, chunk in _chunks(size, bodies):
            count += entries
            file.write(chunk)
    return count
