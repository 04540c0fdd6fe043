"""What becomes of what a hook saw: it is taken into the session, and its flow is to be judged, others anew."""

import sys
import time
from collections.abc import Iterable

from mitmproxy import http

from ..capture.flow_scan import is_of_interest_without_origin
from ..capture.saved_changes import as_sent
from ..diagnosis.session import Session
from ..fetch.messages import Response
from ..traffic.exchange import Exchange
from . import flows, injection
from .delivery import Deliveries
from .flows import Seen
from .log_messages import Teller
from .verdict_store import Keeper


class Intake:
    """Takes exchanges into the session, one after another.

    ``fresh`` are the ids of flows that were taken in and are not judged yet, ``touched`` the flows whose verdicts front
    ends do not know of yet. ``in_turns`` says that the event loop has turns left to judge in; without them each flow is
    judged at once.
    """

    def __init__(self, session: Session, store: Keeper, deliveries: Deliveries, teller: Teller) -> None:
        self.fresh: dict[str, None] = {}
        self.touched: list[http.HTTPFlow] = []
        self.in_turns = False
        self._session = session
        self._store = store
        self._deliveries = deliveries
        self._teller = teller

    def hand_over(self, session: Session, store: Keeper) -> "Intake":
        """Forget what waits to be judged; return what has it judged by what was handed over too."""
        before = Intake(session, store, self._deliveries.judged_by(session), self._teller)
        before.in_turns, before.fresh = self.in_turns, self.fresh
        self.fresh, self.touched = {}, []
        return before

    def judge_fresh(self, end: float = float("inf"), most: int = sys.maxsize) -> None:
        """Judge what was taken in, until a moment of the performance counter or ``most`` are to be told of."""
        while self.fresh and most > 0 and (end == float("inf") or time.perf_counter() < end):
            flow_id = next(iter(self.fresh))
            del self.fresh[flow_id]
            touched = self._store.revise([flow_id], anew=True)
            self.touched += touched
            most -= len(touched)

    def judge_now(self, flow_id: str) -> None:
        """Judge one flow before those that were taken in earlier."""
        if flow_id in self.fresh:
            del self.fresh[flow_id]
            self.touched += self._store.revise([flow_id], anew=True)

    def take(self, seen: Seen) -> None:
        """Take in what a hook saw; a fault of ours ends here."""
        try:
            self._take_in(seen)
        except Exception as exc:
            self._teller.fault("the pipeline", seen.flow, exc)

    def _take_in(self, seen: Seen) -> None:
        if seen.plan is not None:
            self._injected(seen)
        elif seen.is_again:
            self._judge_anew(seen)
        elif not seen.glance.origin and not seen.is_planned:
            if self._is_of_interest(seen):
                self._judge(seen)
        elif seen.is_over:
            self._judge(seen)
        else:
            self.evidence_came(self._session.take_in(seen.read()), seen.is_live)
        if seen.glance.cookie and seen.is_over and not seen.is_again:
            flow = seen.flow
            self.evidence_came(self._session.credentials.cookie_on(flow.client_conn.id, flow.id), seen.is_live)

    def _is_of_interest(self, seen: Seen) -> bool:
        found = seen.glance
        if seen.status is None or not is_of_interest_without_origin(seen.status, seen.answered, found):
            return False
        if not found.no_cors or found.document or not seen.is_live or self._session.neighbours.knows_embedders:
            # What is saved may speak of what comes later.
            return True
        return not flows.is_harmless(seen)

    def _judge(self, seen: Seen) -> None:
        exchange = seen.read_body()
        changed = None if seen.noted is None else as_sent(seen.noted, exchange)
        if changed is None:
            self.judge_exchange(seen.flow, exchange, seen.is_live)
            return
        seen.exchange, made = changed
        seen.at = exchange.ended or 0.0
        self._deliveries.recall(seen.flow.id, made.rule, made.edits)
        self._delivered(seen, made.response)

    def judge_exchange(self, flow: http.HTTPFlow, exchange: Exchange, is_live: bool) -> None:
        """Take in one exchange, and have its flow judged where it is over."""
        if not is_live and self._store.backlog.is_due(max(exchange.started, exchange.ended or 0.0)):
            self._store.revise_backlog()
        changed = self._session.take_in(exchange)
        if exchange.response is not None or exchange.error is not None:
            self._count(flow)
            self._have_judged(flow, is_live)
        self.evidence_came(changed, is_live)

    def _count(self, flow: http.HTTPFlow) -> None:
        """Count a flow once, also where it was put twice before it was judged."""
        if flow.id not in self.fresh:
            self._store.count(flow)

    def _have_judged(self, flow: http.HTTPFlow, is_live: bool) -> None:
        """Have a flow judged: at the end of the batch, for what comes in it may be evidence, where somebody waits.

        What is saved is judged at once: what comes later may make the session forget it.
        """
        if self.in_turns and is_live:
            self.fresh[flow.id] = None
        else:
            self.touched += self._store.revise([flow.id], anew=True)

    def evidence_came(self, changed: Iterable[str], live: bool) -> None:
        """Have judged again what evidence concerns: once for all that comes until the next look, and at the end.

        What is not judged yet will be with it. Where nobody will look, as in a script that feeds flows by hand, it is
        done at once.
        """
        self._store.backlog.add(each for each in changed if each not in self.fresh)
        if live and not self.in_turns:
            self._store.revise_backlog()

    def _injected(self, seen: Seen) -> None:
        """What the server sent is judged once, together with what is delivered in its place."""
        exchange, flow = seen.read(), seen.flow
        assert seen.plan is not None
        if seen.made is None:
            if exchange.response is not None:
                self._judge(seen)
            else:
                self.evidence_came(self._session.take_in(exchange), seen.is_live)
            self._deliveries.foresee(flow.id, seen.plan, exchange.response)
            self._have_judged(flow, seen.is_live)
            return
        self._delivered(seen, seen.made)

    def _delivered(self, seen: Seen, made: Response) -> None:
        """Judge what the server sent, and what a rule made of it."""
        exchange = seen.read()
        self.evidence_came(self._session.take_in(exchange), seen.is_live)
        if exchange.response is not None:
            injection.keep_server(seen.flow, exchange.response)
        self._count(seen.flow)
        self._redeliver(seen, made)

    def _redeliver(self, seen: Seen, response: Response) -> None:
        """Judge what the browser gets now, and show the server's verdict with it."""
        changed = self._session.deliver(seen.flow.id, response, seen.at)
        self._have_judged(seen.flow, seen.is_live)
        self.evidence_came(changed, seen.is_live)

    def _judge_anew(self, seen: Seen) -> None:
        flow_id, response = seen.flow.id, seen.read().response
        if self._deliveries.is_changed(flow_id):
            if response is not None:
                self._redeliver(seen, response)
                return
            known = self._deliveries.get(flow_id)
            if known is not None and not known.edits:
                # The failure was made by a rule, and says nothing of the server.
                return
            # What the rule made has never reached the browser.
            self._deliveries.forget(flow_id)
        self._judge(seen)
