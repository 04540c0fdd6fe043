"""What each host's CORS policy is, as learned from its answers, and what serving the pages that were seen would take.

Plain data, for the report's ``hosts`` and every front end.
"""

from collections import Counter, defaultdict
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

from ..catalogue.violation import Severity
from ..fetch.messages import CredentialsMode, is_ok_status
from ..fetch.methods import is_cors_safelisted_method
from ..fetch.origins import Origin, origin_of, serialize_origin
from ..traffic.host_policies import HostObserver, Sighting, Way, path_of
from ..traffic.repeated_preflights import KEPT, Cost, RepeatObserver
from ..traffic.trusted_origins import Relation, is_loopback, relation
from ..verdict.failure_details import inert
from ..verdict.model import Verdict
from .contradictions import contradictions, listed, methods_of
from .stepwise import result_of

Profile = dict[str, Any]

MOST_HOSTS: Final = 200
_A_STEP: Final = 200
"""Verdicts that are looked at in one step."""

_MOST_PATHS: Final = 50
_MOST_ORIGINS: Final = 30
_MOST_NAMES: Final = 40
_LACKING: Final = "allow-credentials-not-true"
_FAILING: Final = (Severity.BLOCKED, Severity.CONDITIONAL)


def profiles(
    hosts: HostObserver, repeats: RepeatObserver, verdicts: Iterable[Verdict], most: int = MOST_HOSTS
) -> list[Profile]:
    """Return a profile of each host that answered a CORS request, the one asked last first, at most ``most``."""
    return result_of(steps_to_profiles(hosts, repeats, verdicts, most))


def steps_to_profiles(
    hosts: HostObserver, repeats: RepeatObserver, verdicts: Iterable[Verdict], most: int
) -> Generator[None, None, list[Profile]]:
    """Return the same, in steps; ``verdicts`` must not change meanwhile."""
    chosen = [host for host in islice(reversed(hosts.hosts()), most) if hosts.sightings(host)]
    failing: defaultdict[str, list[Verdict]] = defaultdict(list)
    including: set[str] = set()
    known = {host.serialize() for host in chosen}
    for number, verdict in enumerate(verdicts):
        if not number % _A_STEP:
            yield None
        host = serialize_origin(verdict.url)
        if host not in known:
            continue
        if any(finding.severity in _FAILING for finding in verdict.findings):
            failing[host].append(verdict)
        if verdict.credentials.mode == CredentialsMode.INCLUDE.value:
            including.add(host)
    costs: defaultdict[str, defaultdict[str, Cost]] = defaultdict(lambda: defaultdict(Cost))
    for url, _, cost in repeats.costs():
        _add(costs[serialize_origin(url)][path_of(url)], cost)
    made = []
    for each in chosen:
        yield None
        name = each.serialize()
        made.append(_profile(each, hosts.sightings(each), costs[name], failing[name], name in including))
    return made


def _profile(
    host: Origin, sightings: Sequence[Sighting], costs: dict[str, Cost], failing: list[Verdict], includes: bool
) -> Profile:
    actual = [each for each in sightings if not each.answer.is_preflight]
    preflights = [each for each in sightings if each.answer.is_preflight]
    total = Cost()
    for cost in costs.values():
        _add(total, cost)
    granted = _names(method for each in preflights for method in methods_of(each.answer))
    used = _names(each.answer.method for each in sightings)
    return {
        "host": host.serialize(),
        "answers": sum(each.count for each in actual),
        "preflights": sum(each.count for each in preflights),
        "policy": _policy(sightings),
        "origins": _origins(sightings),
        "statuses": _statuses(actual, "") + _statuses(preflights, "preflight "),
        "methods": {
            "asked": used,
            "granted": granted,
            "unused": [name for name in granted if name not in used and name not in ("*", "OPTIONS", "HEAD")],
        },
        "headers": {
            "asked": _names(name for each in preflights for name in each.answer.asked_names),
            "granted": _names(
                name.lower()
                for each in preflights
                for name in listed("Access-Control-Allow-Headers", each.answer.allow_headers)
            ),
            "exposed": _names(
                name.lower()
                for each in actual
                for name in listed("Access-Control-Expose-Headers", each.answer.expose_headers)
            ),
        },
        "max_age": _names(each.answer.max_age or "(none)" for each in preflights),
        "paths": _paths(sightings, costs),
        "cost": _told(total),
        "contradictions": contradictions(sightings),
        "to_serve": _to_serve(sightings, failing, includes),
    }


