"""From verdicts to what every report shows: one entry a flow, repeats folded into groups, nothing secret."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from ..catalogue.violation import Severity
from ..diagnosis.build import Case, cases_of, diagnosis_of, folded
from ..diagnosis.probe_questions import PROBE
from ..diagnosis.server_plans import server_plans
from ..verdict.model import Outcome, Verdict
from .baseline import Baseline
from .browser_word import ToldCounts
from .entries import Entries, plain_entry
from .expected import Expected
from .folding import RANK, Group, Groups, folded_diagnoses, folded_groups
from .grouping import target_of
from .ignore import Ignores

SCHEMA: Final = "cors-addon/report/1"
_NOT_IGNORED: Final = Ignores()
_NOTHING_KNOWN: Final = Baseline()


@dataclass(frozen=True, slots=True)
class Report:
    """A report, all of it plain data without secrets.

    ``flows`` are verdicts, in the order of the flows. ``groups`` fold their findings, worst first and among those
    newest first; each names at most ``MOST_FLOWS`` of its flows, first of all one that shows it at its worst, and says
    whether it was ``known`` by a baseline. ``ignored`` are groups that the user does not want to see, each with its
    ``reason``. ``hosts`` are their policies as learned (see ``diagnosis.host_profiles``), ``diagnoses`` what there is
    to fix, the worst first. ``unsent`` are requests of a browser that never reached the proxy. ``compared`` says that
    the user named a baseline.
    """

    schema: str
    generated: str
    summary: Mapping[str, Any]
    flows: tuple[dict[str, Any], ...]
    groups: tuple[Group, ...]
    ignored: tuple[Group, ...] = ()
    hosts: tuple[dict[str, Any], ...] = ()
    diagnoses: tuple[dict[str, Any], ...] = ()
    unsent: tuple[dict[str, Any], ...] = ()
    compared: bool = False

    def with_unsent(self, entries: Iterable[Mapping[str, Any]]) -> "Report":
        """Return a copy with what a browser says that it never sent."""
        return replace(self, unsent=tuple(plain_entry(dict(entry)) for entry in entries))

    @property
    def servers(self) -> tuple[dict[str, Any], ...]:
        """What each server still has to send, in one configuration; see ``diagnosis.server_plans``."""
        return server_plans(self.diagnoses, self.hosts)

    @property
    def debts(self) -> tuple[dict[str, Any], ...]:
        """What servers still have to send, while rules add it: one entry for each rule, host, method and path.

        ``needed`` are header lines, ``findings`` violation ids. ``asked`` is false where the rule answered each time,
        so that the server's own response is not known.
        """
        return tuple(
            {
                "rule": diagnosis["rule"],
                "host": diagnosis["host"],
                "method": "OPTIONS" if diagnosis["stage"] == "preflight" else place["method"],
                "path": place["path"],
                "asked": diagnosis["outcome"] != Outcome.UNKNOWN.value,
                "findings": [*diagnosis["findings"], *diagnosis["conditions"]],
                "needed": [
                    line for step in diagnosis["plan"] for entry in step["send"][:1] for line in entry["headers"]
                ],
                "count": place["requests"],
            }
            for diagnosis in self.diagnoses
            if diagnosis.get("rule")
            for place in diagnosis["places"]
        )


def build(
    verdicts: Iterable[Verdict],
    dropped: int = 0,
    *,
    not_cors: int = 0,
    ignores: Ignores = _NOT_IGNORED,
    baseline: Baseline = _NOTHING_KNOWN,
    hosts: Iterable[Mapping[str, Any]] = (),
    brief: bool = False,
    explain: Callable[[Verdict], Verdict] = lambda verdict: verdict,
) -> Report:
    """Build a report.

    ``dropped`` counts verdicts that were judged and are no longer kept, ``not_cors`` flows to which no CORS check
    applies and that are not among the verdicts. ``hosts`` are the profiles of the hosts that answered. A ``brief``
    report has, of ``flows``, only those that its groups are told by. ``explain`` is asked for the rest of each of them.
    """
    made = draft(verdicts, dropped, not_cors=not_cors, ignores=ignores, baseline=baseline, hosts=hosts)
    return made.finished(map(explain, made.told if brief else made.judged))


@dataclass(frozen=True, slots=True)
class Draft:
    """A report that lacks its flows: ``judged`` are the verdicts that a whole one has there, ``told`` a brief one's."""

    report: Report
    judged: tuple[Verdict, ...]
    told: tuple[Verdict, ...]
    cases: tuple[Case, ...] = ()

    def finished(self, verdicts: Iterable[Verdict]) -> Report:
        """Return the report with these as its flows: ``judged`` or ``told``, explained."""
        entries = Entries()
        examples = {case.example for case in self.cases}
        explained: dict[str, Verdict] = {}
        flows = []
        for verdict in verdicts:
            if verdict.id in examples:
                explained[verdict.id] = verdict
            flows.append(entries.of(verdict))
        made = folded(diagnosis_of(case, explained[case.example]) for case in self.cases if case.example in explained)
        found = tuple(plain_entry(each.to_plain()) for each in made)
        return replace(self.report, flows=tuple(flows), diagnoses=found)


