"""What blocks a response although CORS has no part in it, so that nobody blames CORS for it.

These become findings and leave the CORS outcome alone: a flow that CORS does not judge stays ``not-cors``.
"""

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final

from ..catalogue.violation import Severity
from ..fetch.headers import HeaderList
from ..fetch.messages import is_redirect_status
from ..fetch.origins import OPAQUE, Origin, origin_of, serialize_origin
from ..fetch.resource_policy import (
    EmbedderPolicy,
    ResourcePolicyBlock,
    embedder_policy_of,
    is_blocked_by_nosniff,
    resource_policy_block,
)
from ..traffic.address_spaces import address_space_of
from ..traffic.bounded_dicts import Recent
from ..traffic.classify import BrowserFamily, Classification, Kind, is_document_request
from ..traffic.correlate import Correlator
from ..traffic.exchange import Exchange
from ..traffic.record import Record
from ..traffic.sites import registrable_domain
from ..traffic.testimony import Told
from .failure_details import inert
from .model import Condition, HeaderLine
from .redirect_conditions import mixed_content_conditions
from .withheld import (
    BLOCKED_BY,
    CORP,
    ORB_NAMES,
    TOLD_BY_NAME,
    condition,
    is_certainly_opaque_blocked,
    opaque_condition,
    told_condition,
    typed_condition,
)

_DOCUMENTS: Final = frozenset({"document", "iframe", "frame", "embed", "object", "worker", "sharedworker"})
_AGE: Final = 6 * 3600.0
_JUDGED_AGAIN: Final = 2_000
_ISOLATING: Final = re.compile(r"/(?:mini-)?(?:coi|enable-threads|cross-origin-isolation|isolation)[\w.-]*\.m?js$")


@dataclass(slots=True)
class _Page:
    """What the documents of one origin told a client: their policies, and where their server is."""

    policies: set[EmbedderPolicy] = field(default_factory=set)
    upgrades: bool = False
    isolating: float | None = None
    """When it first loaded a service worker that adds Cross-Origin-Embedder-Policy to it."""
    address: tuple[float, str] | None = None


