"""Registrable domains, from the Public Suffix List that mitmproxy brings along."""

from functools import lru_cache
from typing import Any, Final

from ..fetch.origins import address_of

_LONGEST_NAME: Final = 255


@lru_cache(maxsize=1)
def _public_suffix_list() -> Any:
    """Load the list on first need: it costs some tens of milliseconds and most sessions never ask."""
    try:
        import publicsuffix2
    except ImportError:
        return None
    return publicsuffix2.PublicSuffixList()


def registrable_domain(host: str) -> str | None:
    """Return the registrable domain of a host name; ``None`` for addresses, single labels and public suffixes.

    https://url.spec.whatwg.org/#host-registrable-domain
    """
    # Whatever is longer is no name, and must not fill the cache.
    return _registrable_domain(host) if len(host) <= _LONGEST_NAME else None


@lru_cache(maxsize=4096)
def _registrable_domain(host: str) -> str | None:
    if address_of(host) is not None or "." not in host:
        return None
    known = _public_suffix_list()
    if known is None:
        return ".".join(host.split(".")[-2:])
    suffix: str | None = known.get_tld(host, strict=False)
    if suffix is None or suffix == host:
        return None
    return f"{host[: -len(suffix) - 1].rpartition('.')[2]}.{suffix}"
