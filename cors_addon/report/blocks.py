"""What there is to mend, one block a mistake: the groups of one violation at one host, with what speaks for them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ..catalogue import CATALOGUE
from ..catalogue.violation import Severity
from .model import Group, Report

_RANK: Final = {severity.value: rank for rank, severity in enumerate(Severity)}


@dataclass(slots=True)
class Block:
    """One thing to mend.

    ``groups`` are the endpoints that it concerns. ``flow`` and ``finding`` are an example at its worst, empty where the
    report does not hold that flow any more.
    """

    id: str
    host: str
    severity: str
    known: bool
    groups: list[Group] = field(default_factory=list)
    flow: Mapping[str, Any] = field(default_factory=dict)
    finding: Mapping[str, Any] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How often it was found."""
        return sum(int(group["count"]) for group in self.groups)

    @property
    def message(self) -> str:
        return str(self.groups[0]["message"])

    @property
    def fix(self) -> str:
        """What to change, in words."""
        told = (self.finding.get("fix") or {}).get("text")
        return str(told) if told else CATALOGUE[self.id].fix if self.id in CATALOGUE else ""

    @property
    def who(self) -> str:
        """Who can mend it."""
        told = (self.finding.get("fix") or {}).get("who")
        return str(told) if told else CATALOGUE[self.id].owner.value if self.id in CATALOGUE else ""

    @property
    def needed(self) -> tuple[str, ...]:
        """The header lines that would cure it, each once."""
        return tuple(dict.fromkeys(str(group["needed"]) for group in self.groups if group["needed"]))


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
    """Return what to mend: the worst first, of that what is new first, and then what was seen last."""
    found: dict[tuple[str, str, bool], Block] = {}
    for group in report.groups:
        key = group["id"], group["host"], group["known"]
        block = found.get(key)
        if block is None:
            # Groups come worst first, so the first one speaks for all.
            block = found[key] = Block(group["id"], group["host"], group["severity"], group["known"])
        block.groups.append(group)
    examples = Examples(report)
    for block in found.values():
        block.flow, block.finding = examples.of(block.groups[0])
    return sorted(found.values(), key=lambda block: (_RANK[block.severity], block.known))


def credentials_of(flow: Mapping[str, Any]) -> str:
    """Return in a line what is known of a flow's credentials mode."""
    view = flow.get("credentials") or {}
    told = "; ".join(str(piece["message"]) for piece in view.get("evidence") or ())
    return told or "nothing tells"
