"""What WebKit says about its loads, and how it becomes a word on each flow.

WebKit's inspector tells of loads: the URLs that one went to, and at its end the sentence that says why it failed. It
tells of no preflight, and of no redirect whose target was refused, so a load is laid over the flows that the proxy saw
while it went on; the sentence says whether it is about a preflight, a redirect or a response.
https://github.com/WebKit/WebKit/tree/main/Source/JavaScriptCore/inspector/protocol (Network.json, Console.json)
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from typing import Any
from urllib.parse import urljoin, urlsplit

from mitmproxy import http

from cors_addon.fetch.redirects import redirected_method
from tests.browser.observed import MIME_TYPE, NOSNIFF, Hop, Kind, Outcome

Message = dict[str, Any]
Fit = Callable[[http.HTTPFlow], int | None]

# What tells each sentence from the others; the names are cors_addon/catalogue/webkit_names.py's.
ABOUT_PREFLIGHT = {
    "PreflightNotSuccessful": "Preflight response is not successful",
    "AllowMethodsInvalid": "Access-Control-Allow-Methods has an invalid",
    "AllowHeadersInvalid": "Access-Control-Allow-Headers has an invalid",
    "MethodNotAllowed": "not allowed by Access-Control-Allow-Methods",
    "HeaderNotAllowed": "not allowed by Access-Control-Allow-Headers",
}
ABOUT_ACCESS = {
    "WildcardWithCredentials": "Cannot use wildcard in Access-Control-Allow-Origin",
    "MoreThanOneOrigin": "contain more than one origin",
    "OriginNotAllowed": "not allowed by Access-Control-Allow-Origin",
    "CredentialsNotTrue": "Access-Control-Allow-Credentials is not",
}
ABOUT_REDIRECT = {
    "RedirectionNonCorsScheme": "redirection with non CORS scheme",
    "RedirectionHasCredentials": " has credentials",
    "TooManyRedirections": "more than 20 redirections",
}
CORP = "Cross-Origin-Resource-Policy"
# The page's process refuses some scripts and styles when the network has done with them, and tells its console alone.
REFUSED_LATE = re.compile(r"^(?:Refused to execute|Did not (?:parse|load)) .*?(https?://[^'\s]+)")
# Of a load that a service worker answered: why the worker's own one failed is told to nobody here.
BY_SERVICE_WORKER = "FetchEvent"
FOLLOWED = (301, 302, 303, 307, 308)
CHANGED = frozenset({"host", "origin", "referer", "cookie", "content-type", "content-length", "sec-fetch-site"})
CLOCKS_APART = 0.01  # seconds, between the browser's and the proxy's, which are one machine's


def named(sentence: str) -> tuple[Outcome, str, Kind | None]:
    """The outcome that a sentence stands for, its name, and whether it is about a preflight; None: about either."""
    told = sentence.rpartition("policy: ")[2]
    for names, kind in ((ABOUT_PREFLIGHT, Kind.PREFLIGHT), (ABOUT_REDIRECT, Kind.REQUEST), (ABOUT_ACCESS, None)):
        for name, words in names.items():
            if words in told:
                return Outcome.CORS, name, kind
    return Outcome.FAILED, CORP if CORP in sentence else sentence, None


@dataclass(slots=True)
class Load:
    """One load: every (URL, method) that it went to, and its end; `sentence` is why it failed."""

    kind: str
    started: float
    clock: float
    steps: list[tuple[str, str]]
    origin: str | None = None
    ended: float | None = None
    sentence: str | None = None


@dataclass(slots=True)
class WebKitLog:
    """The inspector's messages of one visit."""

    loads: dict[str, Load] = field(default_factory=dict)
    console: list[str] = field(default_factory=list)
    last: float = field(default_factory=time.monotonic)

    def event(self, method: str, params: Message) -> None:
        if method == "Console.messageAdded":
            self.console.append(params["message"]["text"])
        if not method.startswith("Network."):
            return
        self.last = time.monotonic()
        load = self.loads.get(params.get("requestId", ""))
        match method.removeprefix("Network."):
            case "requestWillBeSent":
                request = params["request"]
                step = request["url"].partition("#")[0], request["method"]
                if load is None:
                    sent = {name.lower(): value for name, value in request["headers"].items()}
                    load = Load(params.get("type", ""), params["walltime"], params["timestamp"], [step])
                    load.origin = sent.get("origin")
                    self.loads[params["requestId"]] = load
                elif "redirectResponse" in params:
                    load.steps.append(step)
            case "loadingFinished" | "loadingFailed" if load is not None and load.ended is None:
                load.ended = max(time.time(), load.started + params["timestamp"] - load.clock)
                load.sentence = params.get("errorText")
            case "webSocketCreated":
                self.loads[params["requestId"]] = Load("WebSocket", time.time(), 0.0, [(params["url"], "GET")])
            case "webSocketHandshakeResponseReceived" | "webSocketClosed" if load is not None:
                load.ended = load.ended or time.time()
            case "webSocketFrameError" if load is not None and load.ended is None:
                load.ended, load.sentence = time.time(), params.get("errorMessage")

    def nothing_open(self) -> bool:
        return all(load.ended is not None for load in self.loads.values())

    def quiet_for(self) -> float:
        """Seconds since anything was told."""
        return time.monotonic() - self.last

    def hops(self) -> list[Hop]:
        """What was told alone, without a flow to lay it over: the last step of each load."""
        hops = []
        for load in self.loads.values():
            url, method = load.steps[-1]
            about = self._word(load, url)
            kind = Kind.PREFLIGHT if about[2] is Kind.PREFLIGHT else Kind.REQUEST
            hops.append(Hop(url, "OPTIONS" if kind is Kind.PREFLIGHT else method, kind, load.started, *about[:2]))
        return hops

    def _word(self, load: Load, url: str) -> tuple[Outcome, str | None, Kind | None]:
        if load.ended is None or (load.sentence or "").startswith(BY_SERVICE_WORKER):
            return Outcome.PENDING, load.sentence, None
        if load.sentence is not None:
            return named(load.sentence)
        for line in self.console:
            refused = REFUSED_LATE.search(line)
            if refused and refused[1] == url and load.kind in ("Script", "StyleSheet"):
                return Outcome.FAILED, NOSNIFF if "nosniff" in line else MIME_TYPE, None
        return Outcome.OK, None, None

    def over(self, flows: Sequence[http.HTTPFlow], left: float) -> Iterator[tuple[http.HTTPFlow, Hop]]:
        """Lay the loads over the flows of their time: each flow with its word. `left` is when the page was left.

        Of loads for one URL at one time, those choose first whose preflight failed, so no other takes it from them.
        """
        pool = Pool(flows)
        for load in self.loads.values():
            pool.promised.update(_answered(load))
        for load in sorted(self.loads.values(), key=lambda load: (not _fails_before(load), load.started)):
            until = left if load.ended is None else load.ended
            chain = list(_chain(load, pool, until))
            for number, one in enumerate(chain):
                kind = Kind.PREFLIGHT if is_preflight(one) else Kind.REQUEST
                hop = Hop(url_of(one), method_of(one), kind, one.timestamp_start, Outcome.OK)
                if number + 1 == len(chain):
                    outcome, name, about = self._word(load, hop.url)
                    # A sentence about something that was not seen says nothing about this.
                    known = about is None or about is kind
                    hop.outcome, hop.name = (outcome, name) if known else (Outcome.PENDING, name)
                yield one, hop


