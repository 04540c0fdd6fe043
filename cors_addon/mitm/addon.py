"""The addon: where hooks meet the session, and the only place that knows both mitmproxy and everything else."""

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from mitmproxy import addonmanager, ctx, exceptions, hooks, http, tls
from mitmproxy.flow import Flow
from mitmproxy.log import ALERT
from mitmproxy.proxy import server_hooks

from ..diagnosis.session import Session, Settings
from ..fetch.messages import Request, Response
from ..fetch.origins import OPAQUE
from ..page.ledger import Ledger
from ..page.live import LivePage
from ..rules.plans import HeaderEdits, Plan
from ..traffic.bounded_dicts import Remembered
from ..traffic.exchange import Exchange
from ..traffic.testimony import Testimony, Told
from ..verdict.failure_details import inert
from ..verdict.model import Judge
from . import (
    console,
    contentview,
    display,
    failures,
    flows,
    hangup_signal,
    injection,
    options,
    rulefile,
    terminal_colors,
)
from .browsers import Browsers
from .commands import Commands
from .delivery import Deliveries
from .log_messages import Teller
from .page_flows import PageFlows
from .page_services import page_services
from .probe import Probe, is_probe
from .reporting import Reporting
from .services import Services
from .verdict_store import KEPT_VERDICTS, Keeper

logger = logging.getLogger("cors_addon")

_LOOK_EVERY = 0.25
"""Seconds between looks at the rule file and the clock. A changed file is read at the second look."""

_Hook = Callable[["CorsAddon", http.HTTPFlow], None]


def contained(hook: _Hook) -> _Hook:
    """Keep an exception of ours from the traffic: report it once, with its flow, and let the flow go on.

    What is the live page's own is handed to it.
    """
    the_pages: Callable[[PageFlows, http.HTTPFlow], None] | None = getattr(PageFlows, hook.__name__, None)

    @functools.wraps(hook)
    def guarded(self: "CorsAddon", flow: http.HTTPFlow) -> None:
        if self.page.owns(flow):
            if the_pages is not None:
                the_pages(self.page, flow)
            return
        if is_probe(flow):
            if hook.__name__ in ("response", "error"):
                self.probe.arrived(flow)
            return
        try:
            hook(self, flow)
        except Exception as exc:
            self.teller.fault(hook.__name__, flow, exc)

    return guarded


