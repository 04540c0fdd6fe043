"""The addon: its parts, its options and its life; the only place that knows both mitmproxy and everything else."""

import asyncio
import gc
import logging
import time
from collections.abc import Awaitable
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from mitmproxy import addonmanager, connection, ctx, exceptions, http, tls
from mitmproxy.log import ALERT
from mitmproxy.proxy import server_hooks

from ..diagnosis.session import Settings
from ..page.ledger import Ledger
from ..page.live import LivePage
from ..traffic.connection_use import Closing
from ..verdict.failure_details import inert
from ..verdict.model import Judge
from ..verdict.redact import redact
from . import console, contentview, display, hangup_signal, options, rulefile, terminal_colors
from .browsers import Browsers
from .commands import Commands
from .flow_hooks import FlowHooks
from .judged_flows import JudgedFlows
from .log_messages import guard_log
from .page_flows import PageFlows
from .page_services import page_services
from .probe import Probe
from .reporting import Reporting
from .services import Services
from .verdict_store import KEPT_VERDICTS
from .verify import Verifier

logger = logging.getLogger("cors_addon")

_LOOK_EVERY = 0.25
"""Seconds between looks at the rule file and the clock. A changed file is read at the second look."""

_MEGABYTE: Final = 1 << 20

_COLLECTED_AFTER: Final = 10_000
"""Objects after which Python's collector looks for garbage among the newest."""


class CorsAddon(FlowHooks):
    """Judges every flow that passes, and shows the verdict on it."""

    name = "cors-addon"

    def __init__(self) -> None:
        ledger = Ledger(self._method_asked_for, KEPT_VERDICTS)
        super().__init__(lambda flow_id: ledger.touch(flow_id))
        self.judged = JudgedFlows(self.session, self.kept, self.pipeline, lambda flow: self.page.owns(flow))
        settle = self.pipeline.settle_some
        services = Services(self.session, self.kept, self.injection, self.teller, settle, self.judged)
        self.services = services
        self.probe = Probe(services)
        self.verifier = Verifier(services)
        self.browsers = Browsers(self.pipeline.testify, self.teller.fault)
        self.reporting = Reporting(services, self.probe, self.browsers)
        self.commands = Commands(services, self.reporting, self.probe, self.verifier, self.browsers, self.clear)
        shown = page_services(services, self.reporting, self.probe, self.commands, self.browsers, self.clear)
        self.page = PageFlows(LivePage(shown, ledger), self.teller, lambda: self.pipeline.settle_some())
        self._watcher: asyncio.Task[None] | None = None
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
        kept.closing.reports = kept.journals.open(self._reports())
        kept.closing.fail_on = ctx.options.cors_fail_on
        if "cors_inject" in updated:
            self.injection.switch(ctx.options.cors_inject)

    def _reports(self) -> list[Path]:
        """Return where reports go. Raises ``OptionsError`` where one would take the place of the rule file."""
        paths = [Path(path).expanduser() for path in ctx.options.cors_report]
        for path in paths:
            try:
                self.injection.file.keep_from(path)
            except OSError as exc:
                problem = f"cors_report={inert(str(path))}: {exc}"
                if self._running:
                    raise exceptions.OptionsError(problem) from exc
                logger.error("cors-addon cannot start: %s", problem)
                return []
        return paths

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
            logger.log(
                ALERT, "CORS: %s does not exist yet; the first rule that is added creates it", inert(str(file.path))
            )

    def running(self) -> None:
        if "cors_rules" not in ctx.options:
            # script.run loads no options.
            raise exceptions.AddonManagerError(
                "cors-addon works in the option scripts only, not by script.run: add addon.py to scripts, also while"
                " mitmproxy runs"
            )
        self._running = self.kept.may_tell = True
        self._since = time.time()
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

    def _tick(self) -> None:
        """Look at what is left to do, at the rule file, and at the clock."""
        self._look_at_open(time.time(), _LOOK_EVERY)
        self.pipeline.look()
        self._written()
        self.deliveries.tick()

    def _written(self, last: bool = False) -> bool:
        try:
            return self.kept.journals.write(last)
        except Exception as exc:
            self.teller.fault("the report that is appended to", None, exc)
            return False

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
            self.browsers.tell_early()
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

    # --- other hooks ------------------------------------------------------------------------------------------

    def request(self, flow: http.HTTPFlow) -> Awaitable[None] | None:
        return self.page.request(flow) if self.page.owns(flow) else None

    def tls_clienthello(self, data: tls.ClientHelloData) -> None:
        self.page.tls_clienthello(data)

    def server_connect(self, data: server_hooks.ServerConnectionHookData) -> None:
        self.probe.keep_to_the_list(data)
        self.page.server_connect(data)

    def client_disconnected(self, client: connection.Client) -> None:
        try:
            when = client.timestamp_end or time.time()
            address = client.peername[0] if client.peername else ""
            self.pipeline.closed(Closing(client.id, address, client.timestamp_start or when, when))
        except Exception as exc:
            self.teller.fault("client_disconnected", None, exc)

    def drain(self) -> None:
        """Judge now whatever was seen until now."""
        self.pipeline.drain()

    def verdict_of(self, flow: http.HTTPFlow) -> dict[str, Any] | None:
        """Judge what was seen until now, and return a flow's entry of the JSON report; see ``cors_addon``."""
        self.pipeline.drain()
        judged = self.judged.explained(flow)
        return None if judged is None else judged.metadata.get("cors")

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

    def http_connect(self, flow: http.HTTPFlow) -> None:
        self.page.http_connect(flow)
        self._open_tunnel(flow)

    # --- for the commands and the live page -------------------------------------------------------------------

    def _method_asked_for(self, flow_id: str) -> str | None:
        record = self.session.correlator.get(flow_id)
        return record.exchange.request.headers.request_method if record is not None else None

    def clear(self) -> None:
        """Forget all verdicts and evidence, and take them off the flows still held."""
        session = self.session.hand_over()
        store = self.kept.hand_over(session)
        pipeline = self.pipeline.hand_over(session, store)
        before = replace(self.services, session=session, store=store, settle=pipeline.settle_some)
        self.reporting.hand_over(before, pipeline, self.page.page.clear())
        self.verifier.clear()
        self.browsers.clear()
        self.teller.clear()
        logger.log(ALERT, "CORS: forgot everything seen so far")
