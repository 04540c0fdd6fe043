"""The way of the data: what hooks have seen is taken in, judged, kept and shown, after the response is on its way.

A hook costs the browser time, so it only puts what it saw here. Batches of that are worked off in the turns of the
event loop that follow, each of them short; at once where somebody asks, or where nobody will turn the loop.
"""

import asyncio
import logging
import time
from collections import deque
from copy import copy
from dataclasses import replace
from typing import Final

from mitmproxy import ctx, hooks, http

from ..capture.flow_scan import glance
from ..diagnosis.session import Session
from ..traffic.connection_use import Closing
from ..traffic.exchange import ADDON_HEADER, Responder
from ..traffic.testimony import Testimony, Told
from . import display, failures, flows
from .delivery import Deliveries
from .flows import Seen
from .intake import Intake
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
        self._teller = teller
        self._intake = Intake(session, store, deliveries, teller)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._turn_comes: asyncio.Handle | None = None
        self._is_due = False
        self._is_held_up = False
        self._next_try = 0.0
        self._begin()

    def _begin(self) -> None:
        self._inbox: deque[Seen] = deque()
        self._ended: list[Seen] = []
        self._held: dict[str, Seen] = {}
        self._closings: list[Closing] = []

    def run(self) -> None:
        """Work in the turns of the running event loop from now on."""
        self._loop = asyncio.get_running_loop()
        self._intake.in_turns = True
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
        self._intake.in_turns = False
        if self._turn_comes is not None:
            self._turn_comes.cancel()
            self._turn_comes = None
        self.drain()

    def hand_over(self, session: Session, store: Keeper) -> "Pipeline":
        """Forget what waits; return a pipeline that has it judged, by what was handed over too."""
        before = copy(self)
        before._session, before._store, before._intake = session, store, self._intake.hand_over(session, store)
        before._ended, before._held, before._turn_comes = [], {}, None
        self._begin()
        return before

    # --- from the hooks ---------------------------------------------------------------------------------------

    def put(self, seen: Seen) -> None:
        """Have taken in what was seen."""
        self._inbox.append(seen)
        if self._loop is None or self.at_once or not seen.is_live:
            self.drain()
        else:
            self._expect_turn()
            if len(self._inbox) > MOST_WAITING:
                self._hold_up()

    def _hold_up(self) -> None:
        """Judge in the hook what came first, so that traffic comes no faster than it is judged."""
        self._intake.take(self._inbox.popleft())
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

    def closed(self, closing: Closing) -> None:
        """Take note that a client connection ended."""
        self._closings.append(closing)
        if not self._inbox:
            self._take_closings()

    def _take_closings(self) -> None:
        for closing in self._closings:
            self._intake.evidence_came(self._session.credentials.closed(closing), live=True)
        self._closings.clear()

    def testify(self, flow_id: str, flow: http.HTTPFlow | None, testimony: Testimony) -> bool | None:
        """Take in what a browser said of a flow; say whether the flow is judged by now.

        ``None`` where so many others wait that this has to be said again.
        """
        if flow is not None and flow.response is None and flow.error is None:
            return False
        try:
            if not self._has_caught_up():
                return None
            changed = self._session.testify(flow_id, testimony)
            if changed:
                self._intake.evidence_came(changed, live=True)
            elif flow is not None and testimony.outcome is not Told.PASSED:
                # What nobody had to look at before the browser blocked it.
                self._intake.judge_exchange(flow, replace(flows.exchange_of(flow), testimony=testimony), is_live=True)
                self._intake.judge_fresh()
            return bool(changed) or flow is not None
        except Exception as exc:
            self._teller.fault("what a browser said", flow, exc)
            return True

    def _has_caught_up(self) -> bool:
        """Judge what waits, as far as that takes a moment; say whether it is all of it."""
        now = time.perf_counter()
        if self._loop is not None and now < self._next_try:
            return False
        end = float("inf") if self._loop is None else now + _TURN
        while self._inbox and time.perf_counter() < end:
            self._intake.take(self._inbox.popleft())
        self._intake.judge_fresh(end)
        if self._inbox or self._intake.fresh:
            # Many words come in one turn, and each would take its moment.
            self._next_try = now + WAIT
            return False
        self.drain()
        return True

    def judge_again(self, flow: http.HTTPFlow) -> None:
        """Judge a flow that no hook saw, or whose verdict was cleared, by what its server sent."""
        seen = flows.saved(flow)
        if seen is None:
            return
        if seen.noted is None and flow.response is not None and ADDON_HEADER in flow.response.headers:
            # What a rule changed does not show what the server sent.
            return
        display.clear(flow)
        display.distrust_backup(flow)
        self._intake.take(seen)
        self.settle_some()

    def has_judged(self, flow: http.HTTPFlow) -> bool:
        """Judge what waits, as far as that takes a moment; say whether a flow is not among the rest."""
        waits = bool(self._inbox) and not self._has_caught_up() and any(seen.flow is flow for seen in self._inbox)
        self._intake.judge_now(flow.id)
        return not waits

    # --- turns ------------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Judge all of it now."""
        while self._inbox:
            self._intake.take(self._inbox.popleft())
        self._take_closings()
        self._intake.judge_fresh()
        if self._loop is None:
            # Front ends look at a flow after each of its hooks.
            self._intake.touched.clear()
        elif self._intake.touched:
            self._expect_turn()

    def settle(self) -> None:
        """Judge all of it now, and again what evidence has come for; front ends know of all of it."""
        self.drain()
        self._intake.touched += self._store.revise_backlog()
        while self._intake.touched:
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
            self._intake.take(self._inbox.popleft())
        if not self._inbox:
            self._intake.judge_fresh(end)
            if not self._intake.fresh:
                self._intake.touched += self._store.revise_backlog(end, _MOST_TOLD)
        self._tell_front_ends()
        if self._inbox or self._intake.fresh or self._intake.touched or self._store.backlog:
            self._is_due = True
            self._expect_turn(0.0)
            return False
        return True

    def look(self) -> None:
        """Judge again what evidence has come for, in the next turns, and what the user edits while a flow is held."""
        self._see_edits()
        self._look_at_the_clock()
        self._is_due = self._is_due or bool(self._store.backlog)
        if self._is_due or self._intake.touched or self._intake.fresh:
            self._expect_turn(0.0)

    def _look_at_the_clock(self) -> None:
        """Let silence speak: that nothing followed a preflight is told by the time, and not by the next request.

        Where the latest exchange is old, flows of a saved capture are looked at, and their clock stands still.
        """
        now = time.time()
        if 0.0 < now - self._session.correlator.now < _SILENCE:
            changed = self._session.pass_time(now)
            if changed:
                self._intake.evidence_came(changed, live=True)

    def _expect_turn(self, wait: float = WAIT) -> None:
        if self._turn_comes is None and self._loop is not None:
            self._turn_comes = self._loop.call_later(wait, self.turn)

    def turn(self) -> None:
        """Work for a turn of the loop, and expect another one where that is not enough."""
        self._turn_comes = None
        now = time.perf_counter()
        half, end = now + _TURN / 2, now + _TURN
        while self._inbox and time.perf_counter() < half and len(self._intake.fresh) < _MOST_FRESH:
            self._intake.take(self._inbox.popleft())
        if not self._inbox:
            self._take_closings()
            self._look_at_ended()
        self._intake.judge_fresh(end, _MOST_TOLD - len(self._intake.touched))
        if self._is_due and not self._inbox and not self._intake.fresh:
            self._intake.touched += self._store.revise_backlog(end, _MOST_TOLD)
            self._is_due = bool(self._store.backlog)
        self._tell_front_ends()
        if self._inbox or self._intake.fresh or self._intake.touched or self._is_due:
            self._expect_turn(0.0)

    def _look_at_ended(self) -> None:
        """Remember what the user holds back, and judge what an addon changed after our own hook."""
        for seen in self._ended:
            response = seen.flow.response
            if seen.flow.intercepted:
                self._held[seen.flow.id] = seen
            elif response is not None and response.headers.fields != seen.head:
                self._take_edits(seen, by_user=False)
        self._ended.clear()

    def _tell_front_ends(self) -> None:
        told, self._intake.touched = self._intake.touched[:_MOST_TOLD], self._intake.touched[_MOST_TOLD:]
        if told and self._store.may_tell:
            ctx.master.addons.trigger(hooks.UpdateHook([*dict.fromkeys(told)]))

    def _see_edits(self) -> None:
        """Judge what users make of responses while they are held back; mitmweb edits flows without telling addons."""
        for seen in [*self._held.values()]:
            if not seen.flow.intercepted:
                # What was edited last is seen this time.
                del self._held[seen.flow.id]
            self._take_edits(seen)

    def judge_edited(self, flow: http.HTTPFlow) -> None:
        """Judge anew a flow that is over, if it holds another response by now, edited or reverted, or was killed."""
        record = self._session.correlator.get(flow.id)
        if record is None or flow.live:
            return
        seen = flows.without_a_word(flow)
        # What the browser asked may have been mapped elsewhere meanwhile.
        seen.request, seen.glance = record.exchange.request, glance(seen.asked)
        seen.is_live, seen.noted = record.exchange.source == "live", flows.noted_on(flow)
        if self._take_edits(seen):
            self._intake.judge_now(flow.id)
            self.settle_some()

    def _take_edits(self, seen: Seen, by_user: bool = True) -> bool:
        """Take in what a user, or an addon, made of a response; say whether that is another one."""
        flow, record = seen.flow, self._session.correlator.get(seen.flow.id)
        was_killed = failures.is_killed(flow)
        if record is None or (flow.error is not None and not was_killed) or (flow.response is None and not was_killed):
            return False
        now = seen.again(arrived=not was_killed)
        if not was_killed and (flow.modified() or not by_user):
            now.responder = Responder.LOCAL
        exchange = now.read()
        is_news = record.exchange.error is None if was_killed else exchange.response != record.seen
        if is_news:
            self._intake.take(now)
        return is_news


def _is_in_a_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
