"""From a flow that somebody looks at to its verdict, whichever way the flow came."""

from collections.abc import Callable, Sequence
from typing import Final

from mitmproxy import exceptions, http
from mitmproxy.flow import Flow

from ..capture.flow_keys import PROBE
from ..diagnosis.session import Session
from ..verdict.model import Verdict
from .pipeline import Pipeline
from .verdict_store import Keeper

_MOST_AT_ONCE: Final = 50
"""Flows without a verdict that one command has judged: each takes a millisecond or two."""


def given(flows: Sequence[Flow]) -> Sequence[Flow]:
    """Return the flows that a command was given. Raises ``CommandError`` where there is none."""
    if not flows:
        raise exceptions.CommandError(
            "No flow is selected, or none matches: name flows such as @focus, @all or ~u /api"
        )
    return flows


class JudgedFlows:
    """Finds the verdicts of flows, and has those judged that no hook saw.

    What a file or a copy carries is nobody's word: a copy is judged as what it was copied from, until it is sent; what
    came past the hooks, as by ``view.flows.load``, or was cleared, is judged when somebody looks. ``is_pages`` says
    whether a flow is the live page's own.
    """

    def __init__(
        self, session: Session, store: Keeper, pipeline: Pipeline, is_pages: Callable[[http.HTTPFlow], bool]
    ) -> None:
        self._session = session
        self._store = store
        self._pipeline = pipeline
        self._is_pages = is_pages

    def find(self, subject: Flow) -> http.HTTPFlow | None:
        """Return the flow whose metadata hold the verdict on a flow, ``None`` where no CORS check applies to it.

        It is ``None`` for a flow that ``waits``, too.
        """
        if not isinstance(subject, http.HTTPFlow) or self.waits(subject):
            return None
        known = self._store.shown_on(subject)
        if known is None and not (PROBE in subject.metadata or self._is_pages(subject)):
            self._pipeline.judge_again(subject)
            known = self._store.shown_on(subject)
        elif known is subject:
            self._pipeline.judge_edited(subject)
        return known

    def waits(self, subject: Flow) -> bool:
        """Judge what was seen until now, for a moment; say whether a flow waits behind more than that."""
        return isinstance(subject, http.HTTPFlow) and not self._pipeline.has_judged(subject)

    def is_saved(self, subject: http.HTTPFlow) -> bool:
        """Say whether a flow came from a file, so that nobody here knows where its server was."""
        self.find(subject)
        record = self._session.correlator.get(subject.id)
        return record is not None and record.exchange.source != "live"

    def explained(self, subject: Flow) -> http.HTTPFlow | None:
        """Return what ``find`` returns; the metadata have causes and fixes too."""
        known = self.find(subject)
        if known is not None:
            self._store.complete(known)
        return known

    def verdicts(self, flows: Sequence[Flow]) -> list[Verdict]:
        """Return what is kept of flows; ``CommandError`` without any, or where very many are to be judged first."""
        given(flows)
        if any(map(self.waits, flows)):
            raise exceptions.CommandError(
                "Some of these flows still wait for their verdicts, for very many came at once. Ask again in a moment."
            )
        found: dict[str, Verdict] = {}
        before = self._store.judged
        for subject in flows:
            known = self.find(subject)
            verdict = None if known is None else self._store.verdicts.get(known.id)
            if verdict is not None:
                found[verdict.id] = verdict
            if self._store.judged - before > _MOST_AT_ONCE:
                raise exceptions.CommandError(
                    f"More than {_MOST_AT_ONCE} of these flows have no verdict, as after view.flows.load or cors.clear."
                    " Choose fewer; the addon judges all of a file that mitmproxy's option -r opens."
                )
        return [*found.values()]
