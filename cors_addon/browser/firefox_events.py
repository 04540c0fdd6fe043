"""What Firefox's observers tell, put together into requests: one channel is one hop.

The observers are of the HTTP channels (started, answered, stopped, with which result and which blocking reason) and of
the console service (the CORS categories, each line naming its URL).
https://searchfox.org/mozilla-central/source/netwerk/base/nsILoadInfo.idl
"""

import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Final

from ..traffic.bounded_dicts import Remembered
from ..traffic.testimony import CallSite
from .requests import MIME_TYPE, NOSNIFF, BrowserRequest, Changed, Outcome, Unsent, own_frame

Entry = dict[str, Any]

_KEPT: Final = 5_000
_LINES: Final = 32
"""How many lines of the console are kept of one URL."""


CATEGORIES: Final = {
    name.upper(): name
    for name in (
        "CORSDisabled",
        "CORSDidNotSucceed",
        "CORSRequestNotHttp",
        "CORSMultipleAllowOriginNotAllowed",
        "CORSMissingAllowOrigin",
        "CORSNotSupportingCredentials",
        "CORSAllowOriginNotMatchingOrigin",
        "CORSMissingAllowCredentials",
        "CORSOriginHeaderNotAdded",
        "CORSExternalRedirectNotAllowed",
        "CORSPreflightDidNotSucceed",
        "CORSInvalidAllowMethod",
        "CORSMethodNotFound",
        "CORSInvalidAllowHeader",
        "CORSMissingAllowHeaderFromPreflight",
    )
}
"""The console's categories without trailing digits; a channel's blocking reason is one of them in capitals."""

GENERIC: Final = "CORSDidNotSucceed"
"""Told of every CORS request that failed, whatever the reason."""

_OVERWRITES: Final = "CORSPreflightDidNotSucceed"
"""A channel keeps its last reason. On a redirected preflight this one comes after the one that matters."""

_NO_REASON: Final = "blocked"
"""Stands for the reason of a channel that Firefox did not open, and gives none itself: its console does."""

_REDIRECTED: Final = "NS_BINDING_REDIRECTED"
_READ_BY_NOBODY: Final = "NS_ERROR_ABORT"
_CORS_LINE: Final = re.compile(r"resource at ‘?(.+?)’?\. \(Reason")
_NEIGHBOUR_LINE: Final = re.compile(r"(?:resource (?:at|from)|Script from) “(.+?)” was blocked")
_MIXED_LINE: Final = re.compile(r"“(https?://.+?)”")
_CSP_LINE: Final = re.compile(r"\(([a-z-]+)\) at (\S+) (?:because|from)")
_CLOCKS_APART: Final = 0.002
"""Seconds; the console's stamps are finer than the observers'."""

_FAILED: Final = (Outcome.FAILED, Outcome.CORS)
_UNSENT_BY_REASON: Final = (
    ("MIXED", Unsent.MIXED_CONTENT),
    ("EXTENSION", Unsent.EXTENSION),
    ("CSP", Unsent.CSP),
    ("CONTENT_POLICY", Unsent.CSP),
    ("LNA", Unsent.LOCAL_NETWORK_ACCESS),
)


@dataclass(slots=True, eq=False)
class _Channel:
    hops: list[BrowserRequest] = field(default_factory=list)
    results: list[str] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    call_site: CallSite | None = None
    stopped: bool = False
    cached: bool = False


