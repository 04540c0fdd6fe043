"""The addon: where hooks meet the session, and the only place that knows both mitmproxy and everything else."""

import asyncio
import functools
import logging
import time
import weakref
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from mitmproxy import addonmanager, ctx, exceptions, hooks, http
from mitmproxy.flow import Flow
from mitmproxy.log import ALERT
from mitmproxy.proxy import server_hooks

from ..fetch.messages import Request, Response
from ..fetch.origins import OPAQUE
from ..report.model import Report, build
from ..rules.plans import HeaderEdits, Plan
from ..traffic.exchange import Exchange
from ..traffic.remembered import Remembered
from ..verdict.diagnose import inert
from ..verdict.explanations import Explanations
from ..verdict.model import Judge, Outcome, Verdict
from ..verdict.session import Session, Settings
from . import console, contentview, display, failures, flows, injection, options, painting, rulefile, signals
from .backlog import Backlog
from .closing import Closing
from .commands import Commands
from .delivery import Deliveries
from .journals import Journals
from .page import LivePage
from .probe import Probe, is_probe
from .telling import Teller
from .wishes import Wishes

logger = logging.getLogger("cors_addon")

KEPT_VERDICTS: Final = 50_000
_LOOK_EVERY = 0.25
"""Seconds between looks at the rule file and the clock. A changed file is read at the second look."""

_Hook = Callable[["CorsAddon", http.HTTPFlow], None]


