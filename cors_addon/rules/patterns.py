"""What rules apply to: hosts, pages' origins, and paths. Matching, and which pattern covers which."""

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final
from unicodedata import normalize
from urllib.parse import unquote

from ..fetch.origins import address_of
from ..fetch.urls import DEFAULT_PORTS, parse_url

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes, taken apart once for all rules.

    ``host`` is lower-case, in punycode and without a trailing dot, an IPv6 address without brackets; ``port`` is the
    effective one; ``origin`` is the serialized origin.
    """

    scheme: str
    host: str
    port: int
    path: str
    origin: str
    address: IPv4Address | IPv6Address | None


_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://([^/?#]*)([^?#]*)")


def target_of(url: str) -> Target | None:
    """Take an absolute http or https URL apart; ``None`` for anything else. Never raises."""
    found = _URL.match(url)
    if found is None:
        return None
    scheme, authority, path = found.groups()
    # The cache is bounded in bytes too: no name that resolves is longer.
    parse = _authority if len(authority) <= 300 else _authority.__wrapped__
    parsed = parse(scheme.lower(), authority)
    if parsed is None:
        return None
    host, port, origin, address = parsed
    return Target(scheme.lower(), host, port, path or "/", origin, address)


@lru_cache(maxsize=1024)
def _authority(scheme: str, authority: str) -> tuple[str, int, str, IPv4Address | IPv6Address | None] | None:
    url = parse_url(f"{scheme}://{authority}") if scheme in ("http", "https") else None
    if url is None or url.host is None:
        return None
    origin = f"{scheme}://{url.host}" if url.port is None else f"{scheme}://{url.host}:{url.port}"
    host = url.host.removesuffix(".")
    port = DEFAULT_PORTS[scheme] if url.port is None else url.port
    return host.strip("[]"), port, origin, address_of(host)


@dataclass(frozen=True, slots=True)
class HostPattern:
    """Servers: an exact name, ``*.`` and a name (any number of labels in front, at least one), an address or a network.

    ``text`` is as in the file. ``host`` is the name or address, without ``*.``; empty for a network. Without ``port``
    every port matches.
    """

    text: str
    host: str
    wildcard: bool = False
    port: int | None = None
    network: Network | None = None

    def matches(self, target: Target) -> bool:
        """Say whether a request to there is a request to one of these servers."""
        if self.port is not None and self.port != target.port:
            return False
        if self.network is not None:
            return target.address is not None and target.address in self.network
        if self.wildcard:
            return target.host.endswith("." + self.host) and target.address is None
        return target.host == self.host

    def covers(self, other: "HostPattern") -> bool:
        """Say whether every server of the other pattern is one of this one's."""
        if self.port is not None and self.port != other.port:
            return False
        if self.network is not None:
            if other.network is not None:
                return self.network.version == other.network.version and other.network.subnet_of(self.network)  # type: ignore[arg-type]
            address = None if other.wildcard else address_of(other.host)
            return address is not None and address in self.network
        if other.network is not None:
            return False
        if self.wildcard:
            return other.host.endswith("." + self.host) or (other.wildcard and other.host == self.host)
        return not other.wildcard and other.host == self.host


class AnyPort(Enum):
    """The port of an origin pattern that ends in ``:*``."""

    ANY = "*"


ANY_PORT: Final = AnyPort.ANY

_CLIMBS: Final = re.compile(r"[\0- ]*\.[\0- ]*\.[\0- ]*(?:[;#?]|$)")
"""A segment that servers take for ``..`` and browsers do not, once it is decoded: parameters, and what is cut off."""

_DECODED: Final = 8
"""How often at most: a long path may be encoded without end."""

_OVERLONG: Final = re.compile(r"%(?:c[01]|e0%[89]|f0%8)", re.IGNORECASE)
_IIS_ESCAPE: Final = re.compile(r"%u([0-9a-f]{4})", re.IGNORECASE)
_SLASHES: Final = re.compile("[\\\\\u2044\u2215\u2216]")
"""What Windows, or its code pages, take for a slash."""

_ORIGIN: Final = re.compile(r"([a-z][a-z0-9+.-]*)://(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?")


