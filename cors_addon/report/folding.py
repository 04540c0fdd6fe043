"""Folds repeats: findings into groups, and the groups and diagnoses of several reports."""

from collections.abc import Iterable
from typing import Any, Final

from ..catalogue.violation import Severity
from ..verdict.model import Finding, Verdict
from .baseline import Baseline
from .grouping import GroupKey, group_key, key_of_group, plain_text
from .ignore import Ignore

MOST_FLOWS: Final = 50
"""How many flow ids a group lists; its count is exact."""

RANK: Final = {severity.value: rank for rank, severity in enumerate(Severity)}

Group = dict[str, Any]


class Groups:
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
        if group is None or RANK[finding.severity.value] < RANK[group["severity"]]:
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


def folded_groups(lists: Iterable[Iterable[Group]]) -> list[Group]:
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
    if RANK[other["severity"]] < RANK[group["severity"]]:
        group.update({name: other[name] for name in ("severity", "message", "needed")})
        ids = [other["flows"][0], *(each for each in ids if each != other["flows"][0])]
    group["flows"] = _together(ids, other["flows"])
    group["count"] += other["count"]


def folded_diagnoses(lists: Iterable[Iterable[dict[str, Any]]]) -> tuple[dict[str, Any], ...]:
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
    return tuple(sorted(found.values(), key=lambda each: (RANK[each["severity"]], each["known"])))


def _more(place: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    requests = place["requests"] + other["requests"]
    return {**place, "requests": requests, "flows": _together(place["flows"], other["flows"])}


def _together(ids: list[str], others: list[str]) -> list[str]:
    return [*ids, *(each for each in others if each not in ids)][:MOST_FLOWS]
