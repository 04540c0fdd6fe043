"""What a reader of a verdict should know besides its findings: the story around the exchange, a sentence a note."""

from collections.abc import Iterator
from datetime import UTC, datetime

from ..fetch.messages import is_ok_status
from ..fetch.origins import serialize_origin
from ..traffic.classify import Kind
from ..traffic.correlate import Correlator
from ..traffic.exchange import ADDON_HEADER
from ..traffic.links import SERVED_KEPT
from ..traffic.preflight_rules import grant_seconds
from ..traffic.record import Record
from .failure_details import inert


def notes_of(record: Record, correlator: Correlator) -> tuple[str, ...]:
    """Return the notes for an exchange, in the order in which things happened."""
    if record.kind not in (Kind.CORS, Kind.PREFLIGHT) and record.redirected_from is None:
        return ()
    response = record.exchange.response
    rule = None if response is None else response.headers.get(ADDON_HEADER)
    if rule is not None:
        told = f'rule "{inert(rule)}" of cors-addon changed this response: its CORS headers are not the server\'s own'
        return (told, *_story(record, correlator))
    return _story(record, correlator)


def _story(record: Record, correlator: Correlator) -> tuple[str, ...]:
    if record.kind is Kind.CORS and record.classification.sure and not (record.preflight or record.cached_grant):
        response = record.exchange.response
        if record.redirected_from is None and (response is None or response.status != 304):
            return ()
    chain = () if record.redirected_from is None else _chain(record, correlator)
    about = _grant(record) if record.kind is Kind.PREFLIGHT else _asked_before(record)
    return (*chain, *about, *_cache(record))


def _chain(record: Record, correlator: Correlator) -> Iterator[str]:
    hop = correlator.get(record.redirected_from)
    if hop is None:
        return
    chain = correlator.chain(record)
    number = next((index for index, each in enumerate(chain, 1) if each.id == record.id), record.hops + 1)
    way = " -> ".join(dict.fromkeys(serialize_origin(each.exchange.request.url) for each in chain))
    yield f"hop {number} of a chain of redirects: {inert(way)}"
    if record.kind is Kind.CORS and hop.kind is not Kind.CORS:
        yield "CORS begins at this hop: the ones before it were the page's own origin"
    before, after = hop.exchange.request, record.exchange.request
    dropped = before.headers.authorization is not None and after.headers.authorization is None
    if dropped and serialize_origin(before.url) != serialize_origin(after.url):
        yield "the browser took Authorization off, for the redirect leads to another origin"


def _grant(preflight: Record) -> Iterator[str]:
    if len(preflight.requests) > 1:
        more = " and more" if len(preflight.requests) >= SERVED_KEPT else ""
        yield f"its grant served {len(preflight.requests)}{more} requests"
    response = preflight.exchange.response
    if response is not None and is_ok_status(response.status) and preflight.exchange.ended is not None:
        seconds = grant_seconds(preflight.browser, response.headers)
        if seconds is None or seconds <= 0:
            yield "the browser keeps no grant: the next request asks again"
        else:
            end = preflight.exchange.ended + seconds
            until = f", until {datetime.fromtimestamp(end, UTC):%H:%M:%S} UTC" if 0 <= end <= 4e9 else ""
            yield f"where it passes, its grant holds for {seconds:g} s{until}"


def _asked_before(record: Record) -> Iterator[str]:
    if record.kind is Kind.CORS and not record.classification.sure:
        yield "a beacon or a no-cors fetch() looks the same over plain http, and would not be checked"
    if record.preflight is not None:
        yield f"its preflight is flow {record.preflight}"
    elif record.cached_grant is not None and record.exchange.source != "har":
        yield f"no preflight was needed: the grant of flow {record.cached_grant} still held"


def _cache(record: Record) -> tuple[str, ...]:
    response = record.exchange.response
    if record.kind is not Kind.CORS or response is None or response.status != 304:
        return ()
    if any(name.startswith("if-") for name in record.asked_names):
        return ("the page made the request conditional itself, so the 304 needs CORS headers of its own",)
    if record.stored_id is None:
        return ()
    return (f"the 304 confirms what flow {record.stored_id} brought; headers that it repeats replace stored ones",)
