"""Failures between proxy and server: the browser gets the proxy's own page, and blames CORS for it."""

import re
from collections.abc import Iterator
from typing import Final

from ...catalogue.violation import FixOwner
from ...traffic.exchange import Responder
from ...verdict.model import Cause, Confidence, Finding
from .cause import CauseEntry
from .context import Scene, shown

HIGH, MEDIUM = Confidence.HIGH, Confidence.MEDIUM

NOT_REACHED: Final = CauseEntry(
    "server-not-reached",
    "The server was not reached",
    "The proxy says that the connection was refused or that there is no way to the host; the browser got the proxy's "
    "own page, which has no CORS headers.",
    FixOwner.SERVER,
    "Start the server, or correct host and port of the URL that the page calls.",
)
NAME_UNKNOWN: Final = CauseEntry(
    "host-name-unknown",
    "The host's name cannot be resolved",
    "The proxy says that the name has no address.",
    FixOwner.CLIENT,
    "Correct the host in the URL that the page calls; a name that only VPN or hosts file know must be known to the "
    "machine on which the proxy runs.",
)
CERTIFICATE: Final = CauseEntry(
    "certificate-not-trusted",
    "The server's certificate is not trusted",
    "The proxy says that it could not verify the certificate.",
    FixOwner.SERVER,
    "Renew the certificate or send its intermediate ones; for a development server give mitmproxy its authority "
    "(ssl_verify_upstream_trusted_ca) or set ssl_insecure.",
)
TLS: Final = CauseEntry(
    "tls-failed",
    "The TLS connection to the server failed",
    "The proxy says that the handshake broke off, for another reason than the certificate's trust.",
    FixOwner.SERVER,
    "See whether the port speaks TLS at all: https to a plain http port fails like this, as do outdated versions.",
)
BROKEN_OFF: Final = CauseEntry(
    "connection-broken-off",
    "The server broke the connection off",
    "The proxy says that the server closed or reset the connection before it had answered.",
    FixOwner.SERVER,
    "Look up in the server's log why it gave up: a crash, a limit on the size or time of requests, or a restart.",
)
TOO_SLOW: Final = CauseEntry(
    "answer-too-slow",
    "The answer took too long",
    "The connection timed out, or broke off after a long wait.",
    FixOwner.SERVER,
    "Make the endpoint answer sooner, or let the time limits of server and gateway fit; a preflight should be answered "
    "before anything slow is asked.",
)
PROXY_PAGE: Final = CauseEntry(
    "proxy-error-page",
    "The page that the browser got is the proxy's own error page",
    "The failure happened between mitmproxy and the server; mitmproxy's page has no CORS headers, and browsers then "
    "speak of CORS.",
    FixOwner.NOBODY,
    "CORS is not what failed: see to the connection first.",
)

ENTRIES: Final = (NOT_REACHED, NAME_UNKNOWN, CERTIFICATE, TLS, BROKEN_OFF, TOO_SLOW, PROXY_PAGE)

_LONG_WAIT: Final = 10.0
_FAILURES: Final = (
    (
        CERTIFICATE,
        re.compile(r"certificate verif|self-signed|self signed|certificate has expired|unable to get.*issuer"),
    ),
    (
        NAME_UNKNOWN,
        re.compile(
            r"name or service not known|getaddrinfo|nodename nor servname|no address associated|name resolution"
        ),
    ),
    (TOO_SLOW, re.compile(r"timed? ?out|timeout|errno 110\b|errno 60\b|winerror 10060")),
    (
        NOT_REACHED,
        re.compile(r"refused|errno 111|errno 61\b|connect call failed|cannot connect|no route|unreachable|errno 113"),
    ),
    (TLS, re.compile(r"\btls\b|\bssl\b|handshake|wrong version number")),
    (
        BROKEN_OFF,
        re.compile(
            r"server (?:broke off|reset|disconnected|closed)|reset by peer|connection reset|closed|peer|errno 104"
        ),
    ),
)


def failed(finding: Finding, scene: Scene) -> Iterator[Cause]:
    """For a flow that failed between proxy and server."""
    exchange = scene.record.exchange
    error = exchange.error
    if error is None or exchange.responder is not Responder.PROXY:
        return
    lower = error.lower()
    known = next((entry for entry, pattern in _FAILURES if pattern.search(lower)), None)
    after = f" after {scene.seconds:.0f} s" if scene.seconds >= 1 else ""
    message = f"the proxy says: {shown(error, 160)}{after}"
    if known in (None, BROKEN_OFF) and scene.seconds >= _LONG_WAIT:
        yield TOO_SLOW.named(MEDIUM, message, (scene.id,))
    if known is not None:
        yield known.named(HIGH, message, (scene.id,))
    yield PROXY_PAGE.named(HIGH, f"mitmproxy answered in the server's place, without CORS headers: {shown(error, 160)}")
