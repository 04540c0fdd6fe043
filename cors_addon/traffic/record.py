"""What is known of one exchange: itself, and its ties to others."""

from dataclasses import dataclass, field

from ..fetch.headers import HeaderList
from ..fetch.messages import CredentialsMode, Response
from ..fetch.methods import is_cors_safelisted_method
from ..fetch.origins import Origin, origin_of
from .classify import BrowserFamily, Classification, Kind
from .exchange import Exchange
from .testimony import Told


@dataclass(slots=True)
class Record:
    """One exchange and what others say of it.

    ``preflight`` is the preflight made for this request, ``cached_grant`` an earlier one whose grant covered it. Of a
    preflight, ``request`` is the request that it was made for, and ``requests`` the first of those that it served,
    by time. ``next_request`` and ``next_preflight`` are what came of a redirect, ``leads_to`` its target. ``hops``
    counts the redirects before this exchange, and ``page_origin`` is the origin at the head of the chain.
    ``began_at_page`` says that a redirect from the page's own origin began the chain.
    ``unfollowed`` is set when nothing came after it in time. ``read_before`` is the next exchange on its connection,
    and ``closed_before`` the one that shows that the browser closed the connection instead: itself, where the proxy saw
    it close. ``asked_names`` are the header names that a preflight asks for, or that were asked for on behalf of a
    request; ``header_names`` those that a script appears to have set.
    ``challenge`` is the response whose challenge the browser answered with this request, and ``answered`` the request
    that did so. ``stored`` are the headers that a 304 confirms, and ``stored_id`` the exchange that brought them.
    """

    exchange: Exchange
    classification: Classification
    browser: BrowserFamily | None
    preflight: str | None = None
    cached_grant: str | None = None
    request: str | None = None
    requests: tuple[str, ...] = ()
    leads_to: str | None = None
    redirected_from: str | None = None
    next_request: str | None = None
    next_preflight: str | None = None
    hops: int = 0
    page_origin: str | None = None
    tainted: bool = False
    began_at_page: bool = False
    challenge: str | None = None
    answered: str | None = None
    stored: HeaderList | None = None
    stored_id: str | None = None
    unfollowed: bool = False
    read_before: str | None = None
    closed_before: str | None = None
    header_names: tuple[str, ...] = ()
    asked_names: tuple[str, ...] = ()
    delivered: Response | None = None
    survival: tuple[Response, tuple[str, ...], frozenset[CredentialsMode]] | None = field(default=None, compare=False)
    """What ``surviving_modes`` found, for which response and which header names asked for."""
    cost: int = field(default=0, compare=False)
    """Bytes that it was counted with when it was last seen."""
    id: str = field(init=False)
    kind: Kind = field(init=False)
    target: Origin | None = field(init=False)
    """The origin of the URL that was asked for."""
    order: tuple[float, str] = field(init=False)
    """Where it stands among others: by the start of its request."""

    def __post_init__(self) -> None:
        self.id, self.kind = self.exchange.id, self.classification.kind
        self.target = origin_of(self.exchange.request.url)
        self.order = self.exchange.started, self.exchange.id

    @property
    def seen(self) -> Response | None:
        """What the browser got: the server's response, or what was delivered in its place."""
        return self.delivered or self.exchange.response

    @property
    def over(self) -> float:
        """When its answer had come, or else when it began."""
        exchange = self.exchange
        return exchange.started if exchange.ended is None else max(exchange.started, exchange.ended)

    @property
    def redirected_to(self) -> str | None:
        """What the browser asked for next: the request itself, where its preflight is known as well."""
        return self.next_request or self.next_preflight

    @property
    def needs_preflight(self) -> bool:
        return not is_cors_safelisted_method(self.exchange.request.method) or bool(self.header_names)

    @property
    def was_never_sent(self) -> bool:
        """Whether the browser itself said that a request failed, and no response came: its preflight may be why.

        What a proxy saw was sent, and so was what failed in the network behind a preflight that was answered.
        """
        testimony, response = self.exchange.testimony, self.exchange.response
        if testimony is None or self.exchange.source != "har" or (response is not None and response.status):
            return False
        return testimony.outcome is Told.CORS or (testimony.outcome is Told.FAILED and self.exchange.error is None)

    @property
    def was_followed(self) -> bool:
        """Whether something came after it that only a pass in the browser explains."""
        return bool(self.requests) or self.redirected_to is not None
