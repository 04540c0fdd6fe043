"""From mitmproxy's flows to exchanges."""

import re
from dataclasses import dataclass

from mitmproxy import http

from ..capture.mitmproxy_flows import browser_url
from ..fetch.headers import HeaderList
from ..fetch.messages import Request, Response
from ..fetch.origins import Origin
from ..traffic.address_spaces import address_space_of
from ..traffic.body_hints import CODED, Hint, hints_in, response_hints
from ..traffic.exchange import Exchange, Responder
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

_AUTHORITY = re.compile(r"[^:/?#]*+:?//([^/?#]*+)")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


@dataclass(frozen=True, slots=True)
class Glance:
    """What one raw scan of a request's header fields tells: most flows need no more."""

    origin: bool
    cookie: bool
    no_cors: bool
    document: bool


NOTHING = Glance(False, False, False, False)


def glance(flow: http.HTTPFlow) -> Glance:
    """Scan a request's header fields once."""
    origin = cookie = no_cors = document = False
    for name, value in flow.request.headers.fields:
        match len(name):
            case 6:
                lower = name.lower()
                origin = origin or lower == b"origin"
                cookie = cookie or lower == b"cookie"
                document = document or (lower == b"accept" and value.startswith(b"text/html"))
            case 14 if name[:4] in (b"sec-", b"Sec-"):
                lower = name.lower()
                no_cors = no_cors or (lower == b"sec-fetch-mode" and value == b"no-cors")
    if not (origin or cookie or no_cors or document):
        return NOTHING
    return Glance(origin, cookie, no_cors, document)


def is_of_interest_without_origin(flow: http.HTTPFlow, seen: Glance) -> bool:
    """Say whether a flow without ``Origin`` can still tell something.

    It can as a redirect (a chain may turn cross-origin), as a document with an embedder policy, and where a response
    header may block what no CORS check guards.
    """
    response = flow.response
    if response is None:
        return False
    if seen.no_cors or seen.document or response.status_code in _REDIRECTS:
        return True
    for name, _ in response.headers.fields:
        length = len(name)
        if length == 22 and name.lower() == b"x-content-type-options":
            return True
        if length == 28 and name.lower() == b"cross-origin-resource-policy":
            return True
    return False


def is_harmless_subresource(flow: http.HTTPFlow) -> bool:
    """Say whether a response in mode "no-cors" is one that nothing holds back, unless its page has policies of its own.

    It is so for what is named as an image, a script and the like by a server that is elsewhere; half of all that pages
    load is. ``is_of_interest_without_origin`` says yes to these all the same, for it does not know the pages.
    """
    response = flow.response
    if response is None or response.status_code in _REDIRECTS:
        return False
    type_, nosniff = b"", False
    for name, value in response.headers.fields:
        match len(name):
            case 12 if name.lower() == b"content-type":
                if type_ or not value.startswith(_HARMLESS_TYPES):
                    return False
                type_ = value
            case 22 if name.lower() == b"x-content-type-options":
                nosniff = True
            case 28 if name.lower() == b"cross-origin-resource-policy":
                return False
    if not type_ or (nosniff and not _fits(type_, flow)):
        return False
    if any(len(name) == 24 and name.lower() == b"sec-fetch-storage-access" for name, _ in flow.request.headers.fields):
        return False
    address = flow.server_conn.peername
    return address_space_of(Origin("", flow.request.host, 0), address[0] if address else "") is None


def _fits(content_type: bytes, flow: http.HTTPFlow) -> bool:
    """Say whether a harmless type is one that the page can use as what it asked for, so that it need not be sniffed."""
    for name, value in flow.request.headers.fields:
        if len(name) == 14 and name.lower() == b"sec-fetch-dest":
            essence = content_type.partition(b";")[0].strip()
            return any(
                essence == one or (one[-1:] == b"/" and essence.startswith(one)) for one in _TYPES_OF.get(value, ())
            )
    return False


def request_of(flow: http.HTTPFlow) -> Request:
    """Freeze a request as the browser sent it. Call before anything maps it elsewhere."""
    request = flow.request
    # mitmproxy's own property upper-cases, and CORS tells patch from PATCH.
    method = request.data.method.decode("latin-1")
    return Request(method, browser_url(flow), HeaderList.from_bytes(request.headers.fields))


def waiting(flow: http.HTTPFlow, request: Request) -> Exchange:
    """Freeze a flow whose answer is awaited; ``request`` is the browser's own."""
    peer = flow.client_conn.peername
    return Exchange(
        id=flow.id,
        request=request,
        started=flow.request.timestamp_start,
        client=peer[0] if peer else "",
        connection=flow.client_conn.id,
        http_version=flow.request.http_version,
    )


def exchange_of(flow: http.HTTPFlow, request: Request | None = None, arrived: bool = False) -> Exchange:
    """Freeze a flow. ``request`` is the browser's own, where it was frozen earlier.

    ``arrived`` says that the browser has the response's headers already: what fails after that is no matter of theirs.
    """
    response = flow.response
    error: str | None = None
    frozen: Response | None = None
    ended: float | None = None
    responder = Responder.SERVER
    if flow.error is not None and not arrived:
        error, responder = failures.failure_of(flow)
        ended = flow.error.timestamp
    elif response is not None:
        frozen = Response(response.status_code, HeaderList.from_bytes(response.headers.fields))
        ended = response.timestamp_end or response.timestamp_start
        if flow.server_conn.timestamp_start is None:
            responder = Responder.LOCAL
    peer = flow.client_conn.peername
    # Through another proxy, the address is that proxy's and says nothing of the server.
    address = flow.server_conn.peername if flow.server_conn.via is None else None
    return Exchange(
        id=flow.id,
        request=request or request_of(flow),
        response=frozen,
        error=error,
        responder=responder,
        started=flow.request.timestamp_start,
        ended=ended,
        client=peer[0] if peer else "",
        connection=flow.client_conn.id,
        http_version=flow.request.http_version,
        server_address=address[0] if address else "",
        websocket=flow.websocket is not None,
        source="live" if flow.live else "flows",
        body_hints=() if frozen is None or response is None else _hints(frozen, response),
    )


def _hints(frozen: Response, response: http.Response) -> tuple[Hint, ...]:
    """Return what the body says, where it is there already: a hook may look before it has come."""
    raw = response.data.content
    if not raw:
        return ()
    if frozen.headers.get("Content-Encoding") in ("br", "zstd") and len(raw) <= CODED and frozen.status >= 400:
        return hints_in(frozen.headers.get("Content-Type"), response.get_content(strict=False) or b"")
    return response_hints(frozen.status, frozen.headers, raw)


def host_of(url: str) -> str:
    """Return host and port of a URL as written, empty where there is none."""
    found = _AUTHORITY.match(url)
    return "" if found is None else found[1]
