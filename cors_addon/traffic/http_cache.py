"""What HTTP caches keep of responses that CORS judged, so that a 304 can be read.

https://www.rfc-editor.org/rfc/rfc9111#section-4.3.4
"""

from ..fetch.headers import HeaderList
from ..fetch.origins import origin_of
from .classify import Kind
from .record import Record
from .sites import registrable_domain


def is_stored(record: Record) -> bool:
    """Say whether an exchange puts a response into the browser's cache, or confirms the one that is there."""
    response = record.seen
    if response is None or record.kind is not Kind.CORS or record.exchange.request.method != "GET":
        return False
    if response.status == 304:
        return is_confirmation(record)
    return response.status in (200, 203) and "no-store" not in (response.headers.cache_control or "").lower()


def is_confirmation(record: Record) -> bool:
    """Say whether a 304 answers what was asked: without a condition in the request it confirms nothing."""
    headers = record.exchange.request.headers
    asked = headers.if_none_match is not None or headers.if_modified_since is not None
    return asked and record.seen is not None and record.seen.status == 304


def left_by(record: Record | None) -> tuple[str | None, HeaderList | None]:
    """Return what is in the cache after an exchange: who brought it, and its headers; ``None`` where unknown."""
    if record is None or record.seen is None:
        return None, None
    if record.seen.status != 304:
        return record.id, record.seen.headers
    return record.stored_id, None if record.stored is None else refreshed(record.stored, record.seen.headers)


def is_same_cache(one: Record, other: Record) -> bool:
    """Say whether two requests of one URL share a cache entry: browsers keep one for each browser and site."""
    return one.browser is other.browser and (
        one.classification.origin == other.classification.origin or _site(one) == _site(other)
    )


def _site(record: Record) -> str:
    origin = origin_of(record.classification.origin or "")
    if origin is None:
        return record.classification.origin or ""
    return f"{origin.scheme}://{registrable_domain(origin.host) or origin.host}"


def refreshed(stored: HeaderList | None, by: HeaderList) -> HeaderList:
    """Return the headers of a stored response after a 304 confirmed it: its own, those that the 304 brings replaced.

    https://www.rfc-editor.org/rfc/rfc9111#section-3.2
    """
    if stored is None:
        return by
    replaced = set(by.names())
    return HeaderList([line for line in stored if line[0].lower() not in replaced] + list(by))
