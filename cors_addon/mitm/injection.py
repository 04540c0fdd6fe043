"""Injection: the switch, the rules in force, and putting plans into flows."""

import logging
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Final

from mitmproxy import http
from mitmproxy.log import ALERT

from ..fetch.messages import Response
from ..rules.inject import plan
from ..rules.model import RuleSet
from ..rules.patterns import target_of
from ..rules.plans import Abort, HeaderEdits, Plan, PreflightAnswer, answered, apply_edits
from ..traffic.exchange import Exchange
from .rulefile import Change, RuleFile

logger = logging.getLogger("cors_addon")

Clock = Callable[[], float]
_REASONS: Final = {status.value: status.phrase for status in HTTPStatus}


class Injection:
    """Says what to change, while it is on. ``clock`` gives seconds and only goes forward."""

    def __init__(self, clock: Clock = time.monotonic) -> None:
        self.file = RuleFile()
        self._clock = clock
        self._on = False
        self._until: float | None = None

    @property
    def rules(self) -> RuleSet:
        """The rules in force."""
        return self.file.rules

    @property
    def is_on(self) -> bool:
        """Whether injection is on right now: switched on, and not expired."""
        return self._on and (self._until is None or self._clock() < self._until)

    @property
    def has_expired(self) -> bool:
        """Whether it was switched on and its time is over, so that the option still says on."""
        return self._on and not self.is_on

    @property
    def seconds_left(self) -> float | None:
        """For how long it stays on; ``None`` without end, or while it is off."""
        return None if not self.is_on or self._until is None else max(0.0, self._until - self._clock())

    def open(self, path: Path | None) -> Change:
        """Turn to another rule file."""
        change = self.file.open(path)
        self._restart_clock()
        return change

    def switch(self, on: bool) -> None:
        """Throw the switch. Switching on starts the time that the rule file gives."""
        if on == self._on and not self.has_expired:
            return
        self._on = on
        self._restart_clock()
        if on:
            logger.log(ALERT, "CORS: injection is ON, %s", self.scope())
        else:
            logger.log(ALERT, "CORS: injection is off; responses are the servers' own again")

    def toggle_rule(self, name: str) -> bool | None:
        """Switch one rule until the file is read again; return its new state, ``None`` where there is no such rule."""
        rule = self.rules.find(name)
        if rule is None:
            return None
        self.file.rules = self.rules.with_enabled(name, not rule.enabled)
        return not rule.enabled

    def take(self, change: Change) -> None:
        """Say what a look at the rule file brought."""
        if not change.in_force:
            logger.warning("CORS: the rule file is broken, the last good rules stay in force:\n%s", change.text)
            return
        self._restart_clock()
        logger.log(ALERT, "CORS: rules read, %s", self.scope())
        if change.text:
            logger.warning("%s", change.text)

    def scope(self) -> str:
        """Say in a clause how much is in force, and for how long."""
        enabled = sum(rule.enabled for rule in self.rules.rules)
        of = f"{enabled} of {len(self.rules.rules)} rules enabled"
        left = self.seconds_left
        if not self.is_on:
            return f"{of}, injection off"
        return f"{of}, without end" if left is None else f"{of}, for {_duration(left)}"

    def plan(self, flow: http.HTTPFlow, exchange: Exchange, page_origin: str | None) -> Plan | None:
        """Return what to do to a flow, ``None`` to leave it alone: off, saved, replayed, or nobody's rule."""
        if not self.is_on or not flow.live or flow.is_replay is not None:
            return None
        return plan(self.rules, exchange, page_origin)

    def answers_for(self, host: str, port: int) -> bool:
        """Say whether a rule may answer for a server without asking it, so that no connection is needed yet."""
        if not self.is_on:
            return False
        target = target_of(f"https://{f'[{host}]' if ':' in host else host}:{port}/")
        return target is not None and next(self.rules.candidates(target), None) is not None

    def _restart_clock(self) -> None:
        expires = self.rules.expires
        self._until = None if not self._on or expires is None else self._clock() + expires


def apply(flow: http.HTTPFlow, chosen: Plan, server: Response | None) -> Response | None:
    """Put a plan into a flow and return the response as delivered, ``None`` where nothing was delivered.

    Lines that the plan does not name keep their bytes and their place.
    """
    match chosen:
        case Abort():
            flow.kill()
            return None
        case PreflightAnswer():
            made = answered(chosen)
            response = http.Response.make(made.status)
            response.headers = http.Headers(_fields(made))
            flow.response = response
            return made
        case HeaderEdits():
            assert server is not None
            assert flow.response is not None
            made = apply_edits(server, chosen.edits)
            flow.response.headers = http.Headers(_fields(made))
            if made.status != server.status:
                flow.response.status_code = made.status
                flow.response.reason = _REASONS.get(made.status, "")
            return made


def _fields(response: Response) -> tuple[tuple[bytes, bytes], ...]:
    return tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in response.headers)


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 120 else f"{minutes / 60:.1f} h".replace(".0 h", " h")
