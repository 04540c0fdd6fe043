"""Judging saved captures without a proxy: mitmproxy's flow files and HARs, packed or not."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..diagnosis.explanations import Explanations
from ..diagnosis.host_profiles import Profile, profiles
from ..diagnosis.revisions import Backlog
from ..diagnosis.session import Session, Settings
from ..verdict.model import Delivered, Outcome, Verdict
from . import har
from .compression import Opened, Part, opened
from .error import CaptureError
from .har_notes import HarNotes
from .sighting import Clock, Made, Sighting

_ADVANCE_EVERY: Final = 256

Advance = Callable[[int], None]
"""Is told from time to time how many bytes of the file have been read."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A capture, judged.

    ``kind`` is ``flows``, ``har``, or empty where the file could not be told. ``flows`` counts all HTTP flows in it;
    ``verdicts``, in the order of the flows, leave out those to which no CORS check applies and that have no findings.
    ``explain`` adds causes and fixes to one of them. ``problem`` says what could not be read, and is empty where all
    was; ``note`` says what the capture lacks; ``hosts`` are the profiles of the hosts that answered.
    """

    kind: str = ""
    flows: int = 0
    verdicts: tuple[Verdict, ...] = ()
    explain: Callable[[Verdict], Verdict] = field(default=lambda verdict: verdict, compare=False)
    problem: str = ""
    note: str = ""
    hosts: tuple[Profile, ...] = ()


def judge_capture(path: str, name: str, settings: Settings, advance: Advance | None = None) -> Judged:
    """Judge one capture as a session of its own.

    ``path`` ``-`` is standard input; ``name`` begins the ids of a HAR's entries. Never raises for what a capture holds:
    what could be read is judged, and ``problem`` says the rest.
    """
    judging = _Judging(Session(settings))
    kind = problem = note = ""
    try:
        with opened(path) as capture:
            notes, clock = HarNotes(), Clock()
            problems = []
            for part in capture.parts():
                kind = "har" if part.encoding else "flows"
                try:
                    judging.take_all(_followed(_sightings(part, name, notes, clock), capture, advance))
                except CaptureError as exc:
                    problems.append(f"{part.fault}; {exc}" if part.fault else str(exc))
                else:
                    problems += [part.fault] if part.fault else []
            judging.pass_time(max(notes.now, clock.now))
            note, problem = str(notes), "; ".join(problems)
    except CaptureError as exc:
        problem = str(exc)
    except (RecursionError, MemoryError):
        problem = "its values are nested too deep, or too large to read"
    verdicts = judging.finish()
    return Judged(kind, judging.flows, verdicts, judging.explain, problem, note, judging.hosts(verdicts))


def judge_entries(entries: Iterable[Any], name: str, settings: Settings) -> Judged:
    """Judge the entries of a HAR as a session of their own; as ``judge_capture`` does otherwise."""
    judging = _Judging(Session(settings))
    notes = HarNotes()
    problem = ""
    try:
        judging.take_all(har.judge_entries(entries, name, notes))
    except CaptureError as exc:
        problem = str(exc)
    judging.pass_time(notes.now)
    verdicts = judging.finish()
    return Judged("har", judging.flows, verdicts, judging.explain, problem, str(notes), judging.hosts(verdicts))


def _sightings(part: Part, name: str, notes: HarNotes, clock: Clock) -> Iterator[Sighting]:
    name = f"{name}/{part.name}" if part.name else name
    if part.entries is not None:
        return har.judge_entries(part.entries, name, notes)
    if part.encoding:
        return har.sightings(part.stream, name, part.encoding, notes)
    # It imports mitmproxy, which a HAR does without.
    from . import flow_files

    return flow_files.sightings(part.stream, clock)


def _followed(sightings: Iterator[Sighting], capture: Opened, advance: Advance | None) -> Iterator[Sighting]:
    if advance is None:
        yield from sightings
        return
    try:
        for number, sighting in enumerate(sightings):
            yield sighting
            if number % _ADVANCE_EVERY == 0:
                advance(capture.position)
    finally:
        advance(capture.position)


class _Judging:
    """A session and the verdicts that count, kept as the addon keeps them.

    Nobody looks on, so everything is judged once for many pieces of evidence, but before the session forgets anything.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._explanations = Explanations(session, self._settle)
        self.explain = self._explanations.of
        self._verdicts: dict[str, Verdict] = {}
        self._places: dict[str, int] = {}
        self._made: dict[str, Made] = {}
        self._backlog = Backlog()
        self.flows = 0

    def take_all(self, sightings: Iterable[Sighting]) -> None:
        for sighting in sightings:
            exchange = sighting.exchange
            # A flow that was saved twice is one: the later one says more.
            self.flows += exchange is None or exchange.id not in self._places
            if exchange is not None:
                if self._backlog.is_due(max(exchange.started, exchange.ended or 0.0)):
                    self._judge()
                self._places[exchange.id] = sighting.place or self.flows
                self._backlog.add(self._session.take_in(exchange))
                self._backlog.add((exchange.id,))
                made = sighting.delivered
                if made is not None:
                    self._made[exchange.id] = made
                    self._backlog.add(self._session.deliver(exchange.id, made.response, exchange.ended or 0.0))
            if sighting.cookie is not None:
                self._backlog.add(self._session.credentials.cookie_on(*sighting.cookie))

    def pass_time(self, now: float) -> None:
        self._backlog.add(self._session.pass_time(now))

    def finish(self) -> tuple[Verdict, ...]:
        self._backlog.add(self._session.finish())
        self._judge()
        return tuple(sorted(self._verdicts.values(), key=lambda verdict: self._places.get(verdict.id, 0)))

    def hosts(self, verdicts: Sequence[Verdict]) -> tuple[Profile, ...]:
        """Return the profiles of the hosts that answered."""
        return tuple(profiles(self._session.hosts, self._session.repeats, verdicts))

    def _judge(self) -> None:
        for exchange_id in self._backlog.take():
            verdict = self._session.judge(exchange_id)
            if verdict is None:
                continue
            made = self._made.get(exchange_id)
            if made is not None:
                outcome = self._session.outcome_delivered(exchange_id)
                verdict = replace(verdict, delivered=Delivered(made.rule, outcome, made.edits))
            self._explanations.judged(verdict)
            if verdict.findings or verdict.outcome is not Outcome.NOT_CORS:
                self._verdicts[exchange_id] = verdict
            else:
                self._verdicts.pop(exchange_id, None)

    def _settle(self, verdict: Verdict) -> None:
        self._verdicts[verdict.id] = verdict
