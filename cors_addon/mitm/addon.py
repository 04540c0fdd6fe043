"""The addon: where hooks meet the session, and the only place that knows both mitmproxy and everything else."""

import asyncio
import functools
import gc
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mitmproxy import addonmanager, connection, ctx, exceptions, http, tls
from mitmproxy.log import ALERT
from mitmproxy.proxy import server_hooks

from ..capture.flow_scan import NOTHING, glance, is_of_interest_without_origin
from ..diagnosis.session import Session, Settings
from ..fetch.origins import OPAQUE
from ..page.ledger import Ledger
from ..page.live import LivePage
from ..rules.plans import Plan
from ..traffic.bounded_dicts import Remembered
from ..verdict.failure_details import inert
from ..verdict.model import Judge
from ..verdict.redact import redact
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
from .flows import Seen
from .log_messages import Teller, guard_log
from .page_flows import PageFlows
from .page_services import page_services
from .pipeline import Pipeline
from .probe import Probe, is_probe
from .reporting import Reporting
from .services import Services
from .verdict_store import KEPT_VERDICTS, Keeper
from .verify import Verifier

logger = logging.getLogger("cors_addon")

_LOOK_EVERY = 0.25
"""Seconds between looks at the rule file and the clock. A changed file is read at the second look."""

_MEGABYTE: Final = 1 << 20

