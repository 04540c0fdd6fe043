"""Which host the live page may have."""

import re
from typing import Final

from ..fetch.origins import address_of
from ..fetch.urls import parse_host

_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")


def host_problem(value: str) -> str | None:
    """Say what keeps a text from being the page's host, in words that follow "option=value: "; empty is no host."""
    if not value:
        return None
    if "://" in value:
        return f"is a URL; write only its host: {value.partition('://')[2].partition('/')[0] or 'cors.addon'}"
    if "/" in value:
        return "has a path; write only a host, such as cors.addon"
    if "*" in value:
        return "is a pattern; name one host, such as cors.addon"
    if value.count(":") > 1:
        return "is an IPv6 address; write a name, such as cors.addon"
    if ":" in value:
        return f"has a port, and the page answers at those of http and https; write {value.partition(':')[0]}"
    host = parse_host(value)
    if host is None or not value.isascii():
        meant = f"; browsers write it {host}" if host and _NAME.fullmatch(host) else ""
        return f"is no host name{meant}; letters, digits, hyphens and dots make one, such as cors.addon"
    if host.endswith("."):
        return f"ends in a dot; write {host[:-1]}"
    if not _NAME.fullmatch(host):
        return "is no host name; letters, digits, hyphens and dots make one, such as cors.addon"
    if is_loopback(host):
        return "is this machine itself, which browsers do not ask a proxy for; write a name, such as cors.addon"
    return None


def is_loopback(host: str) -> bool:
    """Say whether a host, a name or an address, is this machine."""
    address = address_of(host)
    return address.is_loopback if address is not None else f".{host.removesuffix('.')}".endswith(".localhost")
