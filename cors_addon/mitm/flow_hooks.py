"""The hooks that every flow passes: a short look, what a rule changes at once, and the rest for the pipeline."""

import functools
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from mitmproxy import http

from ..capture.flow_scan import NOTHING, glance, is_of_interest_without_origin
from ..diagnosis.session import Session
from ..fetch.origins import OPAQUE
from ..rules.plans import Plan
from ..traffic.bounded_dicts import Remembered
from . import display, failures, flows, injection
from .delivery import Deliveries
from .flows import Seen
from .log_messages import Teller
from .page_flows import PageFlows
from .pipeline import Pipeline
from .probe import Probe, is_probe
from .verdict_store import KEPT_VERDICTS, Keeper
from .verify import Verifier

_FORGOTTEN_AFTER: Final = 10.0
"""Seconds after which a request whose browser hung up, and of which mitmproxy says nothing more, has ended."""

_Hook = Callable[["FlowHooks", http.HTTPFlow], None]


def contained(hook: _Hook) -> _Hook:
    """Keep an exception of ours from the traffic: report it once, with its flow, and let the flow go on.

    What is the live page's own is handed to it.
    """
    the_pages: Callable[[PageFlows, http.HTTPFlow], None] | None = getattr(PageFlows, hook.__name__, None)

    @functools.wraps(hook)
    def guarded(self: "FlowHooks", flow: http.HTTPFlow) -> None:
        if self.page.owns(flow):
            if the_pages is not None:
                the_pages(self.page, flow)
            return
        if is_probe(flow):
            if hook.__name__ in ("response", "error"):
                self.probe.arrived(flow)
                self.verifier.arrived(flow)
            return
        try:
            hook(self, flow)
        except Exception as exc:
            self.teller.fault(hook.__name__, flow, exc)

    return guarded


