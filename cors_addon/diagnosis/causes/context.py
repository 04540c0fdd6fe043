"""What a cause is looked for in: one exchange, its ties to others, and what its host answered besides."""

import re
from dataclasses import dataclass
from functools import cached_property

from ...fetch.headers import HeaderList, Invalid, extract_header_list_values, get_decode_and_split
from ...fetch.messages import Response, is_redirect_status
from ...fetch.origins import Origin, origin_of
from ...fetch.redirects import MOST_REDIRECTS
from ...traffic.body_hints import Hint
from ...traffic.classify import Kind
from ...traffic.cookies import CookieObserver
from ...traffic.correlate import Correlator
from ...traffic.exchange import Responder
from ...traffic.host_policies import HostObserver, Sighting
from ...traffic.page_loads import PageLoads
from ...traffic.record import Record
from ...verdict.failure_details import inert
from ...verdict.model import Owner
from ..owner import THIRD_PARTY

_NO_HEADERS = HeaderList()
_NOBODYS = Owner("unknown")


@dataclass(frozen=True)
class Scene:
    """An exchange with findings, and what is known around it. Nothing here changes while causes are looked for."""

    record: Record
    correlator: Correlator
    hosts: HostObserver
    pages: PageLoads
    cookies: CookieObserver
    owner: Owner = _NOBODYS

    @cached_property
    def server_answered(self) -> bool:
        """Whether the response is a server's own: none that the proxy or a rule made up."""
        exchange = self.record.exchange
        return exchange.response is not None and exchange.responder is Responder.SERVER

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def is_preflight(self) -> bool:
        return self.record.kind is Kind.PREFLIGHT

    @cached_property
    def status(self) -> int:
        """The response's status, 0 where there is none."""
        response = self.record.exchange.response
        return 0 if response is None else response.status

    @cached_property
    def headers(self) -> HeaderList:
        response = self.record.exchange.response
        return _NO_HEADERS if response is None else response.headers

    @property
    def asked(self) -> HeaderList:
        """The request's headers."""
        return self.record.exchange.request.headers

    @property
    def url(self) -> str:
        return self.record.exchange.request.url

    @property
    def origin(self) -> str:
        """The page's origin as sent."""
        return self.record.classification.origin or "null"

    @cached_property
    def page(self) -> Origin | None:
        return origin_of(self.origin)

    @property
    def page_shown(self) -> str:
        """The page's origin, also where the request carries no Origin."""
        return self.record.page_origin or self.record.classification.page_origin or self.origin

    @property
    def is_third_partys(self) -> bool:
        """Whether the host belongs to a service that the page's author cannot change."""
        return self.owner.kind == THIRD_PARTY

    @cached_property
    def target(self) -> Origin | None:
        return origin_of(self.url)

    @cached_property
    def method(self) -> str:
        """The actual method: of a preflight, the one that it asks for."""
        if self.is_preflight:
            return self.asked.get("Access-Control-Request-Method") or ""
        return self.record.exchange.request.method

    @property
    def is_redirect(self) -> bool:
        return is_redirect_status(self.status) and "location" in self.headers

    @cached_property
    def server(self) -> str:
        """The value of Server, shown; empty without one."""
        return inert(self.headers.get("Server") or "", 60)

    @cached_property
    def by(self) -> str:
        """By whom the response came, to go behind its status; empty where no Server is sent.

        Cloudflare puts its own name in place of the server's.
        """
        if self.server.lower() == "cloudflare":
            return " through Cloudflare"
        return f" from {self.server}" if self.server else ""

    @cached_property
    def challenge(self) -> str:
        """The first scheme of each WWW-Authenticate, to go behind the status; empty without that header.

        https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
        """
        lines = self.headers.get_all("WWW-Authenticate")
        if not lines:
            return ""
        schemes = dict.fromkeys(re.split(r"[\s,]", line.strip(), maxsplit=1)[0] for line in lines)
        return f" with WWW-Authenticate: {shown(', '.join(schemes), 60)}"

    @cached_property
    def varies(self) -> frozenset[str]:
        """The lower-cased names in Vary."""
        return frozenset(value.lower() for value in get_decode_and_split(self.headers, "Vary") or ())

    @cached_property
    def has_cors_headers(self) -> bool:
        """Whether any response header of CORS is there."""
        return any(name.startswith("access-control-") for name in self.headers.names())

    @cached_property
    def seconds(self) -> float:
        """How long the answer, or the failure, took."""
        exchange = self.record.exchange
        return 0.0 if exchange.ended is None else max(exchange.ended - exchange.started, 0.0)

    @cached_property
    def at_path(self) -> list[Sighting]:
        """What other exchanges showed of this path of the host."""
        return self.hosts.at_path(self.record)

    @cached_property
    def allowing(self) -> Sighting | None:
        """The first successful answer of the host that another page or request was allowed to read."""
        return self.hosts.allowing(self.record)

    @cached_property
    def preflight(self) -> Record | None:
        """The preflight of an actual request, where it is remembered."""
        return self.correlator.get(self.record.preflight or self.record.cached_grant)

    @cached_property
    def preflight_response(self) -> Response | None:
        """What the server itself answered to the preflight; what a rule delivered in its place proves nothing."""
        preflight = self.preflight
        if preflight is None or preflight.exchange.responder is not Responder.SERVER:
            return None
        return preflight.exchange.response

    @cached_property
    def hop(self) -> Record | None:
        """The redirect that led here, where it is remembered."""
        return self.correlator.get(self.record.redirected_from)

    @cached_property
    def hops(self) -> list[Record]:
        """The redirects that led here, the page's own request first, as far as they are remembered."""
        hops: list[Record] = []
        hop = self.hop
        while hop is not None and len(hops) < MOST_REDIRECTS:
            hops.insert(0, hop)
            hop = self.correlator.get(hop.redirected_from)
        return hops

    @cached_property
    def of_host(self) -> tuple[Sighting, ...]:
        """All that the host was seen to answer to others, by when it was first seen."""
        if self.target is None:
            return ()
        return tuple(each for each in self.hosts.sightings(self.target) if each.first[1] != self.id or each.count > 1)

    def says(self, *hints: Hint) -> bool:
        """Say whether the body of the response holds one of these phrases."""
        return not self.body_hints.isdisjoint(hints)

    @cached_property
    def body_hints(self) -> frozenset[Hint]:
        return frozenset(self.record.exchange.body_hints)

    @cached_property
    def path(self) -> str:
        """The URL's path as sent."""
        return "/" + self.url.partition("://")[2].partition("?")[0].partition("/")[2]

    @cached_property
    def host(self) -> str:
        """Host and port of the URL, shown."""
        return shown(self.url.partition("://")[2].partition("?")[0].partition("/")[0].rpartition("@")[2], 80)

    def listed(self, name: str) -> list[str]:
        """Return the elements of a list header of the response; what does not parse lists nothing."""
        values = extract_header_list_values(self.headers, name)
        return [] if values is None or isinstance(values, Invalid) else values


def name_of(seen: Sighting | Record) -> str:
    """Return method and path of another exchange, as it is called in a sentence."""
    if isinstance(seen, Record):
        path = "/" + seen.exchange.request.url.partition("://")[2].partition("?")[0].partition("/")[2]
        return f"{shown(seen.exchange.request.method, 20)} {shown(path, 80)}"
    method = "OPTIONS" if seen.answer.is_preflight else seen.answer.method
    return f"{shown(method, 20)} {shown(seen.answer.path, 80)}"


def shown(text: str, limit: int = 100) -> str:
    """Return a value as it may stand in a message."""
    return inert(text, limit)
