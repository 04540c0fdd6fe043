"""Why, and what fixes it: worked out for a verdict when somebody looks, and before what it takes is forgotten.

Most verdicts that are given while traffic passes are never read, or are revised before anybody could.
"""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, TypeVar

from ..catalogue.violation import Severity
from ..traffic.bounded_dicts import Remembered
from ..traffic.exchange import Exchange
from ..traffic.record import Record
from ..verdict.model import Verdict
from .session import Session, Settings

_SHARED: Final = 5_000


def is_explained(verdict: Verdict) -> bool:
    """Say whether there is anything to fix; what merely informs is explained when somebody asks."""
    return any(finding.severity is not Severity.INFO for finding in verdict.findings)


_T = TypeVar("_T")


def _raised(_: str, exc: Exception) -> None:
    raise exc


class Explanations:
    """The explanations of a session's verdicts, kept as long as the session remembers their exchanges.

    ``settle`` is given each verdict with findings, explained for good, when its exchange is forgotten. ``fault`` is
    told of an exception of our own, with the exchange's id; where it returns, that verdict stays without explanation.
    """

    def __init__(
        self, session: Session, settle: Callable[[Verdict], None], fault: Callable[[str, Exception], None] = _raised
    ) -> None:
        self._session = session
        self._settle = settle
        self._fault = fault
        self._open: dict[str, Verdict] = {}
        self._told: dict[str, Verdict] = {}
        self._shared: Remembered[object, object] = Remembered(_SHARED)
        # Before anybody else forgets what an explanation draws on.
        session.correlator.on_forget.insert(0, self._forget)

    def judged(self, verdict: Verdict) -> Verdict | None:
        """Take note of a verdict; return the explained one before it, where somebody has looked at that."""
        if verdict.findings:
            self._open[verdict.id] = verdict
        else:
            self._open.pop(verdict.id, None)
        return self._told.pop(verdict.id, None)

    def of(self, verdict: Verdict) -> Verdict:
        """Return the verdict that was last noted under this one's id, explained; without one, this one as it is."""
        noted = self._open.pop(verdict.id, None)
        if noted is not None:
            self._told[verdict.id] = self._explained(noted)
        return self._told.get(verdict.id, verdict)

    def in_passing(self, verdict: Verdict) -> Verdict:
        """Return the same without remembering it, for what is told once and never again."""
        noted = self._open.get(verdict.id)
        return self._told.get(verdict.id, verdict) if noted is None else self._explained(noted, followed=False)

    def follow(self, session: Session, settle: Callable[[Verdict], None]) -> None:
        """Go on with the session that what is explained here was handed over to."""
        self._session, self._settle = session, settle

    def _explained(self, verdict: Verdict, followed: bool = True) -> Verdict:
        try:
            return self._session.explain(verdict, followed)
        except Exception as exc:
            self._fault(verdict.id, exc)
            return verdict

    def _forget(self, record: Record) -> None:
        """Explain an exchange that is about to be forgotten, and those whose explanation draws on it."""
        try:
            self._settled(record)
        except Exception as exc:
            # Else the session could forget nothing any more.
            self._fault(record.id, exc)

    def _settled(self, record: Record) -> None:
        others = record.preflight, record.cached_grant, *record.requests, record.redirected_from, record.redirected_to
        for exchange_id in (record.id, *others):
            noted = self._open.get(exchange_id or "")
            if noted is not None and is_explained(noted):
                self.of(noted)
        self._open.pop(record.id, None)
        settled = self._told.pop(record.id, None)
        if settled is not None:
            findings = tuple(self._one(finding) for finding in settled.findings)
            self._settle(replace(settled, findings=findings, way=self._one(settled.way)))

    def _one(self, part: _T) -> _T:
        """Return an equal part that another verdict holds already: an endpoint fails a thousand times alike."""
        known: _T = self._shared.setdefault(part, part)  # type: ignore[assignment]
        return known


def judge_all(exchanges: Iterable[Exchange], settings: Settings | None = None) -> dict[str, Verdict]:
    """Judge a whole capture; the verdicts are final and explained, in the order of the exchanges."""
    session = Session(settings)
    verdicts: dict[str, Verdict] = {}

    def settle(verdict: Verdict) -> None:
        verdicts[verdict.id] = verdict

    explanations = Explanations(session, settle)

    def keep(verdict: Verdict) -> None:
        verdicts[verdict.id] = verdict
        explanations.judged(verdict)

    def revise(changed: Iterable[str]) -> None:
        for exchange_id in changed:
            revised = session.judge(exchange_id)
            if revised is not None and exchange_id in verdicts:
                keep(revised)

    for exchange in exchanges:
        verdict, changed = session.observe(exchange)
        if verdict is not None:
            keep(verdict)
        revise(changed)
    revise(session.finish())
    return {exchange_id: explanations.of(verdict) for exchange_id, verdict in verdicts.items()}