@dataclass(frozen=True, slots=True)
class OriginPattern:
    """Pages: an exact origin, ``scheme://*.host``, or either with ``:*`` for any port.

    ``host`` is without ``*.``; an IPv6 address keeps its brackets. ``port`` is ``None`` where the scheme has none.
    """

    text: str
    scheme: str
    host: str
    wildcard: bool = False
    port: int | AnyPort | None = None

    @property
    def exact(self) -> str | None:
        """The one serialized origin that matches, ``None`` where it is more than one."""
        if self.wildcard or self.port is ANY_PORT:
            return None
        default = DEFAULT_PORTS.get(self.scheme)
        return f"{self.scheme}://{self.host}" + ("" if self.port in (None, default) else f":{self.port}")

    def covers(self, other: "OriginPattern") -> bool:
        """Say whether every origin of the other pattern is one of this one's."""
        if self.scheme != other.scheme or (self.port is not ANY_PORT and self.port != other.port):
            return False
        if self.wildcard:
            return other.host.endswith("." + self.host) or (other.wildcard and other.host == self.host)
        return not other.wildcard and self.host == other.host


@dataclass(frozen=True, slots=True)
class Origins:
    """The pages of a rule: its patterns, or any page where ``patterns`` is ``None``."""

    patterns: tuple[OriginPattern, ...] | None
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _wide: tuple[OriginPattern, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        patterns = self.patterns or ()
        object.__setattr__(self, "_exact", frozenset(p.exact for p in patterns if p.exact is not None))
        object.__setattr__(self, "_wide", tuple(p for p in patterns if p.exact is None))

    def matches(self, origin: str) -> bool:
        """Say whether a serialized origin, as browsers send it, is one of these."""
        if self.patterns is None or origin in self._exact:
            return True
        if not self._wide:
            return False
        found = _ORIGIN.fullmatch(origin)
        if found is None:
            return False
        scheme, host, port_text = found.groups()
        port = int(port_text) if port_text else DEFAULT_PORTS.get(scheme)
        return any(
            pattern.scheme == scheme
            and (pattern.port is ANY_PORT or pattern.port == port)
            and (host.endswith("." + pattern.host) if pattern.wildcard else host == pattern.host)
            for pattern in self._wide
        )


@dataclass(frozen=True, slots=True)
class PathPattern:
    """Paths: ``*`` stands for text within a segment, alone for one whole segment, ``**`` for any number of segments.

    ``/v1/**`` includes ``/v1`` itself. Case counts, the query does not.
    """

    text: str
    segments: tuple[str, ...]

    def matches(self, path: str) -> bool:
        """Say whether the path of a URL matches; linear in its length for each ``**``.

        A path that may lead elsewhere on the server, such as ``/v1/..%2fadmin``, matches no narrower pattern than
        ``/**``.
        """
        if self.segments != ("**",) and _climbs(path):
            return False
        return _match_segments(self.segments, path.split("/")[1:])

    def covers(self, other: "PathPattern") -> bool:
        """Say whether every path of the other pattern surely is one of this one's; may miss some that are."""
        if self.text == other.text or self.segments == ("**",):
            return True
        if not any("*" in segment for segment in other.segments):
            return self.matches(other.text)
        prefix = self.segments[:-1]
        return (
            bool(self.segments)
            and self.segments[-1] == "**"
            and not any("*" in segment for segment in prefix)
            and other.segments[: len(prefix)] == prefix
        )


def _climbs(path: str) -> bool:
    """Say whether a server may read ``..`` in the path: one that decodes again and again, and not as strictly."""
    if "%" not in path and ".." not in path:
        return False
    for _ in range(_DECODED):
        plain = _SLASHES.sub("/", normalize("NFKC", path))
        if _OVERLONG.search(path) or any(map(_CLIMBS.match, plain.split("/"))):
            return True
        before, path = path, unquote(_IIS_ESCAPE.sub(lambda match: chr(int(match[1], 16)), path))
        if path == before:
            break
    return False


def _match_segments(pattern: tuple[str, ...], path: list[str]) -> bool:
    """Match greedily from the left; on a mismatch only the last ``**`` takes one segment more."""
    at = in_pattern = 0
    star, resume = -1, 0
    while at < len(path):
        if in_pattern < len(pattern) and pattern[in_pattern] == "**":
            star, resume = in_pattern, at
            in_pattern += 1
        elif in_pattern < len(pattern) and _match_segment(pattern[in_pattern], path[at]):
            in_pattern += 1
            at += 1
        elif star >= 0:
            resume += 1
            in_pattern, at = star + 1, resume
        else:
            return False
    return all(segment == "**" for segment in pattern[in_pattern:])


def _match_segment(pattern: str, segment: str) -> bool:
    if "*" not in pattern:
        return pattern == segment
    if pattern == "*":
        return segment != ""
    first, *middle, last = pattern.split("*")
    if len(segment) < len(first) + len(last) or not segment.startswith(first) or not segment.endswith(last):
        return False
    at, end = len(first), len(segment) - len(last)
    for piece in middle:
        found = segment.find(piece, at, end)
        if found < 0:
            return False
        at = found + len(piece)
    return True
