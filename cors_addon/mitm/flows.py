"""From mitmproxy's flows to exchanges: a look at a flow in the hook, raw, and its reading later."""

import re
import time
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any, Final

from mitmproxy import http

from ..capture.flow_keys import SERVER, VERDICT
from ..capture.flow_scan import NOTHING, Glance, glance, is_of_interest_without_origin
from ..capture.mitmproxy_flows import browser_url
from ..fetch.messages import REDIRECT_STATUSES, Request, Response
from ..fetch.origins import Origin
from ..rules.plans import Plan
from ..traffic.address_spaces import address_space_of
from ..traffic.body_hints import CODED, Hint, hints_in, response_hints
from ..traffic.exchange import Exchange, Responder
from ..traffic.retention import LONGEST_NAME, Fields, cut_bytes, headers_of
from . import failures

_HARMLESS_TYPES = (
    *(b"audio/", b"font/", b"image/", b"video/"),
    *(b"text/css", b"text/javascript", b"application/javascript"),
)
_TYPES_OF = {
    b"style": (b"text/css",),
    b"script": (b"text/javascript", b"application/javascript"),
    b"image": (b"image/",),
    b"font": (b"font/",),
    b"audio": (b"audio/",),
    b"video": (b"video/",),
}
"""What a response has to be that says ``nosniff``, by what the request is for."""

_AUTHORITY: Final = re.compile(r"[^:/?#]*+:?//([^/?#]*+)")
_NO_FIELDS: Final[Fields] = ()


@dataclass(slots=True, eq=False)
class Seen:
    """A flow's request as the browser sent it, and what is known of its response.

    ``url`` is empty where the request alone says nothing: then it is read with the response. ``head`` are the header
    fields that the last look saw. ``is_again`` says that a response was seen before this one, ``lacks_body``
    that its body was not there when it was read, ``is_noted`` that the request was put into the pipeline before its
    response, ``is_planned`` that a rule may be for it. ``is_live`` says that the flow was on its way then: mitmproxy
    takes its own word back as soon as the response is sent. ``plan`` is what a rule did to the flow, and ``made`` the
    response that it delivered; ``at`` is the Unix time of that. ``noted`` is what a saved flow says of a rule's change.
    """

    flow: http.HTTPFlow
    method: bytes
    url: str
    asked: Fields
    glance: Glance
    request: Request | None = None
    exchange: Exchange | None = None
    status: int | None = None
    answered: Fields = _NO_FIELDS
    ended: float | None = None
    error: str | None = None
    responder: Responder = Responder.SERVER
    head: Fields | None = None
    is_noted: bool = False
    is_planned: bool = False
    is_again: bool = False
    is_live: bool = False
    lacks_body: bool = False
    plan: Plan | None = None
    made: Response | None = None
    at: float = 0.0
    noted: dict[str, Any] | None = None

    @property
    def is_over(self) -> bool:
        """Whether a response or a failure is there."""
        return self.status is not None or self.error is not None

    @property
    def hung_up_at(self) -> float | None:
        """When the browser closed the connection of the request, in Unix time. A replay has none to close."""
        return None if self.flow.is_replay else self.flow.client_conn.timestamp_end

    def answer(self) -> None:
        """Take note of the response as it is now."""
        response = self.flow.response
        assert response is not None
        self.status, self.answered = response.status_code, response.headers.fields
        self.ended = response.timestamp_end or response.timestamp_start
        self.exchange = None

    def again(self, arrived: bool) -> "Seen":
        """Return what there is to see now that something has changed.

        ``arrived`` says that the browser has the response's headers: what fails after that is no matter of theirs.
        """
        now = replace(
            self, is_again=True, status=None, answered=_NO_FIELDS, plan=None, made=None, at=time.time(), exchange=None
        )
        if self.flow.error is not None and not arrived:
            # Read at once: which side broke off shows in the connections, and only while they are open.
            now.error, now.responder = failures.failure_of(self.flow)
            now.ended = self.flow.error.timestamp
        elif self.flow.response is not None:
            now.answer()
        return now

    def hung_up(self) -> "Seen":
        """Return a request that got no answer since its browser hung up."""
        error = f"{failures.CLIENT_GONE}: nobody answered before"
        nobody = Responder.NOBODY
        return replace(self, is_again=True, error=error, responder=nobody, ended=self.hung_up_at, exchange=None)

    def read_request(self) -> Request:
        """Return the request, read once."""
        if self.request is None:
            url = self.url or browser_url(self.flow)
            method = cut_bytes(self.method, LONGEST_NAME).decode("latin-1")
            self.request = Request(method, url, headers_of(self.asked))
        return self.request

    def read(self) -> Exchange:
        """Return the exchange; what its body says is left aside."""
        if self.exchange is None:
            self.exchange = self._read()
        return self.exchange

    def read_body(self) -> Exchange:
        """Return the exchange with what its body says of an error, where that may explain something."""
        exchange, flow = self.read(), self.flow
        response = exchange.response
        if response is None or flow.response is None or not self.glance.origin:
            return exchange
        # An error's body may say why, and may not have come yet.
        self.lacks_body = response.status >= HTTPStatus.BAD_REQUEST and flow.response.data.content is None
        if response.status < HTTPStatus.BAD_REQUEST and response.headers.allow_origin:
            return exchange
        hints = _hints(response, flow.response)
        return replace(exchange, body_hints=hints) if hints else exchange

    def _read(self) -> Exchange:
        flow, responder = self.flow, self.responder
        frozen: Response | None = None
        if self.error is None and self.status is not None:
            frozen = Response(self.status, headers_of(self.answered))
            if flow.server_conn.timestamp_start is None:
                responder = Responder.LOCAL
        client, server = flow.client_conn, flow.server_conn
        peer = client.peername
        # Through another proxy, the address is that proxy's and says nothing of the server.
        address = server.peername if server.via is None and self.is_over else None
        return Exchange(
            id=flow.id,
            request=self.read_request(),
            response=frozen,
            error=self.error,
            responder=responder,
            started=flow.request.timestamp_start,
            ended=self.ended,
            client=peer[0] if peer else "",
            connection=client.id,
            connected=client.timestamp_start or 0.0,
            http_version=flow.request.http_version,
            response_version="HTTP/1.1" if flow.response is None else flow.response.http_version,
            server_address=address[0] if address else "",
            websocket=flow.websocket is not None,
            source="live" if self.is_live else "flows",
        )


