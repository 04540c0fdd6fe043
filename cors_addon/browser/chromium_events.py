"""Chromium's DevTools events put together into requests, each with what became of it.

https://chromedevtools.github.io/devtools-protocol/tot/Network/
"""

import re
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeVar

from ..traffic.bounded_dicts import Remembered
from ..traffic.testimony import CallSite
from .requests import MIME_TYPE, NOSNIFF, BrowserRequest, Changed, Outcome, Unsent, own_frame

Message = dict[str, Any]
_T = TypeVar("_T")

_KEPT: Final = 5_000
_LATE: Final = 64
"""How many of the latest preflights, issues and failures wait for what is told of them late."""

_PREFLIGHT_ERRORS: Final = {
    "MethodDisallowedByPreflightResponse",
    "HeaderDisallowedByPreflightResponse",
    "InvalidAllowMethodsPreflightResponse",
    "InvalidAllowHeadersPreflightResponse",
}
"""Errors of a preflight that are told of the request behind it, beside those that begin with ``Preflight``."""

_REFUSED_TYPE: Final = re.compile(r"(?:Refused to|Did not) \w+ (?:script|style) from '(.+?)' because its MIME type")
"""A script or style that fails for its MIME type fails after the network is done, and only the console says so."""

_WORKER_ERROR: Final = re.compile(r"The FetchEvent for \"(.+?)\"")
"""A service worker's network error looks like any other, but for this line of its console."""

_BLOCKED_BY: Final = {
    "csp": Unsent.CSP,
    "mixed-content": Unsent.MIXED_CONTENT,
    "inspector": Unsent.EXTENSION,
    "origin": Unsent.SAME_ORIGIN,
    "net::ERR_BLOCKED_BY_CLIENT": Unsent.EXTENSION,
    "net::ERR_BLOCKED_BY_ADMINISTRATOR": Unsent.EXTENSION,
    "net::ERR_ABORTED": Unsent.ABORTED,
    "net::ERR_BLOCKED_BY_LOCAL_NETWORK_ACCESS_CHECKS": Unsent.LOCAL_NETWORK_ACCESS,
    "net::ERR_BLOCKED_BY_PRIVATE_NETWORK_ACCESS_CHECKS": Unsent.LOCAL_NETWORK_ACCESS,
}


