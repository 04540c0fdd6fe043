"""Requests that failed before any response: the browser may name CORS although CORS is not what failed."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...traffic.address_spaces import address_space_of
from ...traffic.body_hints import Hint
from ...traffic.exchange import KILLED, Responder
from ...traffic.trusted_origins import is_loopback
from ...verdict.model import Cause, Confidence, Finding
from .cause import LACKS_ALLOW_ORIGIN, CauseEntry
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
    "Correct the host in the URL in the page's code. A name from a VPN or hosts file has to be known on the machine "
    "that runs the proxy.",
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
PLAIN: Final = CauseEntry(
    "http-to-tls-port",
    "The page calls http, and the server speaks https at this port",
    "Status 400 and a body that says so.",
    FixOwner.CLIENT,
    "Write https in place of http.",
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    decisive=True,
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
KILLED_IN_PROXY: Final = CauseEntry(
    "killed-in-proxy",
    "The request was killed in the proxy",
    "The flow's error says that mitmproxy's user or an addon killed the flow.",
    FixOwner.NOBODY,
    "Resume held flows in place of killing them, and look at the option block_list and at other addons.",
    headers_help=False,
    of_server=False,
    decisive=True,
    where="In mitmproxy",
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

MIXED: Final = _entry(
    "http-from-https-page",
    "A page on https may not call http (mixed content)",
    "The page is on https, the URL has http and is of no local network, and the browser sent nothing.",
    FixOwner.CLIENT,
    "Call the API over https, or through the page's own host (a path that its server passes on).",
)

MISDIRECTED: Final = CauseEntry(
    "connection-to-wrong-host",
    "The request arrived on a connection that was opened to another host",
    "Status 421: the browser reused an HTTP/2 connection for a second host of the same address and certificate, and "
    "the server does not serve that host there.",
    FixOwner.GATEWAY,
    "Give each host a certificate of its own, or the same TLS settings for all hosts of the certificate. Only some "
    "browsers repeat the request on a new connection.",
    headers_help=False,
    decisive=True,
)
CLIENT_CERTIFICATE: Final = CauseEntry(
    "client-certificate-missing",
    "The server asks for a client certificate, and the request came without one",
    "Status 400, and the body says that no certificate was sent. Preflights never carry one, and requests only with "
    "credentials included.",
    FixOwner.GATEWAY,
    "Make the certificate optional (nginx: ssl_verify_client optional), answer OPTIONS without it, and check "
    "$ssl_client_verify for other methods.",
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
)
HEADERS_TOO_LARGE: Final = CauseEntry(
    "request-headers-too-large",
    "The request's headers are too large for the server, most often its cookies",
    "Status 431, or an error page that says so.",
    FixOwner.CLIENT,
    "Delete the site's cookies, and set fewer or smaller ones. Or raise the server's limit (nginx: "
    "large_client_header_buffers; Node.js: --max-http-header-size).",
    headers_help=False,
    absent=LACKS_ALLOW_ORIGIN,
    decisive=True,
    where="In the browser or on the server",
)
OTHER_PROGRAM: Final = CauseEntry(
    "another-program-at-port",
    "Another program listens on this port, and not your server",
    "Server: AirTunes, which macOS' AirPlay Receiver sends at the ports 5000 and 7000.",
    FixOwner.CLIENT,
    "Let your server listen on another port and call that one. Or switch AirPlay Receiver off (System Settings, "
    "General, AirDrop & Handoff).",
    absent=LACKS_ALLOW_ORIGIN,
    headers_help=False,
    decisive=True,
    where="On your machine",
)
ENTRIES: Final = (
    OTHER_PROGRAM,
    PLAIN,
    *(
        NOT_REACHED,
        NAME_UNKNOWN,
        CERTIFICATE,
        TLS,
        BROKEN_OFF,
        TOO_SLOW,
        PROXY_PAGE,
        KILLED_IN_PROXY,
        BLOCKER,
        OFFLINE,
        MIXED,
    ),
    *(MISDIRECTED, CLIENT_CERTIFICATE, HEADERS_TOO_LARGE),
)

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
    (TOO_SLOW, re.compile(r"timed?[ _]?out|timeout|errno 110\b|errno 60\b|winerror 10060")),
    (
        NOT_REACHED,
        re.compile(
            r"refused(?!_stream)|errno 111|errno 61\b|connect call failed|cannot connect|no route|unreachable|errno 113"
            r"|err_connection_failed|err_proxy|err_tunnel"
        ),
    ),
    (TLS, re.compile(r"\btls\b|\bssl\b|handshake|wrong version number|err_ssl")),
    (
        BROKEN_OFF,
        re.compile(
            r"server (?:broke off|reset|disconnected|closed)|reset by peer|connection reset|closed|peer|errno 104"
            r"|err_(?:connection_(?:reset|aborted)|empty_response|http2_|quic_|socket_not_connected)"
            r"|err_(?:invalid_http_response|content_length_mismatch|incomplete_chunked_encoding)"
            r"|ns_error_net_(?:reset|interrupt|partial_transfer)"
        ),
    ),
)


def turned_away(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a response that speaks of the connection or of the size of the request, and not of what was asked for."""
    said = f"{'OPTIONS' if scene.is_preflight else shown(scene.method, 20)} got {scene.status}"
    if scene.server.startswith("AirTunes/"):
        how = f"{said} from {scene.server}, the AirPlay Receiver of macOS"
        yield OTHER_PROGRAM.named(HIGH, how, (scene.id,))
    elif scene.status == 421:
        yield MISDIRECTED.named(HIGH, f"{said} from {scene.host}", (scene.id,))
    elif scene.status == 400 and scene.says(Hint.PLAIN_TO_TLS):
        yield PLAIN.named(HIGH, f"{said}, and the body says so", (scene.id,))
    elif scene.status == 400 and scene.says(Hint.CLIENT_CERTIFICATE):
        yield CLIENT_CERTIFICATE.named(HIGH, f"{said}, and the body says so", (scene.id,))
    elif scene.status == 431 or (scene.status in (400, 494) and scene.says(Hint.HEADERS_TOO_LARGE)):
        yield HEADERS_TOO_LARGE.named(HIGH, said, (scene.id,))


