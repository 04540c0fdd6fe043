"""The verdicts that the addon keeps: shown on their flows, told once, revised as evidence comes, and reported."""

import sys
import time
import weakref
from collections.abc import Callable, Generator, Iterable
from copy import copy
from dataclasses import replace
from itertools import islice
from typing import Any, Final, NamedTuple

from mitmproxy import ctx, hooks, http

from ..diagnosis.explanations import Explanations
from ..diagnosis.revisions import Backlog
from ..diagnosis.session import Session
from ..diagnosis.stepwise import emptied
from ..report.entries import judged_entry, shown_entry
from ..report.expected import Expected
from ..report.model import Report, build
from ..traffic.bounded_dicts import Remembered, Weighed
from ..traffic.exchange import ADDON_HEADER, Responder
from ..traffic.retention import BUDGET
from ..verdict.model import Outcome, Verdict
from . import display
from .delivery import Deliveries
from .end_of_run import Closing
from .fix_watch import FixWatch
from .journals import Journals
from .log_messages import Teller
from .suppressions import Wishes

KEPT_VERDICTS: Final = 50_000

_FREED: Final = 50
"""Verdicts that are taken off their flows, and freed, in one step."""

_VERDICT: Final = 2_500
_FINDING: Final = 1_000


def weight_of(verdict: Verdict) -> int:
    """Return, in bytes and roughly, what keeping a verdict costs; what others share with it counts each time."""
    size = _VERDICT + 2 * len(verdict.url)
    for finding in verdict.findings:
        size += _FINDING + 2 * len(finding.message) + sum(len(line.value or "") for line in finding.evidence)
    return size


def _nobody(_: object) -> None:
    pass


class Basis(NamedTuple):
    """The verdicts that are kept, in order; how many are no longer, and how many are not CORS; what is expected."""

    verdicts: tuple[Verdict, ...]
    dropped: int
    not_cors: int
    expected: Expected