# --- the policy, in a sentence ------------------------------------------------------------------------------------


def _policy(sightings: Sequence[Sighting]) -> str:
    fine = [each.answer for each in sightings if is_ok_status(each.answer.status)]
    echoed = [answer for answer in fine if answer.way is Way.ECHO]
    trusted = _names(answer.origin for answer in echoed if answer.allow_credentials == "true")
    others = _names(answer.origin for answer in echoed if answer.origin not in trusted)
    told = []
    if any(answer.way is Way.WILDCARD for answer in fine):
        told.append("lets every page in, without credentials")
    for origins, how in ((trusted, "with credentials"), (others, "without credentials")):
        if _unrelated(origins):
            told.append(f"allows pages of unrelated sites, each by its own name, {how}: {_some(origins)}")
        elif origins:
            told.append(f"allows {_some(origins)}, {how}")
    fixed = _names(answer.allow_origin or "(nothing)" for answer in fine if answer.way in (Way.OTHER, Way.SEVERAL))
    if fixed:
        told.append(f"names {_some(fixed)} where another page asks")
    if any(answer.way is Way.NONE for answer in fine):
        told.append("sends some answers without CORS headers" if told else "lets nobody in")
    return "; ".join(told) or "gave no answer of 200 to 299 yet, so its policy is not known"


def _some(values: Sequence[str], most: int = 3) -> str:
    shown = ", ".join(inert(value, 100) for value in values[:most])
    return f"{shown} and {len(values) - most} more" if len(values) > most else shown


def _unrelated(origins: Sequence[str]) -> bool:
    """Say whether a list of allowed pages is unlikely to hold them all, so far as their names tell."""
    known = [origin for origin in map(origin_of, origins) if origin is not None and not is_loopback(origin)]
    return any(relation(one, other) is Relation.UNRELATED for one in known for other in known)


# --- tables -------------------------------------------------------------------------------------------------------