def _fails_before(load: Load) -> bool:
    return load.sentence is not None and named(load.sentence)[2] is Kind.PREFLIGHT


class Pool:
    """Flows, each of which belongs to one load."""

    def __init__(self, flows: Iterable[http.HTTPFlow]) -> None:
        self._free: dict[tuple[str, bool, str], list[http.HTTPFlow]] = {}
        self.promised: Counter[tuple[str, str]] = Counter()
        for one in sorted(flows, key=lambda one: one.timestamp_start):
            preflight = is_preflight(one)
            method = one.request.headers["access-control-request-method"] if preflight else method_of(one)
            self._free.setdefault((url_of(one), preflight, method), []).append(one)

    def find(
        self, step: tuple[str, str], preflight: bool, since: float, until: float, fit: Fit = lambda one: 0
    ) -> http.HTTPFlow | None:
        """The flow of that time that is free and fits best, of equal ones the first.

        One that began too early may be there where the clocks are apart, and is the last choice.
        """
        near = [
            (one.timestamp_start >= since, fits, one)
            for one in self._free.get((as_sent(step[0]), preflight, step[1]), ())
            if since - CLOCKS_APART <= one.timestamp_start <= until and (fits := fit(one)) is not None
        ]
        return max(near, key=itemgetter(0, 1))[2] if near else None

    def has_all_promised(self, step: tuple[str, str]) -> bool:
        """Whether all free flows of a step belong to other loads that are known to have gone there."""
        url, method = _as_found(step)
        return 0 < len(self._free.get((url, False, method), ())) <= self.promised[url, method]

    def take(self, one: http.HTTPFlow) -> None:
        for free in self._free.values():
            if one in free:
                free.remove(one)


