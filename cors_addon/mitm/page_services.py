"""What the live page is given: the verdicts, the hosts, the switches, and its buttons as commands."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from mitmproxy import exceptions

from ..diagnosis.stepwise import Aside, Steps
from ..page.services import Refused, digest
from ..page.services import Services as PageServices
from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from .browsers import Browsers
from .commands import Commands
from .probe import Probe
from .reporting import Reporting
from .rule_writer import Preview
from .services import Services

_MOST_FIXED: Final = 20
_NEWEST: Final = 2_000
"""How many verdicts are searched for what fails at a host; a report searches all."""


def page_services(
    services: Services,
    reporting: Reporting,
    probe: Probe,
    commands: Commands,
    browsers: Browsers,
    clear: Callable[[], None],
) -> PageServices:
    """Bind the page's services to those of the addon."""
    injection, store = services.injection, services.store

    def previewed(verdict: Verdict) -> Steps[Preview]:
        requests = commands.requests([verdict])
        # It reads the rules, and reads them again as they would be.
        made = Aside(lambda: commands.preview(requests))
        yield made
        return made.result()

    def suggest(verdict: Verdict) -> Steps[Sequence[str]]:
        try:
            return _lines_of((yield from previewed(verdict)))
        except exceptions.CommandError:
            return ()

    def hosts(most: int) -> Generator[None, None, tuple[list[dict[str, Any]], int]]:
        found = yield from reporting.newest_profiles(most, _NEWEST)
        known = len(services.session.hosts.hosts())
        return [{**each, "may_be_probed": probe.may_ask(each["host"])} for each in found], known

    def switch_injection(on: bool) -> None:
        with _refusing():
            commands.inject("on" if on else "off")

    def switch_rule(name: str, on: bool) -> None:
        rule = injection.rules.find(name)
        if rule is None or rule.enabled != on:
            with _refusing():
                commands.rules_toggle(name)

    def ask(host: str) -> None:
        with _refusing():
            probe.begin_at(host)

    def unblock(flow_id: str, seen: str) -> Steps[None]:
        verdict = store.verdicts.get(flow_id)
        if verdict is None:
            raise Refused("This flow is forgotten. Send the request again.")
        with _refusing():
            preview = yield from previewed(verdict)
            if seen and seen != digest(_lines_of(preview)):
                raise Refused("The rules have changed since. Look at the change again.")
            commands.add(preview)

    def verify(flow_id: str) -> None:
        with _refusing():
            commands.verifier.begin_for(flow_id)

    def fixed() -> list[tuple[str, str]]:
        latest = [*store.fixes.fixed.values()][-_MOST_FIXED:]
        rules = {rule.name for rule in injection.rules.rules if rule.enabled}
        return [(str(each), each.rule if each.unneeded and each.rule in rules else "") for each in reversed(latest)]

    def remove(name: str) -> None:
        only = len(injection.rules.rules) == 1
        with _refusing():
            try:
                commands.rules_remove(name)
            except exceptions.CommandError:
                if not only:
                    raise
                # A file has to hold a rule, and this one is the user's own.
                switch_rule(name, False)

    def undo() -> None:
        with _refusing():
            commands.rules_undo()

    return PageServices(
        verdicts=lambda: store.verdicts,
        judged=lambda: store.judged,
        explain=store.explained,
        suggest=suggest,
        suggest_state=lambda: commands.writer.state,
        hosts=hosts,
        hosts_state=lambda: (probe.version, injection.rules),
        switches=injection,
        switch_injection=switch_injection,
        switch_rule=switch_rule,
        probe=ask,
        clear=clear,
        unblock=unblock,
        undo=undo,
        can_undo=lambda: commands.writer.can_undo,
        place=lambda: commands.writer.place,
        unsent=lambda: browsers.unsent,
        verify=verify,
        verified=commands.verifier.note,
        fixed=fixed,
        remove=remove,
    )


def _lines_of(preview: Preview) -> list[str]:
    """Return a change as a diff for people to read, empty where no rule helps."""
    if not preview.rules:
        return []
    lines = preview.diff.splitlines()[2:] or [f"# {', '.join(preview.rules)} is there already, and is switched on"]
    return [inert(line, 400) for line in lines]


@contextmanager
def _refusing() -> Iterator[None]:
    try:
        yield
    except exceptions.CommandError as exc:
        raise Refused(str(exc)) from exc