class FlowHooks:
    """Looks at each flow in its hooks, has it judged afterwards, and changes at once what a rule is for.

    Flows of ``page``, ``probe`` and ``verifier`` are handed to them. ``touched`` is told of each flow whose verdict
    changed.
    """

    page: PageFlows
    probe: Probe
    verifier: Verifier

    def __init__(self, touched: Callable[[str], None]) -> None:
        self.session = Session()
        self.injection = injection.Injection()
        self.deliveries = Deliveries(self.session, self.injection, KEPT_VERDICTS)
        self.teller = Teller()
        self.kept = Keeper(self.session, self.deliveries, self.teller, touched)
        self.pipeline = Pipeline(self.session, self.kept, self.deliveries, self.teller)
        self._open: Remembered[str, Seen] = Remembered(10_000)
        self._running = False
        self._since = 0.0

    @contained
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        noted = flows.noted_on(flow)
        if not flow.live:
            display.distrust_backup(flow)
        if flow.metadata or flow.comment:
            self._forget(flow)
        seen = flows.seen_of(flow)
        if (seen is None or not seen.glance.origin) and (noted or self.injection.reaches_without_origin(flow)):
            seen = flows.planned(flow, seen)
        if seen is None:
            return
        seen.noted = noted
        self._open[flow.id] = seen
        if not seen.is_live or not (seen.glance.origin or seen.is_planned):
            return
        if not self._running:
            self._await_response(seen)
        if flow.response is None and self.injection.is_set and self.injection.concerns(seen.url):
            self._plan_request(flow, seen)

    @contained
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        seen = self._open.get(flow.id)
        assert flow.response is not None
        if seen is None and flow.request.timestamp_start < self._since:
            # It was on its way when the addon was loaded.
            seen = flows.seen_of(flow)
            if seen is not None:
                self._open[flow.id] = seen
        if seen is None:
            if is_of_interest_without_origin(flow.response.status_code, flow.response.headers.fields, NOTHING):
                self._answered(flows.without_a_word(flow))
            return
        if not (seen.glance.origin or seen.is_planned):
            self._answered(seen)
        elif not self.deliveries.is_changed(flow.id):
            chosen = None
            if self.injection.is_set and flow.id not in self.deliveries and self.injection.concerns(seen.url):
                seen.answer()
                chosen = self.deliveries.plan(flow, seen.read())
            if chosen is None:
                self._answered(seen)
            else:
                self._carry_out(seen, chosen)
        if flow.response is not None:
            seen.head = flow.response.headers.fields

    @contained
    def response(self, flow: http.HTTPFlow) -> None:
        self._ended(flow, arrived=flow.error is None)

    @contained
    def error(self, flow: http.HTTPFlow) -> None:
        # A response that is streamed has sent its headers by now, whatever becomes of its body.
        seen = self._open.get(flow.id)
        has_head = seen is not None and seen.head is not None
        streamed = has_head and flow.response is not None and bool(flow.response.stream)
        self._ended(flow, arrived=streamed and not failures.is_killed(flow))

    def _answered(self, seen: Seen) -> None:
        seen.answer()
        self.pipeline.put(seen)

    def _ended(self, flow: http.HTTPFlow, arrived: bool) -> None:
        """Have judged once more what may have changed since the headers came."""
        seen = self._open.pop(flow.id, None)
        if seen is None or not (seen.glance.origin or seen.is_planned):
            return
        # Else another addon has changed what the browser gets since its headers came.
        unchanged = flow.response is None or seen.head == flow.response.headers.fields
        has_body_now = seen.lacks_body and not self.deliveries.is_changed(flow.id)
        if not (arrived and unchanged) or has_body_now:
            self.pipeline.put(seen.again(arrived))
        seen.head = None if flow.response is None else flow.response.headers.fields
        self.pipeline.ended(seen)

    def _forget(self, flow: http.HTTPFlow) -> None:
        """Drop what an earlier run of a flow left behind, before a replay or a saved file runs it again."""
        self.pipeline.drain()
        was_judged = "cors" in flow.metadata
        display.clear(flow)
        has_origin = glance(flow.request.headers.fields).origin
        if was_judged and not has_origin:
            self.kept.drop(flow.id)
        if self.deliveries.forget(flow.id) or (was_judged and not has_origin):
            # What was delivered in an earlier run is not what a replay delivers.
            self.session.correlator.forget(flow.id)

    def _look_at_open(self, now: float, slow: float) -> None:
        """Have taken in the requests without a response that are older than ``slow`` seconds, and end forgotten ones.

        mitmproxy tells no end of a request now and then, where both its connections close.
        """
        for seen in [*self._open.values()]:
            if seen.flow.request.timestamp_start > now - slow:
                break
            if seen.hung_up_at and seen.hung_up_at < now - _FORGOTTEN_AFTER:
                self._give_up(seen)
                continue
            if seen.is_live and (seen.glance.origin or seen.is_planned) and not (seen.is_noted or seen.is_over):
                self._await_response(seen)

    def _give_up(self, seen: Seen) -> None:
        """End a request whose browser hung up, and of which mitmproxy says nothing more."""
        del self._open[seen.flow.id]
        if not seen.is_over and (seen.glance.origin or seen.is_planned):
            self.pipeline.put(seen.hung_up())
        self.pipeline.ended(seen)

    def _await_response(self, seen: Seen) -> None:
        """Have taken in a request whose response is awaited."""
        seen.is_noted = True
        self.pipeline.put(seen)

    # --- injection --------------------------------------------------------------------------------------------

    @contained
    def _open_tunnel(self, flow: http.HTTPFlow) -> None:
        if self.injection.answers_for(flow.request.host, flow.request.port):
            # Else mitmproxy connects to the server first, and a dead one ends the tunnel before any request is seen.
            now = time.time()
            version = flow.request.data.http_version
            flow.response = http.Response(version, 200, b"Connection established", http.Headers(), b"", None, now, now)

    def _plan_request(self, flow: http.HTTPFlow, seen: Seen) -> None:
        """Answer a preflight, where a rule says so. Another addon's answer is corrected like a server's instead."""
        if seen.read_request().headers.origin == OPAQUE:
            # Whose page that is shows in the redirects before.
            self._await_response(seen)
            self.pipeline.drain()
        elif not self.injection.acts_early(flow.request.method):
            return
        chosen = self.deliveries.plan(flow, seen.read())
        if chosen is not None:
            self._carry_out(seen, chosen)

    def _carry_out(self, seen: Seen, chosen: Plan) -> None:
        """Change a flow at once; what becomes of it is judged like everything else."""
        flow = seen.flow
        exchange = seen.read()
        try:
            made = self.deliveries.carry_out(flow, chosen, exchange.response)
        except Exception:
            if exchange.response is not None:
                self.pipeline.put(seen)
            raise
        done = replace(seen, plan=chosen, made=made, at=time.time())
        self.pipeline.put(done)
