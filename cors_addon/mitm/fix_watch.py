"""Notices when a request that failed passes by the server's own headers: its fix has arrived."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from mitmproxy.log import ALERT

from ..catalogue.violation import Stage
from ..diagnosis.build import rule_of
from ..diagnosis.headlines import stopping
from ..fetch.origins import serialize_origin
from ..traffic.bounded_dicts import Remembered
from ..verdict.failure_details import inert
from ..verdict.model import Outcome, Verdict
from ..verdict.redact import redact

logger = logging.getLogger("cors_addon")

_KEPT: Final = 5_000
_MOST_LINES: Final = 5
"""Log lines for one page at one server, until it fails again."""

_Key = tuple[str, str, str]
"""The page's origin, the method and the URL of a request."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """A request that failed and passes by the server's own headers; ``rule`` is not needed where ``unneeded``."""

    method: str
    url: str
    origin: str
    rule: str
    unneeded: bool

    def __str__(self) -> str:
        told = f"{inert(self.method, 40)} {inert(redact(self.url), 200)} from {inert(self.origin)}"
        if not self.rule:
            return f"{told}."
        if self.unneeded:
            return f'{told}. Rule "{inert(self.rule)}" is no longer needed.'
        return f'{told}. Other requests still need rule "{inert(self.rule)}".'


class FixWatch:
    """Is told every verdict. ``fixed`` are the requests that were fixed, the latest last."""

    def __init__(self) -> None:
        self.fixed: Remembered[_Key, Fixed] = Remembered(_KEPT)
        self._failing: Remembered[_Key, tuple[str, str, str]] = Remembered(_KEPT)
        self._seen: Remembered[str, None] = Remembered(_KEPT)
        self._lines: Remembered[tuple[str, str], int] = Remembered(_KEPT)

    def note(
        self, verdict: Verdict, preflight: Verdict | None, is_servers_own: Callable[[str], bool] = lambda _: True
    ) -> Fixed | None:
        """Take in a verdict with that on its preflight; return what is fixed now and was not before.

        Only what the server sent counts, as ``is_servers_own`` says of a flow's id. A preflight that a rule answered
        says nothing, so its request stays open.
        """
        key = verdict.origin or "", verdict.asked_method or verdict.method, verdict.url
        by = self._failing.get(key)
        if verdict.outcome is Outcome.BLOCKED and stopping(verdict):
            # An older flow that is judged again is no news.
            if verdict.id not in self._seen or (by is not None and by[0] == verdict.id):
                self._seen[verdict.id] = None
                self._failing[key] = verdict.id, rule_of(verdict), serialize_origin(verdict.url)
                self.fixed.pop(key, None)
                self._lines.pop((key[0], serialize_origin(verdict.url)), None)
            return None
        if by is None or verdict.stage is Stage.PREFLIGHT or verdict.outcome is not Outcome.ALLOWED:
            return None
        if (
            not is_servers_own(verdict.id)
            or verdict.status is None
            or (preflight is not None and preflight.outcome is not Outcome.ALLOWED)
        ):
            return None
        self._failing.pop(key)
        if by[0] in (verdict.id, verdict.related.preflight):
            # It was judged otherwise at first.
            return None
        delivered = verdict.delivered
        rule = delivered.rule if delivered is not None and not delivered.dry_run else ""
        found = self.fixed[key] = Fixed(key[1], key[2], key[0], rule, bool(rule) and not self._is_needed(rule, key))
        return found

    def _is_needed(self, rule: str, key: _Key) -> bool:
        """Say whether other requests fail without a rule, or may: those of the same page and server."""
        host = serialize_origin(key[2])
        return any(
            by == rule or (not by and origin == key[0] and place == host)
            for (origin, _, _), (_, by, place) in self._failing.items()
        )

    def tell(self, found: Fixed) -> None:
        """Log what is fixed; a few lines for one page at one server."""
        place = found.origin, serialize_origin(found.url)
        self._lines[place] = told = self._lines.get(place, 0) + 1
        if told > _MOST_LINES:
            return
        more = f" cors.rules.remove {inert(found.rule)} takes it out." if found.unneeded else ""
        logger.log(ALERT, "CORS: fixed on the server: %s%s", found, more)
