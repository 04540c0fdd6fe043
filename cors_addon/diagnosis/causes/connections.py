"""Requests that failed before any response: the browser may name CORS although CORS is not what failed."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...traffic.exchange import Responder
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry
from .context import Scene, shown

HIGH, MEDIUM = Confidence.HIGH, Confidence.MEDIUM


def _entry(id: str, title: str, signal: str, who: FixOwner, fix: str) -> CauseEntry:
    return CauseEntry(id, title, signal, who, fix, headers_help=False, of_server=False)


NOT_REACHED: Final = _entry(
    "server-not-reached",
    "The server was not reached",
    "The proxy or the browser says that the connection was refused or that there is no route to the host.",
    FixOwner.SERVER,
    "Start the server, or correct host and port of the URL in the page's code.",
)
NAME_UNKNOWN: Final = _entry(
    "host-name-unknown",
    "The host's name cannot be resolved",
    "The proxy or the browser says that the name has no address.",
    FixOwner.CLIENT,
    "Correct the host in the URL in the page's code. A name from a VPN or hosts file has to be known on the "
    "machine that "
    "runs the proxy.",
)
CERTIFICATE: Final = _entry(
    "certificate-not-trusted",
    "The server's certificate is not trusted",
    "The proxy or the browser could not verify the certificate (net::ERR_CERT_...).",
    FixOwner.SERVER,
    "Renew the certificate, or send the intermediate ones. Development server: make one with mkcert, or open the URL "
    "once in a tab and accept it; for mitmproxy set ssl_verify_upstream_trusted_ca or ssl_insecure.",
)
TLS: Final = _entry(
    "tls-failed",
    "The TLS connection to the server failed",
    "The proxy or the browser says that the handshake failed, and not because of trust.",
    FixOwner.SERVER,
    "Check whether the port speaks TLS at all: https to a plain http port fails like this, as do old TLS versions.",
)
BROKEN_OFF: Final = _entry(
    "connection-broken-off",
    "The server closed the connection before it responded",
    "The proxy or the browser says that the server closed or reset the connection.",
    FixOwner.SERVER,
    "Look in the server's log for the reason: a crash, a limit on the size or time of requests, or a restart.",
)
TOO_SLOW: Final = _entry(
    "answer-too-slow",
    "The response took too long",
    "The connection timed out, or was closed after a long wait.",
    FixOwner.SERVER,
    "Make the endpoint respond sooner, or raise the time limits of server and gateway. Answer preflights before "
    "anything slow runs.",
)
PROXY_PAGE: Final = _entry(
    "proxy-error-page",
    "The browser got the proxy's own error page",
    "The failure happened between mitmproxy and the server; mitmproxy's page has no CORS headers, and browsers then "
    "report CORS.",
    FixOwner.NOBODY,
    "CORS is not what failed: fix the connection first.",
)

BLOCKER: Final = _entry(
    "blocked-by-extension",
    "A content blocker in the browser stopped the request",
    "The browser says net::ERR_BLOCKED_BY_CLIENT: the request was never sent.",
    FixOwner.BROWSER,
    "Switch the blocker off for this page, or give the URL a name that no filter list matches.",
)
OFFLINE: Final = _entry(
    "browser-offline",
    "The browser has no network connection",
    "The browser says net::ERR_INTERNET_DISCONNECTED or ERR_NETWORK_CHANGED.",
    FixOwner.BROWSER,
    "Connect the machine, then try again.",
)

ENTRIES: Final = (NOT_REACHED, NAME_UNKNOWN, CERTIFICATE, TLS, BROKEN_OFF, TOO_SLOW, PROXY_PAGE, BLOCKER, OFFLINE)

_LONG_WAIT: Final = 10.0
_FAILURES: Final = (
    (BLOCKER, re.compile(r"err_blocked_by_(?:client|administrator)")),
    (OFFLINE, re.compile(r"err_(?:internet_disconnected|network_changed|network_io)")),
    (
        CERTIFICATE,
        re.compile(
            r"certificate verif|self-signed|self signed|certificate has expired|unable to "
            r"get.*issuer|err_cert_|sec_error"
        ),
    ),
    (
        NAME_UNKNOWN,
        re.compile(
            r"name or service not known|getaddrinfo|nodename nor servname|no address associated|name resolution"
            r"|err_name_|err_dns|unknown_host"
        ),
    ),
    (TOO_SLOW, re.compile(r"timed? ?out|timeout|errno 110\b|errno 60\b|winerror 10060")),
    (
        NOT_REACHED,
        re.compile(
            r"refused|errno 111|errno 61\b|connect call failed|cannot connect|no route|unreachable|errno 113"
            r"|err_connection_failed|err_proxy|err_tunnel"
        ),
    ),
    (TLS, re.compile(r"\btls\b|\bssl\b|handshake|wrong version number|err_ssl|err_quic")),
    (
        BROKEN_OFF,
        re.compile(
            r"server (?:broke off|reset|disconnected|closed)|reset by peer|connection reset|closed|peer|errno 104"
        ),
    ),
)


def failed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a flow that failed before a response: between proxy and server, or by what a browser saved of it."""
    exchange = scene.record.exchange
    error = exchange.error
    by_browser = exchange.source == "har"
    if error is None or (exchange.responder is not Responder.PROXY and not by_browser):
        return
    lower = error.lower()
    known = next((entry for entry, pattern in _FAILURES if pattern.search(lower)), None)
    after = f" after {scene.seconds:.0f} s" if scene.seconds >= 1 else ""
    message = f"the {'browser' if by_browser else 'proxy'} says {shown(error, 160)}{after}"
    if known in (None, BROKEN_OFF) and scene.seconds >= _LONG_WAIT:
        yield TOO_SLOW.named(MEDIUM, message, (scene.id,))
    if known is not None:
        yield known.named(HIGH, message, (scene.id,))
    if not by_browser:
        how = f"mitmproxy responded instead of the server, without CORS headers, after {shown(error, 160)}"
        yield PROXY_PAGE.named(HIGH if known is None else MEDIUM, how)
