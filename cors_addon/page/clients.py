"""Which machines may open the live page: this one, and the networks that the user lists."""

import ipaddress
from collections.abc import Iterable, Sequence

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(values: Iterable[str]) -> tuple[Network, ...]:
    """Read addresses and networks in CIDR form. Raises ``ValueError`` whose text follows "option=value: "."""
    found = []
    for value in values:
        try:
            found.append(ipaddress.ip_network(_address(value) or value))
        except ValueError as exc:
            try:
                meant = ipaddress.ip_interface(value).network
            except ValueError:
                told = "is no IP address and no network; write one such as 192.0.2.7 or 192.0.2.0/24"
            else:
                told = f"has bits beyond its prefix; write {meant}"
            raise ValueError(f"{value!r} {told}") from exc
    return tuple(found)


def clients_problem(values: Sequence[str]) -> str | None:
    """Say what is wrong with a list of clients, in words that follow "option=value: "."""
    try:
        networks(values)
    except ValueError as exc:
        return str(exc)
    return None


def refusal(client: str, allowed: Iterable[Network]) -> str | None:
    """Say why a client, an IP address, gets nothing of the page; ``None`` where it may have it."""
    address = _address(client)
    if address is not None and (
        address.is_loopback or any(address in each for each in allowed if each.version == address.version)
    ):
        return None
    if address is None:
        return "The live page answers browsers on this machine only."
    return (
        "The live page answers browsers on this machine only. To open it from here too, start the proxy with "
        f"--set cors_page_clients={address}."
    )


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
