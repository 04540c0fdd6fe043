"""Origins: parsing from a URL, serializing, comparing."""

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, NamedTuple

from .urls import DEFAULT_PORTS, parse_url

OPAQUE: Final = "null"

# Nearly every URL a proxy sees begins so, and what begins alike has one origin: the parser is asked for the first one.
_BEGINNING: Final = re.compile(r"https?://[!-\"$-.0-9:;<->@-\[\]-~]{1,300}+(?=[/?#]|\Z)")
_LOCATION_BYTES: Final = {code: f"%{code:02X}" for code in range(0x80, 0x100)}
_LOOPBACK_V6: Final = IPv6Address("::1")
_LONGEST_ADDRESS: Final = 100


class Origin(NamedTuple):
    """A tuple origin; ``port`` is the effective one. The opaque origin is ``None`` wherever an origin is optional.

    https://html.spec.whatwg.org/multipage/browsers.html#concept-origin
    """

    scheme: str
    host: str
    port: int

    def serialize(self) -> str:
        """https://html.spec.whatwg.org/multipage/browsers.html#ascii-serialisation-of-an-origin"""
        if DEFAULT_PORTS.get(self.scheme) == self.port:
            return f"{self.scheme}://{self.host}"
        return f"{self.scheme}://{self.host}:{self.port}"


def origin_of(url: str) -> Origin | None:
    """Return the origin of a URL; ``None`` for an opaque one (data:, about:, a URL that does not parse).

    https://url.spec.whatwg.org/#concept-url-origin
    """
    beginning = _BEGINNING.match(url)
    return _known_origin(beginning[0]) if beginning is not None else _parsed_origin(url)


def _parsed_origin(url: str) -> Origin | None:
    parsed = parse_url(url)
    if parsed is None or parsed.host is None:
        return None
    return Origin(parsed.scheme, parsed.host, DEFAULT_PORTS[parsed.scheme] if parsed.port is None else parsed.port)


_known_origin = lru_cache(4096)(_parsed_origin)


def serialize_origin(url: str) -> str:
    """Return the serialized origin of a URL, ``null`` for an opaque one."""
    beginning = _BEGINNING.match(url)
    return _serialized(url) if beginning is None else _known_serialized(beginning[0])


def _serialized(url: str) -> str:
    origin = _parsed_origin(url)
    return OPAQUE if origin is None else origin.serialize()


_known_serialized = lru_cache(4096)(_serialized)


def resolve(base: str, location: str) -> str | None:
    """Resolve a ``Location`` against the URL that sent it, fragment dropped; ``None`` where it cannot be parsed.

    https://fetch.spec.whatwg.org/#concept-response-location-url
    The result is serialized, so it equals the URL that a browser asks for next; only Chromium also encodes a ``|`` in a
    path. A byte beyond ASCII is percent-encoded as it is: the standard leaves open what it means, Chromium and Firefox
    agree on this.
    """
    escaped = location if location.isascii() else location.translate(_LOCATION_BYTES)
    target = parse_url(escaped, parse_url(base))
    return None if target is None else target.serialize()


def has_user_info(url: str) -> bool:
    """Say whether a URL includes credentials; ``http://@host`` and ``http://:@host`` do not.

    https://url.spec.whatwg.org/#include-credentials
    """
    parsed = parse_url(url)
    return parsed is not None and parsed.includes_credentials


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host literal stands for, or ``None`` for a name."""
    # Whatever is longer is no address, and must not fill the cache.
    return _address_of(host) if len(host) <= _LONGEST_ADDRESS else None


@lru_cache(2048)
def _address_of(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host.strip("[]"))
    except ValueError:
        return None


def is_schemelessly_same_site(a: Origin, b: Origin, registrable_domain: Callable[[str], str | None]) -> bool:
    """https://html.spec.whatwg.org/multipage/browsers.html#schemelessly-same-site

    ``registrable_domain`` maps a host name to its registrable domain, ``None`` where it has none (a public suffix, an
    address): such hosts are same site only with themselves.
    """
    if a.host == b.host:
        return True
    domain = registrable_domain(a.host)
    return domain is not None and domain == registrable_domain(b.host)


def is_potentially_trustworthy(origin: Origin) -> bool:
    """Say whether browsers treat the origin as secure, and so send ``Sec-Fetch-*`` headers to it.

    https://w3c.github.io/webappsec-secure-contexts/#is-origin-trustworthy
    """
    if origin.scheme in ("https", "wss"):
        return True
    host = origin.host.removesuffix(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = address_of(origin.host)
    # Pythons differ on whether an IPv6 address that holds 127.0.0.1 is a loopback; the specification names only ::1.
    return address.is_loopback if isinstance(address, IPv4Address) else address == _LOOPBACK_V6
