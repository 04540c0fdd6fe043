"""Entries of ``hosts``: text to pattern, or what is wrong with the text."""

import re
from ipaddress import IPv6Address, ip_network
from typing import Final, NoReturn

from ..fetch.origins import address_of
from .errors import quoted
from .host_names import parse_host
from .patterns import HostPattern
from .value_error import Complaint, check_text

_SHORTEST: Final = {4: 8, 6: 7}
"""Bits of the largest private networks, 10.0.0.0/8 and fc00::/7: two halves would be every address there is."""


def parse_host_pattern(text: str) -> HostPattern:
    """Parse an entry of ``hosts``; raises ``Complaint``."""
    check_text(text, "a host")
    if "://" in text:
        _complain_of_url(text)
    if text.startswith("//"):
        raise Complaint(
            "url-as-host", f"{quoted(text)} begins with //", _HOSTS_ARE, f'write "{_authority_of(text[2:])}"'
        )
    if text in ("*", "**") or text.startswith("*:"):
        raise Complaint(
            "bare-star",
            "a bare * would change the responses of every server",
            "A rule changes development servers only, so each is named.",
            'write the host, or "*.dev.example.test" for all names below one',
        )
    network = _network(text)
    if network is not None:
        return network
    for mark, what in (("/", "a path"), ("?", "a query"), ("#", "a fragment"), ("@", "user information")):
        at = text.find(mark)
        if at >= 0:
            keep = text[at + 1 :] if mark == "@" else text[:at]
            more = f' and the path below paths: ["{text[at:]}"]' if mark == "/" and len(text) > at + 1 else ""
            raise Complaint(
                "host-with-path",
                f"a host has no {what[2:] if what[1] == ' ' else what}",
                _HOSTS_ARE,
                f'write "{keep}"{more}',
                at if mark != "@" else 0,
                len(text) if mark != "@" else at + 1,
            )
    name_text, port_text, port_at = split_port(text)
    host = parse_host(name_text)
    return HostPattern(text, host.name, host.wildcard, _host_port(text, name_text, port_text, port_at))


_HOSTS_ARE: Final = "hosts lists names of the servers being called, each with an optional port and nothing else."


def _authority_of(rest: str) -> str:
    return re.split(r"[/?#]", rest, maxsplit=1)[0].rpartition("@")[2]


def _complain_of_url(text: str) -> NoReturn:
    scheme, _, rest = text.partition("://")
    authority = _authority_of(rest)
    at = rest.find("/")
    path = re.split(r"[?#]", rest[at:])[0] if at > 0 and len(rest) > at + 1 else ""
    where = f' and paths: ["{path}"]' if path else ""
    if not path and re.fullmatch(r"(localhost|127\.0\.0\.1|\[::1\])(:\d+)?", authority):
        raise Complaint(
            "url-as-host",
            f"{quoted(text)} looks like the page, not like the server that it calls",
            _HOSTS_ARE + " The pages that call them are listed in allow_origins.",
            f'if it is the page, move it to allow_origins; if it is the server, write "{authority}"',
        )
    raise Complaint(
        "url-as-host",
        f"{quoted(text)} is a URL, hosts takes names",
        _HOSTS_ARE + " The pages that call them are listed in allow_origins, with their scheme.",
        f'write "{authority}"{where}; if it is the page that calls, move it to allow_origins',
        0,
        len(scheme) + 3 if not path and not rest.endswith("/") else None,
    )


