"""What the pictures show: the demo's page at work, and what the product says about it."""

from __future__ import annotations

import hashlib
import html
import re
import struct
import sys
import zlib
from pathlib import Path

from mitmproxy import http

from cors_addon.mitm.contentview import text_for
from tests.mitm.support import make_flow, make_response
from tests.page.test_page import browser

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "scripts"))
import demo  # noqa: E402

PAGE = "http://localhost:5173"
API = "https://api.staging.example.com"
SELECTED = "options-meets-login"
KEY = b"cors-addon"
"""The name of the PNG's text that says what the picture was made of."""

CHANGES = re.compile(r"cors-[0-9a-f]+|[\d:.,]+")
"""What differs from run to run."""


def flows() -> list[http.HTTPFlow]:
    """Return the requests that a browser sends for the demo's endpoints; where a preflight fails, no request."""
    made = []
    # A cookie would speak for credentials in every request of the host.
    endpoints = [endpoint for endpoint in demo.ENDPOINTS if "include" not in endpoint.fetch]
    for number, endpoint in enumerate(endpoints):
        url, at = f"{API}/{endpoint.name}", 1_790_000_000.0 + number
        sent = [f"Origin: {PAGE}", f"Referer: {PAGE}/", "Sec-Fetch-Mode: cors", "Sec-Fetch-Site: cross-site"]
        sent.append("Sec-Fetch-Dest: empty")
        asked = re.search(r"method: '(\w+)'", endpoint.fetch)
        names = re.findall(r"'([\w-]+)': '", endpoint.fetch)
        answer = endpoint.answer
        if asked or names:
            asks = [f"Access-Control-Request-Method: {asked[1] if asked else 'GET'}"]
            asks += [f"Access-Control-Request-Headers: {','.join(sorted(map(str.lower, names)))}"] if names else []
            sent, answer = [*sent, *asks], endpoint.preflight
        lines = [f"{name}: {value.replace('PAGE', PAGE)}" for name, value in answer.headers]
        response = make_response(answer.status, *lines, body=b"" if asked or names else b"{}")
        made.append(make_flow(*sent, method="OPTIONS" if asked or names else "GET", url=url, response=response, at=at))
    return made


def texts() -> dict[str, str]:
    """Return the text of each picture: comments and the selected flow's view, and the live page."""
    with browser() as opened:
        sent = flows()
        opened.through.send(*sent)
        opened.through.look()
        (selected,) = [flow for flow in sent if flow.request.path == f"/{SELECTED}"]
        web = "\n".join([*(flow.comment for flow in sent), text_for(selected)])
        # The card that the picture shows open, as far as it is open.
        cards = [card.partition(">") for card in opened.open().split('<li class="card')]
        (card,) = [inside for opening, _, inside in cards if f"/{SELECTED} " in opening]
        shown = card.partition("<summary>Request, response and commands")[0]
        page = re.sub(r'<span class="meta">.*?(?=<dl)|<[^>]*>', " ", shown, flags=re.DOTALL)  # times and ids aside
        return {"mitmweb": f"{web}\n{mitmproxy_pinned()}", "live-page": html.unescape(page)}


def mitmproxy_pinned() -> str:
    """Return the newest pinned release in strokes, since digits are not compared."""
    pins = (HERE.parents[1] / "scripts" / "constraints.txt").read_text()
    newest = max(
        (int(major), int(minor)) for major, minor in re.findall(r"^mitmproxy==(\d+)\.(\d+)", pins, re.MULTILINE)
    )
    return " ".join("x" * number for number in newest)


def stamps() -> dict[str, str]:
    """Return a digest of what each picture shows, without what differs from run to run."""
    return {
        name: hashlib.sha256(" ".join(CHANGES.sub("0", text).split()).encode()).hexdigest()[:16]
        for name, text in texts().items()
    }


def stamp_of(name: str) -> str:
    """Return the digest in a picture, empty where it has none."""
    data, at = (HERE / f"{name}.png").read_bytes(), 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        if kind == b"tEXt" and body.startswith(KEY + b"\0"):
            return body.partition(b"\0")[2].decode()
        at += 12 + length
    return ""


def stamped(png: bytes, stamp: str) -> bytes:
    """Return a PNG with its digest, as a text chunk before its last chunk."""
    body = b"tEXt" + KEY + b"\0" + stamp.encode()
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:-12] + chunk + png[-12:]