class FirefoxEvents:
    """Puts together what one Firefox tells. ``changed`` is told each request that something was said of."""

    def __init__(self, changed: Changed, now: Callable[[], float] = time.time) -> None:
        self._changed = changed
        self._now = now
        self._channels: Remembered[int, _Channel] = Remembered(_KEPT)
        self._by_url: Remembered[str, list[_Channel]] = Remembered(_KEPT)
        self._lines: Remembered[str, list[Entry]] = Remembered(_KEPT)

    def add(self, told: dict[str, Any]) -> None:
        """Take in what the observers gave back at one look."""
        concerned: dict[int, _Channel] = {}
        for line in told["lines"]:
            line["url"], line["directive"] = _url_of(line)
            if line["url"]:
                self._lines[line["url"]] = [*self._lines.get(line["url"], ())[-_LINES:], line]
                for channel in self._by_url.get(line["url"], ()):
                    concerned[id(channel)] = channel
        for event in told["events"]:
            channel = self._channel(event)
            self._event(channel, event)
            concerned[id(channel)] = channel
        for channel in concerned.values():
            self._work_out(channel)
        for channel in concerned.values():
            if channel.hops:
                self._look_for_failed_preflight(channel.hops[-1])
                self._changed(channel.hops[-1])

    def _channel(self, event: Entry) -> _Channel:
        channel = self._channels.get(event["id"])
        if channel is None:
            channel = self._channels[event["id"]] = _Channel()
        if not any(each is channel for each in self._by_url.get(event["url"], ())):
            self._by_url[event["url"]] = [*self._by_url.get(event["url"], ())[-16:], channel]
        return channel

    def _event(self, channel: _Channel, event: Entry) -> None:
        topic = event["topic"]
        if event.get("frames"):
            channel.call_site = own_frame(CallSite(*frame) for frame in event["frames"])
        if topic == "http-on-modify-request":
            if channel.hops:
                # A challenge that Firefox answered itself, or a service worker that left the request to the network.
                if not channel.hops[-1].on_wire:
                    channel.hops[-1].unsent = Unsent.TWICE
                channel.hops[-1].outcome, channel.hops[-1].settled = Outcome.PASSED, self._now()
                self._changed(channel.hops[-1])
            hop = self._hop(event)
            # The second time around, the channel is on the network already.
            hop.on_wire = bool(channel.hops) and channel.hops[-1].on_wire
            channel.hops.append(hop)
        elif topic.endswith("http-on-failed-opening-request"):
            if not channel.hops:
                channel.hops.append(self._hop(event))
            channel.stopped = True
            if event["result"]:
                channel.results.append(event["result"])
            if event["reason"] or not event["result"]:
                channel.reasons.append(event["reason"] or _NO_REASON)
        elif not channel.hops:
            return
        elif topic == "http-on-before-connect":
            channel.hops[-1].on_wire = True
        elif topic == "http-on-examine-cached-response":
            channel.cached = True
        elif topic == "http-on-stop-request":
            # The parent process stops first; the page's process, where the check is, tells its result afterwards.
            channel.stopped = True
            # Nobody reads what a beacon gets: it ends so once the checks are passed.
            taken = _REDIRECTED, (_READ_BY_NOBODY if event.get("beacon") else "")
            if event["result"] and event["result"] not in taken:
                channel.results.append(event["result"])
            if event["reason"]:
                channel.reasons.append(event["reason"])

    def _hop(self, event: Entry) -> BrowserRequest:
        hop = BrowserRequest(event["url"], event["method"], event["preflight"], event["at"], event.get("page", ""))
        hop.credentials = event.get("credentials")
        return hop

    def _work_out(self, channel: _Channel) -> None:
        if not channel.hops:
            return
        hop = channel.hops[-1]
        hop.call_site = hop.call_site or channel.call_site
        if channel.cached:
            hop.unsent, hop.on_wire = Unsent.CACHE, False
        if not channel.stopped:
            return
        hop.outcome, hop.error = self._verdict(hop, channel)
        hop.settled = hop.settled or self._now()
        if not hop.on_wire and hop.unsent in (None, Unsent.OTHER):
            # The console says more, a little later.
            hop.unsent = self._why_unsent(hop, channel)
        if hop.error == _NO_REASON:
            hop.error = None if hop.unsent in (None, Unsent.OTHER) else hop.unsent.value

    def _verdict(self, hop: BrowserRequest, channel: _Channel) -> tuple[Outcome, str | None]:
        results, reasons = channel.results, channel.reasons
        if not results and not reasons:
            return Outcome.PASSED, None
        named = [CATEGORIES[reason] for reason in reasons if CATEGORIES.get(reason, GENERIC) != GENERIC]
        if not named or named[0] == _OVERWRITES:
            named = self._said_of(hop) or named
        if named:
            return Outcome.CORS, named[0]
        return Outcome.FAILED, self._neighbour(hop) or (results + reasons)[0]

    def _said_of(self, hop: BrowserRequest) -> list[str]:
        said = []
        for line in self._lines.get(hop.url, ()):
            category = line["category"].rstrip("0123456789")
            if category in CATEGORIES.values():
                said.append((line["at"], category))
        named = [(at, one) for at, one in sorted(said) if one != GENERIC and at >= hop.started - _CLOCKS_APART]
        # What was said before it began is another request's to the same URL, where there is more.
        return [one for at, one in named if at >= hop.started] or [one for _, one in named]

    def _neighbour(self, hop: BrowserRequest) -> str | None:
        for line in self._lines.get(hop.url, ()):
            if line["category"] == "ORB":
                return "ORB"
            if line["category"] == "MIMEMISMATCH":
                return NOSNIFF if "nosniff" in line["text"] else MIME_TYPE
        return None

    def _why_unsent(self, hop: BrowserRequest, channel: _Channel) -> Unsent:
        directive = next((line["directive"] for line in self._lines.get(hop.url, ()) if line["directive"]), "")
        for part, unsent in _UNSENT_BY_REASON:
            if any(part in reason for reason in channel.reasons):
                hop.directive = directive if unsent is Unsent.CSP else ""
                return unsent
        if directive:
            hop.directive = directive
            return Unsent.CSP
        if any(line["category"].startswith("Mixed Content") for line in self._lines.get(hop.url, ())):
            return Unsent.MIXED_CONTENT
        if "NS_ERROR_PORT_ACCESS_NOT_ALLOWED" in channel.results:
            return Unsent.PORT
        if {"NS_BINDING_ABORTED", "NS_ERROR_ABORT"} & {*channel.results}:
            return Unsent.ABORTED
        if any("INTERCEPTION" in result for result in channel.results):
            return Unsent.SERVICE_WORKER
        # A service worker answers before a connection is thought of.
        return Unsent.SERVICE_WORKER if hop.outcome is not Outcome.FAILED or not hop.page else Unsent.OTHER

    def _look_for_failed_preflight(self, hop: BrowserRequest) -> None:
        """A request whose preflight failed was never sent, though it has a channel; the preflight starts just after."""
        hops = sorted((each for channel in self._by_url.get(hop.url, ()) for each in channel.hops), key=_started)
        for request, follower in pairwise(hops):
            if request.is_preflight or not follower.is_preflight:
                continue
            follower.call_site = follower.call_site or request.call_site
            follower.page = follower.page or request.page
            if request.outcome in _FAILED and follower.outcome in _FAILED and request.unsent is not Unsent.PREFLIGHT:
                request.unsent, request.on_wire = Unsent.PREFLIGHT, False
                self._changed(request)


def _started(request: BrowserRequest) -> float:
    return request.started


def _url_of(line: Entry) -> tuple[str, str]:
    """Return the URL that a line of the console speaks of, and the directive of the policy that blocked it."""
    text = line["text"]
    found = _CORS_LINE.search(text) or _NEIGHBOUR_LINE.search(text)
    if found is not None:
        return found[1].partition("#")[0], ""
    if line["category"].startswith("Mixed Content"):
        found = _MIXED_LINE.search(text)
        return (found[1].partition("#")[0] if found is not None else ""), ""
    if line["category"].startswith("CSP"):
        found = _CSP_LINE.search(text)
        if found is not None:
            return found[2].partition("#")[0], found[1]
    return "", ""
