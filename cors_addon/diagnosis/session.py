"""A stream of exchanges in, verdicts out, earlier ones revised as evidence comes in."""

from copy import copy
from dataclasses import dataclass, replace
from typing import Final

from ..catalogue.violation import Severity
from ..fetch.messages import CredentialsMode, Response
from ..traffic.classify import Kind, is_document_request
from ..traffic.cookies import CookieObserver
from ..traffic.correlate import Correlator
from ..traffic.credentials import CredentialsObserver
from ..traffic.exchange import Exchange
from ..traffic.host_policies import HostObserver
from ..traffic.origin_echoes import EchoObserver
from ..traffic.passing_modes import surviving_modes
from ..traffic.record import Record
from ..traffic.repeated_preflights import RepeatObserver
from ..traffic.retention import kept, kept_response
from ..traffic.testimony import Testimony, Told
from ..traffic.trusted_origins import TrustObserver
from ..verdict.assembly import Context
from ..verdict.judge import judge_record
from ..verdict.model import Judge, Outcome, Verdict
from ..verdict.neighbours import NeighbourObserver
from ..verdict.notes import notes_of
from ..verdict.testified import REFUSED
from .advice import advice_conditions
from .audit import audit_conditions
from .discarded import neglected_conditions
from .facts import facts_of
from .owner import OwnHosts, owner_of

_LET_THROUGH: Final = (Outcome.ALLOWED, Outcome.NOT_CORS)
_TO_EXPLAIN: Final = (Severity.BLOCKED, Severity.CONDITIONAL)


@dataclass(frozen=True, slots=True)
class Settings:
    """``judge`` decides whose behaviour a flow's outcome is; ``None`` goes by User-Agent. ``audit`` adds advice.

    ``own_hosts`` says which hosts the user's rules list.
    """

    judge: Judge | None = None
    audit: bool = True
    own_hosts: OwnHosts | None = None


