"""Whose host is it: who can change what it sends, and so for whom a fix is written."""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Final

from ..fetch.headers import HeaderList
from ..fetch.origins import Origin, origin_of
from ..traffic.address_spaces import address_space_of
from ..traffic.record import Record
from ..traffic.sites import registrable_domain
from ..verdict.failure_details import inert
from ..verdict.model import Owner
from .hosting import APPLICATION_HOSTS, PLATFORM_HOSTS, THIRD_PARTIES

MINE: Final = "mine"
PLATFORM: Final = "platform"
THIRD_PARTY: Final = "third-party"
UNKNOWN: Final = "unknown"

OwnHosts = Callable[[Origin], bool]
"""Says whether a rule file lists a host."""

_OWN_NAMES: Final = (
    ".test",
    ".local",
    ".localhost",
    ".lan",
    ".home",
    ".internal",
    ".home.arpa",
    ".localdomain",
    ".intranet",
)
_BY_HEADER: Final = (
    ("server", re.compile(r"amazons3", re.I), "Amazon S3"),
    ("server", re.compile(r"uploadserver", re.I), "Google Cloud Storage"),
    ("server", re.compile(r"windows-azure-blob", re.I), "Azure Blob Storage"),
    ("x-amz-apigw-id", re.compile(""), "Amazon API Gateway"),
    ("apigw-requestid", re.compile(""), "Amazon API Gateway"),
    ("server", re.compile(r"gse$", re.I), "Google Apps Script"),
)


def host_of(url: str) -> str:
    """Return host and port of a URL for a sentence."""
    return inert(url.partition("://")[2].partition("/")[0].partition("?")[0].rpartition("@")[2], 80)


def owner_of(record: Record, own_hosts: OwnHosts | None = None) -> Owner:
    """Return whose host answered an exchange, by what answered, its name, and the page that called."""
    exchange = record.exchange
    target = origin_of(exchange.request.url)
    if target is None:
        return Owner(UNKNOWN)
    if own_hosts is not None and own_hosts(target):
        return Owner(MINE, because="the rule file lists the host")
    if exchange.response is not None:
        by_header = _by_header(exchange.response.headers)
        if by_header is not None:
            return by_header
    if address_space_of(target, "") is not None or target.host.endswith(_OWN_NAMES):
        return Owner(MINE, because="the host is on this machine or in the local network")
    page = origin_of(record.page_origin or record.classification.origin or "")
    return _by_name(target.host, "" if page is None else page.host)


def _by_header(headers: HeaderList) -> Owner | None:
    for name, pattern, platform in _BY_HEADER:
        value = headers.get(name)
        if value is not None and pattern.match(value):
            return Owner(
                PLATFORM, platform, f"only {platform} sends {name}: {value[:40]}" if value.isprintable() else ""
            )
    return None


@lru_cache(4096)
def _by_name(host: str, page: str) -> Owner:
    platform = _listed(host, PLATFORM_HOSTS)
    if platform is not None:
        return Owner(PLATFORM, platform, f"{host} belongs to {platform}")
    hosted = _listed(host, APPLICATION_HOSTS)
    # Of a hosting service's customers, each has a name of its own below the service's.
    site = registrable_domain(host) if hosted is None else None
    if site is not None and site == registrable_domain(page):
        return Owner(MINE, because=f"page and server share {site}")
    if host == page:
        return Owner(MINE, because="the page comes from the same host")
    service = _listed(host, THIRD_PARTIES)
    if service is not None:
        return Owner(THIRD_PARTY, service, f"{host} belongs to {service}")
    return Owner(UNKNOWN, hosted or "")


def _listed(host: str, table: dict[str, str]) -> str | None:
    """Look up a host name and every domain above it."""
    labels = host.rstrip(".").split(".")
    for start in range(max(len(labels) - 6, 0), len(labels)):
        name = table.get(".".join(labels[start:]))
        if name is not None:
            return name
    if len(labels) > 3:
        for start in range(len(labels) - 2):
            name = table.get(f"{labels[start]}.*.{'.'.join(labels[start + 2 :])}")
            if name is not None:
                return name
    return None