class Keeper:
    """What was judged, newest last, in bounded memory.

    ``verdicts`` are those that say something, as the user wishes to see them; of the others only the ids are kept.
    ``judged`` counts both, and what was dropped since. ``touch`` is told the id of each verdict that is another now.
    ``may_tell`` says whether front ends can be told of changes yet, ``explains`` whether what a flow carries is read
    without ``complete``, as where flows are saved as they pass.
    """

    def __init__(self, session: Session, deliveries: Deliveries, teller: Teller, touch: Callable[[str], None]) -> None:
        self.closing = Closing()
        self.may_tell = False
        self.explains = True
        self.mark = self.comment = True
        self.plain = False
        self.journals = Journals()
        self._session = session
        self._deliveries = deliveries
        self._teller = teller
        self._touch = touch
        self._flows: weakref.WeakValueDictionary[str, http.HTTPFlow] = weakref.WeakValueDictionary()
        self._shows = True
        self._begin(BUDGET // 4, Expected())

    def _begin(self, budget: int, expected: Expected) -> None:
        self.verdicts: Weighed[str, Verdict] = Weighed(KEPT_VERDICTS, budget, weight_of, self.closing.drop)
        self.judged = 0
        self.backlog = Backlog()
        self.fixes = FixWatch()
        self._explanations = Explanations(self._session, self._keep_for_good, self._at_fault)
        self._wishes = Wishes(KEPT_VERDICTS, expected)
        self._not_cors: Remembered[str, None] = Remembered(KEPT_VERDICTS)

    # --- one verdict ------------------------------------------------------------------------------------------

    def count(self, flow: http.HTTPFlow) -> None:
        """Take note that a flow is judged."""
        self.judged += flow.id not in self.verdicts and flow.id not in self._not_cors
        if self._shows:
            self._flows[flow.id] = flow

    def take_probe(self, flow: http.HTTPFlow, verdict: Verdict) -> None:
        """Show what a request of the probe found on its flow, and keep it if that is something."""
        self._flows[flow.id] = flow
        if verdict.findings:
            self.count(flow)
            self._keep(self._wishes.apply(verdict), flow)
        display.show_probe(flow, verdict, self.mark, self.comment, self.plain)
        ctx.master.addons.trigger(hooks.UpdateHook([flow]))

    def shown_on(self, flow: http.HTTPFlow) -> http.HTTPFlow | None:
        """Return the flow on which the verdict on a flow is shown: itself, or what it was copied from.

        ``None`` where it was not judged since the start, whatever it carries.
        """
        if self._flows.get(flow.id) is flow:
            return flow
        entry = flow.metadata.get("cors")
        other = self._flows.get(str(entry.get("id"))) if isinstance(entry, dict) else None
        same = other is not None and other.request.timestamp_start == flow.request.timestamp_start
        return other if same else None

    def touch(self, flow_id: str) -> None:
        """Say that there is something new to show of a flow."""
        self._touch(flow_id)

    def drop(self, flow_id: str) -> None:
        """Forget the verdict on a flow that runs once more."""
        if self.verdicts.discard(flow_id):
            self._not_cors[flow_id] = None
            self._touch(flow_id)

    def explained(self, verdict: Verdict) -> Verdict:
        """Return a verdict that is kept, with what is behind it and what fixes it."""
        whole = self._explanations.of(verdict)
        if whole is verdict:
            return self.verdicts.get(verdict.id, verdict)
        return self._wishes.expected.apply(whole).with_delivered(verdict.delivered)

    def _entry(self, verdict: Verdict) -> dict[str, Any]:
        """Return what a flow carries: the verdict as judged, and what is behind it where that is read at once."""
        try:
            return shown_entry(self.explained(verdict)) if self.explains else judged_entry(verdict)
        except Exception as exc:
            self._at_fault(verdict.id, exc)
            return {"id": verdict.id, "outcome": verdict.outcome.value, "findings": []}

    def complete(self, flow: http.HTTPFlow) -> None:
        """Add to what a flow carries what is behind its verdict and what fixes it, for somebody looks at it."""
        verdict = self.verdicts.get(flow.id)
        if verdict is None:
            return
        try:
            flow.metadata["cors"] = shown_entry(self.explained(verdict))
        except Exception as exc:
            self._at_fault(verdict.id, exc)

    def _at_fault(self, flow_id: str, exc: Exception) -> None:
        self._teller.fault("explain", self._flows.get(flow_id), exc)

    def _keep(self, verdict: Verdict, flow: http.HTTPFlow | None) -> bool:
        self._touch(verdict.id)
        delivered = self._deliveries.get(verdict.id)
        if delivered is not None:
            verdict = verdict.with_delivered(delivered)
        elif not verdict.findings and verdict.outcome is Outcome.NOT_CORS and verdict.id not in self._wishes:
            if self.verdicts.discard(verdict.id):
                self.journals.note(verdict, self.explained)
                if flow is not None:
                    display.clear(flow)
                self._not_cors[verdict.id] = None
                return True
            self._not_cors[verdict.id] = None
            return False
        self._not_cors.pop(verdict.id, None)
        self.verdicts[verdict.id] = verdict
        self.journals.note(verdict, self.explained)
        if not self._shows:
            return True
        preflight = self.verdicts.get(verdict.related.preflight or "")
        fixed = self.fixes.note(verdict, preflight, self._is_servers_own)
        if fixed is not None:
            self.fixes.tell(fixed)
        self._teller.tell(verdict, self._explanations.in_passing)
        if flow is not None:
            display.show(flow, verdict, self.mark, self.comment, self._entry, self.plain)
            if fixed is not None and self.comment:
                display.show_fixed(flow, str(fixed))
        return True

    def _is_servers_own(self, flow_id: str) -> bool:
        """Say whether a response came from the server as it is, and not from a recording or another proxy's rule."""
        record = self._session.correlator.get(flow_id)
        exchange = None if record is None else record.exchange
        if exchange is None or exchange.response is None:
            return True
        return exchange.responder is Responder.SERVER and ADDON_HEADER not in exchange.response.headers

    def _keep_for_good(self, whole: Verdict) -> None:
        """Keep a verdict explained whose exchange is forgotten: nobody could explain it any more."""
        kept = self.verdicts.get(whole.id)
        if kept is None:
            return
        # The place among the others stays: this is nothing new.
        settled = self.verdicts[whole.id] = self._wishes.apply(whole).with_delivered(kept.delivered)
        flow = self._flows.get(whole.id)
        if flow is not None:
            display.show(flow, settled, self.mark, self.comment, plain=self.plain)

    # --- as evidence and wishes change ------------------------------------------------------------------------

    def revise_backlog(self, end: float = float("inf"), most: int = sys.maxsize) -> list[http.HTTPFlow]:
        """Judge again what evidence has come for, until a moment of the performance counter or ``most`` are changed.

        Returns the flows whose verdict is another now.
        """
        touched: list[http.HTTPFlow] = []
        while self.backlog and len(touched) < most and (end == float("inf") or time.perf_counter() < end):
            touched += self.revise([self.backlog.pop()])
        return touched

    def revise(self, changed: Iterable[str], anew: bool = False) -> list[http.HTTPFlow]:
        """Judge flows again, and show those whose verdict is another now; return these.

        A flow that was ``anew`` on its way shows its verdict in any case.
        """
        touched = []
        for flow_id in changed:
            flow = self._flows.get(flow_id)
            try:
                if self.is_revised(flow_id, flow, anew) and flow is not None:
                    touched.append(flow)
            except Exception as exc:
                # It costs this flow its news, and not the others theirs.
                self._teller.fault("revise", flow, exc)
        return touched

    def is_revised(self, flow_id: str, flow: http.HTTPFlow | None, anew: bool = False) -> bool:
        """Judge an earlier flow again; say whether its verdict, or a part that was looked at, is another now."""
        before = self.verdicts.get(flow_id)
        revised = self._session.judge(flow_id)
        if revised is None:
            return False
        if before is not None and revised.credentials.says_the_same(before.credentials):
            # That other flows are examples now is no news, and the first ones are forgotten all the time.
            revised = replace(revised, credentials=before.credentials)
        told = self._explanations.judged(revised)
        shown = self._wishes.apply(revised).with_delivered(self._deliveries.now(flow_id))
        if not anew and shown == before and (told is None or self._explanations.of(revised) == told):
            return False
        return self._keep(shown, flow)

    def expect(self, expected: Expected) -> None:
        """Show what was judged already as the user wishes it from now on."""
        self._wishes.expected = expected
        touched = []
        for verdict in self._wishes.changed(self.verdicts.values()):
            flow = self._flows.get(verdict.id)
            self._keep(verdict, flow)
            if flow is not None:
                touched.append(flow)
        self._tell_front_ends(touched)

    def _tell_front_ends(self, touched: list[http.HTTPFlow]) -> None:
        if touched and self.may_tell:
            ctx.master.addons.trigger(hooks.UpdateHook(touched))

    # --- all of them ------------------------------------------------------------------------------------------

    def report(self, hosts: Iterable[dict[str, Any]] = (), brief: bool = False) -> Report:
        """Build a report of everything that is remembered, or, in ``brief``, of what is to be fixed."""
        if not brief:
            # Made between the entries, which nobody keeps, they would hold on to the memory of those.
            for verdict in self.verdicts.values():
                self._explanations.of(verdict)
        basis = self.basis()
        return build(
            self._wishes.whole(basis.verdicts),
            basis.dropped,
            not_cors=basis.not_cors,
            ignores=basis.expected.ignores,
            baseline=basis.expected.baseline,
            hosts=hosts,
            brief=brief,
            explain=self.explained,
        )

    def basis(self) -> Basis:
        """Return what a report is built from that keeps changing, as it is now."""
        dropped = self.judged - len(self.verdicts) - len(self._not_cors)
        return Basis(tuple(self.verdicts.values()), dropped, len(self._not_cors), self._wishes.expected)

    def whole(self, verdict: Verdict) -> Verdict:
        """Return a verdict that is kept, with what the user ignores."""
        (whole,) = self._wishes.whole([verdict])
        return whole

    def profiles(
        self, most: int | None = None, newest: int = KEPT_VERDICTS
    ) -> Generator[None, None, list[dict[str, Any]]]:
        """Return what each host's policy is, as learned so far, the one asked last first; in steps.

        What fails there is told by the ``newest`` verdicts.
        """
        # Many sessions ask for no report.
        from ..diagnosis.host_profiles import MOST_HOSTS, steps_to_profiles

        verdicts = tuple(islice(reversed(self.verdicts.values()), newest))
        session = self._session
        most = MOST_HOSTS if most is None else most
        return steps_to_profiles(session.hosts, session.repeats, verdicts, most)

    def hand_over(self, session: Session) -> "Keeper":
        """Forget all verdicts; return a store that has them, and takes more of an earlier session.

        It shows nothing on any flow, and says nothing in the log.
        """
        before = copy(self)
        before._session, before._shows, before.may_tell = session, False, False
        before._touch = before.verdicts.on_drop = _nobody
        before._flows = weakref.WeakValueDictionary()
        before._explanations.follow(session, before._keep_for_good)
        self._begin(self.verdicts.budget, self._wishes.expected)
        self.closing.clear()
        self.journals.hand_over(before.explained)
        return before

    def take_off(self, forgotten: "Keeper") -> Generator[None, None, None]:
        """Take forgotten verdicts off the flows still held; in steps."""
        ids = [*forgotten.verdicts]
        while ids:
            some = ids[-_FREED:]
            del ids[-_FREED:]
            held = [self._flows.get(flow_id) for flow_id in some if flow_id not in self.verdicts]
            touched = [flow for flow in held if flow is not None]
            for flow in touched:
                display.clear(flow)
                del self._flows[flow.id]
            if touched:
                ctx.master.addons.trigger(hooks.UpdateHook(touched))
            yield None

    def emptied(self) -> Generator[None, None, None]:
        """Let go of everything; in steps."""
        yield from self.journals.release(self.explained)
        yield from emptied(self.verdicts, self._not_cors, self._wishes.wholes, self.fixes, self._explanations)
