"""Cookies that a server sets and browsers do not take, for the page that asked is of another site.

https://www.ietf.org/archive/id/draft-ietf-httpbis-rfc6265bis-20.html#name-storage-model
Values of cookies are neither kept nor looked at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from ..fetch.messages import CredentialsMode
from ..fetch.origins import Origin, address_of, is_potentially_trustworthy, is_schemelessly_same_site, origin_of
from .classify import BrowserFamily, Kind
from .cookie_names import OF_MACHINES, sets_session_cookie
from .correlate import Correlator
from .passing_modes import surviving_modes
from .record import Record
from .sites import registrable_domain

_MOST: Final = 50
_ANY: Final = "any"
_LONGEST_NAME: Final = 100

_STICKY: Final = ("awsalb", "awselb", "arraffinity", "serverid", "gclb", "bigipserver", "route", "io", "ingresscookie")
"""Cookies by which load balancers keep a client at one instance."""

_VERSION: Final = re.compile(r"Chrom(?:e|ium)/(\d{1,4})")
_LAX_SINCE: Final = 80
_Key = tuple[str, Origin]
_Value = TypeVar("_Value")


class Refusal(Enum):
    """Why a browser does not take a cookie."""

    SAME_SITE = "SameSite"
    """SameSite=Lax or Strict, and the page is of another site."""
    NO_SAME_SITE = "no SameSite"
    """No SameSite, which Chromium takes for Lax."""
    NOT_SECURE = "not Secure"
    """SameSite=None, or a name with a prefix, without Secure."""
    SECURE_OVER_HTTP = "Secure over http"
    THIRD_PARTY = "third-party cookies are blocked"
    """The browser keeps back every cookie of other sites, and says so in Sec-Fetch-Storage-Access."""
    DOMAIN = "Domain"
    """Domain names another host, or the prefix __Host- forbids it."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A cookie that was not taken: its name, why, and which exchange set it."""

    name: str
    why: Refusal
    exchange_id: str


class CookieObserver:
    """Remembers which cookies were refused, as long as the correlator remembers who set them."""

    def __init__(self, correlator: Correlator) -> None:
        self._set: dict[_Key, dict[str, tuple[float, tuple[Refused, ...]]]] = {}
        self._missed: dict[_Key, dict[str, None]] = {}
        self._sticky: dict[_Key, dict[str, tuple[float, str]]] = {}
        self._failed: dict[_Key, dict[str, None]] = {}
        self._carried: dict[_Key, dict[str, tuple[float, frozenset[str]]]] = {}
        correlator.on_forget.append(self._forget)

    def observe(self, record: Record) -> set[str]:
        """Take in an exchange; return the ids of those that lack a cookie that it sets, or set one that it carries."""
        response = record.exchange.response
        if record.kind is not Kind.CORS or response is None:
            return set()
        failed = response.status >= 400 and record.exchange.request.headers.cookie is None
        cookie = record.exchange.request.headers.cookie
        if not failed and response.headers.set_cookie is None and cookie is None:
            return set()
        key = _key(record)
        if key is None:
            return set()
        if is_unauthorized(record):
            self._missed.setdefault(key, {})[record.id] = None
        if failed:
            self._failed.setdefault(key, {})[record.id] = None
        changed: set[str] = set()
        if cookie is not None:
            names = _names(cookie)
            self._carried.setdefault(key, {})[record.id] = record.exchange.started, names
            known = self._set.get(key, {})
            changed |= {setter for setter, (_, refused) in known.items() if names & {each.name for each in refused}}
        if response.headers.set_cookie is None:
            return changed
        sticky = _kept_name(record)
        if sticky is not None:
            self._sticky.setdefault(key, {})[record.id] = record.exchange.started, sticky
            changed |= set(self._failed.get(key, {}))
        refused = tuple(refusals(record))
        if refused:
            self._set.setdefault(key, {})[record.id] = record.exchange.started, refused
            changed |= set(self._missed.get(key, {}))
        return changed

    def of(self, record: Record) -> tuple[Refused, ...]:
        """Return the cookies that an exchange sets in vain, or else lacks: those that were refused before."""
        if record.exchange.request.headers.sec_fetch_storage_access is not None and _is_kept_back(record):
            return (Refused(_ANY, Refusal.THIRD_PARTY, record.id),)
        key = _key(record) if self._set else None
        known = self._set.get(key) if key is not None else None
        if key is None or known is None:
            return ()
        if record.id in known:
            return self._without_taken(key, record.id)
        if not is_unauthorized(record):
            return ()
        before = [(entry[0], setter) for setter, entry in known.items() if entry[0] < record.exchange.started]
        return self._without_taken(key, max(before)[1]) if before else ()

    def _without_taken(self, key: _Key, setter: str) -> tuple[Refused, ...]:
        """Return the cookies that an exchange set in vain: what a later request carries, the browser took after all."""
        when, refused = self._set[key][setter]
        carried = self._carried.get(key, {})
        before = carried[setter][1] if setter in carried else frozenset()
        taken = {name for started, names in carried.values() if started > when for name in names} - before
        return tuple(each for each in refused if each.name not in taken)

    def unreturned(self, record: Record) -> tuple[str, str] | None:
        """Return a load balancer's cookie that was set earlier and that a failed request lacks, and who set it."""
        response = record.exchange.response
        if not self._sticky or record.kind is not Kind.CORS or response is None or response.status < 400:
            return None
        if record.exchange.request.headers.cookie is not None:
            return None
        key = _key(record)
        known = self._sticky.get(key, {}) if key is not None else {}
        before = [
            (started, name, setter)
            for setter, (started, name) in known.items()
            if started < record.exchange.started and (is_sticky(name) or is_unauthorized(record))
        ]
        return max(before)[1:] if before else None

    def _forget(self, record: Record) -> None:
        if not (self._set or self._missed or self._sticky or self._failed or self._carried):
            return
        key = _key(record)
        if key is None:
            return
        _take_out(self._set, key, record.id)
        _take_out(self._missed, key, record.id)
        _take_out(self._sticky, key, record.id)
        _take_out(self._failed, key, record.id)
        _take_out(self._carried, key, record.id)


