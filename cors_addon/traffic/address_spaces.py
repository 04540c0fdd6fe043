"""Where a server lives: on this machine, in the local network, or somewhere on the internet.

https://wicg.github.io/local-network-access/#ip-address-space-heading
"""

from functools import lru_cache
from ipaddress import IPv6Address, ip_network
from typing import Final

from ..fetch.origins import Origin, address_of

# Pythons differ on what is private.
_LOCAL_NETWORKS: Final = tuple(
    map(
        ip_network,
        (
            "10.0.0.0/8",
            "100.64.0.0/10",
            "169.254.0.0/16",
            "172.16.0.0/12",
            "192.168.0.0/16",
            "198.18.0.0/15",
            "fc00::/7",
            "fe80::/10",
        ),
    )
)

_LONGEST: Final = 300
"""The end of a host's name tells all; a longer one must not fill the cache."""


def address_space_of(origin: Origin, address: str) -> str | None:
    """Return ``loopback`` or ``local`` where an origin is known to live there, else ``None``.

    ``address`` is the one that was connected to, empty where it is not known.
    """
    return _space_of(origin.host[-_LONGEST:], address)


@lru_cache(2048)
def _space_of(host: str, address: str) -> str | None:
    if host == "localhost" or host.endswith(".localhost"):
        return "loopback"
    known = address_of(address) or address_of(host)
    if known is None:
        return "local" if host.endswith((".local", ".internal", ".home.arpa")) or "." not in host else None
    mapped = known.ipv4_mapped if isinstance(known, IPv6Address) else None
    known = mapped or known
    if known.is_loopback:
        return "loopback"
    return "local" if any(known in network for network in _LOCAL_NETWORKS) else None
