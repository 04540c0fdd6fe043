"""Origins: parsing from a URL, serializing, comparing."""

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final
from urllib.parse import SplitResult, urljoin, urlsplit

DEFAULT_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

OPAQUE: Final = "null"


@dataclass(frozen=True, slots=True)
class Origin:
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


def split_url(url: str) -> SplitResult | None:
    """Split an absolute URL, or return ``None`` where it is not one."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  the property raises for a port that is no number
    except ValueError:
        return None
    return parts if parts.scheme else None


def origin_of(url: str) -> Origin | None:
    """Return the origin of a URL; ``None`` for an opaque one (data:, about:, a URL that does not parse).

    https://url.spec.whatwg.org/#concept-url-origin
    """
    parts = split_url(url)
    if parts is None or not parts.hostname:
        return None
    scheme = parts.scheme.lower()
    if scheme not in DEFAULT_PORTS:
        return None
    host = parts.hostname.lower()
    if ":" in host:
        try:
            host = f"[{IPv6Address(host.partition('%')[0]).compressed}]"
        except ValueError:
            return None
    elif not host.isascii():
        try:
            host = host.encode("idna").decode("ascii")
        except UnicodeError:
            return None
    return Origin(scheme, host, parts.port if parts.port is not None else DEFAULT_PORTS[scheme])


def serialize_origin(url: str) -> str:
    """Return the serialized origin of a URL, ``null`` for an opaque one."""
    origin = origin_of(url)
    return OPAQUE if origin is None else origin.serialize()


def resolve(base: str, location: str) -> str | None:
    """Resolve a ``Location`` against the URL that sent it, fragment dropped; ``None`` where it cannot be parsed.

    https://fetch.spec.whatwg.org/#concept-response-location-url
    """
    try:
        joined = urljoin(base, location.strip(" \t\r\n"))
        parts = urlsplit(joined)
        parts.port  # noqa: B018
    except ValueError:
        return None
    return parts._replace(fragment="").geturl() if parts.scheme else None


def has_user_info(url: str) -> bool:
    """Say whether a URL includes credentials; ``http://@host`` and ``http://:@host`` do not.

    https://url.spec.whatwg.org/#include-credentials
    """
    parts = split_url(url)
    return parts is not None and bool(parts.username or parts.password)


def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that a host literal stands for, or ``None`` for a name."""
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
    if origin.host == "localhost" or origin.host.endswith(".localhost"):
        return True
    address = address_of(origin.host)
    return address is not None and address.is_loopback
