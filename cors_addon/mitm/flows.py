"""From mitmproxy's flows to exchanges."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from mitmproxy import http
from mitmproxy.proxy import mode_specs

from ..fetch.headers import HeaderList
from ..fetch.messages import Request, Response
from ..traffic.exchange import Exchange, Responder

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


def request_of(flow: http.HTTPFlow) -> Request:
    """Freeze a request as the browser sent it. Call before anything maps it elsewhere."""
    request = flow.request
    # mitmproxy's own property upper-cases, and CORS tells patch from PATCH.
    method = request.data.method.decode("latin-1")
    return Request(method, _browser_url(flow), HeaderList.from_bytes(request.headers.fields))


def _browser_url(flow: http.HTTPFlow) -> str:
    request = flow.request
    if isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode):
        # The Host header is the upstream's by now; the browser asked for the address that the proxy listens on.
        host, port = flow.client_conn.sockname[:2]
        scheme = "https" if flow.client_conn.tls else "http"
        host = f"[{host}]" if ":" in host else host
        default = port == (443 if scheme == "https" else 80)
        return f"{scheme}://{host}{'' if default else f':{port}'}{request.path}"
    return request.pretty_url


def exchange_of(flow: http.HTTPFlow, request: Request | None = None) -> Exchange:
    """Freeze a flow. ``request`` is the browser's own, where it was frozen earlier."""
    response = flow.response
    error = flow.error.msg if flow.error is not None else None
    frozen: Response | None = None
    ended: float | None = None
    responder = Responder.SERVER
    if response is not None:
        frozen = Response(response.status_code, HeaderList.from_bytes(response.headers.fields))
        ended = response.timestamp_end or response.timestamp_start
        if flow.server_conn.timestamp_start is None:
            responder = Responder.LOCAL
    if error is not None:
        responder = Responder.PROXY
        frozen = None
        ended = flow.error.timestamp if flow.error is not None else ended
    peer = flow.client_conn.peername
    address = flow.server_conn.peername
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
    """Return host and port of a URL as written, empty where it does not parse."""
    try:
        return urlsplit(url).netloc
    except ValueError:
        return ""
