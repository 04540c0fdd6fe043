"""Entries of ``hosts``: text to pattern, or what is wrong with the text."""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final, NoReturn

from ..fetch.origins import address_of
from .complaint import Complaint, check_text
from .errors import quoted
from .patterns import HostPattern
from .public_suffixes import is_public_suffix


@dataclass(frozen=True, slots=True)
class Host:
    """The host part of a host or origin pattern. ``name`` is canonical: lower-case, punycode, IPv6 without brackets."""

    name: str
    wildcard: bool
    address: IPv4Address | IPv6Address | None


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
    path = rest[at:] if at > 0 and len(rest) > at + 1 else ""
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
    if network.prefixlen == 0:
        raise Complaint(
            "bare-star",
            f"{quoted(text)} is every address there is",
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


def split_port(text: str) -> tuple[str, str | None, int]:
    """Split off what follows the last colon; the port is ``None`` where there is no colon."""
    if text.startswith("["):
        name, bracket, rest = text.partition("]")
        if not bracket:
            raise Complaint(
                "host-syntax", "the bracket [ is not closed", "An IPv6 address stands in brackets.", f'write "{text}]"'
            )
        if rest and not rest.startswith(":"):
            raise Complaint(
                "host-syntax",
                f"{quoted(rest)} follows the address",
                "Only a colon and a port can follow the bracket.",
                f'write "{name}]"',
                len(name) + 1,
            )
        return name + "]", rest[1:] if rest else None, len(name) + 2
    if text.count(":") > 1:
        address = address_of(text.partition("/")[0])
        if isinstance(address, IPv6Address):
            raise Complaint(
                "ipv6-brackets",
                f"{quoted(text)} is an IPv6 address without brackets",
                "Without brackets nobody can tell where the address ends and a port begins.",
                f'write "[{address.compressed}]"',
            )
    name, colon, port = text.partition(":")
    return name, port if colon else None, len(name) + 1


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


def parse_host(text: str, offset: int = 0) -> Host:
    """Parse a host name or address with an optional ``*.`` in front; ``offset`` is where it stands in the value."""
    wildcard = text.startswith("*.")
    name = text[2:] if wildcard else text
    start = offset + (2 if wildcard else 0)

    def complain(code: str, message: str, why: str, remedy: str, begin: int = 0, end: int | None = None) -> NoReturn:
        raise Complaint(code, message, why, remedy, start + begin, start + (len(name) if end is None else end))

    if name in ("", "*"):
        complain(
            "bare-star" if wildcard else "host-syntax",
            "no name follows the *." if wildcard else "the name is missing",
            "A rule changes development servers only, so each is named.",
            'write the name, such as "*.dev.example.test"' if wildcard else "write the name of the host",
            0,
            max(1, len(name)),
        )
    if name.startswith("["):
        address = address_of(name)
        if not isinstance(address, IPv6Address) or not name.endswith("]"):
            complain(
                "host-syntax",
                f"{quoted(name)} is no IPv6 address",
                "Brackets stand around IPv6 addresses only.",
                'write an address such as "[::1]"',
            )
        if wildcard:
            complain(
                "wildcard-address",
                "*. cannot stand before an address",
                "Nothing is below an address.",
                f'write "{name}", or a network such as "10.0.0.0/8" in hosts',
                -2,
            )
        return Host(address.compressed, False, address)
    if name.startswith("."):
        complain(
            "host-syntax",
            f"{quoted(name)} begins with a dot",
            "That is how cookies were once written.",
            f'write "*{name}" for all names below, and "{name[1:]}" for the name itself',
            0,
            1,
        )
    if "*" in name:
        at = name.index("*")
        complain(
            "wildcard-place",
            "a * stands for whole labels, and only in front",
            "Patterns are NAME or *.NAME: a * in "
            "the middle or at the end of a name would match names that strangers can register.",
            f'write "*.{_after_star(name)}", or list each name',
            at,
            at + 1,
        )
    regex = re.search(r"[\\^$()|+]", name)
    if regex:
        complain(
            "regular-expression",
            f"{quoted(regex.group())} belongs to regular expressions, which are not read",
            "A dot or an anchor forgotten in a regular expression lets strangers in; here a dot is a dot.",
            'write the name, or "*.NAME" for all names below it',
            regex.start(),
            regex.end(),
        )
    braces = re.search(r"[{}<>]|\$\{", name)
    if braces:
        complain(
            "placeholder",
            f"{quoted(name)} holds a placeholder, and none is filled in",
            "Environment variables and templates are not read in a rule file.",
            'write the name itself, or "*." in front for any name',
            braces.start(),
            braces.end(),
        )
    ascii_name = _to_ascii(name, complain)
    bare = ascii_name.removesuffix(".")
    address = address_of(bare)
    if address is None and re.fullmatch(r"(.*\.)?(0[xX][0-9a-fA-F]*|[0-9]+)", bare):
        canonical = _canonical_ipv4(bare)
        if canonical is None:
            complain(
                "host-syntax",
                f"{quoted(name)} is no IPv4 address",
                "A name that ends in a number is an address: four numbers from 0 to 255.",
                'write an address such as "192.168.0.10"',
            )
        complain(
            "address-form",
            f"{quoted(name)} is another way to write {canonical}",
            "Browsers rewrite it, so it would never match.",
            f'write "{canonical}"',
        )
    if address is not None:
        if wildcard:
            complain(
                "wildcard-address",
                "*. cannot stand before an address",
                "Nothing is below an address.",
                f'write "{bare}", or a network such as "10.0.0.0/8" in hosts',
                -2,
            )
        return Host(str(address), False, address)
    for found in re.finditer(r"[^.]+|(?<=\.)(?=\.)", bare):
        label = found.group()
        if not re.fullmatch(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?", label):
            shown = label or ".."
            complain(
                "host-syntax",
                f"{quoted(shown)} cannot be part of a host name",
                "Each part between dots has 1 to 63 letters, digits, hyphens or underscores, no hyphen first or last.",
                "check the spelling",
                *((found.start(), found.end()) if name == bare and label else ()),
            )
    if len(bare) > 253:
        complain("host-syntax", "the name is longer than 253 characters", "No host name is.", "check the spelling")
    if wildcard and is_public_suffix(bare):
        complain(
            "public-suffix",
            f'"*.{bare}" includes names that anybody can register',
            f"{bare} is a public suffix: what is below it belongs to many owners, strangers among them.",
            f'name the one that is yours: "*.example.{bare}"',
            -2,
        )
    return Host(bare, wildcard, None)


def _after_star(name: str) -> str:
    rest = name.rpartition("*")[2].lstrip(".-")
    return rest if "." in rest else "example.test"


def _to_ascii(name: str, complain: object) -> str:
    lower = name.lower()
    if lower.isascii():
        if lower.startswith("xn--") or ".xn--" in lower:
            return lower
        return lower
    if any(char in "\u00df\u03c2\u200c\u200d" for char in lower):
        # The codec follows IDNA 2003, browsers keep these four characters.
        raise Complaint(
            "unicode-host",
            f"{quoted(name)} is written in more than one way in punycode",
            "Old and new rules for this letter differ, and the browser's form decides.",
            "write the xn-- form that the browser's network panel shows",
        )
    try:
        return lower.encode("idna").decode("ascii")
    except UnicodeError:
        raise Complaint(
            "host-syntax",
            f"{quoted(name)} is no host name",
            "It cannot be written in punycode, as it would have to be on the wire.",
            "check the spelling, or write the xn-- form",
        ) from None


def _canonical_ipv4(text: str) -> IPv4Address | None:
    """Return the address that browsers make of an unusual spelling. https://url.spec.whatwg.org/#concept-ipv4-parser"""
    parts = text.removesuffix(".").split(".")
    if len(parts) > 4:
        return None
    numbers = []
    for part in parts:
        try:
            if part.lower().startswith("0x"):
                numbers.append(int(part[2:] or "0", 16))
            else:
                numbers.append(int(part, 8) if part.startswith("0") and len(part) > 1 else int(part[:20]))
        except ValueError:
            return None
    *first, last = numbers
    if any(number > 255 for number in first) or last >= 256 ** (4 - len(first)):
        return None
    return IPv4Address(sum(number << 8 * (3 - at) for at, number in enumerate(first)) + last)
