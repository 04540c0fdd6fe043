"""What the live page needs of the program that it shows."""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

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


@dataclass(frozen=True, slots=True)
class Services:
    """What is shown, and what its buttons do. Each of the latter may raise ``Refused``.

    ``verdicts`` are those remembered, by id, and ``judged`` counts all. ``explain`` returns a verdict with what is
    behind it, ``suggest`` the lines of a rule that would let a blocked flow pass. ``hosts`` gives the profiles of so
    many hosts, those asked last, and how many are known, in steps; ``hosts_state`` is another one whenever they may
    have changed. ``unsent`` gives the requests that a listened-to browser never sent. ``unblock`` writes the rule for a
    flow (its id) and puts it in force, ``undo`` takes the last change of the rules back, and ``place`` names where
    rules are kept.
    """

    verdicts: Mapping[str, Verdict]
    judged: Callable[[], int]
    explain: Callable[[Verdict], Verdict]
    suggest: Callable[[Verdict], Sequence[str]]
    hosts: Callable[[int], Generator[None, None, tuple[Sequence[Mapping[str, Any]], int]]]
    hosts_state: Callable[[], object]
    switches: Switches
    switch_injection: Callable[[bool], None]
    switch_rule: Callable[[str, bool], None]
    probe: Callable[[str], None]
    clear: Callable[[], None]
    unblock: Callable[[str], None]
    undo: Callable[[], None]
    can_undo: Callable[[], bool]
    place: Callable[[], str]
    unsent: Callable[[], Sequence[Mapping[str, Any]]] = tuple