def contained(hook: _Hook) -> _Hook:
    """Keep an exception of ours from the traffic: report it once, with its flow, and let the flow go on."""

    @functools.wraps(hook)
    def guarded(self: "CorsAddon", flow: http.HTTPFlow) -> None:
        if self.page.owns(flow):
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
        self.verdicts: Remembered[str, Verdict] = Remembered(KEPT_VERDICTS)
        self._explanations = Explanations(self.session, self._keep_for_good)
        self.judged = 0
        self._not_cors: Remembered[str, None] = Remembered(KEPT_VERDICTS)
        self.injection = injection.Injection()
        self.deliveries = Deliveries(self.session, self.injection, KEPT_VERDICTS)
        self.teller = Teller()
        commands = Commands(self)
        self.page = LivePage(self, commands, KEPT_VERDICTS)
        self.probe = Probe(self)
        self._commands = commands
        # Every addon in the chain costs each event a call; commands hear of none.
        self.addons: list[Any] = [self.page]
        self._requests: Remembered[str, Request] = Remembered(10_000)
        self._glances: Remembered[str, flows.Glance] = Remembered(10_000)
        self._heads: Remembered[str, tuple[tuple[bytes, bytes], ...]] = Remembered(10_000)
        self._held: Remembered[str, asyncio.Task[None]] = Remembered(1_000)
        self._watcher: asyncio.Task[None] | None = None
        self._flows: weakref.WeakValueDictionary[str, http.HTTPFlow] = weakref.WeakValueDictionary()
        self._mark = self._comment = True
        self._wishes = Wishes(KEPT_VERDICTS)
        self._closing = Closing()
        self._journals = Journals(self.explained)
        self._backlog = Backlog()
        self._waiting: Remembered[str, Exchange] = Remembered(10_000)
        self._running = False
        self._signal: signals.Toggle | None = None

    # --- life -------------------------------------------------------------------------------------------------

    def load(self, loader: addonmanager.Loader) -> None:
        # At DEBUG, where mitmproxy leaves the root logger, every record costs each addon a call.
        logger.setLevel(logging.INFO)
        options.add_options(loader)
        ctx.master.commands.collect_commands(self._commands)
        contentview.register()
        for problem in options.take_back_bad_values(ctx.options):
            logger.error("cors-addon cannot start: %s", problem)

    def configure(self, updated: set[str]) -> None:
        options.check_values(ctx.options, updated - {"cors_rules"})
        if not any(name.startswith("cors_") for name in updated):
            return
        if "cors_rules" in updated:
            self._open_rules()
        browser = ctx.options.cors_browser
        judge = None if browser == "auto" else Judge(browser)
        self.session.settings = Settings(judge, ctx.options.cors_audit)
        self._mark, self._comment = ctx.options.cors_mark, ctx.options.cors_comment
        if "cors_ignore" in updated or "cors_baseline" in updated:
            self._wishes.expected = options.expected(ctx.options)
            self._show_anew()
        self._closing.reports = self._journals.open(Path(path).expanduser() for path in ctx.options.cors_report)
        self._closing.fail_on = ctx.options.cors_fail_on
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

    def running(self) -> None:
        self._running = True
        if self.injection.is_on and not self.injection.rules.rules:
            logger.warning("CORS: injection is on and there are no rules: --set cors_rules=FILE names the rule file")
        self._watcher = asyncio.get_running_loop().create_task(self._watch(), name="cors-addon watches its rule file")
        self._signal = signals.Toggle(ctx.master, self.toggle_injection)
        self._closing.begin()
        painting.begin(ctx.master)
        console.bind(ctx.master)
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
        if self._signal is not None:
            self._signal.close()
        try:
            self._backlog.add(self.session.finish())
            self._revise_backlog()
        except Exception as exc:
            self.teller.fault("done", None, exc)
        if not self._running:
            return
        if not self._written():
            self._closing.fail()
        try:
            self._closing.end(self.report(brief=not self._closing.reports))
        except Exception as exc:
            self.teller.fault("done", None, exc)
            # Nobody can tell what the report would have said.
            self._closing.fail()
        painting.end(ctx.master)

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

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        self.probe.keep_to_the_list(data)

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
        if self.verdicts.pop(flow.id, None) is not None:
            self._not_cors[flow.id] = None
            self.page.touch(flow.id)
        self.session.correlator.forget(flow.id)

    # --- injection --------------------------------------------------------------------------------------------

    @contained
    def http_connect(self, flow: http.HTTPFlow) -> None:
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
            self._revise([flow.id])
            return
        self._count(flow.id)
        self._flows[flow.id] = flow
        self._redeliver(flow, made)

    def _redeliver(self, flow: http.HTTPFlow, response: Response) -> None:
        """Judge what the browser gets now, and show the server's verdict with it."""
        changed = self.session.deliver(flow.id, response, time.time())
        self._is_revised(flow.id, flow)
        self._evidence_came(changed, flow.live)

    def _tick(self) -> None:
        """Look at what is left to do, at the rule file, and at the clock."""
        self._take_in_those_waiting()
        self._revise_backlog()
        self._written()
        self.deliveries.tick()

    def _written(self) -> bool:
        try:
            return self._journals.write()
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
        if not flow.live and self._backlog.is_due(max(exchange.started, exchange.ended or 0.0)):
            self._revise_backlog()
        verdict, changed = self.session.observe(exchange)
        if verdict is not None:
            self._count(flow.id)
            self._flows[flow.id] = flow
            self._explanations.judged(verdict)
            self._keep(self._wishes.apply(verdict), flow)
        self._evidence_came(changed, flow.live)

    def _count(self, flow_id: str) -> None:
        self.judged += flow_id not in self.verdicts and flow_id not in self._not_cors

    def _keep(self, verdict: Verdict, flow: http.HTTPFlow | None) -> None:
        self.page.touch(verdict.id)
        delivered = self.deliveries.get(verdict.id)
        if delivered is not None:
            verdict = verdict.with_delivered(delivered)
        elif not verdict.findings and verdict.outcome is Outcome.NOT_CORS and verdict.id not in self._wishes:
            if self.verdicts.pop(verdict.id, None) is not None:
                self._journals.note(verdict)
                if flow is not None:
                    display.clear(flow)
            self._not_cors[verdict.id] = None
            return
        self._not_cors.pop(verdict.id, None)
        if len(self.verdicts) >= self.verdicts.capacity and verdict.id not in self.verdicts:
            self._closing.drop(next(iter(self.verdicts.values())))
        self.verdicts[verdict.id] = verdict
        self._journals.note(verdict)
        self.teller.tell(verdict, self._explanations.in_passing)
        if flow is not None:
            display.show(flow, verdict, self._mark, self._comment, self.explained)

    def explained(self, verdict: Verdict) -> Verdict:
        """Return a verdict that is kept, with what is behind it and what mends it."""
        whole = self._explanations.of(verdict)
        if whole is verdict:
            return self.verdicts.get(verdict.id, verdict)
        return self._wishes.expected.apply(whole).with_delivered(verdict.delivered)

    def _evidence_came(self, changed: Iterable[str], live: bool = True) -> None:
        """Have judged again what evidence concerns: once for all that comes until the next look, and at the end.

        Where nobody will look, as in a script that feeds flows by hand, it is done at once.
        """
        self._backlog.add(changed)
        if live and not self._running:
            self._revise_backlog()

    def _revise_backlog(self) -> None:
        self._revise(self._backlog.take())

    def _revise(self, changed: Iterable[str]) -> None:
        """Judge earlier flows again, and show those whose verdict is another now."""
        touched = []
        for flow_id in changed:
            flow = self._flows.get(flow_id)
            try:
                if self._is_revised(flow_id, flow) and flow is not None:
                    touched.append(flow)
            except Exception as exc:
                # It costs this flow its news, and not the others theirs.
                self.teller.fault("revise", flow, exc)
        if touched and self._running:
            ctx.master.addons.trigger(hooks.UpdateHook(touched))

    def _is_revised(self, flow_id: str, flow: http.HTTPFlow | None) -> bool:
        before = self.verdicts.get(flow_id)
        revised = self.session.judge(flow_id)
        if revised is None:
            return False
        told = self._explanations.judged(revised)
        shown = self._wishes.apply(revised).with_delivered(self.deliveries.now(flow_id))
        if shown == before and (told is None or self._explanations.of(revised) == told):
            return False
        self._keep(shown, flow)
        return True

    def _keep_for_good(self, whole: Verdict) -> None:
        """Keep a verdict explained whose exchange is forgotten: nobody could explain it any more."""
        kept = self.verdicts.get(whole.id)
        if kept is None:
            return
        # The place among the others stays: this is nothing new.
        settled = self.verdicts[whole.id] = self._wishes.apply(whole).with_delivered(kept.delivered)
        flow = self._flows.get(whole.id)
        if flow is not None:
            display.show(flow, settled, self._mark, self._comment)

    def _show_anew(self) -> None:
        """Show what was judged already as the user wishes it now."""
        touched = []
        for verdict in self._wishes.changed(self.verdicts.values()):
            flow = self._flows.get(verdict.id)
            self._keep(verdict, flow)
            if flow is not None:
                touched.append(flow)
        if touched and self._running:
            ctx.master.addons.trigger(hooks.UpdateHook(touched))

    # --- for the commands -------------------------------------------------------------------------------------

    def report(self, brief: bool = False) -> Report:
        """Build a report of everything that is remembered, or, in ``brief``, of what is to be mended."""
        self._revise_backlog()
        dropped = self.judged - len(self.verdicts) - len(self._not_cors)
        expected = self._wishes.expected
        not_cors = len(self._not_cors)
        return build(
            self._wishes.whole(self.verdicts.values()),
            dropped,
            not_cors=not_cors,
            ignores=expected.ignores,
            baseline=expected.baseline,
            hosts=() if brief else self.profiles(),
            brief=brief,
            explain=self.explained,
        )

    def profiles(self, most: int | None = None, newest: int = KEPT_VERDICTS) -> list[dict[str, Any]]:
        """Return what each host's policy is, as learned so far, the one asked last first.

        What fails there is told by the ``newest`` verdicts.
        """
        # Many sessions ask for no report.
        from ..verdict.profile import MOST_HOSTS, profiles

        verdicts = islice(reversed(self.verdicts.values()), newest)
        found = profiles(self.session.hosts, self.session.repeats, verdicts, MOST_HOSTS if most is None else most)
        return [{**each, "probed": self.probe.answers(each["host"])} for each in found]

    def show_probe(self, flow: http.HTTPFlow, verdict: Verdict) -> None:
        """Show what a request of the probe found on its flow, and keep it if that is something."""
        if verdict.findings:
            self._count(flow.id)
            self._flows[flow.id] = flow
            self._keep(self._wishes.apply(verdict), flow)
        display.show_probe(flow, verdict, self._mark, self._comment)
        ctx.master.addons.trigger(hooks.UpdateHook([flow]))

    def clear(self) -> None:
        """Forget all verdicts and evidence, and take them off the flows still held."""
        held = [flow for flow in map(self._flows.get, self.verdicts) if flow is not None]
        for flow in held:
            display.clear(flow)
        self.session.clear()
        self.verdicts.clear()
        self._explanations.clear()
        self.page.clear()
        self.probe.clear()
        self._not_cors.clear()
        self._waiting.clear()
        self._backlog.take()
        self._wishes.clear()
        self._closing.clear()
        self.teller.clear()
        self.judged = 0
        if held:
            ctx.master.addons.trigger(hooks.UpdateHook(held))
        logger.log(ALERT, "CORS: forgot everything seen so far")