def _origins(sightings: Sequence[Sighting]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for each in sightings:
        answer = each.answer
        row = found.setdefault(
            answer.origin, {"origin": answer.origin, "allowed": 0, "refused": 0, "credentials": False}
        )
        row["allowed" if answer.allows else "refused"] += each.count
        if answer.way is Way.ECHO and answer.allow_credentials == "true":
            row["credentials"] = True
    return list(found.values())[:_MOST_ORIGINS]


def _statuses(sightings: Sequence[Sighting], kind: str) -> list[dict[str, Any]]:
    """How each class of status is answered: ``allow_origin`` counts the ways, ``credentials`` those allowed them."""
    ways: defaultdict[int, Counter[str]] = defaultdict(Counter)
    credentials: Counter[int] = Counter()
    for each in sightings:
        ways[each.answer.status_class][each.answer.way.value] += each.count
        credentials[each.answer.status_class] += each.count * (each.answer.allow_credentials == "true")
    return [
        {
            "status": f"{kind}{number}xx",
            "count": ways[number].total(),
            "allow_origin": dict(ways[number]),
            "credentials": credentials[number],
        }
        for number in sorted(ways)
    ]


def _paths(sightings: Sequence[Sighting], costs: dict[str, Cost]) -> list[dict[str, Any]]:
    """One row a path, those whose preflights cost most first."""
    at: defaultdict[str, list[Sighting]] = defaultdict(list)
    for each in sightings:
        at[each.answer.path].append(each)
    rows: list[dict[str, Any]] = []
    for path, seen in at.items():
        actual = [each for each in seen if not each.answer.is_preflight]
        rows.append(
            {
                "path": path,
                "methods": _names(each.answer.method for each in seen),
                "answers": sum(each.count for each in actual),
                "statuses": sorted({each.answer.status for each in actual}),
                "allow_origin": _names(each.answer.way.value for each in actual or seen),
                "credentials": any(each.answer.allow_credentials == "true" for each in seen),
                "cost": _told(costs.get(path, Cost())),
            }
        )
    rows.sort(key=lambda row: -row["cost"]["avoidable_milliseconds"])
    return rows[:_MOST_PATHS]


def _names(found: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(found))[:_MOST_NAMES]


# --- what preflights cost -----------------------------------------------------------------------------------------


def _add(total: Cost, cost: Cost) -> None:
    total.count += cost.count
    total.seconds += cost.seconds
    total.avoidable += cost.avoidable
    total.avoidable_seconds += cost.avoidable_seconds


def _told(cost: Cost) -> dict[str, Any]:
    """Round trips and milliseconds; avoidable are those that ``Access-Control-Max-Age: max_age`` would have saved."""
    return {
        "preflights": cost.count,
        "milliseconds": round(1000 * cost.seconds),
        "avoidable": cost.avoidable,
        "avoidable_milliseconds": round(1000 * cost.avoidable_seconds),
        "max_age": int(KEPT),
    }


# --- what it would take -------------------------------------------------------------------------------------------


def _to_serve(sightings: Sequence[Sighting], failing: list[Verdict], includes: bool) -> dict[str, Any]:
    """What would let every page that asked do all that it asked for: lists, header lines, and what fails now."""
    preflights = [each.answer for each in sightings if each.answer.is_preflight]
    origins = _names(each.answer.origin for each in sightings if each.answer.origin != "null")
    needed = (each.answer.method for each in sightings)
    methods = _names(name for name in needed if name and not is_cors_safelisted_method(name))
    names = _names(name for answer in preflights for name in answer.asked_names)
    credentials = includes or any(each.answer.with_cookie for each in sightings)
    credentials = credentials or any(finding.id == _LACKING for verdict in failing for finding in verdict.findings)
    return {
        "origins": origins,
        "methods": methods,
        "headers": names,
        "credentials": credentials,
        "lines": list(_lines(origins, methods, names, credentials, bool(preflights))),
        "failing": list(_failing(failing)),
    }


def _lines(
    origins: Sequence[str], methods: Sequence[str], names: Sequence[str], credentials: bool, preflights: bool
) -> Iterator[str]:
    if origins:
        several = len(origins) > 1
        yield f"Access-Control-Allow-Origin: {'(the page that asks, if it is listed)' if several else origins[0]}"
        yield "Vary: Origin"
    elif not credentials:
        # Only pages that have no origin asked.
        yield "Access-Control-Allow-Origin: *"
    if credentials:
        yield "Access-Control-Allow-Credentials: true"
    if methods:
        yield f"Access-Control-Allow-Methods: {', '.join(methods)}"
    if names:
        yield f"Access-Control-Allow-Headers: {', '.join(names)}"
    if preflights:
        yield f"Access-Control-Max-Age: {KEPT:.0f}"


def _failing(verdicts: Iterable[Verdict]) -> Iterator[dict[str, Any]]:
    """What fails now, each kind once: the finding, where, what that request needs, how often, and one flow."""
    rows: dict[tuple[str, str, str], dict[str, Any]] = {}
    for verdict in verdicts:
        for finding in verdict.findings:
            if finding.severity not in _FAILING:
                continue
            path = path_of(verdict.url)
            row = rows.setdefault(
                (finding.id, verdict.method, path),
                {
                    "id": finding.id,
                    "method": verdict.method,
                    "path": path,
                    "needed": finding.needed,
                    "count": 0,
                    "flow": verdict.id,
                },
            )
            row["count"] += 1
    yield from islice(rows.values(), _MOST_PATHS)
