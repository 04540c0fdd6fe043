"""What a rule makes of an exchange, as plain data, and the way to apply it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import AnyStr, Final, Literal

from ..fetch.headers import HeaderList
from ..fetch.messages import Response
from ..traffic.exchange import ADDON_HEADER

Operation = Literal["set", "add", "remove", "status"]
Edit = tuple[Operation, str, str]
"""Operation, header name, value. Names are in lower case but for one simulation that hangs on their spelling.

``set`` replaces every line of that name by one, ``add`` appends a line, ``remove`` takes all of them out (its value is
empty), ``status`` has the name ``:status`` and the new status as its value.
"""

STATUS: Final = ":status"


@dataclass(frozen=True, slots=True)
class HeaderEdits:
    """What to change in a response before its body is sent. ``dry_run``: show it, and change nothing."""

    rule: str
    edits: tuple[Edit, ...]
    dry_run: bool = False

    def as_data(self) -> list[list[str]]:
        """Return the edits as the report writes them."""
        return [list(edit) for edit in self.edits]


@dataclass(frozen=True, slots=True)
class PreflightAnswer:
    """A response to give without asking the server. It has no body."""

    rule: str
    status: int
    headers: tuple[tuple[str, str], ...]
    dry_run: bool = False

    def as_data(self) -> list[list[str]]:
        """Return the answer as the report writes edits."""
        lines: list[list[str]] = [["status", STATUS, str(self.status)]]
        seen: set[str] = set()
        for name, value in self.headers:
            lines.append(["add" if name in seen else "set", name, value])
            seen.add(name)
        return lines


@dataclass(frozen=True, slots=True)
class Abort:
    """End the connection instead of answering: a failure that is simulated."""

    rule: str
    dry_run: bool = False

    def as_data(self) -> list[list[str]]:
        """An aborted exchange has no edits."""
        return []


Plan = HeaderEdits | PreflightAnswer | Abort


@dataclass(slots=True)
class Editor:
    """Collects the edits that bring a response to what it is to be; what is so already is no edit."""

    response: Response
    edits: list[Edit] = field(default_factory=list)

    def has(self, name: str) -> bool:
        """Say whether the response has a header of that name."""
        return name.lower() in self.response.headers.names()

    def set(self, name: str, *values: str) -> None:
        """Make the response have exactly these lines of that name; none takes the header out."""
        # Most names are new to a response, which its list of names tells for less.
        if (self.response.headers.get_all(name) if self.has(name) else ()) == values:
            return
        if not values:
            self.edits.append(("remove", name, ""))
            return
        self.edits.append(("set", name, values[0]))
        self.edits += [("add", name, value) for value in values[1:]]

    def status(self, status: int) -> None:
        """Make the response have this status."""
        if self.response.status != status:
            self.edits.append(("status", STATUS, str(status)))

    def vary_on_origin(self) -> None:
        """Name ``Origin`` in ``Vary``, beside what the server names; ``*`` covers it."""
        lines = self.response.headers.get_all("vary")
        named = [name.strip(" \t").lower() for line in lines for name in line.split(",")]
        if "origin" in named or "*" in named:
            return
        kept = ", ".join(line.replace("\r", " ").replace("\n", " ") for line in lines if line)
        self.set("vary", f"{kept}, Origin" if kept else "Origin")

    def finish(self, rule: str) -> tuple[Edit, ...]:
        """Return the edits. A changed response says by which rule, and is not kept in the browser's cache."""
        if self.edits:
            self.set("cache-control", "no-store")
            self.set(ADDON_HEADER, header_safe(rule))
        return tuple(self.edits)


def header_safe(text: str) -> str:
    """Write a rule's name so that it can stand in a header: percent-encoded outside of printable ASCII."""
    return "".join(
        char
        if " " <= char <= "~" and char != "%"
        else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "replace"))
        for char in text.strip()
    )


def apply_edits(response: Response, edits: Iterable[Edit]) -> Response:
    """Return the response as it is delivered. Lines that are not edited keep their place and their bytes."""
    edits = tuple(edits)
    statuses = [int(value) for operation, _, value in edits if operation == "status"]
    return Response([response.status, *statuses][-1], HeaderList(edit_lines(response.headers, edits)))


def edit_lines(
    lines: Iterable[tuple[AnyStr, AnyStr]], edits: Iterable[tuple[str, AnyStr, AnyStr]]
) -> list[tuple[AnyStr, AnyStr]]:
    """Return header lines, as text or as raw fields, with the edits made. Each edit goes through the lines once."""
    named = [(name.lower(), (name, value)) for name, value in lines]
    for operation, name, value in edits:
        if operation != "status":
            named = _edit(named, operation, name, value)
    return [line for _, line in named]


def _edit(
    named: list[tuple[AnyStr, tuple[AnyStr, AnyStr]]], operation: str, name: AnyStr, value: AnyStr
) -> list[tuple[AnyStr, tuple[AnyStr, AnyStr]]]:
    lower = name.lower()
    first = next((place for place, each in enumerate(named) if each[0] == lower), len(named))
    if operation != "add" and first < len(named):
        named = [each for each in named if each[0] != lower]
    if operation == "add":
        first = len(named)
    if operation != "remove":
        named.insert(first, (lower, (name, value)))
    return named


def answered(answer: PreflightAnswer) -> Response:
    """Return the response that an answer stands for."""
    return Response(answer.status, HeaderList(answer.headers))