class CorsAddon:
    """Judges every flow that passes, and shows the verdict on it."""

    name = "cors-addon"

    def __init__(self) -> None:
        self.session = Session()
        self.injection = injection.Injection()
        self.deliveries = Deliveries(self.session, self.injection, KEPT_VERDICTS)
        self.teller = Teller()
        ledger = Ledger(self._method_asked_for, KEPT_VERDICTS)
        self.kept = Keeper(self.session, self.deliveries, self.teller, lambda flow_id: ledger.touch(flow_id))
        services = Services(self.session, self.kept, self.injection, self.teller)
        self.probe = Probe(services)
        self.browsers = Browsers(self._testify)
        self.reporting = Reporting(services, self.probe, self.browsers)
        self.commands = Commands(services, self.reporting, self.probe, self.browsers, self.clear)
        shown = page_services(services, self.reporting, self.probe, self.commands, self.browsers, self.clear)
        self.page = PageFlows(LivePage(shown, ledger), self.teller)
        self._requests: Remembered[str, Request] = Remembered(10_000)
        self._glances: Remembered[str, flows.Glance] = Remembered(10_000)
        self._heads: Remembered[str, tuple[tuple[bytes, bytes], ...]] = Remembered(10_000)
        self._held: Remembered[str, asyncio.Task[None]] = Remembered(1_000)
        self._watcher: asyncio.Task[None] | None = None
        self._waiting: Remembered[str, Exchange] = Remembered(10_000)
        self._running = False
        self._signal: hangup_signal.Toggle | None = None

    # --- life -------------------------------------------------------------------------------------------------

    def load(self, loader: addonmanager.Loader) -> None:
        # At DEBUG, where mitmproxy leaves the root logger, every record costs each addon a call.
        logger.setLevel(logging.INFO)
        options.add_options(loader)
        ctx.master.commands.collect_commands(self.commands)
        contentview.register()
        for problem in options.take_back_bad_values(ctx.options):
            logger.error("cors-addon cannot start: %s", problem)

    def configure(self, updated: set[str]) -> None:
        options.check_values(ctx.options, updated - {"cors_rules"})
        self.page.configure(updated)
        if not any(name.startswith("cors_") for name in updated):
            return
        if "cors_rules" in updated:
            self._open_rules()
        browser = ctx.options.cors_browser
        judge = None if browser == "auto" else Judge(browser)
        self.session.settings = Settings(judge, ctx.options.cors_audit)
        kept = self.kept
        kept.mark, kept.comment = ctx.options.cors_mark, ctx.options.cors_comment
        if "cors_ignore" in updated or "cors_baseline" in updated:
            kept.expect(options.expected(ctx.options))
        kept.closing.reports = kept.journals.open(Path(path).expanduser() for path in ctx.options.cors_report)
        kept.closing.fail_on = ctx.options.cors_fail_on
        if "cors_inject" in updated:
            self.injection.switch(ctx.options.cors_inject)

    def _open_rules(self) -> None:
        """Turn to another rule file. A broken one raises ``OptionsError``, and the rules in force stay there."""
        file, change = rulefile.opened(ctx.options.cors_rules)
        if file.path == self.injection.file.path:
            # mitmproxy takes an option back by setting it again, and by now the file may be broken or gone.
            return
        problem = options.rules_problem(change)
        if problem is not None:
            raise exceptions.OptionsError(f"cors_rules={inert(ctx.options.cors_rules)}: {problem}")
        self.injection.file = file
        if self._running and file.path is not None:
            self.injection.take(change)
        elif change.text:
            logger.warning("%s", change.text)
        if file.is_absent:
            logger.log(ALERT, "CORS: %s does not exist yet; the first rule that is added creates it", file.path)

    def running(self) -> None:
        self._running = self.kept.may_tell = True
        if self.injection.is_on and not self.injection.rules.rules:
            logger.warning("CORS: injection is on and there are no rules: --set cors_rules=FILE names the rule file")
        self._watcher = asyncio.get_running_loop().create_task(self._watch(), name="cors-addon watches its rule file")
        self._signal = hangup_signal.Toggle(ctx.master, self.toggle_injection)
        self.page.running()
        self.kept.closing.begin()
        terminal_colors.begin(ctx.master)
        console.bind(ctx.master)
        self.browsers.running()
        for problem in options.unknown_options(ctx.options):
            logger.error("cors-addon cannot start: %s", problem)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            try:
                self._tick()
            except Exception as exc:
                self.teller.fault("watch", None, exc)

    def toggle_injection(self) -> None:
        """Throw the switch, as the key and the signal do."""
        ctx.options.update(cors_inject=not self.injection.is_on)

    def done(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
        for task in self._held.values():
            task.cancel()
        self.probe.stop()
        self.browsers.done()
        self.page.done()
        if self._signal is not None:
            self._signal.close()
        try:
            self.kept.backlog.add(self.session.finish())
            self.kept.revise_backlog()
        except Exception as exc:
            self.teller.fault("done", None, exc)
        self.reporting.finish()
        if not self._running:
            return
        if not self._written():
            self.kept.closing.fail()
        try:
            self.kept.closing.end(self.reporting.report(brief=not self.kept.closing.lists_all))
        except Exception as exc:
            self.teller.fault("done", None, exc)
            # Nobody can tell what the report would have said.
            self.kept.closing.fail()
        terminal_colors.end(ctx.master)

    # --- traffic ----------------------------------------------------------------------------------------------

    @contained
    def requestheaders(self, flow: http.HTTPFlow) -> None:
        seen = flows.glance(flow)
        if not seen.origin:
            if "cors" in flow.metadata:
                self._forget(flow)
            if seen is not flows.NOTHING:
                self._glances[flow.id] = seen
            if not self.injection.reaches_without_origin(flow):
                return
        request = self._requests[flow.id] = flows.request_of(flow)
        display.clear(flow)
        if self.deliveries.forget(flow.id):
            # What was delivered in an earlier run is not what a replay delivers.
            self.session.correlator.forget(flow.id)
        if not flow.live:
            return
        waiting = flows.waiting(flow, request)
        if self._running and not (self.injection.is_on and request.headers.get("Origin") == OPAQUE):
            # Most answers come before anybody could look at what the request alone tells.
            self._waiting[flow.id] = waiting
        else:
            self._take_in(waiting)
        # Another addon's answer is corrected like a server's, and not pushed aside.
        chosen = self.deliveries.plan(flow, waiting) if flow.response is None else None
        if chosen is None:
            return
        if self._waiting.pop(flow.id, None) is not None:
            self._take_in(waiting)
        if isinstance(chosen, HeaderEdits):
            raise AssertionError("there are no headers to edit before a response is there")
        self._carry_out(flow, chosen, waiting)

    @contained
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        request = self._requests.get(flow.id)
        if request is None:
            self._without_origin(flow)
            return
        self._waiting.pop(flow.id, None)
        assert flow.response is not None
        if not self.deliveries.is_changed(flow.id):
            exchange = flows.exchange_of(flow, request)
            chosen = None if flow.id in self.deliveries else self.deliveries.plan(flow, exchange)
            if chosen is None or chosen.dry_run:
                self._judge(flow, exchange)
            if chosen is not None:
                self._carry_out(flow, chosen, exchange)
            if self._glances.pop(flow.id, flows.NOTHING).cookie:
                self._evidence_came(self.session.credentials.cookie_on(flow.client_conn.id, flow.id), flow.live)
        if flow.response is not None:
            self._heads[flow.id] = flow.response.headers.fields

    @contained
    def response(self, flow: http.HTTPFlow) -> None:
        self._settle(flow, arrived=flow.error is None)

    @contained
    def error(self, flow: http.HTTPFlow) -> None:
        # A response that is streamed has sent its headers by now, whatever becomes of its body.
        streamed = flow.id in self._heads and flow.response is not None and bool(flow.response.stream)
        self._settle(flow, arrived=streamed and not failures.is_killed(flow))

    def request(self, flow: http.HTTPFlow) -> None:
        if self.page.owns(flow):
            self.page.request(flow)

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        self.page.tls_clienthello(data)

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        self.probe.keep_to_the_list(data)
        self.page.server_connect(data)

    def update(self, touched: Sequence[Flow]) -> None:
        """Judge what the user makes of a response while it is held back; no other hook tells of that."""
        for flow in touched:
            if flow.intercepted and isinstance(flow, http.HTTPFlow) and flow.response is not None:
                self._edited(flow)
                if flow.id not in self._held:
                    self._held[flow.id] = asyncio.get_running_loop().create_task(self._when_resumed(flow))

    async def _when_resumed(self, flow: http.HTTPFlow) -> None:
        # mitmweb edits flows without telling addons.
        await flow.wait_for_resume()
        self._held.pop(flow.id, None)
        self._edited(flow)
        ctx.master.addons.trigger(hooks.UpdateHook([flow]))

    @contained
    def _edited(self, flow: http.HTTPFlow) -> None:
        record = self.session.correlator.get(flow.id)
        if record is None or record.seen is None:
            return
        exchange = flows.exchange_of(flow, record.exchange.request, arrived=True)
        if exchange.response != record.seen:
            self._judge_anew(flow, exchange)

    def _settle(self, flow: http.HTTPFlow, arrived: bool) -> None:
        """Judge once more at the end of a flow, where that may have changed anything."""
        self._glances.pop(flow.id, None)
        self._waiting.pop(flow.id, None)
        request = self._requests.pop(flow.id, None)
        head = self._heads.pop(flow.id, None)
        if request is None:
            return
        # Else another addon has changed what the browser gets since its headers came.
        unchanged = flow.response is None or head == flow.response.headers.fields
        if not (arrived and unchanged):
            self._judge_anew(flow, flows.exchange_of(flow, request, arrived))

    def _judge_anew(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        if self.deliveries.is_changed(flow.id):
            if exchange.response is not None:
                self._redeliver(flow, exchange.response)
                return
            known = self.deliveries.get(flow.id)
            if known is not None and not known.edits:
                # The failure was made by a rule, and says nothing of the server.
                return
            # What the rule made has never reached the browser.
            self.deliveries.forget(flow.id)
        self._judge(flow, exchange)

    def _forget(self, flow: http.HTTPFlow) -> None:
        """Drop what an earlier run of a flow left behind, before a replay or a saved file runs it again."""
        display.clear(flow)
        self.kept.drop(flow.id)
        self.session.correlator.forget(flow.id)

    # --- injection --------------------------------------------------------------------------------------------

    def http_connect(self, flow: http.HTTPFlow) -> None:
        self.page.http_connect(flow)
        self._open_tunnel(flow)

    @contained
    def _open_tunnel(self, flow: http.HTTPFlow) -> None:
        if self.injection.answers_for(flow.request.host, flow.request.port):
            # Else mitmproxy connects to the server first, and a dead one ends the tunnel before any request is seen.
            now = time.time()
            version = flow.request.data.http_version
            flow.response = http.Response(version, 200, b"Connection established", http.Headers(), b"", None, now, now)

    def _carry_out(self, flow: http.HTTPFlow, chosen: Plan, exchange: Exchange) -> None:
        """Change a flow. What the server sent is judged once, together with what is delivered in its place."""
        if exchange.response is not None and not chosen.dry_run:
            self._evidence_came(self.session.take_in(exchange))
        try:
            made = self.deliveries.carry_out(flow, chosen, exchange.response)
        except Exception:
            if exchange.response is not None:
                self._judge(flow, exchange)
            raise
        if made is None:
            self.kept.revise([flow.id])
            return
        self.kept.count(flow)
        self._redeliver(flow, made)

    def _redeliver(self, flow: http.HTTPFlow, response: Response) -> None:
        """Judge what the browser gets now, and show the server's verdict with it."""
        changed = self.session.deliver(flow.id, response, time.time())
        self.kept.is_revised(flow.id, flow)
        self._evidence_came(changed, flow.live)

    def _tick(self) -> None:
        """Look at what is left to do, at the rule file, and at the clock."""
        self._take_in_those_waiting()
        self.kept.revise_backlog()
        self._written()
        self.deliveries.tick()

    def _written(self) -> bool:
        try:
            return self.kept.journals.write()
        except Exception as exc:
            self.teller.fault("the report that is appended to", None, exc)
            return False

    # --- verdicts ---------------------------------------------------------------------------------------------

    def _take_in(self, waiting: Exchange) -> None:
        """Take note of a request whose answer is awaited."""
        self._evidence_came(self.session.take_in(waiting))

    def _take_in_those_waiting(self) -> None:
        latest = time.time() - _LOOK_EVERY
        for flow_id, waiting in [*self._waiting.items()]:
            if waiting.started > latest:
                return
            del self._waiting[flow_id]
            self._take_in(waiting)

    def _without_origin(self, flow: http.HTTPFlow) -> None:
        seen = self._glances.pop(flow.id, flows.NOTHING)
        if flows.is_of_interest_without_origin(flow, seen) and not self._is_harmless(flow, seen):
            self._judge(flow, flows.exchange_of(flow))
        if seen.cookie:
            self._evidence_came(self.session.credentials.cookie_on(flow.client_conn.id, flow.id), flow.live)

    def _is_harmless(self, flow: http.HTTPFlow, seen: flows.Glance) -> bool:
        """Say whether nothing that is known withholds a response. What is saved may speak of what comes later."""
        if not seen.no_cors or seen.document or not flow.live or self.session.neighbours.knows_embedders:
            return False
        return flows.is_harmless_subresource(flow)

    def _judge(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        if not flow.live and self.kept.backlog.is_due(max(exchange.started, exchange.ended or 0.0)):
            self.kept.revise_backlog()
        verdict, changed = self.session.observe(exchange)
        if verdict is not None:
            self.kept.take(flow, verdict)
        self._evidence_came(changed, flow.live)

    def _evidence_came(self, changed: Iterable[str], live: bool = True) -> None:
        """Have judged again what evidence concerns: once for all that comes until the next look, and at the end.

        Where nobody will look, as in a script that feeds flows by hand, it is done at once.
        """
        self.kept.backlog.add(changed)
        if live and not self._running:
            self.kept.revise_backlog()

    def _testify(self, flow_id: str, flow: http.HTTPFlow | None, testimony: Testimony) -> bool:
        """Take in what a browser said of a flow; say whether the flow is judged by now."""
        if flow is not None and flow.response is None and flow.error is None:
            return False
        try:
            changed = self.session.testify(flow_id, testimony)
            if changed:
                self._evidence_came(changed)
            elif flow is not None and testimony.outcome is not Told.PASSED:
                # What nobody had to look at before the browser blocked it.
                self._judge(flow, replace(flows.exchange_of(flow), testimony=testimony))
            return bool(changed) or flow is not None
        except Exception as exc:
            self.teller.fault("what a browser said", flow, exc)
            return True

    # --- for the commands and the live page -------------------------------------------------------------------

    def _method_asked_for(self, flow_id: str) -> str | None:
        record = self.session.correlator.get(flow_id)
        return record.exchange.request.headers.get("Access-Control-Request-Method") if record is not None else None

    def clear(self) -> None:
        """Forget all verdicts and evidence, and take them off the flows still held."""
        self.reporting.detach()
        self.session.clear()
        self.page.page.clear()
        self.probe.clear()
        self.browsers.clear()
        self._waiting.clear()
        self.teller.clear()
        self.kept.clear()
        logger.log(ALERT, "CORS: forgot everything seen so far")
