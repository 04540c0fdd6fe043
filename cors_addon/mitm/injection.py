"""Injection: the switch, the rules in force, and putting plans into flows."""

import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from mitmproxy import http
from mitmproxy.log import ALERT

from ..capture.flow_keys import SERVER
from ..fetch.headers import HeaderList, is_read
from ..fetch.messages import Response
from ..fetch.origins import Origin
from ..rules.model import NO_RULES, PreflightMode, Rule, RuleSet
from ..rules.patterns import Target, target_of
from ..rules.plans import STATUS, Abort, HeaderEdits, Plan, PreflightAnswer, answered, apply_edits, edit_lines
from ..traffic.exchange import Exchange
from ..verdict.redact import redact_header
from .rulefile import Change, RuleFile

logger = logging.getLogger("cors_addon")

Clock = Callable[[], float]
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}
_WEB_PORTS: Final = (80, 443)
_EVENT_STREAM: Final = "text/event-stream"

MOST_ON_A_FLOW: Final = 32_768
"""Characters of a server's header lines that stay with a flow: mitmproxy keeps flows without end."""


def awake_or_asleep() -> float:
    """Return seconds that only go forward, also while the machine sleeps, where the system counts them."""
    clock = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Injection:
    """Says what to change, while it is on. ``clock`` gives seconds and only goes forward."""

    def __init__(self, clock: Clock = awake_or_asleep) -> None:
        self.file = RuleFile()
        self._clock = clock
        self._on_since: float | None = None
        self._alone: frozenset[str] | None = None
        self._limited: tuple[RuleSet, RuleSet] = (NO_RULES, NO_RULES)

    @property
    def rules(self) -> RuleSet:
        """The rules in force: those of the file, or some of them alone where injection was switched on for those."""
        whole = self.file.rules
        if self._alone is None:
            return whole
        if self._limited[0] is not whole:
            kept = tuple(rule if rule.name in self._alone else replace(rule, enabled=False) for rule in whole.rules)
            self._limited = whole, replace(whole, rules=kept)
        return self._limited[1]

    def lists(self, host: Origin) -> bool:
        """Say whether an enabled rule of the file names a host, whether injection is on or not."""
        target = target_of(host.serialize())
        return target is not None and any(True for _ in self.file.rules.candidates(target))

    @property
    def is_on(self) -> bool:
        """Whether injection is on right now: switched on, and not expired."""
        if self._on_since is None:
            return False
        expires = self.rules.expires
        return expires is None or self._on_since + expires > self._clock()

    @property
    def is_set(self) -> bool:
        """Whether it was switched on, expired or not."""
        return self._on_since is not None

    @property
    def has_expired(self) -> bool:
        """Whether it was switched on and its time is over, so that the option still says on."""
        return self._on_since is not None and not self.is_on

    @property
    def seconds_left(self) -> float | None:
        """For how long it stays on; ``None`` without end, or while it is off.

        The time that the rule file gives counts from the moment of switching on, also where the file changes later.
        """
        expires = self.rules.expires
        if self._on_since is None or expires is None:
            return None
        return max(0.0, self._on_since + expires - self._clock())

    def switch(self, on: bool) -> None:
        """Throw the switch. Switching on starts the time that the rule file gives."""
        if on == (self._on_since is not None) and not self.has_expired:
            return
        self._on_since = self._clock() if on else None
        if not on:
            self._limit_to(None)
        if on:
            logger.log(ALERT, "CORS: %s", self.state())
        else:
            logger.log(ALERT, "CORS: injection is off; responses are the servers' own again")

    def add(self, names: Iterable[str]) -> None:
        """Have rules in force beside those that are: alone while injection is off, until it is switched off again."""
        if not self.is_on:
            self._limit_to(frozenset(names))
        elif self._alone is not None:
            self._limit_to(self._alone | frozenset(names))

    def _limit_to(self, names: frozenset[str] | None) -> None:
        self._alone, self._limited = names, (NO_RULES, NO_RULES)

    def toggle_rule(self, name: str) -> bool | None:
        """Switch one rule until the file is read again; return its new state, ``None`` where there is no such rule."""
        rule = self.rules.find(name)
        if rule is None:
            return None
        self.file.rules = self.file.rules.with_enabled(name, not rule.enabled)
        if self._alone is not None and not rule.enabled:
            self._limit_to(self._alone | {name})
        return not rule.enabled

    def take(self, change: Change) -> None:
        """Say what a look at the rule file brought."""
        if not change.in_force:
            logger.warning("CORS: the rule file is broken, the last good rules stay in force:\n%s", change.text)
            return
        logger.log(ALERT, "CORS: rules read; %s", self.state())
        if change.text:
            logger.warning("%s", change.text)

    def state(self) -> str:
        """Say in a clause whether injection is on, how much is in force, and for how long."""
        rules = self.rules.rules
        of = f"{sum(rule.enabled for rule in rules)} of {len(rules)} rules enabled"
        if not self.is_on:
            return f"injection is off, {of}"
        left = self.seconds_left
        return f"injection is ON, {of}, {'without end' if left is None else f'for {_duration(left)}'}"

    def plan(self, flow: http.HTTPFlow, exchange: Exchange, page_origin: str | None) -> Plan | None:
        """Return what to do to a flow, ``None`` to leave it alone: off, saved, replayed, or nobody's rule."""
        if not self.is_on or not flow.live or flow.is_replay is not None:
            return None
        # Most sessions do without rules.
        from ..rules.inject import plan

        return plan(self.rules, exchange, page_origin)

    def acts_early(self, method: str) -> bool:
        """Say whether a rule may answer or end a request of that method before the server is asked."""
        return method == "OPTIONS" or self.rules.aborts

    def concerns(self, url: str) -> bool:
        """Say whether a rule may be for a URL, so that it is worth reading what was asked."""
        if not self.is_on:
            return self.has_expired
        target = target_of(url)
        return target is not None and next(self.rules.candidates(target), None) is not None

    def reaches_without_origin(self, flow: http.HTTPFlow) -> bool:
        """Say whether a rule may be for a request that has no ``Origin``: only where one asks for that by name."""
        if not self.is_on or not self.rules.reaches_without_origin:
            return False
        request = flow.request
        target = _target(request.scheme, request.pretty_host, request.port)
        return target is not None and next(self.rules.candidates(target), None) is not None

    def answers_for(self, host: str, port: int) -> bool:
        """Say whether a rule may answer for a server without asking it, so that no connection is needed yet.

        What speaks first in a tunnel is known to be the browser only at the ports of the web and at those that a rule
        names: a mail or database server at another one would wait for ever to be connected to.
        """
        if not self.is_on:
            return False
        target = _target("https", host, port)
        return target is not None and any(
            _answers_itself(rule) and (port in _WEB_PORTS or _names_port(rule, target))
            for rule in self.rules.candidates(target)
        )