def seen_of(flow: http.HTTPFlow) -> Seen | None:
    """Look at a request; ``None`` where it says nothing, as most do."""
    data = flow.request.data
    fields = data.headers.fields
    found = glance(fields)
    if found is NOTHING:
        return None
    # What other addons map elsewhere is still what the browser asked for.
    return Seen(flow, data.method, browser_url(flow) if found.origin else "", fields, found, is_live=flow.live)


def noted_on(flow: http.HTTPFlow) -> dict[str, Any] | None:
    """Return what a saved flow may say of a rule's change."""
    if flow.live or VERDICT not in flow.metadata or flow.response is None:
        return None
    return {key: flow.metadata.get(key) for key in (VERDICT, SERVER)}


def saved(flow: http.HTTPFlow) -> Seen | None:
    """Look at a flow that is over and was not seen on its way; ``None`` where no CORS check applies to it."""
    if flow.response is None and flow.error is None:
        return None
    seen = without_a_word(flow).again(arrived=False)
    seen.is_again, seen.glance, seen.noted = False, glance(seen.asked), noted_on(flow)
    seen.is_planned = seen.noted is not None
    says = seen.status is not None and is_of_interest_without_origin(seen.status, seen.answered, seen.glance)
    return seen if seen.glance.origin or seen.is_planned or says else None


def planned(flow: http.HTTPFlow, seen: Seen | None) -> Seen:
    """Return what was seen of a request without ``Origin`` that a rule is for."""
    made = seen or without_a_word(flow)
    made.url, made.is_planned = made.url or browser_url(flow), True
    return made


def without_a_word(flow: http.HTTPFlow) -> Seen:
    """Look at a request that says nothing, since its response does, or a rule is for it."""
    data = flow.request.data
    return Seen(flow, data.method, browser_url(flow), data.headers.fields, NOTHING, is_live=flow.live)


def exchange_of(flow: http.HTTPFlow) -> Exchange:
    """Return a flow as an exchange."""
    seen = without_a_word(flow).again(arrived=False)
    seen.glance = glance(seen.asked)
    return seen.read_body()


def request_of(flow: http.HTTPFlow) -> Request:
    """Return a request as the browser sent it. Call before anything maps it elsewhere."""
    return without_a_word(flow).read_request()


def is_harmless(seen: "Seen") -> bool:
    """Say whether a response in mode "no-cors" is one that nothing holds back, unless its page has policies of its own.

    It is so for what is named as an image, a script and the like by a server that is elsewhere; half of all that pages
    load is. ``is_of_interest_without_origin`` says yes to these all the same, for it does not know the pages.
    """
    if seen.status is None or seen.status in REDIRECT_STATUSES:
        return False
    type_, nosniff = b"", False
    for name, value in seen.answered:
        match len(name):
            case 12 if name.lower() == b"content-type":
                if type_ or not value.startswith(_HARMLESS_TYPES):
                    return False
                type_ = value
            case 22 if name.lower() == b"x-content-type-options":
                nosniff = True
            case 28 if name.lower() == b"cross-origin-resource-policy":
                return False
    if not type_ or (nosniff and not _fits(type_, seen.asked)):
        return False
    if any(len(name) == 24 and name.lower() == b"sec-fetch-storage-access" for name, _ in seen.asked):
        return False
    flow = seen.flow
    address = flow.server_conn.peername
    return address_space_of(Origin("", flow.request.host, 0), address[0] if address else "") is None


def _fits(content_type: bytes, asked: Fields) -> bool:
    """Say whether a harmless type is one that the page can use as what it asked for, so that it need not be sniffed."""
    for name, value in asked:
        if len(name) == 14 and name.lower() == b"sec-fetch-dest":
            essence = content_type.partition(b";")[0].strip()
            return any(
                essence == one or (one[-1:] == b"/" and essence.startswith(one)) for one in _TYPES_OF.get(value, ())
            )
    return False


def _hints(frozen: Response, response: http.Response) -> tuple[Hint, ...]:
    """Return what the body says, where it is there already: a hook may look before it has come."""
    raw = response.data.content
    if raw and frozen.headers.content_encoding in ("br", "zstd") and len(raw) <= CODED and frozen.status >= 400:
        return hints_in(frozen.headers.get("Content-Type"), response.get_content(strict=False) or b"")
    return response_hints(frozen.status, frozen.headers, raw, response.data.reason.decode("latin-1"))


def host_of(url: str) -> str:
    """Return host and port of a URL as written, empty where there is none."""
    found = _AUTHORITY.match(url)
    return "" if found is None else found[1]
