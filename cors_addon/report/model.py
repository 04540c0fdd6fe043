"""From verdicts to what every report shows: one entry a flow, repeats folded into groups, nothing secret."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from ..catalogue.violation import Severity
from ..diagnosis.build import Case, cases_of, diagnose, diagnosis_of, folded
from ..diagnosis.probe_questions import PROBE
from ..verdict.fix_steps import Way
from ..verdict.model import Finding, Outcome, Verdict
from ..verdict.redact import is_suspect, redact, redact_header
from .baseline import Baseline
from .browser_word import told_summary
from .expected import Expected
from .grouping import GroupKey, group_key, key_of_group, plain_text, target_of
from .ignore import Ignore, Ignores

SCHEMA: Final = "cors-addon/report/1"
MOST_FLOWS: Final = 50
"""How many flow ids a group lists; its count is exact."""

_NOT_IGNORED: Final = Ignores()
_NOTHING_KNOWN: Final = Baseline()
_RANK: Final = {severity.value: rank for rank, severity in enumerate(Severity)}

Group = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Report:
    """A report, all of it plain data without secrets.

    ``flows`` are verdicts, in the order of the flows. ``groups`` fold their findings, worst first and among those
    newest first; each names at most ``MOST_FLOWS`` of its flows, first of all one that shows it at its worst, and says
    whether it was ``known`` by a baseline. ``ignored`` are groups that the user does not want to see, each with its
    ``reason``. ``hosts`` are their policies as learned (see ``diagnosis.host_profiles``), ``diagnoses`` what there is
    to fix, the worst first. ``unsent`` are requests of a browser that never reached the proxy.
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

    def with_unsent(self, entries: Iterable[Mapping[str, Any]]) -> "Report":
        """Return a copy with what a browser says that it never sent."""
        return replace(self, unsent=tuple(_plain(dict(entry)) for entry in entries))

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