def _target(scheme: str, host: str, port: int) -> Target | None:
    return target_of(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}/")


def _names_port(rule: Rule, target: Target) -> bool:
    return any(host.port == target.port and host.matches(target) for host in rule.hosts)


def _answers_itself(rule: Rule) -> bool:
    return not rule.dry_run and (rule.simulate is not None or rule.preflight is PreflightMode.ANSWER)


NOTHING: Final = Response(0, HeaderList(()))
"""Stands for the response of an exchange that was broken off."""


def apply(flow: http.HTTPFlow, chosen: Plan, server: Response | None) -> Response:
    """Put a plan into a flow and return the response as delivered, ``NOTHING`` where the connection is ended instead.

    ``server`` is the server's response as it is judged. Lines that the plan does not name keep their bytes and their
    place. See ``keep_server``.
    """
    match chosen:
        case Abort():
            flow.kill()
            return NOTHING
        case PreflightAnswer():
            made = answered(chosen)
            response = http.Response.make(made.status)
            # Without a length, any status but this one would have its end told by closing the connection.
            length = () if made.status == HTTPStatus.NO_CONTENT else ((b"content-length", b"0"),)
            response.headers = http.Headers((*_fields(made), *length))
            flow.response = response
            return made
        case HeaderEdits():
            assert server is not None
            assert flow.response is not None
            made = apply_edits(server, chosen.edits)
            # Not the lines of ``server``: what is judged has long ones cut, and of very many the last left out.
            flow.response.headers.fields = _edited(flow.response.headers.fields, chosen, server)
            if made.status != server.status:
                flow.response.status_code = made.status
                flow.response.reason = _REASONS.get(made.status, "")
            if _media_type(made) == _EVENT_STREAM:
                # Held back until it ends, as mitmproxy does by itself, it would never arrive.
                flow.response.stream = flow.response.stream or True
            return made


def _edited(
    fields: tuple[tuple[bytes, bytes], ...], chosen: HeaderEdits, server: Response
) -> tuple[tuple[bytes, bytes], ...]:
    edits = [(kind, name.encode("latin-1"), value.encode("latin-1")) for kind, name, value in chosen.edits]
    named = [value for name, value in fields if name.lower() == b"vary"]
    if named != [value.encode("latin-1") for value in server.headers.get_all("vary")]:
        # The plan joins what it saw of Vary to one line, which would take the place of what it did not see.
        edits = [("add", name, b"Origin") if name == b"vary" else (kind, name, value) for kind, name, value in edits]
    return tuple(edit_lines(fields, edits))


def keep_server(flow: http.HTTPFlow, server: Response) -> None:
    """Note on a flow what its server sent, before a rule changed it: first of all the lines that checks read."""
    headers = list(server.headers)
    if server.headers.size > MOST_ON_A_FLOW:
        headers.sort(key=lambda line: not is_read(line[0].encode("latin-1")))
    lines = [[STATUS, str(server.status)]]
    left = MOST_ON_A_FLOW
    for name, value in headers:
        if len(name) > left:
            continue
        shown = redact_header(name, value)
        if len(name) + len(shown) <= left:
            lines.append([name, shown])
            left -= len(name) + len(shown)
    flow.metadata[SERVER] = lines


def _media_type(response: Response) -> str:
    return (response.headers.get("content-type") or "").partition(";")[0].strip(" \t").lower()


def _fields(response: Response) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h".replace(".0 h", " h")
