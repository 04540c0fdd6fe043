"""What Firefox says about its requests, and how it is read.

Two observers run in the browser's chrome context and need no debugger: one of the HTTP channels (started, answered,
stopped, with which result and which blocking reason), one of the console service (the CORS categories, each line naming
its URL).
"""

from __future__ import annotations

import re
import time
from typing import Any

from tests.browser.observed import MIME_TYPE, NOSNIFF, Hop, Kind, Outcome

# Gives back what was told since it last ran, {"lines": [...], "events": [...]}; the first run starts the observers.
OBSERVE = """
if (Services.oracle === undefined) {
  const oracle = Services.oracle = {lines: [], events: []};
  const reasons = {};
  for (const [name, value] of Object.entries(Ci.nsILoadInfo))
    if (value && name.startsWith('BLOCKING_REASON_')) reasons[value] = name.slice('BLOCKING_REASON_'.length);
  const text = (result) => result ? ChromeUtils.getXPCOMErrorName(result) : null;
  oracle.console = {observe(message) {
    try {
      const error = message.QueryInterface(Ci.nsIScriptError);
      oracle.lines.push({category: error.category, text: error.errorMessage, at: error.microSecondTimeStamp / 1e6});
    } catch (notAScriptError) {}
  }};
  Services.console.registerListener(oracle.console);
  oracle.http = {observe(channel, topic) {
    channel.QueryInterface(Ci.nsIHttpChannel);
    const {browsingContextID, triggeringPrincipal} = channel.loadInfo;
    if (!browsingContextID && triggeringPrincipal.isSystemPrincipal) return; // what Firefox asks of its makers
    const event = {topic, id: channel.channelId, url: channel.URI.specIgnoringRef, method: channel.requestMethod,
                   at: Date.now() / 1000, result: text(channel.status), preflight: false, status: null,
                   reason: reasons[channel.loadInfo.requestBlockingReason] ?? null};
    try { event.preflight = !!channel.getRequestHeader('Access-Control-Request-Method'); } catch (none) {}
    try { event.status = channel.responseStatus; } catch (none) {}
    oracle.events.push(event);
  }};
  for (const topic of ['http-on-modify-request', 'http-on-before-connect', 'http-on-stop-request',
                       'http-on-examine-response', 'http-on-examine-cached-response'])
    Services.obs.addObserver(oracle.http, topic);
}
const told = {lines: Services.oracle.lines, events: Services.oracle.events};
Services.oracle.lines = []; Services.oracle.events = [];
return told;
"""

# The console's CORS categories without trailing digits; a channel's blocking reason is one of them in capitals.
# https://searchfox.org/mozilla-central/source/netwerk/base/nsILoadInfo.idl
CATEGORIES = {
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
# Said of every CORS request that failed for whatever reason, so it names none.
GENERIC = "CORSDidNotSucceed"
# A channel keeps its last reason. On a redirected preflight this one comes after the one that matters.
OVERWRITES = "CORSPreflightDidNotSucceed"
REDIRECTED = "NS_BINDING_REDIRECTED"
CORS_LINE = re.compile(r"resource at ‘?(.+?)’?\. \(Reason")  # one of the sentences has the URL in quotes
NEIGHBOUR_LINE = re.compile(r"(?:resource (?:at|from)|Script from) “(.+?)” was blocked")
CLOCKS_APART = 0.002  # seconds; the console's stamps are finer than the observer's


class FirefoxLog:
    """What the observers told in one visit, put together into hops: one channel is one hop."""

    def __init__(self) -> None:
        self._lines: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []
        self._last = time.monotonic()

    def add(self, told: dict[str, list[dict[str, Any]]]) -> None:
        self._lines += told["lines"]
        self._events += told["events"]
        if told["lines"] or told["events"]:
            self._last = time.monotonic()

    def nothing_open(self) -> bool:
        return bool(self._events) and all(hop.outcome is not Outcome.PENDING for hop in self.hops())

    def quiet_for(self) -> float:
        """Seconds since anything was told."""
        return time.monotonic() - self._last

    def hops(self) -> list[Hop]:
        channels: dict[int, list[dict[str, Any]]] = {}
        for event in self._events:
            channels.setdefault(event["id"], []).append(event)
        hops = sorted((hop for events in channels.values() for hop in self._of_channel(events)), key=_start)
        _behind_failed_preflights(hops)
        return hops

    def _of_channel(self, events: list[dict[str, Any]]) -> list[Hop]:
        """None for a redirect's target that was never opened, several where a challenge was answered."""
        hops = [
            Hop(
                event["url"],
                event["method"],
                Kind.PREFLIGHT if event["preflight"] else Kind.REQUEST,
                event["at"],
                Outcome.OK,
            )
            for event in events
            if event["topic"] == "http-on-modify-request"
        ]
        if hops:
            last = hops[-1]
            last.outcome, last.name = self._verdict(last, events)
            topics = {event["topic"] for event in events}
            # a service worker answers before a connection is thought of, the cache after
            last.sent = "http-on-before-connect" in topics and "http-on-examine-cached-response" not in topics
        return hops

    def _verdict(self, hop: Hop, events: list[dict[str, Any]]) -> tuple[Outcome, str | None]:
        # The parent process stops first; the page's process, where the check is, tells its result afterwards.
        stops = [event for event in events if event["topic"] == "http-on-stop-request"]
        if not stops:
            return Outcome.PENDING, None
        results = [event["result"] for event in stops if event["result"] and event["result"] != REDIRECTED]
        reasons = [event["reason"] for event in stops if event["reason"]]
        if not results and not reasons:
            return Outcome.OK, None
        named = [CATEGORIES[reason] for reason in reasons if CATEGORIES.get(reason, GENERIC) != GENERIC]
        if not named or named[0] == OVERWRITES:
            named = self._said_of(hop) or named
        if named:
            return Outcome.CORS, named[0]
        return Outcome.FAILED, self._neighbour(hop) or (results + reasons)[0]

    def _said_of(self, hop: Hop) -> list[str]:
        said = []
        for line in self._lines:
            found = CORS_LINE.search(line["text"])
            category = line["category"].rstrip("0123456789")
            if found and found[1].partition("#")[0] == hop.url and category in CATEGORIES.values():
                said.append((line["at"], category))
        return [one for at, one in sorted(said) if one != GENERIC and at >= hop.started - CLOCKS_APART]

    def _neighbour(self, hop: Hop) -> str | None:
        for line in self._lines:
            found = NEIGHBOUR_LINE.search(line["text"])
            if found and found[1] == hop.url:
                if line["category"] == "ORB":
                    return "ORB"
                if line["category"] == "MIMEMISMATCH":
                    return NOSNIFF if "nosniff" in line["text"] else MIME_TYPE
        return None


def _start(hop: Hop) -> float:
    return hop.started


def _behind_failed_preflights(hops: list[Hop]) -> None:
    """A request whose preflight failed was never sent, though it has a channel; the preflight starts just after it."""
    for at, hop in enumerate(hops):
        if hop.kind is Kind.REQUEST and hop.outcome in (Outcome.FAILED, Outcome.CORS):
            follower = next((one for one in hops[at + 1 :] if one.url == hop.url), None)
            if follower is not None and follower.kind is Kind.PREFLIGHT and follower.outcome is not Outcome.OK:
                hop.sent = False
