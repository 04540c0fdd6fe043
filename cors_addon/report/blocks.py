"""What there is to mend, one block a mistake: the groups that one cause explains, or of one violation, at one host."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ..catalogue.violation import Severity
from .cures import fix_of
from .model import Group, Report

_RANK: Final = {severity.value: rank for rank, severity in enumerate(Severity)}
_UNSURE: Final = "low"


class Endpoint(NamedTuple):
    """Where a mistake shows: requests of one page to one place. ``times`` says how many, ``flows`` are some of them."""

    method: str
    host: str
    path: str
    origin: str
    times: int
    flows: tuple[str, ...]
    needed: tuple[str, ...]


@dataclass(slots=True)
class Block:
    """One thing to mend.

    ``groups`` are the findings that it concerns, ``id`` and ``message`` those of the one that the browser meets first.
    ``flow`` and ``finding`` are an example of that, empty where the report does not hold that flow any more.
    """

    id: str
    host: str
    severity: str
    known: bool
    message: str
    groups: list[Group] = field(default_factory=list)
    flow: Mapping[str, Any] = field(default_factory=dict)
    finding: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many requests it concerns."""
        return sum(endpoint.times for endpoint in self.endpoints)

    @property
    def endpoints(self) -> list[Endpoint]:
        """Where it shows."""
        found: dict[tuple[str, str, str], Endpoint] = {}
        for group in self.groups:
            key = group["method"], group["path"], group["origin"]
            needed = (str(group["needed"]),) if group["needed"] else ()
            before = found.get(key)
            flows = tuple(group["flows"])
            if before is None:
                found[key] = Endpoint(key[0], self.host, key[1], key[2], group["count"], flows, needed)
            else:
                times = max(before.times, group["count"])
                together = tuple(dict.fromkeys((*before.needed, *needed)))
                found[key] = before._replace(times=times, needed=together)
        return list(found.values())

    @property
    def others(self) -> list[tuple[str, str]]:
        """What else comes of it, in the order in which the browser meets it: messages and violation ids, each once."""
        places = {finding["id"]: place for place, finding in enumerate(self.flow.get("findings", ()))}
        groups = sorted(self.groups, key=lambda group: places.get(group["id"], len(places)))
        return list({str(group["message"]): str(group["id"]) for group in groups if group["id"] != self.id}.items())

    @property
    def fix(self) -> str:
        """What to change, in general words; empty where the cause says it better."""
        return fix_of(self.id, self.finding)[1]

    @property
    def who(self) -> str:
        """Who can mend it."""
        return fix_of(self.id, self.finding)[0]

    @property
    def needed(self) -> tuple[str, ...]:
        """The header lines that would cure it, each once."""
        return tuple(dict.fromkeys(line for endpoint in self.endpoints for line in endpoint.needed))


class Examples:
    """The flow and the finding that show each group at its worst."""

    def __init__(self, report: Report) -> None:
        wanted = {group["flows"][0] for group in (*report.groups, *report.ignored)}
        self._flows = {flow["id"]: flow for flow in report.flows if flow["id"] in wanted}

    def of(self, group: Group) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return a group's flow and finding, as plain data; empty where the report does not hold them."""
        flow = self._flows.get(group["flows"][0], {})
        return flow, next((each for each in flow.get("findings", ()) if each["id"] == group["id"]), {})


def blocks(report: Report) -> list[Block]:
    """Return what to mend: the worst first, of that what is new first, and then what was seen last.

    Findings that one cause explains are one thing to mend, however many headers show it.
    """
    examples = Examples(report)
    found: dict[tuple[str, str, bool], Block] = {}
    for group in report.groups:
        _, finding = examples.of(group)
        key = _mistake(group["id"], finding), group["host"], group["known"]
        block = found.get(key)
        if block is None:
            # Groups come worst first, so the first one speaks for all.
            block = found[key] = Block(
                group["id"], group["host"], group["severity"], group["known"], str(group["message"])
            )
        block.groups.append(group)
    for block in found.values():
        _lead(block, examples)
    return sorted(found.values(), key=lambda block: (_RANK[block.severity], block.known))


def _mistake(violation: str, finding: Mapping[str, Any]) -> str:
    cause = finding.get("cause")
    if not cause:
        return violation
    return f"{violation} {cause['id']}" if cause.get("confidence") == _UNSURE else f"cause {cause['id']}"


def _lead(block: Block, examples: Examples) -> None:
    """Let the finding that the browser meets first speak for the block."""
    first = block.groups[0]
    block.flow, _ = examples.of(first)
    order = [finding["id"] for finding in block.flow.get("findings", ())]
    same = [group for group in block.groups if group["flows"][0] == first["flows"][0] and group["id"] in order]
    lead = min(same, key=lambda group: order.index(group["id"]), default=first)
    block.id, block.message = lead["id"], str(lead["message"])
    _, block.finding = examples.of(lead)


def credentials_of(flow: Mapping[str, Any]) -> str:
    """Return in a line what is known of a flow's credentials mode."""
    view = flow.get("credentials") or {}
    told = "; ".join(str(piece["message"]) for piece in view.get("evidence") or ())
    return told or "nothing tells"