class ChromiumEvents:
    """Puts the events of one browser together. ``changed`` is told each request that something was said of."""

    def __init__(self, changed: Changed, now: Callable[[], float] = time.time) -> None:
        self._changed = changed
        self._now = now
        self._chains: Remembered[str, list[BrowserRequest]] = Remembered(_KEPT)
        self._owner: Remembered[str, str] = Remembered(_KEPT)
        self._keys_of: Remembered[str, Remembered[str, None]] = Remembered(_KEPT)
        self._keys: Remembered[str, list[str]] = Remembered(_KEPT)
        self._on_wire: Remembered[str, int] = Remembered(_KEPT)
        self._cookies: Remembered[str, Message] = Remembered(_KEPT)
        self._preflights: Remembered[int, tuple[BrowserRequest, str]] = Remembered(_LATE)
        self._refused: list[tuple[str, str, str]] = []
        self._directives: Remembered[str, str] = Remembered(_LATE)
        self._by_url: Remembered[str, BrowserRequest] = Remembered(_KEPT)
        self._blocked: Remembered[str, BrowserRequest] = Remembered(_LATE)
        self._by_worker: Remembered[str, None] = Remembered(_LATE)
        self._refused_type: Remembered[str, str] = Remembered(_LATE)

    def event(self, method: str, params: Message, session: str = "") -> None:
        """Take in an event; those that say nothing of a request are ignored."""
        if method == "Log.entryAdded":
            self._said(params["entry"].get("text", ""))
        elif method == "Audits.issueAdded":
            self._issue(params["issue"])
        elif method.startswith("Network."):
            handler: Callable[[str, Message], None] | None = getattr(self, "_" + method.partition(".")[2], None)
            if handler is None or "requestId" not in params:
                return
            key = _key(params["requestId"], session)
            if self._owner.get(key, session) != session and method == "Network.requestWillBeSent":
                return  # A document or worker that gets a process of its own is told twice, and finishes there.
            if self._owner.setdefault(key, session) == session:
                self._keys_of.setdefault(session, Remembered(_KEPT))[key] = None
            handler(key, params)

    def gone(self, session: str) -> None:
        """Take note that a page, frame or worker is gone: what it still waited for, nobody gets any more."""
        for key in self._keys_of.pop(session, ()):
            if chain := self._chains.get(key):
                self._settle(chain[-1], Outcome.FAILED, "net::ERR_ABORTED")

    # --- the Network domain -----------------------------------------------------------------------------------

    def _requestWillBeSent(self, key: str, params: Message) -> None:
        chain = self._chains.get(key)
        if chain is None:
            chain = self._chains[key] = []
            self._keys.setdefault(params["requestId"], []).append(key)
        redirected = params.get("redirectResponse")
        if chain and not redirected:
            return
        if chain:
            if redirected and _elsewhere(redirected):
                chain[-1].unsent = _elsewhere(redirected)
            self._settle(chain[-1], Outcome.PASSED)
        asked, initiator = params["request"], params["initiator"]
        request = BrowserRequest(
            asked["url"].partition("#")[0],
            asked["method"],
            initiator["type"] == "preflight",
            float(params["wallTime"]),
            params.get("documentURL", ""),
            call_site=None if initiator["type"] == "preflight" else _call_site(initiator),
        )
        chain.append(request)
        if len(chain) > 1:
            request.call_site = request.call_site or chain[0].call_site
            # The redirects of what outlives its page are all told at its end.
            request.not_before = chain[0].started
        number = key.rpartition(" ")[2]
        if self._on_wire.get(number, 0) >= len(chain):
            self._reached_network(request, number)
        if request.is_preflight:
            self._is_preflight(request, initiator.get("requestId", ""))
        else:
            self._by_url[request.url] = request
            for preflight, _ in self._preflights.values():
                if preflight.url == request.url and preflight.call_site is None:
                    # A busy browser may tell the preflight first.
                    preflight.call_site, preflight.page = request.call_site, request.page
                    self._changed(preflight)
        self._changed(request)

    def _is_preflight(self, preflight: BrowserRequest, behind: str) -> None:
        self._preflights[id(preflight)] = preflight, behind
        # A worker's preflight is told in the page's session, where ids differ.
        its = (chain[-1] for chain in self._chains_of(behind) if chain[-1].url == preflight.url)
        request = next(its, None) or self._by_url.get(preflight.url)
        if request is not None:
            preflight.call_site, preflight.page = request.call_site, request.page
            preflight.not_before = request.started
        early = _best(self._refused, preflight.url, behind)
        if early is not None:
            self._refused.remove(early)
            self._settle(preflight, Outcome.CORS, early[2])

    def _requestWillBeSentExtraInfo(self, key: str, params: Message) -> None:
        number = params["requestId"]  # It is told in the page's session, for its workers too.
        self._on_wire[number] = self._on_wire.get(number, 0) + 1
        self._cookies[number] = params
        for chain in self._chains_of(number):
            if len(chain) <= self._on_wire[number] and not chain[-1].on_wire:
                self._reached_network(chain[-1], number)
                self._changed(chain[-1])

    def _reached_network(self, request: BrowserRequest, number: str) -> None:
        request.on_wire = True
        cookies = self._cookies.get(number, {}).get("associatedCookies", ())
        if cookies and not request.is_preflight:
            request.credentials = True
            request.left_out = tuple(
                (str(each["cookie"]["name"]), str(each["blockedReasons"][0]))
                for each in cookies
                if each.get("blockedReasons")
            )

    def _requestServedFromCache(self, key: str, params: Message) -> None:
        if chain := self._chains.get(key):
            chain[-1].unsent = Unsent.CACHE

    def _responseReceived(self, key: str, params: Message) -> None:
        elsewhere = _elsewhere(params["response"])
        if elsewhere and (chain := self._chains.get(key)):
            chain[-1].unsent = elsewhere

    def _loadingFinished(self, key: str, params: Message) -> None:
        if chain := self._chains.get(key):
            self._settle(chain[-1], Outcome.PASSED)

    def _loadingFailed(self, key: str, params: Message) -> None:
        chain = self._chains.get(key)
        if not chain:
            return
        request = chain[-1]
        status = params.get("corsErrorStatus")
        if status is None:
            blocked, text = params.get("blockedReason"), params.get("errorText")
            # What an extension blocks is blocked for another reason, and the error says by whom.
            error = (text if blocked == "other" else blocked) or blocked or text or "failed"
            if error == "csp":
                request.directive = request.directive or self._directives.get(request.url, "")
                self._same_as_blocked(request)
            elif request.url in self._by_worker and not request.on_wire:
                request.unsent = Unsent.SERVICE_WORKER
            self._never_followed(chain, error)
            self._settle(request, Outcome.FAILED, error)
            return
        error = status["corsError"]
        if error.startswith("Preflight") or error in _PREFLIGHT_ERRORS:
            request.unsent = Unsent.PREFLIGHT
            self._preflight_failed(request.url, params["requestId"], error)
        else:
            self._never_followed(chain, error)
        self._settle(request, Outcome.CORS, error)

    def _never_followed(self, chain: list[BrowserRequest], error: str) -> None:
        """A redirect's target that fails before it reaches the network is refused for its scheme or port."""
        if len(chain) > 1 and not chain[-1].on_wire and chain[-1].unsent is None:
            chain[-1].unsent = _BLOCKED_BY.get(error, Unsent.REDIRECT)
            if chain[-1].unsent is Unsent.REDIRECT:
                chain[-2].target_error = error
                self._changed(chain[-2])

    def _same_as_blocked(self, request: BrowserRequest) -> None:
        """The policy's own word came first: both are one request, and this one tells more."""
        blocked = self._blocked.pop(request.url, None)
        if blocked is not None:
            blocked.unsent = Unsent.TWICE
            self._changed(blocked)

    def _preflight_failed(self, url: str, number: str, error: str) -> None:
        known = reversed(self._preflights.values())
        waiting = [(each.url, behind, each) for each, behind in known if each.outcome is not Outcome.CORS]
        found = _best(waiting, url, number)
        if found is not None:
            self._settle(found[2], Outcome.CORS, error)
            return
        # A busy browser may tell the end first: what is told comes from several processes.
        self._refused = [*self._refused[-_LATE:], (url, number, error)]

    # --- WebSockets -------------------------------------------------------------------------------------------

    def _webSocketCreated(self, key: str, params: Message) -> None:
        site = _call_site(params.get("initiator") or {})
        request = BrowserRequest(params["url"], "GET", False, self._now(), call_site=site)
        self._chains[key] = [request]

    def _webSocketWillSendHandshakeRequest(self, key: str, params: Message) -> None:
        if chain := self._chains.get(key):
            chain[-1].started, chain[-1].on_wire = float(params["wallTime"]), True
            self._changed(chain[-1])

    def _webSocketHandshakeResponseReceived(self, key: str, params: Message) -> None:
        if (chain := self._chains.get(key)) and params["response"]["status"] == 101:
            self._settle(chain[-1], Outcome.PASSED)

    def _webSocketClosed(self, key: str, params: Message) -> None:
        if chain := self._chains.get(key):
            self._settle(chain[-1], Outcome.FAILED, "handshake refused")

    # --- what is told beside ----------------------------------------------------------------------------------

    def _issue(self, issue: Message) -> None:
        """Take in what a policy blocked. Of a ``fetch()`` nothing else is told, of elements the request is too."""
        details = issue.get("details", {}).get("contentSecurityPolicyIssueDetails")
        if not details or details.get("isReportOnly") or not details.get("blockedURL"):
            return
        url, directive = details["blockedURL"].partition("#")[0], details.get("violatedDirective", "")
        self._directives[url] = directive
        request = self._by_url.get(url)
        if request is not None and (request.error == "csp" or not request.is_settled):
            request.directive = directive
            if request.is_settled:
                self._changed(request)
            return
        site = None
        if place := details.get("sourceCodeLocation"):
            column = int(place["columnNumber"])
            site = CallSite(place["url"], int(place["lineNumber"]) + 1, column + 1, "")
        request = BrowserRequest(url, "", False, self._now(), "" if site is None else site.url, call_site=site)
        request.directive, request.unsent = directive, Unsent.CSP
        self._blocked[url] = request
        self._settle(request, Outcome.FAILED, "csp")

    def _said(self, text: str) -> None:
        if by_worker := _WORKER_ERROR.search(text):
            url = by_worker[1].partition("#")[0]
            self._by_worker[url] = None
            failed = self._by_url.get(url)
            if failed is not None and failed.outcome is Outcome.FAILED and not failed.on_wire:
                failed.unsent = Unsent.SERVICE_WORKER
                self._changed(failed)
            return
        found = _REFUSED_TYPE.search(text)
        request = self._by_url.get(found[1].partition("#")[0]) if found else None
        if request is not None:
            error = NOSNIFF if "strict MIME" in text else MIME_TYPE
            if request.outcome is Outcome.PENDING:
                # The console may speak before the network is done.
                self._refused_type[request.url] = error
            elif request.outcome is Outcome.PASSED:
                request.outcome, request.error = Outcome.FAILED, error
                self._changed(request)

    # --- helpers ----------------------------------------------------------------------------------------------

    def _chains_of(self, number: str) -> Iterator[list[BrowserRequest]]:
        for key in self._keys.get(number, ()):
            if chain := self._chains.get(key):
                yield chain

    def _settle(self, request: BrowserRequest, outcome: Outcome, error: str | None = None) -> None:
        """Take note of an outcome. The first one counts, but a CORS error says more than that nothing more came."""
        if request.is_settled and outcome is not Outcome.CORS:
            return
        if outcome is Outcome.PASSED and request.url in self._refused_type and not request.is_preflight:
            outcome, error = Outcome.FAILED, self._refused_type.pop(request.url)
        request.outcome, request.error = outcome, error
        request.settled = request.settled or self._now()
        if outcome is Outcome.FAILED and not request.on_wire and request.unsent is None and error in _BLOCKED_BY:
            request.unsent = _BLOCKED_BY[error or ""]
        elif error == "net::ERR_UNSAFE_PORT":
            request.unsent = request.unsent or Unsent.PORT
        elif error is not None and error.startswith(("LocalNetwork", "PrivateNetwork", "InsecureLocalNetwork")):
            request.unsent = request.unsent or Unsent.LOCAL_NETWORK_ACCESS
        self._changed(request)


