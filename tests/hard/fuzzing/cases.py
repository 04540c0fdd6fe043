"""One case is one exchange, taken through everything that is made of it; and now and then through the rest."""

from __future__ import annotations

import json
import traceback
from collections import Counter
from typing import Final

from cors_addon.diagnosis.session import Session, Settings
from cors_addon.fetch.checks import PreflightRequest, Success, preflight_check
from cors_addon.fetch.headers import HeaderList, byte_lowercase
from cors_addon.fetch.messages import CredentialsMode, Response
from cors_addon.report.entries import diagnosis_entries
from cors_addon.report.formats import RENDERERS
from cors_addon.report.model import build
from cors_addon.report.terminal_lines import log_line, summary
from cors_addon.rules.decode import read_rules
from cors_addon.rules.inject import plan
from cors_addon.rules.model import RuleSet
from cors_addon.rules.plans import HeaderEdits, PreflightAnswer, answered, apply_edits
from cors_addon.traffic.exchange import Exchange
from cors_addon.traffic.transcript import TranscriptError, parse_transcript
from cors_addon.verdict.model import Judge, Verdict
from tests.fetch import by_the_prose
from tests.hard.fuzzing.generate import Generator
from tests.hard.fuzzing.oracle import objection

SESSION: Final = 250
"""Exchanges that a session lives for."""
RULES: Final = """
version: 1
rules:
  - {name: all, hosts: [api.test, "*.api.test", localhost, 127.0.0.1], allow_origins: any}
  - name: some
    hosts: [api.test, "api.test:8443", cdn.example]
    allow_origins: ["http://app.test", "https://app.test", "http://localhost:*"]
    allow_credentials: true
    preflight: repair
    upstream_headers: fill
    resource_policy: cross-origin
    timing_allow_origin: true
  - {name: kept, hosts: ["*.example"], allow_origins: ["https://app.test"], upstream_headers: keep, preflight: forward}
"""


class Failed(Exception):
    """A case that went wrong; the text has what is needed to see it again."""


class Fuzz:
    """Runs cases from one seed, and counts what it saw."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.cases = 0
        self.seen: Counter[str] = Counter()
        self._generator = Generator(seed)
        self._rules = _rules()
        self._session = Session()
        self._verdicts: list[Verdict] = []

    def run(self, cases: int) -> None:
        """Run some more cases; raises Failed."""
        for _ in range(cases):
            exchange = self._generator.exchange()
            try:
                self._one(exchange)
            except Failed:
                raise
            except Exception:
                raise Failed(f"{self._place(exchange)}\n{traceback.format_exc()}") from None
            self.cases += 1

    def _place(self, exchange: Exchange) -> str:
        return f"seed {self.seed}, case {self.cases}: {exchange}"

    def _one(self, exchange: Exchange) -> None:
        if self.cases % SESSION == 0:
            self._next_session()
        session = self._session
        verdict, changed = session.observe(exchange)
        self.seen["waiting" if verdict is None else verdict.outcome.value] += 1
        if verdict is not None:
            self._check(exchange, verdict)
        for other in changed:
            session.judge(other)
        chance = self._generator.random.random()
        if chance < 0.2:
            self._inject(exchange)
        elif chance < 0.21:
            self._read_something(exchange)

    def _check(self, exchange: Exchange, verdict: Verdict) -> None:
        self._verdicts.append(verdict)
        if verdict.judge is Judge.SPEC:
            wrong = objection(exchange, verdict)
            if wrong is not None:
                raise Failed(f"{self._place(exchange)}\n{wrong}")
            self.seen["by the standard's prose"] += 1
        for finding in verdict.findings:
            self.seen[finding.id] += 1
            if not finding.message.isprintable():
                raise Failed(f"{self._place(exchange)}\nnot printable: {finding.message!r}")

    def _inject(self, exchange: Exchange) -> None:
        made = plan(self._rules, exchange)
        if made is None:
            return
        self.seen["rule matched"] += 1
        if isinstance(made, HeaderEdits) and exchange.response is not None:
            response = apply_edits(exchange.response, made.edits)
        elif isinstance(made, PreflightAnswer):
            response = answered(made)
        else:
            return
        self._session.outcome_if(exchange.id, response)
        self._session.deliver(exchange.id, response, exchange.started + 1)

    def _read_something(self, exchange: Exchange) -> None:
        """Read a damaged transcript, and a damaged rule file."""
        text = self._generator.damaged(f"> GET {exchange.request.url}\n> Origin: x\n< 200\n< A: b".encode("latin-1"))
        try:
            parse_transcript(text.decode("latin-1"))
        except TranscriptError:
            self.seen["transcript refused"] += 1
        if self._generator.random.random() < 0.05:
            read_rules(self._generator.damaged(RULES.encode()))
            self.seen["rule files"] += 1

    def _next_session(self) -> None:
        session = self._session
        for other in session.finish():
            session.judge(other)
        if self.cases % (SESSION * 20) == 0 and self._verdicts:
            self._report()
        self._verdicts.clear()
        judge = self._generator.random.choice((Judge.SPEC, Judge.SPEC, None))
        self._session = Session(Settings(judge), capacity=self._generator.random.choice((5, 50, 500)))

    def _report(self) -> None:
        report = build(self._verdicts)
        for ending, render in RENDERERS.items():
            text = render(report)
            if ending == ".json":
                json.loads(text)
        summary(report)
        for verdict in self._verdicts:
            for diagnosis in diagnosis_entries(verdict):
                if not log_line(diagnosis).text.isprintable():
                    raise Failed(f"seed {self.seed}: a line for the log is not printable: {diagnosis}")
        self.seen["reports"] += len(RENDERERS)


class HeaderFuzz:
    """Runs cases of header bytes alone: each is judged by the package and by the second reading, which must agree."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.cases = 0
        self.seen: Counter[str] = Counter()
        self._generator = Generator(seed, damage=20)

    def run(self, cases: int) -> None:
        """Run some more cases; raises Failed."""
        for _ in range(cases):
            origin, method, names, status, fields = self._generator.answer_of_preflight()
            try:
                wrong = self._one(origin, method, names, status, fields)
            except Exception:
                wrong = traceback.format_exc()
            if wrong is not None:
                asked = f"{origin!r} {method!r} {names!r}, answered {status} {fields!r}"
                raise Failed(f"seed {self.seed}, header case {self.cases}: {asked}\n{wrong}")
            self.cases += 1

    def _one(
        self, origin: bytes, method: str, names: list[str], status: int, fields: list[tuple[bytes, bytes]]
    ) -> str | None:
        response = Response(status, HeaderList.from_bytes(fields))
        asked = PreflightRequest(origin.decode("latin-1"), method, tuple(byte_lowercase(name) for name in names))
        for mode in CredentialsMode:
            found = preflight_check(asked, mode, response)
            expected = by_the_prose.preflight_check(origin, method, names, mode.value, status, fields)
            self.seen[expected] += 1
            step = "success" if isinstance(found, Success) else found.step.value
            if (step == "success") != (expected == "success"):
                return f"{mode.value}: {step}, while the standard gives {expected}"
        return None


def _rules() -> RuleSet:
    reading = read_rules(RULES.encode())
    assert reading.rules is not None, reading.problems
    return reading.rules
