"""The way of the data: what hooks have seen is taken in, judged, kept and shown, after the response is on its way.

A hook costs the browser time, so it only puts what it saw here. Batches of that are worked off in the turns of the
event loop that follow, each of them short; at once where somebody asks, or where nobody will turn the loop.
"""

import asyncio
import logging
import sys
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mitmproxy import ctx, hooks, http

from ..capture.flow_scan import is_of_interest_without_origin
from ..diagnosis.session import Session
from ..fetch.messages import Response
from ..rules.plans import ADDON_HEADER
from ..traffic.exchange import Exchange
from ..traffic.testimony import Testimony, Told
from . import flows, injection
from .delivery import Deliveries
from .flows import Seen
from .log_messages import Teller
from .verdict_store import Keeper

logger = logging.getLogger("cors_addon")

WAIT: Final = 0.03
"""Seconds for which a batch is collected."""

_TURN: Final = 0.006
"""Seconds after which a turn gives way to the connections."""

_MOMENT: Final = 0.02
"""Seconds for which a command has judged what still waits."""

_SILENCE: Final = 600.0
"""Seconds after the latest exchange for which the clock counts."""

_MOST_TOLD: Final = 24
"""How many flows front ends are told of in one turn: mitmweb takes a third of a millisecond for each."""

_MOST_FRESH: Final = 200
"""How many flows wait to be judged: far fewer than a session remembers."""

MOST_WAITING: Final = 2_000
"""Flows that wait to be judged; while there are more, each that comes has to wait until an earlier one is judged."""