def draft(
    verdicts: Iterable[Verdict],
    dropped: int = 0,
    *,
    not_cors: int = 0,
    ignores: Ignores = _NOT_IGNORED,
    baseline: Baseline = _NOTHING_KNOWN,
    hosts: Iterable[Mapping[str, Any]] = (),
) -> Draft:
    """Build all of a report but its flows; see ``build``. No explanation is needed for that."""
    verdicts = list(verdicts)
    judged: list[Verdict] = []
    outcomes: Counter[str] = Counter({Outcome.NOT_CORS.value: not_cors})
    severities: Counter[str] = Counter()
    groups, ignored = Groups(baseline), Groups(baseline)
    expected = Expected(ignores, baseline)
    for verdict in verdicts:
        if verdict.kind != PROBE:
            outcomes[verdict.outcome.value] += 1
        for finding, ignore in expected.ignored(verdict):
            ignored.add(verdict, finding, ignore)
        verdict = expected.apply(verdict)
        if verdict.outcome is Outcome.NOT_CORS and not verdict.findings and verdict.delivered is None:
            continue
        judged.append(verdict)
        for finding in verdict.findings:
            severities[finding.severity.value] += 1
            groups.add(verdict, finding)
    summary = {
        "flows": sum(outcomes.values()) + dropped,
        "dropped": dropped,
        "outcomes": {outcome.value: outcomes[outcome.value] for outcome in Outcome},
        "findings": {severity.value: severities[severity.value] for severity in Severity},
    }
    told_by_browsers = ToldCounts(judged).summary()
    if told_by_browsers is not None:
        summary["told"] = told_by_browsers
    report = _finished(SCHEMA, _now(), summary, (), groups.newest_first(), ignored.newest_first())
    cases = tuple(cases_of(judged, target_of))
    told = groups.told_by | ignored.told_by | {case.example for case in cases}
    return Draft(
        replace(report, hosts=tuple(plain_entry(dict(host)) for host in hosts)),
        tuple(judged),
        tuple(verdict for verdict in judged if verdict.id in told),
        cases,
    )


def merge(reports: Iterable[Report], captures: Iterable[Mapping[str, Any]] = ()) -> Report:
    """Put reports together that each speak of other flows, later ones of newer.

    ``captures`` say, for the summary, what was read.
    """
    reports = list(reports)
    summary: dict[str, Any] = {
        "flows": sum(report.summary["flows"] for report in reports),
        "dropped": sum(report.summary["dropped"] for report in reports),
        "outcomes": _added([report.summary["outcomes"] for report in reports], [each.value for each in Outcome]),
        "findings": _added([report.summary["findings"] for report in reports], [each.value for each in Severity]),
    }
    captures = [plain_entry(dict(capture)) for capture in captures]
    if captures:
        summary["captures"] = captures
    report = _finished(
        SCHEMA,
        _now(),
        summary,
        tuple(flow for report in reports for flow in report.flows),
        folded_groups(report.groups for report in reports),
        folded_groups(report.ignored for report in reports),
    )
    # A host may have changed its mind between two captures, so each tells of its own.
    names = [capture["path"] for capture in captures] if len(captures) == len(reports) > 1 else [""] * len(reports)
    told = zip(names, reports, strict=True)
    return replace(
        report,
        hosts=tuple({**host, "capture": name} if name else host for name, each in told for host in each.hosts),
        diagnoses=folded_diagnoses(report.diagnoses for report in reports),
    )


def _finished(
    schema: str,
    generated: str,
    summary: dict[str, Any],
    flows: tuple[dict[str, Any], ...],
    groups: list[Group],
    ignored: list[Group],
) -> Report:
    """Sort the groups, stably, and count them."""
    groups.sort(key=lambda group: RANK[group["severity"]])
    ignored.sort(key=lambda group: RANK[group["severity"]])
    summary["groups"] = len(groups)
    summary["known"] = sum(group["known"] for group in groups)
    summary["ignored"] = sum(group["count"] for group in ignored)
    return Report(schema, generated, summary, flows, tuple(groups), tuple(ignored))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _added(counts: list[Mapping[str, int]], names: list[str]) -> dict[str, int]:
    return {name: sum(each[name] for each in counts) for name in names}
