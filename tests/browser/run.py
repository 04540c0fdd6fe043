"""Run cases in one browser through the proxy, and tie what the browser said to the flows that the proxy saw."""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mitmproxy import http, io

from tests.browser import oracle, webkit
from tests.browser.cases.case import Case
from tests.browser.observed import Hop, Kind, Outcome, Visit
from tests.browser.proxy import ADDON, Proxy, ProxyError
from tests.browser.server import Server
from tests.browser.site import DONE, Site
from tests.browser.webkit_log import as_sent, is_preflight, method_of, url_of

BROWSERS: dict[str, type[oracle.Chromium] | type[oracle.Firefox] | type[webkit.WebKit]] = {
    "chromium": oracle.Chromium,
    "firefox": oracle.Firefox,
    "webkit": webkit.WebKit,
}


@dataclass(frozen=True, slots=True)
class Judged:
    """A flow with the browser's word on it and, where the addon ran, the report's entry for it."""

    flow: http.HTTPFlow
    hop: Hop
    page: str
    report: dict[str, Any] | None

    @property
    def case(self) -> str | None:
        parts = self.flow.request.path.split("/")
        return parts[2] if len(parts) > 3 and parts[1] == "c" else None


@dataclass(slots=True)
class Run:
    """One browser's visits. `unmatched` are hops that should have a flow and have none."""

    browser: str
    version: str
    flows: list[http.HTTPFlow] = field(default_factory=list, repr=False)
    judged: list[Judged] = field(default_factory=list, repr=False)
    unmatched: list[Hop] = field(default_factory=list, repr=False)
    results: dict[str, Any] = field(default_factory=dict, repr=False)


def run_cases(browser: str, cases: Sequence[Case], addon: Path | None = ADDON, options: Sequence[str] = ()) -> Run:
    site = Site(cases)
    with Server(site) as server:
        pages = [(site.url(page), page.private) for page in site.pages]
        return _run(browser, server, addon, options, pages, DONE)


def run_urls(browser: str, urls: Sequence[str], addon: Path | None = ADDON, options: Sequence[str] = ()) -> Run:
    """Any pages of the world: nothing is steered, and a page is left when it has been quiet for a while."""
    return _run(browser, None, addon, options, [(url, False) for url in urls], None)


def _run(
    browser: str,
    server: Server | None,
    addon: Path | None,
    options: Sequence[str],
    pages: Sequence[tuple[str, bool]],
    until: str | None,
) -> Run:
    with Proxy(server, addon, options) as proxy:
        with BROWSERS[browser](proxy) as driver:
            version = driver.version
            visits = [driver.visit(url, until, private=private) for url, private in pages]
        status = proxy.stop()
        if addon is not None and not proxy.report.exists():
            raise ProxyError(f"{addon} wrote no report; mitmdump ended with exit status {status}")
        report = json.loads(proxy.report.read_text()) if addon is not None else None
        with open(proxy.flows, "rb") as stored:
            flows = [one for one in io.FlowReader(stored).stream() if isinstance(one, http.HTTPFlow)]
    run = Run(browser, version, sorted(flows, key=lambda one: one.timestamp_start))
    _tie(run, visits, {entry["id"]: entry for entry in report["flows"]} if report is not None else {})
    for visit in visits:
        if visit.result is not None:
            run.results |= json.loads(visit.result)
    return run


def _tie(run: Run, visits: Sequence[Visit], report: dict[str, dict[str, Any]]) -> None:
    """The n-th hop of a kind, method and URL is the n-th such flow: browsers send in the order they start."""
    waiting: dict[tuple[Kind, str, str], deque[http.HTTPFlow]] = defaultdict(deque)
    for one in run.flows:
        waiting[Kind.PREFLIGHT if is_preflight(one) else Kind.REQUEST, method_of(one), url_of(one)].append(one)
    for visit in visits:
        if visit.log is not None:
            began, left = visit.time
            during = [one for one in run.flows if began <= one.timestamp_start <= left]
            run.judged += [Judged(one, hop, visit.url, report.get(one.id)) for one, hop in visit.log.over(during, left)]
            continue
        for hop in visit.hops:
            if not hop.sent or not hop.url.startswith(("http:", "https:", "ws:", "wss:")):
                continue
            queue = waiting.get((hop.kind, hop.method, as_sent(hop.url)))
            if queue:
                one = queue.popleft()
                run.judged.append(Judged(one, hop, visit.url, report.get(one.id)))
            elif hop.outcome not in (Outcome.FAILED, Outcome.PENDING):
                run.unmatched.append(hop)


def missing(browser: str) -> str | None:
    """Why this browser cannot be driven here, or None."""
    return webkit.lacks() if browser == "webkit" else oracle.lacks(browser)