def _network(text: str) -> HostPattern | None:
    found = re.fullmatch(r"(\[?[0-9A-Fa-f.:]+\]?)/([0-9]{1,3})(:.*)?", text)
    if found is None or address_of(found[1]) is None:
        return None
    address, length, port = found.groups()
    if port:
        raise Complaint(
            "network-with-port",
            "a network takes no port",
            "A network in hosts stands for every port of its addresses.",
            f'write "{address}/{length}"',
            found.start(3),
        )
    bare = address.strip("[]")
    try:
        network = ip_network(f"{bare}/{length}", strict=False)
    except ValueError:
        longest = 128 if ":" in bare else 32
        raise Complaint(
            "network",
            f"/{length} is no length of a network",
            f"The number after the slash counts the bits that are the same for all addresses: 0 to {longest}.",
            f'write "{bare}/{longest}" for this address alone, or a smaller number for more',
            found.start(2) - 1,
        ) from None
    if network.prefixlen < _SHORTEST[network.version]:
        raise Complaint(
            "bare-star",
            f"{quoted(text)} is every address there is" if not network.prefixlen else f"{quoted(text)} is too large",
            "A rule changes development servers only, so each is named.",
            "write the network of the development machines, such as 10.0.0.0/8 or 192.168.0.0/16",
        )
    if network.network_address != address_of(bare):
        raise Complaint(
            "network",
            f"{quoted(text)} names one address and a network",
            f"With /{length} only the first {length} bits count; the rest of a network's address is zero.",
            f'write "{network}" for the network, or "{bare}" for the address',
        )
    return HostPattern(text, "", network=network)


def split_port(text: str, before: str = "", start: int = 0) -> tuple[str, str | None, int]:
    """Split off what follows the last colon; return name, port and where in the value the port begins.

    The port is ``None`` where there is no colon. ``before`` is what stands before the text in the value, ``start`` its
    length.
    """
    if "%" in text and ":" in text.partition("%")[0]:
        address = text.partition("%")[0]
        raise Complaint(
            "ipv6-zone",
            f"{quoted(text)} names a network interface of this machine",
            "A URL has no place for it, so no request is for such a host.",
            f'write "{before}[{address.lstrip("[")}]"',
            start + len(address),
        )
    if text.startswith("["):
        name, bracket, rest = text.partition("]")
        if not bracket:
            why = "An IPv6 address stands in brackets."
            raise Complaint("host-syntax", "the bracket [ is not closed", why, f'write "{before}{text}]"', start)
        if rest and not rest.startswith(":"):
            raise Complaint(
                "host-syntax",
                f"{quoted(rest)} follows the address",
                "Only a colon and a port can follow the bracket.",
                f'write "{before}{name}]"',
                start + len(name) + 1,
            )
        return name + "]", rest[1:] if rest else None, start + len(name) + 2
    if text.count(":") > 1 and isinstance(address_of(text), IPv6Address):
        address, _, last = text.rpartition(":")
        with_port = len(last) >= 4 and last.isdecimal() and isinstance(address_of(address), IPv6Address)
        raise Complaint(
            "ipv6-brackets",
            f"{quoted(text)} is an IPv6 address without brackets",
            "Without brackets nobody can tell where the address ends and a port begins.",
            f'write "{before}[{address}]:{last}"' if with_port else f'write "{before}[{text}]"',
            start,
        )
    name, colon, port = text.partition(":")
    return name, port if colon else None, start + len(name) + 1


def _host_port(text: str, name: str, port: str | None, at: int) -> int | None:
    if port is None:
        return None
    if port == "*":
        raise Complaint(
            "port",
            "a host without a port already stands for every port",
            "In hosts a port only narrows.",
            f'write "{name}"',
            at - 1,
        )
    return port_number(text, name, port, at)


def port_number(text: str, before: str, port: str, at: int) -> int:
    if port.isascii() and port.isdigit() and 1 <= int(port[:6]) <= 65535 and not port.startswith("0"):
        return int(port)
    if re.fullmatch(r"\d+\s*-\s*\d+", port):
        raise Complaint(
            "port-range",
            f"{quoted(port)} is a range of ports",
            "Ranges are not read.",
            "list each port in an entry of its own, or take the port out for all of them"
            if "://" not in before
            else f'list each port in an entry of its own, or write "{before}:*" for all',
            at,
        )
    raise Complaint(
        "port",
        f"{quoted(port)} is no port" if port else "no port follows the colon",
        "A port is a number from 1 to 65535, without leading zeros.",
        f'write "{before}" or "{before}:8080"',
        at if port else at - 1,
    )