class Pipeline:
    """Works off what hooks have seen.

    ``at_once`` says that it has to be judged in the hook, for somebody reads the verdict in the next addon. Until
    ``run`` nothing turns a loop, and everything is done at once.
    """

    def __init__(self, session: Session, store: Keeper, deliveries: Deliveries, teller: Teller) -> None:
        self._at_once = False
        self._session = session
        self._store = store
        self._deliveries = deliveries
        self._teller = teller
        self._inbox: deque[Seen] = deque()
        self._ended: list[Seen] = []
        self._held: dict[str, Seen] = {}
        self._closings: list[tuple[str, float]] = []
        self._touched: list[http.HTTPFlow] = []
        self._fresh: dict[str, None] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn_comes: asyncio.Handle | None = None
        self._is_due = False
        self._is_held_up = False

    def run(self) -> None:
        """Work in the turns of the running event loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._store.explains = self._at_once

    @property
    def at_once(self) -> bool:
        """Whether flows are judged, and explained, in the hook."""
        return self._at_once

    @at_once.setter
    def at_once(self, on: bool) -> None:
        self._at_once = on
        self._store.explains = on or self._loop is None

    def stop(self) -> None:
        """Do the rest, and everything that comes after at once."""
        self._loop = None
        if self._turn_comes is not None:
            self._turn_comes.cancel()
            self._turn_comes = None
        self.drain()

    def clear(self) -> None:
        """Forget what waits."""
        self._inbox.clear()
        self._ended.clear()
        self._held.clear()
        self._closings.clear()
        self._touched.clear()
        self._fresh.clear()

    # --- from the hooks ---------------------------------------------------------------------------------------

    def put(self, seen: Seen) -> None:
        """Have taken in what was seen."""
        self._inbox.append(seen)
        if self._loop is None or self.at_once or not seen.flow.live:
            self.drain()
        else:
            self._expect_turn()
            if len(self._inbox) > MOST_WAITING:
                self._hold_up()

    def _hold_up(self) -> None:
        """Judge in the hook what came first, so that traffic comes no faster than it is judged."""
        self._take(self._inbox.popleft())
        if not self._is_held_up:
            self._is_held_up = True
            logger.warning(
                "CORS: %s flows wait for their verdicts, so each response now waits for one of them. "
                "That ends by itself when the traffic slows down.",
                f"{MOST_WAITING:,}",
            )

    def ended(self, seen: Seen) -> None:
        """Take note that a flow is through all our hooks: the user may hold it back and edit it now."""
        if self._loop is not None:
            self._ended.append(seen)
            self._expect_turn()

    def closed(self, connection: str, when: float) -> None:
        """Take note that the browser closed a connection, at a Unix time."""
        self._closings.append((connection, when))
        if not self._inbox:
            self._take_closings()

    def _take_closings(self) -> None:
        for connection, when in self._closings:
            self._evidence_came(self._session.credentials.closed(connection, when), live=True)
        self._closings.clear()

    def testify(self, flow_id: str, flow: http.HTTPFlow | None, testimony: Testimony) -> bool:
        """Take in what a browser said of a flow; say whether the flow is judged by now."""
        if flow is not None and flow.response is None and flow.error is None:
            return False
        try:
            self.drain()
            changed = self._session.testify(flow_id, testimony)
            if changed:
                self._evidence_came(changed, live=True)
            elif flow is not None and testimony.outcome is not Told.PASSED:
                # What nobody had to look at before the browser blocked it.
                self._judge_exchange(flow, replace(flows.exchange_of(flow), testimony=testimony))
            return bool(changed) or flow is not None
        except Exception as exc:
            self._teller.fault("what a browser said", flow, exc)
            return True

    def judge_again(self, flow: http.HTTPFlow) -> None:
        """Judge a flow whose verdict was cleared, by what the server sent: what a rule changed does not show that."""
        over = flow.response is not None or flow.error is not None
        if over and (flow.response is None or ADDON_HEADER not in flow.response.headers):
            self._judge_exchange(flow, flows.exchange_of(flow))
            self.settle()

    # --- turns ------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Judge all of it now."""
        while self._inbox:
            self._take(self._inbox.popleft())
        self._take_closings()
        self._judge_fresh()
        if self._loop is None:
            # Front ends look at a flow after each of its hooks.
            self._touched.clear()
        elif self._touched:
            self._expect_turn()

    def settle(self) -> None:
        """Judge all of it now, and again what evidence has come for; front ends know of all of it."""
        self.drain()
        self._touched += self._store.revise_backlog()
        while self._touched:
            self._tell_front_ends()

    def settle_some(self) -> bool:
        """Do as much of that as takes a moment, the rest in the next turns; say whether it is done.

        Evidence on thousands of flows takes seconds. Outside of the loop nobody waits, and all of it is done.
        """
        if self._loop is None or not _is_in_a_loop():
            self.settle()
            return True
        end = time.perf_counter() + _MOMENT
        while self._inbox and time.perf_counter() < end:
            self._take(self._inbox.popleft())
        if not self._inbox:
            self._judge_fresh()
            self._touched += self._store.revise_backlog(end, _MOST_TOLD)
        self._tell_front_ends()
        if self._inbox or self._touched or self._store.backlog:
            self._is_due = True
            self._expect_turn(0.0)
            return False
        return True

    def look(self) -> None:
        """Judge again what evidence has come for, in the next turns, and what the user edits while a flow is held."""
        self._see_edits()
        self._look_at_the_clock()
        self._is_due = self._is_due or bool(self._store.backlog)
        if self._is_due or self._touched:
            self._expect_turn(0.0)

    def _look_at_the_clock(self) -> None:
        """Let silence speak: that nothing followed a preflight is told by the time, and not by the next request.

        Where the latest exchange is old, flows of a saved capture are looked at, and their clock stands still.
        """
        now = time.time()
        if 0.0 < now - self._session.correlator.now < _SILENCE:
            changed = self._session.pass_time(now)
            if changed:
                self._evidence_came(changed, live=True)

    def _expect_turn(self, wait: float = WAIT) -> None:
        if self._turn_comes is None and self._loop is not None:
            self._turn_comes = self._loop.call_later(wait, self.turn)

    def turn(self) -> None:
        """Work for a turn of the loop, and expect another one where that is not enough."""
        self._turn_comes = None
        now = time.perf_counter()
        half, end = now + _TURN / 2, now + _TURN
        while self._inbox and time.perf_counter() < half and len(self._fresh) < _MOST_FRESH:
            self._take(self._inbox.popleft())
        if not self._inbox:
            self._take_closings()
        self._judge_fresh(end, _MOST_TOLD - len(self._touched))
        if self._is_due and not self._inbox and not self._fresh:
            self._touched += self._store.revise_backlog(end, _MOST_TOLD)
            self._is_due = bool(self._store.backlog)
        self._held.update((seen.flow.id, seen) for seen in self._ended if seen.flow.intercepted)
        self._ended.clear()
        self._tell_front_ends()
        if self._inbox or self._fresh or self._touched or self._is_due:
            self._expect_turn(0.0)

    def _judge_fresh(self, end: float = float("inf"), most: int = sys.maxsize) -> None:
        """Judge what was taken in, until a moment of the performance counter or ``most`` are to be told of."""
        while self._fresh and most > 0 and (end == float("inf") or time.perf_counter() < end):
            flow_id = next(iter(self._fresh))
            del self._fresh[flow_id]
            touched = self._store.revise([flow_id], anew=True)
            self._touched += touched
            most -= len(touched)

    def _tell_front_ends(self) -> None:
        told, self._touched = self._touched[:_MOST_TOLD], self._touched[_MOST_TOLD:]
        if told and self._store.may_tell:
            ctx.master.addons.trigger(hooks.UpdateHook([*dict.fromkeys(told)]))

    # --- one exchange -----------------------------------------------------------------------------------------

    def _take(self, seen: Seen) -> None:
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
            self._evidence_came(self._session.take_in(seen.read()), seen.flow.live)
        if seen.glance.cookie and seen.is_over and not seen.is_again:
            flow = seen.flow
            self._evidence_came(self._session.credentials.cookie_on(flow.client_conn.id, flow.id), seen.flow.live)

    def _is_of_interest(self, seen: Seen) -> bool:
        found = seen.glance
        if seen.status is None or not is_of_interest_without_origin(seen.status, seen.answered, found):
            return False
        if not found.no_cors or found.document or not seen.flow.live or self._session.neighbours.knows_embedders:
            # What is saved may speak of what comes later.
            return True
        return not flows.is_harmless(seen)

    def _judge(self, seen: Seen) -> None:
        self._judge_exchange(seen.flow, seen.read_body())

    def _judge_exchange(self, flow: http.HTTPFlow, exchange: Exchange) -> None:
        if not flow.live and self._store.backlog.is_due(max(exchange.started, exchange.ended or 0.0)):
            self._store.revise_backlog()
        changed = self._session.take_in(exchange)
        if exchange.response is not None or exchange.error is not None:
            self._store.count(flow)
            self._have_judged(flow)
        self._evidence_came(changed, flow.live)

    def _have_judged(self, flow: http.HTTPFlow) -> None:
        """Have a flow judged: at the end of the batch, for what comes in it may be evidence, where somebody waits.

        What is saved is judged at once: what comes later may make the session forget it.
        """
        if self._loop is not None and flow.live:
            self._fresh[flow.id] = None
        else:
            self._touched += self._store.revise([flow.id], anew=True)

    def _evidence_came(self, changed: Iterable[str], live: bool) -> None:
        """Have judged again what evidence concerns: once for all that comes until the next look, and at the end.

        What is not judged yet will be with it. Where nobody will look, as in a script that feeds flows by hand, it is
        done at once.
        """
        self._store.backlog.add(each for each in changed if each not in self._fresh)
        if live and self._loop is None:
            self._store.revise_backlog()

    # --- what rules and users change --------------------------------------------------------------------------

    def _injected(self, seen: Seen) -> None:
        """What the server sent is judged once, together with what is delivered in its place."""
        exchange, flow = seen.read(), seen.flow
        assert seen.plan is not None
        if seen.made is None:
            if exchange.response is not None:
                self._judge(seen)
            else:
                self._evidence_came(self._session.take_in(exchange), seen.flow.live)
            self._deliveries.foresee(flow.id, seen.plan, exchange.response)
            self._have_judged(flow)
            return
        self._evidence_came(self._session.take_in(exchange), seen.flow.live)
        if exchange.response is not None:
            injection.keep_server(flow, exchange.response)
        self._store.count(flow)
        self._redeliver(seen, seen.made)

    def _redeliver(self, seen: Seen, response: Response) -> None:
        """Judge what the browser gets now, and show the server's verdict with it."""
        changed = self._session.deliver(seen.flow.id, response, seen.at)
        self._have_judged(seen.flow)
        self._evidence_came(changed, seen.flow.live)

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

    def _see_edits(self) -> None:
        """Judge what users make of responses while they are held back; mitmweb edits flows without telling addons."""
        for seen in [*self._held.values()]:
            if not seen.flow.intercepted:
                # What was edited last is seen this time.
                del self._held[seen.flow.id]
            record = self._session.correlator.get(seen.flow.id)
            if record is None or record.seen is None or seen.flow.response is None:
                continue
            now = seen.again(arrived=True)
            if now.read().response != record.seen:
                self._take(now)


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
