"""Where the page answers: at a host of its own through the proxy, or below a path of a reverse proxy's one host."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from mitmproxy import http
from mitmproxy.proxy import mode_specs

from ..fetch.origins import address_of
from ..fetch.urls import parse_host

PREFIX: Final = "/+cors/"

_NAME: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")
_NAMED_MODES: Final = (mode_specs.RegularMode, mode_specs.UpstreamMode, mode_specs.Socks5Mode)
"""Modes in which the browser leaves it to the proxy to find out what a name means."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request reaches the page.

    ``base`` is the path that the page's own URLs begin with, ``rest`` what follows it, without the query. ``origin`` is
    the page's own origin, ``None`` where the request no longer tells: a reverse proxy replaces the Host header.
    ``wrong`` says what keeps this from being the page's address.
    """

    base: str
    rest: str
    query: str
    origin: str | None
    wrong: str = ""

    @property
    def is_shared(self) -> bool:
        """Whether the page has its origin in common with the site behind a reverse proxy."""
        return self.origin is None


def host_problem(value: str) -> str | None:
    """Say what keeps a text from being the page's host, in words that follow "option=value: "; empty is no host."""
    if not value:
        return None
    if "://" in value:
        return f"is a URL; write only its host: {value.partition('://')[2].partition('/')[0] or 'cors.addon'}"
    if "/" in value:
        return "has a path; write only a host, such as cors.addon"
    if "*" in value:
        return "is a pattern; name one host, such as cors.addon"
    if value.count(":") > 1:
        return "is an IPv6 address; write a name, such as cors.addon"
    if ":" in value:
        return f"has a port, and the page answers at those of http and https; write {value.partition(':')[0]}"
    host = parse_host(value)
    if host is None or not value.isascii():
        meant = f"; browsers write it {host}" if host and _NAME.fullmatch(host) else ""
        return f"is no host name{meant}; letters, digits, hyphens and dots make one, such as cors.addon"
    if host.endswith("."):
        return f"ends in a dot; write {host[:-1]}"
    if not _NAME.fullmatch(host):
        return "is no host name; letters, digits, hyphens and dots make one, such as cors.addon"
    if _is_loopback(host):
        return "is this machine itself, which browsers do not ask a proxy for; write a name, such as cors.addon"
    return None


def reaches(flow: http.HTTPFlow, host: str) -> bool:
    """Say whether a request is for the page; ``host`` empty is no page. It is asked in every hook of every flow."""
    if not host:
        return False
    request, mode = flow.request, flow.client_conn.proxy_mode
    if isinstance(mode, mode_specs.ReverseMode):
        path = request.data.path
        return path.startswith(b"/+cors") and path[6:7] in (b"", b"/", b"?")
    if isinstance(mode, _NAMED_MODES):
        return request.data.host.lower() == host
    return _without_port(request.host_header or "") == host


def place_of(flow: http.HTTPFlow, host: str) -> Place:
    """Say where a request, one that ``reaches`` the page, does so."""
    request = flow.request
    path, _, query = request.path.partition("?")
    if isinstance(flow.client_conn.proxy_mode, mode_specs.ReverseMode):
        base = PREFIX if path.startswith(PREFIX) else ""
        return Place(base, path[len(base) :], query, None, _name_problem(flow, host))
    base, rest = path[:1], path[1:]
    asked = (request.host_header or host).lower()
    port = 443 if request.scheme == "https" else 80
    wrong = ""
    if request.port != port or asked not in (host, f"{host}:{port}"):
        wrong = f"The live page is at {request.scheme}://{host}/ and at no other name or port."
    return Place(base, rest, query, f"{request.scheme}://{host}", wrong)


def _name_problem(flow: http.HTTPFlow, host: str) -> str:
    """A name that somebody else made point here is not the page's.

    Over plain http the name cannot be seen in reverse mode; there the guard asks for headers that browsers send to
    loopback names only.
    """
    name = (flow.client_conn.sni or "").lower() if flow.client_conn.tls else ""
    if not name or name == host or _is_loopback(name) or address_of(name) is not None:
        return ""
    return f"The live page does not answer at the name {name}. If it is yours, start the proxy with cors_page={name}."


def whereabouts(
    host: str, modes: Iterable[mode_specs.ProxyMode], listen_host: str, listen_port: int | None, lazy: bool
) -> str:
    """Return one line that says where the page is for each of the proxy's modes, or why it is not."""
    there: list[str] = []
    nowhere: list[str] = []
    for mode in modes:
        match mode:
            case mode_specs.RegularMode() | mode_specs.UpstreamMode():
                there.append(f"at http://{host}/ through the proxy")
            case mode_specs.Socks5Mode() if lazy:
                there.append(f"at http://{host}/ through the SOCKS proxy, if that resolves the browser's names")
            case mode_specs.Socks5Mode():
                nowhere.append("socks5 (there it takes connection_strategy=lazy)")
            case mode_specs.ReverseMode() if mode.scheme in ("http", "https"):
                there.append(f"at {_reverse_url(mode, listen_host, listen_port)} for {mode.full_spec}")
            case mode_specs.ReverseMode():
                nowhere.append(f"{mode.full_spec} (it answers over http and https)")
            case mode_specs.DnsMode():
                pass
            case _:
                nowhere.append(f"{mode.full_spec} (the name {host} would have to resolve)")
    parts = []
    if there:
        parts.append(f"the live page is {', '.join(dict.fromkeys(there))}")
    if nowhere:
        parts.append(f"{'there is ' if there else ''}no live page in mode {', '.join(dict.fromkeys(nowhere))}")
    return "; ".join(parts)


def _reverse_url(mode: mode_specs.ProxyMode, listen_host: str, listen_port: int | None) -> str:
    host = mode.listen_host(listen_host)
    loopback = host in ("", "0.0.0.0", "::") or _is_loopback(host)
    # Elsewhere browsers send the headers that prove who asks over https only.
    scheme, name = ("http", "localhost") if loopback else ("https", f"[{host}]" if ":" in host else host)
    port = mode.listen_port(listen_port)
    return f"{scheme}://{name}:{port or 'PORT'}{PREFIX}"


def _is_loopback(host: str) -> bool:
    address = address_of(host)
    return address.is_loopback if address is not None else f".{host.removesuffix('.')}".endswith(".localhost")


def _without_port(authority: str) -> str:
    return re.sub(r":[0-9]*$", "", authority).lower()