def _take_out(store: dict[_Key, dict[str, _Value]], key: _Key, exchange_id: str) -> None:
    members = store.get(key)
    if members is not None:
        members.pop(exchange_id, None)
        if not members:
            del store[key]


def is_sticky(name: str) -> bool:
    """Say whether a cookie keeps a client at one instance behind a load balancer."""
    return name.lower().startswith(_STICKY)


def _kept_name(record: Record) -> str | None:
    """Return a cookie that has to come back: a load balancer's, or that of a sign-in which the browser may keep."""
    response = record.exchange.response
    if response is None:
        return None
    lines = response.headers.get_all("Set-Cookie")[:_MOST]
    names = [line.partition("=")[0].strip()[:_LONGEST_NAME] for line in lines]
    sticky = next((name for name in names if is_sticky(name)), None)
    if sticky is not None or record.exchange.request.method in ("GET", "HEAD"):
        return sticky
    if not sets_session_cookie(response.headers) or any(refusals(record)):
        return None
    return next((name for name in names if not name.lower().startswith(OF_MACHINES)), None)


def _is_kept_back(record: Record) -> bool:
    """https://privacycg.github.io/storage-access-headers/#sec-fetch-storage-access-header"""
    return record.exchange.request.headers.sec_fetch_storage_access == "none" and is_unauthorized(record)


def is_unauthorized(record: Record) -> bool:
    """Say whether an exchange failed for want of a sign-in, and carried no cookie."""
    response = record.exchange.response
    if record.kind is not Kind.CORS or response is None or response.status not in (401, 403):
        return False
    headers = record.exchange.request.headers
    return headers.cookie is None and headers.authorization is None


def refusals(record: Record) -> Iterator[Refused]:
    """Yield the cookies of a response that the browser does not take, credentials being included."""
    response = record.exchange.response
    host, page = origin_of(record.exchange.request.url), origin_of(record.classification.origin or "")
    if response is None or host is None or CredentialsMode.INCLUDE not in surviving_modes(record):
        return
    is_foreign = _is_cross_site(record, page, host)
    lax_by_default = _is_lax_by_default(record)
    for line in response.headers.get_all("Set-Cookie")[:_MOST]:
        name, why = _refusal(line, host, is_foreign, lax_by_default)
        if why is not None and not name.lower().startswith(OF_MACHINES):
            yield Refused(name[:_LONGEST_NAME], why, record.id)


def _refusal(line: str, host: Origin, is_foreign: bool, lax_by_default: bool) -> tuple[str, Refusal | None]:
    pair, *attributes = line.split(";")
    name = pair.partition("=")[0].strip()
    said: dict[str, str] = {}
    for attribute in attributes:
        key, _, value = attribute.partition("=")
        said[key.strip().lower()] = value.strip()
    secure, domain, same_site = "secure" in said, said.get("domain", "").lstrip(".").lower(), said.get("samesite", "")
    if domain and not _covers(domain, host.host):
        return name, Refusal.DOMAIN
    if name.startswith("__Host-") and (domain or said.get("path") != "/"):
        return name, Refusal.DOMAIN
    if name.startswith(("__Host-", "__Secure-")) and not secure:
        return name, Refusal.NOT_SECURE
    if secure and not is_potentially_trustworthy(host):
        return name, Refusal.SECURE_OVER_HTTP
    if same_site.lower() == "none" and not secure:
        # Refused on any site: https://www.ietf.org/archive/id/draft-ietf-httpbis-rfc6265bis-20.html#section-5.7
        return name, Refusal.NOT_SECURE
    if not is_foreign:
        return name, None
    match same_site.lower():
        case "lax" | "strict":
            return name, Refusal.SAME_SITE
        case "none":
            return name, None
        case _:
            # Firefox and Safari take it, so far.
            return name, Refusal.NO_SAME_SITE if lax_by_default else None


def _is_lax_by_default(record: Record) -> bool:
    """Say whether a cookie without SameSite counts as Lax: in Chromium, from version 80 on."""
    if record.browser is not BrowserFamily.CHROMIUM:
        return record.browser is None
    version = _VERSION.search(record.exchange.request.headers.user_agent or "")
    return version is None or int(version[1]) >= _LAX_SINCE


def _names(cookie: str) -> frozenset[str]:
    return frozenset(pair.partition("=")[0].strip() for pair in cookie.split(";")[:_MOST])


def _covers(domain: str, host: str) -> bool:
    if domain == host:
        return True
    # A domain that has no name of its own in front is a suffix that many share.
    return address_of(host) is None and host.endswith(f".{domain}") and registrable_domain(domain) is not None


def _is_cross_site(record: Record, page: Origin | None, host: Origin) -> bool:
    site = record.classification.site
    if site:
        return site == "cross-site"
    return page is None or not is_schemelessly_same_site(page, host, registrable_domain)


def _key(record: Record) -> _Key | None:
    host = record.target
    return None if host is None else (record.exchange.client, host)
