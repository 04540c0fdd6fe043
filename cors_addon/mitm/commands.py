"""The commands. Names hold letters and dots only: mitmweb cannot reach others."""

import logging
import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

from mitmproxy import command, ctx, exceptions, flow, types
from mitmproxy.log import ALERT

from ..diagnosis.stepwise import result_of
from ..report.diagnosis_text import lines_of
from ..report.formats import SUFFIXES
from ..report.model import Report
from ..report.terminal_lines import summary
from ..rules.suggest import BlockedRequest
from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from .browsers import Browsers
from .command_guard import contained, reading
from .contentview import brief_for, text_for
from .judged_flows import given
from .late_lines import LateLines
from .probe import Probe
from .reporting import Reporting
from .rule_table import rule_rows
from .rule_writer import Preview, RuleWriter, refusing
from .services import Services
from .sliced_jobs import Job, Steps
from .tickets import steps_to_tickets, ticket_path, write_tickets
from .verify import Verifier

logger = logging.getLogger("cors_addon")

_ID: Final = re.compile(r"cors-[0-9a-f]{7}")
_MOST_LINES: Final = 1_000
_STATES: Final = ("on", "off", "toggle")

_FEW: Final = 3
"""Flows for which rules are made at once: each page and server among them takes some milliseconds."""

_MOST_EXPLAINED: Final = 20
"""Flows that are explained in full at once: each takes a millisecond or two, and nobody reads more."""

Result = TypeVar("Result")


def _in_a_browser() -> bool:
    """Say whether the command was given in mitmweb."""
    return type(ctx.master).__name__ == "WebMaster"


