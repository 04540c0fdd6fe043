"""What Chromium says about its requests over the DevTools protocol, and how it is read.

https://chromedevtools.github.io/devtools-protocol/tot/Network/
"""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

from tests.browser.observed import MIME_TYPE, NOSNIFF, Hop, Kind, Outcome

Message = dict[str, Any]

# Errors that the CORS-preflight fetch gives; they are told of the request, and belong to its preflight.
PREFLIGHT_ERRORS = {
    "MethodDisallowedByPreflightResponse",
    "HeaderDisallowedByPreflightResponse",
    "InvalidAllowMethodsPreflightResponse",
    "InvalidAllowHeadersPreflightResponse",
}
# Chromium's renderer refuses a script or style for its MIME type after the network was done, and says so only here.
REFUSED_TYPE = re.compile(r"(?:Refused to|Did not) \w+ (?:script|style) from '(.+?)' because its MIME type")


class ChromiumLog:
    """The Network events of one visit, put together into hops."""

    def __init__(self) -> None:
        self.sessions: dict[str, str] = {}  # target id -> session id
        self.said: list[str] = []  # by the console
        self._chains: dict[str, list[Hop]] = {}  # request id -> its hops
        self._owner: dict[str, str] = {}  # request id -> session that told of it first
        self._on_the_wire: Counter[str] = Counter()  # request id -> hops that reached the network
        self._preflights: list[Hop] = []
        self._refused: list[tuple[str, str]] = []  # URL and error of preflights that were told of too early
        self._last = time.monotonic()

    def event(self, method: str, params: Message, session: str) -> None:
        if method == "Log.entryAdded":
            self.said.append(params["entry"]["text"])
        handler = getattr(self, "_" + method.partition(".")[2], None)
        if not method.startswith("Network.") or handler is None:
            return
        request = _key(params["requestId"], session)
        if self._owner.setdefault(request, session) != session and method == "Network.requestWillBeSent":
            return  # a document or worker that gets a process of its own is told of twice, and finishes there
        self._last = time.monotonic()
        handler(request, params)

    def hops(self) -> list[Hop]:
        for request, chain in self._chains.items():
            self._leave_out_unsent(chain, self._on_the_wire[request.rpartition(" ")[2]])
        hops = sorted((hop for chain in self._chains.values() for hop in chain), key=lambda hop: hop.started)
        for line in self.said:
            if found := REFUSED_TYPE.search(line):
                for hop in hops:
                    if hop.url == found[1] and hop.outcome is Outcome.OK:
                        hop.outcome, hop.name = Outcome.FAILED, NOSNIFF if "strict MIME" in line else MIME_TYPE
        return hops

    @staticmethod
    def _leave_out_unsent(chain: list[Hop], on_the_wire: int) -> None:
        """A last hop that failed before it reached the network has no flow: it was the cache's or a service worker's to
        answer, or it is a redirect's target, refused for its scheme or port; that is told of the redirect."""
        last = chain[-1]
        if len(chain) > on_the_wire and last.sent and last.outcome in (Outcome.CORS, Outcome.FAILED):
            last.sent = False
            if len(chain) > 1:
                chain[-2].target = last.name

    def nothing_open(self) -> bool:
        return all(chain[-1].outcome is not Outcome.PENDING for chain in self._chains.values())

    def quiet_for(self) -> float:
        """Seconds since anything was told."""
        return time.monotonic() - self._last

    def _requestWillBeSent(self, request: str, params: Message) -> None:
        chain = self._chains.setdefault(request, [])
        if chain and not params.get("redirectResponse"):
            return
        if chain:
            chain[-1].outcome = Outcome.OK
        preflight = params["initiator"]["type"] == "preflight"
        asked = params["request"]
        hop = Hop(
            asked["url"].partition("#")[0],
            asked["method"],
            Kind.PREFLIGHT if preflight else Kind.REQUEST,
            float(params["wallTime"]),
        )
        chain.append(hop)
        if preflight:
            self._preflights.append(hop)
            for early in self._refused:
                if early[0] == hop.url:
                    self._refused.remove(early)
                    hop.outcome, hop.name = Outcome.CORS, early[1]
                    break

    def _requestWillBeSentExtraInfo(self, request: str, params: Message) -> None:
        self._on_the_wire[params["requestId"]] += 1  # told in the page's session, for its workers too

    def _webSocketCreated(self, request: str, params: Message) -> None:
        self._chains[request] = [Hop(params["url"], "GET", Kind.REQUEST, 0.0)]
        self._on_the_wire[params["requestId"]] = 1

    def _webSocketWillSendHandshakeRequest(self, request: str, params: Message) -> None:
        self._chains[request][0].started = float(params["wallTime"])

    def _webSocketHandshakeResponseReceived(self, request: str, params: Message) -> None:
        if params["response"]["status"] == 101:
            self._chains[request][0].outcome = Outcome.OK

    def _webSocketClosed(self, request: str, params: Message) -> None:
        hop = self._chains[request][0]
        if hop.outcome is Outcome.PENDING:
            hop.outcome, hop.name = Outcome.FAILED, "handshake refused"

    def _requestServedFromCache(self, request: str, params: Message) -> None:
        if chain := self._chains.get(request):
            chain[-1].sent = False

    def _responseReceived(self, request: str, params: Message) -> None:
        response = params["response"]
        elsewhere = ("fromDiskCache", "fromPrefetchCache", "fromServiceWorker")
        if (chain := self._chains.get(request)) and any(response.get(one) for one in elsewhere):
            chain[-1].sent = False

    def _loadingFinished(self, request: str, params: Message) -> None:
        if (chain := self._chains.get(request)) and chain[-1].outcome is Outcome.PENDING:
            chain[-1].outcome = Outcome.OK

    def _loadingFailed(self, request: str, params: Message) -> None:
        if not (chain := self._chains.get(request)):
            return
        hop = chain[-1]
        status = params.get("corsErrorStatus")
        if status is None:
            if hop.outcome is Outcome.PENDING:
                hop.outcome, hop.name = Outcome.FAILED, params.get("blockedReason") or params.get("errorText")
            return
        name = status["corsError"]
        if name.startswith("Preflight") or name in PREFLIGHT_ERRORS:
            hop.sent = False
            # by URL, not by the initiator's id: a worker's preflight is told in the page's session, where ids differ
            for preflight in reversed(self._preflights):
                if preflight.url == hop.url and preflight.outcome is not Outcome.CORS:
                    preflight.outcome, preflight.name = Outcome.CORS, name
                    break
            else:
                # A busy browser may tell of the end first: what is told comes from several processes.
                self._refused.append((hop.url, name))
        hop.outcome, hop.name = Outcome.CORS, name


def _key(request: str, session: str) -> str:
    """Documents, workers and preflights have ids without a dot, known to several sessions; the other ids are counted in
    a process, and two threads of it may count the same."""
    return f"{session} {request}" if "." in request else request