def _first_sends(diagnosis: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return, of each step, the headers that the response to this very request needs."""
    return [entry for step in diagnosis["plan"] for entry in step["send"][:1]]


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
        entries = _Entries()
        examples = {case.example for case in self.cases}
        explained: dict[str, Verdict] = {}
        flows = []
        for verdict in verdicts:
            if verdict.id in examples:
                explained[verdict.id] = verdict
            flows.append(entries.of(verdict))
        made = folded(diagnosis_of(case, explained[case.example]) for case in self.cases if case.example in explained)
        found = tuple(_plain(each.to_plain()) for each in made)
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
    groups, ignored = _Groups(baseline), _Groups(baseline)
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
    told_by_browsers = told_summary(judged)
    if told_by_browsers is not None:
        summary["told"] = told_by_browsers
    report = _finished(SCHEMA, _now(), summary, (), groups.newest_first(), ignored.newest_first())
    cases = tuple(cases_of(judged, target_of))
    told = groups.told_by | ignored.told_by | {case.example for case in cases}
    return Draft(
        replace(report, hosts=tuple(_plain(dict(host)) for host in hosts)),
        tuple(judged),
        tuple(verdict for verdict in judged if verdict.id in told),
        cases,
    )


def flow_entry(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as one entry of a report's ``flows``: plain data without secrets."""
    return _plain(verdict.to_plain())


class _Entries:
    """Makes entries of many verdicts; what is equal in them is made and cleaned once, and shared."""

    def __init__(self) -> None:
        self._parts: dict[Finding | Way, dict[str, Any]] = {}

    def of(self, verdict: Verdict) -> dict[str, Any]:
        entry = verdict.to_plain(self._part)
        return {key: value if key in _PARTS else _cleaned(value) for key, value in entry.items()}

    def _part(self, part: Finding | Way) -> dict[str, Any]:
        made = self._parts.get(part)
        if made is None:
            made = self._parts[part] = _plain(part.to_plain())
        return made


def diagnosis_entries(verdict: Verdict) -> list[dict[str, Any]]:
    """Return the diagnoses of one explained verdict, as in a report's ``diagnoses``: the failure first."""
    return [_plain(each.to_plain()) for each in diagnose(verdict, target_of)]


def shown_entry(verdict: Verdict) -> dict[str, Any]:
    """Return the same with the flow's diagnoses, for a flow to carry.

    It is cheap: cleaned only where what came over the wire may hold a secret.
    """
    holds_secrets = any(is_suspect(text) and redact(text) != text for text in _from_the_wire(verdict))
    entry = flow_entry(verdict) if holds_secrets else verdict.to_plain()
    diagnoses = diagnosis_entries(verdict)
    return {**entry, "diagnoses": diagnoses} if diagnoses else entry


def _from_the_wire(verdict: Verdict) -> Iterator[str]:
    yield verdict.url
    yield verdict.origin or ""
    yield verdict.reason
    yield from verdict.notes
    for finding in verdict.findings:
        yield finding.message
        for line in finding.evidence:
            shown = line.value or ""
            yield shown if redact_header(line.name, shown) == shown else "="
        for cause in finding.causes:
            yield cause.message
    if verdict.way is not None:
        for ahead in verdict.way.ahead:
            yield ahead.url
    for _, text, _, _ in verdict.credentials.evidence:
        yield text


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
    captures = [_plain(dict(capture)) for capture in captures]
    if captures:
        summary["captures"] = captures
    report = _finished(
        SCHEMA,
        _now(),
        summary,
        tuple(flow for report in reports for flow in report.flows),
        _folded(report.groups for report in reports),
        _folded(report.ignored for report in reports),
    )
    # A host may have changed its mind between two captures, so each tells of its own.
    names = [capture["path"] for capture in captures] if len(captures) == len(reports) > 1 else [""] * len(reports)
    told = zip(names, reports, strict=True)
    return replace(
        report,
        hosts=tuple({**host, "capture": name} if name else host for name, each in told for host in each.hosts),
        diagnoses=_folded_diagnoses(report.diagnoses for report in reports),
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
    groups.sort(key=lambda group: _RANK[group["severity"]])
    ignored.sort(key=lambda group: _RANK[group["severity"]])
    summary["groups"] = len(groups)
    summary["known"] = sum(group["known"] for group in groups)
    summary["ignored"] = sum(group["count"] for group in ignored)
    return Report(schema, generated, summary, flows, tuple(groups), tuple(ignored))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _added(counts: list[Mapping[str, int]], names: list[str]) -> dict[str, int]:
    return {name: sum(each[name] for each in counts) for name in names}


# --- groups -------------------------------------------------------------------------------------------------------


class _Groups:
    """Folds findings as they come."""

    def __init__(self, baseline: Baseline) -> None:
        self._baseline = baseline
        self._groups: dict[GroupKey, Group] = {}
        self._told_by: dict[GroupKey, str] = {}
        self._counted: dict[GroupKey, str] = {}

    @property
    def told_by(self) -> set[str]:
        """The ids of the verdicts that show each group at its worst."""
        return set(self._told_by.values())

    def add(self, verdict: Verdict, finding: Finding, ignore: Ignore | None = None) -> None:
        key = group_key(finding.id, verdict.method, verdict.url, verdict.origin)
        # The one added last is the newest.
        group = self._groups.pop(key, None)
        if group is None or _RANK[finding.severity.value] < _RANK[group["severity"]]:
            self._told_by[key] = verdict.id
            single = self._single(key, verdict, finding)
            if group is None:
                group = single
                if ignore is not None:
                    group["reason"] = ignore.reason
            else:
                _fold(group, single)
                group["count"] -= self._counted.get(key) == verdict.id
        elif self._counted.get(key) != verdict.id:
            group["count"] += 1
            if len(group["flows"]) < MOST_FLOWS:
                group["flows"] = _together(group["flows"], [plain_text(verdict.id)])
        self._groups[key] = group
        # A preflight may lack several names, and is one request all the same.
        self._counted[key] = verdict.id

    def _single(self, key: GroupKey, verdict: Verdict, finding: Finding) -> Group:
        return {
            **key._asdict(),
            "severity": finding.severity.value,
            "message": plain_text(finding.message),
            "needed": None if finding.needed is None else plain_text(finding.needed),
            "count": 1,
            "flows": [plain_text(verdict.id)],
            "known": self._baseline.knows(key),
        }

    def newest_first(self) -> list[Group]:
        return list(reversed(self._groups.values()))


def _folded(lists: Iterable[Iterable[Group]]) -> list[Group]:
    """Fold groups of several reports; each list is newest first, and so is the result."""
    found: dict[GroupKey, Group] = {}
    for groups in lists:
        for group in reversed(list(groups)):
            key = key_of_group(group)
            assert key is not None
            before = found.pop(key, None)
            if before is None:
                before = {**group, "flows": list(group["flows"])}
            else:
                _fold(before, group)
            found[key] = before
    return list(reversed(found.values()))


def _fold(group: Group, other: Group) -> None:
    """Take a newer group of the same key into an older one; what is worse speaks for both."""
    ids = group["flows"]
    if _RANK[other["severity"]] < _RANK[group["severity"]]:
        group.update({name: other[name] for name in ("severity", "message", "needed")})
        ids = [other["flows"][0], *(each for each in ids if each != other["flows"][0])]
    group["flows"] = _together(ids, other["flows"])
    group["count"] += other["count"]


def _folded_diagnoses(lists: Iterable[Iterable[dict[str, Any]]]) -> tuple[dict[str, Any], ...]:
    """Fold diagnoses of several reports that one change fixes; the newest report's come first among equals."""
    found: dict[tuple[str, str, bool], dict[str, Any]] = {}
    for diagnoses in reversed(list(lists)):
        for each in diagnoses:
            key = each["key"], each.get("rule", ""), each["known"]
            before = found.get(key)
            if before is None:
                found[key] = each
                continue
            places = {(place["method"], place["path"], place["origin"]): place for place in before["places"]}
            for place in each["places"]:
                at = place["method"], place["path"], place["origin"]
                known = places.get(at)
                places[at] = place if known is None else _more(known, place)
            found[key] = {
                **before,
                "requests": before["requests"] + each["requests"],
                "flows": list(dict.fromkeys([*before["flows"], *each["flows"]])),
                "endpoints": list(dict.fromkeys([*before["endpoints"], *each["endpoints"]])),
                "places": list(places.values()),
            }
    return tuple(sorted(found.values(), key=lambda each: (_RANK[each["severity"]], each["known"])))


def _more(place: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    requests = place["requests"] + other["requests"]
    return {**place, "requests": requests, "flows": _together(place["flows"], other["flows"])}


def _together(ids: list[str], others: list[str]) -> list[str]:
    return [*ids, *(each for each in others if each not in ids)][:MOST_FLOWS]


# --- plain data without secrets -----------------------------------------------------------------------------------


_PARTS: Final = frozenset({"findings", "way"})
_PLAIN: Final = frozenset({bool, int, float, type(None)})


def _plain(data: dict[str, Any]) -> dict[str, Any]:
    return {
        key: plain_text(value) if type(value) is str else value if type(value) in _PLAIN else _cleaned(value)
        for key, value in data.items()
    }


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return plain_text(value)
    if isinstance(value, dict):
        if value.keys() == {"side", "name", "value"} and value["value"] is not None:
            name, text = plain_text(value["name"]), plain_text(redact_header(value["name"], value["value"]))
            return {"side": value["side"], "name": name, "value": text}
        return _plain(value)
    if isinstance(value, (list, tuple)):
        return [_cleaned(each) for each in value]
    return value
