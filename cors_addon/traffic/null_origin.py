"""Where an ``Origin: null`` comes from, by what else is known.

https://fetch.spec.whatwg.org/#origin-header
"""

from ..fetch.origins import OPAQUE, serialize_origin
from .classify import Kind
from .correlate import Correlator
from .page_loads import PageLoads
from .record import Record

_RECENT = 600.0


def proven_page(record: Record, correlator: Correlator) -> str | None:
    """Return the page behind an ``Origin: null`` where the request itself proves that a redirect of that page made it.

    No page can set Referer to the address of another one, so it has to name the page at the head of the chain. A frame
    that just asks for the same URL in time names its own document, or nobody; so does a page whose policy sends no
    Referer, and that cannot be told from the frame.
    https://fetch.spec.whatwg.org/#dom-request (the referrer of a request that a script makes)
    """
    if record.classification.origin != OPAQUE:
        return record.page_origin
    hop = correlator.get(record.redirected_from)
    if hop is None or hop.exchange.client != record.exchange.client:
        return None
    referer = record.exchange.request.headers.referer
    return record.page_origin if referer is not None and serialize_origin(referer) == record.page_origin else None


def null_origin_source(record: Record, correlator: Correlator, pages: PageLoads) -> str | None:
    """Name the source of an ``Origin: null`` in a clause; ``None`` where the origin is another."""
    if record.classification.origin != OPAQUE:
        return None
    exchange = record.exchange
    hop = correlator.get(record.redirected_from)
    if hop is not None:
        here = serialize_origin(hop.exchange.request.url)
        there = serialize_origin(exchange.request.url)
        if hop.classification.origin == OPAQUE:
            return f"the redirects before it had made it null already (flow {hop.id})"
        return f"a redirect from {here} to {there}, neither of them the page's origin, makes it null (flow {hop.id})"
    referer = exchange.request.headers.referer
    if record.kind in (Kind.NO_CORS, Kind.NAVIGATION):
        if referer is None:
            return "the page's referrer policy hides its origin from a POST outside CORS, or the page has none to show"
        return "a sandboxed frame"
    if referer is not None:
        return f"a sandboxed frame: the document {serialize_origin(referer)} has its own origin taken away"
    if pages.loaded_since(exchange.client, exchange.started - _RECENT, exchange.started):
        if not record.classification.sure and record.preflight is None:
            return "a page whose referrer policy hides its origin outside CORS, a sandboxed frame or a data: URL"
        return "a sandboxed frame or a data: URL inside a page, or a page opened from disk (file:)"
    return "a page opened from disk (file:), for no page was loaded through this proxy lately"
