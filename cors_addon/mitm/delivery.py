"""What rules make of flows: what was planned and carried out, and what the browser got in the end."""

import logging
from copy import copy
from dataclasses import replace

from mitmproxy import ctx, http
from mitmproxy.log import ALERT

from ..diagnosis.session import Session
from ..fetch.messages import Response
from ..rules.plans import HeaderEdits, Plan, PreflightAnswer, answered, apply_edits
from ..traffic.bounded_dicts import Remembered
from ..traffic.exchange import Exchange
from ..traffic.null_origin import proven_page
from ..verdict.model import Delivered, Outcome
from . import injection

logger = logging.getLogger("cors_addon")


class Deliveries:
    """The flows that rules touch. It asks the session what becomes of them, and never feeds it.

    ``injection`` is the switch with the rules in force, ``kept`` of how many flows what was delivered is remembered.
    """

    def __init__(self, session: Session, switch: injection.Injection, kept: int) -> None:
        self._session = session
        self.injection = switch
        self._delivered: Remembered[str, Delivered] = Remembered(kept)

    def judged_by(self, session: Session) -> "Deliveries":
        """Return the same, judged by what another session knows."""
        other = copy(self)
        other._session = session
        return other

    # --- planning ---------------------------------------------------------------------------------------------

    def plan(self, flow: http.HTTPFlow, exchange: Exchange) -> Plan | None:
        """Return what a rule wants done to a flow, ``None`` to leave it alone."""
        if self.injection.has_expired:
            self._switch_off_expired()
            return None
        record = self._session.correlator.get(flow.id)
        page = proven_page(record, self._session.correlator) if record is not None else None
        return self.injection.plan(flow, exchange, page)

    def tick(self) -> None:
        """Look at the rule file and at the clock."""
        change = self.injection.file.poll()
        if change is not None:
            self.injection.take(change)
        if self.injection.has_expired:
            self._switch_off_expired()

    def _switch_off_expired(self) -> None:
        logger.log(ALERT, "CORS: injection has expired")
        self.injection.switch(False)
        ctx.options.update(cors_inject=False)

    # --- carrying out -----------------------------------------------------------------------------------------

    def carry_out(self, flow: http.HTTPFlow, chosen: Plan, server: Response | None) -> Response | None:
        """Change a flow and return the response as delivered, ``None`` where the rule is a dry run.

        ``server`` is the server's own response, ``None`` where it was not asked.
        """
        edits = _plain(chosen)
        if chosen.dry_run:
            self._delivered[flow.id] = Delivered(chosen.rule, None, edits, True)
            return None
        made = injection.apply(flow, chosen, server)
        self._delivered[flow.id] = Delivered(chosen.rule, None, edits)
        return made

    def recall(self, flow_id: str, rule: str, edits: tuple[tuple[str, ...], ...]) -> None:
        """Take note of what a rule had made of a flow before it was saved."""
        self._delivered[flow_id] = Delivered(rule, None, edits)

    def foresee(self, flow_id: str, chosen: Plan, server: Response | None) -> None:
        """Say what would have become of a flow, had the rule of a dry run changed it."""
        known = self._delivered.get(flow_id)
        if known is not None:
            self._delivered[flow_id] = replace(known, outcome=self._would_be(flow_id, chosen, server))

    def _would_be(self, flow_id: str, chosen: Plan, server: Response | None) -> Outcome | None:
        if isinstance(chosen, HeaderEdits) and server is not None:
            made = apply_edits(server, chosen.edits)
        elif isinstance(chosen, PreflightAnswer):
            made = answered(chosen)
        else:
            return Outcome.BLOCKED
        return self._session.outcome_if(flow_id, made)

    # --- what was delivered -----------------------------------------------------------------------------------

    def __contains__(self, flow_id: str) -> bool:
        return flow_id in self._delivered

    def get(self, flow_id: str) -> Delivered | None:
        """Return what was noted of a flow when a rule touched it."""
        return self._delivered.get(flow_id)

    def forget(self, flow_id: str) -> bool:
        """Drop what is noted of a flow; say whether there was anything."""
        return self._delivered.pop(flow_id, None) is not None

    def is_changed(self, flow_id: str) -> bool:
        """Say whether a rule has changed what the browser gets."""
        known = self._delivered.get(flow_id)
        return known is not None and not known.dry_run

    def now(self, flow_id: str) -> Delivered | None:
        """Judge what was delivered by what is known now; what a dry run would have delivered is not judged again."""
        known = self._delivered.get(flow_id)
        if known is None or known.dry_run:
            return known
        outcome = self._session.outcome_delivered(flow_id) or known.outcome
        known = self._delivered[flow_id] = replace(known, outcome=outcome)
        return known


def _plain(chosen: Plan) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(edit) for edit in chosen.as_data())