def _chain(load: Load, pool: Pool, until: float) -> Iterator[http.HTTPFlow]:
    """The flows of one load in their order, preflights among them.

    Of several for one URL the first hop is one with the Origin that the load was told with, and a later one is the one
    that is most like the hop before it.
    """
    pool.promised.subtract(_answered(load))
    steps = iter(load.steps)
    step, now = next(steps), load.started
    fit: Fit = partial(_has_origin, load.origin)
    while True:
        asked = pool.find(step, True, now, until)
        actual = pool.find(step, False, now, until, fit)
        if asked is not None and actual is not None:
            is_last = step not in load.steps[:-1]
            if _fails_before(load) and (_target(actual, step) is None or (is_last and pool.has_all_promised(step))):
                actual = None
            elif asked.timestamp_start > actual.timestamp_start:
                asked = None
        if asked is not None:
            pool.take(asked)
            yield asked
        if actual is None:
            return
        pool.take(actual)
        yield actual
        now = actual.timestamp_start + CLOCKS_APART
        following = next(steps, None)
        if following is None and load.sentence is not None:
            following = _target(actual, step)
            if following is not None and not _fails_before(load) and pool.has_all_promised(following):
                return
        if following is None:
            return
        step = following
        fit = partial(_likeness, actual)


def _has_origin(origin: str | None, one: http.HTTPFlow) -> int:
    return one.request.headers.get("origin") == origin


def _likeness(one: http.HTTPFlow, other: http.HTTPFlow) -> int | None:
    """How many header lines two requests share, of those that a redirect does not change; most often it keeps CORS.

    None where the second cannot be the next hop: what is not CORS does not become CORS.
    """
    is_no_cors = one.request.headers.get("sec-fetch-mode") == "no-cors" and "origin" not in one.request.headers
    if is_no_cors and "origin" in other.request.headers:
        return None
    first, second = (
        {(name.lower(), value) for name, value in each.request.headers.items() if name.lower() not in CHANGED}
        for each in (one, other)
    )
    both_cors = ("origin" in one.request.headers) == ("origin" in other.request.headers)
    return len(first & second) - len(first ^ second) + 10 * both_cors


def _target(one: http.HTTPFlow, step: tuple[str, str]) -> tuple[str, str] | None:
    """Where a redirect leads, and by which method: WebKit does not tell of a target that it refused."""
    response = one.response
    if response is None or response.status_code not in FOLLOWED or "location" not in response.headers:
        return None
    try:
        target = urljoin(url_of(one), response.headers["location"]).partition("#")[0]
        crosses = urlsplit(target)[:2] != urlsplit(url_of(one))[:2]
    except ValueError:
        return None
    # WebKit makes GET of DELETE on the way to another origin.
    becomes_get = step[1] == "DELETE" and crosses
    return target, "GET" if becomes_get else redirected_method(response.status_code, step[1])


def _answered(load: Load) -> Iterator[tuple[str, str]]:
    """Where a load was told to have gone, its last preflight left aside if that failed."""
    return map(_as_found, load.steps[: -1 if _fails_before(load) else None])


def _as_found(step: tuple[str, str]) -> tuple[str, str]:
    return as_sent(step[0]), step[1]


def is_preflight(one: http.HTTPFlow) -> bool:
    return one.request.method == "OPTIONS" and "access-control-request-method" in one.request.headers


def method_of(one: http.HTTPFlow) -> str:
    return one.request.data.method.decode("latin-1")  # .method would turn patch into PATCH


def url_of(one: http.HTTPFlow) -> str:
    url = one.request.pretty_url.partition("#")[0]
    if one.request.pretty_host.count(":") > 1:  # an IPv6 address, which mitmproxy leaves without its brackets
        url = url.replace(one.request.pretty_host, f"[{one.request.pretty_host}]", 1)
    return url


def as_sent(url: str) -> str:
    """As the proxy spells it: a WebSocket is an http request, user info never travels."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = rest.partition("/")
    scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"
