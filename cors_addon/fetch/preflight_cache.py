"""The CORS-preflight cache. Time is a parameter: seconds on any clock that only goes forward.

https://fetch.spec.whatwg.org/#cors-preflight-cache
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from .headers import HeaderList, Invalid, byte_lowercase, extract_header_list_values
from .messages import CredentialsMode
from .methods import is_cors_safelisted_method
from .safelists import is_cors_non_wildcard_request_header_name

DEFAULT_MAX_AGE: Final = 5.0


@dataclass(frozen=True, slots=True)
class CacheEntry:
    """What one preflight granted for one origin and URL.

    The standard keeps an entry for each method and header name; what one answer granted expires together, so it is
    kept together here. ``expires`` is in seconds on the caller's clock.
    """

    origin: str
    url: str
    credentials: CredentialsMode
    methods: frozenset[str]
    header_names: frozenset[str]
    expires: float


def entry_of(
    origin: str, url: str, credentials: CredentialsMode, method: str, headers: HeaderList, now: float, max_age: float
) -> CacheEntry | None:
    """Turn a passed preflight's answer into an entry; ``None`` where its lists do not parse.

    https://fetch.spec.whatwg.org/#cors-preflight-fetch-0
    ``max_age`` is in seconds. An answer without Access-Control-Allow-Methods grants the ``method`` that was asked for.
    """
    methods = extract_header_list_values(headers, "Access-Control-Allow-Methods")
    names = extract_header_list_values(headers, "Access-Control-Allow-Headers")
    if isinstance(methods, Invalid) or isinstance(names, Invalid):
        return None
    return CacheEntry(
        origin,
        url,
        credentials,
        frozenset({method} if methods is None else methods),
        frozenset(byte_lowercase(name) for name in names or ()),
        now + max_age,
    )


def method_cache_entry_match(entry: CacheEntry, method: str) -> bool:
    """https://fetch.spec.whatwg.org/#concept-cache-match-method (safelisted methods, which need no entry, included)

    In an entry stored with credentials ``*`` is a method of that name. The standard forgets this here, though not in
    the preflight's own checks; Chromium does not.
    """
    wildcard = "*" in entry.methods and entry.credentials is CredentialsMode.NOT_INCLUDE
    return method in entry.methods or wildcard or is_cors_safelisted_method(method)


def header_name_cache_entry_match(entry: CacheEntry, name: str, authorization_too: bool = False) -> bool:
    """https://fetch.spec.whatwg.org/#concept-cache-match-header (``*`` as for methods)

    ``authorization_too`` is a browser's departure: ``*`` covers Authorization as well.
    """
    if byte_lowercase(name) in entry.header_names:
        return True
    wildcard = "*" in entry.header_names and entry.credentials is CredentialsMode.NOT_INCLUDE
    return wildcard and (authorization_too or not is_cors_non_wildcard_request_header_name(name))


def covers(
    entry: CacheEntry,
    credentials: CredentialsMode,
    method: str,
    header_names: Iterable[str],
    now: float,
    authorization_too: bool = False,
) -> bool:
    """Say whether an entry spares a request its preflight.

    https://fetch.spec.whatwg.org/#concept-cache-match
    An entry stored with credentials serves both modes, one stored without serves only requests without.
    """
    if now >= entry.expires:
        return False
    if credentials is CredentialsMode.INCLUDE and entry.credentials is not CredentialsMode.INCLUDE:
        return False
    return method_cache_entry_match(entry, method) and all(
        header_name_cache_entry_match(entry, name, authorization_too) for name in header_names
    )
