"""From mitmproxy's flows to exchanges."""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import urlsplit

from mitmproxy import http
from mitmproxy.net.http import url as urls
from mitmproxy.proxy import mode_specs

from ..fetch.headers import HeaderList
from ..fetch.messages import Request, Response
from ..fetch.origins import Origin
from ..traffic.address_spaces import address_space_of
from ..traffic.exchange import Exchange, Responder
from . import failures

_LONGEST_HOST = 300
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
    return Request(method, _browser_url(flow), HeaderList.from_bytes(request.headers.fields))


def _browser_url(flow: http.HTTPFlow) -> str:
    request = flow.request
    if _is_rewritten(flow):
        begin = _beginning(*_reverse_address(flow))
    else:
        place = request.scheme, request.host_header or "", request.host, request.port
        begin = _asked_at(*place) if len(place[1]) <= _LONGEST_HOST else _asked_at.__wrapped__(*place)
    path = request.path
    url = begin if path == "*" else begin + path
    if url.isascii():
        return url
    # Bytes that are no UTF-8 arrive as lone surrogates, with which mitmproxy cannot save a flow.
    return "".join(f"%{ord(char) - 0xDC00:02X}" if "\udc80" <= char <= "\udcff" else char for char in url)


@lru_cache(4096)
def _asked_at(scheme: str, host_header: str, host: str, port: int) -> str:
    """Return how a URL begins by its Host header, or else by where the request goes."""
    named, known = urls.parse_authority(host_header, check=False)
    if not named:
        named, known = host, port
    return _beginning(scheme, named, known or urls.default_port(scheme) or 443)


def _beginning(scheme: str, host: str, port: int) -> str:
    if ":" in host and "[" not in host:
        host = f"[{host}]"
    return f"{scheme}://{urls.hostport(scheme, host, port)}"


def _is_rewritten(flow: http.HTTPFlow) -> bool:
    """Say whether the Host header is the upstream's and not the one that the browser sent, as in reverse mode."""
    mode = flow.client_conn.proxy_mode
    if not isinstance(mode, mode_specs.ReverseMode):
        return False
    scheme = "http" if mode.scheme == "http" else "https"
    return flow.request.host_header == urls.hostport(scheme, *mode.address)


def _reverse_address(flow: http.HTTPFlow) -> tuple[str, str, int]:
    """Return scheme, host and port that the browser asked a reverse proxy at: those on which it listens.

    A page under the very same scheme and port was most likely loaded through this proxy, and knows the host's name.
    """
    client = flow.client_conn
    scheme = "https" if client.tls else "http"
    host, port = client.sockname[:2] if client.sockname else (flow.request.host, flow.request.port)
    headers = flow.request.headers
    if headers.get("sec-fetch-site") not in ("same-site", "cross-site"):
        for page in (headers.get("origin"), headers.get("referer")):
            found = _address_in(page or "")
            if found is not None and found[0] == scheme and found[2] == port:
                return found
    return scheme, host, port


def _address_in(url: str) -> tuple[str, str, int] | None:
    """Return scheme, host and port, a default one filled in; ``None`` where the URL has no such parts."""
    try:
        parts = urlsplit(url)
        port = parts.port or urls.default_port(parts.scheme)
    except ValueError:
        return None
    return (parts.scheme, parts.hostname, port) if parts.hostname and port else None


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
    )


def host_of(url: str) -> str:
    """Return host and port of a URL as written, empty where there is none."""
    found = _AUTHORITY.match(url)
    return "" if found is None else found[1]