_COLLECTED_AFTER: Final = 10_000
"""Objects after which Python's collector looks for garbage among the newest."""

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
                self.verifier.arrived(flow)
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
        self.pipeline = Pipeline(self.session, self.kept, self.deliveries, self.teller)
        services = Services(self.session, self.kept, self.injection, self.teller, self.pipeline.settle_some)
        self.probe = Probe(services)
        self.verifier = Verifier(services)
        self.browsers = Browsers(self.pipeline.testify, self.teller.fault)
        self.reporting = Reporting(services, self.probe, self.browsers)
        self.commands = Commands(services, self.reporting, self.probe, self.verifier, self.browsers, self.clear)
        shown = page_services(services, self.reporting, self.probe, self.commands, self.browsers, self.clear)
        self.page = PageFlows(LivePage(shown, ledger), self.teller)
        self._open: Remembered[str, Seen] = Remembered(10_000)
        self._watcher: asyncio.Task[None] | None = None
        self._running = False
        self._threshold: tuple[int, int, int] | None = None
        self._signal: hangup_signal.Toggle | None = None

    # --- life -------------------------------------------------------------------------------------------------

    def load(self, loader: addonmanager.Loader) -> None:
        # At DEBUG, where mitmproxy leaves the root logger, every record costs each addon a call.
        logger.setLevel(logging.INFO)
        guard_log()
        options.add_options(loader)
        ctx.master.commands.collect_commands(self.commands)
        contentview.register()
        for problem in options.take_back_bad_values(ctx.options):
            logger.error("cors-addon cannot start: %s", problem)

    def configure(self, updated: set[str]) -> None:
        options.check_values(ctx.options, updated - {"cors_rules"})
        self.page.configure(updated)
        self.pipeline.at_once = display.reads_metadata(ctx.options)
        if not any(name.startswith("cors_") for name in updated):
            return
        if "cors_rules" in updated:
            self._open_rules(is_reload=updated.issuperset(ctx.options.keys()))
        if "cors_memory" in updated:
            self.session.correlator.budget = ctx.options.cors_memory * _MEGABYTE // 2
            self.kept.verdicts.budget = ctx.options.cors_memory * _MEGABYTE // 4
        browser = ctx.options.cors_browser
        judge = None if browser == "auto" else Judge(browser)
        self.session.settings = Settings(judge, ctx.options.cors_audit, self.injection.lists)
        kept = self.kept
        kept.mark, kept.comment = ctx.options.cors_mark, ctx.options.cors_comment
        kept.plain = ctx.options.cors_mark_style == "plain"
        if "cors_ignore" in updated or "cors_baseline" in updated:
            kept.expect(options.expected(ctx.options))
        kept.closing.reports = kept.journals.open(Path(path).expanduser() for path in ctx.options.cors_report)
        kept.closing.fail_on = ctx.options.cors_fail_on
        if "cors_inject" in updated:
            self.injection.switch(ctx.options.cors_inject)

    def _open_rules(self, is_reload: bool = False) -> None:
        """Turn to another rule file. A broken one raises ``OptionsError``, and the rules in force stay there.

        In a reload of the addon none are in force yet, and the broken file is watched until it is fixed: after
        an exception mitmproxy would configure nothing else of the addon.
        """
        file, change = rulefile.opened(ctx.options.cors_rules)
        if file.path == self.injection.file.path:
            # mitmproxy takes an option back by setting it again, and by now the file may be broken or gone.
            return
        problem = options.rules_problem(change)
        if problem is not None and (not is_reload or file.path is None):
            raise exceptions.OptionsError(f"cors_rules={inert(ctx.options.cors_rules)}: {problem}")
        self.injection.file = file
        if problem is not None:
            logger.warning("CORS: no rules are in force until the rule file is fixed: %s", problem)
            return
        if self._running and file.path is not None:
            self.injection.take(change)
        elif change.text:
            logger.warning("%s", change.text)
        if file.is_absent:
            logger.log(ALERT, "CORS: %s does not exist yet; the first rule that is added creates it", file.path)

    def running(self) -> None:
        self._running = self.kept.may_tell = True
        self.pipeline.run()
        # What is loaded by now stays. mitmproxy and the package are 106,000 objects, and each full collection looked
        # through them for 57 ms, in the midst of a turn of the loop; without them it takes less than 1 ms. A flow makes
        # some 300 objects: collecting after 10,000 in place of Python's 2,000 (700 before 3.12) took 15 % off an
        # injected flow in a hot loop. Rarer full collections took no more off, and would keep mitmproxy's garbage.
        gc.freeze()
        self._threshold = gc.get_threshold()
        gc.set_threshold(_COLLECTED_AFTER, *self._threshold[1:])
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
        # A reload leaves the old package behind.
        gc.unfreeze()
        if self._threshold is not None:
            gc.set_threshold(*self._threshold)
        if self._watcher is not None:
            self._watcher.cancel()
        self.probe.stop()
        self.verifier.stop()
        self.browsers.done()
        self.page.done()
        if self._signal is not None:
            self._signal.close()
        try:
            self.pipeline.stop()
            self.kept.backlog.add(self.session.finish())
            self.pipeline.settle()
        except Exception as exc:
            self.teller.fault("done", None, exc)
        self.reporting.finish()
        if not self._running:
            return
        if not self._written(last=True):
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
        if flow.metadata or flow.comment:
            self._forget(flow)
        seen = flows.seen_of(flow)
        if (seen is None or not seen.glance.origin) and self.injection.reaches_without_origin(flow):
            seen = flows.planned(flow, seen)
        if seen is None:
            return
        self._open[flow.id] = seen
        if not flow.live or not (seen.glance.origin or seen.is_planned):
            return
        if not self._running:
            self._await_response(seen)
        if flow.response is None and self.injection.is_set and self.injection.concerns(seen.url):
            self._plan_request(flow, seen)

    @contained
    def responseheaders(self, flow: http.HTTPFlow) -> None:
        seen = self._open.get(flow.id)
        assert flow.response is not None
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

    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        if not self.page.owns(flow):
            return None
        self.pipeline.drain()
        return self.page.request(flow)

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        self.page.tls_clienthello(data)

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        self.probe.keep_to_the_list(data)
        self.page.server_connect(data)

    def client_disconnected(self, client: connection.Client) -> None:
        try:
            self.pipeline.closed(client.id, client.timestamp_end or time.time())
        except Exception as exc:
            self.teller.fault("client_disconnected", None, exc)

    def drain(self) -> None:
        """Judge now whatever was seen until now."""
        self.pipeline.drain()

    def verdict_of(self, flow: http.HTTPFlow) -> dict[str, Any] | None:
        """Judge what was seen until now, and return a flow's entry of the JSON report; see ``cors_addon``."""
        self.pipeline.drain()
        if "cors" not in flow.metadata and display.is_cleared(flow.id):
            self.pipeline.judge_again(flow)
        self.kept.complete(flow)
        entry: dict[str, Any] | None = flow.metadata.get("cors")
        return entry

    def name_of(self, flow_id: str) -> str:
        """Return what people know a flow by: method, path, status and time; its id where it is forgotten."""
        record = self.session.correlator.get(flow_id)
        if record is None:
            return flow_id
        exchange = record.exchange
        path = inert(redact(exchange.request.url.partition("?")[0]), 120)
        status = "" if exchange.response is None else f" {exchange.response.status}"
        at = time.strftime("%H:%M:%S", time.localtime(exchange.started))
        return f"{inert(exchange.request.method, 20)} {path}{status} at {at}"

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

    def _await_response(self, seen: Seen) -> None:
        """Have taken in a request whose response is awaited."""
        seen.is_noted = True
        self.pipeline.put(seen)

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

    def _plan_request(self, flow: http.HTTPFlow, seen: Seen) -> None:
        """Answer a preflight, where a rule says so. Another addon's answer is corrected like a server's instead."""
        if seen.read_request().headers.origin == OPAQUE:
            # Whose page that is shows in the redirects before.
            self._await_response(seen)
            self.pipeline.drain()
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

    def _tick(self) -> None:
        """Look at what is left to do, at the rule file, and at the clock."""
        latest = time.time() - _LOOK_EVERY
        for seen in [*self._open.values()]:
            if seen.flow.request.timestamp_start > latest:
                break
            if seen.flow.live and (seen.glance.origin or seen.is_planned) and not (seen.is_noted or seen.is_over):
                self._await_response(seen)
        self.pipeline.look()
        self._written()
        self.deliveries.tick()

    def _written(self, last: bool = False) -> bool:
        try:
            return self.kept.journals.write(last)
        except Exception as exc:
            self.teller.fault("the report that is appended to", None, exc)
            return False

    # --- for the commands and the live page -------------------------------------------------------------------

    def _method_asked_for(self, flow_id: str) -> str | None:
        record = self.session.correlator.get(flow_id)
        return record.exchange.request.headers.request_method if record is not None else None

    def clear(self) -> None:
        """Forget all verdicts and evidence, and take them off the flows still held."""
        self.reporting.detach()
        freed = [*self.session.clear(), *self.page.page.clear()]
        self.probe.clear()
        self.verifier.clear()
        self.browsers.clear()
        self.pipeline.clear()
        self.teller.clear()
        self.reporting.free(self.kept.clear(), freed)
        logger.log(ALERT, "CORS: forgot everything seen so far")