def _best(entries: Iterable[tuple[str, str, _T]], url: str, number: str) -> tuple[str, str, _T] | None:
    """Return the first entry of a URL and request id, else the first of the URL."""
    return min((entry for entry in entries if entry[0] == url), key=lambda entry: entry[1] != number, default=None)


def _elsewhere(response: Message) -> Unsent | None:
    if response.get("fromServiceWorker"):
        return Unsent.SERVICE_WORKER
    return Unsent.CACHE if response.get("fromDiskCache") or response.get("fromPrefetchCache") else None


def _call_site(initiator: Message) -> CallSite | None:
    found = own_frame(_frames(initiator.get("stack")))
    if found is None and initiator.get("url"):
        line, column = initiator.get("lineNumber"), initiator.get("columnNumber")
        return CallSite(initiator["url"], 0 if line is None else int(line) + 1, int(column or -1) + 1, "")
    return found


def _frames(stack: Message | None) -> Iterator[CallSite]:
    """Yield the frames of a stack, then those of the one that scheduled it."""
    while stack:
        for frame in stack.get("callFrames", ()):
            place = int(frame["lineNumber"]) + 1, int(frame["columnNumber"]) + 1
            yield CallSite(frame["url"], *place, frame["functionName"])
        stack = stack.get("parent")


def _key(request: str, session: str) -> str:
    """Documents, workers and preflights have ids without a dot, known to several sessions; the other ids are counted in
    a process, and two threads of it may count the same."""
    return f"{session} {request}" if "." in request else request
