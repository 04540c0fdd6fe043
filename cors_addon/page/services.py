"""What the live page needs of the program that it shows."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from ..diagnosis.stepwise import Steps
from ..rules.model import RuleSet
from ..verdict.model import Verdict


class Refused(Exception):
    """What the page was asked to do cannot be done; the text says why, for the user."""


class RuleFile(Protocol):
    """The rule file: its path, if there is one, and what is wrong with it now."""

    @property
    def path(self) -> Path | None: ...

    @property
    def trouble(self) -> str: ...

    @property
    def in_memory(self) -> str: ...


class Switches(Protocol):
    """The injection switch with the rules in force. ``seconds_left`` is ``None`` without end, or while it is off."""

    @property
    def is_on(self) -> bool: ...

    @property
    def seconds_left(self) -> float | None: ...

    @property
    def rules(self) -> RuleSet: ...

    @property
    def file(self) -> RuleFile: ...


def digest(lines: Sequence[str]) -> str:
    """Return what stands for the lines of a change that was shown."""
    return sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Services:
    """What is shown, and what its buttons do. Each of the latter may raise ``Refused``.

    ``verdicts`` gives those remembered, by id, and ``judged`` counts all. ``explain`` returns a verdict with what is
    behind it, ``suggest`` the lines of the change of the rule file that would let a blocked flow pass, as a diff, in
    steps; ``suggest_state`` is another one whenever these may be others. ``hosts`` gives the profiles of so many hosts,
    those asked last, and how many are known, in steps; ``hosts_state`` is another one whenever they may have changed.
    ``unsent`` gives the requests that a listened-to browser never sent. ``unblock`` makes that change for a flow (its
    id) and puts the rule in force, unless the change is not the one whose ``digest`` is given; ``undo`` takes the last
    change of the rules back, ``remove`` takes a rule out, ``place`` names where rules are kept. ``verify`` sends the
    request of a flow again and ``verified`` says what came of that. ``fixed`` lists what servers let pass by themselves
    since, each with the rule that nothing needs any more.
    """

    verdicts: Callable[[], Mapping[str, Verdict]]
    judged: Callable[[], int]
    explain: Callable[[Verdict], Verdict]
    suggest: Callable[[Verdict], Steps[Sequence[str]]]
    suggest_state: Callable[[], object]
    hosts: Callable[[int], Generator[None, None, tuple[Sequence[Mapping[str, Any]], int]]]
    hosts_state: Callable[[], object]
    switches: Switches
    switch_injection: Callable[[bool], None]
    switch_rule: Callable[[str, bool], None]
    probe: Callable[[str], None]
    clear: Callable[[], None]
    unblock: Callable[[str, str], Steps[None]]
    undo: Callable[[], None]
    can_undo: Callable[[], bool]
    place: Callable[[], str]
    unsent: Callable[[], Sequence[Mapping[str, Any]]] = tuple
    verify: Callable[[str], None] = lambda flow_id: None
    verified: Callable[[str], str] = lambda flow_id: ""
    fixed: Callable[[], Sequence[tuple[str, str]]] = tuple
    remove: Callable[[str], None] = lambda name: None