class Session:
    """Judges exchanges as they come. ``capacity`` bounds the exchanges remembered for correlation.

    Its verdicts say what is wrong; ``explain`` adds why, and what fixes it.
    """

    def __init__(self, settings: Settings | None = None, capacity: int = 20_000) -> None:
        self.settings = settings or Settings()
        self._begin(Correlator(capacity))

    def _begin(self, correlator: Correlator) -> None:
        self.correlator = correlator
        self.credentials = CredentialsObserver(self.correlator)
        self.neighbours = NeighbourObserver(self.correlator)
        self.echoes = EchoObserver(self.correlator)
        self.hosts = HostObserver(self.correlator)
        self.cookies = CookieObserver(self.correlator)
        self.credentials.unreturned_cookie = self.cookies.unreturned
        self.trust = TrustObserver(self.correlator)
        self.repeats = RepeatObserver(self.correlator)

    def observe(self, exchange: Exchange) -> tuple[Verdict | None, set[str]]:
        """Take in an exchange; return its verdict and the ids of earlier ones that should be judged anew.

        The verdict is ``None`` while there is neither response nor failure.
        """
        changed = self.take_in(exchange)
        if exchange.response is None and exchange.error is None:
            return None, changed
        return self._judge(self.correlator.records[exchange.id]), changed

    def take_in(self, exchange: Exchange) -> set[str]:
        """Take in an exchange without judging it; return the ids of earlier ones that should be judged anew."""
        changed = self.correlator.observe(kept(exchange))
        record = self.correlator.records[exchange.id]
        changed |= self.credentials.observe(record)
        changed |= self.echoes.observe(record)
        changed |= self.neighbours.observe(record)
        changed |= self.hosts.observe(record)
        changed |= self.cookies.observe(record)
        changed |= self.trust.observe(record)
        changed |= self.repeats.observe(record)
        if is_document_request(exchange.request, record.classification):
            changed |= self.credentials.page_loaded(record)
        changed.discard(exchange.id)
        return changed

    def testify(self, exchange_id: str, testimony: Testimony) -> set[str]:
        """Take in what a browser said of an exchange; return the ids to judge anew, none where it is not known."""
        changed = self.correlator.testify(exchange_id, testimony)
        record = self.correlator.get(exchange_id)
        if record is not None:
            changed |= self.credentials.concerned_by(record)
        return changed

    def judge(self, exchange_id: str) -> Verdict | None:
        """Judge an exchange again by what is known now; ``None`` where it was forgotten or awaits its answer."""
        record = self.correlator.get(exchange_id)
        if record is None or (record.seen is None and record.exchange.error is None):
            return None
        return self._judge(record)

    def explain(self, verdict: Verdict, followed: bool = True) -> Verdict:
        """Name what is probably behind each finding, and what fixes it; return a verdict without these as it is.

        If ``followed``, what comes later of the same host and may say more has the exchange judged anew.
        """
        record = self.correlator.get(verdict.id)
        if record is None or not verdict.findings:
            return verdict
        # Most captures have little to explain, and a start without the causes takes half the time.
        from .fixes.compose import with_fixes

        verdict = replace(verdict, owner=owner_of(record, self.settings.own_hosts))
        whole = with_fixes(self._with_causes(verdict, record, followed), record, self.correlator, self.hosts)
        return replace(whole, facts=facts_of(record, self.correlator))

    def deliver(self, exchange_id: str, response: Response, ended: float) -> set[str]:
        """Take note of a response that was delivered in place of the server's, or without asking it.

        Status 0 stands for no response at all. Returns the ids of other exchanges to judge anew.
        """
        record = self.correlator.get(exchange_id)
        return set() if record is None else self.correlator.deliver(record, kept_response(response), ended)

    def outcome_delivered(self, exchange_id: str) -> Outcome | None:
        """Say what became of an exchange by the response that was delivered, ``None`` where there was no such one."""
        record = self.correlator.get(exchange_id)
        if record is None or record.delivered is None:
            return None
        return self.outcome_if(exchange_id, record.delivered)

    def outcome_if(self, exchange_id: str, response: Response) -> Outcome | None:
        """Say what would become of an exchange, had the browser got this response; nothing is remembered of it.

        It is blocked too where CORS allows it, or has no say, and something beside it withholds it.
        """
        if response.status == 0:
            return Outcome.BLOCKED
        verdict = self.verdict_if(exchange_id, response)
        if verdict is None:
            return None
        withheld = any(finding.severity is Severity.BLOCKED for finding in verdict.findings)
        return Outcome.BLOCKED if withheld and verdict.outcome in _LET_THROUGH else verdict.outcome

    def verdict_if(self, exchange_id: str, response: Response) -> Verdict | None:
        """Return what would become of an exchange, had its server sent this response; nothing is remembered of it."""
        record = self.correlator.get(exchange_id)
        if record is None:
            return None
        supposed = replace(record, exchange=replace(record.exchange, response=response, error=None))
        return self._judge(supposed, bare=True)

    def pass_time(self, now: float) -> set[str]:
        """Say what time it is (Unix seconds), whatever was seen; return the ids to judge anew.

        That nothing followed a preflight is told by the clock: another CORS request may never come.
        """
        return self.correlator.pass_time(now)

    def finish(self) -> set[str]:
        """Say that nothing more will come; return the ids to judge anew."""
        return self.correlator.finish()

    def hand_over(self) -> "Session":
        """Forget everything that was seen; return a session that remembers it, and goes on from there."""
        before = copy(self)
        self._begin(Correlator(before.correlator.records.capacity, budget=before.correlator.budget))
        return before

    def _judge(self, record: Record, bare: bool = False) -> Verdict:
        if record.was_never_sent and record.preflight is not None:
            record = self._stopped_by_preflight(record)
        if record.kind is Kind.PREFLIGHT and record.request is not None and not record.requests:
            record = self._refused_for_its_request(record)
        extra = self.neighbours.conditions(record.exchange, record.classification)
        extra += self.neighbours.mixed_content(record)
        if self.settings.audit and not bare:
            extra = [
                *extra,
                *advice_conditions(record, self.credentials, self.echoes),
                *audit_conditions(record, self.credentials, self.trust, self.repeats),
                *neglected_conditions(record, self.credentials, self.cookies),
            ]
        upgraded = self.neighbours.may_be_upgraded(record)
        notes = () if bare else notes_of(record, self.correlator)
        if upgraded:
            notes = (*notes, "Firefox does not check what it has upgraded to https itself, and that looks the same")
        return judge_record(record, Context(self.credentials.assess, self.settings.judge, extra, upgraded, notes))

    def _stopped_by_preflight(self, record: Record) -> Record:
        """Say of a request that was never sent that its preflight is why, where that one does not surely pass."""
        preflight, testimony = self.correlator.get(record.preflight), record.exchange.testimony
        if preflight is None or testimony is None or CredentialsMode.INCLUDE in surviving_modes(preflight):
            return record
        stopped = replace(testimony, blocked_by=preflight.id)
        return replace(record, exchange=replace(record.exchange, testimony=stopped))

    def _refused_for_its_request(self, record: Record) -> Record:
        """Say of a preflight that it was refused, where its request was not sent and it fails with credentials.

        Recorders write no error beside a preflight that was answered: the request behind it has the error.
        """
        testimony, behind = record.exchange.testimony, self.correlator.get(record.request)
        if testimony is None or testimony.outcome is not None or CredentialsMode.INCLUDE in surviving_modes(record):
            return record
        told = None if behind is None or not behind.was_never_sent else behind.exchange.testimony
        if told is None or told.error != REFUSED:
            return record
        refused = replace(testimony, outcome=Told.CORS, error=REFUSED, credentials=told.credentials, certain=False)
        return replace(record, exchange=replace(record.exchange, testimony=refused))

    def _with_causes(self, verdict: Verdict, record: Record, followed: bool) -> Verdict:
        from .causes import causes_of
        from .causes.context import Scene

        owner = verdict.owner or owner_of(record, self.settings.own_hosts)
        scene = Scene(record, self.correlator, self.hosts, self.credentials.pages, self.cookies, owner)
        found = []
        for finding in verdict.findings:
            causes = causes_of(finding, scene)
            found.append(replace(finding, causes=causes) if causes else finding)
            if followed and (finding.severity in _TO_EXPLAIN or finding.id == "response-opaque"):
                self.hosts.explain_later(record)
        return verdict.with_findings(tuple(found)) if any(finding.causes for finding in found) else verdict
