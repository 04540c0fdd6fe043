"""The one file here that imports mitmproxy: for its URL grammar, its version of the format, and its classes.

What another version of mitmproxy wrote goes through its own migrations and becomes a flow; so does what looks otherwise
than expected. That is slower, and right for whatever version wrote it. The classes are imported only then.
"""

from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from mitmproxy import version
from mitmproxy.net.http import url as urls

from ..traffic.retention import LONGEST_URL, cut_bytes

if TYPE_CHECKING:
    from mitmproxy import http

FORMAT_VERSION: Final = version.FLOW_FORMAT_VERSION
parse_authority: Final = urls.parse_authority
default_port: Final = urls.default_port
hostport: Final = urls.hostport
_LONGEST_HOST: Final = 300
_WITH_AUTHORITY: Final = (b"HTTP/2.0", b"HTTP/3")


def state_and_url(payload: bytes) -> tuple[dict[str, Any], str] | None:
    """Return a saved flow's state as this version of mitmproxy writes it, and the URL that the browser asked for.

    ``None`` where it is no HTTP flow; raises ``ValueError`` and its like.
    """
    from mitmproxy import flow, http
    from mitmproxy.io import compat, tnetstring

    state: Any = tnetstring.parse(ord("}"), memoryview(payload))
    loaded = flow.Flow.from_state(compat.migrate_flow(state))
    if not isinstance(loaded, http.HTTPFlow):
        return None
    return loaded.get_state(), browser_url(loaded)


def browser_url(flow: "http.HTTPFlow") -> str:
    """Return the URL that the browser asked for: by its Host header, or by what a reverse proxy listens at."""
    request = flow.request
    if _is_rewritten(flow):
        begin = _beginning(*_reverse_address(flow))
    else:
        # Read raw: mitmproxy's own properties look through the headers several times.
        data = request.data
        authority = data.authority if data.http_version in _WITH_AUTHORITY else b""
        in_header = not authority
        if in_header:
            authority = b", ".join([field[1] for field in data.headers.fields if field[0].lower() == b"host"])
        place = data.scheme, authority, in_header, data.host, data.port
        begin = _asked_at(*place) if len(authority) <= _LONGEST_HOST else _asked_at.__wrapped__(*place)
    path = cut_bytes(request.data.path, LONGEST_URL).decode("utf-8", "surrogateescape")
    url = begin if path == "*" else begin + path
    if url.isascii():
        return url
    # Bytes that are no UTF-8 arrive as lone surrogates, with which mitmproxy cannot save a flow.
    return "".join(f"%{ord(char) - 0xDC00:02X}" if "\udc80" <= char <= "\udcff" else char for char in url)


@lru_cache(4096)
def _asked_at(scheme: bytes, authority: bytes, in_header: bool, host: str, port: int) -> str:
    """Return how a URL begins by its Host header or ``:authority``, or else by where the request goes."""
    text = authority.decode("utf-8", "surrogateescape")
    if not in_header:
        # What is no header, mitmproxy reads as an international name.
        with suppress(UnicodeError):
            text = authority.decode("idna")
    named, known = urls.parse_authority(text, check=False)
    if not named:
        named, known = host, port
    name = scheme.decode("utf-8", "surrogateescape")
    return _beginning(name, named, known or urls.default_port(name) or 443)


def _beginning(scheme: str, host: str, port: int) -> str:
    if ":" in host and "[" not in host:
        host = f"[{host}]"
    return f"{scheme}://{urls.hostport(scheme, host, port)}"


def _is_rewritten(flow: "http.HTTPFlow") -> bool:
    """Say whether the Host header is the upstream's and not the one that the browser sent, as in reverse mode."""
    mode: Any = flow.client_conn.proxy_mode
    if mode.type_name != "reverse":
        return False
    scheme = "http" if mode.scheme == "http" else "https"
    return bool(flow.request.host_header == urls.hostport(scheme, *mode.address))


def _reverse_address(flow: "http.HTTPFlow") -> tuple[str, str, int]:
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