def mixed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a request that the browser blocked without a response: may this page call this URL at all?"""
    page, target = scene.page, scene.target
    if page is None or target is None or (page.scheme, target.scheme) != ("https", "http"):
        return
    if address_space_of(target, "") is None and not is_loopback(page):
        yield MIXED.named(HIGH, f"the page is {shown(scene.origin, 80)}, and the URL has http", (scene.id,))


def failed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a flow that failed before a response: between proxy and server, or by what a browser saved of it."""
    exchange = scene.record.exchange
    error = exchange.error
    by_browser = exchange.source == "har"
    if error == KILLED and not by_browser:
        yield KILLED_IN_PROXY.named(HIGH, "the flow's error in mitmproxy says so", (scene.id,))
        return
    if error is None or (exchange.responder is not Responder.PROXY and not by_browser):
        return
    lower = error.lower()
    known = next((entry for entry, pattern in _FAILURES if pattern.search(lower)), None)
    after = f" after {scene.seconds:.0f} s" if scene.seconds >= 1 else ""
    message = f"the {'browser' if by_browser else 'proxy'} says {shown(error, 160)}{after}"
    if known in (None, BROKEN_OFF) and scene.seconds >= _LONG_WAIT:
        yield TOO_SLOW.named(MEDIUM, message, (scene.id,))
    if known is not None:
        how, fix = _address(scene, known)
        who = FixOwner.CLIENT if fix else None
        yield known.named(HIGH, f"{message}{how}", (scene.id,), fix=fix or None, who=who)
    if not by_browser:
        how = f"mitmproxy responded instead of the server, without CORS headers, after {shown(error, 160)}"
        yield PROXY_PAGE.named(HIGH if known is None else MEDIUM, how)


def _address(scene: Scene, known: CauseEntry) -> tuple[str, str]:
    """Say what the URL's host shows about a server that was not found, and the fix; both empty where it is plain.

    localhost is the machine on which the browser runs. A name without a dot is one of a container or a local network.
    """
    page, target = scene.page, scene.target
    if page is None or target is None or known not in (NOT_REACHED, NAME_UNKNOWN):
        return "", ""
    host, here = shown(target.host, 80), shown(scene.origin, 80)
    if known is NAME_UNKNOWN:
        if host in _UNSET:
            return f"; the URL's host is {host}, as of a variable that is not set", _SET_THE_ADDRESS
        if "." not in host and page.host != target.host:
            how = f"; {host} is a name without a dot, as containers have among themselves"
            return how, "Call an address that the browser reaches: the port that the container publishes to its host."
        return "", ""
    if is_loopback(target) and not is_loopback(page):
        how = f"; {host} is the machine on which the browser runs, and the page comes from {here}"
        if address_space_of(page, "") is not None:
            there = shown(page.host, 80)
            fix = f"Call the server under the name of the page's host, {there}, or start it on this machine."
            return how, f"{fix} For other machines localhost is their own."
        return how, f"{_SET_THE_ADDRESS} For visitors of {here}, localhost is their own machine."
    if page.host == target.host and page.port != target.port:
        fix = f"Correct the port of the URL, or start the server on it: the page comes from {here}."
        return f"; the page comes from another port of the same host: {here}", fix
    return "", ""


_UNSET: Final = ("undefined", "null", "nan", "none", "false")
_SET_THE_ADDRESS: Final = (
    "Set the API's public address in the variable that the page's build or configuration reads, then build again."
)