class NeighbourObserver:
    """Remembers the embedder policies of the documents that passed through, and finds what else blocks."""

    def __init__(self, correlator: Correlator) -> None:
        self._pages: Recent[tuple[str, str], _Page] = Recent(_Page, 2_000, _AGE)
        self._loads: dict[tuple[str, str], dict[str, None]] = {}
        self.knows_embedders = False
        """Whether any document had a Cross-Origin-Embedder-Policy that withholds what it embeds."""
        correlator.on_forget.append(self._forget)

    def observe(self, record: Record) -> set[str]:
        """Learn from an exchange; return the ids of those that a document speaks of and that came before it."""
        exchange, classification = record.exchange, record.classification
        if classification.page_origin is not None:
            self._loads.setdefault((exchange.client, classification.page_origin), {})[exchange.id] = None
        if classification.destination == "serviceworker":
            return self._service_worker(exchange)
        by_destination = classification.destination in _DOCUMENTS
        if exchange.response is None or not (by_destination or is_document_request(exchange.request, classification)):
            return set()
        origin = serialize_origin(exchange.request.url)
        if origin == OPAQUE or is_redirect_status(exchange.response.status):
            return set()
        page = self._pages.use((exchange.client, origin), exchange.started)
        known = replace(page, policies={*page.policies})
        page.upgrades = page.upgrades or _upgrades(exchange.response.headers)
        if by_destination:
            # Where browsers tell no destination, the page is in no secure context, and has no embedder policy.
            policy = embedder_policy_of(exchange.response.headers)
            if policy is EmbedderPolicy.CREDENTIALLESS and record.browser is BrowserFamily.WEBKIT:
                # WebKit does not know the value.
                policy = EmbedderPolicy.UNSAFE_NONE
            self.knows_embedders = self.knows_embedders or policy is not EmbedderPolicy.UNSAFE_NONE
            page.policies.add(policy)
            address = exchange.started, exchange.server_address
            if exchange.server_address and (page.address is None or address < page.address):
                page.address = address
        if page == known:
            return set()
        return set(islice(reversed(self._loads.get((exchange.client, origin), {})), _JUDGED_AGAIN))

    def _service_worker(self, exchange: Exchange) -> set[str]:
        """Note a service worker that is known to isolate its page by policies that no response of the server has."""
        origin = serialize_origin(exchange.request.url)
        if _ISOLATING.search(exchange.request.url.partition("?")[0]) is None or origin == OPAQUE:
            return set()
        page = self._pages.use((exchange.client, origin), exchange.started)
        if page.isolating is not None and page.isolating <= exchange.started:
            return set()
        page.isolating = exchange.started
        return set(islice(reversed(self._loads.get((exchange.client, origin), {})), _JUDGED_AGAIN))

    def _forget(self, record: Record) -> None:
        key = record.exchange.client, record.classification.page_origin or ""
        loads = self._loads.get(key)
        if loads is not None:
            loads.pop(record.id, None)
            if not loads:
                del self._loads[key]

    def conditions(self, exchange: Exchange, classification: Classification) -> list[Condition]:
        """Return what other than CORS speaks against or about the response."""
        response = exchange.response
        if response is None or exchange.error is not None:
            return []
        found: list[Condition] = []
        headers = response.headers
        if classification.kind in (Kind.NO_CORS, Kind.NO_ORIGIN):
            told = exchange.testimony
            delivered = told is not None and told.outcome is Told.PASSED
            if told is not None and told.error is not None and told.error in TOLD_BY_NAME:
                found.append(told_condition(TOLD_BY_NAME[told.error], classification, headers))
            elif not delivered:
                found += self._resource_policy(exchange, classification, headers)
            by_name = told is not None and (told.error or "").lower() in ORB_NAMES
            by_headers = not delivered and is_certainly_opaque_blocked(exchange, classification, headers)
            if not found and (by_name or by_headers):
                found.append(opaque_condition(exchange, classification, headers))
        if not found and _is_final(exchange) and is_blocked_by_nosniff(classification.destination, headers):
            found.append(typed_condition("nosniff-mime", classification, headers))
        found += self._local_network(exchange, classification)
        if exchange.request.headers.request_private_network is not None:
            value = headers.allow_private_network
            if value != "true":
                found.append(condition("private-network-access", {"value": inert(value or "") or "not sent"}))
        return found

    def mixed_content(self, record: Record) -> list[Condition]:
        """Return what blocks a redirect to http; nothing where the page's own policy makes https of http."""
        found = mixed_content_conditions(record)
        if not found:
            return found
        page = record.page_origin or record.classification.origin or ""
        known = self._pages.get((record.exchange.client, page))
        return [] if known is not None and known.upgrades else found

    def may_be_upgraded(self, record: Record) -> bool:
        """Say whether Firefox may have made this request https itself, and so does not check it.

        It takes the page's own host for the same origin where CSP's upgrade-insecure-requests changed the scheme. On
        the wire that looks like any call to https.
        """
        if record.kind is not Kind.CORS or record.preflight is not None or record.redirected_from is not None:
            return False
        origin = record.classification.origin or ""
        known = self._pages.get((record.exchange.client, origin))
        if known is None or not known.upgrades:
            return False
        page, target = origin_of(origin), origin_of(record.exchange.request.url)
        if page is None or target is None:
            return False
        return (page.scheme, target.scheme) == ("http", "https") and page.host == target.host

    def _resource_policy(
        self, exchange: Exchange, classification: Classification, headers: HeaderList
    ) -> list[Condition]:
        page = origin_of(classification.page_origin or "")
        resource = origin_of(exchange.request.url)
        if page is None or resource is None or page == resource or not _is_subresource(exchange, classification):
            return []
        if classification.site == "same-origin" or _is_style_sheet(exchange.request.headers.referer):
            # The referrer of what a style sheet loads is the sheet, and not the page that embeds.
            return []
        if (
            exchange.response is not None
            and exchange.response.status == 304
            and headers.cross_origin_resource_policy is None
        ):
            return []
        known = self._pages.get((exchange.client, page.serialize())) or _Page()
        embedder = next(iter(known.policies)) if len(known.policies) == 1 else EmbedderPolicy.UNSAFE_NONE
        block = resource_policy_block(
            page, resource, headers, embedder, exchange.request.headers.cookie is not None, registrable_domain
        )
        if block is None:
            return self._isolated(exchange, classification, headers, known, page)
        if block is ResourcePolicyBlock.SAME_SITE and classification.site == "same-site":
            return []
        values = headers.get_all(CORP)
        lines = [HeaderLine("response", CORP, inert(value, 2000)) for value in values]
        lines = lines or [HeaderLine("response", CORP, None)]
        value = values[0] if values else ""
        params = {"origin": inert(page.serialize()), "value": inert(value), "policy": embedder.value}
        wanted = "same-site" if classification.site == "same-site" else "cross-origin"
        return [condition(BLOCKED_BY[block], params, tuple(lines), f"{CORP}: {wanted}")]

    def _isolated(
        self, exchange: Exchange, classification: Classification, headers: HeaderList, known: _Page, page: Origin
    ) -> list[Condition]:
        """A risk only: whether the page was loaded by way of the service worker is not seen."""
        if known.isolating is None or exchange.started < known.isolating or CORP in headers:
            return []
        if classification.kind is not Kind.NO_CORS:
            return []
        params = {"origin": inert(page.serialize()), "value": "", "policy": "by-service-worker"}
        found = condition("corp-coep", params, (HeaderLine("response", CORP, None),), f"{CORP}: cross-origin")
        return [replace(found, severity=Severity.RISK)]

    def _local_network(self, exchange: Exchange, classification: Classification) -> list[Condition]:
        """A page from elsewhere that reaches into the local network: without the proxy the browser would ask first.

        Said only where the page's own server is known to be elsewhere.
        """
        if classification.kind not in (Kind.CORS, Kind.NO_CORS, Kind.PREFLIGHT):
            return []
        page = origin_of(classification.page_origin or "")
        target = origin_of(exchange.request.url)
        if page is None or target is None:
            return []
        space = address_space_of(target, exchange.server_address)
        known = self._pages.get((exchange.client, page.serialize()))
        if (
            space is None
            or known is None
            or known.address is None
            or address_space_of(page, known.address[1]) is not None
        ):
            return []
        params = {"host": inert(target.host), "address": inert(exchange.server_address or target.host), "space": space}
        return [condition("local-network-access", params)]


def _upgrades(headers: HeaderList) -> bool:
    policies = headers.get_all("Content-Security-Policy")
    directives = (directive for policy in policies for directive in re.split("[;,]", policy))
    return any(directive.strip().lower() == "upgrade-insecure-requests" for directive in directives)


def _is_final(exchange: Exchange) -> bool:
    """Say whether a response is what the page gets: no redirect, and no 304, which need not tell the content's type."""
    return exchange.response is not None and not 300 <= exchange.response.status <= 399


def _is_style_sheet(referrer: str | None) -> bool:
    return referrer is not None and referrer.partition("?")[0].lower().endswith(".css")


def _is_subresource(exchange: Exchange, classification: Classification) -> bool:
    """Say whether the request is certainly no navigation: those are checked by other rules."""
    if classification.kind is Kind.NO_CORS:
        return True
    headers = exchange.request.headers
    accept = headers.accept or ""
    return bool(accept) and not accept.startswith("text/html") and headers.upgrade_insecure_requests is None