class Commands:
    """The commands; each raises ``CommandError`` with a sentence for what the user can fix. ``clear`` forgets all."""

    name = "cors-commands"

    def __init__(
        self,
        services: Services,
        reporting: Reporting,
        probe: Probe,
        verifier: Verifier,
        browsers: Browsers,
        clear: Callable[[], None],
    ) -> None:
        self._services = services
        self.writer = RuleWriter(services.injection, self._switch)
        self._reporting = reporting
        self._probe = probe
        self.verifier = verifier
        self._browsers = browsers
        self._clear = clear

    @command.command("cors.explain")
    @reading
    def explain(self, what: str) -> types.Data:
        """Explain what browsers do with flows, such as @focus, or with what an id such as cors-1a2b3c4 names."""
        if isinstance(what, str) and _ID.fullmatch(what.strip("#")):
            return self._explain_id(what.strip("#"))
        # Other addons hand over the flows themselves.
        flows = given(ctx.master.commands.call_strings("view.flows.resolve", [what]) if isinstance(what, str) else what)
        shown, rest = flows[:_MOST_EXPLAINED], len(flows) - _MOST_EXPLAINED
        told = f"{rest:,} more flows are not shown: choose fewer, or write a report with cors.report."
        more = [[told]] if rest > 0 else []
        if _in_a_browser():
            # Its command bar shows a result as one line of JSON, and its event log keeps lines.
            for each in shown:
                logger.log(ALERT, "%s", text_for(each))
            return [*([brief_for(each)] for each in shown), *more]  # type: ignore[return-value]
        rows = [["explanation"]]
        for each in shown:
            # A column for the flow would cost every line the width of it.
            rows += [[f"flow {each.id[:8]}"]] if len(flows) > 1 else []
            rows += [[line] for line in text_for(each).split("\n")]
        return [*rows, *more]  # type: ignore[return-value]

    def _explain_id(self, wanted: str) -> types.Data:
        told = self._later("the explanation")

        def tell(report: Report) -> None:
            lines = [lines_of(each, most=_MOST_LINES) for each in report.diagnoses if each["id"] == wanted]
            told(lines[0] if lines else [f"Nothing that was seen so far has the id {wanted}."])

        self._reporting.summarize(tell)
        if _in_a_browser():
            for (line,) in told.rows():
                logger.log(ALERT, "%s", line)
        return [["explanation"], *told.rows()]  # type: ignore[return-value]

    @command.command("cors.status")
    @reading
    def status(self) -> types.Data:
        """Show what was judged so far, grouped by what to fix, and whether anything is injected."""
        told = self._later("a summary")
        self._reporting.summarize(lambda report: told([line.text for line in summary(report)]))
        return [["CORS"], [f"CORS: {self._services.injection.state()}"], *told.rows()]  # type: ignore[return-value]

    def _later(self, what: str) -> LateLines:
        count = len(self._services.store.verdicts)
        return LateLines(f"{what} of {count:,} verdicts is being made; the log will show it")

    @command.command("cors.report")
    @reading
    def report(self, path: types.Path) -> str:
        """Write a report; the format goes by the path's ending."""
        try:
            target = Path(path).expanduser()
        except RuntimeError as exc:
            raise exceptions.CommandError(f"{path}: {exc}") from exc
        if target.suffix.lower() not in SUFFIXES:
            raise exceptions.CommandError(
                f"{target.name!r}: the format goes by the ending, one of {', '.join(SUFFIXES)}"
            )
        try:
            return self._reporting.write(target)
        except (OSError, ValueError) as exc:
            why = getattr(exc, "strerror", None) or exc
            raise exceptions.CommandError(f"{target} cannot be written: {why}") from exc

    @command.command("cors.ticket")
    @reading
    def ticket(self, flows: Sequence[flow.Flow], path: types.Path) -> str:
        """Write what is wrong with these flows as Markdown into a file, with curl commands, to hand over."""
        verdicts, reporting, target = (
            self._services.judged.verdicts(flows),
            self._reporting,
            ticket_path(path, self._services),
        )
        if len(verdicts) <= _FEW or not reporting.jobs.may_wait:
            return write_tickets(map(self._services.store.explained, verdicts), target)
        told = LateLines("the tickets are being written; the log will say when they are there")
        steps = partial(steps_to_tickets, reporting.jobs, verdicts, target)
        reporting.begin("a file of tickets", steps, lambda written: told([written]))
        return told.rows()[0][0]

    @command.command("cors.inject")
    @command.argument("state", type=types.Choice("cors.inject.states"))
    @contained
    def inject(self, state: str) -> str:
        """Switch injection of CORS headers on, off, or over."""
        if state not in _STATES:
            raise exceptions.CommandError(f"cors.inject {state}: say one of {', '.join(_STATES)}")
        injection = self._services.injection
        on = state == "on" or (state == "toggle" and not injection.is_on)
        if on and not injection.rules.rules:
            raise exceptions.CommandError(
                "No rule is loaded. Add one with cors.rules.add @focus, or name a rule file with the option cors_rules."
            )
        self._switch(on)
        return injection.state()

    def _switch(self, on: bool) -> None:
        # Off and on again starts the time anew, and an expired switch still says on.
        ctx.options.update(cors_inject=on)
        self._services.injection.switch(on)

    @command.command("cors.inject.states")
    @contained
    def inject_states(self) -> Sequence[str]:
        """List what cors.inject takes."""
        return list(_STATES)

    @command.command("cors.rules.list")
    @contained
    def rules_list(self) -> types.Data:
        """List the rules in force."""
        return rule_rows(self._services.injection)  # type: ignore[return-value]

    @command.command("cors.rules.toggle")
    @contained
    def rules_toggle(self, name: str) -> str:
        """Switch one rule on or off, until the rule file is read again."""
        injection = self._services.injection
        state = injection.toggle_rule(name)
        if state is None:
            names = ", ".join(repr(rule.name) for rule in injection.rules.rules) or "none"
            raise exceptions.CommandError(f"there is no rule {name!r}; the rules are: {names}")
        return f"rule {name!r} is {'on' if state else 'off'}"

    @command.command("cors.rules.reload")
    @contained
    def rules_reload(self) -> str:
        """Read the rule file again."""
        injection = self._services.injection
        if injection.file.path is None:
            raise exceptions.CommandError("there is no rule file; name one with the option cors_rules")
        change = injection.file.read()
        injection.take(change)
        if not change.in_force:
            raise exceptions.CommandError(f"the last good rules stay in force: {change.text}")
        return injection.state()

    @command.command("cors.rules.suggest")
    @reading
    def rules_suggest(self, flows: Sequence[flow.Flow]) -> types.Data:
        """Suggest a rule that would unblock these flows, ready to paste into the rule file."""
        told = LateLines("a suggestion is being made; the log will show it")
        self._make("a suggestion", self._services.judged.verdicts(flows), self._suggestion, told, told.in_turns)
        return [["rule"], *told.rows()]  # type: ignore[return-value]

    def _make(
        self,
        name: str,
        verdicts: Sequence[Verdict],
        make: Callable[[list[BlockedRequest]], Result],
        tell: Callable[[Result], None],
        show: Callable[[Result], Iterable[None]] = lambda _: (),
    ) -> None:
        """Tell what is made from what blocks verdicts: at once of a few, else where it takes no time."""

        def steps(job: Job[Result]) -> Steps[Result]:
            # It brings the rule reader along, which most sessions do without.
            from .suggestions import requests_of

            requests = yield from requests_of(verdicts, lambda: job.source.services.session)
            job.source = None
            made = yield from self._reporting.jobs.aside(make, requests)
            yield from show(made)
            return made

        if (len(verdicts) > _FEW or self.writer.is_long) and self._reporting.jobs.may_wait:
            self._reporting.begin(name, steps, tell)
        else:
            tell(make(self.requests(verdicts)))

    def requests(self, verdicts: Sequence[Verdict]) -> list[BlockedRequest]:
        """Return what of these flows a rule has to unblock."""
        from .suggestions import requests_of

        return result_of(requests_of(verdicts, lambda: self._services.session))

    def _suggestion(self, requests: list[BlockedRequest]) -> list[str]:
        from .suggestions import suggestion

        return suggestion(requests, [rule.name for rule in self._services.injection.rules.rules])

    @command.command("cors.rules.add")
    @reading
    def rules_add(self, flows: Sequence[flow.Flow]) -> types.Data:
        """Write the smallest rule that unblocks these flows into the rule file, and switch injection on for it."""
        told = LateLines("the rules are being made; the log will show them")
        judged = self._services.judged.verdicts(flows)
        self._make("a change of the rules", judged, self.preview, lambda made: told(self.add(made)))
        return [["rule"], *told.rows()]  # type: ignore[return-value]

    def add(self, preview: Preview) -> list[str]:
        """Write a change and put it in force; return what is told of it. Raises ``CommandError``."""
        with refusing():
            written = self.writer.write(preview)
        lines = written.diff.splitlines()[2:] or ["The rule file stays as it is: a rule is there already."]
        refused = [f"left out: {request.method} {request.url}: {reason}" for request, reason in written.refused]
        where = f"{', '.join(written.rules)} in {written.place}; cors.rules.undo takes the change back"
        return [inert(line, 400) for line in (*lines, *refused[:50], where, self._services.injection.state())]

    def preview(self, requests: Sequence[BlockedRequest]) -> Preview:
        """Return the smallest change of the rules that unblocks them. Raises ``CommandError``."""
        if not requests:
            raise exceptions.CommandError("None of these flows is blocked, so no rule is needed.")
        with refusing():
            return self.writer.preview(requests)

    @command.command("cors.rules.undo")
    @contained
    def rules_undo(self) -> str:
        """Take back the last change that cors.rules.add, cors.rules.remove or the live page made to the rule file."""
        with refusing():
            return f"{self.writer.undo()} is as it was before; {self._services.injection.state()}"

    @command.command("cors.rules.remove")
    @contained
    def rules_remove(self, name: str) -> types.Data:
        """Take one rule out of the rule file."""
        with refusing():
            lines = self.writer.remove(name).splitlines()[2:]
        return [["rule"], *([inert(line, 400)] for line in lines)]  # type: ignore[return-value]

    @command.command("cors.probe")
    @reading
    def probe(self, flows: Sequence[flow.Flow]) -> str:
        """Ask the servers of these flows in made-up origins whom they trust: hosts of the rule file only."""
        return self._probe.begin(flows)

    @command.command("cors.verify")
    @reading
    def verify(self, flows: Sequence[flow.Flow]) -> str:
        """Send this request again to a host of the rule file, and say whether the server's fix has arrived."""
        return self.verifier.begin(flows)

    @command.command("cors.browser")
    @contained
    def browser(self, *words: str) -> str:
        """Start a browser that goes through the proxy and says what becomes of each request: [NAME] [URL]."""
        return self._browsers.start(words)

    @command.command("cors.clear")
    @contained
    def clear(self) -> None:
        """Forget all verdicts and evidence so far."""
        self._clear()
