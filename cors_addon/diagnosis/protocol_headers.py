"""Response headers that a protocol needs its client to read: which ones, told from the request and the response.

A script reads only a few response headers of another origin; a client library that misses one of these fails in ways
that do not look like CORS.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from ..fetch.headers import HeaderList
from ..fetch.safelists import mime_essence
from ..traffic.classify import Kind
from ..traffic.record import Record


@dataclass(frozen=True, slots=True)
class Needed:
    """The protocol, which of the response's headers its client reads, and what happens without them."""

    protocol: str
    names: tuple[str, ...]
    harm: str
    sure: bool = True
    """Whether a client surely reads them; else they are told in passing."""


_TUS: Final = ("location", "upload-offset", "upload-length", "upload-expires", "upload-metadata", "tus-resumable")
_TUS_MORE: Final = ("tus-version", "tus-extension", "tus-max-size", "tus-checksum-algorithm")
_GRPC: Final = ("grpc-status", "grpc-message", "grpc-status-details-bin", "grpc-encoding")
_RANGES: Final = ("accept-ranges", "content-range", "content-encoding")
_TOKENS: Final = frozenset({"authorization", "x-auth-token", "x-access-token", "x-csrf-token", "x-xsrf-token"})
_LONGEST_TYPE: Final = 200
_PART: Final = re.compile(r"[?&]partnumber=", re.IGNORECASE)


def needed_headers(record: Record) -> Needed | None:
    """Return what the client of an exchange has to read, as far as it was sent; ``None`` where nothing shows a need."""
    exchange = record.exchange
    response = exchange.response
    if record.kind is not Kind.CORS or response is None:
        return None
    asked, headers, status = exchange.request.headers, response.headers, response.status
    sent, wanted = headers.names(), asked.names()
    accept = asked.accept or ""
    is_mcp = "mcp-session-id" in sent or "mcp-protocol-version" in wanted or "mcp-session-id" in wanted
    is_mcp = is_mcp or (
        "application/json" in accept and "text/event-stream" in accept and exchange.request.method == "POST"
    )
    essence = _essence(headers.content_type or "")
    found: Needed | None = None
    if is_mcp and (status < 400 or status == 401):
        names = ("www-authenticate",) if status == 401 else ("mcp-session-id",)
        harm = "cannot find the authorization server" if status == 401 else "sends its next request without the session"
        found = Needed("the MCP client", names, harm)
    elif status == 401 and "resource_metadata" in (headers.www_authenticate or ""):
        found = Needed("the OAuth client", ("www-authenticate",), "cannot find the authorization server")
    elif "tus-resumable" in wanted or "tus-resumable" in sent:
        found = Needed("the tus client", (*_TUS, *_TUS_MORE), "cannot resume or finish the upload")
    elif essence.startswith("application/grpc-web"):
        found = Needed("the gRPC-Web client", _GRPC, "cannot read the call's status")
    elif status in (429, 503) and "retry-after" in sent:
        found = Needed("the client", ("retry-after",), "cannot know when to try again", False)
    elif exchange.request.method in ("PUT", "POST") and _PART.search(exchange.request.url) and status < 300:
        found = Needed("the multipart upload", ("etag",), "cannot complete the upload")
    elif ("range" in wanted or status == 206 or essence == "application/pdf") and _by_script(record) and status < 300:
        found = Needed("a client of range requests (PDF.js, a media player)", _RANGES, "loads the whole file instead")
    elif (
        "content-disposition" in sent
        and "attachment" in (headers.get("Content-Disposition") or "").lower()
        and _by_script(record)
        and status < 300
    ):
        found = Needed("the download", ("content-disposition",), "does not know the file's name")
    elif not _TOKENS.isdisjoint(sent) and _by_script(record) and status < 300:
        found = Needed("the page", tuple(sorted(_TOKENS)), "has no token to send with the next request")
    return _as_sent(found, headers)


def _essence(content_type: str) -> str:
    # Whatever is longer is no type, and must not fill the cache.
    return _known_essence(content_type) if len(content_type) <= _LONGEST_TYPE else mime_essence(content_type) or ""


@lru_cache(512)
def _known_essence(content_type: str) -> str:
    return mime_essence(content_type) or ""


def _as_sent(needed: Needed | None, headers: HeaderList) -> Needed | None:
    if needed is None:
        return None
    there = tuple(name for name in needed.names if name in headers)
    return replace(needed, names=there) if there else None


def _by_script(record: Record) -> bool:
    return record.classification.destination in ("", "empty")
